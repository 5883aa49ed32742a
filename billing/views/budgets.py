"""Budgets: the list and one with its burn and alerts, now or as of a moment; making, changing
and ending one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any, cast

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from adoption.selectors.programmes import programmes_visible_to
from billing.choices import CostBasis, Measure
from billing.filters.budgets import BudgetFilters
from billing.forms.budgets import BudgetForm, EndForm
from billing.forms.fields import USE_CASE_LIST
from billing.models import Budget
from billing.policies import (
    may_edit_budgets_of,
    may_edit_programme_budgets,
    may_see_costs,
)
from billing.selectors.as_of import TooManyChargesError
from billing.selectors.budget_spending import PastSpending, PresentSpending, Spending
from billing.selectors.budgets import (
    Standing,
    alerts_of,
    budget_for_page,
    budgets_visible_to,
    standings,
    window_text,
)
from billing.selectors.costs import Kind
from billing.selectors.exceeded_budgets import exceeded_since
from billing.selectors.finished_budgets import finished_standings
from billing.selectors.moments import BadMomentError, parse_moment
from billing.selectors.past_budgets import budgets_recorded_at
from billing.selectors.spenders import spenders
from billing.selectors.use_cases import all_use_case_names, use_case_by_slug
from billing.services.budgets import change_budget, create_budget, end_budget
from billing.services.refusals import ChangeRefusedError
from billing.tables.budgets import (
    BudgetAlertTable,
    BudgetTable,
    CountedTable,
    PastBudgetTable,
)
from billing.views.budget_figures import (
    beyond_url,
    budget_url,
    counted_rows,
    ended_figure,
    exceeded_text,
    projected_figure,
    share_figure,
    state_of,
    used_figure,
)
from billing.views.burn_charts import burn_chart
from billing.views.moments import NOT_WORKED_OUT, AsOfListPage, refuse_too_much
from billing.views.watch_forms import form_answer, may_make, person_of
from portal.models import User
from portal.shell.figures import Figure
from portal.shell.formats import moment_text
from portal.shell.navigation import Visitor
from portal.shell.paging import Source
from portal.shell.periods import Month
from portal.shell.statuses import FigureStatus
from portal.shell.views import Action, Crumb, EmptyState


def _crumbs(budget: Budget | None = None) -> list[Crumb]:
    found = [Crumb("Costs", reverse("costs")), Crumb("Budgets", reverse("budgets"))]
    if budget is not None:
        found.append(Crumb(_name(budget), reverse("budget", args=[budget.pk])))
    return found


def _name(budget: Budget) -> str:
    return str(budget.use_case or budget.programme)


def _may_edit(user: Any, budget: Budget) -> bool:
    if budget.ended_at is not None:
        return False
    if budget.use_case is None:
        return may_edit_programme_budgets(user)
    return may_edit_budgets_of(user, budget.use_case.owner_id)


class BudgetListPage(AsOfListPage):
    """Every budget in its current period, or in that of a moment."""

    title = "Budgets"
    lead = "What may be spent, what is used, and where the period will end."
    noun_plural = "budgets"
    export_name = "budgets"
    table_class = BudgetTable
    filterset_class = BudgetFilters
    refused: EmptyState | None = None

    def allows(self, user: Visitor) -> bool:
        return may_see_costs(user)  # type: ignore[arg-type]

    def get_queryset(self) -> Source:
        return budgets_visible_to(self.request.user)

    def make_table(self, source: Source) -> BudgetTable:
        table_class = PastBudgetTable if self.at else BudgetTable
        rows = self._rows(cast("Sequence[Budget]", source))
        return table_class(rows, query=self.request.GET, path=self.request.path)

    def _rows(self, source: Sequence[Budget]) -> list[dict[str, Any]]:
        """A row a budget; none, and why, when there is too much to work out.

        Raises:
            UnreadableRequestError: a file is asked for, and there is too much.
        """
        budgets = list(source)
        if self.at is not None:
            filters = cast("BudgetFilters", self.filterset)
            budgets = [e for e in budgets_recorded_at(budgets, self.at) if filters.has_period(e)]
        try:
            spending = spending_of(budgets, self.at)
            found = standings(budgets, spending)
            since = exceeded_since(found.values())
            ended = finished_standings(budgets, spending)
        except TooManyChargesError as error:
            self.refused = refuse_too_much(self.request, error)
            return []
        return [
            _row(each, found.get(each.pk), since.get(each.pk), self.at)
            | {"before": ended_figure(ended.get(each.pk))}
            for each in budgets
        ]  # fmt: skip

    def get_breadcrumbs(self) -> Sequence[Crumb]:
        return [Crumb("Costs", reverse("costs"))]

    def get_actions(self) -> Sequence[Action]:
        found = [Action("Forecasts", reverse("forecasts"))]
        if may_make(self.request.user):
            found.append(Action("New budget", reverse("budget-new"), is_primary=True))
        return found

    def get_empty(self) -> EmptyState:
        title = "No budget yet"
        text = "A budget tells its owner at 50, 80 and 100 %, and when the forecast exceeds it."
        if not may_make(self.request.user):
            return EmptyState(title, text)
        return EmptyState(title, text, "New budget", reverse("budget-new"))

    def get_past_empty(self, at: dt.datetime) -> EmptyState:
        return EmptyState("No budget then", f"Up to {moment_text(at)} none had been made.")

    def get_context_data(self) -> dict[str, Any]:
        found = super().get_context_data()
        return found | {"empty": self.refused} if self.refused else found


def spending_of(budgets: Iterable[Budget], at: dt.datetime | None) -> Spending:
    """What these budgets are measured by, now or as of a moment."""
    if at is None:
        return PresentSpending(timezone.now())
    return PastSpending(at, {Kind(each.currency, each.cost_basis) for each in budgets})


def _row(
    budget: Budget, standing: Standing | None, since: dt.date | None, at: dt.datetime | None
) -> dict[str, Any]:
    crosses = standing.crosses_on if standing else None
    return {
        "pk": budget.pk,
        "url": budget_url(budget, at),
        "name": _name(budget),
        "scope": "programme" if budget.programme_id else "",
        "period": budget.get_period_display(),
        "window": window_text(standing.period) if standing else "",
        "amount_nano": budget.amount_nano,
        "currency": budget.currency,
        "used": used_figure(standing, at=at),
        "share": standing.share if standing else None,
        "ends_at": projected_figure(standing, at=at),
        "crosses_on": since or crosses,
        "crossing": "since then" if since else "expected" if crosses else "",
        "not_crossing": exceeded_text(standing, None),
        "state": state_of(budget, standing),
        "owner": str(budget.owner),
    }


def _budget_or_404(request: HttpRequest, pk: int) -> Budget:
    person_of(request, allowed=may_see_costs(request.user))
    budget = budget_for_page(request.user, pk)
    if budget is None:
        raise Http404
    return budget


@require_safe
def budget_page(request: HttpRequest, pk: int) -> HttpResponseBase:
    """One budget: where it stands, how it came there, what was said about it; or as of a moment."""
    budget = _budget_or_404(request, pk)
    context: dict[str, Any] = {
        "page_title": f"Budget of {_name(budget)}",
        "breadcrumbs": _crumbs(),
        "as_of_text": request.GET.get("as_of", ""),
        "now_url": budget_url(budget),
    }
    try:
        at = parse_moment(request.GET.get("as_of", ""), now=timezone.now())
    except BadMomentError as error:
        context |= {"budget": budget, "as_of_problem": str(error)}
        return TemplateResponse(request, "billing/budget_detail.html", context, status=400)
    context |= {"at": at, "budget": budget}
    if at is None:
        context |= _shown(budget, None) | {"may_edit": _may_edit(request.user, budget)}
    elif not (found := budgets_recorded_at([budget], at)):
        context["refused"] = EmptyState(
            "No such budget then", f"It was made after {moment_text(at)}."
        )
    else:
        context |= {"budget": found[0]} | _shown(found[0], at)
    return TemplateResponse(request, "billing/budget_detail.html", context)


def _shown(budget: Budget, at: dt.datetime | None) -> dict[str, Any]:
    """Where a budget stands, as it is or was."""
    try:
        spending = spending_of([budget], at)
        ended = finished_standings([budget], spending).get(budget.pk)
        standing = standings([budget], spending).get(budget.pk)
        since = exceeded_since([standing] if standing else []).get(budget.pk)
    except TooManyChargesError as error:
        return {"refused": EmptyState(NOT_WORKED_OUT, str(error))}
    alerts = _alerts(budget, at)
    amount = Figure.money(
        "Budget", budget.amount_nano, budget.currency, status=FigureStatus.FINAL,
        basis=budget.get_period_display(),
        window=window_text(standing.period) if standing else "",
    )  # fmt: skip
    figures = [amount, used_figure(standing, at=at)]
    if standing is not None:
        figures += [share_figure(standing), projected_figure(standing, at=at)]
    is_known = standing is not None and standing.spent is not None
    return {
        "state": state_of(budget, standing),
        "figures": figures,
        "ended": ended_figure(ended) if ended else None,
        "exceeded": exceeded_text(standing, since),
        "counted": _counted(standing),
        "beyond_url": beyond_url(standing) if standing else "",
        "chart": burn_chart(standing) if standing and is_known else None,
        "alerts": BudgetAlertTable.of(alerts) if alerts else None,
        "last_month": Month.of(budget.ends_on) - 1 if budget.ends_on else None,
    }


def _alerts(budget: Budget, at: dt.datetime | None) -> list[dict[str, Any]]:
    return [
        {**each, "currency": budget.currency}
        for each in alerts_of(budget, at=at).values(
            "fired_at", "threshold", "period_start", "spent_nano", "amount_nano",
            "projected_nano", "crosses_on",
        )
    ]  # fmt: skip


def _counted(standing: Standing | None) -> CountedTable | None:
    """What the budget of a programme counts; that of a use case has its lines behind the figure."""
    if standing is None or standing.budget.programme_id is None or standing.spent is None:
        return None
    rows = counted_rows(standing)
    return CountedTable.of(rows) if rows else None


def _programmes(user: Any) -> list[tuple[str, str]]:
    if not may_edit_programme_budgets(user):
        return []
    return [(str(each.slug), each.name) for each in programmes_visible_to(user)]


@require_http_methods(["GET", "HEAD", "POST"])
def budget_new_page(request: HttpRequest) -> HttpResponse:
    """Make a budget for a use case of one's own, or for any as lead or finance."""
    person = person_of(request, allowed=may_make(request.user))
    form = BudgetForm(
        request.POST if request.method == "POST" else None,
        programmes=_programmes(person), is_new=True, initial=_initial(request, person),
    )  # fmt: skip

    def save(form: BudgetForm) -> str:
        use_case_id, programme_id = _scope(form, person)
        draft = form.draft(use_case_id=use_case_id, programme_id=programme_id)
        budget = create_budget(draft=draft, actor=person, at=timezone.now())
        return reverse("budget", args=[budget.pk])

    return form_answer(
        request, form, save, _crumbs(), page_title="New budget", submit_label="Make the budget",
        use_cases=all_use_case_names(person), use_case_list=USE_CASE_LIST,
    )  # fmt: skip


def _initial(request: HttpRequest, person: User) -> dict[str, Any]:
    case = use_case_by_slug(request.GET.get("use_case", ""), person)
    return {
        "use_case": case.slug if case else "",
        "owner": person.username,
        "currency": "USD",
        "first": str(Month.of(timezone.now().date())),
        "measure": Measure.BILLED,
        "cost_basis": CostBasis.INVOICED,
    }


def _scope(form: BudgetForm, person: User) -> tuple[int | None, int | None]:
    """Whose budget it is, when this person may make it.

    Raises:
        ChangeRefusedError: they may not, or nothing or both was chosen.
    """
    case, slug = form.cleaned_data["use_case"], form.cleaned_data["programme"]
    if bool(case) == bool(slug):
        raise ChangeRefusedError("Choose a use case or a programme.", field="use_case")
    if case:
        if not may_edit_budgets_of(person, spenders([case.pk])[case.pk].owner_id):
            raise ChangeRefusedError(
                "Its owner, programme leads and finance make its budgets.", field="use_case"
            )
        return case.pk, None
    programme = programmes_visible_to(person).filter(slug=slug).first()
    if programme is None or not may_edit_programme_budgets(person):
        raise ChangeRefusedError("There is no such programme.", field="programme")
    return None, programme.pk


@require_http_methods(["GET", "HEAD", "POST"])
def budget_edit_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a budget."""
    budget = _budget_or_404(request, pk)
    person = person_of(request, allowed=_may_edit(request.user, budget))
    form = BudgetForm(
        request.POST if request.method == "POST" else None,
        programmes=[], is_new=False, initial=BudgetForm.initial_of(budget),
    )  # fmt: skip

    def save(form: BudgetForm) -> str:
        change_budget(
            pk=budget.pk,
            draft=form.draft(use_case_id=budget.use_case_id, programme_id=budget.programme_id),
            expected_version=form.cleaned_data["expected_version"] or 0,
            reason=form.cleaned_data["reason"],
            actor=person,
        )
        return reverse("budget", args=[budget.pk])

    return form_answer(
        request, form, save, _crumbs(budget), submit_label="Save",
        page_title=f"Change the budget of {_name(budget)}",
        page_lead="What was alerted about in this period is not said again.",
    )  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
def budget_end_page(request: HttpRequest, pk: int) -> HttpResponse:
    """End a budget."""
    budget = _budget_or_404(request, pk)
    person = person_of(request, allowed=_may_edit(request.user, budget))
    form = EndForm(
        request.POST if request.method == "POST" else None,
        initial={"expected_version": budget.version},
    )

    def save(form: EndForm) -> str:
        end_budget(
            pk=budget.pk, expected_version=form.cleaned_data["expected_version"],
            reason=form.cleaned_data["reason"], actor=person, at=timezone.now(),
        )  # fmt: skip
        return reverse("budget", args=[budget.pk])

    return form_answer(
        request, form, save, _crumbs(budget), submit_label="End it", is_dangerous=True,
        page_title=f"End the budget of {_name(budget)}",
        page_lead="Nothing is measured against it any more. Its alerts stay.",
    )  # fmt: skip
