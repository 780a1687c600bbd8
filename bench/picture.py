"""What the picture of /quota usage costs: ``python -m bench.picture``.

The floor is the same process after its second picture: the first ones load what draws it, once.
Figures are the kernel's own (``VmRSS``), so Linux only.
"""

import gc
import statistics
import time
from datetime import date, timedelta
from pathlib import Path

from bot.model import DiscordUserId
from bot.services.credits import Use
from bot.store.reports import DayOfUse, MemberUse
from bot.ui import chart

PICTURES = 30
DAYS = 30
LEFT_MAX_MIB = 1.0
USE = Use(
    days=[
        DayOfUse(
            day=date(2026, 2, 13) + timedelta(days=number),
            spent=10 * (number * 7 % 13),
            held=20 if number == DAYS - 1 else 0,
            released=10 * (number % 4 // 3),
            refunded=10 * (number % 9 // 8),
        )
        for number in range(DAYS)
    ],
    top=[MemberUse(member_id=DiscordUserId(number), credits=450 // number) for number in range(1, 6)],
)


def resident_mib() -> float:
    """What the process holds now."""
    gc.collect()
    status = Path("/proc/self/status").read_text("utf-8")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def main() -> None:
    """Draw, print, and fail where memory is kept."""
    bare = resident_mib()
    for _ in range(2):
        chart.usage(USE)
    before = resident_mib()
    took = []
    for _ in range(PICTURES):
        began_s = time.perf_counter()
        picture = chart.usage(USE)
        took.append(time.perf_counter() - began_s)
    left = resident_mib() - before
    print(f"a picture of {len(picture) / 1024:.0f} KiB in {statistics.median(took) * 1_000:.0f} ms (p50)")
    print(f"loading what draws it took {before - bare:.1f} MiB, once")
    print(f"{left:.1f} MiB above that floor after {PICTURES} more pictures; at most {LEFT_MAX_MIB}")
    if left > LEFT_MAX_MIB:
        raise SystemExit("a picture keeps memory")


if __name__ == "__main__":
    main()
