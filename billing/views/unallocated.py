"""Money without a use case: the list that finance works off, now or as of a moment."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
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
from billing.policies import may_edit_allocation_rules, may_see_charges, may_see_costs
from billing.selectors.as_of import TooManyChargesError
from billing.selectors.choices_in_use import newest_month
from billing.selectors.costs import CostSum, Group, cost_sums
from billing.selectors.figures import cost_figure, status_of
from billing.selectors.past_unallocated import past_unallocated
from billing.selectors.references import UNALLOCATED, FigureReference, spelled
from billing.selectors.unallocated import Candidate, unallocated_candidates
from billing.tables.unallocated import PastUnallocatedTable, UnallocatedTable
from billing.views.moments import (
    is_export,
    nothing_recorded,
    now_url,
    refuse_too_much,
    refuse_unreadable,
)
from portal.limits import take_turn
from portal.shell.exports import csv_response
from portal.shell.formats import moment_text, number_text
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


@dataclass(frozen=True, slots=True)
class _Found:
    """What the page shows: candidates, whether they are cut, sums by reason, or why none."""

    candidates: Sequence[Candidate]
    is_cut: bool
    by_reason: Sequence[CostSum]
    empty: EmptyState


@require_safe
def unallocated_page(request: HttpRequest) -> HttpResponseBase:
    """Services, models, accounts, tags and so on with money in a month, and no rule for it.

    Raises:
        PermissionDenied: this person may not see costs.
        UnreadableRequestError: a file is asked for that cannot be made.
    """
    if not may_see_costs(request.user):
        raise PermissionDenied
    sees_lines = may_see_charges(request.user)
    form = UnallocatedForm(request.GET, may_see_lines=sees_lines)
    refused = refuse_unreadable(request, form)
    asked = form.asked()
    at: dt.datetime | None = asked.get("as_of")
    month: Month | None = asked.get("month") or newest_month(until=at)
    context: dict[str, Any] = {
        "page_title": "Unallocated",
        "page_lead": "Money that belongs to no use case yet. It is never hidden in another sum.",
        "breadcrumbs": [Crumb("Costs", reverse("costs"))],
        "form": form,
        "at": at,
        "now_url": now_url(request),
        "empty": refused or _NOTHING_IMPORTED,
    }
    if month is not None and not refused:
        now = at or timezone.now()
        usual = MatchField.SUB_ACCOUNT if sees_lines else MatchField.SERVICE
        field = MatchField(asked.get("by") or usual)
        try:
            found = _past(field, month, at) if at else _present(field, month, now)
        except TooManyChargesError as error:
            context["empty"] = refuse_too_much(request, error)
        else:
            may_edit = at is None and may_edit_allocation_rules(request.user)
            rows = [_row(each, month, may_edit, now, at) for each in found.candidates]
            table_class = PastUnallocatedTable if at else UnallocatedTable
            table = table_class(rows, query=request.GET, path=request.path)
            if is_export(request):
                take_turn("export", f"person {request.user.pk}")
                return csv_response("unallocated", table.export_headings(), table.export_rows())
            context |= _shown(found, field, month, now, at) | {"table": table}
    return TemplateResponse(
        request, "billing/unallocated.html", context, status=400 if refused else 200
    )


def _present(field: MatchField, month: Month, now: dt.datetime) -> _Found:
    candidates, is_cut = unallocated_candidates(fields=[field], first=month, last=month, now=now)
    rows = MonthlyCost.objects.filter(
        use_case__isnull=True, day__gte=month.start, day__lt=month.end
    )
    empty = EmptyState(
        f"Nothing is unallocated by {_label(field)} in {month.label}",
        "Every line of that month that has one is taken by a rule. Those without are in the "
        "sums above: look at them by another attribute.",
    )
    return _Found(candidates, is_cut, cost_sums(rows, by=(Group.REASON,), now=now), empty)


def _past(field: MatchField, month: Month, at: dt.datetime) -> _Found:
    """The same as of a moment.

    Raises:
        TooManyChargesError: there are more than are worked out as of a moment.
    """
    found = past_unallocated(fields=[field], first=month, last=month, at=at)
    empty = EmptyState(
        f"Nothing was unallocated by {_label(field)} in {month.label}",
        f"At {moment_text(at)} every line of that month that has one was taken by a rule. Those "
        "without are in the sums above: look at them by another attribute.",
    )
    if not found.had_lines:
        empty = nothing_recorded(month.label, at)
    return _Found(found.candidates, found.is_cut, found.by_reason, empty)


def _label(field: MatchField) -> str:
    return str(field.label).lower()


def _shown(
    found: _Found, field: MatchField, month: Month, now: dt.datetime, at: dt.datetime | None
) -> dict[str, Any]:
    """What stands around the table: sums by reason, currency and basis, and words."""
    whole = FigureReference(use_case=UNALLOCATED, first=month, last=month, at=at)
    return {
        "month": month,
        "by_label": _label(field),
        "is_cut": found.is_cut,
        "figures": [
            cost_figure(
                each,
                whole.with_(reason=each.key[0]),
                label=_WHY.get(each.key[0], each.key[0]),
                now=now,
            )
            for each in found.by_reason
        ],
        "noun_plural": f"{_label(field)}s",
        "empty": found.empty,
    }


def _row(
    each: Candidate, month: Month, may_edit: bool, now: dt.datetime, at: dt.datetime | None
) -> dict[str, Any]:
    query = each.rule_query | {
        "name": f"{each.name or each.shown}"[:160],
        "starts_on": month.start.isoformat(),
        "month": str(month),
    }
    unknown = each.sum.effective_unknown
    return {
        "value": each.shown,
        "name": each.name,
        "url": _lineage(each, month, at),
        "billed_nano": each.sum.billed_nano,
        "effective_nano": each.sum.effective_nano,
        "without": f"without {number_text(unknown)} lines that state none"
        if 0 < unknown < each.sum.lines
        else "",
        "size": abs(each.sum.billed_nano),
        "currency": each.kind.currency,
        "basis": each.kind.basis_label,
        "status": status_of(each.sum, now=now),
        "lines": each.sum.lines,
        "rule_url": f"{reverse('allocation-rule-new')}?{urlencode(query)}" if may_edit else "",
    }


def _lineage(each: Candidate, month: Month, at: dt.datetime | None) -> str:
    """Lineage is by service; the other attributes have no address of their own."""
    if each.attribute != MatchField.SERVICE:
        return ""
    reference = FigureReference(
        use_case=UNALLOCATED, first=month, last=month, service=spelled(each.value), at=at
    )
    return reference.lineage_url
