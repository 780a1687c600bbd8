"""The ledger as a statement: one line per song, with the balance after each line."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.balance import ChangedBy, Period
from bot.database.sqlite import Tx
from bot.model import ChannelId, DiscordUserId, JobId, RoleId
from bot.store import ledger, ledger_entries, quotas, reports
from bot.store.changes import Credits
from tests.make import DEFAULTS, GUILD, MEMBER, NOW
from tests.unit.store.test_ledger import Song, undone

ADMIN = ChangedBy(actor_id=DiscordUserId(123))
ACTS = ("song", "settle", "release", "refund", "grant", "allow", "next day")


def statement(tx: Tx, now: datetime = NOW) -> list[reports.LedgerRow]:
    page = reports.page(tx, GUILD, size=1_000)
    return list(reports.with_balances(tx, GUILD, page, DEFAULTS, now).rows)


def test_a_song_is_one_line_with_its_outcome(tx: Tx) -> None:
    for number in range(1, 5):
        Song(tx, number)
    for number in (2, 4):
        ledger.settle(tx, JobId(number), NOW)
    ledger.release(tx, JobId(3), NOW)
    ledger.refund(tx, JobId(4), ADMIN, NOW)

    rows = statement(tx)

    assert [4, 3, 2, 1] == [row.job_id for row in rows]
    assert ["refund", "release", "settle", "hold"] == [row.outcome for row in rows]
    assert [80, 80, 80, 90] == [row.balance for row in rows]
    assert [DiscordUserId(123), None, None, None] == [row.actor_id for row in rows]


def test_with_a_kind_each_entry_is_a_line(tx: Tx) -> None:
    Song(tx, 1).settle()

    kinds = {kind: len(reports.page(tx, GUILD, size=9, kind=kind).rows) for kind in ("hold", "settle")}

    assert {"hold": 1, "settle": 1} == kinds


def test_an_unchanged_setting_is_not_an_entry(tx: Tx) -> None:
    for _ in range(2):
        ledger.set_allowance(tx, GUILD, 50, Period.MONTH, DEFAULTS, ADMIN, NOW)
        quotas.set_member(tx, GUILD, MEMBER, 30, ADMIN, NOW)
        quotas.set_role(tx, GUILD, RoleId(5), 20, ADMIN, NOW)
        quotas.set_alerts(tx, GUILD, ChannelId(7), ADMIN, NOW)

    rows = statement(tx)

    assert ["alerts", "role", "member", "set"] == [row.kind for row in rows]
    assert (Credits(None), Credits(30)) == (rows[2].before, rows[2].after)


@pytest.mark.parametrize("period", Period)
def test_the_newest_line_shows_the_credits_left_to_spend(tx: Tx, period: Period) -> None:
    @given(st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 40)), max_size=14))
    @settings(max_examples=15, deadline=None)
    def whatever_is_done(acts: list[tuple[str, int]]) -> None:
        with undone(tx):
            play(tx, period, acts)

    whatever_is_done()


def play(tx: Tx, period: Period, acts: list[tuple[str, int]]) -> None:
    now, songs = NOW, 0
    ledger.set_allowance(tx, GUILD, 60, period, DEFAULTS, ADMIN, now)
    for act, amount in acts:
        closed = {number: ledger_entries.closing(tx, JobId(number)) for number in range(1, songs + 1)}
        unfinished = [number for number, by in closed.items() if not by]
        paid = [number for number, by in closed.items() if set(by) == {"settle"}]
        if act == "song" and ledger.balance(tx, GUILD, DEFAULTS, now).available >= 10:
            songs += 1
            Song(tx, songs, now=now)
        elif act in ("settle", "release") and unfinished:
            (ledger.settle if act == "settle" else ledger.release)(tx, JobId(unfinished[0]), now)
        elif act == "refund" and paid:
            ledger.refund(tx, JobId(paid[0]), ADMIN, now)
        elif act == "grant":
            ledger.grant(tx, GUILD, amount + 1, ADMIN, now)
        elif act == "allow":
            ledger.set_allowance(tx, GUILD, amount, None, DEFAULTS, ADMIN, now)
        elif act == "next day":
            now += timedelta(days=1)
        newest = statement(tx, now)[0]
        if newest.at.date() == now.date():
            assert newest.balance == ledger.balance(tx, GUILD, DEFAULTS, now).available
