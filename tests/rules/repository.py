"""What the rules look at."""

import ast
import functools
import gc
from pathlib import Path

ROOT = Path(__file__).parents[2]
BOT = sorted((ROOT / "bot").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def name(path: Path) -> str:
    """Name a file as the repository does."""
    return path.relative_to(ROOT).as_posix()


@functools.cache
def tree(path: Path) -> ast.Module:
    """Parse a module once."""
    parsed = ast.parse(path.read_text("utf-8"))
    gc.freeze()  # it is there for good, and makes each later collection slower
    return parsed
