"""Reports for server managers: ledger pages, usage by day and member, refundable songs."""

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from bot.characters import head
from bot.database.engine import Row, Tx
from bot.model import DiscordUserId, EntryId, GuildId, JobId, RoleId
from bot.store import changes, ledger, times
from bot.store.changes import Allowance, Value
from bot.store.history import JOB_ID, folded
from bot.store.job_rows import SONGS
from bot.store.jobs import EXCERPT_MAX, EXCERPT_READ_MAX
from bot.store.ledger import Defaults
from bot.store.members import OPERATOR, WHOLE_GUILD
from bot.store.times import EPOCH, moment

REFUNDABLE_READ_MAX = 100
"""Number of a server's newest songs that are read to offer a refund."""
FREQUENT_KINDS = ("hold", "settle")
"""Kinds of ledger entries that every song has. All others have an index."""
_RARE = f"kind NOT IN {FREQUENT_KINDS}"
_ROWS = f"""
  SELECT ledger.*, {{more}}
         COALESCE(NULLIF(words.title, ''), SUBSTR(words.prompt, 1, {EXCERPT_READ_MAX}), '') AS song,
         whose.discord_id AS whose_id, actor.discord_id AS by_id
  FROM ledger LEFT JOIN words ON words.job_id = ledger.job_id
  LEFT JOIN member AS whose ON whose.id = ledger.member_id
  LEFT JOIN member AS actor ON actor.id = ledger.actor_id
  {{joined}} WHERE ledger.guild_id = :guild"""
_ALL = _ROWS.format(more="", joined="")
# One line per song: its hold, with its later settle, release or refund.
_STATEMENT = (
    _ROWS.format(
        more="""closing.kind AS closed, refund.id AS refund_id, refund.reason AS refund_reason,
                refund.actor_id AS refund_actor, refunder.discord_id AS refund_by,""",
        joined="""LEFT JOIN ledger AS closing
                    ON closing.job_id = ledger.job_id AND closing.kind IN ('settle', 'release')
                  LEFT JOIN ledger AS refund ON refund.job_id = ledger.job_id AND refund.kind = 'refund'
                  LEFT JOIN member AS refunder ON refunder.id = refund.actor_id""",
    )
    + " AND ledger.kind NOT IN ('settle', 'release', 'refund')"
)
_GIVEN_BACK = """(
  COALESCE((SELECT CASE back.kind WHEN 'release' THEN back.{part} ELSE 0 END FROM ledger AS back
            WHERE back.job_id = ledger.job_id AND back.kind IN ('settle', 'release')), 0)
  + COALESCE((SELECT back.{part} FROM ledger AS back
              WHERE back.job_id = ledger.job_id AND back.kind = 'refund'), 0))"""
"""SQL expression: the credits of one part of a song's price that were later given back."""


class LedgerRow(Struct, frozen=True, kw_only=True):
    """One ledger entry. Member, role and actor ids are Discord's, and None for erased people."""

    id: EntryId
    at: datetime
    day: int
    """The server's own day, in days since the epoch."""
    kind: str
    allowance: int
    bonus: int
    job_id: JobId | None
    song: str
    """Its title or the beginning of its prompt; empty once the texts have been deleted."""
    member_id: DiscordUserId | None
    role_id: RoleId | None
    actor_id: DiscordUserId | None
    by_operator: bool
    """Whether the operator made the change."""
    reason: str
    before: Value | None
    after: Value | None
    outcome: str = ""
    """Kind of the song's last entry, if this line stands for all of its entries."""
    balance: int | None = None
    """Credits available after this line; None if not computed."""


class LedgerPage(Struct, frozen=True, kw_only=True):
    """One page of the ledger, newest first."""

    rows: tuple[LedgerRow, ...]
    newer: bool
    older: bool


class DayOfUse(Struct, frozen=True, kw_only=True):
    """Credits of one day's songs, by outcome."""

    day: date
    spent: int
    held: int
    released: int
    refunded: int


class MemberUse(Struct, frozen=True, kw_only=True):
    """Credits spent by a member, whose id is None if they were erased."""

    member_id: DiscordUserId | None
    credits: int
    name: str = ""
    """Their display name as of their last song with stored texts."""


class SettledSong(Struct, frozen=True, kw_only=True):
    """A song whose credits can be refunded."""

    job_id: JobId
    song: str
    asked_by: str
    price: int
    at: datetime


def page(
    tx: Tx,
    guild_id: GuildId,
    *,
    size: int,
    kind: str | None = None,
    member_id: DiscordUserId | None = None,
    before_id: EntryId | None = None,
    after_id: EntryId | None = None,
) -> LedgerPage:
    """Return ``size`` entries, older than ``before_id`` or newer than ``after_id``, else the newest.

    ``kind`` and ``member_id`` filter them. Without a kind, all entries of a song form one line.
    """
    where = _STATEMENT if kind is None else _ALL
    parameters: dict[str, object] = {"guild": guild_id, "kind": kind, "size": size + 1}
    if kind is not None:
        where += " AND ledger.kind = CAST(:kind AS TEXT)"
        if kind not in FREQUENT_KINDS:
            where += f" AND ledger.{_RARE}"
    if member_id is not None:
        where += " AND ledger.member_id = (SELECT id FROM member WHERE discord_id = :member)"
        parameters["member"] = member_id
    if after_id is not None:
        parameters["id"] = after_id
        rows = tx.execute(
            f"{where} AND ledger.id > :id ORDER BY ledger.id LIMIT :size", parameters
        ).fetchall()
        return LedgerPage(
            rows=tuple(_read(row) for row in reversed(rows[:size])), newer=len(rows) > size, older=True
        )
    if before_id is not None:
        parameters["id"] = before_id
        where += " AND ledger.id < :id"
    rows = tx.execute(f"{where} ORDER BY ledger.id DESC LIMIT :size", parameters).fetchall()
    return LedgerPage(
        rows=tuple(_read(row) for row in rows[:size]), newer=before_id is not None, older=len(rows) > size
    )


def with_balances(
    tx: Tx, guild_id: GuildId, page_: LedgerPage, defaults: Defaults, now: datetime
) -> LedgerPage:
    """Add the credits available after each line to an unfiltered page.

    A song counts with its final outcome, so that the newest line shows the credits available now.
    """
    if not page_.rows:
        return page_
    current = ledger.balance(tx, guild_id, defaults, now)
    settings = _settings(tx, guild_id)
    bonus = current.bonus - _bonus_after(tx, guild_id, page_.rows[0].id)
    used, counted = 0, (0, 0)
    lines = []
    now_set = Allowance(current.allowance, current.period, current.zone)
    for row in page_.rows:
        allowance = _allowance_at(settings, row.id, now_set)
        days = times.period_of(allowance.period, row.day)
        if days != counted:
            used, counted = _used_until(tx, guild_id, days, row.id), days
        lines.append(replace(row, balance=max(0, allowance.credits - used) + bonus))
        if row.kind == "grant":
            bonus -= row.bonus
        elif row.outcome in ("hold", "settle"):
            used, bonus = used - row.allowance, bonus + row.bonus
    return replace(page_, rows=tuple(lines))


def _settings(tx: Tx, guild_id: GuildId) -> list[tuple[int, Allowance, Allowance]]:
    """Return every change of the allowance: the entry's id, and the allowance before and after."""
    rows = tx.execute(
        f"""SELECT id, kind, before, after FROM ledger
            WHERE guild_id = ? AND kind = 'set' AND {_RARE} ORDER BY id""",
        (guild_id,),
    )
    changes_ = [
        (row["id"], changes.read("set", row["before"]), changes.read("set", row["after"])) for row in rows
    ]
    return [
        (entry, before, after)
        for entry, before, after in changes_
        if isinstance(before, Allowance) and isinstance(after, Allowance)
    ]


def _allowance_at(
    settings: list[tuple[int, Allowance, Allowance]], entry_id: EntryId, current: Allowance
) -> Allowance:
    """Return the allowance after an entry."""
    past = [after for entry, _, after in settings if entry <= entry_id]
    later = [before for entry, before, _ in settings if entry > entry_id]
    return past[-1] if past else later[0] if later else current


def _used_until(tx: Tx, guild_id: GuildId, days: tuple[int, int], entry_id: EntryId) -> int:
    """Return the allowance finally used by a period's songs, up to and including an entry."""
    # The stored daily sums minus later entries: few entries follow a recent page, while summing the period
    # would read all of its entries.
    (whole,) = tx.execute(
        """SELECT COALESCE(SUM(allowance_used + allowance_held), 0) FROM usage
           WHERE guild_id = ? AND member_id = ? AND day >= ? AND day < ?""",
        (guild_id, WHOLE_GUILD, *days),
    ).fetchone()
    (later,) = tx.execute(
        f"""SELECT COALESCE(SUM(allowance - {_GIVEN_BACK.format(part="allowance")}), 0) FROM ledger
            WHERE guild_id = ? AND +day >= ? AND +day < ? AND kind = 'hold' AND id > ?""",
        (guild_id, *days, entry_id),
    ).fetchone()
    return int(whole) - int(later)


def _bonus_after(tx: Tx, guild_id: GuildId, entry_id: EntryId) -> int:
    """Return the net change of the bonus by the entries after this one."""
    (changed,) = tx.execute(
        f"""SELECT COALESCE(SUM(CASE kind WHEN 'grant' THEN bonus
                                    ELSE {_GIVEN_BACK.format(part="bonus")} - bonus END), 0)
            FROM ledger WHERE guild_id = ? AND id > ? AND kind IN ('grant', 'hold')""",
        (guild_id, entry_id),
    ).fetchone()
    return int(changed)


def whole_ledger(tx: Tx, guild_id: GuildId) -> Iterator[LedgerRow]:
    """Yield every entry of a server, oldest first."""
    for row in tx.execute(f"{_ALL} ORDER BY ledger.id", {"guild": guild_id}):
        yield _read(row)


def people(tx: Tx, guild_id: GuildId) -> dict[DiscordUserId, str]:
    """Map everybody in a server's ledger to their name as of their last stored song, or to "".

    Erased people are left out.
    """
    ids = tx.execute(
        """SELECT discord_id FROM member WHERE discord_id IS NOT NULL AND id IN (
             SELECT member_id FROM ledger WHERE guild_id = :guild
             UNION SELECT actor_id FROM ledger WHERE guild_id = :guild)""",
        {"guild": guild_id},
    )
    names = {row["discord_id"]: "" for row in ids}
    songs = tx.execute(
        """SELECT member.discord_id, words.asked_by FROM job JOIN words ON words.job_id = job.id
           JOIN member ON member.id = job.member_id
           WHERE job.guild_id = ? AND words.asked_by <> '' ORDER BY job.created_at""",
        (guild_id,),
    )
    names |= {row["discord_id"]: row["asked_by"] for row in songs if row["discord_id"] in names}
    return names


def _read(row: Row) -> LedgerRow:
    is_song = "closed" in row.keys() and row["kind"] == "hold"  # noqa: SIM118 - a row is no dict
    refunded = is_song and row["refund_id"] is not None
    outcome = "refund" if refunded else (row["closed"] or "hold") if is_song else ""
    return LedgerRow(
        id=row["id"],
        at=moment(row["at"]),
        day=row["day"],
        kind=row["kind"],
        allowance=row["allowance"],
        bonus=row["bonus"],
        job_id=row["job_id"],
        song=head(row["song"], EXCERPT_MAX),
        member_id=row["whose_id"],
        role_id=row["role_id"],
        actor_id=row["refund_by"] if refunded else row["by_id"],
        by_operator=(row["refund_actor"] if refunded else row["actor_id"]) == OPERATOR,
        reason=row["refund_reason"] if refunded else row["reason"],
        before=changes.read(row["kind"], row["before"]),
        after=changes.read(row["kind"], row["after"]),
        outcome=outcome,
    )


def days_of_use(tx: Tx, guild_id: GuildId, days: int, today: int) -> list[DayOfUse]:
    """Return the last ``days`` days in order, today last, including days without songs."""
    which = range(today - days + 1, today + 1)
    counted = {
        row["day"]: (row["spent"], row["held"])
        for row in tx.execute(
            """SELECT day, allowance_used + bonus_used AS spent, allowance_held + bonus_held AS held
               FROM usage WHERE guild_id = ? AND member_id = ? AND day > ?""",
            (guild_id, WHOLE_GUILD, today - days),
        )
    }
    # Looked up day by day: most entries in the range are of other kinds.
    given_back = {
        (row["day"], row["kind"]): row["credits"]
        for row in tx.execute(
            """SELECT day, kind, SUM(allowance + bonus) AS credits FROM ledger
               WHERE guild_id = :guild AND kind IN ('release', 'refund')
                 AND day IN (SELECT CAST(value AS BIGINT) FROM json_each(:days))
               GROUP BY day, kind""",
            {"guild": guild_id, "days": json.dumps(list(which))},
        )
    }
    return [
        DayOfUse(
            day=EPOCH + timedelta(days=day),
            spent=counted.get(day, (0, 0))[0],
            held=counted.get(day, (0, 0))[1],
            released=given_back.get((day, "release"), 0),
            refunded=given_back.get((day, "refund"), 0),
        )
        for day in which
    ]


def top_members(tx: Tx, guild_id: GuildId, first_day: int, limit: int) -> list[MemberUse]:
    """Return the members who have spent most since that day, highest first."""
    # From member to member and from there to the first day: otherwise all days of the past would be read.
    rows = tx.execute(
        """WITH RECURSIVE spender (id) AS (
             SELECT MIN(member_id) FROM usage WHERE guild_id = :guild AND member_id > :whole
             UNION ALL
             SELECT (SELECT MIN(member_id) FROM usage WHERE guild_id = :guild AND member_id > spender.id)
             FROM spender WHERE spender.id IS NOT NULL),
           spent (id, credits) AS MATERIALIZED (
             SELECT id, (SELECT SUM(allowance_used + bonus_used) FROM usage
                         WHERE guild_id = :guild AND member_id = spender.id AND day >= :first)
             FROM spender WHERE id IS NOT NULL)
           SELECT member.discord_id, spent.credits,
                  (SELECT asked_by FROM job JOIN words ON words.job_id = job.id
                   WHERE job.guild_id = :guild AND job.member_id = spent.id
                   ORDER BY job.created_at DESC LIMIT 1) AS name
           FROM spent JOIN member ON member.id = spent.id
           WHERE spent.credits > 0 ORDER BY spent.credits DESC, spent.id LIMIT :limit""",
        {"guild": guild_id, "whole": WHOLE_GUILD, "first": first_day, "limit": limit},
    )
    return [
        MemberUse(member_id=row["discord_id"], credits=row["credits"], name=row["name"] or "") for row in rows
    ]


def settled_songs(tx: Tx, guild_id: GuildId, typed: str, limit: int) -> list[SettledSong]:
    """Return refundable songs that match by title, prompt or member name, newest first.

    This runs for every letter typed, so only the server's newest songs are read; a job id finds any song.
    """
    part = folded(typed)
    exact = [] if JOB_ID.fullmatch(part) is None else ["job.id = :id"]
    rows = (
        row
        for which in [*exact, "job.id <> :id"]
        for row in tx.execute(
            f"""SELECT job.id, job.price, job.created_at, COALESCE(words.asked_by, '') AS asked_by,
                       COALESCE(NULLIF(words.title, ''), words.prompt, '') AS song
                FROM job LEFT JOIN words ON words.job_id = job.id
                WHERE job.guild_id = :guild AND job.price > 0 AND job.state IN ({SONGS}) AND {which}
                  AND NOT EXISTS (SELECT 1 FROM ledger WHERE job_id = job.id AND kind = 'refund')
                ORDER BY job.created_at DESC, job.id DESC LIMIT {REFUNDABLE_READ_MAX}""",
            {"guild": guild_id, "id": int(part) if exact else 0},
        )
    )
    # Compared in Python: the engines disagree about the case of non-ASCII letters.
    matches = (
        row for row in rows if part in folded(f"{row['song']} {row['asked_by']}") or part == str(row["id"])
    )
    return [
        SettledSong(
            job_id=row["id"],
            song=row["song"],
            asked_by=row["asked_by"],
            price=row["price"],
            at=moment(row["created_at"]),
        )
        for row in islice(matches, limit)
    ]
