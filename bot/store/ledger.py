"""The credit ledger: grant, hold, settle, release, refund. Each function is one part of a transaction.

A hold draws on the allowance first, then on the bonus. The job stores that split and its day, so that a
release returns the credits to where they came from. The ledger is append-only; the counters in ``guild``
and ``usage`` change in the same transaction and can be recomputed from it.
"""

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from bot.balance import Balance, ChangedBy, Period
from bot.database.engine import Tx
from bot.model import GuildId, JobId, MemberNumber
from bot.refusals import NotEnoughCredits, OutOfRange
from bot.store import calendars
from bot.store.changes import Allowance, Credits, Status
from bot.store.ledger_entries import Booking, Hold, append, book, booking_of, note
from bot.store.members import WHOLE_GUILD

_COUNT = """UPDATE usage SET
  allowance_held = allowance_held + :allowance * :held_by,
  allowance_used = allowance_used + :allowance * :used_by,
  bonus_held = bonus_held + :bonus * :held_by,
  bonus_used = bonus_used + :bonus * :used_by
WHERE guild_id = :guild AND member_id = :member AND day = :day"""
CREDITS_MAX = 1_000_000
"""Maximum allowance of a server, and maximum bonus, in credits."""


class Defaults(Struct, frozen=True, kw_only=True):
    """The operator's settings for servers that have set nothing."""

    allowance: int
    period: Period
    ceiling: int | None = None
    """Maximum allowance of any server. If it is set, every server has ``period``."""


class Pool(Struct, frozen=True, kw_only=True):
    """A server's credits as they are stored, and what limits their use."""

    stored: Balance
    """The balance without a ceiling."""
    ceiling: int | None
    operator_bonus: int
    """Bonus credits granted by the operator."""
    bonus_spent: int
    """Bonus credits used or held in the period."""
    known: bool
    """Whether the server has a row."""

    @property
    def balance(self) -> Balance:
        """The balance under the ceiling."""
        if self.ceiling is None:
            return self.stored
        stored = self.stored
        left = max(0, self.ceiling - max(stored.allowance, stored.used + stored.held) - self.bonus_spent)
        return replace(stored, bonus=_bonus_under_ceiling(stored.bonus, self.operator_bonus, left))

    def after(self, held: Hold) -> "Pool":
        """Return the pool once these credits are held as well."""
        stored = self.stored
        return replace(
            self,
            stored=replace(stored, held=stored.held + held.allowance, bonus=stored.bonus - held.bonus),
            bonus_spent=self.bonus_spent + held.bonus,
        )


def balance(tx: Tx, guild_id: GuildId, defaults: Defaults, now: datetime) -> Balance:
    """Return the server's balance at ``now``."""
    return pool(tx, guild_id, defaults, now).balance


def pool(tx: Tx, guild_id: GuildId, defaults: Defaults, now: datetime) -> Pool:
    """Return the server's pool at ``now``."""
    row = tx.execute(
        """SELECT allowance, period, bonus, operator_bonus, zone, zone_day, zone_until
           FROM guild WHERE id = ?""",
        (guild_id,),
    ).fetchone()
    allowance = defaults.allowance if row is None or row["allowance"] is None else row["allowance"]
    period = defaults.period if row is None or row["period"] is None else Period(row["period"])
    if defaults.ceiling is not None:
        allowance, period = min(allowance, defaults.ceiling), defaults.period
    calendar = calendars.read(row)
    first, after = calendar.days(period, now)
    used, held, bonus_spent = tx.execute(
        """SELECT COALESCE(SUM(allowance_used), 0), COALESCE(SUM(allowance_held), 0),
                  COALESCE(SUM(bonus_used + bonus_held), 0) FROM usage
           WHERE guild_id = ? AND member_id = ? AND day >= ? AND day < ?""",
        (guild_id, WHOLE_GUILD, first, after),
    ).fetchone()
    stored = Balance(
        allowance=allowance,
        used=used,
        held=held,
        bonus=0 if row is None else row["bonus"],
        period=period,
        renews_at=calendar.renews_at(period, now),
        zone=calendar.zone,
        days=(first, after),
        today=calendar.today(now),
    )
    operator_bonus = 0 if row is None else row["operator_bonus"]
    return Pool(
        stored=stored,
        ceiling=defaults.ceiling,
        operator_bonus=operator_bonus,
        bonus_spent=bonus_spent,
        known=row is not None,
    )


def _bonus_under_ceiling(bonus: int, granted_by_operator: int, left: int) -> int:
    """Return how much of a server's bonus may be used under the operator's ceiling.

    Only credits granted by the operator may exceed the ceiling. The rest, granted by managers before the
    ceiling was set, may be used only as far as the ceiling allows, and counts as used first.
    """
    beyond = min(bonus, max(0, granted_by_operator))
    return beyond + min(bonus - beyond, left)


def hold(
    tx: Tx,
    job_id: JobId,
    guild_id: GuildId,
    member: MemberNumber,
    price: int,
    defaults: Defaults,
    now: datetime,
    before: Pool | None = None,
) -> Hold:
    """Hold ``price`` of the server's credits for the job. ``before`` is its pool, if just read.

    Raises:
        NotEnoughCredits: the allowance and the bonus together are less than the price.
    """
    before = before or pool(tx, guild_id, defaults, now)
    if not before.known:
        know_guild(tx, guild_id)
    current = before.balance
    if current.available < price:
        raise NotEnoughCredits(price, current)
    allowance = min(price, current.available - current.bonus)
    held = Hold(day=current.today, allowance=allowance, bonus=price - allowance)
    if held.bonus:
        tx.execute("UPDATE guild SET bonus = bonus - ? WHERE id = ?", (held.bonus, guild_id))
    booking = Booking(job_id=job_id, guild_id=guild_id, member=member, hold=held)
    _count(tx, booking, held_by=1, used_by=0)
    book(tx, "hold", booking, now)
    return held


def settle(tx: Tx, job_id: JobId, now: datetime) -> None:
    """Spend the credits held for the job.

    Raises:
        ConstraintViolated: the credits were already settled or released.
    """
    booking = booking_of(tx, job_id)
    _count(tx, booking, held_by=-1, used_by=1)
    book(tx, "settle", booking, now)


def release(tx: Tx, job_id: JobId, now: datetime) -> None:
    """Return the credits held for the job to where they came from.

    Raises:
        ConstraintViolated: the credits were already settled or released.
    """
    booking = booking_of(tx, job_id)
    _give_back(tx, booking)
    _count(tx, booking, held_by=-1, used_by=0)
    book(tx, "release", booking, now)


def refund(tx: Tx, job_id: JobId, changed_by: ChangedBy, now: datetime) -> None:
    """Return the credits of a settled job to where they came from, on the job's own day.

    Raises:
        ConstraintViolated: the credits were already refunded.
    """
    booking = booking_of(tx, job_id)
    _give_back(tx, booking)
    _count(tx, booking, held_by=0, used_by=-1)
    book(tx, "refund", booking, now, changed_by=changed_by, before=Status.SETTLED, after=Status.REFUNDED)


def grant(tx: Tx, guild_id: GuildId, credits_: int, changed_by: ChangedBy, now: datetime) -> tuple[int, int]:
    """Add bonus credits, or remove unused ones. Returns the bonus before and after.

    Raises:
        OutOfRange: the bonus would become negative or exceed its maximum.
    """
    know_guild(tx, guild_id)
    (before,) = tx.execute("SELECT bonus FROM guild WHERE id = ?", (guild_id,)).fetchone()
    after = before + credits_
    if not 0 <= after <= CREDITS_MAX:
        raise OutOfRange(*grant_range(before), zero=False)
    tx.execute("UPDATE guild SET bonus = ? WHERE id = ?", (after, guild_id))
    append(
        tx,
        "grant",
        guild_id,
        Hold(day=calendars.of(tx, guild_id).today(now), allowance=0, bonus=credits_),
        now,
        changed_by=changed_by,
        before=Credits(before),
        after=Credits(after),
    )
    return before, after


def bonus(tx: Tx, guild_id: GuildId) -> int:
    """Return the server's bonus, regardless of the operator's ceiling."""
    row = tx.execute("SELECT bonus FROM guild WHERE id = ?", (guild_id,)).fetchone()
    return 0 if row is None else int(row["bonus"])


def grant_range(bonus: int) -> tuple[int, int]:
    """Return the smallest and the largest grant that this bonus permits."""
    return -bonus, CREDITS_MAX - bonus


def set_allowance(
    tx: Tx,
    guild_id: GuildId,
    allowance: int | None,
    period: Period | None,
    defaults: Defaults,
    changed_by: ChangedBy,
    now: datetime,
    *,
    zone: str | None = None,
) -> tuple[Balance, Balance]:
    """Change the server's allowance, period and zone. Returns the balance before and after.

    None leaves a value unchanged. Unfinished songs keep their credits, and a change of period grants nothing:
    credits used on a day stay used on that day. For the effects of a change of zone, see ``calendars``.

    Raises:
        OutOfRange: the allowance is negative or too large.
    """
    if allowance is not None:
        in_range(allowance)
    know_guild(tx, guild_id)
    before = balance(tx, guild_id, defaults, now)
    tx.execute(
        "UPDATE guild SET allowance = COALESCE(?, allowance), period = COALESCE(?, period) WHERE id = ?",
        (allowance, period, guild_id),
    )
    if zone is not None:
        in_force = balance(tx, guild_id, defaults, now).period
        calendars.write(tx, guild_id, calendars.of(tx, guild_id).in_zone(zone, in_force, now))
    after = balance(tx, guild_id, defaults, now)
    note(
        tx,
        "set",
        guild_id,
        changed_by,
        now,
        before=Allowance(before.allowance, before.period, before.zone),
        after=Allowance(after.allowance, after.period, after.zone),
    )
    return before, after


def in_range(credits_: int) -> int:
    """Return the number if it is valid as an allowance or a limit.

    Raises:
        OutOfRange: the number is negative or too large.
    """
    if not 0 <= credits_ <= CREDITS_MAX:
        raise OutOfRange(0, CREDITS_MAX)
    return credits_


def know_guild(tx: Tx, guild_id: GuildId) -> None:
    """Insert the server's row if it is missing."""
    if tx.execute("SELECT 1 FROM guild WHERE id = ?", (guild_id,)).fetchone() is None:
        tx.execute("INSERT INTO guild (id) VALUES (?) ON CONFLICT DO NOTHING", (guild_id,))


def _give_back(tx: Tx, booking: Booking) -> None:
    bonus = booking.hold.bonus
    if bonus:
        tx.execute("UPDATE guild SET bonus = bonus + ? WHERE id = ?", (bonus, booking.guild_id))


def _count(tx: Tx, booking: Booking, *, held_by: int, used_by: int) -> None:
    """Change the day's counters of the member and the server by a multiple of the hold."""
    held = booking.hold
    counts = {"allowance": held.allowance, "bonus": held.bonus, "held_by": held_by, "used_by": used_by}
    for who in (booking.member, WHOLE_GUILD):
        values = {"guild": booking.guild_id, "member": who, "day": held.day, **counts}
        if tx.execute(_COUNT, values).rowcount == 0:  # the first song of the day
            tx.execute(
                """INSERT INTO usage (guild_id, member_id, day) VALUES (:guild, :member, :day)
                   ON CONFLICT DO NOTHING""",
                values,
            )
            tx.execute(_COUNT, values)
