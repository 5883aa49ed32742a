"""OpenClaw: estimates by session, each answer once, nothing of what was said."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from billing.models import Charge, Usage
from portal.choices import RunStatus
from portal.imports.files import landed_path
from portal.models import ImportRun, RejectedRow
from portal.shell.money import from_nano
from tests.billing.engine import bring, connect, gzipped, stored
from tests.billing.services.charges import assert_books_balance
from tests.imports import counts
from tests.plugins.sweeping import sampled

pytestmark = pytest.mark.django_db
SECRET = "what was said"  # noqa: S105  (no password)


def session(name: str, *messages: str, directory: str = "/srv/checkouts/faq") -> bytes:
    header = {"type": "session", "id": name, "timestamp": "2026-05-04T08:00:00Z", "cwd": directory}
    return "\n".join([json.dumps(header), *messages, ""]).encode()


def message(
    number: int, cost: str | None = "0.0123456789", *, day: int = 4, entry: str | None = None,
    **changes: Any,
) -> str:  # fmt: skip
    usage: dict[str, Any] = {"input": 100, "output": 20, "cacheRead": 5, "totalTokens": 99_999}
    text = {
        "type": "message",
        "timestamp": f"2026-05-{day:02}T09:00:{number:02}Z",
        "message": {
            "role": "assistant", "provider": "anthropic", "model": "claude-x", "content": SECRET,
            "usage": {**usage, **changes, **({"cost": {"total": "COST"}} if cost else {})},
        },
    }  # fmt: skip
    if entry != "":
        text["id"] = entry or f"m{number}"
    return json.dumps(text).replace('"COST"', cost or "")


def billed() -> list[tuple[str, Decimal]]:
    rows = Charge.objects.filter(superseded_at__isnull=True).order_by("day", "billed_nano")
    return [(str(each.day), from_nano(each.billed_nano)) for each in rows]


def tokens() -> dict[str, int]:
    rows = Usage.objects.filter(superseded_at__isnull=True)
    found: dict[str, int] = {}
    for metric, micro in rows.values_list("dimension__metric", "quantity_micro"):
        found[metric] = found.get(metric, 0) + micro // 10**6
    return found


FILES = {
    "aaaaaaaa-1.jsonl": session("aaaaaaaa-1", message(1), message(2), message(3, day=5)),
    "bbbbbbbb-2.jsonl": session("bbbbbbbb-2", message(1, "1.5E-3"), message(2, None)),
}


def test_estimates_are_summed_by_day_and_session_from_exact_text() -> None:
    run = bring(connect("openclaw"), FILES)
    assert run.status == RunStatus.APPLIED
    # 0.0123456789 twice is 0.0246913578, which nano-units round half to even to …358.
    assert billed() == [
        ("2026-05-04", Decimal("0.0015")),
        ("2026-05-04", Decimal("0.024691358")),
        ("2026-05-05", Decimal("0.012345679")),
    ]
    assert run.totals_in["USD"]["billed"] == "0.0385370367"
    assert tokens() == {
        "tokens.input.uncached": 500, "tokens.output": 100, "tokens.input.cache_read": 25,
    }  # fmt: skip
    assert dict(run.notes)["no_cost"].startswith("1 of 5 answers")
    charge = Charge.objects.select_related("dimension").first()
    assert charge is not None
    assert (charge.cost_basis, charge.dimension.resource_type) == ("estimated", "session")
    assert charge.dimension.repository == ""
    assert "aaaaaaaa" not in charge.dimension.resource_id
    assert_books_balance()


@pytest.mark.parametrize(
    "how", sampled(["twice", "shuffled", "archived copy", "gzip", "pieces"], "archived copy")
)
def test_what_comes_again_is_counted_once(how: str) -> None:
    connection = connect("openclaw")
    first = bring(connection, FILES)
    before = stored()
    one, two = FILES.items()
    half = one[1].splitlines(keepends=True)
    again: Mapping[str, bytes] = {
        "twice": FILES,
        "shuffled": dict(reversed(FILES.items())),
        "archived copy": {**FILES, f"{one[0]}.deleted.2026": one[1]},
        "gzip": gzipped(FILES),
        "pieces": {
            one[0]: b"".join(half[:2]),
            f"again-{one[0]}": b"".join([half[0], *half[2:]]),
            two[0]: two[1],
        },
    }[how]
    run = bring(connection, again)
    assert counts(run) == {"read": first.read, "unchanged": first.read}
    assert stored() == before


@pytest.mark.sweep
def test_answers_without_an_id_are_told_apart_by_how_often_one_file_says_them() -> None:
    twice = session("s-1234567", *[message(1, "0.5", entry="")] * 2)
    bring(connect("openclaw"), {"s.jsonl": twice, "copy.jsonl": twice})
    assert billed() == [("2026-05-04", Decimal("1.0"))]


@pytest.mark.sweep
def test_the_same_id_with_other_numbers_is_refused() -> None:
    files = {
        "a.jsonl": session("s-1", message(1, "0.5")),
        "b.jsonl": session("s-1", message(1, "0.6")),
    }
    run = bring(connect("openclaw"), files)
    assert run.status == RunStatus.REFUSED
    assert RejectedRow.objects.get().code == "conflicting_message"


def test_a_piece_of_a_day_is_held_and_not_applied() -> None:
    connection = connect("openclaw")
    bring(connection, FILES)
    before = stored()
    for piece in (
        {"b.jsonl": FILES["bbbbbbbb-2.jsonl"]},
        {"a.jsonl": session("aaaaaaaa-1", message(1)), "b.jsonl": FILES["bbbbbbbb-2.jsonl"]},
    ):
        run = bring(connection, piece)
        assert run.status == RunStatus.HELD
        assert "would fall" in run.held_reason
    assert stored() == before


@pytest.mark.sweep
def test_a_session_that_goes_on_is_an_update() -> None:
    connection = connect("openclaw")
    bring(connection, FILES)
    longer = session("aaaaaaaa-1", *[message(n) for n in (1, 2, 7)], message(3, day=5))
    run = bring(connection, {**FILES, "aaaaaaaa-1.jsonl": longer})
    assert (run.status, run.superseded) == (RunStatus.APPLIED, 0)
    assert ("2026-05-04", Decimal("0.037037037")) in billed()
    assert_books_balance()


@pytest.mark.sweep
def test_the_directory_becomes_the_repository_only_when_asked() -> None:
    bring(connect("openclaw", repository_from_directory=True), FILES)
    assert {each.dimension.repository for each in Charge.objects.all()} == {"faq"}


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (message(1, output=-1), "bad_quantity"),
        (message(1, output="many"), "bad_amount"),
        (message(1, '"free"'), "bad_amount"),
        (message(1, "-1"), "bad_amount"),
        (message(1).replace("2026-05-04T09:00:01Z", "soon"), "bad_datetime"),
    ],
)
def test_a_wrong_line_is_named_without_what_was_said(line: str, code: str) -> None:
    run = bring(connect("openclaw"), {"s.jsonl": session("s-1", message(2), line)})
    (row,) = RejectedRow.objects.all()
    assert (row.code, row.line) == (code, 3)
    assert SECRET not in row.raw_text
    assert run.rejected == 1


# --- lines as the format shows them: no time, or no model, of their own -----------------------


def bare(number: int, cost: str = "0.5", **changes: Any) -> str:
    """An answer whose line states no time; `None` leaves out what its message says."""
    line = json.loads(message(number, "1"))
    del line["timestamp"]
    said = {**line["message"], **changes}
    line["message"] = {name: value for name, value in said.items() if value is not None}
    return json.dumps(line).replace('"total": 1}', f'"total": {cost}}}')


def change(provider: str, model: str, **more: Any) -> str:
    return json.dumps({"type": "model_change", "provider": provider, "modelId": model, **more})


def said_by_person(at: Any) -> str:
    return json.dumps({"type": "message", "timestamp": at, "message": {"role": "user"}})


def test_a_message_without_a_time_counts_on_the_day_of_the_line_before_it() -> None:
    lines = [
        bare(1, "1"),  # the session's, 4 May
        bare(2, "2", timestamp="2026-05-05T01:00:00Z"),  # its message's
        bare(3, "4"),
        said_by_person("2026-05-06T23:59:59Z"),
        bare(4, "8"),
        said_by_person("soon"),
        bare(5, "16", timestamp=1_778_112_000_000),  # 7 May, in milliseconds
        change("anthropic", "claude-x", timestamp="2026-05-08T00:00:00Z"),
        bare(6, "32"),
    ]
    run = bring(connect("openclaw"), {"s.jsonl": session("s-1234567", *lines)})
    assert (run.status, run.rejected) == (RunStatus.APPLIED, 0)
    assert billed() == [(f"2026-05-0{day}", cost) for day, cost in
                        ((4, 1), (5, 6), (6, 8), (7, 16), (8, 32))]  # fmt: skip
    assert dict(run.notes)["no_time"].startswith("4 of 6 answers state no time")


@pytest.mark.sweep
def test_a_message_without_any_time_before_it_is_rejected() -> None:
    header = json.dumps({"type": "session", "id": "s-2"})
    content = session("s-1", message(2)) + "\n".join([header, bare(1), ""]).encode()
    run = bring(connect("openclaw"), {"s.jsonl": content})
    assert run.rejected == 1
    row = RejectedRow.objects.get()
    assert (row.code, row.line) == ("missing_value", 4)


@pytest.mark.sweep
def test_a_piece_without_the_line_before_is_the_same_message() -> None:
    whole = session("s-1234567", said_by_person("2026-05-05T09:00:00Z"), bare(1))
    run = bring(connect("openclaw"), {"a.jsonl": whole, "b.jsonl": session("s-1234567", bare(1))})
    assert (run.status, run.rejected) == (RunStatus.APPLIED, 0)
    assert billed() == [("2026-05-05", Decimal("0.5"))]


def test_a_message_that_names_no_model_is_of_the_one_changed_to() -> None:
    lines = [
        bare(1, "1", model=None),
        change("openai", "gpt-y"),
        bare(2, "2", model=None, provider=None),
        bare(3, "4", model=None, provider="openai"),
        bare(4, "8", model=None, provider="anthropic"),
        bare(5, "16", provider=None),
    ]
    bring(connect("openclaw"), {"s.jsonl": session("s-1234567", *lines)})
    found = {
        (each.dimension.provider, each.dimension.model): from_nano(each.billed_nano)
        for each in Charge.objects.select_related("dimension")
    }
    assert found == {
        ("anthropic", ""): 9, ("openai", "gpt-y"): 6, ("unknown", "claude-x"): 16,
    }  # fmt: skip


def test_what_the_command_lands_still_says_times_and_models(tmp_path: Path) -> None:
    folder = tmp_path / "sessions"
    folder.mkdir()
    lines = [change("openai", "gpt-y", timestamp="2026-05-06T00:00:00Z", secret=SECRET)]
    lines.append(bare(1, model=None, provider=None))
    (folder / "s.jsonl").write_bytes(session("s-1234567", *lines))
    call_command(
        "import_costs", str(folder), "--source", "openclaw", "--connection", "agents",
        "--create-connection",
    )  # fmt: skip
    charge = Charge.objects.select_related("dimension").get()
    assert (charge.dimension.model, str(charge.day)) == ("gpt-y", "2026-05-06")
    (file,) = ImportRun.objects.get().files.all()
    assert SECRET.encode() not in landed_path(file.sha256).read_bytes()


def test_the_command_takes_folders_and_lands_nothing_that_was_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "agents" / "main" / "sessions"
    folder.mkdir(parents=True)
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    call_command(
        "import_costs", str(tmp_path), "--source", "openclaw", "--connection", "agents",
        "--create-connection", "--json",
    )  # fmt: skip
    told = json.loads(capsys.readouterr().out)
    assert told["sums"]["USD"]["billed"] == "0.0385370367"
    run = ImportRun.objects.get()
    assert run.files.count() == 2
    for file in run.files.all():
        assert SECRET.encode() not in landed_path(file.sha256).read_bytes()
