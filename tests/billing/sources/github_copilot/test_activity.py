"""Seats and usage metrics: quantities of an organisation, never of a person."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from billing.sources.github_copilot.source import CopilotSource
from portal.imports.contracts import ImportRefusedError
from tests.billing.sources.answers import Read, read
from tests.billing.sources.github_copilot.serving import seat

SOURCE = CopilotSource()
METRICS = "github_copilot.metrics"
OF_USERS = "github_copilot.metrics_of_users"


def user_day(number: int, day: str = "2026-09-03", **changes: Any) -> dict[str, Any]:
    return {
        "user_id": number,
        "user_login": f"octo-{number}",
        "day": day,
        "organization_id": "100",
        "user_initiated_interaction_count": number,
        "code_generation_activity_count": 5,
        "code_acceptance_activity_count": 2,
        "loc_added_sum": 30,
        "loc_deleted_sum": 4,
        "totals_by_feature": [{"feature": "chat", "loc_added_sum": 30}],
        "totals_by_cli": {
            "session_count": 1,
            "request_count": 7,
            "token_usage": {"prompt_tokens_sum": 1000, "output_tokens_sum": 50},
        },
        "ai_credits_used": 2.5,
        **changes,
    }


def taken(folder: Path, *documents: Any) -> Read:
    return read(SOURCE, folder, *(json.dumps(each).encode() for each in documents))


def test_users_are_added_up_before_anything_is_kept(tmp_path: Path) -> None:
    found = taken(tmp_path, {"day_totals": [user_day(1), user_day(2)]})
    assert found.charges == []
    assert found.quantities() == {
        (OF_USERS, "interactions"): Decimal(3),
        (OF_USERS, "edits.suggested"): Decimal(10),
        (OF_USERS, "edits.accepted"): Decimal(4),
        (OF_USERS, "lines.added"): Decimal(60),
        (OF_USERS, "lines.removed"): Decimal(8),
        (OF_USERS, "cli.sessions"): Decimal(2),
        (OF_USERS, "cli.requests"): Decimal(14),
        (OF_USERS, "cli.tokens.input.total"): Decimal(2000),
        (OF_USERS, "cli.tokens.output"): Decimal(100),
        (OF_USERS, "credits"): Decimal(5),
    }
    assert len(found.usage) == len(found.quantities())
    assert not any("octo-" in value for u in found.usage for value in map(str, u.dimension))


def test_lines_of_json_are_the_same_as_one_document(tmp_path: Path) -> None:
    rows = [user_day(1), user_day(2), user_day(1, "2026-09-04")]
    lines = "\n".join(map(json.dumps, rows)).encode()
    assert (
        read(SOURCE, tmp_path, lines).quantities()
        == taken(tmp_path, {"day_totals": rows}).quantities()
    )


def test_rows_of_teams_overlap_and_are_left_out(tmp_path: Path) -> None:
    rows = [user_day(1), user_day(1, team_id=9), user_day(1, team_id=10)]
    found = taken(tmp_path, {"day_totals": rows})
    assert found.quantities()[(OF_USERS, "interactions")] == 1
    assert found.note_codes() == {"rows_of_teams"}


def test_a_day_of_two_reports_counts_once_and_must_agree(tmp_path: Path) -> None:
    day = {"day": "2026-09-03", "organization_id": "100", "daily_active_users": 6}
    one, many = {"day_totals": [day]}, {"day_totals": [{**day, "day": "2026-09-02"}, day]}
    assert taken(tmp_path, one, many).quantities() == {(METRICS, "users.active"): Decimal(12)}
    other = {"day_totals": [{**day, "daily_active_users": 7}]}
    (rejection,) = taken(tmp_path, one, other).rejections
    assert (rejection.code, rejection.fatal) == ("day_twice", False)


def test_a_bad_row_of_a_person_is_never_kept_aside(tmp_path: Path) -> None:
    bad = user_day(2, loc_added_sum=-1)
    with pytest.raises(ImportRefusedError) as refused:
        taken(tmp_path, {"day_totals": [user_day(1), bad]})
    assert (refused.value.code, refused.value.column) == ("bad_quantity", "loc_added_sum")
    assert "octo-2" not in str(refused.value)


def test_a_bad_row_of_the_organisation_waits_in_quarantine_whole(tmp_path: Path) -> None:
    day = {"organization_id": "100", "daily_active_users": 6, "loc_added_sum": 5}
    bad = {**day, "day": "2026-09-02", "loc_added_sum": -1}
    found = taken(tmp_path, {"day_totals": [{**day, "day": "2026-09-03"}, bad]})
    assert [r.code for r in found.rejections] == ["bad_quantity"]
    assert found.quantities() == {(METRICS, "users.active"): 6, (METRICS, "lines.added"): 5}


def test_seats_have_no_price_and_count_people_once(tmp_path: Path) -> None:
    seats = [seat(1), seat(2), seat(2), seat(3, "enterprise", "2026-09-04T10:00:00Z")]
    found = taken(tmp_path, {"total_seats": 3, "seats": seats})
    assert found.charges == []
    assert found.note_codes() == {"seats_without_price"}
    plans = {u.dimension.service_tier: u.quantity_micro for u in found.usage}
    assert plans == {"business": 2_000_000, "enterprise": 1_000_000}
    assert {u.period_start.date() for u in found.usage} == {date(2026, 9, 4)}


def test_saved_seats_are_counted_when_every_page_is_there(tmp_path: Path) -> None:
    def page(*people: int, said: int = 4) -> dict[str, Any]:
        return {"total_seats": said, "seats": [seat(number) for number in people]}

    whole = taken(tmp_path, page(3, 4), page(1, 2), page(1, 2))
    assert [u.quantity_micro for u in whole.usage] == [4_000_000]
    for pages, code in (
        ([page(1, 2), page(1, 2)], "pages_missing"),
        ([page(1, 2)], "pages_missing"),
        ([page(1, 2, said=2), page(3, said=3)], "two_snapshots"),
        ([page(1, 2, said=1)], "pages_missing"),
        ([{"total_seats": 1, "seats": [{"plan_type": "business"}]}], "not_a_seat"),
    ):
        with pytest.raises(ImportRefusedError) as refused:
            taken(tmp_path, *pages)
        assert (refused.value.code, bool(refused.value.file)) == (code, True)


def test_the_official_activity_reports_are_taken(tmp_path: Path, shared_data: Path) -> None:
    folder = shared_data / "payloads" / "github_copilot"

    def official(*names: str) -> Read:
        return read(SOURCE, tmp_path, *((folder / f"{name}.json").read_bytes() for name in names))

    one = official("organization-1-day-report")
    assert one.quantities()[(METRICS, "lines.added")] == 435
    assert one.quantities()[(METRICS, "cli.tokens.output")] == 748058
    users = official("organization-users-1-day-report").quantities()
    # The report of users comes to what the report of their organisation says of the same day.
    for metric in ("interactions", "edits.accepted", "lines.added", "cli.tokens.output"):
        assert users[(OF_USERS, metric)] == one.quantities()[(METRICS, metric)]
    assert len({u.period_start for u in official("organization-28-day-report").usage}) == 28
    seats = official("organization_seats_response_sample")
    assert sum(seats.quantities().values()) + 0 == len(
        json.loads((folder / "organization_seats_response_sample.json").read_text())["seats"]
    )
    for name in ("organization-1-day", "organization-28-day"):
        with pytest.raises(ImportRefusedError, match="where the report lies"):
            official(f"download-links-{name}")
