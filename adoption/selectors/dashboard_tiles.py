"""What tiles show: values, drawn or listed, with all that a reader needs to trust them."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise
from typing import Any

from django.urls import reverse

from adoption.choices import StandingStatus, TileKind
from adoption.metrics.dashboard_rules import NO_STANDING, TRUSTED, Tile
from adoption.metrics.snapshot import publishable
from adoption.metrics.wording import metric_or_none, reason_text, value_figure
from adoption.selectors.frozen_values import told_values
from adoption.selectors.served_values import ServedValue, served_values
from portal.shell.charts import Chart, Series, bar_chart, line_chart
from portal.shell.figures import Figure, FigureKind
from portal.shell.formats import Number, date_text, number_text, percent_text, to_decimal
from portal.shell.money import from_nano, nano_text
from portal.shell.statuses import FigureStatus

WINDOWS_SHOWN = 13
FEWEST_FOR_DISTRIBUTION = 5
MOST_BINS = 6
LOOKED_BACK = dt.timedelta(days=400)
_UNTRUSTED = {
    NO_STANDING: "nobody has asked to approve this version here",
    StandingStatus.DRAFT: "this version is a draft",
    StandingStatus.PROPOSED: "this version waits for approval",
    StandingStatus.REVIEW_DUE: "the certificate of this version is over and due for review",
    StandingStatus.SUSPENDED: "this version is suspended",
    StandingStatus.DEPRECATED: "this version is deprecated",
    StandingStatus.RETIRED: "this version is retired",
}


@dataclass(frozen=True, slots=True)
class ShownTile:
    """A tile with what it shows.

    Attributes:
        place: from 1.
        values: oldest first; empty where the version is not trusted in that scope.
        figure: the newest value, or why there is none.
        chart: for trends and distributions.
        rows: for tables, newest first.
        is_stale: its newest window is older than the next but one should be.
    """

    place: int
    tile: Tile
    values: Sequence[ServedValue]
    figure: Figure
    chart: Chart | None
    rows: Sequence[dict[str, Any]]
    is_stale: bool

    @property
    def definition_url(self) -> str:
        """Empty once the catalogue no longer has the metric."""
        return definition_url(self.tile.metric)

    @property
    def certified_until(self) -> dt.datetime | None:
        return self.values[-1].standing.certified_until if self.values else None


def values_of_tiles(tiles: Sequence[Tile], *, at: dt.datetime) -> list[list[ServedValue]]:
    """The values of each tile, oldest first, in a constant number of queries."""
    since = (at - LOOKED_BACK).date()
    found = served_values([tile.asked for tile in tiles], since=since) if tiles else {}
    return [found.get(tile.asked, [])[-WINDOWS_SHOWN:] for tile in tiles]


def shown_tiles(tiles: Sequence[Tile], *, at: dt.datetime, slug: str = "") -> list[ShownTile]:
    """Tiles as a page shows them.

    Args:
        slug: of the dashboard, when each figure shall lead to its lineage.
    """
    values = values_of_tiles(tiles, at=at)
    return [
        _shown(place, tile, each, at, slug)
        for place, (tile, each) in enumerate(zip(tiles, values, strict=True), start=1)
    ]


def _shown(
    place: int, tile: Tile, values: list[ServedValue], at: dt.datetime, slug: str
) -> ShownTile:
    is_stale = bool(values) and _is_stale(values[-1], at)
    lineage = reverse("dashboard-tile", args=[slug, place]) if slug else ""
    return ShownTile(
        place=place,
        tile=tile,
        values=values,
        figure=_figure(tile, values, is_stale, lineage),
        chart=_chart(tile, values),
        rows=_rows(tile, values) if tile.kind is TileKind.TABLE else (),
        is_stale=is_stale,
    )


def _is_stale(value: ServedValue, at: dt.datetime) -> bool:
    """The next window is over, and the one after it as well, and neither was filled."""
    return at.date() > value.ends_on + 2 * (value.ends_on - value.starts_on)


def definition_url(key: str) -> str:
    """The page of a metric; empty for one that the catalogue no longer has."""
    return reverse("metric", args=[key]) if metric_or_none(key) else ""


def why_not_served(tile: Tile) -> str:
    """Why a tile has no value to show although its metric may have one."""
    if tile.standing in TRUSTED:
        return "no window is filled yet"
    return _UNTRUSTED[tile.standing]


def _figure(tile: Tile, values: Sequence[ServedValue], is_stale: bool, lineage: str) -> Figure:
    metric = metric_or_none(tile.metric)
    if not values:
        url = definition_url(tile.metric)
        return Figure.missing(tile.label, why_not_served(tile), definition_url=url)
    newest = values[-1]
    computed = newest.computed
    figure = value_figure(
        metric,
        label=tile.label,
        nano=computed.nano,
        reason=computed.reason,
        currency=computed.currency,
        basis=computed.basis.capitalize(),
        status=FigureStatus.STALE if is_stale else FigureStatus(newest.status),
        as_of=newest.data_as_of,
        note=", ".join(_notes(tile, newest)),
        lineage_url=lineage,
    )
    # One place, as milestones have it, would make 0.96 of a ratio a 1.0.
    is_plain = figure.kind is FigureKind.NUMBER and figure.decimals == 1
    return replace(figure, decimals=2) if is_plain else figure


def _notes(tile: Tile, value: ServedValue) -> list[str]:
    computed = value.computed
    notes = [window_text(value), f"n = {computed.n}"]
    if computed.interval is not None:
        low, high = computed.interval.low_nano, computed.interval.high_nano
        ends = (
            f"{'open' if low is None else amount_text(tile, low)} to "
            f"{'open' if high is None else amount_text(tile, high)}"
        )
        notes.append(f"{computed.interval.level_percent} % interval {ends}")
    if computed.coverage_nano is not None:
        notes.append(f"coverage {percent_text(from_nano(computed.coverage_nano))}")
    return notes


def window_text(value: ServedValue) -> str:
    """First and last day, as people say it."""
    last = value.ends_on - dt.timedelta(days=1)
    return f"{date_text(value.starts_on)} to {date_text(last)}"


def amount_text(tile: Tile, nano: int) -> str:
    """For reading; exports and the API have every digit."""
    return str(_text(tile)(from_nano(nano)))


def _text(tile: Tile) -> Callable[[Number], str]:
    return percent_text if tile.unit == "share" else _short


def _short(value: Number) -> str:
    amount = to_decimal(value)
    return number_text(amount, 0 if amount == amount.to_integral_value() else 2)


def _chart(tile: Tile, values: Sequence[ServedValue]) -> Chart | None:
    if tile.kind is TileKind.TREND and values:
        return _trend(tile, values)
    if tile.kind is TileKind.DISTRIBUTION and values:
        return _distribution(tile, values)
    return None


def _numbers(values: Sequence[ServedValue]) -> list[Number | None]:
    nanos = [value.computed.nano for value in values]
    return [None if nano is None else from_nano(nano) for nano in nanos]


def _unit_of(tile: Tile, values: Sequence[ServedValue]) -> str:
    currencies = sorted({one.computed.currency for one in values if one.computed.currency})
    return (
        ", ".join([*currencies, *sorted({one.computed.basis for one in values} - {""})])
        or tile.unit
    )


def _trend(tile: Tile, values: Sequence[ServedValue]) -> Chart:
    reasons = {
        place: reason_text(value.computed.reason)
        for place, value in enumerate(values)
        if value.computed.nano is None
    }
    return line_chart(
        title=tile.name,
        description=f"{tile.label} by window, {len(values)} windows.",
        labels=[date_text(value.starts_on) for value in values],
        series=[Series(tile.label, _numbers(values), reasons=reasons)],
        unit=_unit_of(tile, values),
        text=_text(tile),
    )


def _distribution(tile: Tile, values: Sequence[ServedValue]) -> Chart | None:
    """How the values of the windows spread: how many windows lie between which bounds."""
    known = sorted(number for number in _numbers(values) if number is not None)
    if len(known) < FEWEST_FOR_DISTRIBUTION:
        return None
    bounds = _bounds(Decimal(known[0]), Decimal(known[-1]))
    counts: list[Number | None] = [
        sum(1 for each in known if low <= each < high or each == high == bounds[-1])
        for low, high in pairwise(bounds)
    ]
    text = _text(tile)
    return bar_chart(
        title=tile.name,
        description=f"How {len(known)} windows spread over the values of {tile.label}.",
        labels=[f"{text(low)} to {text(high)}" for low, high in pairwise(bounds)],
        series=[Series("Windows", counts)],
        unit=f"windows, by {_unit_of(tile, values)}",
    )


def _bounds(low: Decimal, high: Decimal) -> list[Decimal]:
    if low == high:
        return [low, low]
    step = (high - low) / MOST_BINS
    return [*(low + step * place for place in range(MOST_BINS)), high]


def _rows(tile: Tile, values: Sequence[ServedValue]) -> list[dict[str, Any]]:
    return [
        {
            "pk": place,
            "window": window_text(value),
            "value": None if value.computed.nano is None else nano_text(value.computed.nano),
            "reason": reason_text(value.computed.reason),
            "unit": value.computed.currency or tile.unit,
            "n": value.computed.n if value.facts else None,
            "status": value.status,
        }
        for place, value in enumerate(reversed(values))
    ]


def told_tiles(tiles: Sequence[Tile]) -> list[tuple[str, str]]:
    """Every tile with its exact values, as an approver reads them: label and text.

    Nothing here looks at a clock: the newest windows are shown whenever they are.
    """
    found = served_values([tile.asked for tile in tiles], since=dt.date.min)
    facts = []
    for place, tile in enumerate(tiles, start=1):
        shown = 1 if tile.kind is TileKind.NUMBER else WINDOWS_SHOWN
        values = found.get(tile.asked, [])[-shown:]
        head = f"{tile.metric} {tile.version}, {tile.standing}, definition {tile.definition_sha256}"
        lines = [_told(each) for each in told_values(values)] or [why_not_served(tile)]
        facts.append((f"Tile {place}: {tile.name}", "; ".join([head, *lines])))
    return facts


def _told(entry: dict[str, Any]) -> str:
    said = f"no value ({entry['reason']})" if entry["value"] is None else entry["value"]
    sums = [f"n {entry['n']}"] if entry["n"] is not None else []
    if entry["facts_sha256"]:
        sums.append(f"facts {entry['facts_sha256'][:12]}")
    unit = entry["currency"] or entry["unit"]
    window = entry["window"]
    about = ", ".join([entry["status"], *sums, f"data version {entry['data_version']}"])
    return f"{window['from']} to {window['to']}: {said} {unit} ({about})"


def facts_text(value: ServedValue) -> str:
    """What a value was made of, as it may be told; empty for a small group."""
    if not value.facts:
        return ""
    try:
        shown = publishable(json.loads(value.facts), value.k)
    except ValueError:
        return ""
    return json.dumps(shown, indent=2, sort_keys=True, ensure_ascii=False)


def export_rows(tiles: Sequence[ShownTile]) -> list[list[Any]]:
    """One row a window of each tile, exact, for a file that somebody takes away."""
    rows: list[list[Any]] = []
    for shown in tiles:
        tile = shown.tile
        for value in shown.values:
            computed = value.computed
            exact = None if computed.nano is None else Decimal(nano_text(computed.nano))
            rows.append(
                [
                    tile.name, tile.metric, tile.version, tile.standing,
                    value.standing.certified_until, tile.scope_name, value.starts_on,
                    value.ends_on, exact, computed.reason or None,
                    computed.currency or tile.unit, computed.basis or None,
                    computed.n if value.facts else None, value.status, value.data_version,
                    value.data_as_of,
                ]
            )  # fmt: skip
        if not shown.values:
            rows.append(
                [tile.name, tile.metric, tile.version, tile.standing, None, tile.scope_name]
                + [None, None, None, why_not_served(tile), tile.unit, None, None, None, None, None]
            )
    return rows


EXPORT_HEADINGS = (
    "Tile", "Metric", "Version", "Standing", "Certified until", "Scope", "From", "Before", "Value",
    "Reason", "Unit", "Basis", "n", "Status", "Data version", "Data as of",
)  # fmt: skip
