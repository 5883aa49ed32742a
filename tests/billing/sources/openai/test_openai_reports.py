"""OpenAI's costs and usage: dollars as exact numbers, Unix seconds, cached tokens taken apart."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.sources.openai.client import fetch
from billing.sources.openai.config import OpenAIConfig
from billing.sources.openai.normaliser import model_in
from billing.sources.openai.source import OpenAISource
from portal.imports.contracts import FetchJob, ImportRefusedError, SourceUnavailableError
from tests.billing.sources.fake_provider import DAY, FakeProvider, Spend, in_process, json_text
from tests.billing.sources.openai.shape import OpenAIShape, seconds
from tests.billing.sources.reading import Read, land

FIRST = dt.date(2026, 9, 1)


def read(folder: Path, *bodies: Any, **more: Any) -> Read:
    return Read(OpenAISource(), land(folder, *bodies), {"organization": "org-1"}, **more)


def day_of(*rows: dict[str, Any], number: int = 0, **page: Any) -> dict[str, Any]:
    """A page of one daily bucket."""
    day = FIRST + number * DAY
    bucket = {
        "object": "bucket",
        "start_time": seconds(day),
        "end_time": seconds(day + DAY),
        "results": list(rows),
    }
    return {"object": "page", "data": [bucket], "has_more": False, "next_page": None, **page}


def cost(value: Any = Decimal("1.2375"), **changes: Any) -> dict[str, Any]:
    return {
        "object": "organization.costs.result",
        "amount": {"value": value, "currency": "usd"},
        "line_item": "model-example, output",
        "project_id": "proj_demo",
        "api_key_id": None,
        "quantity": 82500,
        "quantity_unit": "tokens",
        **changes,
    }


def test_a_cost_is_dollars_and_a_small_currency_code_becomes_a_large_one(tmp_path: Path) -> None:
    (charge,) = read(tmp_path, day_of(cost())).charges
    assert (charge.billed_exact, charge.currency) == (Decimal("1.2375"), "USD")
    assert charge.charge_period_start == dt.datetime(2026, 9, 1, tzinfo=dt.UTC)
    names = charge.dimension
    assert (names.billing_account_id, names.sub_account_id) == ("org-1", "proj_demo")
    assert (names.charge_description, names.model) == ("model-example, output", "model-example")
    assert (charge.consumed_quantity, names.consumed_unit) == ("82500", "tokens")


@pytest.mark.parametrize(
    ("text", "exact"),
    [
        ("0.13080438340307526", "0.13080438340307526"),
        ("1.1E-7", "0.00000011"),
        ("35", "35"),
        ("-2.50", "-2.50"),
        ('"0.06"', "0.06"),
    ],
)
def test_no_digit_of_a_json_number_is_lost(tmp_path: Path, text: str, exact: str) -> None:
    body = json.dumps(day_of(cost("@"))).replace('"@"', text).encode()
    (charge,) = read(tmp_path, body).charges
    assert charge.billed_exact == Decimal(exact)


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        ({"value": None, "currency": "usd"}, "missing_amount"),
        ({"value": "a lot", "currency": "usd"}, "bad_amount"),
        ({"value": 1, "currency": "dollars"}, "bad_currency"),
        (None, "missing_amount"),
        (12, "bad_object"),
    ],
)
def test_money_that_cannot_be_read_is_named(tmp_path: Path, amount: Any, code: str) -> None:
    (rejection,) = read(tmp_path, day_of(cost(), cost(amount=amount))).rejections
    assert rejection.code == code
    assert rejection.field.startswith("amount")


def test_a_line_item_is_kept_and_only_grouped_by_the_model_in_front() -> None:
    assert model_in("model-1-2026-05-01, cached input") == "model-1-2026-05-01"
    for text in ("input_tokens", "assistants api | file search", "", "Web search, per call", "a,b"):
        assert model_in(text) == "", text


def test_names_of_projects_and_keys_come_from_the_lists(tmp_path: Path) -> None:
    projects = {"data": [{"object": "organization.project", "id": "proj_demo", "name": "Demo"}]}
    keys = {"data": [{"object": "organization.project.api_key", "id": "k", "name": "Batch key"}]}
    (charge,) = read(tmp_path, keys, day_of(cost(api_key_id="k")), projects).charges
    names = charge.dimension
    assert (names.sub_account_name, names.resource_name, names.api_key_id) == (
        "Demo",
        "Batch key",
        "k",
    )


def completion(**changes: Any) -> dict[str, Any]:
    return {
        "object": "organization.usage.completions.result",
        "input_tokens": 1000,
        "output_tokens": 500,
        "num_model_requests": 5,
        **changes,
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"input_cached_tokens": 400, "input_cache_write_tokens": 100},
            {"uncached": 500, "cache_read": 400, "cache_write": 100},
        ),
        ({"input_cached_tokens": 400}, {"uncached": 600, "cache_read": 400}),
        ({"input_cached_tokens": 0}, {"uncached": 1000}),
        (
            {"input_cached_tokens": 100, "input_uncached_tokens": 500},
            {"uncached": 500, "cache_read": 100, "cache_write": 400},
        ),
        ({}, {"total": 1000}),
    ],
)
def test_cached_tokens_are_taken_out_of_the_input(
    tmp_path: Path, changes: dict[str, int], expected: dict[str, int]
) -> None:
    found = read(tmp_path, day_of(completion(**changes))).quantities
    assert found.pop("tokens.output") == 500
    assert found.pop("requests") == 5
    assert found == {f"tokens.input.{name}": value for name, value in expected.items()}


@given(fresh=st.integers(0, 10**9), cached=st.integers(0, 10**9), written=st.integers(0, 10**9))
def test_the_parts_of_the_input_add_up_to_it(
    tmp_path_factory: pytest.TempPathFactory, fresh: int, cached: int, written: int
) -> None:
    row = completion(
        input_tokens=fresh + cached + written,
        input_cached_tokens=cached,
        input_cache_write_tokens=written,
        input_uncached_tokens=fresh,
    )
    found = read(tmp_path_factory.mktemp("rows"), day_of(row)).quantities
    parts = [value for metric, value in found.items() if metric.startswith("tokens.input.")]
    assert sum(parts) == fresh + cached + written


@pytest.mark.parametrize(
    "changes",
    [
        {"input_cached_tokens": 1001},
        {"input_cached_tokens": 400, "input_uncached_tokens": 601},
        {
            "input_cached_tokens": 400,
            "input_uncached_tokens": 500,
            "input_cache_write_tokens": 0,
        },
    ],
)
def test_parts_that_do_not_add_up_are_put_aside(tmp_path: Path, changes: dict[str, int]) -> None:
    found = read(tmp_path, day_of(completion(**changes)))
    assert [each.code for each in found.rejections] == ["parts_do_not_add_up"]
    assert not found.usage


def test_what_is_no_report_is_refused(tmp_path: Path) -> None:
    for body in (
        {"object": "organization.spend_limit", "threshold_amount": 10000},
        {"data": [{"object": "organization.invite", "id": "u"}]},
        {"data": [{"object": "bucket", "start_time": "soon", "end_time": 1, "results": [cost()]}]},
        day_of({"object": "organization.usage.telepathy.result"}),
        {"error": {"message": "no"}},
        {"data": [{"object": "bucket", "start_time": 1, "end_time": 2, "results": [7]}]},
    ):
        with pytest.raises(ImportRefusedError) as refused:
            read(tmp_path, body)
        assert (refused.value.file != "", refused.value.line) == (True, 1)


def test_a_day_twice_counts_once_and_a_contradiction_is_refused(tmp_path: Path) -> None:
    assert len(read(tmp_path, day_of(cost()), day_of(cost())).charges) == 1
    with pytest.raises(ImportRefusedError, match="comes twice"):
        read(tmp_path, day_of(cost()), day_of(cost(2)))


@pytest.mark.parametrize("is_packed", [False, True])
def test_a_day_twice_counts_once_in_whatever_order_its_keys_stand(
    tmp_path: Path, is_packed: bool
) -> None:
    """The first of them is a later bucket of a later line of a spool."""
    pages = day_of(cost()), day_of(cost(2), number=1), day_of(cost(3), number=2)
    pages[1]["data"] += pages[2]["data"]
    spool = b"".join(json_text({"endpoint": "costs", "body": page}) + b"\n" for page in pages[:2])
    again = {**day_of(), "data": [dict(sorted(pages[2]["data"][0].items(), reverse=True))]}
    assert list(again["data"][0]) != list(pages[2]["data"][0])
    landed = gzip.compress(spool) if is_packed else spool
    assert len(read(tmp_path, landed, json_text(again)).charges) == 3
    again["data"][0]["results"] = [cost(4)]
    with pytest.raises(ImportRefusedError, match="2026-09-03 of .* comes twice"):
        read(tmp_path, landed, json_text(again))


# --- the official examples --------------------------------------------------------------------


@pytest.fixture
def payloads(shared_data: Path) -> Path:
    return shared_data / "payloads" / "openai_admin_api"


def expected_of(payloads: Path, name: str) -> dict[str, Any]:
    every: dict[str, dict[str, dict[str, Any]]] = json.loads(
        (payloads.parent / "expected.json").read_text()
    )
    return every["openai_admin_api"][name]


def test_the_official_costs_have_the_expected_sum(payloads: Path, tmp_path: Path) -> None:
    found = read(tmp_path, (payloads / "costs.json").read_bytes())
    expected = expected_of(payloads, "costs.json")
    assert len(found.charges) == expected["results"]
    sums = {each.currency.lower(): str(each.billed_exact) for each in found.charges}
    assert sums == expected["amount_by_currency"]


@pytest.mark.parametrize(
    ("name", "metrics"),
    [
        ("usage_audio_speeches", {"characters": "characters", "requests": "num_model_requests"}),
        ("usage_embeddings", {"tokens.input.uncached": "input_tokens"}),
        ("usage_images", {"images": "images", "requests": "num_model_requests"}),
        ("usage_vector_stores", {"storage.bytes": "usage_bytes"}),
        (
            "usage_completions",
            {
                "tokens.input.uncached": "input_uncached_tokens",
                "tokens.input.cache_read": "input_cached_tokens",
                "tokens.input.cache_write": "input_cache_write_tokens",
                "tokens.output": "output_tokens",
                "requests": "num_model_requests",
            },
        ),
    ],
)
def test_the_official_usage_has_the_expected_quantities(
    payloads: Path, tmp_path: Path, name: str, metrics: dict[str, str]
) -> None:
    found = read(tmp_path, (payloads / f"{name}.json").read_bytes())
    expected = expected_of(payloads, f"{name}.json")
    assert not found.rejections
    for metric, key in metrics.items():
        assert found.quantities[metric] == expected["sums"][key]
    told = [note.code for note in found.notes]
    assert told == (["more_pages"] if expected["has_more"] else [])


def test_official_answers_without_cost_are_named_or_refused(payloads: Path, tmp_path: Path) -> None:
    listed = read(tmp_path, (payloads / "projects.json").read_bytes())
    assert not listed.charges
    assert not listed.notes  # so the engine refuses it: nothing to import
    with pytest.raises(ImportRefusedError, match="another shape"):
        read(tmp_path, (payloads / "spend_limit.json").read_bytes())


# --- fetching ---------------------------------------------------------------------------------


def job(provider: FakeProvider, **config: Any) -> tuple[FetchJob, list[bytes]]:
    ask, spool = in_process(provider, "/v1")
    whole = OpenAIConfig.model_validate(config).model_dump()
    return FetchJob(whole, FIRST, FIRST + 5 * DAY, ask), spool


def shape(**fields: Any) -> OpenAIShape:
    spent = [Spend(FIRST + n * DAY, "proj", f"model-{n}, output", Decimal(n + 1)) for n in range(5)]
    return OpenAIShape(spent, **fields)


def test_lists_in_requests_are_written_as_configured() -> None:
    for syntax, key in (("brackets", "group_by[]"), ("repeated", "group_by")):
        provider = FakeProvider(shape(groups_by=key))
        fetch(job(provider, array_syntax=syntax)[0])
        _, params = provider.requests[0]
        assert [value for name, value in params if name == key] == [
            "project_id",
            "line_item",
            "api_key_id",
        ]


def test_a_provider_that_does_not_understand_the_lists_is_noticed() -> None:
    given, _ = job(FakeProvider(shape(groups_by="group_by")))
    with pytest.raises(ImportRefusedError, match="Lists in requests") as refused:
        fetch(given)
    assert refused.value.code == "not_broken_down"


def test_keys_are_asked_for_of_projects_that_cost_something() -> None:
    provider = FakeProvider(shape())
    fetch(job(provider)[0])
    paths = {path for path, _ in provider.requests}
    assert "/v1/organization/projects/proj/api_keys" in paths
    assert "/v1/organization/users" not in paths
    assert len([path for path in paths if "/usage/" in path]) == 10


def test_a_day_that_is_left_out_is_no_answer() -> None:
    class Gap(OpenAIShape):
        def items(self, path: str, params: Any) -> Any:
            return [
                item
                for item in super().items(path, params) or []
                if item.get("start_time") != seconds(FIRST + DAY)
            ]

    given, _ = job(FakeProvider(Gap(shape().spent)))
    with pytest.raises(SourceUnavailableError, match="leaves out 2026-09-02"):
        fetch(given)


def test_an_amount_that_cannot_be_read_is_left_to_the_reader_which_names_it(
    tmp_path: Path,
) -> None:
    class Garbled(OpenAIShape):
        def _results(self, report: str, day: dt.date, grouped: bool) -> list[Any]:
            rows = super()._results(report, day, grouped)
            bad = {"amount": {"value": "a lot", "currency": "usd"}}
            return [row | bad for row in rows] if report == "costs" and grouped else rows

    given, spool = job(FakeProvider(Garbled(shape().spent)))
    fetch(given)
    found = read(tmp_path, b"".join(spool))
    assert {(each.field, each.value, each.fatal) for each in found.rejections} == {
        ("amount.value", "a lot", True)
    }
