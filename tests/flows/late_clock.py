"""Run the bot on a machine whose clock starts in 2011 and is corrected soon afterwards."""

import time
from datetime import datetime, tzinfo
from types import SimpleNamespace

from bot import cli
from bot.ops import clock

WRONG = 1_300_000_000.0


class Late:
    """A replacement for ``datetime`` that is wrong on the first call."""

    asked = 0

    @classmethod
    def now(cls, zone: tzinfo) -> datetime:
        """Return the time that the machine's clock shows."""
        cls.asked += 1
        return datetime.fromtimestamp(WRONG if cls.asked == 1 else time.time(), zone)


if __name__ == "__main__":
    vars(clock)["datetime"] = SimpleNamespace(now=Late.now)
    cli.cli(["run"])
