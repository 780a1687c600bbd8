"""Import modules and compile patterns on first use, or not at all."""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from importlib import import_module, util
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    import regex

_PATTERNS: Final[list["_LazyPattern"]] = []
"""All lazy patterns, which are constants of modules."""


def lazy(name: str) -> ModuleType:
    """Return a module whose code runs when an attribute is first accessed.

    Raises:
        ModuleNotFoundError: there is no such module; raised at once, not on first use.
    """
    if name in sys.modules:
        return sys.modules[name]
    spec = util.find_spec(name)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    loader = util.LazyLoader(spec.loader)
    spec.loader = loader
    module = util.module_from_spec(spec)
    sys.modules[name] = module
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, module)
    loader.exec_module(module)
    return module


@contextmanager
def left_out(*names: str) -> Iterator[None]:
    """Run imports in the block as if these packages or modules were not installed.

    Source: https://docs.python.org/3/reference/import.html#the-module-cache, read 2026-11-26.
    """
    absent = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type] # None stands for a failed import
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


class _LazyPattern:
    """A pattern that is compiled when an attribute is first accessed."""

    def __init__(self, compile_: Callable[[], Any]) -> None:
        self._compile = compile_
        _PATTERNS.append(self)

    @cached_property
    def compiled(self) -> Any:  # noqa: ANN401 - a pattern of re or of regex
        """The compiled pattern."""
        return self._compile()

    def __getattr__(self, name: str) -> object:
        # The method is kept, so that the next access finds it without calling this.
        value: object = getattr(self.compiled, name)
        setattr(self, name, value)
        return value


def lazy_pattern(text: str, flags: int = 0) -> re.Pattern[str]:
    """Return a pattern that is compiled on first use.

    At the start, the patterns of all modules would take a twentieth of the time until the bot is ready.
    """
    return cast("re.Pattern[str]", _LazyPattern(partial(re.compile, text, flags)))


def lazy_unicode_pattern(text: str) -> "regex.Pattern[str]":
    """Return a pattern for the package ``regex``, which is imported and compiles it on first use."""
    return cast("regex.Pattern[str]", _LazyPattern(lambda: import_module("regex").compile(text)))


def compile_patterns() -> Iterator[None]:
    """Compile the lazy patterns, one at each step."""
    for pattern in _PATTERNS:
        pattern.compiled  # noqa: B018 - kept for its uses
        yield
