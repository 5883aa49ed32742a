"""What `explain` answers, as one JSON-ready document for each kind of question.

Amounts are exact decimal strings; moments are ISO 8601 in UTC.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from billing.choices import UnallocatedReason
from billing.models import Allocation, Charge
from billing.selectors.as_of import PastSum, figure_as_of, past_lines
from billing.selectors.charges import (
    allocations_of_charge,
    attributes_of_charge,
    charge_for_page,
    history_of_charge,
    tags_of_charge,
)
from billing.selectors.costs import CostSum
from billing.selectors.forward import explain_invoice
from billing.selectors.invoices import INVOICE_PREFIX
from billing.selectors.lineage import figure_sums, stream_lines
from billing.selectors.raw_records import raw_record
from billing.selectors.references import (
    CHARGE_PREFIX,
    UNALLOCATED,
    BadReferenceError,
    FigureReference,
    scope_of,
)
from billing.selectors.use_cases import UseCaseName, use_case_names
from portal.policies import AnyUser
from portal.shell.money import nano_text


def _amount(nano: int | None) -> str | None:
    return None if nano is None else nano_text(nano)


def _sum(found: CostSum | PastSum) -> dict[str, Any]:
    return {
        "currency": found.kind.currency,
        "basis": found.kind.basis,
        "billed": _amount(found.billed_nano),
        "effective": _amount(found.effective_nano),
        "effective_unknown": found.effective_unknown,
        "lines": found.lines,
    }


def _present_sum(found: CostSum) -> dict[str, Any]:
    fresh = found.as_of.isoformat() if found.as_of else None
    return _sum(found) | {"status": str(found.finality), "imported_at": fresh}


def explain(
    text: str,
    *,
    at: dt.datetime | None,
    now: dt.datetime,
    limit: int | None,
    user: AnyUser | None = None,
) -> dict[str, Any]:
    """What a reference names: `cost:…` and `charge:…` back, `invoice:…` forward.

    Args:
        at: as recorded at this moment; None for now. An invoice is told as it is now.
        limit: how many lines at most; None for all.
        user: whose view of use cases counts; None is the operator at the terminal.

    Raises:
        BadReferenceError: it names nothing.
    """
    if text.startswith(INVOICE_PREFIX):
        if at is not None:
            raise BadReferenceError("an invoice is explained as it is now; leave as_of out")
        return explain_invoice(text, limit=limit)
    if text.startswith(CHARGE_PREFIX):
        number = text.removeprefix(CHARGE_PREFIX)
        if not number.isdecimal() or len(number) > 18:
            raise BadReferenceError(f"{text!r} names no charge; expected charge:123")
        return explain_charge(int(number), at=at)
    reference = FigureReference.parse(text)
    if at is not None:
        return explain_past_figure(reference, at=at, limit=limit, user=user)
    return explain_figure(reference, now=now, limit=limit, user=user)


def explain_figure(
    reference: FigureReference,
    *,
    now: dt.datetime,
    limit: int | None,
    user: AnyUser | None = None,
) -> dict[str, Any]:
    """A figure as it is now, with its sums and at most `limit` lines.

    Raises:
        BadReferenceError: it names a use case that is not there.
    """
    scope = scope_of(reference, user)
    sums = figure_sums(scope, now=now)
    lines = list(islice(stream_lines(scope), limit))
    return {
        "figure": str(reference),
        "as_of": None,
        "sums": [_present_sum(each) for each in sums],
        "lines": sum(each.lines for each in sums),
        "allocations": _allocations(lines),
    }


def explain_past_figure(
    reference: FigureReference,
    *,
    at: dt.datetime,
    limit: int | None,
    user: AnyUser | None = None,
) -> dict[str, Any]:
    """A figure as it was recorded at `at`.

    Raises:
        BadReferenceError: it names a use case that is not there.
    """
    found = figure_as_of(scope_of(reference, user), at, limit=limit)
    return {
        "figure": str(reference),
        "as_of": at.isoformat(),
        "as_of_text": f"as recorded at {at.isoformat()}",
        "sums": [_sum(each) for each in found.sums],
        "lines": sum(each.lines for each in found.sums),
        "allocations": _allocations(past_lines(found)),
    }


def _allocations(lines: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    found = list(lines)
    names = use_case_names(line["use_case_id"] for line in found)
    return [_allocation(line, names) for line in found]


def _allocation(line: Mapping[str, Any], names: Mapping[int, UseCaseName]) -> dict[str, Any]:
    use_case = names.get(line["use_case_id"])
    return {
        "charge": line["charge_number"],
        "day": line["day"].isoformat(),
        "use_case": use_case.slug if use_case else UNALLOCATED,
        "rule": _rule(line["rule_key"], line["rule_version"], line["unallocated_reason"]),
        "provider": line["provider"],
        "service": line["service"],
        "currency": line["currency"],
        "basis": line["basis"],
        "billed": _amount(line["billed_nano"]),
        "effective": _amount(line["effective_nano"]),
        "charge_billed": _amount(line["charge_billed"]),
        "file": line["file_name"],
        "line": line["line"],
        "run": line["run"],
    }


def _rule(key: str | None, version: int | None, reason: str) -> str:
    return f"{key} v{version}" if key else str(reason or UnallocatedReason.NO_RULE.value)


def explain_charge(number: int, *, at: dt.datetime | None) -> dict[str, Any]:
    """One cost line: amounts, attributes, versions, where it went, and its record in the file.

    With `at`, the version of the line that was live then.

    Raises:
        BadReferenceError: there is no such line, or none of its versions was live at `at`.
    """
    charge = charge_for_page(None, number)
    if charge is None:
        raise BadReferenceError(f"there is no charge {number}")
    versions = history_of_charge(charge)
    if at is not None:
        charge = _live_at(charge, versions, at)
    raw = raw_record(sha256=charge.file.sha256, line=charge.line, most_bytes=None)
    return {
        "figure": f"{CHARGE_PREFIX}{charge.pk}",
        "as_of": at.isoformat() if at else None,
        "charge": _charge_facts(charge),
        "allocations": [_part(part, charge) for part in allocations_of_charge(charge)],
        "versions": [_version(each) for each in versions],
        "raw": {"text": raw.text, "problem": raw.problem},
    }


def _live_at(charge: Charge, versions: list[Charge], at: dt.datetime) -> Charge:
    for each in versions:
        if each.recorded_at <= at and (each.superseded_at is None or at < each.superseded_at):
            found = charge_for_page(None, each.pk)
            if found is not None:
                return found
    raise BadReferenceError(f"no version of charge {charge.pk} was live at {at.isoformat()}")


def _charge_facts(charge: Charge) -> dict[str, Any]:
    return {
        "day": charge.day.isoformat(),
        "currency": charge.currency,
        "basis": charge.cost_basis,
        "billed": _amount(charge.billed_nano),
        "effective": _amount(charge.effective_nano),
        "list": _amount(charge.list_nano),
        "contracted": _amount(charge.contracted_nano),
        "file": charge.file.name,
        "line": charge.line,
        "run": charge.run_id,
        "recorded_at": charge.recorded_at.isoformat(),
        "superseded_at": charge.superseded_at.isoformat() if charge.superseded_at else None,
        "attributes": dict(attributes_of_charge(charge)),
        "tags": dict(tags_of_charge(charge)),
    }


def _part(part: Allocation, charge: Charge) -> dict[str, Any]:
    rule = part.rule
    return {
        "charge": charge.pk,
        "use_case": part.use_case.slug if part.use_case else UNALLOCATED,
        "rule": _rule(
            rule.key if rule else None, rule.version if rule else None, part.unallocated_reason
        ),
        "currency": charge.currency,
        "billed": _amount(part.billed_nano),
        "effective": _amount(part.effective_nano),
    }


def _version(charge: Charge) -> dict[str, Any]:
    return {
        "charge": charge.pk,
        "state": "superseded" if charge.superseded_at else "live",
        "billed": _amount(charge.billed_nano),
        "effective": _amount(charge.effective_nano),
        "recorded_at": charge.recorded_at.isoformat(),
        "superseded_at": charge.superseded_at.isoformat() if charge.superseded_at else None,
        "file": charge.file.name,
        "line": charge.line,
        "run": charge.run_id,
    }
