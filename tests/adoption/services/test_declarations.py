"""Labels, boxes and corrections: kept, followed, and never overwritten by rules."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from adoption.evidence import classify, rules
from adoption.evidence.rules import EvidenceRule
from adoption.models import Change, Declaration, Evidence, Reclassification
from adoption.services import reclassification
from adoption.services.declarations import NotYourChangeError, correct_change
from adoption.services.ingest import ingest
from adoption.services.reclassification import (
    ask_for_reclassification,
    is_current,
    moved_counts,
    reclassify,
)
from adoption.services.recompute import recompute_repository
from portal.models import Connection, WorkItem
from portal.services.connections import create_connection
from tests.adoption.factories import NOW, make_user
from tests.adoption.importing import History, change, commit
from tests.adoption.suggestion_stories import own

pytestmark = pytest.mark.django_db


def make_source(**config: Any) -> Connection:
    return create_connection(slug="own", source="generic", config=config, at=NOW)


def send(connection: Connection, minutes: int = 0, **fields: Any) -> Change | None:
    """One statement about pull request 7, that many minutes after the first."""
    moment = NOW - dt.timedelta(days=2) + dt.timedelta(minutes=minutes)
    item = {
        "repository": "git.example/shop", "external_id": "7", "state": "merged",
        "title": "Dunning", "merged_at": (NOW - dt.timedelta(days=3)).isoformat(),
        "observed_at": moment.isoformat(), "url": "https://git.example/shop/pull/7",
        "author": {"login": "mira"}, **fields,
    }  # fmt: skip
    (outcome,) = ingest(connection=connection, noun="changes", items=[item], actor=None, at=NOW)
    assert outcome.status != "rejected", outcome.detail
    found = Change.objects.get(external_id="7")
    recompute_repository(repository_id=found.repository_id)
    return Change.objects.get(external_id="7")


def standing(found: Change | None) -> tuple[str, str]:
    assert found is not None
    return found.strength, found.involvement


def test_a_label_declares_and_taking_it_off_takes_that_back() -> None:
    source = make_source(ai_labels="ai; ai-assisted", human_boxes="No AI")
    assert standing(send(source)) == ("", "unknown")
    assert standing(send(source, 1, labels=["AI", "bug"])) == ("declared", "ai")
    assert standing(send(source, 2, labels=["bug"])) == ("", "unknown")
    assert standing(send(source, 3, message="- [x] No AI was used")) == ("", "human")
    commits = [{"sha": "a" * 40, "message": "x\n\nCo-Authored-By: Claude <noreply@anthropic.com>"}]
    assert standing(send(source, 4, commits=commits)) == ("assisted", "ai")
    assert Declaration.objects.count() == 1


@pytest.mark.both_engines
def test_only_the_author_corrects_and_the_correction_outlives_what_comes() -> None:
    source = make_source(ai_labels="ai")
    found = send(source, labels=["ai"])
    assert found is not None
    mira = make_user()
    with pytest.raises(NotYourChangeError):
        correct_change(change=found, says="human", actor=mira, at=NOW)  # type: ignore[arg-type]
    own(mira)
    correct_change(change=found, says="human", actor=mira, at=NOW)  # type: ignore[arg-type]
    assert standing(Change.objects.get()) == ("", "human")
    assert standing(send(source, 5, labels=["ai", "later"])) == ("", "human")
    correct_change(change=found, says=None, actor=mira, at=NOW)
    assert standing(Change.objects.get()) == ("declared", "ai")


@pytest.mark.both_engines
def test_a_correction_of_a_commit_survives_the_next_import(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.bring([commit(1, 0, ai=True), commit(2, on=2)])
    mira = make_user()
    own(mira)
    correct_change(change=change(1), says="human", actor=mira, at=NOW)  # type: ignore[arg-type]
    correct_change(change=change(2), says="ai", actor=mira, at=NOW)  # type: ignore[arg-type]
    history.bring([commit(1, 0, ai=True, message="Another wording"), commit(2, on=2)])
    assert standing(change(1)) == ("", "human")
    assert standing(change(2)) == ("declared", "ai")
    assert Evidence.objects.filter(change=change(1)).exists()  # what was seen stays seen


# --- new rules -------------------------------------------------------------------------------


NEW = EvidenceRule(
    "house-bot", 1, "house-bot", "commit_trailer", "autonomous", r"^\s*made-by:\s*house-bot", "made"
)


@pytest.fixture
def new_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Version 2: one rule more, and Claude's trailer says only that something was taken over."""
    older = [rule for rule in rules.LINE_RULES if rule.key != "claude-coauthor"]
    (claude,) = [rule for rule in rules.LINE_RULES if rule.key == "claude-coauthor"]
    weaker = EvidenceRule(
        claude.key, 2, claude.agent, claude.channel, "suggestion", claude.pattern, claude.needle
    )
    monkeypatch.setattr(classify, "LINE_RULES", (*older, weaker, NEW))
    monkeypatch.setattr(classify, "_NEEDLES", (*classify._NEEDLES, "made"))
    monkeypatch.setattr(reclassification, "RULES_VERSION", "2")


def test_new_rules_restate_what_is_kept_and_leave_corrections_alone(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    history = History(tmp_path)
    rows = [commit(1, 0, ai=True), commit(2, on=2, message="Two\n\nMade-By: house-bot"),
            commit(3, on=3), commit(4, on=4, ai=True)]  # fmt: skip
    history.bring(rows)
    mira = make_user()
    own(mira)
    correct_change(change=change(4), says="human", actor=mira, at=NOW)  # type: ignore[arg-type]
    assert is_current()
    request.getfixturevalue("new_rules")
    assert not is_current()
    assert ask_for_reclassification(at=NOW)
    ask_for_reclassification(at=NOW)
    assert WorkItem.objects.filter(kind=reclassification.RECLASSIFY).count() == 1

    run = reclassify(at=NOW)
    assert [standing(change(n)) for n in (1, 2, 3, 4)] == [
        ("suggestion", "ai"), ("autonomous", "ai"), ("", "unknown"), ("", "human"),
    ]  # fmt: skip
    assert (run.changes_read, run.signs_added, run.signs_removed) == (4, 1, 0)
    assert moved_counts(run) == {"assisted": -1, "autonomous": 1, "none": -1, "suggestion": 1}
    assert set(Evidence.objects.filter(agent="claude-code").values_list("rule_version")) == {(2,)}
    assert is_current()

    before = list(Evidence.objects.order_by("pk").values())
    again = reclassify(at=NOW)
    assert (again.signs_added, again.signs_removed, again.changes_moved) == (0, 0, 0)
    assert list(Evidence.objects.order_by("pk").values()) == before
    assert Reclassification.objects.count() == 2


def test_a_rule_that_went_takes_its_signs_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    History(tmp_path).bring([commit(1, 0, ai=True), commit(2, on=2)])
    monkeypatch.setattr(
        classify, "LINE_RULES",
        tuple(rule for rule in rules.LINE_RULES if rule.key != "claude-coauthor"),
    )  # fmt: skip
    run = reclassify(at=NOW)
    assert (run.signs_removed, run.changes_moved) == (1, 1)
    assert standing(change(1)) == ("", "unknown")
