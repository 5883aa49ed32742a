"""Making and ending price plans. A price is never edited: it ends, and the next one begins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.db.models import Q

from billing.choices import PlanPeriod
from billing.models import PricePlan
from billing.sources.lines import BadValueError, currency_code
from billing.sources.usage_rows import MICRO
from portal.models import User
from portal.shell.money import EXACT, AmountOutOfRangeError, from_nano, to_nano


class PlanRefusedError(ValueError):
    """The plan cannot be made or ended so.

    Attributes:
        field: which part of it is wrong; empty when it is the whole.
        reason: a sentence for the person.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanDraft:
    """A plan as it was typed. Prices are in units of the currency; None is not known."""

    provider: str
    key: str
    name: str
    valid_from: date
    valid_until: date | None
    currency: str
    seat_price: Decimal | None
    seat_period: str
    included_credits: Decimal | None
    overage_price: Decimal | None
    source: str


@transaction.atomic
def create_plan(*, draft: PlanDraft, actor: User, at: datetime) -> PricePlan:
    """Keep a plan for days on which no other of its name holds.

    Raises:
        PlanRefusedError: it states no price, a price finer than a nano-unit, or days that are
            taken.
    """
    plan = PricePlan(
        provider=draft.provider.strip(),
        key=draft.key.strip(),
        match_provider=draft.provider.strip().casefold(),
        match_key=draft.key.strip().casefold(),
        name=draft.name.strip(),
        valid_from=draft.valid_from,
        valid_until=draft.valid_until,
        currency=_currency(draft.currency),
        seat_price_nano=_nano(draft.seat_price, "seat_price"),
        seat_period=PlanPeriod(draft.seat_period),
        included_credits_micro=_micro(draft.included_credits),
        overage_price_nano=_nano(draft.overage_price, "overage_price"),
        source=draft.source.strip(),
        created_by=actor,
        created_at=at,
    )
    _check(plan)
    try:
        with transaction.atomic():
            plan.save()
    except IntegrityError as error:  # somebody made one of the same days at the same moment
        raise _taken(plan) from error
    return plan


@transaction.atomic
def end_plan(
    *, plan_id: int, valid_until: date, reason: str, actor: User, at: datetime
) -> PricePlan:
    """Let a plan hold until a day; on its first day, this withdraws it.

    Raises:
        PlanRefusedError: it has an end already, or would end before it starts.
    """
    plan = PricePlan.objects.select_for_update().get(pk=plan_id)
    if plan.ended_at is not None:
        raise PlanRefusedError("", "This plan has been ended already.")
    if valid_until < plan.valid_from:
        raise PlanRefusedError("valid_until", f"It starts on {plan.valid_from}.")
    if plan.valid_until is not None and valid_until >= plan.valid_until:
        raise PlanRefusedError("valid_until", f"It ends on {plan.valid_until} as it is.")
    plan.valid_until = valid_until
    plan.ended_by, plan.ended_at, plan.ended_reason = actor, at, reason.strip()
    plan.save()
    return plan


def _check(plan: PricePlan) -> None:
    for name in ("provider", "key", "name", "source"):
        if not getattr(plan, name):
            raise PlanRefusedError(name, "This is needed.")
    if plan.valid_until is not None and plan.valid_until <= plan.valid_from:
        raise PlanRefusedError("valid_until", "It must end after it starts.")
    if plan.seat_price_nano is None and plan.overage_price_nano is None:
        raise PlanRefusedError("seat_price", "State a price for a seat or for a credit.")
    same = PricePlan.objects.select_for_update().filter(
        match_provider=plan.match_provider, match_key=plan.match_key
    )
    overlaps = Q(valid_until__isnull=True) | Q(valid_until__gt=plan.valid_from)
    if plan.valid_until is not None:
        overlaps &= Q(valid_from__lt=plan.valid_until)
    # One that was withdrawn holds on no day, wherever that day lies.
    if any(other.valid_until != other.valid_from for other in same.filter(overlaps)):
        raise _taken(plan)


def _taken(plan: PricePlan) -> PlanRefusedError:
    return PlanRefusedError(
        "valid_from",
        f"{plan.provider} {plan.key} has a price on some of these days. End that one first.",
    )


def _currency(text: str) -> str:
    try:
        return currency_code(text)
    except BadValueError as error:
        raise PlanRefusedError("currency", "Use an ISO 4217 code such as USD.") from error


def _nano(price: Decimal | None, field: str) -> int | None:
    if price is None:
        return None
    if price < 0:
        raise PlanRefusedError(field, "A price is 0 or more.")
    try:
        nano = to_nano(price)
    except AmountOutOfRangeError as error:
        raise PlanRefusedError(field, "This is more than can be kept.") from error
    if from_nano(nano) != price:
        raise PlanRefusedError(field, "Use at most nine decimal places.")
    return nano


def _micro(credits: Decimal | None) -> int | None:
    if credits is None:
        return None
    scaled = EXACT.multiply(credits, MICRO)
    if not 0 <= scaled < 2**63 or scaled != int(scaled):
        raise PlanRefusedError(
            "included_credits", "Use a number from 0 with at most six decimal places."
        )
    return int(scaled)
