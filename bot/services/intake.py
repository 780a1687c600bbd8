"""Accept song requests: hold the credits and queue the job, or do neither."""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime

from bot.database.engine import Database, Tx
from bot.errors import Refusal, StoreBusy
from bot.mentions import named
from bot.model import (
    DiscordUserId,
    DraftId,
    FailReason,
    GuildId,
    InteractionId,
    Job,
    JobId,
    MessageId,
    Origin,
    SongRequest,
    Source,
)
from bot.pipeline.cards import POSITION_EVERY
from bot.pipeline.courier import CardFacts
from bot.pipeline.storage import no_problem
from bot.pipeline.transitions import log_outcome
from bot.refusals import (
    NotServed,
    NotYourSong,
    ShuttingDown,
    TextsGone,
    TooLateToCancel,
    TotalReached,
)
from bot.services.acceptance import Accepted, Decision, Incoming, admit, share_passed
from bot.services.batched_writes import BatchedWrites
from bot.services.pending_answers import PendingAnswers
from bot.services.terms import Terms
from bot.store import (
    job_cards,
    jobs,
    ledger,
    refused_interactions,
    servers,
    song_channels,
    texts,
)
from bot.store.job_events import StageTimes, stage_times
from bot.store.locking import lock_guild

log = logging.getLogger(__name__)

ANOTHER_PROCESS = (
    "Another process is using this bot's DISCORD_TOKEN with a database of its own, and answered a request "
    "that reached both. Nothing was charged here. Stop the other one, or give it a token of its own."
)
"""Alert to the operator about a second process."""
REFUSED_MAX = 1_000
"""Maximum number of refused interactions kept in memory."""


class Intake:
    """Turns requests into jobs. ``woken`` is called when there is work for the runner.

    ``alert`` tells the operator how much of their total is used, and of a second process.
    ``storage_problem`` returns the reason if no song can be stored now, else None.

    Guarantee: a job and the hold on its credits are committed in one transaction, and an interaction
    becomes at most one job.
    """

    def __init__(
        self,
        database: Database,
        terms: Terms,
        *,
        now: Callable[[], datetime],
        woken: Callable[[], None],
        alert: Callable[[str], None] = lambda _: None,
        storage_problem: Callable[[], Awaitable[str | None]] = no_problem,
    ) -> None:
        self.terms = terms
        self._alert = alert
        self._storage_problem = storage_problem
        self._database = database
        self._now = now
        self._woken = woken
        self._closing = False
        self._refused: dict[int, None] = {}
        self.pending = PendingAnswers()
        self._answers = BatchedWrites(database, self.pending.is_quiet)

    def close(self) -> None:
        """Refuse every request from now on, because the process is about to stop."""
        self._closing = True

    async def accept(
        self, request: SongRequest, origin: Origin, source: Source | None = None
    ) -> Accepted | None:
        """Queue a job and hold its credits.

        Returns None if the interaction was already accepted or refused, and while an earlier delivery of it
        is in progress; only that one is answered.

        ``source`` is the earlier job whose texts the request reuses.

        Raises:
            Refusal: the request can't be accepted; nothing was held.
            StoreBusy: the database is locked; nothing was held.
        """
        if origin.interaction_id in self.pending:
            return None
        with self.pending.accepting(origin.interaction_id):
            try:
                return await self._accept(request, origin, source)
            except (Refusal, StoreBusy):
                self._note_refused(origin.interaction_id)
                raise

    async def _accept(self, request: SongRequest, origin: Origin, source: Source | None) -> Accepted | None:
        now = self._now()
        incoming = Incoming(
            # Mentions are replaced by names wherever those are known. This call guarantees that no id leaves
            # with a request, whichever way it came in.
            request=request.with_texts(named).cleaned(),
            origin=origin,
            source=source,
            storage_problem=await self._storage_problem(),
            at=now,
        )
        decision = await self._database.write(lambda tx: self._decide(tx, incoming))
        if decision.share_passed is not None:
            self._alert(self._total_passed(decision.share_passed))
        accepted = decision.outcome
        if isinstance(accepted, Refusal):
            raise accepted
        if accepted is not None:
            self.pending.add(accepted.job.id)
            log.debug("job queued", extra={"job_id": accepted.job.id, "state": "queued"})
        return accepted

    def _decide(self, tx: Tx, incoming: Incoming) -> Decision:
        """Accept the request or record its refusal, unless its interaction was decided before."""
        interaction_id = incoming.origin.interaction_id
        lock_guild(tx, incoming.origin.guild_id)
        # The same interaction may be delivered again: neither an acceptance nor a refusal is revoked.
        if jobs.taken(tx, interaction_id) or self._was_refused(tx, interaction_id):
            return Decision(None)
        # A refusal is an ordinary outcome: its trace is committed, and nothing else.
        tx.execute("SAVEPOINT admission")
        try:
            if self._closing:
                raise ShuttingDown
            accepted = admit(tx, self.terms, incoming)
        except Refusal as refusal:
            tx.execute("ROLLBACK TO admission")
            tx.execute("RELEASE admission")
            return self._record_refusal(tx, incoming, refusal)
        # Any other error rolls back the whole transaction, including the savepoint.
        tx.execute("RELEASE admission")
        return Decision(accepted, share_passed(tx, self.terms, incoming.at))

    def _record_refusal(self, tx: Tx, incoming: Incoming, refusal: Refusal) -> Decision:
        """Record the refusal, so that the interaction stays refused."""
        if not isinstance(refusal, NotServed):  # nothing is written for a server that is not served
            refused_interactions.remember(tx, incoming.origin.interaction_id, incoming.at)
        if not isinstance(refusal, TotalReached):
            return Decision(refusal)
        # The total may also be reached because the operator has lowered it.
        return Decision(refusal, share_passed(tx, self.terms, incoming.at))

    def _total_passed(self, share: int) -> str:
        """Return the alert for a share of the operator's total that has been used."""
        used = "all" if share == servers.SHARE_REACHED else f"{share} %"
        ends = "no more songs are made until next month" if share == servers.SHARE_REACHED else "so far"
        return (
            f"All servers together have used {used} of TOTAL_CREDITS_MAX={self.terms.total_credits_max:,} "
            f"this month; {ends}."
        )

    async def require_served(self, guild_id: GuildId) -> None:
        """Check that the operator serves the server.

        ``accept`` checks again in its transaction.

        Raises:
            NotServed: the operator does not serve it.
        """
        policy = self.terms.server_policy
        if not await self._database.read(lambda tx: servers.is_served(tx, guild_id, policy)):
            raise NotServed

    async def require_song_channel(self, origin: Origin) -> None:
        """Check that songs may be requested in the channel.

        ``accept`` checks again in its transaction.

        Raises:
            WrongChannel: songs may be requested only in other channels.
        """
        await self._database.read(lambda tx: song_channels.admitted(tx, origin))

    async def refused(self, interaction_id: InteractionId) -> None:
        """Record an interaction refused before it got here, so that it stays refused."""
        self._note_refused(interaction_id)
        now = self._now()
        await self._database.write(lambda tx: refused_interactions.remember(tx, interaction_id, now))

    def _was_refused(self, tx: Tx, interaction_id: InteractionId) -> bool:
        return interaction_id in self._refused or refused_interactions.is_refused(tx, interaction_id)

    def _note_refused(self, interaction_id: InteractionId) -> None:
        # Kept in memory as well, in case the refusal's row could not be written.
        self._refused[interaction_id] = None
        if len(self._refused) > REFUSED_MAX:
            del self._refused[next(iter(self._refused))]

    async def answered(self, job: Job, facts: CardFacts, card_message_id: MessageId | None) -> None:
        """Record that the member saw the card with ``facts``; now the runner may start."""
        now, state = self._now(), facts.shown(job)
        # A card whose id is unknown is looked up at once.
        card_due_at = now if card_message_id is None else now + POSITION_EVERY
        # The next request takes precedence; until this is written, the job waits for ``ANSWER_WITHIN``.
        with self.pending.recording(job.id):
            await self._answers.write(
                lambda tx: job_cards.answered(tx, job.id, card_message_id, state, now, card_due_at)
            )
        self._woken()

    async def cancel(
        self, job_id: JobId, guild_id: GuildId, member_id: DiscordUserId, *, as_manager: bool
    ) -> Job:
        """Withdraw a queued request for its author or a member with Manage Messages.

        Returns the job as it was; its credits are released.

        Raises:
            TextsGone: the server has no such job.
            NotYourSong: the job is somebody else's, and the caller is not a manager.
            TooLateToCancel: it is no longer queued.
        """
        job = await self.job(job_id, guild_id)
        if member_id != job.origin.member_id and not as_manager:
            raise NotYourSong
        if not await self.withdraw(job):
            raise TooLateToCancel
        log.debug("job cancelled", extra={"job_id": job.id})
        self._woken()
        return job

    async def withdraw(self, job: Job) -> bool:
        """Withdraw a queued request and release its credits.

        Returns False if it is no longer queued.
        """
        return await self._withdraw(job, has_card=True)

    async def answered_elsewhere(self, job: Job) -> bool:
        """Withdraw a request that another process answered, and alert the operator.

        Returns False if the job has begun; it then continues. The answer shows the other process's job, so it
        is not this one's card and stays untouched.
        """
        withdrawn = await self._withdraw(job, has_card=False)
        self._alert(ANOTHER_PROCESS)
        return withdrawn

    async def _withdraw(self, job: Job, *, has_card: bool) -> bool:
        now = self._now()

        def withdraw(tx: Tx) -> StageTimes | None:
            lock_guild(tx, job.origin.guild_id)
            if not jobs.withdraw(tx, job.id, now):
                return None
            if not has_card:
                job_cards.no_card(tx, job.id)
            ledger.release(tx, job.id, now)
            return stage_times(tx, job.id)

        times = await self._database.write(withdraw)
        self.pending.answered(job.id)
        if times is not None:
            log_outcome(job, FailReason.WITHDRAWN, times)
        return times is not None

    async def post_again(self, job_id: JobId, guild_id: GuildId) -> Job:
        """Post an undelivered song again.

        Returns the job, unchanged if it is in another state.

        Raises:
            TextsGone: the server has no such job, or its member has been erased.
        """
        now = self._now()

        def post_again(tx: Tx) -> Job | None:
            lock_guild(tx, guild_id)
            if not jobs.is_of(tx, guild_id, job_id):
                return None
            jobs.post_again(tx, job_id, now)
            return jobs.get(tx, job_id)

        job = await self._database.write(post_again)
        if job is None or job.erased:
            raise TextsGone
        self._woken()
        return job

    async def message_gone(self, job_id: JobId, message_id: MessageId) -> None:
        """Record that the song's message was deleted, so that its card drops the link."""
        now = self._now()
        await self._database.write(lambda tx: job_cards.message_gone(tx, job_id, message_id, now))
        self._woken()

    async def keep_draft(
        self, request: SongRequest, member_id: DiscordUserId, remix_of: JobId | None = None
    ) -> DraftId:
        """Keep the texts of a request for a day. Returns the draft's number.

        ``remix_of`` is the job whose texts the draft modifies.

        Raises:
            TextsGone: the texts of ``remix_of`` may no longer be reused, even in part.
        """
        now, key = self._now(), DraftId(jobs.new_id())
        await self._database.write(
            lambda tx: texts.keep_draft(tx, key, member_id, request.cleaned(), remix_of, now)
        )
        return key

    async def draft(self, key: DraftId, member_id: DiscordUserId) -> tuple[SongRequest, JobId | None]:
        """Return the member's own draft, and the job whose texts it modifies.

        Raises:
            TextsGone: the draft is no longer kept, or it is somebody else's.
        """
        now = self._now()
        draft = await self._database.read(lambda tx: texts.draft(tx, key, member_id, now))
        if draft is None:
            raise TextsGone
        return draft

    async def job(self, job_id: JobId, guild_id: GuildId) -> Job:
        """Return a server's job, with whatever is still kept of its texts.

        Raises:
            TextsGone: the server has no such job. Whether another server has it is not revealed.
        """

        def job_of(tx: Tx) -> Job | None:
            return jobs.get(tx, job_id) if jobs.is_of(tx, guild_id, job_id) else None

        job = await self._database.read(job_of)
        if job is None:
            raise TextsGone
        return job

    async def with_texts(self, job_id: JobId, guild_id: GuildId | None) -> Job:
        """Return a server's job, or any server's if None, with all of its texts.

        Raises:
            TextsGone: the server has no such job, its texts are no longer kept, or one of their authors is
                leaving. Which of these applies, and whether another server has the job, is not revealed.
        """

        def reusable(tx: Tx) -> Job | None:
            is_here = guild_id is None or jobs.is_of(tx, guild_id, job_id)
            return jobs.get(tx, job_id) if is_here and texts.may_be_taken_up(tx, job_id) else None

        job = await self._database.read(reusable)
        if job is None:
            raise TextsGone
        return job
