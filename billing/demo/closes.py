"""The demo's invoices: most months closed, one with an explained difference, one revised late."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from django.utils import timezone

from billing.choices import CloseState, VarianceReason
from billing.demo.bills import next_month, write_table
from billing.demo.steps import import_bills, write_bill
from billing.models import Invoice, PeriodClose
from billing.selectors.close_checks import checklists
from billing.selectors.month_lines import LineGroup, month_lines
from billing.services.base_refresh import refresh_split_bases
from billing.services.closes import request_close
from billing.services.invoices import explain_difference
from portal.choices import ApprovalOutcome
from portal.demo import DemoContext
from portal.models import Connection
from portal.services.approvals import decide
from portal.services.connections import create_connection
from portal.shell.money import from_nano, nano_text
from portal.shell.periods import Month

_COLUMNS = ("issuer", "number", "month", "billing_account", "currency", "total", "tax", "credits",
            "rounding", "lines")  # fmt: skip
_SURCHARGE = Decimal("18.40")  # what one invoice asks for beyond its lines
_MONTHS = 4  # how many months have invoices
_ISSUERS = ("Nimbus Cloud", "Foundry Models", "Lexica")


def build_invoices(context: DemoContext) -> None:
    """An invoice for each account of the last full months, and daily rates to read them in EUR."""
    if Invoice.objects.exists():
        return
    context.say("Invoices and exchange rates")
    months = _months(context)
    rows = [row for month in months for row in _invoices_of(month, is_dearer=month == months[0])]
    _import(context, "invoices", "Invoices by accounts payable", _COLUMNS, rows)
    _import(context, "exchange_rates", "Exchange rates, demo feed",
            ("day", "base", "quote", "rate", "source"), _rates(context))  # fmt: skip


def close_months(context: DemoContext) -> None:
    """Finance asks and another person closes what ties; then a provider revises a closed month."""
    if PeriodClose.objects.exists():
        return
    context.say("Closing months")
    months = _months(context)
    _explain(context, months[0])
    for month in months[:-1]:
        for each in checklists(month, now=timezone.now())[1]:
            if each.state != CloseState.READY:
                continue
            request = request_close(
                scope=each.scope, reason="Month-end close.", actor=context.people["finance"],
                at=context.now,
            )  # fmt: skip
            decide(
                request_id=request.pk, approver=context.people["approver"],
                outcome=ApprovalOutcome.APPROVE, seen_hash=request.content_hash, reason="",
                at=context.now,
            )  # fmt: skip
    foundry = Connection.objects.get(slug="foundry-models")
    late = months[1].start
    import_bills(context, foundry, [write_bill(context, foundry.slug, late, next_month(late),
                                               revision=1)])  # fmt: skip
    # The revision changed the direct cost by which the month's tax and credits are split. A worker
    # would split them anew within a minute, and the closed month gets its second correction.
    refresh_split_bases(at=timezone.now())


def _months(context: DemoContext) -> list[Month]:
    """The full months that have an invoice, oldest first; the newest is not settled yet."""
    newest = Month.of(context.now.date()) - 1
    first = max(Month.of(context.first_month), newest - (_MONTHS - 1))
    return [first + number for number in range(first.months_until(newest) + 1)]


def _invoices_of(month: Month, *, is_dearer: bool) -> list[dict[str, str]]:
    """What the issuers ask for: their lines, rounded to cents, with the rounding stated."""
    by_number: dict[str, list[LineGroup]] = {}
    for group in month_lines(month).groups:
        if group.key.invoice_id and group.key.issuer in _ISSUERS:
            by_number.setdefault(group.key.invoice_id, []).append(group)
    return [
        _invoice(number, month, groups, is_dearer=is_dearer)
        for number, groups in sorted(by_number.items())
    ]


def _invoice(
    number: str, month: Month, groups: list[LineGroup], *, is_dearer: bool
) -> dict[str, str]:
    key = groups[0].key
    exact = from_nano(sum(group.billed_nano for group in groups))
    rounded = exact.quantize(Decimal("0.01"))
    extra = _SURCHARGE if is_dearer and key.issuer == "Nimbus Cloud" else Decimal(0)
    return {
        "issuer": key.issuer,
        "number": number,
        "month": str(month),
        "billing_account": key.account,
        "currency": key.currency,
        "total": format(rounded + extra, "f"),
        "tax": nano_text(sum(group.billed_nano for group in groups if group.key.is_tax)),
        "credits": nano_text(sum(group.billed_nano for group in groups if group.key.is_credit)),
        "rounding": format(rounded - exact, "f"),
        "lines": str(sum(group.lines for group in groups)),
    }


def _rates(context: DemoContext) -> list[dict[str, str]]:
    """A rate at the end of each month of the programme."""
    rows = []
    month = Month.of(context.first_month)
    while month.end <= context.now.date():
        steps = Decimal(month.months_until(Month.of(context.now.date())))
        rows.append(
            {
                "day": (month.end - timedelta(days=1)).isoformat(),
                "base": "USD",
                "quote": "EUR",
                "rate": format(Decimal("0.8734") + steps / Decimal(1000), "f"),
                "source": "Demo feed, not a market rate",
            }
        )
        month += 1
    return rows


def _import(
    context: DemoContext,
    source: str,
    name: str,
    columns: tuple[str, ...],
    rows: list[dict[str, str]],
) -> None:
    if not rows:
        return
    slug = source.replace("_", "-")
    connection = Connection.objects.filter(slug=slug).first() or create_connection(
        slug=slug, source=source, name=name, at=context.now, actor=context.people["admin"]
    )
    path: Path = context.spool / f"{slug}.csv"
    write_table(path, columns, rows)
    import_bills(context, connection, [path])


def _explain(context: DemoContext, month: Month) -> None:
    """The support fee that no cost line shows, explained by finance."""
    for each in checklists(month, now=timezone.now())[1]:
        for own in each.invoices:
            if own.residual_nano:
                explain_difference(
                    invoice_id=own.invoice.pk, reason=VarianceReason.MISSING_LINES,
                    amount_nano=own.residual_nano,
                    note="Support fee; on page 2 of the document, not in the export.",
                    actor=context.people["finance"], at=context.now,
                )  # fmt: skip
