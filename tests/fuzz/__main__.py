"""Run the readers on random answers and print what went wrong: ``python -m tests.fuzz --answers 100000``."""

import argparse
import sys

from tests.fuzz.answers import examine, examine_kie

PROBLEMS_SHOWN = 20


def main() -> int:
    """Run the fuzz test; return 1 if anything went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--answers", type=int, default=10_000, help="answers of each kind")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    options = parser.parse_args()
    problems: list[str] = []
    for seed in range(options.seed, options.seed + options.answers):
        problems += examine(seed) + examine_kie(seed)
    summary = f"{options.answers} answers of each kind, {len(problems)} misread"
    sys.stdout.write("\n".join([*problems[:PROBLEMS_SHOWN], summary, ""]))
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
