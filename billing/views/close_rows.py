"""Records of the tables about reconciling and closing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from django.urls import reverse

from billing.choices import CostBasis, VarianceReason
from billing.models import CloseCorrection, PeriodClose
from billing.selectors.close_checks import Checklist
from billing.selectors.close_figures import (
    COMPONENTS,
    moved_between,
    payable_between,
    text_nano,
)
from billing.selectors.closes import statuses_of_correction
from billing.selectors.invoice_status import MonthStatuses
from billing.selectors.moments import moment_key
from billing.selectors.month_lines import LineGroup
from billing.selectors.reconciliation import Reconciled
from billing.selectors.uninvoiced import Uninvoiced, left_out_nano
from portal.shell.formats import nano_money_text, number_text
from portal.shell.money import from_nano
from portal.shell.statuses import FigureStatus

_OTHERWISE = {
    CostBasis.ESTIMATED: "Nothing: an estimate is not billed",
}
_ELSEWHERE = "Nothing: another source has it and counts"


def reconciliation_rows(
    invoices: Sequence[Reconciled],
    lists: Sequence[Checklist],
    statuses: MonthStatuses,
    stated: Sequence[FigureStatus],
    *,
    at: dt.datetime | None = None,
) -> list[dict[str, Any]]:
    """One row an invoice.

    Args:
        stated: how settled is what each invoice states.
        at: the moment that links stay at; None is now.
    """
    states = {each.invoice.pk: lst.state for lst in lists for each in lst.invoices}
    return [
        {
            "pk": each.invoice.pk,
            "as_of": moment_key(at) if at else "",
            "number": each.invoice.number,
            "issuer": each.invoice.issuer,
            "matched_by": each.matched_by.value,
            "lines": each.lines,
            **{f"{name}_nano": getattr(each, f"{name}_nano") for name in COMPONENTS},
            "total_nano": each.invoice.total_nano,
            "residual_nano": each.residual_nano,
            "currency": each.invoice.currency,
            "state": states[each.invoice.pk].value,
            "status": status,
            **_part_statuses(each, statuses, status),
        }
        for each, status in zip(invoices, stated, strict=True)
    ]


def _part_statuses(
    own: Reconciled, statuses: MonthStatuses, stated: FigureStatus
) -> dict[str, FigureStatus]:
    """The status of every part of an invoice: of its lines, of its document, or of both."""
    invoice, keys = own.invoice, [group.key for group in own.groups]
    lines = statuses.of_lines(keys)
    taxes = (key for key in keys if key.is_tax)
    credits_ = (key for key in keys if key.is_credit)
    return {
        "lines_status": lines,
        "tax_status": lines if invoice.tax_in_lines else statuses.of_lines(taxes, stated),
        "credits_status": lines
        if invoice.credits_in_lines
        else statuses.of_lines(credits_, stated),
        "residual_status": statuses.of_lines(keys, stated),
    }


def loose_rows(
    groups: Sequence[LineGroup], sources: Mapping[int, str], statuses: MonthStatuses
) -> list[dict[str, Any]]:
    """Lines on no invoice; `sources` are names of connections."""
    return [
        {
            "issuer": group.key.issuer,
            "account": group.key.account,
            "source": sources.get(group.key.connection_id, ""),
            "category": group.key.category,
            "invoice_id": group.key.invoice_id,
            "lines": group.lines,
            "billed_nano": group.billed_nano,
            "left_out_nano": left_out_nano(group) or None,
            "currency": group.key.currency,
            "basis": CostBasis(group.key.basis).label,
            "status": statuses.of_lines([group.key]),
        }
        for group in groups
    ]


def uninvoiced_rows(found: Sequence[Uninvoiced], statuses: MonthStatuses) -> list[dict[str, Any]]:
    """Cost that no invoice takes, with what is missing."""
    return [
        {
            "issuer": each.scope.issuer,
            "account": each.scope.account,
            "lines": each.lines,
            "billed_nano": each.billed_nano,
            "currency": each.scope.currency,
            "basis": CostBasis(each.basis).label,
            "status": statuses.of_lines(each.keys),
            "missing": " ".join(each.missing) or _OTHERWISE.get(CostBasis(each.basis), _ELSEWHERE),
        }
        for each in found
    ]


def frozen_rows(close: PeriodClose, invoices: Mapping[str, int]) -> list[dict[str, Any]]:
    """Every frozen amount; `invoices` are ids by number, for links."""
    rows = []
    for invoice in close.figures["invoices"]:
        pk = invoices.get(invoice["number"])
        for name in (*COMPONENTS, "total", "residual"):
            rows.append(
                {
                    "place": f"{invoice['number']}: {name}",
                    "url": reverse("invoice", args=[pk]) if pk else "",
                    "note": _note(invoice, name, close.currency),
                    "amount_nano": text_nano(invoice[name]),
                    "currency": close.currency,
                    "status": FigureStatus.CLOSED,
                }
            )
    return rows


def _note(invoice: Mapping[str, Any], name: str, currency: str) -> str:
    """Where an amount comes from that is not only the lines'."""
    stated = invoice["stated"].get(name)
    if name == "rounding" and stated is not None:
        return f"{number_text(from_nano(text_nano(stated)), None)} {currency} stated on the invoice"
    return ""


def frozen_explanations(close: PeriodClose, invoices: Mapping[str, int]) -> list[dict[str, Any]]:
    """What people had explained when the month was closed: reason, amount, note, who."""
    labels = dict(VarianceReason.choices)
    return [
        {
            "number": invoice["number"],
            "url": reverse("invoice", args=[invoices[invoice["number"]]])
            if invoice["number"] in invoices
            else "",
            "reason": str(labels.get(each["reason"], each["reason"])),
            "note": each["note"],
            "amount_nano": text_nano(each["amount"]),
            "currency": close.currency,
            "who": each["by"],
            "status": FigureStatus.CLOSED,
        }
        for invoice in close.figures["invoices"]
        for each in invoice["variances"]
    ]


def move_rows(correction: CloseCorrection, currency: str) -> list[dict[str, Any]]:
    """What one correction moved, place by place."""
    rows = []
    was, became = statuses_of_correction(correction.number)
    for each in correction.moves:
        old, new = (None if each[w] is None else text_nano(each[w]) for w in ("old", "new"))
        rows.append(
            {
                "place": each["place"],
                "old_nano": old,
                "new_nano": new,
                "moved_nano": None if old is None or new is None else new - old,
                "old_status": was,
                "new_status": became,
                "currency": currency,
            }
        )
    return rows


def moved_text(correction: CloseCorrection, currency: str) -> str:
    """How much changed its place, by how much more the invoices ask, what nobody has explained."""
    told = {
        "Moved": moved_between(correction.moves),
        "To pay": payable_between(correction.moves),
        "Not explained since": correction.residual_nano,
    }
    return " ".join(
        f"{name}: {nano_money_text(nano, currency)}."
        for name, nano in told.items()
        if nano or name == "Moved"
    )
