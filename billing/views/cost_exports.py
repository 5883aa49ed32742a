"""Cost for other tools: FOCUS rows of what was allocated, and unit costs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing.choices import CostBasis
from billing.forms.cost_exports import ExportForm
from billing.policies import may_see_charges, may_see_costs
from billing.selectors.choices_in_use import newest_month
from billing.selectors.daily_costs import monthly_costs_visible_to
from billing.selectors.figures import status_of
from billing.selectors.focus_export import COLUMNS, bases_in, export_rows, focus_rows
from billing.selectors.references import FigureReference, Scope
from billing.selectors.unit_costs import unit_costs
from portal.limits import take_turn
from portal.policies import AnyUser
from portal.shell.exports import csv_response
from portal.shell.money import from_nano
from portal.shell.periods import Month
from portal.shell.refusals import UnreadableRequestError, unreadable
from portal.shell.views import Crumb

UNIT_COLUMNS = (
    "use_case", "title", "month", "currency", "basis", "effective_cost", "held_deliveries",
    "unit_cost", "reason", "status",
)  # fmt: skip
METRIC_COLUMNS = ("date", "amount", "label")


@require_safe
def exports_page(request: HttpRequest) -> HttpResponseBase:
    """What can be had as a file, and how much of it there is."""
    if not may_see_costs(request.user):
        raise PermissionDenied
    newest = newest_month()
    asked = request.GET if request.GET else _initial(newest)
    form = ExportForm(asked)
    is_readable = form.is_valid()
    context: dict[str, Any] = {
        "page_title": "Exports",
        "page_lead": "Cost for other tools, of the months you choose. Amounts are exact.",
        "breadcrumbs": [Crumb("Costs", reverse("costs"))],
        "form": form,
        "is_readable": is_readable,
        "may_see_lines": may_see_charges(request.user),
    }
    if is_readable:
        scope = _scope(form)
        kinds = bases_in(scope)
        query = urlencode({name: str(form[name].value() or "") for name in form.fields})
        context |= {
            "kinds": [f"{currency}, {CostBasis(basis).label.lower()}" for currency, basis in kinds],
            "is_one_basis": len({basis for _, basis in kinds}) == 1,
            "focus_url": f"{reverse('cost-export-focus')}?{query}",
            "metrics_url": f"{reverse('cost-export-business-metrics')}?{query}",
            "unit_url": f"{reverse('cost-export-unit-costs')}?{query}",
        }
    return TemplateResponse(request, "billing/exports.html", context)


def _initial(newest: Month | None) -> dict[str, str]:
    """The newest month; where it holds several bases, the one that invoices are about."""
    month = newest or Month.of(timezone.now().date())
    bases = {basis for _, basis in bases_in(Scope(FigureReference(first=month, last=month)))}
    first = CostBasis.INVOICED if len(bases) > 1 and CostBasis.INVOICED in bases else ""
    return {"first": str(month), "last": str(month), "basis": first}


def _scope(form: ExportForm) -> Scope:
    asked = form.cleaned_data
    return Scope(
        FigureReference(
            first=asked["first"],
            last=asked["last"],
            basis=asked["basis"],
            currency=asked["currency"],
        )
    )


def _asked(request: HttpRequest) -> ExportForm:
    """What is to be exported.

    Raises:
        UnreadableRequestError: it cannot be read.
    """
    form = ExportForm(request.GET)
    if not form.is_valid():
        raise unreadable(form)
    return form


@require_safe
def focus_export(request: HttpRequest) -> HttpResponseBase:
    """FOCUS 1.2 rows, one a part of a charge: for those who may see cost lines.

    Raises:
        UnreadableRequestError: the form cannot be read, or the window holds several bases and none
            was chosen.
    """
    if not may_see_charges(request.user):
        raise PermissionDenied
    scope = _scope(_asked(request))
    if len({basis for _, basis in bases_in(scope)}) > 1:
        raise UnreadableRequestError(
            "Basis (basis): these months hold several bases, which are never added; choose one."
        )
    take_turn("export", f"person {request.user.pk}")
    window = f"{scope.reference.first}-to-{scope.reference.last}"
    rows = focus_rows(export_rows(scope, request.user), now=timezone.now())
    return csv_response(f"focus-1.2-{window}", COLUMNS, rows)


@require_safe
def unit_cost_export(request: HttpRequest) -> HttpResponseBase:
    """Effective cost, held deliveries and cost a held delivery of each use case and month."""
    if not may_see_costs(request.user):
        raise PermissionDenied
    form = _asked(request)
    take_turn("export", f"person {request.user.pk}")
    return csv_response("unit-costs", UNIT_COLUMNS, _unit_rows(form, request.user))


def _unit_rows(form: ExportForm, user: AnyUser) -> Iterator[list[Any]]:
    asked = form.cleaned_data
    now = timezone.now()
    rows = monthly_costs_visible_to(user)
    for each in unit_costs(rows, first=asked["first"], last=asked["last"], now=now):
        if asked["basis"] not in ("", each.kind.basis):
            continue
        if asked["currency"] not in ("", each.kind.currency):
            continue
        yield [
            each.use_case.slug,
            each.use_case.title,
            str(each.month),
            each.kind.currency,
            each.kind.basis,
            None if each.cost_nano is None else from_nano(each.cost_nano),
            each.held,
            None if each.unit_nano is None else from_nano(each.unit_nano),
            each.reason,
            str(status_of(each.sum, now=now)),
        ]


@require_safe
def business_metric_export(request: HttpRequest) -> HttpResponseBase:
    """Held deliveries by month and use case, as tools that divide their own cost by them take it:
    the first day of the month, the number, the use case. A month without cost has no row."""
    if not may_see_costs(request.user):
        raise PermissionDenied
    form = _asked(request)
    take_turn("export", f"person {request.user.pk}")
    return csv_response("business-metrics", METRIC_COLUMNS, _metric_rows(form, request.user))


def _metric_rows(form: ExportForm, user: AnyUser) -> Iterator[list[Any]]:
    """One row a month and use case, whatever currencies and bases its cost has."""
    asked = form.cleaned_data
    rows = monthly_costs_visible_to(user)
    found = unit_costs(rows, first=asked["first"], last=asked["last"], now=timezone.now())
    once = {(each.month.start, each.use_case.slug): each.held for each in found}
    for (day, slug), held in once.items():
        yield [day.isoformat(), held, slug]
