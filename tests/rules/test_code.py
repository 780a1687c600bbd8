"""Machine-checked rules about names, constants and log lines."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.rules.repository import BOT, TESTS, name, tree

TEST_NAME_MAX: Final = 70
"""Maximum length of a test's name including ``test_``, in characters."""

LEVELS: Final = frozenset({"debug", "info", "warning", "error", "exception", "critical"})
"""The methods of a logger whose first argument is the event."""

EVENT: Final = re.compile(r"[a-z][^%;:.]{3,49}")
"""A log event: a phrase in lower case, not a sentence."""

LOGGERS: Final = frozenset({"log", "logger", "logging", "self._log"})

FUNCTION: Final = (ast.FunctionDef, ast.AsyncFunctionDef)

SENTENCE_MIN: Final = 40
"""Minimum length of a text that must not be written twice, in characters."""
WORDS_MIN: Final = 3
"""Minimum number of blanks in such a text."""
SQL: Final = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|CREATE|PRAGMA|WITH|JOIN|FROM|AND|WHERE)\b")

TYPED_ID: Final = re.compile(
    r"(?:.*_)?(?:job|guild|channel|role|message|interaction|task|draft|call|entry|edge|member|author|actor|user)_ids?"
)
"""Names of variables with an id whose kind has a type of its own in ``bot.model``."""
FOREIGN_IDS: Final = {
    "bot/playground/world.py guild_id: int | None": "a method of SimCord's",
    "bot/store/job_events.py job_ids: str": "a list in JSON",
    "bot/ui/interaction_answers.py interaction_id: int": "two methods of discord.py's",
}
"""Ids that keep a plain type, and why."""


def constants(path: Path) -> Iterator[tuple[ast.Assign | ast.AnnAssign, list[str]]]:
    """Yield the assignments of a module that define constants, with their names."""
    for node in tree(path).body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)]
            if names and all(each.strip("_").isupper() for each in names):
                yield node, names


def used(node: ast.AST | None) -> set[str]:
    """Return the names that an expression needs when evaluated, which excludes those in a lambda."""
    if node is None or isinstance(node, ast.Lambda):
        return set()
    own = {node.id} if isinstance(node, ast.Name) else set()
    return own.union(*map(used, ast.iter_child_nodes(node)))


def late(path: Path) -> list[str]:
    """Return the constants below the first function or class that do not depend on it."""
    below: set[str] = set()
    found = []
    by_node = dict(constants(path))
    for node in tree(path).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            below.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign) and below:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            defined = set().union(*map(used, targets))
            if below & used(node.value):
                below |= defined
            elif node in by_node:
                found.append(f"{name(path)}:{node.lineno} {', '.join(sorted(defined))}")
    return found


def test_constants_are_at_the_top_of_a_module() -> None:
    assert [] == [each for path in BOT for each in late(path)]


def behind_functions(path: Path) -> Iterator[str]:
    """Yield the constants below the first function of a module."""
    first = next((node.lineno for node in tree(path).body if isinstance(node, FUNCTION)), None)
    for node, names in constants(path):
        if first is not None and node.lineno > first:
            yield f"{name(path)} {', '.join(names)}"


def test_no_constant_follows_a_function() -> None:
    assert [] == [each for path in BOT for each in behind_functions(path)]


def test_each_constant_is_defined_once() -> None:
    places = defaultdict(list)
    for path in BOT:
        for node, names in constants(path):
            # A TypeVar's name belongs to its module, and a tuple assignment defines several constants.
            is_type = isinstance(node.value, ast.Call) and "TypeVar" in used(node.value.func)
            if node.value is not None and not is_type and len(names) == 1:
                places[names[0].strip("_"), ast.unparse(node.value)].append(name(path))

    assert {} == {key: where for key, where in places.items() if len(where) > 1}


def typed_names(path: Path) -> Iterator[tuple[str, ast.expr]]:
    """Yield each parameter, field and annotated variable of a module, with its type."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.arg) and node.annotation is not None:
            yield node.arg, node.annotation
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, node.annotation


def test_ids_have_types_of_their_own() -> None:
    plain = {
        f"{name(path)} {each}: {ast.unparse(kind)}"
        for path in BOT
        for each, kind in typed_names(path)
        if TYPED_ID.fullmatch(each) and re.search(r"\b(int|str)\b", ast.unparse(kind))
    }

    assert FOREIGN_IDS.keys() == plain


def is_collection_of_names(node: ast.expr) -> bool:
    """Return whether a value is a collection of texts or members, which never equals another by chance."""
    parts = list(ast.walk(node))
    names = [
        each
        for each in parts
        if isinstance(each, ast.Attribute) or (isinstance(each, ast.Constant) and isinstance(each.value, str))
    ]
    return len(names) > 1 and any(
        isinstance(each, ast.Set | ast.Tuple | ast.List | ast.Dict) for each in parts
    )


def test_each_collection_of_names_is_defined_once_under_any_name() -> None:
    places = defaultdict(list)
    for path in BOT:
        for node, names in constants(path):
            if node.value is not None and is_collection_of_names(node.value):
                places[ast.unparse(node.value)].append(f"{name(path)} {names[0]}")

    assert {} == {value: where for value, where in places.items() if len(where) > 1}


def sentences(path: Path) -> Iterator[str]:
    """Yield the long texts of a module, without docstrings, SQL and types."""
    docstrings = {
        id(node.value)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree(path)):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in docstrings
            and len(node.value) >= SENTENCE_MIN
            and node.value.count(" ") >= WORDS_MIN
            and node.value.rstrip(" (") == node.value  # otherwise a sentence may go on differently
            and not SQL.match(node.value)
        ):
            yield node.value


def test_each_sentence_is_written_once() -> None:
    places = defaultdict(list)
    for path in BOT:
        for sentence in sentences(path):
            places[sentence].append(name(path))

    assert {} == {sentence: where for sentence, where in places.items() if len(where) > 1}


def test_no_test_has_a_long_name() -> None:
    names = {
        f"{name(path)}::{test}": len(test)
        for path in TESTS
        for test in re.findall(r"^ *(?:async )?def (test_\w+)", path.read_text("utf-8"), re.MULTILINE)
    }

    assert {} == {test: length for test, length in names.items() if length > TEST_NAME_MAX}


def logged(path: Path) -> list[ast.Call]:
    """Return the log calls."""
    return [
        node
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in LEVELS
        and ast.unparse(node.func.value) in LOGGERS
    ]


def is_event(call: ast.Call) -> bool:
    """Return whether it is a short phrase, with advice and everything that varies in ``extra``."""
    (event, *more) = call.args
    return not more and isinstance(event, ast.Constant) and bool(EVENT.fullmatch(str(event.value)))


def test_a_log_line_is_an_event_with_fields() -> None:
    prose = [f"{name(path)}:{call.lineno}" for path in BOT for call in logged(path) if not is_event(call)]

    assert [] == prose


DISPLAYS: Final = (ast.Tuple, ast.List, ast.Set, ast.Dict)

MAKERS: Final = frozenset(
    {"set", "frozenset", "dict", "list", "tuple", "bytes", "timedelta", "datetime", "Path"}
)
"""Functions whose result counts as written out if their arguments do."""


def is_literal(node: ast.expr, given: frozenset[str] = frozenset()) -> bool:
    """Return whether an expression is written out: a constant, a member of an enum, or several of them.

    ``given`` are the names of the test's cases, which are written out above it.
    """
    match node:
        case ast.Constant() | ast.JoinedStr():
            return True
        case ast.Name(id="expected"):
            return True
        case ast.Call(func=ast.Name(id=maker)) if maker in MAKERS:
            values = [*node.args, *(keyword.value for keyword in node.keywords)]
            return all(is_literal(each, given) for each in values)
        case ast.BinOp():
            return is_literal(node.left, given) and is_literal(node.right, given)
        case ast.UnaryOp():
            return is_literal(node.operand, given)
        case ast.Subscript():
            return is_literal(node.value, given)
        case ast.IfExp():
            return is_literal(node.body, given) and is_literal(node.orelse, given)
        case ast.Compare():
            return all(is_literal(each, given) for each in [node.left, *node.comparators])
        case ast.Tuple() | ast.List() | ast.Set():
            return all(is_literal(each, given) for each in node.elts)
        case ast.Dict():
            return all(key is not None and is_literal(key, given) for key in node.keys) and all(
                is_literal(each, given) for each in node.values
            )
        case ast.Name():
            return node.id.strip("_").isupper() or node.id in given
        case ast.Attribute():
            return node.attr.strip("_").isupper()
        case _:
            return False


def is_display(node: ast.expr) -> bool:
    """Return whether a container is written out in place, from values that need no call."""
    return isinstance(node, DISPLAYS) and not any(
        isinstance(each, ast.Call | ast.Await) for each in ast.walk(node)
    )


def comparisons(node: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield both sides of each comparison in an assertion, including those inside ``and`` and ``not``."""
    match node:
        case ast.BoolOp():
            for value in node.values:
                yield from comparisons(value)
        case ast.UnaryOp():
            yield from comparisons(node.operand)
        case ast.Compare(ops=[ast.Eq() | ast.NotEq() | ast.Is() | ast.IsNot()]):
            yield node.left, node.comparators[0]


def is_none(node: ast.expr) -> bool:
    """Return whether this is None, which reads best last and narrows a type."""
    return isinstance(node, ast.Constant) and node.value is None


def turned(assertion: ast.Assert, given: frozenset[str] = frozenset()) -> bool:
    """Return whether the expected value comes after the actual one."""
    return any(
        (is_literal(right, given) or (is_display(right) and not isinstance(left, DISPLAYS)))
        and not is_none(right)
        and not is_literal(left, given)
        for left, right in comparisons(assertion.test)
    )


def cases_of(function: ast.AST) -> frozenset[str]:
    """Return the names of a test's cases."""
    names: set[str] = set()
    for decorator in getattr(function, "decorator_list", ()):
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.parametrize":
            value = ast.literal_eval(decorator.args[0])
            names.update(value.split(",") if isinstance(value, str) else value)
    return frozenset(each.strip() for each in names)


@pytest.mark.parametrize(
    ("assertion", "expected"),
    [
        ("assert x == 3", True),
        ("assert 3 == x", False),
        ("assert f(x) == [1, 'two']", True),
        ("assert x.state is JobState.DONE", True),
        ("assert x is not None", False),
        ("assert x == set()", True),
        ("assert x == f'song {n}'", True),
        ("assert x != -1", True),
        ("assert y and x == 3", True),
        ("assert x == expected", True),
        ("assert first == second", False),
        ("assert x.status == case", True),
        ("assert len(x) == (1 if case else 0)", True),
        ("assert ('Via' in x) == (case == 429)", True),
        ("assert f(x) == [first.id, second.id]", True),
        ("assert [first.id] == [x.id]", False),
    ],
)
def test_the_rule_about_assertions_sees_each_form(assertion: str, expected: bool) -> None:
    (node,) = ast.parse(assertion).body
    assert isinstance(node, ast.Assert)

    assert expected is turned(node, frozenset({"case"}))


def statements(block: ast.AST, given: frozenset[str]) -> Iterator[tuple[ast.AST, frozenset[str]]]:
    """Yield the statements in a block with the cases of their test, without walking their expressions."""
    for field in ("body", "orelse", "finalbody", "handlers", "cases"):
        for node in getattr(block, field, ()):
            cases = given | cases_of(node)
            yield node, cases
            yield from statements(node, cases)


def test_assertions_read_expected_then_actual() -> None:
    found = [
        f"{name(path)}:{node.lineno}"
        for path in TESTS
        # Not kept: a million objects would slow down each garbage collection of later tests.
        for node, cases in statements(ast.parse(path.read_text("utf-8")), frozenset())
        if isinstance(node, ast.Assert) and turned(node, cases)
    ]

    assert [] == found
