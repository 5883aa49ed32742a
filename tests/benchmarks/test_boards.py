"""A dashboard of twelve tiles and values of a metric: cold, asked by their tag, and as data grows.

    python3 quickstart.py test --db postgres -m benchmark tests/benchmarks/test_boards.py

A million cost lines and 100,000 deployments lie beside; `PLUMBLINE_BENCH_SCALE=10` makes it ten
million and a million. `PLUMBLINE_BENCH_VALUES` sets how many values of other scopes do (default
2,000). Values are stored when they are filled, so what is read must not grow with either. The other
side is a plain Django view that is asked by its tag, in the same process.
"""

# ruff: noqa: T201 - a benchmark prints what it measured

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine
from django.test import Client

from adoption.models import Dashboard, MetricValue
from portal.urls import handler404, handler500
from tests.adoption.factories import NOW, make_use_case, make_user
from tests.adoption.metrics.windowed import (
    KEY,
    approve_standing,
    fill_year,
    make_standing,
    registered_things,
)
from tests.adoption.served import catalogue, make_dashboard, submit
from tests.approving import approve
from tests.benchmarks.pages import bulk
from tests.benchmarks.pages.rows_beside import fill_beside
from tests.benchmarks.pages.sizes import scale
from tests.benchmarks.test_api import in_turn, milliseconds, urlpatterns

__all__ = ["handler404", "handler500", "urlpatterns"]
VALUES = int(os.environ.get("PLUMBLINE_BENCH_VALUES", "2000"))
SCOPES = 20  # of the metric whose values are asked for, ten months each
Times = dict[str, tuple[float, float]]


@pytest.fixture
def emptied() -> Iterator[None]:
    """Leave nothing behind: the test runner's flush would take minutes."""
    yield
    bulk.forget_everything()


def _add_others(one: MetricValue) -> None:
    """The same value of many other scopes."""
    fields = [field.attname for field in MetricValue._meta.concrete_fields if field.name != "id"]
    known = {name: getattr(one, name) for name in fields}
    others = (MetricValue(**known | {"scope_id": 10_000_000 + place}) for place in range(VALUES))
    MetricValue.objects.bulk_create(others, batch_size=1000)


def _measured(client: Client, board: Dashboard) -> Times:
    api, page = f"/api/v1/dashboards/{board.slug}/", f"/dashboards/{board.slug}/"
    values = f"/api/v1/metrics/{KEY}/values/"
    tags = {url: client.get(url)["ETag"] for url in (api, values)}

    def by_tag(url: str, tag: str) -> Callable[[], Any]:
        return lambda: client.get(url, headers={"if-none-match": tag})

    plain, tagged = in_turn(
        [by_tag("/plain/", '"same"'), by_tag(values, tags[values])], 304, rounds=1_000
    )
    return {
        "plain view, 304": plain,
        "values, 304": tagged,
        "values, cold": milliseconds(lambda: client.get(values), 200),
        "board by API, 304": milliseconds(by_tag(api, tags[api]), 304),
        "board by API, cold": milliseconds(lambda: client.get(api), 200),
        "board, page": milliseconds(lambda: client.get(page), 200),
    }


@pytest.mark.benchmark
@pytest.mark.django_db(transaction=True)
@pytest.mark.urls("tests.benchmarks.test_boards")
def test_twelve_tiles_and_values(
    emptied: None, engine: str, capsys: pytest.CaptureFixture[str]
) -> None:
    use_case = make_use_case()
    charges, deployments = round(1_000_000 * scale()), round(100_000 * scale())
    with (
        registered_things() as things,
        catalogue(use_case, windows=13) as versions,
        time_machine.travel(NOW, tick=True),
    ):
        board = make_dashboard(use_case, [each for each in versions for _ in range(4)])
        approve(submit(board))
        _add_others(MetricValue.objects.latest("pk"))
        for case in [use_case, *(make_use_case() for _ in range(SCOPES - 1))]:
            fill_year(things, case)
        approve_standing(make_standing(use_case.owner))
        client = Client()
        client.force_login(make_user())
        before = _measured(client, board)
        started = time.perf_counter()
        fill_beside(charges=charges, deployments=deployments)
        seconds = time.perf_counter() - started
        after = _measured(client, board)
    with capsys.disabled():
        print(
            f"\n  {engine}: 12 tiles of 13 windows, {SCOPES * 10} values of a metric, {VALUES:,} "
            f"beside them; then {charges:,} cost lines and {deployments:,} deployments "
            f"(written in {seconds:,.0f} s)"
        )
        print(_table(before, after))
    assert after["board by API, cold"][0] > after["board by API, 304"][0]


def _table(before: Times, after: Times) -> str:
    plain = after["plain view, 304"][1]
    lines = [f"  {'':20}{'without p50':>12}{'p95':>7}{'with p50':>12}{'p95':>7}{'of plain':>10}"]
    for name, (middle, high) in after.items():
        first, second = before[name]
        lines.append(
            f"  {name:20}{first:12.1f}{second:7.1f}{middle:12.1f}{high:7.1f}{high / plain:9.1f} x"
        )
    tagged, board = after["values, 304"][1] / plain, after["board by API, cold"][1]
    grown = board / before["board by API, cold"][1]
    lines.append(f"  values by their tag: {tagged:.2f} x the plain view's 304 (2 x at most)")
    lines.append(f"  board, cold, with the rows against without: {grown:.2f} x (1.5 x at most)")
    return "\n".join(lines)
