"""What the registry's pages show and do."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.http import HttpRequest
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.html import escape

from adoption.choices import Stage
from adoption.metrics.registry import NANO, Measured
from adoption.models import Milestone, Programme, Team, UseCase
from adoption.selectors.portfolio import PortfolioColumn, portfolio_columns
from adoption.services.milestones import measure_milestones
from adoption.services.use_cases import update_use_case
from portal.choices import Role
from portal.models import ApprovalRequest, User
from portal.shell.figures import Figure
from portal.shell.panels import ObjectPanel, object_panels
from portal.shell.statuses import FigureStatus
from tests.adoption.factories import (
    NOW,
    FakeMetric,
    make_milestone,
    make_programme,
    make_team,
    make_use_case,
    make_user,
    open_gates,
    registered_metric,
)
from tests.approving import approve

pytestmark = pytest.mark.django_db


@pytest.fixture
def things() -> Iterator[FakeMetric]:
    with registered_metric() as fake:
        yield fake


@pytest.fixture
def lead() -> User:
    return make_user(Role.PROGRAMME_LEAD, name="Lea Lead")


@pytest.fixture
def as_lead(lead: User) -> Client:
    client = Client()
    client.force_login(lead)
    return client


def _html(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


def _rows(client: Client, url: str) -> list[dict[str, str]]:
    answer: Any = client.get(url)
    text = b"".join(answer.streaming_content).decode()
    return list(csv.DictReader(io.StringIO(text)))


# --- Portfolio --------------------------------------------------------------------------------


def test_an_empty_portfolio_says_what_to_do_next(as_lead: Client) -> None:
    page = _html(as_lead, reverse("portfolio"))
    assert "No use case has been registered yet" in page
    assert reverse("use-case-new") in page


def test_the_portfolio_filters_groups_and_sorts_by_the_address(
    as_lead: Client, things: FakeMetric
) -> None:
    top = make_team("Finance")
    low = make_team("Payables", top)
    first = make_use_case(title="Alpha", team=low, value_type="risk")
    second = make_use_case(title="Beta", team=top, stop_rule="x")
    third = make_use_case(title="Gamma")
    UseCase.objects.filter(pk=third.pk).update(stage=Stage.STOPPED)
    make_milestone(second, due_on=dt.date(2026, 12, 1))

    def titles(query: str) -> list[str]:
        return [row["Use case"] for row in _rows(as_lead, f"/portfolio/?export=csv&{query}")]

    assert titles("sort=title") == ["Alpha", "Beta", "Gamma"]
    assert titles("sort=-title") == ["Gamma", "Beta", "Alpha"]
    assert titles("")[0] == "Beta"  # due first
    assert titles("sort=-stage")[0] == "Gamma"
    assert titles(f"team={top.slug}&sort=title") == ["Alpha", "Beta"]
    assert titles(f"programme={first.programme.slug}") == ["Alpha"]
    assert titles("stage=active&sort=title") == ["Alpha", "Beta"]
    assert titles("stage=ended") == ["Gamma"]
    assert titles("value_type=risk") == ["Alpha"]
    assert titles("q=bet") == ["Beta"]
    assert titles("group=stage&sort=-title") == ["Beta", "Alpha", "Gamma"]
    page = _html(as_lead, "/portfolio/?group=team")
    assert page.count('class="group-row"') == 3
    assert _html(as_lead, "/portfolio/?group=owner").count('class="group-row"') == 0


def test_the_export_names_every_fact_and_survives_a_formula_as_title(
    as_lead: Client, things: FakeMetric
) -> None:
    use_case = make_use_case(title="=1+1")
    make_milestone(use_case, title="Two things", due_on=dt.date(2026, 12, 1))
    [row] = _rows(as_lead, "/portfolio/?export=csv")
    assert row["Use case"] == "'=1+1"
    assert (row["Next milestone"], row["Next milestone due"]) == ("Two things", "2026-12-01")
    assert (row["Milestones"], row["Milestones reached"]) == ("1", "0")
    assert row["Next milestone measured"] == row["With evidence"] == ""


def test_a_column_of_another_room_is_shown_and_exported(as_lead: Client) -> None:
    known, _ = make_use_case(title="Known"), make_use_case(title="Unknown")

    def values(_ids: Any) -> dict[int, Figure]:
        figure = Figure.money("Cost", 5 * NANO, "USD", status=FigureStatus.FINAL, basis="Metered")
        return {known.pk: figure}

    column = PortfolioColumn("test.cost", "Cost to date", 10, values, missing="nothing allocated")
    portfolio_columns.register(column)
    try:
        page = _html(as_lead, "/portfolio/?sort=title")
        rows = _rows(as_lead, "/portfolio/?export=csv&sort=title")
    finally:
        portfolio_columns._items.pop(column.key)
    assert "Cost to date" in page
    assert "nothing allocated" in page
    assert [row["Cost to date"] for row in rows] == ["5", ""]
    assert [row["Cost to date (unit)"] for row in rows] == ["USD", ""]


def test_pages_cost_the_same_queries_whatever_the_number_of_use_cases(
    as_lead: Client, things: FakeMetric, lead: User
) -> None:
    programme, team = make_programme(), make_team()

    def queries(url: str) -> int:
        _html(as_lead, url)  # what is cached is cached
        with CaptureQueriesContext(connection) as found:
            _html(as_lead, url)
        return len(found)

    counts = []
    for size in (5, 45):
        for _ in range(size):
            use_case = make_use_case(programme=programme, team=team, owner=lead)
            for _ in range(size // 5):
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


# --- One use case -----------------------------------------------------------------------------


def test_the_page_says_where_a_milestone_stands_and_links_every_number(
    as_lead: Client, things: FakeMetric
) -> None:
    use_case = make_use_case(hypothesis="If A, then B.", stop_rule="When C.")
    make_milestone(use_case, title="Two things", threshold_nano=2 * NANO)
    make_milestone(use_case, title="Unmeasured", metric_key="things", threshold_nano=4 * NANO)
    things.set(use_case, 2, 5, 9)
    measure_milestones(use_case_ids=[use_case.pk], at=NOW)
    page = _html(as_lead, reverse("use-case", args=[use_case.slug]))
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
    page = _html(as_lead, reverse("use-case", args=[use_case.slug]))
    assert "no repository linked" in page
    lineage = _html(as_lead, reverse("metric-of-use-case", args=["things", use_case.slug]))
    assert "no repository linked" in lineage


def test_a_restated_milestone_says_so(as_lead: Client, things: FakeMetric) -> None:
    use_case = make_use_case()
    make_milestone(use_case)
    for days in ((2, 5), (2,)):
        things.set(use_case, *days)
        measure_milestones(use_case_ids=[use_case.pk], at=NOW)
    page = _html(as_lead, reverse("use-case", args=[use_case.slug]))
    assert "what was counted was withdrawn" in page
    assert "Milestone restated" in page


def test_a_use_case_without_anything_says_what_comes_next(as_lead: Client) -> None:
    use_case = make_use_case(hypothesis="")
    page = _html(as_lead, reverse("use-case", args=[use_case.slug]))
    assert "No hypothesis is written down yet" in page
    assert "No milestone is promised yet" in page
    stranger = Client()
    stranger.force_login(make_user())
    page = _html(stranger, reverse("use-case", args=[use_case.slug]))
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
        page = _html(as_lead, reverse("use-case", args=[use_case.slug]))
    finally:
        object_panels._items.pop(panel.key)
    assert '<section class="panel panel-lent" id="test-panel">' in page


def test_what_people_write_is_shown_as_text(as_lead: Client) -> None:
    text = '<script>alert("x")</script>'
    use_case = make_use_case(title=text, hypothesis=text, stop_rule=text, problem=text)
    for url in (reverse("use-case", args=[use_case.slug]), reverse("portfolio"), reverse("home")):
        assert "<script>alert" not in _html(as_lead, url)


# --- Forms ------------------------------------------------------------------------------------


def _use_case_values(**fields: Any) -> dict[str, Any]:
    values = {
        "title": "Invoice OCR",
        "programme": Programme.objects.get().pk,
        "team": Team.objects.get().pk,
        "owner": User.objects.order_by("pk")[0].pk,
        "problem": "Slow.",
        "hypothesis": "If, then.",
        "value_type": "quality",
        "risk_tier": "minimal",
        "stop_rule": "",
    }
    return values | fields


def test_a_use_case_is_registered_and_edited_in_the_browser(as_lead: Client) -> None:
    make_programme()
    make_team()
    answer = as_lead.post(reverse("use-case-new"), _use_case_values())
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/use-cases/invoice-ocr/register/benefit/"
    edit = reverse("use-case-edit", args=["invoice-ocr"])
    values = _use_case_values(title="Invoices", expected_version=1)
    assert as_lead.post(edit, values).status_code == 302
    assert UseCase.objects.get().title == "Invoices"


def test_a_stale_edit_is_answered_with_409_and_keeps_what_was_typed(as_lead: Client) -> None:
    use_case = make_use_case()
    update_use_case(
        use_case_id=use_case.pk, expected_version=1, actor=use_case.owner, at=NOW, problem="Theirs"
    )
    edit = reverse("use-case-edit", args=[use_case.slug])
    answer = as_lead.post(edit, _use_case_values(problem="Mine", expected_version=1))
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "Somebody else changed this use case" in page
    assert "Mine" in page
    assert f'href="{edit}"' in page
    use_case.refresh_from_db()
    assert use_case.problem == "Theirs"


def test_near_duplicates_appear_while_typing(as_lead: Client) -> None:
    use_case = make_use_case(title="Invoice OCR with human check")
    found = as_lead.get(
        reverse("use-case-similar"), {"title": "invoice ocr"}, headers={"HX-Request": "true"}
    ).content.decode()
    assert use_case.title in found
    assert "<html" not in found
    nothing = as_lead.get(reverse("use-case-similar"), {"title": "Something else"})
    assert b"Is it one of these" not in nothing.content


def test_a_refused_stage_keeps_the_form_and_says_why(as_lead: Client) -> None:
    use_case = make_use_case()
    url = reverse("use-case-stage", args=[use_case.slug])
    answer = as_lead.post(url, {"to_stage": "stopped", "reason": "", "expected_version": 1})
    assert "needs a reason" in answer.content.decode()
    answer = as_lead.post(url, {"to_stage": "validated", "reason": "", "expected_version": 1})
    assert answer.status_code == 200
    with open_gates():
        answer = as_lead.post(url, {"to_stage": "approved", "reason": "", "expected_version": 1})
        assert answer.status_code == 302
        use_case.refresh_from_db()
        assert use_case.stage == Stage.PROPOSED
        approve(ApprovalRequest.objects.get(subject=use_case.pk))
    use_case.refresh_from_db()
    assert use_case.stage == Stage.APPROVED


def test_an_owner_asks_for_a_stage_and_can_stop_alone(things: FakeMetric) -> None:
    use_case = make_use_case()
    client = Client()
    client.force_login(use_case.owner)
    url = reverse("use-case-stage", args=[use_case.slug])
    values = {"reason": "Learnt enough.", "expected_version": 1}
    with open_gates():
        assert client.post(url, {**values, "to_stage": "approved"}).status_code == 302
    use_case.refresh_from_db()
    assert use_case.stage == Stage.PROPOSED
    assert f"{use_case.owner} has asked" in _html(client, url)
    assert client.post(url, {**values, "to_stage": "stopped"}).status_code == 302
    use_case.refresh_from_db()
    assert use_case.stage == Stage.STOPPED
    page = client.get(reverse("use-case", args=[use_case.slug])).content.decode()
    assert "It has ended; nothing can be added." in page
    assert reverse("milestone-new", args=[use_case.slug]) not in page
    assert "This stage is final" in _html(client, url)


def _milestone_values(**fields: Any) -> dict[str, Any]:
    values = {
        "title": "Two things",
        "metric_key": "things",
        "comparator": "gte",
        "threshold": "2",
        "due_on": "2026-12-31",
    }
    return values | fields


def test_a_milestone_is_promised_changed_and_withdrawn(as_lead: Client, things: FakeMetric) -> None:
    use_case = make_use_case()
    new = reverse("milestone-new", args=[use_case.slug])
    assert "at least" in _html(as_lead, new)
    assert as_lead.post(new, _milestone_values()).status_code == 302
    milestone = Milestone.objects.get()
    assert milestone.threshold_nano == 2 * NANO
    edit = reverse("milestone-edit", args=[use_case.slug, milestone.pk])
    values = _milestone_values(threshold="3", expected_version=1)
    assert as_lead.post(edit, values).status_code == 302
    assert as_lead.post(edit, values).status_code == 409
    remove = reverse("milestone-remove", args=[use_case.slug, milestone.pk])
    assert as_lead.post(remove, {"reason": "No.", "expected_version": 2}).status_code == 302
    page = _html(as_lead, reverse("use-case", args=[use_case.slug]))
    for word in ("added", "changed", "removed"):
        assert f"Milestone {word}" in page


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"threshold": "0"}, "choose a target that can be missed"),
        ({"threshold": "2.5"}, "whole"),
        ({"threshold": "0.00000000001"}, "more digits"),
        ({"threshold": "1e30"}, "too large"),
        ({"due_on": "2031-01-01"}, "choose a day within"),
        ({"metric_key": "tokens"}, "not one of the available choices"),
    ],
)
def test_a_bad_promise_comes_back_with_the_reason_beside_its_field(
    as_lead: Client, things: FakeMetric, fields: dict[str, Any], text: str
) -> None:
    use_case = make_use_case()
    new = reverse("milestone-new", args=[use_case.slug])
    answer = as_lead.post(new, _milestone_values(**fields))
    assert answer.status_code == 200
    assert text in answer.content.decode()
    assert not Milestone.objects.exists()


def test_a_share_is_typed_as_a_percentage_and_money_gets_the_programmes_currency(
    as_lead: Client,
) -> None:
    use_case = make_use_case()
    new = reverse("milestone-new", args=[use_case.slug])
    with registered_metric("s", unit="share"), registered_metric("m", unit="money"):
        as_lead.post(new, _milestone_values(metric_key="s", threshold="80.5"))
        as_lead.post(new, _milestone_values(metric_key="m", threshold="40", comparator="lt"))
        share, money = Milestone.objects.order_by("pk")
        assert (share.threshold_nano, share.currency) == (805_000_000, "")
        assert (money.threshold_nano, money.currency) == (40 * NANO, "USD")
        edit = reverse("milestone-edit", args=[use_case.slug, share.pk])
        assert 'value="80.5"' in _html(as_lead, edit)


def test_programmes_teams_and_memberships_are_made_in_the_browser(
    as_lead: Client, lead: User
) -> None:
    values = {
        "name": "AI for operations",
        "owner": lead.pk,
        "starts_on": "2026-01-01",
        "ends_on": "",
        "currency": "usd",
        "time_zone": "Europe/Madrid",
        "fiscal_year_start_month": "4",
    }
    answer = as_lead.post(reverse("programme-new"), values)
    assert answer.headers["Location"] == "/programmes/ai-for-operations/"
    assert Programme.objects.get().currency == "USD"
    edit = reverse("programme-edit", args=["ai-for-operations"])
    assert as_lead.post(edit, {**values, "ends_on": "2025-01-01"}).status_code == 200
    assert as_lead.post(edit, {**values, "ends_on": "2027-01-01"}).status_code == 302

    assert as_lead.post(reverse("team-new"), {"name": "Finance", "parent": ""}).status_code == 302
    team = Team.objects.get()
    assert (
        as_lead.post(
            reverse("team-edit", args=[team.slug]), {"name": "Fin", "parent": team.pk}
        ).status_code
        == 200
    )
    member = {"user": lead.pk, "starts_on": "2026-01-01", "ends_on": ""}
    add = reverse("membership-new", args=[team.slug])
    assert as_lead.post(add, member).status_code == 302
    assert "already" in as_lead.post(add, member).content.decode()
    end = reverse("membership-end", args=[team.slug, team.memberships.get().pk])
    assert as_lead.post(end, {"ends_on": "2026-01-01"}).status_code == 200
    assert as_lead.post(end, {"ends_on": "2026-02-01"}).status_code == 302


# --- Home -------------------------------------------------------------------------------------


def test_home_tells_an_owner_and_a_lead_what_waits(as_lead: Client, things: FakeMetric) -> None:
    use_case = make_use_case(title="Invoice OCR")
    make_milestone(use_case, title="Two things", due_on=dt.date(2026, 11, 1))
    measure_milestones(use_case_ids=[use_case.pk], at=NOW)
    owner, stranger = Client(), Client()
    owner.force_login(use_case.owner)
    stranger.force_login(make_user())
    assert "My use cases" in _html(owner, "/")
    page = _html(as_lead, "/")
    assert "Milestones missed" in page
    assert "Proposals waiting" in page
    assert "My use cases" not in page
    assert "Invoice OCR" not in _html(stranger, "/")
