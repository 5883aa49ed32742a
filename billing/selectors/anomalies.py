"""Reading anomalies, the days around them, and how quickly they are answered (metric 19)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from fractions import Fraction

from django.db.models import Case, F, Min, QuerySet, Value, When
from django.db.models.fields import CharField

from billing.choices import ACTIONED_REASONS
from billing.forecast.anomalies import Thresholds
from billing.forecast.robust import median
from billing.models import Anomaly, AnomalyDay, AnomalyPolicy, DailyCost
from billing.policies import may_see_costs
from billing.selectors.costs import Kind
from portal.policies import AnyUser

LEARNING = "learning: too little history"
IGNORED_AFTER = dt.timedelta(days=7)  # told and not answered for so long


def anomalies_visible_to(user: AnyUser) -> QuerySet[Anomaly]:
    """Anomalies are about sums, and open like sums to everybody inside.

    Annotations: `actual_nano`, `expected_nano`, `impact_nano`, `unknown_because` (why one of them
    is not told), `standing` (`withdrawn`, `answered`, `waiting` or `small`), `answer` (the note).
    """
    base = Case(
        When(day__expected_nano__isnull=True, then=F("day__upper_nano")),
        default=F("day__expected_nano"),
    )
    standing = Case(
        When(withdrawn_at__isnull=False, then=Value("withdrawn")),
        When(acknowledged_at__isnull=False, then=Value("answered")),
        When(notified_at__isnull=False, then=Value("waiting")),
        default=Value("small"),
        output_field=CharField(),
    )
    rows = Anomaly.objects.select_related("day__use_case", "acknowledged_by").annotate(
        actual_nano=F("day__actual_nano"),
        expected_nano=F("day__expected_nano"),
        impact_nano=F("day__actual_nano") - base,
        standing=standing,
        answer=F("note"),
        unknown_because=Value(LEARNING),
    )
    return rows if may_see_costs(user) else rows.none()


def anomaly_for_page(user: AnyUser, pk: int) -> Anomaly | None:
    """One anomaly, or None."""
    found: Anomaly | None = anomalies_visible_to(user).filter(pk=pk).first()
    return found


def days_around(day: AnomalyDay, *, before: int = 42, after: int = 7) -> list[AnomalyDay]:
    """The judged days of the same use case and kind around one, oldest first."""
    return list(
        AnomalyDay.objects.filter(
            use_case_id=day.use_case_id,
            currency=day.currency,
            cost_basis=day.cost_basis,
            day__gte=day.day - dt.timedelta(days=before),
            day__lte=day.day + dt.timedelta(days=after),
        ).order_by("day")
    )


def thresholds_by_currency() -> dict[str, Thresholds]:
    """What finance decided, by currency; the defaults hold for the rest. One query."""
    return {
        row.currency: Thresholds(row.learning_cap_nano, row.notify_absolute_nano, row.notify_share)
        for row in AnomalyPolicy.objects.all()
    }


def first_days(use_case_ids: Collection[int]) -> dict[tuple[int, Kind], dt.date]:
    """By use case and kind, the first day (UTC) on which it cost anything. One query.

    History begins there: from then on a day without a line is a day that cost nothing.
    """
    rows = (
        DailyCost.objects.filter(use_case_id__in=use_case_ids)
        .order_by()
        .values_list("use_case_id", "currency", "cost_basis")
        .annotate(first=Min("day"))
    )
    return {(pk, Kind(currency, basis)): first for pk, currency, basis, first in rows}


@dataclass(frozen=True, slots=True)
class Response:
    """Metric 19 over some anomalies: how long until they are found and answered.

    Attributes:
        detect_hours: median hours from the end of the day (UTC) to its being found.
        answer_hours: median hours from being found to being answered, of those that are.
        found, told, answered, acted: how many.
        ignored: told, and not answered for seven days.
    """

    detect_hours: Fraction | None
    answer_hours: Fraction | None
    found: int
    told: int
    answered: int
    acted: int
    ignored: int

    @property
    def ignored_share(self) -> Fraction | None:
        """Of those told, the share that is ignored."""
        return Fraction(self.ignored, self.told) if self.told else None


def response_of(anomalies: Iterable[Anomaly], *, now: dt.datetime) -> Response:
    """How quickly these anomalies were found and answered; withdrawn ones do not count."""
    found = [each for each in anomalies if each.withdrawn_at is None]
    told = [each for each in found if each.notified_at is not None]
    answered = [each for each in found if each.acknowledged_at is not None]
    ends = [
        dt.datetime.combine(each.day.day + dt.timedelta(days=1), dt.time.min, tzinfo=dt.UTC)
        for each in found
    ]
    detect = [_hours(each.detected_at - end) for each, end in zip(found, ends, strict=True)]
    answer = [_hours((each.acknowledged_at or now) - each.detected_at) for each in answered]
    return Response(
        detect_hours=median(detect) if detect else None,
        answer_hours=median(answer) if answer else None,
        found=len(found),
        told=len(told),
        answered=len(answered),
        acted=sum(each.reason in ACTIONED_REASONS for each in answered),
        ignored=sum(
            each.acknowledged_at is None
            and each.notified_at is not None
            and now - each.notified_at > IGNORED_AFTER
            for each in told
        ),
    )


def _hours(length: dt.timedelta) -> Fraction:
    return Fraction(int(length.total_seconds()), 3600)


def unanswered(user: AnyUser) -> QuerySet[Anomaly]:
    """What was told and waits for an answer, newest first."""
    waiting = anomalies_visible_to(user).filter(
        withdrawn_at__isnull=True, acknowledged_at__isnull=True, notified_at__isnull=False
    )
    return waiting.order_by("-detected_at", "-pk")
