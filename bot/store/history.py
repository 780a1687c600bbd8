"""A member's own songs in one server: unfinished ones, pages of finished ones, and search."""

import unicodedata
from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from bot.characters import head
from bot.database.engine import Row, Tx
from bot.lazy import lazy_pattern
from bot.model import DiscordUserId, GuildId, Job, JobId
from bot.store import jobs, texts
from bot.store.job_rows import SONGS, read_all
from bot.store.listed_songs import ListedSong, listed
from bot.store.members import known_member
from bot.store.times import moment

JOB_ID = lazy_pattern("[0-9]{1,16}")
"""A job id as ``jobs.new_id`` generates them."""

# The caller names the columns: reading the lyrics of thousands of songs is slow.
_SONGS = f"""SELECT job.id, job.created_at{{columns}} FROM job {{joins}}
             WHERE job.guild_id = :guild AND job.member_id = :member AND job.state IN ({SONGS})"""
FIRST_LOOK_MAX = 30
"""Maximum number of songs read before a search returns its first page, in less than half a millisecond."""
LOOK_MAX = 500
"""Maximum number of songs that each further look reads."""
LOOK_CHARACTERS_PER_SONG = 1_000
"""Mean length of a song's texts, in characters, beyond which a look ends early: lyrics may be long."""
CHOICES_READ_MAX = 75
"""Number of newest songs that autocompletion reads; it is called for every letter typed."""
_NEWEST_FIRST = "ORDER BY job.created_at DESC, job.id DESC"
_OLDEST_FIRST = "ORDER BY job.created_at, job.id"
_ALONE = _SONGS.format(columns="", joins="")
# The view reads a prompt only where there is no title.
_CHOICES = _SONGS.format(
    columns=f""", COALESCE(NULLIF(words.title, ''), SUBSTR(words.prompt, 1, {jobs.EXCERPT_READ_MAX}), '')
                  AS song""",
    joins="LEFT JOIN words ON words.job_id = job.id",
)
TEXT_NAMES = ("title", "prompt", "style", "lyrics")
"""Texts covered by a search."""
_SEARCHED = _SONGS.format(
    columns="".join(f", {name}.value AS {name}" for name in TEXT_NAMES), joins=texts.joined(*TEXT_NAMES)
)


class SongPage(Struct, frozen=True, kw_only=True):
    """One page of a member's songs, newest first."""

    songs: tuple[ListedSong, ...]
    newer: bool
    older: bool
    read_to: JobId | None = None
    """Where the search continues, if its look reached the limit before the page was full."""
    upward: bool = False
    """Whether it continues towards newer songs."""


class SongChoice(Struct, frozen=True, kw_only=True):
    """A song offered by autocompletion."""

    job_id: JobId
    song: str
    """Its title or the beginning of its prompt; empty once its texts have been deleted."""
    at: datetime


class Choices(Struct, frozen=True, kw_only=True):
    """The songs that autocompletion offers."""

    songs: tuple[SongChoice, ...]
    unread: bool
    """Whether older songs may exist that were not read."""


class Match(Struct, frozen=True, kw_only=True):
    """The best match of a search so far."""

    job: Job | None
    read_to: JobId | None = None
    """Where the search continues; None if this is the result."""


def open_jobs(tx: Tx, guild_id: GuildId, member_id: DiscordUserId) -> list[Job]:
    """Return the member's unfinished songs in this server, parked ones included, oldest first."""
    rows = tx.execute(
        f"""SELECT id FROM job WHERE guild_id = ? AND member_id = ? AND state IN ({jobs.OPEN})
            ORDER BY created_at, id""",
        (guild_id, known_member(tx, member_id)),
    ).fetchall()
    return read_all(tx, [row["id"] for row in rows])


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
    newest. ``word`` selects songs whose title, prompt, style or lyrics contain all of its words, ignoring
    case; a song whose texts have been deleted is matched by its date, such as 2026-03-14. Such a search
    may need further looks with ``continued``.
    """
    search = _Search(tx, guild_id, member_id, word, size=size, songs_max=FIRST_LOOK_MAX)
    if (after := search.place(after_id)) is not None:
        return _newer(search, after, ())
    before = None if after_id is not None else search.place(before_id)
    return _older(search, before, (), newer=before is not None)


def continued(
    tx: Tx, guild_id: GuildId, member_id: DiscordUserId, page: SongPage, *, size: int, word: str
) -> SongPage:
    """Return a search's page after one more look, at the songs that follow ``page.read_to``."""
    search = _Search(tx, guild_id, member_id, word, size=size, songs_max=LOOK_MAX)
    place = search.place(page.read_to)
    if place is None:  # the song has been deleted in the meantime, so the search ends here
        return replace(page, read_to=None)
    if page.upward:
        return _newer(search, place, page.songs)
    return _older(search, place, page.songs, newer=page.newer)


def choices(tx: Tx, guild_id: GuildId, member_id: DiscordUserId, typed: str, limit: int) -> Choices:
    """Return the member's newest songs in this server that match the text typed so far.

    All of its words must appear in the label. A song without texts matches by its date, such as
    2026-03-14, and every song by its job id.
    """
    words = _words(typed)
    owner = {"guild": guild_id, "member": known_member(tx, member_id)}
    matches: list[SongChoice] = []
    count = 0
    for row in tx.execute(f"{_CHOICES} {_NEWEST_FIRST} LIMIT {CHOICES_READ_MAX}", owner):
        count += 1
        song = head(row["song"], jobs.EXCERPT_MAX)
        if _fits(row, song, words) or words == [str(row["id"])]:
            matches.append(SongChoice(job_id=row["id"], song=song, at=moment(row["created_at"])))
        if len(matches) >= limit:
            break
    return Choices(songs=tuple(matches), unread=count >= CHOICES_READ_MAX)


def find(
    tx: Tx, guild_id: GuildId, member_id: DiscordUserId, typed: str, so_far: Match | None = None
) -> Match:
    """Find the member's song here by ``typed``: a job id, a title, or any of the song's words.

    A song with exactly this title wins, then the newest match. A look reads a bounded number of songs; the
    next one continues where ``so_far`` ended.
    """
    songs_max = FIRST_LOOK_MAX if so_far is None else LOOK_MAX
    search = _Search(tx, guild_id, member_id, typed, songs_max=songs_max)
    words, title = search.words, folded(typed)
    if so_far is None and len(words) == 1 and JOB_ID.fullmatch(words[0]):
        exact = search.place(JobId(int(words[0])))
        if exact is not None:
            return Match(job=jobs.get(tx, JobId(exact["id"])))
    place = None if so_far is None else search.place(so_far.read_to)
    newest = None if so_far is None else so_far.job
    if not words or (so_far is not None and place is None):
        return Match(job=newest)
    for row, text in search.rows(_NEWEST_FIRST, "<", place):
        if not search.fits(row, text):  # a song with this title fits, too
            continue
        if folded(row["title"] or "") == title:
            return Match(job=jobs.get(tx, row["id"]))
        if newest is None:
            newest = jobs.get(tx, row["id"])
    return Match(job=newest, read_to=search.read_to)


class _Search:
    """One look at a member's songs in a server."""

    def __init__(
        self,
        tx: Tx,
        guild_id: GuildId,
        member_id: DiscordUserId,
        typed: str,
        *,
        size: int = 1,
        songs_max: int,
    ) -> None:
        self.tx = tx
        self.size = size
        self.songs_max = songs_max
        self.words = _words(typed)
        self.read_to: JobId | None = None
        """The last song read, if the look had to end there."""
        self._owner = {"guild": guild_id, "member": known_member(tx, member_id)}

    def place(self, job_id: JobId | None) -> dict[str, int] | None:
        """Return the sort position of a song; None if it isn't this member's in this server."""
        if job_id is None:
            return None
        row = self.tx.execute(f"{_ALONE} AND job.id = :id", self._owner | {"id": job_id}).fetchone()
        return None if row is None else {"id": row["id"], "at": row["created_at"]}

    def rows(self, order: str, side: str, place: dict[str, int] | None) -> Iterator[tuple[Row, str]]:
        """Yield the songs on one side of a place with their texts, up to the limit of a look."""
        self.read_to = None
        where = _SEARCHED if self.words else _ALONE
        if place is not None:
            where += f" AND (job.created_at, job.id) {side} (:at, :id)"
        limit = self.songs_max if self.words else self.size + 1
        length = 0
        rows = self.tx.execute(f"{where} {order} LIMIT {limit}", self._owner | (place or {}))
        for count, row in enumerate(rows, start=1):
            _, _, *texts = row
            text = "\n".join(filter(None, texts))
            yield row, text
            length += len(text)
            if self.words and (count >= limit or length >= limit * LOOK_CHARACTERS_PER_SONG):
                self.read_to = row["id"]
                return

    def fits(self, row: Row, text: str) -> bool:
        """Return whether the song matches the search."""
        return _fits(row, text, self.words)

    def some(self, order: str, side: str, place: dict[str, int] | None, count: int) -> list[JobId]:
        """Return up to ``count`` matching songs, reading no further than needed."""
        ids: list[JobId] = []
        for row, text in self.rows(order, side, place):
            if self.fits(row, text):
                ids.append(row["id"])
            if len(ids) >= count:
                self.read_to = None
                break
        return ids


def _newer(search: _Search, place: dict[str, int], first: tuple[ListedSong, ...]) -> SongPage:
    """Return the next newer songs before those already found; the newest if they don't fill a page."""
    ids = search.some(_OLDEST_FIRST, ">", place, search.size + 1 - len(first))
    full = len(first) + len(ids) > search.size
    if not full and search.read_to is None:
        return _older(search, None, (), newer=False)
    page_ids = ids[: search.size - len(first)]
    return SongPage(
        songs=(*listed(search.tx, page_ids[::-1]), *first),
        newer=True,
        older=True,
        read_to=search.read_to,
        upward=search.read_to is not None,
    )


def _older(
    search: _Search, place: dict[str, int] | None, first: tuple[ListedSong, ...], *, newer: bool
) -> SongPage:
    """Return the next older songs, after those already found."""
    ids = search.some(_NEWEST_FIRST, "<", place, search.size + 1 - len(first))
    full = len(first) + len(ids) > search.size
    return SongPage(
        songs=(*first, *listed(search.tx, ids[: search.size - len(first)])),
        newer=newer,
        older=full or search.read_to is not None,
        read_to=search.read_to,
    )


def folded(text: str) -> str:
    """Normalise a text for comparison: ignore case, Unicode composition and spacing."""
    if text.isascii():  # the code below would do the same, ten times slower
        return " ".join(text.lower().split())
    alike = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    # A capital İ case-folds into an i and a combining dot.
    return " ".join(alike.replace("i\u0307", "i").split())


def _fits(row: Row, text: str, words: list[str]) -> bool:
    """Return whether the text contains every word, or the song's date does if there is no text."""
    if not words:
        return True
    label = text if text.strip() else _date(row)
    # As folded, except for spaces, which no word contains.
    alike = label.lower() if label.isascii() else folded(label)
    for word in words:  # noqa: SIM110 - a generator for each song takes as long as the comparison
        if word not in alike:
            return False
    return True


def _words(typed: str) -> list[str]:
    return folded(typed).split()


def _date(row: Row) -> str:
    return moment(row["created_at"]).date().isoformat()
