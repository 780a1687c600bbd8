from datetime import datetime, timedelta

import pytest

from bot.database.sqlite import Tx
from bot.model import Backend, ClosedCause, DiscordUserId, Job
from bot.store import breaker
from tests import make
from tests.make import NOW

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


A, B, C = (DiscordUserId(id_) for id_ in (1, 2, 3))


def unknown(tx: Tx, now: datetime, member: DiscordUserId = A, text: str | None = None) -> bool:
    """Record an unknown outcome of a member's request, by default with a text that is theirs alone."""
    return breaker.unknown(tx, Backend.SSEEDANCE, asked(member, text), now)


def not_open(tx: Tx, now: datetime, member: DiscordUserId = A, text: str | None = None) -> bool:
    return breaker.not_open(tx, Backend.SSEEDANCE, asked(member, text), now)


def asked(member: DiscordUserId, text: str | None) -> Job:
    return make.job(
        origin=make.origin(member_id=member), request=make.prompt(f"by {member}" if text is None else text)
    )


def wait(tx: Tx, now: datetime) -> timedelta:
    """Return how long requests remain stopped, without sending one."""
    retry_at = breaker.read(tx, Backend.SSEEDANCE).retry_at
    return timedelta() if retry_at is None else retry_at - now


def probe(tx: Tx) -> datetime:
    """Return when the next probe may be sent."""
    at = breaker.read(tx, Backend.SSEEDANCE).retry_at
    assert at is not None
    assert breaker.admit(tx, Backend.SSEEDANCE, at - SECOND) is not None
    assert breaker.admit(tx, Backend.SSEEDANCE, at) is None
    return at


def open_the_breaker(tx: Tx) -> None:
    for member in (A, B, A):
        unknown(tx, NOW, member)


def test_requests_may_go_through_at_first(tx: Tx) -> None:
    assert [None] * 20 == [breaker.admit(tx, Backend.SSEEDANCE, NOW) for _ in range(20)]


# -- closed


@pytest.mark.parametrize("cause", ClosedCause)
def test_a_closed_answer_stops_requests_for_a_quarter_of_an_hour(tx: Tx, cause: ClosedCause) -> None:
    breaker.block(tx, Backend.SSEEDANCE, cause, NOW)

    assert cause is breaker.read(tx, Backend.SSEEDANCE).closed
    assert NOW + 15 * MINUTE == breaker.admit(tx, Backend.SSEEDANCE, NOW)
    assert NOW + 15 * MINUTE == breaker.admit(tx, Backend.SSEEDANCE, NOW + 15 * MINUTE - SECOND)
    assert None is breaker.admit(tx, Backend.SSEEDANCE, NOW + 15 * MINUTE)


def test_the_wait_after_closed_probes_doubles_from_15_to_60_minutes(tx: Tx) -> None:
    waits, now = [], NOW
    breaker.block(tx, Backend.SSEEDANCE, ClosedCause.NOT_OPEN, now)
    for _ in range(5):
        waits.append(wait(tx, now) / MINUTE)
        now = probe(tx) + 10 * SECOND
        breaker.block(tx, Backend.SSEEDANCE, ClosedCause.NOT_OPEN, now)

    assert [15, 30, 60, 60, 60] == waits


def test_the_service_may_stay_closed_for_a_month(tx: Tx) -> None:
    breaker.block(tx, Backend.SSEEDANCE, ClosedCause.NOT_OPEN, NOW)
    for _ in range(24 * 30):
        now = probe(tx)
        breaker.block(tx, Backend.SSEEDANCE, ClosedCause.NOT_OPEN, now)

    assert 60 * MINUTE == wait(tx, now)


def test_closed_answers_to_concurrent_requests_count_once(tx: Tx) -> None:
    news = [breaker.block(tx, Backend.SSEEDANCE, ClosedCause.NO_CREDITS, NOW + n * SECOND) for n in range(4)]

    assert [True, False, False, False] == news
    assert 15 * MINUTE == wait(tx, NOW + 3 * SECOND)


def test_a_closed_answer_is_news_once_until_its_cause_changes(tx: Tx) -> None:
    first = breaker.block(tx, Backend.SSEEDANCE, ClosedCause.NOT_OPEN, NOW)
    again = breaker.block(tx, Backend.SSEEDANCE, ClosedCause.NOT_OPEN, probe(tx))
    other = breaker.block(tx, Backend.SSEEDANCE, ClosedCause.NO_CREDITS, probe(tx))
    breaker.reset(tx, Backend.SSEEDANCE)
    after = breaker.block(tx, Backend.SSEEDANCE, ClosedCause.NO_CREDITS, NOW)

    assert [True, False, True, True] == [first, again, other, after]
    assert 15 * MINUTE == wait(tx, NOW)


def test_an_unclear_answer_does_not_end_a_closure(tx: Tx) -> None:
    breaker.block(tx, Backend.SSEEDANCE, ClosedCause.NO_CREDITS, NOW)

    opened = unknown(tx, NOW + SECOND)

    assert not opened
    assert ClosedCause.NO_CREDITS is breaker.read(tx, Backend.SSEEDANCE).closed
    assert breaker.admit(tx, Backend.SSEEDANCE, NOW + 14 * MINUTE) is not None
    assert not breaker.block(tx, Backend.SSEEDANCE, ClosedCause.NO_CREDITS, NOW + 2 * SECOND)


def test_a_probe_with_an_unclear_answer_leaves_the_breaker_open(tx: Tx) -> None:
    breaker.block(tx, Backend.SSEEDANCE, ClosedCause.NOT_OPEN, NOW)
    now = probe(tx) + MINUTE

    unknown(tx, now)

    assert ClosedCause.NOT_OPEN is breaker.read(tx, Backend.SSEEDANCE).closed
    assert 30 * MINUTE == wait(tx, now)


# -- the breaker


def test_three_unclear_answers_in_a_row_open_the_breaker_for_a_minute(tx: Tx) -> None:
    opened, entered = [], []
    for member in (A, B, C):
        entered.append(breaker.admit(tx, Backend.SSEEDANCE, NOW))
        opened.append(unknown(tx, NOW, member))

    assert [None, None, None] == entered
    assert [False, False, True] == opened
    assert NOW + MINUTE == breaker.admit(tx, Backend.SSEEDANCE, NOW)
    assert None is breaker.read(tx, Backend.SSEEDANCE).closed


def test_a_clear_answer_in_between_restarts_the_count(tx: Tx) -> None:
    for member in (A, B):
        unknown(tx, NOW, member)
    breaker.reset(tx, Backend.SSEEDANCE)
    for member in (A, B):
        unknown(tx, NOW, member)

    assert None is breaker.admit(tx, Backend.SSEEDANCE, NOW)
    assert 2 == breaker.read(tx, Backend.SSEEDANCE).unknown_in_a_row


def test_the_wait_after_unclear_probes_doubles_from_1_to_15_minutes(tx: Tx) -> None:
    open_the_breaker(tx)
    waits, news, now = [wait(tx, NOW) / MINUTE], [], NOW
    for _ in range(6):
        now = probe(tx) + 30 * SECOND
        news.append(unknown(tx, now))
        waits.append(wait(tx, now) / MINUTE)

    assert [1, 2, 4, 8, 15, 15, 15] == waits
    assert not any(news)


def test_the_breaker_may_stay_open_for_a_week(tx: Tx) -> None:
    open_the_breaker(tx)
    for _ in range(4 * 24 * 7):
        now = probe(tx)
        unknown(tx, now)

    assert 15 * MINUTE == wait(tx, now)


def test_unclear_answers_to_concurrent_requests_do_not_double_the_wait(tx: Tx) -> None:
    open_the_breaker(tx)

    opened = unknown(tx, NOW + SECOND)

    assert not opened
    assert MINUTE == wait(tx, NOW + SECOND)


def test_a_closed_answer_to_the_breakers_probe_closes_the_service(tx: Tx) -> None:
    open_the_breaker(tx)
    now = probe(tx)

    assert breaker.block(tx, Backend.SSEEDANCE, ClosedCause.NOT_OPEN, now)
    assert 15 * MINUTE == wait(tx, now)
    assert 0 == breaker.read(tx, Backend.SSEEDANCE).unknown_in_a_row


# -- one member, or all


def test_one_member_cannot_open_the_breaker_with_any_requests(tx: Tx) -> None:
    opened = [unknown(tx, NOW, A, f"text {n}") for n in range(100)]

    assert [False] * 100 == opened
    assert None is breaker.admit(tx, Backend.SSEEDANCE, NOW)


def test_the_same_texts_of_many_members_do_not_open_the_breaker(tx: Tx) -> None:
    opened = [unknown(tx, NOW, DiscordUserId(n), "cursed") for n in range(1, 101)]

    assert [False] * 100 == opened
    assert None is breaker.admit(tx, Backend.SSEEDANCE, NOW)
    assert breaker.SUSPECTS_MAX == len(breaker.read(tx, Backend.SSEEDANCE).suspects)


def test_another_member_with_another_text_opens_the_breaker(tx: Tx) -> None:
    for _ in range(100):
        unknown(tx, NOW, A, "cursed")
    same = unknown(tx, NOW, B, "cursed")
    other = unknown(tx, NOW, B, "another")

    assert [False, True] == [same, other]
    assert NOW + MINUTE == breaker.admit(tx, Backend.SSEEDANCE, NOW)


def test_a_clear_answer_removes_the_suspicion(tx: Tx) -> None:
    for _ in range(3):
        unknown(tx, NOW, A)
        not_open(tx, NOW, A)
    breaker.reset(tx, Backend.SSEEDANCE)

    assert [False] * 2 == [unknown(tx, NOW, B), not_open(tx, NOW, B)]
    assert None is breaker.admit(tx, Backend.SSEEDANCE, NOW)


@pytest.mark.parametrize("texts", [["same"] * 20, [f"text {n}" for n in range(20)]])
def test_one_member_cannot_close_the_service(tx: Tx, texts: list[str]) -> None:
    news = [not_open(tx, NOW, A, text) for text in texts]

    assert not any(news)
    assert None is breaker.admit(tx, Backend.SSEEDANCE, NOW)


def test_the_same_texts_of_two_members_do_not_close_the_service(tx: Tx) -> None:
    news = [not_open(tx, NOW, member, "refused by the firewall") for member in (A, B, C)]

    assert not any(news)
    assert None is breaker.admit(tx, Backend.SSEEDANCE, NOW)


def test_different_texts_of_two_members_close_the_service(tx: Tx) -> None:
    news = [not_open(tx, NOW, member) for member in (A, B, C)]

    assert [False, True, False] == news
    assert ClosedCause.NOT_OPEN is breaker.read(tx, Backend.SSEEDANCE).closed
    assert NOW + 15 * MINUTE == breaker.admit(tx, Backend.SSEEDANCE, NOW)


def test_the_probe_of_the_suspecting_member_keeps_the_service_closed(tx: Tx) -> None:
    for member in (A, B):
        not_open(tx, NOW, member)
    now = probe(tx)

    news = not_open(tx, now, A)

    assert not news
    assert 30 * MINUTE == wait(tx, now)


def test_not_open_does_not_mean_that_an_empty_account_was_filled(tx: Tx) -> None:
    breaker.block(tx, Backend.SSEEDANCE, ClosedCause.NO_CREDITS, NOW)
    now = probe(tx)

    not_open(tx, now, A)

    assert ClosedCause.NO_CREDITS is breaker.read(tx, Backend.SSEEDANCE).closed
    assert 30 * MINUTE == wait(tx, now)


def test_unknown_outcomes_and_not_open_do_not_confirm_each_other(tx: Tx) -> None:
    for _ in range(3):
        unknown(tx, NOW, A)

    assert not not_open(tx, NOW, B)
    assert None is breaker.admit(tx, Backend.SSEEDANCE, NOW)


def test_a_suspicion_contains_neither_a_member_nor_a_text(tx: Tx) -> None:
    unknown(tx, NOW, DiscordUserId(1234567890123456789), "a secret love")

    (row,) = tx.execute("SELECT * FROM suspicion").fetchall()
    assert all(0 <= number < 1 << 16 for number in (row["member_hash"], row["text_hash"]))


# -- probes


@pytest.mark.parametrize("closed", [True, False])
def test_one_probe_goes_through_at_a_time(tx: Tx, closed: bool) -> None:
    if closed:
        breaker.block(tx, Backend.SSEEDANCE, ClosedCause.NOT_OPEN, NOW)
    else:
        open_the_breaker(tx)
    now = probe(tx)

    told = [breaker.admit(tx, Backend.SSEEDANCE, now + n * SECOND) for n in range(100)]

    assert {now + breaker.PROBE_LEASE} == set(told)


def test_an_unanswered_probe_makes_way_for_another(tx: Tx) -> None:
    open_the_breaker(tx)
    now = probe(tx)

    assert None is breaker.admit(tx, Backend.SSEEDANCE, now + breaker.PROBE_LEASE)
    assert breaker.admit(tx, Backend.SSEEDANCE, now + breaker.PROBE_LEASE + SECOND) is not None


def test_a_probe_is_exclusive_for_longer_than_a_post_may_take() -> None:
    assert breaker.PROBE_LEASE > timedelta(seconds=60 + 10)


@pytest.mark.parametrize("closed", [True, False])
def test_a_clear_answer_admits_all_and_resets_the_state(tx: Tx, closed: bool) -> None:
    if closed:
        breaker.block(tx, Backend.SSEEDANCE, ClosedCause.BAD_KEY, NOW)
    else:
        open_the_breaker(tx)
    now = probe(tx)

    breaker.reset(tx, Backend.SSEEDANCE)

    assert [None] * 10 == [breaker.admit(tx, Backend.SSEEDANCE, now) for _ in range(10)]
    assert breaker.OPEN == breaker.read(tx, Backend.SSEEDANCE)


@pytest.mark.parametrize("days", [1, 365])
def test_setting_the_clock_back_does_not_keep_requests_stopped(tx: Tx, days: int) -> None:
    breaker.block(tx, Backend.SSEEDANCE, ClosedCause.NOT_OPEN, NOW)
    now = NOW - timedelta(days=days)

    assert None is breaker.admit(tx, Backend.SSEEDANCE, now)
    assert now + breaker.PROBE_LEASE == breaker.admit(tx, Backend.SSEEDANCE, now)


def test_the_state_shows_until_when_requests_are_stopped(tx: Tx) -> None:
    open_gate = breaker.blocked_until(breaker.read(tx, Backend.SSEEDANCE), NOW)
    breaker.block(tx, Backend.SSEEDANCE, ClosedCause.NOT_OPEN, NOW)
    until = NOW + 15 * MINUTE
    shut = breaker.read(tx, Backend.SSEEDANCE)

    assert None is open_gate
    assert [until, until, None] == [breaker.blocked_until(shut, at) for at in (NOW, until - SECOND, until)]
    assert None is breaker.blocked_until(shut, NOW - timedelta(days=1))


def test_setting_the_clock_forward_only_advances_the_probe(tx: Tx) -> None:
    breaker.block(tx, Backend.SSEEDANCE, ClosedCause.NOT_OPEN, NOW)

    assert None is breaker.admit(tx, Backend.SSEEDANCE, NOW + timedelta(days=1))
    assert breaker.admit(tx, Backend.SSEEDANCE, NOW + timedelta(days=1)) is not None
