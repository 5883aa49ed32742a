"""Registering in three steps, the record's pages, comments and documents on pages."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from adoption.models import Programme, Team, UseCase, UseCaseComment, UseCaseLink
from adoption.services.use_cases import update_use_case
from portal.models import User
from portal.shell.exports import unescape_cell
from tests.adoption.factories import NOW, make_programme, make_team, make_use_case, make_user

pytestmark = pytest.mark.django_db
BENEFIT = {
    "hypothesis": "If drafts, then faster.", "benefit_measure": "Handling time",
    "benefit_unit": "minutes per ticket", "baseline": "12.5", "expected": "6",
    "expected_on": "2027-06-30", "benefit_text": "",
}  # fmt: skip
RISK = {
    "risk_tier": "limited", "stop_rule": "When it is slower.", "data_class": "internal",
    "personal_data": "no", "tools": "Claude\r\n\r\nCodex ", "vendors": "", "technology": "",
    "guardrails": "Reopened tickets below 6 %", "oversight": "", "impact_assessment": "",
}  # fmt: skip


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def person() -> User:
    return make_user(name="Pia")


def first_step(person: User, **fields: Any) -> dict[str, Any]:
    values = {
        "title": "Drafts of replies", "programme": make_programme().pk, "team": make_team().pk,
        "owner": person.pk, "problem": "Agents search four systems.", "value_type": "",
    }  # fmt: skip
    return values | fields


def test_a_use_case_is_registered_in_three_steps(person: User) -> None:
    client = client_of(person)
    answer = client.post(reverse("use-case-new"), first_step(person))
    use_case = UseCase.objects.get()
    assert answer.headers["Location"] == reverse("registration-benefit", args=[use_case.slug])
    assert (use_case.value_type, use_case.risk_tier) == ("not_stated", "not_stated")
    assert use_case.profile.is_draft
    answer = client.post(answer.headers["Location"], BENEFIT | {"expected_version": 1})
    assert answer.headers["Location"] == reverse("registration-risk", args=[use_case.slug])
    answer = client.post(answer.headers["Location"], RISK | {"expected_version": 2})
    assert answer.headers["Location"] == reverse("use-case", args=[use_case.slug])
    use_case = UseCase.objects.select_related("profile").get()
    profile = use_case.profile
    assert not profile.is_draft
    assert (profile.baseline_nano, profile.expected_nano) == (12_500_000_000, 6_000_000_000)
    assert profile.tools == ["Claude", "Codex"]
    assert (use_case.hypothesis, use_case.stop_rule) == (BENEFIT["hypothesis"], RISK["stop_rule"])
    page = client.get(answer.headers["Location"]).content.decode()
    assert "Handling time: 12.5 → 6 minutes per ticket by 30 Jun 2027" in page
    assert "1 of 7 missing" in page  # the value type, which nobody has said
    edit = client.get(reverse("registration-benefit", args=[use_case.slug])).content.decode()
    assert 'value="12.5"' in edit
    assert "Save as a draft" not in edit


@pytest.mark.parametrize("step", ["problem", "benefit", "risk"])
def test_every_step_can_be_left_as_a_draft_that_everybody_sees(person: User, step: str) -> None:
    client = client_of(person)
    first = first_step(person) | {"go": "draft" if step == "problem" else "on"}
    answer = client.post(reverse("use-case-new"), first)
    use_case = UseCase.objects.get()
    if step != "problem":
        url = reverse(f"registration-{step}", args=[use_case.slug])
        values = dict.fromkeys(BENEFIT if step == "benefit" else RISK, "")
        values |= {"risk_tier": "not_stated", "expected_version": "1", "go": "draft"}
        answer = client.post(url, values)
    assert answer.headers["Location"] == reverse("use-case", args=[use_case.slug])
    use_case = UseCase.objects.select_related("profile").get()
    assert use_case.profile.is_draft
    other = client_of(make_user())
    assert "registration is not finished" in other.get(answer.headers["Location"]).content.decode()
    found = other.get(reverse("use-case-similar"), {"title": "Draft replies"}).content.decode()
    assert use_case.title in found
    rows = other.get(reverse("portfolio"), {"registration": "draft"}).content.decode()
    assert use_case.title in rows
    assert "· draft" in rows
    rows = other.get(reverse("portfolio"), {"registration": "finished"}).content.decode()
    assert use_case.title not in rows


def test_the_first_step_can_be_opened_again(person: User) -> None:
    use_case = make_use_case(owner=person, title="Old", is_draft=True)
    url = reverse("registration-problem", args=[use_case.slug])
    values = {
        "title": "New", "programme": use_case.programme_id, "team": use_case.team_id,
        "owner": person.pk, "problem": "Slow.", "value_type": "risk", "expected_version": 1,
    }  # fmt: skip
    assert client_of(person).post(url, values).status_code == 302
    use_case.refresh_from_db()
    assert (use_case.title, use_case.value_type) == ("New", "risk")
    assert client_of(make_user()).get(url).status_code == 403


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"baseline": "6"}, "cannot turn out wrong"),
        ({"benefit_unit": ""}, "A number needs its unit"),
        ({"benefit_measure": "Prompts a day"}, "measures how much a tool is used"),
        ({"baseline": "many"}, "Enter a number"),
        ({"expected_version": 9}, "Somebody else changed this use case"),
    ],
)
def test_a_target_that_one_cannot_fail_is_refused_with_what_was_typed(
    person: User, change: dict[str, Any], words: str
) -> None:
    use_case = make_use_case(owner=person)
    url = reverse("registration-benefit", args=[use_case.slug])
    answer = client_of(person).post(url, BENEFIT | {"expected_version": 1} | change)
    page = answer.content.decode()
    assert words in page
    assert "If drafts, then faster." in page
    use_case.refresh_from_db()
    assert use_case.version == 1


def test_near_duplicates_are_found_by_their_problem_too(person: User) -> None:
    text = "Agents search four systems for each answer to a routine ticket."
    known = make_use_case(title="Support replies with sources", problem=text)
    client = client_of(person)
    asked = {"title": "Help desk drafts", "problem": "Agents search four systems for an answer"}
    url = reverse("use-case-similar")
    assert known.title in client.get(url, asked).content.decode()
    assert known.title not in client.get(url, asked | {"problem": "Agents"}).content.decode()
    page = client.get(reverse("use-case-new")).content.decode()
    assert page.count(f'hx-get="{url}"') == 2


def test_the_record_is_shown_in_groups_and_edited_whole(person: User) -> None:
    use_case = make_use_case(
        owner=person, profile={"vendors": "<script>", "code_link": "https://git.example/a"}
    )
    use_case.profile.form_fields = {"omb-csv": {"development_stage": "Deployed", "id": ""}}
    use_case.profile.save()
    client = client_of(person)
    page = client.get(reverse("use-case-record", args=[use_case.slug])).content.decode()
    assert "&lt;script&gt;" in page
    assert '<a href="https://git.example/a"' in page
    assert "Deployed" in page
    url = reverse("use-case-record-edit", args=[use_case.slug])
    form = client.get(url).context["form"]
    values = {name: form[name].value() for name in form.fields}
    values = {name: "" if value is None else value for name, value in values.items()}
    values |= {"tools": "Claude\nCodex", "topic_area": "Support"}
    answer = client.post(url, values)
    assert answer.status_code == 302
    use_case.profile.refresh_from_db()
    assert use_case.profile.tools == ["Claude", "Codex"]
    assert use_case.profile.vendors == "<script>"
    assert client_of(make_user()).get(url).status_code == 403


def test_comments_are_plain_text_and_decisions_are_logged(person: User) -> None:
    use_case = make_use_case(owner=person)
    page_url = reverse("use-case", args=[use_case.slug])
    new = reverse("use-case-comment-new", args=[use_case.slug])
    other = make_user(name="Omar")
    client_of(other).post(new, {"text": "<img src=x> **no**"})
    decide = reverse("use-case-decision-new", args=[use_case.slug])
    assert client_of(other).post(decide, {"text": "We stop."}).status_code == 403
    assert client_of(person).post(decide, {"text": "We go on."}).status_code == 302
    assert sorted(UseCaseComment.objects.values_list("is_decision", flat=True)) == [False, True]
    page = client_of(person).get(page_url).content.decode()
    assert "&lt;img src=x&gt; **no**" in page
    assert page.count("We go on.") == 2
    mine = UseCaseComment.objects.get(author=other)
    back = reverse("use-case-comment-withdraw", args=[use_case.slug, mine.pk])
    assert client_of(person).post(back).status_code == 403
    assert client_of(other).post(back).status_code == 302
    page = client_of(person).get(page_url).content.decode()
    assert "img src" not in page
    assert "Omar took this comment back" in page


def test_documents_are_attached_and_removed_with_a_line(person: User) -> None:
    use_case = make_use_case(owner=person)
    client = client_of(person)
    new = reverse("use-case-link-new", args=[use_case.slug])
    refused = client.post(new, {"title": "A", "url": "http://wiki.example"}).content.decode()
    assert "starts with https://" in refused
    client.post(new, {"title": "Assessment", "url": "https://wiki.example/a"})
    link = UseCaseLink.objects.get()
    remove = reverse("use-case-link-remove", args=[use_case.slug, link.pk])
    assert client_of(make_user()).get(remove).status_code == 403
    assert client.post(remove).status_code == 302
    page = client.get(reverse("use-case", args=[use_case.slug])).content.decode()
    assert "Document removed:" in page
    assert client.get(remove).status_code == 404


def test_the_checklist_leads_to_what_is_missing_and_the_stage_page_names_it(person: User) -> None:
    use_case = make_use_case(owner=person, value_type="quality")
    client = client_of(person)
    page = client.get(reverse("use-case", args=[use_case.slug])).content.decode()
    assert "Before it can be approved" in page
    assert "2 of 7 missing" in page
    assert reverse("registration-benefit", args=[use_case.slug]) in page
    stage = reverse("use-case-stage", args=[use_case.slug])
    assert "A benefit with number, unit and baseline" in client.get(stage).content.decode()
    answer = client.post(stage, {"to_stage": "approved", "reason": "", "expected_version": 1})
    assert "“Approved” needs a problem; a benefit" in answer.content.decode()
    other = client_of(make_user()).get(reverse("use-case", args=[use_case.slug])).content.decode()
    assert "Do it now" not in other


def test_owners_find_their_vague_benefits_at_home_and_in_the_portfolio(person: User) -> None:
    vague = make_use_case(owner=person, profile={"benefit_text": "Saves time."})
    make_use_case(owner=person, profile={"benefit_text": "Saves 3 hours a week."})
    assert "Benefits without a number" in client_of(person).get("/").content.decode()
    assert "Benefits without a number" not in client_of(make_user()).get("/").content.decode()
    answer: Any = client_of(person).get(
        reverse("portfolio"), {"benefit": "no_number", "export": "csv"}
    )
    rows = csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode()))
    assert [row["Address"] for row in rows] == [vague.slug]
    update_use_case(
        use_case_id=vague.pk, expected_version=1, actor=person, at=NOW,
        profile={"benefit_text": "Saves 2 hours."},
    )  # fmt: skip
    assert "Benefits without a number" not in client_of(person).get("/").content.decode()


def test_the_registry_is_taken_away_as_a_form(person: User) -> None:
    make_use_case(title="=SUM(A1)", risk_tier="high")
    make_use_case()
    client = client_of(person)
    url = reverse("use-case-export")
    answer: Any = client.get(url)
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert len(rows) == 2
    assert rows[0]["use_case_name"] == "'=SUM(A1)"
    assert unescape_cell(rows[0]["use_case_name"]) == "=SUM(A1)"
    assert len(json.loads(client.get(url, {"format": "json"}).content)["use_cases"]) == 2
    assert len(json.loads(client.get(url, {"format": "annex-viii"}).content)["systems"]) == 1
    assert client.get(url, {"format": "xml"}).status_code == 400
    assert Programme.objects.count() == Team.objects.count() == 2
