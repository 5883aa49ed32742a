"""The same money through two sources: found, shown with both sums, counted once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from billing.approvals import OVERLAP_KIND
from billing.choices import UnallocatedReason
from billing.forms.overlaps import OverlapEndForm, OverlapForm
from billing.models import SpendOverlap
from billing.policies import may_see_costs, may_settle_overlaps
from billing.selectors.choices_in_use import newest_month
from billing.selectors.day_status import statuses_of_suspects
from billing.selectors.open_suspicions import LOOKED_AT, suspicions_to_settle
from billing.selectors.overlap_origins import Bringer, bringers_of
from billing.selectors.overlaps import (
    Both,
    overlap_for_page,
    overlaps_visible_to,
    sums_of_overlaps,
)
from billing.selectors.references import UNALLOCATED, FigureReference
from billing.selectors.suspicions import Suspect, basis_label, suspected_overlaps
from billing.services.overlap_requests import say_overlap, take_overlap_back
from billing.services.overlaps import OverlapDraft, OverlapRefusedError
from billing.tables.overlaps import OverlapTable, SuspectTable
from billing.views.second_person import say_what_came
from portal.models import ApprovalRequest, Connection, User
from portal.selectors.pending_approvals import pending_requests
from portal.shell.periods import BadPeriodError, Month
from portal.shell.views import Crumb

_STATES = {
    "excluded": "The second is not counted",
    "distinct": "Different money: both count",
    "bases": "Kept apart by their bases",
}


def _crumbs() -> list[Crumb]:
    return [Crumb("Costs", reverse("costs"))]


def suspicions_panel(request: HttpRequest) -> dict[str, Any] | None:
    """The home panel: money that two sources seem to bring, for whoever says which counts."""
    found = suspicions_to_settle(request.user)
    return {"suspicions": found} if found else None


@require_safe
def overlaps_page(request: HttpRequest) -> HttpResponseBase:
    """What has been said, and what looks alike in the newest months."""
    if not may_see_costs(request.user):
        raise PermissionDenied
    rows = overlaps_visible_to(request.user).select_related("counted", "other")
    overlaps = list(rows.filter(retired_at__isnull=True).order_by("-created_at", "-pk"))
    may_settle = may_settle_overlaps(request.user)
    newest = newest_month()
    suspects = _suspects(newest, may_settle) if newest else []
    context = {
        "page_title": "Overlaps",
        "page_lead": "The same money can come through two sources. It is shown here, and counted "
        "once.",
        "breadcrumbs": _crumbs(),
        "may_settle": may_settle,
        "is_pending": any(each.pending_since for each in overlaps),
        "waiting": pending_requests(OVERLAP_KIND),
        "declared": OverlapTable.of(_declared(overlaps, may_settle)),
        "suspects": SuspectTable.of(suspects),
        "window": f"{(newest - (LOOKED_AT - 1)).label} to {newest.label}" if newest else "",
    }
    return TemplateResponse(request, "billing/overlaps.html", context)


def _declared(overlaps: Sequence[SpendOverlap], may_settle: bool) -> list[dict[str, Any]]:
    sums = sums_of_overlaps(overlaps, now=timezone.now())
    rows = []
    for each in overlaps:
        found: list[Both | None] = [*sums[each.pk]]
        rows += [_declared_row(each, both, may_settle) for both in found or [None]]
    return rows


def _declared_row(each: SpendOverlap, both: Both | None, may_settle: bool) -> dict[str, Any]:
    return {
        "counted": each.counted.name,
        "other": each.other.name,
        "provider": f"only {each.provider}" if each.provider else "",
        "state": _STATES[_word(each)],
        "lines_url": _lines_url(each) if each.is_excluded else "",
        "reason": each.reason,
        "months": _months(each),
        "counted_nano": both.counted_nano if both else None,
        "other_nano": both.other_nano if both else None,
        "counted_status": both.counted_status if both else None,
        "other_status": both.other_status if both else None,
        "currency": both.kind.currency if both else "",
        "basis": both.kind.basis_label if both else None,
        "next_url": reverse("cost-overlap-end", args=[each.pk]) if may_settle else "",
        "next_text": "Take it back",
    }


def _word(each: SpendOverlap) -> str:
    if each.is_excluded:
        return "excluded"
    return "distinct" if each.is_distinct else "bases"


def _lines_url(each: SpendOverlap) -> str:
    """The lines that are left out, one by one: the explorer has no sum of them."""
    return FigureReference(
        use_case=UNALLOCATED,
        reason=UnallocatedReason.NOT_COUNTED,
        connection=each.other.slug,
        provider=each.provider,
        first=Month.of(each.starts_on),
        last=Month.of(each.ends_on) - 1 if each.ends_on else None,
    ).lineage_url


def _months(each: SpendOverlap) -> str:
    first = Month.of(each.starts_on)
    if each.ends_on is None:
        return f"from {first.label}"
    last = Month.of(each.ends_on) - 1
    return first.label if first == last else f"{first.label} to {last.label}"


def _suspects(newest: Month, may_settle: bool) -> list[dict[str, Any]]:
    found = suspected_overlaps(first=newest - (LOOKED_AT - 1), last=newest)
    pks = {pk for each in found for pk in (each.first, each.second)}
    sources = Connection.objects.in_bulk(pks)
    statuses = statuses_of_suspects(found, now=timezone.now())
    return [
        _suspect_row(each, sources, may_settle, newest)
        | {"first_status": first, "second_status": second}
        for each, (first, second) in zip(found, statuses, strict=True)
    ]


def _suspect_row(
    each: Suspect, sources: Mapping[int, Connection], may_settle: bool, newest: Month
) -> dict[str, Any]:
    first, second = sources[each.first], sources[each.second]
    query = {
        "counted": first.slug,
        "other": second.slug,
        "provider": each.provider,
        "first": str(Month.of(each.starts_on)),
        # What ended is said of its months only; what goes on has no last month.
        "last": str(Month.of(each.newest_day)) if Month.of(each.newest_day) < newest else "",
        "reason": each.why.capitalize(),
    }
    text = "Say which counts" if each.is_in_one_basis else "Say so (bases differ, never added)"
    same = f"{reverse('cost-overlap-new')}?{urlencode(query)}" if may_settle else ""
    return {
        "first": first.name,
        "first_basis": basis_label(each.bases[0]),
        "other": second.name,
        "second_basis": basis_label(each.bases[1]),
        "provider": each.provider,
        "why": each.why,
        "first_nano": each.first_nano,
        "second_nano": each.second_nano,
        "currency": each.currency,
        "days": each.days,
        "window": each.window,
        "next_url": same,
        "next_text": text,
        "distinct_url": f"{same}&is_distinct=on" if same else "",
    }


@require_http_methods(["GET", "HEAD", "POST"])
def overlap_new_page(request: HttpRequest) -> HttpResponseBase:
    """Say that two sources bring the same money."""
    if not may_settle_overlaps(request.user) or not isinstance(request.user, User):
        raise PermissionDenied
    initial = {name: request.GET.get(name, "") for name in OverlapForm.base_fields}
    form = OverlapForm(request.POST) if request.method == "POST" else OverlapForm(initial=initial)
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            made = say_overlap(
                draft=OverlapDraft(**form.cleaned_data), actor=request.user, at=timezone.now()
            )
        except OverlapRefusedError as error:
            form.add_error(error.field or None, error.reason)
            status = 409
        else:
            say_what_came(request, made, _done(made))
            return HttpResponseRedirect(reverse("cost-overlaps"))
    title = "Two sources, the same money"
    return _form_page(request, form, title, "Say so", status, _bringers(request))


def _bringers(request: HttpRequest) -> list[Bringer]:
    """Which imports brought what the address names; nothing where it names no month."""
    try:
        first = Month.parse(request.GET.get("first", ""))
        last = Month.parse(request.GET["last"]) if request.GET.get("last") else None
    except BadPeriodError:
        return []
    slugs = [request.GET.get(name, "") for name in ("counted", "other")]
    return bringers_of(request.user, slugs, first=first, last=last)


@require_http_methods(["GET", "HEAD", "POST"])
def overlap_end_page(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Take it back."""
    if not may_settle_overlaps(request.user) or not isinstance(request.user, User):
        raise PermissionDenied
    overlap = overlap_for_page(request.user, pk)
    if overlap is None:
        raise Http404
    if overlap.retired_at is not None:
        return HttpResponseRedirect(reverse("cost-overlaps"))
    form = OverlapEndForm(request.POST or None)
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            made = take_overlap_back(
                overlap_id=pk,
                reason=form.cleaned_data["reason"],
                actor=request.user,
                at=timezone.now(),
            )
        except OverlapRefusedError as error:
            form.add_error(error.field or None, error.reason)
            status = 409
        else:
            say_what_came(request, made, "Taken back. Both sources count again.")
            return HttpResponseRedirect(reverse("cost-overlaps"))
    title = f"{overlap.other.name} beside {overlap.counted.name}"
    return _form_page(request, form, title, "Take it back", status)


def _done(made: SpendOverlap | ApprovalRequest) -> str:
    if isinstance(made, SpendOverlap) and made.is_distinct:
        return "Said. Both sources count, and nobody is asked about those months again."
    return "Said. The sums of those months count that money once."


def _form_page(
    request: HttpRequest,
    form: OverlapForm | OverlapEndForm,
    title: str,
    button: str,
    status: int,
    bringers: Sequence[Bringer] = (),
) -> HttpResponseBase:
    context = {
        "page_title": title,
        "breadcrumbs": [*_crumbs(), Crumb("Overlaps", reverse("cost-overlaps"))],
        "form": form,
        "button": button,
        "bringers": bringers,
        "cancel_url": reverse("cost-overlaps"),
    }
    return render(request, "billing/overlap_form.html", context, status=status)
