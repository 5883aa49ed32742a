# ruff: noqa: S608  (constants of this module are put together; no value comes from outside)
"""What the database refuses about approvals, whoever asks: a page, a token, a shell.

The conditions use what both engines understand. `r` is the request, `d` the decision, `p` a party,
`u` an account. Roles stand between bars in the request, so that a `LIKE` finds a whole word.
"""

from __future__ import annotations

from collections.abc import Callable

from portal.approvals.triggers import Dialect, Guard, always, guards

REQUEST = "portal.ApprovalRequest"
DECISION = "portal.ApprovalDecision"
PARTY = "portal.ApprovalParty"
POLICY = "portal.ApprovalPolicy"
GLASS = "portal.BreakGlass"
GRANT = "portal.RoleGrant"
ROLE_KIND = "portal.role"
POLICY_KIND = "portal.approval_policy"
MOST_HOURS = 4  # a break-glass lasts no longer


def approved(*, kind: str, subject: str, target: str) -> str:
    """Whether an approved request says so; for the gates of governed tables."""
    return (
        "EXISTS (SELECT 1 FROM portal_approvalrequest r WHERE r.status = 'approved' "
        f"AND r.kind = '{kind}' AND r.subject = {subject} AND r.target = {target})"
    )


def _request_moves(dialect: Dialect) -> str:
    decided = (
        "EXISTS (SELECT 1 FROM portal_approvaldecision d WHERE d.request_id = OLD.id "
        "AND d.outcome = '{outcome}' AND d.content_hash = OLD.content_hash)"
    )
    return (
        "OLD.status <> NEW.status AND (OLD.status <> 'pending' "
        f"OR (NEW.status = 'approved' AND NOT {decided.format(outcome='approve')}) "
        f"OR (NEW.status = 'rejected' AND NOT {decided.format(outcome='reject')}) "
        "OR (NEW.status <> 'approved' AND NEW.status <> 'rejected' AND EXISTS (SELECT 1 FROM "
        "portal_approvaldecision d WHERE d.request_id = OLD.id)))"
    )


def _request_changes(dialect: Dialect) -> str:
    asked = (
        "kind", "subject", "title", "payload", "content", "content_hash", "target", "author_id",
        "approver_roles", "policy_version", "requested_at", "expires_at",
    )  # fmt: skip
    return " OR ".join(dialect.differs(column) for column in asked)


def _of_request(condition: str) -> str:
    return (
        "NOT EXISTS (SELECT 1 FROM portal_approvalrequest r WHERE r.id = NEW.request_id AND "
        f"{condition})"
    )


def _wrong_content(dialect: Dialect) -> str:
    return _of_request("r.content_hash = NEW.content_hash")


def _not_open(dialect: Dialect) -> str:
    return _of_request(
        "r.status = 'pending' AND r.expires_at > NEW.decided_at "
        "AND r.requested_at <= NEW.decided_at"
    )


def _from_the_future(dialect: Dialect) -> str:
    return f"NEW.decided_at > {dialect.minutes_from_now(5)}"


def _glass_is_open(dialect: Dialect) -> str:
    return (
        "EXISTS (SELECT 1 FROM portal_breakglass g WHERE g.id = NEW.break_glass_id "
        "AND g.opened_by_id = NEW.approver_id AND g.closed_at IS NULL "
        "AND g.opened_at <= NEW.decided_at AND g.expires_at > NEW.decided_at) "
        f"AND {_administers('NEW.approver_id')}"
    )


def _administers(person: str) -> str:
    return (
        "EXISTS (SELECT 1 FROM portal_rolegrant a "
        f"WHERE a.user_id = {person} AND a.role = 'administrator')"
    )


def _glass_of_another(dialect: Dialect) -> str:
    """Only administrators break the glass, and each for themselves."""
    acting = dialect.actor("user_id")
    return (
        f"NOT {_administers('NEW.opened_by_id')} "
        f"OR ({acting} IS NOT NULL AND {acting} <> NEW.opened_by_id)"
    )


def _wrong_glass(dialect: Dialect) -> str:
    return (
        "NEW.break_glass_id IS NOT NULL AND (NEW.outcome <> 'approve' OR NOT ("
        f"{_glass_is_open(dialect)}))"
    )


def _same_person(dialect: Dialect) -> str:
    return (
        "NEW.break_glass_id IS NULL AND (NOT EXISTS (SELECT 1 FROM portal_approvalparty p "
        "JOIN portal_approvalrequest r ON r.id = p.request_id AND r.author_id = p.user_id "
        "WHERE p.request_id = NEW.request_id AND p.part = 'author') "
        "OR EXISTS (SELECT 1 FROM portal_approvalparty p "
        "JOIN portal_user pu ON pu.id = p.user_id JOIN portal_user u ON u.id = NEW.approver_id "
        "WHERE p.request_id = NEW.request_id AND (p.user_id = u.id "
        "OR p.person_key = u.person_key OR pu.person_key = u.person_key "
        "OR (u.email <> '' AND (p.email = lower(u.email) OR lower(pu.email) = lower(u.email))))))"
    )


def _no_role(dialect: Dialect) -> str:
    return (
        "NEW.break_glass_id IS NULL AND NOT EXISTS (SELECT 1 FROM portal_rolegrant g "
        "JOIN portal_approvalrequest r ON r.id = NEW.request_id "
        "WHERE g.user_id = NEW.approver_id AND r.approver_roles LIKE '%|' || g.role || '|%' "
        "AND (g.counts_from IS NULL OR g.counts_from <= NEW.decided_at))"
    )


def _not_a_person(dialect: Dialect) -> str:
    return (
        "NEW.channel IN ('token', 'task') "
        f"OR COALESCE({dialect.actor('channel')}, '') IN ('token', 'task') "
        "OR NOT EXISTS (SELECT 1 FROM portal_user u "
        "WHERE u.id = NEW.approver_id AND u.is_active)"
    )


def _for_somebody_else(column: str) -> Callable[[Dialect], str]:
    """Whoever is signed in writes in their own name; nobody is signed in at the command line."""

    def refuse(dialect: Dialect) -> str:
        acting = dialect.actor("user_id")
        return f"{acting} IS NOT NULL AND {acting} <> NEW.{column}"

    return refuse


def _other_rules(dialect: Dialect) -> str:
    return _of_request(
        "r.policy_version = COALESCE((SELECT y.version FROM portal_approvalpolicy y "
        "WHERE y.kind = r.kind AND y.retired_at IS NULL), 0)"
    )


def _party_late(dialect: Dialect) -> str:
    return _of_request("r.status = 'pending'")


def _party_forged(dialect: Dialect) -> str:
    """An author is who asked, by any of their accounts."""
    return (
        "NOT EXISTS (SELECT 1 FROM portal_user u WHERE u.id = NEW.user_id "
        "AND u.person_key = NEW.person_key AND lower(u.email) = NEW.email) OR "
        "(NEW.part = 'author' AND NOT EXISTS (SELECT 1 FROM portal_approvalrequest r "
        "JOIN portal_user a ON a.id = r.author_id JOIN portal_user u ON u.id = NEW.user_id "
        "WHERE r.id = NEW.request_id AND (a.id = u.id OR a.person_key = u.person_key "
        "OR (a.email <> '' AND lower(a.email) = lower(u.email)))))"
    )


def _glass_too_long(dialect: Dialect) -> str:
    return f"NEW.expires_at > {dialect.hours_after('NEW.opened_at', MOST_HOURS)}"


def _glass_changes(dialect: Dialect) -> str:
    fixed = ("opened_by_id", "opened_at", "expires_at", "reason")
    return (
        " OR ".join(dialect.differs(column) for column in fixed)
        + " OR (OLD.closed_at IS NOT NULL AND (NEW.closed_at IS NULL OR "
        + dialect.differs("closed_at")
        + ")) OR (NEW.reviewed_by_id IS NOT NULL AND EXISTS (SELECT 1 FROM portal_user a "
        "JOIN portal_user b ON b.id = NEW.opened_by_id WHERE a.id = NEW.reviewed_by_id "
        "AND (a.person_key = b.person_key OR (a.email <> '' AND lower(a.email) = "
        "lower(b.email)))))"
    )


def _grant_unapproved(dialect: Dialect) -> str:
    target = f"{dialect.text('NEW.user_id')} || ':' || NEW.role"
    return "NEW.source = 'approval' AND NOT " + approved(
        kind=ROLE_KIND, subject=target, target="'granted'"
    )


def _grant_counts_early(dialect: Dialect) -> str:
    """A role given by approval or by a group counts a day later, whatever the row says."""
    soon = dialect.minutes_from_now(23 * 60)
    day_after = dialect.hours_after("d.decided_at", 23)
    return (
        "(NEW.source = 'sso' AND (NEW.counts_from < "
        f"{dialect.hours_after('NEW.granted_at', 23)} OR (NEW.counts_from < {soon} "
        f"AND COALESCE({dialect.actor('channel')}, '') IN ('page', 'api', 'token')))) "
        "OR (NEW.source = 'approval' AND NOT EXISTS (SELECT 1 FROM portal_approvalrequest r "
        "JOIN portal_approvaldecision d ON d.request_id = r.id "
        f"WHERE r.kind = '{ROLE_KIND}' AND r.status = 'approved' "
        f"AND r.subject = {dialect.text('NEW.user_id')} || ':' || NEW.role "
        f"AND NEW.counts_from >= {day_after}))"
    )


def _grant_by_setting_up(dialect: Dialect) -> str:
    """Setting up is done at the command line; whoever is signed in asks for an approval."""
    return f"NEW.source = 'bootstrap' AND {dialect.actor('user_id')} IS NOT NULL"


def _grant_changes(dialect: Dialect) -> str:
    return (
        "OLD.user_id <> NEW.user_id OR OLD.role <> NEW.role OR OLD.source <> NEW.source "
        "OR OLD.granted_at <> NEW.granted_at OR (OLD.counts_from IS NOT NULL AND "
        "(NEW.counts_from IS NULL OR NEW.counts_from < OLD.counts_from))"
    )


def _policy_unapproved(dialect: Dialect) -> str:
    return "NOT " + (
        "EXISTS (SELECT 1 FROM portal_approvalrequest r WHERE r.id = NEW.request_id "
        f"AND r.status = 'approved' AND r.kind = '{POLICY_KIND}' AND r.subject = NEW.kind "
        f"AND r.target = {dialect.text('NEW.version')})"
    )


def _policy_changes(dialect: Dialect) -> str:
    """A version ends by the next one only: otherwise the registered rule would come back."""
    fixed = ("kind", "version", "approver_roles", "request_days", "effective_at", "request_id")
    next_version = dialect.text("(OLD.version + 1)")
    ended = approved(kind=POLICY_KIND, subject="OLD.kind", target=next_version)
    return (
        " OR ".join(dialect.differs(column) for column in fixed)
        + " OR (OLD.retired_at IS NOT NULL AND (NEW.retired_at IS NULL OR "
        + dialect.differs("retired_at")
        + f")) OR (OLD.retired_at IS NULL AND NEW.retired_at IS NOT NULL AND NOT {ended})"
    )


def _request_not_pending(dialect: Dialect) -> str:
    return "NEW.status <> 'pending'"


for _guard in (
    Guard("request_starts_pending", REQUEST, "INSERT", _request_not_pending,
          "an approval request starts pending"),
    Guard("request_is_fixed", REQUEST, "UPDATE", _request_changes,
          "what was asked for is never changed"),
    Guard("request_follows_decision", REQUEST, "UPDATE", _request_moves,
          "a request moves once, and by a decision on exactly its content"),
    Guard("request_stays", REQUEST, "DELETE", always, "approval requests are never deleted"),
    Guard("request_by_author", REQUEST, "INSERT", _for_somebody_else("author_id"),
          "nobody asks in the name of somebody else"),
    Guard("party_in_time", PARTY, "INSERT", _party_late, "the request is no longer open"),
    Guard("party_is_real", PARTY, "INSERT", _party_forged,
          "a party is a person as they are, and the author is who asked"),
    Guard("party_is_fixed", PARTY, "UPDATE", always, "parties of a request are never changed"),
    Guard("party_stays", PARTY, "DELETE", always, "parties of a request are never deleted"),
    Guard("decision_on_open", DECISION, "INSERT", _not_open,
          "the request is not open at that moment"),
    Guard("decision_now", DECISION, "INSERT", _from_the_future,
          "a decision is not made in the future"),
    Guard("decision_on_content", DECISION, "INSERT", _wrong_content,
          "a decision is on exactly the content that was asked for"),
    Guard("decision_by_another", DECISION, "INSERT", _same_person,
          "a second person decides: the approver has a hand in the request"),
    Guard("decision_by_role", DECISION, "INSERT", _no_role,
          "the approver holds no role that approves this"),
    Guard("decision_by_person", DECISION, "INSERT", _not_a_person,
          "an active person decides, never a token or a task"),
    Guard("decision_by_oneself", DECISION, "INSERT", _for_somebody_else("approver_id"),
          "nobody decides in the name of somebody else"),
    Guard("decision_by_rules", DECISION, "INSERT", _other_rules,
          "the rules of approval have changed since it was asked"),
    Guard("decision_under_glass", DECISION, "INSERT", _wrong_glass,
          "this break-glass is not open for this person"),
    Guard("decision_is_fixed", DECISION, "UPDATE", always, "decisions are never changed"),
    Guard("decision_stays", DECISION, "DELETE", always, "decisions are never deleted"),
    Guard("glass_is_short", GLASS, "INSERT", _glass_too_long,
          "a break-glass lasts four hours at most"),
    Guard("glass_by_administrator", GLASS, "INSERT", _glass_of_another,
          "an administrator opens break-glass, and only for themselves"),
    Guard("glass_is_fixed", GLASS, "UPDATE", _glass_changes,
          "a break-glass is never changed, and reviewed by another person"),
    Guard("glass_stays", GLASS, "DELETE", always, "break-glass records are never deleted"),
    Guard("grant_by_approval", GRANT, "INSERT", _grant_unapproved,
          "this role was not approved for this person"),
    Guard("grant_counts_later", GRANT, "INSERT", _grant_counts_early,
          "a role counts for approving a day after it was given"),
    Guard("grant_at_set_up", GRANT, "INSERT", _grant_by_setting_up,
          "a signed-in person gives roles by approval only"),
    Guard("grant_is_fixed", GRANT, "UPDATE", _grant_changes,
          "a role is given or taken away, never edited"),
    Guard("policy_by_approval", POLICY, "INSERT", _policy_unapproved,
          "the rules of approval change by approval only"),
    Guard("policy_is_fixed", POLICY, "UPDATE", _policy_changes,
          "a version of the rules of approval is never changed"),
    Guard("policy_stays", POLICY, "DELETE", always, "rules of approval are never deleted"),
):  # fmt: skip
    guards.register(_guard)
