"""Seats and usage metrics: quantities of an organisation, never of a person.

Neither has a price. What seats cost comes from the source `seats`, by price plan.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from billing.sources.github_copilot.client import who_sits
from billing.sources.github_copilot.config import CopilotConfig
from billing.sources.github_copilot.normaliser import SERVICE
from billing.sources.lines import DAY, BadValueError, instant
from billing.sources.pages import Page
from billing.sources.quantities import QuantitySums, day_of, quantity, text_of
from billing.sources.records import SNAPSHOT
from billing.sources.usage_rows import UsageRow
from portal.imports.contracts import Note
from portal.wording import counted

ORGANISATION_REPORT = "github_copilot.metrics"
USER_REPORT = "github_copilot.metrics_of_users"  # the same activity, added up from user rows
SEATS = f"github_copilot.seats{SNAPSHOT}"

COUNTS = {
    "user_initiated_interaction_count": ("interactions", "interactions"),
    "code_generation_activity_count": ("edits.suggested", "edits"),
    "code_acceptance_activity_count": ("edits.accepted", "edits"),
    "loc_suggested_to_add_sum": ("lines.suggested", "lines"),
    "loc_added_sum": ("lines.added", "lines"),
    "loc_deleted_sum": ("lines.removed", "lines"),
    "daily_active_users": ("users.active", "users"),
    "ai_credits_used": ("credits", "ai-credits"),
}
CLI_COUNTS = {
    "session_count": ("cli.sessions", "sessions"),
    "request_count": ("cli.requests", "requests"),
}
CLI_TOKENS = {
    "prompt_tokens_sum": ("cli.tokens.input.total", "tokens"),
    "output_tokens_sum": ("cli.tokens.output", "tokens"),
}


def add_day(row: Mapping[str, Any], page: Page, config: CopilotConfig, sums: QuantitySums) -> None:
    """Add a day of an organisation, or of one of its users, to the organisation's day.

    Raises:
        BadValueError: the day or a count cannot be read.
    """
    start = day_of(row, "day")
    organization = text_of(row, "organization_id", "enterprise_id")
    dataset = USER_REPORT if is_user(row) else ORGANISATION_REPORT
    cli = _object(row, "totals_by_cli")
    found = {
        **_counts(row, COUNTS),
        **_counts(cli, CLI_COUNTS),
        **_counts(_object(cli, "token_usage"), CLI_TOKENS),
    }
    sums.add(
        UsageRow(
            file_index=page.file.index,
            line=page.line,
            dataset=dataset,
            period=(start, start + DAY),
            billing_account_id=config.organization or organization,
            sub_account_id=organization,
            provider="GitHub",
            service_name=SERVICE,
        ),
        [(metric, unit, amount) for (metric, unit), amount in found.items()],
    )


def is_user(row: Mapping[str, Any]) -> bool:
    """Whether the row is about one person; it is added up before anything is kept."""
    return "user_id" in row or "user_login" in row


def is_team(row: Mapping[str, Any]) -> bool:
    """Whether the row is of the report of teams: who is in two teams is in it twice."""
    return any(key.startswith("team") or key == "slug" for key in row)


def _object(row: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = row.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadValueError(key, value, "bad_object", "a JSON object")
    return value


def _counts(
    row: Mapping[str, Any], names: Mapping[str, tuple[str, str]]
) -> dict[tuple[str, str], Decimal]:
    return {names[key]: quantity(row, key) for key in names if row.get(key) is not None}


@dataclass
class SeatCount:
    """Seats over all pages of one listing, by plan, each person counted once."""

    day: datetime | None = None
    place: Page | None = None
    said: int | None = None
    newest: datetime | None = None
    plans: dict[str, str] = field(default_factory=dict)  # seat → plan

    def add(self, page: Page, day: datetime | None) -> None:
        """Count a page.

        Raises:
            ImportRefusedError: it is no listing of seats, or of another day than the last page.
        """
        seats = page.body["seats"]
        if not isinstance(seats, list):
            raise page.refuse("not_seats", "this is no list of seats", field="seats")
        if self.place is not None and day != self.day:
            raise page.refuse("two_snapshots", "the seats of two moments stand in one input")
        said = page.body.get("total_seats")
        if self.place is not None and not page.endpoint and said != self.said:
            raise page.refuse(
                "two_snapshots",
                f"this page speaks of {said} seats, an earlier one of {self.said}: they are of two "
                "moments",
                field="total_seats",
                expected="pages of one listing, saved one after the other",
            )
        self.day, self.place, self.said = day, page, said
        for seat in seats:
            self._count(page, seat)

    def _count(self, page: Page, seat: Any) -> None:
        who = who_sits(seat)
        if not who:
            raise page.refuse("not_a_seat", "a seat names nobody", field="seats.assignee.id")
        self.plans[who] = str(seat.get("plan_type") or "")
        for key in ("created_at", "updated_at", "last_activity_at"):
            if seat.get(key):
                moment = _moment(page, seat[key], key)
                self.newest = moment if self.newest is None else max(self.newest, moment)

    def _check(self, place: Page) -> None:
        if isinstance(self.said, int) and self.said != len(self.plans):
            raise place.refuse(
                "pages_missing",
                f"the answer speaks of {counted(self.said, 'seat')} and the input holds "
                f"{len(self.plans):,}: the count would be wrong",
                field="total_seats",
                expected="every page of one listing",
            )

    def add_up(self, config: CopilotConfig, sums: QuantitySums) -> None:
        """The seats of the day that the listing stands for: the last whole day before it was
        fetched, or the newest moment that a saved answer names.

        Raises:
            ImportRefusedError: the people listed do not come to the seats that GitHub speaks of.
        """
        if self.place is not None:
            self._check(self.place)
        moment = self.day or self.newest
        if moment is None or self.place is None:
            return
        start = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        for plan, number in sorted(Counter(self.plans.values()).items()):
            sums.add(
                UsageRow(
                    file_index=self.place.file.index,
                    line=self.place.line,
                    dataset=SEATS,
                    period=(start, start + DAY),
                    billing_account_id=config.organization,
                    provider="GitHub",
                    service_name=SERVICE,
                    service_tier=plan,
                ),
                [("seats", "seats", Decimal(number))],
            )

    def notes(self) -> Iterable[Note]:
        """What a person should know about the listing."""
        if self.place is None:
            return
        yield Note(
            "seats_without_price",
            "GitHub's list of seats has no price. What they cost comes from the source seats.",
        )


def _moment(page: Page, value: Any, key: str) -> datetime:
    try:
        return instant(value, key)
    except BadValueError as error:
        raise page.refuse(error.code, "a time cannot be read", field=f"seats.{key}") from error
