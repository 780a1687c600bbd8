"""Hold the credits and queue the job, or neither."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.database.sqlite import Database, Tx
from bot.errors import (
    AlreadyMaking,
    Leaving,
    NotYourSong,
    Paused,
    ServiceClosed,
    ShuttingDown,
    TooLateToCancel,
    TooManyOpenJobs,
    TriedAgain,
    WordsGone,
)
from bot.model import DiscordUserId, Job, JobId, JobState, MemberNumber, Origin, Reuse, SongRequest, Source
from bot.music.text_limits import check
from bot.pipeline.card_facts import card_facts
from bot.pipeline.courier import CardFacts
from bot.store import breaker, jobs, ledger, members, quotas, texts

log = logging.getLogger(__name__)

ANSWER_WITHIN = timedelta(seconds=4)
"""A job is not begun before the member has been answered, or this long after the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the operator has set for new songs."""

    models: tuple[str, ...]
    """On offer, the default first."""
    price_credits: int
    open_per_member: int
    open_per_guild: int
    defaults: ledger.Defaults
    extras: bool = False
    """Whether members may say what is not to be in a song, and who is to sing."""


class Intake:
    """Turns requests into jobs. ``woken`` is called when there is something for the runner to do."""

    def __init__(
        self,
        database: Database,
        terms: Terms,
        *,
        now: Callable[[], datetime],
        woken: Callable[[], None],
    ) -> None:
        self.terms = terms
        self._database = database
        self._now = now
        self._woken = woken
        self._closing = False
        self._unanswered: set[int] = set()
        self._all_answered = asyncio.Event()
        self._all_answered.set()

    def close(self) -> None:
        """From here on every request is refused: the process is about to stop."""
        self._closing = True

    async def accept(
        self, request: SongRequest, origin: Origin, source: Source | None = None
    ) -> tuple[Job, CardFacts] | None:
        """The new job, with its credits held, or None if this interaction has been taken before.

        ``source`` is the earlier job whose words it takes up.

        Raises:
            Refusal: what stands against it; nothing was held.
            StoreBusy: the database is locked; nothing was held.
        """
        if self._closing:
            # The same interaction may come once more: a promise is not taken back.
            if await self._database.read(lambda tx: jobs.taken(tx, origin.interaction_id)):
                return None
            raise ShuttingDown
        request = request.cleaned()
        check(request, self.terms.models)
        now = self._now()

        def accept(tx: Tx) -> tuple[Job, CardFacts] | None:
            if jobs.taken(tx, origin.interaction_id):
                return None
            member = members.member_number(tx, origin.member_id)
            self._admit(tx, origin, member, source, now)
            job_id, price = jobs.new_id(), self.terms.price_credits
            held, limit = quotas.hold(
                tx, job_id, origin.guild_id, member, origin.role_ids, price, self.terms.defaults, now
            )
            job = Job(
                id=job_id,
                request=request,
                origin=origin,
                state=JobState.QUEUED,
                attempt=0,
                tries=0,
                created_at=now,
                state_since=now,
                price_credits=price,
                limit_credits=None if limit is None else limit.credits,
            )
            jobs.add(tx, job, held, due_at=now + ANSWER_WITHIN, source=source)
            return job, card_facts(tx, job, self.terms.defaults, now)

        taken = await self._database.write(accept)
        if taken is not None:
            self._unanswered.add(taken[0].id)
            self._all_answered.clear()
            log.info("job %d: %s in server %d", taken[0].id, JobState.QUEUED, origin.guild_id)
        return taken

    def _admit(
        self, tx: Tx, origin: Origin, member: MemberNumber, source: Source | None, now: datetime
    ) -> None:
        """Raises the Refusal that stands against one more song of the member (by internal number)."""
        if members.leaving_since(tx, member) is not None:
            raise Leaving
        if source is not None:
            _refuse_reuse(tx, source, member)
        reason = quotas.paused(tx, origin.guild_id)
        if reason is not None:
            raise Paused(reason)
        shut = breaker.read(tx)
        until = breaker.shut_until(shut, now)
        if shut.closed is not None and until is not None:
            raise ServiceClosed(shut.closed, until)
        counts = jobs.count_open(tx, origin.guild_id, member)
        if counts.member >= self.terms.open_per_member:
            raise TooManyOpenJobs("member", self.terms.open_per_member)
        if counts.guild >= self.terms.open_per_guild:
            raise TooManyOpenJobs("guild", self.terms.open_per_guild)

    async def answered(self, job: Job, facts: CardFacts, card_message_id: int | None) -> None:
        """The member has read that the song is coming, on the card with ``facts``: the runner may begin."""
        now, shown = self._now(), facts.shown(job)
        await self._database.write(lambda tx: jobs.answered(tx, job.id, card_message_id, shown, now))
        self._answered(job)
        self._woken()

    async def cancel(self, job_id: JobId, member_id: DiscordUserId, *, as_manager: bool) -> Job:
        """Take a queued request back for the one who asked, or for somebody who may manage messages.

        Returns the job as it was; its credits are back.

        Raises:
            WordsGone: there is no such job.
            NotYourSong: somebody else's, and not a manager.
            TooLateToCancel: it is queued no more.
        """
        job = await self.job(job_id)
        if member_id != job.origin.member_id and not as_manager:
            raise NotYourSong
        if not await self.withdraw(job):
            raise TooLateToCancel
        log.info("job %d: canceled", job.id)
        self._woken()
        return job

    async def withdraw(self, job: Job) -> bool:
        """Take the request back as long as it is queued; its credits go back."""
        now = self._now()

        def withdraw(tx: Tx) -> bool:
            if not jobs.withdraw(tx, job.id, now):
                return False
            ledger.release(tx, job.id, now)
            return True

        withdrawn = await self._database.write(withdraw)
        self._answered(job)
        return withdrawn

    def _answered(self, job: Job) -> None:
        self._unanswered.discard(job.id)
        if not self._unanswered:
            self._all_answered.set()

    async def all_answered(self) -> None:
        """Ends when every member who was promised a song has read so, or can't any more."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN.total_seconds()):
                await self._all_answered.wait()
        except TimeoutError:
            log.warning("%d answers are still on their way", len(self._unanswered))

    async def post_again(self, job_id: JobId) -> Job:
        """Post a song that could not be posted before. Returns the job; another state is left as it is.

        Raises:
            WordsGone: there is no such job, or its member is forgotten.
        """
        now = self._now()

        def post_again(tx: Tx) -> Job | None:
            jobs.post_again(tx, job_id, now)
            return jobs.get(tx, job_id)

        job = await self._database.write(post_again)
        if job is None or job.erased:
            raise WordsGone
        self._woken()
        return job

    async def message_gone(self, job_id: JobId, message_id: int) -> None:
        """The message with the song was deleted: the card links to it no more."""
        now = self._now()
        await self._database.write(lambda tx: jobs.message_gone(tx, job_id, message_id, now))
        self._woken()

    async def keep_draft(
        self, request: SongRequest, member_id: DiscordUserId, remix_of: int | None = None
    ) -> int:
        """Keep the words of a request for a day. Returns the draft's number.

        ``remix_of`` is the job whose words they are a change of.

        Raises:
            WordsGone: the words of ``remix_of`` may not be taken up any more, also in parts.
        """
        now, key = self._now(), jobs.new_id()
        await self._database.write(
            lambda tx: texts.keep_draft(tx, key, member_id, request.cleaned(), remix_of, now)
        )
        return key

    def on_offer(self, request: SongRequest) -> SongRequest:
        """The request as the operator allows it today, for words that were kept for a while."""
        if request.model not in self.terms.models:
            request = replace(request, model=self.terms.models[0])
        return request if self.terms.extras else replace(request, avoid="", voice=None)

    async def draft(self, key: int, member_id: DiscordUserId) -> tuple[SongRequest, int | None]:
        """The member's own draft, and the job whose words it is a change of.

        Raises:
            WordsGone: it is no longer kept, or somebody else's.
        """
        now = self._now()
        found = await self._database.read(lambda tx: texts.draft(tx, key, member_id, now))
        if found is None:
            raise WordsGone
        return found

    async def job(self, job_id: JobId) -> Job:
        """A job, with as much of its words as is kept.

        Raises:
            WordsGone: there is none.
        """
        found = await self._database.read(lambda tx: jobs.get(tx, job_id))
        if found is None:
            raise WordsGone
        return found

    async def worded(self, job_id: JobId) -> Job:
        """A job with all of its words, of which another song may be made.

        Raises:
            WordsGone: there is none, or its words are no longer kept, or one of their authors leaves.
        """

        def worded(tx: Tx) -> Job | None:
            return jobs.get(tx, job_id) if texts.may_be_taken_up(tx, job_id) else None

        found = await self._database.read(worded)
        if found is None:
            raise WordsGone
        return found


def _refuse_reuse(tx: Tx, source: Source, member: MemberNumber) -> None:
    """Raises the Refusal that stands against taking up the words of an earlier job."""
    if not texts.may_be_taken_up(tx, source.job_id):
        raise WordsGone
    match source.reuse:
        case Reuse.RETRY if jobs.tried_again(tx, source.job_id, member):
            raise TriedAgain
        case Reuse.AGAIN if jobs.again_in_the_making(tx, source.job_id, member):
            raise AlreadyMaking
        case _:
            return
