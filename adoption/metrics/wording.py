"""How metrics read on a page: values, promises and the reasons for having no value."""

from __future__ import annotations

import datetime as dt

from adoption.choices import Comparator
from adoption.metrics.registry import MetricDefinition, metrics
from portal.shell.addresses import address_of
from portal.shell.figures import Figure, FigureKind
from portal.shell.formats import NARROW_SPACE
from portal.shell.money import decimal_text, from_nano, nano_text
from portal.shell.statuses import FigureStatus

NOT_MEASURED_YET = "not measured yet"
_REASONS = {
    "not_measured": "its metric gave no value",
    "unknown_metric": "its metric is no longer defined",
    "currency_differs": "the cost is in another currency",
    "no_production_deployment": "no production deployment has been imported",
    "no_repository": "no repository is linked",
    "no_held_delivery": "no delivery is held yet",
    "no_data": "there is no data in this window",
    "below_minimum": "there are fewer than its minimum sample",
    "not_evaluable": "the data that it needs is not imported",
    "mixed_currencies": "the costs are in several currencies",
    "mixed_bases": "the costs have several bases",
    "small_group": "withheld: it would say something about a small group",
    "exploratory": "the protocol was changed after the launch, so it cannot be quoted",
    "nothing_proven": "nothing is proven: its verdict is not “supported”",
    "no_units": "no delivery unit stands against it",
    "contributors_unknown": "withheld: nobody counted the people behind it",
    "unlike_coverage": "the inputs of the two windows are not alike",
    "unlike_money": "the amounts are of unlike currency or basis",
}
STANDING_REASONS = {
    "restated_since_approval": "Its values were restated after they were approved. Somebody must "
    "look at them again.",
    "definition_changed": "Its definition was changed without a new version.",
    "expired": "The time of its approval is over. It must be looked at again.",
    "review_missed": "Nobody looked at it within 30 days after its approval ended.",
    "request_closed": "What was asked for was withdrawn, rejected, void or not decided in time.",
    "sunset": "Its last day is over.",
    "no_eligible_team": "no team has five or more members",
    "waits_for_attestation": "nobody has attested it yet",
    "attested": "attested by one person, confirmed by another",
}
UNIT_WORDS = {
    "count": "a count, in whole things",
    "money": "an amount in the programme's currency",
    "days": "days",
    "share": "a share, as a percentage",
    "hours": "hours",
    "ratio": "a ratio, 1 when nothing changed",
    "score": "a score from 1 to 5",
}


def reason_text(code: str) -> str:
    """A reason code as words; codes that are not known here are read as they are."""
    return _REASONS.get(code) or code.replace("_", " ") or NOT_MEASURED_YET


def standing_reason(text: str) -> str:
    """Why a standing is what it is: a code as a sentence, a person's words as they are."""
    return STANDING_REASONS.get(text, text)


def amount_text(nano: int, unit: str, currency: str = "") -> str:
    """An amount in full with its unit: `0.125`, `12.5 %`, `40.00 USD`, `3 days`."""
    if unit == "share":
        return f"{nano_text(nano * 100)}{NARROW_SPACE}%"
    suffix = {"money": currency, "days": "days", "hours": "hours"}.get(unit, "")
    return f"{nano_text(nano)}{NARROW_SPACE}{suffix}" if suffix else nano_text(nano)


def metric_or_none(key: str) -> MetricDefinition | None:
    """The metric, or None when the code no longer has it (old milestones keep its key)."""
    return metrics.get(key) if key in metrics else None


def threshold_text(comparator: str, threshold_nano: int, unit: str, currency: str) -> str:
    """The promise in words: `at least 25`, `below 40 USD`, `at least 80 %`."""
    word = Comparator(comparator).label
    if unit == "share":
        return f"{word} {nano_text(threshold_nano * 100)}{NARROW_SPACE}%"
    text = nano_text(threshold_nano)
    if unit == "days":
        return f"{word} {text} {'day' if text == '1' else 'days'}"
    suffix = f"{NARROW_SPACE}{currency}" if unit == "money" else ""
    return f"{word} {text}{suffix}"


def threshold_input(threshold_nano: int, unit: str) -> str:
    """The threshold as a person types it: a share as a percentage, the rest as it is."""
    return nano_text(threshold_nano * 100 if unit == "share" else threshold_nano)


def value_figure(
    metric: MetricDefinition | None,
    *,
    label: str,
    nano: int | None,
    reason: str,
    currency: str = "",
    basis: str = "",
    status: FigureStatus = FigureStatus.PROVISIONAL,
    as_of: dt.datetime | None = None,
    note: str = "",
    lineage_url: str = "",
) -> Figure:
    """A measured value as the figure of a page, linked to its definition.

    Args:
        nano: in nano-units of the metric's unit; None with a `reason` code.
        currency, basis: for money.
    """
    definition_url = address_of("metric", metric.key) if metric else ""
    if nano is None:
        return Figure.missing(label, reason_text(reason), definition_url=definition_url)
    if metric is not None and metric.unit == "money":
        return Figure.money(
            label,
            nano,
            currency,
            status=status,
            basis=basis,
            as_of=as_of,
            note=note,
            definition_url=definition_url,
            lineage_url=lineage_url,
        )
    is_share = metric is not None and metric.unit == "share"
    value = from_nano(nano)
    is_whole = decimal_text(value).isdigit()
    return Figure(
        label=label,
        value=value,
        kind=FigureKind.SHARE if is_share else FigureKind.NUMBER,
        unit="days" if metric is not None and metric.unit == "days" else "",
        decimals=0 if is_whole and not is_share else 1,
        status=status,
        as_of=as_of,
        note=note,
        definition_url=definition_url,
        lineage_url=lineage_url,
    )
