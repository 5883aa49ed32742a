"""`quickstart.py prove`: runs the long proofs one after the other and prints one table.

    python3 quickstart.py prove [NAME…] [--seed N] [--scale X] [--db ENGINE] [--json FILE] [--keep]
    python3 quickstart.py prove --kept

The table goes to stdout, progress and failures to stderr. Exit code: 0 when every proof that was
asked for ran and holds, 1 otherwise, 2 when the arguments make no sense.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.plugins.proofs import PROGRESS_VARIABLE
from tests.prove.kept import FILE, KeptProofsError, commit_of, keep, read
from tests.prove.kept import table as table_of_kept

NO_TESTS = 5  # pytest's exit code when nothing was selected
PASSES = {"sqlite": "prove", "postgres": "prove and both_engines"}
COLUMNS = ("proof", "figure reached", "target", "bad states", "seconds", "seed", "engine", "")
Ended = dict[str, Any]


def say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)  # noqa: T201  (a command speaks to a person)


def positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="quickstart.py prove",
        description="Runs the long proofs, one after the other, and prints one table. "
        "Exit code 0 only when all of them ran and hold.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="part of a proof's or file's name")
    parser.add_argument("--seed", type=int, help="repeat a run: the seed that it printed")
    parser.add_argument("--scale", type=positive, default=1.0, help="more or less work (1)")
    parser.add_argument("--db", choices=sorted(PASSES), help="one engine only (both)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there as JSON")
    parser.add_argument("--keep", action="store_true", help=f"add what was reached to {FILE.name}")
    parser.add_argument("--kept", action="store_true", help="run nothing: what was kept, summed up")
    return parser.parse_args()


def run_pytest(command: list[str], log: Path) -> int:
    """Its exit code; what it prints goes to the file, its progress to whoever waits."""
    shown = os.dup(sys.stderr.fileno())
    try:
        with log.open("wb") as output:
            return subprocess.run(
                command,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=[shown],
                # One thread for linear algebra: small matrices only wait for the others.
                env={"OMP_NUM_THREADS": "1", **os.environ, PROGRESS_VARIABLE: str(shown)},
                check=False,
            ).returncode
    finally:
        os.close(shown)


def run_pass(engine: str, options: argparse.Namespace, seed: int) -> tuple[list[Ended], str]:
    """Run the proofs of one engine.

    Returns:
        what each reached, and why the pass as a whole broke down ("" when it did not).
    """
    with tempfile.TemporaryDirectory(prefix="plumbline-prove-") as folder:
        report, log = Path(folder, "proofs.jsonl"), Path(folder, "pytest.log")
        report.touch()
        command = [sys.executable, "-m", "pytest", "-p", "no:randomly", "-q", "--tb=short"]
        command += [f"--db={engine}", "-m", PASSES[engine], f"--proofs-file={report}"]
        command += [f"--proof-seed={seed}", f"--proof-scale={options.scale}"]
        command += [f"--proof={name}" for name in options.names]
        try:
            code = run_pytest(command, log)
        finally:  # also when somebody stops it: what has ended by then was shown
            ended = [json.loads(line) for line in report.read_text().splitlines()]
            if options.keep:
                keep(FILE, ended, day=dt.datetime.now(dt.UTC).date(), commit=options.commit)
        failed = any(each["outcome"] == "failed" for each in ended)
        if code not in (0, NO_TESTS):
            say(log.read_text(errors="replace")[-20_000:])
        broke = code not in (0, NO_TESTS) and not failed
        return ended, f"pytest ended with {code} on {engine}" if broke else ""


def rows_of(ended: Ended) -> list[list[str]]:
    """The lines of one proof in the table: one for each figure."""
    tail = [f"{ended['seconds']:,.0f}", str(ended["seed"]), ended["engine"]]
    bad = f"{ended['bad_states']:,}"
    if ended["outcome"] == "skipped":
        return [[ended["proof"], "not run", "", "", *tail, f"NOT RUN: {ended['problem']}"]]
    word = "holds" if ended["outcome"] == "held" else "FAILED"
    found = [
        [
            f"{each['value']:,} {each['name']}",
            f"{'≤' if each['is_ceiling'] else '≥'} {each['target']:,}",
        ]
        for each in ended["figures"]
    ] or [["", ""]]
    first = [ended["proof"], *found[0], bad, *tail, word]
    return [first, *(["", *figure, "", "", "", "", ""] for figure in found[1:])]


def table(all_ended: list[Ended]) -> str:
    lines = [list(COLUMNS), *(row for ended in all_ended for row in rows_of(ended))]
    widths = [max(len(line[n]) for line in lines) for n in range(len(COLUMNS) - 1)]
    drawn = [
        "  ".join([*(cell.ljust(widths[n]) for n, cell in enumerate(line[:-1])), line[-1]]).rstrip()
        for line in lines
    ]
    return "\n".join([drawn[0], "-" * len(drawn[0]), *drawn[1:], *sums(all_ended)])


def sums(all_ended: list[Ended]) -> list[str]:
    """Of a proof with several parts or engines: what they reached together."""
    reached: dict[tuple[str, str], list[float]] = {}
    for ended in all_ended:
        for each in ended["figures"]:
            if not each["is_ceiling"] and not each.get("is_level"):
                key = (ended["proof"].partition(" (")[0], each["name"])
                reached.setdefault(key, []).append(each["value"])
    many = {key: values for key, values in reached.items() if len(values) > 1}
    told = [f"{proof}: {sum(values):,} {name}" for (proof, name), values in many.items()]
    return ["", "Together:", *told] if told else []


def show_kept() -> int:
    try:
        told = table_of_kept(read(FILE))
    except KeptProofsError as error:
        say(str(error))
        return 2
    print(told or "Nothing was kept yet: prove --keep", flush=True)  # noqa: T201
    return int("FAILED" in told)


def main() -> int:
    options = arguments()
    if options.kept:
        return show_kept()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    options.commit = commit_of()  # of the code that runs, whatever is changed meanwhile
    # Short enough to type again.
    seed = options.seed if options.seed is not None else int(time.time()) % 10**8
    say(f"Proofs with seed {seed}, scale {options.scale:g}.")
    all_ended: list[Ended] = []
    broken: list[str] = []
    for engine in [options.db] if options.db else PASSES:
        ended, broke = run_pass(engine, options, seed)
        all_ended += ended
        broken += [broke] if broke else []
    if not all_ended and not broken:
        broken.append(f"there is no proof named {' or '.join(options.names) or 'anything'}")
    holds = not broken and all(ended["outcome"] == "held" for ended in all_ended)
    if all_ended:
        print(table(all_ended), flush=True)  # noqa: T201
    for problem in broken:
        say(problem)
    if options.json:
        document = {"holds": holds, "seed": seed, "scale": options.scale, "proofs": all_ended}
        document |= {"machine": platform.platform(), "cores": os.cpu_count(), "problems": broken}
        options.json.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    if not holds:
        names = " ".join(f"'{name}'" for name in options.names)
        say(
            "Not everything holds. To repeat it:  python3 quickstart.py prove "
            f"{names} --seed {seed} --scale {options.scale:g}".replace("  --", " --")
        )
    return 0 if holds else 1


if __name__ == "__main__":
    raise SystemExit(main())
