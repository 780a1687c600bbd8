"""Forgetting somebody: what is theirs leaves the rows, and the books stay as they are.

Each function is one part of a transaction. What stays: the ledger, what was used on a day, and of each job
its price, day, split, state and times, all under a number that leads to nobody. The reason that a manager
gave for a change, and the number of the command that made it, are the server's books and stay in them.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.database.sqlite import Tx
from bot.model import MemberNumber
from bot.store import ledger, members, texts
from bot.store.jobs import IN_THE_MAKING, NOT_ERASED
from bot.store.scrub import Deleted, mark
from bot.store.times import milliseconds

CARD_BEHIND_MAX = timedelta(minutes=1)
"""So long the card of a member's last song may still have to be brought up to date."""
_TEXTS = ", ".join(f"{name}_id" for name in texts.TEXTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """What a deletion waits for; where there is nothing, it is done."""

    own: int
    """The member's songs in the making."""
    of_others: int
    """Songs of others that are made of the member's words, and not sent to the music service yet."""

    @property
    def songs(self) -> int:
        """All of them."""
        return self.own + self.of_others


def waits_for(tx: Tx, member: MemberNumber) -> Waits:
    """What has to end before the member (by internal number) can be forgotten."""
    (own,) = tx.execute(
        f"SELECT COUNT(*) FROM job WHERE member_id = ? AND {IN_THE_MAKING}", (member,)
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


def due(tx: Tx, now: datetime) -> list[int]:
    """Members who wait to be forgotten, and for nothing else: their last card tells how it ended."""
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
    """Erase what is theirs and at its end; if that is all, forget them. Returns what it waits for."""
    _release_parked(tx, member, now)
    waits = waits_for(tx, member)
    rows = tx.execute(
        f"SELECT id FROM job WHERE member_id = ? AND {NOT_ERASED} AND NOT {IN_THE_MAKING}", (member,)
    )
    ended = [row["id"] for row in rows]
    _drop_drafts(tx, member)
    _drop_texts(tx, member)
    texts.drop_songs(tx, ended)
    _blank(tx, ended)
    if waits.songs:
        members.leave(tx, member, now)
    else:
        members.forget(tx, member, now)
    mark(tx, Deleted.ERASED)
    return waits


def _release_parked(tx: Tx, member: MemberNumber, now: datetime) -> None:
    """Nobody is left to look after a task that may still come: its credits go back."""
    rows = tx.execute(
        """UPDATE job SET state = 'explained', reason = 'withdrawn', parked = NULL, state_since = :now,
                          attempt = attempt + 1, claim_epoch = NULL
           WHERE member_id = :member AND state IN ('running', 'ready') AND due_at IS NULL RETURNING id""",
        {"member": member, "now": milliseconds(now)},
    ).fetchall()
    for row in rows:
        ledger.release(tx, row["id"], now)


def _drop_drafts(tx: Tx, member: MemberNumber) -> None:
    """The member's own drafts, and those of others that may have the member's words in them."""
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
    """Every text with the member's words, but those that a song in the making still has to be made of."""
    rows = tx.execute(
        f"""SELECT {_TEXTS} FROM job JOIN song ON song.job_id = job.id
            WHERE {IN_THE_MAKING} AND (member_id = :member OR state IN ('queued', 'submitting'))""",
        {"member": member},
    )
    needed = sorted({text_id for row in rows for text_id in row if text_id is not None})
    # The service may have quoted them when it refused a song that somebody else made of them.
    tx.execute(
        """UPDATE job SET detail = '' WHERE detail <> '' AND id IN (
             SELECT job_id FROM song JOIN text
               ON text.id IN (prompt_id, title_id, style_id, lyrics_id, avoid_id)
             WHERE author_id = :member
                OR text.id IN (SELECT text_id FROM coauthor WHERE author_id = :member))""",
        {"member": member},
    )
    tx.execute(
        """DELETE FROM text
           WHERE (author_id = :member OR id IN (SELECT text_id FROM coauthor WHERE author_id = :member))
             AND id NOT IN (SELECT value FROM json_each(:needed))""",
        {"member": member, "needed": json.dumps(needed)},
    )


def _blank(tx: Tx, job_ids: Collection[int]) -> None:
    """Take out of these jobs what leads to a person, a message or a task; the books need none of it."""
    given = json.dumps(list(job_ids))
    tx.execute(
        """INSERT INTO spool_removal (job_id) SELECT value FROM json_each(?) WHERE true
           ON CONFLICT DO NOTHING""",
        (given,),
    )
    tx.execute("DELETE FROM track WHERE job_id IN (SELECT value FROM json_each(?))", (given,))
    tx.execute(
        """UPDATE job SET interaction_id = -id, channel_id = 0, parent_channel_id = NULL,
                          urls = '[]', detail = '',
                          task_id = IIF(task_id IS NULL, NULL, 'erased-' || id),
                          delivery_channel_id = NULL, delivery_direct = NULL, delivery_started_at = NULL,
                          message_id = NULL, card_message_id = NULL, card_shown = '', card_due_at = NULL,
                          card_free_at = 0
           WHERE id IN (SELECT value FROM json_each(?))""",
        (given,),
    )


def drop_outlived(tx: Tx, job_ids: Collection[int]) -> int:
    """Drop the words of these jobs, and what else tells of them. Returns how many had any."""
    given = json.dumps(list(job_ids))
    dropped = texts.drop_songs(tx, job_ids)
    tx.execute(
        "UPDATE job SET urls = '[]', detail = '' WHERE id IN (SELECT value FROM json_each(?))", (given,)
    )
    tx.execute("UPDATE track SET url = '' WHERE job_id IN (SELECT value FROM json_each(?))", (given,))
    if dropped:
        mark(tx, Deleted.DROPPED)
    return dropped


# -- what is left to do outside the rows


def files_of(tx: Tx, limit: int) -> list[int]:
    """Up to ``limit`` erased jobs whose files are still to be removed from the spool."""
    rows = tx.execute("SELECT job_id FROM spool_removal ORDER BY job_id LIMIT ?", (limit,))
    return [row["job_id"] for row in rows]


def files_removed(tx: Tx, job_ids: Collection[int]) -> None:
    """Their files are gone."""
    tx.execute(
        "DELETE FROM spool_removal WHERE job_id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(job_ids)),),
    )
