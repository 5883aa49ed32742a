"""Asking for allocation rules: what moves money between use cases takes a second person."""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from billing.allocation.match import Condition
from billing.approvals import RULE_KIND, end_target, rule_address, version_target
from billing.choices import MatchField, MatchMode, SplitKind
from billing.models import AllocationRule
from billing.policies import may_edit_allocation_rules
from billing.selectors.allocation_rules import period_text, share_text, shares_by_rule
from billing.selectors.conditions import conditions_of, conditions_text
from billing.selectors.use_cases import use_case_names
from billing.services.allocation_rules import (
    RuleDraft,
    RuleNotLiveError,
    RuleRefusedError,
    carry_out_end,
    carry_out_version,
    check_draft,
    free_key,
)
from portal.approvals.errors import ApprovalRefusedError
from portal.approvals.registry import ApprovalKind, Content, Payload, SubjectGoneError
from portal.choices import Role
from portal.models import ApprovalRequest, Connection, User
from portal.policies import AnyUser
from portal.selectors.pending_approvals import pending_request
from portal.services.approvals import request_approval

Fields = dict[str, str | None]


@transaction.atomic
def request_rule(
    *, draft: RuleDraft, reason: str = "", actor: User, at: dt.datetime
) -> ApprovalRequest:
    """Ask for a new rule.

    Raises:
        RuleRefusedError: it says something impossible, or is not this person's to ask for.
    """
    check_draft(draft)
    return _ask(free_key(draft.name), _payload(draft, version=1), reason, actor, at)


@transaction.atomic
def request_replacement(
    *, rule_id: int, draft: RuleDraft, reason: str, actor: User, at: dt.datetime
) -> ApprovalRequest:
    """Ask for the next version of a live rule.

    Raises:
        RuleRefusedError: as for a new rule, or somebody else has asked for a change already.
        RuleNotLiveError: the version has been replaced or retired.
    """
    check_draft(draft)
    rule = _live(rule_id)
    return _ask(rule.key, _payload(draft, version=rule.version + 1), reason, actor, at)


@transaction.atomic
def request_end(*, rule_id: int, reason: str, actor: User, at: dt.datetime) -> ApprovalRequest:
    """Ask to end a rule; what it took goes to the rules after it, or becomes unallocated.

    Raises:
        RuleRefusedError: no reason is given, its end is asked for already, or somebody else has
            asked for a change.
        RuleNotLiveError: the version has been replaced or retired.
    """
    if not reason.strip():
        raise RuleRefusedError("reason", "Say why; it stays with the rule.")
    rule = _live(rule_id)
    lock_rule(rule.key)  # of two people, or two clicks, the second one sees the first request
    _refuse_second_end(rule, at=at)
    payload = {"end": rule.version, "reason": reason.strip()}
    return _ask(rule.key, payload, reason, actor, at)


def _live(rule_id: int) -> AllocationRule:
    rule = AllocationRule.objects.filter(pk=rule_id, retired_at__isnull=True).first()
    if rule is None:
        raise RuleNotLiveError("This version of the rule is no longer the live one.")
    return rule


def _refuse_second_end(rule: AllocationRule, *, at: dt.datetime) -> None:
    """A second request for the same would only take the first one out of somebody's inbox."""
    waiting = pending_request(RULE_KIND, rule.key)
    if waiting is None or waiting.target != end_target(rule.version) or waiting.expires_at <= at:
        return
    raise RuleRefusedError(
        "",
        f"{waiting.author} has asked to end this rule already, and a second person has not decided "
        "yet. To ask again, have that request withdrawn first.",
    )


def _ask(
    key: str, payload: dict[str, Any], reason: str, actor: User, at: dt.datetime
) -> ApprovalRequest:
    try:
        return request_approval(
            kind=RULE_KIND, subject=key, payload=payload, reason=reason, actor=actor, at=at
        )
    except ApprovalRefusedError as error:
        raise RuleRefusedError("", error.reason) from error


def _payload(draft: RuleDraft, *, version: int) -> dict[str, Any]:
    values = dataclasses.asdict(draft)
    values["starts_on"] = draft.starts_on.isoformat()
    values["ends_on"] = draft.ends_on.isoformat() if draft.ends_on else None
    values["shares"] = [list(share) for share in draft.shares]
    return {"version": version, "draft": values}


def _draft(payload: Payload) -> RuleDraft:
    values = dict(payload["draft"])
    ends_on = values["ends_on"]
    values["starts_on"] = dt.date.fromisoformat(values["starts_on"])
    values["ends_on"] = dt.date.fromisoformat(ends_on) if ends_on else None
    values["shares"] = tuple((use_case, share) for use_case, share in values["shares"])
    # Requests that were made before rules had further conditions say nothing of them.
    values["further"] = tuple(Condition(*each) for each in values.get("further", ()))
    return RuleDraft(**values)


# --- the kind of approval -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AskedChange:
    """What a request would do to the rules.

    Attributes:
        live: the version that it replaces or ends; None for a new rule.
        draft: what comes in its place; None where it ends.
    """

    live: AllocationRule | None
    draft: RuleDraft | None


def asked_change(subject: str, payload: Payload) -> AskedChange:
    """What a request would do, as things are now.

    Raises:
        SubjectGoneError: the version it would replace or end is no longer the live one.
    """
    live = AllocationRule.objects.filter(key=subject, retired_at__isnull=True).first()
    if "end" in payload:
        if live is None or live.version != payload["end"]:
            raise SubjectGoneError("This version of the rule is no longer the live one.")
        return AskedChange(live, None)
    if int(payload["version"]) != (live.version if live else _newest(subject)) + 1:
        raise SubjectGoneError("Another version of this rule has come in the meantime.")
    return AskedChange(live, _draft(payload))


def describe_rule(subject: str, payload: Payload) -> Content:
    """What the approver sees: the rule as it is and as it would be, field by field.

    What it would move is not part of it: that changes with every import, and the page of the
    request works it out when it is opened (`billing/views/rule_effects.py`).

    Raises:
        SubjectGoneError: the version it would replace or end is no longer the live one.
    """
    asked = asked_change(subject, payload)
    live, draft = asked.live, asked.draft
    before = _fields_of_rule(live) if live else {}
    url = rule_address(subject if live else None)
    if draft is None:
        assert live is not None  # noqa: S101  (only what is live is ended)
        return Content(
            title=f"End the rule “{live.name}”",
            before=before,
            after=dict.fromkeys(before),
            target=end_target(live.version),
            url=url,
        )
    version = int(payload["version"])
    after = _fields_of_draft(draft)
    verb = "Change" if live else "Make"
    return Content(
        title=f"{verb} the rule “{draft.name}”",
        before={label: before.get(label) for label in after} | before,
        after={label: after.get(label) for label in before} | after,
        facts=(("Key", subject), ("Version", str(version))),
        target=version_target(version),
        url=url,
    )


def _newest(key: str) -> int:
    newest = AllocationRule.objects.filter(key=key).order_by("-version").first()
    return newest.version if newest else 0


def _fields_of_rule(rule: AllocationRule) -> Fields:
    shares = [(each.use_case_id, each.share) for each in shares_by_rule([rule.pk]).get(rule.pk, [])]
    draft = RuleDraft(
        name=rule.name,
        starts_on=rule.starts_on,
        field=rule.field,
        value=rule.value,
        mode=rule.mode,
        shares=tuple(shares),
        ends_on=rule.ends_on,
        tag_key=rule.tag_key,
        priority=rule.priority,
        connection_id=rule.connection_id,
        further=conditions_of(rule)[1:],
        split=rule.split,
    )
    return _fields_of_draft(draft)


def _fields_of_draft(draft: RuleDraft) -> Fields:
    names = use_case_names(use_case for use_case, _ in draft.shares)
    connection = (
        Connection.objects.filter(pk=draft.connection_id).first() if draft.connection_id else None
    )
    fields: Fields = {
        "Name": draft.name,
        "Condition": conditions_text(draft.conditions),
        "Days": period_text(draft.starts_on, draft.ends_on),
        "Connection": connection.name if connection else "any",
        "Priority": str(draft.priority),
        "Split": str(SplitKind(draft.split).label),
    }
    for condition in draft.conditions:
        if condition.mode == MatchMode.ONE_OF:
            # A list in full: the condition in words names the first of it only.
            fields[f"List of {MatchField(condition.field).label}"] = condition.value
    is_fixed = draft.split == SplitKind.FIXED
    for use_case, share in sorted(draft.shares):
        name = names.get(use_case, f"use case {use_case}")
        fields[f"Share of {name}"] = share_text(share) if is_fixed else "takes part"
    return fields


def lock_rule(subject: str) -> None:
    """Versions of a rule come one after the other."""
    list(AllocationRule.objects.select_for_update().filter(key=subject, retired_at__isnull=True))


def apply_rule(request: ApprovalRequest, approver: User, at: dt.datetime) -> None:
    """Bring the approved version, or end the rule; days already imported are allocated anew."""
    if "end" in request.payload:
        carry_out_end(approval=request, at=at)
    else:
        carry_out_version(approval=request, draft=_draft(request.payload), at=at)


def may_ask_for_rule(user: AnyUser, subject: str) -> bool:
    return may_edit_allocation_rules(user)


RULES = ApprovalKind(
    key=RULE_KIND,
    label="Allocation rule",
    approver_roles=(Role.FINANCE, Role.APPROVER),
    describe=describe_rule,
    lock=lock_rule,
    apply=apply_rule,
    may_request=may_ask_for_rule,
)
