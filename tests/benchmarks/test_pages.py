"""How long pages and answers take over a large programme, served as in the demo.

    python3 quickstart.py test --db postgres -m benchmark tests/benchmarks/test_pages.py
    python3 quickstart.py test --db sqlite -m benchmark tests/benchmarks/test_pages.py

500 use cases, a million charges and 100,000 changes; `PLUMBLINE_BENCH_SCALE=0.1` makes it a tenth.
It prints a table and writes `benchmarks/pages-<engine>.json` below the data directory. Times are
never asserted; that the number of queries does not grow with the data is.
"""

from __future__ import annotations

import datetime as dt
import re
import statistics
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from billing.models import DailyCost
from billing.services.rollups import refresh_daily_costs
from portal.models import User
from tests.benchmarks.pages import bulk
from tests.benchmarks.pages.addresses import TAGGED, Page, pages
from tests.benchmarks.pages.filling import fill
from tests.benchmarks.pages.measuring import Browser, measure, transferred
from tests.benchmarks.pages.queries import Query, plan_of, queries_of, seconds_of
from tests.benchmarks.pages.report import CAVEAT, page_result, page_table, write_json
from tests.benchmarks.pages.serving import Server, serving
from tests.benchmarks.pages.sizes import HEAVIEST, Sizes, scale

pytestmark = [pytest.mark.benchmark, pytest.mark.django_db(transaction=True)]

_NAMED_FILES = re.compile(r'<(?:link|script|img)\b[^>]*?\b(?:href|src)="([^"]+)"')
_WORST = 3
MOST_OF_A_PAGE = 100 * 1024  # bytes transferred for the use-case page with all its files


@pytest.fixture
def emptied() -> Iterator[None]:
    """Leave nothing behind: emptying by the test runner's flush would take minutes on SQLite."""
    yield
    bulk.forget_everything()


def counts_of(reader: User, asked: list[Page]) -> dict[str, tuple[list[Query], list[Query]]]:
    """Queries by page: of a process's first answer, and of later ones."""
    return {page.name: queries_of(reader, page.url, **page.headers) for page in asked}


def test_pages(
    emptied: None, engine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    today = dt.datetime.now(dt.UTC).date()
    asked = [page for page in pages(today) if "plain" not in page.name]
    small = fill(Sizes.of_scale(scale() / 10), today=today)
    few = counts_of(small.reader, asked)
    large = fill(Sizes.of_scale(scale()), today=today)
    many = counts_of(large.reader, asked)
    with serving(tmp_path) as server:
        session = session_of(large.reader)
        results, memory = measure_all(server, session, [*pages(today)])
        files = transferred(server.port, session, *files_of(server, session))
    for result in results:
        if result["name"] in many:
            result["first_queries"], result["queries"] = map(len, many[result["name"]])
    document = {
        "engine": engine,
        "rows": large.rows,
        "fill_seconds": large.seconds,
        "pages": results,
        "use_case_page_files": files,
        "use_case_page_bytes": sum(files.values()),
        "worst_queries": worst_queries(many),
        "roll_up_of_a_day_ms": roll_up_milliseconds(),
        "workers_mb": memory,
    }
    path = write_json(f"pages-{engine}.json", document)
    with capsys.disabled():
        print(summary(document, path))  # noqa: T201  (a benchmark prints)
    assert_constant(asked, few, many)


def session_of(reader: User) -> str:
    """The cookie of a signed-in session."""
    client = Client()
    client.force_login(reader)
    return client.cookies["sessionid"].value


def measure_all(
    server: Server, session: str, asked: list[Page]
) -> tuple[list[dict[str, Any]], list[dict[str, float]]]:
    """Every page, and the 304 of the tagged ones; then the memory of the workers."""
    results: list[dict[str, Any]] = []
    browser = Browser(server.port, session)
    plain = 0.0
    for page in asked:
        first = browser.get(page.url, **page.headers)
        assert first.status == page.status, f"{page.url}: {first.status} {first.body[:300]!r}"
        todo = [page]
        if page.name in TAGGED:
            tag = {"If_None_Match": first.headers["ETag"]}
            todo.append(Page(f"{page.name}, 304", page.url, headers=tag, status=304))
        for each in todo:
            timing = measure(
                server.port,
                session,
                each.url,
                rounds=each.rounds if first.milliseconds < 1500 else 8,
                headers=each.headers,
                status=each.status,
            ).summary()
            plain = plain or timing["p95"]
            results.append(page_result(each, timing, plain))
            results[-1]["first_ms"] = round(first.milliseconds, 1)
    browser.close()
    return results, server.memory()


def files_of(server: Server, session: str) -> tuple[str, list[str]]:
    """The use-case page and the files that a browser fetches for it."""
    url = next(page.url for page in pages(dt.date.today()) if page.url.endswith(f"/{HEAVIEST}/"))  # noqa: DTZ011
    browser = Browser(server.port, session)
    answer = browser.get(url, Accept_Encoding="identity")
    browser.close()
    found = _NAMED_FILES.findall(answer.body.decode())
    return url, [address for address in found if "/static/" in address]


def worst_queries(
    found: Mapping[str, tuple[list[Query], list[Query]]],
) -> list[dict[str, Any]]:
    """The slowest queries over all pages, each once, with their plans."""
    where: dict[str, tuple[str, Query]] = {}
    for name, (first, later) in found.items():
        for query in (*later, *first):
            where.setdefault(str((query.sql, query.values)), (name, query))
    timed = sorted(
        (
            (seconds_of(query), name, query)
            for name, query in where.values()
            if query.sql.startswith("SELECT")
        ),
        key=lambda each: -each[0],
    )
    return [
        {
            "milliseconds": round(seconds * 1000, 1),
            "page": name,
            "sql": query.sql,
            "plan": plan_of(query) if place < _WORST else [],
        }
        for place, (seconds, name, query) in enumerate(timed[: _WORST * 4])
    ]


def roll_up_milliseconds() -> float:
    """Median of refreshing the roll-up of one day of one connection, committed."""
    connection_id, day = DailyCost.objects.order_by("-day").values_list(
        "connection", "day"
    ).first() or (0, None)
    assert day is not None
    taken = []
    for _ in range(7):
        started = time.perf_counter()
        with transaction.atomic():
            refresh_daily_costs(connection_id=connection_id, days={day})
        taken.append((time.perf_counter() - started) * 1000)
    return round(statistics.median(taken), 1)


def summary(document: Mapping[str, Any], path: Path) -> str:
    """What is printed."""
    rows = ", ".join(f"{count:,} {name}" for name, count in document["rows"].items())
    seconds = ", ".join(f"{name} {taken:.0f} s" for name, taken in document["fill_seconds"].items())
    total = document["use_case_page_bytes"]
    lines = [
        "",
        f"Pages over a large programme on {document['engine']}",
        f"rows: {rows}",
        f"filled in: {seconds}",
        "milliseconds; x4: four clients at once; sql: queries of an answer, 1st: of a process's "
        "first; bytes as sent",
        "",
        page_table(document["pages"]),
        "",
        CAVEAT,
        f"use-case page with all its files: {total:,} bytes (target {MOST_OF_A_PAGE:,}): "
        + ", ".join(f"{name} {size:,}" for name, size in document["use_case_page_files"].items()),
        f"roll-up of one touched day: {document['roll_up_of_a_day_ms']} ms (reference: 10 to 15)",
        f"memory of the web workers (MB): {document['workers_mb']}",
        "",
        "slowest queries:",
    ]
    for each in document["worst_queries"]:
        lines.append(f"  {each['milliseconds']:>8} ms  {each['page']}: {_short(each['sql'])}")
    for each in document["worst_queries"][:_WORST]:
        lines += ["", f"{each['milliseconds']} ms, {each['page']}"]
        lines += [f"    {step}" for step in each["plan"][:24]]
    return "\n".join([*lines, "", f"written to {path}", ""])


def _short(sql: str) -> str:
    tables = re.findall(r'(?:FROM|JOIN) "(\w+)"', sql)
    words = "COUNT" if "COUNT(" in sql[:40] else "SUM" if "SUM(" in sql else "rows"
    return f"{words} of {', '.join(dict.fromkeys(tables))}"


def assert_constant(
    asked: list[Page],
    few: Mapping[str, tuple[list[Query], list[Query]]],
    many: Mapping[str, tuple[list[Query], list[Query]]],
) -> None:
    """Ten times the data, the same number of queries."""
    grown = {
        page.name: (tuple(map(len, few[page.name])), tuple(map(len, many[page.name])))
        for page in asked
        if page.is_constant and tuple(map(len, few[page.name])) != tuple(map(len, many[page.name]))
    }
    assert not grown, f"queries (first answer, later ones) grew with the data: {grown}"
    assert connection.vendor in ("sqlite", "postgresql")
