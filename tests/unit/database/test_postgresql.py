"""Guarantees of the PostgreSQL engine, on a real server."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, closing, suppress
from datetime import UTC, datetime
from typing import NoReturn

import psycopg
import pytest

from bot.balance import Period
from bot.database import identify_limit, postgresql, postgresql_schema, slots
from bot.database.engine import ConstraintViolated, DatabaseError, Tx
from bot.database.facts import fact, remember
from bot.database.postgresql import Database
from bot.database.postgresql_tx import Tx as ServerTx
from bot.database.postgresql_tx import connect
from bot.database.share import Share
from bot.database.standby import Standby, Stopped
from bot.errors import Refusal, StartRefused, StoreBusy, StoreLost
from bot.model import DiscordUserId
from bot.services.intake import Intake
from bot.store.ledger import Defaults, know_guild
from bot.store.locking import lock_guild
from bot.store.reconcile import reconcile
from tests import make
from tests.postgresql import Server


def lost(reason: str) -> NoReturn:
    raise StoreLost(reason, 0.0)


@pytest.fixture
def url(postgresql_server: Server) -> str:
    return postgresql_server.create()


@pytest.fixture
async def server(url: str) -> AsyncIterator[Database]:
    async with Database.open(url, takeover_s=5.0, lost=lost) as opened:
        yield opened


def add(tx: Tx) -> None:
    """Add a row that counts the commits."""
    count = int(fact(tx, "count") or 0)
    remember(tx, "count", str(count + 1))


async def count(database: Database) -> int:
    return await database.read(lambda tx: int(fact(tx, "count") or 0))


def end_sessions(server: Server, name: str = "tunesmith") -> None:
    server.execute(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{name}'"  # noqa: S608 - ours
    )


async def test_a_write_is_seen_by_the_next_read_and_report(server: Database) -> None:
    await server.write(add)

    assert 1 == await count(server)
    assert "1" == await server.report(lambda tx: fact(tx, "count"))


async def test_a_failed_transaction_writes_nothing(server: Database) -> None:
    def fails(tx: Tx) -> None:
        add(tx)
        raise LookupError

    with pytest.raises(LookupError):
        await server.write(fails)

    assert 0 == await count(server)


async def test_a_violated_constraint_is_an_error_of_the_engine(server: Database) -> None:
    def forbidden(tx: Tx) -> None:
        tx.execute("INSERT INTO guild (id, bonus) VALUES (1, -1)")

    with pytest.raises(ConstraintViolated):
        await server.write(forbidden)
    await server.write(add)

    assert 1 == await count(server)


async def test_an_invalid_statement_is_an_error_of_the_engine(server: Database) -> None:
    with pytest.raises(DatabaseError):
        await server.read(lambda tx: tx.execute("SELECT nothing FROM nowhere"))


async def test_a_read_cannot_write(server: Database) -> None:
    with pytest.raises((DatabaseError, StoreBusy)):
        await server.read(add)

    assert 0 == await count(server)


@pytest.mark.parametrize("error", [psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure])
async def test_a_transaction_is_repeated_after_a_collision(
    server: Database, error: type[psycopg.Error]
) -> None:
    tries = []

    def collides(tx: Tx) -> None:
        add(tx)
        tries.append(1)
        if len(tries) < 3:
            raise error

    await server.write(collides)

    assert 1 == await count(server)


async def test_a_persistent_collision_is_refused(server: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "GIVE_UP_AFTER_S", 0.2)

    def collides(_: Tx) -> NoReturn:
        raise psycopg.errors.DeadlockDetected

    with pytest.raises(StoreBusy):
        await server.write(collides)


async def test_two_deadlocked_transactions_both_succeed(url: str, server: Database) -> None:
    await server.write(lambda tx: tx.execute("INSERT INTO guild (id) VALUES (1), (2)"))
    both = threading.Barrier(2)

    def crosswise(first: int, second: int, tx: Tx) -> None:
        tx.execute("UPDATE guild SET bonus = bonus + 1 WHERE id = ?", (first,))
        with suppress(threading.BrokenBarrierError):  # the one that is retried is alone
            both.wait(0.5)
        tx.execute("UPDATE guild SET bonus = bonus + 1 WHERE id = ?", (second,))

    async with Database.attach(url) as other:
        await asyncio.gather(
            server.write(lambda tx: crosswise(1, 2, tx)), other.write(lambda tx: crosswise(2, 1, tx))
        )

    assert [2, 2] == await server.read(lambda tx: [row[0] for row in tx.execute("SELECT bonus FROM guild")])


async def test_a_session_that_ends_costs_nothing(server: Database, postgresql_server: Server) -> None:
    epoch = await server.read(lambda tx: tx.execute("SELECT epoch FROM slot").fetchone()[0])
    for _ in range(3):
        end_sessions(postgresql_server)
        end_sessions(postgresql_server, "tunesmith reader")
        await server.write(add)

    assert 3 == await count(server)
    assert epoch == await server.read(lambda tx: tx.execute("SELECT epoch FROM slot").fetchone()[0])


@pytest.mark.parametrize("committed", [True, False])
async def test_a_commit_whose_answer_is_lost_counts_once(
    server: Database, monkeypatch: pytest.MonkeyPatch, *, committed: bool
) -> None:
    execute = ServerTx.execute
    losses: list[int] = []

    def loses(tx: ServerTx, sql: str, parameters: object = (), /) -> object:
        if sql != "COMMIT" or losses or fact_is_missing(tx):
            return execute(tx, sql, parameters)
        losses.append(1)
        if committed:
            execute(tx, sql)
        tx.connection.close()
        raise psycopg.OperationalError("the connection was lost")

    def fact_is_missing(tx: ServerTx) -> bool:
        return execute(tx, "SELECT 1 FROM fact WHERE name = 'count'").fetchone() is None

    monkeypatch.setattr(ServerTx, "execute", loses)
    await server.write(add)
    monkeypatch.undo()

    assert [1] == losses
    assert 1 == await count(server)


async def test_a_process_that_lost_its_slot_cannot_write(
    server: Database, postgresql_server: Server, url: str
) -> None:
    other = connect(url, name="other", options={})
    other.execute("UPDATE slot SET epoch = epoch + 1")
    end_sessions(postgresql_server)

    with pytest.raises(StoreLost):
        await server.write(add)

    assert 0 == await count(server)
    other.close()


async def test_a_second_process_waits_until_it_is_stopped(server: Database, url: str) -> None:
    stop = asyncio.Event()
    shown = asyncio.Event()

    class Page:
        async def __aenter__(self) -> None:
            shown.set()

        async def __aexit__(self, *_: object) -> None:
            shown.clear()

    async def stand_by() -> None:
        async with Database.open(url, standby=Standby(stop=stop, shown=Page)):
            raise AssertionError

    waiting = asyncio.create_task(stand_by())
    await shown.wait()
    stop.set()

    with pytest.raises(Stopped):
        await waiting
    assert not shown.is_set()
    await server.write(add)


async def test_a_process_without_a_recent_beat_may_not_act(server: Database) -> None:
    await server.write(add)
    assert server.may_act()

    server._writer.proved_s -= 5.0

    assert not server.may_act()


async def test_an_unknown_database_is_refused_and_named(postgresql_server: Server) -> None:
    with pytest.raises(StartRefused, match="DATABASE_URL: the PostgreSQL database can't be used"):
        async with Database.open(postgresql_server.url("nowhere")):
            pass


async def test_a_closed_database_accepts_no_more_work(url: str) -> None:
    async with Database.open(url) as opened:
        pass

    with pytest.raises(StoreBusy):
        await opened.write(add)
    with pytest.raises(StoreBusy):
        await opened.read(lambda tx: fact(tx, "count"))


async def test_all_credits_are_promised_once_to_concurrent_requests(url: str) -> None:
    terms = make.terms(
        price_credits=10,
        open_per_member=100,
        open_per_guild=100,
        defaults=Defaults(allowance=50, period=Period.MONTH),
    )
    async with AsyncExitStack() as stack:
        sessions = [await stack.enter_async_context(Database.attach(url)) for _ in range(4)]
        intakes = [
            Intake(session, terms, now=lambda: datetime.now(UTC), woken=lambda: None) for session in sessions
        ]

        async def accept(number: int) -> bool:
            while True:
                origin = make.origin(member_id=DiscordUserId(1_000 + number))
                try:
                    return await intakes[number % 4].accept(make.prompt(), origin) is not None
                except StoreBusy:
                    continue
                except Refusal:
                    return False

        accepted = await asyncio.gather(*(accept(number) for number in range(24)))

        assert 5 == sum(accepted)
        assert () == (await sessions[0].report(reconcile)).findings


async def test_a_locked_guild_cannot_be_locked_by_other_transactions(server: Database, url: str) -> None:
    await server.write(lambda tx: know_guild(tx, make.GUILD))

    def is_locked(tx: Tx) -> bool:
        lock_guild(tx, make.GUILD)
        with psycopg.connect(url) as other, suppress(psycopg.errors.LockNotAvailable):
            other.execute("SELECT 1 FROM guild WHERE id = %s FOR NO KEY UPDATE NOWAIT", (make.GUILD,))
            return False
        return True

    assert await server.write(is_locked)


# -- the slot


class Hands:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.s = 100.0

    def __call__(self) -> float:
        return self.s


def test_a_beats_age_is_how_long_it_was_seen_unchanged() -> None:
    clock = Hands()
    watch = slots.Watch(clock)
    watch.look(slots.Beat(1, 1, given_back=False))
    ages = []
    for beat in (1, 1, 2, 2):
        clock.s += 1.0
        ages.append(watch.look(slots.Beat(1, beat, given_back=False)))

    assert [1.0, 2.0, 0.0, 1.0] == ages


def test_a_process_that_stalled_while_watching_starts_over() -> None:
    clock = Hands()
    watch = slots.Watch(clock)
    watch.look(slots.Beat(1, 1, given_back=False))
    clock.s += 60.0

    assert 0.0 == watch.look(slots.Beat(1, 1, given_back=False))


def take(tx: ServerTx, slot: int = 0, size: int = 1, holder: str = "holder") -> slots.Held:
    with slots.exclusively(tx):
        held = slots.take(tx, slot, size, holder)
    assert held is not None
    return held


def end(holder: ServerTx, standby: ServerTx) -> None:
    """End a session, and wait until the server has noticed."""
    holder.close()
    while slots.locked_slots(standby):
        pass


def look(tx: ServerTx, lookout: slots.Lookout, clock: Hands, for_s: float) -> slots.Held | None:
    """Poll for this time; return what was taken."""
    end_s = clock.s + for_s
    while clock.s < end_s:
        clock.s += 0.5
        for slot in lookout.look(tx):
            return take(tx, slot, lookout.size, "standby")
    return None


@pytest.fixture
def pair(url: str) -> Iterator[tuple[ServerTx, ServerTx]]:
    """The sessions of a holder and a standby."""
    with (
        closing(connect(url, name="tests", options={})) as holder,
        closing(connect(url, name="tests", options={})) as standby,
    ):
        yield holder, standby


Pair = tuple[ServerTx, ServerTx]


def test_an_unreleased_slot_is_left_alone_for_a_while(pair: Pair) -> None:
    clock, (holder, standby) = Hands(), pair
    lookout = slots.Lookout(1, 15.0, clock)
    assert 1 == take(holder).epoch
    look(standby, lookout, clock, 1.0)
    end(holder, standby)

    assert None is look(standby, lookout, clock, 1.0)
    assert slots.Held(slot=0, epoch=2) == look(standby, lookout, clock, 3.0)


def test_a_released_slot_is_taken_at_once(pair: Pair) -> None:
    clock, (holder, standby) = Hands(), pair
    slots.give_back(holder, take(holder))
    end(holder, standby)

    assert slots.Held(slot=0, epoch=2) == look(standby, slots.Lookout(1, 15.0, clock), clock, 0.5)


def test_a_stalled_holders_session_is_ended(pair: Pair) -> None:
    clock, (holder, standby) = Hands(), pair
    lookout = slots.Lookout(1, 15.0, clock)
    take(holder)

    assert None is look(standby, lookout, clock, 14.0)
    assert 1 == holder.execute("SELECT epoch FROM slot").fetchone()[0]
    assert slots.Held(slot=0, epoch=2) == look(standby, lookout, clock, 10.0)
    with pytest.raises(psycopg.OperationalError):
        holder.execute("SELECT 1")


def test_a_beat_keeps_the_slot(pair: Pair) -> None:
    clock, (holder, standby) = Hands(), pair
    lookout = slots.Lookout(1, 15.0, clock)
    take(holder)
    for _ in range(4):
        assert None is look(standby, lookout, clock, 10.0)
        holder.execute("UPDATE slot SET beat = beat + 1")


def test_a_process_that_resumes_its_slot_finds_its_own_epoch(url: str) -> None:
    with closing(connect(url, name="tests", options={})) as first:
        held = take(first)

    with closing(connect(url, name="tests", options={})) as second:
        while not slots.take_up_again(second, held, 0):
            pass  # the server has not yet noticed the end of the first session
        second.execute("UPDATE slot SET epoch = 2")
        with pytest.raises(slots.SlotLost):
            slots.take_up_again(second, held, 0)


def test_the_lowest_free_slot_is_taken_first(pair: Pair) -> None:
    clock, (holder, standby) = Hands(), pair
    take(holder, slot=0, size=3)

    assert [1, 2] == slots.Lookout(3, 15.0, clock).look(standby)
    assert slots.Held(slot=1, epoch=1) == look(standby, slots.Lookout(3, 15.0, clock), clock, 0.5)


def test_only_the_stalled_slot_is_taken_over(pair: Pair, url: str) -> None:
    clock, (holder, standby) = Hands(), pair
    lookout = slots.Lookout(2, 15.0, clock)
    take(holder, slot=1, size=2)
    with closing(connect(url, name="tests", options={})) as other:
        alive = take(other, slot=0, size=2)
        taken = None
        while taken is None:
            other.execute("BEGIN")
            slots.beat(other, alive)
            other.execute("COMMIT")
            taken = look(standby, lookout, clock, 0.5)

        assert slots.Held(slot=1, epoch=2) == taken
        assert {0} == slots.locked_slots(standby)


def test_processes_for_two_fleet_sizes_are_kept_apart(pair: Pair) -> None:
    clock, (holder, standby) = Hands(), pair
    take(holder, slot=2, size=3)

    with pytest.raises(slots.OtherSize, match="3"):
        slots.Lookout(2, 15.0, clock).look(standby)


def test_another_fleet_size_waits_for_a_disconnected_process(pair: Pair) -> None:
    clock, (holder, standby) = Hands(), pair
    lookout = slots.Lookout(2, 15.0, clock)
    held = take(holder, slot=2, size=3)
    end(holder, standby)

    assert None is look(standby, lookout, clock, slots.GRACE_S)
    assert slots.Held(slot=0, epoch=1) == look(standby, lookout, clock, 1.0)
    with pytest.raises(slots.SlotLost):
        slots.take_up_again(standby, held, 0)


def test_no_slot_is_taken_while_another_fleet_size_reconnects(pair: Pair) -> None:
    holder, standby = pair
    take(holder, slot=2, size=3)

    with slots.exclusively(standby):
        assert None is slots.take(standby, 0, 2, "standby")


async def test_another_fleet_size_is_refused_with_one_sentence(url: str) -> None:
    async with Database.open(url, processes=3, lost=lost):
        with pytest.raises(StartRefused, match=r"PROCESSES: .* for 2, .* for 3; stop"):
            async with Database.open(url, processes=2, lost=lost):
                pass


async def test_each_process_has_a_share_of_its_own(url: str) -> None:
    async with AsyncExitStack() as stack:
        fleet = [
            await stack.enter_async_context(Database.open(url, processes=3, lost=lost)) for _ in range(3)
        ]

        assert [Share(slot=slot, slots=3) for slot in range(3)] == [one.share for one in fleet]
        assert [True, False, False] == [one.share.leads for one in fleet]


def test_an_older_schema_is_left_alone_while_others_use_it(pair: Pair) -> None:
    holder, standby = pair
    older = str(postgresql_schema.current() - 1)
    holder.execute("UPDATE fact SET value = ? WHERE name = 'schema'", (older,))
    take(holder, slot=1, size=2)

    with slots.exclusively(standby):
        assert None is postgresql_schema.take_slot(standby, 0, 2, "standby")


def test_a_disconnected_process_cannot_return_to_a_newer_schema(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder, standby = pair
    monkeypatch.setattr(postgresql_schema, "upgrade", lambda _: None)
    older = str(postgresql_schema.current() - 1)
    holder.execute("UPDATE fact SET value = ? WHERE name = 'schema'", (older,))
    held = take(holder, slot=1, size=2)
    end(holder, standby)

    with slots.exclusively(standby):
        assert postgresql_schema.take_slot(standby, 0, 2, "standby") is not None
    with pytest.raises(slots.SlotLost):
        slots.take_up_again(standby, held, 0)


def test_two_shards_of_one_bucket_identify_one_after_the_other(pair: Pair) -> None:
    one, other = pair

    assert 0.0 == identify_limit.take_turn(one, 0)
    assert 4.0 < identify_limit.take_turn(other, 0) <= 5.0
    assert 0.0 == identify_limit.take_turn(other, 1)
    other.execute("UPDATE identify SET at = at - 5000")
    assert 0.0 == identify_limit.take_turn(other, 0)


def test_a_turn_in_the_future_delays_nobody(pair: Pair) -> None:
    one, other = pair
    identify_limit.take_turn(one, 0)
    one.execute("UPDATE identify SET at = at + 86400000")

    assert 0.0 == identify_limit.take_turn(other, 0)
