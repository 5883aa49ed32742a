"""A day that no provider can mean is named with its place; it is no fault of the portal."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from portal.choices import ImportKind
from portal.imports.contracts import ImportRefusedError, LandedFile, ReadOptions
from portal.imports.registry import import_sources
from tests.billing.sources.aws.exports import cur, export_objects
from tests.billing.sources.focus.focus_files import row_bytes
from tests.billing.sources.kiro import kiro_files
from tests.billing.sources.reading import land

DAYS = ("9999-12-31", "2100-01-01", "1999-12-31", "0001-01-01")
SECONDS = (
    253_402_300_799,
    4_102_444_800,
    946_684_799,
    1,
)  # at the end of those days, or their start
MOMENTS = tuple(f"{day}T00:00:00Z" for day in DAYS)
EDGES = (*MOMENTS, "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00")
Bodies = dict[str, bytes]  # by name of the file


def answer(body: Any, name: str = "answer.json") -> Bodies:
    return {name: json.dumps(body).encode()}


def table(header: str, row: str, name: str = "table.csv") -> Bodies:
    return {name: f"{header}\n{row}\n".encode()}


def bucket(start: Any, end: Any, row: dict[str, Any], *names: str) -> Bodies:
    times = {names[0]: start, names[1]: end}
    return answer({"data": [{"object": "bucket", **times, "results": [row]}], "has_more": False})


def anthropic(at: str) -> Bodies:
    row = {"currency": "USD", "amount": "1", "workspace_id": "w", "cost_type": "tokens"}
    return bucket(at, "2026-09-02T00:00:00Z", row, "starting_at", "ending_at")


def openai(at: int) -> Bodies:
    row = {"object": "organization.costs.result", "amount": {"value": 1, "currency": "usd"}}
    return bucket(at, 1_788_307_200, row, "start_time", "end_time")


def copilot_bill(day: str) -> Bodies:
    year, month, number = map(int, day.split("-"))
    period = {"year": year, "month": month, "day": number}
    return answer({"timePeriod": period, "usageItems": []})


def cursor(milliseconds: int) -> Bodies:
    event = {"timestamp": str(milliseconds), "chargedCents": 1, "kind": "Usage-based"}
    return answer({"usageEvents": [event]})


def otel(seconds: int) -> Bodies:
    point = {"asDouble": 1, "timeUnixNano": f"{seconds}000000000"}
    total = {"aggregationTemporality": 1, "dataPoints": [point]}
    metric = {"name": "claude_code.cost.usage", "sum": total}
    return answer({"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]})


def openclaw(at: Any) -> Bodies:
    usage = {"input": 1, "cost": {"total": 1}}
    said = {"role": "assistant", "model": "m", "provider": "p", "usage": usage}
    lines = (
        {"type": "session", "id": "aaaaaaaa-1"},
        {"type": "message", "id": "q", "timestamp": at, "message": said},
    )
    return {"session.jsonl": "\n".join(map(json.dumps, lines)).encode()}


def seats(column: str) -> Callable[[str], Bodies]:
    plain = {
        "subscription": "S", "provider": "P", "service": "V", "plan": "T", "seats": "1",
        "period_start": "2026-09-01", "period_end": "2026-10-01", "invoice_date": "2026-09-01",
        "currency": "USD", "price_per_seat": "3",
    }  # fmt: skip
    return lambda day: table(",".join(plain), ",".join((plain | {column: day}).values()))


def invoices(month: str, issued_on: str = "") -> Bodies:
    header = "issuer,number,month,currency,total,issued_on"
    return table(header, f"N,1,{month},USD,1,{issued_on}")


def aws(column: str) -> Callable[[str], Bodies]:
    def objects(at: str) -> Bodies:
        whole = export_objects([cur() | {column: at}])
        return {key.rsplit("/", 1)[1]: content for key, content in whole.items()}

    return objects


def call(at: Any) -> Bodies:
    return answer([{"request_id": "r", "spend": 1, "startTime": at, "model": "m"}])


CASES: tuple[tuple[str, str, Callable[[Any], Bodies], Iterable[Any]], ...] = (
    ("anthropic", "starting_at", anthropic, EDGES),
    ("openai", "start_time", openai, SECONDS),
    ("github_copilot", "timePeriod", copilot_bill, DAYS),
    ("github_copilot", "day", lambda day: answer({"day": day, "ai_credits_used": 1}), DAYS),
    ("cursor", "timestamp", cursor, [*(each * 1000 for each in SECONDS), 1_788_220_800]),
    ("litellm", "startTime", call, (*EDGES, *SECONDS)),
    (
        "openrouter",
        "date",
        lambda day: answer({"data": [{"date": day, "usage": 1, "model": "m"}]}),
        (*DAYS, *(f"{day} 00:00:00" for day in DAYS)),
    ),
    ("kiro", "Date", lambda day: kiro_files.report(kiro_files.row(day=day)), DAYS),
    ("openclaw", "timestamp", openclaw, (*EDGES, *(each * 1000 for each in SECONDS[:3]))),
    ("otel", "timeUnixNano", otel, SECONDS),
    *(
        ("seats", name, seats(name), DAYS)
        for name in ("period_start", "period_end", "invoice_date")
    ),
    ("invoices", "month", lambda day: invoices(day[:7]), DAYS),
    ("invoices", "issued_on", lambda day: invoices("2026-05", day), DAYS),
    *(
        ("focus", name, lambda at, name=name: {"a.csv": row_bytes(**{name: at})}, EDGES)
        for name in ("ChargePeriodStart", "ChargePeriodEnd", "BillingPeriodStart")
    ),
    *(
        ("aws", name, aws(name), EDGES)
        for name in ("line_item_usage_start_date", "bill_billing_period_start_date")
    ),
)
CONFIG = {"cursor": {"cycle_start": "2026-08-17T08:30:00Z"}}


CODES = {"bad_datetime", "bad_date", "bad_day", "month_out_of_range", "no_period"}


@pytest.mark.parametrize(
    ("source", "field", "bodies_of", "values"), CASES, ids=[f"{one[0]}-{one[1]}" for one in CASES]
)
def test_a_day_outside_the_years_2000_to_2099_is_named_with_its_place(
    tmp_path: Path, source: str, field: str, bodies_of: Callable[[Any], Bodies], values: Any
) -> None:
    for value in values:
        bodies = bodies_of(value)
        (problem,), lines = read(source, land(tmp_path, *bodies.values(), names=list(bodies)))
        if isinstance(problem, ImportRefusedError):
            assert (problem.column, problem.file in bodies) == (field, True)
        else:
            assert (problem.field, problem.file_index < len(bodies)) == (field, True)
        assert problem.code in CODES
        assert "2000" in problem.expected
        assert problem.line
        assert problem.line not in lines


def read(source: str, files: list[LandedFile]) -> tuple[list[Any], set[int]]:
    """What is wrong, and the lines that are taken all the same."""
    options = ReadOptions(config=CONFIG.get(source, {}), context={"last_month": "2026-10-01"})
    wrong: list[Any] = []
    lines: set[int] = set()
    try:
        for batch in import_sources.get(source).source.read(files, options):
            wrong += batch.rejections
            lines |= {getattr(each, "line", 0) for each in batch.records}
    except ImportRefusedError as refused:
        wrong.append(refused)
    return wrong, lines


def test_every_source_of_costs_is_among_them() -> None:
    costs = {each.key for each in import_sources if each.kind is ImportKind.COSTS}
    assert {case[0] for case in CASES} == costs - {"exchange_rates"}  # rates may be older
