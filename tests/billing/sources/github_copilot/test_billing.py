"""What Copilot is billed at: by API and by report, to the nano-unit, and never twice."""

from __future__ import annotations

import gzip
import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from billing.models import Charge
from billing.sources.github_copilot.client import FETCH
from billing.sources.github_copilot.source import CopilotSource
from portal.imports.contracts import (
    FetchJob,
    ImportRefusedError,
    LandedFile,
    Limits,
    ReadOptions,
    SourceUnavailableError,
)
from portal.imports.outbound.errors import AnswerRefusedError
from tests.billing.sources.answers import (
    Asking,
    assert_same_however_it_comes,
    connect,
    fetched,
    read,
    shuffled,
    spool,
)
from tests.billing.sources.github_copilot.serving import Copilot, answer, item, report, seat
from tests.imports import counts, run_import

SOURCE = CopilotSource()
CONFIG = {"organization": "octo-org", "account_kind": "organization"}
START, END = date(2026, 5, 30), date(2026, 6, 4)
DAY = {"year": 2026, "month": 6, "day": 2}


def rows() -> list[dict[str, Any]]:
    """Five days around the switch of 1 June: requests before, credits after, two alike in all."""
    before = [item(f"2026-05-{day}", unit="requests", quantity="3") for day in (30, 31)]
    after = [item(f"2026-06-0{day}", user=user) for day in (1, 2, 3) for user in ("ada", "bo")]
    return [*before, *after, item("2026-06-03", user="bo")]


# --- amounts ------------------------------------------------------------------------------


def test_net_is_billed_gross_is_list_and_the_discount_stays_visible(tmp_path: Path) -> None:
    (charge,) = read(SOURCE, tmp_path, report([item("2026-06-02")]), **CONFIG).charges
    assert (charge.billed_nano, charge.effective_nano, charge.list_nano) == (
        100_000_000,
        100_000_000,
        125_000_000,
    )
    assert json.loads(charge.measures) == {"discount_amount": "0.025", "unit_price": "0.01"}
    named = charge.dimension
    assert (named.principal_id, named.repository, named.cost_center, named.sub_account_id) == (
        "octo-ada",
        "octo-org/portal",
        "CC-7",
        "octo-org",
    )
    assert (named.sku_id, named.model, charge.currency) == (
        "copilot_ai_credit",
        "Claude Example 5",
        "USD",
    )


def test_credits_and_requests_are_never_one_quantity(tmp_path: Path) -> None:
    found = read(SOURCE, tmp_path, report(rows(), aic_quantity="99", aic_gross_amount="0.99"))
    assert found.quantities() == {
        ("github_copilot.ai_credits", "credits"): Decimal("87.5"),
        ("github_copilot.requests", "requests"): Decimal(6),
    }
    # The credit equivalent of a request is kept beside it and is in no sum.
    requests = [c for c in found.charges if c.dimension.sku_meter == "requests"]
    assert json.loads(requests[0].measures)["credit_equivalent"] == "99"
    assert all("credit_equivalent" not in c.measures for c in found.charges if c not in requests)


def test_no_person_is_in_a_quantity(tmp_path: Path) -> None:
    found = read(SOURCE, tmp_path, report(rows()), **CONFIG)
    assert {c.dimension.principal_id for c in found.charges} >= {"ada", "bo"}
    for record in found.usage:
        assert not {"ada", "bo", "octo-ada"} & set(record.dimension)
    # Two people and two lines alike on 3 June are one quantity.
    assert len(found.usage) == 5


def test_float_noise_is_kept_exactly_and_rounded_once(tmp_path: Path) -> None:
    noisy = item("2026-06-02", quantity="0.8999999999999999", discount="0")
    found = read(SOURCE, tmp_path, report([noisy]), **CONFIG)
    assert found.charges[0].billed_nano == 9_000_000
    assert found.quantities()[("github_copilot.ai_credits", "credits")] == Decimal("0.9")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"netAmount": "soon"}, "bad_amount"),
        ({"grossAmount": None}, "missing_amount"),
        ({"netAmount": Decimal("0.2")}, "amounts_contradict"),
        ({"unitType": "tokens"}, "unknown_unit"),
    ],
)
def test_money_that_cannot_be_read_stops_everything(
    tmp_path: Path, changes: dict[str, Any], code: str
) -> None:
    bad = answer([item("2026-06-02", **changes)], DAY)
    (rejection,) = read(SOURCE, tmp_path, spool(("ai_credit", bad)), **CONFIG).rejections
    assert (rejection.code, rejection.fatal, rejection.line) == (code, True, 1)


def test_other_products_are_left_out_and_said(tmp_path: Path) -> None:
    other = item("2026-06-02", product="Actions")
    found = read(SOURCE, tmp_path, report([item("2026-06-02"), other]), **CONFIG)
    assert found.billed() == Decimal("0.1")
    (note,) = found.notes
    assert "0.1 USD net" in note.message


# --- what must not count twice ------------------------------------------------------------


@pytest.mark.parametrize("month_totals", [False, True])
def test_days_and_their_month_never_meet_in_one_connection(
    tmp_path: Path, month_totals: bool
) -> None:
    day = spool(("", answer([item("2026-06-02")], DAY)))
    month = spool(("", answer([item("2026-06-02")], {"year": 2026, "month": 6})))
    taken, refused = (month, day) if month_totals else (day, month)
    config = {**CONFIG, "takes_month_totals": month_totals}
    assert read(SOURCE, tmp_path, taken, **config).billed() == Decimal("0.1")
    with pytest.raises(ImportRefusedError, match="count twice"):
        read(SOURCE, tmp_path, refused, **config)


@pytest.mark.parametrize("second", ["api", "report"])
def test_the_same_money_twice_in_one_input_is_refused(tmp_path: Path, second: str) -> None:
    day = spool(("", answer([item("2026-06-02")], DAY)))
    again = day if second == "api" else report([item("2026-06-02")])
    with pytest.raises(ImportRefusedError) as refused:
        read(SOURCE, tmp_path, day, again, **CONFIG)
    assert refused.value.code == {"api": "period_twice", "report": "two_channels"}[second]


@pytest.mark.parametrize(
    ("told", "code"),
    [
        *(({name: "x"}, "filtered_answer") for name in ("user", "model", "cost_center_id")),
        ({"costCenter": {"id": "7"}}, "filtered_answer"),
        ({"organization": "", "enterprise": "octo"}, "period_twice"),
        ({"user": None, "organization": "octo-lab"}, ""),
    ],
)
def test_an_answer_of_a_part_is_not_the_whole(
    tmp_path: Path, told: dict[str, Any], code: str
) -> None:
    """Nor does it count beside the whole; another organisation is another bill."""
    day = answer([each for each in rows() if each["day"] == "2026-06-02"], DAY)
    files = [json.dumps(each, default=float).encode() for each in (day, day | told)]
    if not code:
        assert len(read(SOURCE, tmp_path, *files).charges) == 4
        return
    for given in (files, files[1:]) if code == "filtered_answer" else (files, files[::-1]):
        with pytest.raises(ImportRefusedError) as refused:
            read(SOURCE, tmp_path, *given)
        assert (refused.value.code, bool(refused.value.file)) == (code, True)


@pytest.mark.parametrize("together", [False, True])
def test_requests_are_asked_for_once(together: bool, tmp_path: Path) -> None:
    provider = Copilot(rows(), requests_with_credits=together)
    found = read(SOURCE, tmp_path, fetched(FETCH, CONFIG, provider, START, END), **CONFIG)
    assert sum(c.dimension.sku_meter == "requests" for c in found.charges) == 2
    assert found.billed() == sum((Decimal(r["netAmount"]) for r in rows()), Decimal(0))


# --- fetching -----------------------------------------------------------------------------


def test_an_answer_for_another_period_is_not_taken() -> None:
    def month_whatever_is_asked(path: str, query: Any, body: Any) -> Any:
        return answer(rows(), {"year": 2026, "month": 6})

    with pytest.raises(ImportRefusedError, match="another period"):
        fetched(FETCH, CONFIG, month_whatever_is_asked, START, END)


def test_an_account_that_is_not_found_says_what_to_do() -> None:
    def missing(path: str, query: Any, body: Any) -> Any:
        raise AnswerRefusedError("bad_status", "api.github.com answered 404")

    with pytest.raises(ImportRefusedError, match="belongs to an enterprise is billed with it"):
        FETCH.probe(FetchJob(CONFIG, START, END, Asking(missing)))
    with pytest.raises(ImportRefusedError, match="whose bill"):
        FETCH.probe(FetchJob({}, START, END, Asking(missing)))


@pytest.mark.parametrize(
    ("kind", "root"), [("organization", "/organizations/"), ("enterprise", "/enterprises/")]
)
def test_an_enterprise_is_asked_at_its_own_address(kind: str, root: str) -> None:
    asking = Asking(Copilot([]))
    config = {"organization": "octo", "account_kind": kind}
    FETCH.probe(FetchJob(config, START, END, asking))
    assert asking.asked[0][0] == f"{root}octo/settings/billing/ai_credit/usage"


def test_seats_are_listed_whole_or_not_at_all(tmp_path: Path) -> None:
    seats = [seat(number) for number in range(230)]
    found = read(
        SOURCE,
        tmp_path,
        fetched(FETCH, CONFIG, Copilot(rows(), seats), START, END, today=END),
        **CONFIG,
    )
    assert found.quantities()[("github_copilot.seats.snapshot", "seats")] == Decimal(230)
    short = Copilot(rows(), seats)
    with pytest.raises(SourceUnavailableError, match="230 seats and lists 229"):
        fetched(FETCH, CONFIG, _without_the_last_seat(short), START, END, today=END)
    with pytest.raises(SourceUnavailableError, match="230 seats and lists 130"):
        fetched(FETCH, CONFIG, _with_the_first_page_again(short), START, END, today=END)


def _without_the_last_seat(provider: Copilot) -> Any:
    def ask(path: str, query: Any, body: Any) -> Any:
        found = provider(path, query, body)
        if "seats" in found and query["page"] == "3":
            found["seats"].pop()
        return found

    return ask


def _with_the_first_page_again(provider: Copilot) -> Any:
    def ask(path: str, query: Any, body: Any) -> Any:
        return provider(path, {**query, "page": "1"} if query.get("page") == "2" else query, body)

    return ask


# --- the report as a file -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda text: text[:-40], "truncated_file"),
        (lambda text: text.replace(b'"net_amount"', b'"net"'), "missing_columns"),
        (lambda text: text + b'"2026-06-02"\r\n', "bad_cell_count"),
        (lambda text: text.replace(b"octo-ada", b"\xff\xfe"), "not_utf8"),
        (lambda text: b"", "no_rows"),
        (lambda text: b"<html>", "not_json"),
        (lambda text: b'{"download_links": ["/x"]}', "only_links"),
        (lambda text: b'{"hello": 1}', "unknown_answer"),
        (lambda text: b'{"usageItems": []}', "no_period"),
    ],
)
def test_what_is_no_whole_report_is_refused(tmp_path: Path, damage: Any, code: str) -> None:
    with pytest.raises(ImportRefusedError) as refused:
        read(SOURCE, tmp_path, damage(report([item("2026-06-02")])), **CONFIG)
    assert refused.value.code == code


def test_a_packed_report_is_the_report(tmp_path: Path) -> None:
    plain, packed = report(rows()), gzip.compress(report(rows()))
    assert read(SOURCE, tmp_path, packed, **CONFIG) == read(SOURCE, tmp_path, plain, **CONFIG)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda packed: packed[:-9],
        lambda packed: packed[:20],
        lambda packed: packed[:10] + b"\xff" * 40,
        lambda packed: packed[:200] + b"\xff" * 40 + packed[240:],
    ],
    ids=["cut", "cut at its start", "spoilt at its start", "spoilt"],
)
def test_a_damaged_packed_report_is_refused(tmp_path: Path, spoil: Any) -> None:
    content = spoil(gzip.compress(report(rows())))
    with pytest.raises(ImportRefusedError) as refused:
        read(SOURCE, tmp_path, content, **CONFIG)
    assert (refused.value.code, refused.value.file) == ("damaged_gzip", "answer-0")


@pytest.mark.parametrize(
    ("limits", "code"),
    [({"max_bytes": 600}, "too_large"), ({"max_line_chars": 100}, "line_too_long")],
)
def test_a_packed_report_is_bounded_by_what_is_in_it(
    tmp_path: Path, limits: dict[str, int], code: str
) -> None:
    path = tmp_path / "report.csv.gz"
    path.write_bytes(gzip.compress(report(rows())))
    assert path.stat().st_size < 600
    file = LandedFile(0, path.name, path, "0" * 64, path.stat().st_size)
    options = ReadOptions(config=CONFIG, limits=Limits(**limits))
    with pytest.raises(ImportRefusedError) as refused:
        list(SOURCE.read([file], options))
    assert refused.value.code == code


@pytest.mark.parametrize(
    "content",
    [b'""', b"null", b'\xef\xbb\xbf""\n', gzip.compress(b"null")],
    ids=["text", "null", "marked", "packed"],
)
def test_a_saved_empty_answer_says_that_there_is_nothing(tmp_path: Path, content: bytes) -> None:
    found = read(SOURCE, tmp_path, content, **CONFIG)
    assert (found.charges, found.usage, found.rejections) == ([], [], [])
    assert found.note_codes() == {"nothing_there"}
    beside = read(SOURCE, tmp_path, content, report([item("2026-06-02")]), **CONFIG)
    assert (beside.billed(), beside.notes) == (Decimal("0.1"), [])


# --- through the engine -------------------------------------------------------------------


@pytest.mark.both_engines
@pytest.mark.django_db
def test_api_and_report_in_any_order_are_the_same_rows() -> None:
    connection = connect("github_copilot", **CONFIG)
    assert_same_however_it_comes(
        connection,
        {
            "api": fetched(FETCH, CONFIG, Copilot(rows()), START, END),
            "again": fetched(FETCH, CONFIG, Copilot(rows()), START, END),
            "shuffled": fetched(FETCH, CONFIG, Copilot(shuffled(rows())), START, END),
            "together": fetched(
                FETCH, CONFIG, Copilot(rows(), requests_with_credits=True), START, END
            ),
            "report": report(rows()),
            "report shuffled": report(shuffled(rows())),
        },
        (START, END),
    )
    assert Charge.objects.count() == len(rows())
    dearer = item("2026-06-02", user="ada", quantity="20")
    run = run_import(connection, report([*rows()[:4], dearer, *rows()[5:]]))
    assert counts(run) == {"read": 14, "unchanged": 12, "updated": 2}


@pytest.mark.django_db
def test_seats_of_one_day_do_not_withdraw_those_of_another() -> None:
    connection = connect("github_copilot", **CONFIG)
    for seats, first, last in ((3, 1, 3), (4, 1, 4)):
        start, end = date(2026, 6, first), date(2026, 6, last)
        provider = Copilot(rows(), [seat(number) for number in range(seats)])
        run = run_import(
            connection,
            fetched(FETCH, CONFIG, provider, start, end, today=end),
            window=(start, end),
        )
        assert run.status == "applied", run.held_reason


# --- official examples --------------------------------------------------------------------


def test_the_official_report_has_the_expected_sums(tmp_path: Path, shared_data: Path) -> None:
    folder = shared_data / "payloads"
    expected = json.loads((folder / "expected.json").read_text())["github_copilot"]
    told = expected["ai_credit_usage_report.csv"]
    content = (folder / "github_copilot" / "ai_credit_usage_report.csv").read_bytes()
    found = read(SOURCE, tmp_path, content)
    assert (len(found.charges), found.rejections) == (65, [])
    assert found.billed() == Decimal(told["all"]["net_amount"]) == 0
    gross = sum(c.list_nano or 0 for c in found.charges)
    assert abs(Decimal(gross).scaleb(-9) - Decimal(told["all"]["gross_amount"])) < Decimal("1e-7")
    for unit, key in (("ai-credits", "ai_credits"), ("requests", "requests")):
        (amount,) = [q for (name, _), q in found.quantities().items() if name.endswith(key)]
        assert abs(amount - Decimal(told["by_unit_type"][unit]["quantity"])) < Decimal("0.0001")


def test_the_official_response_is_a_month_and_taken_only_as_such(
    tmp_path: Path, shared_data: Path
) -> None:
    path = shared_data / "payloads" / "github_copilot" / "ai_credit_usage_response.json"
    with pytest.raises(ImportRefusedError, match="sum of a month"):
        read(SOURCE, tmp_path, path.read_bytes())
    found = read(SOURCE, tmp_path, path.read_bytes(), takes_month_totals=True)
    assert (len(found.charges), found.rejections) == (67, [])
    assert found.billed() == Decimal("702.804770")
    assert sum(c.list_nano or 0 for c in found.charges) == 2_510_021_516_000
    assert {c.charge_period_start.date() for c in found.charges} == {date(2026, 6, 1)}
    assert {c.charge_period_end.date() for c in found.charges} == {date(2026, 7, 1)}
