"""One cost line: what it says, what became of it, and the record that it came from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing.allocation.sharing import Rounded, Rounding
from billing.models import Allocation, Charge
from billing.policies import may_see_charges
from billing.selectors.charges import (
    allocations_of_charge,
    attributes_of_charge,
    charge_for_page,
    extra_of_charge,
    history_of_charge,
    tags_of_charge,
)
from billing.selectors.line_status import statuses_of_versions
from billing.selectors.raw_records import raw_record
from billing.selectors.rounding import (
    UNIT,
    is_exact,
    residues_of,
    rounded_parts,
    written_amounts,
)
from billing.selectors.seat_documents import document_of_charge
from billing.tables.lineage import PartTable, VersionTable
from billing.views.documents import document_download
from billing.views.lineage import reason_or_rule, rule_url
from portal.shell.formats import moment_text, nano_money_text
from portal.shell.money import nano_text
from portal.shell.views import Crumb

_NOT_STATED = "not stated"
_NANO_OF_A_CENT = 10_000_000


def charge_or_404(request: HttpRequest, pk: int) -> Charge:
    """The cost line that an address names.

    Raises:
        PermissionDenied: single cost lines are not for this person.
        Http404: there is none.
    """
    if not may_see_charges(request.user):
        raise PermissionDenied
    charge = charge_for_page(request.user, pk)
    if charge is None:
        raise Http404
    return charge


@require_safe
def charge_page(request: HttpRequest, pk: int) -> HttpResponseBase:
    """A cost line, live or superseded."""
    charge = charge_or_404(request, pk)
    raw = raw_record(sha256=charge.file.sha256, line=charge.line)
    parts = allocations_of_charge(charge)
    rounded = rounded_parts(charge, parts)
    versions = history_of_charge(charge)
    statuses = statuses_of_versions(charge, versions, now=timezone.now())
    status = statuses[charge.pk]
    context = {
        "page_title": f"Charge {charge.pk}",
        "page_lead": f"{charge.dimension.service_name}, {charge.dimension.provider}",
        "breadcrumbs": [Crumb("Costs", reverse("costs"))],
        "charge": charge,
        "amounts": _amounts(charge, written_amounts(charge, raw)),
        "rounding_unit": UNIT,
        "residues": residues_of([charge.run_id]),
        "attributes": attributes_of_charge(charge),
        "tags": tags_of_charge(charge),
        "extra": extra_of_charge(charge),
        "status": status,
        "parts": PartTable.of(
            [
                _part_row(part, charge.currency, rounded.get(part.use_case_id)) | {"status": status}
                for part in parts
            ]
        ),
        "versions": VersionTable.of(
            [_version_row(each) | {"status": statuses[each.pk]} for each in versions]
        ),
        "raw": raw,
        "cost_basis": charge.get_cost_basis_display(),
        "document": document_of_charge(charge),
    }
    return TemplateResponse(request, "billing/charge_detail.html", context)


@require_safe
def charge_document(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The invoice behind a purchase of seats as a download, to those who may see the purchase."""
    document = document_of_charge(charge_or_404(request, pk))
    if document is None or not document.is_here:
        raise Http404
    return document_download(request, sha256=document.sha256, name=document.name)


def _amounts(charge: Charge, written: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Name, amount for reading, and every digit where reading rounds or the source wrote more."""
    found = []
    for label, nano in (
        ("Billed", charge.billed_nano),
        ("Effective", charge.effective_nano),
        ("List", charge.list_nano),
        ("Contracted", charge.contracted_nano),
    ):
        if nano is None:
            found.append((label, _NOT_STATED, ""))
        else:
            digits = _digits(nano, charge.currency, written.get(label.lower()))
            found.append((label, nano_money_text(nano, charge.currency), digits))
    return found


def _digits(nano: int, currency: str, written: str | None) -> str:
    """What is stored, and what the source wrote where its record says so: only then `exactly`."""
    stored = f"{nano_text(nano)} {currency}"
    if written is not None and not is_exact(written, nano):
        return f"stored as {stored}; the source wrote {written}"
    if nano % _NANO_OF_A_CENT == 0:
        return ""
    return f"stored as {stored}" if written is None else f"exactly {stored}"


def _part_row(part: Allocation, currency: str, rounded: Rounded | None) -> dict[str, Any]:
    rule = part.rule
    return {
        "target": part.use_case.title if part.use_case else "Unallocated",
        "url": reverse("use-case", args=[part.use_case.slug]) if part.use_case else "",
        "billed_nano": part.billed_nano,
        "effective_nano": part.effective_nano,
        "currency": currency,
        "rule": reason_or_rule(
            rule.name if rule else None, rule.version if rule else None, part.unallocated_reason
        ),
        "rule_url": rule_url(rule.key if rule else None),
        "rounding": _rounding_text(rounded) if rounded else None,
    }


def _rounding_text(rounded: Rounded) -> str:
    """What became of the fraction of a nano-unit that the exact share has."""
    hows = {"billed": rounded.billed, "effective": rounded.effective}
    taken = [name for name, how in hows.items() if how == Rounding.UP]
    if taken:
        return f"Largest remainder: a nano-unit more of {' and '.join(taken)}"
    return "Rounded down" if Rounding.DOWN in hows.values() else "Exact share"


def _version_row(charge: Charge) -> dict[str, Any]:
    superseded = charge.superseded_at
    return {
        "charge": charge.pk,
        "state": "Superseded" if superseded else "Live",
        "billed_nano": charge.billed_nano,
        "effective_nano": charge.effective_nano,
        "currency": charge.currency,
        "recorded": moment_text(charge.recorded_at),
        "superseded": moment_text(superseded) if superseded else None,
        "origin": f"{charge.file.name}, line {charge.line}",
        "run": f"import run {charge.run_id}",
    }
