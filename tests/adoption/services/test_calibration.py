"""Simulations as background work: asked for by story, shown as far as they are, kept once."""

from __future__ import annotations

import datetime as dt

import pytest

from adoption.models import CalibrationRun
from adoption.selectors.impact import newest_calibrations
from adoption.services.calibration import CALIBRATE, ask_for_calibration, run_calibration
from adoption.validation.calibration import stories
from adoption.validation.methods import Method
from portal.models import WorkItem
from portal.work.registry import Work, WorkRefusedError

pytestmark = pytest.mark.django_db
AT = dt.datetime(2026, 12, 1, 5, tzinfo=dt.UTC)


def _work(payload: dict[str, object], at: dt.datetime = AT, **given: object) -> Work:
    return Work(item_id=1, key="", payload=payload, attempt=1, at=at, clock=lambda: at, **given)  # type: ignore[arg-type]


def test_every_story_is_a_piece_of_work_and_asking_twice_asks_once() -> None:
    assert ask_for_calibration(runs=20, seed=1, at=AT) == len(stories())
    ask_for_calibration(runs=20, seed=1, at=AT)
    assert WorkItem.objects.filter(kind=CALIBRATE).count() == len(stories())


def test_work_says_how_far_it_is_and_keeps_what_came_out() -> None:
    said: list[tuple[int, int]] = []
    ask_for_calibration(runs=20, seed=7, at=AT, methods=[Method.PAIRED_CHANGES])
    item = WorkItem.objects.filter(kind=CALIBRATE).order_by("pk").first()
    assert item is not None
    work = _work(item.payload, report=lambda done, of, phase: said.append((done, of)))
    run_calibration(work)
    kept = CalibrationRun.objects.get()
    assert (kept.method, kept.seed, kept.runs, kept.made_at) == ("paired_changes", 7, 20, AT)
    assert said == [(done, 20) for done in range(20)]
    later = AT + dt.timedelta(days=31)
    run_calibration(_work({**item.payload, "seed": 8}, at=later))
    assert [run.seed for run in newest_calibrations()] == [8]
    assert CalibrationRun.objects.count() == 2  # earlier ones stay


def test_a_story_that_is_gone_is_refused_by_name() -> None:
    with pytest.raises(WorkRefusedError, match="no story tides of paired_changes"):
        run_calibration(
            _work({"method": "paired_changes", "story": "tides", "runs": 20, "seed": 1})
        )
