"""Putting approved allocation rules in force. A rule is never edited: it gets a new version.

People ask for rules in `rule_requests.py`; what is here carries out what was approved.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from django.db import transaction
from django.db.models import Q
from django.utils.text import slugify

from billing.allocation.match import Condition, values_in
from billing.allocation.trial import TrialRule
from billing.approvals import RULE_KIND
from billing.choices import MatchField, MatchMode, SplitKind
from billing.models import AllocationRule, AllocationShare, Charge
from billing.models.allocation import WHOLE
from billing.selectors.conditions import further_text
from billing.selectors.trials import trial_rules
from billing.services.reallocations import reallocate_by_month, reallocate_charges
from portal.choices import ApprovalStatus
from portal.models import ApprovalRequest, User
from portal.services.work import enqueue

log = structlog.get_logger(__name__)
# Up to so many charges a person waits for the reallocation; about three seconds on SQLite.
SMALL = 20_000
MOST_CONDITIONS = 6
LONGEST_VALUE = 4_000
_KEY_LENGTH = 70
PENDING_RULES = "billing.apply-pending-rules"  # the kind of work that does the rest


class RuleRefusedError(ValueError):
    """The rule cannot be kept like this. `field` names what to change, `reason` says why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason


class RuleNotLiveError(ValueError):
    """Somebody was faster: this version has been replaced or retired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleDraft:
    """What a rule says. `shares`: use case id → millionths; days are UTC, `ends_on` exclusive.

    `further` conditions must hold beside the first one. Shares of an even or proportional split
    say who takes part, each with 1.
    """

    name: str
    starts_on: dt.date
    field: str
    value: str
    mode: str
    shares: tuple[tuple[int, int], ...]
    ends_on: dt.date | None = None
    tag_key: str = ""
    priority: int = 100
    connection_id: int | None = None
    further: tuple[Condition, ...] = ()
    split: str = SplitKind.FIXED

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """All that must hold."""
        return (Condition(self.field, self.tag_key, self.mode, self.value), *self.further)


@dataclass(frozen=True, slots=True)
class SavedRule:
    """What saving did.

    Attributes:
        rule: the new version, or the retired one.
        charges: how many cost lines were allocated anew; 0 while `is_pending`.
        is_pending: too many for now; `apply_pending_rules` does it.
    """

    rule: AllocationRule
    charges: int
    is_pending: bool


@transaction.atomic
def carry_out_version(*, approval: ApprovalRequest, draft: RuleDraft, at: dt.datetime) -> SavedRule:
    """Put an approved version in force: the first of a rule, or the next in place of the last.

    What it touches is allocated anew. The author of the request is the author of the version.

    Raises:
        RuleRefusedError: it says something impossible.
    """
    check_draft(draft)
    old = AllocationRule.objects.filter(key=approval.subject, retired_at__isnull=True).first()
    if old is not None:
        reason = approval.reason or "Replaced by a new version."
        old = _retire(old.pk, reason, actor=approval.author, at=at)
    version = int(approval.payload["version"])
    rule = _insert(draft, approval=approval, version=version, at=at)
    return _settle([old, rule] if old is not None else [rule], rule, at=at)


@transaction.atomic
def carry_out_end(*, approval: ApprovalRequest, at: dt.datetime) -> SavedRule:
    """End a rule as approved; what it took goes to the rules after it, or becomes unallocated.

    Raises:
        RuleNotLiveError: the version has been replaced or retired.
    """
    live = AllocationRule.objects.get(key=approval.subject, version=approval.payload["end"])
    rule = _retire(live.pk, approval.payload["reason"], actor=approval.author, at=at)
    return _settle([rule], rule, at=at)


def check_draft(draft: RuleDraft) -> None:
    """Whether the draft makes sense by itself.

    Raises:
        RuleRefusedError: it does not.
    """
    if not draft.name.strip():
        raise RuleRefusedError("name", "Give the rule a name.")
    if draft.ends_on is not None and draft.ends_on <= draft.starts_on:
        raise RuleRefusedError("ends_on", "It must end after it starts.")
    if len(draft.conditions) > MOST_CONDITIONS:
        raise RuleRefusedError("further", f"At most {MOST_CONDITIONS} conditions, please.")
    for condition in draft.conditions:
        _check_condition(condition)
    _check_shares(draft)


def _check_condition(condition: Condition) -> None:
    if condition.field not in MatchField or condition.mode not in MatchMode:
        raise RuleRefusedError("field", "Rules do not look at that.")
    if not (values_in(condition.value) if condition.mode == MatchMode.ONE_OF else condition.value):
        raise RuleRefusedError(
            "value", "Say which value to look for; nothing matches an empty one."
        )
    if len(condition.value) > LONGEST_VALUE:
        raise RuleRefusedError("value", f"At most {LONGEST_VALUE:,} characters, please.")
    if (condition.field == MatchField.TAG) != bool(condition.tag_key):
        raise RuleRefusedError(
            "tag_key", "A tag key belongs to rules about tags, and only to them."
        )


def _check_shares(draft: RuleDraft) -> None:
    if draft.split not in SplitKind:
        raise RuleRefusedError("split", "Costs are not split like that.")
    if draft.split == SplitKind.TEAM and draft.shares:
        raise RuleRefusedError("shares", "The team decides who gets it; give no shares.")
    if not draft.shares and draft.split in (SplitKind.FIXED, SplitKind.EVEN):
        raise RuleRefusedError("shares", "Give a share to at least one use case.")
    if len({use_case for use_case, _ in draft.shares}) != len(draft.shares):
        raise RuleRefusedError("shares", "A use case stands twice in the shares.")
    if any(share < 1 for _, share in draft.shares):
        raise RuleRefusedError("shares", "Each share must be more than nothing.")
    if draft.split != SplitKind.FIXED and any(share != 1 for _, share in draft.shares):
        raise RuleRefusedError("shares", "Only fixed shares have a size.")
    total = sum(share for _, share in draft.shares)
    if total > WHOLE:
        raise RuleRefusedError(
            "shares", f"The shares add up to {total / 10_000:.4f} %, more than the whole."
        )


def free_key(name: str) -> str:
    """An address for a new rule, made from its name once; also none that is asked for already."""
    base = slugify(name)[:_KEY_LENGTH].strip("-") or "rule"
    if base == "new":
        base = "new-rule"  # `new` is an address of its own
    taken = set(AllocationRule.objects.filter(key__startswith=base).values_list("key", flat=True))
    asked = ApprovalRequest.objects.filter(kind=RULE_KIND, subject__startswith=base)
    taken |= set(asked.filter(status=ApprovalStatus.PENDING).values_list("subject", flat=True))
    number, key = 1, base
    while key in taken:
        number += 1
        key = f"{base}-{number}"
    return key


def _insert(
    draft: RuleDraft, *, approval: ApprovalRequest, version: int, at: dt.datetime
) -> AllocationRule:
    rule = AllocationRule(
        key=approval.subject,
        approval=approval,
        version=version,
        name=draft.name.strip(),
        priority=draft.priority,
        starts_on=draft.starts_on,
        ends_on=draft.ends_on,
        connection_id=draft.connection_id,
        field=draft.field,
        tag_key=draft.tag_key,
        mode=draft.mode,
        value=draft.value,
        further=further_text(draft.further),
        split=draft.split,
        created_by=approval.author,
        created_at=at,
    )
    rule.full_clean()
    rule.save()
    log.info("allocation_rule_saved", rule=rule.key, version=version, approval=approval.pk)
    AllocationShare.objects.bulk_create(
        AllocationShare(rule=rule, use_case_id=use_case, share=share)
        for use_case, share in draft.shares
    )
    return rule


def _retire(rule_id: int, reason: str, *, actor: User, at: dt.datetime) -> AllocationRule:
    changed = AllocationRule.objects.filter(pk=rule_id, retired_at__isnull=True).update(
        retired_at=at, retired_by=actor, retired_reason=reason.strip()[:500]
    )
    if not changed:
        raise RuleNotLiveError("This version of the rule is no longer the live one.")
    log.info("allocation_rule_retired", rule=rule_id, actor=actor.pk)
    return AllocationRule.objects.get(pk=rule_id)


def _settle(
    touched: Sequence[AllocationRule], rule: AllocationRule, *, at: dt.datetime
) -> SavedRule:
    """Allocate anew what the touched versions took or take, now when it is little, else later.

    No other charge: what has changed for those since they were allocated is no part of what was
    asked for and approved. `allocate` brings it.
    """
    reach = [_reach(each) for each in touched]
    affected = Q()
    for each in reach:
        affected |= each
    charges = Charge.objects.filter(affected, superseded_at__isnull=True)
    if charges.order_by()[: SMALL + 1].count() > SMALL:
        AllocationRule.objects.filter(pk__in=[each.pk for each in touched]).update(pending_since=at)
        rule.refresh_from_db()
        enqueue(kind=PENDING_RULES, actor=None, at=at)
        return SavedRule(rule, 0, is_pending=True)
    count = reallocate_charges(charges, at=at, touched=_as_trial(touched))
    return SavedRule(rule, count, is_pending=False)


def _as_trial(rules: Sequence[AllocationRule]) -> list[TrialRule]:
    return trial_rules(AllocationRule.objects.filter(pk__in=[rule.pk for rule in rules]))


def _reach(rule: AllocationRule) -> Q:
    """The charges that a rule could take, going by its dates and connection."""
    reach = Q(day__gte=rule.starts_on)
    if rule.ends_on:
        reach &= Q(day__lt=rule.ends_on)
    if rule.connection_id:
        reach &= Q(slice__connection_id=rule.connection_id)
    return reach


def allocate_range(
    *, start: dt.date | None, end: dt.date | None, at: dt.datetime
) -> dict[str, int]:
    """Allocate every live charge of a half-open range of days (UTC) anew; None is open-ended.

    A month in each transaction. Returns charges by connection slug.
    """
    wanted = Q()
    if start is not None:
        wanted &= Q(day__gte=start)
    if end is not None:
        wanted &= Q(day__lt=end)
    # Rules that were waiting before this began are worked out by a range without bounds.
    pending = list(AllocationRule.objects.filter(pending_since__isnull=False).order_by("pk"))
    counts = reallocate_by_month(wanted, at=at)
    if start is None and end is None:
        _no_longer_pending(pending)
    return counts


def apply_pending_rules(*, at: dt.datetime) -> dict[str, int]:
    """Work out the rules that were too large to apply at once, a month in each transaction.

    Safe to repeat and to run twice: reallocating is the same each time. Returns charges by
    connection slug.
    """
    pending = list(AllocationRule.objects.filter(pending_since__isnull=False).order_by("pk"))
    if not pending:
        return {}
    affected = Q()
    for rule in pending:
        affected |= _reach(rule)
    counts = reallocate_by_month(affected, at=at, touched=_as_trial(pending))
    _no_longer_pending(pending)
    return counts


def _no_longer_pending(rules: Sequence[AllocationRule]) -> None:
    for rule in rules:
        # A version that was retired meanwhile has become pending again, and stays so.
        AllocationRule.objects.filter(pk=rule.pk, pending_since=rule.pending_since).update(
            pending_since=None
        )
