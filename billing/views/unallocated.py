"""Money without a use case: the list that finance works off."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing.choices import MatchField, UnallocatedReason
from billing.forms.unallocated import UnallocatedForm
from billing.models import MonthlyCost
from billing.policies import may_edit_allocation_rules, may_see_costs
from billing.selectors.choices_in_use import newest_month
from billing.selectors.costs import Group, cost_sums
from billing.selectors.figures import cost_figure
from billing.selectors.references import UNALLOCATED, FigureReference
from billing.selectors.unallocated import Candidate, unallocated_candidates
from billing.tables.unallocated import UnallocatedTable
from portal.limits import take_turn
from portal.shell.exports import csv_response
from portal.shell.figures import Figure
from portal.shell.periods import Month
from portal.shell.views import Crumb, EmptyState

_WHY = {
    UnallocatedReason.NO_RULE: "No rule takes it",
    UnallocatedReason.REMAINDER: "Left over by rules",
    UnallocatedReason.UNUSED_COMMITMENT: "Unused commitment",
    UnallocatedReason.NO_BASE: "Nothing to share it by",
    UnallocatedReason.UNKNOWN_TEAM: "Of no known team",
    UnallocatedReason.NO_TEAM_USE_CASE: "Of teams without a use case",
}
_NOTHING_IMPORTED = EmptyState(
    "No cost has been imported yet", "What no rule takes appears here after the first import."
)


@require_safe
def unallocated_page(request: HttpRequest) -> HttpResponseBase:
    """Sub-accounts, tags, services and resources with money in a month, and no rule for it."""
    if not may_see_costs(request.user):
        raise PermissionDenied
    form = UnallocatedForm(request.GET)
    asked = form.asked()
    month: Month | None = asked.get("month") or newest_month()
    context: dict[str, Any] = {
        "page_title": "Unallocated",
        "page_lead": "Money that belongs to no use case yet. It is never hidden in another sum.",
        "breadcrumbs": [Crumb("Costs", reverse("costs"))],
        "form": form,
        "empty": _NOTHING_IMPORTED,
    }
    if month is None:
        return TemplateResponse(request, "billing/unallocated.html", context)
    field = asked.get("by") or MatchField.SUB_ACCOUNT
    may_edit = may_edit_allocation_rules(request.user)
    candidates, is_cut = unallocated_candidates(field=field, month=month)
    rows = [_row(each, month, may_edit) for each in candidates]
    table = UnallocatedTable(rows, query=request.GET, path=request.path)
    if request.GET.get("export") == "csv":
        take_turn("export", f"person {request.user.pk}")
        return csv_response("unallocated", table.export_headings(), table.export_rows())
    label = str(MatchField(field).label).lower()
    context |= {
        "month": month,
        "field": field,
        "by_label": label,
        "table": table,
        "is_cut": is_cut,
        "figures": _figures(month),
        "noun_plural": f"{label}s",
        "empty": EmptyState(
            f"Nothing is unallocated by {label} in {month.label}",
            "Every line of that month that has one is taken by a rule. Those without are in the "
            "sums above: look at them by another attribute.",
        ),
    }
    return TemplateResponse(request, "billing/unallocated.html", context)


def _figures(month: Month) -> list[Figure]:
    """What is unallocated in the month, by reason, currency and basis."""
    now = timezone.now()
    rows = MonthlyCost.objects.filter(
        use_case__isnull=True, day__gte=month.start, day__lt=month.end
    )
    whole = FigureReference(use_case=UNALLOCATED, first=month, last=month)
    return [
        cost_figure(
            each, whole.with_(reason=each.key[0]), label=_WHY.get(each.key[0], each.key[0]), now=now
        )
        for each in cost_sums(rows, by=(Group.REASON,), now=now)
    ]


def _row(each: Candidate, month: Month, may_edit: bool) -> dict[str, Any]:
    shown = f"{each.tag_key}: {each.value}" if each.tag_key else each.value
    query = each.rule_query | {
        "name": f"{each.name or shown}"[:160],
        "starts_on": month.start.isoformat(),
        "month": str(month),
    }
    return {
        "value": shown,
        "name": each.name,
        "url": _lineage(each, month),
        "billed_nano": each.billed_nano,
        "effective_nano": each.effective_nano,
        "size": abs(each.billed_nano),
        "currency": each.kind.currency,
        "basis": each.kind.basis_label,
        "lines": each.lines,
        "rule_url": f"{reverse('allocation-rule-new')}?{urlencode(query)}" if may_edit else "",
    }


def _lineage(each: Candidate, month: Month) -> str:
    """Lineage is by service; the other attributes have no address of their own."""
    if each.attribute != MatchField.SERVICE:
        return ""
    reference = FigureReference(use_case=UNALLOCATED, first=month, last=month, service=each.value)
    return reference.lineage_url
