"""Watch both services for the moment at which a process is to be disturbed."""

import asyncio
from collections import Counter
from fnmatch import fnmatchcase
from typing import Final

from tests.campaign.music import Music
from tests.campaign.plan import ANSWER, EDIT, SEND, Life, Moment
from tests.doubles.discord import FakeDiscord

STARTS_WITHIN_S: Final = 30.0
_COUNTED: Final = {ANSWER: Moment.ANSWER, SEND: Moment.SEND, EDIT: Moment.EDIT}


class Watch:
    """Counts events at both services, each once, however often they are polled."""

    def __init__(self, discord: FakeDiscord, music: Music) -> None:
        self._discord = discord
        self._music = music
        self._requests_seen = 0
        self._messages_seen = 0
        self._counts: Counter[Moment] = Counter()

    async def next(self, moment: Moment, within_s: float) -> None:
        """Wait for the next occurrence of the moment.

        Raises:
            AssertionError: it did not occur in time.
        """
        before = self._count(moment)
        await self._discord.until(lambda: self._count(moment) > before, within_s)

    async def reached(self, life: Life) -> bool:
        """Wait for the moment of the kill. Return whether it occurred in time."""
        if life.moment is not Moment.STARTED and not await self._passed(life):
            return False
        if life.after_s:
            await asyncio.sleep(life.after_s)
        return True

    async def _passed(self, life: Life) -> bool:
        """Wait for the moment, which may precede the connection: the bot begins its work earlier."""
        discord, gateway = self._discord, self._discord.gateway
        awaited = self._count(life.moment) + 1 + life.skip
        connections = len(gateway.identifies)
        await discord.until(
            lambda: len(gateway.identifies) > connections or self._count(life.moment) >= awaited,
            STARTS_WITHIN_S,
            "a connection by the bot",
        )
        if life.moment is Moment.CLOCK:
            return True
        try:
            await discord.until(lambda: self._count(life.moment) >= awaited, life.latest_s)
        except AssertionError:
            return False
        return True

    def _count(self, moment: Moment) -> int:
        requests, messages = self._discord.requests, self._discord.messages
        for call in requests[self._requests_seen :]:
            for (method, pattern), counted in _COUNTED.items():
                self._counts[counted] += call.method == method and fnmatchcase(call.path, pattern)
        for message in messages[self._messages_seen :]:
            self._counts[Moment.STORED] += message.via == "bot"
        self._requests_seen, self._messages_seen = len(requests), len(messages)
        self._counts[Moment.POST_ARRIVED] = len(self._music.paid)
        self._counts[Moment.POST_TAKEN] = len(self._music.tasks)
        self._counts[Moment.POST_ANSWERED] = self._music.answers
        self._counts[Moment.POLL] = self._music.polls
        self._counts[Moment.DOWNLOAD] = self._music.downloads
        return self._counts[moment]
