"""Anomalies at an earlier moment: what had been found, told, answered and withdrawn by then.

A judged day is written over when it is judged again, and what it said before is not kept. So the
amounts of then are told of days that were not judged since, and of the others why they are not.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Any, cast

from django.db.models import Case, F, Q, QuerySet, Value, When
from django.db.models.fields import CharField

from billing.models import Anomaly, AnomalyDay, Charge
from billing.selectors.anomalies import LEARNING, anomalies_visible_to, days_around
from billing.selectors.as_of import TooManyChargesError, parts_of_charges
from billing.selectors.costs import SumDraft
from billing.selectors.day_status import DayOf
from billing.selectors.past_costs import MOST_CHARGES_AS_OF
from billing.selectors.past_status import PastBook
from billing.selectors.references import FigureReference, scope_of
from billing.selectors.spending import NOT_DAILY
from billing.selectors.trials import recorded_at
from portal.policies import AnyUser
from portal.selectors.past_rows import column_at
from portal.shell.statuses import FigureStatus

JUDGED_SINCE = "judged again since; what was said then is not kept"


def anomalies_recorded_at(user: AnyUser, at: dt.datetime) -> QuerySet[Anomaly]:
    """What `anomalies_visible_to` gave at `at`, with the same annotations. One query at once.

    Amounts are null where the day was judged again after that.
    """
    standing = Case(
        When(Q(withdrawn_at__lte=at) | Q(pk__in=_withdrawn_then(at)), then=Value("withdrawn")),
        When(acknowledged_at__lte=at, then=Value("answered")),
        When(notified_at__lte=at, then=Value("waiting")),
        default=Value("small"),
        output_field=CharField(),
    )
    stands = Q(day__judged_at__lte=at)
    learning = Q(day__expected_nano__isnull=True)
    excess = Case(
        When(learning, then=F("day__actual_nano") - F("day__upper_nano")),
        default=F("day__actual_nano") - F("day__expected_nano"),
    )
    return (
        anomalies_visible_to(user)
        .filter(detected_at__lte=at)
        .annotate(
            actual_nano=Case(When(stands, then=F("day__actual_nano"))),
            expected_nano=Case(When(stands, then=F("day__expected_nano"))),
            impact_nano=Case(When(stands, then=excess)),
            standing=standing,
            unknown_because=Case(
                When(stands, then=Value(LEARNING)),
                default=Value(JUDGED_SINCE),
                output_field=CharField(),
            ),
            answer=Case(
                When(acknowledged_at__lte=at, then=F("note")),
                default=Value(""),
                output_field=CharField(),
            ),
        )
    )


def _withdrawn_then(at: dt.datetime) -> list[int]:
    """Keys of those whose withdrawal was undone since, because the day was restated again."""
    changed = column_at(Anomaly, "withdrawn_at", at)
    return [key for key, value in changed.items() if value is not None]


def as_it_stood(anomaly: Anomaly, at: dt.datetime) -> Anomaly:
    """One of `anomalies_recorded_at` as it was. For reading, never to be saved."""
    if anomaly.acknowledged_at is not None and anomaly.acknowledged_at > at:
        anomaly.acknowledged_at = anomaly.acknowledged_by = None
        anomaly.reason = anomaly.note = ""
    if anomaly.notified_at is not None and anomaly.notified_at > at:
        anomaly.notified_at = None
    was_withdrawn = cast("Any", anomaly).standing == "withdrawn"  # an annotation
    # When it was withdrawn for the first time is not told anywhere: only that it was.
    anomaly.withdrawn_at = (anomaly.withdrawn_at or at) if was_withdrawn else None
    return anomaly


def days_recorded_at(day: AnomalyDay, at: dt.datetime) -> list[AnomalyDay]:
    """The days around one that had been judged by `at` and not since, oldest first. One query."""
    return [each for each in days_around(day) if each.judged_at <= at]


def check_days(days: Collection[dt.date], at: dt.datetime) -> QuerySet[Charge]:
    """The lines that some days (UTC) are judged by, as recorded at `at`.

    Raises:
        TooManyChargesError: more charges than are worked out as of a moment.
    """
    lines = Charge.objects.filter(recorded_at(at), day__in=set(days))
    charges = lines.exclude(dimension__charge_category__in=NOT_DAILY)
    if charges.order_by()[: MOST_CHARGES_AS_OF + 1].count() > MOST_CHARGES_AS_OF:
        raise TooManyChargesError(
            f"More than {MOST_CHARGES_AS_OF:,} charges lie on these days; choose a month."
        )
    return charges


def past_statuses_of_days(days: Collection[DayOf], at: dt.datetime) -> dict[DayOf, FigureStatus]:
    """What `day_status.statuses_of_days` said at `at`. About a dozen queries.

    Raises:
        TooManyChargesError: more charges than are worked out as of a moment.
    """
    charges = check_days({each.day for each in days}, at)
    book = PastBook.of(charges, at)
    drafts = {each: SumDraft() for each in days}
    parts, _ = parts_of_charges(scope_of(FigureReference(), None), charges, at)
    for found in parts:
        charge, use_case_id = found.charge, found.part.use_case_id
        if use_case_id is None:
            continue
        draft = drafts.get(DayOf(use_case_id, charge.line.day, charge.currency, charge.basis))
        if draft is not None:
            book.enter(charge, found.part, into=draft)
    lines = book.line_book()
    return {each: lines.status_of(draft, each.basis) for each, draft in drafts.items()}
