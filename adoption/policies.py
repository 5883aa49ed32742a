"""Who may do what in adoption. Access is denied unless granted here."""

from __future__ import annotations

from adoption.choices import ScopeKind
from adoption.models import (
    AdoptionTarget,
    Dashboard,
    Delivery,
    MetricStanding,
    UseCase,
    UseCaseComment,
)
from portal.choices import Role
from portal.models import User
from portal.policies import AnyUser, holds


def may_see_registry(user: AnyUser) -> bool:
    """The registry is open inside the organisation: private entries breed duplicates."""
    return isinstance(user, User) and user.is_active


def may_register_use_case(user: AnyUser) -> bool:
    """Anybody signed in may propose; what comes of it, others decide."""
    return isinstance(user, User) and user.is_active


def may_edit_use_case(user: AnyUser, use_case: UseCase) -> bool:
    """Its owner, and programme leads."""
    if not isinstance(user, User) or not user.is_active:
        return False
    return use_case.owner_id == user.pk or holds(user, Role.PROGRAMME_LEAD)


def may_move_use_case(user: AnyUser, use_case: UseCase) -> bool:
    """Ask for its next stage, which somebody else approves; stop or retire it at once."""
    return may_edit_use_case(user, use_case)


def may_comment(user: AnyUser) -> bool:
    """Anybody signed in: objections are worth most from those who do not own it."""
    return isinstance(user, User) and user.is_active


def may_withdraw_comment(user: AnyUser, comment: UseCaseComment) -> bool:
    """Only the person who wrote it."""
    return isinstance(user, User) and user.is_active and comment.author_id == user.pk


def may_edit_programmes(user: AnyUser) -> bool:
    """Programmes, teams and memberships."""
    return holds(user, Role.PROGRAMME_LEAD, Role.ADMINISTRATOR)


def may_log_delivery(user: AnyUser) -> bool:
    return isinstance(user, User) and user.is_active


def may_withdraw_delivery(user: AnyUser, delivery: Delivery) -> bool:
    """Only the person who logged it."""
    return isinstance(user, User) and user.is_active and delivery.claimed_by_id == user.pk


def may_review_deliveries(user: AnyUser) -> bool:
    """Open the list of what waits for a review; it holds only what `may_review_delivery` allows."""
    return isinstance(user, User) and user.is_active


def may_review_delivery(user: AnyUser, delivery: Delivery) -> bool:
    """Another person: the use case's owner or a programme lead."""
    if not isinstance(user, User) or not user.is_active or delivery.claimed_by_id == user.pk:
        return False
    return delivery.use_case.owner_id == user.pk or holds(user, Role.PROGRAMME_LEAD)


def may_send_deliveries(user: AnyUser) -> bool:
    """Send changes and deployments by API: what they say moves everybody's deliveries."""
    return holds(user, Role.PROGRAMME_LEAD, Role.ADMINISTRATOR)


def may_see_hooks(user: AnyUser) -> bool:
    """Stored hooks show raw payloads with names in them, so not everybody."""
    return holds(user, Role.PROGRAMME_LEAD, Role.AUDITOR, Role.ADMINISTRATOR)


def may_replay_hooks(user: AnyUser) -> bool:
    return holds(user, Role.PROGRAMME_LEAD, Role.ADMINISTRATOR)


def may_manage_hook_secrets(user: AnyUser) -> bool:
    """Make and withdraw the secrets that prove senders."""
    return holds(user, Role.ADMINISTRATOR)


def may_open_standing(user: AnyUser) -> bool:
    """Say who answers for a metric in a scope, and so have it proposed."""
    return holds(user, Role.PROGRAMME_LEAD, Role.FINANCE)


def may_propose_standing(user: AnyUser, standing: MetricStanding) -> bool:
    """Ask that another person approves it: its owner, and those who may open one."""
    if not isinstance(user, User) or not user.is_active:
        return False
    return standing.owner_id == user.pk or may_open_standing(user)


def may_certify_money(user: AnyUser) -> bool:
    """Ask finance for the certificate of a metric about money; another of them decides."""
    return holds(user, Role.FINANCE)


def may_end_standing(user: AnyUser, standing: MetricStanding) -> bool:
    """Suspend, deprecate or retire: the safe direction, so approvers may as well."""
    return may_propose_standing(user, standing) or holds(user, Role.APPROVER)


def may_see_findings(user: AnyUser) -> bool:
    """What the monitor noticed about services and teams; not for ranking, so not for everybody."""
    return holds(user, Role.PROGRAMME_LEAD, Role.AUDITOR)


def may_answer_findings(user: AnyUser) -> bool:
    """Say what is behind a finding."""
    return holds(user, Role.PROGRAMME_LEAD)


def may_split_services(user: AnyUser) -> bool:
    """Say that one service came out of another, which moves an index; another person confirms."""
    return holds(user, Role.PROGRAMME_LEAD)


def may_make_dashboard(user: AnyUser) -> bool:
    """Anybody signed in may draft one; it counts once another person has approved it."""
    return isinstance(user, User) and user.is_active


def may_edit_dashboard(user: AnyUser, dashboard: Dashboard) -> bool:
    """Its owner, and programme leads: edit, submit, deprecate, see how often it is used."""
    if not isinstance(user, User) or not user.is_active:
        return False
    return dashboard.owner_id == user.pk or holds(user, Role.PROGRAMME_LEAD)


def may_see_identities(user: AnyUser) -> bool:
    """Names and addresses of people elsewhere, so not everybody."""
    return holds(user, Role.PROGRAMME_LEAD, Role.AUDITOR, Role.ADMINISTRATOR)


def may_resolve_identities(user: AnyUser) -> bool:
    """Say whose an identity is, and take it back."""
    return holds(user, Role.PROGRAMME_LEAD, Role.ADMINISTRATOR)


def may_set_target(user: AnyUser, use_case: UseCase, scope_kind: str) -> bool:
    """For a use case whoever may edit it; for a team or a programme its leads."""
    if scope_kind == ScopeKind.USE_CASE:
        return may_edit_use_case(user, use_case)
    return holds(user, Role.PROGRAMME_LEAD)


def may_edit_target(user: AnyUser, target: AdoptionTarget) -> bool:
    """Whoever may set one like it."""
    return may_set_target(user, target.milestone.use_case, target.scope_kind)
