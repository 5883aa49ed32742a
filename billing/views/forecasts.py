"""Forecasts beside what came, and how far they were off (metric 18)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, cast

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from billing.choices import CostBasis, Measure
from billing.filters.forecasts import ForecastFilters
from billing.forecast.forecast import CEILINGS, FEWEST_MONTHS
from billing.models import Forecast
from billing.policies import may_see_costs
from billing.selectors.as_of import TooManyChargesError
from billing.selectors.forecasts import (
    ForecastError,
    ForecastMonth,
    forecast_errors,
    forecast_months,
    forecasts_visible_to,
)
from billing.selectors.past_forecasts import past_forecast_months
from billing.selectors.references import FigureReference
from billing.selectors.spenders import spenders
from billing.tables.budgets import ForecastTable
from billing.views.moments import AsOfListPage, refuse_too_much
from portal.shell.figures import Figure, FigureKind
from portal.shell.formats import moment_text
from portal.shell.navigation import Visitor
from portal.shell.paging import Source
from portal.shell.statuses import FigureStatus
from portal.shell.views import Crumb, EmptyState

MEASURE = Measure.EFFECTIVE


class ForecastListPage(AsOfListPage):
    """Every frozen forecast of effective cost, with its error below and above; or those frozen by
    a moment, beside what had come by then."""

    title = "Forecasts"
    lead = (
        "Frozen when a month begins, from the six months before it: once they have been imported, "
        "on the third day at the latest. None is changed afterwards."
    )
    noun_plural = "forecasts"
    export_name = "forecasts"
    table_class = ForecastTable
    filterset_class = ForecastFilters
    template_name = "billing/forecast_list.html"
    months: Sequence[ForecastMonth] = ()
    refused: EmptyState | None = None

    def allows(self, user: Visitor) -> bool:
        return may_see_costs(user)  # type: ignore[arg-type]

    def get_queryset(self) -> Source:
        return forecasts_visible_to(self.request.user)

    def make_table(self, source: Source) -> ForecastTable:
        try:
            self.months = self._months(cast("Any", source))
        except TooManyChargesError as error:
            self.refused = refuse_too_much(self.request, error)
        names = spenders({each.forecast.use_case_id for each in self.months})
        records = [_row(each, names[each.forecast.use_case_id], self.at) for each in self.months]
        return ForecastTable(records, query=self.request.GET, path=self.request.path)

    def _months(self, rows: QuerySet[Forecast]) -> list[ForecastMonth]:
        """What stands in the rows.

        Raises:
            TooManyChargesError: more charges than are worked out as of a moment.
        """
        if self.at is not None:
            return past_forecast_months(rows, measure=MEASURE, at=self.at)
        now = timezone.now()
        return forecast_months(rows, today=now.date(), measure=MEASURE, now=now)

    def get_context_data(self) -> dict[str, Any]:
        found = super().get_context_data() | {
            "errors": [error_figure(each) for each in forecast_errors(self.months)],
            "ceilings": CEILINGS,
        }
        return found | {"empty": self.refused} if self.refused else found

    def get_breadcrumbs(self) -> Sequence[Crumb]:
        return [Crumb("Costs", reverse("costs")), Crumb("Budgets", reverse("budgets"))]

    def get_empty(self) -> EmptyState:
        return EmptyState(
            "No forecast yet",
            "On the first days of each month one is frozen for every use case with a cost.",
        )

    def get_past_empty(self, at: dt.datetime) -> EmptyState:
        return EmptyState("No forecast then", f"Up to {moment_text(at)} none had been frozen.")


def error_figure(found: ForecastError) -> Figure:
    """WAPE of one kind with the ceiling that it keeps."""
    label = f"Forecast error, {found.kind.currency} {found.kind.basis_label.lower()}"
    if found.share is None:
        return Figure.missing(
            label, f"{found.months} complete months, and {FEWEST_MONTHS} are needed"
        )
    level = f"keeps the ceiling “{found.level}”" if found.level else "above every ceiling"
    return Figure(
        label=label, value=Decimal(found.share.numerator) / found.share.denominator,
        kind=FigureKind.SHARE, status=found.status,
        basis=found.kind.basis_label, note=f"{found.months} months; {level}",
    )  # fmt: skip


def _row(found: ForecastMonth, spender: Any, at: dt.datetime | None) -> dict[str, Any]:
    row: Forecast = found.forecast
    basis = str(CostBasis(row.cost_basis).label)
    missing = f", {found.missing}" if found.missing else ""
    forecast = (
        Figure.missing("Forecast", found.reason)
        if row.forecast_nano is None
        else Figure.money("Forecast", row.forecast_nano, row.currency,
                          status=FigureStatus.ESTIMATED, basis=f"{basis}{missing}",
                          note=f"{row.history_months} months, {row.method}")
    )  # fmt: skip
    lineage = FigureReference(
        use_case=spender.slug, first=found.month, last=found.month, currency=row.currency,
        basis=row.cost_basis, measure=row.measure, at=at,
    ).lineage_url  # fmt: skip
    actual = (
        Figure.missing("Came", found.why_not)
        if found.actual is None
        else Figure.money("Came", found.actual, row.currency, status=found.status,
                          basis=basis, lineage_url=lineage)
    )  # fmt: skip
    return {
        "pk": row.pk,
        "name": spender.title,
        "slug": spender.slug,
        "month": row.month,
        "currency": row.currency,
        "forecast": forecast,
        "lower_nano": row.lower_nano,
        "upper_nano": row.upper_nano,
        "actual": actual,
        "off": _off(found),
        "frozen_at": row.frozen_at,
    }


def _off(found: ForecastMonth) -> Figure:
    nano = found.forecast.forecast_nano
    if nano is None or found.actual is None:
        return Figure.missing("Off by", found.why_not or "there was no forecast")
    if found.actual <= 0:
        return Figure.missing("Off by", "nothing was spent")
    return Figure(
        label="Off by", value=Decimal(abs(found.actual - nano)) / Decimal(found.actual),
        kind=FigureKind.SHARE, status=found.status,
    )  # fmt: skip
