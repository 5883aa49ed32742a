"""What several runs of proofs have shown together."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from tests.prove.kept import FILE, KeptProofsError, commit_of, counting, keep, read, table

DAY = dt.date(2026, 11, 29)


def ended(proof: str = "Kills under load", **more: Any) -> dict[str, Any]:
    told = {
        "proof": proof, "test": "tests/x.py::test", "engine": "sqlite", "seed": 1, "scale": 0.1,
        "adds_up": True, "outcome": "held", "seconds": 60.0, "problem": "", "bad_states": 0,
        "bad_described": [],
        "figures": [
            {"name": "kills", "value": 100, "target": 100, "is_ceiling": False, "holds": True},
            {"name": "seconds", "value": 0.4, "target": 1, "is_ceiling": True, "holds": True},
            {"name": "a second", "value": 9, "target": 1, "is_ceiling": False, "is_level": True},
        ],
    }  # fmt: skip
    return told | more


def kept(folder: Path, *runs: dict[str, Any]) -> Path:
    path = folder / "proofs.jsonl"
    for run in runs:
        keep(path, [run], day=DAY, commit="abc")
    return path


def test_runs_with_other_seeds_add_up_and_the_same_seed_counts_once(tmp_path: Path) -> None:
    path = kept(tmp_path, ended(), ended(seed=2), ended(seed=2), ended(seed=3, engine="postgres"))
    assert "    200 kills" in table(read(path)).splitlines()
    assert len(read(path)) == 4
    assert {name for run in read(path) for name in run.figures} == {"kills"}  # counted, not levels
    assert len(counting(read(path))) == 3


def test_what_goes_through_all_there_is_counts_by_its_furthest_run(tmp_path: Path) -> None:
    points = [{"name": "points", "value": 7, "target": 7, "is_ceiling": False, "holds": True}]
    path = kept(
        tmp_path,
        ended("Points (first)", adds_up=False, scale=0.5),
        ended("Points (first)", adds_up=False, scale=1.0, seed=9),
        ended("Points (first)", adds_up=False, scale=0.2, seed=10),
        ended("Points (second)", adds_up=False, figures=points),
    )
    assert [run.scale for run in counting(read(path))] == [1.0, 0.1]
    assert table(read(path)).splitlines()[0].startswith("Points, sqlite: 2 run(s), 2026-11-29, 0")
    assert "    100 kills" in table(read(path))
    assert "    7 points" in table(read(path))


def test_a_failure_stands_until_the_same_holds(tmp_path: Path) -> None:
    failed = ended(outcome="failed", bad_states=2)
    path = kept(tmp_path, ended(seed=2), failed)
    assert "FAILED: Kills under load, seed 1, scale 0.1" in table(read(path))
    assert "    100 kills" in table(read(path))  # those that failed are no figure
    assert "2 bad states" in table(read(path))
    kept(tmp_path, ended())
    assert "FAILED" not in table(read(path))
    assert "    200 kills" in table(read(path))


def test_a_shorter_failure_of_an_enumeration_stands_beside_a_longer_run_that_held(
    tmp_path: Path,
) -> None:
    path = kept(
        tmp_path,
        ended(adds_up=False, scale=1.0),
        ended(adds_up=False, scale=0.1, outcome="failed"),
    )
    assert "FAILED" in table(read(path))


def test_what_was_skipped_is_not_kept(tmp_path: Path) -> None:
    path = kept(tmp_path, ended(outcome="skipped"))
    assert read(path) == []
    assert not path.exists()


def test_a_line_that_no_run_wrote_is_named(tmp_path: Path) -> None:
    path = kept(tmp_path, ended())
    with path.open("a") as file:
        file.write('{"day": "2026-11-29"}\n')
    with pytest.raises(KeptProofsError, match=r"proofs\.jsonl, line 2"):
        read(path)


def test_the_kept_figures_of_this_repository_can_be_read() -> None:
    assert all(run.commit for run in read(FILE))
    assert commit_of() != ""
    assert commit_of(Path("/")) == "unknown"
