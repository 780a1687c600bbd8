"""Erase a member's data from the rows and keep the books balanced.

Each function is one part of a transaction. The ledger, the daily usage, and each job's price, day, split,
state and times stay, under a number that no longer identifies anybody. A manager's reason for a change and
the id of the command that made it belong to the server's books and stay too.
"""

import json
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct

from bot.database.engine import Tx
from bot.database.share import EVERYTHING, Share
from bot.model import GuildId, JobId, MemberNumber
from bot.store import job_events, ledger, lyrics_calls, members, ratings, texts
from bot.store.jobs import NOT_ERASED, UNFINISHED
from bot.store.locking import lock_guilds_of
from bot.store.scrub import Deleted, mark
from bot.store.times import milliseconds

CARD_BEHIND_MAX = timedelta(minutes=1)
"""How long a deletion waits for the card of the member's last song to be updated."""
_TEXTS = ", ".join(f"{name}_id" for name in texts.TEXTS)


class Waits(Struct, frozen=True, kw_only=True):
    """Songs that a deletion waits for."""

    own: int
    """The member's unfinished songs."""
    of_others: int
    """Queued songs of other members that use the member's texts."""

    @property
    def songs(self) -> int:
        """The sum of both."""
        return self.own + self.of_others


def waits_for(tx: Tx, member: MemberNumber) -> Waits:
    """Return the songs that have to finish before the member can be erased."""
    (own,) = tx.execute(
        f"SELECT COUNT(*) FROM job WHERE member_id = ? AND {UNFINISHED}", (member,)
    ).fetchone()
    others = tx.execute(
        f"""SELECT 1 FROM job JOIN song ON song.job_id = job.id
            WHERE member_id <> :member AND due_at IS NOT NULL AND state IN ('queued', 'submitting')
              AND EXISTS (SELECT 1 FROM text WHERE id IN ({_TEXTS}) AND (
                author_id = :member
                OR EXISTS (SELECT 1 FROM coauthor WHERE text_id = text.id AND author_id = :member)))""",
        {"member": member},
    ).fetchall()
    return Waits(own=own, of_others=len(others))


def due(tx: Tx, now: datetime) -> list[MemberNumber]:
    """Return members to erase now: nothing is unfinished, and their last card is up to date."""
    leaving = tx.execute("SELECT id FROM member WHERE leaving_since IS NOT NULL").fetchall()
    behind = milliseconds(now - CARD_BEHIND_MAX)
    return [
        row["id"]
        for row in leaving
        if not waits_for(tx, row["id"]).songs
        and tx.execute(
            "SELECT 1 FROM job WHERE member_id = ? AND card_due_at IS NOT NULL AND state_since > ?",
            (row["id"], behind),
        ).fetchone()
        is None
    ]


def erase(tx: Tx, member: MemberNumber, now: datetime) -> Waits:
    """Erase the member's finished data, then the member. Returns the songs still in progress."""
    lock_guilds_of(tx, member)
    release_parked(tx, "member_id", member, now)
    waits = waits_for(tx, member)
    rows = tx.execute(
        f"SELECT id FROM job WHERE member_id = ? AND {NOT_ERASED} AND NOT {UNFINISHED}", (member,)
    )
    ended = [row["id"] for row in rows]
    changes_before = tx.total_changes
    _drop_drafts(tx, member)
    _drop_texts(tx, member)
    ratings.drop_of_member(tx, member)
    lyrics_calls.blank_of_member(tx, member)
    texts.drop_songs(tx, ended)
    blank(tx, ended)
    if tx.total_changes > changes_before or not waits.songs:
        mark(tx, Deleted.ERASED)
    if waits.songs:
        members.leave(tx, member, now)
    else:
        members.forget(tx, member, now)
    return waits


def release_parked(
    tx: Tx, whose: Literal["member_id", "guild_id"], number: MemberNumber | GuildId, now: datetime
) -> None:
    """Fail parked jobs and release their credits, since nobody is left to decide about them."""
    rows = tx.execute(
        f"""UPDATE job SET state = 'explained', reason = 'withdrawn', parked = NULL, state_since = :now,
                          attempt = attempt + 1, claim_epoch = NULL
           WHERE {whose} = :number AND state IN ('running', 'ready') AND due_at IS NULL RETURNING id""",
        {"number": number, "now": milliseconds(now)},
    ).fetchall()
    for row in rows:
        ledger.release(tx, row["id"], now)


def _drop_drafts(tx: Tx, member: MemberNumber) -> None:
    """Delete the member's drafts, and drafts of others that may contain the member's texts."""
    tx.execute(
        f"""DELETE FROM draft WHERE member_id = :member OR remix_of IS NOT NULL AND (
              remix_of IN (SELECT id FROM job WHERE member_id = :member)
              OR NOT EXISTS (SELECT 1 FROM song WHERE job_id = remix_of)
              OR EXISTS (
                SELECT 1 FROM song JOIN text ON text.id IN ({_TEXTS})
                WHERE song.job_id = remix_of AND (
                  text.author_id = :member
                  OR EXISTS (SELECT 1 FROM coauthor WHERE text_id = text.id AND author_id = :member))))""",
        {"member": member},
    )


def _drop_texts(tx: Tx, member: MemberNumber) -> None:
    """Delete every text containing the member's words, except those that a queued song still needs."""
    rows = tx.execute(
        f"""SELECT {_TEXTS} FROM job JOIN song ON song.job_id = job.id
            WHERE {UNFINISHED} AND (member_id = :member OR state IN ('queued', 'submitting'))""",
        {"member": member},
    )
    needed = sorted({text_id for row in rows for text_id in row if text_id is not None})
    # The service may have quoted them in its refusal of somebody else's song.
    # The member's texts are collected once and looked up by index: a join would scan all songs for each text.
    songs = " UNION ".join(
        f"SELECT job_id FROM song WHERE {name}_id IN (SELECT id FROM theirs)" for name in texts.TEXTS
    )
    theirs = """WITH theirs (id) AS MATERIALIZED (
                  SELECT id FROM text WHERE author_id = :member
                  UNION SELECT text_id FROM coauthor WHERE author_id = :member)"""
    for quoting in (
        f"UPDATE job SET detail = '' WHERE detail <> '' AND id IN ({songs})",
        f"UPDATE job_event SET note = '' WHERE kind = 'answer' AND job_id IN ({songs})",
    ):
        tx.execute(f"{theirs} {quoting}", {"member": member})
    tx.execute(
        """DELETE FROM text
           WHERE (author_id = :member OR id IN (SELECT text_id FROM coauthor WHERE author_id = :member))
             AND id NOT IN (SELECT CAST(value AS BIGINT) FROM json_each(:needed))""",
        {"member": member, "needed": json.dumps(needed)},
    )


def drop_drafts_of_jobs(tx: Tx, job_ids: Collection[JobId]) -> None:
    """Delete the drafts that change the texts of these jobs."""
    tx.execute(
        "DELETE FROM draft WHERE remix_of IN (SELECT CAST(value AS BIGINT) FROM json_each(?))",
        (json.dumps(list(job_ids)),),
    )


def blank(tx: Tx, job_ids: Collection[JobId]) -> None:
    """Remove from these jobs everything that identifies a person, a message or a task.

    The books need none of it.
    """
    ids = json.dumps(list(job_ids))
    tx.execute(
        """INSERT INTO spool_removal (job_id) SELECT CAST(value AS BIGINT) FROM json_each(?) WHERE true
           ON CONFLICT DO NOTHING""",
        (ids,),
    )
    for table in ("track", "announcement"):
        tx.execute(
            f"DELETE FROM {table} WHERE job_id IN (SELECT CAST(value AS BIGINT) FROM json_each(?))", (ids,)
        )
    ratings.drop_of_songs(tx, job_ids)
    job_events.drop_answers(tx, ids)
    tx.execute(
        """UPDATE job SET interaction_id = -id, channel_id = 0, parent_channel_id = NULL,
                          results_channel_id = NULL, announce_channel_id = NULL,
                          urls = '[]', takes = '[]', detail = '',
                          task_id = CASE WHEN task_id IS NOT NULL THEN 'erased-' || id END,
                          delivery_channel_id = NULL, delivery_direct = NULL, delivery_started_at = NULL,
                          message_id = NULL, card_message_id = NULL, card_shown = '', card_due_at = NULL,
                          card_free_at = 0, due_at = NULL
           WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_each(?))""",
        (ids,),
    )


def drop_outlived(tx: Tx, job_ids: Collection[JobId]) -> int:
    """Delete these jobs' texts and everything derived from them. Returns how many jobs had texts."""
    ids = json.dumps(list(job_ids))
    dropped = texts.drop_songs(tx, job_ids)
    ratings.drop_of_songs(tx, job_ids)
    tx.execute(
        """UPDATE job SET urls = '[]', takes = '[]', detail = ''
           WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_each(?))""",
        (ids,),
    )
    job_events.drop_answers(tx, ids)
    tx.execute(
        "UPDATE track SET url = '' WHERE job_id IN (SELECT CAST(value AS BIGINT) FROM json_each(?))", (ids,)
    )
    if dropped:
        mark(tx, Deleted.DROPPED)
    return dropped


# -- files


def files_of(tx: Tx, limit: int, share: Share = EVERYTHING) -> list[JobId]:
    """Return up to ``limit`` erased jobs of this process's share with files still in the spool."""
    rows = tx.execute(
        """SELECT job_id FROM spool_removal JOIN job ON job.id = spool_removal.job_id
           WHERE (job.guild_id >> 22) % :slots = :slot ORDER BY job_id LIMIT :limit""",
        {"limit": limit, **share.columns},
    )
    return [row["job_id"] for row in rows]


def files_removed(tx: Tx, job_ids: Collection[JobId]) -> None:
    """Record that the files of these jobs have been removed."""
    tx.execute(
        "DELETE FROM spool_removal WHERE job_id IN (SELECT CAST(value AS BIGINT) FROM json_each(?))",
        (json.dumps(list(job_ids)),),
    )
