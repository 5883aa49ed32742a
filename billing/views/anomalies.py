"""Anomalies: the list with how quickly they are answered, one with its days, and answering it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, cast

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing.filters.anomalies import AnomalyFilters
from billing.forecast.anomalies import Thresholds
from billing.forms.anomalies import AnswerForm, PolicyForm
from billing.models import Anomaly, AnomalyDay
from billing.policies import may_answer_anomaly, may_see_costs, may_set_anomaly_policy
from billing.selectors.anomalies import (
    anomalies_visible_to,
    anomaly_for_page,
    days_around,
    response_of,
    thresholds_by_currency,
)
from billing.selectors.as_of import TooManyChargesError
from billing.selectors.day_status import DayOf, statuses_of_days
from billing.selectors.past_anomalies import (
    JUDGED_SINCE,
    anomalies_recorded_at,
    as_it_stood,
    check_days,
    days_recorded_at,
    past_statuses_of_days,
)
from billing.selectors.references import USUAL, FigureReference
from billing.services.anomalies import acknowledge, impact_nano, set_policy
from billing.services.refusals import ChangeRefusedError
from billing.tables.anomalies import AnomalyDayTable, AnomalyTable
from billing.views.budget_figures import money_writer
from billing.views.moments import (
    NOT_WORKED_OUT,
    AsOfListPage,
    asked_moment,
    is_export,
    refuse_too_much,
)
from billing.views.watch_forms import form_answer, person_of
from portal.shell.charts import Chart, Series, line_chart
from portal.shell.figures import Figure, FigureKind
from portal.shell.formats import date_text, moment_text, nano_money_text
from portal.shell.money import from_nano
from portal.shell.navigation import Visitor
from portal.shell.paging import Source
from portal.shell.statuses import FigureStatus
from portal.shell.views import Action, Crumb, EmptyState

_CURRENCY = re.compile(r"[A-Z]{3}")
_LEAD = (
    "Effective cost, billed where lines state none, without purchases, credits, tax and "
    "adjustments. Days are UTC."
)
_LEARNING = "learning: fewer than 14 days of history"


def _crumbs(anomaly: Anomaly | None = None) -> list[Crumb]:
    found = [Crumb("Costs", reverse("costs")), Crumb("Anomalies", reverse("anomalies"))]
    if anomaly is not None:
        found.append(Crumb(date_text(anomaly.day.day), reverse("anomaly", args=[anomaly.pk])))
    return found


class AnomalyListPage(AsOfListPage):
    """Every day on which a use case cost more than it should, found by now or by a moment."""

    title = "Anomalies"
    lead = "Days on which a use case cost more than its upper bound, each use case by itself."
    noun_plural = "anomalies"
    export_name = "anomalies"
    table_class = AnomalyTable
    filterset_class = AnomalyFilters
    template_name = "billing/anomaly_list.html"
    refused: EmptyState | None = None

    def allows(self, user: Visitor) -> bool:
        return may_see_costs(user)  # type: ignore[arg-type]

    def get_queryset(self) -> Source:
        return _rows(self.request, asked_moment(self.request).at)

    def make_table(self, source: Source) -> AnomalyTable:
        """The table; an empty one, and why, when there is too much to work out.

        Raises:
            UnreadableRequestError: a file is asked for, and there is too much.
        """
        shared: dict[str, Any] = {
            "query": self.request.GET,
            "path": self.request.path,
            "now": timezone.now(),
        }
        rows = cast("QuerySet[Anomaly]", source)
        try:
            if self.at is not None and is_export(self.request):
                check_days(set(rows.values_list("day__day", flat=True)), self.at)
            return AnomalyTable(rows, at=self.at, **shared)
        except TooManyChargesError as error:
            self.refused = refuse_too_much(self.request, error)
            return AnomalyTable(rows.none(), at=self.at, **shared)

    def get_context_data(self) -> dict[str, Any]:
        found = super().get_context_data() | {"figures": self._figures()}
        return found | {"empty": self.refused} if self.refused else found

    def _figures(self) -> list[Figure]:
        """Metric 19 over everything that was found."""
        rows = _rows(self.request, self.at)
        if self.at is None:
            return _response_figures(rows, timezone.now())
        return _response_figures([as_it_stood(each, self.at) for each in rows], self.at)

    def get_breadcrumbs(self) -> Sequence[Crumb]:
        return _crumbs()[:1]

    def get_actions(self) -> Sequence[Action]:
        if not may_set_anomaly_policy(self.request.user):
            return ()
        return [Action("Who is told, from when", reverse("anomaly-policies"))]

    def get_empty(self) -> EmptyState:
        return EmptyState(
            "No anomaly has been found",
            "Every day is judged against the same weekday of the twelve weeks before it.",
        )

    def get_past_empty(self, at: dt.datetime) -> EmptyState:
        return EmptyState("No anomaly then", f"Up to {moment_text(at)} none had been found.")


def _rows(request: HttpRequest, at: dt.datetime | None) -> QuerySet[Anomaly]:
    if at is None:
        return anomalies_visible_to(request.user)
    return anomalies_recorded_at(request.user, at)


def _response_figures(rows: Iterable[Anomaly], now: dt.datetime) -> list[Figure]:
    found = response_of(rows, now=now)
    if not found.found:
        return []
    return [
        _hours("Median time to find", found.detect_hours, f"n = {found.found}"),
        _hours("Median time to answer", found.answer_hours, f"n = {found.answered}"),
        Figure(
            label="Answered", value=found.answered, status=FigureStatus.PROVISIONAL,
            note=f"{found.acted} acted upon, {found.answered - found.acted} explained",
        ),
        Figure.missing("Ignored for seven days", "nobody was told of any")
        if found.ignored_share is None
        else Figure(
            label="Ignored for seven days",
            value=Decimal(found.ignored_share.numerator) / found.ignored_share.denominator,
            kind=FigureKind.SHARE, status=FigureStatus.PROVISIONAL, note=f"of {found.told} told",
        ),
    ]  # fmt: skip


def _hours(label: str, hours: Fraction | None, note: str) -> Figure:
    if hours is None:
        return Figure.missing(label, "none has been answered yet")
    value = (Decimal(hours.numerator) / hours.denominator).quantize(Decimal("0.1"))
    return Figure(
        label=label, value=value, unit="h", decimals=1, status=FigureStatus.PROVISIONAL, note=note
    )


def _anomaly_or_404(request: HttpRequest, pk: int) -> Anomaly:
    person_of(request, allowed=may_see_costs(request.user))
    found = anomaly_for_page(request.user, pk)
    if found is None:
        raise Http404
    return found


@require_safe
def anomaly_page(request: HttpRequest, pk: int) -> HttpResponseBase:
    """One anomaly with the days around it."""
    anomaly, asked = _anomaly_or_404(request, pk), asked_moment(request)
    context = {
        "page_title": f"{anomaly.day.use_case.title}, {date_text(anomaly.day.day)}",
        "page_lead": _LEAD,
        "breadcrumbs": _crumbs(),
        **asked.context,
    }
    if asked.at is not None:
        context |= _past_context(request, pk, asked.at)
    elif not asked.problem:
        context |= _context(request, anomaly, AnswerForm())
    return TemplateResponse(request, "billing/anomaly_detail.html", context, status=asked.status)


def _past_context(request: HttpRequest, pk: int, at: dt.datetime) -> dict[str, Any]:
    """One anomaly as it was told at a moment; why not, where it was not or is not kept."""
    anomaly = anomalies_recorded_at(request.user, at).filter(pk=pk).first()
    if anomaly is None:
        return {
            "refused": EmptyState("Not found yet then", f"It was found after {moment_text(at)}.")
        }
    anomaly, days = as_it_stood(anomaly, at), days_recorded_at(anomaly.day, at)
    try:
        statuses = past_statuses_of_days([DayOf.of(each) for each in (anomaly.day, *days)], at)
    except TooManyChargesError as error:
        return {"refused": EmptyState(NOT_WORKED_OUT, str(error))}
    is_kept = anomaly.day.judged_at <= at
    return _shown(anomaly, days, statuses) | {
        "is_kept": is_kept,
        "figures": _figures(anomaly, statuses[DayOf.of(anomaly.day)], at)
        if is_kept
        else _not_kept(),
    }


def _not_kept() -> list[Figure]:
    return [Figure.missing(name, JUDGED_SINCE) for name in ("Actual", "Expected", "Too much")]


def _context(request: HttpRequest, anomaly: Anomaly, form: AnswerForm) -> dict[str, Any]:
    day = anomaly.day
    days = days_around(day)
    may = may_answer_anomaly(request.user, day.use_case.owner_id)
    wanted = [DayOf.of(each) for each in (day, *reversed(days))]
    statuses = statuses_of_days(wanted, now=timezone.now())
    return _shown(anomaly, days, statuses) | {
        "is_kept": True,
        "form": form,
        "may_answer": may and anomaly.acknowledged_at is None,
        "told": _too_much(anomaly.told_nano, day),
        "answered": _too_much(anomaly.answered_nano, day),
    }


def _too_much(nano: int | None, day: AnomalyDay) -> str:
    """What a day was too much by, where that is kept and is not what it is now."""
    return "" if nano in (None, impact_nano(day)) else nano_money_text(nano, day.currency)


def _shown(
    anomaly: Anomaly, days: Sequence[AnomalyDay], statuses: Mapping[DayOf, FigureStatus]
) -> dict[str, Any]:
    day = anomaly.day
    names = ("day", "actual_nano", "expected_nano", "lower_nano", "upper_nano", "currency", "state")
    rows = [
        {name: getattr(each, name) for name in names} | {"status": statuses[DayOf.of(each)]}
        for each in reversed(days)
    ]
    return {
        "page_title": f"{day.use_case.title}, {date_text(day.day)}",
        "page_lead": _LEAD,
        "breadcrumbs": _crumbs(),
        "anomaly": anomaly,
        "day": day,
        "figures": _figures(anomaly, statuses[DayOf.of(day)]),
        "chart": _chart(days, day),
        "table": AnomalyDayTable.of(rows),
    }


def _figures(anomaly: Anomaly, actual: FigureStatus, at: dt.datetime | None = None) -> list[Figure]:
    day = anomaly.day
    # What a day is judged by is what `usual` means, so these lines are all of it.
    lines = FigureReference(
        use_case=day.use_case.slug, currency=day.currency, basis=day.cost_basis,
        measure="effective", category=USUAL, at=at,
    ).on(day.day).lineage_url  # fmt: skip

    def money(
        label: str, nano: int | None, status: FigureStatus, note: str = "", lineage_url: str = ""
    ) -> Figure:
        if nano is None:
            return Figure.missing(label, _LEARNING)
        return Figure.money(
            label, nano, day.currency, status=status, basis=day.get_cost_basis_display(),
            window=date_text(day.day), as_of=day.judged_at, note=note, lineage_url=lineage_url,
        )  # fmt: skip

    unknown = day.effective_unknown
    impact = impact_nano(day)
    return [
        money("Actual", day.actual_nano, actual,
              f"billed, of {unknown} lines that state no effective cost" if unknown else "", lines),
        money("Expected", day.expected_nano, FigureStatus.ESTIMATED),
        money("Too much", impact, FigureStatus.ESTIMATED,
              "beyond the cap" if day.expected_nano is None else ""),
        _share(impact, day),
    ]  # fmt: skip


def _share(impact: int, day: AnomalyDay) -> Figure:
    label = "Of what was expected"
    if day.expected_nano is None:
        return Figure.missing(label, _LEARNING)
    if not day.expected_nano:
        return Figure.missing(label, "nothing was expected, so there is no share")
    return Figure(
        label=label, value=Decimal(impact) / Decimal(day.expected_nano),
        kind=FigureKind.SHARE, status=FigureStatus.ESTIMATED,
    )  # fmt: skip


def _chart(days: Sequence[AnomalyDay], day: AnomalyDay) -> Chart:
    def values(name: str) -> list[Decimal | None]:
        found = [getattr(each, name) for each in days]
        return [None if nano is None else from_nano(nano) for nano in found]

    return line_chart(
        title=f"Daily cost around {date_text(day.day)}",
        description="What each day cost, what was expected of it, and its bounds.",
        labels=[f"{each.day.day} {each.day:%b}" for each in days],
        unit=f"{day.currency}, effective",
        series=[
            Series("Actual", values("actual_nano")),
            Series("Expected", values("expected_nano"), reason=_LEARNING),
            Series("Upper bound", values("upper_nano")),
        ],
        text=money_writer(day.currency),
    )


@require_POST
def anomaly_answer(request: HttpRequest, pk: int) -> HttpResponse:
    """Say what it was."""
    anomaly = _anomaly_or_404(request, pk)
    person = person_of(
        request, allowed=may_answer_anomaly(request.user, anomaly.day.use_case.owner_id)
    )
    form = AnswerForm(request.POST)
    if form.is_valid():
        try:
            acknowledge(pk=pk, **form.cleaned_data, actor=person, at=timezone.now())
        except ChangeRefusedError as error:
            form.add_refusal(error)
        else:
            return HttpResponse(status=302, headers={"Location": reverse("anomaly", args=[pk])})
    context = _context(request, anomaly, form)
    return render(request, "billing/anomaly_detail.html", context, status=400)


@require_safe
def policies_page(request: HttpRequest) -> HttpResponseBase:
    """What finance decided for each currency, and the defaults for the rest."""
    person_of(request, allowed=may_see_costs(request.user))
    context = {
        "page_title": "Who is told of anomalies, from when",
        "page_lead": "What is found does not depend on it; only who is called does.",
        "breadcrumbs": _crumbs(),
        "policies": [
            (currency, PolicyForm.initial_of(found))
            for currency, found in sorted(thresholds_by_currency().items())
        ],
        "defaults": PolicyForm.initial_of(Thresholds()),
        "may_edit": may_set_anomaly_policy(request.user),
        "currencies": sorted(
            set(AnomalyDay.objects.order_by().values_list("currency", flat=True).distinct())
            | set(thresholds_by_currency())
        ),
    }
    return TemplateResponse(request, "billing/anomaly_policies.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def policy_edit_page(request: HttpRequest, currency: str) -> HttpResponse:
    """Decide for one currency."""
    person = person_of(request, allowed=may_set_anomaly_policy(request.user))
    if not _CURRENCY.fullmatch(currency):
        raise Http404
    found = thresholds_by_currency().get(currency, Thresholds())
    form = PolicyForm(
        request.POST if request.method == "POST" else None, initial=PolicyForm.initial_of(found)
    )

    def save(form: PolicyForm) -> str:
        set_policy(currency=currency, thresholds=form.thresholds(), actor=person, at=timezone.now())
        return reverse("anomaly-policies")

    crumbs = [*_crumbs(), Crumb("Who is told", reverse("anomaly-policies"))]
    return form_answer(
        request, form, save, crumbs, submit_label="Save",
        page_title=f"Anomalies in {currency}",
    )  # fmt: skip
