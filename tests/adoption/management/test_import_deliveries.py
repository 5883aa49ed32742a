"""The command, and the two real public histories against figures worked out with git."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from adoption.models import Change, Deployment
from adoption.services.metric_filling import FILL_KIND
from portal.choices import RunStatus
from portal.models import Connection, ImportRun, WorkItem
from tests.adoption.histories import make_sha
from tests.adoption.importing import (
    FACTS,
    commit,
    facts_of,
    import_files,
    make_connection,
    stored_state,
    tag,
    write_history,
)
from tests.plugins.sweeping import sampled
from tests.plugins.workers import test_database_variables

pytestmark = pytest.mark.django_db
REPOSITORY = Path(__file__).resolve().parents[3]

# name → commits, tags, AI-assisted changes, delivered, reverts
REAL = {"llm": (1245, 67, 82, 82, 5), "bootc": (4495, 141, 255, 254, 8)}
OPTIONS = ("--create-connection", "--tags-are-production")


@pytest.fixture(params=sampled(sorted(REAL), "llm"))
def real(request: pytest.FixtureRequest, shared_data: Path) -> Path:
    folder = shared_data / "git" / str(request.param)
    if not folder.is_dir():
        pytest.skip(f"no history in {folder}")
    return folder


def expected_strengths(folder: Path) -> dict[str, int]:
    expected = json.loads((folder / "expected.json").read_text("utf-8"))
    found: dict[str, int] = expected["ai_evidence"]["commits_by_highest_strength"]
    return found


@pytest.mark.both_engines
def test_a_real_history_gives_exactly_the_published_figures(real: Path) -> None:
    commits, tags, ai, delivered, reverts = REAL[real.name]
    document = import_files([real], *OPTIONS, slug=real.name)
    assert document["status"] == "applied"
    assert (document["read"]["commits"], document["read"]["tags"]) == (commits, tags)
    assert (document["read"]["changes"], document["read"]["deployments"]) == (commits, tags)
    assert document["rejected"] == 0
    assert document["held_reason"] is None
    assert document["ai_changes"] == ai
    assert document["ai_changes_delivered"] == delivered
    assert document["reverts_resolved"] == reverts
    strengths = {name: count for name, count in document["evidence"].items() if count}
    assert strengths == {name: n for name, n in expected_strengths(real).items() if n}
    rows = (real / "expected_ai_commits.jsonl").read_text("utf-8").splitlines()
    first_tags = {row["sha"]: row["first_tag"] for row in map(json.loads, rows)}
    stored = Change.objects.exclude(strength="").values_list("sha", "delivered_by__version")
    assert dict(stored) == first_tags


# By default a small history comes again, in `test_history_store.py`. The longer one again takes a
# minute: it is a proof.
@pytest.mark.both_engines
@pytest.mark.parametrize(
    "real",
    [
        *sampled(["llm"]),
        pytest.param("bootc", marks=pytest.mark.prove("The longer public history again")),
    ],
    indirect=True,
)
def test_a_real_history_again_makes_no_difference(real: Path) -> None:
    first = import_files([real], *OPTIONS, slug=real.name)
    before = stored_state()
    files = sorted(real.glob("commits*.jsonl")) + sorted(real.glob("tags*.jsonl"))
    # Once the very same input, once the same rows in another order of files.
    for paths in ([real], files[::-1]):
        again = import_files(paths, *OPTIONS, slug=real.name)
        assert (again["inserted"], again["updated"], again["rejected"]) == (0, 0, 0)
        assert again["unchanged"] == first["inserted"]
        assert facts_of(again) == facts_of(first)
    assert stored_state() == before


@pytest.mark.sweep
@pytest.mark.both_engines
@pytest.mark.parametrize("seed", [11])
def test_the_llm_history_in_random_chunks_makes_no_difference(
    shared_data: Path, tmp_path: Path, seed: int
) -> None:
    folder = shared_data / "git" / "llm"
    dice = random.Random(seed)  # noqa: S311 - cuts test files
    chunks: list[Path] = []
    for path in [*folder.glob("commits*.jsonl"), *folder.glob("tags.jsonl")]:
        lines = path.read_bytes().splitlines(keepends=True)
        dice.shuffle(lines)
        while lines:
            size = dice.randint(60, 500)
            chunks.append(tmp_path / f"{path.stem}-{len(chunks)}.jsonl")
            chunks[-1].write_bytes(b"".join(lines[:size]))
            lines = lines[size:]
    dice.shuffle(chunks)
    make_connection("chunked", repository="llm")
    document: dict[str, Any] = {}
    for chunk in chunks:
        document = import_files([chunk], slug="chunked")
    assert [document[name] for name in FACTS[1:]] == [82, 82, 5]
    in_chunks = stored_state()
    whole = import_files([folder], slug="chunked")
    assert (whole["inserted"], whole["updated"]) == (0, 0)
    assert facts_of(whole) == facts_of(document)
    assert stored_state() == in_chunks


def test_tags_are_production_only_when_it_is_said(tmp_path: Path) -> None:
    rows = [commit(1, 0, ai=True), commit(2, on=2, ai=True), commit(3, on=3)]
    paths = write_history(tmp_path, rows, [tag("1.0", 1, 4), tag("1.1", 3, 5)])
    document = import_files(paths, "--create-connection")
    assert (document["ai_changes"], document["ai_changes_delivered"]) == (2, 0)
    said = import_files(paths, "--tags-are-production")
    assert (said["inserted"], said["updated"]) == (0, 2)
    assert said["ai_changes_delivered"] == 2


def test_a_connection_that_is_not_there_is_refused_with_what_to_do(tmp_path: Path) -> None:
    paths = write_history(tmp_path, [commit(1, 0)])
    with pytest.raises(CommandError, match="--create-connection"):
        import_files(paths, slug="nowhere")
    assert not Connection.objects.exists()


def test_a_path_that_is_not_there_names_it(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no-such-place") as refusal:
        import_files([tmp_path / "no-such-place"], "--create-connection")
    assert refusal.value.returncode == 2


def test_without_json_a_person_reads_a_sentence(tmp_path: Path) -> None:
    paths = write_history(tmp_path, [commit(1, 0)], [tag("1.0", 1, 2)])
    out = StringIO()
    call_command(
        "import_deliveries", "--source", "git", "--connection", "shop", *OPTIONS,
        *map(str, paths), stdout=out, stderr=StringIO(),
    )  # fmt: skip
    assert "applied. Read 2: 2 inserted, 0 updated" in out.getvalue()
    asked = WorkItem.objects.filter(kind=FILL_KIND).values_list("key", flat=True)
    assert {"ndu", "change_lead_time"} <= set(asked)


# --- several at once -------------------------------------------------------------------------


ARGUMENTS = ("import_deliveries", "--source", "git", "--connection", "shop", "--json")
Documents = list[dict[str, Any]]


def in_threads(paths: list[Path]) -> Documents:
    """Four imports in this process, let loose together, each with a connection of its own."""
    gate = threading.Barrier(4)

    def run(_: int) -> dict[str, Any]:
        out = StringIO()
        try:
            gate.wait(timeout=20)
            call_command(*ARGUMENTS, *map(str, paths), stdout=out, stderr=StringIO())
        finally:
            connection.close()
        document: dict[str, Any] = json.loads(out.getvalue())
        return document

    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(run, range(4)))


def in_processes(paths: list[Path]) -> Documents:
    """Four imports as four persons at a terminal start them."""
    running = [
        subprocess.Popen(
            [sys.executable, "manage.py", *ARGUMENTS, *map(str, paths)],
            cwd=REPOSITORY,
            env={**os.environ, **test_database_variables()},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    documents = []
    for process in running:
        out, errors = process.communicate(timeout=180)
        assert process.returncode == 0, errors
        documents.append(json.loads(out))
    return documents


@pytest.fixture
def closed_after(transactional_db: None) -> Iterator[None]:
    yield
    connection.close()


@pytest.mark.both_engines
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("closed_after")
@pytest.mark.parametrize("at_once", sampled([in_threads, in_processes], in_threads))
def test_four_imports_of_one_history_at_once_have_one_effect(
    tmp_path: Path, at_once: Callable[[list[Path]], Documents]
) -> None:
    make_connection()
    commits = [commit(n, *([0] if n == 1 else []), on=1 + n // 20, ai=n % 5 == 0)
               for n in range(1, 201)]  # fmt: skip
    paths = write_history(tmp_path, commits, [tag("1.0", 100, 8), tag("1.1", 200, 12)])
    documents = at_once(paths)
    assert sorted(document["inserted"] for document in documents) == [0, 0, 0, 202]
    assert {document["unchanged"] for document in documents} == {0, 202}
    assert (Change.objects.count(), Deployment.objects.count()) == (200, 2)
    assert all(document["ai_changes_delivered"] == 40 for document in documents)
    assert ImportRun.objects.filter(status=RunStatus.APPLIED).count() == 4
    assert Change.objects.filter(sha=make_sha(100)).get().delivered_by_id is not None
