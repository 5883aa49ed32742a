"""Who may do what in the portal itself. Access is denied unless granted here."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser

from portal.choices import Role
from portal.models import User

AnyUser = User | AnonymousUser


def holds(user: AnyUser, *roles: Role) -> bool:
    """Whether an active, signed-in person holds one of `roles`."""
    return isinstance(user, User) and user.is_active and user.has_role(*roles)


def may_see_imports(user: AnyUser) -> bool:
    """Connections, runs and quarantine show raw input, so not everybody."""
    return holds(
        user, Role.FINANCE, Role.PROGRAMME_LEAD, Role.AUDITOR, Role.APPROVER, Role.ADMINISTRATOR
    )


def may_run_imports(user: AnyUser) -> bool:
    """Start an import, repair or dismiss a quarantined row."""
    return holds(user, Role.FINANCE, Role.PROGRAMME_LEAD, Role.ADMINISTRATOR)


def may_decide_held_runs(user: AnyUser) -> bool:
    """Release or discard what the brakes held."""
    return holds(user, Role.FINANCE, Role.PROGRAMME_LEAD)


def may_configure_connections(user: AnyUser) -> bool:
    return holds(user, Role.ADMINISTRATOR)


def may_request_roles(user: AnyUser) -> bool:
    """Ask that a person gets a role; another person approves it."""
    return holds(user, Role.ADMINISTRATOR, Role.PROGRAMME_LEAD)


def may_revoke_roles(user: AnyUser) -> bool:
    """Take a role away at once: the safe direction needs no second person."""
    return holds(user, Role.ADMINISTRATOR)


def may_request_approval_policies(user: AnyUser) -> bool:
    """Ask for other rules of approval; they change by approval only."""
    return holds(user, Role.ADMINISTRATOR)


def may_open_break_glass(user: AnyUser) -> bool:
    """Decide alone for a few hours, seen by everybody and reviewed afterwards."""
    return holds(user, Role.ADMINISTRATOR)


def may_review_break_glass(user: AnyUser) -> bool:
    return holds(user, Role.AUDITOR, Role.APPROVER)


def may_see_approvals(user: AnyUser) -> bool:
    """The inbox is open: who asked for what, and who decided, is no secret inside the house."""
    return isinstance(user, User) and user.is_active


def may_see_people(user: AnyUser) -> bool:
    """Accounts, who holds which role since when and by whom, what happened at the door."""
    return holds(user, Role.ADMINISTRATOR, Role.AUDITOR)


def may_manage_people(user: AnyUser) -> bool:
    """Deactivate, unlock, end sessions, reset a second factor."""
    return holds(user, Role.ADMINISTRATOR)


def may_request_erasures(user: AnyUser) -> bool:
    """Ask that a leaver's personal data are erased; another person approves it."""
    return holds(user, Role.ADMINISTRATOR)


def may_see_erasures(user: AnyUser) -> bool:
    """Who it is and what would go: for whoever asks, decides or audits."""
    return holds(user, Role.ADMINISTRATOR, Role.AUDITOR, Role.APPROVER)


def may_read_audit(user: AnyUser) -> bool:
    """Every event of everybody, with names: auditors alone, and they change nothing."""
    return holds(user, Role.AUDITOR)


def may_have_api_tokens(user: AnyUser) -> bool:
    """A token only does what its owner may do, so everybody may have one."""
    return isinstance(user, User) and user.is_active


def may_see_all_api_tokens(user: AnyUser) -> bool:
    """Whose tokens there are, what they may do and when they were used; never the token."""
    return holds(user, Role.ADMINISTRATOR, Role.AUDITOR)


def may_revoke_api_token(user: AnyUser, owner_id: int) -> bool:
    """Its owner and administrators: ending access is the safe direction."""
    return holds(user, Role.ADMINISTRATOR) or (may_have_api_tokens(user) and user.pk == owner_id)


def may_see_work(user: AnyUser) -> bool:
    """Background work: what waits, runs, failed. Leads and finance see the kinds of theirs."""
    return bool(work_roles_of(user))


def work_roles_of(user: AnyUser) -> frozenset[Role]:
    """The roles by which a person sees kinds of work; administrators and auditors see all."""
    seeing = (Role.ADMINISTRATOR, Role.AUDITOR, Role.PROGRAMME_LEAD, Role.FINANCE)
    return frozenset(role for role in seeing if holds(user, role))


def sees_all_work(user: AnyUser) -> bool:
    """Not only the kinds that concern their role."""
    return holds(user, Role.ADMINISTRATOR, Role.AUDITOR)


def may_decide_work(user: AnyUser, roles: frozenset[Role]) -> bool:
    """Retry or discard work of a kind that concerns `roles`: those, and administrators."""
    return holds(user, Role.ADMINISTRATOR, *roles)


def may_see_webhooks(user: AnyUser) -> bool:
    """Which systems are told what, and the log of it; never a secret."""
    return holds(user, Role.ADMINISTRATOR, Role.AUDITOR)


def may_configure_webhooks(user: AnyUser) -> bool:
    """Where events of the portal go is configured like a connection."""
    return holds(user, Role.ADMINISTRATOR)
