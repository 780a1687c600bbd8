"""The buttons under songs and cards, on the simulated Discord, also after a restart."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import attrs
import discord
import pytest
import simcord

from bot.playground.world import World
from tests.flows.seen import (
    WAIT_S,
    button,
    buttons,
    card_says,
    choose,
    keep_service_busy,
    menu,
    posted,
    said,
    sent_back,
    until,
)

CUSTOM = {"title": "Neon Rain", "style": "synthwave", "lyrics": "City lights", "vocals": "with_vocals"}


@pytest.fixture
async def with_extras(
    tmp_path: Path,
    tiny_songs: None,  # noqa: ARG001 - it is set up
    database_url: str | None,
) -> AsyncIterator[World]:
    async with World.open(
        tmp_path, delay_s=0.0, pace=0.005, extras=True, database_url=database_url
    ) as opened:
        yield opened


async def custom_song(world: World, member: simcord.MemberActor, **changes: object) -> discord.Message:
    """Request a song with the form and return its message."""
    form = await member.slash(world.channel, "music custom")
    await member.submit_modal(form, CUSTOM | changes)
    return (await posted(world))[0]


async def held(world: World, member: simcord.MemberActor) -> int:
    """Return the number of songs that the member has paid for or holds credits for."""
    return await world.parts.database.read(
        lambda tx: tx.execute(
            """SELECT COUNT(*) FROM ledger JOIN member ON member.id = member_id
               WHERE kind = 'hold' AND discord_id = ?""",
            (member.id,),
        ).fetchone()[0]
    )


def values(result: simcord.InteractionResult) -> dict[str, object]:
    """Return the initial values of the fields in the opened form."""
    assert result.modal is not None
    fields = [label["component"] for label in result.modal["components"]]
    return {field["custom_id"]: field.get("value") for field in fields}


# -- under a song


async def test_a_song_has_few_buttons_the_obvious_first_and_a_menu(world: World) -> None:
    message = await custom_song(world, world.add_member("Mia"))

    assert ["Again (10 credits)", "Remix (10 credits)", "Lyrics", "👍", "👎"] == [
        one.label for one in buttons(message)
    ]
    assert ["Send to me", "Delete"] == list(menu(message))


async def test_a_song_from_a_prompt_has_a_prompt_and_no_lyrics(world: World) -> None:
    mia = world.add_member("Mia")
    await mia.slash(world.channel, "music create", prompt="slow rain")
    (message,) = await posted(world)

    shown = await choose(mia, message, "Prompt")

    assert "Lyrics" not in [one.label for one in buttons(message)]
    assert ("```\nslow rain\n```", True) == (said(shown), shown.ephemeral)


async def test_again_makes_another_song(world: World) -> None:
    mia = world.add_member("Mia")
    await mia.slash(world.channel, "music create", prompt="slow rain")
    (message,) = await posted(world)

    card = await mia.click(message, label="Again (10 credits)")
    await posted(world, 2)

    hashes = await world.parts.database.read(lambda tx: tx.execute("SELECT sha256 FROM track").fetchall())
    assert 4 == len({row["sha256"] for row in hashes})
    assert card.response is not None
    assert card.response.content.startswith(f"🎵 **slow rain** for {mia.mention} · ")


async def test_anybody_repeats_a_song_on_their_own_credits_after_a_restart(world: World) -> None:
    mia, noah = world.add_member("Mia"), world.add_member("Noah")
    message = await custom_song(world, mia)
    await world.restart()

    pressed = await noah.click(message, label="Again (10 credits)")
    again = (await posted(world, 2))[-1]

    assert not pressed.ephemeral
    assert [noah.id] == again.raw_mentions
    assert [1, 1] == [await held(world, mia), await held(world, noah)]
    assert world.sandbox.requests[0] == world.sandbox.requests[1]


async def test_again_pressed_twice_pays_once_while_the_song_is_being_made(world: World) -> None:
    mia = world.add_member("Mia")
    await mia.slash(world.channel, "music create", prompt="slow rain")
    (message,) = await posted(world)
    world.sandbox.delay_s = 30.0

    pressed = [await mia.click(message, label="Again (10 credits)") for _ in range(2)]

    assert [False, True] == [shown.ephemeral for shown in pressed]
    assert said(pressed[1]).startswith("You already have that song in progress.")
    assert 2 == await held(world, mia)


async def test_a_changed_price_is_confirmed_first(world: World) -> None:
    mia = world.add_member("Mia")
    message = await custom_song(world, mia)
    world.settings = attrs.evolve(world.settings, song_credits=12)
    await world.restart()

    asked = await mia.click(message, label="Again (10 credits)")
    before = await held(world, mia)
    assert asked.response is not None
    await mia.click(asked.response.message, label="Yes, for 12 credits")
    again = (await posted(world, 2))[-1]

    assert asked.ephemeral
    question = "A song costs 12 credits now, not 10 credits as the button says. Make it anyway?"
    assert question == said(asked)
    assert [1, 2] == [before, await held(world, mia)]
    assert "Again (12 credits)" in [one.label for one in buttons(again)]


async def test_a_remix_opens_the_form_with_the_words_of_the_song(world: World) -> None:
    mia, noah = world.add_member("Mia"), world.add_member("Noah")
    message = await custom_song(world, mia)
    await world.restart()

    form = await noah.click(message, label="Remix (10 credits)")
    await world.restart()
    await noah.submit_modal(form, CUSTOM | {"style": "polka"})
    await posted(world, 2)

    assert {"title": "Neon Rain", "style": "synthwave", "lyrics": "City lights"} == {
        name: values(form)[name] for name in ("title", "style", "lyrics")
    }
    assert ["synthwave", "polka"] == [body["style"] for body in world.sandbox.requests]
    assert {"polka"} == await texts_of(world, noah)


async def texts_of(world: World, member: simcord.MemberActor) -> set[str]:
    """Return the texts stored for this member."""
    rows = await world.parts.database.read(
        lambda tx: tx.execute(
            "SELECT value FROM text JOIN member ON member.id = author_id WHERE discord_id = ?", (member.id,)
        ).fetchall()
    )
    return {row["value"] for row in rows}


async def test_a_remix_of_a_prompt_song_is_the_prompt(world: World) -> None:
    mia = world.add_member("Mia")
    await mia.slash(world.channel, "music create", prompt="Warm synth pop")
    (message,) = await posted(world)

    form = await mia.click(message, label="Remix (10 credits)")
    await mia.submit_modal(form, {"prompt": "Cold synth pop", "vocals": "instrumental"})
    await posted(world, 2)

    assert "Warm synth pop" == values(form)["prompt"]
    assert ("Cold synth pop", True) == (
        world.sandbox.requests[1]["prompt"],
        world.sandbox.requests[1]["instrumental"],
    )


async def test_lyrics_too_long_for_the_form_survive_a_remix_and_its_refusal(world: World) -> None:
    mia = world.add_member("Mia")
    lyrics = "la " * 1_600
    message = await custom_song(world, mia, lyrics="", lyrics_file=[("words.txt", lyrics.encode())])

    form = await mia.click(message, label="Remix (10 credits)")
    refused = await mia.submit_modal(form, CUSTOM | {"lyrics": "", "title": " "})
    await world.restart()
    assert refused.response is not None
    form = await mia.click(refused.response.message, label="Edit and try again")
    await mia.submit_modal(form, CUSTOM | {"lyrics": "", "title": "Longer"})
    await posted(world, 2)

    assert ("Longer", lyrics.strip()) == (
        world.sandbox.requests[1]["title"],
        world.sandbox.requests[1]["lyrics"],
    )


@pytest.mark.parametrize("who", ["Mia", "a moderator"])
async def test_a_song_is_deleted_by_its_requester_or_a_moderator(world: World, who: str) -> None:
    mia = world.add_member("Mia")
    permissions = discord.Permissions(manage_messages=True)
    role = world.guild.create_role("Moderator", permissions=permissions)
    moderator = world.guild.add_member(world.env.create_user("moderator"), roles=[role])
    message = await custom_song(world, mia)
    await card_says(world, "Listen")
    await world.restart()

    pressed = await choose((mia if who == "Mia" else moderator), message, "Delete")
    card = await until(world, lambda: [one for one in cards(world) if "Listen" not in one])

    assert ["Deleted here. `/music get` can post it again as long as the song is kept."] == [
        one.content for one in pressed.followups if one.ephemeral
    ]
    assert message.id not in [one.id for one in world.channel.history()]
    assert card[0].endswith("· Done")


def cards(world: World) -> list[str]:
    """Return the text line of each card."""
    return [one.content for one in world.channel.history() if one.content.startswith("🎵")]


async def test_a_song_is_not_deleted_by_others(world: World) -> None:
    mia, noah = world.add_member("Mia"), world.add_member("Noah")
    message = await custom_song(world, mia)

    refused = await choose(noah, message, "Delete")

    assert refused.ephemeral
    assert "Only the member who requested that song can do that. Nothing was changed." == said(refused)
    assert message.id in [one.id for one in world.channel.history()]


# -- on the card


async def queued_card(world: World, member: simcord.MemberActor) -> discord.Message:
    """Return the card of a song waiting for a busy service."""
    keep_service_busy(world)
    result = await member.slash(world.channel, "music create", prompt="anything")
    await sent_back(world)
    assert result.response is not None
    return result.response.message


async def canceled(member: simcord.MemberActor, card: discord.Message) -> simcord.InteractionResult:
    """Press Cancel, again if the service is just being asked once more."""
    async with asyncio.timeout(WAIT_S):
        while True:
            pressed = await member.click(card, label="Cancel")
            if "too late" not in said(pressed):
                return pressed


async def test_a_queued_song_is_canceled_and_its_credits_are_back(world: World) -> None:
    mia = world.add_member("Mia")
    card = await queued_card(world, mia)

    pressed = await canceled(mia, card)
    shown = await card_says(world, "Cancelled")

    assert pressed.ephemeral
    assert "Cancelled. Your 10 credits are back." == said(pressed)
    assert shown.content.endswith("· Cancelled · 10 credits given back")
    assert "100 credits" in said(await mia.slash(world.channel, "music credits"))
    assert [] == world.channel.history()[0].components


async def test_a_queued_song_is_not_canceled_by_others(world: World) -> None:
    mia, noah = world.add_member("Mia"), world.add_member("Noah")
    card = await queued_card(world, mia)

    refused = await noah.click(card, label="Cancel")

    assert said(refused).startswith("Only the member who requested that song")
    world.sandbox.faults.clear()
    await posted(world)


async def test_texts_of_a_failed_request_can_be_edited_and_resubmitted(world: World) -> None:
    mia = world.add_member("Mia")
    await mia.slash(world.channel, "music create", prompt="a lullaby [moderated]")
    (notice,) = await posted(world)
    await world.restart()

    form = await mia.click(notice, label="Edit and try again")
    await mia.submit_modal(form, {"prompt": "a lullaby", "vocals": "with_vocals"})
    song = (await posted(world, 2))[-1]

    assert ["Edit and try again", "Try again", "Prompt"] == [one.label for one in buttons(notice)]
    assert "a lullaby [moderated]" == values(form)["prompt"]
    assert 2 == len(song.attachments)


async def test_texts_of_a_canceled_request_are_returned(world: World) -> None:
    mia = world.add_member("Mia")
    card = await queued_card(world, mia)

    pressed = await canceled(mia, card)
    assert pressed.response is not None
    form = await mia.click(pressed.response.message, label="Edit and try again")

    assert "anything" == values(form)["prompt"]


async def test_a_retry_asks_first_if_the_price_has_changed(world: World) -> None:
    mia = world.add_member("Mia")
    await mia.slash(world.channel, "music create", prompt="anything [fail]")
    (notice,) = await posted(world)
    world.settings = attrs.evolve(world.settings, song_credits=12)
    await world.restart()

    asked = await mia.click(notice, label="Try again")

    question = "A song costs 12 credits now, not 10 credits as before. Make it anyway?"
    assert question == said(asked)
    assert 1 == await held(world, mia)


# -- the model's extras


async def test_exclusions_and_voice_survive_the_form_again_and_remix(with_extras: World) -> None:
    world = with_extras
    mia = world.add_member("Mia")
    form = await mia.slash(world.channel, "music custom", avoid="drums", voice="female")
    refused = await mia.submit_modal(form, CUSTOM | {"lyrics": ""})
    await world.restart()
    assert refused.response is not None
    form = await mia.click(refused.response.message, label="Edit and try again")
    await mia.submit_modal(form, CUSTOM)
    message = (await posted(world))[0]

    await mia.click(message, label="Again (10 credits)")
    await posted(world, 2)
    form = await mia.click(message, label="Remix (10 credits)")
    await mia.submit_modal(form, CUSTOM | {"style": "polka"})
    await posted(world, 3)

    assert [{"negativeTags": "drums", "vocalGender": "f"}] * 3 == [
        body["options"] for body in world.sandbox.requests
    ]


async def test_a_prompt_song_accepts_exclusions(with_extras: World) -> None:
    mia = with_extras.add_member("Mia")

    await mia.slash(with_extras.channel, "music create", prompt="rain", avoid="drums")
    await posted(with_extras)

    assert [{"negativeTags": "drums"}] == [body["options"] for body in with_extras.sandbox.requests]


async def test_extras_are_off_unless_the_operator_enables_them(world: World) -> None:
    commands = await world.parts.client.tree.fetch_commands()
    (music,) = [command for command in commands if command.name == "music"]
    options = {one.name: [option.name for option in one.options] for one in music.options}  # type: ignore[union-attr]

    assert (["prompt", "instrumental", "model"], ["model"]) == (options["create"], options["custom"])


# -- words that are gone


@pytest.mark.parametrize("name", ["again", "remix", "words"])
async def test_a_button_reports_when_texts_are_no_longer_stored(world: World, name: str) -> None:
    mia = world.add_member("Mia")
    message = await custom_song(world, mia)
    await world.parts.database.write(lambda tx: tx.execute("DELETE FROM text"))

    pressed = await mia.click(message, custom_id=button(message, name).custom_id)

    charged = " Nothing was charged." if name == "again" else ""
    assert f"The text of that song is no longer kept.{charged}" == said(pressed)
    assert pressed.ephemeral
