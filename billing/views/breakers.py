"""Circuit breakers: the list, one with its trips, making, resetting and ending one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing.choices import CostBasis
from billing.filters.breakers import BreakerFilters
from billing.forms.breakers import BreakerForm
from billing.forms.budgets import ReasonForm
from billing.forms.fields import USE_CASE_LIST
from billing.models import CircuitBreaker
from billing.policies import may_edit_budgets_of, may_see_costs
from billing.selectors.breakers import (
    WindowSpend,
    breaker_for_page,
    breakers_visible_to,
    over_limit_text,
    spend_by_window,
    state_of,
    statuses_of_windows,
)
from billing.selectors.spenders import spenders
from billing.selectors.use_cases import all_use_case_names
from billing.services.breakers import create_breaker, end_breaker, reset_breaker
from billing.services.refusals import ChangeRefusedError
from billing.tables.breakers import BreakerTable, TripTable
from billing.views.watch_forms import form_answer, may_make, person_of
from portal.shell.formats import moment_text, nano_money_text
from portal.shell.navigation import Visitor
from portal.shell.paging import Source
from portal.shell.views import Action, Crumb, EmptyState, ListPage

_WINDOWS = 12  # of the last two days that a page shows


def _crumbs(breaker: CircuitBreaker | None = None) -> list[Crumb]:
    found = [Crumb("Costs", reverse("costs")), Crumb("Circuit breakers", reverse("breakers"))]
    if breaker is not None:
        found.append(Crumb(breaker.name, reverse("breaker", args=[breaker.pk])))
    return found


def _guards(breaker: CircuitBreaker) -> str:
    what = breaker.tag_key or breaker.get_field_display()
    return f"{what}: {breaker.value}"


class BreakerListPage(ListPage):
    """Every breaker, ended ones included."""

    title = "Circuit breakers"
    lead = "A limit for one job. Above it another system is told at once, and can stop the job."
    noun_plural = "circuit breakers"
    export_name = "circuit-breakers"
    table_class = BreakerTable
    filterset_class = BreakerFilters

    def allows(self, user: Visitor) -> bool:
        return may_see_costs(user)  # type: ignore[arg-type]

    def get_queryset(self) -> Source:
        return breakers_visible_to(self.request.user)

    def make_table(self, source: Source) -> BreakerTable:
        breakers = list(cast("Sequence[Any]", source))
        now = timezone.now()
        spend = spend_by_window(breakers, now=now)
        newest = {
            each.pk: next(reversed(spend[each.pk].values()), WindowSpend(0, ()))
            for each in breakers
        }
        statuses = statuses_of_windows(
            [(newest[each.pk], each.cost_basis) for each in breakers], now=now
        )
        rows = [
            {
                "pk": each.pk,
                "name": each.name,
                "guards": _guards(each),
                "use_case": each.use_case.title,
                "slug": each.use_case.slug,
                "limit_nano": each.limit_nano,
                "currency": each.currency,
                "window": each.get_window_display(),
                "newest_nano": newest[each.pk].nano if newest[each.pk].lines else None,
                "status": status,
                "state": state_of(is_open=each.is_open, ended_at=each.ended_at),
                "last_trip": each.last_trip,
            }
            for each, status in zip(breakers, statuses, strict=True)
        ]
        return BreakerTable(rows, query=self.request.GET, path=self.request.path)

    def get_breadcrumbs(self) -> Sequence[Crumb]:
        return _crumbs()[:1]

    def get_actions(self) -> Sequence[Action]:
        if not may_make(self.request.user):
            return []
        return [Action("New circuit breaker", reverse("breaker-new"), is_primary=True)]

    def get_empty(self) -> EmptyState:
        title = "No circuit breaker yet"
        text = "One guards the key, tag or workspace of a job that could run away."
        if not may_make(self.request.user):
            return EmptyState(title, text)
        return EmptyState(title, text, "New circuit breaker", reverse("breaker-new"))


def _breaker_or_404(request: HttpRequest, pk: int) -> Any:
    person_of(request, allowed=may_see_costs(request.user))
    found = breaker_for_page(request.user, pk)
    if found is None:
        raise Http404
    return found


@require_safe
def breaker_page(request: HttpRequest, pk: int) -> HttpResponseBase:
    """One breaker: what it guards, its newest windows, its trips."""
    breaker = _breaker_or_404(request, pk)
    return TemplateResponse(
        request, "billing/breaker_detail.html", _context(request, breaker, ReasonForm())
    )


def _context(request: HttpRequest, breaker: Any, form: ReasonForm) -> dict[str, Any]:
    now = timezone.now()
    spend = spend_by_window([breaker], now=now)[breaker.pk]
    windows = list(reversed(spend.items()))[:_WINDOWS]
    statuses = statuses_of_windows([(each, breaker.cost_basis) for _, each in windows], now=now)
    trips = list(breaker.trips.select_related("reset_by").order_by("pk"))
    rows = [
        {
            "tripped_at": each.tripped_at,
            "window_start": each.window_start,
            "spent_nano": each.spent_nano,
            "limit_nano": each.limit_nano,
            "currency": breaker.currency,
            "reset_at": each.reset_at,
            "reset_by": str(each.reset_by) if each.reset_by else None,
            "reset_reason": each.reset_reason,
        }
        for each in reversed(trips)
    ]
    may = may_edit_budgets_of(request.user, breaker.use_case.owner_id)
    return {
        "page_title": breaker.name,
        "page_lead": _guards(breaker),
        "breadcrumbs": _crumbs(),
        "breaker": breaker,
        "state": state_of(is_open=breaker.is_open, ended_at=breaker.ended_at),
        "limit": nano_money_text(breaker.limit_nano, breaker.currency),
        "windows": [
            (
                moment_text(start),
                nano_money_text(spent.nano, breaker.currency),
                over_limit_text(breaker, start, trips) if spent.nano > breaker.limit_nano else "",
                status,
            )
            for (start, spent), status in zip(windows, statuses, strict=True)
        ],
        "trips": TripTable.of(rows) if rows else None,
        "form": form,
        "may_reset": may and breaker.is_open,
        "may_end": may and breaker.ended_at is None and not breaker.is_open,
    }


@require_POST
def breaker_reset(request: HttpRequest, pk: int) -> HttpResponse:
    """Close an open breaker."""
    breaker = _breaker_or_404(request, pk)
    person = person_of(
        request, allowed=may_edit_budgets_of(request.user, breaker.use_case.owner_id)
    )
    form = ReasonForm(request.POST)
    if form.is_valid():
        try:
            reset_breaker(
                pk=pk, reason=form.cleaned_data["reason"], actor=person, at=timezone.now()
            )
        except ChangeRefusedError as error:
            form.add_refusal(error)
        else:
            return HttpResponseRedirect(reverse("breaker", args=[pk]))
    context = _context(request, breaker, form)
    return render(request, "billing/breaker_detail.html", context, status=400)


@require_http_methods(["GET", "HEAD", "POST"])
def breaker_new_page(request: HttpRequest) -> HttpResponse:
    """Make a breaker for a use case of one's own, or for any as lead or finance."""
    person = person_of(request, allowed=may_make(request.user))
    initial = {"currency": "USD", "cost_basis": CostBasis.INVOICED, "window": "day"}
    form = BreakerForm(request.POST if request.method == "POST" else None, initial=initial)

    def save(form: BreakerForm) -> str:
        draft = form.draft()
        owner = spenders([draft.use_case_id])[draft.use_case_id].owner_id
        if not may_edit_budgets_of(person, owner):
            raise ChangeRefusedError(
                "Its owner, programme leads and finance guard its jobs.", field="use_case"
            )
        breaker = create_breaker(draft=draft, actor=person, at=timezone.now())
        return reverse("breaker", args=[breaker.pk])

    return form_answer(
        request, form, save, _crumbs(), submit_label="Make it", page_title="New circuit breaker",
        page_lead="When its job exceeds the limit, subscribers of the webhook event "
        "cost.breaker_tripped are told, once.",
        use_cases=all_use_case_names(person), use_case_list=USE_CASE_LIST,
    )  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
def breaker_end_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop watching a job."""
    breaker = _breaker_or_404(request, pk)
    person = person_of(
        request, allowed=may_edit_budgets_of(request.user, breaker.use_case.owner_id)
    )
    form = ReasonForm(request.POST if request.method == "POST" else None)

    def save(form: ReasonForm) -> str:
        end_breaker(pk=pk, reason=form.cleaned_data["reason"], actor=person, at=timezone.now())
        return reverse("breaker", args=[pk])

    return form_answer(
        request, form, save, _crumbs(breaker), submit_label="End it", is_dangerous=True,
        page_title=f"End {breaker.name}", page_lead="It watches nothing any more.",
    )  # fmt: skip
