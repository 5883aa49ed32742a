"""Fetches a repository: exports its history into the files that the source `git` reads.

A repository and an export that somebody sends are thereby read by the same parser.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from adoption.sources.git.log import LOG_ARGUMENTS, LogCommit, pick_moment, read_log
from adoption.sources.git.program import GitProgram
from portal.imports.contracts import ImportRefusedError

COMMITS_FILE = "commits.jsonl"
OFF_BRANCH_FILE = "commits_off_branch.jsonl"
TAGS_FILE = "tags.jsonl"

_TAG_FIELDS = (
    "refname",
    "objecttype",
    "objectname",
    "taggername",
    "taggeremail",
    "creatordate:iso-strict",
    "creatordate:unix",
)
_FULL_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class ExportedHistory:
    """What an export wrote.

    Attributes:
        files: commits of the default branch, commits that only tags reach, tags.
        branch: name of the default branch; empty when HEAD is detached.
        head: its newest commit.
        commits, off_branch_commits, tags: lines written.
        skipped_tags: tags that do not lead to a commit (of single files, for example).
    """

    files: tuple[Path, ...]
    branch: str
    head: str
    commits: int
    off_branch_commits: int
    tags: int
    skipped_tags: tuple[str, ...]


class _Tag(NamedTuple):
    """A tag that leads to a commit. `tagged_at` is empty when a tag object has no date."""

    name: str
    target: str
    annotated: bool
    tagger: tuple[str, str] | None
    tagged_at: str


def export_history(
    repository: Path,
    spool: Path,
    *,
    default_branch: str = "",
    timeout_seconds: float = 900,
    max_bytes: int = 8 * 1024**3,
) -> ExportedHistory:
    """Write the history of a repository on this machine into `spool`, complete or not at all.

    Nothing is fetched over the network and nothing in the repository is run or changed.

    Args:
        repository: a work tree or a bare repository.
        spool: an existing folder; the three files are written there.
        default_branch: its short name; empty: what HEAD points to.
        timeout_seconds: for the export as a whole.
        max_bytes: of all that is written.

    Raises:
        ImportRefusedError: not a repository, no such branch, no commits, a shallow clone, a
            damaged repository, or more than `max_bytes`.
        SourceUnavailableError: git is not installed or took too long.
    """
    git = GitProgram(repository.resolve(), scratch=spool, timeout_seconds=timeout_seconds)
    _refuse_shallow(git)
    branch, head = _find_head(git, default_branch)
    tags, skipped = _list_tags(git)
    writer = _Writer(git.name, max_bytes)
    drafts = [spool / f"{name}.part" for name in (COMMITS_FILE, OFF_BRANCH_FILE, TAGS_FILE)]
    dates = dict.fromkeys((tag.target for tag in tags), "")
    on_branch: set[str] = set()
    counts = (
        writer.write(drafts[0], _commit_rows(_log(git, [head]), dates, on_branch)),
        writer.write(drafts[1], _commit_rows(_log(git, [*dates, f"^{head}"]), dates, set())),
        writer.write(drafts[2], _tag_rows(tags, dates, on_branch)),
    )
    files = tuple(draft.rename(draft.with_suffix("")) for draft in drafts)
    return ExportedHistory(files, branch, head, *counts, skipped_tags=skipped)


def _refuse_shallow(git: GitProgram) -> None:
    if git.run("rev-parse", "--is-shallow-repository").strip() != b"false":
        raise ImportRefusedError(
            "shallow_repository",
            "the repository is a shallow clone: its history is cut off",
            file=git.name,
            expected="a complete clone; `git fetch --unshallow --tags` makes it one",
        )


def _find_head(git: GitProgram, default_branch: str) -> tuple[str, str]:
    """Name and newest commit of the default branch."""
    if not default_branch:
        branch = git.try_run("symbolic-ref", "--quiet", "HEAD") or ""
        head = git.try_run("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        if head is None:
            raise ImportRefusedError("empty_repository", "there are no commits", file=git.name)
        return branch.removeprefix("refs/heads/"), head
    for place in ("refs/heads/", "refs/remotes/origin/"):
        reference = place + default_branch  # never looks like an option, whatever the name is
        if git.try_run("check-ref-format", reference) is None:
            break
        head = git.try_run("rev-parse", "--verify", "--quiet", f"{reference}^{{commit}}")
        if head is not None:
            return default_branch, head
    raise ImportRefusedError(
        "no_such_branch",
        "the repository has no such branch",
        file=git.name,
        value=default_branch,
        expected="the short name of a branch, such as main",
    )


def _list_tags(git: GitProgram) -> tuple[list[_Tag], tuple[str, ...]]:
    """Tags that lead to a commit, oldest first, and the names of those that do not."""
    layout = "%00".join(f"%({field})" for field in _TAG_FIELDS)
    answer = git.run(
        "for-each-ref", "--sort=refname", "--sort=creatordate", f"--format={layout}", "refs/tags"
    )
    rows = [line.split("\x00") for line in answer.decode("utf-8", "replace").split("\n") if line]
    # Peeled here and not by for-each-ref, which takes only one step of a tag of a tag.
    asked = "".join(f"{row[2]}^{{commit}}\n" for row in rows).encode()
    peeled = git.run("cat-file", "--batch-check=%(objectname)", feed=asked).decode().split("\n")
    tags: list[_Tag] = []
    skipped: list[str] = []
    for (reference, kind, _, name, email, written, epoch), target in zip(
        rows, peeled, strict=False
    ):
        short = reference.removeprefix("refs/tags/")
        if not _FULL_HASH.fullmatch(target):
            skipped.append(short)
            continue
        tagger = (name, email.strip("<>")) if kind == "tag" else None
        tagged_at = pick_moment(written, epoch) if written or epoch else ""
        tags.append(_Tag(short, target, kind == "tag", tagger, tagged_at))
    return tags, tuple(skipped)


def _log(git: GitProgram, revisions: Iterable[str]) -> Iterator[LogCommit]:
    feed = "".join(f"{revision}\n" for revision in revisions).encode()
    with git.stream(*LOG_ARGUMENTS, feed=feed) as output:
        yield from read_log(output)


def _commit_rows(
    commits: Iterable[LogCommit], dates: dict[str, str], seen: set[str]
) -> Iterator[Mapping[str, Any]]:
    """Lines for commits; fills in the dates of tagged ones and the set of hashes."""
    for commit in commits:
        seen.add(commit.sha)
        if commit.sha in dates:
            dates[commit.sha] = commit.committed_at
        yield commit._asdict() | {
            "author": dict(zip(("name", "email"), commit.author, strict=True)),
            "committer": dict(zip(("name", "email"), commit.committer, strict=True)),
        }


def _tag_rows(
    tags: Iterable[_Tag], dates: Mapping[str, str], on_branch: set[str]
) -> Iterator[Mapping[str, Any]]:
    for tag in tags:
        yield {
            "name": tag.name,
            "type": "annotated" if tag.annotated else "lightweight",
            "target": tag.target,
            "tagged_at": tag.tagged_at or dates[tag.target],
            "tagger": dict(zip(("name", "email"), tag.tagger, strict=True)) if tag.tagger else None,
            "on_default_branch": tag.target in on_branch,
        }


class _Writer:
    """Writes lines and stops where the sum over all files gets too large."""

    def __init__(self, name: str, max_bytes: int) -> None:
        self._name = name
        self._max = max_bytes
        self._written = 0

    def write(self, path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
        """Write one JSON object a line and return how many."""
        count = 0
        with path.open("w", encoding="utf-8", newline="\n") as out:
            for row in rows:
                self._written += out.write(json.dumps(row)) + 1
                out.write("\n")
                count += 1
                if self._written > self._max:
                    raise ImportRefusedError(
                        "too_many_bytes",
                        "the exported history is larger than allowed",
                        file=self._name,
                        expected=f"at most {self._max} bytes",
                    )
        return count
