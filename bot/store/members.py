"""Who people are to the books: numbers of our own, and what is left of somebody who was forgotten.

Somebody who was forgotten and comes back gets a new number, so that no row of before has a name again. As
long as credits that they used in a period, or a limit that was set for them, have to hold for them all the
same, a keyed hash of their id tells that the numbers are one person's.
"""

import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from bot.database.sqlite import Tx
from bot.model import DiscordUserId, MemberNumber, Period
from bot.store import facts, times
from bot.store.facts import fact, remember
from bot.store.scrub import Deleted, mark
from bot.store.times import milliseconds

KEY_FACT = "key of the forgotten"
"""Drawn with the first of them and dropped with the last."""
_PERIODS_MAX = (Period.WEEK, Period.MONTH)
"""A server's period can be changed at any time: use counts until the longest ones are over."""
WHOLE_GUILD = MemberNumber(0)
"""The number under which ``usage`` keeps the sums of a server."""
NOBODY = MemberNumber(-1)
"""A number that nobody has."""
OPERATOR = MemberNumber(-2)
"""The number under which the ledger names the operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberIndex:
    """Who is known by which number, for comparing two files of one bot."""

    known: dict[int, int]
    """Discord's ids of those whose name may be known, by their number."""
    gone: frozenset[int]
    """The numbers of those who were forgotten, or wait for it."""

    def left_since(self, earlier: "MemberIndex") -> list[int]:
        """The numbers of those who are known in an earlier file of this bot and gone in this one."""
        if any(self.known.get(number, person) != person for number, person in earlier.known.items()):
            return []
        return sorted(self.gone & earlier.known.keys())


def member_index(tx: Tx) -> MemberIndex:
    """Who is known in this file."""
    rows = tx.execute("SELECT id, discord_id, leaving_since FROM member").fetchall()
    known = {row[0]: row[1] for row in rows if row[1] is not None and row[2] is None}
    return MemberIndex(known=known, gone=frozenset(row[0] for row in rows if row[0] not in known))


def member_number(tx: Tx, discord_id: DiscordUserId) -> MemberNumber:
    """The number under which the books know this person; given out at first sight."""
    tx.execute("INSERT INTO member (discord_id) VALUES (?) ON CONFLICT DO NOTHING", (discord_id,))
    (number,) = tx.execute("SELECT id FROM member WHERE discord_id = ?", (discord_id,)).fetchone()
    return MemberNumber(number)


def known_member(tx: Tx, discord_id: DiscordUserId) -> MemberNumber:
    """The number of this person, or NOBODY's; gives out none."""
    row = tx.execute("SELECT id FROM member WHERE discord_id = ?", (discord_id,)).fetchone()
    return NOBODY if row is None else MemberNumber(row["id"])


def past_or_present(tx: Tx, discord_id: DiscordUserId) -> MemberNumber:
    """A number of this person, also if they were forgotten and that still has to be known, or NOBODY's."""
    number = known_member(tx, discord_id)
    key = fact(tx, KEY_FACT)
    if number != NOBODY or key is None:
        return number
    row = tx.execute(
        "SELECT MAX(member_id) AS number FROM forgotten WHERE hash = ?", (_hash(key, discord_id),)
    ).fetchone()
    return NOBODY if row["number"] is None else MemberNumber(row["number"])


def numbers(tx: Tx, member: MemberNumber) -> tuple[MemberNumber, ...]:
    """All numbers of the person with this one: it, and those under which they were forgotten."""
    key = fact(tx, KEY_FACT)
    hash_ = None if key is None else _hash_of(tx, key, member)
    if hash_ is None:
        return (member,)
    rows = tx.execute("SELECT member_id FROM forgotten WHERE hash = ?", (hash_,))
    return tuple(sorted({member, *(row["member_id"] for row in rows)}))


def by_person(tx: Tx, members: Iterable[MemberNumber]) -> dict[int, int | str]:
    """For each number something that is the same for all numbers of one person, and for nobody else's."""
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
    """Since when, in epoch milliseconds, the member waits to be forgotten; None: they do not."""
    row = tx.execute("SELECT leaving_since FROM member WHERE id = ?", (member,)).fetchone()
    return None if row is None else row["leaving_since"]


def leave(tx: Tx, member: MemberNumber, now: datetime) -> None:
    """The member is to be forgotten as soon as their open songs are done."""
    tx.execute(
        "UPDATE member SET leaving_since = COALESCE(leaving_since, ?) WHERE id = ?",
        (milliseconds(now), member),
    )


def forget(tx: Tx, member: MemberNumber, now: datetime) -> None:
    """From here on nothing but a number says who the member was, and a hash as long as it is needed."""
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
    """Drop the hashes that nothing needs any more, and with the last of them their key. Returns how many."""
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
    """Whether what the number used, or a limit that was set for it, has to hold for the person."""
    limited = tx.execute("SELECT 1 FROM member_limit WHERE member_id = ?", (member,)).fetchone()
    first = min(times.period_days(period, now)[0] for period in _PERIODS_MAX)
    used = tx.execute(
        # By server, as the rows lie; CROSS keeps that order.
        """SELECT 1 FROM guild CROSS JOIN usage ON usage.guild_id = guild.id
           WHERE usage.member_id = :member AND usage.day >= :first AND
             allowance_used + allowance_held + bonus_used + bonus_held > 0""",
        {"member": member, "first": first},
    ).fetchone()
    return limited is not None or used is not None
