"""Requests for approval and break-glass as tables."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from portal.choices import ApprovalStatus
from portal.selectors.approvals import kind_label
from portal.shell.columns import (
    HtmlColumn,
    LinkTo,
    MomentColumn,
    NumberColumn,
    Record,
    ShellColumn,
)
from portal.shell.formats import moment_text
from portal.shell.statuses import vocabularies
from portal.shell.tables import ShellTable

UNDER_GLASS = "under break-glass"


def time_left(until: dt.datetime, *, now: dt.datetime) -> str:
    """How long it still is: `3 days`, `5 hours`, `12 minutes`; empty when it is over."""
    seconds = (until - now).total_seconds()
    if seconds <= 0:
        return ""
    for size, word in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        number = int(seconds // size)
        if number:
            return f"{number} {word}{'' if number == 1 else 's'}"
    return "less than a minute"


def _status(record: Record) -> str:
    """An expired request that nobody has closed yet is expired all the same."""
    if record["status"] == ApprovalStatus.PENDING and record["expires_at"] <= timezone.now():
        return str(ApprovalStatus.EXPIRED)
    return str(record["status"])


def _status_html(record: Record) -> SafeString:
    badge = vocabularies.get("approval").html(_status(record))
    if record["decision__break_glass"] is None:
        return badge
    return format_html('{} <span class="sub">{}</span>', badge, UNDER_GLASS)


def _status_text(record: Record) -> str:
    word = vocabularies.get("approval").label(_status(record))
    return word if record["decision__break_glass"] is None else f"{word}, {UNDER_GLASS}"


def _kind(record: Record) -> str:
    return kind_label(record["kind"])


def _expires_html(record: Record) -> SafeString | str:
    if record["status"] != ApprovalStatus.PENDING:
        return "–"
    left = time_left(record["expires_at"], now=timezone.now())
    return format_html(
        '{}<span class="sub">{}</span>',
        f"in {left}" if left else "expired",
        moment_text(record["expires_at"]),
    )


def _expires(record: Record) -> dt.datetime:
    moment: dt.datetime = record["expires_at"]
    return moment


def _author(record: Record) -> str:
    return str(record["author__full_name"] or record["author__username"])


class ApprovalTable(ShellTable):
    """Rows of `requests_visible_to`."""

    caption = "Requests for approval"
    default_sort = "expires"
    unique_key = ("-pk",)

    title = ShellColumn("Request", url=LinkTo("approval", "pk"), row_header=True, orderable=False)
    what = HtmlColumn("Kind", html=_kind, text=_kind, fields=("kind",), sort_by=("kind",))
    author = HtmlColumn(
        "Asked by",
        html=_author,
        text=_author,
        fields=("author__full_name", "author__username"),
        sort_by=("author__username",),
    )
    requested_at = MomentColumn("Since")
    expires = HtmlColumn(
        "Expires",
        html=_expires_html,
        text=_expires,
        fields=("expires_at", "status"),
        sort_by=("expires_at",),
    )
    state = HtmlColumn(
        "Status",
        html=_status_html,
        text=_status_text,
        fields=("status", "expires_at", "decision__break_glass"),
        sort_by=("status",),
    )


def _opener(record: Record) -> str:
    return str(record["opened_by__full_name"] or record["opened_by__username"])


def glass_state(
    *,
    closed_at: dt.datetime | None,
    expires_at: dt.datetime,
    reviewed_at: dt.datetime | None,
    now: dt.datetime,
) -> str:
    """`open`, `unreviewed` or `reviewed`."""
    if reviewed_at is not None:
        return "reviewed"
    return "open" if closed_at is None and expires_at > now else "unreviewed"


def _glass_state(record: Record) -> str:
    return glass_state(
        closed_at=record["closed_at"],
        expires_at=record["expires_at"],
        reviewed_at=record["reviewed_at"],
        now=timezone.now(),
    )


class BreakGlassTable(ShellTable):
    """Rows of `glasses_visible_to`."""

    caption = "Break-glass"
    default_sort = "-opened_at"
    unique_key = ("-pk",)

    opened_at = MomentColumn("Opened", url=LinkTo("break-glass", "pk"), row_header=True)
    opener = HtmlColumn(
        "By",
        html=_opener,
        text=_opener,
        fields=("opened_by__full_name", "opened_by__username"),
        sort_by=("opened_by__username",),
    )
    expires_at = MomentColumn("Until", orderable=False)
    reason = ShellColumn("Why", orderable=False)
    decided = NumberColumn("Decisions under it", orderable=False)
    state = HtmlColumn(
        "State",
        html=lambda record: vocabularies.get("break_glass").html(_glass_state(record)),
        text=lambda record: vocabularies.get("break_glass").label(_glass_state(record)),
        fields=("closed_at", "expires_at", "reviewed_at"),
    )
