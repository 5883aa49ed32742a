"""Sweeps: the same check over all of its cases, where the default tests take a sample.

The default test command has to end within minutes, or nobody waits for it. What is checked case by
case (each page in each window, each source with each fault, each example of a property) is sampled
there; `quickstart.py test -m sweep` runs the rest, and every property with eight times as many
examples.

Usage:
    @pytest.mark.sweep                     runs only in a sweep
    sampled(CASES, "first", "last")        parameters; those not named run only in a sweep
    @settings(max_examples=examples(15))   so many by default, eight times as many in a sweep
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, is_hypothesis_test, settings

BOTH_ENGINES = "both_engines"  # the marker of what is run on PostgreSQL too
MORE = 8  # times the examples of a property
USUAL_EXAMPLES = 25
_sweeping = False


def asks_for(marker: str, expression: str) -> bool:
    """Whether `-m EXPRESSION` asks for what carries this marker."""
    return marker in expression.replace(f"not {marker}", "")


def pytest_configure(config: pytest.Config) -> None:
    global _sweeping  # noqa: PLW0603  (decorators ask while modules are imported)
    expression = str(config.getoption("-m") or "")
    _sweeping = asks_for("sweep", expression)
    # The same examples everywhere and on every run: a red build must be the change's fault.
    settings.register_profile(
        "fixed",
        deadline=None,
        derandomize=True,
        max_examples=2_000 if asks_for("prove", expression) else examples(USUAL_EXAMPLES),
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.load_profile("fixed")


def examples(usual: int) -> int:
    """How many examples a property gets: the usual number, or in a sweep more."""
    return usual * MORE if _sweeping else usual


def sampled(cases: Iterable[Any], *usual: Any) -> list[Any]:
    """Parameters of a test of which only the usual ones are tried by default.

    Raises:
        ValueError: a usual case is none of the cases.
    """
    found = [
        each if each in usual else pytest.param(each, marks=pytest.mark.sweep) for each in cases
    ]
    if missing := [each for each in usual if each not in found]:
        raise ValueError(f"{missing} are none of the cases")
    return found


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Files without tests of both engines are not even read where only these are asked for."""
    if not str(config.getoption("-m") or "").startswith(BOTH_ENGINES):
        return None
    is_test = collection_path.is_file() and collection_path.name.startswith("test_")
    return True if is_test and not _speaks_of_both_engines(collection_path) else None


def _speaks_of_both_engines(path: Path) -> bool:
    return BOTH_ENGINES in path.read_text()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In a sweep every property is tried again, with more examples than by default.

    Raises:
        pytest.UsageError: a test of both engines would not be found by what its file says.
    """
    marked = {item.path for item in items if item.get_closest_marker(BOTH_ENGINES)}
    for path in sorted(marked):
        if not _speaks_of_both_engines(path):
            raise pytest.UsageError(f"{path}: say {BOTH_ENGINES} in the file itself")
    if _sweeping:
        for item in items:
            test = getattr(item, "obj", None)
            if is_hypothesis_test(test) and not item.get_closest_marker("prove"):
                item.add_marker("sweep")
