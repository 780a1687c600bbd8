"""Which processes work on a PostgreSQL database: those whose writing session owns a slot.

A slot is an advisory lock of the one session that writes, and a row with an epoch and a beat. If the
process dies, the server ends its session and the lock is free. If it only stands still, its beat stops:
whoever stands by sees the same beat for ``takeover_s`` on a clock of its own, and has the server end that
session. From then on nothing of the old process can be written, since its next session finds the slot taken
or another epoch. No clocks of two machines are compared, and no lease is computed.

A fleet has as many slots as every one of its processes was told to have, and each slot works for its share of
the servers (``share``). So that nobody works for a server twice or never, the number stands in the rows, and
processes with another number wait until none of the slots is held.

A free slot whose holder has not given it back is left alone for ``grace_s``: a process that has lost only its
connection takes it up again under the same epoch, and nothing of its work is lost.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from msgspec import Struct

from bot.database import pace
from bot.database.postgresql_tx import Tx
from bot.database.share import LOCKS, SLOTS_MAX

SCHEMA_LOCK: Final = -1
"""Second number of the lock under which slots are taken and the schema is changed."""
BEAT_S: Final = 1.0
"""Interval between two beats, in seconds."""
LOOK_S: Final = 0.25
"""Interval at which a standby looks at the slots, in seconds."""
LATE_LOOK_S: Final = 2.0
"""Interval between two looks from which on a standby has stood still itself, and starts counting anew."""
GRACE_S: Final = 2.5
"""How long a slot that was not given back is left to its last holder, in seconds."""
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
    """The slot is another process's: this one can neither pay nor post any more."""


class OtherSize(Exception):
    """Processes that were started for another number of slots are working."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


def steady_s() -> float:
    """Return a time in seconds that goes on while the process is stopped, and where possible the machine."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def this_process() -> str:
    """Return the host and the number of this process, for people who look into the table."""
    return f"{os.uname().nodename}:{os.getpid()}"


class Beat(Struct, frozen=True):
    """Content of a slot's row when it was looked at."""

    epoch: int
    beat: int
    given_back: bool


class Watch:
    """For how long the beat has not changed, by this process's clock and own looks alone."""

    def __init__(self, now_s: Callable[[], float] = steady_s) -> None:
        self._now_s = now_s
        self._beat: Beat | None = None
        self._since_s = self._looked_s = now_s()

    def look(self, beat: Beat | None) -> float:
        """Take note of the row and return for how many seconds it has been the same."""
        now_s = self._now_s()
        if beat != self._beat or now_s - self._looked_s > LATE_LOOK_S:
            self._beat, self._since_s = beat, now_s
        self._looked_s = now_s
        return now_s - self._since_s


class _Row(NamedTuple):
    """A row of the table."""

    id: int
    epoch: int
    beat: int
    size: int
    holder: str


class Held(Struct, frozen=True, kw_only=True):
    """A slot that is this process's."""

    slot: int
    epoch: int


class Lookout:
    """The slots as a process without one sees them, by its own clock and looks alone."""

    def __init__(self, size: int, takeover_s: float, now_s: Callable[[], float] = steady_s) -> None:
        self.size = size
        self._takeover_s = takeover_s
        self._now_s = now_s
        self._watches: dict[int, Watch] = {}

    def look(self, tx: Tx) -> list[int]:
        """Return the slots that seem free, lowest first.

        A holder that stands still loses its session at this look, and its slot at a later one.

        Raises:
            OtherSize: a process that was started for another number of slots has one.
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
    """Create the tables of the fleet if they are missing. They exist before the schema."""
    with exclusively(tx):
        tx.execute(TABLE)
        tx.execute(pace.TABLE)


@contextmanager
def exclusively(tx: Tx) -> Iterator[None]:
    """Run one transaction in which nobody else takes a slot or changes the schema."""
    tx.execute("BEGIN")
    try:
        tx.execute("SELECT pg_advisory_xact_lock(?, ?)", (LOCKS, SCHEMA_LOCK))
        yield
        tx.execute("COMMIT")
    except BaseException:
        if tx.usable and tx.in_transaction:
            tx.execute("ROLLBACK")
        raise


def take(tx: Tx, slot: int, size: int, holder: str) -> Held | None:
    """Take a slot that seemed free, within ``exclusively``. Return None if it is not."""
    rows = tx.execute("SELECT id FROM slot WHERE size <> ? AND holder <> ''", (size,)).fetchall()
    if locked_slots(tx) & {row["id"] for row in rows} or not lock(tx, slot):
        return None
    # A process of another size that comes back after a lost connection would work for others' servers.
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


def dismiss_others(tx: Tx, slot: int) -> None:
    """Keep processes from coming back that have lost their connection, within ``exclusively``."""
    tx.execute("UPDATE slot SET epoch = epoch + 1, holder = '' WHERE id <> ? AND holder <> ''", (slot,))


def locked_slots(tx: Tx) -> set[int]:
    """Return the slots that sessions of other processes have locked."""
    rows = tx.execute(
        f"SELECT CAST(objid AS BIGINT) AS slot FROM pg_locks WHERE {_OURS}", {"locks": LOCKS}
    ).fetchall()
    return {row["slot"] for row in rows if row["slot"] < SLOTS_MAX}


def lock(tx: Tx, slot: int) -> bool:
    """Lock the slot for this session, if nobody else has it."""
    return bool(tx.execute("SELECT pg_try_advisory_lock(?, ?)", (LOCKS, slot)).fetchone()[0])


def _end_holder(tx: Tx, slot: int, beat: Beat) -> None:
    """End the session of a holder whose beat is still the one that was watched."""
    tx.execute(
        f"""SELECT pg_terminate_backend(pid) FROM pg_locks WHERE {_OURS} AND objid = CAST(:slot AS oid)
              AND EXISTS (SELECT 1 FROM slot WHERE id = :slot AND epoch = :epoch AND beat = :beat)""",
        {"locks": LOCKS, "slot": slot, "epoch": beat.epoch, "beat": beat.beat},
    )


def take_up_again(tx: Tx, held: Held, old_session: int) -> bool:
    """Lock the slot in a new session of the process that holds it. Return False if the server is not ready.

    ``old_session`` is the server's number of the session that was lost, which the server may not have
    noticed yet.

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
    """Show that the holder is alive. A lost beat does no harm, so it is not flushed.

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
    """Write a number into the slot's row, as a part of a transaction that has written something. Else False.

    Asking for a transaction's number would give it one, so the condition only looks.
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
    """Return the number of the holder's last transaction that was committed."""
    row = tx.execute("SELECT signed FROM slot WHERE id = ? AND epoch = ?", (held.slot, held.epoch)).fetchone()
    return None if row is None else row["signed"]


def give_back(tx: Tx, held: Held) -> None:
    """Leave the slot to whoever stands by, at once."""
    tx.execute("UPDATE slot SET holder = '' WHERE id = ? AND epoch = ?", (held.slot, held.epoch))
