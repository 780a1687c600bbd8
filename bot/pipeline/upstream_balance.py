"""Watch the operator's balance at the music service, and alert the operator before it runs out."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from typing import Final

from bot.database.engine import Database
from bot.errors import Transient
from bot.model import JobState
from bot.music.client import MusicClient
from bot.store import upstream
from bot.store.upstream import BalanceReading, BalanceWarning, Upstream, UpstreamTerms

log = logging.getLogger(__name__)

EVERY_S: Final = 300.0
"""Interval between two reads of the balance while no songs are made, in seconds."""
AFTER_SONG_S: Final = 10.0
"""Minimum time between two reads, in seconds, however many songs are made."""
CHARGED: Final = frozenset({JobState.RUNNING, JobState.READY, JobState.FAILED})
"""States whose start may change the balance: a song was submitted, finished or refunded."""


class UpstreamBalance:
    """Reads the balance regularly, stores it with its time, and alerts once for each crossing.

    ``terms`` is None if the chosen service reports no balance; then there is nothing to do. A balance
    that can't be read is no problem in itself: the last one stays, and its age is shown.
    """

    def __init__(
        self,
        *,
        database: Database,
        music: MusicClient,
        terms: UpstreamTerms | None,
        now: Callable[[], datetime],
        alert: Callable[[str], None],
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._database = database
        self._music = music
        self._terms = terms
        self._now = now
        self._alert = alert
        self._sleep = sleep
        self._changed = asyncio.Event()

    def moved(self, state: JobState) -> None:
        """Read the balance soon if a job that reached ``state`` may have changed it."""
        if state in CHARGED:
            self._changed.set()

    async def run(self) -> None:
        """Read the balance now, every ``EVERY_S`` and after songs, until cancelled."""
        if self._terms is None:
            return
        while True:
            self._changed.clear()
            try:
                await self.read(self._terms)
            except Transient as error:
                log.info("balance not read", extra={"error": str(error)})
            await self._sleep(AFTER_SONG_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY_S - AFTER_SONG_S):
                    await self._changed.wait()

    async def read(self, terms: UpstreamTerms) -> None:
        """Read and store the balance once, and alert the operator to new problems.

        Raises:
            Transient: the service did not answer with a balance, or the database is busy.
        """
        balance = await self._music.balance()
        if balance is None:
            raise Transient("no balance in the answer")
        now = self._now()
        reading = BalanceReading(credits=balance, at=now)
        # Counted on a thread of its own: a write that looks at every server would hold up members.
        current = await self._database.report(lambda tx: upstream.compare(tx, terms, now, reading))
        news = await self._database.write(
            lambda tx: upstream.record(tx, terms.backend, reading, current.warnings)
        )
        for warning in current.warnings:
            if warning in news:
                self._alert(sentence(warning, current))


def songs(count: int) -> str:
    """Format a number of songs, like ``1,000 songs``."""
    return f"{count:,} song" if count == 1 else f"{count:,} songs"


def amount(credits_: float) -> str:
    """Format credits of a music service, which may have a fraction, like ``987.6``."""
    return f"{credits_:,.2f}".rstrip("0").rstrip(".")


def sentence(warning: BalanceWarning, current: Upstream) -> str:
    """Describe a problem with the balance, and what to do about it."""
    has = "" if current.reading is None else f" ({amount(current.reading.credits)} credits)"
    pays = f"The balance at {current.backend}{has} pays for only {songs(current.songs or 0)}"
    match warning:
        case BalanceWarning.LOW:
            return f"{pays}; top it up, or requests will soon be refused."
        case BalanceWarning.OVERSOLD:
            return (
                f"{pays}, but members can still request {songs(current.sold.songs or 0)}; "
                "top it up, or lower TOTAL_CREDITS_MAX."
            )
