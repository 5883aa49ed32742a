"""Billing's demo of other sources: a bill in euros, saved answers, seats, a gateway, a reseller."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from django.utils import timezone

from billing.choices import PlanPeriod
from billing.demo.answers import Workspaces, pdf_of, seat_rows, write_gateway
from billing.demo.bills import COLUMNS, Bill, next_month, write_table
from billing.demo.steps import CONTRACTS, import_bills, trial_of, was_imported, write_bill
from billing.models import PricePlan, SpendOverlap
from billing.services.overlap_requests import say_overlap
from billing.services.overlaps import OverlapDraft
from billing.services.plans import PlanDraft, create_plan
from billing.services.seat_entry import enter_seats
from portal.demo import SEED, DemoContext
from portal.imports.runner import execute_run
from portal.models import Connection
from portal.services.connections import create_connection
from portal.services.imports import Upload
from portal.shell.periods import Month

_EURO_MONTHS = 5  # with the one that is running
_SAVED_MONTHS = 3
_SEATS = 12
_SEAT_PRICE = Decimal(25)


def build_euro_bill(context: DemoContext) -> None:
    """A provider that bills in euros, for a use case that is only proposed."""
    if was_imported("lexica"):
        return
    connection = _connect(context, "lexica", "focus", "Lexica, FOCUS export in EUR")
    today = context.now.date()
    paths = []
    for month in _months(context, _EURO_MONTHS):
        path = context.spool / f"lexica-{month}.csv"
        bill = Bill((), month=month.start, until=today, seed=SEED)
        bill.write_lexica(path, CONTRACTS)
        paths.append(path)
    import_bills(context, connection, paths)


def build_saved_answers(context: DemoContext) -> None:
    """Cost and tokens by model, from a provider's own reports; a reseller bills a month of it too.

    Nobody has said yet whether the second one is the same money.
    """
    if was_imported("anthropic"):
        return
    connection = _connect(context, "anthropic", "anthropic", "Anthropic, saved reports",
                          {"organization": "org-plumb-claude"})  # fmt: skip
    today = context.now.date()
    workspaces = Workspaces(
        [f"ws-{trial_of(context) or 'trial'}", "ws-sandbox"],
        first=_months(context, _SAVED_MONTHS)[0].start, until=today, seed=SEED,
    )  # fmt: skip
    import_bills(context, connection, workspaces.write(context.spool))
    last = Month.of(today) - 1
    resold = [
        _resold(day, amount) for day, amount in workspaces.daily_sums() if Month.of(day) == last
    ]
    path = context.spool / "marketplace.csv"
    write_table(path, COLUMNS, resold)
    reseller = _connect(context, "nimbus-marketplace", "focus", "Nimbus Marketplace, FOCUS",
                        {"cost_basis": "metered"})  # fmt: skip
    import_bills(context, reseller, [path])


def _resold(day: date, amount: Decimal) -> dict[str, str]:
    """A line of the marketplace: a day of all workspaces, at the price that they were metered."""
    month = Month.of(day)
    return {
        **dict.fromkeys(("BilledCost", "EffectiveCost", "ListCost", "ContractedCost"),
                        format(amount, "f")),
        "BillingAccountId": "marketplace-31", "BillingAccountName": "Acme at Nimbus Marketplace",
        "BillingCurrency": "USD", "BillingPeriodStart": f"{month.start}T00:00:00Z",
        "BillingPeriodEnd": f"{month.end}T00:00:00Z",
        "ChargePeriodStart": f"{day}T00:00:00Z", "ChargePeriodEnd": f"{day}T23:59:59Z",
        "ChargeCategory": "Usage", "ChargeFrequency": "Usage-Based",
        "ChargeDescription": "Claude API through the marketplace",
        "InvoiceIssuerName": "Nimbus Cloud", "ProviderName": "Anthropic",
        "PublisherName": "Anthropic", "ServiceCategory": "AI and Machine Learning",
        "ServiceName": "Claude API", "Tags": "{}",
    }  # fmt: skip


def build_seats(context: DemoContext) -> None:
    """The price of a plan, and seats of three months with the invoice that they came on."""
    if was_imported("coding-seats"):
        return
    today = context.now.date()
    if not PricePlan.objects.exists():
        create_plan(
            draft=PlanDraft(
                provider="Anthropic", key="claude-team", name="Claude Team",
                valid_from=context.first_month, valid_until=None, currency="USD",
                seat_price=_SEAT_PRICE, seat_period=PlanPeriod.MONTH, included_credits=None,
                overage_price=None, source="Order form 2026-014",
            ),
            actor=context.people["finance"], at=context.now,
        )  # fmt: skip
    connection = _connect(context, "coding-seats", "seats", "Seats of the coding assistant")
    months = [(month.start, next_month(month.start)) for month in _months(context, 3)]
    invoice = pdf_of([
        "Invoice CT-2026-014", f"Claude Team, {_SEATS} seats, {len(months)} months",
        f"{_SEATS * len(months) * _SEAT_PRICE} USD", f"Issued {today:%B %Y}",
    ])  # fmt: skip
    run = enter_seats(
        connection=connection, rows=seat_rows(months, seats=_SEATS),
        document=Upload("invoice-CT-2026-014.pdf", io.BytesIO(invoice)), is_dry_run=False,
        actor=context.people["finance"], at=timezone.now(),
    )  # fmt: skip
    execute_run(run.pk, clock=timezone.now)


def build_gateway(context: DemoContext) -> None:
    """A proxy's estimates of what Foundry invoices; finance has said that they are one money."""
    if not was_imported("model-gateway"):
        connection = _connect(context, "model-gateway", "litellm", "Model gateway (LiteLLM)",
                              {"dataset": "daily_activity"})  # fmt: skip
        today = context.now.date()
        paths = []
        for month in _months(context, _SAVED_MONTHS):
            bill = write_bill(context, "foundry-models", month.start, today)
            paths.append(write_gateway(context.spool / f"gateway-{month}.json", bill))
        import_bills(context, connection, paths)
    if SpendOverlap.objects.exists():
        return
    say_overlap(
        draft=OverlapDraft(
            counted=Connection.objects.get(slug="foundry-models"),
            other=Connection.objects.get(slug="model-gateway"),
            first=_months(context, _SAVED_MONTHS)[0],
            reason="All calls to Foundry go through the gateway; Foundry sends the bill.",
        ),
        actor=context.people["finance"], at=context.now,
    )  # fmt: skip


def _months(context: DemoContext, most: int) -> list[Month]:
    """The newest months of the programme, oldest first; the running one is the last.

    On its first day it has no day to tell of, and is left out.
    """
    today = context.now.date()
    newest = Month.of(today) if today.day > 1 else Month.of(today) - 1
    first = max(Month.of(context.first_month), newest - (most - 1))
    return [first + number for number in range(first.months_until(newest) + 1)]


def _connect(
    context: DemoContext,
    slug: str,
    source: str,
    name: str,
    config: Mapping[str, str] | None = None,
) -> Connection:
    context.say(name)
    return Connection.objects.filter(slug=slug).first() or create_connection(
        slug=slug, source=source, name=name, config=config, at=context.now,
        actor=context.people["admin"],
    )  # fmt: skip
