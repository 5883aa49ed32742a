"""Seeded repositories through the real import and API: every state is exactly what is true."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import transaction

from adoption.delivery_states import Observed, standing_of
from adoption.models import Change, Repository
from adoption.selectors.troubles import troubles_of
from adoption.services.ingest import ingest
from adoption.services.recompute import recompute_repository
from tests.adoption.importing import History
from tests.adoption.seeded import REPOSITORY, SeededRepository, Truth
from tests.adoption.sending import make_connection
from tests.plugins.proofs import Figures

pytestmark = [pytest.mark.django_db, pytest.mark.both_engines]

STATES = ("merged", "deployed", "held", "reverted")
# Everything that can happen in such a repository; a run that never met one of them proves less.
KINDS = {
    "merge", "squash", "rebase", "direct", "long", "long-lived branch", "force-push", "hotfix",
    "cherry-pick", "cherry-pick to main", "pick of a part", "revert", "revert of a revert",
    "revert by button", "revert step by step", "rollback", "rollback that is named", "redeploy",
    "staging", "preview-7", "pre-prod", "failed", "canceled", "long-lived release branch",
    "fix-forward", "incident", "open incident", "incident nobody acted on",
}  # fmt: skip


class _UndoneError(Exception):
    """Takes one repository back, so that the next one finds an empty database."""


def bring(world: SeededRepository, folder: Path, dice: random.Random) -> dict[str, Truth]:
    """Send everything in any order, some of it twice, and read what the portal makes of it."""
    later = world.now + dt.timedelta(hours=1)
    connection = make_connection("generic", "own")
    history = History(folder, "shop", repository=REPOSITORY, tags_are_production=False)
    sent = [("changes", item) for item in world.changes]
    sent += [("deployments", item) for item in world.deployments]
    sent += [("incidents", item) for item in world.incidents]
    dice.shuffle(sent)
    half = len(sent) // 2
    for noun, item in sent[:half] + sent[half // 2 : half]:
        ingest(connection=connection, noun=noun, items=[item], actor=None, at=later)
    on_main, off = world.history()
    history.bring(on_main, off_branch=off)
    for noun in ("changes", "deployments", "incidents"):
        items = [item for kind, item in sent[half:] if kind == noun]
        outcomes = ingest(connection=connection, noun=noun, items=items, actor=None, at=later)
        assert not [each for each in outcomes if each.status == "rejected"]
    recompute_repository(repository_id=Repository.objects.get(key=REPOSITORY).pk)
    changes = list(Change.objects.filter(part_of=None).select_related("delivered_by"))
    troubles = troubles_of(changes)
    return {
        change.external_id: Truth(
            standing_of(Observed.of(change, troubles.get(change.pk, ())), at=world.now).state,
            change.delivered_by.external_id if change.delivered_by else None,
        )
        for change in changes
    }


def expected(world: SeededRepository) -> dict[str, Truth]:
    """The truth by the name that a change has in the portal."""
    return {
        world.pieces[key].number or world.pieces[key].sha: truth
        for key, truth in world.truth().items()
    }


def compare(seed: int, folder: Path) -> tuple[SeededRepository, Counter[str], list[str]]:
    """One repository: how often each state was right, missed and claimed wrongly."""
    world = SeededRepository(seed).grow()
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    found: dict[str, Truth] = {}
    try:
        with transaction.atomic():
            found = bring(world, folder, random.Random(seed))  # noqa: S311  (test data)
            raise _UndoneError
    except _UndoneError:
        pass
    for name, truth in expected(world).items():
        seen = found.get(name)
        if seen == truth:
            counts[f"right {truth.state}"] += 1
            continue
        counts[f"missed {truth.state}"] += 1
        if seen is not None:
            counts[f"false {seen.state}"] += 1
        wrong.append(f"seed {seed}, {name}: {truth} is true, the portal says {seen}")
    return world, counts, wrong


def judge(figures: Figures, folder: Path, seeds: Iterator[int]) -> Counter[str]:
    """All seeds; precision and recall of each state into the figures."""
    counts: Counter[str] = Counter()
    kinds: set[str] = set()
    for seed in seeds:
        world, found, wrong = compare(seed, folder)
        counts += found
        kinds |= world.kinds
        for line in wrong:
            figures.bad(line)
    for state in STATES:
        right = counts[f"right {state}"]
        figures(f"{state}: precision", right / max(1, right + counts[f"false {state}"]), 1.0)
        figures(f"{state}: recall", right / max(1, right + counts[f"missed {state}"]), 1.0)
        figures(f"{state}: changes", right, 1)
    figures("kinds of events met", len(kinds & KINDS), len(KINDS))
    return counts


def test_every_state_is_exact_on_seeded_repositories(figures: Figures, tmp_path: Path) -> None:
    judge(figures, tmp_path, iter((4, 21, 29)))


@pytest.mark.prove("states of changes on seeded repositories")
def test_every_state_is_exact_on_many_repositories(figures: Figures, tmp_path: Path) -> None:
    first = figures.random.randrange(10**6)
    seeds = range(first, first + figures.scaled(150))
    judge(figures, tmp_path, figures.progress(seeds, "repositories"))
