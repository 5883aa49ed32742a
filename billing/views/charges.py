"""One cost line: what it says, what became of it, and the record that it came from."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

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
from billing.selectors.raw_records import raw_record
from billing.tables.lineage import PartTable, VersionTable
from billing.views.lineage import reason_or_rule, rule_url
from portal.shell.formats import moment_text, nano_money_text
from portal.shell.money import nano_text
from portal.shell.views import Crumb

_NOT_STATED = "not stated"
_NANO_OF_A_CENT = 10_000_000


@require_safe
def charge_page(request: HttpRequest, pk: int) -> HttpResponseBase:
    """A cost line, live or superseded."""
    if not may_see_charges(request.user):
        raise PermissionDenied
    charge = charge_for_page(request.user, pk)
    if charge is None:
        raise Http404
    context = {
        "page_title": f"Charge {charge.pk}",
        "page_lead": f"{charge.dimension.service_name}, {charge.dimension.provider}",
        "breadcrumbs": [Crumb("Costs", reverse("costs"))],
        "charge": charge,
        "amounts": _amounts(charge),
        "attributes": attributes_of_charge(charge),
        "tags": tags_of_charge(charge),
        "extra": extra_of_charge(charge),
        "parts": PartTable.of(
            [_part_row(part, charge.currency) for part in allocations_of_charge(charge)]
        ),
        "versions": VersionTable.of([_version_row(each) for each in history_of_charge(charge)]),
        "raw": raw_record(sha256=charge.file.sha256, line=charge.line),
        "cost_basis": charge.get_cost_basis_display(),
    }
    return TemplateResponse(request, "billing/charge_detail.html", context)


def _amounts(charge: Charge) -> list[tuple[str, str, str]]:
    """Name, amount for reading, and the exact one where reading rounds."""
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
            shown = nano_money_text(nano, charge.currency)
            is_rounded = nano % _NANO_OF_A_CENT != 0
            exact = f"{nano_text(nano)} {charge.currency}" if is_rounded else ""
            found.append((label, shown, exact))
    return found


def _part_row(part: Allocation, currency: str) -> dict[str, Any]:
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
    }


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
