"""The writing session on a PostgreSQL server: its slot, its transactions, and their outcomes.

A write that is reported as not done is never done later. While the outcome of a commit is unknown, its caller
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
"""Maximum wait of one statement for a row locked by another process, in milliseconds."""
STATEMENT_TIMEOUT_MS: Final = 10_000
IDLE_TIMEOUT_MS: Final = 10_000
"""How long a transaction may be idle before the server ends its session and frees its locks, in ms."""

WRITING: Final[dict[str, str | int]] = {
    "lock_timeout": LOCK_TIMEOUT_MS,
    "statement_timeout": STATEMENT_TIMEOUT_MS,
    "idle_in_transaction_session_timeout": IDLE_TIMEOUT_MS,
    "default_transaction_isolation": r"read\ committed",
}


class Writer:
    """The writing session, on its own thread."""

    def __init__(self, url: str, takeover_s: float, processes: int = 1) -> None:
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="tunesmith-writer")
        self.takeover_s = takeover_s
        self.held: slots.Held | None = None
        """The process's slot, and the epoch of its claim; None without a slot."""
        self.proved_s = -takeover_s
        """Start of the last exchange in which the server confirmed the slot, in steady seconds."""
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
        """The share of the servers that the process serves."""
        return EVERYTHING if self.held is None else Share(slot=self.held.slot, slots=self._processes)

    def attempt(self) -> bool:
        """Take the lowest free slot, if there is one. Returns whether there was.

        Raises:
            StartRefused: processes with another number of slots, or of a newer program, are running; or this
                machine's clock is wrong.
            psycopg.Error: the server is out of reach.
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
                slots.name_writer(self._tx, self.held)
                break
        return self.held is not None

    def _now(self) -> datetime:
        """Return the time by the process's own clock: its start plus the steady time since."""
        return self._began + timedelta(seconds=slots.steady_s() - self._began_s)

    def attach(self) -> None:
        """Connect without a slot, next to a running bot."""
        self._tx = self._connect()
        postgresql_schema.refuse_other_schema(self._tx)

    def _connect(self) -> Tx:
        tx = connect(self._url, name="tunesmith", options=WRITING)
        # With unflushed commits, a server crash would lose the last ones, and a lost `submitting` means a
        # second charge.
        tx.execute(
            """SELECT set_config('synchronous_commit', 'on', false)
               WHERE current_setting('synchronous_commit') = 'off'"""
        )
        try:
            identity.refuse_other(tx)
        except BaseException:  # re-raised; the session must not stay open
            tx.close()
            raise
        self._session = tx.connection.info.backend_pid
        return tx

    def _again(self) -> Tx:
        """Return a new session that has taken over the slot of the lost one.

        Raises:
            SlotLost: another process has the slot, or has had it.
            psycopg.OperationalError: the lost session still has the slot, or the server is out of reach.
        """
        old_session, tx = self._session, self._connect()
        try:
            taken = self.held is None or slots.take_up_again(tx, self.held, old_session)
            if self.held is not None:
                slots.name_writer(tx, self.held)
        except BaseException:  # as above
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
        """Run ``fn`` in one transaction, retrying after a collision or a lost session until the deadline.

        Raises:
            SlotLost: this process no longer holds the slot.
            StoreBusy: the deadline has passed; nothing was written.
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
        except BaseException:  # re-raised; nothing of the transaction may stay
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
        """Return a sign by which to find the transaction if its commit goes unanswered.

        None means that the transaction wrote nothing and may be run again. A process with a slot writes a
        number of its own into the slot's row. The server's transaction number is used only without a slot:
        after a crash, the server may assign it to another transaction.
        """
        if self.held is None:
            # NULL for a transaction that has written nothing; other functions would assign a number to it.
            xid = tx.execute("SELECT CAST(pg_current_xact_id_if_assigned() AS TEXT)").fetchone()[0]
            return None if xid is None else str(xid)
        self._transactions += 1
        is_signed = slots.sign(tx, self.held, self._transactions)
        return str(self._transactions) if is_signed else None

    def _was_committed(self, sign: str) -> bool:
        """Ask the server, once it is back, whether a commit whose answer was lost took place.

        Raises:
            SlotLost: another process has the slot; its view of the database counts now.
            CancelledError: the process is closing and cannot find out; the caller ends with it, not
                knowing either way.
        """
        while not self.closing.is_set():
            try:
                self._tx = self._again()
                if self.held is not None:  # the lost session has ended, since it no longer has the lock
                    return slots.signed(self._tx, self.held) == int(sign)
                row = self._tx.execute("SELECT pg_xact_status(CAST(? AS xid8))", (sign,)).fetchone()
                if row[0] != "in progress":
                    return bool(row[0] == "committed")
            except MOMENTARY as error:
                log.warning("commit not confirmed yet", extra={"error": sentence(error)})
            except psycopg.errors.InvalidParameterValue:
                return False  # the server crashed, and kept nothing of a transaction with this number
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
