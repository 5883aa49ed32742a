"""Which charges are to be allocated, and which rule takes them when: in temporary tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from django.db import connection

from billing.allocation.match import Attributes, days_taken
from billing.allocation.people import People, Span, without
from billing.allocation.trial import TrialRule
from billing.selectors.trials import people_for
from portal.imports.staging import StagingTable
from portal.models import Connection

_STAGE = "INSERT INTO allocation_target (charge_id) SELECT c.id FROM {found} WHERE {condition}"
_TAKEN_BY = """
EXISTS (SELECT 1 FROM billing_allocation a WHERE a.charge_id = c.id AND a.rule_id = %s)
"""
_WOULD_BE_TAKEN = """
EXISTS (SELECT 1 FROM rule_days r WHERE r.dimension_id = c.dimension_id
        AND r.starts_on <= c.day AND (r.ends_on IS NULL OR c.day < r.ends_on))
"""


class Targets(NamedTuple):
    """Live charges that have no allocations yet.

    Attributes:
        found: where in the database they are, each as `c`. A text of our own.
        condition: which of what is found. Likewise.
        parameters: what the condition binds.
    """

    found: str
    condition: str
    parameters: tuple[Any, ...] = ()

    def within(self, statement: str) -> str:
        return statement.format(found=self.found, condition=self.condition)


STAGED = Targets("allocation_target t JOIN billing_charge c ON c.id = t.charge_id", "TRUE")


def stage_rule_days(rules: Sequence[TrialRule], targets: Targets, connection_id: int) -> People:
    """Fill `rule_days`: every dimension among the targets, with the rule that takes it when.

    Returns the people that the rules asked for.
    """
    table = StagingTable(
        "rule_days",
        {"dimension_id": "bigint", "rule_id": "bigint", "starts_on": "date", "ends_on": "date"},
        primary_key=["dimension_id", "starts_on"],
    )
    table.create()
    dimensions = _dimensions_of(targets) if rules else {}
    people = people_for(rules, {each.principal_id for each in dimensions.values()})
    slug = Connection.objects.values_list("slug", flat=True).get(pk=connection_id)
    table.load(_rule_days(rules, dimensions, slug, people))
    table.analyze()
    return people


def _dimensions_of(targets: Targets) -> dict[int, Attributes]:
    columns = ", ".join(f"d.{name}" for name in Attributes._fields)
    theirs = targets.within("SELECT c.dimension_id FROM {found} WHERE {condition}")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT d.id, {columns} FROM billing_chargedimension d WHERE d.id IN ({theirs})",  # noqa: S608  (names of our own)
            targets.parameters,
        )
        return {pk: Attributes(*rest) for pk, *rest in cursor.fetchall()}


def _rule_days(
    rules: Sequence[TrialRule], dimensions: Mapping[int, Attributes], slug: str, people: People
) -> Iterator[tuple[int, int, date, date | None]]:
    """Dimension, rule, and the days that no rule before it takes."""
    for dimension_id, attributes in dimensions.items():
        taken: list[Span] = []
        for rule in rules:
            days = days_taken(rule.match, attributes, connection=slug, people=people)
            for span in without(days, taken):
                yield dimension_id, rule.match.rule_id, span.start, span.end
            taken += days


def stage_targets(
    live: Targets,
    *,
    connection_id: int,
    rule_id: int | None,
    touched: Sequence[TrialRule] | None,
) -> set[date]:
    """Fill `allocation_target` with charges of a connection; `reallocate` says with which.

    Returns the days (UTC) of these charges.
    """
    targets = StagingTable("allocation_target", {"charge_id": "bigint"})
    targets.create()
    which = live
    if touched is not None:
        mine = [each for each in touched if each.match.connection_id in (None, connection_id)]
        stage_rule_days(mine, live, connection_id)
        which = _taken(live, [each.match.rule_id for each in touched], _WOULD_BE_TAKEN)
    elif rule_id is not None:
        which = _taken(live, [rule_id])
    with connection.cursor() as cursor:
        cursor.execute(which.within(_STAGE), which.parameters)
        cursor.execute(STAGED.within("SELECT DISTINCT c.day FROM {found} WHERE {condition}"))
        days = {day_of(day) for (day,) in cursor.fetchall()}
    if touched is not None:
        StagingTable("rule_days", {}).drop()
    targets.analyze()
    return days


def _taken(live: Targets, rule_ids: Sequence[int], *others: str) -> Targets:
    """Those that one of these rules has taken, or that are named by another condition."""
    either = " OR ".join([*[_TAKEN_BY] * len(rule_ids), *others])
    condition = f"{live.condition} AND ({either})"
    return Targets(live.found, condition, (*live.parameters, *rule_ids))


def day_of(day: date | str) -> date:
    """SQLite has days as texts."""
    return day if isinstance(day, date) else date.fromisoformat(day)
