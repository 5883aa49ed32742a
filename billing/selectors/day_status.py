"""How settled days are: of a use case, and of two sources that look alike.

From the daily costs, which count the facts. What a source took back whole is no part of a day that
still has lines, so it is not looked for here; the API's daily costs do the same.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from django.db.models import F

from billing.models import AnomalyDay, DailyCost
from billing.selectors.costs import Kind, SumDraft, Surroundings, drafts_of
from billing.selectors.freshness import last_applied_runs
from billing.selectors.line_status import LineBook, SliceFacts, merged
from billing.selectors.spending import NOT_DAILY
from billing.selectors.suspicions import Suspect, same_provider_name
from portal.shell.statuses import FigureStatus


class DayOf(NamedTuple):
    """A day (UTC) of a use case, of one currency and basis."""

    use_case_id: int
    day: dt.date
    currency: str
    basis: str

    @classmethod
    def of(cls, judged: AnomalyDay) -> DayOf:
        """The day that was judged."""
        return cls(judged.use_case_id, judged.day, judged.currency, judged.cost_basis)


def statuses_of_days(days: Collection[DayOf], *, now: dt.datetime) -> dict[DayOf, FigureStatus]:
    """The status of what each day cost as it is judged (`spending.NOT_DAILY`). Two queries.

    A day without a line is *provisional*: its source may still bring one.
    """
    rows = DailyCost.objects.filter(
        use_case_id__in={each.use_case_id for each in days}, day__in={each.day for each in days}
    ).exclude(charge_category__in=NOT_DAILY)
    columns = {"by_use_case": F("use_case_id"), "by_day": F("day")}
    found = {
        DayOf(use_case_id, day, kind.currency, kind.basis): draft
        for ((use_case_id, day), kind), draft in drafts_of(rows, columns).items()
    }
    book = _book(now)
    return {each: book.status_of(found.get(each, SumDraft()), each.basis) for each in days}


def _book(now: dt.datetime) -> LineBook:
    return LineBook(SliceFacts(), Surroundings((), last_applied_runs(), now))


class _Channel(NamedTuple):
    connection_id: int
    provider: str
    kind: Kind


def statuses_of_suspects(
    suspects: Sequence[Suspect], *, now: dt.datetime
) -> list[tuple[FigureStatus, FigureStatus]]:
    """Of each pair, the status of what the first and the second source brought. Two queries."""
    if not suspects:
        return []
    rows = DailyCost.objects.filter(
        connection_id__in={pk for each in suspects for pk in (each.first, each.second)},
        day__gte=min(each.starts_on for each in suspects),
        day__lte=max(each.newest_day for each in suspects),
    )
    columns = {
        "by_connection": F("connection_id"), "by_provider": F("provider"), "by_day": F("day"),
    }  # fmt: skip
    days: dict[_Channel, dict[dt.date, SumDraft]] = {}
    for ((connection_id, provider, day), kind), draft in drafts_of(rows, columns).items():
        channel = _Channel(connection_id, same_provider_name(provider), kind)
        days.setdefault(channel, {}).setdefault(day, SumDraft()).absorb(draft)
    book, found = _book(now), []
    for each in suspects:
        first, second = (
            days.get(
                _Channel(pk, same_provider_name(each.provider), Kind(each.currency, basis)), {}
            )
            for pk, basis in zip((each.first, each.second), each.bases, strict=True)
        )
        compared = [
            day
            for day in first.keys() & second.keys()
            if each.starts_on <= day <= each.newest_day
            and first[day].billed > 0
            and second[day].billed > 0
        ]
        found.append((
            _together(first, compared, each.bases[0], book),
            _together(second, compared, each.bases[1], book),
        ))  # fmt: skip
    return found


def _together(
    days: dict[dt.date, SumDraft], wanted: Iterable[dt.date], basis: str, book: LineBook
) -> FigureStatus:
    return book.status_of(merged(days[day] for day in wanted), basis)
