"""The demo's dashboards: approved where metrics are trusted, drafts where none is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adoption.demo.boards import build_boards
from adoption.models import Dashboard, Snapshot
from portal.demo import DemoContext
from tests.adoption.factories import (
    NOW,
    make_milestone,
    make_use_case,
    make_user,
    registered_metric,
)
from tests.adoption.served import MONDAY, catalogue
from tests.approving import second_person

pytestmark = pytest.mark.django_db


def context(tmp_path: Path, use_case: Any) -> DemoContext:
    people = {"owner": make_user(), "approver": second_person()}
    return DemoContext(NOW, MONDAY, tmp_path, lambda text: None, people)


def test_one_approved_one_draft_one_snapshot(tmp_path: Path, settings: Any) -> None:
    settings.AUDIT_HEADS_DIR = tmp_path
    use_case = make_use_case()
    with registered_metric(), catalogue(use_case):
        make_milestone(use_case)
        made = context(tmp_path, use_case)
        for _ in range(2):  # and nothing more when it is run again
            build_boards(made)
    statuses = dict(Dashboard.objects.values_list("title", "status"))
    assert statuses == {
        "What the pilots delivered": "approved", "Next quarter, a first idea": "draft",
    }  # fmt: skip
    snapshot = Snapshot.objects.get()
    assert (snapshot.value_count, snapshot.dashboard_count) == (9, 1)


def test_without_trusted_metrics_both_are_drafts(tmp_path: Path, settings: Any) -> None:
    settings.AUDIT_HEADS_DIR = tmp_path
    use_case = make_use_case()
    with registered_metric():
        make_milestone(use_case)
        build_boards(context(tmp_path, use_case))
    assert set(Dashboard.objects.values_list("status", flat=True)) == {"draft"}
