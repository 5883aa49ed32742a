"""The list of allocation rules, the versions of one, and what a dry run says."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from types import SimpleNamespace

from django.http import QueryDict

from billing.selectors.allocation_rules import (
    ShareOfUseCase,
    period_text,
    shares_by_rule,
    shares_text,
    state_of,
)
from billing.selectors.conditions import conditions_of, conditions_text
from portal.shell.columns import (
    LinkTo,
    MoneyColumn,
    NumberColumn,
    Record,
    ShellColumn,
    StatusColumn,
)
from portal.shell.paging import Source
from portal.shell.tables import ShellTable


def stored_conditions(record: Record) -> str:
    """The conditions of a stored rule in words."""
    return conditions_text(conditions_of(SimpleNamespace(**record)))


STORED = (
    "pk", "key", "version", "name", "priority", "created_at", "field", "tag_key", "mode",
    "value", "further", "split", "starts_on", "ends_on", "retired_at", "pending_since",
)  # fmt: skip


class _Made:
    """A cell that the table makes from stored columns; the database knows nothing of it."""

    extra_fields: tuple[str, ...]

    def needed(self) -> set[str]:
        return set(self.extra_fields)


class MadeColumn(_Made, ShellColumn):
    """A made text."""


class MadeStatusColumn(_Made, StatusColumn):
    """A made state."""


class RuleTable(ShellTable):
    """The newest version of each rule, in the order in which they apply."""

    caption = "Allocation rules"
    default_sort = "priority"

    priority = NumberColumn(
        "Order",
        sort_by=("priority", "created_at"),
        help_text="The smallest number takes a charge first; equal ones by age",
    )
    name = MadeColumn(
        "Rule",
        row_header=True,
        url=LinkTo("allocation-rule", "key"),
        sub="version_text",
        fields=STORED,
    )
    condition = MadeColumn("Takes", orderable=False)
    shares = MadeColumn("Gives to", orderable=False)
    period = MadeColumn("Days (UTC)", orderable=False)
    state = MadeStatusColumn("State", vocabulary="allocation_rule", orderable=False)

    def __init__(self, source: Source, *, query: QueryDict, path: str, today: dt.date) -> None:
        self.today = today
        super().__init__(source, query=query, path=path)

    def enrich(self, records: Sequence[Record]) -> Sequence[Record]:
        shares = shares_by_rule(record["pk"] for record in records)
        return [self._made(record, shares.get(record["pk"], [])) for record in records]

    def _made(self, record: Record, shares: Sequence[ShareOfUseCase]) -> Record:
        return {
            **record,
            "version_text": f"version {record['version']}",
            "condition": stored_conditions(record),
            "shares": shares_text(shares, record["split"]),
            "period": period_text(record["starts_on"], record["ends_on"]),
            "state": state_of(
                retired_at=record["retired_at"],
                pending_since=record["pending_since"],
                ends_on=record["ends_on"],
                is_newest=True,
                today=self.today,
            ),
        }


class RuleVersionTable(ShellTable):
    """Every version of one rule, newest first."""

    caption = "Versions of this rule"

    version = NumberColumn("Version", row_header=True)
    state = StatusColumn("State", vocabulary="allocation_rule")
    condition = ShellColumn("Takes", sub="period")
    shares = ShellColumn("Gives to")
    made = ShellColumn("Made", sub="made_by")
    retired = ShellColumn("Ended", sub="retired_why", reason="in force")


class MoveTable(ShellTable):
    """What a dry run would move, largest first."""

    caption = "What would move"

    source = ShellColumn("From", row_header=True)
    target = ShellColumn("To")
    billed_nano = MoneyColumn("Billed")
    effective_nano = MoneyColumn("Effective")
    basis = ShellColumn("Basis")


class TakenTable(ShellTable):
    """What a rule takes of several months, newest first.

    `closed` says whose closed lines would move in the month.
    """

    caption = "What the rule takes"

    month = ShellColumn("Month (UTC)", row_header=True, sub="closed")
    lines = NumberColumn("Lines")
    billed_nano = MoneyColumn("Billed")
    effective_nano = MoneyColumn("Effective")
    basis = ShellColumn("Basis")
