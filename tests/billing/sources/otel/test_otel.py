"""Telemetry: exact estimates by session and repository, deltas and running totals, once each."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from billing.models import Charge, Usage
from portal.choices import RunStatus
from portal.models import ImportRun, RejectedRow
from portal.shell.money import from_nano
from tests.billing.engine import bring, connect, gzipped, stored
from tests.billing.services.charges import assert_books_balance
from tests.billing.sweeps import sweep_both_engines, swept
from tests.imports import counts
from tests.plugins.sweeping import sampled

pytestmark = pytest.mark.django_db
DELTA, CUMULATIVE = 1, 2
COST, TOKENS = "claude_code.cost.usage", "claude_code.token.usage"


def nano(moment: str) -> str:
    """A moment of May 2026, as OTLP writes it."""
    at = datetime.fromisoformat(f"2026-05-{moment}").replace(tzinfo=UTC)
    return f"{int(at.timestamp())}000000000"


def attributes(**values: str) -> list[dict[str, Any]]:
    names = {name.replace("__", "."): value for name, value in values.items()}
    return [{"key": name, "value": {"stringValue": value}} for name, value in names.items()]


def point(
    value: str, at: str = "04T10:01", start: str = "04T10:00", *, session: str = "s-1",
    user: str = "ana", **more: str,
) -> dict[str, Any]:  # fmt: skip
    about: dict[str, str] = {
        "session.id": session, "user.email": f"{user}@acme.example", "model": "claude-x",
        "vcs.owner.name": "acme", "vcs.repository.name": "faq", **more,
    }  # fmt: skip
    return {
        "asDouble": f"N{value}N",
        "timeUnixNano": nano(at),
        "startTimeUnixNano": nano(start),
        "attributes": attributes(**{k.replace(".", "__"): v for k, v in about.items()}),
    }


def document(
    *points: dict[str, Any], metric: str = COST, temporality: Any = DELTA, **resource: str
) -> bytes:
    values = {"team": "support", "use_case": "faq", "host.name": "laptop-of-ana", **resource}
    total = {"aggregationTemporality": temporality, "isMonotonic": True, "dataPoints": points}
    text = json.dumps(
        {
            "resourceMetrics": [
                {
                    "resource": {"attributes": attributes(**values)},
                    "scopeMetrics": [{"metrics": [{"name": metric, "unit": "USD", "sum": total}]}],
                }
            ]
        }
    )
    return text.replace('"N', "").replace('N"', "").encode() + b"\n"


def billed() -> dict[tuple[str, str], Decimal]:
    rows = Charge.objects.filter(superseded_at__isnull=True)
    found: dict[tuple[str, str], Decimal] = {}
    for day, repository, amount in rows.values_list("day", "dimension__repository", "billed_nano"):
        key = str(day), repository
        found[key] = found.get(key, Decimal(0)) + from_nano(amount)
    return found


def take(*documents: bytes, **config: Any) -> ImportRun:
    return bring(connect("otel", **config), {"otlp.jsonl": b"".join(documents)})


@pytest.mark.both_engines
def test_estimates_are_exact_by_session_and_repository_with_tags_and_without_people() -> None:
    run = take(
        document(
            point("0.1"),
            point("0.2", "04T10:02", "04T10:01"),
            point("0.30000000000000004", session="s-2"),
        ),
        document(point("1200", type="input"), point("30.0", type="output"), metric=TOKENS),
        document(point("61.123456789"), metric="claude_code.active_time.total"),
        document(point("2", type="added"), metric="claude_code.lines_of_code.count"),
    )
    assert run.status == RunStatus.APPLIED
    assert billed() == {("2026-05-04", "acme/faq"): Decimal("0.6")}
    assert run.totals_in["USD"]["billed"] == "0.60000000000000004"
    assert run.totals_residue["USD"]["billed"] == "0.00000000000000004"
    charges = Charge.objects.select_related("dimension")
    assert len({each.dimension.resource_id for each in charges}) == 2
    assert {each.cost_basis for each in charges} == {"estimated"}
    usage = Usage.objects.select_related("dimension")
    assert {each.dimension.metric: each.quantity_micro for each in usage} == {
        "tokens.input.uncached": 1_200_000_000, "tokens.output": 30_000_000,
        "active_seconds": 61_123_457, "lines.added": 2_000_000,
    }  # fmt: skip
    dimensions = [*(each.dimension for each in charges), *(each.dimension for each in usage)]
    kept = " ".join(str(vars(each)) for each in dimensions)
    assert '{"team":"support","use_case":"faq"}' in kept
    assert not [word for word in ("ana", "laptop", "s-1", "s-2") if word in kept]
    assert_books_balance()


@sweep_both_engines
def test_two_people_with_the_same_figures_at_the_same_moment_are_two() -> None:
    take(document(point("0.5", user="ana"), point("0.5", user="ben")))
    assert billed() == {("2026-05-04", "acme/faq"): Decimal(1)}


@sweep_both_engines
def test_running_totals_give_their_differences_and_restart_at_a_new_start_or_a_fall() -> None:
    run = take(
        document(
            point("1", "04T10:01"),
            point("3", "04T23:59"),
            point("4.5", "05T00:01"),  # 1.5 of it on the fifth
            point("0.25", "05T00:02"),  # fell: a new beginning
            point("2", "05T08:01", "05T08:00"),  # a new start
            temporality="AGGREGATION_TEMPORALITY_CUMULATIVE",
        )
    )
    assert billed() == {
        ("2026-05-04", "acme/faq"): Decimal(3),
        ("2026-05-05", "acme/faq"): Decimal("3.75"),
    }
    assert "1 running total fell" in dict(run.notes)["counter_reset"]


def test_a_running_total_from_before_the_input_is_where_counting_begins() -> None:
    late = [point("4.5", "05T00:01"), point("5", "05T00:02")]
    run = take(document(*late, temporality=CUMULATIVE))
    assert billed() == {("2026-05-05", "acme/faq"): Decimal("0.5")}
    assert "USD 4.5 of it" in dict(run.notes)["began_before"]


@sweep_both_engines
def test_the_last_instant_of_a_day_belongs_to_it() -> None:
    take(document(point("1", "05T00:00", "04T23:59")))
    assert list(billed()) == [("2026-05-04", "acme/faq")]


# --- delivered again -------------------------------------------------------------------------

DOCUMENTS = [
    document(point(f"0.{n}1", f"{4 + n % 2:02}T10:{n:02}", f"{4 + n % 2:02}T10:00",
                   session=f"s-{n % 3}"))
    for n in range(1, 8)
]  # fmt: skip


def delivered(how: str) -> Mapping[str, bytes]:
    mixed = list(DOCUMENTS)
    random.Random(5).shuffle(mixed)  # noqa: S311  (an order, not a secret)
    whole: Sequence[bytes] = {"shuffled": mixed, "redelivered": [*mixed, *mixed[:4]]}.get(
        how, DOCUMENTS
    )
    if how == "split":
        return {f"{n}.json": each for n, each in enumerate(whole)}
    files = {"otlp.jsonl": b"".join(whole)}
    return gzipped(files) if how == "gzip" else files


@pytest.mark.both_engines
@pytest.mark.parametrize(
    "how", sampled(["twice", "shuffled", "split", "gzip", "redelivered"], "redelivered")
)
def test_what_is_delivered_again_changes_nothing(how: str) -> None:
    connection = connect("otel")
    first = bring(connection, delivered("once"))
    before = stored()
    run = bring(connection, delivered(how))
    assert counts(run) == {"read": first.read, "unchanged": first.read}
    assert stored() == before
    assert_books_balance()


@sweep_both_engines
def test_a_piece_of_a_day_is_held() -> None:
    connection = connect("otel")
    bring(connection, delivered("once"))
    before = stored()
    run = bring(connection, {"late.jsonl": DOCUMENTS[-1]})
    assert run.status == RunStatus.HELD
    assert "would fall" in run.held_reason
    assert stored() == before


# --- events ----------------------------------------------------------------------------------


def event(cost: str | None = "0.75", at: str = "04T10:01", **more: str) -> bytes:
    values = {
        "event.name": "api_request", "session.id": "s-1", "user.email": "ana@acme.example",
        "model": "claude-x", "input_tokens": "10", "output_tokens": "3",
        **({"cost_usd": cost} if cost is not None else {}), **more,
    }  # fmt: skip
    record = {
        "timeUnixNano": nano(at),
        "body": {"stringValue": "claude_code.api_request"},
        "attributes": attributes(**{k.replace(".", "__"): v for k, v in values.items()}),
    }
    scope = {"logRecords": [record]}
    return json.dumps({"resourceLogs": [{"scopeLogs": [scope]}]}).encode() + b"\n"


@sweep_both_engines
def test_of_metrics_and_events_one_is_read_because_both_say_the_same() -> None:
    both = [document(point("0.5")), event(), event(), event("0.25", "04T10:02")]
    run = take(*both)
    assert list(billed().values()) == [Decimal("0.5")]
    assert "describe the same tokens" in dict(run.notes)["not_read_twice"]
    other = bring(connect("otel", "events", read="events", account="by-events"),
                  {"otlp.jsonl": b"".join(both)})  # fmt: skip
    assert other.totals_in["USD"]["billed"] == "1.00"
    assert Usage.objects.filter(run=other, dimension__metric="tokens.output").count() == 1


# --- what is wrong has a name ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (document(point("0.5") | {"asDouble": "many"}), "bad_amount"),
        *swept(
            (document(point("-0.5")), "bad_amount"),
            (document(point("0.5"), temporality=0), "bad_temporality"),
            (document(point("0.5"), point("0.6")), "conflicting_point"),
            (document(point("0.5") | {"timeUnixNano": "soon"}), "bad_datetime"),
        ),
    ],
)
def test_a_wrong_point_is_named_without_the_person(content: bytes, code: str) -> None:
    run = take(content)
    assert run.status == RunStatus.REFUSED
    (row,) = RejectedRow.objects.all()
    assert row.code == code
    assert "acme.example" not in row.raw_text


def test_points_that_cannot_be_counted_are_said() -> None:
    """A flagged point says nothing, whatever stands in it; the running total goes on after it."""
    nothing = point("99", "04T10:02") | {"flags": 1}
    empty = {k: v for k, v in point("1", "04T10:03").items() if k != "asDouble"}
    costs = document(point("0.5"), nothing, empty, point("0.8", "04T10:04"), temporality=CUMULATIVE)
    types = ("input", "thinking", "thinking", "")
    tokens = [point("7", user=str(number), type=kind) for number, kind in enumerate(types)]
    run = take(costs + document(*tokens, metric=TOKENS))
    assert run.status == RunStatus.APPLIED, run.problem
    assert sum(billed().values()) == Decimal("0.8")
    assert list(Usage.objects.values_list("quantity_micro", flat=True)) == [7_000_000]
    said = str(run.notes)
    assert "2 points without a recorded value" in said
    assert "3 points of a type" in said
    assert "thinking (2), (none) (1)" in said


def test_an_event_without_an_amount_is_refused() -> None:
    run = take(event(None), read="events")
    assert (run.status, RejectedRow.objects.get().code) == (RunStatus.REFUSED, "missing_amount")


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"{}\n", "not_otlp"), *swept((b"hello\n", "not_json"), (b"[1]\n", "not_otlp"))],
)
def test_what_is_no_telemetry_is_refused(content: bytes, code: str) -> None:
    run = take(content)
    assert (run.status, f"[{code}]" in run.problem) == (RunStatus.REFUSED, True)


def test_telemetry_without_anything_to_take_is_refused() -> None:
    run = take(event())
    assert (run.status, "[nothing_to_import]" in run.problem) == (RunStatus.REFUSED, True)
