"""Test runs keep their databases in memory only where there is room, and where nobody said else."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from tests.plugins import services


@pytest.fixture(autouse=True)
def _nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMPDIR", raising=False)


def test_memory_with_room_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "ROOM", 1)
    assert services.base_folder(tmp_path) == tmp_path / f"plumbline-tests-{os.getuid()}"


def test_memory_without_room_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "ROOM", 2**62)
    assert services.base_folder(tmp_path).parent == Path(tempfile.gettempdir())


def test_a_system_without_such_a_folder_uses_the_usual_one(tmp_path: Path) -> None:
    assert services.base_folder(tmp_path / "none").parent == Path(tempfile.gettempdir())


def test_a_chosen_folder_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "ROOM", 1)
    monkeypatch.setenv("TMPDIR", "/elsewhere")
    assert services.base_folder(tmp_path).parent == Path(tempfile.gettempdir())
