"""Every permission check, removed one at a time.

- a policy that always says yes, and one that lets in one more role;
- a call of a policy (`may_…`, `holds`, `allows`) that is taken for yes;
- `…_visible_to(user)` that gives what it would give to somebody with every right;
- a filter by the person who looks (`claimed_by_id=user.pk`) that is left out;
- an endpoint without its permission classes, and a page that asks nobody to sign in.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from types import CodeType
from typing import Any
from unittest import mock

from rest_framework.permissions import AllowAny
from rest_framework.views import APIView

from portal.choices import Role
from tests.access.rewriting import (
    Living,
    Place,
    compiled,
    function_at,
    functions_in,
    installed,
    modules,
    policies,
    rewritten,
    source_of,
)
from tests.access.routes import addresses, view_class

EVERYTHING = "_access_everything_"
SELECTIONS = re.compile(r"\w+_visible_to")
PEOPLE = re.compile(r"user|actor|person")


@dataclass(frozen=True)
class Mutant:
    """One check removed. `places` are the functions that behave otherwise."""

    name: str
    places: frozenset[Place]
    apply: Callable[[Living], contextlib.AbstractContextManager[None]]
    route: str = ""


@cache
def checks() -> frozenset[str]:
    """Names of the functions that say yes or no: those of every `policies.py`, and `allows`."""
    found = {"allows"}
    for place in policies():
        node = function_at(place)
        if isinstance(node.returns, ast.Name) and node.returns.id == "bool":
            found.add(node.name)
    return frozenset(found)


def is_policy(module: str) -> bool:
    """Whether a module says who may do what."""
    return module.split(".")[-1] == "policies"


def all_mutants() -> list[Mutant]:
    """All of them, in a fixed order. Names hold no line: they outlive an edit of the file."""
    addresses()  # loads the modules of all pages, whichever test asks first
    seen: Counter[str] = Counter()
    found = []
    for mutant in [*_rewritten(), *_open_endpoints(), *_open_pages()]:
        seen[mutant.name] += 1
        again = f" (no. {seen[mutant.name]})" if seen[mutant.name] > 1 else ""
        found.append(replace(mutant, name=f"{mutant.name}{again}"))
    return found


# --- Rewriting -----------------------------------------------------------------------------------


def _name_of(call: ast.Call) -> str:
    if isinstance(call.func, ast.Name):
        return call.func.id
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _mentions_person(node: ast.AST) -> bool:
    """Whether a value is made from whoever looks: `user.pk`, `request.user`."""
    return any(
        (isinstance(each, ast.Name) and PEOPLE.fullmatch(each.id))
        or (isinstance(each, ast.Attribute) and each.attr == "user")
        for each in ast.walk(node)
    )


def _is_about_people(module: str, call: ast.Call) -> bool:
    """Not so where another function has the name of a policy, like `holds` of a measure."""
    name = _name_of(call)
    if not isinstance(call.func, ast.Name) or name not in checks():
        return True
    known = getattr(sys.modules[module], name, None)
    return str(getattr(known, "__module__", "")).endswith("policies")


def _replacements(call: ast.Call, module: str) -> Iterator[tuple[str, ast.expr]]:
    """What may stand in the place of a call, with what that means."""
    name = _name_of(call)
    if is_policy(module):
        if name == "holds":
            yield from _widened(call)
    elif name in checks():
        yield "taken for yes", ast.Constant(True)
    elif SELECTIONS.fullmatch(name):
        every = ast.Call(ast.Name(EVERYTHING, ast.Load()), [call.func, *call.args], call.keywords)
        yield "gives everything", every
    elif name in {"filter", "exclude"} and isinstance(call.func, ast.Attribute):
        kept = [each for each in call.keywords if not _mentions_person(each.value)]
        if len(kept) < len(call.keywords):
            yield "left out", ast.Call(call.func, call.args, kept) if kept else call.func.value


def _widened(call: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    held = {arg.attr for arg in call.args if isinstance(arg, ast.Attribute)}
    for role in Role:
        if role.name not in held:
            extra = ast.Attribute(ast.Name("Role", ast.Load()), role.name, ast.Load())
            yield f"also for {role}", ast.Call(call.func, [*call.args, extra], call.keywords)


class _Swap(ast.NodeTransformer):
    """Puts something into the place of the n-th call of a function."""

    def __init__(self, number: int, new: ast.expr) -> None:
        self.number, self.new, self.seen = number, new, -1

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.seen += 1
        if self.seen == self.number:
            return ast.copy_location(self.new, node)
        return self.generic_visit(node)


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    """Calls in the order in which `_Swap` meets them."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call):
            yield child
        yield from _calls(child)


def _rewritten() -> Iterator[Mutant]:
    for module in modules():
        tree = ast.parse(source_of(module)[1])
        for qualname, function in functions_in(tree):
            place = Place(module, qualname)
            if is_policy(module) and function.name in checks() - {"holds"}:
                yield _always(place)
            for number, call in enumerate(_calls(function)):
                if not _is_about_people(module, call):
                    continue
                for what, new in _replacements(call, module):
                    text = f"{place} {ast.unparse(call)[:60]} {what}"
                    yield _mutant(text, place, number, new)


def _mutant(name: str, place: Place, number: int, new: ast.expr) -> Mutant:
    def code() -> CodeType:
        tree = ast.parse(source_of(place.module)[1])
        for qualname, function in functions_in(tree):
            if qualname == place.qualname:
                _Swap(number, copy.deepcopy(new)).generic_visit(function)
        return compiled(place.module, tree)[place.qualname]

    @contextlib.contextmanager
    def apply(living: Living) -> Iterator[None]:
        with installed(EVERYTHING, _Everything(living)), living.swapped({place: code()}):
            yield

    return Mutant(name, frozenset({place}), apply)


def _yes(place: Place) -> CodeType:
    return rewritten(place, "True")


def _always(place: Place) -> Mutant:
    def apply(living: Living) -> contextlib.AbstractContextManager[None]:
        return living.swapped({place: _yes(place)})

    return Mutant(f"{place} always says yes", frozenset({place}), apply)


@cache
def _all_yes() -> dict[Place, CodeType]:
    return {place: _yes(place) for place in policies() if place.qualname in checks()}


class _Everything:
    """Calls a selection with every policy saying yes."""

    def __init__(self, living: Living) -> None:
        self.living = living

    def __call__(self, function: Callable[..., Any], *args: Any, **more: Any) -> Any:
        with self.living.swapped(_all_yes()):
            return function(*args, **more)


# --- What Django and DRF check -------------------------------------------------------------------


def _open_endpoints() -> Iterator[Mutant]:
    """Endpoints whose permission classes let everybody pass."""
    for address in addresses():
        view = view_class(address)
        if (
            isinstance(view, type)
            and issubclass(view, APIView)
            and AllowAny not in view.permission_classes
        ):
            yield Mutant(
                f"{address.key}: permission classes let everybody pass",
                frozenset(),
                _patched(view, "permission_classes", (AllowAny,)),
                address.key,
            )


def _open_pages() -> Iterator[Mutant]:
    """Pages that ask nobody to sign in."""
    for address in addresses():
        if getattr(address.view, "login_required", True):
            yield Mutant(
                f"{address.key}: nobody is asked to sign in",
                frozenset(),
                _patched(address.view, "login_required", False),
                address.key,
            )


def _patched(thing: Any, name: str, value: Any) -> Callable[[Living], Any]:
    return lambda _living: mock.patch.object(thing, name, value, create=True)
