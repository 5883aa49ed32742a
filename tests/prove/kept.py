"""What proofs have shown, run by run, in one file that each run adds to.

Some proofs take longer than anybody has in one piece. A run with its own seed shows more of the
same, so what several have reached may be added up; one that goes through all there is may not, and
the run that went furthest stands for it.
"""

from __future__ import annotations

import datetime as dt
import json
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docs" / "proofs.jsonl"
Ended = dict[str, Any]
_NAMES = ("proof", "engine", "seed", "scale", "adds_up", "outcome", "bad_states", "seconds")


class KeptProofsError(ValueError):
    """A line of the file is not what a run wrote; the message names it."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One proof in one run.

    Attributes:
        day: on which it ended, UTC.
        commit: of the code; with a `+` when files were changed beside it.
        figures: what was counted, by name; nothing that was measured or must not be too large.
        adds_up: whether runs with other seeds show more of the same.
    """

    day: dt.date
    commit: str
    proof: str
    engine: str
    seed: int
    scale: float
    adds_up: bool
    outcome: str
    bad_states: int
    seconds: float
    figures: dict[str, float]

    @property
    def holds(self) -> bool:
        return self.outcome == "held"


def commit_of(folder: Path = ROOT) -> str:
    """The commit of a checkout, with a `+` when something in it is not committed."""

    def git(*words: str) -> str:
        command = ["git", "-C", str(folder), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    commit = git("rev-parse", "--short=10", "HEAD")
    return commit + ("+" if git("status", "--porcelain") else "") if commit else "unknown"


def keep(path: Path, ended: Iterable[Ended], *, day: dt.date, commit: str) -> int:
    """Add what ran to the file; how many lines came to it. What was skipped showed nothing."""
    lines = [
        json.dumps(
            {"day": day.isoformat(), "commit": commit}
            | {name: each[name] for name in _NAMES}
            | {"figures": _reached(each["figures"])},
            ensure_ascii=False,
        )
        for each in ended
        if each["outcome"] != "skipped"
    ]
    if lines:
        with path.open("a", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
    return len(lines)


def _reached(figures: Sequence[dict[str, Any]]) -> dict[str, float]:
    return {
        each["name"]: each["value"]
        for each in figures
        if not each["is_ceiling"] and not each.get("is_level")
    }


def read(path: Path) -> list[Kept]:
    """All runs in the order in which they were added; none without a file.

    Raises:
        KeptProofsError: a line cannot be read.
    """
    if not path.exists():
        return []
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            told = json.loads(line)
            found.append(Kept(**told | {"day": dt.date.fromisoformat(told["day"])}))
        except (ValueError, TypeError, KeyError) as error:
            raise KeptProofsError(f"{path.name}, line {number}: {error}") from None
    return found


def counting(runs: Iterable[Kept]) -> list[Kept]:
    """The runs that count: of the same seed the newest, of what does not add up the furthest.

    A failure counts until the same was run again and held.
    """
    newest: dict[tuple[str, str, int, float], Kept] = {}
    for run in runs:
        key = (run.proof, run.engine, run.seed if run.adds_up else 0, run.scale)
        newest.pop(key, None)  # to the end: newer ones come later
        newest[key] = run
    furthest: dict[tuple[str, str, int], Kept] = {}
    for run in newest.values():
        place = (run.proof, run.engine, run.seed if run.adds_up else 0)
        before = furthest.get(place)
        if before is None or not run.holds or (before.holds and run.scale >= before.scale):
            furthest[place] = run
    return list(furthest.values())


def table(runs: Iterable[Kept]) -> str:
    """Each proof and engine: what its runs reached together."""
    groups: dict[tuple[str, str], list[Kept]] = defaultdict(list)
    for run in counting(runs):
        groups[run.proof.partition(" (")[0], run.engine].append(run)
    return "\n".join(
        line
        for (proof, engine), each in sorted(groups.items())
        for line in _told(proof, engine, each)
    )


def _told(proof: str, engine: str, runs: list[Kept]) -> Iterable[str]:
    sums: dict[str, float] = defaultdict(float)
    for run in runs:
        if run.holds:
            for name, value in run.figures.items():
                sums[name] += value
    days = sorted({run.day for run in runs})
    when = " to ".join(sorted({days[0].isoformat(), days[-1].isoformat()}))
    commits = ", ".join(dict.fromkeys(run.commit for run in runs))
    bad = sum(run.bad_states for run in runs)
    yield f"{proof}, {engine}: {len(runs)} run(s), {when}, {bad} bad states, code {commits}"
    for name, value in sums.items():
        yield f"    {value:,.10g} {name}"
    for run in runs:
        if not run.holds:
            yield f"    FAILED: {run.proof}, seed {run.seed}, scale {run.scale:g}"
