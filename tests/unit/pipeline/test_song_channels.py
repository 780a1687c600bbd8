"""Songs posted in a separate channel, and their announcements: each once, and never lost."""

import pytest
from msgspec.structs import replace

from bot.balance import ChangedBy
from bot.model import ChannelId, DiscordUserId, Job, JobState, Origin
from bot.pipeline.courier import MessageKind
from bot.refusals import WrongChannel
from bot.services.server_rules import ServerRules
from bot.store import erasure, jobs
from bot.store.changes import SongChannels
from tests import make
from tests.unit.pipeline.rig import Rig

STAGE, NEWS, THREAD = ChannelId(make.CHANNEL + 50), ChannelId(make.CHANNEL + 60), make.CHANNEL + 70
DONE = JobState.DELIVERED
ADMIN = ChangedBy(actor_id=DiscordUserId(123))


async def set_channels(rig: Rig, channels: SongChannels) -> None:
    await ServerRules(rig.database, now=rig.clock).set_channels(make.GUILD, lambda _: channels, ADMIN)


async def song(rig: Rig, origin: Origin | None = None, *states: JobState) -> Job:
    job = await rig.ask(origin=origin)
    await rig.until(job, *(states or (DONE,)))
    return job


def places(rig: Rig) -> list[int]:
    return [post.channel_id for post in rig.chat.of(MessageKind.SONG)]


@pytest.fixture
async def staged(rig: Rig) -> Rig:
    """A server whose songs are posted on a stage and announced in the news."""
    await set_channels(rig, SongChannels(results=STAGE, announced=NEWS))
    return rig


async def test_a_song_goes_to_its_channel(staged: Rig) -> None:
    job = await staged.get(await song(staged))

    assert [STAGE] == places(staged)
    assert job.delivery is not None
    assert STAGE == job.delivery.channel_id


@pytest.mark.parametrize(
    ("closed", "place"),
    [
        ({STAGE}, make.CHANNEL),
        ({STAGE, make.CHANNEL}, make.CHANNEL + 1),
        ({STAGE, make.CHANNEL, make.CHANNEL + 1}, make.MEMBER + 500_000),
    ],
)
async def test_a_song_falls_back_to_its_request_channel_then_to_the_member(
    closed: set[int], place: int, staged: Rig
) -> None:
    staged.chat.closed_channels = closed
    origin = replace(make.origin(), parent_channel_id=make.CHANNEL + 1, thread_of=make.CHANNEL + 1)

    await song(staged, origin)

    assert [place] == places(staged)


async def test_a_failure_is_explained_where_the_song_was_requested(staged: Rig) -> None:
    job = await staged.ask()
    await staged.round()
    staged.task.status = "failed"

    await staged.until(job, JobState.EXPLAINED)

    assert [make.CHANNEL] == [post.channel_id for post in staged.chat.of(MessageKind.NOTICE)]


async def test_a_send_with_a_lost_answer_is_not_repeated_elsewhere(staged: Rig) -> None:
    staged.chat.on_send = ["lost"]
    staged.chat.nonces_kept = False
    job = await staged.ask()
    await staged.until(job, JobState.DELIVERING)
    staged.clock.forward(seconds=200)

    await staged.until(job, DONE)

    assert [STAGE] == places(staged)


async def test_a_restored_song_is_found_in_either_channel(staged: Rig) -> None:
    staged.chat.closed_channels = {STAGE}
    job = await song(staged)
    staged.chat.closed_channels = set()
    await staged.database.write(lambda tx: jobs.mark_restored(tx, job.id, staged.clock()))
    await staged.database.write(
        lambda tx: tx.execute("UPDATE job SET state = 'stored', due_at = 0, message_id = NULL")
    )

    await staged.until(job, DONE)

    assert [make.CHANNEL] == places(staged)


async def test_a_request_in_a_private_thread_stays_there(staged: Rig) -> None:
    await song(staged, replace(make.origin(), channel_id=THREAD, thread_of=make.CHANNEL))
    await staged.settle_down()

    assert [THREAD] == places(staged)
    assert [] == staged.chat.announcements


async def test_a_song_keeps_the_channel_set_when_it_was_accepted(staged: Rig) -> None:
    job = await staged.ask()
    await set_channels(staged, SongChannels())

    await staged.until(job, DONE)

    assert [STAGE] == places(staged)


async def test_a_song_is_announced_once(staged: Rig) -> None:
    job = await song(staged)
    await staged.settle_down()

    assert [(job.id, NEWS)] == staged.chat.announcements


async def test_an_announcement_is_only_repeated_while_its_nonce_is_known(staged: Rig) -> None:
    staged.chat.on_announcement = ["lost"] * 100
    await song(staged)
    await staged.settle_down()
    sends = len(staged.chat.announcements)
    await staged.settle_down()

    assert 2 <= sends <= 13  # every 5 s for a minute, during which Discord drops a repeated nonce
    assert sends == len(staged.chat.announcements)


@pytest.mark.parametrize("channels", [SongChannels(), SongChannels(announced=make.CHANNEL)])
async def test_nothing_is_announced_if_unwanted_or_in_its_own_channel(
    channels: SongChannels, rig: Rig
) -> None:
    await set_channels(rig, channels)
    await song(rig)
    await rig.settle_down()

    assert [] == rig.chat.announcements


async def test_a_song_sent_directly_is_not_announced(staged: Rig) -> None:
    staged.chat.closed_channels = {STAGE, make.CHANNEL}
    await song(staged)
    await staged.settle_down()

    assert [] == staged.chat.announcements


async def test_an_erased_song_is_not_announced(staged: Rig) -> None:
    staged.chat.closed_channels = {NEWS}
    job = await song(staged)
    await staged.database.write(lambda tx: erasure.blank(tx, [job.id]))
    staged.chat.closed_channels = set()
    await staged.settle_down()

    assert [] == staged.chat.announcements
    assert 0 == await staged.database.read(
        lambda tx: tx.execute("SELECT COUNT(*) FROM announcement").fetchone()[0]
    )


async def test_a_request_elsewhere_is_refused_and_holds_nothing(rig: Rig) -> None:
    await set_channels(rig, SongChannels(asked=(STAGE,)))

    with pytest.raises(WrongChannel) as refused:
        await rig.ask()
    await song(rig, replace(make.origin(interaction_id=77), channel_id=THREAD, thread_of=STAGE))

    assert (STAGE,) == refused.value.channel_ids
    assert {"hold": 1, "settle": 1, "set": 1} == await rig.books()
