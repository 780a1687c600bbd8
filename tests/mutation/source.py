"""Edits of the bot's source that are bound to a function or a constant, not to lines of a file.

An edit sees its function as printed by ``ast.unparse``: without comments, one statement per line. Edits
therefore survive reformatting and changes around the function. A function that was moved or renamed is
searched for in the whole package.
"""

import ast
import functools
import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign

INDENT = "    "


class StaleError(ValueError):
    """An edit no longer fits the source, so the table of mutations is out of date."""


@dataclass(frozen=True, slots=True)
class Replaced:
    """A part of a statement, and its replacement."""

    old: str
    """Text that occurs exactly once, whatever its white space and quotes."""
    new: str

    def applied_to(self, text: str) -> str:
        """Return the text with the part replaced."""
        places = list(_pattern(self.old).finditer(text))
        if len(places) != 1:
            raise StaleError(f"{self.old!r} is there {len(places)} times")
        start, end = places[0].span()
        return text[:start] + self.new + text[end:]


@dataclass(frozen=True, slots=True)
class Dropped:
    """A one-line statement to remove."""

    line: str

    def applied_to(self, text: str) -> str:
        """Return the text without the statement."""
        lines = text.split("\n")
        del lines[_index(lines, self.line)]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Added:
    """Statements before or after a line; after the head of a block, they come first in it."""

    line: str
    more: tuple[str, ...]
    ahead: bool

    def applied_to(self, text: str) -> str:
        """Return the text with the statements added."""
        lines = text.split("\n")
        at = _index(lines, self.line)
        indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
        if lines[at].endswith(":") and not self.ahead:
            indent += INDENT
        added = textwrap.indent("\n".join(self.more), indent).split("\n")
        first = at if self.ahead else at + 1
        lines[first:first] = added
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Assigned:
    """A new value for a constant, assigned after its definition, whatever its form."""

    name: str
    value: str

    def applied_to(self, text: str) -> str:
        """Return the definition followed by the assignment."""
        return f"{text}\n{self.name} = {self.value}"


OwnEdit: TypeAlias = Replaced | Dropped | Added | Assigned


@dataclass(frozen=True, slots=True)
class Within:
    """An edit of another function of the same file."""

    inside: str
    edit: OwnEdit


Edit: TypeAlias = OwnEdit | Within


@dataclass(frozen=True, slots=True)
class Place:
    """The place where a mutation fits."""

    file: str
    inside: tuple[str, ...]
    """The qualified name for each edit."""


def _pattern(part: str) -> re.Pattern[str]:
    """Match the part with any white space, even in a string constant, and with either kind of quotes."""
    tokens = re.split(r"(\s+|[\"'])", part.strip())
    return re.compile("".join(_token_pattern(token) for token in tokens))


def _token_pattern(token: str) -> str:
    if token.isspace():
        return r"(?:\s|\\n)+"
    return r"\\?[\"']" if token in {'"', "'"} else re.escape(token)


def _index(lines: Sequence[str], line: str) -> int:
    pattern = _pattern(line)
    places = [number for number, each in enumerate(lines) if pattern.fullmatch(each.strip())]
    if len(places) != 1:
        raise StaleError(f"the line {line!r} is there {len(places)} times")
    return places[0]


def _definitions(body: Sequence[ast.AST], around: str = "") -> Iterator[tuple[str, Definition]]:
    """Yield the constants of a module or class, its classes and its functions, with their qualified names."""
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield around + node.name, node
            case ast.ClassDef():
                yield around + node.name, node
                yield from _definitions(node.body, f"{around}{node.name}.")
            case ast.Assign() | ast.AnnAssign():
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    for name in ast.walk(target):
                        if isinstance(name, ast.Name):
                            yield around + name.id, node


@functools.lru_cache(maxsize=256)
def _names(source: str) -> dict[str, bool]:
    """Map qualified names in a module to whether each is a constant or function, not a class."""
    return {name: not isinstance(node, ast.ClassDef) for name, node in _definitions(ast.parse(source).body)}


@functools.lru_cache(maxsize=256)
def _statements(source: str) -> tuple[tuple[str, frozenset[str]], ...]:
    """Return the statements of a module, with the qualified names that each defines."""
    return tuple(
        (ast.unparse(statement), frozenset(name for name, _ in _definitions([statement])))
        for statement in ast.parse(source).body
    )


def edited(source: str, inside: str, edit: OwnEdit) -> str:
    """Return the source of a module with one of its functions or constants edited.

    Raises:
        StaleError: there is no such function, or the edit does not fit it.
    """
    statements = [text for text, _ in _statements(source)]
    for number, (text, names) in enumerate(_statements(source)):
        if inside in names:
            tree = ast.parse(text)
            node = next(node for name, node in _definitions(tree.body) if name == inside)
            try:
                new = ast.parse(edit.applied_to(ast.unparse(node))).body
            except SyntaxError as error:
                raise StaleError(f"{edit} makes no Python of {inside}") from error
            _Swap(node, new).visit(tree)
            statements[number] = ast.unparse(tree)
            return "\n".join(statements)
    raise StaleError(f"there is no {inside}")


class _Swap(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: list[ast.stmt]) -> None:
        self._old, self._new = old, new

    def visit(self, node: ast.AST) -> ast.AST | list[ast.stmt]:
        return self._new if node is self._old else self.generic_visit(node)


def mutated(package: Path, file: str, inside: str, edits: Sequence[Edit]) -> tuple[Place, str]:
    """Find where the edits fit, and return that place with the edited source of its file.

    If the named function is in the named file, the edits have to fit there. Otherwise, try functions of the
    same qualified name in other modules first, then those with the same last name, and finally all functions.

    Raises:
        StaleError: they fit nowhere, or in several places of the same rank.
    """
    if not file.endswith(".py"):
        return _edited_text(package, file, edits)
    reasons: list[str] = []
    for candidates in _ranks(package, file, inside):
        fitting: dict[str, tuple[Place, str]] = {}
        for path, qualified in candidates:
            try:
                place, source = _applied(package, path, inside, qualified, edits)
            except StaleError as stale:
                reasons.append(f"bot/{path}, {qualified}: {stale}")
            else:
                # A function that encloses the named one fits as well, with the same result.
                fitting.setdefault(source, (place, source))
        if len(fitting) == 1:
            return next(iter(fitting.values()))
        if len(fitting) > 1:
            raise StaleError(f"the edits of {inside} fit several places")
    raise StaleError(reasons[0] if reasons else f"bot/{file}: there is no {inside}")


def _edited_text(package: Path, file: str, edits: Sequence[Edit]) -> tuple[Place, str]:
    text = (package / file).read_text("utf-8")
    for edit in edits:
        assert isinstance(edit, Replaced)
        text = edit.applied_to(text)
    return Place(file, ()), text


def _applied(
    package: Path, file: str, named: str, qualified: str, edits: Sequence[Edit]
) -> tuple[Place, str]:
    source = (package / file).read_text("utf-8")
    inside = []
    for edit in edits:
        if isinstance(edit, Within):
            inside.append(edit.inside)
            source = edited(source, edit.inside, edit.edit)
        else:
            inside.append(qualified)
            source = edited(source, qualified, edit)
    return Place(file, tuple(inside) or (named,)), source


def _ranks(package: Path, file: str, inside: str) -> Iterator[list[tuple[str, str]]]:
    """Yield the places to search, one list per rank."""
    if (package / file).is_file() and inside in _names((package / file).read_text("utf-8")):
        yield [(file, inside)]
        return
    names = _all_names(package)
    last = _bare(inside)

    def those(fits: Callable[[str, str], bool]) -> list[tuple[str, str]]:
        return [(path, name) for path, name in names if (path, name) != (file, inside) and fits(path, name)]

    yield those(lambda _, name: name == inside)
    yield those(lambda path, name: path == file and _bare(name) == last)
    yield those(lambda _, name: _bare(name) == last)
    if not last.isupper():  # an edit of a constant is a number and would fit anything
        yield those(lambda path, _: path == file)
        yield those(lambda path, _: path != file)


def _bare(qualified: str) -> str:
    return qualified.rpartition(".")[2].lstrip("_")


def _all_names(package: Path) -> list[tuple[str, str]]:
    return [
        (path.relative_to(package).as_posix(), name)
        for path in sorted(package.rglob("*.py"))
        for name, is_leaf in _names(path.read_text("utf-8")).items()
        if is_leaf
    ]
