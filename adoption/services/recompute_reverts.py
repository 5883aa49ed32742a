"""What undoes what in a repository, and since when, from the messages of its changes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db.models import Q, QuerySet

from adoption.choices import ChangeKind
from adoption.history import HistoryCommit
from adoption.models import Change, Commit
from adoption.reverts import RevertLink, Reverts, find_reverts, standing_reverts

_BUTTON = re.compile(
    r"^(?:Reverts|This reverts merge request) (?:[\w.-]+(?:/[\w.-]+)*)?[#!](?P<number>\d+)\.?\s*$",
    re.MULTILINE,
)


def reverts_of(repository_id: int) -> Reverts:
    """Reverts among the changes. Only messages that can be one are read whole.

    A merged pull request and its merge commit are one thing: Git's own message comes first.
    """
    parents = dict(
        Commit.objects.filter(repository_id=repository_id, on_default_branch=True).values_list(
            "sha", "parents"
        )
    )
    changes = Change.objects.filter(repository_id=repository_id).exclude(sha="")
    speaking = Q(message__icontains="revert") | Q(message__icontains="reapply")
    whole: dict[tuple[str, str], str] = {
        (sha, kind): message
        for sha, kind, message in changes.filter(speaking).values_list("sha", "kind", "message")
    }
    commits: dict[str, HistoryCommit] = {}
    for sha, kind, merged_at, title in changes.values_list("sha", "kind", "merged_at", "title"):
        if sha not in commits or kind == ChangeKind.COMMIT:
            message = whole.get((sha, kind), title)
            up = tuple(parents.get(sha, "").split())
            commits[sha] = HistoryCommit(sha, up, merged_at, message)
    found = find_reverts(commits.values())
    named = _reverts_by_button(changes, {link.commit for link in found.links})
    if not named:
        return found
    order = {sha: each.committed_at for sha, each in commits.items()}
    links = sorted((*found.links, *named), key=lambda link: order[link.commit])
    known = {link.commit for link in links}
    return Reverts(
        tuple(links), tuple(each for each in found.unresolved if each.commit not in known)
    )


def _reverts_by_button(changes: QuerySet[Change], known: set[str]) -> list[RevertLink]:
    """What the revert button of a provider wrote: `Reverts owner/name#123` into the text of a pull
    request (GitHub), `This reverts merge request !123` into a commit or its request (GitLab)."""
    by_number = dict(changes.exclude(kind=ChangeKind.COMMIT).values_list("external_id", "sha"))
    links = []
    rows = changes.filter(message__icontains="reverts ")
    for sha, message in rows.order_by("merged_at", "pk").values_list("sha", "message"):
        named = _BUTTON.search(message)
        target = by_number.get(named["number"]) if named else None
        if target and target != sha and sha not in known:
            known.add(sha)  # the request and its merge commit are one
            links.append(RevertLink(sha, target, "pull_request"))
    return links


class Standing:
    """What is undone in the end, and since when."""

    def __init__(self, links: Sequence[RevertLink], by_sha: Mapping[str, Change]) -> None:
        self._by = standing_reverts(links)
        self._moments = {link.commit: by_sha[link.commit].merged_at for link in links}
        self._methods = {(link.commit, link.reverts): link.method for link in links}

    def undone_at(self, sha: str, steps: Sequence[str]) -> datetime | None:
        """When a change was undone: as a whole, or the last of its steps, one by one.

        A request that was rebased ends with one step of several: a revert that names this commit
        takes back a part, one that names the request takes back all.
        """
        by = self._by.get(sha)
        is_last_of_several = len(steps) > 1 and sha in steps
        if by and not (is_last_of_several and self._methods[by, sha] != "pull_request"):
            return self._moments[by]
        if steps and all(step in self._by for step in steps):
            return max(self._moments[self._by[step]] for step in steps)
        return None
