"""Members view, export and delete their data, on the simulated Discord."""

import json

import pytest
import simcord

from bot.music.spool import Spool
from bot.pipeline.erasure import Erasure
from bot.playground.world import World
from bot.store.reconcile import reconcile
from tests import make
from tests.flows.seen import button, keep_service_busy, posted, said
from tests.unit.store.deleted_bytes import all_bytes

WORDS = {
    "title": "Kestrel Lullaby",
    "style": "quokka polka",
    "lyrics": "zanzibar moonbeam",
    "vocals": "with_vocals",
}


async def song(world: World, member: simcord.MemberActor) -> None:
    form = await member.slash(world.channel, "music custom")
    await member.submit_modal(form, WORDS)


async def erased(member: simcord.MemberActor, world: World) -> simcord.InteractionResult:
    """Let the member delete their data, and scrub the database as maintenance does next."""
    asked = await member.slash(world.channel, "privacy delete")
    await world.restart()
    assert asked.response is not None
    answer = await member.click(asked.response.message, label="Delete everything about me")
    await Erasure(world.parts.database, Spool(world.settings.spool_dir), now=make.Clock()).scrub()
    return answer


async def test_view_shows_what_is_stored_and_why(world: World) -> None:
    mia = world.add_member("Mia")
    await song(world, mia)
    await posted(world)

    shown = await mia.slash(world.channel, "privacy view")

    assert shown.ephemeral
    assert "What you typed for 1 song" in said(shown)
    assert "Deleted 90 days after" in said(shown)
    assert "Contact" in said(shown)


async def test_export_is_a_private_file_of_everything(world: World) -> None:
    mia = world.add_member("Mia")
    await song(world, mia)
    await posted(world)

    answer = await mia.slash(world.channel, "privacy export")

    assert answer.response is not None
    assert answer.ephemeral
    (file,) = answer.response.attachments
    taken = json.loads(await file.read())
    assert "zanzibar moonbeam" in json.dumps(taken)
    assert str(mia.id) in json.dumps(taken)


async def test_deleting_asks_first_and_leaves_only_the_books(world: World) -> None:
    mia, noah = world.add_member("Mia"), world.add_member("Noah")
    await song(world, mia)
    (message,) = await posted(world)
    form = await noah.click(message, label="Remix (10 credits)")
    await noah.submit_modal(form, WORDS | {"style": "gamelan"})
    remix = (await posted(world, 2))[-1]

    answer = await erased(mia, world)
    kept = all_bytes(world.parts.database)

    assert "Deleted." in said(answer)
    assert [] == [text for text in ("Kestrel", "quokka", "zanzibar", "Mia") if text.encode() in kept]
    assert b"gamelan" in kept
    assert mia.id.to_bytes(8) not in kept
    assert 2 == len(list(world.settings.spool_dir.iterdir()))
    assert () == (await world.parts.database.read(reconcile)).findings
    pressed = await noah.click(remix, custom_id=button(remix, "words").custom_id)
    assert "The text of that song is no longer kept." == said(pressed)


async def test_a_remix_form_left_open_stores_nothing_and_returns_its_texts(
    world: World,
) -> None:
    mia, noah = world.add_member("Mia"), world.add_member("Noah")
    await song(world, mia)
    (message,) = await posted(world)
    form = await noah.click(message, label="Remix (10 credits)")
    await erased(mia, world)

    refused = await noah.submit_modal(form, WORDS | {"style": "gamelan"})

    assert refused.response is not None
    assert "The text of that song is no longer kept. Nothing was charged." == said(refused)
    assert b"gamelan" in await refused.response.attachments[0].read()
    assert b"zanzibar" not in all_bytes(world.parts.database)


async def test_a_song_in_progress_is_finished_first(world: World) -> None:
    mia = world.add_member("Mia")
    keep_service_busy(world)
    await mia.slash(world.channel, "music create", prompt="quokka polka")

    answer = await erased(mia, world)
    refused = await mia.slash(world.channel, "music create", prompt="another")
    world.sandbox.faults.clear()
    await posted(world)

    assert "after 1 song in progress" in said(answer)
    assert said(refused).startswith("Your data is being deleted")
    assert 1 == world.sandbox.tasks_created


async def test_usage_and_limits_outlive_a_deletion(world: World) -> None:
    ada, mia = world.add_member("Ada", manager=True), world.add_member("Mia")
    await ada.slash(world.channel, "quota member", user=mia, credits=20)
    await song(world, mia)
    await posted(world)

    await erased(mia, world)
    left = await mia.slash(world.channel, "music credits")

    assert "**10 credits** left" in said(left)
    assert "10 of your 20 credits a month are used or held" in said(left)


@pytest.mark.parametrize("command", ["view", "export", "delete"])
async def test_someone_without_data_is_informed_and_not_recorded(world: World, command: str) -> None:
    mia = world.add_member("Mia")

    answer = await (
        erased(mia, world) if command == "delete" else mia.slash(world.channel, f"privacy {command}")
    )

    assert answer.response is not None
    assert mia.id.to_bytes(8) not in all_bytes(world.parts.database)
