"""Import modules on first use, or not at all."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import util
from types import ModuleType


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
