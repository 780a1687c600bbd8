"""A member's own songs in one server: unfinished ones, pages of finished ones, and search."""

import re
import unicodedata
from collections.abc import Callable, Iterable
from datetime import datetime

from msgspec import Struct

from bot.characters import head
from bot.database.engine import Row, Tx
from bot.model import SONG_STATES, DiscordUserId, GuildId, Job, JobId, Track
from bot.store import jobs
from bot.store.members import known_member
from bot.store.times import moment

JOB_ID = re.compile("[0-9]{1,16}")
"""A job id as ``jobs.new_id`` generates them."""

_THERE = ", ".join(f"'{state}'" for state in sorted(SONG_STATES))
# The caller names the columns: reading the lyrics of thousands of songs is slow.
_SONGS = f"""SELECT job.id, job.created_at, {{columns}} FROM job LEFT JOIN words ON words.job_id = job.id
             WHERE job.guild_id = :guild AND job.member_id = :member AND job.state IN ({_THERE})"""
SEARCHED_MAX = 5_000
"""How many of a member's newest songs in a server a search reads."""
CHOICES_READ_MAX = 1_000
"""How many of them autocompletion reads, which is asked with every letter."""
_NEWEST_FIRST = "ORDER BY job.created_at DESC, job.id DESC"
_OLDEST_FIRST = "ORDER BY job.created_at, job.id"
_CHOICE = f"COALESCE(NULLIF(words.title, ''), SUBSTR(words.prompt, 1, {jobs.EXCERPT_READ_MAX}), '') AS song"
_TEXTS = "words.title, words.prompt, words.style, words.lyrics"


class SongPage(Struct, frozen=True, kw_only=True):
    """One page of a member's songs, newest first."""

    songs: tuple[Job, ...]
    newer: bool
    older: bool


class SongChoice(Struct, frozen=True, kw_only=True):
    """A song offered by autocompletion."""

    job_id: JobId
    song: str
    """Its title or the beginning of its prompt; empty once its texts have been deleted."""
    at: datetime


def open_jobs(tx: Tx, guild_id: GuildId, member_id: DiscordUserId) -> list[Job]:
    """Return the member's unfinished songs in this server, parked ones included, oldest first."""
    rows = tx.execute(
        f"""SELECT id FROM job WHERE guild_id = ? AND member_id = ? AND state IN ({jobs.OPEN})
            ORDER BY created_at, id""",
        (guild_id, known_member(tx, member_id)),
    ).fetchall()
    return _jobs(tx, [row["id"] for row in rows])


def songs(
    tx: Tx,
    guild_id: GuildId,
    member_id: DiscordUserId,
    *,
    size: int,
    word: str = "",
    before_id: JobId | None = None,
    after_id: JobId | None = None,
) -> SongPage:
    """Return ``size`` of the member's songs here, older than ``before_id`` or newer than ``after_id``.

    Without either, with an id that is not one of their songs, or if less than a page is newer, return the
    newest. ``word`` keeps songs whose title, prompt, style or lyrics contain all of its words, ignoring
    case; a song whose texts have been deleted is matched by its date, such as 2026-03-14.
    """
    owner = {"guild": guild_id, "member": known_member(tx, member_id)}
    words = _words(word)
    columns, fits = (_TEXTS, lambda row: _has(row, words)) if words else ("NULL", lambda _: True)
    limit = SEARCHED_MAX if words else size + 1
    where = _SONGS.format(columns=columns)
    if (after := _place(tx, owner, after_id)) is not None:
        newer = _some(
            tx.execute(
                f"{where} AND (job.created_at, job.id) > (:at, :id) {_OLDEST_FIRST} LIMIT {limit}",
                owner | after,
            ),
            size + 1,
            fits,
        )
        if len(newer) > size:
            return SongPage(songs=tuple(_jobs(tx, newer[:size][::-1])), newer=True, older=True)
    before = None if after_id is not None else _place(tx, owner, before_id)
    if before is not None:
        where += " AND (job.created_at, job.id) < (:at, :id)"
    ids = _some(tx.execute(f"{where} {_NEWEST_FIRST} LIMIT {limit}", owner | (before or {})), size + 1, fits)
    return SongPage(songs=tuple(_jobs(tx, ids[:size])), newer=before is not None, older=len(ids) > size)


def choices(tx: Tx, guild_id: GuildId, member_id: DiscordUserId, typed: str, limit: int) -> list[SongChoice]:
    """Return the member's newest songs in this server that match the text typed so far.

    All its words must appear in the label. A song without texts is matched by its date, such as
    2026-03-14, and every song by its job id.
    """
    words = _words(typed)
    owner = {"guild": guild_id, "member": known_member(tx, member_id)}
    matches: list[SongChoice] = []
    for row in tx.execute(
        f"{_SONGS.format(columns=_CHOICE)} {_NEWEST_FIRST} LIMIT {CHOICES_READ_MAX}", owner
    ):
        choice = SongChoice(
            job_id=row["id"], song=head(row["song"], jobs.EXCERPT_MAX), at=moment(row["created_at"])
        )
        shown = folded(choice.song) or _date(row)
        if all(word in shown for word in words) or words == [str(choice.job_id)]:
            matches.append(choice)
        if len(matches) >= limit:
            break
    return matches


def find(tx: Tx, guild_id: GuildId, member_id: DiscordUserId, typed: str) -> Job | None:
    """Return the member's song in this server that ``typed`` means: a job id, a title, or any words of it.

    A song with exactly this title comes first, then the newest match.
    """
    words, title = _words(typed), folded(typed)
    owner = {"guild": guild_id, "member": known_member(tx, member_id)}
    if len(words) == 1 and JOB_ID.fullmatch(words[0]):
        exact = _place(tx, owner, JobId(int(words[0])))
        if exact is not None:
            return jobs.get(tx, JobId(exact["id"]))
    if not words:
        return None
    newest: JobId | None = None
    for row in tx.execute(f"{_SONGS.format(columns=_TEXTS)} {_NEWEST_FIRST} LIMIT {SEARCHED_MAX}", owner):
        if folded(row["title"] or "") == title:
            return jobs.get(tx, row["id"])
        if newest is None and _has(row, words):
            newest = row["id"]
    return None if newest is None else jobs.get(tx, newest)


def found_again(tx: Tx, job_id: JobId, track: Track) -> bool:
    """Replace a track's file. Returns False if the track has been deleted in the meantime."""
    cursor = tx.execute(
        """UPDATE track SET file = :file, size_bytes = :size, sha256 = :sha256, url = :url
           WHERE job_id = :job AND take = :take""",
        {
            "job": job_id,
            "take": track.take,
            "file": track.file,
            "size": track.size_bytes,
            "sha256": track.sha256,
            "url": track.url,
        },
    )
    return cursor.rowcount == 1


def folded(text: str) -> str:
    """Normalize a text for comparison: case, Unicode composition and spacing do not count."""
    if text.isascii():  # what follows changes nothing else of it, and takes ten times as long
        return " ".join(text.lower().split())
    alike = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    # A capital İ case-folds into an i and a combining dot.
    return " ".join(alike.replace("i\u0307", "i").split())


def _words(typed: str) -> list[str]:
    return folded(typed).split()


def _has(row: Row, words: list[str]) -> bool:
    """Return whether each word is in one of the row's texts, or in its date if it has none."""
    text = folded("\n".join(row[name] or "" for name in ("title", "prompt", "style", "lyrics")))
    return all(word in (text or _date(row)) for word in words)


def _date(row: Row) -> str:
    return moment(row["created_at"]).date().isoformat()


def _place(tx: Tx, owner: dict[str, int], job_id: JobId | None) -> dict[str, int] | None:
    """Return the sort position of a song; None if it is not this member's in this server."""
    if job_id is None:
        return None
    row = tx.execute(f"{_SONGS.format(columns='NULL')} AND job.id = :id", owner | {"id": job_id}).fetchone()
    return None if row is None else {"id": row["id"], "at": row["created_at"]}


def _some(rows: Iterable[Row], limit: int, fits: Callable[[Row], bool]) -> list[JobId]:
    """Return the ids of the first matching rows, without reading further ones."""
    ids: list[JobId] = []
    for row in rows:
        if fits(row):
            ids.append(row["id"])
        if len(ids) >= limit:
            break
    return ids


def _jobs(tx: Tx, ids: list[JobId]) -> list[Job]:
    return [job for job_id in ids if (job := jobs.get(tx, job_id)) is not None]
