"""Price plans and seats in pages and API: one import path for what is typed and uploaded."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import Sum
from django.test import Client
from django.urls import reverse

from billing.models import Charge, PricePlan
from portal.choices import Role, RunStatus
from portal.imports.files import landed_path
from portal.imports.runner import execute_run
from portal.models import ImportRun, User
from portal.shell.money import from_nano
from tests.adoption.factories import make_use_case
from tests.billing.engine import connect
from tests.imports import Clock, counts, make_person

pytestmark = pytest.mark.django_db
PDF = b"%PDF-1.7 invoice"


@pytest.fixture
def finance() -> User:
    return make_person("controller", Role.FINANCE)


@pytest.fixture
def browser(finance: User) -> Client:
    client = Client()
    client.force_login(finance, backend="django.contrib.auth.backends.ModelBackend")
    return client


def plan(**changes: str) -> dict[str, str]:
    return {
        "provider": "Acme AI", "key": "team", "name": "Team", "valid_from": "2026-01-01",
        "currency": "USD", "seat_price": "20.00", "seat_period": "month",
        "source": "Order form 7", **changes,
    }  # fmt: skip


def seats(*groups: dict[str, str], **changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "connection": "seats", "subscription": "chat", "provider": "Acme AI", "service": "Chat",
        "plan": "team", "period_start": "2026-05-01", "period_end": "2026-06-01",
        "invoice_date": "2026-05-02", "proration": "daily", "groups-TOTAL_FORMS": len(groups),
        "groups-INITIAL_FORMS": 0, **changes,
    }  # fmt: skip
    for number, group in enumerate(groups):
        values |= {f"groups-{number}-{name}": value for name, value in group.items()}
    return values


def total(name: str) -> Decimal:
    live = Charge.objects.filter(superseded_at__isnull=True)
    return from_nano(live.aggregate(sum=Sum(name))["sum"] or 0)


def finish() -> ImportRun:
    return execute_run(ImportRun.objects.latest("pk").pk, clock=Clock())


def test_a_plan_is_made_and_ended_in_the_browser(browser: Client) -> None:
    made = browser.post(reverse("price-plan-new"), plan())
    assert made.status_code == 302
    page = browser.get(reverse("price-plan-list")).content.decode()
    assert "Order form 7" in page
    assert "Holds" in page
    again = browser.post(reverse("price-plan-new"), plan(seat_price="25"))
    assert "End that one first" in again.content.decode()
    kept = PricePlan.objects.get()
    end = browser.post(
        reverse("price-plan-end", args=[kept.pk]), {"valid_until": "2026-05-01", "reason": "dearer"}
    )
    assert end.status_code == 302
    assert browser.post(reverse("price-plan-new"), plan(valid_from="2026-05-01")).status_code == 302
    exported = browser.get(reverse("price-plan-list"), {"export": "csv"})
    assert b"".join(exported).count(b"Order form 7") == 2


def test_seats_that_are_typed_are_an_import_like_any_other(browser: Client) -> None:
    connection = connect("seats")
    case = make_use_case(title="Answer drafts")
    browser.post(reverse("price-plan-new"), plan())
    typed = seats(
        {"seats": "7", "team": "support", "use_case": case.slug, "cost_center": "CC-7"},
        {"seats": "3", "team": "sales", "held_from": "2026-05-16"},
        {},
        invoice_id="INV-1",
        document=SimpleUploadedFile("may.pdf", PDF),
    )
    answer = browser.post(reverse("seats-new"), typed)
    run = finish()
    assert answer.headers["Location"] == reverse("import-run", args=[run.pk])
    assert counts(run) == {"read": 49, "inserted": 49}  # 2 purchases, 31 and 16 days
    assert (run.connection, run.requested_by) == (connection, User.objects.get(username=
            "controller"))  # fmt: skip
    assert total("billed_nano") == total("effective_nano")
    sheet, document = run.files.order_by("index")
    assert document.name == "may.pdf"
    assert landed_path(document.sha256).read_bytes() == PDF
    tags = set(Charge.objects.values_list("dimension__tags", flat=True))
    assert f'{{"team":"support","use_case":"{case.slug}"}}' in tags
    # The file that the form wrote can be uploaded: nothing changes.
    page = reverse("connection-upload", args=["seats"])
    files = [
        SimpleUploadedFile(sheet.name, landed_path(sheet.sha256).read_bytes()),
        SimpleUploadedFile("may.pdf", PDF),
    ]
    browser.post(page, {"uploads": files})
    assert counts(finish()) == {"read": 49, "unchanged": 49}


def test_a_correction_is_typed_again_and_replaces_the_period(browser: Client) -> None:
    connect("seats")
    browser.post(reverse("price-plan-new"), plan())
    browser.post(reverse("seats-new"), seats({"seats": "7"}))
    finish()
    browser.post(reverse("seats-new"), seats({"seats": "8"}, invoice_date="2026-04-30"))
    run = finish()
    assert run.status == RunStatus.APPLIED
    assert total("billed_nano") == total("effective_nano") == Decimal(160)


def test_what_would_be_rejected_is_said_at_its_field_and_queues_nothing(browser: Client) -> None:
    connect("seats")
    cases = (
        (seats({"seats": "7"}), "Expected a price plan of Acme AI"),
        (seats({"seats": "7"}, price_per_seat="20"), "Expected the currency of price_per_seat"),
        (seats({"seats": "7", "held_from": "2026-04-01"}, price_per_seat="20", currency="USD"),
         "Expected a day from 2026-05-01"),
        (seats({"seats": "7", "use_case": "nothing"}), "There is no use case"),
        (seats({}), "at least one group"),
        (seats({"seats": "7"}, period_end="2026-05-01", price_per_seat="1", currency="USD"),
         "a day after 2026-05-01"),
    )  # fmt: skip
    for typed, said in cases:
        page = browser.post(reverse("seats-new"), typed)
        assert page.status_code == 200
        assert said in page.content.decode()
    assert not ImportRun.objects.exists()


def test_a_group_is_added_without_a_script_and_what_was_typed_stays(browser: Client) -> None:
    connect("seats")
    page = browser.post(reverse("seats-new"), seats({"seats": "7"}, add_group="1"))
    text = page.content.decode()
    assert "Group 2" in text
    assert 'name="groups-0-seats" value="7"' in text


def test_plans_by_api_are_exact_text_and_made_once(browser: Client) -> None:
    address = reverse("api-price-plans")
    body = {**plan(seat_price="0.000000001"), "included_credits": "1000.5"}
    header = {"Idempotency-Key": "one"}
    first, second = (
        browser.post(address, json.dumps(body), content_type="application/json", headers=header)
        for _ in range(2)
    )
    assert (first.status_code, second.status_code) == (201, 201)
    made = first.json()
    assert (made["seat_price"], made["included_credits"]) == ("0.000000001", "1000.5")
    assert made["overage_price"] is None
    taken = browser.post(address, json.dumps(body), content_type="application/json")
    assert taken.status_code == 400
    ended = browser.post(
        reverse("api-price-plan-end", args=[made["id"]]),
        json.dumps({"valid_until": "2026-05-01", "reason": "dearer"}),
        content_type="application/json",
    )
    assert (ended.status_code, ended.json()["valid_until"]) == (200, "2026-05-01")
    (listed,) = browser.get(address, {"provider": "acme ai"}).json()["results"]
    assert listed == ended.json()
    assert browser.get(address, {"provider": "other"}).json()["results"] == []
