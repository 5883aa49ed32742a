"""Rules and costs for tests, made through the services and imports that everybody uses."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any

from adoption.models import UseCase
from billing.choices import MatchField, MatchMode
from billing.models import AllocationRule
from billing.models.allocation import WHOLE
from billing.services.allocation_rules import RuleDraft
from billing.services.rule_requests import request_end, request_replacement, request_rule
from portal.choices import Role
from portal.models import ApprovalRequest, User
from tests.adoption.factories import make_user
from tests.approving import approve
from tests.imports import START

_numbers = itertools.count(1)


def make_draft(*shares: tuple[UseCase, int], **fields: Any) -> RuleDraft:
    """A rule on the tag `use_case` from May 2026; shares in millionths."""
    values: dict[str, Any] = {
        "name": f"Rule {next(_numbers)}",
        "starts_on": dt.date(2026, 5, 1),
        "field": MatchField.TAG,
        "tag_key": "use_case",
        "mode": MatchMode.EQUALS,
        "value": "triage",
    }
    if fields.get("field", MatchField.TAG) != MatchField.TAG:
        values["tag_key"] = ""
    return RuleDraft(**(values | fields), shares=tuple((case.pk, part) for case, part in shares))


def make_rule(
    *shares: tuple[UseCase, int], at: dt.datetime = START, actor: User | None = None, **fields: Any
) -> AllocationRule:
    """The same, saved."""
    draft = make_draft(*shares, **fields)
    return create_rule(draft=draft, actor=actor or make_user(Role.FINANCE), at=at)


def create_rule(*, draft: RuleDraft, actor: User, at: dt.datetime) -> AllocationRule:
    """A new rule, asked for and approved."""
    return _approved(request_rule(draft=draft, actor=actor, at=at))


def replace_rule(
    *, rule_id: int, draft: RuleDraft, reason: str, actor: User, at: dt.datetime
) -> AllocationRule:
    """The next version of a rule, asked for and approved."""
    asked = request_replacement(rule_id=rule_id, draft=draft, reason=reason, actor=actor, at=at)
    return _approved(asked)


def retire_rule(*, rule_id: int, reason: str, actor: User, at: dt.datetime) -> AllocationRule:
    """The end of a rule, asked for and approved."""
    return _approved(request_end(rule_id=rule_id, reason=reason, actor=actor, at=at))


def _approved(request: ApprovalRequest) -> AllocationRule:
    """The newest version of the rule, once the request is carried out."""
    approve(request)
    newest = AllocationRule.objects.filter(key=request.subject).order_by("-version").first()
    assert newest is not None
    return newest


def give_all(use_case: UseCase, **fields: Any) -> AllocationRule:
    """A rule that gives everything to one use case."""
    return make_rule((use_case, WHOLE), **fields)
