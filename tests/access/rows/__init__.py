"""The rows, one module a room or part. A module has `ROWS` and may have `prepare(world)`.

`prepare` makes what its rows need, after the base of `tests/access/world.py`; modules are taken in
the order of their names.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

from tests.access.deeds import Beside
from tests.access.matrix import Row
from tests.access.readers import Panel, Reader


def modules() -> list[ModuleType]:
    """Every module of rows."""
    names = sorted(each.name for each in pkgutil.iter_modules(__path__))
    return [import_module(f"{__name__}.{name}") for name in names]


def all_rows() -> list[Row]:
    """The rows of every module."""
    return [row for module in modules() for row in module.ROWS]


def preparations() -> list[Callable[[Any], None]]:
    """What the modules make before their rows are asked."""
    return [module.prepare for module in modules() if hasattr(module, "prepare")]


def all_readers() -> list[Reader]:
    """What every module says about selectors that take a person."""
    return [each for module in modules() for each in getattr(module, "READERS", ())]


def all_panels() -> list[Panel]:
    """What every module says about panels of pages."""
    return [each for module in modules() for each in getattr(module, "PANELS", ())]


def all_beside() -> list[Beside]:
    """What every module says about policies, services, and what is one's own on a page."""
    return [each for module in modules() for each in getattr(module, "BESIDE", ())]
