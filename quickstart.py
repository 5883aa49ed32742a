#!/usr/bin/env python3
"""Sets Plumbline up and starts it. Needs Python 3.11 to 3.13 and nothing else.

    python3 quickstart.py                 the demo programme, with everything it needs
    python3 quickstart.py test [ARGS]     the tests, on SQLite and PostgreSQL (ARGS go to pytest)
    python3 quickstart.py manage ARGS     a management command, for example `manage --help`
    python3 quickstart.py prove [NAME…]   the long proofs (`prove --help` lists the options)

Packages go into `.venv` (PLUMBLINE_VENV moves it), data into `var/` (PLUMBLINE_VAR moves it), and
the web server listens on 127.0.0.1:8000 (PLUMBLINE_PORT changes it). Messages go to stderr.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent
OLDEST, NEWEST = (3, 11), (3, 13)
OLDEST_UV = (0, 9)
UV_REQUIREMENT = "uv>=0.9,<1"
STAMP = ".plumbline-stamp"
UNFINISHED = ".plumbline-unfinished"  # there while packages are being installed
SYSTEM_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
NO_TESTS = 5  # pytest's exit code when nothing was selected
LONG_FAMILIES = "not prove and not benchmark and not sweep"


class SetupError(Exception):
    """Something a person must mend; the message says what is wrong and the command that helps."""


def say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def keep_bytecode() -> None:
    """Compile each module once, below the data where nothing may be written beside the sources."""
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
        data = Path(os.environ.get("PLUMBLINE_VAR") or ROOT / "var").expanduser().absolute()
        os.environ.setdefault("PYTHONPYCACHEPREFIX", str(data / "bytecode"))


# --- What is there ---------------------------------------------


def refuse_python(version: tuple[int, int]) -> str | None:
    """The message for a Python that does not fit, or None when it does."""
    if OLDEST <= version <= NEWEST:
        return None
    found = next((name for minor in (13, 12, 11) if shutil.which(name := f"python3.{minor}")), None)
    remedy = (
        f"run:  {found} quickstart.py" if found else "install one:  sudo apt install -y python3"
    )
    given = ".".join(map(str, version))
    return f"Plumbline needs Python 3.11 to 3.13, this is {given}; {remedy}"


def venv_directory() -> Path:
    return Path(os.environ.get("PLUMBLINE_VENV") or ROOT / ".venv").expanduser().absolute()


def venv_python(venv: Path) -> Path:
    return venv / "bin" / "python"


def installed_uv() -> str | None:
    """An `uv` on the PATH, when it is new enough to read the lock file."""
    found = shutil.which("uv")
    if found is None:
        return None
    answer = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)
    version = re.search(r"(\d+)\.(\d+)", answer.stdout)
    new_enough = version is not None and tuple(map(int, version.groups())) >= OLDEST_UV
    return found if answer.returncode == 0 and new_enough else None


def runs(*command: str | Path) -> bool:
    """Does the command end well? A missing or broken program counts as no."""
    words, quiet = [str(part) for part in command], subprocess.DEVNULL
    try:
        ended = subprocess.run(words, stdout=quiet, stderr=quiet, stdin=quiet, check=False)
    except OSError:
        return False
    return ended.returncode == 0


# --- The stamp: what this environment already holds ---------------------------------------------


def python_of(venv: Path) -> str:
    """The Python version that the environment was made with, or nothing when that is unreadable."""
    with contextlib.suppress(OSError):
        found = re.search(
            r"^version(?:_info)? *= *(\S+)", (venv / "pyvenv.cfg").read_text(), re.MULTILINE
        )
        return found.group(1) if found else ""
    return ""


def wanted_stamp(venv: Path) -> dict[str, str]:
    lock = hashlib.sha256((ROOT / "uv.lock").read_bytes()).hexdigest()
    return {"lock": lock, "python": python_of(venv)}


def is_ready(venv: Path, groups: set[str]) -> bool:
    """True when an earlier run finished setting up the same lock file with these groups."""
    try:
        held = json.loads((venv / STAMP).read_text())
    except (OSError, ValueError):
        return False
    if not isinstance(held, dict) or (venv / UNFINISHED).exists():
        return False
    same = all(held.get(key) == value for key, value in wanted_stamp(venv).items())
    return same and groups <= set(held.get("groups", [])) and os.access(venv_python(venv), os.X_OK)


def write_stamp(venv: Path, groups: set[str]) -> None:
    stamp = {**wanted_stamp(venv), "groups": sorted(groups)}
    draft = venv / f"{STAMP}.{os.getpid()}"
    draft.write_text(json.dumps(stamp))
    draft.replace(venv / STAMP)


# --- Making the environment ---------------------------------------------


@contextlib.contextmanager
def one_setup_at_a_time() -> Iterator[None]:
    """Two terminals may start at once; the second waits for the first."""
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another set-up of this folder is running; waiting for it.")
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def remove_broken(venv: Path) -> None:
    """Remove an environment that an interrupted run left half made.

    A folder that does not look like an environment is never removed: PLUMBLINE_VENV may name
    anything, also somebody's home.
    """
    if not venv.exists():
        return
    if not (venv / UNFINISHED).exists() and runs(venv_python(venv), "-c", "import encodings"):
        return
    looks_like_one = (venv / "pyvenv.cfg").exists() or not any(venv.iterdir())
    if not looks_like_one and venv != ROOT / ".venv":
        raise SetupError(
            f"{venv} is not empty and not a Python environment. Remove it yourself:  rm -r {venv}\n"
            "or name another place:  PLUMBLINE_VENV=/path/to/new python3 quickstart.py"
        )
    say(f"The environment in {venv} is half made (an earlier set-up was interrupted): made anew.")
    shutil.rmtree(venv)


def find_or_install_uv(venv: Path) -> str:
    """The path of an `uv`: installed, in the environment, or below `.bootstrap`."""
    uv = installed_uv()
    if uv:
        return uv
    inside = venv / "bin" / "uv"
    if runs(inside, "--version"):
        return str(inside)
    if runs(sys.executable, "-c", "import venv, ensurepip; ensurepip.version()"):
        return install_uv_with_venv(venv)
    beside = ROOT / ".bootstrap" / "bin" / "uv"
    if runs(beside, "--version"):
        return str(beside)
    if runs(sys.executable, "-m", "pip", "--version"):
        pip_install(Path(sys.executable), "--target", str(ROOT / ".bootstrap"), "--upgrade")
        return str(beside)
    raise SetupError(
        "This Python cannot make environments (Debian and Ubuntu keep that in its own package).\n"
        "Run:  sudo apt install -y python3-venv\n"
        "then again:  python3 quickstart.py"
    )


def install_uv_with_venv(venv: Path) -> str:
    python = venv_python(venv)
    pip = (python, "-m", "pip", "--version")
    # An environment that uv or a person made may work well and have no pip: it is completed.
    if not runs(*pip) and not (runs(python, "-m", "ensurepip") and runs(*pip)):
        if venv.exists():
            say(f"The environment in {venv} has no working pip: made anew.")
        made = subprocess.run(
            [sys.executable, "-m", "venv", "--clear", str(venv)],
            stdout=sys.stderr.fileno(),
            check=False,
        )
        if made.returncode != 0:
            raise SetupError(
                f"`{sys.executable} -m venv {venv}` failed (above). On Debian and Ubuntu run:\n"
                "  sudo apt install -y python3-venv\n"
                "then again:  python3 quickstart.py"
            )
    pip_install(venv_python(venv))
    return str(venv / "bin" / "uv")


def download_environment() -> dict[str, str]:
    """The variables for pip and uv: the certificates this machine trusts, no Python downloads."""
    variables = dict(os.environ)
    for name in ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "CONDA_PREFIX"):
        variables.pop(name, None)
    variables["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    variables["PIP_ROOT_USER_ACTION"] = "ignore"
    variables["UV_PYTHON_DOWNLOADS"] = "never"
    variables["UV_PROJECT_ENVIRONMENT"] = str(venv_directory())
    if SYSTEM_CERTIFICATES.exists():  # a company's own authority is there and nowhere else
        variables.setdefault("PIP_CERT", str(SYSTEM_CERTIFICATES))
        variables.setdefault("SSL_CERT_FILE", str(SYSTEM_CERTIFICATES))
    home = Path(variables.get("HOME") or "/nonexistent")
    if "UV_CACHE_DIR" not in variables and not os.access(home, os.W_OK):
        variables["UV_CACHE_DIR"] = str(ROOT / ".bootstrap" / "cache")
    return variables


def pip_install(python: Path, *options: str) -> None:
    command = [str(python), "-m", "pip", "install", "--quiet", *options, UV_REQUIREMENT]
    download(command, cwd=tempfile.gettempdir())


def download(command: Sequence[str], cwd: str | Path = ROOT) -> None:
    """Run pip or uv; what it prints goes to stderr, so that a command's JSON stays alone."""
    variables = download_environment()
    ended = subprocess.run(command, cwd=cwd, env=variables, stdout=sys.stderr.fileno(), check=False)
    if ended.returncode != 0:
        raise SetupError(
            f"Setting up failed: `{' '.join(command)}` ended with {ended.returncode} (see above).\n"
            "When it could not download: check the network, or name your company's package index\n"
            "and proxy in UV_DEFAULT_INDEX, PIP_INDEX_URL and HTTPS_PROXY. Then run again:\n"
            "  python3 quickstart.py"
        )


def prepare(groups: set[str]) -> Path:
    """Make or complete the environment; return its Python. Quick when nothing is to be done."""
    venv = venv_directory()
    if is_ready(venv, groups):
        return venv_python(venv)
    with one_setup_at_a_time():
        if is_ready(venv, groups):
            return venv_python(venv)
        started = time.monotonic()
        say("Setting up: packages are downloaded once.")
        remove_broken(venv)
        uv = find_or_install_uv(venv)
        command = [uv, "sync", "--frozen", "--inexact", "--project", str(ROOT)]
        command += [f"--group={name}" for name in sorted(groups)] if groups else ["--no-dev"]
        command += [] if sys.stderr.isatty() else ["--quiet"]
        if not venv.exists():
            download([uv, "venv", "--quiet", "--python", sys.executable, str(venv)])
        (venv / UNFINISHED).touch()
        download(command)
        write_stamp(venv, groups)
        (venv / UNFINISHED).unlink()
        say(f"Set up in {time.monotonic() - started:.0f} s.")
    return venv_python(venv)


# --- Verbs ---------------------------------------------


def replace_by(command: Sequence[str | Path]) -> None:
    """Become the command: signals and the exit code then need no passing on."""
    os.chdir(ROOT)
    sys.stdout.flush()
    os.execv(command[0], [str(part) for part in command])  # noqa: S606 - our own command, no shell


def marker_expression(arguments: Sequence[str]) -> tuple[list[str], str | None]:
    """Take `-m EXPRESSION` out of pytest's arguments: (the others, the last expression)."""
    others: list[str] = []
    expression = None
    rest = iter(arguments)
    for argument in rest:
        if argument == "-m":
            expression = next(rest, "")
        elif argument.startswith("-m") and not argument.startswith("--"):
            expression = argument[2:].removeprefix("=")
        else:
            others.append(argument)
    return others, expression


def names_engine(arguments: Sequence[str]) -> bool:
    return any(argument == "--db" or argument.startswith("--db=") for argument in arguments)


def test_passes(arguments: Sequence[str]) -> list[tuple[str, list[str]]]:
    """The pytest runs that a test command needs: (engine, arguments).

    Without `--db` everything runs on SQLite, and what stores money, locks or migrates (marked
    `both_engines`) once more on PostgreSQL.
    """
    workers = any(a == "-n" or a.startswith(("-n", "--numprocesses")) for a in arguments)
    alone = any(a in {"--pdb", "--collect-only", "--co", "-s"} for a in arguments)
    others, expression = marker_expression(arguments)
    # Benchmarks beside each other would measure each other, and their tables would not be seen.
    measures = "benchmark" in (expression or "").replace("not benchmark", "")
    # One more than there are cores: tests wait for browsers, workers and servers half of the time.
    processes = str((os.cpu_count() or 1) + 1)
    spread = [] if workers or alone or measures else ["-n", processes, "--dist", "loadfile"]
    if names_engine(arguments):
        return [("the engine asked for", [*spread, *arguments])]
    first = expression or LONG_FAMILIES
    second = f"both_engines and ({first})"
    return [
        ("SQLite", [*spread, "--db=sqlite", "-m", first, *others]),
        ("PostgreSQL", [*spread, "--db=postgres", "-m", second, *others]),
    ]


def run_tests(arguments: Sequence[str]) -> int:
    """Run every pass, then print one closing line for all of them; 0 only when all are green."""
    python = prepare({"dev"})
    started = time.monotonic()
    closings: list[tuple[str, dict[str, int]]] = []
    codes: list[int] = []
    for engine, pass_arguments in test_passes(arguments):
        say(f"\n--- Tests on {engine} ---")
        descriptor, report = tempfile.mkstemp(prefix="plumbline-tests-", suffix=".json")
        os.close(descriptor)
        # Written with `=`: pytest would take the path of an option it does not know yet for tests.
        command = [str(python), "-m", "pytest", f"--counts-file={report}", *pass_arguments]
        codes.append(subprocess.run(command, cwd=ROOT, check=False).returncode)
        counts = json.loads(Path(report).read_text() or "{}")
        os.unlink(report)
        if codes[-1] not in (0, NO_TESTS) and not counts.get("failed"):
            counts["error"] = counts.get("error") or 1  # a pass that broke down is never green
        closings.append((engine, counts))
    if len(codes) > 1:
        print_closing(closings, time.monotonic() - started)
    bad = [code for code in codes if code not in (0, NO_TESTS)]
    return bad[0] if bad else min(codes)


def print_closing(closings: Sequence[tuple[str, dict[str, int]]], seconds: float) -> None:
    """One line a pass, then one in pytest's own form with the sums of all passes."""
    total: dict[str, int] = {}
    print()
    for engine, counts in closings:
        for outcome, count in counts.items():
            total[outcome] = total.get(outcome, 0) + count
        told = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
        print(f"{engine}: {told or 'no tests selected'}")
    told = ", ".join(f"{count} {outcome}" for outcome, count in total.items() if count)
    print(f" {told or 'no tests ran'} in {seconds:.2f}s ".center(100, "="), flush=True)


def main(arguments: Sequence[str]) -> int:
    verb, rest = (arguments[0], list(arguments[1:])) if arguments else ("demo", [])
    if verb in {"-h", "--help", "help"}:
        print(__doc__)
        return 0
    keep_bytecode()
    if verb == "demo" and not rest:
        replace_by([prepare(set()), "-m", "portal.run"])
    if verb == "manage":
        replace_by([prepare(set()), "manage.py", *rest])
    if verb == "test":
        return run_tests(rest)
    if verb == "prove":
        replace_by([prepare({"dev"}), "-m", "tests.prove", *rest])
    say(f"There is no `{' '.join(arguments)}` here.\n{__doc__}")
    return 2


if __name__ == "__main__":
    refusal = refuse_python(sys.version_info[:2])
    if refusal:
        say(refusal)
        raise SystemExit(1)
    try:
        raise SystemExit(main(sys.argv[1:]))
    except SetupError as problem:
        say(f"\n{problem}")
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        say("\nStopped. Run again to go on:  python3 quickstart.py")
        raise SystemExit(130) from None
