"""Importing small histories through the real command, and what is stored afterwards."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from io import StringIO
from pathlib import Path
from typing import Any
from unittest import mock

import time_machine
from django.core.management import call_command

from adoption.models import Change, Commit, Deployment, Evidence
from portal.models import Connection
from portal.services.connections import create_connection
from tests.adoption.factories import NOW
from tests.adoption.histories import commit_row, make_sha, tag_row, to_lines

AI_LINE = "\n\nCo-Authored-By: Claude <noreply@anthropic.com>"
_folders = itertools.count(1)
Row = Mapping[str, Any]


def day(number: int, hour: int = 10) -> dt.datetime:
    """A moment of October 2026, UTC."""
    return dt.datetime(2026, 10, number, hour, tzinfo=dt.UTC)


def commit(number: int, *parents: int, on: int = 1, message: str = "", ai: bool = False) -> Row:
    """Commit `number`, committed on that day of October 2026; its parent is the one before."""
    text = message or f"Change {number}"
    names = [make_sha(parent) for parent in parents] if parents else None
    moment = day(on).isoformat()
    changes: dict[str, Any] = {"committed_at": moment, "authored_at": moment}
    if names is not None:
        changes["parents"] = [name for name in names if name != make_sha(0)]
    whole = text + AI_LINE if ai else text
    return commit_row(number, subject=text, message=whole, **changes)


def tag(name: str, target: int, on: int) -> Row:
    """Tag `name` on commit `target`, made at noon of that day of October 2026."""
    return tag_row(name, target, tagged_at=day(on, 12).isoformat())


def write_history(
    folder: Path,
    commits: Sequence[Row] = (),
    tags: Sequence[Row] = (),
    off_branch: Sequence[Row] = (),
) -> list[Path]:
    """Files of an exported history."""
    target = folder / f"history-{next(_folders)}"
    target.mkdir()
    files = []
    for name, rows in (
        ("commits.jsonl", commits),
        ("commits_off_branch.jsonl", off_branch),
        ("tags.jsonl", tags),
    ):
        if rows:
            files.append(target / name)
            files[-1].write_bytes(to_lines(rows))
    return files


def make_connection(slug: str = "shop", **config: Any) -> Connection:
    """A connection whose tags are production, unless `config` says otherwise."""
    values = {"tags_are_production": True} | config
    return create_connection(slug=slug, source="git", config=values, at=NOW)


def import_files(
    paths: Sequence[Path], *options: str, slug: str = "shop", at: dt.datetime | None = None
) -> dict[str, Any]:
    """Run the real command and return its document; `at` is what the clock says meanwhile.

    Nothing is asked to be filled afterwards: thirty pieces of work that wait in the queue and that
    nobody here looks at, yet half of the time of a small import. `test_import_deliveries.py` shows
    that the command does ask.
    """
    out = StringIO()
    arguments = ["--source", "git", "--connection", slug, "--json", *options, *map(str, paths)]
    with (
        mock.patch("adoption.registrations.metric_values.ask_for_fills"),
        nullcontext() if at is None else time_machine.travel(at, tick=False),
    ):
        call_command("import_deliveries", *arguments, stdout=out, stderr=StringIO())
    document: dict[str, Any] = json.loads(out.getvalue())
    return document


class History:
    """One connection and what is imported through it, in small steps."""

    def __init__(self, folder: Path, slug: str = "shop", **config: Any) -> None:
        self.folder = folder
        self.connection = make_connection(slug, **config)

    def bring(
        self,
        commits: Sequence[Row] = (),
        tags: Sequence[Row] = (),
        off_branch: Sequence[Row] = (),
        at: dt.datetime | None = None,
    ) -> dict[str, Any]:
        """Import a chunk."""
        paths = write_history(self.folder, commits, tags, off_branch)
        return import_files(paths, slug=self.connection.slug, at=at)

    def configure(self, **config: Any) -> None:
        """Change what the connection says."""
        self.connection.config = {**self.connection.config, **config}
        self.connection.save(update_fields=["config"])


def change(number: int) -> Change:
    """The change that commit `number` is."""
    return Change.objects.select_related("delivered_by").get(sha=make_sha(number))


def delivered_by(number: int) -> str | None:
    """Version of the first production deployment that contains a commit."""
    deployment = change(number).delivered_by
    return deployment.version if deployment else None


def stored_state() -> dict[str, list[tuple[Any, ...]]]:
    """Everything an import writes, without keys of rows and runs, in a fixed order."""
    commits = Commit.objects.values_list(
        "repository__key", "sha", "parents", "on_default_branch", "committed_at", "content"
    )
    changes = Change.objects.values_list(
        "repository__key", "sha", "kind", "title", "message", "url", "author__value",
        "first_commit_at", "merged_at", "files_changed", "additions", "deletions", "content",
        "strength", "reverts__sha", "revert_method", "reverted_at", "delivered_by__version",
        "delivered_at",
    )  # fmt: skip
    deployments = Deployment.objects.values_list(
        "service__key", "external_id", "environment", "tier", "status", "version", "sha",
        "finished_at", "is_baseline", "is_redeploy", "content",
    )  # fmt: skip
    evidence = Evidence.objects.values_list(
        "change__sha", "channel", "agent", "model", "strength", "session_ref", "raw",
        "raw_digest", "rule_key", "rule_version",
    )  # fmt: skip
    return {
        "commits": sorted(commits, key=str),
        "changes": sorted(changes, key=str),
        "deployments": sorted(deployments, key=str),
        "evidence": sorted(evidence, key=str),
    }


FACTS = ("evidence", "ai_changes", "ai_changes_delivered", "reverts_resolved")


def facts_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of a run's document that describe the whole repository."""
    return {name: document[name] for name in FACTS}
