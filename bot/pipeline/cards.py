"""Keep cards up to date: at most one edit per card in 5 s, and only if its content would change."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from bot.database.engine import Database, Tx
from bot.errors import StoreBusy, Transient
from bot.model import Job, JobState
from bot.pipeline.card_facts import SLOW_AFTER, card_facts, facts_of
from bot.pipeline.courier import CardFacts, Courier, NoAccess
from bot.store import job_cards, ledger

log = logging.getLogger(__name__)

CARDS_BATCH_MAX: Final = 50
"""Maximum number of cards that one batch updates, one after another."""
EDIT_EVERY: Final = timedelta(seconds=5)
"""Minimum time between two edits of one card."""
LATE_S: Final = 15.0
"""Minimum wait before a failed edit is retried, in seconds."""
AFTERWARDS: Final = timedelta(seconds=1)
"""Margin after a point in time, so that it has certainly passed."""
POSITION_EVERY: Final = timedelta(seconds=15)
"""Interval between look-ups of a queued job's position near the front of the queue."""
POSITION_EACH: Final = timedelta(seconds=0.1)
"""Interval per song ahead, if that is longer: about a seventh of the time until the job's turn."""
POSITION_EVERY_MAX: Final = timedelta(minutes=5)
"""Maximum of that interval, at the far end of the queue."""


class Cards:
    """Edits outdated cards. A card may lag or be gone without harm."""

    def __init__(
        self,
        database: Database,
        courier: Courier,
        *,
        defaults: ledger.Defaults,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._courier = courier
        self._defaults = defaults
        self._now = now

    def due(self, tx: Tx) -> list[Job]:
        """Return jobs whose card may be outdated and may be edited again."""
        return job_cards.cards_due(tx, self._now(), CARDS_BATCH_MAX, self._database.share)

    async def outdated(self, due: list[Job]) -> list[tuple[Job, CardFacts]]:
        """Return the jobs whose cards are outdated, with the facts to show.

        The other cards are marked as checked in one transaction.
        """
        now = self._now()

        def mark(tx: Tx) -> None:
            for job, facts in pairs:
                if facts.shown(job) == job.card_shown:
                    job_cards.card_shown(tx, job, job.card_shown, self._may_change_at(job, facts, now), now)

        try:
            pairs = await self._database.read(lambda tx: facts_of(tx, due, self._defaults, now))
            outdated = [(job, facts) for job, facts in pairs if facts.shown(job) != job.card_shown]
            if len(outdated) < len(pairs):
                await self._database.write(mark)
        except StoreBusy as error:
            log.info("cards postponed", extra={"error": str(error)})
            return []
        return outdated

    async def refresh(self, job: Job, facts: CardFacts | None = None) -> None:
        """Update the job's card if it is outdated."""
        try:
            await self._refresh(job, facts)
        except StoreBusy as error:
            log.info("card postponed", extra={"error": str(error)})

    async def leave(self, job: Job) -> None:
        """Give up on a card until its job moves."""
        await self._write(job, job.card_shown, None, self._now())

    async def _refresh(self, job: Job, facts: CardFacts | None) -> None:
        now = self._now()
        if facts is None:
            facts = await self._database.read(lambda tx: card_facts(tx, job, self._defaults, now))
        state, free_at = facts.shown(job), now
        if state != job.card_shown:
            free_at = now + EDIT_EVERY
            try:
                await self._courier.update_card(await self._with_card(job), facts)
            except NoAccess as error:
                log.info("card not editable", extra={"error": str(error)})
            except Transient as error:
                log.info("card update postponed", extra={"error": str(error)})
                free_at = now + timedelta(seconds=max(error.retry_after_s or 0.0, LATE_S))
                await self._write(job, job.card_shown, free_at, free_at)
                return
        await self._write(job, state, self._may_change_at(job, facts, now), free_at)

    async def _with_card(self, job: Job) -> Job:
        """Return the job with its card's id, looked up if a crash prevented saving it."""
        if job.card_message_id is not None:
            return job
        message_id = await self._courier.find_card(job)
        if message_id is None:
            raise NoAccess("it was never posted")
        await self._database.write(lambda tx: job_cards.card_found(tx, job, message_id))
        return replace(job, card_message_id=message_id)

    async def _write(self, job: Job, state: str, again_at: datetime | None, free_at: datetime) -> None:
        await self._database.write(lambda tx: job_cards.card_shown(tx, job, state, again_at, free_at))

    def _may_change_at(self, job: Job, facts: CardFacts, now: datetime) -> datetime | None:
        """Return when the card may become outdated even if the job does not move."""
        if job.state is JobState.QUEUED:
            return now + min(max(POSITION_EVERY, facts.ahead * POSITION_EACH), POSITION_EVERY_MAX)
        if not job.open or job.state is JobState.FAILED:
            return None
        turns = [(facts.expected_until or facts.expected_at) + AFTERWARDS, job.created_at + SLOW_AFTER]
        return min((at for at in turns if at > now), default=None)
