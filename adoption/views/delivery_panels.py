"""What deliveries show on the use-case page and on the home page."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from adoption.choices import DeliveryState
from adoption.delivery_states import Observed, standing_of
from adoption.filters.deliveries import COUNTING
from adoption.models import Change, UseCase
from adoption.policies import may_see_registry
from adoption.selectors.changes import (
    UNKNOWN,
    ChangeToLog,
    changes_to_remind_of,
    strength_counts,
)
from adoption.selectors.deliveries import (
    COUNTING_STATES,
    deliveries_to_review,
    latest_deliveries,
    state_counts,
)
from adoption.selectors.use_cases import ENDED_STAGES
from portal.shell.addresses import address_of
from portal.shell.charts import BarListRow, bar_list
from portal.shell.figures import Figure, FigureKind, share_of
from portal.shell.formats import Number, number_text, percent_text
from portal.shell.statuses import FigureStatus, vocabularies

_LATEST = 5
_REMINDERS = 5
_REVIEWS = 5


def use_case_deliveries(request: HttpRequest, use_case: UseCase) -> dict[str, Any] | None:
    """Deliveries by state, the latest ones, and how much is known about AI in the changes.

    None for who may not see the registry.
    """
    if not may_see_registry(request.user):
        return None
    now = timezone.now()
    states = state_counts(use_case)
    strengths = strength_counts(use_case)
    deliveries_url = address_of("use-case-deliveries", use_case.slug)
    changes_url = address_of("use-case-changes", use_case.slug)
    is_open = use_case.stage not in ENDED_STAGES
    return {
        "use_case": use_case,
        "figures": [
            _counting_figure(states, deliveries_url, now),
            _known_figure(strengths, changes_url, now),
        ],
        "states": [
            (state, count, f"{deliveries_url}?state={state}") for state, count in states.items()
        ],
        "latest": [
            (delivery, delivery.link or (delivery.change.url if delivery.change else ""))
            for delivery in latest_deliveries(request.user, use_case, limit=_LATEST)
        ],
        "strengths": _strength_bars(strengths, changes_url),
        "deliveries_url": deliveries_url,
        "changes_url": changes_url,
        "log_url": f"{address_of('log-delivery')}?use_case={use_case.slug}" if is_open else "",
    }


def _counting_figure(states: dict[str, int], url: str, now: dt.datetime) -> Figure:
    standing = sum(states.values()) - states.get(DeliveryState.REJECTED.value, 0)
    return Figure(
        label="Held deliveries",
        value=sum(states.get(state.value, 0) for state in COUNTING_STATES),
        status=FigureStatus.PROVISIONAL,
        as_of=now,
        note=f"of {number_text(standing)} logged",
        definition_url=address_of("metric", "held_deliveries"),
        lineage_url=f"{url}?state={COUNTING}",
    )


def _known_figure(strengths: dict[str, int], url: str, now: dt.datetime) -> Figure:
    """The share of changes with any evidence: coverage, not a score."""
    label = "Changes with evidence of AI"
    total = sum(strengths.values())
    known = total - strengths[UNKNOWN]
    share = share_of(known, total)
    if share is None:
        return Figure.missing(label, "no change of a linked repository has been imported")
    return Figure(
        label=label,
        value=share,
        kind=FigureKind.SHARE,
        status=FigureStatus.PROVISIONAL,
        as_of=now,
        note=f"{number_text(known)} of {number_text(total)}; the rest is unknown",
        lineage_url=f"{url}?strength=any",
    )


def _strength_bars(strengths: dict[str, int], url: str) -> SafeString | None:
    """A bar for each strength and for what is not known; None without any change."""
    total = sum(strengths.values())
    if not total:
        return None

    def words(count: Number) -> str:
        return f"{number_text(count)} ({percent_text(Decimal(count) / total)})"

    vocabulary = vocabularies.get("strength")
    return bar_list(
        title="Changes by strongest evidence",
        rows=[
            BarListRow(vocabulary.label(key), count, url=f"{url}?strength={key}")
            for key, count in strengths.items()
            if count or key == UNKNOWN
        ],
        label_heading="Evidence",
        value_heading="Changes, and their share",
        text=words,
    )


def _where(change: Change, now: dt.datetime) -> str:
    """How far it came by itself; what its deployment broke is told where it is logged."""
    observed = Observed.of(change)
    return standing_of(observed, at=now).state.value


def to_log(request: HttpRequest) -> dict[str, Any] | None:
    """Recent changes that this person may want to log."""
    now = timezone.now()
    found = changes_to_remind_of(request.user, now=now, limit=_REMINDERS)
    if not found:
        return None
    return {"rows": [(row, _where(row.change, now), _log_url(row)) for row in found]}


def _log_url(row: ChangeToLog) -> str:
    return f"{address_of('log-delivery')}?use_case={row.use_case_slug}&change={row.change.pk}"


def to_review(request: HttpRequest) -> dict[str, Any] | None:
    """Work that is not code and waits for this person's decision."""
    rows = deliveries_to_review(request.user).select_related("use_case")
    found = list(rows[: _REVIEWS + 1])
    if not found:
        return None
    return {"deliveries": found[:_REVIEWS], "is_cut": len(found) > _REVIEWS}
