"""The Kiro source: reports of user activity of Kiro and Amazon Q Developer.

Rows are of people; what leaves here is not: quantities are summed over everybody, and cost lines
over everybody of one tier and profile.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from billing.sources.kiro.reports import (
    Report,
    check_parts,
    day_of,
    newest_only,
    person_of,
    report_of,
)
from billing.sources.lines import (
    BadValueError,
    CostLine,
    all_of,
    charge_record,
    exact,
)
from billing.sources.price_plans import PlanPrice, PriceList
from billing.sources.records import ChargeRecord, UsageRecord
from billing.sources.sheets import SheetRow, count_rejections, read_sheet
from billing.sources.usage_rows import UsageRow, usage_record
from portal.imports.contracts import (
    NOTHING_THERE,
    Batch,
    LandedFile,
    Note,
    ReadOptions,
    Rejection,
)
from portal.shell.money import EXACT, decimal_text

PROVIDER = "Amazon Web Services"
SERVICE = "Kiro"
LEGACY_SERVICE = "Amazon Q Developer"
_DAY = timedelta(days=1)
_LEGACY = "legacy"
_MOST = Decimal(10**9)
_FINEST = Decimal("0.000001")
_METRICS = (
    ("Credits_Used", "credits", "credits"),
    ("Overage_Credits_Used", "credits.overage", "credits"),
    ("Total_Messages", "messages", "messages"),
    ("Chat_Conversations", "conversations", "conversations"),
)

UsageKey = tuple[str, str, datetime, str, str, str]  # account, client, day, metric, unit, model
OverageKey = tuple[str, str, datetime, str, str]  # account, client, day, tier, profile


@dataclass
class _Sums:
    """Quantities and credits beyond the plan, each with the first place that adds to it."""

    usage: dict[UsageKey, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    overage: dict[OverageKey, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    places: dict[UsageKey | OverageKey, tuple[int, int]] = field(default_factory=dict)

    def add(self, key: UsageKey, quantity: Decimal, row: SheetRow) -> None:
        self.usage[key] = EXACT.add(self.usage[key], quantity)
        self.places.setdefault(key, (row.file.index, row.line))

    def add_overage(self, key: OverageKey, credits: Decimal, row: SheetRow) -> None:
        self.overage[key] = EXACT.add(self.overage[key], credits)
        self.places.setdefault(key, (row.file.index, row.line))


class KiroSource:
    """Reads both generations of the report; `docs/sources/kiro.md` says what is taken."""

    key = "kiro"
    parser_version = "2"

    def read(self, files: Iterable[LandedFile], options: ReadOptions) -> Iterator[Batch]:
        """Yield the sums of all files.

        Raises:
            ImportRefusedError: a file is no report, a part is missing, or rows contradict.
        """
        landed = list(files)
        check_parts(landed)
        account = str(options.config.get("account") or "")
        reports = [report_of(read_sheet(file, options), account) for file in landed]
        rejections: list[Rejection] = []
        sums = _Sums()
        for row, report, day in _newest_rows(reports, rejections):
            try:
                _add(sums, report, row, day)
            except BadValueError as error:
                rejections.append(row.reject(error))
                count_rejections(len(rejections), row)
        notes = [
            Note("unknown_column", f"{report.sheet.file.name}: the column {name} is not read")
            for report in reports
            for name in report.unknown
        ]
        if not any(report.sheet.rows for report in reports):
            notes.append(Note(NOTHING_THERE, "The reports have no rows: nobody used it then."))
        yield Batch(rejections=tuple(rejections), notes=tuple(notes))
        yield Batch(records=all_of(_usage(sums)))
        yield _charges(sums, options)


def _newest_rows(
    reports: list[Report], rejections: list[Rejection]
) -> Iterator[tuple[SheetRow, Report, datetime]]:
    """The rows that count, each with its report and day."""
    taken = []
    about: dict[int, tuple[Report, datetime]] = {}
    for report in reports:
        for row in report.sheet.rows:
            try:
                day, person = day_of(row), person_of(row)
            except BadValueError as error:
                rejections.append(row.reject(error))
                count_rejections(len(rejections), row)
                continue
            place = report.account, report.region, _client(report, row)
            key = (*place, day.isoformat(), person)
            taken.append((key, report.written, row))
            about[id(row)] = report, day
    for row in newest_only(taken):
        yield row, *about[id(row)]


def _client(report: Report, row: SheetRow) -> str:
    return row.cells["Client_Type"] if report.is_per_client else _LEGACY


def _add(sums: _Sums, report: Report, row: SheetRow, day: datetime) -> None:
    """Add one row; all of its numbers are read before any is added."""
    place = report.account, _client(report, row), day
    found = [
        ((*place, metric, unit, model), quantity)
        for column, metric, unit, model in _columns(report)
        if (quantity := _number(row, column)) is not None
    ]
    for key, quantity in found:
        sums.add(key, quantity, row)
    if report.is_per_client and (overage := _number(row, "Overage_Credits_Used")):
        tier, profile = (row.cells.get(name, "") for name in ("Subscription_Tier", "ProfileId"))
        sums.add_overage((*place, tier, profile), overage, row)


def _columns(report: Report) -> Iterator[tuple[str, str, str, str]]:
    """Column, metric, unit and model of each quantity of a report."""
    if not report.is_per_client:
        for column in report.numbers:
            yield column, f"activity.{column}"[:64], "events", ""
        return
    for column, metric, unit in _METRICS:
        yield column, metric, unit, ""
    for column, model in report.models:
        yield column, "messages.by_model", "messages", model


def _number(row: SheetRow, column: str) -> Decimal | None:
    text = row.cells.get(column, "")
    if not text:
        return None
    is_money = column == "Overage_Credits_Used"
    number = exact(text, column, fatal=is_money)
    if not 0 <= number <= _MOST or EXACT.quantize(number, _FINEST) != number:
        expected = f"from 0 to {_MOST}, with at most six decimal places"
        raise BadValueError(column, text, "bad_quantity", expected, fatal=is_money)
    return number


def _usage(sums: _Sums) -> Iterator[ChargeRecord | UsageRecord]:
    for key, quantity in sorted(sums.usage.items()):
        account, client, day, metric, unit, model = key
        yield usage_record(
            UsageRow(
                file_index=sums.places[key][0],
                line=sums.places[key][1],
                dataset=f"kiro.{'by_user_analytic' if client == _LEGACY else client}"[:64],
                period=(day, day + _DAY),
                billing_account_id=account,
                provider=PROVIDER,
                service_name=LEGACY_SERVICE if client == _LEGACY else SERVICE,
                model=model,
            ),
            metric,
            unit,
            quantity,
        )


def _charges(sums: _Sums, options: ReadOptions) -> Batch:
    """Credits beyond the plan times the price of one. What has no price is said, never 0."""
    lines, notes = _overage_lines(sums, options)
    return Batch(records=all_of(map(charge_record, lines)), notes=tuple(notes))


def _overage_lines(sums: _Sums, options: ReadOptions) -> tuple[list[CostLine], list[Note]]:
    prices = PriceList.of(options.context)
    provider = str(options.config.get("plan_provider") or "Kiro")
    fixed = str(options.config.get("plan_key") or "")
    lines: list[CostLine] = []
    notes: list[Note] = []
    for key, credits in sorted(sums.overage.items()):
        _, _, day, tier, _ = key
        plan = prices.find(provider, fixed or tier, day.date())
        if plan is None or plan.overage is None:
            notes.append(
                Note(
                    "no_price",
                    f"{day.date()}: {decimal_text(credits)} credits beyond the plan {fixed or tier}"
                    f" have no cost, because no price plan of {provider} prices them",
                )
            )
            continue
        lines.append(_overage_line(key, credits, plan, sums.places[key]))
    return lines, notes


def _overage_line(
    key: OverageKey, credits: Decimal, plan: PlanPrice, place: tuple[int, int]
) -> CostLine:
    account, client, day, _, profile = key
    price = plan.overage or Decimal(0)  # the caller has seen that there is one
    cost = EXACT.multiply(credits, price)
    return CostLine(
        file_index=place[0],
        line=place[1],
        currency=plan.currency,
        billed=cost,
        effective=cost,
        period=(day, day + _DAY),
        # The report of a client is replaced by itself; see docs/sources/kiro.md.
        billing_account_id=f"{account}/{client}",
        sub_account_id=profile,
        provider=PROVIDER,
        service_name=SERVICE,
        sku_id=plan.key,
        description="Credits beyond the plan",
        pricing_unit="Credits",
        pricing_currency=plan.currency,
        pricing_quantity=credits,
        consumed_unit="Credits",
        consumed_quantity=credits,
        measures={"overage_price": decimal_text(price)},
    )
