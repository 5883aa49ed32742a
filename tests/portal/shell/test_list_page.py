"""A list page: page, fragment and export from one address; filters; empty states."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from portal.models import User
from portal.shell.banners import banners
from portal.shell.freshness import freshness_sources
from tests.portal.shell.gallery.pages import GalleryList

pytestmark = pytest.mark.usefixtures("gallery")
HTMX = {"HX-Request": "true"}


def read(response: Any) -> list[list[str]]:
    text = b"".join(response.streaming_content).decode()
    return list(csv.reader(io.StringIO(text)))


def test_one_address_answers_with_the_page_or_with_the_fragment(ada_client: Client) -> None:
    page = ada_client.get("/gallery/list/")
    fragment = ada_client.get("/gallery/list/", headers=HTMX)
    assert b"<html" in page.content
    assert b"<html" not in fragment.content
    assert fragment.content.strip().startswith(b'<div id="results"')
    assert fragment.content.strip() in page.content
    for response in (page, fragment):
        assert "HX-Request" in response.headers["Vary"]
        assert response.headers["Cache-Control"] == "private, no-cache"


def test_a_choice_in_force_is_said_in_its_words(
    ada_client: Client, make_people: Callable[[int], list[User]]
) -> None:
    make_people(2)
    page = ada_client.get("/gallery/people/?is_active=1").content.decode()
    assert "State: <strong>Active</strong>" in page


@pytest.mark.parametrize("header", ["HX-Boosted", "HX-History-Restore-Request"])
def test_htmx_gets_the_whole_page_when_it_restores_or_boosts(
    ada_client: Client, header: str
) -> None:
    response = ada_client.get("/gallery/list/", headers={**HTMX, header: "true"})
    assert b"<html" in response.content


def test_a_page_of_25_rows_is_small(ada_client: Client) -> None:
    assert len(ada_client.get("/gallery/list/").content) < 35_000


def test_a_page_with_all_its_files_is_below_100_kibibytes(ada_client: Client) -> None:
    packed = {"Accept-Encoding": "gzip"}
    page = ada_client.get("/gallery/list/", headers=packed)
    html = ada_client.get("/gallery/list/").content.decode()
    files = re.findall(r'(?:href|src)="(/static/[^"]+)"', html)
    assert len(files) == 5
    sizes = {"page": len(page.content)}
    for name in files:
        response = ada_client.get(name, headers=packed)
        sizes[name] = len(response.getvalue())
    assert sum(sizes.values()) < 100 * 1024, sizes


@pytest.mark.parametrize("count", [3, 90])
def test_the_number_of_queries_does_not_depend_on_the_rows(
    ada_client: Client,
    make_people: Callable[[int], list[User]],
    django_assert_max_num_queries: Any,
    count: int,
) -> None:
    make_people(count)
    # One for each room's footer and each banner.
    most = 5 + len(list(freshness_sources)) + len(list(banners))
    with django_assert_max_num_queries(most):
        assert ada_client.get("/gallery/people/").status_code == 200


def test_filters_narrow_page_and_export_alike_and_can_be_taken_off_one_by_one(
    ada_client: Client, make_people: Callable[[int], list[User]]
) -> None:
    make_people(40)
    query = "q=person+3&is_active=1&sort=-username"
    html = ada_client.get(f"/gallery/people/?{query}").content.decode()
    assert "1–5 of 5 people" in html  # Person 3, 30, 33, 36, 39
    assert "State: <strong>Active</strong>" in html
    assert 'href="/gallery/people/?q=person+3&amp;sort=-username"' in html
    rows = read(ada_client.get(f"/gallery/people/?{query}&export=csv"))
    assert [row[0] for row in rows] == ["User name", "p039", "p036", "p033", "p030", "p003"]


def test_a_filter_that_cannot_be_read_shows_its_error_and_no_rows(ada_client: Client) -> None:
    response = ada_client.get("/gallery/people/?joined=2026-13")
    html = response.content.decode()
    assert "expected YYYY-MM" in html
    assert "No people" in html
    assert ada_client.get("/gallery/people/?joined=2026-13&export=csv").status_code == 400


def test_months_are_cut_in_the_declared_zone(
    ada_client: Client, make_people: Callable[[int], list[User]]
) -> None:
    (person,) = make_people(1)
    # 31 May in UTC, but already 1 June in Lisbon.
    moment = dt.datetime(2026, 5, 31, 23, 30, tzinfo=dt.UTC)
    User.objects.filter(pk=person.pk).update(date_joined=moment)
    june = read(ada_client.get("/gallery/people/?joined=2026-06&export=csv"))
    may = read(ada_client.get("/gallery/people/?joined=2026-05&export=csv"))
    assert [len(june), len(may)] == [2, 1]


def test_an_empty_list_says_what_to_do_next(ada_client: Client) -> None:
    html = ada_client.get("/gallery/list/?n=0").content.decode()
    assert "No use case yet" in html
    assert "Register the first one." in html
    assert "Export as CSV" not in html


def test_a_filter_that_matches_nothing_offers_to_clear_it(ada_client: Client) -> None:
    html = ada_client.get("/gallery/people/?q=nobody").content.decode()
    assert "Nothing matches these filters" in html
    assert 'href="/gallery/people/">Clear the filters' in html


def test_an_export_escapes_formulas(ada_client: Client) -> None:
    rows = read(ada_client.get("/gallery/list/?export=csv"))
    assert len(rows) == 121
    assert rows[1][0] == "'=SUM(A1:A9)"


def test_a_list_is_not_open_without_sign_in(client: Client, db: None) -> None:
    response = client.get("/gallery/list/?q=x")
    assert response.status_code == 302
    assert response.headers["Location"] == "/sign-in/?next=/gallery/list/%3Fq%3Dx"


def test_a_signed_out_fragment_request_leaves_for_the_sign_in_page(
    client: Client, db: None
) -> None:
    headers = {**HTMX, "HX-Current-URL": "http://testserver/gallery/list/?sort=-cost"}
    response = client.get("/gallery/list/?sort=cost", headers=headers)
    assert response.status_code == 204
    assert response.headers["HX-Redirect"] == "/sign-in/?next=/gallery/list/%3Fsort%3D-cost"


def test_who_may_not_see_a_list_is_refused(
    ada_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(GalleryList, "allows", lambda self, user: False)
    for query in ("", "?export=csv"):
        assert ada_client.get(f"/gallery/list/{query}").status_code == 403


def test_a_list_answers_to_reading_only(ada_client: Client) -> None:
    assert ada_client.post("/gallery/list/").status_code == 405
