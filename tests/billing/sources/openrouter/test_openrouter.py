"""OpenRouter: credits are paid once and used once, and what is paid elsewhere is in no sum."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from billing.models import Charge, ChargeDimension
from billing.sources.openrouter import purchases
from billing.sources.openrouter.client import FETCH
from billing.sources.openrouter.source import OpenRouterSource
from portal.imports.contracts import (
    FetchJob,
    ImportRefusedError,
    SourceUnavailableError,
    raw_digest,
)
from portal.imports.fetching import due_windows
from tests.billing.services.charges import assert_books_balance, billed
from tests.billing.sources import reading
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
from tests.billing.sources.openrouter.serving import OpenRouter, row
from tests.imports import run_import

SOURCE = OpenRouterSource()
START, END = dt.date(2026, 9, 1), dt.date(2026, 9, 5)
TODAY = "2026-09-05"
PURCHASES = (
    b"date,credits,amount,currency,invoice_id\r\n"
    b'2026-09-02,100,"105.50",USD,OR-17\r\n'
    b"2026-09-02,50,50,EUR,OR-18\r\n"
)


def rows() -> list[dict[str, Any]]:
    """Four days, the day before them, and the running day."""
    return [
        row("2026-08-31", 64),
        row("2026-09-01", 0.1),
        row("2026-09-01", 0.2, endpoint="e-2", workspace_id=None),
        row("2026-09-02", 0, byok_usage_inference=0.012),
        row("2026-09-03 00:00:00", 1e-7),
        row("2026-09-04", 2.5, endpoint="e-3", byok_usage_inference=7),
        row("2026-09-05", 32),
    ]


def provider(**changes: Any) -> OpenRouter:
    return OpenRouter(rows(), TODAY, **changes)


def taken(folder: Path, **config: Any) -> Read:
    return read(SOURCE, folder, fetched(FETCH, config, provider(), START, END, END), **config)


def saved(*given: dict[str, Any]) -> bytes:
    return json.dumps({"data": list(given)}).encode()


# --- amounts ------------------------------------------------------------------------------


def test_the_use_of_credits_bills_nothing_and_is_the_effective_cost(tmp_path: Path) -> None:
    found = taken(tmp_path)
    assert found.rejections == []
    assert (found.billed(), found.effective()) == (Decimal(0), Decimal("66.8000001"))
    named = found.charges[1].dimension
    assert (named.pricing_currency, named.pricing_unit) == ("openrouter_credit", "credits")
    assert (named.sub_account_id, named.sub_account_name) == ("w-1", "Production")
    assert named.model == "openai/gpt-example-2026-01-01"


def test_an_account_that_pays_afterwards_is_billed_for_its_usage(tmp_path: Path) -> None:
    found = taken(tmp_path, payment="invoiced")
    assert found.billed() == found.effective() == Decimal("66.8000001")


def test_what_is_paid_elsewhere_is_kept_beside_and_in_no_sum(tmp_path: Path) -> None:
    found = taken(tmp_path)
    kept = [json.loads(c.measures) for c in found.charges]
    assert [each.get("byok_usage_inference") for each in kept if each] == ["0.012", "7"]
    (note,) = [n for n in found.notes if n.code == "paid_elsewhere"]
    assert note.message.startswith("7.012 USD were paid elsewhere")


def test_a_row_that_does_not_say_what_was_paid_elsewhere_is_taken_without_it(
    tmp_path: Path,
) -> None:
    silent = {k: v for k, v in row("2026-09-02").items() if k != "byok_usage_inference"}
    for said in (silent, {**silent, "byok_usage_inference": None}):
        found = read(SOURCE, tmp_path, saved(said))
        assert (found.effective(), found.rejections, found.notes) == (Decimal("0.015"), [], [])
        assert [charge.measures for charge in found.charges] == ["{}"]


def test_quantities_are_of_workspace_and_model(tmp_path: Path) -> None:
    found = read(SOURCE, tmp_path, saved(row("2026-09-01"), row("2026-09-01", endpoint="e-2")))
    assert len(found.usage) == 4
    assert found.quantities()[("openrouter.activity", "tokens.output")] == 250


@pytest.mark.parametrize(
    ("changes", "code", "fatal"),
    [
        ({"usage": None}, "missing_amount", True),
        ({"usage": "much"}, "bad_amount", True),
        ({"byok_usage_inference": "much"}, "bad_amount", True),
        ({"byok_usage_inference": ""}, "missing_amount", True),
        ({"date": "yesterday"}, "bad_date", False),
        ({"requests": -1}, "bad_quantity", False),
        ({"model_permaslug": []}, "bad_text", False),
    ],
)
def test_what_cannot_be_read_is_named(
    tmp_path: Path, changes: dict[str, Any], code: str, fatal: bool
) -> None:
    found = read(SOURCE, tmp_path, saved(row("2026-09-01") | changes))
    (rejection,) = found.rejections
    assert (rejection.code, rejection.fatal) == (code, fatal)
    assert found.charges == found.usage == []


def test_a_row_twice_counts_once_and_must_be_the_same(tmp_path: Path) -> None:
    one = row("2026-09-01")
    assert read(SOURCE, tmp_path, saved(one), saved(one)).effective() == Decimal("0.015")
    (rejection,) = read(SOURCE, tmp_path, saved(one), saved({**one, "usage": 3})).rejections
    assert (rejection.code, rejection.fatal) == ("row_twice", True)


@pytest.mark.parametrize("answer", [{"hello": 1}, [1], {"data": [1]}, {"data": {"x": 1}}])
def test_what_is_no_answer_is_refused(tmp_path: Path, answer: Any) -> None:
    with pytest.raises(ImportRefusedError, match="no answer that the source knows"):
        read(SOURCE, tmp_path, spool(("", answer)))


@pytest.mark.parametrize("field", ["id", "name"])
def test_a_workspace_that_is_called_by_no_text_is_refused_in_words(
    tmp_path: Path, field: str
) -> None:
    with pytest.raises(ImportRefusedError, match="names of the workspaces") as refused:
        read(SOURCE, tmp_path, saved(row("2026-09-01")), saved({"slug": "s", field: {}}))
    named = (refused.value.file, refused.value.line, refused.value.column)
    assert named == ("answer-1", 1, field)


# --- purchases ----------------------------------------------------------------------------


def test_a_purchase_bills_and_has_no_effective_cost(tmp_path: Path) -> None:
    found = read(SOURCE, tmp_path, PURCHASES, dataset="purchases")
    sums = [(c.currency, c.billed_exact, c.effective_exact) for c in found.charges]
    assert sums == [("USD", Decimal("105.50"), 0), ("EUR", Decimal(50), 0)]
    named = found.charges[0].dimension
    assert (named.charge_category, named.invoice_id) == ("Purchase", "OR-17")
    assert found.charges[0].pricing_quantity == "100"


def test_a_packed_list_of_purchases_is_the_same_list(tmp_path: Path) -> None:
    def lines(content: bytes) -> list[tuple[Any, Any]]:
        found = read(SOURCE, tmp_path, content, dataset="purchases")
        return [(charge.identity, charge.content) for charge in found.charges]

    assert lines(gzip.compress(PURCHASES)) == lines(PURCHASES) != []
    with pytest.raises(ImportRefusedError) as refused:
        lines(gzip.compress(PURCHASES * 100)[:-20])
    assert refused.value.code == "damaged_gzip"


def test_a_list_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purchases, "MAX_BYTES", len(PURCHASES) - 1)
    with pytest.raises(ImportRefusedError) as refused:
        read(SOURCE, tmp_path, gzip.compress(PURCHASES), dataset="purchases")
    assert refused.value.code == "too_large"


def test_purchases_and_activity_have_a_connection_each(tmp_path: Path) -> None:
    with pytest.raises(ImportRefusedError, match="replace the other's days"):
        read(SOURCE, tmp_path, PURCHASES)
    with pytest.raises(ImportRefusedError, match="replace the other's days"):
        read(SOURCE, tmp_path, saved(row("2026-09-01")), dataset="purchases")
    with pytest.raises(ImportRefusedError, match="not fetched"):
        fetched(FETCH, {"dataset": "purchases"}, provider(), START, END)


def test_header_names_may_be_written_in_any_case(tmp_path: Path) -> None:
    plain = read(SOURCE, tmp_path, PURCHASES, dataset="purchases").charges
    capitals = PURCHASES.replace(
        b"date,credits,amount,currency,invoice_id", b'"Date", CREDITS,Amount,Currency,Invoice_ID'
    )
    assert read(SOURCE, tmp_path, capitals, dataset="purchases").charges == plain != []


@pytest.mark.parametrize(
    ("line", "field", "code"),
    [
        ("2026-09-03,20,20", "currency", "too_few_cells"),
        ("2026-09-03,20,20,USD", "invoice_id", "too_few_cells"),
        ("2026-09-03,20,20,USD,OR-19,,", "", "too_many_cells"),
    ],
)
def test_a_row_of_another_width_waits_and_the_rest_is_taken(
    tmp_path: Path, line: str, field: str, code: str
) -> None:
    content = PURCHASES.replace(b"2026-09-02,50", f"{line}\r\n2026-09-02,50".encode())
    found = read(SOURCE, tmp_path, content, dataset="purchases")
    (rejection,) = found.rejections
    assert (rejection.line, rejection.field, rejection.code) == (3, field, code)
    assert rejection.expected.startswith("5 cells, as in the header")
    assert not rejection.fatal
    assert [charge.line for charge in found.charges] == [2, 4]
    # Mended in quarantine, it is a purchase like the others.
    mended = '{"date": "2026-09-03", "credits": "20", "amount": "20", "currency": "USD"}'
    repairs = {raw_digest(rejection.raw_text): mended}
    again = reading.Read(
        SOURCE, reading.land(tmp_path, content), {"dataset": "purchases"}, repairs=repairs
    )
    assert [charge.line for charge in again.charges] == [2, 3, 4]


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda text: text[:-12], "truncated_file"),
        (lambda text: text.replace(b"currency", b"money"), "missing_columns"),
        (lambda text: text.replace(b"OR-17", b"\xff"), "truncated_file"),
    ],
)
def test_a_damaged_list_of_purchases_is_refused(tmp_path: Path, damage: Any, code: str) -> None:
    with pytest.raises(ImportRefusedError) as refused:
        read(SOURCE, tmp_path, damage(PURCHASES), dataset="purchases")
    assert refused.value.code == code


# --- fetching -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "end"), [("2026-06-01", "2026-07-02"), ("2026-08-05", "2026-09-05")]
)
def test_days_that_openrouter_has_forgotten_are_not_taken_for_empty(start: str, end: str) -> None:
    window = dt.date.fromisoformat(start), dt.date.fromisoformat(end)
    with pytest.raises(ImportRefusedError, match=f"30 days, from 2026-08-06 on.*{start}"):
        fetched(FETCH, {}, provider(), *window, END)


def test_the_oldest_day_that_openrouter_knows_is_fetched_first_and_never_read_again() -> None:
    oldest = END - dt.timedelta(30)
    assert fetched(FETCH, {}, provider(), oldest, END, END)
    (first,) = due_windows(FETCH, first=dt.date(2026, 1, 1), fetched_to=None, today=END)
    assert first.start == oldest
    # What is read again may wait beyond midnight, when the oldest day is gone: a year of Mondays.
    for week in range(53):
        today = dt.date(2026, 9, 7) + week * dt.timedelta(7)
        (again,) = due_windows(FETCH, first=None, fetched_to=today - dt.timedelta(1), today=today)
        assert again.start == today - dt.timedelta(29)
        tomorrow = today + dt.timedelta(1)
        assert fetched(FETCH, {}, provider(), again.start, again.end, tomorrow)


def test_every_key_is_asked_for(tmp_path: Path) -> None:
    for size in (1, 2, 100):
        content = fetched(FETCH, {}, provider(page_size=size), START, END, END)
        (control,) = read(SOURCE, tmp_path, content).controls
        assert (control.measure, control.expected) == ("effective", Decimal("2.8000001"))

    def loop(path: str, query: Any, body: Any) -> Any:
        return provider()(path, {**query, "offset": "0"}, body)

    with pytest.raises(SourceUnavailableError, match="a key twice"):
        fetched(FETCH, {}, loop, START, END, END)


def test_the_probe_is_one_small_request() -> None:
    asking = Asking(provider())
    FETCH.probe(FetchJob({}, START, END, asking, END))
    assert [path for path, _, _ in asking.asked] == ["/api/v1/credits"]


# --- through the engine -------------------------------------------------------------------


@pytest.mark.both_engines
@pytest.mark.django_db
def test_any_order_and_any_size_of_page_are_the_same_rows() -> None:
    connection = connect("openrouter")
    mixed = OpenRouter(shuffled(rows()), TODAY)
    assert_same_however_it_comes(
        connection,
        {
            "first": fetched(FETCH, {}, provider(), START, END, END),
            "again": fetched(FETCH, {}, provider(), START, END, END),
            "shuffled": fetched(FETCH, {}, mixed, START, END, END),
            "a key a page": fetched(FETCH, {}, provider(page_size=1), START, END, END),
            "no keys": fetched(FETCH, {}, provider(), START, END),
        },
        (START, END),
    )
    # The day before the window came in the same answers and was left where it is.
    assert Charge.objects.count() == 5
    assert sum(c.effective_nano or 0 for c in Charge.objects.all()) == 2_800_000_100


@pytest.mark.django_db
def test_money_that_the_keys_know_of_and_the_activity_does_not_is_held() -> None:
    connection = connect("openrouter")
    for missing, status in ((4, "applied"), (6, "held"), (-6, "applied")):
        content = fetched(FETCH, {}, provider(missing=missing), START, END, END)
        run = run_import(connection, content, window=(START, END))
        assert run.status == status
        said = run.held_reason if status == "held" else json.dumps(run.notes)
        assert f"a difference of {missing}." in said
    assert_books_balance()


@pytest.mark.sweep
@pytest.mark.django_db
def test_cash_and_consumption_each_count_a_credit_once() -> None:
    run_import(connect("openrouter"), fetched(FETCH, {}, provider(), START, END, END))
    paid = connect("openrouter", dataset="purchases", slug_suffix="-credits")
    run_import(paid, PURCHASES)
    assert billed(paid) == Decimal("155.5")
    bought = ChargeDimension.objects.filter(charge_category="Purchase")
    assert {each.provider for each in bought} == {"OpenRouter"}


# --- official examples --------------------------------------------------------------------


def test_the_official_answers_are_taken_with_the_expected_sums(
    tmp_path: Path, shared_data: Path
) -> None:
    folder = shared_data / "payloads"
    expected = json.loads((folder / "expected.json").read_text())["openrouter_api"]
    answers = {
        name: (folder / "openrouter_api" / f"{name}.json").read_bytes()
        for name in ("activity", "workspaces", "credits", "key")
    }
    found = read(SOURCE, tmp_path, *answers.values())
    assert [str(found.effective())] == expected["activity.json"]["usage_usd"]
    assert found.billed() == 0
    said = " ".join(note.message for note in found.notes)
    for name in ("credits.json", "key.json"):
        assert expected[name]["usage_usd"][0] in said
    assert "0.012 USD were paid elsewhere" in said
    for name in ("workspaces", "credits", "key"):
        alone = read(SOURCE, tmp_path, answers[name])
        assert alone.charges == alone.usage == []
        assert "nothing_there" in alone.note_codes()
