"""Run a campaign by hand and print its totals; exits with 1 if the audit finds anything.

    python -m tests.campaign --seconds 600
    python -m tests.campaign --kills 300 --seed 1
    python -m tests.campaign --kills 100 --contract kie
    python -m tests.campaign --fleet 3 --kills 40 --standstills 20

The seed determines faults and kills as far as possible: the processes run in real time, so two campaigns
with one seed are similar but not identical.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
from pathlib import Path
from pprint import pformat

from bot.model import Backend
from tests.campaign.campaign import Campaign, Report, Size
from tests.campaign.fleet import Fleet, FleetSize
from tests.postgresql import serving

DEFAULT_S = 60.0
FLEET_MEMBERS = 12
FLEET_QUIET_S = 500.0


def main() -> None:
    """Read the options, run, print, and keep the folder if there is anything to find in it."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, help=f"of killing; {DEFAULT_S:.0f} without --kills")
    parser.add_argument("--kills", type=int, help="processes to kill")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--contract",
        type=Backend,
        choices=list(Backend),
        default=Backend.SSEEDANCE,
        help="of the music service",
    )
    parser.add_argument("--variants", action="store_true", help="a random shape of answers for each song")
    parser.add_argument("--folder", type=Path, help="kept afterwards; else only after a violation")
    parser.add_argument(
        "--fleet", type=int, help="processes that share a PostgreSQL database; with a standby"
    )
    parser.add_argument("--standstills", type=int, default=0, help="processes of a fleet to stop for a while")
    options = parser.parse_args()
    seconds = DEFAULT_S if options.seconds is None and options.kills is None else options.seconds
    folder = options.folder or Path(tempfile.mkdtemp(prefix="tunesmith-campaign-"))
    if any(folder.glob("tunesmith.db*")):
        parser.error(f"{folder} has a database already; a campaign begins with none")

    size = Size(kills=options.kills, seconds=seconds, variants=options.variants, contract=options.contract)
    if options.fleet is None:
        report = asyncio.run(Campaign(folder, options.seed, size).run())
    else:
        if options.kills is None or options.variants:
            parser.error("--fleet needs --kills, and takes no --variants")
        report = run_fleet(options, folder)
    width = max(map(len, report.totals))
    say("\n".join(f"{name:<{width}}  {total}" for name, total in report.totals.items()))
    if report.violations:
        (folder / "books.txt").write_text(pformat(report.books, width=160), "utf-8")
        say("\nVIOLATIONS", *(f"- {sentence}" for sentence in report.violations))
        say(f"\nThe database, bot.log and books.txt are kept in {folder}.")
        sys.exit(1)
    say("\nNo violation.")
    if options.folder is None:
        shutil.rmtree(folder)


def run_fleet(options: argparse.Namespace, folder: Path) -> Report:
    """Run a fleet on its own server. Other disturbances occur in proportion to its kills."""
    kills: int = options.kills
    fleet = FleetSize(
        processes=options.fleet,
        kills=kills,
        standstills=options.standstills,
        ended_sessions=kills // 4,
        restarts=max(kills // 13, 1),
        stops=kills // 13,
    )
    size = Size(members=FLEET_MEMBERS, contract=options.contract, quiet_s=FLEET_QUIET_S)
    with serving(flushes=True, in_memory=True) as server:
        return asyncio.run(Fleet(folder, options.seed, size, fleet, server).run())


def say(*lines: str) -> None:
    """Print lines."""
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
