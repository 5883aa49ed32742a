"""Golden data: real studies and their published numbers."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

Rows = list[dict[str, str]]


@pytest.fixture(scope="session")
def golden(shared_data: Path) -> Callable[[str], Rows]:
    """Reads a file of the golden data as text cells."""

    def read(name: str) -> Rows:
        with (shared_data / "golden" / name).open(newline="", encoding="utf-8-sig") as file:
            return list(csv.DictReader(file))

    return read
