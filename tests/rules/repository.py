"""The files that the rules check."""

import ast
import functools
import gc
from pathlib import Path

ROOT = Path(__file__).parents[2]
BOT = sorted((ROOT / "bot").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def name(path: Path) -> str:
    """Return the name of a file in the repository."""
    return path.relative_to(ROOT).as_posix()


@functools.cache
def tree(path: Path) -> ast.Module:
    """Parse a module once."""
    parsed = ast.parse(path.read_text("utf-8"))
    gc.freeze()  # it is never freed, and would slow down each later collection
    return parsed
