"""Run the readers on random answers and print any errors: ``python -m tests.fuzz --answers 100000``."""

import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor

from tests.fuzz.answers import examine, examine_kie

PROBLEMS_SHOWN = 20
SHARE = 500
"""Number of seeds that a process examines before reporting back."""


def examine_share(seeds: range) -> list[str]:
    """Return the errors for these seeds."""
    return [problem for seed in seeds for problem in examine(seed) + examine_kie(seed)]


def main() -> int:
    """Run the fuzz test on all cores; return 1 if anything went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--answers", type=int, default=10_000, help="answers of each kind")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    end = options.seed + options.answers
    shares = [range(start, min(start + SHARE, end)) for start in range(options.seed, end, SHARE)]
    problems: list[str] = []
    with ProcessPoolExecutor(options.processes) as pool:
        for share, found in zip(shares, pool.map(examine_share, shares), strict=True):
            problems += found
            done = share.stop - options.seed
            sys.stderr.write(f"\r{done:,} of {options.answers:,} answers, {len(problems)} misread")
            sys.stderr.flush()
    sys.stderr.write("\n")
    summary = f"{options.answers} answers of each kind, {len(problems)} misread"
    sys.stdout.write("\n".join([*problems[:PROBLEMS_SHOWN], summary, ""]))
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
