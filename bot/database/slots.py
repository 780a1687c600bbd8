"""Which process works on a PostgreSQL database: the one whose writing session owns the slot.

The slot is an advisory lock of the one session that writes, and a row with an epoch and a beat. If the
process dies, the server ends its session and the lock is free. If it only stands still, its beat stops:
whoever stands by sees the same beat for ``takeover_s`` on a clock of its own, and has the server end that
session. From then on nothing of the old process can be written, since its next session finds the slot taken
or another epoch. No clocks of two machines are compared, and no lease is computed.

A free slot whose holder has not given it back is left alone for ``grace_s``: a process that has lost only its
connection takes it up again under the same epoch, and nothing of its work is lost.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bot.database.postgresql_tx import Tx

LOCKS: Final = 0x54554E45
"""First number of this program's advisory locks: "TUNE". The second is the slot's."""
SLOT: Final = 0
SCHEMA_LOCK: Final = -1
"""Second number of the lock under which the schema is changed."""
BEAT_S: Final = 1.0
"""Interval between two beats, in seconds."""
LOOK_S: Final = 0.25
"""Interval at which a standby looks at the slot, in seconds."""
LATE_LOOK_S: Final = 2.0
"""Interval between two looks from which on a standby has stood still itself, and starts counting anew."""
GRACE_S: Final = 2.5
"""How long a slot that was not given back is left to its last holder, in seconds."""
TABLE: Final = """CREATE TABLE IF NOT EXISTS slot (
  id BIGINT PRIMARY KEY,
  epoch BIGINT NOT NULL,
  beat BIGINT NOT NULL,
  holder TEXT NOT NULL  -- host and process; empty: given back
)"""
_HELD: Final = """locktype = 'advisory' AND granted AND classid = CAST(:locks AS oid)
              AND objid = CAST(:slot AS oid) AND pid <> pg_backend_pid()
              AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""


class SlotLost(Exception):
    """The slot is another process's: this one can neither pay nor post any more."""


def steady_s() -> float:
    """Return a time in seconds that goes on while the process is stopped, and where possible the machine."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def this_process() -> str:
    """Return the host and the number of this process, for people who look into the table."""
    return f"{os.uname().nodename}:{os.getpid()}"


@dataclass(frozen=True, slots=True)
class Beat:
    """Content of the slot's row when it was looked at."""

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


def prepare(tx: Tx) -> None:
    """Create the slot's table if it is missing. It exists before the schema, which only a holder changes."""
    tx.execute("BEGIN")
    tx.execute("SELECT pg_advisory_xact_lock(?, ?)", (LOCKS, SCHEMA_LOCK))
    tx.execute(TABLE)
    tx.execute("COMMIT")


def attempt(tx: Tx, watch: Watch, takeover_s: float, holder: str) -> int | None:
    """Take the slot if it is free or its holder stands still. Return the new epoch, or None.

    A holder that stands still loses its session at this look, and its slot at a later one.
    """
    row = tx.execute("SELECT epoch, beat, holder FROM slot WHERE id = ?", (SLOT,)).fetchone()
    beat = None if row is None else Beat(row["epoch"], row["beat"], row["holder"] == "")
    same_s = watch.look(beat)
    if beat is not None and not beat.given_back and same_s < min(GRACE_S, takeover_s / 2):
        return None
    if lock(tx):
        taken = tx.execute(
            """INSERT INTO slot (id, epoch, beat, holder) VALUES (:id, 1, 0, :holder)
               ON CONFLICT (id) DO UPDATE
                 SET epoch = slot.epoch + 1, beat = slot.beat + 1, holder = excluded.holder
               RETURNING epoch""",
            {"id": SLOT, "holder": holder},
        ).fetchone()
        return int(taken["epoch"])
    if beat is not None and same_s >= takeover_s:
        _end_holder(tx, beat)
    return None


def lock(tx: Tx) -> bool:
    """Lock the slot for this session, if nobody else has it."""
    return bool(tx.execute("SELECT pg_try_advisory_lock(?, ?)", (LOCKS, SLOT)).fetchone()[0])


def _end_holder(tx: Tx, beat: Beat) -> None:
    """End the session of a holder whose beat is still the one that was watched."""
    tx.execute(
        f"""SELECT pg_terminate_backend(pid) FROM pg_locks WHERE {_HELD}
              AND EXISTS (SELECT 1 FROM slot WHERE id = :slot AND epoch = :epoch AND beat = :beat)""",
        {"locks": LOCKS, "slot": SLOT, "epoch": beat.epoch, "beat": beat.beat},
    )


def take_up_again(tx: Tx, epoch: int, old_session: int) -> bool:
    """Lock the slot in a new session of the process that holds it. Return False if the server is not ready.

    ``old_session`` is the server's number of the session that was lost, which the server may not have
    noticed yet.

    Raises:
        SlotLost: another process has the slot, or has had it in between.
    """
    locked = lock(tx)
    row = tx.execute("SELECT epoch FROM slot WHERE id = ?", (SLOT,)).fetchone()
    if row is None or row["epoch"] != epoch:
        raise SlotLost
    if not locked:
        tx.execute(
            f"SELECT pg_terminate_backend(pid) FROM pg_locks WHERE {_HELD} AND pid = :old",
            {"locks": LOCKS, "slot": SLOT, "old": old_session},
        )
    return locked


def beat(tx: Tx, epoch: int) -> None:
    """Show that the holder is alive. A lost beat does no harm, so it is not flushed.

    Raises:
        SlotLost: another process has the slot.
    """
    tx.execute("SET LOCAL synchronous_commit = off")
    changed = tx.execute("UPDATE slot SET beat = beat + 1 WHERE id = ? AND epoch = ?", (SLOT, epoch))
    if changed.rowcount != 1:
        raise SlotLost


def give_back(tx: Tx, epoch: int) -> None:
    """Leave the slot to whoever stands by, at once."""
    tx.execute("UPDATE slot SET holder = '' WHERE id = ? AND epoch = ?", (SLOT, epoch))
