"""Judging days, finding anomalies, telling people about the large ones, and hearing what they say.

Each use case is judged by itself: what one spends too much is never set off against what another
spends too little.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.functional import cached_property

from adoption.selectors.delivery_activity import deliveries_claimed_between
from billing.addresses import anomaly_address
from billing.choices import AnomalyReason, AnomalyState
from billing.forecast.anomalies import (
    HISTORY_DAYS,
    METHOD,
    Judged,
    Thresholds,
    impact_of,
    is_told,
    judge,
)
from billing.models import Anomaly, AnomalyDay, AnomalyPolicy
from billing.selectors.anomalies import first_days, thresholds_by_currency
from billing.selectors.budgets import month_budgets
from billing.selectors.costs import Kind
from billing.selectors.day_status import DayOf, statuses_of_days
from billing.selectors.spenders import Spender, people, spenders
from billing.selectors.spending import DaySpend, newest_days, spending_use_cases, usual_spend
from billing.services.refusals import ChangeRefusedError
from portal.audit.context import because
from portal.models import User
from portal.services.notices import notify
from portal.shell.formats import date_text, nano_money_text
from portal.shell.periods import DateRange

JUDGED_AGAIN = dt.timedelta(days=14)  # bills and rules still move days that recent
# Further back only days that came late or cost something else now, as far as history is kept.
JUDGED_LATE = dt.timedelta(days=HISTORY_DAYS)
FRESH = dt.timedelta(days=7)  # an older anomaly is listed, but nobody is called because of it
DELIVERY_WINDOW = dt.timedelta(days=14)
_AT_ONCE = 50
_DAY = dt.timedelta(days=1)
_SAID = ("actual_nano", "state", "is_anomaly", "expected_nano", "lower_nano", "upper_nano",
         "effective_unknown", "history_days", "method")  # fmt: skip
_Said = tuple[Any, ...]


class Detection:
    """One run over all use cases at one moment; repeating it changes what costs have changed."""

    def __init__(self, *, at: dt.datetime) -> None:
        self.at = at
        self.today = at.astimezone(dt.UTC).date()

    @cached_property
    def thresholds(self) -> Mapping[str, Thresholds]:
        return thresholds_by_currency()

    @cached_property
    def until(self) -> dict[Kind, dt.date]:
        """By kind, the day after the newest that is imported; the running day is left out."""
        return {kind: min(day + _DAY, self.today) for kind, day in newest_days().items()}

    def run(self) -> list[Anomaly]:
        """Judge, find and tell; returns what was found for the first time."""
        ids = iter(spending_use_cases())
        made: list[Anomaly] = []
        while some := list(islice(ids, _AT_ONCE)):
            made += self._some(some)
        return made

    def _some(self, ids: Sequence[int]) -> list[Anomaly]:
        start = self.today - JUDGED_LATE - dt.timedelta(days=HISTORY_DAYS)
        spend = usual_spend(use_case_ids=ids, window=DateRange(start, self.today))
        judged = self._judged(ids)
        begun = first_days(ids)
        rows: list[AnomalyDay] = []
        # In one order everywhere: two workers that write the same rows would else deadlock.
        for (pk, kind), days in sorted(spend.items(), key=_place):
            rows += self._judge(pk, kind, days, begun[pk, kind], judged.get((pk, kind), {}))
        with transaction.atomic():
            AnomalyDay.objects.bulk_create(
                rows,
                update_conflicts=True,
                unique_fields=["use_case", "currency", "cost_basis", "day"],
                update_fields=[*_SAID, "judged_at"],
                batch_size=500,
            )
            return self._find(ids)

    def _judged(self, ids: Sequence[int]) -> dict[tuple[int, Kind], dict[dt.date, _Said]]:
        """By use case and kind, what days say, in the order of `_SAID`. One query."""
        rows = AnomalyDay.objects.filter(
            use_case_id__in=ids, day__gte=self.today - JUDGED_LATE
        ).order_by()
        found: dict[tuple[int, Kind], dict[dt.date, _Said]] = {}
        for pk, currency, basis, day, *said in rows.values_list(
            "use_case_id", "currency", "cost_basis", "day", *_SAID
        ):
            found.setdefault((pk, Kind(currency, basis)), {})[day] = tuple(said)
        return found

    def _judge(
        self,
        pk: int,
        kind: Kind,
        days: DaySpend,
        first: dt.date,
        judged: Mapping[dt.date, _Said],
    ) -> list[AnomalyDay]:
        """Days that are new, or say something else now. What says the same stays as it is with the
        moment since when it says it: that is how it can be told what was said at a moment."""
        cap = self.thresholds.get(kind.currency, Thresholds()).learning_cap
        found = []
        day = max(first, self.today - JUDGED_LATE)
        while day < self.until[kind]:
            # A day that came late may have been judged as one without cost.
            before = judged.get(day)
            is_old = day < self.today - JUDGED_AGAIN
            if not (is_old and before is not None and before[0] == days.costs.get(day, 0)):
                told = judge(days.costs, day, first=first, learning_cap=cap)
                row = self._row(pk, kind, day, told, days.unknown.get(day, 0))
                if before != tuple(getattr(row, name) for name in _SAID):
                    found.append(row)
            day += _DAY
        return found

    def _row(self, pk: int, kind: Kind, day: dt.date, told: Judged, unknown: int) -> AnomalyDay:
        state = AnomalyState.ANOMALY if told.is_anomaly else AnomalyState.NORMAL
        if told.is_learning:
            state = AnomalyState.LEARNING
        return AnomalyDay(
            use_case_id=pk, day=day, currency=kind.currency, cost_basis=kind.basis, state=state,
            is_anomaly=told.is_anomaly, actual_nano=told.actual, expected_nano=told.expected,
            lower_nano=told.lower, upper_nano=told.upper, effective_unknown=unknown,
            history_days=told.history, method=METHOD, judged_at=self.at,
        )  # fmt: skip

    def _find(self, ids: Sequence[int]) -> list[Anomaly]:
        """Make findings of new anomalies, withdraw those that were restated away, tell people."""
        recent = AnomalyDay.objects.filter(
            use_case_id__in=ids, day__gte=self.today - JUDGED_LATE, day__lt=self.today
        )
        gone = Anomaly.objects.filter(day__in=recent.filter(is_anomaly=False))
        gone.filter(withdrawn_at__isnull=True).update(withdrawn_at=self.at)
        back = Anomaly.objects.filter(day__in=recent.filter(is_anomaly=True))
        back.filter(withdrawn_at__isnull=False).update(withdrawn_at=None)
        new = list(recent.filter(is_anomaly=True, anomaly__isnull=True).order_by("day", "pk"))
        delivered = self._deliveries(new)
        Anomaly.objects.bulk_create(
            [Anomaly(day=each, detected_at=self.at, deliveries=delivered[each.pk]) for each in new],
            ignore_conflicts=True,
        )
        made = list(Anomaly.objects.filter(day__in=new, detected_at=self.at).select_related("day"))
        self._tell(recent, spenders(ids))
        return made

    def _deliveries(self, days: Iterable[AnomalyDay]) -> dict[int, int]:
        """By row, what was claimed for the use case in the two weeks up to and with the day."""
        found: dict[int, int] = {}
        counts: dict[dt.date, dict[int, int]] = {}
        of_day: dict[dt.date, list[AnomalyDay]] = {}
        for each in days:
            of_day.setdefault(each.day, []).append(each)
        for day, rows in of_day.items():
            end = dt.datetime.combine(day + _DAY, dt.time.min, tzinfo=dt.UTC)
            counts[day] = deliveries_claimed_between(
                {each.use_case_id for each in rows}, start=end - DELIVERY_WINDOW, end=end
            )
            found |= {each.pk: counts[day].get(each.use_case_id, 0) for each in rows}
        return found

    def _tell(self, recent: Iterable[AnomalyDay], cases: Mapping[int, Spender]) -> None:
        """The second stage, for what is fresh: once, and again for what has grown since by as much
        as would be told by itself."""
        waiting = Anomaly.objects.filter(
            Q(notified_at__isnull=True) | Q(told_nano__isnull=False),
            Q(acknowledged_at__isnull=True) | Q(answered_nano__isnull=False),
            day__in=recent,
            day__day__gte=self.today - FRESH,
            withdrawn_at__isnull=True,
        )
        found = list(waiting.select_for_update(of=("self",)).select_related("day").order_by("pk"))
        # Each by the budget of its own period: one of the last of a month comes in the next.
        months = {each.day.day.replace(day=1) for each in found}
        budgets = {first: month_budgets(set(cases), first) for first in months}
        for each in found:
            day = each.day
            limits = self.thresholds.get(day.currency, Thresholds())
            impact, known = impact_nano(day), known_nano(each)
            budget = budgets[day.day.replace(day=1)].get((day.use_case_id, day.currency))
            if not is_told(impact - known, thresholds=limits, month_budget=budget):
                continue
            each.notified_at = each.notified_at or self.at
            each.told_nano = impact
            each.save(update_fields=["notified_at", "told_nano"])
            self._notify(each, cases[day.use_case_id], impact, known)

    def _notify(self, anomaly: Anomaly, spender: Spender, impact: int, known: int) -> None:
        day = anomaly.day
        expected = (
            nano_money_text(day.expected_nano, day.currency)
            if day.expected_nano is not None
            else "nothing that can be said yet"
        )
        silent = (
            " No delivery was claimed for it in the two weeks before."
            if not anomaly.deliveries
            else ""
        )
        grown = (
            f" {'Answered' if anomaly.acknowledged_at else 'Told'} before as "
            f"{nano_money_text(known, day.currency)} too much; the day was restated since."
            if known
            else ""
        )
        status = statuses_of_days([DayOf.of(day)], now=self.at)[DayOf.of(day)]
        told = people({spender.owner_id})
        notify(
            users=told,
            key=f"billing.anomaly:{anomaly.pk}" + (f":{impact}" if known else ""),
            title=f"{spender.title}: unusual cost on {date_text(day.day)}",
            text=f"{nano_money_text(day.actual_nano, day.currency)} ({status}) where "
            f"{expected} was expected: "
            f"{nano_money_text(impact, day.currency)} too much.{grown}{silent} "
            f"Owner: {told[0] if told else 'nobody (has left)'}.",
            link=anomaly_address(anomaly.pk),
            at=self.at,
        )


def _place(item: tuple[tuple[int, Kind], DaySpend]) -> tuple[int, str, str]:
    pk, kind = item[0]
    return pk, kind.currency, kind.basis


def impact_nano(day: AnomalyDay) -> int:
    """What the day cost beyond what was expected; while learning, beyond the cap."""
    base = day.expected_nano if day.expected_nano is not None else day.upper_nano
    return impact_of(actual=day.actual_nano, expected=base or 0).nano


def known_nano(anomaly: Anomaly) -> int:
    """The largest excess that people know of: told, or seen by who answered. 0 for none."""
    return max(anomaly.told_nano or 0, anomaly.answered_nano or 0)


def detect_anomalies(*, at: dt.datetime) -> list[Anomaly]:
    """Judge the days up to yesterday (UTC), find anomalies, tell people about the large ones.

    Returns:
        what was found for the first time.
    """
    return Detection(at=at).run()


@transaction.atomic
def acknowledge(*, pk: int, reason: str, note: str, actor: User, at: dt.datetime) -> Anomaly:
    """Say what an anomaly was, as large as it is now. The first answer stands.

    Raises:
        ChangeRefusedError: it has been answered, or nothing was said.
    """
    if reason not in AnomalyReason.values:
        raise ChangeRefusedError("Choose what it was.", field="reason")
    if not note.strip():
        raise ChangeRefusedError("Say a few words.", field="note")
    rows = Anomaly.objects.select_for_update(of=("self",)).select_related("day")
    anomaly = rows.get(pk=pk)
    if anomaly.acknowledged_at is not None:
        raise ChangeRefusedError("Somebody has answered this anomaly already.")
    because(note)
    anomaly.reason, anomaly.note = reason, note.strip()
    anomaly.acknowledged_at, anomaly.acknowledged_by = at, actor
    anomaly.answered_nano = impact_nano(anomaly.day)
    anomaly.save(
        update_fields=["reason", "note", "acknowledged_at", "acknowledged_by", "answered_nano"]
    )
    return anomaly


@transaction.atomic
def set_policy(
    *, currency: str, thresholds: Thresholds, actor: User, at: dt.datetime
) -> AnomalyPolicy:
    """From when anomalies in a currency are told to people.

    Raises:
        ChangeRefusedError: an amount or the share is out of range.
    """
    if thresholds.learning_cap <= 0 or thresholds.absolute < 0:
        raise ChangeRefusedError("Amounts must not be negative, and the cap larger than zero.")
    if not 0 <= thresholds.share <= 1_000_000:
        raise ChangeRefusedError("The share is between 0 and 100 %.", field="share")
    policy, _ = AnomalyPolicy.objects.update_or_create(
        currency=currency,
        defaults={
            "learning_cap_nano": thresholds.learning_cap,
            "notify_absolute_nano": thresholds.absolute,
            "notify_share": thresholds.share,
            "changed_by": actor,
            "changed_at": at,
        },
    )
    return policy
