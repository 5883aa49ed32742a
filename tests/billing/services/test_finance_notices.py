"""Finance is told of what it would else have to look for, each occasion once."""

from __future__ import annotations

import datetime as dt

import pytest

from billing.addresses import invoice_address, unmapped_address
from billing.models import CloseCorrection
from billing.services.finance_notices import TOLD_FOR, tell_differences, tell_news
from billing.services.unmapped_notices import tell_by_morning
from portal.choices import Role
from portal.models import Notice, User
from tests.adoption.factories import make_use_case, make_user
from tests.billing.closing import MAY, bill_line, close, make_invoice
from tests.billing.factories import give_all
from tests.imports import START, Clock, line, make_connection, run_import

pytestmark = pytest.mark.django_db
LATER, HOUR = START + dt.timedelta(days=5), dt.timedelta(hours=1)
IN_JUNE = dt.datetime(2026, 6, 10, 6, 30, tzinfo=dt.UTC)


def text_of(user: User) -> str:
    return Notice.objects.get(user=user).text.replace("\xa0", " ").replace("\u2212", "-")


def told(user: User) -> list[tuple[str, str]]:
    rows = Notice.objects.filter(user=user).order_by("pk")
    return [(each.key.partition(":")[0], each.title) for each in rows]


def test_a_correction_of_a_closed_month_is_told_once_to_finance_alone() -> None:
    finance, employee = make_user(Role.FINANCE), make_user()
    cloud = make_connection()
    run_import(cloud, [bill_line(3, "1.00"), bill_line(4, "2.00")])
    close(make_invoice(actor=finance))
    tell_news(at=START)
    assert not told(finance)  # whoever entered the invoice knows it
    run_import(cloud, [bill_line(3, "1.00"), bill_line(4, "2.50")], clock=Clock(LATER))
    tell_news(at=LATER + HOUR)
    assert not tell_news(at=LATER + HOUR)
    assert told(finance) == [
        ("billing.correction", "Cloud Ltd, May 2026: a closed month was corrected")
    ]
    assert "came to 3.00 USD and come to 3.50 USD now" in text_of(finance)
    assert "-0.50 USD is not explained" in text_of(finance)
    assert not told(employee)


def test_what_is_old_is_not_told_to_somebody_new() -> None:
    cloud = make_connection()
    run_import(cloud, [bill_line(3, "3.00")])
    close(make_invoice())
    run_import(cloud, [bill_line(3, "3.50")], clock=Clock(LATER))
    assert CloseCorrection.objects.exists()
    late = make_user(Role.FINANCE)
    assert not [
        each for each in tell_news(at=LATER + TOLD_FOR + dt.timedelta(days=1)) if each.user == late
    ]


def test_a_new_invoice_is_told_to_the_others_and_a_later_version_to_nobody() -> None:
    entered, other = make_user(Role.FINANCE), make_user(Role.FINANCE)
    october = dt.date(2026, 10, 1)
    make_invoice("3.00", actor=entered, month=october)
    make_invoice("5.00", actor=entered, number="INV-0")  # of May: brought with the past
    tell_news(at=START)
    make_invoice("4.00", actor=entered, month=october, at=LATER)
    tell_news(at=LATER)
    assert told(other) == [("billing.invoice", "New invoice: Cloud Ltd INV-1")]
    assert text_of(other) == "3.00 USD for Oct 2026."
    assert not told(entered)


@pytest.mark.parametrize(
    ("total", "is_told"),
    [("20000", False), ("20100", False), ("20100.000000001", True), ("19899.99", True)],
)
def test_a_difference_above_half_a_percent_and_fifty_units_is_told_once(
    total: str, is_told: bool
) -> None:
    """Half a percent of 20,100 is 100.50: the lines leave 100 of it, and a nano-unit."""
    finance = make_user(Role.FINANCE)
    lines = "20000" if total != "20100.000000001" else "19999.5"
    run_import(make_connection(), [bill_line(3, lines)])
    make_invoice(total, actor=finance)
    tell_differences(at=IN_JUNE)
    tell_differences(at=IN_JUNE)
    assert [key for key, _ in told(finance)] == ["billing.difference"] * is_told
    assert not tell_differences(at=IN_JUNE.replace(month=9)), "its month is long past"


def test_a_small_invoice_may_differ_by_fifty_and_one_without_lines_is_not_a_difference() -> None:
    make_user(Role.FINANCE)
    run_import(make_connection(), [bill_line(3, "60")])
    make_invoice("110")
    make_invoice("5000", number="INV-2", month=MAY.start)
    assert not tell_differences(at=IN_JUNE)
    larger = make_invoice("110.000000001", at=LATER)
    assert {each.link for each in tell_differences(at=IN_JUNE)} == {invoice_address(larger.pk)}


@pytest.mark.both_engines
def test_new_names_with_cost_are_told_once_and_counted_without_being_named() -> None:
    cloud, day = make_connection(), dt.timedelta(days=1)
    finance, employee = make_user(Role.FINANCE), make_user()
    give_all(make_use_case(), value="triage")  # what has a rule is not told

    def key(name: str, cost: str) -> dict[str, str]:
        return line(3, cost, ResourceId="", SubAccountId="", x_ApiKeyId=name, Tags="{}")

    rows = [key("alice-key", "50"), key("bob-key", "50.000000001"), key("new-key", "70"),
            line(3, "500", SubAccountId="mine")]  # fmt: skip
    run_import(cloud, rows)
    assert finance in {each.user for each in tell_by_morning(at=IN_JUNE)}
    assert told(finance) == [("billing.unmapped", "2 new names with cost and without a use case")]
    assert text_of(finance).startswith(
        "No rule takes 2 API keys, each with more than 50 of its currency since Apr 2026."
    )
    assert Notice.objects.get(user=finance).link == unmapped_address()
    assert "-key" not in text_of(finance)
    # What came since is told on the next day, and what was told is not.
    run_import(cloud, [key("alice-key", "51"), *rows[1:]], clock=Clock(LATER))
    assert not tell_by_morning(at=IN_JUNE + dt.timedelta(hours=2))
    notices = tell_by_morning(at=IN_JUNE + day)
    assert {each.title for each in notices} == {"1 new name with cost and without a use case"}
    assert not tell_by_morning(at=IN_JUNE + 2 * day)
    assert not told(employee)
