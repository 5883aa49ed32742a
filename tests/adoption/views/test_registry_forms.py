"""What the forms of the registry do and refuse."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from adoption.choices import Stage
from adoption.metrics.registry import NANO
from adoption.models import Milestone, Programme, Team, UseCase
from adoption.services.use_cases import update_use_case
from portal.models import ApprovalRequest, User
from tests.adoption.factories import (
    NOW,
    FakeMetric,
    make_programme,
    make_team,
    make_use_case,
    open_gates,
    registered_metric,
)
from tests.adoption.views.reading import html_of
from tests.approving import approve

pytestmark = pytest.mark.django_db


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
    assert f"{use_case.owner} has asked" in html_of(client, url)
    assert client.post(url, {**values, "to_stage": "stopped"}).status_code == 302
    use_case.refresh_from_db()
    assert use_case.stage == Stage.STOPPED
    page = client.get(reverse("use-case", args=[use_case.slug])).content.decode()
    assert "It has ended; nothing can be added." in page
    assert reverse("milestone-new", args=[use_case.slug]) not in page
    assert "This stage is final" in html_of(client, url)


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
    assert "at least" in html_of(as_lead, new)
    assert as_lead.post(new, _milestone_values()).status_code == 302
    milestone = Milestone.objects.get()
    assert milestone.threshold_nano == 2 * NANO
    edit = reverse("milestone-edit", args=[use_case.slug, milestone.pk])
    values = _milestone_values(threshold="3", expected_version=1)
    assert as_lead.post(edit, values).status_code == 302
    assert as_lead.post(edit, values).status_code == 409
    remove = reverse("milestone-remove", args=[use_case.slug, milestone.pk])
    assert as_lead.post(remove, {"reason": "No.", "expected_version": 2}).status_code == 302
    page = html_of(as_lead, reverse("use-case", args=[use_case.slug]))
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
        assert 'value="80.5"' in html_of(as_lead, edit)


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
