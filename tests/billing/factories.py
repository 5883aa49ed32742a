"""Rules and costs for tests, made through the services and imports that everybody uses."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any

from adoption.models import UseCase
from billing.choices import MatchField, MatchMode
from billing.models import AllocationRule
from billing.models.allocation import WHOLE
from billing.services.allocation_rules import RuleDraft, create_rule
from portal.choices import Role
from portal.models import User
from tests.adoption.factories import make_user
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
    return create_rule(draft=draft, actor=actor or make_user(Role.FINANCE), at=at).rule


def give_all(use_case: UseCase, **fields: Any) -> AllocationRule:
    """A rule that gives everything to one use case."""
    return make_rule((use_case, WHOLE), **fields)
