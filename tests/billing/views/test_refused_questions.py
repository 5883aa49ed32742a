"""Questions that a page cannot answer are refused in words, never answered by another figure."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import ExchangeRate
from billing.views.moments import NOW_ONLY
from tests.access.routes import Address, addresses
from tests.billing.closing import make_invoice, tell_a_close
from tests.billing.views.conftest import Bill
from tests.billing.watching import make_anomaly, make_budget

pytestmark = pytest.mark.django_db
PAGES = [each for each in addresses() if each.route.startswith("costs/")]
AS_OF = {"costs", "costs-unallocated", "costs-unmapped", "cost-lineage", "restatements", "budgets",
         "budget", "invoices", "invoice", "reconciliation", "close-checklist",
         "close", "corrections", "anomalies", "anomaly", "forecasts",
         "exchange-rates"}  # fmt: skip
FILES = {"close-journal", "close-workbook"}  # of pages that answer as of a moment: they do as well
ANYTHING = {"int": "1", "slug": "any", "str": "USD"}


@pytest.fixture
def asked(finance: Client, bill: Bill) -> Client:
    """One client for all addresses: what they are asked changes nothing."""
    return finance


def address_like(page: Address) -> str:
    """An address of the route; nothing need be there, for it is refused before anything is read."""
    return "/" + re.sub(r"<(\w+):\w+>", lambda found: ANYTHING[found[1]], page.route)


def text_of(answer: object) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())  # type: ignore[attr-defined]


@pytest.mark.parametrize("place", PAGES, ids=[each.key for each in PAGES])
def test_a_page_answers_as_of_a_moment_or_refuses_to(
    place: Address, asked: Client, bill: Bill
) -> None:
    if place.key in FILES:
        assert asked.get(f"{address_like(place)}?as_of=2026-05-20").status_code == 200
        return
    if place.key not in AS_OF:
        for method in (asked.get, asked.post):
            answer = method(f"{address_like(place)}?as_of=2026-05-20")
            assert (answer.status_code, NOW_ONLY in text_of(answer)) == (400, True)
        return
    address = address_like(place)
    if place.key == "budget":
        address = reverse("budget", args=[make_budget(bill.use_case).pk])
    if place.key == "close":
        address = reverse("close", args=[tell_a_close()["closed"].key])
    if place.key == "anomaly":
        address = reverse("anomaly", args=[make_anomaly(bill.use_case.pk).pk])
    if place.key == "invoice":
        address = reverse("invoice", args=[make_invoice().pk])
    assert 'name="as_of"' in asked.get(f"{address}?use_case=").content.decode()


def test_every_page_that_answers_as_of_a_moment_is_there() -> None:
    assert {each.key for each in PAGES} >= AS_OF | FILES


def test_a_refused_moment_tells_a_stranger_nothing(client: Client) -> None:
    answer = client.get(reverse("invoices"), {"as_of": "2026-05-20"})
    assert answer.status_code == 302  # signing in comes first


@pytest.mark.parametrize(
    ("name", "query", "said"),
    [
        ("costs", "from=2026-11&to=2026-01", "It must not end before it starts."),
        ("costs", "from=2026-13", "2026-13"),
        ("costs-unallocated", "month=2026-13", "2026-13"),
        ("costs-unmapped", "first=2026-13", "2026-13"),
        ("costs-unmapped", "from=2026-13", "2026-13"),
        ("costs-unmapped", "first=2026-11&last=2026-01", "It must not end before it starts."),
        ("cost-exports", "first=2026-11&last=2026-01", "It must not end before it starts."),
        ("usage", "month=2026-13", "2026-13"),
        ("reconciliation", "month=2026-13", "2026-13"),
        ("close-checklist", "month=2026-13", "2026-13"),
        ("invoices", "month=2026-13", "2026-13"),
        ("forecasts", "month=2026-13", "2026-13"),
    ],
)
def test_wrong_months_are_refused_in_words(
    name: str, query: str, said: str, finance: Client
) -> None:
    answer = finance.get(f"{reverse(name)}?{query}")
    assert said in re.sub(r"<(input|option)[^>]*>", "", answer.content.decode())
    assert "Answer drafts" not in answer.content.decode().split("</form>")[-1]


def test_months_that_are_given_are_the_months_that_are_shown(finance: Client) -> None:
    usage = finance.get(reverse("usage"), {"month": "2031-02"})
    assert str(usage.context["month"]) == "2031-02"
    unmapped = finance.get(reverse("costs-unmapped"), {"from": "2031-02"})
    assert unmapped.context["window"] == "Feb 2031"


@pytest.mark.parametrize("currency", ["ÄÖÜ", "usd", "EURO", "E1R"])
def test_a_policy_is_of_a_currency(currency: str, finance: Client) -> None:
    address = reverse("anomaly-policy-edit", args=[currency])
    assert (finance.get(address).status_code, finance.post(address).status_code) == (404, 404)


def test_a_rate_of_a_day_to_come_is_refused_at_its_field(finance: Client) -> None:
    said = {"day": "2099-01-01", "base": "USD", "quote": "EUR", "rate": "1", "source": "A bank"}
    answer = finance.post(reverse("exchange-rate-new"), said)
    assert "nobody knows a rate to come" in str(answer.context["form"].errors["day"])
    assert not ExchangeRate.objects.exists()


@pytest.mark.parametrize(
    ("address", "parameter"),
    [
        ("/api/v1/costs/daily/", "asof"),
        ("/api/v1/costs/explain/", "asof"),
        ("/api/v1/use-cases/answer-drafts/costs/", "asof"),
        ("/api/v1/price-plans/", "as_of"),  # plans are agreed, not recorded: there is no moment
    ],
)
def test_an_endpoint_that_knows_no_such_parameter_refuses_it(
    address: str, parameter: str, finance: Client
) -> None:
    answer = finance.get(address, {parameter: "2026-05-20"})
    assert (answer.status_code, answer.json()["errors"][parameter][0]["code"]) == (
        400,
        "unknown_parameter",
    )
