"""`close_period`, and `explain invoice:…`, at the terminal and by API."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from billing.models import PeriodClose
from portal.choices import ApprovalStatus, Role
from portal.models import ApprovalRequest
from tests.adoption.factories import make_user
from tests.approving import approve
from tests.billing.closing import make_invoice, tell_a_close
from tests.plugins.sweeping import sampled

pytestmark = pytest.mark.django_db


def run(*arguments: str, command: str = "close_period") -> str:
    out = io.StringIO()
    call_command(command, *arguments, stdout=out)
    return out.getvalue()


def test_the_checklist_as_one_document() -> None:
    tell_a_close()
    document = json.loads(run("2026-05", "--json"))
    states = {each["issuer"]: each["state"] for each in document["scopes"]}
    assert states == {"Billed Ltd": "corrected", "Open Ltd": "ready"}
    (invoice,) = document["scopes"][1]["invoices"]
    assert (invoice["total"], invoice["explained"], invoice["residual"]) == ("7.01", "0.01", "0")


def test_it_asks_as_a_person_and_another_one_decides() -> None:
    tell_a_close()
    finance = make_user(Role.FINANCE)
    text = run("2026-05", "--as", finance.username, "--issuer", "Open Ltd")
    assert "waits for another person" in text
    request = ApprovalRequest.objects.get(status=ApprovalStatus.PENDING)
    assert request.author == finance
    assert PeriodClose.objects.count() == 1
    approve(request)
    assert PeriodClose.objects.count() == 2
    # Asked again, there is nothing left to ask for.
    assert "Closed" in run("2026-05", "--as", finance.username, "--issuer", "Open Ltd")


@pytest.mark.sweep
def test_it_fails_when_something_is_missing() -> None:
    tell_a_close()
    make_invoice()
    finance = make_user(Role.FINANCE)
    with pytest.raises(CommandError, match="Your roles"):
        run("2026-05", "--as", make_user(Role.APPROVER).username, "--issuer", "Open Ltd")
    with pytest.raises(CommandError, match="no cost line has been imported"):
        run("2026-05", "--as", finance.username)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("May",), "YYYY-MM"),
        (("2020-01",), "no invoice for 2020-01"),
        (("2026-05", "--as", "nobody"), "nobody signs in"),
    ],
)
def test_what_it_cannot_do_it_says(arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        run(*arguments)


@pytest.mark.sweep
def test_an_invoice_is_explained_forward() -> None:
    tell_a_close()
    document = json.loads(run("invoice:B-1", "--json", command="explain"))
    assert document["invoice"]["total"] == "12.5"
    assert document["parts"]["residual"] == "-0.25"
    went = [Decimal(each["billed"]) for each in document["destinations"]]
    assert sum(went) == Decimal(document["invoice"]["lines_billed"]) == Decimal("12.75")
    assert "went to: unallocated" in run("invoice:B-1", command="explain")


def explained(client: Client, figure: str, **more: Any) -> Any:
    return client.get(reverse("api-costs-explain"), {"figure": figure, **more})


def test_the_api_explains_both_ways(client: Client) -> None:
    told = tell_a_close()
    client.force_login(make_user(Role.FINANCE))
    forward = explained(client, "invoice:Billed Ltd/B-1").json()
    assert sum(Decimal(each["billed"]) for each in forward["destinations"]) == Decimal("12.75")
    back = explained(client, "cost:month=2026-05,provider=Cloud", limit=500).json()
    (total,) = back["sums"]
    assert sum(Decimal(each["billed"]) for each in back["allocations"]) == Decimal(total["billed"])
    charge = back["allocations"][0]["charge"]
    one = explained(client, f"charge:{charge}").json()
    assert sum(Decimal(each["billed"]) for each in one["allocations"]) == Decimal(
        one["charge"]["billed"]
    )
    assert told["closed"].pk


@pytest.mark.sweep
def test_the_api_shows_lines_to_those_who_answer_for_money_only(client: Client) -> None:
    tell_a_close()
    client.force_login(make_user())
    assert explained(client, "invoice:B-1").status_code == 403
    assert explained(client, "charge:1").status_code == 403
    figure = explained(client, "cost:month=2026-05").json()
    assert figure["sums"]
    assert figure["allocations"] == []


@pytest.mark.parametrize(
    "figure", sampled(["nonsense", "invoice:none", "charge:x", "cost:use_case=none"], "charge:x")
)
def test_the_api_names_what_it_cannot_explain(client: Client, figure: str) -> None:
    client.force_login(make_user(Role.FINANCE))
    answer = explained(client, figure)
    assert answer.status_code == 400
    assert "figure" in answer.json()["errors"]
