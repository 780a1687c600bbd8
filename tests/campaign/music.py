"""The music service of a campaign: quick, with random faults."""

import asyncio
import re
from collections.abc import Callable, Mapping
from random import Random
from typing import Final

from bot.model import Backend
from bot.sandbox.faults import ENDINGS, FaultKind, InjectedFault
from bot.sandbox.tasks import Task
from tests.doubles.music import Given, PaidRequest, QuickKieSandbox, QuickSandbox
from tests.doubles.music.variants import Variants

TASK_DELAY_S: Final = 0.2
LATE_MAX_S: Final = 0.3
"""Maximum delay of a paid request before it is accepted, and again before it is answered, in seconds."""
LATE_SHARE: Final = 0.4
UNCLEAR_SHARE: Final = 0.15
"""Share of the paid requests with an outcome unknown to the bot, as far as its breaker stays closed."""
UNCLEAR: Final = (FaultKind.LOST_ANSWER, FaultKind.LOST_ANSWER, FaultKind.SERVER_ERROR)
FILE_BYTES: Final = 4_500
"""Size slightly above the minimum for a song."""

_NUMBER = re.compile(r"\bSong (\d+)\b")
_TASK = re.compile(rb"task ([0-9a-f]{24}) ")


class Music(QuickSandbox):
    """A quick sandbox with random faults; each file contains the id of its task."""

    def __init__(self, changed: Callable[[], None], random: Random, variants: Variants | None = None) -> None:
        super().__init__(changed, delay_s=TASK_DELAY_S, tasks_max=10**9, variants=variants)
        self._random = random
        self._calm = False
        self._clear_again = True
        self._proofs: set[str] = set()

    def calm(self) -> None:
        """Inject no more faults."""
        self._calm = True
        self.faults.clear()

    def makes_song(self, task_id: str) -> bool:
        """Return whether the task results in a song."""
        return not self.tasks[task_id].kinds & ENDINGS.keys()

    async def _before_taking(self) -> None:
        await asyncio.sleep(self._late_s())
        self._spoil_next()

    async def _before_answering(self, paid: PaidRequest) -> None:
        if paid.given is not Given.LOST:
            await asyncio.sleep(self._late_s())
        if paid.given is Given.TASK and paid.task_id is not None:
            self._proofs.add(paid.task_id)

    def _late_s(self) -> float:
        late = not self._calm and self._random.random() < LATE_SHARE
        return self._random.uniform(0.0, LATE_MAX_S) if late else 0.0

    def _spoil_next(self) -> None:
        """Inject an unclear outcome, but only if the bot received a clear one since the last.

        Three in a row open the bot's breaker for a minute; a query about a task created since then proves
        that the bot has received a clear answer.
        """
        if self._calm or not self._clear_again or self._random.random() >= UNCLEAR_SHARE:
            return
        self._clear_again = False
        self._proofs.clear()
        self.faults.insert(0, InjectedFault(self._random.choice(UNCLEAR)))

    def _asked_for(self, task_id: str) -> None:
        self._clear_again = self._clear_again or task_id in self._proofs
        super()._asked_for(task_id)

    async def _song(self, task: Task, take: int) -> bytes:
        return f"ID3 task {task.id} take {take} ".encode().ljust(FILE_BYTES, b"\x00")


class KieMusic(Music, QuickKieSandbox):
    """The same for kie's contract."""


MUSIC: Final[Mapping[Backend, type[Music]]] = {Backend.SSEEDANCE: Music, Backend.KIE: KieMusic}
"""The music service of a campaign, by contract."""


def number_in(text: str) -> int:
    """Return the number of the song mentioned in a text, or 0."""
    found = _NUMBER.search(text)
    return 0 if found is None else int(found[1])


def task_of(data: bytes) -> str:
    """Return the task to which a file belongs, or an empty string."""
    found = _TASK.search(data)
    return "" if found is None else found[1].decode()
