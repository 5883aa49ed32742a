"""Whatever is asked of everything that answers with figures: none comes alone, mixed or unapproved.

One house with a board and a snapshot; of its three metrics one was suspended since, so no number of
it may be answered any more (but within the signed file and the requests for approval, which say
what was before). Requests are right, half right and nonsense, by every role and by programs.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from adoption.services.metric_standings import suspend_standing
from tests.adoption.reading.house import METRICS, MOMENTS, House, random_house
from tests.adoption.reading.questions import Asker, askers_of
from tests.plugins.proofs import Figures

pytestmark = pytest.mark.django_db
SUSPENDED = METRICS[1][0]
SERVED = tuple(key for key, _, _ in METRICS if key != SUSPENDED)
# What must stand beside a number or around it, in one of these words each.
MUST_SAY = (
    ("metric",), ("version",), ("unit",), ("currency",), ("basis",), ("window", "known_from"),
    ("data_version",), ("data_status", "status"), ("standing", "status"),
    ("definition_sha256",), ("n",),
)  # fmt: skip
_DATES = (
    "2026-01-01",
    "2026-02-01",
    "2026-04-01",
    "2026-02-30",
    "0001-01-01",
    "9999-12-31",
    "x",
    "",
)
_WORDS: Mapping[str, tuple[str, ...]] = {
    "from": _DATES,
    "to": _DATES,
    "as_of": ("2026-11-21T13:00:00Z", "2026-11-22", "0001-01-01T00:00:00+14:00", "now", "",
              "9999-12-31T23:59:59-12:00"),
    "version": ("1.0.0", "2.0.0", "", "' OR 1=1"),
    "compare": ("previous", "best"),
    "format": ("json", "csv", "parquet", "xml"),
    "limit": ("1", "-1"), "cursor": ("x",), "figure": ("cost:1", "charge:0", "x"),
    "view": ("all", "mine"),
}  # fmt: skip
_ACCEPT = ("*/*", "application/json", "application/json", "text/csv", "text/html", "nonsense")
STATUSES = (200, 202, 304, 400, 401, 403, 404, 405, 406, 409, 428)


@pytest.fixture(autouse=True)
def _heads(tmp_path: Path, settings: Any) -> None:
    settings.AUDIT_HEADS_DIR = tmp_path


def _paths(house: House, source: random.Random) -> str:
    key, ref = source.choice(house.scope_refs)
    pk = source.choice([*(row.pk for row in house.rows), 0, 2**63, 10**30])
    slug = house.board.slug if house.board else "none"
    return source.choice(
        (
            f"metrics/{key}/values/", f"metrics/{key}/values/", f"metrics/{key}/values/",
            f"explain/{pk}/", f"explain/{pk}/", f"dashboards/{slug}/", "metrics/", "snapshots/",
            f"metrics/{key}/", f"services/{source.choice(('1', 'a/b', '%00'))}/dora/",
            "sandbox/metrics/sandbox_money/values/", f"use-cases/{ref.partition(':')[2]}/costs/",
            "costs/daily/", "costs/explain/", "targets/", "use-cases/",
        )
    )  # fmt: skip


def _query(house: House, source: random.Random) -> dict[str, str]:
    names = source.sample(sorted(_WORDS), source.choice((0, 0, 1, 2)))
    query = {name: source.choice(_WORDS[name]) for name in names}
    if source.random() < 0.4:
        query["scope"] = source.choice([ref for _, ref in house.scope_refs] + ["x", "team:", "\0"])
    return query


def _message(house: House, source: random.Random) -> dict[str, Any]:
    key, ref = source.choice(house.scope_refs)
    arguments: Any = source.choice(
        ({"key": key}, {"key": key, "scope": ref}, {"value_id": source.choice(house.rows).pk},
         {"value_id": 10**30}, {"key": "\0"}, {}, [], {"key": key, "from": "x"})
    )  # fmt: skip
    name = source.choice(("get_metric_values", "explain_value", "list_metrics", "x", None))
    method = source.choice(("tools/call", "tools/call", "tools/call", "tools/list", "x"))
    params = {"name": name, "arguments": arguments}
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


def _send(house: House, asker: Asker, source: random.Random) -> tuple[str, Any]:
    headers = dict(asker.headers)
    if source.random() < 0.15:
        body = _message(house, source)
        answer = asker.client.post(
            "/api/v1/mcp/", json.dumps(body), content_type="application/json", headers=headers
        )
        return f"mcp {body}", answer
    path, query = _paths(house, source), _query(house, source)
    headers["Accept"] = source.choice(_ACCEPT)
    return f"{path} {query}", asker.client.get(f"/api/v1/{path}", query, headers=headers)


def _numbers(found: Any, around: tuple[Mapping[str, Any], ...] = ()) -> Iterator[Any]:
    """Every `value` of a document, with all that stands beside it and around it."""
    if isinstance(found, Mapping):
        chain = (*around, found)
        if "value" in found and "value_id" not in found:
            yield found, {name: said for each in chain for name, said in each.items()}
        for each in found.values():
            yield from _numbers(each, chain)
    elif isinstance(found, list):
        for each in found:
            yield from _numbers(each, around)


def _wrong(house: House, answer: Any) -> str:
    """What is wrong with an answer; empty when nothing is."""
    if answer.status_code not in STATUSES:
        return str(answer.status_code)
    kind = answer.headers.get("Content-Type", "").split(";")[0]
    if answer.status_code != 200 or kind != "application/json":
        told = house.told_in(answer.content.decode(errors="replace")) if kind != "text/csv" else ()
        return f"{answer.status_code} with figures" if told and answer.status_code != 200 else ""
    document = json.loads(answer.content)
    text = answer.content.decode()
    secret = {row.pk for row in house.rows if row.metric == SUSPENDED}
    if secret & house.told_in(text):
        return "a figure of what is suspended"
    for value, said in _numbers(document):
        if not any(name in said for name in ("metric", "lineage_url")):
            return f"bare: {value}"
        if said.get("metric") in SERVED:
            missing = [names for names in MUST_SAY if not any(name in said for name in names)]
            if missing:
                return f"does not say {missing}: {value}"
            if (value["value"] is None) != bool(value.get("reason")):
                return f"neither number nor reason: {value}"
    return _mixed(document)


def _mixed(document: Any) -> str:
    results = document.get("results") if isinstance(document, Mapping) else None
    if not isinstance(results, list) or "metric" not in document:
        return ""
    kinds = {(each["unit"], each["currency"], each["basis"]) for each in results}
    return f"mixed: {kinds}" if len(kinds) > 1 else ""


def fuzz(source: random.Random, count: int, heads: Path) -> tuple[list[str], int]:
    """So many requests in one house: what was wrong, and how many answers told figures."""
    (heads / "snapshot-heads.jsonl").unlink(missing_ok=True)
    wrong, telling = [], 0
    with transaction.atomic():
        with random_house(source) as house:
            standing = house.standings[1]
            assert standing.metric_version.key == SUSPENDED
            suspend_standing(
                standing_id=standing.pk, reason="Looks odd.", actor=standing.owner, at=MOMENTS[-1]
            )
            askers = askers_of(house)
            for asker in askers:
                asker.client.raise_request_exception = False
            for _ in range(count):
                asker = source.choice(askers)
                what, answer = _send(house, asker, source)
                telling += bool(house.told_in(answer.content.decode(errors="replace")))
                if problem := _wrong(house, answer):
                    wrong.append(f"{asker.name}: {what}: {problem}")
        transaction.set_rollback(True)
    return wrong, telling


def test_a_few_requests_get_no_bare_mixed_or_unapproved_figure(tmp_path: Path) -> None:
    source = random.Random(20261129)  # noqa: S311  (a story, not a secret)
    wrong, telling = fuzz(source, 120, tmp_path)
    assert wrong == []
    assert telling > 3, "a fuzz that is told nothing shows nothing"


def test_a_number_that_comes_alone_is_found(tmp_path: Path) -> None:
    """The check can fail."""
    source = random.Random(20261129)  # noqa: S311  (a story, not a secret)
    with random_house(source, is_published=False) as house:
        row = next(row for row in house.rows if row.metric == SUSPENDED)
        mark = next(mark for mark, each in house.by_mark.items() if each is row)

        class Answer:
            status_code = 200
            headers = {"Content-Type": "application/json"}
            content = b""

        for document, said in (
            ({"value": "12", "reason": None}, "bare"),
            ({"metric": SERVED[0], "value": "12"}, "does not say"),
            ({"metric": SERVED[0], "results": [], "note": str(mark)}, "suspended"),
        ):
            Answer.content = json.dumps(document).encode()
            assert said in _wrong(house, Answer)


@pytest.mark.prove("Requests for anything with figures", engine="sqlite")
def test_ten_thousand_requests(figures: Figures, tmp_path: Path) -> None:
    count = figures.scaled(10_000)
    each = min(count, 1_000)
    sent = telling = 0
    for _ in figures.progress(range(-(-count // each)), "houses"):
        wrong, told = fuzz(figures.random, each, tmp_path)
        sent += each
        telling += told
        for problem in wrong:
            figures.bad(problem)
    figures("requests", sent, count)
    figures("answers that told figures", telling, count // 40)
