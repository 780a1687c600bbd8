"""Songs as a list shows them: a fraction of a job's columns, read in one statement."""

import json
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from bot.characters import is_blank
from bot.database.engine import Row, Tx
from bot.model import ChannelId, DiscordUserId, GuildId, JobId, MessageId
from bot.store.times import moment

_NO_TAKES = "[]"
"""Stored form of takes that the service did not describe."""


class ListedSong(Struct, frozen=True, kw_only=True):
    """One song of a list."""

    id: JobId
    created_at: datetime
    guild_id: GuildId
    member_id: DiscordUserId
    """0 for an erased member."""
    model: str
    """Empty once its texts have been deleted."""
    title: str
    prompt: str
    given_title: str
    """The service's title, which derives from the texts; empty once an author has withdrawn theirs."""
    message_id: MessageId | None
    """The message with the song; None if there is none."""
    channel_id: ChannelId | None
    direct: bool
    """Whether that message was sent to the member alone."""


def listed(tx: Tx, job_ids: Sequence[JobId]) -> tuple[ListedSong, ...]:
    """Return these songs in the order given, skipping missing ones."""
    if not job_ids:
        return ()
    rows = tx.execute(
        """SELECT job.id, job.created_at, job.guild_id, member.discord_id AS member_id, job.takes,
                  job.message_id, job.delivery_channel_id, job.delivery_direct,
                  words.model, words.title, words.prompt, words.torn
           FROM job JOIN member ON member.id = job.member_id LEFT JOIN words ON words.job_id = job.id
           WHERE job.id IN (SELECT CAST(value AS BIGINT) FROM json_each(:ids))""",
        {"ids": json.dumps(list(job_ids))},
    )
    songs = {row["id"]: _read(row) for row in rows}
    return tuple(songs[job_id] for job_id in job_ids if job_id in songs)


def _read(row: Row) -> ListedSong:
    # By position: by name, a page of songs takes a third longer.
    (
        id_,
        created_at,
        guild_id,
        member_id,
        takes,
        message_id,
        channel_id,
        direct,
        model,
        title,
        prompt,
        torn,
    ) = row
    return ListedSong(
        id=id_,
        created_at=moment(created_at),
        guild_id=guild_id,
        member_id=DiscordUserId(member_id or 0),
        model=model or "",
        title=title or "",
        prompt=prompt or "",
        given_title=_given_title(takes) if torn == 0 and takes != _NO_TAKES else "",
        message_id=message_id,
        channel_id=channel_id,
        direct=bool(direct),
    )


def _given_title(takes: str) -> str:
    titles = (str(take.get("title", "")) for take in json.loads(takes))
    return next((title for title in titles if not is_blank(title)), "")
