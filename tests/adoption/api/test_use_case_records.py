"""Record, comments and links of a use case through the API."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from adoption.models import UseCaseComment, UseCaseLink
from adoption.services.use_case_notes import add_comment, remove_link, withdraw_comment
from tests.adoption.api.conftest import World, client_of
from tests.adoption.factories import NOW

BENEFIT = {
    "benefit_measure": "Handling time of a routine ticket", "benefit_unit": "minutes per ticket",
    "baseline": "12.5", "expected": "6", "expected_on": "2027-06-30",
}  # fmt: skip


def patch(world: World, record: Any) -> Any:
    client = client_of(world.owner)
    tag = client.get(world.path)["ETag"]
    return client.patch(world.path, {"record": record}, format="json", headers={"if-match": tag})


def test_the_record_is_read_and_written_field_by_field(world: World) -> None:
    client = client_of(world.employee)
    before = client.get(world.path).json()
    assert before["record"]["baseline"] is None
    assert before["record"]["tools"] == []
    assert (before["is_draft"], before["benefit_check"]) == (False, "not_stated")
    answer = patch(world, {**BENEFIT, "tools": ["Claude", "Codex"], "personal_data": "no"})
    assert answer.status_code == 200
    record = answer.json()["record"]
    assert {name: record[name] for name in BENEFIT} == BENEFIT
    assert answer.json()["benefit_check"] == "measurable"
    assert answer.json()["version"] == before["version"] + 1
    assert answer["ETag"] != client.get(f"{world.path}comments/")["ETag"]
    again = patch(world, {"expected": None, "tools": []}).json()["record"]
    assert (again["expected"], again["tools"], again["baseline"]) == (None, [], "12.5")
    assert client.get(world.path).json()["record"] == again


def test_a_use_case_is_proposed_with_its_record(world: World) -> None:
    client = client_of(world.employee)
    body = {
        "title": "Search", "programme": world.use_case.programme.slug, "value_type": "quality",
        "team": world.use_case.team.slug, "record": BENEFIT,
    }  # fmt: skip
    made = client.post("/api/v1/use-cases/", body, format="json")
    assert made.status_code == 201
    assert made.json()["record"]["expected"] == "6"
    assert client.get(made["Location"]).json() == made.json()


@pytest.mark.parametrize(
    ("record", "field", "code"),
    [
        ({"colour": "red"}, "record.colour", "not_writable"),
        ({"benefit_check": "measurable"}, "record.benefit_check", "not_writable"),
        ({"baseline": "many"}, "record.baseline", "invalid"),
        ({"baseline": "1.0000000001"}, "record.baseline", "max_decimal_places"),
        ({"data_class": "secret"}, "record.data_class", "invalid_choice"),
        ({"expected_on": "soon"}, "record.expected_on", "invalid"),
        ({"tools": "Claude"}, "record.tools", "not_a_list"),
        ({"baseline": "1"}, "record.benefit_unit", "refused"),
        ({**BENEFIT, "expected": "12.5"}, "record.expected", "refused"),
        ({**BENEFIT, "benefit_measure": "Tokens per day"}, "record.benefit_measure", "refused"),
    ],
)  # fmt: skip
def test_a_field_that_cannot_be_so_is_named(
    world: World, record: dict[str, Any], field: str, code: str
) -> None:
    answer = patch(world, record)
    assert answer.status_code == 400
    assert answer.json()["errors"][field][0]["code"] == code
    world.use_case.refresh_from_db()
    assert world.use_case.version == 1


def test_a_usage_benefit_is_refused_with_what_to_use_instead(world: World) -> None:
    answer = patch(world, {**BENEFIT, "benefit_unit": "prompts a day"})
    detail = answer.json()["errors"]["record.benefit_unit"][0]["detail"]
    assert "prompts" in detail
    assert "outcome instead" in detail


def test_anybody_comments_and_what_is_taken_back_keeps_its_line(world: World) -> None:
    path = f"{world.path}comments/"
    client = client_of(world.employee)
    made = client.post(path, {"text": "<b>Is it tested?</b>"}, format="json")
    assert made.status_code == 201
    assert made.json()["text"] == "<b>Is it tested?</b>"
    refused = client.post(path, {"text": "Go.", "is_decision": True}, format="json")
    assert refused.json()["errors"]["is_decision"][0]["code"] == "not_writable"
    add_comment(
        use_case=world.use_case, text="We go on.", is_decision=True, author=world.owner,
        at=timezone.now() + dt.timedelta(seconds=1),
    )  # fmt: skip
    withdraw_comment(comment_id=made.json()["id"], actor=world.employee, at=NOW)
    newest, oldest = client.get(path).json()["results"]
    assert (newest["text"], newest["is_decision"]) == ("We go on.", True)
    assert (oldest["text"], oldest["author"]) == (None, str(world.employee))
    assert oldest["withdrawn_at"]


@pytest.mark.parametrize("body", [{}, {"text": ""}, {"text": "x" * 5001}, {"text": "a", "by": 1}])
def test_a_comment_that_cannot_be_is_refused(world: World, body: dict[str, Any]) -> None:
    answer = client_of(world.employee).post(f"{world.path}comments/", body, format="json")
    assert answer.status_code == 400
    assert not UseCaseComment.objects.exists()


def test_links_are_attached_by_who_may_edit(world: World) -> None:
    path = f"{world.path}links/"
    body = {"title": "Assessment", "url": "https://wiki.example/assessment"}
    assert client_of(world.employee).post(path, body, format="json").status_code == 403
    client = client_of(world.owner)
    made = client.post(path, body, format="json")
    assert made.status_code == 201
    again = client.post(path, body, format="json")
    assert again.json()["errors"]["url"][0]["code"] == "refused"
    for url in ("http://wiki.example/a", "javascript:alert(1)", "https://me:secret@wiki.example/"):
        refused = client.post(path, {"title": "A", "url": url}, format="json")
        assert refused.status_code == 400
        assert "url" in refused.json()["errors"]
    assert [each["url"] for each in client.get(path).json()["results"]] == [body["url"]]
    remove_link(link_id=UseCaseLink.objects.get().pk, actor=world.owner, at=NOW)
    assert client.get(path).json()["results"] == []
    assert client.post(path, body, format="json").status_code == 201


@pytest.mark.parametrize("part", ["comments", "links"])
def test_lists_cost_the_same_however_long(
    world: World, part: str, django_assert_num_queries: Any
) -> None:
    client = client_of(world.owner)
    path = f"{world.path}{part}/"
    for number in range(5):
        body = {"text": "A", "title": f"T{number}", "url": f"https://wiki.example/{number}"}
        wanted = ("text",) if part == "comments" else ("title", "url")
        client.post(path, {name: body[name] for name in wanted}, format="json")
    with django_assert_num_queries(4):  # session, user, use case, page
        assert len(client.get(path).json()["results"]) == 5
