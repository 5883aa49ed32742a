"""Filling: whole windows, exactly once, written only where facts changed, history kept."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from adoption.metrics.contracts import Computed
from adoption.metrics.fill import FillResult
from adoption.metrics.registry import NANO, metrics
from adoption.models import FillWatermark, MetricValue, MetricVersion
from adoption.services.metric_filling import ask_for_fills, fill_metrics
from portal.models import WorkItem
from tests.adoption.factories import make_programme, make_use_case
from tests.adoption.metrics.windowed import (
    FEBRUARY,
    FILLED,
    JANUARY,
    KEY,
    MARCH,
    ThingsMetric,
    registered_things,
)

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)


@pytest.fixture
def things() -> Iterator[ThingsMetric]:
    with registered_things() as metric:
        yield metric


def rows(**wanted: Any) -> list[tuple[Any, ...]]:
    """Windows, data versions, values and statuses, oldest first."""
    found = MetricValue.objects.filter(metric_version__key=KEY, **wanted)
    return [
        (row.window_starts_on, row.data_version, row.value_nano, row.status)
        for row in found.order_by("window_starts_on", "data_version", "scope_id")
    ]


def test_only_windows_that_are_over_are_filled_and_a_gap_is_a_row(things: ThingsMetric) -> None:
    case = make_use_case()
    things.set(case.pk, FEBRUARY, 3)
    things.set(case.pk, dt.date(2026, 4, 1), 5)
    result = things.fill(dt.datetime(2026, 5, 31, 23, 59, tzinfo=dt.UTC))
    assert rows() == [
        (FEBRUARY, 1, 3 * NANO, "final"),
        (MARCH, 1, None, "final"),  # a gap; January, before its first data, is none
        (dt.date(2026, 4, 1), 1, 5 * NANO, "final"),
    ]
    assert MetricValue.objects.get(window_starts_on=MARCH).reason == "no_data"
    assert result.until == dt.date(2026, 5, 1)
    assert FillWatermark.objects.get().filled_until == dt.date(2026, 5, 1)


def test_a_window_waits_until_it_is_over_in_the_zone_of_every_programme(
    things: ThingsMetric,
) -> None:
    case = make_use_case(programme=make_programme(time_zone="America/Los_Angeles"))
    things.set(case.pk, JANUARY, 1)
    assert things.fill(dt.datetime(2026, 2, 1, 7, 59, tzinfo=dt.UTC)).windows == 0
    assert things.fill(dt.datetime(2026, 2, 1, 8, 0, tzinfo=dt.UTC)).windows == 1
    assert MetricValue.objects.get().zone == "America/Los_Angeles"


@pytest.mark.both_engines
def test_unchanged_facts_write_nothing_and_changed_ones_keep_what_was_there(
    things: ThingsMetric,
) -> None:
    case = make_use_case()
    things.set(case.pk, JANUARY, 1)
    things.set(case.pk, FEBRUARY, 2)
    things.fill()
    before = list(MetricValue.objects.order_by("pk").values())
    again = things.fill(FILLED + DAY)
    assert again.counts["unchanged"] == 10
    assert again.counts["added"] == 0
    assert list(MetricValue.objects.order_by("pk").values()) == before
    things.set(case.pk, JANUARY, 7)
    assert things.fill(FILLED + 2 * DAY).counts["restated"] == 1
    assert rows(window_starts_on=JANUARY) == [
        (JANUARY, 1, NANO, "final"),
        (JANUARY, 2, 7 * NANO, "restated"),
    ]
    old = MetricValue.objects.get(window_starts_on=JANUARY, data_version=1)
    assert old.superseded_at == FILLED + 2 * DAY
    assert json.loads(old.facts) == {"things": 1}


@pytest.mark.both_engines
def test_data_that_is_withdrawn_becomes_a_gap_with_a_history(things: ThingsMetric) -> None:
    case = make_use_case()
    things.set(case.pk, JANUARY, 1)
    things.fill()
    things.facts.clear()
    things.fill(FILLED + DAY)
    assert rows(window_starts_on=JANUARY)[-1] == (JANUARY, 2, None, "restated")


def test_a_value_is_provisional_until_it_has_matured() -> None:
    with registered_things(matures_after=dt.timedelta(days=21)) as things:
        case = make_use_case()
        things.set(case.pk, JANUARY, 1)
        things.set(case.pk, FEBRUARY, 2)
        early = dt.datetime(2026, 2, 10, tzinfo=dt.UTC)
        things.fill(early)
        assert rows() == [(JANUARY, 1, NANO, "provisional")]
        things.set(case.pk, JANUARY, 4)
        things.fill(early + DAY)  # still maturing: no restatement
        assert rows(superseded_at=None) == [(JANUARY, 2, 4 * NANO, "provisional")]
        settled = things.fill(dt.datetime(2026, 2, 22, tzinfo=dt.UTC))
        assert settled.counts["settled"] == 1
        row = MetricValue.objects.get(superseded_at=None)
        assert (row.data_version, row.settled_at) == (2, dt.datetime(2026, 2, 22, tzinfo=dt.UTC))
        things.set(case.pk, JANUARY, 5)
        assert things.fill(dt.datetime(2026, 2, 23, tzinfo=dt.UTC)).counts["restated"] == 1


@pytest.mark.both_engines
def test_a_fill_that_is_killed_in_a_window_leaves_the_whole_windows_before_it(
    things: ThingsMetric,
) -> None:
    case = make_use_case()
    for month in range(1, 5):
        things.set(case.pk, dt.date(2026, month, 1), month)

    def stop(window: Any) -> None:
        if window.starts_on == MARCH:
            raise KeyboardInterrupt

    things.before_collect = stop
    with pytest.raises(KeyboardInterrupt):
        things.fill()
    assert [row[0] for row in rows()] == [JANUARY, FEBRUARY]
    assert FillWatermark.objects.get().filled_until == MARCH
    things.before_collect = lambda window: None
    things.fill(FILLED + DAY)
    assert [row[2] for row in rows()][:4] == [NANO, 2 * NANO, 3 * NANO, 4 * NANO]
    assert MetricValue.objects.filter(data_version__gt=1).count() == 0


@pytest.mark.both_engines
def test_what_is_written_in_a_killed_window_is_undone_with_it(
    things: ThingsMetric, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = make_use_case()
    things.set(case.pk, JANUARY, 1)

    def die(*args: Any, **kwargs: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr("adoption.services.metric_filling._move_watermark", die)
        with pytest.raises(KeyboardInterrupt):
            things.fill()
    assert rows() == []
    assert not FillWatermark.objects.exists()
    things.fill()
    assert rows()[0] == (JANUARY, 1, NANO, "final")


@pytest.mark.both_engines
def test_an_older_look_leaves_alone_what_a_newer_one_wrote(things: ThingsMetric) -> None:
    case = make_use_case()
    things.set(case.pk, JANUARY, 1)
    things.fill(FILLED)
    things.set(case.pk, JANUARY, 2)
    assert things.fill(FILLED - DAY).windows == 0
    assert [row[2] for row in rows(window_starts_on=JANUARY)] == [NANO]


@pytest.mark.both_engines
@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_write_each_value_once(things: ThingsMetric) -> None:
    cases = [make_use_case() for _ in range(3)]
    for case in cases:
        for month in range(1, 11):
            things.set(case.pk, dt.date(2026, month, 1), month)
    results: list[FillResult] = []

    def work(moment: dt.datetime) -> None:
        try:
            results.append(things.fill(moment))
        finally:
            connection.close()

    threads = [
        threading.Thread(target=work, args=(FILLED + dt.timedelta(seconds=index),))
        for index in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 2
    assert MetricValue.objects.count() == 30
    assert MetricValue.objects.exclude(data_version=1).count() == 0
    assert sum(each.counts["added"] for each in results) == 30


def test_the_same_version_with_another_text_is_refused(things: ThingsMetric) -> None:
    case = make_use_case()
    things.set(case.pk, JANUARY, 1)
    things.fill()
    things.change(formula="The number of things that look good.")
    things.set(case.pk, JANUARY, 2)
    result = things.fill(FILLED + DAY)
    assert "Raise the version" in result.problem
    assert [row[2] for row in rows(window_starts_on=JANUARY)] == [NANO]
    with pytest.raises(CommandError, match="Raise the version"):
        call_command("fill_metrics", "--metric", KEY, verbosity=0)
    from adoption.metric_checks import check_stored_definitions

    assert [each.id for each in check_stored_definitions(None, databases=["default"])] == [
        "adoption.E011"
    ]


def test_a_calculation_that_changed_without_a_version_is_refused(
    things: ThingsMetric, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = make_use_case()
    things.set(case.pk, JANUARY, 1)
    things.fill()
    windowed = things.definition.windowed
    assert windowed is not None
    from dataclasses import replace

    flattering = replace(windowed, calculate=lambda facts: Computed(nano=9 * NANO, n=1))
    things.change(windowed=flattering)
    assert "another value for the same facts" in things.fill(FILLED + DAY).problem
    assert [row[2] for row in rows(window_starts_on=JANUARY)] == [NANO]


def test_a_major_version_runs_beside_the_earlier_one(things: ThingsMetric) -> None:
    case = make_use_case()
    things.set(case.pk, JANUARY, 3)
    things.fill()
    from dataclasses import replace

    earlier = things.definition
    assert earlier.windowed is not None
    doubled = replace(
        earlier.windowed,
        calculate=lambda facts: Computed(
            nano=2 * facts["things"] * NANO, n=facts["things"], contributors=12
        ),
    )
    things.change(version="2.0.0", windowed=doubled, superseded_versions=(earlier,))
    assert metrics.problems() == [each for each in metrics.problems() if each.level < 40]
    things.set(case.pk, FEBRUARY, 4)
    things.fill(FILLED + DAY)
    series = {
        version: list(
            MetricValue.objects.filter(
                metric_version__version=version, superseded_at=None, value_nano__isnull=False
            )
            .order_by("window_starts_on")
            .values_list("value_nano", flat=True)
        )
        for version in ("1.0.0", "2.0.0")
    }
    assert series == {"1.0.0": [3 * NANO, 4 * NANO], "2.0.0": [6 * NANO, 8 * NANO]}
    assert MetricVersion.objects.filter(key=KEY).count() == 2


def test_a_part_moves_the_watermark_over_no_gap(things: ThingsMetric) -> None:
    case = make_use_case()
    things.set(case.pk, JANUARY, 1)
    things.fill(since=MARCH)
    assert not FillWatermark.objects.exists()
    things.fill(until=MARCH)
    assert FillWatermark.objects.get().filled_until == MARCH


def test_the_command_prints_one_document_and_names_what_it_does_not_know(
    things: ThingsMetric, capsys: pytest.CaptureFixture[str]
) -> None:
    case = make_use_case()
    things.set(case.pk, JANUARY, 1)
    call_command("fill_metrics", "--metric", KEY, "--until", "2026-03-01", "--json")
    (found,) = json.loads(capsys.readouterr().out)["metrics"]
    assert (found["metric"], found["windows"], found["added"]) == (KEY, 2, 2)
    with pytest.raises(CommandError, match="not computed window by window"):
        call_command("fill_metrics", "--metric", "nonsense")
    with pytest.raises(CommandError, match="is no day"):
        call_command("fill_metrics", "--since", "soon")


def test_each_metric_is_one_piece_of_work(things: ThingsMetric) -> None:
    ask_for_fills(at=FILLED)
    ask_for_fills(at=FILLED)
    with transaction.atomic():
        items = WorkItem.objects.filter(kind="adoption.fill-metric", key=KEY)
        assert items.count() == 1


def test_without_a_programme_there_is_nothing_to_fill(things: ThingsMetric) -> None:
    assert fill_metrics(at=FILLED, keys=[KEY])[0].windows == 0
