# ruff: noqa: S608  (constants of this module are put together; no value comes from outside)
"""What the database refuses about allocation rules, and the name of the kind of approval."""

from __future__ import annotations

from django.urls import reverse

from portal.approvals.triggers import Dialect, Guard, always, guards

RULE_KIND = "billing.allocation_rule"


def version_target(version: int) -> str:
    """The request brings this version of the rule."""
    return f"v{version}"


def end_target(version: int) -> str:
    """The request ends the rule at this version."""
    return f"end@{version}"


def rule_address(key: str | None) -> str:
    """Where the approver finds the rule, or the list while there is none yet."""
    return reverse("allocation-rule", args=[key]) if key else reverse("allocation-rules")


def _approved(subject: str, condition: str) -> str:
    return (
        "EXISTS (SELECT 1 FROM portal_approvalrequest r WHERE r.status = 'approved' "
        f"AND r.kind = '{RULE_KIND}' AND r.subject = {subject} AND {condition})"
    )


def _version_unapproved(dialect: Dialect) -> str:
    target = f"r.target = 'v' || {dialect.text('NEW.version')}"
    return "NEW.approval_id IS NULL OR NOT " + _approved(
        "NEW.key", f"r.id = NEW.approval_id AND {target}"
    )


def _end_unapproved(dialect: Dialect) -> str:
    replaced = f"r.target = 'v' || {dialect.text('(OLD.version + 1)')}"
    ended = f"r.target = 'end@' || {dialect.text('OLD.version')}"
    return (
        "OLD.retired_at IS NULL AND NEW.retired_at IS NOT NULL AND NOT "
        + _approved("OLD.key", f"({replaced} OR {ended})")
        + " OR OLD.retired_at IS NOT NULL AND NEW.retired_at IS NULL"
    )


def _rule_changes(dialect: Dialect) -> str:
    fixed = (
        "key",
        "version",
        "name",
        "priority",
        "starts_on",
        "field",
        "tag_key",
        "mode",
        "value",
        "further",
        "split",
    )
    optional = ("ends_on", "connection_id", "approval_id")
    differs = [dialect.differs(column) for column in fixed]
    differs += [
        f"COALESCE({dialect.text(f'OLD.{column}')}, '') <> "
        f"COALESCE({dialect.text(f'NEW.{column}')}, '')"
        for column in optional
    ]
    return " OR ".join(differs)


def _share_unapproved(dialect: Dialect) -> str:
    """A share stands in what was approved as `[use case, millionths]`."""
    pair = f"'%[' || {dialect.text('NEW.use_case_id')} || ', ' || {dialect.text('NEW.share')}"
    return (
        "NOT EXISTS (SELECT 1 FROM billing_allocationrule a JOIN portal_approvalrequest r "
        "ON r.id = a.approval_id WHERE a.id = NEW.rule_id AND r.status = 'approved' "
        f"AND {dialect.text('r.payload')} LIKE {pair} || ']%')"
    )


def register_guards() -> None:
    """Add billing's guards to the portal's."""
    for guard in (
        Guard("rule_by_approval", "billing.AllocationRule", "INSERT", _version_unapproved,
              "this version of the rule was not approved"),
        Guard("rule_ends_by_approval", "billing.AllocationRule", "UPDATE", _end_unapproved,
              "the end of this rule was not approved"),
        Guard("rule_is_fixed", "billing.AllocationRule", "UPDATE", _rule_changes,
              "a version of a rule is never edited"),
        Guard("rule_stays", "billing.AllocationRule", "DELETE", always,
              "allocation rules are never deleted"),
        Guard("share_by_approval", "billing.AllocationShare", "INSERT", _share_unapproved,
              "this share was not approved"),
        Guard("share_is_fixed", "billing.AllocationShare", "UPDATE", always,
              "shares are never edited"),
        Guard("share_stays", "billing.AllocationShare", "DELETE", always,
              "shares are never deleted"),
    ):  # fmt: skip
        guards.register(guard)
