"""A dashboard of twelve tiles: cold, and asked again by its tag. Ratios are printed.

`PLUMBLINE_BENCH_VALUES` sets how many values of other scopes lie beside (default 2,000): what is
read must not grow with them.
"""

# ruff: noqa: T201 - a benchmark prints what it measured

from __future__ import annotations

import os

import pytest
import time_machine
from django.test import Client

from adoption.models import MetricValue
from tests.adoption.factories import NOW, make_use_case, make_user
from tests.adoption.served import catalogue, make_dashboard, submit
from tests.approving import approve
from tests.benchmarks.test_api import milliseconds

VALUES = int(os.environ.get("PLUMBLINE_BENCH_VALUES", "2000"))


def _add_others(one: MetricValue) -> None:
    """The same value of many other scopes."""
    fields = [field.attname for field in MetricValue._meta.concrete_fields if field.name != "id"]
    known = {name: getattr(one, name) for name in fields}
    others = (MetricValue(**known | {"scope_id": 10_000_000 + place}) for place in range(VALUES))
    MetricValue.objects.bulk_create(others, batch_size=1000)


@pytest.mark.benchmark
@pytest.mark.django_db
def test_twelve_tiles(capsys: pytest.CaptureFixture[str]) -> None:
    use_case = make_use_case()
    with catalogue(use_case, windows=13) as versions, time_machine.travel(NOW, tick=True):
        board = make_dashboard(use_case, [each for each in versions for _ in range(4)])
        approve(submit(board))
        _add_others(MetricValue.objects.latest("pk"))
        client = Client()
        client.force_login(make_user())
        api, page = f"/api/v1/dashboards/{board.slug}/", f"/dashboards/{board.slug}/"
        tag = client.get(api)["ETag"]
        found = {
            "page": milliseconds(lambda: client.get(page), 200),
            "API, cold": milliseconds(lambda: client.get(api), 200),
            "API, by its tag": milliseconds(
                lambda: client.get(api, headers={"if-none-match": tag}), 304
            ),
        }
    ratio = found["API, cold"][0] / found["API, by its tag"][0]
    with capsys.disabled():
        print(f"\n  12 tiles of 13 windows, {VALUES:,} values beside them")
        for name, (middle, high) in found.items():
            print(f"  {name:16} p50 {middle:6.1f} ms  p95 {high:6.1f} ms")
        print(f"  cold against asked by its tag: {ratio:.1f} x")
    assert ratio > 1
