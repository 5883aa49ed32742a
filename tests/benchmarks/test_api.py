"""How long API answers take, in one process and without a network: p50 and p95, printed."""

# ruff: noqa: T201 - a benchmark prints what it measured

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from django.views.decorators.http import etag

from adoption.models import UseCase
from portal.urls import handler404, handler500
from portal.urls import urlpatterns as house
from tests.adoption.factories import NOW, make_use_case

__all__ = ["handler404", "handler500"]

ROUNDS = 200
LIST = "/api/v1/use-cases/?limit=100"


@etag(lambda request: '"same"')
def plain(request: HttpRequest) -> HttpResponse:
    """A plain view that knows its person, as every page does."""
    return HttpResponse(request.user.get_username())


urlpatterns = [path("plain/", plain), *house]


def milliseconds(ask: Callable[[], Any], status: int) -> tuple[float, float]:
    """p50 and p95 of `ask`."""
    return in_turn([ask], status)[0]


def in_turn(
    asks: Sequence[Callable[[], Any]], status: int, *, rounds: int = 0
) -> list[tuple[float, float]]:
    """p50 and p95 of each, asked one after the other: what disturbs the machine disturbs all."""
    rounds = rounds or ROUNDS
    times: list[list[float]] = [[] for _ in asks]
    for _ in range(rounds):
        for ask, mine in zip(asks, times, strict=True):
            started = time.perf_counter()
            response = ask()
            mine.append((time.perf_counter() - started) * 1000)
            assert response.status_code == status
    return [(each[rounds // 2], each[rounds * 95 // 100]) for each in map(sorted, times)]


@pytest.mark.benchmark
@pytest.mark.django_db
@pytest.mark.urls("tests.benchmarks.test_api")
def test_api_answers(capsys: pytest.CaptureFixture[str]) -> None:
    first = make_use_case()
    UseCase.objects.bulk_create(
        UseCase(
            slug=f"use-case-of-many-{number}",
            title=f"Use case of many {number:04}",
            programme=first.programme,
            team=first.team,
            owner=first.owner,
            value_type="quality",
            stage_since=NOW.date(),
            created_by=first.owner,
            created_at=NOW,
            updated_at=NOW,
        )
        for number in range(500)
    )
    client = Client()
    client.force_login(first.owner)
    tag = client.get(LIST)["ETag"]
    found = {
        "list of 100": milliseconds(lambda: client.get(LIST), 200),
        "the same, 304": milliseconds(
            lambda: client.get(LIST, headers={"if-none-match": tag}), 304
        ),
        "plain view, 304": milliseconds(
            lambda: client.get("/plain/", headers={"if-none-match": '"same"'}), 304
        ),
    }
    ratio = found["the same, 304"][1] / found["plain view, 304"][1]
    with capsys.disabled():
        print()
        for name, (middle, high) in found.items():
            print(f"  {name:16} p50 {middle:6.1f} ms  p95 {high:6.1f} ms")
        print(f"  304 of the list against a plain view's: {ratio:.1f} x (target 2)")
