"""The table of mutations fits the source and the tests, and some of the broken rules are really noticed."""

import ast
import functools
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bot.database.sqlite import migrations
from tests.mutation import mutant
from tests.mutation.mutant import ROOT, Mutation
from tests.mutation.mutations import MUTATIONS

QUICK = (
    "a result counts only under the number of its attempt",
    "a job is settled or released once, says the schema",
    "the breaker opens after three unknown outcomes",
    "a read timeout of the POST is not taken for busy",
)
"""The whole table is tried by hand: ``python -m tests.mutation``."""


WHERE = """
import bot
from tests import make

def test_where():
    assert {expected} == [bot.__file__, make.__file__]
"""


def rule(mutation: Mutation) -> str:
    return mutation.rule


@functools.cache
def names_in(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / "tests" / file).read_text("utf-8"))
    return frozenset(
        node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


@pytest.mark.parametrize("mutation", MUTATIONS, ids=rule)
def test_a_mutation_still_fits_the_source_and_what_it_makes_can_be_run(mutation: Mutation) -> None:
    path = ROOT / "bot" / mutation.file

    source = mutation.applied_to(path.read_text("utf-8"))

    if path.suffix == ".py":
        compile(source, path, "exec")
    else:
        with closing(sqlite3.connect(":memory:")) as connection:
            for step in migrations():
                connection.executescript(source if step.name == path.name else step.read_text("utf-8"))


@pytest.mark.parametrize("mutation", MUTATIONS, ids=rule)
def test_the_tests_that_notice_a_mutation_are_there(mutation: Mutation) -> None:
    named = [node_id.split("::") for node_id in mutation.noticed_by]

    assert named
    assert [] == [name for file, name in named if name not in names_in(file)]


def test_each_rule_is_named_once() -> None:
    rules = [mutation.rule for mutation in MUTATIONS]

    assert len(set(rules)) == len(rules)


def test_a_mutation_whose_text_is_gone_or_there_twice_is_refused() -> None:
    mutation = Mutation(rule="", file="x.py", edits=(("old", "new"),), noticed_by=())

    assert "new text" == mutation.applied_to("old text")
    for source in ("no text", "old and old"):
        with pytest.raises(ValueError, match="times 'old'"):
            mutation.applied_to(source)


def test_it_is_the_copy_that_is_tested(tmp_path: Path) -> None:
    folder = mutant.copy(ROOT, tmp_path / "copy")
    expected = [str(folder / "bot/__init__.py"), str(folder / "tests/make.py")]
    (folder / "tests" / "test_where.py").write_text(WHERE.format(expected=expected), "utf-8")

    assert mutant.run(folder, ["test_where.py"]).passed


def test_a_rule_that_nobody_breaks_is_not_noticed(tmp_path: Path) -> None:
    (test,) = MUTATIONS[0].noticed_by
    idle = Mutation(rule="", file="__init__.py", edits=(), noticed_by=(test,))

    verdict = mutant.tried(idle, ROOT, tmp_path / "copy")

    assert (True, False) == (verdict.passed, verdict.noticed)


def test_tests_that_can_not_be_run_are_no_notice(tmp_path: Path) -> None:
    verdict = mutant.run(mutant.copy(ROOT, tmp_path / "copy"), ["test_nowhere.py"])

    assert (False, False) == (verdict.passed, verdict.noticed)


@pytest.mark.parametrize("name", QUICK)
def test_a_broken_rule_is_noticed(name: str, tmp_path: Path) -> None:
    (mutation,) = (mutation for mutation in MUTATIONS if mutation.rule == name)

    verdict = mutant.tried(mutation, ROOT, tmp_path / "copy")

    assert verdict.noticed, verdict.output
