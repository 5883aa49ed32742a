"""What the pages about targets and attested milestones show, refuse and do."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from adoption.models import AdoptionTarget, Milestone
from adoption.services.target_measuring import measure_targets
from portal.choices import ApprovalStatus, Role
from portal.models import ApprovalRequest
from tests.adoption.factories import (
    NOW,
    make_milestone,
    make_use_case,
    make_user,
    registered_metric,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def milestone() -> Iterator[Milestone]:
    with registered_metric(), time_machine.travel(NOW, tick=True):
        yield make_milestone(make_use_case(owner=make_user(Role.PROGRAMME_LEAD)))


@pytest.fixture
def client(milestone: Milestone) -> Client:
    client = Client()
    client.force_login(milestone.use_case.owner)
    return client


def posted(milestone: Milestone, /, **fields: object) -> dict[str, object]:
    return {
        "title": "Ten deliveries that hold", "metric_key": "", "milestone": milestone.pk,
        "scope_kind": "use_case", "comparator": "gte", "threshold": "10", "due_on": "2026-12-31",
    } | fields  # fmt: skip


def test_words_become_a_metric_and_the_page_says_where_it_starts(
    client: Client, milestone: Milestone
) -> None:
    response = client.post(reverse("target-new"), posted(milestone), follow=True)
    target = AdoptionTarget.objects.get()
    assert target.metric_key == "held_deliveries"
    page = response.content.decode()
    assert "at least 10" in page
    assert "Baseline" in page
    listed = client.get(reverse("target-list")).content.decode()
    assert "Ten deliveries that hold" in listed
    assert "Ten deliveries that hold" in client.get(
        reverse("use-case", args=[milestone.use_case.slug])
    ).content.decode()  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"title": "80% of developers weekly"}, "share_of_teams_with_held_delivery"),
        ({"title": "One million tokens"}, "Use the outcome metric"),
        ({"title": "Fewer defects"}, "not clear which outcome"),
        ({"milestone": ""}, "required"),
        ({"scope_kind": "team"}, "Choose the team"),
        ({"threshold": "0"}, "can be missed"),
    ],
)
def test_the_page_refuses_and_says_what_to_use(
    client: Client, milestone: Milestone, fields: dict[str, object], said: str
) -> None:
    response = client.post(reverse("target-new"), posted(milestone, **fields))
    assert response.status_code == 200
    assert said in response.content.decode()
    assert not AdoptionTarget.objects.exists()


def test_what_is_at_risk_stands_on_the_home_page_the_portfolio_and_in_the_list(
    client: Client, milestone: Milestone
) -> None:
    client.post(reverse("target-new"), posted(milestone, due_on="2026-12-01"))
    measure_targets(at=NOW)
    Milestone.objects.filter(pk=milestone.pk).update(risk="due_soon")
    for address in (
        reverse("home"), reverse("portfolio"), f"{reverse('target-list')}?state=at_risk",
        reverse("use-case", args=[milestone.use_case.slug]),
    ):  # fmt: skip
        assert "At risk" in client.get(address).content.decode(), address
    answer = client.get(f"{reverse('target-list')}?export=csv")
    exported = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    assert "held_deliveries" in exported
    assert "At risk" in exported


def test_an_attested_milestone_is_promised_and_attested_and_waits(
    client: Client, milestone: Milestone
) -> None:
    slug = milestone.use_case.slug
    new = reverse("milestone-attested-new", args=[slug])
    client.post(new, {"title": "Desk is trained", "outcome": "training", "due_on": "2026-12-20"})
    attested = Milestone.objects.get(kind="attested")
    edit = client.get(reverse("milestone-edit", args=[slug, attested.pk]))
    assert edit.status_code == 302
    page = reverse("milestone-attest", args=[slug, attested.pk])
    short = client.post(
        page, {"statement": "Done", "happened_on": "2026-11-10", "expected_version": 1}
    )
    assert "at least 20" in short.content.decode()
    client.post(
        page,
        {
            "statement": "All of the desk took part; see the minutes.",
            "link": "https://wiki.example/minutes", "happened_on": "2026-11-10",
            "expected_version": 1,
        },
    )  # fmt: skip
    request = ApprovalRequest.objects.get(status=ApprovalStatus.PENDING)
    assert request.kind == "adoption.attestation"
    assert client.get(reverse("milestone-attest", args=[slug, milestone.pk])).status_code == 404


def test_a_target_is_edited_and_withdrawn(client: Client, milestone: Milestone) -> None:
    client.post(reverse("target-new"), posted(milestone))
    target = AdoptionTarget.objects.get()
    edit = reverse("target-edit", args=[target.pk])
    assert "Ten deliveries" in client.get(edit).content.decode()
    client.post(edit, posted(milestone, threshold="12", expected_version=1))
    target.refresh_from_db()
    assert (target.threshold_nano, target.version) == (12_000_000_000, 2)
    stale = client.post(edit, posted(milestone, threshold="13", expected_version=1))
    assert stale.status_code == 409
    client.post(
        reverse("target-withdraw", args=[target.pk]),
        {"reason": "Another matters more.", "expected_version": 2},
    )
    target.refresh_from_db()
    assert target.withdrawn_at is not None
    assert "Another matters more." in client.get(
        reverse("target", args=[target.pk])
    ).content.decode()  # fmt: skip
    assert dt.date(2026, 12, 31) == target.due_on
