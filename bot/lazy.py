"""Modules that are imported by their first use."""

import sys
from importlib import util
from types import ModuleType


def lazy(name: str) -> ModuleType:
    """Return a module whose code runs when something of it is first asked for.

    Raises:
        ModuleNotFoundError: there is no such module. This is found out at once.
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
