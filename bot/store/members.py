"""Members: the numbers that identify people in the books, and the traces kept of erased ones.

An erased person who returns gets a new number, so that no older row can be attributed to them again. A keyed
hash of their id links the numbers while credits used in a period, or a limit set for them, must still count.
"""

import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct

from bot.balance import Period
from bot.database import facts
from bot.database.engine import Tx
from bot.database.facts import fact, remember
from bot.model import DiscordUserId, GuildId, MemberNumber
from bot.store import calendars, times
from bot.store.scrub import Deleted, mark
from bot.store.times import milliseconds

KEY_FACT = "key of the forgotten"
"""Name of the fact with the key of the hashes, created with the first hash and deleted with the last."""
PERIOD_DAYS_MAX = 33
"""Maximum age of the longest period's first day, in days, for a server whose day is behind UTC."""
_PERIODS_MAX = (Period.WEEK, Period.MONTH)
"""Longest periods; usage counts until they are over, since a server can change its period at any time."""
ASKED_WITHIN = timedelta(hours=1)
"""How long a request for lyrics counts towards the member's limit."""
WHOLE_GUILD = MemberNumber(0)
"""Number under which ``usage`` keeps a server's sums."""
NOBODY = MemberNumber(-1)
"""A number that belongs to no member."""
OPERATOR = MemberNumber(-2)
"""Number of the operator in the ledger."""


class MemberIndex(Struct, frozen=True, kw_only=True):
    """Members by number, for comparing two databases of one bot."""

    known: dict[MemberNumber, DiscordUserId]
    """Discord ids by number, of members who have not been erased."""
    gone: frozenset[MemberNumber]
    """Numbers of members who were erased or are waiting for erasure."""

    def left_since(self, earlier: "MemberIndex") -> list[MemberNumber]:
        """Return the numbers of members known in an earlier database of this bot but erased in this one."""
        if any(self.known.get(number, person) != person for number, person in earlier.known.items()):
            return []
        return sorted(self.gone & earlier.known.keys())


def member_index(tx: Tx) -> MemberIndex:
    """Return the members of this database."""
    rows = tx.execute("SELECT id, discord_id, leaving_since FROM member").fetchall()
    by_number = {row[0]: row[1] for row in rows if row[1] is not None and row[2] is None}
    return MemberIndex(known=by_number, gone=frozenset(row[0] for row in rows if row[0] not in by_number))


def member_number(tx: Tx, discord_id: DiscordUserId) -> MemberNumber:
    """Return this person's number, assigning one if needed."""
    number = known_member(tx, discord_id)
    if number != NOBODY:
        return number
    tx.execute("INSERT INTO member (discord_id) VALUES (?) ON CONFLICT DO NOTHING", (discord_id,))
    return known_member(tx, discord_id)


def known_member(tx: Tx, discord_id: DiscordUserId) -> MemberNumber:
    """Return this person's number, or NOBODY, without assigning one."""
    row = tx.execute("SELECT id FROM member WHERE discord_id = ?", (discord_id,)).fetchone()
    return NOBODY if row is None else MemberNumber(row["id"])


def past_or_present(tx: Tx, discord_id: DiscordUserId) -> MemberNumber:
    """Return a number of this person, or NOBODY.

    An erased person has one while they must still be recognised.
    """
    number = known_member(tx, discord_id)
    key = fact(tx, KEY_FACT)
    if number != NOBODY or key is None:
        return number
    row = tx.execute(
        "SELECT MAX(member_id) AS number FROM forgotten WHERE hash = ?", (_hash(key, discord_id),)
    ).fetchone()
    return NOBODY if row["number"] is None else MemberNumber(row["number"])


def numbers(tx: Tx, member: MemberNumber) -> tuple[MemberNumber, ...]:
    """Return every number of the person with this number, including those from before a deletion."""
    key = fact(tx, KEY_FACT)
    hash_ = None if key is None else _hash_of(tx, key, member)
    if hash_ is None:
        return (member,)
    rows = tx.execute("SELECT member_id FROM forgotten WHERE hash = ?", (hash_,))
    return tuple(sorted({member, *(row["member_id"] for row in rows)}))


def by_person(tx: Tx, members: Iterable[MemberNumber]) -> dict[MemberNumber, int | str]:
    """Map each number to a key shared by all numbers of the same person."""
    key = fact(tx, KEY_FACT)
    if key is None:
        return {member: member for member in members}
    return {member: _hash_of(tx, key, MemberNumber(member)) or member for member in members}


def _hash_of(tx: Tx, key: str, member: MemberNumber) -> str | None:
    row = tx.execute(
        """SELECT discord_id, hash FROM member LEFT JOIN forgotten ON forgotten.member_id = member.id
           WHERE member.id = ?""",
        (member,),
    ).fetchone()
    if row is None or row["discord_id"] is None:
        return None if row is None else row["hash"]
    return _hash(key, row["discord_id"])


def _hash(key: str, discord_id: DiscordUserId) -> str:
    return hmac.digest(bytes.fromhex(key), str(discord_id).encode(), "sha256").hex()


def leaving_since(tx: Tx, member: MemberNumber) -> int | None:
    """Return since when the member has been waiting for erasure, in epoch milliseconds, or None."""
    row = tx.execute("SELECT leaving_since FROM member WHERE id = ?", (member,)).fetchone()
    return None if row is None else row["leaving_since"]


def leave(tx: Tx, member: MemberNumber, now: datetime) -> None:
    """Mark the member for erasure once their unfinished songs are done."""
    tx.execute(
        "UPDATE member SET leaving_since = COALESCE(leaving_since, ?) WHERE id = ?",
        (milliseconds(now), member),
    )


def forget(tx: Tx, member: MemberNumber, now: datetime) -> None:
    """Erase the link to the person, keeping a hash only while something must still count."""
    (discord_id,) = tx.execute("SELECT discord_id FROM member WHERE id = ?", (member,)).fetchone()
    tx.execute(
        "UPDATE member SET discord_id = NULL, locale = '', leaving_since = NULL WHERE id = ?", (member,)
    )
    if not _still_counts(tx, member, now):
        return
    key = fact(tx, KEY_FACT)
    if key is None:
        key = secrets.token_hex(32)
        remember(tx, KEY_FACT, key)
    tx.execute("INSERT INTO forgotten (member_id, hash) VALUES (?, ?)", (member, _hash(key, discord_id)))


def drop_forgotten(tx: Tx, now: datetime) -> int:
    """Delete hashes that are no longer needed, and the key with the last one. Returns how many hashes."""
    rows = tx.execute("SELECT member_id FROM forgotten").fetchall()
    over = [row["member_id"] for row in rows if not _still_counts(tx, row["member_id"], now)]
    for member in over:
        tx.execute("DELETE FROM forgotten WHERE member_id = ?", (member,))
    if over:
        mark(tx, Deleted.DROPPED)
    if len(over) == len(rows):
        facts.forget(tx, KEY_FACT)
    return len(over)


def _still_counts(tx: Tx, member: MemberNumber, now: datetime) -> bool:
    """Return whether usage, a limit or a request for lyrics under this number must still count."""
    limited = tx.execute("SELECT 1 FROM member_limit WHERE member_id = ?", (member,)).fetchone()
    used = tx.execute(
        """SELECT guild_id, MAX(day) AS day FROM usage WHERE usage.member_id = :member AND usage.day >= :first
             AND allowance_used + allowance_held + bonus_used + bonus_held > 0 GROUP BY guild_id""",
        {"member": member, "first": times.day_number(now) - PERIOD_DAYS_MAX},
    ).fetchall()
    lyrics = tx.execute(
        "SELECT 1 FROM lyrics_call WHERE member_id = ? AND asked_at > ? LIMIT 1",
        (member, milliseconds(now - ASKED_WITHIN)),
    ).fetchone()
    counts = any(row["day"] >= _earliest(tx, row["guild_id"], now) for row in used)
    return limited is not None or counts or lyrics is not None


def _earliest(tx: Tx, guild_id: GuildId, now: datetime) -> int:
    """Return the earliest first day among the server's possible current periods."""
    calendar = calendars.of(tx, guild_id)
    return min(calendar.days(period, now)[0] for period in _PERIODS_MAX)
