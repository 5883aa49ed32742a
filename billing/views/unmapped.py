"""Unmapped: what names no use case yet, with the rule that would name it one click away."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from billing.choices import MatchField
from billing.forms.unallocated import UnmappedForm
from billing.policies import may_edit_allocation_rules, may_see_costs
from billing.selectors.choices_in_use import newest_month
from billing.selectors.unmapped import NAMING, Unmapped, unmapped_values
from billing.selectors.use_cases import all_use_case_names
from billing.tables.unmapped import UnmappedTable
from portal.limits import take_turn
from portal.shell.exports import csv_response
from portal.shell.periods import Month
from portal.shell.views import Crumb, EmptyState

_LOOKED_AT = 6  # months
_NOTHING_IMPORTED = EmptyState(
    "No cost has been imported yet", "What no rule takes appears here after the first import."
)
_ALL_MAPPED = EmptyState(
    "Everything is mapped", "A rule takes every line of these months that names anything."
)


@require_safe
def unmapped_page(request: HttpRequest) -> HttpResponseBase:
    """Workspaces, projects, keys, tags, repositories, cost centres and resources without a rule."""
    if not may_see_costs(request.user):
        raise PermissionDenied
    form = UnmappedForm(request.GET)
    asked = form.asked()
    newest = newest_month()
    context: dict[str, Any] = {
        "page_title": "Unmapped",
        "page_lead": "Workspaces, keys, tags and repositories that belong to no use case yet.",
        "breadcrumbs": [Crumb("Costs", reverse("costs"))],
        "form": form,
        "empty": _NOTHING_IMPORTED,
    }
    if newest is None:
        return TemplateResponse(request, "billing/unmapped.html", context)
    last: Month = asked.get("last") or newest
    first: Month = min(asked.get("first") or last - (_LOOKED_AT - 1), last)
    fields = [asked["by"]] if asked.get("by") else NAMING
    found, is_cut = unmapped_values(
        use_cases=all_use_case_names(request.user), first=first, last=last, fields=fields
    )
    may_edit = may_edit_allocation_rules(request.user)
    rows = [_row(each, may_edit) for each in found]
    table = UnmappedTable(rows, query=request.GET, path=request.path)
    if request.GET.get("export") == "csv":
        take_turn("export", f"person {request.user.pk}")
        return csv_response("unmapped", table.export_headings(), table.export_rows())
    context |= {
        "window": first.label if first == last else f"{first.label} to {last.label}",
        "table": table,
        "is_cut": is_cut,
        "empty": _ALL_MAPPED,
    }
    return TemplateResponse(request, "billing/unmapped.html", context)


def _row(each: Unmapped, may_edit: bool) -> dict[str, Any]:
    candidate, hint = each.candidate, each.hint
    months = sorted(candidate.months)
    first, newest = Month.parse(months[0]), Month.parse(months[-1])
    shown = f"{candidate.tag_key}: {candidate.value}" if candidate.tag_key else candidate.value
    query = candidate.rule_query | {
        "name": f"{candidate.name or shown}"[:160],
        "starts_on": first.start.isoformat(),
        "month": str(newest),
    }
    if hint is not None:
        query["use_case"] = hint.named.slug
    return {
        "value": shown,
        "name": candidate.name,
        "attribute": str(MatchField(candidate.attribute).label),
        "billed_nano": candidate.billed_nano,
        "size": abs(candidate.billed_nano),
        "currency": candidate.kind.currency,
        "basis": candidate.kind.basis_label,
        "months": _months(first, newest, len(months)),
        "newest": str(newest),
        "suggestion": hint.named.title if hint else None,
        "suggestion_url": reverse("use-case", args=[hint.named.slug]) if hint else "",
        "why": hint.why if hint else "",
        "score": hint.score if hint else None,
        "score_or_none": hint.score if hint else -1,
        "rule_url": f"{reverse('allocation-rule-new')}?{urlencode(query)}" if may_edit else "",
    }


def _months(first: Month, newest: Month, count: int) -> str:
    if first == newest:
        return first.label
    return f"{first.label} to {newest.label}, {count} of them"
