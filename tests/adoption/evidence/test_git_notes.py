"""Notes of git-ai: a union of lines, one sign an agent, and nothing counted twice."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adoption.evidence.git_notes import read_note
from adoption.models import Change, Evidence
from adoption.selectors.changes import agents_of
from tests.adoption.importing import History, change, commit, import_files, make_connection

NOTE = """src/app.py
  s_0123456789abcd::t_fedcba98765432 1-20,25
  h_aaaabbbbccccdd 30-31
  s_0123456789abcd::t_00000000000000 10-22
"src/with space.py"
  abcdef0123456789 1-4
---
"""
TOLD: dict[str, Any] = {
    "schema_version": "authorship/3.0.0",
    "humans": {"h_aaaabbbbccccdd": {"author": "Dev"}},
    "sessions": {
        "s_0123456789abcd": {"agent_id": {"tool": "claude", "id": "session-1", "model": "fable-5"}}
    },
    "prompts": {"abcdef0123456789": {"agent_id": {"tool": "cursor", "id": "c-1", "model": "auto"}}},
}


def note(told: Any = TOLD, text: str = NOTE) -> str:
    return text + json.dumps(told)


def test_lines_are_a_union_and_never_more_than_the_commit_added() -> None:
    claude, cursor = read_note(note(), added=400)
    assert (claude.agent, claude.model, claude.session_ref) == (
        "claude-code",
        "fable-5",
        "session-1",
    )
    assert claude.raw == "claude fable-5: 23 lines in 1 files"  # 1-22 and 25
    assert (cursor.agent, cursor.raw) == ("cursor", "cursor auto: 4 lines in 1 files")
    assert {sign.channel for sign in (claude, cursor)} == {"git_note"}
    assert "5 lines" in read_note(note(), added=5)[0].raw


def test_a_note_of_people_alone_says_nothing_about_ai() -> None:
    text = "src/app.py\n  h_aaaabbbbccccdd 1-9\n---\n"
    assert read_note(note(text=text), added=9) == ()
    assert read_note(note(), added=0) == ()


@pytest.mark.parametrize(
    "broken", ["", "no mark", NOTE, NOTE + "[]", NOTE + '{"sessions": 3}', "---\n{}", "[" * 10_000]
)
def test_what_cannot_be_read_says_nothing(broken: str) -> None:
    assert read_note(broken, added=None) == ()


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 20)), min_size=1, max_size=8))
def test_the_union_is_that_of_sets(spans: list[tuple[int, int]]) -> None:
    ranges = ",".join(f"{first}-{first + more}" for first, more in spans)
    text = f"a.py\n  s_0123456789abcd::t_1 {ranges}\n---\n"
    covered = {line for first, more in spans for line in range(first, first + more + 1)}
    (sign,) = read_note(note(text=text), added=None)
    assert f": {len(covered)} lines" in sign.raw


@pytest.mark.django_db
def test_trailer_and_note_of_one_agent_are_one_change_and_one_agent(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.bring([commit(1, 0, ai=True), commit(2, on=2)])
    rows = [dict(commit(1, 0, ai=True)) | {"ai_note": note()},
            dict(commit(2, on=2)) | {"ai_note": note()}]  # fmt: skip
    document = history.bring(rows)
    assert document["updated"] == 2  # notes came later than the commits
    assert document["ai_changes"] == Change.objects.exclude(strength="").count() == 2
    assert set(Evidence.objects.filter(change=change(1)).values_list("channel", flat=True)) == {
        "commit_trailer", "git_note",
    }  # fmt: skip
    assert agents_of([change(1).pk]) == [(change(1).pk, "claude-code"), (change(1).pk, "cursor")]
    assert history.bring(rows)["unchanged"] == 2


@pytest.mark.django_db
def test_notes_are_read_from_a_repository_where_they_were_fetched(tmp_path: Path) -> None:
    place = tmp_path / "repo"

    def git(*arguments: str) -> None:
        who = ["-c", "user.name=Dev", "-c", "user.email=dev@acme.example"]
        command = ["git", "-C", str(place), *who, *arguments]
        subprocess.run(command, check=True, capture_output=True)

    place.mkdir()
    git("init", "-q", "-b", "main")
    (place / "a.py").write_text("x = 1\n" * 30)
    git("add", ".")
    git("commit", "-q", "-m", "First")
    make_connection()
    assert import_files([place])["ai_changes"] == 0
    git("notes", "--ref=ai", "add", "-m", note())
    assert import_files([place])["ai_changes"] == 1
    assert Evidence.objects.filter(channel="git_note").count() == 2
