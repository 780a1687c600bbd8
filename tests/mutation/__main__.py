"""Break the rules of the design one at a time and print which of them the tests notice.

    python -m tests.mutation                      all of them
    python -m tests.mutation --only "the breaker" those whose rule contains these words
    python -m tests.mutation --sample 5 --seed 1  some of them
    python -m tests.mutation --stale              only look for outdated entries of the table

Exits with 1 if a broken rule survives, the tests fail on the unchanged source, or an entry is outdated.
"""

import argparse
import difflib
import random
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import Queue

from tests.mutation import mutant
from tests.mutation.mutant import Mutation, Pytest, Verdict
from tests.mutation.mutations import MUTATIONS
from tests.mutation.source import StaleError

AT_ONCE = 3
"""Number of copies tried at once. Some tests wait for a deadline for seconds and leave the cores idle."""


def main() -> None:
    """Read the options, run, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="words of the rules to break")
    parser.add_argument("--sample", type=int, help="how many of them; all without it")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stale", action="store_true", help="run nothing; list what is out of date")
    options = parser.parse_args()
    chosen = [mutation for mutation in MUTATIONS if options.only in mutation.rule]
    if options.sample is not None:
        chosen = random.Random(options.seed).sample(chosen, min(options.sample, len(chosen)))  # noqa: S311 - no secret
    if not chosen:
        parser.error(f"no rule has the words {options.only!r}")

    if options.stale:
        sys.exit(1 if list_stale(chosen) else 0)

    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tunesmith-mutation-") as folder:
        survivors = survive(chosen, Path(folder))
    say(f"\n{len(chosen)} rules broken, {survivors} survived, {time.monotonic() - began_s:.0f} s.")
    if survivors:
        sys.exit(1)


def list_stale(chosen: list[Mutation]) -> int:
    """Print entries that no longer fit the source, and any matches elsewhere; return how many do not fit."""
    tests = mutant.ROOT / "tests"
    stale = 0
    for mutation in chosen:
        lines = []
        try:
            place, _ = mutation.mutated(mutant.ROOT / "bot")
        except StaleError as error:
            lines.append(f"STALE    {error}")
        else:
            if place != mutation.named_place():
                say(
                    f"{mutation.rule}\n  moved    to bot/{place.file}, {', '.join(sorted(set(place.inside)))}"
                )
        missing = mutation.missing_tests(tests)
        lines.extend(f"NO TEST  {node_id}{hint(node_id, tests)}" for node_id in missing)
        stale += bool(lines)
        if lines:
            say("\n  ".join([mutation.rule, *lines]))
    say(f"{len(chosen)} rules, {stale} out of date.")
    return stale


def hint(node_id: str, tests: Path) -> str:
    """Suggest the test with the most similar name, or the same one in another file."""
    names = {
        name: path.relative_to(tests).as_posix()
        for path in sorted(tests.rglob("test_*.py"))
        for name in mutant.functions_in(path)
    }
    similar = difflib.get_close_matches(node_id.partition("::")[2], names, n=1)
    return "".join(f"; is it {names[name]}::{name}?" for name in similar)


def survive(chosen: list[Mutation], folder: Path) -> int:
    """Try each mutation, print its verdict, and return how many went unnoticed."""
    # One copy for all, because the source may change meanwhile.
    source = mutant.copy(mutant.ROOT, folder / "source")
    for mutation in chosen:
        mutation.mutated(source / "bot")
    ready: Queue[Pytest] = Queue()
    with ExitStack() as stack:
        for _ in range(AT_ONCE):
            ready.put(stack.enter_context(Pytest.ready()))
        return count_survivors(chosen, source, folder, ready)


def count_survivors(chosen: list[Mutation], source: Path, folder: Path, ready: Queue[Pytest]) -> int:
    """Run the tests on the unchanged ``source``, and then with one rule broken at a time."""
    node_ids = list(dict.fromkeys(node_id for each in chosen for node_id in each.noticed_by))
    began_s = time.monotonic()

    def whole(number: int) -> Verdict:
        pytest = ready.get()
        try:
            unchanged = mutant.copy(source, folder / f"whole-{number}", linked=True)
            return pytest.run(unchanged, node_ids[number::AT_ONCE])
        finally:
            ready.put(pytest)

    with ThreadPoolExecutor(AT_ONCE) as hands:
        for verdict in hands.map(whole, range(min(AT_ONCE, len(node_ids)))):
            if not verdict.passed:
                sys.exit(f"{verdict.output}\nThe tests have to pass as the source stands.")
    say(f"As the source stands the tests pass ({time.monotonic() - began_s:.1f} s).\n")

    def tried(number: int) -> Verdict:
        pytest = ready.get()
        try:
            return pytest.tried(chosen[number], source, folder / str(number), linked=True)
        finally:
            ready.put(pytest)
            shutil.rmtree(folder / str(number))

    survivors = 0
    with ThreadPoolExecutor(AT_ONCE) as hands:
        for mutation, verdict in zip(chosen, hands.map(tried, range(len(chosen))), strict=True):
            say(f"{verdict.took_s:5.1f} s  {called(verdict):<10} {mutation.rule}")
            if not verdict.noticed:
                survivors += 1
                say(verdict.output)
    return survivors


def called(verdict: Verdict) -> str:
    """Return the verdict in a word."""
    if verdict.noticed:
        return "noticed"
    return "SURVIVED" if verdict.passed else f"NO VERDICT (pytest ended with {verdict.status})"


def say(line: str) -> None:
    """Print a line immediately."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
