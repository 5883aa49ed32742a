"""Neither usage nor signs of AI reach the computation of a metric: followed over its imports."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adoption.metrics.registry import USAGE_INPUTS, metrics

ROOT = Path(__file__).resolve().parents[3]
ROOMS = ("adoption", "billing", "portal")
USAGE = ("billing.models.Usage", "billing.models.usage", "billing.selectors.usage")
SIGNS = ("adoption.models.Evidence", "adoption.models.evidence", "adoption.evidence")
# The package of all tables imports every one of them; who uses which is seen where it is named.
ENDS = ("adoption.models", "billing.models", "portal.models")


def path_of(module: str) -> Path | None:
    base = ROOT.joinpath(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.exists():
            return path
    return None


def imported(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{each.name}" for each in node.names)
        elif isinstance(node, ast.Import):
            yield from (each.name for each in node.names)


def reached(module: str, read: Callable[[Path], str] = lambda path: path.read_text()) -> set[str]:
    """Everything that a module imports, directly or by way of others of ours."""
    found: set[str] = set()
    waiting = [module]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        path = path_of(name)
        if name in seen or path is None:
            continue
        seen.add(name)
        for each in imported(read(path)):
            found.add(each)
            # `from a.b import c`: c is a module, or a name in the module a.b.
            for part in (each, each.rpartition(".")[0]):
                if part.startswith(ROOMS) and not part.startswith(ENDS):
                    waiting.append(part)
    return found


def problems(module: str, **reader: Any) -> list[str]:
    return sorted(each for each in reached(module, **reader) if each.startswith((*USAGE, *SIGNS)))


def modules() -> dict[str, set[str]]:
    """By module that computes something, the metrics of the catalogue that it computes."""
    found: dict[str, set[str]] = {}
    for metric in metrics:
        if metric.windowed is not None:
            for function in (metric.windowed.collect, metric.windowed.calculate):
                found.setdefault(function.__module__, set()).add(metric.key)
    return found


def test_nothing_that_computes_a_metric_reaches_usage_or_signs_of_ai() -> None:
    found = modules()
    assert {"adoption.metrics.delivery_facts", "adoption.metrics.reach"} <= set(found)
    bad = {module: bad for module in found if (bad := problems(module))}
    assert not bad, {module: (found[module], names) for module, names in bad.items()}
    for metric in metrics:
        assert not metric.inputs & USAGE_INPUTS


@pytest.mark.parametrize(
    "line",
    [
        "from billing.models import Usage",
        "from billing.selectors.usage import usage_lines",
        "import billing.models.usage",
        "from adoption.models import Change, Evidence",
        "from adoption.evidence import classify",
    ],
)
def test_the_rule_sees_what_it_looks_for(line: str) -> None:
    """Even three modules away."""
    far = ROOT / "adoption" / "metrics" / "exact.py"

    def read(path: Path) -> str:
        return path.read_text() + (f"\n{line}\n" if path == far else "")

    assert problems("adoption.metrics.survival", read=read)
    assert not problems("adoption.metrics.survival")
