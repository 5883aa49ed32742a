"""Use cases, teams and programmes as pages read them."""

from __future__ import annotations

import datetime as dt

import pytest
from django.contrib.auth.models import AnonymousUser

from adoption.choices import Stage
from adoption.selectors.milestones import due_text, milestones_needing_a_look
from adoption.selectors.programmes import programmes_visible_to, standing_of
from adoption.selectors.teams import team_and_below, team_records, teams_visible_to
from adoption.selectors.use_cases import (
    history_of,
    proposals_waiting,
    similar_use_cases,
    stages_open_to,
    use_case_for_page,
    use_cases_visible_to,
)
from adoption.services.milestones import measure_milestones
from adoption.services.teams import add_membership
from portal.choices import Role
from tests.adoption.factories import (
    NOW,
    make_milestone,
    make_programme,
    make_team,
    make_use_case,
    make_user,
    move_stage,
    registered_metric,
)

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("typed", "is_similar"),
    [
        ("Invoice OCR with human check", True),
        ("OCR for invoices", True),
        ("invoice ocr", True),
        ("Invioce OCR check", True),
        ("Holiday calendar", False),
        ("AI assistant for the team", False),
        ("", False),
    ],
)
def test_near_duplicates_are_found_by_words_and_their_parts(typed: str, is_similar: bool) -> None:
    use_case = make_use_case(title="Invoice OCR with human check")
    make_use_case(title="Contract clause search")
    found = similar_use_cases(use_case.owner, typed)
    assert [item.slug for item in found] == ([use_case.slug] if is_similar else [])


def test_a_use_case_is_no_duplicate_of_itself_nor_shown_to_strangers() -> None:
    use_case = make_use_case(title="Invoice OCR")
    owner = use_case.owner
    assert not similar_use_cases(owner, "Invoice OCR", exclude_slug=use_case.slug)
    assert not similar_use_cases(AnonymousUser(), "Invoice OCR")


def test_owner_and_lead_may_ask_for_every_stage_or_end_it_and_nobody_else() -> None:
    use_case = make_use_case()
    lead, stranger = make_user(Role.PROGRAMME_LEAD), make_user()
    assert stages_open_to(lead, use_case) == [Stage.APPROVED, Stage.STOPPED, Stage.RETIRED]
    assert stages_open_to(use_case.owner, use_case) == stages_open_to(lead, use_case)
    assert stages_open_to(stranger, use_case) == []


def test_the_history_shows_the_way_and_drops_what_will_not_follow() -> None:
    use_case = make_use_case()
    steps = history_of(use_case).steps
    assert [step.stage for step in steps if step.entered_on] == [Stage.PROPOSED]
    assert len(steps) == 5
    ended = move_stage(
        use_case,
        Stage.STOPPED,
        reason="Nobody needs it.",
        actor=use_case.owner,
        at=NOW + dt.timedelta(days=3),
    )
    loaded = use_case_for_page(use_case.owner, ended.slug)
    assert loaded is not None
    history = history_of(loaded)
    assert [step.stage for step in history.steps] == [Stage.PROPOSED, Stage.STOPPED]
    assert history.steps[-1].is_current
    assert [decision.stage for decision in history.decisions] == [Stage.STOPPED, Stage.PROPOSED]


def test_the_tree_of_teams_counts_people_of_today() -> None:
    top = make_team("Finance")
    low = make_team("Payables", top)
    make_team("Engineering")
    user = make_user()
    for team, start, end in ((low, 1, 5), (top, 5, None)):
        add_membership(
            team_id=team.pk,
            user=user,
            starts_on=dt.date(2026, 3, start),
            ends_on=dt.date(2026, 3, end) if end else None,
            actor=user,
            at=NOW,
        )
    records = team_records(teams_visible_to(user), today=dt.date(2026, 3, 5))
    assert [(r["path"], r["depth"], r["people"]) for r in records] == [
        ("Engineering", 0, 0),
        ("Finance", 0, 1),
        ("Finance › Payables", 1, 0),
    ]
    assert team_and_below(top.pk) == {top.pk, low.pk}


def test_a_programme_counts_its_own_use_cases_and_milestones() -> None:
    programme = make_programme()
    use_case = make_use_case(programme=programme)
    make_use_case()
    with registered_metric():
        make_milestone(use_case)
    standing = standing_of(programme)
    assert (standing.use_case_count, standing.milestone_count) == (1, 1)


def test_missed_and_soon_due_milestones_of_running_use_cases_need_a_look() -> None:
    use_case = make_use_case()
    ended = make_use_case()
    with registered_metric():
        missed = make_milestone(use_case, due_on=dt.date(2026, 11, 1))
        soon = make_milestone(use_case, due_on=dt.date(2026, 12, 20))
        make_milestone(use_case, due_on=dt.date(2026, 12, 21))
        make_milestone(ended, due_on=dt.date(2026, 11, 1))
        measure_milestones(use_case_ids=[use_case.pk, ended.pk], at=NOW)
    move_stage(ended, Stage.STOPPED, reason="No.", actor=ended.owner, at=NOW)
    assert list(milestones_needing_a_look(use_case.owner, now=NOW)) == [missed, soon]


def test_days_read_as_people_say_them() -> None:
    today = dt.date(2026, 11, 20)
    texts = [due_text(today + dt.timedelta(days=days), today) for days in (0, 1, 9, -1, -9)]
    assert texts == ["today", "in 1 day", "in 9 days", "1 day ago", "9 days ago"]


def test_nothing_is_visible_to_who_is_not_signed_in() -> None:
    make_use_case()
    nobody, somebody = AnonymousUser(), make_user()
    for visible in (use_cases_visible_to, programmes_visible_to, teams_visible_to):
        assert not visible(nobody).exists()
        assert visible(somebody).exists()
    assert not proposals_waiting(nobody).exists()
    assert proposals_waiting(somebody).count() == 1
