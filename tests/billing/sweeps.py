"""What of the tests about cost runs in a sweep only (`tests/plugins/sweeping.py`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import pytest

Test = TypeVar("Test", bound=Callable[..., Any])


def swept(*cases: Iterable[Any]) -> list[Any]:
    """Parameters tried only in a sweep; each case is the tuple of its values.

    `sampled` says it of cases of one value, which may themselves be tuples.
    """
    return [pytest.param(*case, marks=pytest.mark.sweep) for case in cases]


def sweep_both_engines(test: Test) -> Test:
    """A test that runs only in a sweep, and there on both engines.

    Its file keeps others in the default tests that show the same of the usual case.
    """
    marked: Test = pytest.mark.sweep(pytest.mark.both_engines(test))
    return marked
