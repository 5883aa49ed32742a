"""LiteLLM: estimates by call or by day, no prompt kept, and tags that never multiply money."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from billing.models import Charge
from billing.sources.litellm.client import FETCH, redact
from billing.sources.litellm.normaliser import tags_of
from billing.sources.litellm.source import LiteLLMSource
from portal.choices import Role
from portal.imports.contracts import ImportRefusedError, SourceUnavailableError
from portal.services.connections import ConnectionConfigError
from tests.billing.sources.answers import (
    Asking,
    Read,
    assert_same_however_it_comes,
    connect,
    fetched,
    read,
    shuffled,
    spool,
)
from tests.billing.sources.litellm.serving import Proxy, call, days_of
from tests.imports import make_person, run_import

SOURCE = LiteLLMSource()
START, END = dt.date(2026, 9, 1), dt.date(2026, 9, 4)
DAILY = {"dataset": "daily_activity"}


def calls() -> list[dict[str, Any]]:
    """Nine calls of three days, one of them on the edge of two."""
    rows = [
        call(number, f"2026-09-0{day}T1{number % 10}:00:00+00:00", spend=number / 1000)
        for number, day in enumerate((1, 1, 2, 2, 2, 3, 3), start=1)
    ]
    rows.append(call(8, "2026-09-02T00:00:00+00:00", api_key="other", spend=0.5))
    rows.append(call(9, "2026-09-03T23:59:59.999+00:00", model="claude-example", spend=1e-7))
    return rows


TOTAL = Decimal("0.5280001")  # 0.001 + … + 0.007 + 0.5 + 0.0000001


def logs(folder: Path, proxy: Proxy | None = None, **config: Any) -> Read:
    content = fetched(FETCH, config, proxy or Proxy(calls()), START, END)
    return read(SOURCE, folder, content, **config)


def saved(*rows: dict[str, Any]) -> bytes:
    return json.dumps(list(rows)).encode()


# --- calls --------------------------------------------------------------------------------


def test_a_call_is_one_estimate_with_its_team_key_and_tags(tmp_path: Path) -> None:
    found = logs(tmp_path)
    assert (len(found.charges), found.rejections) == (9, [])
    assert found.billed() == found.effective() == TOTAL
    named = found.charges[0].dimension
    assert (named.sub_account_id, named.sub_account_name, named.api_key_id, named.model) == (
        "team-1",
        "Support",
        "hash-of-key",
        "gpt-example",
    )
    assert json.loads(named.tags) == {"nightly": "true", "use-case": "faq"}


def test_who_called_is_the_owner_of_the_key_and_in_no_quantity(tmp_path: Path) -> None:
    found = logs(tmp_path)
    assert {c.dimension.principal_id for c in found.charges} == {"owner-of-the-key"}
    text = repr(found)
    for untrusted in ("whoever-the-caller-says", "a-customer", "192.0.2.7"):
        assert untrusted not in text
    assert "owner-of-the-key" not in repr(found.usage)


def test_tokens_are_disjoint(tmp_path: Path) -> None:
    assert logs(tmp_path).quantities() == {
        ("litellm.spend_logs", "tokens.input.uncached"): Decimal(9 * 600),
        ("litellm.spend_logs", "tokens.input.cache_read"): Decimal(9 * 300),
        ("litellm.spend_logs", "tokens.input.cache_write"): Decimal(9 * 100),
        ("litellm.spend_logs", "tokens.output"): Decimal(9 * 200),
        ("litellm.spend_logs", "requests"): Decimal(9),
    }


@pytest.mark.parametrize(
    ("changes", "code", "fatal"),
    [
        ({"spend": None}, "missing_amount", True),
        ({"spend": "much"}, "bad_amount", True),
        ({"request_id": ""}, "missing_value", True),
        ({"startTime": "2026-09-01 10:00:00"}, "time_without_zone", False),
        ({"request_tags": "faq"}, "bad_tags", False),
        ({"metadata": []}, "bad_object", False),
    ],
)
def test_what_cannot_be_read_is_named(
    tmp_path: Path, changes: dict[str, Any], code: str, fatal: bool
) -> None:
    row = call(1, "2026-09-01T10:00:00+00:00", **changes)
    found = read(SOURCE, tmp_path, saved(row))
    (rejection,) = found.rejections
    assert (rejection.code, rejection.fatal) == (code, fatal)
    assert found.charges == found.usage == []


MORE_CACHED = "more cached tokens than prompt_tokens"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"prompt_tokens": 10}, MORE_CACHED),
        ({"completion_tokens": -1}, "completion_tokens negative, unreadable or too large"),
        ({"prompt_tokens": "many"}, "prompt_tokens negative, unreadable or too large"),
        ({"completion_tokens": 10**13}, "tokens.output negative, unreadable or too large"),
        ({"prompt_tokens": True}, "prompt_tokens negative, unreadable or too large"),
        ({"metadata": {"usage_object": "?"}}, "usage_object negative, unreadable or too large"),
    ],
)
def test_a_call_with_bad_quantities_keeps_its_cost(
    tmp_path: Path, changes: dict[str, Any], why: str
) -> None:
    at = "2026-09-01T10:00:00+00:00"
    good, bad = call(1, at), call(2, at, spend=0.25, **changes)
    found = read(SOURCE, tmp_path, saved(good, bad, bad))
    assert (found.billed(), found.rejections) == (Decimal("0.2625"), [])
    assert found.usage == read(SOURCE, tmp_path, saved(good)).usage
    said = {note.code: note.message for note in found.notes}
    assert said == {
        "quantities_left_out": f"The quantities of 1 row are left out, the cost is taken: {why} "
        "in 1.",
        "calls_repeated": "1 call came twice: counted once.",
    }


def test_quantities_that_add_up_to_more_than_fits_refuse_the_import_by_name(
    tmp_path: Path,
) -> None:
    at = "2026-09-01T10:00:00+00:00"
    rows = [call(number, at, completion_tokens=9 * 10**12) for number in (1, 2)]
    with pytest.raises(ImportRefusedError) as refused:
        read(SOURCE, tmp_path, saved(*rows))
    assert refused.value.code == "sum_too_large"
    assert "column tokens.output" in str(refused.value)
    assert "18,000,000,000,000.000000 tokens on 2026-09-01" in str(refused.value)


def test_a_call_whose_cost_and_quantities_are_bad_is_rejected(tmp_path: Path) -> None:
    row = call(1, "2026-09-01T10:00:00+00:00", prompt_tokens=-1) | {"spend": "much"}
    found = read(SOURCE, tmp_path, saved(row))
    assert [(r.code, r.fatal) for r in found.rejections] == [("bad_amount", True)]
    assert (found.charges, found.note_codes()) == ([], {"nothing_there"})


def test_a_call_twice_counts_once_and_must_be_the_same(tmp_path: Path) -> None:
    row = call(1, "2026-09-01T10:00:00+00:00")
    found = read(SOURCE, tmp_path, saved(row, row))
    assert (found.billed(), found.note_codes()) == (Decimal("0.0125"), {"calls_repeated"})
    found = read(SOURCE, tmp_path, saved(row, {**row, "spend": 2}))
    assert [r.code for r in found.rejections] == ["call_twice"]


def test_tags_are_keys_and_values() -> None:
    assert tags_of(["a:1", "b", "a:2", "a:1"]) == {"a": "1, 2", "b": "true"}
    assert tags_of(None) == {}


# --- what was said to a model -------------------------------------------------------------


def test_nothing_that_was_said_reaches_the_spool() -> None:
    secret = call(
        1,
        "2026-09-01T10:00:00+00:00",
        messages=[{"role": "user", "content": "a secret"}],
        response={"content": "a secret"},
        proxy_server_request={"body": "a secret"},
        metadata={"user_api_key_user_id": "u", "requester_metadata": {"note": "a secret"}},
    )
    content = fetched(FETCH, {}, Proxy([secret]), START, END)
    assert b"a secret" not in content
    assert b"192.0.2.7" not in content
    assert b'"spend": "0.0125"' in content
    assert redact({"data": [1, None]}) == {"data": [1, None]}


def test_an_upload_that_holds_prompts_is_refused(tmp_path: Path) -> None:
    row = call(1, "2026-09-01T10:00:00+00:00", messages=[{"content": "a secret"}])
    with pytest.raises(ImportRefusedError) as refused:
        read(SOURCE, tmp_path, saved(row))
    assert refused.value.code == "prompt_content"
    assert "a secret" not in str(refused.value)


# --- fetching -----------------------------------------------------------------------------


def test_a_range_that_is_not_counted_to_its_end_is_asked_in_halves(tmp_path: Path) -> None:
    proxy = Proxy(calls(), cap=2)
    assert logs(tmp_path, proxy).billed() == TOTAL
    crowd = [call(number, "2026-09-01T10:00:00+00:00") for number in range(4)]
    with pytest.raises(SourceUnavailableError, match="does not list every call"):
        logs(tmp_path, Proxy(crowd, cap=2))


def test_a_lost_page_is_seen(tmp_path: Path) -> None:
    proxy = Proxy(calls(), page_size=2)

    def ask(path: str, query: Any, body: Any) -> Any:
        answer = proxy(path, query, body)
        if query["page"] == "2":
            answer["data"] = []
        return answer

    with pytest.raises(SourceUnavailableError, match="not whole"):
        fetched(FETCH, {}, ask, START, END)


def test_daily_activity_ends_where_the_proxy_says() -> None:
    proxy = Proxy(calls(), page_size=1)

    def ask(path: str, query: Any, body: Any) -> Any:
        answer = proxy(path, query, body)
        if query["page"] == "2":
            answer["metadata"]["has_more"] = False
        return answer

    with pytest.raises(SourceUnavailableError, match="before its last page"):
        fetched(FETCH, DAILY, ask, START, END)
    asking = Asking(lambda path, query, body: {"error": "no such route"})
    with pytest.raises(ImportRefusedError, match="without results"):
        fetched(FETCH, DAILY, asking.provider, START, END)


def test_a_page_of_days_that_comes_again_under_another_number_is_no_answer() -> None:
    class Stuck(Proxy):
        def _activity(self, query: Mapping[str, str], page: int, size: int) -> Any:
            answer = super()._activity(query, min(page, 1), size)
            return answer | {"metadata": super()._activity(query, page, size)["metadata"]}

    with pytest.raises(SourceUnavailableError, match="an earlier page again"):
        fetched(FETCH, DAILY, Stuck(calls(), page_size=2), START, END)


def saved_pages(path: str, size: int) -> list[Any]:
    """What a person saves who asks for one page after the other."""
    proxy = Proxy(calls(), page_size=size)
    days = {"start_date": "2026-09-01", "end_date": "2026-09-03"}
    times = {"start_date": "2026-09-01 00:00:00", "end_date": "2026-09-04 00:00:00"}
    asked = times if path == "/spend/logs/v2" else days
    return [proxy(path, asked | {"page": str(page), "page_size": "9"}, {}) for page in (1, 2, 3)]


@pytest.mark.parametrize(
    ("path", "size", "config"),
    [("/spend/logs/v2", 3, {}), ("/user/daily/activity", 2, DAILY)],
    ids=["logs", "days"],
)
def test_saved_pages_are_taken_when_all_are_there(
    path: str, size: int, config: dict[str, Any], tmp_path: Path
) -> None:
    pages = saved_pages(path, size)
    assert read(SOURCE, tmp_path, spool(*(("", each) for each in pages)), **config).charges
    for missing in (pages[:2], pages[1:], [pages[0], pages[2]], pages[:1]):
        with pytest.raises(ImportRefusedError) as error:
            read(SOURCE, tmp_path, spool(*(("", each) for each in missing)), **config)
        assert error.value.code == "pages_missing"


@pytest.mark.parametrize(
    ("total_pages", "is_refused"), [(10**12, True), ([3], False), (None, False), (1, False)]
)
def test_what_an_answer_claims_of_its_pages_is_counted_in_bounds(
    total_pages: Any, is_refused: bool, tmp_path: Path
) -> None:
    page = saved_pages("/user/daily/activity", 99)[0]
    page["metadata"] = {"page": 1, "total_pages": total_pages, "has_more": False}
    if not is_refused:
        assert read(SOURCE, tmp_path, spool(("", page)), **DAILY).charges
        return
    with pytest.raises(ImportRefusedError, match="page 2 is not in the input"):
        read(SOURCE, tmp_path, spool(("", page)), **DAILY)


# --- daily activity -----------------------------------------------------------------------


def test_a_day_is_cut_by_model_and_key_and_no_other_cut_is_added(tmp_path: Path) -> None:
    for size in (1, 2, 1000):
        found = logs(tmp_path, Proxy(calls(), page_size=size), **DAILY)
        assert found.billed() == TOTAL
        assert len(found.charges) == 5
        assert found.quantities()[("litellm.daily_activity", "requests")] == 9
        assert found.quantities()[("litellm.daily_activity", "tokens.input.uncached")] == 5400


def test_a_day_whose_parts_differ_from_it_is_not_taken(tmp_path: Path) -> None:
    answer = Proxy(calls())(
        "/user/daily/activity",
        {"page": "1", "page_size": "9", "start_date": "2026-09-01", "end_date": "2026-09-01"},
        {},
    )
    answer["results"][0]["metrics"]["spend"] += 1
    (rejection,) = read(SOURCE, tmp_path, spool(("", answer)), **DAILY).rejections
    assert (rejection.code, rejection.fatal) == ("parts_differ", True)


def test_a_day_with_bad_quantities_keeps_its_cost(tmp_path: Path) -> None:
    cells = [
        {"key": ("2026-09-01", "gpt", f"key-{n}"), "team_id": "t", "spend": Decimal(n), "calls": 1}
        for n in (1, 2, 4)
    ]
    days = days_of(cells)
    keys = days[0]["breakdown"]["models"]["gpt"]["api_key_breakdown"]
    keys["key-1"]["metrics"]["prompt_tokens"] = 399  # 400 came from the cache
    keys["key-2"]["metrics"]["api_requests"] = -1
    found = read(SOURCE, tmp_path, spool(("daily_activity", {"results": days})), **DAILY)
    assert (found.billed(), found.rejections) == (7, [])
    assert found.quantities()[("litellm.daily_activity", "tokens.input.uncached")] == 600
    assert [note.message for note in found.notes] == [
        "The quantities of 2 rows are left out, the cost is taken: api_requests negative, "
        f"unreadable or too large in 1; {MORE_CACHED} in 1."
    ]


def test_rows_by_tag_are_never_summed(tmp_path: Path) -> None:
    row = {"date": "2026-09-01", "api_key": "k", "model": "m", "spend": 2, "team_id": "t"}
    found = read(SOURCE, tmp_path, saved(row, {**row, "tag": "a"}, {**row, "tag": "b"}), **DAILY)
    assert (found.billed(), found.note_codes()) == (2, {"rows_of_tags"})


def test_the_same_spend_cut_twice_is_refused(tmp_path: Path) -> None:
    row = {"date": "2026-09-01", "api_key": "k", "model": "m", "spend": 2}
    with pytest.raises(ImportRefusedError, match="same spend twice"):
        read(SOURCE, tmp_path, saved({**row, "user_id": "u"}, {**row, "team_id": "t"}), **DAILY)
    page = fetched(FETCH, DAILY, Proxy(calls()), START, END)
    with pytest.raises(ImportRefusedError, match="twice"):
        read(SOURCE, tmp_path, page, page, **DAILY)
    with pytest.raises(ImportRefusedError, match="same money"):
        read(SOURCE, tmp_path, page)
    with pytest.raises(ImportRefusedError, match="no answer that the source knows"):
        read(SOURCE, tmp_path, b'{"hello": 1}')


# --- through the engine -------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("config", [{}, DAILY], ids=["logs", "days"])
def test_any_order_and_any_size_of_page_are_the_same_rows(config: dict[str, Any]) -> None:
    connection = connect("litellm", **config)
    proxies = {
        "one page": Proxy(calls()),
        "again": Proxy(calls()),
        "shuffled": Proxy(shuffled(calls())),
        "a page each": Proxy(calls(), page_size=1),
        "two a page": Proxy(calls(), page_size=2),
        "capped": Proxy(calls(), cap=3),
    }
    contents = {name: fetched(FETCH, config, proxy, START, END) for name, proxy in proxies.items()}
    assert_same_however_it_comes(connection, contents, (START, END))
    assert set(Charge.objects.values_list("cost_basis", flat=True)) == {"estimated"}


@pytest.mark.django_db
def test_an_estimate_is_never_declared_an_invoice(client: Client) -> None:
    with pytest.raises(ConnectionConfigError, match="cost_basis: a LiteLLM proxy estimates"):
        connect("litellm", cost_basis="invoiced")
    connection = connect("litellm")
    connection.config["cost_basis"] = "invoiced"  # as one that was made earlier
    connection.save()
    client.force_login(make_person("fin", Role.FINANCE))
    page = client.get(f"/imports/connections/{connection.slug}/").content.decode()
    assert "nothing is imported until it is changed" in page
    assert page.count("choose estimated") == 1
    content = fetched(FETCH, connection.config, Proxy(calls()), START, END)
    run = run_import(connection, content, window=(START, END))
    assert (run.status, "choose estimated" in run.problem) == ("refused", True)
    assert not Charge.objects.exists()
