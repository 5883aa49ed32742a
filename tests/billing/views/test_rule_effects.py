"""Whoever approves a rule sees what it would move by now, and which closed months it corrects."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from adoption.models import UseCase
from billing.models import CloseCorrection
from billing.models.allocation import WHOLE
from billing.selectors import rule_reach
from billing.services.allocation_rules import RuleDraft
from billing.services.rule_requests import request_end, request_rule
from portal.choices import Role
from portal.models import ApprovalRequest, User
from tests.adoption.factories import make_use_case, make_user
from tests.approving import approve, second_person
from tests.billing.closing import bill_line, close, make_invoice
from tests.billing.factories import give_all, make_draft
from tests.billing.selectors.test_rule_reach import APRIL, in_month
from tests.imports import line, make_connection, run_import

pytestmark = pytest.mark.django_db
HEADING = "What it would move"


@pytest.fixture
def author() -> User:
    return make_user(Role.FINANCE, name="Fay Finance")


@pytest.fixture
def drafts() -> UseCase:
    """A closed bill of May: two charges and a credit, which no rule takes."""
    rows = [bill_line(3, "3"), bill_line(4, "2.0042")]
    rows.append(bill_line(5, "-1", ChargeCategory="Credit", ResourceId="credit"))
    run_import(make_connection(), rows)
    close(make_invoice("4.0042"))
    return make_use_case(title="Answer drafts")


def ask(draft: RuleDraft, author: User) -> ApprovalRequest:
    return request_rule(draft=draft, actor=author, at=timezone.now())


def page_of(asked: ApprovalRequest, person: User | None = None, **query: str) -> str:
    client = Client()
    client.force_login(person or second_person())
    answer: Any = client.get(reverse("approval", args=[asked.pk]), query)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_the_second_person_sees_amounts_places_and_closed_months(
    drafts: UseCase, author: User
) -> None:
    asked = ask(make_draft((drafts, 500_000)), author)
    page = page_of(asked)
    for said in (
        f"<h2>{HEADING}</h2>",
        "Worked out",
        "Approving moves money of closed months.",
        "May 2026, Cloud Ltd (USD)",
        "closed: Cloud Ltd",
        'title="4.0042 USD"',  # what it takes
        "Unallocated: no rule matches",
        'title="2.0021 USD"',  # what the use case gets of it
        "Unallocated: not shared out by the rule",
    ):
        assert said in page, said
    approve(asked)
    assert [each.close.issuer for each in CloseCorrection.objects.all()] == ["Cloud Ltd"]
    assert HEADING not in page_of(asked)  # it is over: there is nothing to decide


def test_the_end_of_a_rule_is_shown_the_same_way(drafts: UseCase, author: User) -> None:
    rule = give_all(drafts)
    asked = request_end(rule_id=rule.pk, reason="Over.", actor=author, at=timezone.now())
    page = page_of(asked)
    assert "What the rule takes now" in page
    assert "Answer drafts</th><td>Unallocated: no rule matches</td>" in page
    assert "Approving moves money of closed months." in page


def test_a_credit_that_moves_alone_is_explained(author: User) -> None:
    run_import(make_connection(), [line(3, "5"), line(4, "-0.47", ResourceId="credit")])
    case = make_use_case()
    credit = ask(make_draft((case, WHOLE), field="resource", value="credit"), author)
    assert "A negative amount is a credit" in page_of(credit)
    cost = ask(make_draft((case, WHOLE), ends_on=dt.date(2026, 5, 4)), author)
    assert "A negative amount is a credit" not in page_of(cost)


def test_more_months_than_a_page_works_out_are_counted_and_reached(
    drafts: UseCase, author: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rule_reach, "MOST_MONTHS", 1)
    run_import(make_connection("early"), [in_month(APRIL)])
    asked = ask(make_draft((drafts, WHOLE), starts_on=APRIL.start), author)
    page = page_of(asked)
    assert "1 earlier month with cost, down to Apr 2026, is not worked out here." in page
    assert "?until=2026-04#billing-rule-effect" in page
    earlier = page_of(asked, until="2026-04")
    assert "From the newest month on" in earlier
    assert "Approving moves money" not in earlier
    assert "May 2026, Cloud Ltd" in page_of(asked, until="nonsense")


def test_a_rule_that_reaches_nothing_says_so(author: User) -> None:
    asked = ask(make_draft((make_use_case(), WHOLE)), author)
    assert "it moves nothing now" in page_of(asked)


def test_a_rule_about_a_person_is_worked_out_only_for_those_who_see_lines(
    drafts: UseCase, author: User
) -> None:
    """What it takes is what that person costs."""
    named = ask(make_draft((drafts, WHOLE), field="principal", value="ana"), author)
    assert HEADING in page_of(named)
    assert HEADING not in page_of(named, make_user())
    tagged = ask(make_draft((drafts, WHOLE)), author)
    assert HEADING in page_of(tagged, make_user())


def test_requests_of_other_kinds_have_no_such_part(drafts: UseCase) -> None:
    closing = ApprovalRequest.objects.get(kind="billing.period_close")
    assert HEADING not in page_of(closing)
