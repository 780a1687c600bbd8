"""The doubles of Discord refuse the same things, however they are reached."""

import dataclasses

import pytest

from bot.model import Delivery, MessageId
from bot.pipeline.courier import AlreadyPosted, MessageKind, NoAccess
from bot.ui.discord_errors import MEANINGS, Meaning
from tests import make
from tests.doubles.discord.books import Access, check_may_post, check_visible, posted_before
from tests.doubles.discord.in_process import Chat, OutgoingMessage
from tests.doubles.discord.refusals import Refusal, Why

POST = OutgoingMessage(MessageId(1), 42, MessageKind.SONG, make.CHANNEL, "nonce", 2, created_at_s=10.0)


@pytest.mark.parametrize(
    ("access", "expected"),
    [
        (Access(), None),
        (Access(exists=False), Why.UNKNOWN_CHANNEL),
        (Access(sees=False), Why.MISSING_ACCESS),
        (Access(sends=False), Why.MISSING_PERMISSIONS),
        (Access(attaches=False), Why.MISSING_PERMISSIONS),
        (Access(embeds=False), Why.MISSING_PERMISSIONS),
        (Access(reads_history=False), Why.NO_HISTORY_FOR_REPLY),
        (Access(locked=True), Why.LOCKED_THREAD),
        (Access(locked=True, archived=True), Why.ARCHIVED_THREAD),
        (Access(archived=True), None),
        (Access(takes_direct_messages=False), Why.NO_DIRECT_MESSAGES),
    ],
)
def test_each_lack_of_access_has_its_refusal(access: Access, expected: Why | None) -> None:
    why = None
    try:
        check_visible(access)
        check_may_post(access, files=True, embeds=True, reply=True)
    except Refusal as refusal:
        why = refusal.why

    assert expected is why


@pytest.mark.parametrize(
    ("place", "nonce", "now_s", "expected"),
    [
        (make.CHANNEL, "nonce", 70.0, POST),
        (make.CHANNEL, "nonce", 70.1, None),
        (make.CHANNEL, "another", 10.0, None),
        (make.CHANNEL + 1, "nonce", 10.0, None),
    ],
)
def test_a_nonce_is_unique_in_its_place_until_its_window_ends(
    place: int, nonce: str, now_s: float, expected: OutgoingMessage | None
) -> None:
    assert expected is posted_before([POST], place, nonce, now_s=now_s, window_s=60.0)


def test_a_deleted_message_keeps_its_nonce() -> None:
    deleted = dataclasses.replace(POST, deleted=True)

    with pytest.raises(Refusal) as refused:
        posted_before([deleted], make.CHANNEL, "nonce", now_s=10.0, window_s=60.0)

    assert Why.UNKNOWN_MESSAGE is refused.value.why


@pytest.mark.parametrize("why", [Why.MISSING_ACCESS, Why.NO_DIRECT_MESSAGES, Why.UNKNOWN_MESSAGE])
async def test_the_chat_raises_the_real_couriers_exception_for_a_code(why: Why) -> None:
    chat, job = Chat(), make.job()
    if why is Why.NO_DIRECT_MESSAGES:
        chat.closed_members = {make.CHANNEL - chat.direct_offset}
    chat.on_send = [{Why.MISSING_ACCESS: "closed", Why.UNKNOWN_MESSAGE: "deleted"}.get(why, "")]
    expected = AlreadyPosted if MEANINGS[why.code] is Meaning.MESSAGE else NoAccess

    with pytest.raises(expected) as refused:
        await chat.post_notice(
            job, Delivery(channel_id=make.CHANNEL, direct=False, started_at=make.NOW), "nonce"
        )

    assert why.message == str(refused.value)
