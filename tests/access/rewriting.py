"""Changing single functions of the running product: new code is swapped in, and out again.

Swapping `__code__` reaches every reference at once: names imported elsewhere, methods, what a
registry keeps. A function made inside another comes with the code of the outer one.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import gc
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

ROOMS = ("portal", "adoption", "billing")
# What no request runs, or what runs before there is one.
OUTSIDE = ("migrations", "management", "demo", "run", "settings", "env", "celery", "wsgi")
TOUCH = "_access_touch_"
DOOR = "_access_door_"


@dataclass(frozen=True)
class Place:
    """A function or method at the top of a module: `adoption.views.teams`, `TeamPart.allows`."""

    module: str
    qualname: str

    def __str__(self) -> str:
        return f"{self.module}:{self.qualname}"


def modules() -> list[str]:
    """Every loaded module of the three rooms that takes part in answering requests."""
    return sorted(
        name
        for name, module in list(sys.modules.items())
        if name.split(".")[0] in ROOMS
        and not set(name.split(".")[1:]) & set(OUTSIDE)
        and str(getattr(module, "__file__", "") or "").endswith(".py")
    )


@cache
def source_of(module: str) -> tuple[str, str]:
    """File name, as code objects have it, and text."""
    path = str(sys.modules[module].__file__)
    return path, Path(path).read_text(encoding="utf-8")


def functions_in(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Functions and methods at the top of a module, by qualified name."""

    def walk(nodes: list[ast.stmt], prefix: str) -> Iterator[tuple[str, ast.FunctionDef]]:
        for node in nodes:
            if isinstance(node, ast.FunctionDef):
                yield f"{prefix}{node.name}", node
            elif isinstance(node, ast.ClassDef):
                yield from walk(node.body, f"{prefix}{node.name}.")

    return walk(tree.body, "")


def _codes(code: CodeType) -> Iterator[CodeType]:
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield each
            yield from _codes(each)


def compiled(module: str, tree: ast.Module) -> dict[str, CodeType]:
    """Code by qualified name, of a changed module."""
    path, _ = source_of(module)
    ast.fix_missing_locations(tree)
    return {
        code.co_qualname: code for code in _codes(compile(tree, path, "exec", dont_inherit=True))
    }


def _objects() -> list[Any]:
    """All objects, those too that the collector was told to leave out (`plugins/garbage.py`)."""
    are_left_out = gc.get_freeze_count() > 0
    gc.unfreeze()
    found = gc.get_objects()
    if are_left_out:
        gc.freeze()
    return found


class Living:
    """The functions of the rooms that exist now, by place."""

    def __init__(self) -> None:
        names = {source_of(module)[0]: module for module in modules()}
        self._found: dict[Place, list[FunctionType]] = {}
        for each in _objects():
            if type(each) is FunctionType and each.__code__.co_filename in names:
                place = Place(names[each.__code__.co_filename], each.__code__.co_qualname)
                self._found.setdefault(place, []).append(each)

    def at(self, place: Place) -> list[FunctionType]:
        """The functions of a place; none when nothing refers to it."""
        return self._found.get(place, [])

    @contextlib.contextmanager
    def swapped(self, codes: Mapping[Place, CodeType]) -> Iterator[None]:
        """Run with other code at these places."""
        before = [(each, each.__code__) for place in codes for each in self.at(place)]
        try:
            for place, code in codes.items():
                for each in self.at(place):
                    each.__code__ = code
            yield
        finally:
            for each, code in before:
                each.__code__ = code


@contextlib.contextmanager
def watched(living: Living, places: list[Place]) -> Iterator[set[Place]]:
    """Run with these functions telling when they are called: into the set, which one may empty."""
    touched: set[Place] = set()
    known = list(places)
    codes: dict[Place, CodeType] = {}
    for module in {place.module for place in known}:
        tree = ast.parse(source_of(module)[1])
        for qualname, node in functions_in(tree):
            place = Place(module, qualname)
            if place in known:
                call = ast.parse(f"{TOUCH}({known.index(place)})").body
                node.body[0:0] = call if not _has_docstring(node) else []
                if _has_docstring(node):
                    node.body[1:1] = call
        made = compiled(module, tree)
        codes |= {place: made[place.qualname] for place in known if place.module == module}
    with installed(TOUCH, lambda number: touched.add(known[number])), living.swapped(codes):
        yield touched


def _has_docstring(node: ast.FunctionDef) -> bool:
    return ast.get_docstring(node, clean=False) is not None


@contextlib.contextmanager
def installed(name: str, function: Callable[..., object]) -> Iterator[None]:
    """Have a function under a name that rewritten code can call from any module."""
    setattr(builtins, name, function)
    try:
        yield
    finally:
        delattr(builtins, name)


@cache
def policies() -> list[Place]:
    """Every function of a `policies.py`."""
    return [
        Place(module, qualname)
        for module in modules()
        if module.split(".")[-1] == "policies"
        for qualname, _ in functions_in(ast.parse(source_of(module)[1]))
    ]


def function_at(place: Place) -> ast.FunctionDef:
    """The source of a function."""
    tree = ast.parse(source_of(place.module)[1])
    return next(node for name, node in functions_in(tree) if name == place.qualname)


def rewritten(place: Place, body: str) -> CodeType:
    """The function of a place with another body, given as the text of an expression."""
    tree = ast.parse(source_of(place.module)[1])
    for qualname, function in functions_in(tree):
        if qualname == place.qualname:
            function.body = [ast.Return(ast.parse(body, mode="eval").body)]
    return compiled(place.module, tree)[place.qualname]


@cache
def _door_codes() -> dict[Place, CodeType]:
    return {
        place: rewritten(place, f"{DOOR}({str(place)!r}, *{ast.unparse(_arguments(place))})")
        for place in policies()
    }


@contextlib.contextmanager
def doors_open(living: Living) -> Iterator[None]:
    """Every policy says yes to a view, a page or an endpoint, and the truth to everybody else."""
    real = {
        str(place): FunctionType(found[0].__code__, found[0].__globals__, place.qualname)
        for place in policies()
        if (found := living.at(place))
    }

    def door(name: str, *args: object) -> object:
        asked_by = str(sys._getframe(2).f_globals.get("__name__", ""))
        if {"views", "api"} & set(asked_by.split(".")):
            return True
        return real[name](*args)

    with installed(DOOR, door), living.swapped(_door_codes()):
        yield


def _arguments(place: Place) -> ast.expr:
    names: list[ast.expr] = [ast.Name(each.arg) for each in function_at(place).args.args]
    return ast.Tuple(names)
