"""Making, changing and ending budgets."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db import IntegrityError, transaction

from billing.choices import BudgetPeriod
from billing.models import Budget
from billing.services.refusals import ChangeRefusedError, StaleChangeError
from portal.audit.context import because
from portal.models import User
from portal.shell.money import MAX_NANO
from portal.shell.periods import Month

_TWICE = (
    "There is a live budget of this period, currency, basis and measure already. Change that one."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetDraft:
    """What a budget says. Months are whole, `last` included; amount in nano-units."""

    use_case_id: int | None = None
    programme_id: int | None = None
    period: str
    first: Month
    last: Month | None
    currency: str
    cost_basis: str
    measure: str
    amount_nano: int
    owner: User


def _check(draft: BudgetDraft) -> None:
    if (draft.use_case_id is None) == (draft.programme_id is None):
        raise ChangeRefusedError("A budget is of one use case or of one programme.")
    if not 0 < draft.amount_nano <= MAX_NANO:
        raise ChangeRefusedError("The amount must be larger than zero.", field="amount")
    if draft.last is not None and draft.last < draft.first:
        raise ChangeRefusedError("It ends before it starts.", field="last")
    if draft.period == BudgetPeriod.WHOLE and draft.last is None:
        raise ChangeRefusedError("An amount for the whole time needs an end.", field="last")
    if len(draft.currency) != 3 or not draft.currency.isalpha() or not draft.currency.isupper():
        raise ChangeRefusedError("Write the currency as its three letters.", field="currency")
    if not draft.owner.is_active:
        raise ChangeRefusedError("The owner has left.", field="owner")


def create_budget(*, draft: BudgetDraft, actor: User, at: dt.datetime) -> Budget:
    """A new budget.

    Raises:
        ChangeRefusedError: the draft is not usable, or there is such a budget.
    """
    _check(draft)
    try:
        with transaction.atomic():
            return Budget.objects.create(**_fields(draft), created_by=actor, created_at=at)
    except IntegrityError:
        raise ChangeRefusedError(_TWICE) from None


def _fields(draft: BudgetDraft) -> dict[str, object]:
    return {
        "use_case_id": draft.use_case_id,
        "programme_id": draft.programme_id,
        "period": draft.period,
        "starts_on": draft.first.start,
        "ends_on": draft.last.end if draft.last else None,
        "currency": draft.currency,
        "cost_basis": draft.cost_basis,
        "measure": draft.measure,
        "amount_nano": draft.amount_nano,
        "owner": draft.owner,
    }


def change_budget(
    *, pk: int, draft: BudgetDraft, expected_version: int, reason: str, actor: User
) -> Budget:
    """Another amount, period or owner; what was alerted about in this period stays alerted.

    Raises:
        StaleChangeError: somebody changed it since.
        ChangeRefusedError: it has ended, moves to another use case, or the draft is not usable.
    """
    _check(draft)
    try:
        with transaction.atomic():
            budget = _live(pk, expected_version)
            scope = (draft.use_case_id, draft.programme_id)
            if scope != (budget.use_case_id, budget.programme_id):
                raise ChangeRefusedError("A budget stays with its use case or programme.")
            because(reason)
            for name, value in _fields(draft).items():
                setattr(budget, name, value)
            budget.version += 1
            budget.save()
            return budget
    except IntegrityError:
        raise ChangeRefusedError(_TWICE) from None


@transaction.atomic
def end_budget(
    *, pk: int, expected_version: int, reason: str, actor: User, at: dt.datetime
) -> Budget:
    """End a budget: nothing is measured against it any more. Its alerts stay.

    Raises:
        StaleChangeError, ChangeRefusedError: nothing was changed.
    """
    if not reason.strip():
        raise ChangeRefusedError("Say why.", field="reason")
    budget = _live(pk, expected_version)
    because(reason)
    budget.ended_at, budget.ended_reason = at, reason.strip()
    budget.version += 1
    budget.save(update_fields=["ended_at", "ended_reason", "version"])
    return budget


def _live(pk: int, expected_version: int) -> Budget:
    budget = Budget.objects.select_for_update().get(pk=pk)
    if budget.ended_at is not None:
        raise ChangeRefusedError("This budget has ended.")
    if budget.version != expected_version:
        raise StaleChangeError("Somebody changed this budget meanwhile. Look at it again.")
    return budget
