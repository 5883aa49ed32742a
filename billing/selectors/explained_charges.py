"""One cost line explained: its amounts as stored and as written, and where its parts went."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any, NamedTuple

from billing.allocation.sharing import Part, Rounded, Rounding
from billing.choices import UnallocatedReason
from billing.models import Charge, ChargeSlice
from billing.selectors.charges import (
    allocations_of_charge,
    attributes_of_charge,
    charge_for_page,
    history_of_charge,
    tags_of_charge,
)
from billing.selectors.costs import Surroundings
from billing.selectors.freshness import last_applied_runs
from billing.selectors.line_status import (
    LineBook,
    facts_of,
    slice_facts,
    statuses_of_versions,
)
from billing.selectors.raw_records import RawRecord, raw_record
from billing.selectors.references import CHARGE_PREFIX, UNALLOCATED, BadReferenceError
from billing.selectors.rounding import UNIT, residues_of, rounded_parts, written_amounts
from billing.selectors.trials import allocator_for, rules_recorded_at, stream_charges
from billing.selectors.use_cases import use_case_names
from portal.shell.money import nano_text
from portal.shell.statuses import FigureStatus


class _Went(NamedTuple):
    """A part of the line, and by what it went where."""

    part: Part
    rule_key: str | None
    rule_version: int | None
    rounded: Rounded | None


def amount_text(nano: int | None) -> str | None:
    """An amount as exact decimal text; None stays None."""
    return None if nano is None else nano_text(nano)


def rule_text(key: str | None, version: int | None, reason: str) -> str:
    """The rule that took a part, or why none did."""
    return f"{key} v{version}" if key else str(reason or UnallocatedReason.NO_RULE.value)


def rounding_of(runs: Iterable[int]) -> dict[str, Any]:
    """How amounts were rounded, and what each of these runs lost or gained by it. One query."""
    return {
        "unit": UNIT,
        "mode": "half_even",
        "runs": [
            {"run": each.run, "url": each.url, "residue": each.residue}
            for each in residues_of(runs)
        ],
    }


def explain_charge(
    number: int, *, at: dt.datetime | None, now: dt.datetime, most_bytes: int | None = None
) -> dict[str, Any]:
    """One cost line: amounts, attributes, versions, where it went, and its record in the file.

    With `at`, the version of the line that was live then, with its status of then, and where the
    rules of then put it. Its versions are always told as they are now.

    Args:
        most_bytes: how many decompressed bytes of its file may be read on the way; None: all.

    Raises:
        BadReferenceError: there is no such line, or none of its versions was live at `at`.
    """
    charge = charge_for_page(None, number)
    if charge is None:
        raise BadReferenceError(f"there is no charge {number}")
    versions = history_of_charge(charge)
    if at is not None:
        charge = _live_at(charge, versions, at)
    raw = raw_record(sha256=charge.file.sha256, line=charge.line, most_bytes=most_bytes)
    statuses = statuses_of_versions(charge, versions, now=now)
    status = statuses[charge.pk] if at is None else _status_at(charge, at)
    parts = _stored(charge) if at is None else _worked_out(charge, at)
    return {
        "figure": f"{CHARGE_PREFIX}{charge.pk}",
        "as_of": at.isoformat() if at else None,
        "charge": _charge_facts(charge, raw) | {"status": str(status)},
        "allocations": [part | {"status": str(status)} for part in _parts(charge, parts)],
        "rounding": rounding_of([charge.run_id]),
        "versions": [_version(each) | {"status": str(statuses[each.pk])} for each in versions],
        "raw": {"text": raw.text, "problem": raw.problem},
    }


def _live_at(charge: Charge, versions: list[Charge], at: dt.datetime) -> Charge:
    for each in versions:
        if each.recorded_at <= at and (each.superseded_at is None or at < each.superseded_at):
            found = charge_for_page(None, each.pk)
            if found is not None:
                return found
    raise BadReferenceError(f"no version of charge {charge.pk} was live at {at.isoformat()}")


def _status_at(charge: Charge, at: dt.datetime) -> FigureStatus:
    """How settled the line was. Five queries."""
    slices = slice_facts(ChargeSlice.objects.filter(pk=charge.slice_id), until=at)
    book = LineBook(slices, Surroundings((), last_applied_runs(until=at), at))
    return book.status_of_line(facts_of(charge), charge.cost_basis)


def _charge_facts(charge: Charge, raw: RawRecord) -> dict[str, Any]:
    return {
        "day": charge.day.isoformat(),
        "currency": charge.currency,
        "basis": charge.cost_basis,
        "billed": amount_text(charge.billed_nano),
        "effective": amount_text(charge.effective_nano),
        "list": amount_text(charge.list_nano),
        "contracted": amount_text(charge.contracted_nano),
        "written": written_amounts(charge, raw),
        "file": charge.file.name,
        "line": charge.line,
        "run": charge.run_id,
        "recorded_at": charge.recorded_at.isoformat(),
        "superseded_at": charge.superseded_at.isoformat() if charge.superseded_at else None,
        "attributes": dict(attributes_of_charge(charge)),
        "tags": dict(tags_of_charge(charge)),
    }


def _stored(charge: Charge) -> list[_Went]:
    """Its parts now; of a superseded line, as they were last."""
    parts = allocations_of_charge(charge)
    rounded = rounded_parts(charge, parts)
    return [
        _Went(
            Part(each.rule_id, each.use_case_id, each.unallocated_reason, each.billed_nano,
                 each.effective_nano),
            each.rule.key if each.rule else None,
            each.rule.version if each.rule else None,
            rounded.get(each.use_case_id),
        )
        for each in parts
    ]  # fmt: skip


def _worked_out(charge: Charge, at: dt.datetime) -> list[_Went]:
    """Its parts by the rules in force at a moment: a reallocation since then is not in them."""
    charges = Charge.objects.filter(pk=charge.pk)
    rules = rules_recorded_at(at)
    by_number = {rule.match.rule_id: rule for rule in rules}
    allocator = allocator_for(charges, rules, at=at)
    found = []
    for trial in stream_charges(charges):
        parts = allocator.parts(trial.line)
        is_split = len(parts) > 1
        rounded = allocator.rounded(trial.line) if is_split else [None] * len(parts)
        for part, how in zip(parts, rounded, strict=True):
            rule = by_number.get(part.rule_id or 0)
            key, version = (rule.key, rule.version) if rule else (None, None)
            found.append(_Went(part, key, version, how))
    return found


def _parts(charge: Charge, parts: list[_Went]) -> list[dict[str, Any]]:
    names = use_case_names(each.part.use_case_id for each in parts)
    found = []
    for part, rule_key, rule_version, rounded in parts:
        name = names.get(part.use_case_id or 0)
        found.append(
            {
                "charge": charge.pk,
                "day": charge.day.isoformat(),
                "use_case": name.slug if name else UNALLOCATED,
                "rule": rule_text(rule_key, rule_version, part.reason),
                "rule_key": rule_key,
                "rule_version": rule_version,
                "provider": charge.dimension.provider,
                "service": charge.dimension.service_name,
                "currency": charge.currency,
                "basis": charge.cost_basis,
                "billed": amount_text(part.billed),
                "effective": amount_text(part.effective),
                "charge_billed": amount_text(charge.billed_nano),
                "file": charge.file.name,
                "line": charge.line,
                "run": charge.run_id,
                "rounded": _rounded(rounded),
            }
        )
    return found


def _rounded(found: Rounded | None) -> dict[str, Rounding | None] | None:
    """How a part of a split was rounded; None where nothing was split, or nobody knows any more."""
    return None if found is None else {"billed": found.billed, "effective": found.effective}


def _version(charge: Charge) -> dict[str, Any]:
    return {
        "charge": charge.pk,
        "state": "superseded" if charge.superseded_at else "live",
        "billed": amount_text(charge.billed_nano),
        "effective": amount_text(charge.effective_nano),
        "recorded_at": charge.recorded_at.isoformat(),
        "superseded_at": charge.superseded_at.isoformat() if charge.superseded_at else None,
        "file": charge.file.name,
        "line": charge.line,
        "run": charge.run_id,
    }
