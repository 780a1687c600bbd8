"""Lyrics written by the music service, from the button or option to the song, also after a restart."""

from collections.abc import AsyncIterator
from pathlib import Path

import attrs
import discord
import pytest
import simcord

from bot.model import Backend
from bot.playground.world import World
from bot.sandbox.faults import FaultKind, InjectedFault
from bot.sandbox.kie import KieSandbox
from bot.store import lyrics_calls
from tests.faults.simulated import assert_books_balance
from tests.flows.seen import buttons, posted

TYPED = {"title": "Neon Rain", "style": "synthwave", "lyrics": "", "vocals": "with_vocals"}
WRITE, FORM = "Write lyrics for me", "Open the form"


@pytest.fixture
async def world(
    tmp_path: Path,
    tiny_songs: None,  # noqa: ARG001 - it is set up
    database_url: str | None,
) -> AsyncIterator[World]:
    async with World.open(
        tmp_path, delay_s=0.0, pace=0.001, contract=Backend.KIE, lyrics=True, database_url=database_url
    ) as opened:
        yield opened


def sandbox(world: World) -> KieSandbox:
    assert isinstance(world.sandbox, KieSandbox)
    return world.sandbox


def fields(result: simcord.InteractionResult) -> dict[str, object]:
    """Return the initial values of the fields in the opened form."""
    assert result.modal is not None
    components = [label["component"] for label in result.modal["components"]]
    return {field["custom_id"]: field.get("value") for field in components}


def answer(result: simcord.InteractionResult) -> discord.Message:
    """Return the bot's message that answers an interaction."""
    return result.followups[-1] if result.followups else result.response.message  # type: ignore[return-value, union-attr] # it is there


def text(result: simcord.InteractionResult) -> str:
    return answer(result).content


async def states(world: World) -> list[tuple[str, float | None]]:
    rows = await world.parts.database.read(
        lambda tx: tx.execute("SELECT state, upstream_credits FROM lyrics_call ORDER BY asked_at").fetchall()
    )
    return [(row["state"], row["upstream_credits"]) for row in rows]


async def refused_form(world: World, member: simcord.MemberActor) -> discord.Message:
    """Submit a form without lyrics and return its refusal."""
    form = await member.slash(world.channel, "music custom")
    return answer(await member.submit_modal(form, TYPED))


async def test_a_refused_form_offers_lyrics_which_are_filled_into_it(world: World) -> None:
    mia = world.add_member("Mia")
    refused = await refused_form(world, mia)
    await world.restart()

    written = await mia.click(refused, label=WRITE)
    before = list(world.sandbox.requests)
    form = await mia.click(answer(written), label=FORM)
    lyrics = str(fields(form)["lyrics"])
    await mia.submit_modal(form, TYPED | {"lyrics": lyrics.replace("[Verse 1]", "[Verse one]")})
    await posted(world)

    assert ["Edit and try again", WRITE] == [one.label for one in buttons(refused)]
    assert written.ephemeral
    assert text(written).startswith("Here are your lyrics.")
    assert lyrics in text(written)
    assert ("Neon Rain", "synthwave", []) == (fields(form)["title"], fields(form)["style"], before)
    assert ["Neon Rain. synthwave"] == sandbox(world).lyrics_requests
    assert "[Verse one]" in str(world.sandbox.requests[0]["lyrics"])
    assert [("done", 0.4)] == await states(world)
    await assert_books_balance(world)


async def test_an_option_sets_the_subject_of_the_lyrics(world: World) -> None:
    mia = world.add_member("Mia")

    written = await mia.slash(
        world.channel, "music custom", write_lyrics="the lighthouse keeper", duration=42, model="V6_MINI"
    )
    await world.restart()
    form = await mia.click(answer(written), label=FORM)
    await mia.submit_modal(form, TYPED | {"lyrics": fields(form)["lyrics"]})
    await posted(world)

    assert "The Lighthouse Keeper" == fields(form)["title"]
    assert ["the lighthouse keeper"] == sandbox(world).lyrics_requests
    body = world.sandbox.requests[0]
    assert ("V6_MINI", 42) == (body["model"], body["options"]["duration"])  # type: ignore[index]


async def options_of_custom(world: World) -> list[str]:
    commands = await world.parts.client.tree.fetch_commands()
    (music,) = [command for command in commands if command.name == "music"]
    (custom,) = [one for one in music.options if one.name == "custom"]
    return [option.name for option in custom.options]  # type: ignore[union-attr]


async def test_lyrics_are_not_written_unless_the_operator_enables_it(world: World) -> None:
    mia = world.add_member("Mia")
    before = await refused_form(world, mia)
    offered = await options_of_custom(world)
    world.settings = attrs.evolve(world.settings, music_lyrics=False)
    await world.restart()

    stale = await mia.click(before, label=WRITE)
    refused = await refused_form(world, mia)

    assert "write_lyrics" in offered
    assert text(stale).startswith("That button, form or option no longer works.")
    assert ["Edit and try again"] == [one.label for one in buttons(refused)]
    assert [] == sandbox(world).lyrics_requests


@pytest.mark.parametrize(
    ("title", "says", "state"),
    [
        ("[code 500]", "The music service gave no clear answer, so I won't ask again by myself.", "unknown"),
        ("[lost answer]", "The music service gave no clear answer", "unknown"),
        ("[server error]", "The music service gave no clear answer", "unknown"),
        ("[moderated]", "That contains something the music service", "refused"),
        ("[code 531]", "The music service didn't accept that as a subject", "refused"),
        ("[busy]", "The music service is too busy for lyrics at the moment.", "refused"),
        ("[fail]", "The music service couldn't write lyrics this time.", "failed"),
    ],
)
async def test_a_fault_yields_a_sentence_and_the_form_and_one_request(
    world: World, title: str, says: str, state: str
) -> None:
    mia = world.add_member("Mia")
    form = await mia.slash(world.channel, "music custom")
    refused = answer(await mia.submit_modal(form, TYPED | {"title": title}))

    failed = await mia.click(refused, label=WRITE)
    await world.restart()
    again = await mia.click(answer(failed), label=FORM)

    assert failed.ephemeral
    assert text(failed).startswith(says)
    assert (title, "synthwave") == (fields(again)["title"], fields(again)["style"])
    assert [(state, None)] == await states(world)
    assert 1 == len(sandbox(world).lyrics_requests)
    await assert_books_balance(world)


async def test_the_keys_limit_closes_the_service_for_songs_too(world: World) -> None:
    mia = world.add_member("Mia")

    refused = await mia.slash(world.channel, "music custom", write_lyrics="rain [code 433]")
    song = await mia.slash(world.channel, "music create", prompt="rain")
    again = await mia.slash(world.channel, "music custom", write_lyrics="rain")

    said_once = {text(one).partition("<t:")[0] for one in (refused, song, again)}
    assert ["rain [code 433]"] == sandbox(world).lyrics_requests
    assert [] == world.sandbox.requests
    assert b"rain [code 433]" in await answer(refused).attachments[0].read()
    assert {"The bot's account at the music service is empty."} == {one[:48] for one in said_once}


async def test_late_lyrics_arrive_after_a_restart_and_are_paid_for_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.services.lyrics.POLLS_MAX", 2)
    mia = world.add_member("Mia")
    refused = await refused_form(world, mia)
    world.sandbox.delay_s = 1.0
    world.sandbox.faults.append(InjectedFault(FaultKind.SLOW))

    late = await mia.click(refused, label=WRITE)
    await world.restart()
    world.sandbox.delay_s = 0.0
    written = await mia.click(refused, label=WRITE)

    assert text(late).startswith("The lyrics are taking longer than usual.")
    assert text(written).startswith("Here are your lyrics.")
    assert (1, [("done", 0.4)]) == (sandbox(world).lyrics_created, await states(world))


async def test_no_lyrics_are_written_about_a_refused_word(world: World) -> None:
    boss = world.add_member("Boss", manager=True)
    await boss.slash(world.channel, "quota words", add="polka")

    refused = await boss.slash(world.channel, "music custom", write_lyrics="Polka all night")

    assert text(refused).startswith("Songs in this server can't contain “polka”.")
    assert ([], []) == (sandbox(world).lyrics_requests, await states(world))


async def test_lyrics_per_member_and_hour_are_limited(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lyrics_calls, "CALLS_MAX", 1)
    mia, noah = world.add_member("Mia"), world.add_member("Noah")

    answers = [
        await member.slash(world.channel, "music custom", write_lyrics="rain") for member in (mia, mia, noah)
    ]

    assert ["Here are", "You have", "Here are"] == [text(one)[:8] for one in answers]
    assert 2 == sandbox(world).lyrics_created


@pytest.mark.parametrize(
    ("why", "says"),
    [
        ("total", "All servers together have used up this month's credits."),
        ("pool", "A song costs 10 credits, and this server has 0 left."),
        ("pause", "New songs are paused in this server"),
    ],
)
async def test_members_who_may_not_request_songs_get_no_lyrics(world: World, why: str, says: str) -> None:
    boss = world.add_member("Boss", manager=True)
    match why:
        case "total":
            world.settings = attrs.evolve(world.settings, total_credits_max=0)
            await world.restart()
        case "pool":
            await boss.slash(world.channel, "quota set", credits=0)
        case _:
            await boss.slash(world.channel, "quota pause", reason="late")

    refused = await boss.slash(world.channel, "music custom", write_lyrics="rain")

    assert text(refused).startswith(says)
    assert [] == sandbox(world).lyrics_requests


async def test_a_request_counts_in_the_total_of_all_servers(world: World) -> None:
    world.settings = attrs.evolve(world.settings, total_credits_max=11)
    await world.restart()
    mia = world.add_member("Mia")

    for _ in range(2):
        await mia.slash(world.channel, "music custom", write_lyrics="rain")
    refused = await mia.slash(world.channel, "music create", prompt="rain")

    assert text(refused).startswith("All servers together have used up this month's credits.")
    assert [] == world.sandbox.requests


async def test_a_remix_still_depends_on_its_original_author(world: World) -> None:
    mia, noah = world.add_member("Mia"), world.add_member("Noah")
    form = await mia.slash(world.channel, "music custom")
    await mia.submit_modal(form, TYPED | {"lyrics": "Mine alone"})
    song = (await posted(world))[0]

    form = await noah.click(song, label="Remix (10 credits)")
    refused = answer(await noah.submit_modal(form, TYPED))
    written = await noah.click(refused, label=WRITE)
    form = await noah.click(answer(written), label=FORM)
    asked = await mia.slash(world.channel, "privacy delete")
    await mia.click(answer(asked), label="Delete everything about me")
    late = await noah.submit_modal(form, TYPED | {"lyrics": str(fields(form)["lyrics"])})

    assert text(late).startswith("The text of that song is no longer kept.")


async def test_a_deletion_unlinks_the_member_and_keeps_the_count(world: World) -> None:
    mia = world.add_member("Mia")
    await mia.slash(world.channel, "music custom", write_lyrics="rain")
    asked = await mia.slash(world.channel, "privacy delete")

    await mia.click(answer(asked), label="Delete everything about me")

    left = await world.parts.database.read(
        lambda tx: tx.execute("SELECT interaction_id < 0, task_id FROM lyrics_call").fetchall()
    )
    drafts = await world.parts.database.read(lambda tx: tx.execute("SELECT 1 FROM draft").fetchall())
    assert ([(1, None)], []) == ([tuple(row) for row in left], drafts)
    assert [("done", 0.4)] == await states(world)
