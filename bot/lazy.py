"""Import modules on first use."""

import sys
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
