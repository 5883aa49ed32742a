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
