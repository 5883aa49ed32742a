"""Synthetic Git histories in the exported form, seeded: the same plan gives the same bytes."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from adoption.demo.story import HistoryPlan

_SUBJECTS = (
    "Handle empty baskets in the price check", "Cache the customer's last address",
    "Return the reason when a payment is declined", "Split the importer into two steps",
    "Log the request id with every retry", "Remove the unused currency table",
    "Show the delivery date in the summary", "Read timeouts from the configuration",
    "Add a test for overlapping vouchers", "Sort results by freshness, then score",
    "Refuse uploads without a content type", "Rename the order states after the new process",
    "Move address checks behind one interface", "Retry the search once after a timeout",
    "Correct the rounding of partial refunds", "Document the fallback of the tax service",
    "Limit the batch size of nightly jobs", "Drop the second lookup for known customers",
)  # fmt: skip
_TINY = (
    "Fix typo",
    "Reformat file",
    "Bump copy",
    "Rename variable",
    "Add blank line",
    "Tweak text",
)
_SIGNS = (
    ("Co-Authored-By: Claude Opus 4.7 <noreply@anthropic.com>", 46),
    ("Co-authored-by: Copilot <223556219+Copilot@users.noreply.github.com>", 20),
    ("Co-authored-by: Cursor <cursoragent@cursor.com>", 10),
    ("Co-authored-by: gemini-code-assist[bot] "
     "<176961590+gemini-code-assist[bot]@users.noreply.github.com>", 8),
    ("Assisted-by: Claude Code (Sonnet 4.6)", 10),
    ("Co-authored-by: copilot-swe-agent[bot] "
     "<198982749+Copilot@users.noreply.github.com>", 6),
)  # fmt: skip


def write_history(
    plan: HistoryPlan,
    *,
    people: Sequence[tuple[str, str]],
    start: date,
    end: datetime,
    seed: int,
    folder: Path,
) -> None:
    """Write `commits.jsonl` and `tags.jsonl` of one repository.

    Args:
        people: names and e-mail addresses of its authors.
        start: day of the first commit.
        end: nothing is dated at or after this moment.
        seed: makes it repeatable.
    """
    source = random.Random(f"{seed}:{plan.repository}")  # noqa: S311  (a story, not a secret)
    commits = list(_commits(plan, people, start, end, source))
    _write(folder / "commits.jsonl", commits)
    _write(folder / "tags.jsonl", list(_tags(plan, commits, end)))


def _write(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as out:
        for row in rows:
            out.write(json.dumps(row, ensure_ascii=False) + "\n")


def _sha(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def _commits(
    plan: HistoryPlan,
    people: Sequence[tuple[str, str]],
    start: date,
    end: datetime,
    source: random.Random,
) -> Iterator[dict[str, Any]]:
    moment = datetime.combine(start, time(9), tzinfo=UTC)
    parent = ""
    to_undo: list[tuple[datetime, str, str]] = []
    number = 0
    while True:
        moment += timedelta(hours=source.expovariate(plan.commits_a_week / (7 * 24)))
        if moment >= end:
            return
        number += 1
        undone = next((item for item in to_undo if item[0] <= moment), None)
        if undone is not None:
            to_undo.remove(undone)
            message = f'Revert "{undone[2]}"\n\nThis reverts commit {undone[1]}.\n'
        else:
            message = _message(plan, number, source)
        author = source.choice(people)
        row = _row(plan, number, parent, moment, author, message, source)
        if "-by:" in message.lower() and source.random() < plan.revert_share:
            later = moment + timedelta(days=source.uniform(0.5, 20))
            to_undo.append((later, row["sha"], row["subject"]))
        parent = row["sha"]
        yield row


def _message(plan: HistoryPlan, number: int, source: random.Random) -> str:
    if plan.is_gaming:
        subject = f"{source.choice(_TINY)} in experiment {source.randint(1, 80)}"
    else:
        subject = source.choice(_SUBJECTS)
    subject = f"{subject} (#{100 + number})"
    if source.random() >= plan.ai_share:
        return f"{subject}\n"
    signs, weights = zip(*_SIGNS, strict=True)
    return f"{subject}\n\n{source.choices(signs, weights)[0]}\n"


def _row(
    plan: HistoryPlan,
    number: int,
    parent: str,
    moment: datetime,
    author: tuple[str, str],
    message: str,
    source: random.Random,
) -> dict[str, Any]:
    stamp = moment.replace(microsecond=0).isoformat()
    person = {"name": author[0], "email": author[1]}
    return {
        "sha": _sha(f"{plan.repository}:{number}:{parent}:{message}"),
        "parents": [parent] if parent else [],
        "authored_at": stamp,
        "committed_at": stamp,
        "author": person,
        "committer": person,
        "subject": message.split("\n", 1)[0],
        "message": message,
        "files_changed": 1 if plan.is_gaming else source.randint(1, 9),
        "insertions": source.randint(1, 4) if plan.is_gaming else source.randint(4, 180),
        "deletions": source.randint(0, 3) if plan.is_gaming else source.randint(0, 90),
    }


def _tags(
    plan: HistoryPlan, commits: Sequence[dict[str, Any]], end: datetime
) -> Iterator[dict[str, Any]]:
    """A release every few days, of the newest commit then."""
    if not commits or not plan.release_days:
        return
    due = datetime.fromisoformat(commits[0]["committed_at"]) + timedelta(days=plan.release_days)
    released, number, position = "", 0, 0
    while due < end:
        while (
            position + 1 < len(commits)
            and datetime.fromisoformat(commits[position + 1]["committed_at"]) <= due
        ):
            position += 1
        target = commits[position]["sha"]
        if target != released:
            number += 1
            released = target
            yield {
                "name": f"v1.{number}.0",
                "type": "annotated",
                "target": target,
                "tagged_at": due.replace(microsecond=0).isoformat(),
                "tagger": {"name": "release", "email": "release@acme.example"},
                "on_default_branch": True,
            }
        due += timedelta(days=plan.release_days)
