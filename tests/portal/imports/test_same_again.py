"""What was read before is told without reading, and only where it would surely be read alike."""

from __future__ import annotations

import random
from datetime import date
from typing import Any

import pytest

from billing.models import Charge
from billing.sources.focus import same_lines
from billing.sources.focus.source import FocusSource
from portal.choices import RunStatus
from portal.imports.files import landed_files
from portal.imports.registry import import_sources
from portal.models import Connection, ImportRun
from tests.billing.services.charges import assert_books_balance
from tests.imports import counts, line, make_connection, run_import

pytestmark = [pytest.mark.django_db, pytest.mark.both_engines]
ROWS = [line(1 + n % 5, f"{n}.25", ResourceId=f"model-{n}") for n in range(60)]
OTHER_ORDER = random.Random(7).sample(ROWS, len(ROWS))  # noqa: S311  (an order, no secret)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that were read, with the shortcut for large files open to small ones."""
    monkeypatch.setattr(same_lines, "LEAST_BYTES", 1)
    names: list[str] = []
    read = FocusSource.read

    def note_and_read(self: FocusSource, files: Any, options: Any) -> Any:
        names.extend(file.name for file in files)
        return read(self, files, options)

    monkeypatch.setattr(FocusSource, "read", note_and_read)
    return names


@pytest.fixture
def cloud(read: list[str]) -> Connection:
    """A connection that has brought `ROWS`."""
    connected = make_connection()
    run_import(connected, ROWS)
    read.clear()
    return connected


def said(run: ImportRun) -> list[str]:
    return [message for code, message in run.notes if code.startswith("same_")]


def test_the_same_rows_in_other_files_are_not_read(cloud: Connection, read: list[str]) -> None:
    first = ImportRun.objects.get()
    run = run_import(cloud, OTHER_ORDER[:20], OTHER_ORDER[20:])
    assert run.status == RunStatus.APPLIED
    assert (read, counts(run)) == ([], {"read": 60, "unchanged": 60})
    assert said(run) == [f"The same rows as run {first.pk}, in other files."]
    assert (run.totals_in, run.totals_stored) == (first.totals_in, first.totals_stored)
    assert set(Charge.objects.values_list("run_id", flat=True)) == {first.pk}
    assert_books_balance()


def test_what_is_said_of_it_does_not_pile_up(cloud: Connection, read: list[str]) -> None:
    first, second, third = (run_import(cloud, each) for each in (OTHER_ORDER, OTHER_ORDER, ROWS))
    assert said(second) == [f"The same input as run {first.pk}."]
    assert said(third) == [f"The same rows as run {second.pk}, in other files."]
    assert read == []


def test_rows_that_differ_are_read(cloud: Connection, read: list[str]) -> None:
    changed = [{**row, "BilledCost": "99"} if n == 7 else row for n, row in enumerate(OTHER_ORDER)]
    run = run_import(cloud, changed)
    assert counts(run) == {"read": 60, "updated": 1, "unchanged": 59}
    assert (said(run), len(read)) == ([], 1)


def test_a_dry_run_reads(cloud: Connection, read: list[str]) -> None:
    assert run_import(cloud, OTHER_ORDER, is_dry_run=True).status == RunStatus.CHECKED
    assert len(read) == 1


def test_another_configuration_reads(cloud: Connection, read: list[str]) -> None:
    cloud.config = {**cloud.config, "hold_jump_percent": 9_000}
    cloud.save()
    assert counts(run_import(cloud, OTHER_ORDER)) == {"read": 60, "unchanged": 60}
    assert len(read) == 1


def test_another_window_reads(cloud: Connection, read: list[str]) -> None:
    window = (date(2026, 5, 1), date(2026, 6, 1))
    assert counts(run_import(cloud, OTHER_ORDER, window=window)) == {"read": 60, "unchanged": 60}
    assert len(read) == 1


def test_rows_of_which_some_were_rejected_are_read(cloud: Connection, read: list[str]) -> None:
    bad = line(3, ChargePeriodStart="no day")
    run_import(cloud, [*ROWS, bad])
    run = run_import(cloud, [bad, *ROWS])
    assert counts(run) == {"read": 61, "unchanged": 60, "rejected": 1}
    assert len(read) == 2


def test_files_that_are_kept_no_longer_are_not_compared(cloud: Connection, read: list[str]) -> None:
    for file in landed_files(list(ImportRun.objects.get().files.all())):
        file.path.unlink()
    assert counts(run_import(cloud, OTHER_ORDER)) == {"read": 60, "unchanged": 60}
    assert len(read) == 1


def test_after_an_import_that_came_in_between_it_is_read(
    cloud: Connection, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was the last one while files were compared is not any more."""
    source = import_sources.get("focus")
    compare = source.is_same_content
    assert compare is not None

    def compare_slowly(*given: Any, **named: Any) -> bool:
        found = compare(*given, **named)
        monkeypatch.setitem(source.__dict__, "is_same_content", None)
        run_import(cloud, [*ROWS[1:], line(1, "7.25", ResourceId="model-0")])
        return found

    monkeypatch.setitem(source.__dict__, "is_same_content", compare_slowly)
    run = run_import(cloud, OTHER_ORDER)
    assert len(read) == 2
    assert run.status == RunStatus.SUPERSEDED
