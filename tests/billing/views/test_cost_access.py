"""Who may open and change what: the pages of costs and rules, four ways. `tests/access` has all.

By default one page of each kind, for every role; a sweep asks for every page.
"""

from __future__ import annotations

from itertools import product
from unittest import mock

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import AllocationRule
from portal.choices import Role
from portal.models import User
from tests.adoption.factories import make_user
from tests.billing.views.conftest import Bill
from tests.plugins.sweeping import sampled

pytestmark = pytest.mark.django_db

OPEN = (
    "costs",
    "costs-unallocated",
    "cost-definitions",
    "cost-lineage",
    "restatements",
    "allocation-rules",
    "allocation-rule",
)
LINES = ("charge",)
EDITING = ("allocation-rule-new", "allocation-rule-edit", "allocation-rule-retire")
SEES_LINES = {
    Role.FINANCE,
    Role.PROGRAMME_LEAD,
    Role.AUDITOR,
    Role.APPROVER,
    Role.ADMINISTRATOR,
}


def status(user: User | None, url: str, method: str = "get") -> int:
    client = Client()
    if user is not None:
        client.force_login(user)
    response = getattr(client, method)(url)
    return (
        200
        if response.status_code == 302 and url in response["Location"]
        else (response.status_code)
    )


@pytest.mark.parametrize(
    "name", sampled([*OPEN, *LINES, *EDITING], "costs", "charge", "allocation-rule-edit")
)
def test_whoever_is_not_signed_in_is_sent_to_sign_in(name: str, bill: Bill) -> None:
    response = Client().get(bill.url(name))
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("sign-in"))


@pytest.mark.parametrize("name", sampled(OPEN, "costs", "allocation-rule"))
def test_sums_and_rules_are_open_to_everybody_signed_in(name: str, bill: Bill) -> None:
    assert status(bill.employee, bill.url(name)) == 200


@pytest.mark.parametrize("name", sampled(OPEN, "costs", "cost-lineage"))
def test_who_may_not_see_costs_is_refused(name: str, bill: Bill) -> None:
    modules = ("explorer", "unallocated", "definitions", "lineage", "restatements",
               "allocation_rules")  # fmt: skip
    patches = [
        mock.patch(f"billing.views.{module}.may_see_costs", return_value=False)
        for module in modules
    ]
    for patch in patches:
        patch.start()
    try:
        assert status(bill.finance, bill.url(name)) == 403
    finally:
        for patch in patches:
            patch.stop()


@pytest.mark.parametrize("role", [None, *Role])
def test_single_lines_are_for_those_who_answer_for_money(role: Role | None, bill: Bill) -> None:
    user = make_user(*([role] if role else []))
    expected = 200 if role in SEES_LINES else 403
    assert status(user, bill.url("charge")) == expected


@pytest.mark.parametrize("role", [None, *Role])
@pytest.mark.parametrize(
    "change",
    sampled(product(EDITING, ("get", "post")), ("allocation-rule-edit", "post")),
    ids="-".join,
)
def test_only_finance_changes_rules(change: tuple[str, str], role: Role | None, bill: Bill) -> None:
    name, method = change
    user = make_user(*([role] if role else []))
    expected = 200 if role == Role.FINANCE else 403
    assert status(user, bill.url(name), method) == expected
    assert AllocationRule.objects.count() == 1


def test_lineage_shows_lines_only_to_those_who_may_see_them(bill: Bill) -> None:
    for user, shown in ((bill.finance, True), (bill.employee, False)):
        client = Client()
        client.force_login(user)
        page = client.get(bill.url("cost-lineage")).content.decode()
        assert (f"/costs/charges/{bill.charge.pk}/" in page) is shown
        assert "Drafts by tag" in page
        assert ("Single cost lines are shown to those who answer" in page) is not shown


def test_only_finance_is_offered_to_make_rules(bill: Bill) -> None:
    for user, offered in ((bill.finance, True), (bill.lead, False)):
        client = Client()
        client.force_login(user)
        for name in ("costs-unallocated", "allocation-rules"):
            page = client.get(bill.url(name)).content.decode()
            assert (reverse("allocation-rule-new") in page) is offered
        page = client.get(bill.url("allocation-rule")).content.decode()
        assert (bill.url("allocation-rule-edit") in page) is offered


@pytest.mark.parametrize("name", ["charge", "allocation-rule", "allocation-rule-edit"])
def test_what_is_not_there_is_not_found(name: str, bill: Bill) -> None:
    argument = 987_654 if name == "charge" else "nothing"
    assert status(bill.finance, reverse(name, args=[argument])) == 404
