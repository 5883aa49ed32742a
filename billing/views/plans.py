"""Price plans: the list, a new one, and ending one."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from billing.filters.plans import PlanFilters
from billing.forms.plans import PlanEndForm, PlanForm
from billing.policies import may_edit_plans, may_see_costs
from billing.selectors.plans import plan_for_page, plans_visible_to
from billing.services.plans import PlanRefusedError, create_plan, end_plan
from billing.tables.plans import EndablePlanTable, PlanTable
from portal.models import User
from portal.shell.navigation import Visitor
from portal.shell.paging import Source
from portal.shell.views import Action, Crumb, EmptyState, ListPage


class PlanListPage(ListPage):
    """What plans cost, and since when."""

    title = "Price plans"
    lead = (
        "Prices that no bill states, as data with their source. Seats and credits are priced by "
        "them, and what is priced so says that it is derived."
    )
    noun_plural = "price plans"
    export_name = "price-plans"
    table_class = PlanTable
    filterset_class = PlanFilters

    def allows(self, user: Visitor) -> bool:
        return may_see_costs(user)  # type: ignore[arg-type]

    def get_queryset(self) -> Source:
        return plans_visible_to(self.request.user)

    def make_table(self, source: Source) -> PlanTable:
        table = EndablePlanTable if may_edit_plans(self.request.user) else PlanTable
        return table(
            source,
            query=self.request.GET,
            path=self.request.path,
            today=timezone.now().date(),
        )

    def get_breadcrumbs(self) -> Sequence[Crumb]:
        return [Crumb("Costs", reverse("costs"))]

    def get_actions(self) -> Sequence[Action]:
        if not may_edit_plans(self.request.user):
            return ()
        return [
            Action("New price plan", reverse("price-plan-new")),
            Action("Enter seats", reverse("seats-new")),
        ]

    def get_empty(self) -> EmptyState:
        return EmptyState(
            "No price plans yet",
            "Seats can also state their price themselves; credits beyond a plan have no cost until "
            "a plan prices them.",
        )


def _crumbs() -> list[Crumb]:
    return [Crumb("Costs", reverse("costs")), Crumb("Price plans", reverse("price-plan-list"))]


def _person(request: HttpRequest) -> User:
    if not may_edit_plans(request.user) or not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def _page(
    request: HttpRequest, form: Form, *, title: str, lead: str, label: str
) -> HttpResponseBase:
    context = {
        "page_title": title,
        "page_lead": lead,
        "breadcrumbs": _crumbs(),
        "form": form,
        "submit_label": label,
        "cancel_url": reverse("price-plan-list"),
    }
    return render(request, "portal/imports/form_page.html", context)


def _add_refusal(form: Form, error: PlanRefusedError) -> None:
    form.add_error(error.field if error.field in form.fields else None, error.reason)


@require_http_methods(["GET", "HEAD", "POST"])
def plan_new_page(request: HttpRequest) -> HttpResponseBase:
    """Keep a new plan, or the next price of one."""
    person = _person(request)
    form = PlanForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            plan = create_plan(draft=form.draft(), actor=person, at=timezone.now())
        except PlanRefusedError as error:
            _add_refusal(form, error)
        else:
            messages.success(request, f"Kept. {plan.name} holds from {plan.valid_from}.")
            return HttpResponseRedirect(reverse("price-plan-list"))
    return _page(
        request,
        form,
        title="New price plan",
        lead="A price is never edited: end it, and make the next one from that day on.",
        label="Keep this plan",
    )


@require_http_methods(["GET", "HEAD", "POST"])
def plan_end_page(request: HttpRequest, pk: int) -> HttpResponseBase:
    """End a plan, or withdraw it."""
    person = _person(request)
    plan = plan_for_page(person, pk=pk)
    if plan is None:
        raise Http404
    form = PlanEndForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            end_plan(plan_id=plan.pk, **form.cleaned_data, actor=person, at=timezone.now())
        except PlanRefusedError as error:
            _add_refusal(form, error)
        else:
            messages.success(request, "Ended. Files that it priced keep their cost until they are "
                             "imported again.")  # fmt: skip
            return HttpResponseRedirect(reverse("price-plan-list"))
    lead = f"{plan.provider}, {plan.key}, from {plan.valid_from}. Made by {plan.created_by}."
    return _page(request, form, title=f"End {plan.name}", lead=lead, label="End this plan")
