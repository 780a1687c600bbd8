"""The sandbox writes lyrics over kie's contract, with the traps and the price of the service."""

from collections.abc import AsyncIterator

import pytest

from bot.model import TaskId
from bot.music import wire
from bot.music.client import MusicClient
from bot.music.kie import Kie
from bot.sandbox.kie import KieSandbox
from bot.sandbox.lyrics import drafts_of
from bot.sandbox.server import running
from tests.make import Clock

DRAFTS = Kie.capabilities.lyrics
assert DRAFTS is not None


@pytest.fixture
def sandbox() -> KieSandbox:
    return KieSandbox(key="key", delay_s=0.0)


@pytest.fixture
async def music(sandbox: KieSandbox) -> AsyncIterator[MusicClient]:
    async with (
        running(sandbox) as url,
        MusicClient.open(url=url, key="key", contract=Kie(), now=Clock()) as opened,
    ):
        yield opened


async def submitted(music: MusicClient, about: str) -> wire.Submitted:
    assert DRAFTS is not None
    return await music.submit_lyrics(DRAFTS, about)


async def checked(music: MusicClient, task_id: str) -> wire.LyricsChecked:
    assert DRAFTS is not None
    return await music.check_lyrics(DRAFTS, TaskId(task_id))


async def test_lyrics_are_written_and_a_new_task_is_unknown_at_first(music: MusicClient) -> None:
    accepted = await submitted(music, "rain on the roof")
    assert isinstance(accepted, wire.Accepted)

    answers = [await checked(music, accepted.task_id) for _ in range(2)]

    first = drafts_of("rain on the roof")[0]
    assert [wire.NotFound(), wire.Written(str(first["text"]), "Rain On The Roof", 0.4)] == answers


async def test_each_request_for_lyrics_costs_a_fraction(music: MusicClient) -> None:
    before = await music.balance()
    await submitted(music, "rain")

    after = await music.balance()

    assert before is not None
    assert after is not None
    assert 0.4 == round(before - after, 1)


@pytest.mark.parametrize("about", ["", " ", "x" * 201])
async def test_a_prompt_that_is_empty_or_too_long_is_refused(music: MusicClient, about: str) -> None:
    assert isinstance(await submitted(music, about), wire.Rejected)


@pytest.mark.parametrize(
    ("about", "kind"),
    [
        ("[busy]", wire.Busy),
        ("[lost answer]", wire.Unknown),
        ("[server error]", wire.Unknown),
        ("[code 433]", wire.Rejected),
        ("[moderated]", wire.Rejected),
    ],
)
async def test_faults_of_lyrics_are_those_of_songs(
    music: MusicClient, about: str, kind: type[object]
) -> None:
    assert kind is type(await submitted(music, about))


async def test_the_oldest_lyrics_are_forgotten(sandbox: KieSandbox, music: MusicClient) -> None:
    sandbox.tasks_max = 1
    first = await submitted(music, "one")
    await submitted(music, "two")

    assert isinstance(first, wire.Accepted)
    assert wire.NotFound() == await checked(music, first.task_id)
    assert (1, 2) == (len(sandbox.lyrics_tasks), sandbox.lyrics_created)
