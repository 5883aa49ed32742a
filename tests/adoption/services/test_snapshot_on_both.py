"""One story told on SQLite and on PostgreSQL gives the same signed bytes, and either checks them.

Through the real ingest, fill, approval and publication, in processes of their own that share
nothing but the keys. In the default suite a hash that is written down stands for the other engine
(`test_snapshots.py`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.architecture.tree import REPOSITORY
from tests.plugins.proofs import Figures
from tests.plugins.services import Postgres, RunFolder


@pytest.fixture
def engines(tmp_path: Path) -> Iterator[dict[str, dict[str, str]]]:
    """The environment of each engine: the same folder with the same keys, heads of their own."""
    run = RunFolder()
    server = Postgres(run)
    base = {name: said for name, said in os.environ.items() if name != "DATABASE_URL"}
    base["PLUMBLINE_VAR"] = str(tmp_path)
    try:
        yield {
            engine: base | address | {"PLUMBLINE_AUDIT_HEADS": str(tmp_path / f"heads-{engine}")}
            for engine, address in (
                ("sqlite", {}), ("postgres", {"DATABASE_URL": server.url}),
            )
        }  # fmt: skip
    finally:
        server.stop()
        run.remove()


def _python(environment: Mapping[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], env=environment, cwd=REPOSITORY, capture_output=True,
        text=True, check=False, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.prove("One snapshot of two engines", engine="sqlite")
def test_both_engines_publish_the_same_bytes_and_check_each_other(
    engines: dict[str, dict[str, str]], tmp_path: Path, figures: Figures
) -> None:
    files = {engine: tmp_path / f"{engine}.json" for engine in engines}
    for engine, environment in engines.items():
        _python(environment, "-m", "tests.adoption.services.publish_on_engine", str(files[engine]))
    first, second = (files[engine].read_bytes() for engine in ("sqlite", "postgres"))
    values = json.loads(first)["document"]["values"]
    told = [each for each in values if each["value"] is not None]
    if first != second:
        figures.bad("the files differ")
    again = 0
    for engine, environment in engines.items():
        other = next(file for name, file in files.items() if name != engine)
        said = json.loads(
            _python(
                environment, "manage.py", "verify_snapshot", str(other), "--recalculate", "--json"
            )
        )
        again += said["snapshots"][0]["recalculated"]
        for each in said["snapshots"][0]["different"]:
            figures.bad(each)
    suppressed = sum(1 for each in values if each["reason"] == "small_group")
    figures("bytes alike on both", len(first) if first == second else 0, len(first))
    figures("values with a number", len(told), 20)
    figures("values recalculated on the other engine", again, 2 * (len(values) - suppressed))
