"""Exports of repositories that the tests build themselves with the git program."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from adoption.sources.git.client import ExportedHistory, export_history
from adoption.sources.git.log import pick_moment
from adoption.sources.git.program import find_git_directory
from portal.imports.contracts import ImportRefusedError, SourceUnavailableError
from tests.adoption.histories import Landing, Outcome, read_files

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")

NOBODY = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "Mira Okafor",
    "GIT_AUTHOR_EMAIL": "mira@acme.example",
    "GIT_COMMITTER_NAME": "Jo Lindqvist",
    "GIT_COMMITTER_EMAIL": "jo@acme.example",
}


class Workshop:
    """A repository being built, with a clock that moves one hour with every commit."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hour = 0
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str, feed: bytes = b"") -> str:
        moment = f"2026-03-01T{self.hour:02}:00:00+02:00"
        environment = os.environ | NOBODY
        environment |= {"GIT_AUTHOR_DATE": moment, "GIT_COMMITTER_DATE": moment}
        done = subprocess.run(  # the program is git, the words are the test's own
            ["git", *arguments],  # noqa: S607  (found by PATH on purpose)
            cwd=self.folder,
            env=environment,
            input=feed,
            capture_output=True,
            check=True,
        )
        return done.stdout.decode("utf-8", "replace").strip()

    def commit(self, message: str, **files: bytes | None) -> str:
        """Commit files; a name ends where `__` begins the extension, None deletes."""
        self.hour += 1
        for name, content in files.items():
            path = self.folder / name.replace("__", ".")
            if content is None:
                path.unlink()
            else:
                path.write_bytes(content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--file=-", feed=message.encode())
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path / "repo")


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    folder = tmp_path / "spool"
    folder.mkdir()
    return folder


def build_history(workshop: Workshop) -> dict[str, str]:
    """A small history with a merge, a rename, a maintenance release and tags of every kind."""
    names = {"first": workshop.commit("First\n\nBody\n", a__txt=b"1\n2\n3\n")}
    workshop.git("tag", "0.1")
    workshop.commit("Rename", a__txt=None, b__txt=b"1\n2\n3\n")
    names["binary"] = workshop.commit("Binary", c__bin=bytes(range(256)))
    workshop.git("checkout", "--quiet", "-b", "side")
    names["side"] = workshop.commit("Side", s__txt=b"s\n")
    workshop.git("checkout", "--quiet", "main")
    names["odd"] = workshop.commit("Odd names", **{"t\tab\nline": b"x\n"})
    workshop.hour += 1
    workshop.git("merge", "--quiet", "--no-ff", "-m", "Merge side", "side")
    names["merge"] = workshop.git("rev-parse", "HEAD")
    workshop.git("checkout", "--quiet", "-b", "maintenance", names["first"])
    names["fix"] = workshop.commit("Fix", a__txt=b"1\n2\n4\n")
    workshop.git("tag", "--annotate", "-m", "Maintenance", "0.1.1")
    workshop.git("checkout", "--quiet", "main")
    names["empty"] = workshop.commit("Nothing changed")
    workshop.hour += 1
    workshop.git("tag", "--annotate", "-m", "Release", "v0.2")
    workshop.git("tag", "--annotate", "-m", "Tag of a tag", "v0.2-signed", "v0.2")
    workshop.git("tag", "only-a-file", f"{names['first']}:a.txt")
    return names


def read_export(exported: ExportedHistory, into: Path) -> Outcome:
    landing = Landing(into)
    for path in exported.files:
        landing.add(path.name, path.read_bytes())
    outcome = read_files(landing.files)
    assert not outcome.rejections
    assert not outcome.notes
    return outcome


def read_rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_an_export_is_read_by_the_same_parser(
    workshop: Workshop, spool: Path, tmp_path: Path
) -> None:
    names = build_history(workshop)
    exported = export_history(workshop.folder, spool)
    assert (exported.branch, exported.head) == ("main", names["empty"])
    assert (exported.commits, exported.off_branch_commits, exported.tags) == (7, 1, 4)
    assert exported.skipped_tags == ("only-a-file",)
    outcome = read_export(exported, tmp_path)
    commits = {commit.sha: commit for commit in outcome.commits}
    assert [c.sha for c in outcome.commits if not c.on_default_branch] == [names["fix"]]
    merge = commits[names["merge"]]
    assert merge.parents == (names["odd"], names["side"])
    first = commits[names["first"]]
    assert first.author == ("Mira Okafor", "mira@acme.example")
    assert first.committer == ("Jo Lindqvist", "jo@acme.example")
    assert first.message == "First\n\nBody"
    assert first.committed_at.isoformat() == "2026-02-28T23:00:00+00:00"
    tags = {tag.name: (tag.target, tag.annotated, tag.tagged_at.hour) for tag in outcome.tags}
    assert tags == {
        "0.1": (names["first"], False, 23),
        "0.1.1": (names["fix"], True, 5),
        "v0.2": (names["empty"], True, 7),
        "v0.2-signed": (names["empty"], True, 7),
    }
    rows = read_rows(exported.files[2])
    assert [row["on_default_branch"] for row in rows] == [True, False, True, True]
    assert rows[0]["tagger"] is None
    assert rows[1]["tagger"] == {"name": "Jo Lindqvist", "email": "jo@acme.example"}


def test_numbers_count_renames_as_delete_plus_add(workshop: Workshop, spool: Path) -> None:
    build_history(workshop)
    exported = export_history(workshop.folder, spool)
    numbers = {
        row["message"].split("\n")[0]: (row["files_changed"], row["insertions"], row["deletions"])
        for path in exported.files[:2]
        for row in read_rows(path)
    }
    assert numbers == {
        "First": (1, 3, 0),
        "Rename": (2, 3, 3),
        "Binary": (1, 0, 0),
        "Side": (1, 1, 0),
        "Odd names": (1, 1, 0),
        "Merge side": (None, None, None),
        "Fix": (1, 1, 1),
        "Nothing changed": (0, 0, 0),
    }


def test_bare_repositories_and_linked_work_trees_give_the_same(
    workshop: Workshop, tmp_path: Path
) -> None:
    build_history(workshop)
    workshop.git("clone", "--quiet", "--bare", ".", str(tmp_path / "bare.git"))
    workshop.git("worktree", "add", "--quiet", "--force", str(tmp_path / "linked"), "main")
    contents = []
    for number, name in enumerate(("repo", "repo/.git", "bare.git", "linked")):
        spool = tmp_path / f"spool-{number}"
        spool.mkdir()
        exported = export_history(tmp_path / name, spool)
        contents.append([path.read_bytes() for path in exported.files])
        assert sorted(path.name for path in spool.iterdir()) == [
            "commits.jsonl",
            "commits_off_branch.jsonl",
            "tags.jsonl",
        ]
    assert all(content == contents[0] for content in contents)


def test_another_branch_may_be_the_default(workshop: Workshop, spool: Path) -> None:
    names = build_history(workshop)
    exported = export_history(workshop.folder, spool, default_branch="maintenance")
    assert (exported.head, exported.commits) == (names["fix"], 2)
    assert exported.off_branch_commits == 6
    workshop.git("checkout", "--quiet", "--detach")
    detached = export_history(workshop.folder, spool)
    assert (detached.branch, detached.head) == ("", names["empty"])


@pytest.mark.parametrize(
    "name",
    ["nowhere", "--upload-pack=touch", "-h", "main^", "main~1", "@{-1}", "../HEAD", "a b", "x\n"],
)
def test_a_branch_that_is_none_is_refused_by_name(
    workshop: Workshop, spool: Path, name: str
) -> None:
    workshop.commit("First")
    with pytest.raises(ImportRefusedError, match="no_such_branch") as refusal:
        export_history(workshop.folder, spool, default_branch=name)
    assert refusal.value.value == name


def test_names_that_look_like_options_are_only_names(workshop: Workshop, spool: Path) -> None:
    head = workshop.commit("First")
    for name in ("--upload-pack=touch", "--all", "-n1"):
        workshop.git("update-ref", f"refs/tags/{name}", head)
        workshop.git("update-ref", f"refs/heads/{name}", head)
    exported = export_history(workshop.folder, spool, default_branch="--all")
    assert (exported.branch, exported.commits, exported.tags) == ("--all", 1, 3)


@pytest.mark.parametrize(
    "path", ["nothing", "repo/inside", "repo/file", "--upload-pack=touch", "https://x.example/r"]
)
def test_what_is_no_repository_is_refused(
    workshop: Workshop, spool: Path, tmp_path: Path, path: str
) -> None:
    workshop.commit("First", file=b"x")
    (workshop.folder / "inside").mkdir()
    with pytest.raises(ImportRefusedError, match="not_a_repository"):
        export_history(tmp_path / path, spool)
    assert find_git_directory(tmp_path / path) is None


def test_an_empty_repository_is_refused(workshop: Workshop, spool: Path) -> None:
    with pytest.raises(ImportRefusedError, match="empty_repository"):
        export_history(workshop.folder, spool)


def test_a_shallow_clone_is_refused_with_the_way_out(
    workshop: Workshop, spool: Path, tmp_path: Path
) -> None:
    build_history(workshop)
    source = f"file://{workshop.folder}"
    workshop.git("clone", "--quiet", "--depth=1", source, str(tmp_path / "shallow"))
    with pytest.raises(ImportRefusedError, match=r"git fetch --unshallow --tags"):
        export_history(tmp_path / "shallow", spool)


def test_a_damaged_repository_is_refused_and_leaves_no_files(
    workshop: Workshop, spool: Path
) -> None:
    names = build_history(workshop)
    damaged = workshop.folder / ".git" / "objects" / names["first"][:2] / names["first"][2:]
    damaged.chmod(0o600)
    damaged.write_bytes(b"nonsense")
    with pytest.raises(ImportRefusedError, match="git_failed") as refusal:
        export_history(workshop.folder, spool)
    assert str(workshop.folder) not in str(refusal.value)
    assert not list(spool.glob("*.jsonl"))


def test_the_configuration_of_the_repository_runs_and_changes_nothing(
    workshop: Workshop, spool: Path, tmp_path: Path
) -> None:
    build_history(workshop)
    tree = workshop.git("rev-parse", "HEAD^{tree}")
    signed = f"tree {tree}\nauthor M <m> 1772323200 +0000\ncommitter M <m> 1772323200 +0000\n"
    signed += "gpgsig -----BEGIN PGP SIGNATURE-----\n \n -----END PGP SIGNATURE-----\n\nSigned\n"
    made = workshop.git("hash-object", "-t", "commit", "-w", "--stdin", feed=signed.encode())
    workshop.git("tag", "with-signature", made)
    quiet = tmp_path / "quiet"
    quiet.mkdir()
    expected = [path.read_bytes() for path in export_history(workshop.folder, quiet).files]
    trap = tmp_path / "trap"
    script = tmp_path / "trap.sh"
    script.write_text(f"#!/bin/sh\ntouch '{trap}'\n")
    script.chmod(0o700)
    (workshop.folder / ".git" / "info" / "attributes").write_text("*.txt diff=evil\n")
    for key in (
        "diff.external",
        "diff.evil.command",
        "diff.evil.textconv",
        "gpg.program",
        "core.fsmonitor",
        "core.pager",
        "pager.log",
        "core.sshCommand",
        "core.askPass",
        "core.alternateRefsCommand",
    ):
        workshop.git("config", key, str(script))
    for key, value in {
        "log.showSignature": "true",
        "log.showRoot": "false",
        "log.decorate": "full",
        "log.abbrevCommit": "true",
        "log.mailmap": "true",
        "format.pretty": "oneline",
        "diff.renames": "copies",
        "diff.algorithm": "patience",
        "diff.orderFile": "/nonexistent",
        "i18n.logOutputEncoding": "UTF-16",
        "color.ui": "always",
    }.items():
        workshop.git("config", key, value)
    exported = export_history(workshop.folder, spool)
    assert [path.read_bytes() for path in exported.files] == expected
    assert not trap.exists()


def test_nothing_is_fetched_for_a_partial_clone(
    workshop: Workshop, spool: Path, tmp_path: Path
) -> None:
    build_history(workshop)
    workshop.git("config", "uploadpack.allowFilter", "true")
    partial = tmp_path / "partial"
    source = f"file://{workshop.folder}"
    workshop.git("clone", "--quiet", "--bare", "--filter=blob:none", source, str(partial))
    trap = tmp_path / "trap"
    workshop.git("-C", str(partial), "config", "remote.origin.url", f"ext::touch {trap}")
    workshop.git("-C", str(partial), "config", "protocol.ext.allow", "always")
    with pytest.raises(ImportRefusedError, match="git_failed"):
        export_history(partial, spool)
    assert not trap.exists()


def test_surroundings_do_not_reach_git(
    workshop: Workshop, spool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = workshop.commit("First")
    other = Workshop(tmp_path / "other")
    other.commit("Elsewhere")
    monkeypatch.setenv("GIT_DIR", str(other.folder / ".git"))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(other.folder / ".git" / "objects"))
    monkeypatch.setenv("GIT_DIFF_OPTS", "--unified=0")
    monkeypatch.setenv("GIT_TRACE", "1")
    assert export_history(workshop.folder, spool).head == head


def test_texts_in_other_encodings_become_readable(
    workshop: Workshop, spool: Path, tmp_path: Path
) -> None:
    workshop.git("config", "i18n.commitEncoding", "ISO-8859-1")
    workshop.hour += 1
    workshop.git("commit", "--allow-empty", "--quiet", "--file=-", feed="Schön".encode("latin-1"))
    workshop.git("config", "--unset", "i18n.commitEncoding")
    tree = workshop.git("rev-parse", "HEAD^{tree}")
    raw = f"tree {tree}\nauthor M <m> 1772323200 +0000\ncommitter M <m> 1772323200 +51800\n\n"
    broken = workshop.git(
        "hash-object", "-t", "commit", "-w", "--stdin", "--literally", feed=raw.encode() + b"\xff\n"
    )
    workshop.git("tag", "broken", broken)
    outcome = read_export(export_history(workshop.folder, spool), tmp_path)
    assert [commit.message for commit in outcome.commits] == ["Schön", "\ufffd"]
    assert outcome.commits[1].committed_at.isoformat() == "2026-03-01T00:00:00+00:00"


def test_too_much_history_is_refused(workshop: Workshop, spool: Path) -> None:
    build_history(workshop)
    with pytest.raises(ImportRefusedError, match="too_many_bytes"):
        export_history(workshop.folder, spool, max_bytes=1_000)


def test_a_missing_git_is_said_with_its_remedy(
    workshop: Workshop, spool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.commit("First")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceUnavailableError, match="apt-get install git"):
        export_history(workshop.folder, spool)


def test_a_git_that_hangs_is_ended(
    workshop: Workshop, spool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.commit("First")
    tools = tmp_path / "tools"
    tools.mkdir()
    fake = tools / "git"
    fake.write_text("#!/bin/sh\n/bin/sleep 30 & /bin/sleep 30\n")
    fake.chmod(0o700)
    monkeypatch.setenv("PATH", str(tools))
    started = time.monotonic()
    with pytest.raises(SourceUnavailableError, match=r"longer than 0\.3 seconds"):
        export_history(workshop.folder, spool, timeout_seconds=0.3)
    assert time.monotonic() - started < 5


def test_a_time_that_cannot_be_read_falls_back_to_the_seconds() -> None:
    assert pick_moment("2026-03-01T10:00:00Z", "0") == "2026-03-01T10:00:00+00:00"
    assert pick_moment("2026-03-01T10:00:00+99:00", "1772359200") == "2026-03-01T10:00:00+00:00"
    assert pick_moment("", "nothing") == ""
