"""What `explain` answers, as one JSON-ready document for each kind of question.

Amounts are exact decimal strings; moments are ISO 8601 in UTC.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from billing.selectors.as_of import figure_as_of, past_lines
from billing.selectors.costs import CostSum
from billing.selectors.explained_charges import (
    amount_text,
    explain_charge,
    rounding_of,
    rule_text,
)
from billing.selectors.figures import status_of
from billing.selectors.forward import explain_invoice, explain_past_invoice
from billing.selectors.invoices import INVOICE_PREFIX
from billing.selectors.line_status import statuses_of_rows
from billing.selectors.lineage import LINE_ORDER, figure_sums, line_rows
from billing.selectors.listed import Listed
from billing.selectors.references import (
    CHARGE_PREFIX,
    UNALLOCATED,
    BadReferenceError,
    FigureReference,
    scope_of,
)
from billing.selectors.use_cases import UseCaseName, use_case_names
from portal.policies import AnyUser
from portal.shell.statuses import FigureStatus


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much an explanation may read; None is without end.

    Attributes:
        charges: charges to go through as of a moment.
        raw_bytes: decompressed bytes of a file on the way to a line.
    """

    charges: int | None = None
    raw_bytes: int | None = None


UNBOUNDED = Bounds()


def _sum(found: CostSum, *, now: dt.datetime) -> dict[str, Any]:
    """A sum as known at `now`, which may be an earlier moment."""
    fresh = found.as_of.isoformat() if found.as_of else None
    return {
        "currency": found.kind.currency,
        "basis": found.kind.basis,
        "billed": amount_text(found.billed_nano),
        "effective": amount_text(found.effective_nano),
        "effective_unknown": found.effective_unknown,
        "lines": found.lines,
        "status": str(status_of(found, now=now)),
        "imported_at": fresh,
    }


def explain(
    text: str,
    *,
    at: dt.datetime | None,
    now: dt.datetime,
    lines: Listed,
    user: AnyUser | None = None,
    bounds: Bounds = UNBOUNDED,
) -> dict[str, Any]:
    """What a reference names: `cost:…` and `charge:…` back, `invoice:…` forward.

    Args:
        at: as recorded at this moment; None for now.
        lines: which lines are listed.
        user: whose view of use cases counts; None is the operator at the terminal.
        bounds: how much may be read.

    Raises:
        BadReferenceError: it names nothing.
        TooManyChargesError: as of the moment, more charges than may be gone through.
    """
    if text.startswith(INVOICE_PREFIX):
        if at is not None:
            return explain_past_invoice(text, at=at, lines=lines, most=bounds.charges)
        return explain_invoice(text, now=now, lines=lines)
    if text.startswith(CHARGE_PREFIX):
        number = text.removeprefix(CHARGE_PREFIX)
        if not number.isdecimal() or len(number) > 18:
            raise BadReferenceError(f"{text!r} names no charge; expected charge:123")
        return explain_charge(int(number), at=at, now=now, most_bytes=bounds.raw_bytes)
    reference = FigureReference.parse(text)
    if at is not None:
        return explain_past_figure(reference, at=at, lines=lines, user=user, bounds=bounds)
    return explain_figure(reference, now=now, lines=lines, user=user)


def explain_figure(
    reference: FigureReference,
    *,
    now: dt.datetime,
    lines: Listed,
    user: AnyUser | None = None,
) -> dict[str, Any]:
    """A figure as it is now, with its sums and the lines asked for.

    Raises:
        BadReferenceError: it names a use case that is not there.
    """
    scope = scope_of(reference, user)
    sums = figure_sums(scope, now=now)
    found = lines.of_rows(line_rows(scope), LINE_ORDER)
    return {
        "figure": str(reference),
        "as_of": None,
        "sums": [_sum(each, now=now) for each in sums],
        "lines": sum(each.lines for each in sums),
        "allocations": _allocations(found, statuses_of_rows(found, now=now)),
        "rounding": _rounding(found),
    }


def explain_past_figure(
    reference: FigureReference,
    *,
    at: dt.datetime,
    lines: Listed,
    user: AnyUser | None = None,
    bounds: Bounds = UNBOUNDED,
) -> dict[str, Any]:
    """A figure as it was recorded at `at`, its status as it was then.

    Raises:
        BadReferenceError: it names a use case that is not there.
        TooManyChargesError: there are more charges than may be gone through.
    """
    scope = scope_of(reference, user)
    found = figure_as_of(scope, at, most=bounds.charges, page=lines.of_parts())
    told = past_lines(found)
    return {
        "figure": str(reference),
        "as_of": at.isoformat(),
        "as_of_text": f"as recorded at {at.isoformat()}",
        "sums": [_sum(each, now=at) for each in found.sums],
        "lines": sum(each.lines for each in found.sums),
        "allocations": _allocations(told, found.statuses),
        "rounding": _rounding(told),
    }


def _allocations(
    lines: Iterable[Mapping[str, Any]], statuses: Iterable[FigureStatus]
) -> list[dict[str, Any]]:
    found = list(lines)
    names = use_case_names(line["use_case_id"] for line in found)
    return [
        _allocation(line, names) | {"status": str(status)}
        for line, status in zip(found, statuses, strict=True)
    ]


def _allocation(line: Mapping[str, Any], names: Mapping[int, UseCaseName]) -> dict[str, Any]:
    use_case = names.get(line["use_case_id"])
    return {
        "charge": line["charge_number"],
        "day": line["day"].isoformat(),
        "use_case": use_case.slug if use_case else UNALLOCATED,
        "rule": rule_text(line["rule_key"], line["rule_version"], line["unallocated_reason"]),
        "rule_key": line["rule_key"],
        "rule_version": line["rule_version"],
        "provider": line["provider"],
        "service": line["service"],
        "currency": line["currency"],
        "basis": line["basis"],
        "billed": amount_text(line["billed_nano"]),
        "effective": amount_text(line["effective_nano"]),
        "charge_billed": amount_text(line["charge_billed"]),
        "file": line["file_name"],
        "line": line["line"],
        "run": line["run"],
    }


def _rounding(lines: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return rounding_of({line["run"] for line in lines})
