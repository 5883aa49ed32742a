"""A year of bills: charges in slices, allocations, restatements, and the product's own roll-up."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from django.db import transaction

from adoption.models import UseCase
from billing.choices import ChargeCategory, CostBasis, MatchField, UnallocatedReason
from billing.models import (
    Allocation,
    AllocationRule,
    AllocationShare,
    Charge,
    ChargeDimension,
    ChargeSlice,
    Restatement,
)
from billing.services.rollups import refresh_daily_costs
from portal.choices import ImportKind, RejectedRowState, RunPhase, RunStatus, RunTrigger
from portal.models import Connection, ImportFile, ImportRun, RejectedRow, User
from tests.benchmarks.pages import bulk
from tests.benchmarks.pages.sizes import DAYS, Calendar, Sizes

_SLOTS = 20_011  # a prime, so that every step size visits all of them
_PER_USE_CASE = 8  # attribute sets of a use case
_RESTATED_EVERY = 50  # one slice in so many was revised
_ACCOUNTS = 2  # billing accounts of a connection
_PROVIDERS = (
    ("Anthropic", ("Claude API", "Claude Code", "Claude Team")),
    ("AWS", ("Amazon Bedrock", "Amazon SageMaker", "Amazon S3", "AWS Lambda", "Amazon EC2")),
    ("Microsoft", ("Azure OpenAI", "GitHub Copilot", "Azure Storage", "Azure Functions")),
)
# Shares of a rule that splits, in tenths; what is left stays unallocated.
_FIRST_TENTHS, _SECOND_TENTHS = 6, 3


@dataclass(frozen=True, slots=True)
class _Dimension:
    """One set of attributes of charges, and who bears them (None: nobody)."""

    connection: int
    account: int
    use_case: int | None
    weight: float
    base_nano: int


def fill_costs(sizes: Sizes, calendar: Calendar, reader: User) -> None:
    """Everything about money, committed step by step."""
    connections = _connections(calendar)
    runs, files = _runs(connections, calendar)
    use_cases = list(UseCase.objects.order_by("pk"))
    dimensions = list(_plan(len(use_cases)))
    stored = _store_dimensions(dimensions, use_cases)
    _store_slices(connections, runs, files, calendar)
    _stage_slots(dimensions, stored)
    _insert_charges(sizes)
    rules = _rules(use_cases, calendar, reader)
    _insert_allocations(dimensions, stored, use_cases, rules)
    _sum_slices()
    _restate(connections, calendar)
    days = {calendar.day(number) for number in range(DAYS)}
    for connection in connections:
        with transaction.atomic():
            refresh_daily_costs(connection_id=connection.pk, days=days)
    _reject_rows(sizes, runs)


def _connections(calendar: Calendar) -> list[Connection]:
    return Connection.objects.bulk_create(
        Connection(
            slug=f"bill-{provider.lower()}",
            name=f"Bill of {provider}",
            source="focus",
            kind=ImportKind.COSTS,
            created_at=calendar.moment(0),
        )
        for provider, _ in _PROVIDERS
    )


def _runs(
    connections: list[Connection], calendar: Calendar
) -> tuple[list[list[ImportRun]], list[list[ImportFile]]]:
    """One applied run a connection and day, with its file."""
    runs, files = [], []
    for connection in connections:
        made = ImportRun.objects.bulk_create(
            (applied_run(connection, calendar.moment(day + 1)) for day in range(DAYS)),
            batch_size=500,
        )
        runs.append(made)
        files.append(
            ImportFile.objects.bulk_create(
                (
                    ImportFile(
                        run=run, index=0, name=f"bill-{run.pk}.csv", sha256="0" * 64, size=400_000
                    )
                    for run in made
                ),
                batch_size=500,
            )
        )
    return runs, files


def applied_run(connection: Connection, at: dt.datetime) -> ImportRun:
    """A run that was applied at once."""
    return ImportRun(
        connection=connection,
        status=RunStatus.APPLIED,
        trigger=RunTrigger.SCHEDULE,
        requested_at=at,
        started_at=at,
        heartbeat_at=at,
        finished_at=at + dt.timedelta(seconds=20),
        attempt=1,
        phase=RunPhase.DONE,
        read=1000,
        inserted=1000,
        totals_in={"USD": {"billed": "20.52", "effective": "14.97"}},
        totals_stored={"USD": {"billed": "20.52", "effective": "14.97"}},
    )


def _plan(use_cases: int) -> Iterator[_Dimension]:
    """Attribute sets: the first use case has most, then it falls; a tenth belongs to nobody."""
    weights = [1 / (number + 3) ** 0.8 for number in range(use_cases)]
    for number, weight in enumerate(weights):
        for place in range(_PER_USE_CASE):
            yield _Dimension(
                connection=(number + place) % len(_PROVIDERS),
                account=(number + place) % _ACCOUNTS,
                use_case=number,
                weight=weight / _PER_USE_CASE,
                base_nano=1_000_003 * (1 + (number * 31 + place * 977) % 4000),
            )
    nobody = max(10, use_cases * 4 // 5)
    for number in range(nobody):
        yield _Dimension(
            number % len(_PROVIDERS), number % _ACCOUNTS, None,
            sum(weights) / 9 / nobody, 700_001 * (1 + number % 3000),
        )  # fmt: skip


def _service(dimension: _Dimension, number: int) -> tuple[str, str]:
    provider, services = _PROVIDERS[dimension.connection]
    return provider, services[number % len(services)]


def _account(dimension: _Dimension) -> str:
    return f"account-{dimension.connection}-{dimension.account}"


def _store_dimensions(
    dimensions: list[_Dimension], use_cases: list[UseCase]
) -> list[ChargeDimension]:
    def stored(number: int, each: _Dimension) -> ChargeDimension:
        provider, service = _service(each, number)
        slug = "" if each.use_case is None else use_cases[each.use_case].slug
        return ChargeDimension(
            digest=uuid.UUID(int=number),
            billing_account_id=_account(each),
            billing_account_name=f"Account {each.connection}.{each.account}",
            sub_account_id=f"sub-{number % 300}",
            sub_account_name=f"Sub-account {number % 300}",
            provider=provider,
            publisher=provider,
            invoice_issuer=provider,
            invoice_id="" if number % 3 == 0 else f"invoice-{number % 12}",
            service_category="AI and Machine Learning",
            service_name=service,
            sku_id=f"sku-{number % 200}",
            resource_id=f"resource-{number}",
            resource_name=f"Resource {number}",
            region_id=("eu-central-1", "us-east-1")[number % 2],
            charge_category=ChargeCategory.TAX if number % 40 == 39 else ChargeCategory.USAGE,
            charge_description=f"Use of {service}, tier {number % 7}",
            pricing_unit="1M tokens",
            consumed_unit="tokens",
            tags=f'{{"use_case":"{slug}"}}' if slug else "{}",
        )

    return ChargeDimension.objects.bulk_create(
        (stored(number, each) for number, each in enumerate(dimensions)), batch_size=1000
    )


def _store_slices(
    connections: list[Connection],
    runs: list[list[ImportRun]],
    files: list[list[ImportFile]],
    calendar: Calendar,
) -> None:
    """A slice for each connection, account and day; sums follow when the charges are there."""
    slices, places = [], []
    for day in range(DAYS):
        for number, connection in enumerate(connections):
            for account in range(_ACCOUNTS):
                slices.append(
                    ChargeSlice(
                        connection=connection,
                        billing_account_id=f"account-{number}-{account}",
                        billing_period_start=calendar.day(day).replace(day=1),
                        day=calendar.day(day),
                        currency="USD",
                        rows=0,
                        digest=0,
                        billed_nano=0,
                        effective_nano=0,
                        last_run=runs[number][day],
                        changed_at=calendar.moment(day + 1),
                    )
                )
                places.append((number * _ACCOUNTS + account, day, number))
    stored = ChargeSlice.objects.bulk_create(slices, batch_size=500)
    bulk.lookup_table(
        "bench_slice",
        {
            "place": "integer", "day_number": "integer", "slice_id": "bigint", "run_id": "bigint",
            "file_id": "bigint", "day": "date", "starts_at": "datetime", "ends_at": "datetime",
            "recorded_at": "datetime",
        },
        ["place", "day_number"],
        (
            (
                place, day, each.pk, runs[number][day].pk, files[number][day].pk, each.day,
                calendar.moment(day, 0), calendar.moment(day + 1, 0), calendar.moment(day + 1),
            )
            for (place, day, number), each in zip(places, stored, strict=True)
        ),
    )  # fmt: skip


def _stage_slots(dimensions: list[_Dimension], stored: list[ChargeDimension]) -> None:
    """As many slots for each set of attributes as it weighs; a charge takes one of them."""
    total = sum(each.weight for each in dimensions)
    rows: list[tuple[int, int, int, int, int]] = []
    used = 0.0
    for each, row in zip(dimensions, stored, strict=True):
        used += each.weight
        place = each.connection * _ACCOUNTS + each.account
        knows_effective = 0 if row.pk % 50 == 0 else 1
        for slot in range(len(rows), round(used / total * _SLOTS)):
            rows.append((slot, row.pk, place, each.base_nano, knows_effective))
    bulk.lookup_table(
        "bench_slot",
        {"slot": "integer", "dimension_id": "bigint", "place": "integer", "base": "bigint",
         "knows_effective": "integer"},
        ["slot"],
        rows,
    )  # fmt: skip


def _insert_charges(sizes: Sizes) -> None:
    """Live charges, day by day, as daily imports would have left them."""
    a_day = sizes.charges // DAYS + 1
    bulk.number_table("bench_number", sizes.charges)
    billed = "p.base / 100 * (50 + (n.n * 37) % 101)"
    effective = f"CASE WHEN p.knows_effective = 1 THEN {billed} / 10 * 8 END"
    with transaction.atomic():
        bulk.insert_select(
            Charge,
            {
                "slice_id": "s.slice_id", "dimension_id": "p.dimension_id", "run_id": "s.run_id",
                "file_id": "s.file_id", "line": f"n.n % {a_day} + 2",
                "identity": bulk.uuid_of("n.n"), "content": bulk.uuid_of("n.n + 1000000007"),
                "day": "s.day", "charge_period_start": "s.starts_at",
                "charge_period_end": "s.ends_at", "currency": "'USD'",
                "cost_basis": f"'{CostBasis.INVOICED.value}'", "billed_nano": billed,
                "effective_nano": effective, "list_nano": f"{billed} / 10 * 11",
                "recorded_at": "s.recorded_at",
            },
            f"bench_number n "
            f"JOIN bench_slot p ON p.slot = (n.n * 7919) % {_SLOTS} "
            f"JOIN bench_slice s ON s.place = p.place "
            f"AND s.day_number = n.n * {DAYS} / {sizes.charges} ORDER BY n.n",
        )  # fmt: skip
        # What a restated slice said before: one line in five was cheaper.
        columns = [str(field.column) for field in Charge._meta.local_concrete_fields[1:]]
        changed = {
            "billed_nano": "c.billed_nano / 10 * 9",
            "content": bulk.uuid_of("c.id + 2000000011"),
            "superseded_at": "c.recorded_at",
        }
        bulk.execute(
            f"INSERT INTO billing_charge ({', '.join(columns)}) "  # noqa: S608  (names of our own)
            f"SELECT {', '.join(changed.get(name, f'c.{name}') for name in columns)} "
            f"FROM billing_charge c WHERE c.slice_id % {_RESTATED_EVERY} = 0 AND c.line % 5 = 0"
        )
    if bulk.is_postgres():
        bulk.execute("ANALYZE billing_charge")


def _rules(use_cases: list[UseCase], calendar: Calendar, reader: User) -> list[AllocationRule]:
    """A rule for each use case by its tag; every tenth shares with the next one."""
    rules = AllocationRule.objects.bulk_create(
        AllocationRule(
            key=f"tag-{use_case.slug}",
            name=f"Tag of {use_case.title}"[:160],
            starts_on=calendar.start,
            field=MatchField.TAG,
            tag_key="use_case",
            value=use_case.slug,
            created_by=reader,
            created_at=calendar.moment(0),
        )
        for use_case in use_cases
    )
    shares = []
    for number, (rule, use_case) in enumerate(zip(rules, use_cases, strict=True)):
        if not is_split(number):
            shares.append(AllocationShare(rule=rule, use_case=use_case, share=1_000_000))
            continue
        other = use_cases[(number + 1) % len(use_cases)]
        for bearer, tenths in ((use_case, _FIRST_TENTHS), (other, _SECOND_TENTHS)):
            shares.append(AllocationShare(rule=rule, use_case=bearer, share=tenths * 100_000))
    AllocationShare.objects.bulk_create(shares)
    return rules


def is_split(number: int) -> bool:
    """Whether the rule of this use case splits."""
    return number % 10 == 5


def _insert_allocations(
    dimensions: list[_Dimension],
    stored: list[ChargeDimension],
    use_cases: list[UseCase],
    rules: list[AllocationRule],
) -> None:
    """The parts of every charge; the last part of a split is what the others leave."""
    rows: list[tuple[int, int, int | None, int | None, int, str]] = []
    for each, row in zip(dimensions, stored, strict=True):
        number = each.use_case
        if number is None:
            rows.append((row.pk, 0, None, None, 10, UnallocatedReason.NO_RULE.value))
        elif is_split(number):
            other = use_cases[(number + 1) % len(use_cases)].pk
            rule = rules[number].pk
            rows.append((row.pk, 0, rule, use_cases[number].pk, _FIRST_TENTHS, ""))
            rows.append((row.pk, 1, rule, other, _SECOND_TENTHS, ""))
            rows.append((row.pk, 2, rule, None, 0, UnallocatedReason.REMAINDER.value))
        else:
            rows.append((row.pk, 0, rules[number].pk, use_cases[number].pk, 10, ""))
    bulk.lookup_table(
        "bench_bearer",
        {"dimension_id": "bigint", "part": "integer", "rule_id": "bigint",
         "use_case_id": "bigint", "tenths": "integer", "reason": "text"},
        ["dimension_id", "part"],
        rows,
    )  # fmt: skip

    def part(column: str) -> str:
        first, second = f"{column} * {_FIRST_TENTHS} / 10", f"{column} * {_SECOND_TENTHS} / 10"
        return (
            f"CASE b.tenths WHEN 10 THEN {column} WHEN {_FIRST_TENTHS} THEN {first} "
            f"WHEN {_SECOND_TENTHS} THEN {second} ELSE {column} - {first} - {second} END"
        )

    with transaction.atomic():
        bulk.insert_select(
            Allocation,
            {
                "charge_id": "c.id", "rule_id": "b.rule_id", "use_case_id": "b.use_case_id",
                "day": "c.day", "billed_nano": part("c.billed_nano"),
                "effective_nano": part("c.effective_nano"), "unallocated_reason": "b.reason",
            },
            "billing_charge c JOIN bench_bearer b ON b.dimension_id = c.dimension_id "
            "ORDER BY c.id, b.part",
        )  # fmt: skip
    if bulk.is_postgres():
        bulk.execute("ANALYZE billing_allocation")


def _sum_slices() -> None:
    bulk.execute(
        "UPDATE billing_chargeslice SET (rows, billed_nano, effective_nano) = ("
        "SELECT COUNT(*), CAST(COALESCE(SUM(c.billed_nano), 0) AS bigint), "
        "CAST(COALESCE(SUM(c.effective_nano), 0) AS bigint) FROM billing_charge c "
        "WHERE c.slice_id = billing_chargeslice.id AND c.superseded_at IS NULL)"
    )


def _restate(connections: list[Connection], calendar: Calendar) -> None:
    """One restatement for each revised slice, and a newer run that brought it."""
    revised = [each for each in ChargeSlice.objects.order_by("pk") if not each.pk % _RESTATED_EVERY]
    run = ImportRun.objects.create(
        connection=connections[0], status=RunStatus.APPLIED, trigger=RunTrigger.SCHEDULE,
        requested_at=calendar.moment(364), attempt=1, finished_at=calendar.moment(364, 7),
    )  # fmt: skip
    Restatement.objects.bulk_create(
        Restatement(
            slice=each,
            run=run,
            day=each.day,
            currency=each.currency,
            old_billed_nano=each.billed_nano // 50 * 49,
            new_billed_nano=each.billed_nano,
            old_effective_nano=each.effective_nano,
            new_effective_nano=each.effective_nano,
            rows_inserted=0,
            rows_updated=each.rows // 5,
            rows_superseded=0,
            reason="The source sent other amounts.",
            restated_at=calendar.moment(364, 7),
        )
        for each in revised
    )


def _reject_rows(sizes: Sizes, runs: list[list[ImportRun]]) -> None:
    RejectedRow.objects.bulk_create(
        (
            RejectedRow(
                connection_id=runs[0][0].connection_id,
                run=runs[0][number % DAYS],
                file_index=0,
                file_name="bill.csv",
                line=number,
                field="BilledCost",
                value="n/a",
                code="not_a_number",
                expected="a decimal number",
                raw_text=f"{number},n/a",
                raw_sha256=f"{number:064x}",
                state=RejectedRowState.WAITING if number % 4 == 0 else RejectedRowState.DISMISSED,
            )
            for number in range(sizes.use_cases * 10)
        ),
        batch_size=1000,
    )
