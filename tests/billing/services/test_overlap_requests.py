"""Which source counts in a closed month is decided by two people, in the service and below it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse

from billing.approvals import OVERLAP_KIND
from billing.models import CloseCorrection, MonthlyCost, SpendOverlap
from billing.services.overlap_requests import say_overlap, take_overlap_back
from billing.services.overlaps import (
    OverlapDraft,
    OverlapRefusedError,
    declare_overlap,
    end_overlap,
)
from portal.choices import ApprovalStatus, Role
from portal.models import ApprovalRequest, Connection, User
from portal.shell.periods import Month
from tests.adoption.factories import make_use_case, make_user
from tests.approving import approve
from tests.billing.closing import bill_line, close, make_invoice
from tests.billing.factories import give_all
from tests.billing.sweeps import sweep_both_engines
from tests.imports import START, line, make_connection, run_import

pytestmark = pytest.mark.django_db
UNIT = 10**9
MAY = Month(2026, 5)
LATER = START + dt.timedelta(hours=1)


@pytest.fixture
def finance() -> User:
    return make_user(Role.FINANCE)


@pytest.fixture
def channels() -> tuple[Connection, Connection]:
    """A ledger, and the provider's bill, whose month is closed; both bring the same three."""
    give_all(make_use_case())
    ledger, bill = make_connection("ledger"), make_connection("bill")
    run_import(bill, [bill_line(3, "1"), bill_line(4, "2")])
    close(make_invoice("3.00"))
    rows = [line(3, "1", BillingAccountId="l"), line(4, "2", BillingAccountId="l")]
    run_import(ledger, rows)
    return ledger, bill


def draft(channels: tuple[Connection, Connection], **fields: Any) -> OverlapDraft:
    values: dict[str, Any] = {"first": MAY, "reason": "The ledger repeats the bill."} | fields
    return OverlapDraft(counted=channels[0], other=channels[1], **values)


def total() -> int:
    months = MonthlyCost.objects.values_list("billed_whole", "billed_part")
    return sum(whole * UNIT + part for whole, part in months)


def asked(channels: tuple[Connection, Connection], finance: User, **fields: Any) -> ApprovalRequest:
    made = say_overlap(draft=draft(channels, **fields), actor=finance, at=LATER)
    assert isinstance(made, ApprovalRequest)
    return made


@pytest.mark.both_engines
def test_leaving_out_closed_money_waits_for_another_person_and_is_corrected(
    channels: tuple[Connection, Connection], finance: User
) -> None:
    request = asked(channels, finance)
    assert (request.kind, request.status) == (OVERLAP_KIND, ApprovalStatus.PENDING)
    assert ["Closed: May 2026", "3.00\xa0USD (invoiced)"] in request.content["facts"]
    assert not SpendOverlap.objects.exists()
    assert total() == 6 * UNIT
    approve(request, at=LATER)
    overlap = SpendOverlap.objects.get()
    assert (overlap.is_excluded, overlap.created_by) == (True, finance)
    assert total() == 3 * UNIT
    assert CloseCorrection.objects.get().close.issuer == "Cloud Ltd"

    back = take_overlap_back(overlap_id=overlap.pk, reason="Two bills.", actor=finance, at=LATER)
    assert isinstance(back, ApprovalRequest)
    assert total() == 3 * UNIT
    approve(back, at=LATER + dt.timedelta(hours=1))
    overlap.refresh_from_db()
    assert (overlap.retired_by, overlap.retired_reason) == (finance, "Two bills.")
    assert total() == 6 * UNIT
    assert CloseCorrection.objects.count() == 2


@sweep_both_engines
def test_what_moves_no_closed_money_holds_at_once(
    channels: tuple[Connection, Connection], finance: User
) -> None:
    ledger, bill = channels
    swapped = OverlapDraft(counted=bill, other=ledger, first=MAY, reason="The ledger repeats.")
    made = say_overlap(draft=swapped, actor=finance, at=LATER)
    assert isinstance(made, SpendOverlap)
    assert total() == 3 * UNIT
    ended = take_overlap_back(overlap_id=made.pk, reason="No.", actor=finance, at=LATER)
    assert isinstance(ended, SpendOverlap)
    other = say_overlap(draft=draft(channels, provider="Cloud"), actor=finance, at=LATER)
    assert isinstance(other, ApprovalRequest)  # the provider of the closed lines


@pytest.mark.both_engines
def test_nobody_goes_past_the_second_person(
    channels: tuple[Connection, Connection], finance: User
) -> None:
    with pytest.raises(OverlapRefusedError, match="another person must approve"):
        declare_overlap(draft=draft(channels), actor=finance, at=LATER)
    made = {
        "counted": channels[0], "other": channels[1], "starts_on": MAY.start, "is_excluded": True,
        "reason": "Straight into the table.", "created_by": finance, "created_at": LATER,
    }  # fmt: skip
    with pytest.raises(DatabaseError, match="not approved"), transaction.atomic():
        SpendOverlap.objects.create(**made)
    approve(asked(channels, finance), at=LATER)
    known = SpendOverlap.objects.get()
    with pytest.raises(OverlapRefusedError, match="another person must approve"):
        end_overlap(overlap_id=known.pk, reason="No.", actor=finance, at=LATER)
    row = SpendOverlap.objects.filter(pk=known.pk)
    for change in ({"retired_at": LATER, "retired_by": finance}, {"is_excluded": False},
                   {"ends_on": MAY.end}, {"provider": "X"}):  # fmt: skip
        with pytest.raises(DatabaseError), transaction.atomic():
            row.update(**change)
    with pytest.raises(DatabaseError, match="never deleted"), transaction.atomic():
        row.delete()
    # The approval was for one word, which has been said: it does not carry a second one.
    again = made | {"created_at": LATER + dt.timedelta(seconds=1)}
    with pytest.raises(DatabaseError, match="not approved"), transaction.atomic():
        SpendOverlap.objects.create(**again)


@sweep_both_engines
def test_an_import_in_between_voids_what_was_asked(
    channels: tuple[Connection, Connection], finance: User
) -> None:
    request = asked(channels, finance)
    run_import(channels[1], [bill_line(3, "1"), bill_line(4, "2.5")])
    with pytest.raises(Exception, match="changed|void"):
        approve(request, at=LATER)
    assert not SpendOverlap.objects.exists()


@sweep_both_engines
def test_the_page_says_that_it_waits(
    channels: tuple[Connection, Connection], finance: User, client: Client
) -> None:
    client.force_login(finance)
    data = {
        "counted": "ledger", "other": "bill", "first": "2026-05", "last": "", "provider": "",
        "reason": "The ledger repeats the bill.",
    }  # fmt: skip
    page = client.post(reverse("cost-overlap-new"), data, follow=True).content.decode()
    assert "Another person approves it first" in page
    assert "Waits for a second person" in page
    assert ApprovalRequest.objects.filter(kind=OVERLAP_KIND).count() == 1
    approve(ApprovalRequest.objects.get(kind=OVERLAP_KIND))
    known = SpendOverlap.objects.get()
    page = client.post(
        reverse("cost-overlap-end", args=[known.pk]), {"reason": "Two bills."}, follow=True
    ).content.decode()
    assert "Another person approves it first" in page
    known.refresh_from_db()
    assert known.retired_at is None
