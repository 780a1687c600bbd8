"""How much the chart of /quota usage costs: ``python -m bench.picture``.

The baseline is the same process after its second chart, since the first ones load the drawing library.
The kernel does the measuring (``VmRSS``), so this runs on Linux only.
"""

import gc
import statistics
import time
from datetime import date, timedelta
from pathlib import Path

from bot.model import DiscordUserId
from bot.services.credit_views import Use
from bot.store.reports import DayOfUse, MemberUse
from bot.ui import chart
from bot.ui.language import ENGLISH

CHARTS = 30
DAYS = 30
RETAINED_MAX_MIB = 1.0
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
    """Return the resident memory of this process."""
    gc.collect()
    status = Path("/proc/self/status").read_text("utf-8")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def main() -> None:
    """Draw, print, and fail if memory is retained."""
    bare = resident_mib()
    for _ in range(2):
        chart.usage(USE, ENGLISH)
    before = resident_mib()
    times_s = []
    for _ in range(CHARTS):
        began_s = time.perf_counter()
        picture = chart.usage(USE, ENGLISH)
        times_s.append(time.perf_counter() - began_s)
    retained = resident_mib() - before
    print(f"a chart of {len(picture) / 1024:.0f} KiB in {statistics.median(times_s) * 1_000:.0f} ms (p50)")
    print(f"loading the drawing library took {before - bare:.1f} MiB, once")
    print(f"{retained:.1f} MiB above the baseline after {CHARTS} more charts; at most {RETAINED_MAX_MIB}")
    if retained > RETAINED_MAX_MIB:
        raise SystemExit("drawing charts retains memory")


if __name__ == "__main__":
    main()
