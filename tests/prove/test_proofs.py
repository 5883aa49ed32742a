"""The proofs' own machinery: what is recorded, what fails, what the table says, the exit code."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.tree import REPOSITORY
from tests.plugins.proofs import Ended
from tests.prove import __main__ as proving
from tests.prove.__main__ import table

PROOFS = """
import pytest

@pytest.mark.prove("Kills")
def test_kills(figures):
    figures("kill points", figures.scaled(2000), figures.scaled(2000))
    figures("seconds a point", 0.4, 0.5, at_most=True)

@pytest.mark.prove
def test_too_few(figures):
    assert list(figures.progress(range(3), "counting")) == [0, 1, 2]
    figures("things found", 9, 10)

@pytest.mark.prove
def test_one_bad_state(figures):
    figures("points", 5, 5)
    figures.bad("half a slice at point 3")

@pytest.mark.prove
def test_not_here():
    pytest.skip("no strace here")

@pytest.mark.prove(engine="postgres")
def test_of_the_other_engine():
    assert False

@pytest.mark.prove
def test_chance(figures):
    figures("drawn", figures.random.randrange(10**9), 0)
"""


def run(folder: Path, *options: str, tests: str = PROOFS) -> tuple[int, str, dict[str, Any]]:
    """Run proofs as pytest does for `tests.prove`; by name, what each reached."""
    (folder / "test_them.py").write_text(tests)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    prove: a long proof\n")
    report = folder / "proofs.jsonl"
    report.write_text("")
    command = [sys.executable, "-m", "pytest", "-p", "tests.plugins.proofs", "-p", "no:django"]
    command += ["-p", "no:randomly", "-p", "no:cacheprovider", f"--proofs-file={report}"]
    ended = subprocess.run(
        [*command, f"--rootdir={folder}", "-c", str(folder / "pytest.ini"), *options, str(folder)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    lines = [json.loads(line) for line in report.read_text().splitlines()]
    return ended.returncode, ended.stdout, {line["proof"]: line for line in lines}


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, str, dict[str, Any]]:
    """One run of all proofs, with seed 7 and half the work."""
    return run(tmp_path_factory.mktemp("proofs"), "--proof-seed=7", "--proof-scale=0.5")


def test_targets_bad_states_and_skips_are_told_apart(
    ended: tuple[int, str, dict[str, Any]],
) -> None:
    code, output, found = ended
    assert code == 1
    assert {name: each["outcome"] for name, each in found.items()} == {
        "Kills": "held",
        "too few": "failed",
        "one bad state": "failed",
        "not here": "skipped",
        "chance": "held",
    }
    assert [(each["value"], each["target"]) for each in found["Kills"]["figures"]] == [
        (1000, 1000),
        (0.4, 0.5),
    ]
    assert "things found: 9 (at least 10 expected)" in output
    assert "bad state: half a slice at point 3" in output
    assert "seed 7, scale 0.5" in output
    assert found["one bad state"]["bad_states"] == 1


@pytest.mark.sweep
def test_one_proof_is_run_by_its_name(tmp_path: Path) -> None:
    assert list(run(tmp_path, "--proof=chance")[2]) == ["chance"]


def test_all_chance_comes_from_the_seed(ended: tuple[int, str, dict[str, Any]]) -> None:
    found = ended[2]
    drawn = found["chance"]["figures"][0]["value"]
    assert drawn == random.Random(7).randrange(10**9)  # noqa: S311  (no secret)


def test_the_table_shows_each_figure_and_why_something_did_not_run(
    ended: tuple[int, str, dict[str, Any]],
) -> None:
    drawn = table(list(ended[2].values()))
    assert "1,000 kill points" in drawn
    assert "≥ 1,000" in drawn
    assert "≤ 0.5" in drawn
    assert "NOT RUN: no strace here" in drawn
    assert drawn.count("FAILED") == 2


def test_no_proof_of_that_name_is_not_a_proof_that_holds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(proving, "run_pass", lambda *asked: ([], ""))
    monkeypatch.setattr(sys, "argv", ["prove", "unheard of"])
    assert proving.main() == 1
    assert "there is no proof named unheard of" in capsys.readouterr().err


@pytest.mark.parametrize(("outcome", "code"), [("held", 0), ("failed", 1), ("skipped", 1)])
def test_it_ends_with_0_only_when_all_hold(
    outcome: str,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    ended = {**asdict(Ended("Kills", "t.py::test", "sqlite", 7, 1.0)), "outcome": outcome}
    monkeypatch.setattr(proving, "run_pass", lambda *asked: ([ended], ""))
    monkeypatch.setattr(sys, "argv", ["prove", "--seed=7", f"--json={tmp_path / 'told'}"])
    assert proving.main() == code
    assert json.loads((tmp_path / "told").read_text())["holds"] is (code == 0)
    said = capsys.readouterr()
    assert "Kills" in said.out
    assert "seed 7" in said.err


@pytest.mark.parametrize("wrong", [["--scale", "0"], ["--scale", "-1"], ["--db", "oracle"]])
def test_arguments_that_make_no_sense_are_refused(
    wrong: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["prove", *wrong])
    with pytest.raises(SystemExit, match="2"):
        proving.main()


def test_help_names_the_options(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["prove", "--help"])
    with pytest.raises(SystemExit, match="0"):
        proving.main()
    said = capsys.readouterr().out
    assert all(option in said for option in ("--seed", "--scale", "--db", "--json"))
