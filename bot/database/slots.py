"""Slots, which decide which processes work on a PostgreSQL database: those whose writing session owns one.

A slot is an advisory lock of that one session, and a row with an epoch and a beat. If the process dies, the
server ends its session and releases the lock. If the process only freezes, its beat stops: a standby sees
the same beat for ``takeover_s`` by its own clock, and has the server end that session. From then on the old
process can write nothing, since its next session finds the slot taken or the epoch changed. Clocks of two
machines are never compared, and no lease is computed.

All processes of a fleet are configured with the same number of slots, and each slot serves its share of the
servers (``share``). To serve every server exactly once, the rows store that number, and processes with
another one wait until no slot is held.

A free slot that its holder has not given back is left alone for up to ``GRACE_S``: a process that has lost
only its connection takes it up again under the same epoch, and none of its work is lost.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from msgspec import Struct

from bot.database import identify_limit
from bot.database.postgresql_tx import Tx
from bot.database.share import LOCKS, SLOTS_MAX

SCHEMA_LOCK: Final = -1
"""Second number of the advisory lock for taking slots and changing the schema."""
BEAT_S: Final = 1.0
"""Interval between two beats, in seconds."""
LOOK_S: Final = 0.25
"""Interval between two looks of a standby at the slots, in seconds."""
LATE_LOOK_S: Final = 2.0
"""Interval between two looks beyond which the standby itself has been frozen and counts anew, in seconds."""
GRACE_S: Final = 2.5
"""How long a slot that was not given back is reserved for its last holder, in seconds."""
TABLE: Final = """CREATE TABLE IF NOT EXISTS slot (
  id BIGINT PRIMARY KEY,
  epoch BIGINT NOT NULL,
  beat BIGINT NOT NULL,
  size BIGINT NOT NULL,  -- number of slots that the holder was started for
  holder TEXT NOT NULL,  -- host and process; empty: given back
  signed BIGINT NOT NULL DEFAULT 0  -- the holder's number of its last transaction that wrote something
)"""
_ROWS: Final = "SELECT id, epoch, beat, size, holder FROM slot"
_OURS: Final = """locktype = 'advisory' AND granted AND classid = CAST(:locks AS oid)
              AND pid <> pg_backend_pid()
              AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""


class SlotLost(Exception):
    """Another process has the slot: this one must neither pay nor post any more."""


class OtherSize(Exception):
    """Processes started for another number of slots are running."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


def steady_s() -> float:
    """Return a time in seconds that advances while the process is stopped.

    Where possible, it also advances while the machine is suspended.
    """
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def this_process() -> str:
    """Return this process's host and id, for people who inspect the table."""
    return f"{os.uname().nodename}:{os.getpid()}"


class Beat(Struct, frozen=True):
    """Contents of a slot's row at a look."""

    epoch: int
    beat: int
    given_back: bool


class Watch:
    """Measures how long a beat has not changed, only by this process's own clock and looks."""

    def __init__(self, now_s: Callable[[], float] = steady_s) -> None:
        self._now_s = now_s
        self._beat: Beat | None = None
        self._since_s = self._looked_s = now_s()

    def look(self, beat: Beat | None) -> float:
        """Note the row and return how long it has been the same, in seconds."""
        now_s = self._now_s()
        if beat != self._beat or now_s - self._looked_s > LATE_LOOK_S:
            self._beat, self._since_s = beat, now_s
        self._looked_s = now_s
        return now_s - self._since_s


class _Row(NamedTuple):
    """A row of the slot table."""

    id: int
    epoch: int
    beat: int
    size: int
    holder: str


class Held(Struct, frozen=True, kw_only=True):
    """A slot held by this process."""

    slot: int
    epoch: int


class Lookout:
    """The slots as seen by a process without one, only by its own clock and looks."""

    def __init__(self, size: int, takeover_s: float, now_s: Callable[[], float] = steady_s) -> None:
        self.size = size
        self._takeover_s = takeover_s
        self._now_s = now_s
        self._watches: dict[int, Watch] = {}

    def look(self, tx: Tx) -> list[int]:
        """Return the slots that seem free, lowest first.

        A frozen holder loses its session at this look, and its slot at a later one.

        Raises:
            OtherSize: a process started for another number of slots holds one.
        """
        rows = {row["id"]: _Row(*row) for row in tx.execute(_ROWS).fetchall()}
        locked, free, is_waiting = locked_slots(tx), [], False
        for slot in sorted({*range(self.size), *rows}):
            row = rows.get(slot)
            beat = None if row is None else Beat(row.epoch, row.beat, given_back=row.holder == "")
            same_s = self._watches.setdefault(slot, Watch(self._now_s)).look(beat)
            if row is None or beat is None or beat.given_back:
                if slot < self.size and slot not in locked:
                    free.append(slot)
            elif slot in locked and row.size != self.size:
                raise OtherSize(row.size)
            elif slot in locked:
                if same_s >= self._takeover_s:
                    _end_holder(tx, slot, beat)
            elif same_s < min(GRACE_S, self._takeover_s / 2):
                is_waiting |= row.size != self.size
            elif slot < self.size:
                free.append(slot)
        return [] if is_waiting else free


def prepare(tx: Tx) -> None:
    """Create the fleet's tables, which exist before the schema, if they are missing."""
    with exclusively(tx):
        tx.execute(TABLE)
        tx.execute(identify_limit.TABLE)


@contextmanager
def exclusively(tx: Tx) -> Iterator[None]:
    """Run one transaction during which nobody else takes a slot or changes the schema."""
    tx.execute("BEGIN")
    try:
        tx.execute("SELECT pg_advisory_xact_lock(?, ?)", (LOCKS, SCHEMA_LOCK))
        yield
        tx.execute("COMMIT")
    except BaseException:  # re-raised; the locks must not stay
        if tx.usable and tx.in_transaction:
            tx.execute("ROLLBACK")
        raise


def take(tx: Tx, slot: int, size: int, holder: str) -> Held | None:
    """Take a slot that seemed free, within ``exclusively``. Return None if it isn't free."""
    rows = tx.execute("SELECT id FROM slot WHERE size <> ? AND holder <> ''", (size,)).fetchall()
    if locked_slots(tx) & {row["id"] for row in rows} or not lock(tx, slot):
        return None
    # A process of another size that reconnects would serve servers that now belong to others.
    tx.execute(
        "UPDATE slot SET epoch = epoch + 1, holder = '', size = :size WHERE size <> :size", {"size": size}
    )
    taken = tx.execute(
        """INSERT INTO slot (id, epoch, beat, size, holder) VALUES (:id, 1, 0, :size, :holder)
           ON CONFLICT (id) DO UPDATE
             SET epoch = slot.epoch + 1, beat = slot.beat + 1, holder = excluded.holder, signed = 0
           RETURNING epoch""",
        {"id": slot, "size": size, "holder": holder},
    ).fetchone()
    return Held(slot=slot, epoch=taken["epoch"])


def name_writer(tx: Tx, held: Held) -> None:
    """Count the session's writes in the slot's own totals, so that they wait for no other slot's."""
    tx.execute("SELECT set_config('tunesmith.writer', ?, false)", (str(held.slot),))


def dismiss_others(tx: Tx, slot: int) -> None:
    """Keep processes that have lost their connection from coming back, within ``exclusively``."""
    tx.execute("UPDATE slot SET epoch = epoch + 1, holder = '' WHERE id <> ? AND holder <> ''", (slot,))


def locked_slots(tx: Tx) -> set[int]:
    """Return the slots locked by other processes' sessions."""
    rows = tx.execute(
        f"SELECT CAST(objid AS BIGINT) AS slot FROM pg_locks WHERE {_OURS}", {"locks": LOCKS}
    ).fetchall()
    return {row["slot"] for row in rows if row["slot"] < SLOTS_MAX}


def lock(tx: Tx, slot: int) -> bool:
    """Lock the slot for this session. Returns False if another session has it."""
    return bool(tx.execute("SELECT pg_try_advisory_lock(?, ?)", (LOCKS, slot)).fetchone()[0])


def _end_holder(tx: Tx, slot: int, beat: Beat) -> None:
    """End the session of a holder whose beat has not changed since the look."""
    tx.execute(
        f"""SELECT pg_terminate_backend(pid) FROM pg_locks WHERE {_OURS} AND objid = CAST(:slot AS oid)
              AND EXISTS (SELECT 1 FROM slot WHERE id = :slot AND epoch = :epoch AND beat = :beat)""",
        {"locks": LOCKS, "slot": slot, "epoch": beat.epoch, "beat": beat.beat},
    )


def take_up_again(tx: Tx, held: Held, old_session: int) -> bool:
    """Lock the slot in a new session of its holder. Return False if the lost session still has the lock.

    ``old_session`` is the backend pid of the lost session, whose end the server may not have noticed yet.

    Raises:
        SlotLost: another process has the slot, or has had it in between.
    """
    with exclusively(tx):
        locked = lock(tx, held.slot)
        row = tx.execute("SELECT epoch FROM slot WHERE id = ?", (held.slot,)).fetchone()
        if row is None or row["epoch"] != held.epoch:
            raise SlotLost
    if not locked:
        tx.execute(
            f"""SELECT pg_terminate_backend(pid) FROM pg_locks
                WHERE {_OURS} AND objid = CAST(:slot AS oid) AND pid = :old""",
            {"locks": LOCKS, "slot": held.slot, "old": old_session},
        )
    return locked


def beat(tx: Tx, held: Held) -> None:
    """Show that the holder is alive. Losing a beat does no harm, so it is not flushed.

    Raises:
        SlotLost: another process has the slot.
    """
    tx.execute("SET LOCAL synchronous_commit = off")
    changed = tx.execute(
        "UPDATE slot SET beat = beat + 1 WHERE id = ? AND epoch = ?", (held.slot, held.epoch)
    )
    if changed.rowcount != 1:
        raise SlotLost


def sign(tx: Tx, held: Held, number: int) -> bool:
    """Write a number into the slot's row if the transaction has written anything. Return whether it did.

    The condition uses a function that does not assign a transaction number, as others would.
    """
    return (
        tx.execute(
            """UPDATE slot SET signed = :number
               WHERE id = :slot AND epoch = :epoch AND pg_current_xact_id_if_assigned() IS NOT NULL""",
            {"number": number, "slot": held.slot, "epoch": held.epoch},
        ).rowcount
        == 1
    )


def signed(tx: Tx, held: Held) -> int | None:
    """Return the number of the holder's last committed transaction."""
    row = tx.execute("SELECT signed FROM slot WHERE id = ? AND epoch = ?", (held.slot, held.epoch)).fetchone()
    return None if row is None else row["signed"]


def give_back(tx: Tx, held: Held) -> None:
    """Release the slot to a standby at once."""
    tx.execute("UPDATE slot SET holder = '' WHERE id = ? AND epoch = ?", (held.slot, held.epoch))
