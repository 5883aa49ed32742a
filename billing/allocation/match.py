"""On which days a rule takes charges of a dimension: pure, so a dry run needs no database."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from billing.allocation.people import NOBODY, People, Span, common, merged
from billing.choices import MatchField, MatchMode

UNUSED = "Unused"  # FOCUS's CommitmentDiscountStatus


class Condition(NamedTuple):
    """What one attribute must be. A list has one value a line."""

    field: str
    tag_key: str
    mode: str
    value: str


@dataclass(frozen=True, slots=True)
class RuleMatch:
    """The part of a rule that matching needs. Rules are given in the order in which they apply.

    Every condition must hold. `connection_id` limits it to one source.
    """

    rule_id: int
    conditions: tuple[Condition, ...]
    starts_on: date
    ends_on: date | None
    connection_id: int | None

    @property
    def needs_people(self) -> bool:
        """Whether it asks for the team of the principal."""
        return any(each.field == MatchField.TEAM for each in self.conditions)

    @property
    def names_commitment(self) -> bool:
        """Whether it says to whom a commitment belongs; only such a rule takes unused ones."""
        return any(each.field == MatchField.COMMITMENT for each in self.conditions)


class Attributes(NamedTuple):
    """The attributes of a dimension that rules look at, named as its columns; `tags` is JSON."""

    sub_account_id: str = ""
    sub_account_name: str = ""
    service_name: str = ""
    resource_id: str = ""
    tags: str = "{}"
    provider: str = ""
    billing_account_id: str = ""
    billing_account_name: str = ""
    api_key_id: str = ""
    cost_center: str = ""
    repository: str = ""
    principal_id: str = ""
    model: str = ""
    sku_id: str = ""
    sku_price_id: str = ""
    charge_category: str = ""
    commitment_discount_id: str = ""
    commitment_discount_status: str = ""

    @property
    def is_unused_commitment(self) -> bool:
        return self.commitment_discount_status == UNUSED


_COLUMNS: Mapping[str, tuple[str, ...]] = {
    MatchField.SUB_ACCOUNT: ("sub_account_id", "sub_account_name"),
    MatchField.SERVICE: ("service_name",),
    MatchField.RESOURCE: ("resource_id",),
    MatchField.PROVIDER: ("provider",),
    MatchField.BILLING_ACCOUNT: ("billing_account_id", "billing_account_name"),
    MatchField.API_KEY: ("api_key_id",),
    MatchField.COST_CENTER: ("cost_center",),
    MatchField.REPOSITORY: ("repository",),
    MatchField.PRINCIPAL: ("principal_id",),
    MatchField.MODEL: ("model",),
    MatchField.SKU: ("sku_id", "sku_price_id"),
    MatchField.CHARGE_CATEGORY: ("charge_category",),
    MatchField.COMMITMENT: ("commitment_discount_id",),
}


@lru_cache(maxsize=65_536)
def tags_of(text: str) -> Mapping[str, str]:
    """Tags from their JSON text; a value that is no text is written as JSON."""
    loaded = json.loads(text) if text else {}
    return {
        key: value if isinstance(value, str) else json.dumps(value) for key, value in loaded.items()
    }


@lru_cache(maxsize=4_096)
def values_in(text: str) -> frozenset[str]:
    """The values of a list, one a line; blanks around them do not count, empty lines neither."""
    return frozenset(filter(None, (line.strip() for line in text.splitlines())))


def _holds(condition: Condition, texts: Iterable[str]) -> bool:
    """Whether one of the texts is what is asked for. Absent text never is."""
    for text in texts:
        if not text:
            continue
        if condition.mode == MatchMode.EQUALS and text == condition.value:
            return True
        if condition.mode == MatchMode.STARTS_WITH and text.startswith(condition.value):
            return True
        if condition.mode == MatchMode.ONE_OF and text in values_in(condition.value):
            return True
    return False


def _candidates(
    condition: Condition, attributes: Attributes, connection: str | None
) -> Sequence[str]:
    if condition.field == MatchField.TAG:
        return (tags_of(attributes.tags).get(condition.tag_key, ""),)
    if condition.field == MatchField.CONNECTION:
        return (connection or "",)
    return [getattr(attributes, name) for name in _COLUMNS[condition.field]]


def _team_days(condition: Condition, attributes: Attributes, people: People) -> list[Span]:
    """The days on which the principal was in such a team, or in one below it."""
    spells = people.spells.get(attributes.principal_id, ())
    return merged(spell.days for spell in spells if _holds(condition, spell.line))


def days_taken(
    rule: RuleMatch, attributes: Attributes, *, connection: str | None, people: People = NOBODY
) -> list[Span]:
    """The days on which the rule takes such charges, in order; its limit to a source aside.

    Unused commitment is taken only by a rule that names the commitment.

    Args:
        connection: address of the source; None when any is meant.
    """
    if attributes.is_unused_commitment and not rule.names_commitment:
        return []
    teams = []
    for condition in rule.conditions:
        if condition.field == MatchField.TEAM:
            teams.append(condition)
        elif condition.field == MatchField.CONNECTION and connection is None:
            continue
        elif not _holds(condition, _candidates(condition, attributes, connection)):
            return []
    found = [Span(rule.starts_on, rule.ends_on)]
    for condition in teams:
        found = common(found, _team_days(condition, attributes, people))
    return found


class Exclusion(NamedTuple):
    """Charges of a source that another source counts; empty `provider` means all of them."""

    connection_id: int
    provider: str
    days: Span

    def covers(self, connection_id: int, provider: str, day: date) -> bool:
        return (
            self.connection_id == connection_id
            and self.provider in ("", provider)
            and self.days.contains(day)
        )
