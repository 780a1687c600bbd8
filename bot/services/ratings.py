"""Members' ratings of songs, and a server's best songs of the week."""

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from bot.database.engine import Database, Tx
from bot.model import DiscordUserId, GuildId, InteractionId, JobId
from bot.refusals import Leaving, TextsGone, TooManyRatings
from bot.store import members, ratings
from bot.store.listed_songs import ListedSong, listed
from bot.store.locking import lock_guild
from bot.store.ratings import Tally

RATINGS_MAX: Final = 100
"""Maximum ratings per member in ``RATINGS_WITHIN``, withdrawn ones included."""
RATINGS_WITHIN: Final = timedelta(minutes=10)
"""Time over which they are counted, in memory: losing the count in a restart does no harm."""
PRESSES_MAX: Final = 1_000
"""Maximum number of presses remembered, so that one that arrives twice counts once."""
WEEK: Final = timedelta(days=7)
"""Maximum age of a ranked song."""
BEST_MAX: Final = 50
"""Maximum number of songs in the ranking."""
BEST_PAGE_MAX: Final = 10
"""Maximum number of songs on one of its pages."""


class Rated(Struct, frozen=True, kw_only=True):
    """A member's rating of a song after a press, and the song's tally."""

    liked: bool | None
    """None: the rating was withdrawn."""
    tally: Tally


class BestSong(Struct, frozen=True, kw_only=True):
    """A song, its place in the ranking, and its ratings."""

    place: int
    song: ListedSong
    tally: Tally


class BestPage(Struct, frozen=True, kw_only=True):
    """One page of a server's best songs."""

    songs: tuple[BestSong, ...]
    page: int
    """Page number, starting at 1."""
    more: bool
    """Whether another page follows."""


class Ratings:
    """Rates songs and ranks them."""

    def __init__(self, database: Database, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now
        self._times: dict[DiscordUserId, deque[datetime]] = {}
        """Times of each member's recent ratings, ordered by the member's latest one."""
        self._presses: dict[int, None] = {}

    async def rate(
        self,
        job_id: JobId,
        guild_id: GuildId,
        member_id: DiscordUserId,
        interaction_id: InteractionId,
        *,
        liked: bool,
        listed: bool = True,
    ) -> Rated:
        """Rate a song, replace the member's opposite rating, or withdraw the same one.

        An interaction that arrives twice counts once. ``listed`` is False in a private thread.

        Raises:
            TextsGone: the server has no such song, or its texts are no longer kept.
            Leaving: the member's data is being deleted.
            TooManyRatings: the member has rated too often.
            StoreBusy: the database is locked; nothing was changed.
        """
        now = self._now()
        again = interaction_id in self._presses
        if not again:
            self._count(member_id, now)
            self._note(interaction_id)

        def rate(tx: Tx) -> Rated:
            lock_guild(tx, guild_id)
            if not ratings.may_be_rated(tx, guild_id, job_id):
                raise TextsGone
            number = members.known_member(tx, member_id)
            if members.leaving_since(tx, number) is not None:
                raise Leaving
            if again:
                stands = ratings.rating(tx, job_id, number)
            else:
                member = members.member_number(tx, member_id)
                stands = ratings.rate(tx, job_id, member, now, liked=liked, listed=listed)
            return Rated(liked=stands, tally=ratings.tally(tx, job_id))

        try:
            return await self._database.write(rate)
        except BaseException:  # re-raised; a press that was not recorded may be repeated
            self._presses.pop(interaction_id, None)
            raise

    def _count(self, member_id: DiscordUserId, now: datetime) -> None:
        """Count a rating of the member, or refuse it."""
        since = now - RATINGS_WITHIN
        while self._times:
            first = next(iter(self._times))
            if self._times[first][-1] > since:
                break
            del self._times[first]
        times = self._times.pop(member_id, None) or deque()
        while times and times[0] <= since:
            times.popleft()
        full = len(times) >= RATINGS_MAX
        if not full:
            times.append(now)
        self._times[member_id] = times
        if full:
            raise TooManyRatings(RATINGS_MAX, times[0] + RATINGS_WITHIN)

    def _note(self, interaction_id: InteractionId) -> None:
        self._presses[interaction_id] = None
        if len(self._presses) > PRESSES_MAX:
            del self._presses[next(iter(self._presses))]

    async def best(self, guild_id: GuildId, page: int = 1) -> BestPage:
        """Return a page of the server's best songs of the last seven days.

        Past the end, returns the last page.
        """
        since = self._now() - WEEK

        def best(tx: Tx) -> BestPage:
            # One song more than the pages so far tells whether another page follows.
            ranked = ratings.best(tx, guild_id, since, min(max(page, 1) * BEST_PAGE_MAX + 1, BEST_MAX))
            number = min(max(page, 1), max(1, -(-len(ranked) // BEST_PAGE_MAX)))
            first = (number - 1) * BEST_PAGE_MAX
            places = {one.job_id: (place, one.tally) for place, one in enumerate(ranked, 1)}
            songs = [
                BestSong(place=places[song.id][0], song=song, tally=places[song.id][1])
                for song in listed(tx, list(places)[first : first + BEST_PAGE_MAX])
            ]
            return BestPage(songs=tuple(songs), page=number, more=len(ranked) > first + BEST_PAGE_MAX)

        # This compares up to a thousand songs, so it runs where no write waits for it.
        return await self._database.report(best)
