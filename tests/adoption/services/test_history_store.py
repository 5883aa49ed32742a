"""Storing histories: any chunks in any order end at the same rows, and nothing is assumed."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from adoption.choices import EnvironmentTier, Strength
from adoption.models import (
    Change,
    Commit,
    Deployment,
    Evidence,
    Identity,
    Repository,
    Service,
)
from portal.models import ImportRun
from tests.adoption.histories import make_sha, tag_row
from tests.adoption.importing import (
    History,
    change,
    commit,
    delivered_by,
    facts_of,
    import_files,
    stored_state,
    tag,
    write_history,
)
from tests.plugins.sweeping import sampled

pytestmark = pytest.mark.django_db


def story() -> dict[str, Any]:
    """Fourteen days: a maintenance branch, a redeploy, a revert and its revert, an open change."""
    return {
        "commits": [
            commit(1, 0, on=1),
            commit(2, on=2, ai=True),
            commit(3, on=3, message="Faster search (#7)", ai=True),
            commit(4, on=4, message='Revert "Faster search (#7)" (#8)'),
            commit(5, on=5, message='Reapply "Faster search (#7)" (#9)', ai=True),
            commit(6, 5, 11, on=8, message="Merge the repair"),
            commit(7, on=9, ai=True),
        ],
        "off_branch": [
            commit(11, 3, on=6, message="Repair on the maintenance branch", ai=True),
        ],
        "tags": [tag("1.0", 1, 1), tag("1.1", 3, 3), tag("1.1.1", 11, 6), tag("1.2", 6, 8),
                 tag("1.2-again", 6, 9)],
    }  # fmt: skip


def test_each_row_of_the_input_is_counted_once(tmp_path: Path) -> None:
    document = History(tmp_path).bring(**story())
    assert document["status"] == "applied"
    assert document["read"] == {
        "commits": 7, "off_branch_commits": 1, "tags": 5, "changes": 7, "deployments": 5,
    }  # fmt: skip
    counts = ("inserted", "updated", "unchanged", "rejected")
    assert [document[name] for name in counts] == [13, 0, 0, 0]
    assert (Commit.objects.count(), Change.objects.count(), Deployment.objects.count()) == (8, 7, 5)


@pytest.mark.both_engines
def test_the_same_again_changes_nothing_however_it_is_packed(tmp_path: Path) -> None:
    history = History(tmp_path)
    first = history.bring(**story())
    before = stored_state()
    same = history.bring(**story())
    turned: dict[str, Any] = {name: rows[::-1] for name, rows in story().items()}
    reordered = history.bring(**turned)
    for document in (same, reordered):
        assert (document["inserted"], document["updated"]) == (0, 0)
        assert document["unchanged"] == 13
        assert facts_of(document) == facts_of(first)
    assert stored_state() == before


@pytest.mark.both_engines
@pytest.mark.parametrize("seed", sampled(range(3), 0))
def test_chunks_out_of_order_end_at_the_same_rows(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - cuts test files
    whole = History(tmp_path, "whole", repository="shop")
    expected = whole.bring(**story())
    at_once = stored_state()
    _forget_everything()

    history = History(tmp_path, "cut", repository="shop")
    rows = [(kind, row) for kind, group in story().items() for row in group]
    rows += dice.sample(rows, 4)  # chunks overlap
    dice.shuffle(rows)
    document: dict[str, Any] = {}
    while rows:
        size = dice.randint(1, 5)
        chunk: dict[str, Any] = {}
        for kind, row in rows[:size]:
            chunk.setdefault(kind, []).append(row)
        document, rows = history.bring(**chunk), rows[size:]
    assert stored_state() == at_once
    assert facts_of(document) == facts_of(expected)


def _forget_everything() -> None:
    Evidence.objects.all().delete()
    Change.objects.update(delivered_by=None, delivered_at=None, reverts=None)
    Change.objects.all().delete()
    Commit.objects.all().delete()
    Deployment.objects.all().delete()
    Service.objects.all().delete()
    Repository.objects.all().delete()


def test_a_side_branch_commit_becomes_a_change_once_it_is_on_the_branch(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.bring([commit(1, 0, on=1)], off_branch=[commit(2, on=2, ai=True)])
    assert not Change.objects.filter(sha=make_sha(2)).exists()
    document = history.bring([commit(2, on=2, ai=True)])
    assert (document["inserted"], document["updated"]) == (0, 1)
    assert change(2).strength == Strength.ASSISTED
    assert Commit.objects.get(sha=make_sha(2)).on_default_branch


def test_a_later_chunk_of_side_branches_takes_nothing_off_the_branch(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.bring([commit(1, 0, on=1), commit(2, on=2, ai=True)])
    before = stored_state()
    document = history.bring(off_branch=[commit(2, on=2, ai=True)])
    assert (document["updated"], document["unchanged"]) == (0, 1)
    assert stored_state() == before


def test_a_commit_on_both_sides_of_one_input_is_on_the_branch(tmp_path: Path) -> None:
    document = History(tmp_path).bring([commit(1, 0)], off_branch=[commit(1, 0)])
    assert document["read"]["commits"] == 1
    assert Change.objects.count() == 1


def test_production_is_never_assumed(tmp_path: Path) -> None:
    history = History(tmp_path, tags_are_production=False)
    document = history.bring([commit(1, 0, ai=True)], [tag("1.0", 1, 2)])
    assert Deployment.objects.get().tier == EnvironmentTier.OTHER
    assert document["ai_changes"] == 1
    assert document["ai_changes_delivered"] == 0
    assert change(1).delivered_at is None


def test_only_tags_that_match_the_pattern_as_a_whole_are_production(tmp_path: Path) -> None:
    history = History(tmp_path, production_tag_pattern=r"\d+\.\d+")
    history.bring([commit(1, 0), commit(2, on=2, ai=True)], [tag("1.0rc1", 2, 2), tag("1.0", 2, 4)])
    tiers = dict(Deployment.objects.values_list("version", "tier"))
    assert tiers == {"1.0rc1": EnvironmentTier.OTHER, "1.0": EnvironmentTier.PRODUCTION}
    assert delivered_by(2) == "1.0"


def test_a_changed_pattern_moves_tiers_baseline_and_deliveries(tmp_path: Path) -> None:
    history = History(tmp_path)
    rows = ([commit(1, 0, ai=True)], [tag("1.0rc1", 1, 2), tag("1.0", 1, 4)])
    history.bring(*rows)
    assert delivered_by(1) == "1.0rc1"
    history.configure(production_tag_pattern=r"\d+\.\d+")
    document = history.bring(*rows)
    assert document["updated"] == 1
    assert delivered_by(1) == "1.0"
    marks = dict(Deployment.objects.values_list("version", "is_baseline"))
    assert marks == {"1.0rc1": False, "1.0": True}
    assert not Deployment.objects.filter(is_redeploy=True).exists()


def test_a_baseline_that_is_switched_off_later_takes_its_deliveries_back(tmp_path: Path) -> None:
    history = History(tmp_path)
    rows = (
        [commit(1, 0, ai=True), commit(2, on=3, ai=True)],
        [tag("1.0", 1, 2), tag("1.1", 2, 4)],
    )
    history.bring(*rows)
    assert (delivered_by(1), delivered_by(2)) == ("1.0", "1.1")
    history.configure(first_release_delivers=False)
    document = history.bring(*rows)
    assert (delivered_by(1), delivered_by(2)) == (None, "1.1")
    assert document["ai_changes_delivered"] == 1


def test_a_web_address_given_later_links_the_changes_that_are_there(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.bring([commit(1, 0)])
    assert change(1).url == ""
    history.configure(url="https://git.example.com/shop")
    history.bring([commit(1, 0), commit(2, on=2)])
    assert change(1).url == f"https://git.example.com/shop/commit/{make_sha(1)}"
    assert change(2).url == f"https://git.example.com/shop/commit/{make_sha(2)}"


@pytest.mark.both_engines
def test_a_tag_that_moves_moves_the_delivery(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.bring([commit(1, 0), commit(2, on=2, ai=True)], [tag("1.0", 1, 3)])
    assert delivered_by(2) is None
    document = history.bring(tags=[tag("1.0", 2, 5)])
    assert (document["inserted"], document["updated"]) == (0, 1)
    assert delivered_by(2) == "1.0"
    assert Deployment.objects.count() == 1


def test_a_changed_message_is_classified_anew(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.bring([commit(1, 0, ai=True)])
    assert Evidence.objects.count() == 1
    document = history.bring([commit(1, 0)])
    assert document["updated"] == 1
    assert change(1).strength == ""
    assert Evidence.objects.count() == 0
    assert document["ai_changes"] == 0


def test_evidence_keeps_its_raw_text_and_the_rule_that_saw_it(tmp_path: Path) -> None:
    History(tmp_path).bring([commit(1, 0, ai=True)])
    sign = Evidence.objects.get()
    assert sign.raw == "Co-Authored-By: Claude <noreply@anthropic.com>"
    assert (sign.agent, sign.strength) == ("claude-code", Strength.ASSISTED)
    assert sign.rule_key
    assert sign.rule_version >= 1


def test_a_person_is_one_identity_and_belongs_to_nobody_until_somebody_says_so(
    tmp_path: Path,
) -> None:
    History(tmp_path).bring([commit(1, 0), commit(2, on=2)])
    identity = Identity.objects.get()
    assert (identity.kind, identity.value) == ("git_email", "mira@acme.example")
    assert identity.user is None
    assert Change.objects.filter(author=identity).count() == 2


def test_two_connections_of_two_repositories_do_not_touch_each_other(tmp_path: Path) -> None:
    shop, bank = History(tmp_path, "shop"), History(tmp_path, "bank")
    shop.bring([commit(1, 0, ai=True)], [tag("1.0", 1, 2)])
    before = stored_state()
    bank.bring([commit(1, 0, ai=True)], [tag("1.0", 1, 3)])
    kept = {
        name: [row for row in rows if "bank" not in row]
        for name, rows in stored_state().items()
        if name != "evidence"
    }
    assert kept == {name: rows for name, rows in before.items() if name != "evidence"}
    versions = Change.objects.order_by("repository__key").values_list(
        "repository__key", "delivered_at__day"
    )
    assert list(versions) == [("bank", 3), ("shop", 2)]


@pytest.mark.both_engines
def test_a_dry_run_says_what_it_would_do_and_does_nothing(tmp_path: Path) -> None:
    history = History(tmp_path)
    paths = write_history(tmp_path, **story())
    document = import_files(paths, "--dry-run", slug=history.connection.slug)
    assert (document["status"], document["inserted"]) == ("checked", 13)
    assert not Commit.objects.exists()


def test_a_bad_line_is_rejected_by_name_and_the_others_are_taken(tmp_path: Path) -> None:
    bad = {**tag_row("2.0", 1), "target": "no hash"}
    document = History(tmp_path).bring([commit(1, 0)], [tag("1.0", 1, 2), bad])
    assert document["rejected"] == 1
    assert document["inserted"] == 2
    rejected = ImportRun.objects.get(pk=document["run"]).rejected_rows.get()
    assert rejected.field == "target"
