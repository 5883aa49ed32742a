"""Circuit breakers: made, tripped once a window, told to other systems, reset by a person."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass

from django.db import IntegrityError, transaction

from billing.addresses import breaker_address
from billing.choices import BreakerField
from billing.models import BreakerTrip, CircuitBreaker
from billing.selectors.breakers import (
    WindowSpend,
    may_trip,
    spend_by_window,
    statuses_of_windows,
)
from billing.selectors.spenders import Spender, people, spenders
from billing.services.refusals import ChangeRefusedError
from portal.audit.context import because
from portal.models import User
from portal.services.notices import notify
from portal.services.webhooks import publish
from portal.shell.formats import moment_text, nano_money_text
from portal.shell.money import MAX_NANO, nano_text

TRIPPED = "cost.breaker_tripped"
RESET = "cost.breaker_reset"


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerDraft:
    """What a breaker guards and how much may flow; limit in nano-units."""

    name: str
    use_case_id: int
    connection_id: int | None = None
    field: str
    tag_key: str = ""
    value: str
    window: str
    currency: str
    cost_basis: str
    limit_nano: int


@transaction.atomic
def create_breaker(*, draft: BreakerDraft, actor: User, at: dt.datetime) -> CircuitBreaker:
    """A new breaker, closed.

    Raises:
        ChangeRefusedError: the draft is not usable.
    """
    if not draft.name.strip():
        raise ChangeRefusedError("Give it a name.", field="name")
    if not draft.value.strip():
        raise ChangeRefusedError("Say which value to look for.", field="value")
    if (draft.field == BreakerField.TAG) != bool(draft.tag_key):
        raise ChangeRefusedError("Say which tag to look at.", field="tag_key")
    if not 0 < draft.limit_nano <= MAX_NANO:
        raise ChangeRefusedError("The limit must be larger than zero.", field="limit")
    if CircuitBreaker.objects.filter(name=draft.name.strip()).exists():
        raise ChangeRefusedError("There is one of that name.", field="name")
    return CircuitBreaker.objects.create(
        name=draft.name.strip(), use_case_id=draft.use_case_id,
        connection_id=draft.connection_id, field=draft.field, tag_key=draft.tag_key,
        value=draft.value, window=draft.window, currency=draft.currency,
        cost_basis=draft.cost_basis, limit_nano=draft.limit_nano, created_by=actor, created_at=at,
    )  # fmt: skip


@transaction.atomic
def end_breaker(*, pk: int, reason: str, actor: User, at: dt.datetime) -> CircuitBreaker:
    """Stop watching. What it tripped stays.

    Raises:
        ChangeRefusedError: it has ended, is open, or no reason was given.
    """
    breaker = _live(pk, reason)
    if breaker.trips.filter(reset_at__isnull=True).exists():
        raise ChangeRefusedError("It is open. Reset it first, so that receivers know.")
    because(reason)
    breaker.ended_at, breaker.ended_reason = at, reason.strip()
    breaker.save(update_fields=["ended_at", "ended_reason"])
    return breaker


def _live(pk: int, reason: str) -> CircuitBreaker:
    if not reason.strip():
        raise ChangeRefusedError("Say why.", field="reason")
    breaker = CircuitBreaker.objects.select_for_update().get(pk=pk)
    if breaker.ended_at is not None:
        raise ChangeRefusedError("It has ended.")
    return breaker


def check_breakers(*, at: dt.datetime) -> list[BreakerTrip]:
    """Trip every closed breaker whose job exceeds its limit in a window that still counts.

    What counts is the last two days, less every window that began before the newest trip's did or
    ended before its reset. The trip, the notices and the events for other systems are one
    transaction; of several workers one makes the trip.

    Returns:
        the trips that this call made.
    """
    live = list(CircuitBreaker.objects.filter(ended_at__isnull=True).order_by("pk"))
    spend = spend_by_window(live, now=at)
    newest = _newest_trips()
    cases = spenders(each.use_case_id for each in live)
    made: list[BreakerTrip] = []
    for breaker in live:
        last = newest.get(breaker.pk)
        if last is not None and last.reset_at is None:
            continue
        for start, spent in sorted(spend[breaker.pk].items()):
            if spent.nano > breaker.limit_nano and may_trip(breaker, start, last):
                trip = _trip(breaker, start, spent, cases[breaker.use_case_id], at)
                made += [] if trip is None else [trip]
                break
    return made


def _newest_trips() -> dict[int, BreakerTrip]:
    """By breaker, its newest trip. One query."""
    return {each.breaker_id: each for each in BreakerTrip.objects.order_by("pk")}


def _trip(
    breaker: CircuitBreaker,
    start: dt.datetime,
    spent: WindowSpend,
    spender: Spender,
    at: dt.datetime,
) -> BreakerTrip | None:
    (status,) = statuses_of_windows([(spent, breaker.cost_basis)], now=at)
    try:
        with transaction.atomic():
            trip = BreakerTrip.objects.create(
                breaker=breaker, window_start=start, limit_nano=breaker.limit_nano,
                spent_nano=spent.nano, tripped_at=at,
            )  # fmt: skip
            notify(
                users=people({spender.owner_id, breaker.created_by_id}),
                key=f"billing.breaker:{trip.pk}",
                title=f"{breaker.name}: circuit breaker open",
                text=f"{nano_money_text(spent.nano, breaker.currency)} ({status}) in the "
                f"{breaker.window} from {moment_text(start)}; the limit is "
                f"{nano_money_text(breaker.limit_nano, breaker.currency)}. "
                f"Use case: {spender.title}.",
                link=breaker_address(breaker.pk),
                at=at,
            )
            data = _data(trip, spender) | {"status": status.value}
            publish(event=TRIPPED, event_id=trip.event_id, data=data, at=at)
            return trip
    except IntegrityError:
        if BreakerTrip.objects.filter(breaker=breaker, window_start=start).exists():
            return None  # another worker was faster, and has told everybody
        raise


def _data(trip: BreakerTrip, spender: Spender) -> dict[str, object]:
    """What receivers get: enough to stop the right job, and nobody's name."""
    breaker = trip.breaker
    start = trip.window_start.astimezone(dt.UTC)
    return {
        "trip": str(trip.event_id),
        "breaker": breaker.name,
        "use_case": spender.slug,
        "field": breaker.field,
        "tag_key": breaker.tag_key,
        "value": breaker.value,
        "window": breaker.window,
        "window_start": start.isoformat().replace("+00:00", "Z"),
        "spent": nano_text(trip.spent_nano),
        "limit": nano_text(trip.limit_nano),
        "currency": breaker.currency,
        "cost_basis": breaker.cost_basis,
    }


@transaction.atomic
def reset_breaker(*, pk: int, reason: str, actor: User, at: dt.datetime) -> BreakerTrip:
    """Close it again. It stays closed for the window that tripped it, and receivers are told.

    Raises:
        ChangeRefusedError: it is not open, has ended, or no reason was given.
    """
    breaker = _live(pk, reason)
    trip = (
        breaker.trips.select_for_update(of=("self",))
        .select_related("breaker")
        .filter(reset_at__isnull=True)
        .first()
    )
    if trip is None:
        raise ChangeRefusedError("It is not open.")
    because(reason)
    trip.reset_at, trip.reset_by, trip.reset_reason = at, actor, reason.strip()
    trip.save(update_fields=["reset_at", "reset_by", "reset_reason"])
    spender = spenders([breaker.use_case_id])[breaker.use_case_id]
    publish(
        event=RESET, event_id=uuid.uuid5(trip.event_id, RESET), data=_data(trip, spender), at=at
    )
    return trip
