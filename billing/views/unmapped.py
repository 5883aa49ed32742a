"""Unmapped: what names no use case yet, with the rule that would name it one click away.

As of a moment it says what named none then. What a name seems to be, and the rule, are of now.
"""

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

from billing.choices import MatchField
from billing.forms.unallocated import UnmappedForm
from billing.policies import may_edit_allocation_rules, may_see_charges
from billing.selectors.as_of import TooManyChargesError
from billing.selectors.choices_in_use import newest_month
from billing.selectors.figures import status_of
from billing.selectors.past_costs import TooManyMonthsError
from billing.selectors.past_unallocated import past_unallocated
from billing.selectors.unallocated import Candidate, unallocated_candidates
from billing.selectors.unmapped import NAMING, Unmapped, with_hints
from billing.selectors.use_cases import all_use_case_names
from billing.tables.unmapped import PastUnmappedTable, UnmappedTable
from billing.views.moments import (
    is_export,
    nothing_recorded,
    now_url,
    refuse_too_much,
    refuse_unreadable,
)
from portal.limits import take_turn
from portal.shell.exports import csv_response
from portal.shell.formats import moment_text
from portal.shell.periods import Month
from portal.shell.tables import ShellTable
from portal.shell.views import Crumb, EmptyState

_LOOKED_AT = 6  # months
_NOTHING_IMPORTED = EmptyState(
    "No cost has been imported yet", "What no rule takes appears here after the first import."
)
_ALL_MAPPED = EmptyState(
    "Everything is mapped", "A rule takes every line of these months that names anything."
)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked for: months, attributes, and the moment; None is now."""

    first: Month
    last: Month
    fields: Sequence[str]
    at: dt.datetime | None

    @property
    def window(self) -> str:
        if self.first == self.last:
            return self.first.label
        return f"{self.first.label} to {self.last.label}"


@require_safe
def unmapped_page(request: HttpRequest) -> HttpResponseBase:
    """Workspaces, projects, keys, tags, repositories, cost centres and resources without a rule.

    Raises:
        PermissionDenied: this person may not see cost lines, and these are what lines say.
        UnreadableRequestError: a file is asked for that cannot be made.
    """
    if not may_see_charges(request.user):
        raise PermissionDenied
    form = UnmappedForm(request.GET)
    refused = refuse_unreadable(request, form)
    asked = None if refused else _asked(form)
    context: dict[str, Any] = {
        "page_title": "Unmapped",
        "page_lead": "Workspaces, keys, tags and repositories that belong to no use case yet.",
        "breadcrumbs": [Crumb("Costs", reverse("costs"))],
        "form": form,
        "at": form.asked().get("as_of"),
        "now_url": now_url(request),
        "empty": refused or _NOTHING_IMPORTED,
    }
    if asked is not None:
        try:
            table, is_cut, empty = _table(request, asked)
        except (TooManyChargesError, TooManyMonthsError) as error:
            context["empty"] = refuse_too_much(request, error)
        else:
            if is_export(request):
                take_turn("export", f"person {request.user.pk}")
                return csv_response("unmapped", table.export_headings(), table.export_rows())
            context |= {"window": asked.window, "table": table, "is_cut": is_cut, "empty": empty}
    return TemplateResponse(
        request, "billing/unmapped.html", context, status=400 if refused else 200
    )


def _asked(form: UnmappedForm) -> _Asked | None:
    """The question; None while nothing has been imported."""
    asked = form.asked()
    at = asked.get("as_of")
    newest = newest_month(until=at)
    if newest is None:
        return None
    given: Month | None = asked.get("first")
    last: Month = asked.get("last") or max(newest, given or newest)
    first: Month = given or last - (_LOOKED_AT - 1)
    return _Asked(first, last, [asked["by"]] if asked.get("by") else NAMING, at)


def _table(request: HttpRequest, asked: _Asked) -> tuple[ShellTable, bool, EmptyState]:
    """The rows, whether there are more, and what to say when there are none.

    Raises:
        TooManyChargesError, TooManyMonthsError: more than is worked out as of a moment.
    """
    now = asked.at or timezone.now()
    if asked.at is None:
        candidates, is_cut = unallocated_candidates(
            fields=asked.fields, first=asked.first, last=asked.last, now=now
        )
        found = with_hints(candidates, use_cases=all_use_case_names(request.user))
        may_edit = may_edit_allocation_rules(request.user)
        rows = [_row(each.candidate, now) | _next(each, may_edit) for each in found]
        return UnmappedTable(rows, query=request.GET, path=request.path), is_cut, _ALL_MAPPED
    past = past_unallocated(fields=asked.fields, first=asked.first, last=asked.last, at=asked.at)
    past_rows = [_row(each, now) for each in past.candidates]
    table = PastUnmappedTable(past_rows, query=request.GET, path=request.path)
    empty = EmptyState(
        "Everything was mapped",
        f"At {moment_text(asked.at)} a rule took every line of these months that names anything.",
    )
    if not past.had_lines:
        empty = nothing_recorded(asked.window, asked.at)
    return table, past.is_cut, empty


def _row(each: Candidate, now: dt.datetime) -> dict[str, Any]:
    months = sorted(each.months)
    first, newest = Month.parse(months[0]), Month.parse(months[-1])
    is_one = first == newest
    return {
        "value": each.shown,
        "name": each.name,
        "attribute": str(MatchField(each.attribute).label),
        "billed_nano": each.sum.billed_nano,
        "size": abs(each.sum.billed_nano),
        "currency": each.kind.currency,
        "basis": each.kind.basis_label,
        "status": status_of(each.sum, now=now),
        "months": first.label if is_one else f"{first.label} to {newest.label}",
        "months_count": "" if is_one else f"{len(months)} of them",
        "newest": str(newest),
    }


def _next(each: Unmapped, may_edit: bool) -> dict[str, Any]:
    """The use case that a value seems to name, and the rule that would say so."""
    candidate, hint = each.candidate, each.hint
    months = sorted(candidate.months)
    query = candidate.rule_query | {
        "name": f"{candidate.name or candidate.shown}"[:160],
        "starts_on": Month.parse(months[0]).start.isoformat(),
        "month": months[-1],
    }
    if hint is not None:
        query["use_case"] = hint.named.slug
    return {
        "suggestion": hint.named.title if hint else None,
        "suggestion_url": reverse("use-case", args=[hint.named.slug]) if hint else "",
        "why": hint.why if hint else "",
        "score": hint.score if hint else None,
        "score_or_none": hint.score if hint else -1,
        "rule_url": f"{reverse('allocation-rule-new')}?{urlencode(query)}" if may_edit else "",
    }
