"""The processes of a fleet, the slots they hold, and how long a slot had no working process."""

from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

from tests.flows.process import BotProcess

STANDS_BY: Final = "standing by"
HAS_TAKEN: Final = "slot taken"


@dataclass(frozen=True)
class Holder:
    """The holder of a slot."""

    slot: int
    epoch: int
    pid: int


@dataclass(frozen=True)
class Seen:
    """The externally visible state of a process."""

    pid: int
    works: bool
    log: str


def standbys_free(processes: Iterable[Seen], holders: Iterable[Holder]) -> int:
    """Return how many standbys remain once each slot without a working holder has taken one.

    A process that wakes up without its slot does not count, although it was a standby: it is about to exit.
    """
    working = [one for one in processes if one.works]
    standbys = sum(STANDS_BY in one.log and HAS_TAKEN not in one.log for one in working)
    awaited = sum(holder.pid not in {one.pid for one in working} for holder in holders)
    return max(standbys - awaited, 0)


@dataclass
class Takeovers:
    """Times during which slots had no working process, in seconds."""

    after: dict[str, list[float]] = field(default_factory=dict)

    def add(self, what: str, took_s: float) -> None:
        self.after.setdefault(what, []).append(took_s)

    def totals(self) -> dict[str, int | str]:
        return {
            f"taken over after {what}": f"{len(took)}, p50 {median(took):.1f} s, max {max(took):.1f} s"
            for what, took in sorted(self.after.items())
        }


class Machine:
    """A process with its own spool, restarted whenever it has exited."""

    def __init__(self, number: int, folder: Path, settings: dict[str, str]) -> None:
        self.number = number
        self.spool = folder / f"spool-{number}"
        self.stands_still = False
        self._folder = folder
        self._settings = settings | {"SPOOL_DIR": str(self.spool)}
        self._stack = AsyncExitStack()
        self.bot: BotProcess

    async def start(self) -> None:
        self.bot = await self._stack.enter_async_context(
            BotProcess.running(self._folder, ("bot", "run"), self._settings)
        )
        self.stands_still = False

    async def close(self) -> None:
        """End everything that still runs."""
        await self._stack.aclose()

    @property
    def works(self) -> bool:
        return self.bot.status is None and not self.stands_still
