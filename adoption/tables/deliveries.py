"""Deliveries as tables: one's own, those of a use case, those that wait for a review.

No table names, sorts or groups by the person who logged a delivery.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.urls import reverse
from django.utils.html import conditional_escape, format_html

from adoption.choices import DeliveryState
from adoption.tables.days import DayColumn
from portal.shell.columns import ExportValue, HtmlColumn, LinkTo, Record, ShellColumn, StatusColumn
from portal.shell.tables import ShellTable

_WITHDRAWN = (DeliveryState.REJECTED,)


def _where_it_is(record: Record) -> str:
    """The delivered thing itself: the link that was given, which is the change's own as a rule."""
    return str(record["link"] or record["change__url"] or "")


def _withdraw(record: Record) -> str:
    if record["state"] in _WITHDRAWN:
        return ""
    return format_html(
        '<a href="{}" aria-label="Withdraw {}">Withdraw</a>',
        reverse("delivery-withdraw", args=[record["pk"]]),
        record["title"],
    )


def _review(record: Record) -> str:
    return format_html(
        '<a href="{}" aria-label="Review {}">Review</a>',
        reverse("delivery-review", args=[record["pk"]]),
        record["title"],
    )


class ActionColumn(HtmlColumn):
    """A link to what can be done with a row; no part of the export."""

    def __init__(self, *, html: Callable[[Record], str], fields: Sequence[str]) -> None:
        super().__init__("What to do", html=html, text=lambda _record: None, fields=fields)

    def cell_html(self, record: Record) -> str:
        return f"<td>{conditional_escape(self.value(record))}</td>"

    def export_headings(self, heading: str) -> list[str]:
        return []

    def export_values(self, record: Record) -> list[ExportValue]:
        return []


class OwnDeliveryTable(ShellTable):
    """What the person who looks logged."""

    caption = "My deliveries"
    default_sort = "-claimed_at"

    title = ShellColumn("Delivery", url=LinkTo("delivery", "pk"), row_header=True, orderable=False)
    use_case = ShellColumn(
        "Use case",
        accessor="use_case__title",
        url=LinkTo("use-case", "use_case__slug"),
        orderable=False,
    )
    state = StatusColumn("State", vocabulary="delivery")
    state_reason = ShellColumn("Why it stands there", orderable=False, reason="not said")
    claimed_at = DayColumn("Logged on")
    withdraw = ActionColumn(html=_withdraw, fields=("pk", "state", "title"))


class UseCaseDeliveryTable(ShellTable):
    """What was delivered for a use case, whoever logged it."""

    caption = "Deliveries"
    default_sort = "-claimed_at"

    title = ShellColumn(
        "Delivery",
        url=_where_it_is,
        fields=("link", "change__url"),
        row_header=True,
        orderable=False,
    )
    state = StatusColumn("State", vocabulary="delivery")
    state_reason = ShellColumn("Why it stands there", orderable=False, reason="not said")
    evidence_strength = StatusColumn(
        "Evidence", vocabulary="strength", orderable=False, reason="not a change of code"
    )
    version = ShellColumn(
        "First deployed as",
        accessor="change__delivered_by__version",
        orderable=False,
        reason="not in production",
    )
    claimed_at = DayColumn("Logged on")


class ReviewTable(ShellTable):
    """Work that is not code and waits for a decision."""

    caption = "Deliveries to review"
    default_sort = "claimed_at"

    title = ShellColumn("Delivery", url=LinkTo("delivery-review", "pk"), row_header=True,
                        orderable=False)  # fmt: skip
    use_case = ShellColumn(
        "Use case",
        accessor="use_case__title",
        url=LinkTo("use-case", "use_case__slug"),
        orderable=False,
    )
    link = ShellColumn("Link", url=lambda record: str(record["link"]), orderable=False,
                       reason="none given")  # fmt: skip
    claimed_at = DayColumn("Waiting since")
    review = ActionColumn(html=_review, fields=("pk", "title"))
