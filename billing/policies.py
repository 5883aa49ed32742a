"""Who may do what in billing. Access is denied unless granted here."""

from __future__ import annotations

from portal.choices import Role
from portal.models import User
from portal.policies import AnyUser, holds


def may_see_costs(user: AnyUser) -> bool:
    """Sums per use case, service and month are open inside the organisation."""
    return isinstance(user, User) and user.is_active


def may_see_charges(user: AnyUser) -> bool:
    """Single cost lines, accounts and raw records: those who answer for money."""
    return holds(
        user, Role.FINANCE, Role.PROGRAMME_LEAD, Role.AUDITOR, Role.APPROVER, Role.ADMINISTRATOR
    )


def may_edit_allocation_rules(user: AnyUser) -> bool:
    return holds(user, Role.FINANCE)


def may_keep_invoices(user: AnyUser) -> bool:
    """Enter invoices and exchange rates, and explain differences."""
    return holds(user, Role.FINANCE)


def may_ask_for_close(user: AnyUser) -> bool:
    """Ask for a close; whoever decides is another person."""
    return holds(user, Role.FINANCE)


def may_edit_plans(user: AnyUser) -> bool:
    """Prices of plans, and seats that are paid for by them."""
    return holds(user, Role.FINANCE)


def may_settle_overlaps(user: AnyUser) -> bool:
    """Whoever says which of two sources counts."""
    return holds(user, Role.FINANCE)


def may_edit_budgets_of(user: AnyUser, owner_id: int) -> bool:
    """Budgets and circuit breakers of a use case: its owner, programme leads and finance."""
    if not isinstance(user, User) or not user.is_active:
        return False
    return user.pk == owner_id or holds(user, Role.PROGRAMME_LEAD, Role.FINANCE)


def may_edit_programme_budgets(user: AnyUser) -> bool:
    return holds(user, Role.PROGRAMME_LEAD, Role.FINANCE)


def may_make_budgets(user: AnyUser, *, owns_any: bool) -> bool:
    """Open the forms for budgets and circuit breakers; whose it may be is decided by the use case
    that is chosen.

    Args:
        owns_any: whether this person owns a use case.
    """
    if not isinstance(user, User) or not user.is_active:
        return False
    return owns_any or holds(user, Role.PROGRAMME_LEAD, Role.FINANCE)


def may_answer_anomaly(user: AnyUser, owner_id: int) -> bool:
    """Say what an anomaly was: the owner of the use case, programme leads and finance."""
    return may_edit_budgets_of(user, owner_id)


def may_set_anomaly_policy(user: AnyUser) -> bool:
    return holds(user, Role.FINANCE)
