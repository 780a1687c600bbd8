"""Members' ratings of songs: one per member and song. Each function is one part of a transaction.

Songs are ranked by the lower bound of the 95 % Wilson interval of their share of likes. Likes minus dislikes
would favour songs that many have heard, and the share alone would favour songs with a single like. The bound
is the share that the ratings prove: 9 of 10 rank above 19 of 30, which has the same net, and above 1 of 1.
"""

import json
import math
from collections.abc import Collection
from datetime import datetime
from itertools import islice
from typing import Final

from msgspec import Struct

from bot.database.engine import Tx
from bot.model import GuildId, JobId, MemberNumber
from bot.store.job_rows import SONGS
from bot.store.jobs import NOT_ERASED
from bot.store.times import milliseconds

RANKED_MAX: Final = 1_000
"""Maximum number of a server's rated songs to compare, newest first."""
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
    likes, dislikes = tx.execute(
        """SELECT COUNT(*) FILTER (WHERE liked = 1), COUNT(*) FILTER (WHERE liked = 0)
           FROM rating WHERE job_id = ?""",
        (job_id,),
    ).fetchone()
    return Tally(likes=likes, dislikes=dislikes)


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
    # Ranked from the index alone; only the jobs of the best few are read afterwards.
    rows = tx.execute(
        """SELECT job_id, song_at, COUNT(*) FILTER (WHERE liked = 1) AS likes, COUNT(*) AS ratings
           FROM rating WHERE guild_id = :guild AND song_at >= :since
           GROUP BY song_at, job_id HAVING MAX(liked) = 1 AND MIN(listed) = 1
           ORDER BY 2 DESC, 1 DESC LIMIT :limit""",
        {"guild": guild_id, "since": milliseconds(since), "limit": RANKED_MAX},
    )
    # Most songs have few ratings, so there are far fewer tallies than songs to compare.
    newest_first: dict[tuple[int, int], list[JobId]] = {}
    for job_id, _, likes, count in rows:
        newest_first.setdefault((likes, count), []).append(job_id)
    tallies = [Tally(likes=likes, dislikes=count - likes) for likes, count in newest_first]
    tallies.sort(key=lambda tally: (-tally.score, -tally.likes))
    ranked = (
        Ranked(job_id=job_id, tally=tally)
        for tally in tallies
        for job_id in reversed(newest_first[tally.likes, tally.likes + tally.dislikes])
    )
    best_: list[Ranked] = []
    while len(best_) < limit and (some := list(islice(ranked, limit))):
        there = _in_server(tx, [song.job_id for song in some])
        best_ += [song for song in some if song.job_id in there]
    return best_[:limit]


def _in_server(tx: Tx, job_ids: list[JobId]) -> set[JobId]:
    """Return which of these songs have a message in their server."""
    rows = tx.execute(
        f"""SELECT id FROM job WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_each(:ids))
              AND {NOT_ERASED} AND state = 'delivered' AND message_id IS NOT NULL AND delivery_direct = 0""",
        {"ids": json.dumps(job_ids)},
    )
    return {row["id"] for row in rows}


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
