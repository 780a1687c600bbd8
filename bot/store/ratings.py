"""Members' ratings of songs: one per member and song. Each function is one part of a transaction.

Songs are ranked by the lower bound of the 95 % Wilson interval of their share of likes. Likes minus dislikes
would favour songs that many have heard, and the share alone would favour songs with a single like. The bound
is the share that the ratings prove: 9 of 10 rank above 19 of 30, which has the same net, and above 1 of 1.
"""

import json
import math
from collections import deque
from collections.abc import Collection
from datetime import datetime
from typing import Final

from msgspec import Struct

from bot.database.engine import Tx
from bot.model import GuildId, JobId, MemberNumber
from bot.store.job_rows import SONGS
from bot.store.jobs import NOT_ERASED
from bot.store.times import milliseconds

RANKED_MAX: Final = 1_000
"""Maximum number of a server's rated songs to compare, newest first."""
_LIKE: Final = 1 << 32
"""Weight of a like in a tally encoded as one number; greater than any song's number of dislikes."""
_LIKED: Final = """FROM song_tally
  WHERE guild_id = :guild AND song_at >= :since AND likes > 0 AND unlisted = 0"""
"""The liked songs since a moment, read from an index alone."""
CONFIDENCE_Z: Final = 1.96
"""Standard deviations on either side of the mean that cover 95 % of a normal distribution."""


class Tally(Struct, frozen=True, kw_only=True):
    """Numbers of members who like and dislike a song."""

    likes: int
    dislikes: int

    @property
    def score(self) -> float:
        """Lower bound of the share of likes; see the module's docstring."""
        count = self.likes + self.dislikes
        if not count:
            return 0.0
        share, z2 = self.likes / count, CONFIDENCE_Z**2
        spread = CONFIDENCE_Z * math.sqrt(share * (1 - share) / count + z2 / (4 * count**2))
        return (share + z2 / (2 * count) - spread) / (1 + z2 / count)


class Ranked(Struct, frozen=True, kw_only=True):
    """A song with its ratings."""

    job_id: JobId
    tally: Tally


def rate(
    tx: Tx, job_id: JobId, member: MemberNumber, now: datetime, *, liked: bool, listed: bool = True
) -> bool | None:
    """Rate a song; the same rating again withdraws it. Returns the rating now in effect, or None.

    ``listed`` is False where not everybody may see the song; it is then not ranked.
    """
    key = {"job": job_id, "member": member}
    row = tx.execute("SELECT liked FROM rating WHERE job_id = :job AND member_id = :member", key).fetchone()
    if row is not None and bool(row["liked"]) is liked:
        tx.execute("DELETE FROM rating WHERE job_id = :job AND member_id = :member", key)
        return None
    tx.execute(
        """INSERT INTO rating (job_id, member_id, liked, guild_id, song_at, rated_at, listed)
             SELECT id, :member, :liked, guild_id, created_at, :now, :listed FROM job WHERE id = :job
           ON CONFLICT (job_id, member_id)
             DO UPDATE SET liked = excluded.liked, rated_at = excluded.rated_at, listed = excluded.listed""",
        key | {"liked": int(liked), "now": milliseconds(now), "listed": int(listed)},
    )
    return liked


def rating(tx: Tx, job_id: JobId, member: MemberNumber) -> bool | None:
    """Return whether the member likes a song; None if they have not rated it."""
    row = tx.execute(
        "SELECT liked FROM rating WHERE job_id = ? AND member_id = ?", (job_id, member)
    ).fetchone()
    return None if row is None else bool(row["liked"])


def tally(tx: Tx, job_id: JobId) -> Tally:
    """Return the ratings of a song."""
    row = tx.execute("SELECT likes, dislikes FROM song_tally WHERE job_id = ?", (job_id,)).fetchone()
    return Tally(likes=0, dislikes=0) if row is None else Tally(likes=row["likes"], dislikes=row["dislikes"])


def may_be_rated(tx: Tx, guild_id: GuildId, job_id: JobId) -> bool:
    """Return whether this is a song of the server with stored texts; ratings are deleted with them."""
    row = tx.execute(
        f"""SELECT 1 FROM job WHERE id = ? AND guild_id = ? AND {NOT_ERASED} AND state IN ({SONGS})
              AND EXISTS (SELECT 1 FROM song WHERE song.job_id = job.id)""",
        (job_id, guild_id),
    ).fetchone()
    return row is not None


def best(tx: Tx, guild_id: GuildId, since: datetime, limit: int) -> list[Ranked]:
    """Return up to ``limit`` liked songs requested in the server since then, best first.

    Only songs with a message in the server qualify: none that was erased, deleted, sent to its member alone,
    or rated in a private thread. Equal scores are ordered by number of likes, then by age, oldest first.
    """
    key = {"guild": guild_id, "since": milliseconds(since)}
    # Grouping by one number takes three quarters of the time that two columns take.
    rows = tx.execute(
        f"""SELECT tally, COUNT(*) AS songs
            FROM (SELECT likes * {_LIKE} + dislikes AS tally {_LIKED}
                  ORDER BY song_at DESC LIMIT :compared) AS newest
            GROUP BY tally""",
        key | {"compared": RANKED_MAX},
    ).fetchall()
    oldest = tx.execute(
        f"SELECT song_at {_LIKED} ORDER BY song_at DESC LIMIT 1 OFFSET :before",
        key | {"before": RANKED_MAX - 1},
    ).fetchone()
    oldest_at = key["since"] if oldest is None else oldest["song_at"]
    # Most songs have few ratings, so there are far fewer tallies than songs to compare.
    songs = {_tally_of(row["tally"]): row["songs"] for row in rows}
    tallies = deque(sorted(songs, key=lambda tally: (-tally.score, -tally.likes)))
    ranked: list[Ranked] = []
    while tallies and len(ranked) < limit:
        room = limit - len(ranked)
        # Take tallies while all of their songs fit, but at least one; of its songs, the oldest come first.
        some = [tallies.popleft()]
        count = songs[some[0]]
        while tallies and count + songs[tallies[0]] <= room:
            some.append(tallies.popleft())
            count += songs[some[-1]]
        ranked += _with_tallies(tx, guild_id, oldest_at, some, room)
    return ranked


def _with_tallies(tx: Tx, guild_id: GuildId, since_ms: int, tallies: list[Tally], limit: int) -> list[Ranked]:
    """Return the songs in the server with one of these tallies, in their order, then oldest first."""
    place = {_number(tally.likes, tally.dislikes): number for number, tally in enumerate(tallies)}
    rows = tx.execute(
        f"""SELECT job_id, likes, dislikes
            FROM (SELECT job_id, song_at, likes, dislikes {_LIKED}
                    AND likes * {_LIKE} + dislikes IN (SELECT CAST(value AS BIGINT) FROM json_each(:tallies)))
                 AS rated
            JOIN job ON job.id = rated.job_id
            WHERE {NOT_ERASED} AND state = 'delivered' AND message_id IS NOT NULL AND delivery_direct = 0
            ORDER BY song_at, job_id LIMIT :limit""",
        {"guild": guild_id, "since": since_ms, "tallies": json.dumps(list(place)), "limit": limit},
    ).fetchall()
    rows.sort(key=lambda row: place[_number(row["likes"], row["dislikes"])])
    return [
        Ranked(job_id=row["job_id"], tally=Tally(likes=row["likes"], dislikes=row["dislikes"]))
        for row in rows
    ]


def _number(likes: int, dislikes: int) -> int:
    """Return a tally as one number, as the statements above compute it."""
    return likes * _LIKE + dislikes


def _tally_of(number: int) -> Tally:
    likes, dislikes = divmod(number, _LIKE)
    return Tally(likes=likes, dislikes=dislikes)


# -- deletion


def drop_of_songs(tx: Tx, job_ids: Collection[JobId]) -> None:
    """Delete all ratings of these songs."""
    tx.execute(
        "DELETE FROM rating WHERE job_id IN (SELECT CAST(value AS BIGINT) FROM json_each(?))",
        (json.dumps(list(job_ids)),),
    )


def drop_of_member(tx: Tx, member: MemberNumber) -> None:
    """Delete all ratings by a member."""
    tx.execute("DELETE FROM rating WHERE member_id = ?", (member,))


def drop_of_server(tx: Tx, guild_id: GuildId, limit: int) -> list[MemberNumber]:
    """Delete the ratings of up to ``limit`` members in a server. Returns these members."""
    rows = tx.execute("SELECT DISTINCT member_id FROM rating WHERE guild_id = ? LIMIT ?", (guild_id, limit))
    raters = [MemberNumber(row["member_id"]) for row in rows.fetchall()]
    for member in raters:
        tx.execute("DELETE FROM rating WHERE member_id = ? AND guild_id = ?", (member, guild_id))
    return raters
