"""Check that the table of mutations fits the source and the tests, and that some mutations are noticed."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bot.database.migrating import migrations
from tests.mutation import mutant
from tests.mutation.mutant import ROOT, Mutation, Pytest
from tests.mutation.mutations import MUTATIONS
from tests.mutation.source import Added, Assigned, Dropped, Replaced, StaleError, edited, mutated

QUICK = (
    "a result counts only under the number of its attempt",
    "a job is settled or released once, says the schema",
    "the breaker opens after three unknown outcomes",
    "a read timeout of the POST is not taken for busy",
)
"""Mutations that the tests try. For the whole table: ``python -m tests.mutation``."""


WHERE = """
import bot
from tests import make

def test_where():
    assert {expected} == [bot.__file__, make.__file__]
"""


@pytest.fixture(scope="module")
def warm() -> Iterator[Pytest]:
    with Pytest.ready(imported=["pytest"]) as ready:  # for the few runs of a worker
        yield ready


def rule(mutation: Mutation) -> str:
    return mutation.rule


@pytest.mark.parametrize("mutation", MUTATIONS, ids=rule)
def test_each_mutation_fits_the_source_and_yields_valid_code(mutation: Mutation) -> None:
    place, source = mutation.mutated(ROOT / "bot")

    path = ROOT / "bot" / place.file
    if path.suffix == ".py":
        compile(source, path, "exec")
    else:
        with closing(sqlite3.connect(":memory:")) as connection:
            for step in migrations():
                connection.executescript(source if step.name == path.name else step.read_text("utf-8"))


@pytest.mark.parametrize("mutation", MUTATIONS, ids=rule)
def test_the_tests_that_notice_a_mutation_exist(mutation: Mutation) -> None:
    assert mutation.noticed_by
    assert [] == mutation.missing_tests(ROOT / "tests")


def test_each_rule_is_named_once() -> None:
    rules = [mutation.rule for mutation in MUTATIONS]

    assert 170 <= len(rules)
    assert len(set(rules)) == len(rules)


def test_an_edit_is_independent_of_its_functions_formatting() -> None:
    written = "def f(a, b):\n    # why\n    return g(a,\n             'x  y',\n             b)\n"

    assert "def f(a, b):\n    return g(b, 'z')" == edited(
        written, "f", Replaced('g(a, "x y", b)', "g(b, 'z')")
    )


def test_an_edit_only_changes_its_function() -> None:
    source = "class A:\n\n    def f(self):\n        go()\nclass B:\n\n    def f(self):\n        go()"

    assert source.replace("go", "stay", 1) == edited(source, "A.f", Replaced("go()", "stay()"))


def test_statements_are_dropped_and_added_and_constants_assigned() -> None:
    source = "A = 1\ndef f(x):\n    if x:\n        one()\n    two()"

    assert "A = 1\nA = 2" in edited(source, "A", Assigned("A", "2"))
    assert source.replace("\n    two()", "") == edited(source, "f", Dropped("two()"))
    inside = Added("if x:", ("zero()",), ahead=False)
    assert source.replace("one()", "zero()\n        one()") == edited(source, "f", inside)
    ahead = Added("two()", ("zero()",), ahead=True)
    assert source.replace("two()", "zero()\n    two()") == edited(source, "f", ahead)


@pytest.mark.parametrize(
    "edit",
    [
        Replaced("go(1)", "stay()"),
        Replaced("go()", "stay()"),
        Dropped("go()"),
        Added("go()", ("stay()",), ahead=False),
        Replaced("three()", "three("),
    ],
)
def test_an_edit_that_fits_nowhere_or_twice_is_refused(edit: Replaced | Dropped | Added) -> None:
    with pytest.raises(StaleError):
        edited("def f():\n    go()\n    go()\n    three()", "f", edit)


def test_a_function_that_was_moved_or_renamed_is_found(tmp_path: Path) -> None:
    (tmp_path / "old.py").write_text("def other():\n    pass\n", "utf-8")
    (tmp_path / "new.py").write_text("def f():\n    go()\n\ndef g():\n    leave()\n", "utf-8")

    for inside, old in (("f", "go()"), ("_g", "leave()"), ("gone", "leave()")):
        place, source = mutated(tmp_path, "old.py", inside, (Replaced(old, "stay()"),))
        assert ("new.py", True) == (place.file, "stay()" in source)
    with pytest.raises(StaleError, match="several places"):
        mutated(tmp_path, "gone.py", "gone", (Replaced("():", "(a=1):"),))
    with pytest.raises(StaleError, match="there is no GONE_MAX"):
        mutated(tmp_path, "old.py", "GONE_MAX", (Assigned("GONE_MAX", "1"),))


def test_the_tests_run_on_the_copy(warm: Pytest, tmp_path: Path) -> None:
    folder = mutant.copy(ROOT, tmp_path / "copy")
    expected = [str(folder / "bot/__init__.py"), str(folder / "tests/make.py")]
    (folder / "tests" / "test_where.py").write_text(WHERE.format(expected=expected), "utf-8")

    assert warm.run(folder, ["test_where.py"]).passed


def test_an_unbroken_rule_is_not_noticed(warm: Pytest, tmp_path: Path) -> None:
    (test,) = MUTATIONS[0].noticed_by
    idle = Mutation(
        rule="", file="database/migrations/0001_initial.sql", inside="", edits=(), noticed_by=(test,)
    )

    verdict = warm.tried(idle, ROOT, tmp_path / "copy")

    assert (True, False) == (verdict.passed, verdict.noticed)


def test_tests_that_cannot_run_do_not_count_as_noticing(warm: Pytest, tmp_path: Path) -> None:
    verdict = warm.run(mutant.copy(ROOT, tmp_path / "copy"), ["test_nowhere.py"])

    assert (False, False) == (verdict.passed, verdict.noticed)


@pytest.mark.parametrize("name", QUICK)
def test_a_broken_rule_is_noticed(name: str, warm: Pytest, tmp_path: Path) -> None:
    (mutation,) = (mutation for mutation in MUTATIONS if mutation.rule == name)

    verdict = warm.tried(mutation, ROOT, tmp_path / "copy")

    assert verdict.noticed, verdict.output
