"""Cursor pagination is complete, and stable while rows come in."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from rest_framework.test import APIClient

from portal.api.errors import Problem
from portal.api.pagination import UnstableOrderError, read_limit, read_page
from portal.models import Connection, ImportRun
from tests.plugins.sweeping import examples

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.portal.api.toy_urls")]
THINGS = "/api/v1/things/"


def make(name: str, number: int) -> int:
    found = Connection.objects.create(
        slug=f"c-{number}", name=name, source="toy", kind="costs", created_at=timezone.now()
    )
    return found.pk


def rows() -> Any:
    return Connection.objects.values("id", "name")


@pytest.mark.both_engines
class PagesTest(TestCase):
    """Names repeat, so that the unique key at the end has to decide."""

    @settings(max_examples=examples(10))
    @given(
        names=st.lists(st.sampled_from("abc"), max_size=12),
        limit=st.integers(1, 5),
        added=st.lists(st.tuples(st.integers(0, 12), st.sampled_from("abcz")), max_size=4),
        descending=st.booleans(),
    )
    def test_paging_shows_each_row_once_whatever_is_added_meanwhile(
        self, names: list[str], limit: int, added: list[tuple[int, str]], descending: bool
    ) -> None:
        ordering = ("-name", "id") if descending else ("name", "id")
        present = [make(name, number) for number, name in enumerate(names)]
        seen: list[int] = []
        cursor, step = None, 0
        while True:
            page = read_page(rows(), ordering=ordering, cursor=cursor, limit=limit)
            seen += [row["id"] for row in page.rows]
            for number, (when, name) in enumerate(added):
                if when == step:
                    make(name, 1000 + number)
            step += 1
            if page.next is None:
                break
            cursor = page.next
        assert len(seen) == len(set(seen))
        assert set(present) <= set(seen)
        order = list(rows().order_by(*ordering).values_list("id", flat=True))
        assert seen == [pk for pk in order if pk in set(seen)]

    @settings(max_examples=examples(8))
    @given(names=st.lists(st.sampled_from("abc"), min_size=1, max_size=12), limit=st.integers(1, 5))
    def test_going_back_shows_the_same_pages(self, names: list[str], limit: int) -> None:
        for number, name in enumerate(names):
            make(name, number)
        pages, cursor = [], None
        while True:
            page = read_page(rows(), ordering=("name", "id"), cursor=cursor, limit=limit)
            pages.append(page)
            if page.next is None:
                break
            cursor = page.next
        assert pages[0].previous is None
        for earlier, later in zip(pages[-2::-1], pages[:0:-1], strict=True):
            back = read_page(rows(), ordering=("name", "id"), cursor=later.previous, limit=limit)
            assert back.rows == earlier.rows
        assert (
            len(pages) == 1
            or read_page(
                rows(), ordering=("name", "id"), cursor=pages[1].previous, limit=limit
            ).previous
            is None
        )


def test_links_keep_the_other_parameters(api: APIClient) -> None:
    for number in range(3):
        make("n", number)
    first = api.get(THINGS, {"named": "n", "limit": "2"}).json()
    assert len(first["results"]) == 2
    assert first["previous"] is None
    assert "named=n" in first["next"]
    assert "limit=2" in first["next"]
    second = api.get(first["next"]).json()
    assert len(second["results"]) == 1
    assert second["next"] is None
    assert api.get(second["previous"]).json()["results"] == first["results"]


@pytest.mark.parametrize("limit", ["0", "501", "-1", "1.5", "x", "", "٣", "99999999999999999999"])
def test_a_bad_limit_is_a_problem(api: APIClient, limit: str) -> None:
    response = api.get(THINGS, {"limit": limit})
    assert response.status_code == 400
    assert "limit" in response.json()["errors"]


def test_limits_at_both_ends_are_taken() -> None:
    assert (read_limit("1"), read_limit("500"), read_limit(None)) == (1, 500, 100)


def forged(*parts: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def own_fingerprint() -> str:
    make("a", 1)
    make("b", 2)
    page = read_page(rows(), ordering=("name", "id"), cursor=None, limit=1)
    assert page.next is not None
    text = base64.urlsafe_b64decode(page.next + "=" * (-len(page.next) % 4))
    return str(json.loads(text)[0])


@pytest.mark.parametrize(
    "values",
    [["a"], ["a", 1, 2], ["a", "x"], ["a\0", 1], [None, 1], [[], 1], [True, 1], ["a", 2**70], "a1"],
)
def test_a_forged_cursor_is_a_problem(api: APIClient, values: Any) -> None:
    response = api.get(THINGS, {"cursor": forged(own_fingerprint(), "f", values)})
    assert response.status_code == 400
    assert response.json()["errors"]["cursor"][0]["code"] == "bad_cursor"


@pytest.mark.parametrize("cursor", ["", "x", "é", "e30", "W10", "bnVsbA", "A" * 3000])
def test_a_cursor_that_is_none_is_a_problem(api: APIClient, cursor: str) -> None:
    assert api.get(THINGS, {"cursor": cursor}).status_code == 400


@given(st.text(max_size=60))
def test_no_text_makes_a_cursor_fail_otherwise(text: str) -> None:
    with pytest.raises(Problem) as caught:
        read_page(rows(), ordering=("name", "id"), cursor=text, limit=1)
    assert caught.value.kind.status == 400


def test_a_cursor_of_another_order_is_refused() -> None:
    make("a", 1)
    make("b", 2)
    page = read_page(rows(), ordering=("name", "id"), cursor=None, limit=1)
    with pytest.raises(Problem):
        read_page(rows(), ordering=("-name", "id"), cursor=page.next, limit=1)


@pytest.mark.parametrize("ordering", [(), ("name",), ("nothing", "id"), ("id", "name")])
def test_an_order_that_could_lose_rows_is_a_mistake(ordering: tuple[str, ...]) -> None:
    with pytest.raises(UnstableOrderError):
        read_page(rows(), ordering=ordering, cursor=None, limit=1)


def test_an_order_by_a_nullable_field_is_a_mistake() -> None:
    with pytest.raises(UnstableOrderError):
        read_page(
            ImportRun.objects.values("id", "finished_at"),
            ordering=("finished_at", "id"),
            cursor=None,
            limit=1,
        )
