"""Who delivered what and what was undone, worked out again after every import."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from adoption.choices import DeploymentStatus, RevertMethod
from adoption.models import Change, Deployment
from adoption.services.recompute import recompute_repository
from tests.adoption.importing import History, change, commit, day, delivered_by, stored_state, tag

pytestmark = pytest.mark.django_db


@pytest.mark.both_engines
def test_a_maintenance_release_delivers_what_it_contains_and_nothing_twice(tmp_path: Path) -> None:
    """2.0b1 comes before 1.1.1, whose history 2.0 does not hold until the merge."""
    history = History(tmp_path)
    history.bring(
        [commit(1, 0, on=1), commit(2, on=2, ai=True), commit(3, on=3, ai=True),
         commit(4, 3, 9, on=6, message="Merge the repair")],
        [tag("1.0", 1, 1), tag("2.0b1", 2, 2), tag("1.0.1", 9, 5), tag("2.0", 4, 6)],
        [commit(9, 1, on=4, message="Repair", ai=True)],
    )  # fmt: skip
    assert [delivered_by(number) for number in (1, 2, 3, 4)] == ["1.0", "2.0b1", "2.0", "2.0"]
    # The repair reached the default branch by the merge, so it is no change of its own.
    assert Change.objects.count() == 4


def test_a_change_first_released_from_a_maintenance_branch_counts_for_that_release(
    tmp_path: Path,
) -> None:
    history = History(tmp_path)
    rows = [commit(1, 0, on=1), commit(2, 1, on=3, ai=True), commit(3, 2, on=5)]
    history.bring(rows, [tag("2.0", 3, 6)])
    assert delivered_by(2) == "2.0"
    document = history.bring(tags=[tag("1.0.1", 2, 4)])
    assert delivered_by(2) == "1.0.1"
    assert document["inserted"] == 1


def test_a_redeploy_delivers_nothing(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.bring([commit(1, 0, ai=True)], [tag("1.0", 1, 2), tag("1.0-again", 1, 5)])
    marks = dict(Deployment.objects.values_list("version", "is_redeploy"))
    assert marks == {"1.0": False, "1.0-again": True}
    assert delivered_by(1) == "1.0"
    assert change(1).delivered_at == day(2, 12)


def test_an_older_tag_that_arrives_late_takes_over(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.bring([commit(1, 0, ai=True)], [tag("1.1", 1, 5)])
    history.bring(tags=[tag("1.0", 1, 3)])
    assert delivered_by(1) == "1.0"
    assert dict(Deployment.objects.values_list("version", "is_redeploy")) == {
        "1.0": False, "1.1": True,
    }  # fmt: skip


def test_the_baseline_delivers_nothing_when_it_is_switched_off(tmp_path: Path) -> None:
    history = History(tmp_path, first_release_delivers=False)
    history.bring(
        [commit(1, 0, ai=True), commit(2, on=3, ai=True)], [tag("1.0", 1, 2), tag("1.1", 2, 4)]
    )
    assert (delivered_by(1), delivered_by(2)) == (None, "1.1")
    assert Deployment.objects.get(is_baseline=True).version == "1.0"


def test_a_failed_deployment_delivers_nothing(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.bring([commit(1, 0, ai=True)], [tag("1.0", 1, 2), tag("1.1", 1, 4)])
    Deployment.objects.filter(version="1.0").update(status=DeploymentStatus.FAILED)
    recompute_repository(repository_id=change(1).repository_id)
    assert delivered_by(1) == "1.1"


@pytest.mark.both_engines
def test_a_revert_of_a_revert_restores_and_a_third_undoes_again(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.bring([commit(1, 0), commit(2, on=2, message="Faster search (#7)", ai=True)])
    assert change(2).reverted_at is None
    history.bring([commit(3, on=3, message='Revert "Faster search (#7)" (#8)')])
    assert change(2).reverted_at == day(3)
    assert change(3).reverts == change(2)
    assert change(3).revert_method == RevertMethod.PULL_REQUEST
    history.bring([commit(4, on=4, message='Revert "Revert "Faster search (#7)" (#8)" (#9)')])
    assert change(2).reverted_at is None
    assert change(3).reverted_at == day(4)
    history.bring(
        [commit(5, on=5, message='Revert "Revert "Revert "Faster search (#7)" (#8)" (#9)" (#10)')]
    )
    assert change(2).reverted_at is not None
    assert change(4).reverted_at == day(5)


def test_a_revert_of_something_unknown_waits_and_is_found_later(tmp_path: Path) -> None:
    history = History(tmp_path)
    document = history.bring([commit(3, 2, on=3, message='Revert "Faster search"')])
    assert document["reverts_resolved"] == 0
    assert change(3).revert_method == RevertMethod.UNRESOLVED
    document = history.bring([commit(1, 0), commit(2, 1, on=2, message="Faster search")])
    assert document["reverts_resolved"] == 1
    assert change(2).reverted_at == day(3)


@pytest.mark.both_engines
def test_repeating_it_writes_nothing(tmp_path: Path) -> None:
    History(tmp_path).bring(
        [commit(1, 0, ai=True), commit(2, on=2, message='Revert "Change 1"')], [tag("1.0", 2, 3)]
    )
    before = stored_state()
    with CaptureQueriesContext(connection) as queries:
        recompute_repository(repository_id=change(1).repository_id)
    written = [q["sql"] for q in queries if q["sql"].lstrip().upper().startswith("UPDATE")]
    assert written == []
    assert stored_state() == before
