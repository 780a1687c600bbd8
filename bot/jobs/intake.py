"""Hold the credits and queue the job, or neither."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.errors import (
    Paused,
    ServiceClosed,
    ShuttingDown,
    TooManyOpenJobs,
    TriedAgain,
    WordsGone,
)
from bot.jobs.courier import CardFacts
from bot.jobs.outlook import facts_of
from bot.model import Job, JobState, ReplyTo, SongRequest
from bot.music.limits import check
from bot.store import gate, jobs, ledger, limits
from bot.store.database import Database, Tx

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
        self, request: SongRequest, reply_to: ReplyTo, retry_of: int | None = None
    ) -> tuple[Job, CardFacts] | None:
        """The new job, with its credits held, or None if this interaction has been taken before.

        ``retry_of`` is the failed job that is to be tried again.

        Raises:
            Refusal: what stands against it; nothing was held.
            StoreBusy: the database is locked; nothing was held.
        """
        if self._closing:
            # The same interaction may come once more: a promise is not taken back.
            if await self._database.read(lambda tx: jobs.taken(tx, reply_to.interaction_id)):
                return None
            raise ShuttingDown
        request = request.cleaned()
        check(request, self.terms.models)
        now = self._now()

        def accept(tx: Tx) -> tuple[Job, CardFacts] | None:
            if jobs.taken(tx, reply_to.interaction_id):
                return None
            member = ledger.member_number(tx, reply_to.member_id)
            self._admit(tx, reply_to, member, retry_of, now)
            job_id, price = jobs.new_id(), self.terms.price_credits
            held, limit = limits.hold(
                tx, job_id, reply_to.guild_id, member, reply_to.role_ids, price, self.terms.defaults, now
            )
            job = Job(
                id=job_id,
                request=request,
                reply_to=reply_to,
                state=JobState.QUEUED,
                attempt=0,
                tries=0,
                created_at=now,
                state_since=now,
                price_credits=price,
                limit_credits=None if limit is None else limit.credits,
            )
            jobs.add(tx, job, held, due_at=now + ANSWER_WITHIN, retry_of=retry_of)
            return job, facts_of(tx, job, self.terms.defaults, now)

        taken = await self._database.write(accept)
        if taken is not None:
            self._unanswered.add(taken[0].id)
            self._all_answered.clear()
            log.info("job %d: %s in server %d", taken[0].id, JobState.QUEUED, reply_to.guild_id)
        return taken

    def _admit(self, tx: Tx, reply_to: ReplyTo, member: int, retry_of: int | None, now: datetime) -> None:
        """Raises the Refusal that stands against one more song of the member (by internal number)."""
        if retry_of is not None and jobs.tried_again(tx, retry_of, member):
            raise TriedAgain
        reason = limits.paused(tx, reply_to.guild_id)
        if reason is not None:
            raise Paused(reason)
        shut = gate.read(tx)
        until = gate.shut_until(shut, now)
        if shut.closed is not None and until is not None:
            raise ServiceClosed(shut.closed, until)
        counts = jobs.count_open(tx, reply_to.guild_id, member)
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

    async def withdraw(self, job: Job) -> bool:
        """Take the request back if nobody has begun to work on it; its credits go back."""
        now = self._now()

        def withdraw(tx: Tx) -> bool:
            if not jobs.withdraw(tx, job.id, now):
                return False
            ledger.release(tx, job.id, *jobs.held(tx, job.id), now)
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

    async def post_again(self, job_id: int) -> Job:
        """Post a song that could not be posted before. Returns the job; another state is left as it is.

        Raises:
            WordsGone: there is no such job.
        """
        now = self._now()

        def post_again(tx: Tx) -> Job | None:
            jobs.post_again(tx, job_id, now)
            return jobs.get(tx, job_id)

        job = await self._database.write(post_again)
        if job is None:
            raise WordsGone
        self._woken()
        return job

    async def keep_draft(self, request: SongRequest, member_id: int) -> int:
        """Keep the words of a refused request for a day. Returns the draft's number."""
        now = self._now()
        return await self._database.write(
            lambda tx: jobs.keep_draft(tx, member_id, request.cleaned(), now, timedelta(days=1))
        )

    def on_offer(self, request: SongRequest) -> SongRequest:
        """The request with a model that is on offer today, for words that were kept for a while."""
        return request if request.model in self.terms.models else replace(request, model=self.terms.models[0])

    async def draft(self, key: int, member_id: int) -> SongRequest:
        """The member's own refused request.

        Raises:
            WordsGone: it is no longer kept, or somebody else's.
        """
        found = await self._database.read(lambda tx: jobs.draft(tx, key, member_id))
        if found is None:
            raise WordsGone
        return found

    async def job(self, job_id: int) -> Job:
        """A job with its words.

        Raises:
            WordsGone: there is none, or its words are no longer kept.
        """
        found = await self._database.read(lambda tx: jobs.get(tx, job_id))
        if found is None or not found.request.model:
            raise WordsGone
        return found
