from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adoption import reverts
from adoption.history import HistoryCommit
from adoption.reverts import RevertLink, find_reverts, standing_reverts
from tests.adoption.histories import make_sha

START = datetime(2026, 1, 1, tzinfo=UTC)


def commit(number: int, message: str, *parents: int) -> HistoryCommit:
    """A commit at minute `number`; without parents given it follows its predecessor."""
    behind = parents or ((number - 1,) if number else ())
    moment = START + timedelta(minutes=number)
    return HistoryCommit(make_sha(number), tuple(make_sha(n) for n in behind), moment, message)


def line(*messages: str) -> list[HistoryCommit]:
    return [commit(number, message) for number, message in enumerate(messages)]


def find_links(commits: list[HistoryCommit]) -> list[tuple[int, int, str]]:
    number = {item.sha: at for at, item in enumerate(commits)}
    found = find_reverts(commits)
    return [(number[link.commit], number[link.reverts], link.method) for link in found.links]


def test_a_revert_names_its_commit_by_hash() -> None:
    text = f'Revert "x"\n\nThis reverts commit {make_sha(1)}.'
    assert find_links(line("start", "x", text)) == [(2, 1, "sha")]


@pytest.mark.parametrize("digits", [7, 12, 40])
def test_a_short_hash_is_enough_when_it_is_unique(digits: int) -> None:
    text = f"Undo\n\nThis reverts commit {make_sha(1)[:digits].upper()}, reversing"
    assert find_links(line("start", "x", text)) == [(2, 1, "sha")]


def test_a_short_hash_of_two_commits_is_not_guessed() -> None:
    commits = line("start", "x", "y", "Undo\n\nThis reverts commit abcdef1.")
    twins = ["abcdef1" + "0" * 33, "abcdef1" + "1" * 33]
    commits[1] = commits[1]._replace(sha=twins[0])
    commits[2] = commits[2]._replace(sha=twins[1], parents=(twins[0],))
    commits[3] = commits[3]._replace(parents=(twins[1],))
    found = find_reverts(commits)
    assert found.links == ()
    assert [item.quoted for item in found.unresolved] == ["abcdef1"]


def test_a_hash_outside_the_history_of_the_revert_does_not_count() -> None:
    commits = [
        commit(0, "start"),
        commit(1, "x", 0),
        commit(2, "x", 0),
        commit(3, f'Revert "x"\n\nThis reverts commit {make_sha(2)}.', 1),
    ]
    assert find_links(commits) == [(3, 1, "title")]


def test_a_phrase_without_a_target_stays_open() -> None:
    """Most often a step undone inside one pull request: it takes back no delivery."""
    text = f"Improve parser (#7)\n\n* try\n\nThis reverts commit {make_sha(99)}."
    found = find_reverts(line("start", text))
    assert found.links == ()
    (item,) = found.unresolved
    assert (item.commit, item.quoted) == (make_sha(1), make_sha(99))
    assert not item.has_revert_subject


def test_the_number_at_the_end_of_the_quoted_title_is_the_reverted_one() -> None:
    commits = line("start", "Old words (#12)", "Other (#13)", 'Revert "New words (#12)" (#13)')
    assert find_links(commits) == [(3, 1, "pull_request")]


def test_a_number_that_is_not_found_falls_back_to_the_title() -> None:
    commits = line("Add x (#1)", 'Revert "Add x (#1)"', "a", 'Revert "Add x (#1)" (#4)')
    assert find_links(commits) == [(1, 0, "pull_request"), (3, 0, "pull_request")]
    assert find_links(line("Add x", 'Revert "Add x (#9)"')) == []
    assert len(find_reverts(line("Add x", 'Revert "Add x (#9)"')).unresolved) == 1


def test_the_newest_earlier_commit_with_the_title_is_meant() -> None:
    commits = line("x", "x", "other", 'Revert "x"', "x", 'Revert "x" (#5)', "x")
    assert find_links(commits) == [(3, 1, "title"), (5, 4, "title")]


def test_a_squashed_title_is_found_without_its_number() -> None:
    assert find_links(line("start", "x (#3)", 'Revert "x" (#4)')) == [(2, 1, "title")]


def test_a_title_on_an_unmerged_branch_is_not_meant() -> None:
    commits = [commit(0, "x"), commit(1, "x", 0), commit(2, "y", 0), commit(3, 'Revert "x"', 2)]
    assert find_links(commits) == [(3, 0, "title")]


def test_a_merged_branch_counts() -> None:
    commits = [
        commit(0, "start"),
        commit(1, "x", 0),
        commit(2, "y", 0),
        commit(3, "Merge", 2, 1),
        commit(4, 'Revert "x"'),
    ]
    assert find_links(commits) == [(4, 1, "title")]


def test_a_revert_of_a_revert_restores() -> None:
    commits = line(
        "start",
        "x (#1)",
        'Revert "x (#1)" (#2)',
        'Revert "Revert "x (#1)" (#2)" (#3)',
        f'Reapply "y"\n\nThis reverts commit {make_sha(0)}.',
    )
    found = find_reverts(commits)
    assert find_links(commits) == [
        (2, 1, "pull_request"),
        (3, 2, "pull_request"),
        (4, 0, "sha"),
    ]
    assert standing_reverts(found.links) == {
        make_sha(2): make_sha(3),
        make_sha(0): make_sha(4),
    }


def test_reapply_without_a_hash_means_the_revert() -> None:
    assert find_links(line("x", 'Revert "x"', 'Reapply "x"')) == [(1, 0, "title"), (2, 1, "title")]


def test_what_is_reverted_again_stays_reverted() -> None:
    links = [
        RevertLink("b", "a", "sha"),
        RevertLink("c", "b", "sha"),
        RevertLink("d", "a", "title"),
    ]
    assert standing_reverts(links) == {"b": "c", "a": "d"}
    assert standing_reverts(links[:2]) == {"b": "c"}
    assert standing_reverts([]) == {}


def test_one_commit_may_undo_several() -> None:
    text = f"Undo both\n\nThis reverts commit {make_sha(1)}.\nThis reverts commit {make_sha(2)}."
    assert find_links(line("start", "x", "y", text)) == [(3, 1, "sha"), (3, 2, "sha")]


@pytest.mark.parametrize(
    "message",
    [
        "Revert to FluentUI 4.11.9",
        "chore: revert x",
        'Revert "x" because it broke',
        "Explain\n\nWhy: This reverts commit 1234567",
        "Explain\n\nThis reverts commit 123456",
        "Reverts acme/billing#12",
        "",
    ],
)
def test_a_word_alone_is_no_revert(message: str) -> None:
    found = find_reverts(line("x", message))
    assert found == ((), ())


def test_a_later_commit_is_never_reverted() -> None:
    commits = line("start", f"Undo\n\nThis reverts commit {make_sha(2)}.", "x")
    assert find_links(commits) == []
    assert find_links(line('Revert "x"', "x")) == []


MESSAGES = st.sampled_from(["x", "y (#1)", 'Revert "x"', 'Revert "y (#1)"', 'Revert "Revert "x""'])


@st.composite
def histories(draw: st.DrawFn) -> list[HistoryCommit]:
    size = draw(st.integers(1, 12))
    commits = []
    for number in range(size):
        parents = draw(st.lists(st.integers(0, number - 1), max_size=2)) if number else []
        message = draw(MESSAGES)
        if number and draw(st.booleans()):
            message += f"\n\nThis reverts commit {make_sha(draw(st.integers(0, size)))[:9]}."
        shas = tuple(make_sha(parent) for parent in parents)
        commits.append(HistoryCommit(make_sha(number), shas, START, message))
    return commits


def list_ancestors(commits: list[HistoryCommit], sha: str) -> set[str]:
    by_sha = {item.sha: item for item in commits}
    seen: set[str] = set()
    todo = list(by_sha[sha].parents)
    while todo:
        current = todo.pop()
        if current not in seen:
            seen.add(current)
            todo.extend(by_sha[current].parents)
    return seen


@given(st.data())
def test_links_lead_to_ancestors_and_do_not_depend_on_order_or_passes(data: st.DataObject) -> None:
    commits = data.draw(histories())
    found = find_reverts(commits)
    for link in found.links:
        assert link.reverts in list_ancestors(commits, link.commit)
    assert not {link.commit for link in found.links} & {item.commit for item in found.unresolved}
    assert find_reverts(data.draw(st.permutations(commits))) == found
    whole = reverts.TARGETS_PER_PASS
    try:
        reverts.TARGETS_PER_PASS = 2
        assert find_reverts(commits) == found
    finally:
        reverts.TARGETS_PER_PASS = whole


def test_fifty_thousand_commits_with_a_thousand_reverts_are_quick() -> None:
    messages = [
        f'Revert "Change {n - 40 * (n // 50) % n}"' if n % 50 == 49 else f"Change {n}"
        for n in range(50_000)
    ]
    commits = line(*messages)
    started = time.perf_counter()
    found = find_reverts(commits)
    assert time.perf_counter() - started < 8
    assert len(found.links) + len(found.unresolved) == 1_000
    assert len(found.links) > 500
