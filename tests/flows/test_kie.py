"""Options and messages for members where kie.ai makes the songs."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import attrs
import pytest
import simcord
from aiohttp import web

from bot.model import Backend
from bot.playground.world import World
from bot.sandbox.kie import KieSandbox
from bot.sandbox.tasks import Task
from bot.store import jobs
from tests.flows.seen import posted, said

CUSTOM = {"title": "Neon Rain", "style": "synthwave", "lyrics": "City lights", "vocals": "with_vocals"}


@pytest.fixture
async def kie(
    tmp_path: Path,
    tiny_songs: None,  # noqa: ARG001 - it is set up
    database_url: str | None,
) -> AsyncIterator[World]:
    async with World.open(
        tmp_path, delay_s=0.0, pace=0.005, contract=Backend.KIE, database_url=database_url
    ) as opened:
        yield opened


async def options_of(world: World, name: str) -> list[str]:
    """Return the options of a members' command."""
    commands = await world.parts.client.tree.fetch_commands()
    (music,) = [command for command in commands if command.name == "music"]
    (command,) = [one for one in music.options if one.name == name]
    return [option.name for option in command.options]  # type: ignore[union-attr]


def options(world: World) -> list[dict[str, object]]:
    """Return the options received by the music service."""
    return [cast("dict[str, object]", body.get("options", {})) for body in world.sandbox.requests]


def durations(world: World) -> list[object]:
    """Return the durations requested from the music service."""
    return [chosen.get("duration") for chosen in options(world)]


async def edit(member: simcord.MemberActor, refused: simcord.InteractionResult) -> simcord.InteractionResult:
    """Reopen the form from a refusal."""
    assert refused.response is not None
    return await member.click(refused.response.message, label="Edit and try again")


async def test_a_length_survives_the_form_drafts_again_and_remix(kie: World) -> None:
    mia = kie.add_member("Mia")
    form = await mia.slash(kie.channel, "music custom", duration=42)
    refused = await mia.submit_modal(form, CUSTOM | {"lyrics": ""})
    await kie.restart()
    await mia.submit_modal(await edit(mia, refused), CUSTOM)
    message = (await posted(kie))[0]

    await mia.click(message, label="Again (10 credits)")
    await posted(kie, 2)
    form = await mia.click(message, label="Remix (10 credits)")
    refused = await mia.submit_modal(form, CUSTOM | {"lyrics": ""})
    await mia.submit_modal(await edit(mia, refused), CUSTOM | {"style": "polka"})
    await posted(kie, 3)

    assert [42] * 3 == durations(kie)
    assert "about 0:42" in str(message.embeds[0].footer.text)


async def test_without_a_length_the_usual_one_is_requested(kie: World) -> None:
    mia = kie.add_member("Mia")
    form = await mia.slash(kie.channel, "music custom")
    await mia.submit_modal(form, CUSTOM)
    await posted(kie)

    assert [180] == durations(kie)


async def test_a_length_is_offered_only_for_custom_songs(kie: World) -> None:
    assert ["model", "duration"] == await options_of(kie, "custom")
    assert "duration" not in await options_of(kie, "create")


async def test_a_length_stands_next_to_the_extras(kie: World) -> None:
    kie.settings = attrs.evolve(kie.settings, music_extras=True)
    await kie.restart()
    mia = kie.add_member("Mia")

    form = await mia.slash(kie.channel, "music custom", avoid="drums", voice="female", duration=42)
    await mia.submit_modal(form, CUSTOM)
    await posted(kie)

    assert [{"duration": 42, "negativeTags": "drums", "vocalGender": "f"}] == options(kie)
    assert ["model", "avoid", "voice", "duration"] == await options_of(kie, "custom")


async def test_a_model_without_a_length_refuses_one(kie: World) -> None:
    kie.settings = attrs.evolve(kie.settings, music_models=("V6", "V5"))
    await kie.restart()
    mia = kie.add_member("Mia")

    refused = await mia.slash(kie.channel, "music custom", model="V5", duration=42)

    assert "You can choose the length only for custom songs with one of these models: V6." == said(refused)


NO_LENGTH = "You can't choose the length of a song at the moment. Leave it out and try again."


@pytest.mark.parametrize("label", ["Again (10 credits)", "Remix (10 credits)"])
async def test_a_length_no_longer_supported_is_reported_before_payment(kie: World, label: str) -> None:
    mia = kie.add_member("Mia")
    form = await mia.slash(kie.channel, "music custom", duration=42)
    await mia.submit_modal(form, CUSTOM)
    message = (await posted(kie))[0]
    kie.settings = attrs.evolve(kie.settings, music_models=("V5",))
    await kie.restart()

    refused = await mia.click(message, label=label)

    assert said(refused).startswith(NO_LENGTH)
    assert ([42], True) == (durations(kie), refused.ephemeral)
    await mia.submit_modal(await edit(mia, refused), CUSTOM)
    await posted(kie, 2)
    assert [42, None] == durations(kie)
    assert ["model"] == await options_of(kie, "custom")


async def test_a_form_open_during_the_switch_names_unsupported_options(kie: World) -> None:
    kie.settings = attrs.evolve(kie.settings, music_extras=True)
    await kie.restart()
    mia = kie.add_member("Mia")
    form = await mia.slash(kie.channel, "music custom", avoid="drums", voice="female", duration=42)
    kie.settings = attrs.evolve(kie.settings, music_extras=False)
    await kie.restart()

    refused = await mia.submit_modal(form, CUSTOM)

    assert said(refused).startswith(
        "You can't choose what to leave out and the voice for this song at the moment."
    )
    assert [] == durations(kie)
    await mia.submit_modal(await edit(mia, refused), CUSTOM)
    await posted(kie)
    assert [{"duration": 42}] == options(kie)


async def test_the_message_shows_the_services_details_of_the_song(
    kie: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = KieSandbox._result

    def result(self: KieSandbox, request: web.Request, task: Task) -> dict[str, object]:
        answer = answered(self, request, task)
        for song, duration in zip(
            cast("list[dict[str, object]]", answer["data"]), (181.6, 59.2), strict=True
        ):
            song |= {"title": "Rain *on* Glass", "duration": duration}
        return answer

    monkeypatch.setattr(KieSandbox, "_result", result)

    await kie.add_member("Mia").slash(kie.channel, "music create", prompt="a song about rain")
    message = (await posted(kie))[0]

    embed = message.embeds[0]
    assert r"🎶 Rain \*on\* Glass" == embed.title
    assert str(embed.description).startswith("> a song about rain\n**Take 1** 3:02 · **Take 2** 0:59\n\n")
    assert ["rain-on-glass-1.mp3", "rain-on-glass-2.mp3"] == [one.filename for one in message.attachments]


async def test_each_track_keeps_the_services_own_id(kie: World) -> None:
    await kie.add_member("Mia").slash(kie.channel, "music create", prompt="rain")
    await posted(kie)
    await kie.restart()
    (task_id,) = kie.sandbox.tasks

    (job_id,) = await kie.parts.database.read(lambda tx: tx.execute("SELECT id FROM job").fetchone())
    job = await kie.parts.database.read(lambda tx: jobs.get(tx, job_id))

    assert job is not None
    details = [job.details_of(track) for track in job.tracks]
    assert [f"{task_id}-1", f"{task_id}-2"] == [take.upstream_id for take in details if take is not None]
