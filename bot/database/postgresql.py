"""The PostgreSQL engine: ``write(fn)``, ``read(fn)`` and ``report(fn)``, each a transaction in one hop.

psycopg is used synchronously on dedicated threads, so the transaction functions are the same as on SQLite.
One session writes. It owns a slot (``slots``), which is the only fence: once the server has ended that
session, no transaction of this process can commit any more.
"""

import asyncio
import logging
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from functools import partial
from typing import Final, NoReturn, TypeVar

import psycopg

from bot import threads
from bot.database import engine, identify_limit, slots
from bot.database.engine import GIVE_UP_AFTER_S, RETRY_AFTER_S, DatabaseError
from bot.database.postgresql_errors import MOMENTARY, is_final, refusal, refusing, sentence
from bot.database.postgresql_reader import READING, Reader, snapshot
from bot.database.postgresql_tx import Tx, connect
from bot.database.postgresql_writer import LOCK_TIMEOUT_MS, Writer
from bot.database.share import Share
from bot.database.slots import SlotLost
from bot.database.standby import Standby, Stopped
from bot.errors import StartRefused, StoreBusy, StoreLost

log = logging.getLogger(__name__)

T = TypeVar("T")

START_WITHIN_S: Final = 60.0
"""How long the server may be unreachable at startup, in seconds."""
FENCE_SHARE: Final = 3
"""Fraction of ``takeover_s``, as a divisor, in which a process may pay and post after a confirmation."""
EXIT_LOST: Final = 70
"""Exit code of a process that lost its slot; EX_SOFTWARE in sysexits.h."""

MAINTAINING: Final[dict[str, str | int]] = {"lock_timeout": LOCK_TIMEOUT_MS}


def die(reason: str) -> NoReturn:
    """End the process at once: anything else it does could pay or post for another process's work."""
    log.critical("slot lost", extra={"reason": reason})
    with suppress(ValueError, OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(EXIT_LOST)


class Database(engine.Database):
    """Transactions on one PostgreSQL database. Create it with ``open`` or ``attach``."""

    files = None

    def __init__(
        self, url: str, writer: Writer, wrote: Callable[[float], None], lost: Callable[[str], NoReturn]
    ) -> None:
        self._url = url
        self._writer = writer
        self._reader = Reader(url)
        self._reports = threads.Threads("reports", threads.REPORTS)
        self._wrote = wrote
        self._die = lost
        self._lost = asyncio.Event()
        self._waiting = 0
        self._closed = False

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        url: str,
        *,
        takeover_s: float = 15.0,
        processes: int = 1,
        wrote: Callable[[float], None] = lambda _took_s: None,
        standby: Standby | None = None,
        lost: Callable[[str], NoReturn] = die,
    ) -> AsyncIterator["Database"]:
        """Take a slot, waiting while other processes hold all of them, and open the database.

        There are as many slots as ``processes``. ``lost`` is called, on any thread, once another process has
        taken the slot; it does not return.

        Raises:
            StartRefused: the server can't be reached, the database is not this program's, or other processes
                use it with another number of slots.
            Stopped: ``standby.stop`` was set.
        """
        writer = Writer(url, takeover_s, processes)
        loop = asyncio.get_running_loop()
        try:
            await _take(writer, standby or Standby(stop=asyncio.Event()))
            database = cls(url, writer, wrote, lost)
            beating = asyncio.create_task(database._beat(), name="beat of the slot")
            try:
                yield database
            finally:
                beating.cancel()
                await asyncio.wait((beating,))
                await database._close()
        finally:
            writer.closing.set()
            await loop.run_in_executor(writer.thread, writer.close)
            writer.thread.shutdown(wait=False)

    @classmethod
    @asynccontextmanager
    async def attach(cls, url: str) -> AsyncIterator["Database"]:
        """Open the database next to a running bot, without a slot.

        Raises:
            StartRefused: the database can't be reached, or its schema is not this program's.
        """
        writer = Writer(url, takeover_s=0.0)
        loop = asyncio.get_running_loop()
        try:
            with refusing():
                await loop.run_in_executor(writer.thread, writer.attach)
            database = cls(url, writer, lambda _: None, die)
            try:
                yield database
            finally:
                await database._close()
        finally:
            writer.closing.set()
            await loop.run_in_executor(writer.thread, writer.close)
            writer.thread.shutdown(wait=False)

    async def _close(self) -> None:
        self._closed = True
        self._reports.close()
        await asyncio.get_running_loop().run_in_executor(self._reader.thread, self._reader.close)
        self._reader.thread.shutdown(wait=False)

    async def _beat(self) -> None:
        """Show that the process is alive until cancelled.

        The beat runs on the event loop, so that it stops if the loop is stuck.
        """
        held = self._writer.held
        assert held is not None  # noqa: S101 - _take has returned
        while True:
            try:
                await self._write(partial(_beat, held))
            except StoreBusy as error:
                log.warning("heartbeat failed", extra={"error": str(error)})
            await asyncio.sleep(slots.BEAT_S)

    @property
    def share(self) -> Share:
        """The share of the servers that this process serves."""
        return self._writer.share

    async def turn_to_identify(self, bucket: int) -> None:
        """Wait until this process may send an IDENTIFY of this bucket, and take that turn."""
        wait_s = 1.0
        while wait_s > 0:
            try:
                wait_s = await self._write(partial(identify_limit.take_turn, bucket=bucket))
            except StoreBusy:
                if self._closed:
                    raise
                wait_s = RETRY_AFTER_S  # don't fail: a connection to Discord is waiting for this turn
            await asyncio.sleep(wait_s)

    @property
    def scrubs_in_passing(self) -> bool:
        """Return False: rewriting a table locks it."""
        return False

    @property
    def waiting(self) -> int:
        """Number of writes waiting for their turn."""
        return self._waiting

    def may_act(self) -> bool:
        """Return whether the server has recently confirmed that this process owns its slot."""
        return slots.steady_s() - self._writer.proved_s <= self._writer.takeover_s / FENCE_SHARE

    async def write(self, fn: Callable[[engine.Tx], T]) -> T:
        """Run ``fn`` in an atomic transaction, which is durable when this returns.

        Raises:
            StoreBusy: the server could not be reached for 2 s, or another process held the rows;
                nothing was written.
            StoreLost: another process has the slot; nothing was written.
            Exception: whatever ``fn`` raised; nothing was written.
        """
        began_s = time.perf_counter()
        result = await self._write(fn)
        self._wrote(time.perf_counter() - began_s)
        return result

    async def _write(self, fn: Callable[[Tx], T]) -> T:
        if self._closed:
            raise StoreBusy("the database is closed", RETRY_AFTER_S)
        deadline_s = time.perf_counter() + GIVE_UP_AFTER_S
        self._waiting += 1
        try:
            entry = self._writer.thread.submit(self._run, fn, deadline_s)
            return await _settled(entry, deadline_s)
        finally:
            self._waiting -= 1

    def _run(self, fn: Callable[[Tx], T], deadline_s: float) -> T:
        try:
            return self._writer.run(fn, deadline_s)
        except SlotLost:
            self._die("another process has taken over the slot")
        except StartRefused as error:  # of a new session, after the server has failed over
            self._die(str(error))
        except psycopg.Error as error:
            raise DatabaseError(sentence(error)) from error

    async def read(self, fn: Callable[[engine.Tx], T]) -> T:
        """Run ``fn`` on a snapshot, without waiting for writers. It cannot write.

        Raises:
            StoreBusy: the server can't be reached.
            Exception: whatever ``fn`` raised.
        """
        with self._read_errors():
            return await asyncio.wrap_future(self._reader.thread.submit(self._reader.run, fn))

    async def report(self, fn: Callable[[engine.Tx], T]) -> T:
        """Run ``fn`` on a snapshot in its own session, so that a slow one delays nobody else.

        Raises:
            StoreBusy: the server can't be reached.
            Exception: whatever ``fn`` raised.
        """

        def read() -> T:
            tx = connect(self._url, name="tunesmith report", options=READING)
            try:
                return snapshot(fn, tx)
            finally:
                tx.close()

        with self._read_errors():
            return await self._reports.run(read)

    @contextmanager
    def _read_errors(self) -> Iterator[None]:
        if self._closed:
            raise StoreBusy("the database is closed", RETRY_AFTER_S)
        try:
            yield
        except MOMENTARY as error:
            raise StoreBusy(f"the database can't be read: {sentence(error)}", RETRY_AFTER_S) from error
        except psycopg.Error as error:
            raise DatabaseError(sentence(error)) from error

    async def take_over(
        self, take: Callable[[engine.Tx], int], is_current: Callable[[engine.Tx, int], bool]
    ) -> int:
        """Return the number given to this process by ``take``. Its slot keeps later processes out."""
        del is_current  # a process without its slot cannot write at all
        return await self.write(take)

    async def until_lost(self) -> str:
        """Wait forever: a process that loses its slot ends at once, in ``lost``."""
        await self._lost.wait()
        raise StoreLost("the slot was lost", RETRY_AFTER_S)

    async def scrub(
        self, first: int, record: Callable[[engine.Tx], object], tables: Sequence[str]
    ) -> int | None:
        """Rewrite the tables, one per call, at a quiet moment.

        VACUUM FULL leaves nothing of a deleted row in the table's files. Copies in the server's log, replicas
        and archives are the operator's responsibility (docs/postgresql.md).
        """
        place = first - engine.FIRST_PAGE
        await self._maintain(f"VACUUM (FULL) {tables[place]}")
        await self.write(record)
        return first + 1 if place + 1 < len(tables) else None

    async def empty_log(self) -> bool:
        """Do nothing: the server recycles its log by itself."""
        return True

    async def _maintain(self, statement: str) -> None:
        def run() -> None:
            tx = connect(self._url, name="tunesmith maintenance", options=MAINTAINING)
            try:
                tx.execute(statement)
            finally:
                tx.close()

        try:
            await self._reports.run(run)
        except MOMENTARY as error:
            raise StoreBusy(f"the database can't be cleaned: {sentence(error)}", RETRY_AFTER_S) from error


async def _take(writer: Writer, standby: Standby) -> None:
    """Wait until this process has taken a slot."""
    began_s, reached, stands_by = time.monotonic(), False, False
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        while True:
            try:
                if await loop.run_in_executor(writer.thread, writer.attempt):
                    assert writer.held is not None  # noqa: S101 - the attempt has set it
                    log.info("slot taken", extra={"slot": writer.held.slot, "epoch": writer.held.epoch})
                    return
                reached = True
            except MOMENTARY as error:
                if is_final(error) or not (reached or time.monotonic() - began_s < START_WITHIN_S):
                    raise refusal(error) from error
                log.warning("database unreachable", extra={"error": sentence(error)})
            except psycopg.ProgrammingError as error:
                raise refusal(error) from None
            if not stands_by:
                stands_by = True
                log.info("standing by")
                await stack.enter_async_context(standby.shown())
            try:
                async with asyncio.timeout(slots.LOOK_S):
                    await standby.stop.wait()
            except TimeoutError:
                continue
            raise Stopped


async def _settled(entry: Future[T], deadline_s: float) -> T:
    """Wait for a transaction; refuse it if its thread has not begun it by the deadline."""
    waiting = asyncio.wrap_future(entry)
    waiting.add_done_callback(_look_at)
    await asyncio.wait((waiting,), timeout=max(0.0, deadline_s - time.perf_counter()))
    if not waiting.done() and entry.cancel():
        raise StoreBusy("the database can't be written to: the writer was busy", RETRY_AFTER_S)
    return await waiting


def _look_at(future: asyncio.Future[T]) -> None:
    """Retrieve an error that nobody awaits any more because its caller was cancelled."""
    if not future.cancelled():
        future.exception()


def _beat(held: slots.Held, tx: Tx) -> None:
    slots.beat(tx, held)
