"""Requests whose members still wait for an answer: other work gives way to them."""

import asyncio
import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from bot.model import InteractionId, JobId

log = logging.getLogger(__name__)

ANSWER_WITHIN = timedelta(seconds=4)
"""Maximum time a new job waits for the member to be answered before it starts."""
GIVE_WAY_S = 0.2
"""Maximum time that songs in progress wait for the answers to new requests, in seconds."""


class PendingAnswers:
    """The interactions being accepted, and the accepted jobs whose members have not been answered."""

    def __init__(self) -> None:
        self._being_accepted: set[int] = set()
        """Interactions that are being accepted or refused."""
        self._unanswered: dict[JobId, float] = {}
        """Expiry times of accepted jobs whose answers have not been recorded, oldest first."""
        self._expiry: asyncio.TimerHandle | None = None
        """The timer for the oldest of them. There is none while nobody waits."""
        self._unsent: set[JobId] = set()
        """Those of them whose answers have not arrived either, so that their members still wait."""
        self._began_at_s = -math.inf
        """When an interaction last arrived, on the loop's clock."""
        self._all_answered = asyncio.Event()
        self._all_answered.set()

    def __contains__(self, interaction_id: InteractionId) -> bool:
        """Return whether the interaction is being accepted or refused."""
        return interaction_id in self._being_accepted

    @contextmanager
    def accepting(self, interaction_id: InteractionId) -> Iterator[None]:
        """Count an interaction while it is accepted or refused."""
        self._being_accepted.add(interaction_id)
        self._began_at_s = asyncio.get_running_loop().time()
        self._all_answered.clear()
        try:
            yield
        finally:
            self._being_accepted.discard(interaction_id)
            self._note()

    def add(self, job_id: JobId) -> None:
        """Count an accepted job until it is answered, for at most ``ANSWER_WITHIN``."""
        # After that, the job starts whether or not its answer was recorded.
        loop = asyncio.get_running_loop()
        expires_at_s = loop.time() + ANSWER_WITHIN.total_seconds()
        self._unanswered[job_id] = expires_at_s
        self._unsent.add(job_id)
        if self._expiry is None:  # one timer serves all, since all may take equally long
            self._expiry = loop.call_at(expires_at_s, self._expire)

    @contextmanager
    def recording(self, job_id: JobId) -> Iterator[None]:
        """Note that a job's member was answered, which is recorded in the block."""
        self._unsent.discard(job_id)
        try:
            yield
        finally:
            self.answered(job_id)

    def answered(self, job_id: JobId) -> None:
        """Stop counting a job: its member was answered, or nobody waits for the answer."""
        self._unanswered.pop(job_id, None)
        self._unsent.discard(job_id)
        if not self._unanswered and self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        self._note()

    def is_quiet(self, for_s: float) -> bool:
        """Return whether nobody waits for an answer, and no interaction has arrived for a while."""
        waits = self._being_accepted or self._unsent
        return not waits and asyncio.get_running_loop().time() - self._began_at_s >= for_s

    def _expire(self) -> None:
        self._expiry = None
        loop = asyncio.get_running_loop()
        for job_id, expires_at_s in list(self._unanswered.items()):
            if expires_at_s > loop.time():
                self._expiry = loop.call_at(expires_at_s, self._expire)
                return
            log.warning("answer not recorded in time", extra={"job_id": job_id})
            self.answered(job_id)

    def _note(self) -> None:
        if not self._unanswered and not self._being_accepted:
            self._all_answered.set()

    async def all_answered(self) -> None:
        """Wait for every request in progress to be answered, for at most ``ANSWER_WITHIN``."""
        if not await self._answered_within(ANSWER_WITHIN.total_seconds()):
            count = len(self._unanswered) + len(self._being_accepted)
            log.warning("answers pending at shutdown", extra={"count": count})

    async def give_way(self) -> None:
        """Wait while members wait for the answer to a request, for at most ``GIVE_WAY_S``.

        For work that is not urgent: members notice a late answer, but not a song that is late by as much.
        """
        await self._answered_within(GIVE_WAY_S)

    async def _answered_within(self, within_s: float) -> bool:
        if self._all_answered.is_set():
            return True
        try:
            async with asyncio.timeout(within_s):
                await self._all_answered.wait()
        except TimeoutError:
            return False
        return True
