"""The session of a PostgreSQL server that writes: its slot, its transactions, and the outcome of each.

What is reported as not written is never written later. While the outcome of a commit is open, its caller
waits: neither "done" nor "busy" would be true.
"""

import logging
import threading
import time
from asyncio import CancelledError
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final, TypeVar

import psycopg

from bot.database import clocks, identity, postgresql_schema, slots
from bot.database.engine import RETRY_AFTER_S
from bot.database.postgresql_errors import COLLISIONS, MOMENTARY, sentence
from bot.database.postgresql_tx import Tx, connect
from bot.database.share import EVERYTHING, Share
from bot.errors import StartRefused, StoreBusy

log = logging.getLogger(__name__)

T = TypeVar("T")

RECONNECT_PAUSE_S: Final = 0.1
LOCK_TIMEOUT_MS: Final = 1_500
"""Wait of one statement for a row that another process has locked."""
STATEMENT_TIMEOUT_MS: Final = 10_000
IDLE_TIMEOUT_MS: Final = 10_000
"""How long a transaction may stand still before the server ends its session and frees its locks."""

WRITING: Final[dict[str, str | int]] = {
    "lock_timeout": LOCK_TIMEOUT_MS,
    "statement_timeout": STATEMENT_TIMEOUT_MS,
    "idle_in_transaction_session_timeout": IDLE_TIMEOUT_MS,
    "default_transaction_isolation": r"read\ committed",
}


class Writer:
    """The writing session, on its one thread."""

    def __init__(self, url: str, takeover_s: float, processes: int = 1) -> None:
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="tunesmith-writer")
        self.takeover_s = takeover_s
        self.held: slots.Held | None = None
        """The slot that the process has, and the epoch under which it does; None without one."""
        self.proved_s = -takeover_s
        """When the server last showed that the slot is this process's, as of before it was asked."""
        self.closing = threading.Event()
        self._url = url
        self._tx: Tx | None = None
        self._session = 0
        self._transactions = 0
        self._processes = processes
        self._lookout = slots.Lookout(processes, takeover_s)
        self._began, self._began_s = clocks.wall_clock(), slots.steady_s()
        self._holder = slots.this_process()

    # -- the slot

    @property
    def share(self) -> Share:
        """The servers for which the process works."""
        return EVERYTHING if self.held is None else Share(slot=self.held.slot, slots=self._processes)

    def attempt(self) -> bool:
        """Take the lowest free slot, if there is one. Raises psycopg.Error while the server is out of reach.

        Raises:
            StartRefused: processes of another number of slots are working, or of a newer program; or this
                machine's clock is wrong.
        """
        if self._tx is None or not self._tx.usable:
            self._tx = self._connect()
            clocks.refuse_apart(self._tx, self._now)
            slots.prepare(self._tx)
            postgresql_schema.refuse_unusable(self._tx)
        began_s = slots.steady_s()
        try:
            free = self._lookout.look(self._tx)
        except slots.OtherSize as error:
            raise StartRefused(
                f"PROCESSES: this process was started for {self._processes}, and others are running for "
                f"{error.size}; stop them all, then start them with the same number."
            ) from None
        if free:  # a standby may have waited for weeks
            clocks.refuse_apart(self._tx, self._now)
        for slot in free:
            with slots.exclusively(self._tx):
                self.held = postgresql_schema.take_slot(self._tx, slot, self._processes, self._holder)
            if self.held is not None:
                self.proved_s = began_s
                break
        return self.held is not None

    def _now(self) -> datetime:
        """Return the time by which the process works: that of its start and what has passed since."""
        return self._began + timedelta(seconds=slots.steady_s() - self._began_s)

    def attach(self) -> None:
        """Connect without a slot, next to a bot that runs."""
        self._tx = self._connect()
        postgresql_schema.refuse_other_schema(self._tx)

    def _connect(self) -> Tx:
        tx = connect(self._url, name="tunesmith", options=WRITING)
        # With commits that are not flushed, a crash of the server loses the last ones, and a lost
        # `submitting` is a second charge.
        tx.execute(
            """SELECT set_config('synchronous_commit', 'on', false)
               WHERE current_setting('synchronous_commit') = 'off'"""
        )
        try:
            identity.refuse_other(tx)
        except BaseException:
            tx.close()
            raise
        self._session = tx.connection.info.backend_pid
        return tx

    def _again(self) -> Tx:
        """Return a session that holds what the lost one held.

        Raises:
            SlotLost: another process has the slot, or has had it.
            psycopg.OperationalError: not yet.
        """
        old_session, tx = self._session, self._connect()
        try:
            taken = self.held is None or slots.take_up_again(tx, self.held, old_session)
        except BaseException:
            tx.close()
            self._session = old_session
            raise
        if not taken:
            tx.close()
            self._session = old_session
            raise psycopg.OperationalError("the lost session still has the slot")
        return tx

    # -- transactions

    def run(self, fn: Callable[[Tx], T], deadline_s: float) -> T:
        """Run ``fn`` in one transaction, again after a collision or a lost session, until the deadline.

        Raises:
            SlotLost: this process no longer holds the slot.
            StoreBusy: it was not possible in time; nothing was written.
        """
        while True:
            try:
                if self._tx is None or not self._tx.usable:
                    self._tx = self._again()
                return self._once(self._tx, fn)
            except COLLISIONS as error:
                failed: psycopg.Error = error
            except MOMENTARY as error:
                failed = error
                if self._tx is not None and not self._tx.usable:
                    self._tx.close()
                time.sleep(RECONNECT_PAUSE_S)
            if time.perf_counter() >= deadline_s or self.closing.is_set():
                raise StoreBusy(
                    f"the database can't be written to: {sentence(failed)}", RETRY_AFTER_S
                ) from failed

    def _once(self, tx: Tx, fn: Callable[[Tx], T]) -> T:
        began_s = slots.steady_s()
        tx.execute("BEGIN")
        try:
            result = fn(tx)
            sign = self._sign(tx)
        except BaseException:
            if tx.usable and tx.in_transaction:
                with suppress(*MOMENTARY):
                    tx.execute("ROLLBACK")
            raise
        try:
            tx.execute("COMMIT")
        except MOMENTARY as error:
            if sign is None or tx.usable or not self._was_committed(sign):
                raise
            log.warning("commit confirmed later", extra={"error": sentence(error)})
        self.proved_s = began_s
        return result

    def _sign(self, tx: Tx) -> str | None:
        """Return by what the transaction is known if its commit is not answered, or None if it wrote nothing.

        In that case it may be run again. Whoever holds a slot writes a number of its own into its row. The
        server's number of the transaction is taken without a slot only: after a crash, the server may give
        it to another one.
        """
        if self.held is None:
            # None for a transaction that has written nothing; asked earlier, it would give it a number.
            xid = tx.execute("SELECT CAST(pg_current_xact_id_if_assigned() AS TEXT)").fetchone()[0]
            return None if xid is None else str(xid)
        self._transactions += 1
        is_signed = slots.sign(tx, self.held, self._transactions)
        return str(self._transactions) if is_signed else None

    def _was_committed(self, sign: str) -> bool:
        """Return whether a commit whose answer was lost has happened. The server knows, once it is back.

        Raises:
            SlotLost: another process has the slot; its view of the database counts now.
            CancelledError: the process is closing, and will not find out. Its caller ends with it, told
                neither.
        """
        while not self.closing.is_set():
            try:
                self._tx = self._again()
                if self.held is not None:  # the lost session is over: it no longer has the lock
                    return slots.signed(self._tx, self.held) == int(sign)
                row = self._tx.execute("SELECT pg_xact_status(CAST(? AS xid8))", (sign,)).fetchone()
                if row[0] != "in progress":
                    return bool(row[0] == "committed")
            except MOMENTARY as error:
                log.warning("commit not confirmed yet", extra={"error": sentence(error)})
            except psycopg.errors.InvalidParameterValue:
                return False  # the server crashed, and never kept anything of a transaction of this number
            time.sleep(RECONNECT_PAUSE_S)
        raise CancelledError

    def close(self) -> None:
        """Give the slot back and end the session."""
        tx = self._tx
        if tx is None:
            return
        with suppress(*MOMENTARY):
            if tx.usable and self.held is not None:
                slots.give_back(tx, self.held)
        tx.close()
