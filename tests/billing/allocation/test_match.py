"""Which charges a rule takes, attribute by attribute."""

from __future__ import annotations

import datetime as dt

import pytest

from billing.allocation.match import Attributes, Condition, RuleMatch, days_taken
from billing.allocation.people import People, Span, Spell
from billing.choices import MatchField, MatchMode

START = dt.date(2026, 5, 1)
ATTRIBUTES = Attributes(
    sub_account_id="ws-1",
    sub_account_name="Drafts",
    service_name="Messages",
    resource_id="res-1",
    tags='{"use_case": "drafts", "cost": 3}',
    provider="Anthropic",
    billing_account_id="org-1",
    billing_account_name="Acme",
    api_key_id="key-1",
    cost_center="cc-9",
    repository="acme/drafts",
    principal_id="anna@example.com",
    model="atlas-large",
    sku_id="sku-1",
    sku_price_id="price-1",
    charge_category="Usage",
    commitment_discount_id="plan-1",
)
PEOPLE = People(
    {"anna@example.com": (Spell(Span(dt.date(2026, 5, 10), dt.date(2026, 5, 20)), ("core", "rd")),)}
)
HELD = {
    MatchField.TAG: "drafts",
    MatchField.SUB_ACCOUNT: "Drafts",
    MatchField.SERVICE: "Messages",
    MatchField.RESOURCE: "res-1",
    MatchField.PROVIDER: "Anthropic",
    MatchField.BILLING_ACCOUNT: "org-1",
    MatchField.API_KEY: "key-1",
    MatchField.COST_CENTER: "cc-9",
    MatchField.REPOSITORY: "acme/drafts",
    MatchField.PRINCIPAL: "anna@example.com",
    MatchField.TEAM: "core",
    MatchField.MODEL: "atlas-large",
    MatchField.SKU: "price-1",
    MatchField.CHARGE_CATEGORY: "Usage",
    MatchField.COMMITMENT: "plan-1",
    MatchField.CONNECTION: "claude",
}


def condition(field: str, value: str, mode: str = MatchMode.EQUALS) -> Condition:
    return Condition(field, "use_case" if field == MatchField.TAG else "", mode, value)


def taken(*conditions: Condition, attributes: Attributes = ATTRIBUTES) -> list[Span]:
    rule = RuleMatch(1, conditions, START, None, None)
    return days_taken(rule, attributes, connection="claude", people=PEOPLE)


def test_every_attribute_has_a_case() -> None:
    assert set(HELD) == set(MatchField)


@pytest.mark.parametrize("field", list(MatchField))
def test_a_rule_looks_at_every_attribute_in_every_mode(field: str) -> None:
    value = HELD[MatchField(field)]
    assert taken(condition(field, value))
    assert taken(condition(field, value[:3], MatchMode.STARTS_WITH))
    assert taken(condition(field, f"other\n  {value} \n\n", MatchMode.ONE_OF))
    assert not taken(condition(field, value[:3]))
    assert not taken(condition(field, value.swapcase()))
    assert not taken(condition(field, "x" + value, MatchMode.STARTS_WITH))
    assert not taken(condition(field, f"other\n{value}x", MatchMode.ONE_OF))


@pytest.mark.parametrize("field", list(MatchField))
def test_what_a_charge_does_not_say_matches_nothing(field: str) -> None:
    rule = RuleMatch(1, (condition(field, "", MatchMode.STARTS_WITH),), START, None, None)
    assert not days_taken(rule, Attributes(), connection="", people=PEOPLE)


def test_all_conditions_must_hold() -> None:
    model = condition(MatchField.MODEL, "atlas", MatchMode.STARTS_WITH)
    assert taken(model, condition(MatchField.API_KEY, "key-1"))
    assert not taken(model, condition(MatchField.API_KEY, "key-2"))


def test_a_team_takes_the_days_of_its_members_and_of_the_teams_below_it() -> None:
    expected = [Span(dt.date(2026, 5, 10), dt.date(2026, 5, 20))]
    assert taken(condition(MatchField.TEAM, "core")) == expected
    assert taken(condition(MatchField.TEAM, "rd")) == expected
    assert taken(condition(MatchField.TEAM, "sales")) == []


def test_unused_commitment_is_taken_only_by_a_rule_that_names_the_commitment() -> None:
    unused = ATTRIBUTES._replace(commitment_discount_status="Unused")
    broad = condition(MatchField.PROVIDER, "Anthropic")
    assert taken(broad)
    assert not taken(broad, attributes=unused)
    assert taken(broad, condition(MatchField.COMMITMENT, "plan-1"), attributes=unused)
