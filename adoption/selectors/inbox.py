"""A person's inbox of suggestions as pages show it: each with its reasons in words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from adoption.delivery_states import Observed, standing_of
from adoption.models import Suggestion
from adoption.policies import may_log_delivery
from adoption.selectors.suggestions import (
    EXPIRED_SHOWN,
    expired_suggestions,
    use_case_titles,
    waiting_suggestions,
)
from adoption.selectors.troubles import troubles_of
from portal.policies import AnyUser

SHOWN = 9  # as many as there are digit keys
_OTHERS = 2


@dataclass(frozen=True, slots=True)
class OtherUseCase:
    """Another use case that is one click away, and why it may be meant."""

    key: int
    title: str
    why: str


@dataclass(frozen=True, slots=True)
class Offer:
    """One suggestion: the row, where its change stands, why it is asked, and what else it may be.

    `number` is the digit key that leads to it.
    """

    number: int
    row: Suggestion
    state: str
    state_reason: str
    reasons: Sequence[str]
    others: Sequence[OtherUseCase]


@dataclass(frozen=True, slots=True)
class Inbox:
    """What waits, what ran out, how many more wait, and every use case that can be chosen."""

    offers: Sequence[Offer]
    expired: Sequence[Offer]
    more: int
    use_cases: Mapping[int, str]

    @property
    def is_empty(self) -> bool:
        return not self.offers and not self.expired


def inbox_of(user: AnyUser, *, now: dt.datetime, limit: int = SHOWN) -> Inbox | None:
    """What waits for this person: eight queries, however much it is. None for who has none."""
    if not may_log_delivery(user):
        return None
    waiting = waiting_suggestions(user, now)
    titles = use_case_titles()
    count = waiting.count()
    return Inbox(
        _offers(waiting[:limit], titles, now),
        _offers(expired_suggestions(user, now)[:EXPIRED_SHOWN], titles, now),
        max(0, count - limit),
        titles,
    )


def first_offers(user: AnyUser, *, now: dt.datetime, limit: int) -> list[Offer]:
    """The first that wait, one more than `limit` where there are more: three queries, for Home."""
    rows = waiting_suggestions(user, now)[: limit + 1]
    return _offers(rows, {}, now)


def _offers(rows: QuerySet[Suggestion], titles: Mapping[int, str], now: dt.datetime) -> list[Offer]:
    troubles = troubles_of(row.change for row in rows)
    return [
        _offer(number, row, Observed.of(row.change, troubles.get(row.change_id, ())), titles, now)
        for number, row in enumerate(rows, start=1)
    ]


def _offer(
    number: int, row: Suggestion, seen: Observed, titles: Mapping[int, str], now: dt.datetime
) -> Offer:
    standing = standing_of(seen, at=now)
    mine: list[dict[str, Any]] = [
        each for each in row.candidates if each["use_case"] == row.use_case_id
    ]
    others = [each for each in row.candidates if each["use_case"] != row.use_case_id]
    return Offer(
        number,
        row,
        standing.state.value,
        standing.reason,
        [reason["text"] for each in mine for reason in each["reasons"]],
        [
            OtherUseCase(each["use_case"], titles[each["use_case"]], each["reasons"][0]["text"])
            for each in others
            if each["use_case"] in titles
        ][:_OTHERS],
    )
