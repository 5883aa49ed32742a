"""What the pages of the registry show."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.http import HttpRequest
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.html import escape

from adoption.metrics.registry import NANO, Measured
from adoption.models import UseCase
from adoption.services.milestones import measure_milestones
from portal.models import User
from portal.shell.panels import ObjectPanel, object_panels
from tests.adoption.factories import (
    NOW,
    FakeMetric,
    make_milestone,
    make_programme,
    make_team,
    make_use_case,
    make_user,
)
from tests.adoption.views.reading import html_of
from tests.plugins.sweeping import sampled

pytestmark = pytest.mark.django_db


def test_the_page_says_where_a_milestone_stands_and_links_every_number(
    as_lead: Client, things: FakeMetric
) -> None:
    use_case = make_use_case(hypothesis="If A, then B.", stop_rule="When C.")
    make_milestone(use_case, title="Two things", threshold_nano=2 * NANO)
    make_milestone(use_case, title="Unmeasured", metric_key="things", threshold_nano=4 * NANO)
    things.set(use_case, 2, 5, 9)
    measure_milestones(use_case_ids=[use_case.pk], at=NOW)
    page = html_of(as_lead, reverse("use-case", args=[use_case.slug]))
    for text in ("If A, then B.", "When C.", "Two things", "reached on 5 Oct 2026", "at least 2"):
        assert text in page
    assert reverse("metric", args=["things"]) in page
    assert reverse("metric-of-use-case", args=["things", use_case.slug]) in page


def test_an_unknown_value_has_its_reason_and_is_never_nought(
    as_lead: Client, things: FakeMetric
) -> None:
    use_case = make_use_case()
    make_milestone(use_case)
    things.values[use_case.pk] = Measured(nano=None, as_of=NOW, reason="no_repository_linked")
    measure_milestones(use_case_ids=[use_case.pk], at=NOW)
    page = html_of(as_lead, reverse("use-case", args=[use_case.slug]))
    assert "no repository linked" in page
    lineage = html_of(as_lead, reverse("metric-of-use-case", args=["things", use_case.slug]))
    assert "no repository linked" in lineage


def test_a_restated_milestone_says_so(as_lead: Client, things: FakeMetric) -> None:
    use_case = make_use_case()
    make_milestone(use_case)
    for days in ((2, 5), (2,)):
        things.set(use_case, *days)
        measure_milestones(use_case_ids=[use_case.pk], at=NOW)
    page = html_of(as_lead, reverse("use-case", args=[use_case.slug]))
    assert "what was counted was withdrawn" in page
    assert "Milestone restated" in page


def test_a_use_case_without_anything_says_what_comes_next(as_lead: Client) -> None:
    use_case = make_use_case(hypothesis="")
    page = html_of(as_lead, reverse("use-case", args=[use_case.slug]))
    assert "No hypothesis is written down yet" in page
    assert "No milestone is promised yet" in page
    stranger = Client()
    stranger.force_login(make_user())
    page = html_of(stranger, reverse("use-case", args=[use_case.slug]))
    assert escape(str(use_case.owner)) in page
    assert reverse("milestone-new", args=[use_case.slug]) not in page


def test_other_rooms_add_panels_to_the_page(as_lead: Client) -> None:
    use_case = make_use_case()

    def context(request: HttpRequest, obj: UseCase) -> dict[str, Any]:
        return {"page_title": f"Panel of {obj.slug}"}

    panel = ObjectPanel(
        "test.panel", "use_case", 10, "components/_breadcrumbs.html", context, "Test"
    )
    object_panels.register(panel)
    try:
        page = html_of(as_lead, reverse("use-case", args=[use_case.slug]))
    finally:
        object_panels._items.pop(panel.key)
    assert '<section class="panel panel-lent" id="test-panel">' in page


def test_what_people_write_is_shown_as_text(as_lead: Client) -> None:
    text = '<script>alert("x")</script>'
    use_case = make_use_case(title=text, hypothesis=text, stop_rule=text, problem=text)
    for url in (reverse("use-case", args=[use_case.slug]), reverse("portfolio"), reverse("home")):
        assert "<script>alert" not in html_of(as_lead, url)


@pytest.mark.parametrize("sizes", sampled([(2, 10), (5, 45)], (2, 10)), ids=str)
def test_pages_cost_the_same_queries_whatever_the_number_of_use_cases(
    as_lead: Client, things: FakeMetric, lead: User, sizes: tuple[int, int]
) -> None:
    programme, team = make_programme(), make_team()

    def queries(url: str) -> int:
        html_of(as_lead, url)  # what is cached is cached
        with CaptureQueriesContext(connection) as found:
            html_of(as_lead, url)
        return len(found)

    counts = []
    for size in sizes:
        for _ in range(size):
            use_case = make_use_case(programme=programme, team=team, owner=lead)
            for _ in range(size // sizes[0]):
                make_milestone(use_case, threshold_nano=5 * NANO)
            things.set(use_case, 1, 2)
        measure_milestones(use_case_ids=UseCase.objects.values_list("pk", flat=True), at=NOW)
        urls = (
            reverse("portfolio"),
            f"{reverse('portfolio')}?group=team&team={team.slug}",
            reverse("use-case", args=[UseCase.objects.order_by("-pk")[0].slug]),
            reverse("programme-list"),
            reverse("programme", args=[programme.slug]),
            reverse("team-list"),
            reverse("team", args=[team.slug]),
            reverse("home"),
        )
        counts.append([queries(url) for url in urls])
    assert counts[0] == counts[1]
    assert max(counts[1]) <= 30  # the home page: eleven panels of three rooms


def test_home_tells_an_owner_and_a_lead_what_waits(as_lead: Client, things: FakeMetric) -> None:
    use_case = make_use_case(title="Invoice OCR")
    make_milestone(use_case, title="Two things", due_on=dt.date(2026, 11, 1))
    measure_milestones(use_case_ids=[use_case.pk], at=NOW)
    owner, stranger = Client(), Client()
    owner.force_login(use_case.owner)
    stranger.force_login(make_user())
    assert "My use cases" in html_of(owner, "/")
    page = html_of(as_lead, "/")
    assert "Milestones missed" in page
    assert "Proposals waiting" in page
    assert "My use cases" not in page
    assert "Invoice OCR" not in html_of(stranger, "/")


def test_an_empty_portal_says_what_comes_first_and_who_does_it(as_lead: Client) -> None:
    stranger = Client()
    stranger.force_login(make_user())
    page = html_of(as_lead, "/")
    assert "First steps" in page
    assert reverse("programme-new") in page
    assert reverse("connection-list") in page
    page = html_of(stranger, "/")
    assert "a programme lead or administrator does this" in page
    assert f'href="{reverse("programme-new")}"' not in page
    make_programme()
    assert f'href="{reverse("programme-new")}"' not in html_of(as_lead, "/")
    make_use_case()
    assert "First steps" not in html_of(as_lead, "/")


def test_a_dashboard_without_anything_to_serve_leads_to_the_portfolio(as_lead: Client) -> None:
    page = html_of(as_lead, reverse("dashboard-new"))
    assert "No milestone is promised yet" in page
    assert "Go on to the tiles" not in page
