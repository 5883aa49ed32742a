"""What follows an import is queued in the transaction that closes its run."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from portal.choices import ImportKind, RunStatus, WorkStatus
from portal.imports import ledger
from portal.imports.registry import FollowUp, FollowUpRegistry
from portal.models import Connection, ImportRun, WorkItem
from portal.services import imports as service
from portal.work.registry import work_kinds
from portal.work.runner import Outcome, execute_item
from tests.imports import START, Clock, line, run_import

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db]


@pytest.fixture
def followed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Two follow-ups in the place of the rooms' own; what they were called with."""
    called: list[tuple[str, int]] = []
    registry = FollowUpRegistry("follow-up")
    monkeypatch.setattr(work_kinds, "_items", dict(work_kinds._items))
    monkeypatch.setattr(service, "follow_ups", registry)
    monkeypatch.setattr("portal.imports.registry.follow_ups", registry)

    def note(key: str) -> Any:
        def run(run: ImportRun, at: datetime) -> None:
            called.append((key, run.pk))

        return run

    for key, is_per_run in (("each", True), ("all", False)):
        registry.register(
            FollowUp(
                f"test.{key}",
                frozenset({ImportKind.COSTS}),
                note(key),
                label=f"Test: {key}",
                is_per_run=is_per_run,
            )
        )
    return called


def queued() -> list[tuple[str, str]]:
    rows = WorkItem.objects.filter(status=WorkStatus.QUEUED).order_by("kind", "key")
    return list(rows.values_list("kind", "key"))


def test_a_kill_right_after_the_commit_loses_no_follow_up(
    cloud: Connection, followed: list[tuple[str, int]]
) -> None:
    run = run_import(cloud, [line()])
    # Nothing has been done yet, as when the process died here; the rows say what is to be done.
    assert followed == []
    assert queued() == [("follow-up:test.all", ""), ("follow-up:test.each", f"run:{run.pk}")]
    for item in WorkItem.objects.order_by("pk"):
        assert execute_item(item.pk, clock=Clock()) == Outcome.DONE
    assert sorted(followed) == [("all", run.pk), ("each", run.pk)]


def test_a_run_that_is_not_closed_has_no_follow_up(
    cloud: Connection, followed: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    close = ledger.close_run

    def fenced_off(run: ImportRun, **fields: Any) -> None:
        close(run, **fields)
        raise ledger.FencedOffError("another attempt")

    monkeypatch.setattr(ledger, "close_run", fenced_off)
    run_import(cloud, [line()])
    assert queued() == []


@pytest.mark.parametrize("rows", [b"nonsense\n1\n", None])
def test_an_import_that_changed_nothing_has_no_follow_up(
    cloud: Connection, followed: list[tuple[str, int]], rows: bytes | None
) -> None:
    run = run_import(cloud, rows or [line()], is_dry_run=rows is None)
    assert run.status != RunStatus.APPLIED
    assert queued() == []


def test_several_imports_share_a_follow_up_that_does_not_look_at_the_run(
    cloud: Connection, followed: list[tuple[str, int]]
) -> None:
    first, second = (run_import(cloud, [line(1, str(cost))]) for cost in (1, 2))
    assert [key for kind, key in queued() if kind == "follow-up:test.all"] == [""]
    service.follow_up(run=second, at=START)
    assert sorted(followed) == [("all", first.pk), ("each", second.pk)]
    assert queued() == [("follow-up:test.each", f"run:{first.pk}")]
