"""The list of price plans."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from django.http import QueryDict

from billing.choices import PlanPeriod
from billing.selectors.allocation_rules import period_text
from billing.selectors.plans import credits_text, plan_state
from billing.tables.allocation_rules import MadeColumn, MadeStatusColumn
from portal.shell.columns import DateColumn, LinkTo, MoneyColumn, Record, ShellColumn
from portal.shell.paging import Source
from portal.shell.tables import ShellTable

STORED = (
    "pk", "provider", "key", "name", "valid_from", "valid_until", "seat_period",
    "included_credits_micro", "ended_reason",
)  # fmt: skip
_NOT_STATED = "not stated"


class PlanTable(ShellTable):
    """Every version of every plan: a new price is a row on later days."""

    caption = "Price plans"
    default_sort = "provider"

    name = MadeColumn(
        "Plan", row_header=True, sub="key_text", sort_by=("name", "valid_from"), fields=STORED
    )
    provider = ShellColumn("Provider", sort_by=("match_provider", "match_key", "valid_from"))
    seat_price_nano = MoneyColumn("A seat", reason=_NOT_STATED)
    seat_period = MadeColumn("For a", orderable=False)
    overage_price_nano = MoneyColumn("A credit beyond", reason=_NOT_STATED)
    credits = MadeColumn("Credits included", orderable=False, reason=_NOT_STATED)
    valid_from = DateColumn("From")
    period = MadeColumn("Days (UTC)", orderable=False, sub="ended_reason")
    state = MadeStatusColumn("State", vocabulary="price_plan", orderable=False)
    source = ShellColumn("Where the figures come from", orderable=False)

    def __init__(self, source: Source, *, query: QueryDict, path: str, today: dt.date) -> None:
        self.today = today
        super().__init__(source, query=query, path=path)

    def enrich(self, records: Sequence[Record]) -> Sequence[Record]:
        return [self._made(record) for record in records]

    def _made(self, record: Record) -> Record:
        return {
            **record,
            "key_text": record["key"],
            "seat_period": PlanPeriod(record["seat_period"]).label,
            "credits": credits_text(record["included_credits_micro"]),
            "period": period_text(record["valid_from"], record["valid_until"]),
            "state": plan_state(
                valid_from=record["valid_from"],
                valid_until=record["valid_until"],
                today=self.today,
            ),
        }


class EndablePlanTable(PlanTable):
    """The same for those who may end a plan: its name leads there."""

    name = MadeColumn(
        "Plan",
        row_header=True,
        url=LinkTo("price-plan-end", "pk"),
        sub="key_text",
        sort_by=("name", "valid_from"),
        fields=STORED,
    )
