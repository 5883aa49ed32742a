# ruff: noqa: S608  (constants of this module are put together; no value comes from outside)
"""What the database refuses about rules, invoices and closes, and the kinds of approval."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from django.urls import reverse

from portal.approvals.triggers import Dialect, Guard, always, guards

RULE_KIND = "billing.allocation_rule"
CLOSE_KIND = "billing.period_close"
OVERLAP_KIND = "billing.spend_overlap"
INVOICE_KIND = "billing.closed_invoice"
EXPLANATION_KIND = "billing.closed_explanation"


def close_subject(month: str, issuer: str, account: str, currency: str) -> str:
    """The subject of a close: its month (`YYYY-MM`) and a digest of what else it is about."""
    rest = "\n".join((issuer, account, currency))
    return f"{month}-{hashlib.sha256(rest.encode()).hexdigest()[:24]}"


def close_address(month: str) -> str:
    """Where the approver finds the month (`YYYY-MM`) that is to be closed."""
    return f"{reverse('close-checklist')}?month={month}"


def close_target(figures_hash: str) -> str:
    """The request freezes exactly these figures."""
    return f"close:{figures_hash}"


def invoice_subject(issuer: str, number: str) -> str:
    """The subject of a change to an invoice of a closed month; issuers are told apart without
    case."""
    return hashlib.sha256(f"{issuer.casefold()}\n{number}".encode()).hexdigest()[:32]


def invoice_target(payload: Mapping[str, Any]) -> str:
    """The request keeps or withdraws exactly this."""
    text = json.dumps(dict(payload), sort_keys=True)
    return f"invoice:{hashlib.sha256(text.encode()).hexdigest()}"


def explanation_target(invoice_id: int, reason: str, amount_nano: int) -> str:
    """The request explains this amount of an invoice."""
    return f"explain:{invoice_id}:{reason}:{amount_nano}"


def overlap_subject(counted_id: int, other_id: int) -> str:
    """The subject of a word about two sources."""
    return f"{counted_id}-{other_id}"


def overlap_address() -> str:
    """Where the approver finds the sources that overlap."""
    return reverse("cost-overlaps")


def overlap_target(starts_on: dt.date, ends_on: dt.date | None) -> str:
    """The request leaves the second source out of sums on these days; `ends_on` is exclusive."""
    return f"exclude:{starts_on}:{ends_on or ''}"


def overlap_end_target(overlap_id: int) -> str:
    """The request counts again what an overlap left out."""
    return f"include:{overlap_id}"


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


def _close_unapproved(dialect: Dialect) -> str:
    """A close names the approved request about it, whose target is the hash of its figures."""
    return (
        "NOT EXISTS (SELECT 1 FROM portal_approvalrequest r WHERE r.id = NEW.approval_id "
        f"AND r.status = 'approved' AND r.kind = '{CLOSE_KIND}' AND r.subject = NEW.key "
        "AND r.target = 'close:' || NEW.figures_hash AND r.author_id = NEW.asked_by_id "
        "AND r.closed_by_id = NEW.closed_by_id)"
    )


def _in_a_close(row: str) -> str:
    """Whether the month of an invoice is closed; rows of its scope do not move any more."""
    return (
        "EXISTS (SELECT 1 FROM billing_periodclose k JOIN billing_invoice i "
        "ON i.month = k.month AND LOWER(i.issuer) = LOWER(k.issuer) AND i.currency = k.currency "
        f"AND i.billing_account_id = k.billing_account_id WHERE i.id = {row}.invoice_id)"
    )


def _variance_late(dialect: Dialect) -> str:
    """A new explanation comes before the close, or was approved word for word. One that goes along
    with its invoice is none: the version before, which says the same, has it. Neither is there yet.
    """
    same = [f"n.{column} = o.{column}" for column in ("issuer", "number", *_STATED)]
    same += [
        f"COALESCE({dialect.text(f'n.{column}')}, '') = COALESCE({dialect.text(f'o.{column}')}, '')"
        for column in _STATED_AT_WILL
    ]
    words = ("reason", "amount_nano", "note", "recorded_by_id", "recorded_at")
    alike = " AND ".join(f"v.{column} = NEW.{column}" for column in words)
    goes_along = (
        "EXISTS (SELECT 1 FROM billing_invoice n JOIN billing_invoice o "
        f"ON o.id < n.id AND o.superseded_at >= n.recorded_at AND {' AND '.join(same)} "
        "JOIN billing_invoicevariance v ON v.invoice_id = o.id AND v.withdrawn_at IS NULL "
        f"WHERE n.id = NEW.invoice_id AND {alike})"
    )
    is_there = (
        "EXISTS (SELECT 1 FROM billing_invoicevariance v "
        f"WHERE v.invoice_id = NEW.invoice_id AND {alike})"
    )
    parts = ("invoice_id", "reason", "amount_nano")
    target = " || ':' || ".join(dialect.text(f"NEW.{column}") for column in parts)
    approved = (
        "EXISTS (SELECT 1 FROM portal_approvalrequest r WHERE r.status = 'approved' "
        f"AND r.kind = '{EXPLANATION_KIND}' AND r.target = 'explain:' || {target} "
        f"AND {dialect.member('r.payload', 'note')} = NEW.note "
        "AND r.closed_at = NEW.recorded_at AND r.author_id = NEW.recorded_by_id)"
    )
    return f"{_in_a_close('NEW')} AND ({is_there} OR NOT ({goes_along} OR {approved}))"


def _variance_changes(dialect: Dialect) -> str:
    fixed = ("invoice_id", "reason", "amount_nano", "note", "recorded_by_id", "recorded_at")
    differs = " OR ".join(dialect.differs(column) for column in fixed)
    return f"{differs} OR OLD.withdrawn_at IS NOT NULL OR {_in_a_close('OLD')}"


# What an invoice states, and what it may leave open.
_STATED = (
    "billing_account_id", "month", "currency", "total_nano", "tax_in_lines", "credits_in_lines",
)  # fmt: skip
_STATED_AT_WILL = (
    "issued_on", "tax_nano", "credits_nano", "rounding_nano", "stated_lines", "effective_nano",
)  # fmt: skip


def _invoice_changes(dialect: Dialect) -> str:
    fixed = ("issuer", "number", *_STATED, "document_sha256", "recorded_at")
    optional = (*_STATED_AT_WILL, "run_id", "file_id", "line", "entered_by_id")
    differs = [dialect.differs(column) for column in fixed]
    differs += [
        f"COALESCE({dialect.text(f'OLD.{column}')}, '') <> "
        f"COALESCE({dialect.text(f'NEW.{column}')}, '')"
        for column in optional
    ]
    return " OR ".join([*differs, "OLD.superseded_at IS NOT NULL"])


def _part_changes(dialect: Dialect) -> str:
    fixed = ("close_id", "slice_id", "invoice_issuer", "provider", "invoice_id", "closed_at")
    return " OR ".join(dialect.differs(column) for column in fixed)


_CLOSE_GUARDS = (
    Guard("close_by_approval", "billing.PeriodClose", "INSERT", _close_unapproved,
          "exactly these figures were not approved"),
    Guard("close_is_fixed", "billing.PeriodClose", "UPDATE", always,
          "a close is never edited"),
    Guard("close_stays", "billing.PeriodClose", "DELETE", always,
          "a close is never deleted"),
    Guard("closedpart_is_fixed", "billing.ClosedPart", "UPDATE", _part_changes,
          "what a close froze is never edited"),
    Guard("closedpart_stays", "billing.ClosedPart", "DELETE", always,
          "what a close froze is never deleted"),
    Guard("correction_is_fixed", "billing.CloseCorrection", "UPDATE", always,
          "corrections are never edited"),
    Guard("correction_stays", "billing.CloseCorrection", "DELETE", always,
          "corrections are never deleted"),
    Guard("invoice_is_fixed", "billing.Invoice", "UPDATE", _invoice_changes,
          "a version of an invoice is never edited"),
    Guard("invoice_stays", "billing.Invoice", "DELETE", always,
          "invoices are never deleted"),
    Guard("variance_before_close", "billing.InvoiceVariance", "INSERT", _variance_late,
          "the month of this invoice is closed"),
    Guard("variance_is_fixed", "billing.InvoiceVariance", "UPDATE", _variance_changes,
          "an explanation is never edited, nor withdrawn after the close"),
    Guard("variance_stays", "billing.InvoiceVariance", "DELETE", always,
          "explanations are never deleted"),
)  # fmt: skip


def _moves_a_close(row: str) -> str:
    """Whether a close has frozen lines that the overlap takes out of sums, or puts back."""
    return (
        f"{row}.is_excluded AND EXISTS (SELECT 1 FROM billing_closedpart p "
        "JOIN billing_chargeslice s ON s.id = p.slice_id "
        f"WHERE s.connection_id = {row}.other_id AND s.day >= {row}.starts_on "
        f"AND ({row}.ends_on IS NULL OR s.day < {row}.ends_on) "
        f"AND ({row}.provider = '' OR p.provider = {row}.provider))"
    )


def _overlap_approved(dialect: Dialect, target: str, moment: str, person: str) -> str:
    """One approval lets one word through: that of its author, at the moment it was approved."""
    subject = f"{dialect.text('NEW.counted_id')} || '-' || {dialect.text('NEW.other_id')}"
    return (
        "EXISTS (SELECT 1 FROM portal_approvalrequest r WHERE r.status = 'approved' "
        f"AND r.kind = '{OVERLAP_KIND}' AND r.subject = {subject} AND r.target = {target} "
        f"AND r.closed_at = {moment} AND r.author_id = {person})"
    )


def _overlap_unapproved(dialect: Dialect) -> str:
    days = f"{dialect.text('NEW.starts_on')} || ':' || COALESCE({dialect.text('NEW.ends_on')}, '')"
    known = _overlap_approved(
        dialect, f"'exclude:' || {days}", "NEW.created_at", "NEW.created_by_id"
    )
    return f"{_moves_a_close('NEW')} AND NOT {known}"


def _overlap_end_unapproved(dialect: Dialect) -> str:
    known = _overlap_approved(
        dialect,
        f"'include:' || {dialect.text('NEW.id')}",
        "NEW.retired_at",
        "NEW.retired_by_id",
    )
    ends = "OLD.retired_at IS NULL AND NEW.retired_at IS NOT NULL"
    return f"{ends} AND {_moves_a_close('OLD')} AND NOT {known}"


def _overlap_changes(dialect: Dialect) -> str:
    fixed = ("counted_id", "other_id", "provider", "starts_on", "is_excluded", "is_distinct",
             "reason", "created_by_id", "created_at")  # fmt: skip
    differs = " OR ".join(dialect.differs(column) for column in fixed)
    ends = " <> ".join(f"COALESCE({dialect.text(f'{row}.ends_on')}, '')" for row in ("OLD", "NEW"))
    again = "OLD.retired_at IS NOT NULL AND NEW.retired_at IS NULL"
    return f"{differs} OR {ends} OR {again}"


def register_overlap_guards() -> None:
    """Add the guards of overlapping sources to the portal's."""
    for guard in (
        Guard("overlap_by_approval", "billing.SpendOverlap", "INSERT", _overlap_unapproved,
              "it moves money of a closed month and was not approved"),
        Guard("overlap_ends_by_approval", "billing.SpendOverlap", "UPDATE",
              _overlap_end_unapproved, "its end moves closed money and was not approved"),
        Guard("overlap_is_fixed", "billing.SpendOverlap", "UPDATE", _overlap_changes,
              "an overlap is never edited"),
        Guard("overlap_stays", "billing.SpendOverlap", "DELETE", always,
              "overlaps are never deleted"),
    ):  # fmt: skip
        guards.register(guard)


def register_close_guards() -> None:
    """Add the guards of invoices and closes to the portal's."""
    for guard in _CLOSE_GUARDS:
        guards.register(guard)


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
