"""Every statement of the store reads by index: none scans a table that grows."""

import importlib
import inspect
import pkgutil
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any, cast

import pytest

import bot.store
from bot.balance import Period
from bot.database import facts, sqlite_connections
from bot.database.share import EVERYTHING
from bot.database.sqlite import Tx
from bot.model import (
    Backend,
    CallId,
    ChannelId,
    ClosedCause,
    DiscordUserId,
    DraftId,
    EntryId,
    InteractionId,
    Job,
    JobId,
    JobState,
    MemberNumber,
    MessageId,
    Reuse,
    RoleId,
    Source,
    TaskId,
    Track,
)
from bot.store import (
    announcements,
    breaker,
    budget_alerts,
    calendars,
    claims,
    erasure,
    history,
    job_cards,
    job_events,
    job_rows,
    jobs,
    ledger,
    ledger_entries,
    listed_songs,
    lyrics_calls,
    manager_roles,
    members,
    personal_data,
    queue_order,
    quotas,
    ratings,
    refused_interactions,
    refused_words,
    reports,
    scrub,
    server_erasure,
    servers,
    song_channels,
    spent_totals,
    texts,
    times,
    totals,
    tracks,
    upstream,
)
from bot.store.announcements import Announcement
from bot.store.changes import SongChannels
from bot.store.history import SongPage
from bot.store.lyrics_calls import CallState
from bot.store.upstream import BalanceReading
from tests import make
from tests.make import CHANNEL, DEFAULTS, GUILD, MEMBER, NOW, OTHER
from tests.unit.store.rows import ALL, EPOCH, HORIZON, RICH, added, put, settled
from tests.unit.store.test_upstream import terms

pytestmark = pytest.mark.sqlite

SONGS = 20
LATER = NOW + timedelta(days=400)
TRACK = Track(take=1, file="a.mp3", size_bytes=1, sha256="00", url="")

SCAN = re.compile(r"SCAN (?P<table>\S+)(?: .*?INDEX (?P<index>\S+))?")
SMALL = {
    # One row each.
    "gate",
    "CONSTANT",
    # Values passed by the caller.
    "json_each",
    # At most 16 rows.
    "suspicion",
    # A row per slot, state and reason.
    "song_total",
    # Jobs of deletions whose files are being removed; read up to a limit in the order of the rows.
    "spool_removal",
    # The texts of the member whose data is erased, collected by index.
    "theirs",
    # Results of subqueries, which are planned by themselves.
    "waiting",
    "holder",
    "spender",
    "spent",
    "top",
    "recent",
    "part",
    "newest",
    "counted",
    "found",
    "about_them",
    "made",
}
"""Tables that do not grow with songs, members and servers."""
BOUNDED = {
    "job_due_in_state",
    "job_card_at",
    "job_unfinished",
    "job_in_turn",
    "job_to_post",
    "budget_alert_due",
    "member_leaving",
    # Read in the order of the index, up to a limit.
    "job_delivered",
}
"""Partial indexes, whose rows are work in progress: intake bounds it for each member and server."""


class Recorder:
    """A transaction that records its statements. SQLite's trace shows values instead of parameters."""

    def __init__(self, tx: Tx) -> None:
        self.plain = tx
        self.statements: list[tuple[str, Any]] = []

    def execute(self, statement: str, parameters: Any = ()) -> Any:  # noqa: ANN401 - as sqlite3
        self.statements.append((statement, parameters))
        return self.plain.execute(statement, parameters)

    @property
    def total_changes(self) -> int:
        return self.plain.total_changes

    def executemany(self, statement: str, rows: Iterable[tuple[object, ...]]) -> None:
        for row in rows:
            self.execute(statement, row)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tx]:
    """A database with songs in every state, of two members."""
    connection = sqlite_connections.connect(tmp_path_factory.mktemp("plans") / "tunesmith.db")
    connection.execute("BEGIN")
    for number in range(SONGS):
        for member_id in (MEMBER, OTHER):
            job = added(connection, member_id=member_id)
            put(connection, job, list(JobState)[number % len(JobState)])
    connection.execute("COMMIT")
    yield connection
    connection.close()


@pytest.fixture
def busy(filled: Tx) -> Iterator[Tx]:
    """Lend that database, and undo a test's writes."""
    filled.execute("BEGIN IMMEDIATE")
    yield filled
    filled.execute("ROLLBACK")


def scans(tx: Tx, work: Callable[[Tx], object]) -> list[str]:
    """Return the scans of growing tables in the plans of all statements that ``work`` executes."""
    recorder = Recorder(tx)
    work(cast("Tx", recorder))
    assert recorder.statements
    found = []
    for statement, parameters in recorder.statements:
        plan = tx.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
        found += [f"{row['detail']}: {statement}" for row in plan if is_unbounded(row["detail"])]
    return found


def compiled_again(tx: Tx, work: Callable[[Tx], object]) -> list[str]:
    """Return the statements executed by ``work`` that SQLite compiles again for other values."""
    recorder = Recorder(tx)
    work(cast("Tx", recorder))
    compiled: list[object] = []
    found: list[str] = []

    def authorize(*asked: object) -> int:
        compiled.append(asked)
        return sqlite3.SQLITE_OK

    tx.set_authorizer(authorize)  # SQLite calls it whenever it compiles
    try:
        for statement, parameters in recorder.statements:
            tx.execute(f"EXPLAIN {statement}", parameters).fetchall()
            compiled.clear()
            tx.execute(f"EXPLAIN {statement}", parameters).fetchall()
            found += [statement] if compiled else []
    finally:
        tx.set_authorizer(None)
    return found


def is_unbounded(step: str) -> bool:
    """Return whether this step of a plan reads all rows of a growing table."""
    if "AUTOMATIC" in step:  # an index built from all rows for one statement
        return True
    scan = SCAN.match(step)
    if scan is None:
        return False
    results = scan["table"].startswith("(") or scan["table"].isdigit()  # of a subquery, planned by itself
    return not (results or scan["table"] in SMALL or scan["index"] in BOUNDED)


def plain(tx: Tx) -> Tx:
    """Return the transaction without the recorder, for mere preparation."""
    return cast("Recorder", tx).plain


def number(tx: Tx) -> MemberNumber:
    return members.known_member(plain(tx), MEMBER)


def in_state(tx: Tx, state: JobState) -> Job:
    row = plain(tx).execute("SELECT id FROM job WHERE state = ? LIMIT 1", (state,)).fetchone()
    job = jobs.get(plain(tx), row["id"])
    assert job is not None
    return job


def done(tx: Tx) -> Job:
    return in_state(tx, JobState.DELIVERED)


def queued(tx: Tx) -> Job:
    return in_state(tx, JobState.QUEUED)


def probe(tx: Tx) -> None:
    breaker.block(plain(tx), Backend.SSEEDANCE, ClosedCause.NO_CREDITS, NOW)
    breaker.admit(tx, Backend.SSEEDANCE, NOW + timedelta(minutes=16))


def add(tx: Tx) -> None:
    source = Source(job_id=done(tx).id, reuse=Reuse.AGAIN)
    hold = ledger_entries.Hold(day=20_000, allowance=10, bonus=0)
    jobs.add(tx, make.job(id=jobs.new_id(), origin=make.origin()), number(tx), hold, NOW, source)


def keep(tx: Tx) -> None:
    source, job = done(tx).id, added(plain(tx))
    plain(tx).execute("DELETE FROM song WHERE job_id = ?", (job.id,))
    texts.keep(tx, job.id, make.custom(), number(tx), "Ada", source)


def refund(tx: Tx) -> None:
    job = done(tx)
    settled(plain(tx), job)
    ledger.refund(tx, job.id, make.entry(), NOW)


def alert(tx: Tx) -> None:
    quotas.set_alerts(plain(tx), GUILD, CHANNEL, make.entry(), NOW)
    settled(plain(tx), done(tx))
    budget_alerts.mark(tx, GUILD, ledger.Defaults(allowance=10, period=Period.MONTH), NOW)


def postponed_alert(tx: Tx) -> None:
    alert(tx)
    first, *_ = budget_alerts.due(plain(tx), NOW, 1)
    budget_alerts.put_off(tx, first, LATER, NOW)


def due_erasure(tx: Tx) -> None:
    members.leave(plain(tx), number(tx), NOW)
    plain(tx).execute("UPDATE job SET due_at = NULL WHERE member_id = ?", (number(tx),))
    erasure.due(tx, NOW)


def by_person(tx: Tx) -> None:
    members.forget(plain(tx), members.known_member(plain(tx), OTHER), NOW)
    members.by_person(tx, [number(tx)])


def resume(tx: Tx) -> None:
    quotas.pause(plain(tx), GUILD, make.entry("late"), NOW)
    quotas.resume(tx, GUILD, make.entry(), NOW)


def called(tx: Tx) -> None:
    lyrics_calls.add(tx, CallId(1), InteractionId(7), number(tx), Backend.KIE, NOW)


def rated_server(tx: Tx) -> None:
    ratings.rate(plain(tx), done(tx).id, number(tx), NOW, liked=True)
    ratings.drop_of_server(tx, GUILD, 10)


PLACES = claims.Places(free=3, used_up=frozenset({GUILD}), again_at=NOW, expired=NOW)
"""A window of the music service with places left, but none for this server."""
CLAIMANT = claims.Claimant(epoch=EPOCH, now=NOW, horizon=HORIZON)
WORK: dict[str, Callable[[Tx], object]] = {
    "breaker.read": lambda tx: breaker.read(tx, Backend.SSEEDANCE),
    "breaker.admit": probe,
    "breaker.reset": lambda tx: breaker.reset(tx, Backend.SSEEDANCE),
    "breaker.block": lambda tx: breaker.block(tx, Backend.SSEEDANCE, ClosedCause.NO_CREDITS, NOW),
    "breaker.not_open": lambda tx: breaker.not_open(tx, Backend.SSEEDANCE, queued(tx), NOW),
    "breaker.unknown": lambda tx: breaker.unknown(tx, Backend.SSEEDANCE, queued(tx), NOW),
    "breaker.write": lambda tx: breaker.write(tx, Backend.SSEEDANCE, breaker.OPEN),
    "budget_alerts.mark": alert,
    "budget_alerts.put_off": postponed_alert,
    "budget_alerts.due": lambda tx: budget_alerts.due(tx, NOW, 10),
    "budget_alerts.next_due": budget_alerts.next_due,
    "budget_alerts.drop_due": budget_alerts.drop_due,
    "erasure.waits_for": lambda tx: erasure.waits_for(tx, number(tx)),
    "erasure.due": due_erasure,
    "erasure.erase": lambda tx: erasure.erase(tx, number(tx), NOW),
    "erasure.drop_outlived": lambda tx: erasure.drop_outlived(tx, [done(tx).id]),
    "erasure.files_of": lambda tx: erasure.files_of(tx, 10),
    "erasure.files_removed": lambda tx: erasure.files_removed(tx, [done(tx).id]),
    "facts.fact": lambda tx: facts.fact(tx, "a"),
    "facts.remember": lambda tx: facts.remember(tx, "a", "b"),
    "facts.forget": lambda tx: facts.forget(tx, "a"),
    "history.open_jobs": lambda tx: history.open_jobs(tx, GUILD, MEMBER),
    "history.songs": lambda tx: (
        history.songs(tx, GUILD, MEMBER, size=5, word="synth"),
        history.songs(tx, GUILD, MEMBER, size=5, before_id=done(tx).id),
        history.songs(tx, GUILD, MEMBER, size=5, after_id=done(tx).id),
    ),
    "history.continued": lambda tx: [
        history.continued(
            tx,
            GUILD,
            MEMBER,
            SongPage(songs=(), newer=True, older=True, read_to=done(tx).id, upward=way),
            size=5,
            word="synth",
        )
        for way in (False, True)
    ],
    "history.choices": lambda tx: history.choices(tx, GUILD, MEMBER, "synth", 25),
    "history.find": lambda tx: (
        history.find(tx, GUILD, MEMBER, "synth"),
        history.find(tx, GUILD, MEMBER, str(done(tx).id)),
    ),
    "tracks.found_again": lambda tx: tracks.found_again(tx, done(tx).id, TRACK),
    "claims.is_current": lambda tx: claims.is_current(tx, 1),
    "claims.next_epoch": claims.next_epoch,
    "jobs.add": add,
    "jobs.taken": lambda tx: jobs.taken(tx, InteractionId(7)),
    "jobs.tried_again": lambda tx: jobs.tried_again(tx, done(tx).id, number(tx)),
    "jobs.again_in_progress": lambda tx: jobs.again_in_progress(tx, done(tx).id, number(tx)),
    "jobs.get": lambda tx: jobs.get(tx, done(tx).id),
    "job_rows.read_all": lambda tx: job_rows.read_all(tx, [done(tx).id]),
    "job_rows.read": lambda tx: jobs.get(tx, done(tx).id),
    "jobs.held": lambda tx: jobs.held(tx, done(tx).id),
    "jobs.count_open": lambda tx: jobs.count_open(tx, GUILD, number(tx)),
    "jobs.nth_request": lambda tx: jobs.nth_request(tx, number(tx), 500, NOW, LATER),
    "claims.ripe": lambda tx: (
        claims.ripe(tx, ALL, CLAIMANT, 100),
        claims.ripe(tx, ALL, CLAIMANT, 100, PLACES),
    ),
    "claims.claim": lambda tx: claims.claim(tx, [queued(tx).id], CLAIMANT),
    "claims.submitted_since": lambda tx: claims.submitted_since(tx, Backend.SSEEDANCE, NOW),
    "claims.submitted_by_guild": lambda tx: claims.submitted_by_guild(tx, Backend.SSEEDANCE, NOW),
    "claims.is_due": lambda tx: claims.is_due(tx, NOW),
    "claims.next_due": lambda tx: (claims.next_due(tx, EPOCH), claims.next_due(tx, EPOCH, PLACES)),
    "jobs.move": lambda tx: jobs.move(
        tx, queued(tx), JobState.SUBMITTING, backend=Backend.SSEEDANCE, now=NOW, due_at=NOW
    ),
    "tracks.add_track": lambda tx: tracks.add_track(tx, done(tx), TRACK),
    "tracks.files": lambda tx: tracks.files(tx, ["a.mp3"], NOW),
    "tracks.drop_equal_tracks": lambda tx: tracks.drop_equal_tracks(tx, done(tx).id),
    "jobs.mark_restored": lambda tx: jobs.mark_restored(tx, done(tx).id, NOW),
    "jobs.unpark": lambda tx: jobs.unpark(tx, [Backend.KIE], NOW),
    "jobs.task_taken": lambda tx: jobs.task_taken(tx, Backend.SSEEDANCE, TaskId("task")),
    "job_cards.answered": lambda tx: job_cards.answered(tx, queued(tx).id, MessageId(1), "", NOW),
    "jobs.is_of": lambda tx: jobs.is_of(tx, GUILD, done(tx).id),
    "jobs.withdraw": lambda tx: jobs.withdraw(tx, queued(tx).id, NOW),
    "job_cards.no_card": lambda tx: job_cards.no_card(tx, JobId(1)),
    "claims.look_again": lambda tx: claims.look_again(tx, NOW, timedelta(days=7), 10),
    "jobs.post_again": lambda tx: jobs.post_again(tx, done(tx).id, NOW),
    "job_cards.message_gone": lambda tx: job_cards.message_gone(tx, done(tx).id, MessageId(1), NOW),
    "job_cards.next_card": lambda tx: job_cards.next_card(tx, EVERYTHING),
    "job_cards.cards_due": lambda tx: job_cards.cards_due(tx, NOW, 10),
    "job_cards.card_shown": lambda tx: job_cards.card_shown(tx, queued(tx), "", None, NOW),
    "job_cards.card_found": lambda tx: job_cards.card_found(tx, queued(tx), MessageId(1)),
    "queue_order.in_turn": lambda tx: queue_order.in_turn(tx, "due_at <= :now", {"now": 1}),
    "queue_order.positions": queue_order.positions,
    "queue_order.queue_position": lambda tx: queue_order.queue_position(tx, queued(tx)),
    "job_cards.recent_durations_ms": lambda tx: job_cards.recent_durations_ms(tx, 10),
    "ledger.balance": lambda tx: ledger.balance(tx, GUILD, RICH, NOW),
    "ledger.pool": lambda tx: ledger.pool(tx, GUILD, RICH, NOW),
    "ledger.bonus": lambda tx: ledger.bonus(tx, GUILD),
    "ledger.hold": lambda tx: ledger.hold(tx, JobId(1), GUILD, number(tx), 10, RICH, NOW),
    "ledger.settle": lambda tx: ledger.settle(tx, done(tx).id, NOW),
    "ledger.release": lambda tx: ledger.release(tx, queued(tx).id, NOW),
    "ledger.refund": refund,
    "ledger_entries.closing": lambda tx: ledger_entries.closing(tx, done(tx).id),
    "ledger.grant": lambda tx: ledger.grant(tx, GUILD, 5, make.entry(), NOW),
    "ledger.set_allowance": lambda tx: ledger.set_allowance(
        tx, GUILD, 5, Period.DAY, RICH, make.entry(), NOW
    ),
    "ledger_entries.append": lambda tx: ledger.grant(tx, GUILD, 5, make.entry(), NOW),
    "ledger_entries.book": lambda tx: ledger.settle(tx, done(tx).id, NOW),
    "ledger_entries.booking_of": lambda tx: ledger_entries.booking_of(tx, done(tx).id),
    "ledger_entries.note": lambda tx: quotas.pause(tx, GUILD, make.entry("late"), NOW),
    "ledger_entries.changed": lambda tx: ledger_entries.changed(tx, make.entry()),
    "ledger.know_guild": lambda tx: ledger.know_guild(tx, GUILD),
    "listed_songs.listed": lambda tx: listed_songs.listed(tx, [done(tx).id]),
    "lyrics_calls.add": called,
    "totals.totals": lambda tx: totals.totals(tx, NOW, Backend.SSEEDANCE),
    "lyrics_calls.wanted": lambda tx: lyrics_calls.wanted(tx, Backend.KIE),
    "lyrics_calls.take": lambda tx: lyrics_calls.take(tx, CallId(1), NOW),
    "lyrics_calls.call": lambda tx: lyrics_calls.call(tx, CallId(1)),
    "lyrics_calls.taken": lambda tx: lyrics_calls.taken(tx, InteractionId(7)),
    "lyrics_calls.move": lambda tx: lyrics_calls.move(tx, CallId(1), CallState.SUBMITTING, CallState.REFUSED),
    "lyrics_calls.unfinished": lambda tx: lyrics_calls.unfinished(tx, number(tx), Backend.KIE, NOW),
    "lyrics_calls.give_up": lambda tx: lyrics_calls.give_up(tx, number(tx), NOW),
    "lyrics_calls.recent": lambda tx: lyrics_calls.recent(tx, number(tx), NOW),
    "lyrics_calls.count": lambda tx: lyrics_calls.count(tx, NOW, LATER),
    "lyrics_calls.credits_this_month": lambda tx: lyrics_calls.credits_this_month(tx, NOW),
    "lyrics_calls.sweep": lambda tx: lyrics_calls.sweep(tx, NOW),
    "lyrics_calls.blank_of_member": lambda tx: lyrics_calls.blank_of_member(tx, number(tx)),
    "members.member_number": lambda tx: members.member_number(tx, MEMBER),
    "members.known_member": lambda tx: members.known_member(tx, MEMBER),
    "members.past_or_present": lambda tx: members.past_or_present(tx, DiscordUserId(1)),
    "members.numbers": lambda tx: members.numbers(tx, number(tx)),
    "members.by_person": by_person,
    "members.leaving_since": lambda tx: members.leaving_since(tx, number(tx)),
    "members.leave": lambda tx: members.leave(tx, number(tx), NOW),
    "members.forget": lambda tx: members.forget(tx, number(tx), NOW),
    "personal_data.about": lambda tx: personal_data.about(tx, MEMBER),
    "personal_data.sections": lambda tx: [list(rows) for rows in personal_data.sections(tx, MEMBER).values()],
    "personal_data.summary": lambda tx: personal_data.summary(tx, MEMBER),
    "personal_data.files": lambda tx: personal_data.files(tx, MEMBER),
    "quotas.limits": lambda tx: quotas.limits(tx, GUILD, "mia"),
    "quotas.clear_number": lambda tx: quotas.clear_number(tx, GUILD, number(tx), make.entry(), NOW),
    "quotas.limit_of": lambda tx: quotas.limit_of(tx, GUILD, number(tx), [RoleId(1)]),
    "quotas.member_limit": lambda tx: quotas.member_limit(tx, GUILD, number(tx)),
    "quotas.role_limits": lambda tx: quotas.role_limits(tx, GUILD),
    "quotas.member_limits": lambda tx: quotas.member_limits(tx, GUILD, 10),
    "quotas.member_limits_count": lambda tx: quotas.member_limits_count(tx, GUILD),
    "quotas.standing": lambda tx: quotas.standing(tx, GUILD, number(tx), None, RICH, NOW),
    "quotas.hold": lambda tx: quotas.hold(tx, JobId(1), GUILD, number(tx), [], 10, RICH, NOW),
    "quotas.set_member": lambda tx: quotas.set_member(tx, GUILD, MEMBER, 5, make.entry(), NOW),
    "quotas.set_role": lambda tx: quotas.set_role(tx, GUILD, RoleId(1), 5, make.entry(), NOW),
    "quotas.beyond": lambda tx: quotas.beyond(tx, GUILD, 5, RICH, NOW),
    "quotas.paused": lambda tx: quotas.paused(tx, GUILD),
    "quotas.pause": lambda tx: quotas.pause(tx, GUILD, make.entry("late"), NOW),
    "quotas.resume": resume,
    "quotas.alerts_channel": lambda tx: quotas.alerts_channel(tx, GUILD),
    "quotas.set_alerts": lambda tx: quotas.set_alerts(tx, GUILD, CHANNEL, make.entry(), NOW),
    "ratings.rate": lambda tx: (
        ratings.rate(tx, done(tx).id, number(tx), NOW, liked=True),
        ratings.rate(tx, done(tx).id, number(tx), NOW, liked=True),
    ),
    "ratings.rating": lambda tx: ratings.rating(tx, done(tx).id, number(tx)),
    "ratings.tally": lambda tx: ratings.tally(tx, done(tx).id),
    "ratings.may_be_rated": lambda tx: ratings.may_be_rated(tx, GUILD, done(tx).id),
    "ratings.best": lambda tx: ratings.best(tx, GUILD, NOW, 50),
    "ratings.drop_of_songs": lambda tx: ratings.drop_of_songs(tx, [done(tx).id]),
    "ratings.drop_of_member": lambda tx: ratings.drop_of_member(tx, number(tx)),
    "ratings.drop_of_server": rated_server,
    "refused_interactions.remember": lambda tx: refused_interactions.remember(tx, InteractionId(7), NOW),
    "refused_interactions.is_refused": lambda tx: refused_interactions.is_refused(tx, InteractionId(7)),
    "refused_interactions.sweep": lambda tx: refused_interactions.sweep(tx, NOW),
    "refused_words.words": lambda tx: refused_words.words(tx, GUILD),
    "refused_words.add": lambda tx: refused_words.add(tx, GUILD, "polka"),
    "refused_words.remove": lambda tx: refused_words.remove(tx, GUILD, "polka"),
    "refused_words.found": lambda tx: refused_words.found(tx, GUILD, make.prompt()),
    "reports.page": lambda tx: (
        reports.page(tx, GUILD, size=5),
        reports.page(tx, GUILD, size=5, kind="grant", before_id=EntryId(9)),
        reports.page(tx, GUILD, size=5, member_id=MEMBER, after_id=EntryId(1)),
    ),
    "reports.with_balances": lambda tx: reports.with_balances(
        tx, GUILD, reports.page(tx, GUILD, size=5), DEFAULTS, NOW
    ),
    "reports.whole_ledger": lambda tx: list(reports.whole_ledger(tx, GUILD)),
    "reports.people": lambda tx: reports.people(tx, GUILD),
    "reports.days_of_use": lambda tx: reports.days_of_use(tx, GUILD, 30, times.day_number(NOW)),
    "reports.top_members": lambda tx: reports.top_members(tx, GUILD, 0, 5),
    "reports.settled_songs": lambda tx: reports.settled_songs(tx, GUILD, "synth", 25),
    "spent_totals.top_of_period": lambda tx: spent_totals.top_of_period(
        tx, GUILD, ledger.balance(tx, GUILD, DEFAULTS, NOW), 5
    ),
    "scrub.mark": lambda tx: scrub.mark(tx, scrub.Deleted.ERASED),
    "scrub.pending": scrub.pending,
    "scrub.reach": lambda tx: scrub.reach(tx, 2),
    "scrub.clear": lambda tx: scrub.clear(tx, {scrub.Deleted.ERASED: "1"}),
    "server_erasure.note_absent": lambda tx: server_erasure.note_absent(tx, [GUILD], NOW),
    "server_erasure.forget_absent": lambda tx: server_erasure.forget_absent(tx, NOW),
    "servers.is_known": lambda tx: servers.is_known(tx, GUILD),
    "servers.guild_of": lambda tx: servers.guild_of(tx, JobId(1)),
    "servers.parked": lambda tx: servers.parked(tx, JobId(1)),
    "servers.is_served": lambda tx: servers.is_served(tx, GUILD, servers.ServerPolicy()),
    "servers.set_allowed": lambda tx: servers.set_allowed(tx, GUILD, NOW, allowed=True),
    "servers.newly_passed": lambda tx: servers.newly_passed(tx, 100, 10, NOW),
    "servers.credits_this_month": lambda tx: servers.credits_this_month(tx, NOW),
    "upstream.last_reading": lambda tx: upstream.last_reading(tx, Backend.KIE),
    "upstream.record": lambda tx: upstream.record(tx, Backend.KIE, BalanceReading(credits=5, at=NOW), ()),
    "job_events.record_request": added,
    "job_events.record_answer": lambda tx: job_events.record_answer(tx, queued(tx), "busy", NOW),
    "job_events.events": lambda tx: job_events.events(tx, queued(tx).id),
    "job_events.entries": lambda tx: job_events.entries(tx, queued(tx).id),
    "job_events.stage_times": lambda tx: job_events.stage_times(tx, queued(tx).id),
    "job_events.drop_answers": lambda tx: job_events.drop_answers(tx, f"[{queued(tx).id}]"),
    "erasure.release_parked": lambda tx: erasure.release_parked(tx, "member_id", MemberNumber(1), NOW),
    "erasure.drop_drafts_of_jobs": lambda tx: erasure.drop_drafts_of_jobs(tx, [done(tx).id]),
    "erasure.blank": lambda tx: erasure.blank(tx, [done(tx).id]),
    "manager_roles.roles": lambda tx: manager_roles.roles(tx, GUILD),
    "manager_roles.add": lambda tx: manager_roles.add(tx, GUILD, RoleId(5)),
    "manager_roles.remove": lambda tx: manager_roles.remove(tx, GUILD, RoleId(5)),
    "song_channels.read": lambda tx: song_channels.read(tx, GUILD),
    "song_channels.write": lambda tx: song_channels.write(
        tx, GUILD, SongChannels((ChannelId(1),), ChannelId(2), ChannelId(3))
    ),
    "song_channels.admitted": lambda tx: song_channels.admitted(tx, make.origin()),
    "announcements.mark": lambda tx: announcements.mark(tx, done(tx).id, NOW),
    "announcements.due": lambda tx: announcements.due(tx, NOW, 10),
    "announcements.next_due": announcements.next_due,
    "announcements.put_off": lambda tx: announcements.put_off(
        tx, Announcement(job_id=JobId(1), channel_id=ChannelId(2), started_at=None), NOW, NOW
    ),
    "announcements.drop_due": announcements.drop_due,
    "calendars.of": lambda tx: calendars.of(tx, GUILD),
    "calendars.write": lambda tx: calendars.write(tx, GUILD, calendars.Calendar(zone="Asia/Tokyo")),
    "server_erasure.due": server_erasure.due,
    "server_erasure.erase_batch": lambda tx: server_erasure.erase_batch(tx, GUILD, NOW),
    "server_erasure.is_leaving": lambda tx: server_erasure.is_leaving(tx, GUILD),
    "texts.keep": keep,
    "texts.may_be_taken_up": lambda tx: texts.may_be_taken_up(tx, done(tx).id),
    "texts.change_model": lambda tx: texts.change_model(tx, done(tx).id, "V6"),
    "texts.drop_songs": lambda tx: texts.drop_songs(tx, [done(tx).id]),
    "texts.keep_draft": lambda tx: texts.keep_draft(tx, DraftId(7), MEMBER, make.prompt(), done(tx).id, NOW),
    "texts.draft": lambda tx: texts.draft(tx, DraftId(7), MEMBER, NOW),
    "texts.drop_drafts": lambda tx: texts.drop_drafts(tx, LATER, 10),
}
"""Calls that execute the statements of each function of the store, by name."""

ELSEWHERE = {
    "locking.lock_guild": "locks rows on PostgreSQL alone, by their keys",
    "locking.lock_guilds_of": "locks rows on PostgreSQL alone",
    "locking.lock_member": "locks rows on PostgreSQL alone, by their keys",
    "locking.lock_day": "locks rows on PostgreSQL alone, by their keys",
    "server_erasure.stored": "a command of the operator, in a process of its own",
    "server_erasure.begin": "a command of the operator, in a process of its own",
    "reconcile.reconcile": "a report, once a day",
    "upstream.sold": "a report, at most six times a minute, which reads every server and no song",
    "upstream.compare": "the same report",
    "upstream.compare_and_average": "a report, for the operator's metrics",
    "servers.servers": "a command of the operator, in a process of its own",
    "servers.open_jobs": "a command of the operator, in a process of its own",
    "texts.outlived": "a report, once an hour",
    "members.member_index": "a restore, before the bot starts",
    "jobs.unfinished": "a restore, before the bot starts",
    "members.drop_forgotten": "reads only members who were forgotten within the longest period",
}
"""Functions of a transaction that may read whole tables, with the reason why nobody waits for them."""


def functions() -> set[str]:
    """Return every public function of the store, and of the facts, that takes a transaction."""
    modules = [
        importlib.import_module(f"bot.store.{info.name}") for info in pkgutil.iter_modules(bot.store.__path__)
    ]
    names = set()
    for module in (*modules, facts):
        for name, function in inspect.getmembers(module, inspect.isfunction):
            first = next(iter(inspect.signature(function).parameters), None)
            if function.__module__ == module.__name__ and not name.startswith("_") and first == "tx":
                names.add(f"{module.__name__.rpartition('.')[2]}.{name}")
    return names


def test_the_plans_of_every_function_are_checked() -> None:
    assert functions() == WORK.keys() | ELSEWHERE.keys()
    assert set() == WORK.keys() & ELSEWHERE.keys()


@pytest.mark.parametrize("name", WORK)
def test_no_statement_scans_a_growing_table(name: str, busy: Tx) -> None:
    assert [] == scans(busy, WORK[name])


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM job WHERE detail = 'x'",
        "SELECT 1 FROM job AS older WHERE detail = 'x'",
        "SELECT COUNT(*) FROM job",
        "SELECT 1 FROM job JOIN draft ON draft.prompt = job.detail WHERE job.id = 1",
        "UPDATE job SET detail = '' WHERE price = 3",
    ],
)
def test_a_scan_is_detected(busy: Tx, statement: str) -> None:
    assert 1 == len(scans(busy, lambda tx: tx.execute(statement)))


@pytest.mark.parametrize("name", WORK)
def test_no_statement_is_compiled_again_for_other_values(name: str, busy: Tx) -> None:
    assert [] == compiled_again(busy, WORK[name])


def test_a_statement_that_is_compiled_again_is_detected(busy: Tx) -> None:
    statement = "SELECT id FROM job WHERE state = :state"

    assert [statement] == compiled_again(busy, lambda tx: tx.execute(statement, {"state": "queued"}))


@pytest.mark.parametrize("word", ["", "synth"])
def test_songs_are_looked_for_without_reading_their_jobs(busy: Tx, word: str) -> None:
    recorder = Recorder(busy)
    history.songs(cast("Tx", recorder), GUILD, MEMBER, size=5, word=word)
    (look,) = (one for one in recorder.statements if "ORDER BY job.created_at" in one[0])

    plan = [row["detail"] for row in busy.execute(f"EXPLAIN QUERY PLAN {look[0]}", look[1])]

    assert "SEARCH job USING COVERING INDEX job_song (guild_id=? AND member_id=?)" == plan[0]


def test_a_member_has_at_most_five_drafts(tx: Tx) -> None:
    for key in range(1, 8):
        texts.keep_draft(tx, DraftId(key), MEMBER, make.prompt(f"words {key}"), None, NOW)

    kept = [row["id"] for row in tx.execute("SELECT id FROM draft ORDER BY id")]
    assert [3, 4, 5, 6, 7] == kept


def test_old_drafts_are_deleted_in_batches(tx: Tx) -> None:
    for key in range(1, 5):
        texts.keep_draft(tx, DraftId(key), MEMBER, make.prompt(f"words {key}"), None, NOW)

    assert [3, 1, 0] == [texts.drop_drafts(tx, NOW + 2 * texts.KEEP_DRAFTS, 3) for _ in range(3)]


def test_requestable_songs_are_counted_without_reading_songs(busy: Tx) -> None:
    found = scans(busy, lambda tx: upstream.compare(tx, terms(), NOW))

    assert {"guild", "server_rule"} == {step.split()[1].rstrip(":") for step in found}
