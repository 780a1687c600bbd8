"""Erase a server's data from the rows and keep the books balanced.

Each function is one part of a transaction, and none handles more than a batch, since other writes wait
meanwhile. These remain: the parts of a song that a member's deletion leaves, the ledger, the usage, the
bonus, and whether the operator allowed or denied the server.
"""

import json
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from bot.balance import Period
from bot.database.engine import Tx
from bot.model import GuildId, MemberNumber
from bot.store import calendars, erasure, members, ratings, texts, times
from bot.store.jobs import NOT_ERASED, UNFINISHED
from bot.store.scrub import Deleted, mark
from bot.store.times import milliseconds

BATCH_MAX: Final = 200
"""Maximum number of songs, or of members, erased by one transaction."""

GRACE: Final = timedelta(days=7)
"""How long a server's data is kept after the bot has left it."""

_SETTINGS: Final = (
    *("member_limit", "role_limit", "budget_alert", "refused_word", "song_channel", "manager_role"),
)
"""Tables with the settings of a server's managers."""
_HAS_DATA = f"""(
  EXISTS (SELECT 1 FROM job WHERE guild_id = guild.id AND {NOT_ERASED})
  OR EXISTS (SELECT 1 FROM member_limit WHERE guild_id = guild.id)
  OR EXISTS (SELECT 1 FROM role_limit WHERE guild_id = guild.id)
  OR EXISTS (SELECT 1 FROM refused_word WHERE guild_id = guild.id)
  OR allowance IS NOT NULL OR period IS NOT NULL OR paused IS NOT NULL OR alerts_channel_id IS NOT NULL
  OR EXISTS (SELECT 1 FROM song_channel WHERE guild_id = guild.id)
  OR EXISTS (SELECT 1 FROM manager_role WHERE guild_id = guild.id)
  OR results_channel_id IS NOT NULL OR announce_channel_id IS NOT NULL
  OR zone IS NOT NULL OR locale <> '')"""
"""SQL condition: something other than its books is stored about a server."""
_ENDED = f"guild_id = :guild AND {NOT_ERASED} AND NOT {UNFINISHED}"
_ONLY_HERE = f"""discord_id IS NOT NULL AND id IN (
    SELECT member_id FROM job WHERE guild_id = :guild
    UNION SELECT member_id FROM rating WHERE guild_id = :guild
    UNION SELECT member_id FROM ledger WHERE guild_id = :guild AND member_id IS NOT NULL
    UNION SELECT actor_id FROM ledger WHERE guild_id = :guild AND actor_id IS NOT NULL)
  AND NOT EXISTS (SELECT 1 FROM job WHERE member_id = member.id AND {NOT_ERASED}
                  AND (guild_id <> :guild OR {UNFINISHED} OR :all = 0))
  AND NOT EXISTS (SELECT 1 FROM ledger WHERE member_id = member.id AND guild_id <> :guild)
  AND NOT EXISTS (SELECT 1 FROM ledger WHERE actor_id = member.id AND guild_id <> :guild)
  AND NOT EXISTS (SELECT 1 FROM member_limit WHERE member_id = member.id AND guild_id <> :guild)
  AND NOT EXISTS (SELECT 1 FROM rating WHERE member_id = member.id AND guild_id <> :guild)
  AND (:all = 1 OR NOT EXISTS (SELECT 1 FROM text WHERE author_id = member.id))
  AND (:all = 1 OR NOT EXISTS (SELECT 1 FROM coauthor WHERE author_id = member.id))
  AND (:all = 1 OR NOT EXISTS (SELECT 1 FROM draft WHERE member_id = member.id))"""
"""SQL condition: the bot knows the member from this server alone.

``all`` ignores the data that is erased before the member.
"""
_UNKNOWN = """discord_id IS NOT NULL AND leaving_since IS NULL
  AND NOT EXISTS (SELECT 1 FROM job WHERE member_id = member.id)
  AND NOT EXISTS (SELECT 1 FROM ledger WHERE member_id = member.id)
  AND NOT EXISTS (SELECT 1 FROM ledger WHERE actor_id = member.id)
  AND NOT EXISTS (SELECT 1 FROM member_limit WHERE member_id = member.id)
  AND NOT EXISTS (SELECT 1 FROM rating WHERE member_id = member.id)
  AND NOT EXISTS (SELECT 1 FROM draft WHERE member_id = member.id)"""
"""SQL condition: nothing is stored about the member.

Texts need no check of their own: the author of a song's text has had a song.
"""


class ServerData(Struct, frozen=True, kw_only=True):
    """Amount of a server's data that would be erased."""

    songs: int
    """Number of songs with known texts, files, addresses and messages."""
    unfinished: int
    """Number of those songs that have to finish first."""
    limits: int
    """Number of limits of members and roles."""
    members: int
    """Number of members whom the bot knows from this server alone."""


def stored(tx: Tx, guild_id: GuildId) -> ServerData:
    """Count the records stored about the server."""
    songs, unfinished = tx.execute(
        f"""SELECT COUNT(*), COUNT(*) FILTER (WHERE {UNFINISHED})
            FROM job WHERE guild_id = ? AND {NOT_ERASED}""",
        (guild_id,),
    ).fetchone()
    (limits,) = tx.execute(
        """SELECT (SELECT COUNT(*) FROM member_limit WHERE guild_id = :guild)
                  + (SELECT COUNT(*) FROM role_limit WHERE guild_id = :guild)""",
        {"guild": guild_id},
    ).fetchone()
    (only_here,) = tx.execute(
        f"SELECT COUNT(*) FROM member WHERE {_ONLY_HERE}", {"guild": guild_id, "all": True}
    ).fetchone()
    return ServerData(songs=songs, unfinished=unfinished, limits=limits, members=only_here)


def begin(tx: Tx, guild_id: GuildId, now: datetime) -> None:
    """Erase the server's settings and limits, release its parked jobs, and refuse its further requests."""
    # Like any other change of zone, this must not grant credits twice.
    calendar = calendars.of(tx, guild_id)
    calendars.write(tx, guild_id, calendar.in_zone(times.UTC_NAME, Period.MONTH, now))
    tx.execute(
        """UPDATE guild SET leaving_since = COALESCE(leaving_since, :now), allowance = NULL, period = NULL,
                            paused = NULL, alerts_channel_id = NULL, results_channel_id = NULL,
                            announce_channel_id = NULL, locale = ''
           WHERE id = :guild""",
        {"guild": guild_id, "now": milliseconds(now)},
    )
    for table in (
        "member_limit",
        "role_limit",
        "budget_alert",
        "refused_word",
        "song_channel",
        "manager_role",
    ):
        tx.execute(f"DELETE FROM {table} WHERE guild_id = ?", (guild_id,))
    erasure.release_parked(tx, "guild_id", guild_id, now)
    mark(tx, Deleted.ERASED)


def note_absent(tx: Tx, present: Collection[GuildId], now: datetime, after: int = 0) -> GuildId | None:
    """Record which of the next servers with data the bot has left; ``present`` are all servers it is in.

    Begin after the server ``after``. Returns the last server checked, or None once all have been.
    """
    rows = tx.execute("SELECT id FROM guild WHERE id > ? ORDER BY id LIMIT ?", (after, BATCH_MAX)).fetchall()
    ids = [row["id"] for row in rows]
    tx.execute(
        """UPDATE guild SET absent_since = NULL
           WHERE absent_since IS NOT NULL AND id IN (SELECT CAST(value AS BIGINT) FROM json_each(?))""",
        (json.dumps([server for server in ids if server in present]),),
    )
    tx.execute(
        f"""UPDATE guild SET absent_since = :now
            WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_each(:absent))
              AND absent_since IS NULL AND leaving_since IS NULL AND {_HAS_DATA}""",
        {
            "now": milliseconds(now),
            "absent": json.dumps([server for server in ids if server not in present]),
        },
    )
    return ids[-1] if len(ids) == BATCH_MAX else None


def forget_absent(tx: Tx, now: datetime) -> int:
    """Begin erasing some of the servers that the bot left at least ``GRACE`` ago. Returns how many."""
    rows = tx.execute(
        "SELECT id FROM guild WHERE absent_since <= ? LIMIT ?", (milliseconds(now - GRACE), BATCH_MAX)
    ).fetchall()
    for row in rows:
        tx.execute("UPDATE guild SET absent_since = NULL WHERE id = ?", (row["id"],))
        begin(tx, GuildId(row["id"]), now)
    return len(rows)


def due(tx: Tx) -> list[GuildId]:
    """Return servers that are waiting for erasure and have no unfinished songs."""
    rows = tx.execute(
        f"""SELECT id FROM guild WHERE leaving_since IS NOT NULL AND NOT EXISTS (
              SELECT 1 FROM job WHERE guild_id = guild.id AND {UNFINISHED})"""
    )
    return [GuildId(row["id"]) for row in rows]


def erase_batch(tx: Tx, guild_id: GuildId, now: datetime) -> bool:
    """Erase some of a leaving server's finished songs, or of the members known only from there.

    Returns whether there may be more. The server itself is forgotten after the last of both, once it has no
    unfinished songs.
    """
    guild = {"guild": guild_id, "limit": BATCH_MAX}
    raters = ratings.drop_of_server(tx, guild_id, guild["limit"])
    if raters:
        _forget_unknown(tx, raters, now)
        mark(tx, Deleted.ERASED)
        return True
    rows = tx.execute(f"SELECT id FROM job WHERE {_ENDED} LIMIT :limit", guild).fetchall()
    if rows:
        ended = [row["id"] for row in rows]
        erasure.drop_drafts_of_jobs(tx, ended)
        texts.drop_songs(tx, ended)
        erasure.blank(tx, ended)
        mark(tx, Deleted.ERASED)
        return True
    only_here = tx.execute(
        f"SELECT id FROM member WHERE {_ONLY_HERE} LIMIT :limit", guild | {"all": False}
    ).fetchall()
    for row in only_here:
        members.forget(tx, MemberNumber(row["id"]), now)
    if only_here:
        mark(tx, Deleted.ERASED)
        return True
    tx.execute(
        f"""UPDATE guild SET leaving_since = NULL WHERE id = :guild AND NOT EXISTS (
              SELECT 1 FROM job WHERE guild_id = :guild AND {UNFINISHED})""",
        guild,
    )
    return False


def _forget_unknown(tx: Tx, raters: Collection[MemberNumber], now: datetime) -> None:
    """Forget the members of whom only the number is stored."""
    rows = tx.execute(
        f"""SELECT id FROM member
            WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_each(?)) AND {_UNKNOWN}""",
        (json.dumps(list(raters)),),
    ).fetchall()
    for row in rows:
        members.forget(tx, MemberNumber(row["id"]), now)


def is_leaving(tx: Tx, guild_id: GuildId) -> bool:
    """Return whether the server is waiting for erasure."""
    row = tx.execute("SELECT 1 FROM guild WHERE id = ? AND leaving_since IS NOT NULL", (guild_id,)).fetchone()
    return row is not None
