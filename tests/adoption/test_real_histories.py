"""Two real public histories against numbers worked out with git on the original repositories."""

from __future__ import annotations

import gzip
import json
import random
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from adoption.containment import Containment, DeploymentPoint, first_containing
from adoption.evidence.classify import EvidenceFound, classify_commit, strongest
from adoption.history import HistoryCommit, read_subject
from adoption.reverts import find_reverts
from adoption.sources.records import CommitRecord, TagRecord
from tests.adoption.histories import Landing, Outcome, read_files
from tests.plugins.sweeping import sampled

FILES = ("commits.jsonl", "commits_off_branch.jsonl", "tags.jsonl")
SHAPES = {"llm": (1245, 68, 67, 82, 82, 5), "bootc": (4495, 2353, 141, 255, 254, 8)}


class Real(NamedTuple):
    """One history as read, and what is expected of it."""

    folder: Path
    commits: list[CommitRecord]
    tags: list[TagRecord]
    expected: dict[str, Any]
    ai_commits: dict[str, dict[str, Any]]
    shape: tuple[int, ...]


def read_whole(folder: Path, into: Path) -> Outcome:
    landing = Landing(into)
    for name in FILES:
        landing.add(name, (folder / name).read_bytes())
    return read_files(landing.files)


@pytest.fixture(scope="module", params=sampled(sorted(SHAPES), "llm"))
def real(
    request: pytest.FixtureRequest, shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Real:
    folder = shared_data / "git" / request.param
    outcome = read_whole(folder, tmp_path_factory.mktemp("landing"))
    assert not outcome.rejections
    assert not outcome.notes
    rows = (folder / "expected_ai_commits.jsonl").read_text("utf-8").splitlines()
    return Real(
        folder,
        outcome.commits,
        outcome.tags,
        json.loads((folder / "expected.json").read_text("utf-8")),
        {row["sha"]: row for row in map(json.loads, rows)},
        SHAPES[request.param],
    )


def classify_all(commits: list[CommitRecord]) -> dict[str, tuple[EvidenceFound, ...]]:
    found = {c.sha: classify_commit(c.message, c.author, c.committer) for c in commits}
    return {sha: evidence for sha, evidence in found.items() if evidence}


def deliver(real: Real, pattern: str = "") -> Containment[str]:
    points = [
        DeploymentPoint(tag.name, tag.target, tag.tagged_at, tag.name)
        for tag in real.tags
        if re.search(pattern, tag.name)
    ]
    graph = {commit.sha: commit.parents for commit in real.commits}
    return first_containing(graph, points, baseline_delivers=True)


def test_everything_is_read(real: Real) -> None:
    on_branch = [commit for commit in real.commits if commit.on_default_branch]
    assert (len(on_branch), len(real.commits) - len(on_branch), len(real.tags)) == real.shape[:3]
    assert sum(tag.annotated for tag in real.tags) == real.expected["annotated_tags"]
    merges = [commit for commit in on_branch if len(commit.parents) > 1]
    assert len(merges) == real.expected["merge_commits"]
    assert all(commit.files_changed is None for commit in merges)


def test_the_subject_is_what_git_says(real: Real) -> None:
    lines = b"".join((real.folder / name).read_bytes() for name in FILES[:2]).splitlines()
    rows = [json.loads(line) for line in lines]
    subjects = {row["sha"]: row["subject"] for row in rows}
    assert {c.sha: read_subject(c.message) for c in real.commits} == subjects


def test_evidence_agrees_commit_by_commit(real: Real) -> None:
    found = classify_all([commit for commit in real.commits if commit.on_default_branch])
    assert len(found) == real.shape[3]
    assert found.keys() == real.ai_commits.keys()
    for sha, row in real.ai_commits.items():
        expected = {(item["agent"], item["strength"]) for item in row["evidence"]}
        assert {(item.agent, item.strength) for item in found[sha]} == expected
        best = strongest(found[sha])
        assert best is not None
        assert best.strength == row["highest_strength"]
    counted = Counter(row["highest_strength"] for row in real.ai_commits.values())
    by_strength = real.expected["ai_evidence"]["commits_by_highest_strength"]
    assert counted == Counter({key: n for key, n in by_strength.items() if n})


def test_the_published_patterns_hit_the_same_commits(real: Real, shared_data: Path) -> None:
    """Our rules are written anew, faster; nothing may differ, off the branch neither."""
    published = json.loads((shared_data / "git" / "ai_evidence_rules.json").read_text("utf-8"))
    lines = [(r["agent"], re.compile(r["pattern"], re.I | re.M)) for r in published["line_rules"]]
    identities = [
        (rule["agent"], re.compile(rule["pattern"], re.I)) for rule in published["identity_rules"]
    ]
    found = classify_all(real.commits)
    for commit in real.commits:
        people = [f"{p.name} <{p.email}>" for p in (commit.author, commit.committer)]
        expected = {agent for agent, regex in lines if regex.search(commit.message)}
        expected |= {a for a, regex in identities if any(map(regex.search, people))}
        assert {item.agent for item in found.get(commit.sha, ())} == expected


@pytest.mark.parametrize("variant", ["all_tags", "stable_tags"])
def test_each_commit_is_delivered_once_by_its_first_tag(real: Real, variant: str) -> None:
    expected = real.expected["first_containing_tag"][variant]
    result = deliver(real, expected.get("pattern", ""))
    key = "first_tag" if variant == "all_tags" else "first_stable_tag"
    for sha, row in real.ai_commits.items():
        assert result.first.get(sha) == row[key]
    assert sum(sha in result.first for sha in real.ai_commits) == real.shape[4]
    on_branch = {commit.sha for commit in real.commits if commit.on_default_branch}
    assert len(on_branch & result.first.keys()) == expected["default_branch_commits_delivered"]
    assert not result.missing_parents
    assert not result.unknown_deployments


def test_every_tag_delivers_as_many_as_expected(real: Real) -> None:
    counted = Counter(deliver(real).first.values())
    expected = {row["tag"]: row["commits_first_delivered"] for row in real.expected["tags_detail"]}
    assert {tag: counted[tag] for tag in expected} == expected


def test_adding_up_tag_by_tag_would_count_twice(real: Real) -> None:
    """The wrong way, to show that the data would tell it from the right one."""
    graph = {commit.sha: commit.parents for commit in real.commits}
    ordered = sorted(real.tags, key=lambda tag: (tag.tagged_at, tag.name))
    histories: list[set[str]] = [set()]
    for tag in ordered:
        alone = [DeploymentPoint(tag.name, tag.target, tag.tagged_at, tag.name)]
        histories.append(set(first_containing(graph, alone, baseline_delivers=True).first))
    added = sum(len(real.ai_commits.keys() & (new - old)) for old, new in pairwise(histories))
    assert added == real.expected["first_containing_tag"]["all_tags"]["pairwise_sum_for_comparison"]


def test_reverts_are_the_very_links(real: Real) -> None:
    found = find_reverts(
        HistoryCommit(c.sha, c.parents, c.committed_at, c.message)
        for c in real.commits
        if c.on_default_branch
    )
    expected = {(r["commit"], r["reverts"], r["method"]) for r in real.expected["revert_links"]}
    assert len(found.links) == real.shape[5]
    assert {tuple(link) for link in found.links} == expected
    assert len(found.unresolved) == real.expected["reverts"]["unresolved"]


@pytest.mark.parametrize("seed", sampled([1, 2], 1))
def test_random_chunks_out_of_order_give_the_same(real: Real, seed: int, tmp_path: Path) -> None:
    dice = random.Random(seed)  # noqa: S311 - cuts test files
    chunks: list[tuple[str, bytes]] = []
    for name in FILES:
        rows = (real.folder / name).read_bytes().splitlines(keepends=True)
        dice.shuffle(rows)
        while rows:
            size = dice.randint(1, 700)
            chunks.append((name.replace(".", f"-{len(chunks)}."), b"".join(rows[:size])))
            rows = rows[size:]
    dice.shuffle(chunks)
    landing = Landing(tmp_path)
    for name, content in chunks:
        landing.add(name, content, packed=dice.random() < 0.3)
    outcome = read_files(landing.files)
    assert {c[2:] for c in outcome.commits} == {c[2:] for c in real.commits}
    assert {t[2:] for t in outcome.tags} == {t[2:] for t in real.tags}
    again = real._replace(commits=outcome.commits, tags=outcome.tags)
    assert deliver(again) == deliver(real)
    assert classify_all(outcome.commits) == classify_all(real.commits)


def test_a_packed_copy_gives_the_same(real: Real, tmp_path: Path) -> None:
    landing = Landing(tmp_path)
    for name in FILES:
        landing.add(name, gzip.compress((real.folder / name).read_bytes().replace(b"\n", b"\r\n")))
    outcome = read_files(landing.files)
    assert outcome.commits == real.commits
    assert outcome.tags == real.tags
