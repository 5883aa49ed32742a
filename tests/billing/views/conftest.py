"""A small bill with a rule, and one person of each kind."""

from __future__ import annotations

from dataclasses import dataclass, fields

import pytest
from django.test import Client
from django.urls import reverse

from adoption.models import UseCase
from billing.models import AllocationRule, Charge
from portal.choices import Role
from portal.models import User
from tests.adoption.factories import make_use_case, make_user
from tests.billing.factories import make_rule
from tests.imports import Clock, line, make_connection, run_import
from tests.standing import Stand, standing

__all__ = ["Bill", "bill", "finance", "make_bill", "standing", "standing_bill"]

LONG = "Managed inference endpoints for large language models, provisioned throughput, " * 2


@dataclass(frozen=True)
class Bill:
    """One use case that gets three quarters of what carries its tag, twice imported."""

    use_case: UseCase
    empty: UseCase
    rule: AllocationRule
    charge: Charge
    superseded: Charge
    finance: User
    lead: User
    employee: User

    def url(self, name: str) -> str:
        arguments: dict[str, list[object]] = {
            "charge": [self.charge.pk],
            "allocation-rule": [self.rule.key],
            "allocation-rule-edit": [self.rule.key],
            "allocation-rule-retire": [self.rule.key],
            "use-case": [self.use_case.slug],
        }
        address = reverse(name, args=arguments.get(name, []))
        return f"{address}?use_case={self.use_case.slug}" if name == "cost-lineage" else address


def make_bill() -> Bill:
    """Import it."""
    finance = make_user(Role.FINANCE, name="Fay Finance")
    case = make_use_case(title="Answer drafts", owner=finance)
    rule = make_rule((case, 750_000), name="Drafts by tag", actor=finance)
    cloud, clock = make_connection(), Clock()
    rows = [
        line(3, "100", EffectiveCost="80", ServiceName=LONG.strip()),
        line(4, "20", EffectiveCost="20"),
        line(5, "-4", EffectiveCost="-4", ChargeCategory="Credit"),
        line(6, "7", Tags='{"team": "search"}', SubAccountId="acc-1", SubAccountName="Search"),
        line(7, "0.0042", Tags='{"team": "<b>bold</b>"}', SubAccountId="acc-2"),
    ]
    # A file has one header: every row has every column.
    rows = [{"SubAccountId": "", "SubAccountName": ""} | row for row in rows]
    run_import(cloud, rows, clock=clock)
    rows[1] = rows[1] | {"BilledCost": "24"}
    run_import(cloud, rows, clock=clock)
    return Bill(
        use_case=case,
        empty=make_use_case(title="Nothing yet", owner=finance),
        rule=rule,
        charge=Charge.objects.get(billed_nano=24 * 10**9),
        superseded=Charge.objects.get(superseded_at__isnull=False),
        finance=finance,
        lead=make_user(Role.PROGRAMME_LEAD),
        employee=make_user(),
    )


@pytest.fixture(scope="module")
def standing_bill(standing: Stand) -> Bill:
    """Made once a module; what a test does to it is rolled back."""
    return standing(make_bill)


@pytest.fixture
def bill(standing_bill: Bill, db: None) -> Bill:
    """The bill as it is stored, read anew for each test."""
    rows = {each.name: getattr(standing_bill, each.name) for each in fields(Bill)}
    return Bill(**{name: type(row).objects.get(pk=row.pk) for name, row in rows.items()})


@pytest.fixture
def finance_alone(client: Client) -> Client:
    """Somebody of finance, and no bill yet."""
    client.force_login(make_user(Role.FINANCE))
    return client


@pytest.fixture
def finance(bill: Bill) -> Client:
    client = Client()
    client.force_login(bill.finance)
    return client
