"""Fixtures of the FOCUS tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.billing.sources.focus.focus_files import Reader


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    """Reads bytes as files; `read.refusal` and `read.rejection` expect them to be wrong."""
    return Reader(tmp_path)
