"""The set-up script: what it refuses, repairs and skips, and how it runs the tests."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv as venv_module
from pathlib import Path

import pytest

import quickstart

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for a clone, with its lock file."""
    folder = tmp_path / "clone"
    folder.mkdir()
    (folder / "uv.lock").write_text("version = 1\n")
    monkeypatch.setattr(quickstart, "ROOT", folder)
    monkeypatch.delenv("PLUMBLINE_VENV", raising=False)
    return folder


def make_venv(folder: Path) -> Path:
    venv_module.create(folder, with_pip=False)
    return folder


@pytest.mark.parametrize("version", [(3, 11), (3, 12), (3, 13)])
def test_a_fitting_python_is_taken(version: tuple[int, int]) -> None:
    assert quickstart.refuse_python(version) is None


@pytest.mark.parametrize("version", [(3, 9), (3, 10), (3, 14), (2, 7)])
def test_another_python_is_refused_with_a_command(
    version: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quickstart.shutil.which", {"python3.12": "/usr/bin/python3.12"}.get)
    message = quickstart.refuse_python(version)
    assert message is not None
    assert ".".join(map(str, version)) in message
    assert message.endswith("run:  python3.12 quickstart.py")
    monkeypatch.setattr("quickstart.shutil.which", lambda name: None)
    assert "sudo apt install -y python3" in str(quickstart.refuse_python(version))


def test_modules_are_compiled_once_where_nothing_may_be_written_beside_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.delenv("PYTHONPYCACHEPREFIX", raising=False)
    monkeypatch.setenv("PLUMBLINE_VAR", str(tmp_path / "data"))
    (tmp_path / "sums.py").write_text("ONE = 1\n")

    quickstart.keep_bytecode()
    subprocess.run([sys.executable, "-c", "import sums"], cwd=tmp_path, check=True)

    assert not (tmp_path / "__pycache__").exists()
    assert list((tmp_path / "data" / "bytecode").rglob("sums.*.pyc"))


def test_a_place_for_bytecode_that_a_person_chose_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", "/elsewhere")
    quickstart.keep_bytecode()
    assert os.environ["PYTHONPYCACHEPREFIX"] == "/elsewhere"


def test_the_script_needs_the_standard_library_only() -> None:
    code = "import sys; sys.path.insert(0, '.'); import quickstart; print('fine')"
    ended = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert ended.stdout == "fine\n", ended.stderr


# --- Half-made environments -------------------------------------------------------------------


def test_a_half_made_environment_is_removed_and_that_is_said(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = root / ".venv"
    (broken / "bin").mkdir(parents=True)
    (broken / "bin" / "python").symlink_to("/nowhere/python3")
    quickstart.remove_broken(broken)
    assert not broken.exists()
    assert "half made" in capsys.readouterr().err


def test_an_environment_whose_installation_was_interrupted_is_made_anew(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    venv = make_venv(root / ".venv")
    quickstart.write_stamp(venv, {"dev"})
    (venv / quickstart.UNFINISHED).touch()
    assert not quickstart.is_ready(venv, set())
    quickstart.remove_broken(venv)
    assert not venv.exists()
    assert "half made" in capsys.readouterr().err


def test_a_failed_installation_leaves_the_mark_and_a_finished_one_the_stamp(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = root / "uv"
    program.write_text('#!/bin/sh\ntest "$1" = venv || exit ${UV_ENDS_WITH:-0}\n')
    program.chmod(0o755)
    monkeypatch.setattr(quickstart, "find_or_install_uv", lambda venv: str(program))
    venv = make_venv(root / ".venv")
    monkeypatch.setenv("UV_ENDS_WITH", "2")
    with pytest.raises(quickstart.SetupError):
        quickstart.prepare(set())
    assert (venv / quickstart.UNFINISHED).exists()
    monkeypatch.setenv("UV_ENDS_WITH", "0")
    make_venv(venv)
    (venv / quickstart.UNFINISHED).unlink()
    assert quickstart.prepare(set()) == quickstart.venv_python(venv)
    assert quickstart.is_ready(venv, set())


def test_a_working_environment_stays(root: Path) -> None:
    working = make_venv(root / ".venv")
    quickstart.remove_broken(working)
    assert quickstart.runs(quickstart.venv_python(working), "-c", "import json")


def test_a_folder_that_is_no_environment_is_never_removed(root: Path, tmp_path: Path) -> None:
    somebodys = tmp_path / "home"
    somebodys.mkdir()
    (somebodys / "thesis.txt").write_text("years of work")
    with pytest.raises(quickstart.SetupError, match=f"rm -r {somebodys}"):
        quickstart.remove_broken(somebodys)
    assert (somebodys / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("pip_can_be_added", [True, False])
def test_an_environment_without_pip_is_completed_or_else_made_anew(
    pip_can_be_added: bool, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the next, with programs that only say how they end: real ones take half a minute."""
    made = make_venv(root / ".venv")
    pip_works = iter([False, pip_can_be_added])
    asked: list[tuple[str, ...]] = []

    def ends_well(*command: object) -> bool:
        asked.append(tuple(map(str, command[1:])))
        return next(pip_works) if "pip" in command else True

    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        asked.append(tuple(command[1:]))
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(quickstart, "runs", ends_well)
    monkeypatch.setattr("quickstart.subprocess.run", run)
    monkeypatch.setattr(quickstart, "pip_install", lambda python: asked.append((str(python),)))
    assert quickstart.install_uv_with_venv(made) == str(made / "bin" / "uv")
    pip, python = ("-m", "pip", "--version"), str(quickstart.venv_python(made))
    anew = [] if pip_can_be_added else [("-m", "venv", "--clear", str(made))]
    assert asked == [pip, ("-m", "ensurepip"), pip, *anew, (python,)]


@pytest.mark.sweep
@pytest.mark.parametrize("pip_can_be_added", [True, False])
def test_a_real_environment_without_pip_is_completed_or_else_made_anew(
    pip_can_be_added: bool, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_venv(root / ".venv")
    (made / "in-use").touch()
    asked: list[Path] = []
    monkeypatch.setattr(quickstart, "pip_install", lambda python, *options: asked.append(python))
    if not pip_can_be_added:
        monkeypatch.setattr(quickstart, "runs", lambda *command: False)
    assert quickstart.install_uv_with_venv(made) == str(made / "bin" / "uv")
    assert asked == [quickstart.venv_python(made)]
    assert (made / "in-use").exists() == pip_can_be_added
    monkeypatch.undo()
    assert quickstart.runs(asked[0], "-m", "pip", "--version")


# --- Finding uv -------------------------------------------------------------------------------


@pytest.fixture
def bare(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without uv, without ensurepip and without pip."""
    monkeypatch.setattr(quickstart, "installed_uv", lambda: None)
    monkeypatch.setattr(quickstart, "runs", lambda *command: False)
    return root


def test_a_python_that_cannot_make_environments_names_the_package(bare: Path) -> None:
    with pytest.raises(quickstart.SetupError, match="sudo apt install -y python3-venv"):
        quickstart.find_or_install_uv(bare / ".venv")


def test_with_pip_but_no_venv_uv_goes_beside_the_environment(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quickstart, "runs", lambda *command: "pip" in command)
    asked: list[tuple[object, ...]] = []
    monkeypatch.setattr(quickstart, "pip_install", lambda *given: asked.append(given))
    assert quickstart.find_or_install_uv(bare / ".venv") == str(bare / ".bootstrap/bin/uv")
    assert asked[0][:3] == (Path(sys.executable), "--target", str(bare / ".bootstrap"))


@pytest.mark.parametrize(
    ("answer", "taken"), [("uv 0.13.8", True), ("uv 1.2.0", True), ("uv 0.4.1", False), ("", False)]
)
def test_an_installed_uv_is_taken_when_it_is_new_enough(
    answer: str, taken: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "uv"
    program.write_text(f"#!/bin/sh\necho '{answer}'\n")
    program.chmod(0o755)
    monkeypatch.setattr("quickstart.shutil.which", lambda name: str(program))
    assert quickstart.installed_uv() == (str(program) if taken else None)


def test_a_failed_download_says_what_to_check() -> None:
    with pytest.raises(quickstart.SetupError, match="HTTPS_PROXY") as caught:
        quickstart.download([sys.executable, "-c", "raise SystemExit(7)"])
    assert "ended with 7" in str(caught.value)
    assert str(caught.value).endswith("python3 quickstart.py")


def test_downloads_never_print_to_the_stdout_of_a_command(
    capfd: pytest.CaptureFixture[str],
) -> None:
    quickstart.download([sys.executable, "-c", "print('Downloading')"])
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err == "Downloading\n"


def test_an_unusable_home_moves_the_cache_into_the_clone(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("UV_CACHE_DIR", raising=False)
    monkeypatch.delenv("HOME")
    variables = quickstart.download_environment()
    assert variables["UV_CACHE_DIR"] == str(root / ".bootstrap" / "cache")
    assert variables["UV_PYTHON_DOWNLOADS"] == "never"


# --- The stamp --------------------------------------------------------------------------------


def test_a_finished_set_up_is_recognised_until_the_lock_file_changes(root: Path) -> None:
    venv = make_venv(root / ".venv")
    assert not quickstart.is_ready(venv, set())
    quickstart.write_stamp(venv, {"dev"})
    assert quickstart.is_ready(venv, {"dev"})
    assert quickstart.is_ready(venv, set()), "the tests' environment serves the demo as well"
    (root / "uv.lock").write_text("version = 2\n")
    assert not quickstart.is_ready(venv, set())


def test_a_demo_environment_does_not_serve_the_tests(root: Path) -> None:
    venv = make_venv(root / ".venv")
    quickstart.write_stamp(venv, set())
    assert quickstart.is_ready(venv, set())
    assert not quickstart.is_ready(venv, {"dev"})


def test_a_stamp_does_not_outlive_its_python(root: Path) -> None:
    venv = make_venv(root / ".venv")
    quickstart.write_stamp(venv, set())
    settings = venv / "pyvenv.cfg"
    settings.write_text(settings.read_text().replace(quickstart.python_of(venv), "3.10.1"))
    assert not quickstart.is_ready(venv, set())


@pytest.mark.parametrize("content", ["", "{", "[]", '{"lock": 1}'])
def test_an_unreadable_stamp_means_setting_up_again(root: Path, content: str) -> None:
    venv = make_venv(root / ".venv")
    (venv / quickstart.STAMP).write_text(content)
    assert not quickstart.is_ready(venv, set())


# --- Running the tests ------------------------------------------------------------------------


def test_without_arguments_the_marked_tests_run_on_both_engines() -> None:
    (first, sqlite), (second, postgres) = quickstart.test_passes([])
    assert (first, second) == ("SQLite", "PostgreSQL")
    assert sqlite[-3:] == ["--db=sqlite", "-m", quickstart.LONG_FAMILIES]
    assert postgres[-3:] == [
        *("--db=postgres", "-m"),
        f"both_engines and ({quickstart.LONG_FAMILIES})",
    ]


@pytest.mark.parametrize("arguments", [["--db", "postgres", "-x"], ["--db=postgres", "-x"]])
def test_a_named_engine_is_the_only_one(arguments: list[str]) -> None:
    [(_, given)] = quickstart.test_passes(arguments)
    assert given[-len(arguments) :] == arguments
    assert "-m" not in given


@pytest.mark.parametrize("given", [["-m", "worker"], ["-mworker"], ["-m=worker"]])
def test_an_own_expression_holds_for_both_passes(given: list[str]) -> None:
    passes = quickstart.test_passes([*given, "tests/portal"])
    assert [arguments[arguments.index("-m") + 1] for _, arguments in passes] == [
        "worker",
        "both_engines and (worker)",
    ]
    assert all(arguments[-1] == "tests/portal" for _, arguments in passes)


@pytest.mark.parametrize("given", [["-n", "0"], ["-n4"], ["--numprocesses=3"], ["--pdb"]])
def test_a_wish_about_processes_is_respected(given: list[str]) -> None:
    for _, arguments in quickstart.test_passes(given):
        assert "--dist" not in arguments


@pytest.mark.parametrize("given", [["-m", "benchmark"], ["--db=postgres", "-m", "benchmark"]])
def test_benchmarks_run_one_after_another(given: list[str]) -> None:
    assert all("--dist" not in arguments for _, arguments in quickstart.test_passes(given))


@pytest.mark.parametrize("given", [[], ["-m", "not benchmark"]])
def test_everything_else_runs_on_all_cores(given: list[str]) -> None:
    assert all("--dist" in arguments for _, arguments in quickstart.test_passes(given))


FAKE_PYTEST = """#!/bin/sh
case "$*" in *postgres*) answer='{postgres}'; code={postgres_code};;
*) answer='{sqlite}'; code={sqlite_code};; esac
for given in "$@"; do
  case $given in --counts-file=*) printf '%s' "$answer" > "${given#*=}";; esac
done
exit $code
"""


def fake_python(folder: Path, *, sqlite_code: int, postgres_code: int) -> Path:
    """A program that counts and ends as pytest would."""
    counts = {"sqlite": {"failed": 1, "passed": 40}, "postgres": {"passed": 2, "skipped": 3}}
    text = FAKE_PYTEST.replace("{sqlite_code}", str(sqlite_code))
    text = text.replace("{postgres_code}", str(postgres_code))
    for engine, answer in counts.items():
        text = text.replace(f"{{{engine}}}", json.dumps(answer))
    program = folder / "python"
    program.write_text(text)
    program.chmod(0o755)
    return program


def test_one_closing_line_adds_up_both_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program = fake_python(tmp_path, sqlite_code=1, postgres_code=0)
    monkeypatch.setattr(quickstart, "prepare", lambda groups: program)
    assert quickstart.run_tests([]) == 1
    lines = capsys.readouterr().out.strip().split("\n")
    assert lines[-3:-1] == ["SQLite: 1 failed, 40 passed", "PostgreSQL: 2 passed, 3 skipped"]
    assert lines[-1].startswith("====")
    assert " 1 failed, 42 passed, 3 skipped in " in lines[-1]


@pytest.mark.parametrize(
    ("sqlite_code", "postgres_code", "expected"),
    [(0, 0, 0), (1, 0, 1), (0, 1, 1), (0, 5, 0), (5, 5, 5), (0, 2, 2), (3, 1, 3)],
)
def test_either_pass_can_fail_the_run(
    sqlite_code: int,
    postgres_code: int,
    expected: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = fake_python(tmp_path, sqlite_code=sqlite_code, postgres_code=postgres_code)
    monkeypatch.setattr(quickstart, "prepare", lambda groups: program)
    assert quickstart.run_tests([]) == expected


def test_a_pass_that_breaks_down_is_an_error_in_the_closing_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "python"
    program.write_text('#!/bin/sh\ncase "$*" in *postgres*) exit 1;; esac\n')
    program.chmod(0o755)
    monkeypatch.setattr(quickstart, "prepare", lambda groups: program)
    assert quickstart.run_tests([]) == 1
    assert " 1 error in " in capsys.readouterr().out


# --- The command line -------------------------------------------------------------------------


def test_an_unknown_verb_is_refused_with_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert quickstart.main(["tset"]) == 2
    assert "python3 quickstart.py test [ARGS]" in capsys.readouterr().err


def test_help_goes_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert quickstart.main(["--help"]) == 0
    assert "PLUMBLINE_PORT" in capsys.readouterr().out


def test_a_second_start_downloads_nothing_and_leaves_stdout_to_the_command(root: Path) -> None:
    shutil.copy(REPOSITORY / "quickstart.py", root)
    (root / "manage.py").write_text("import sys; print(sys.argv[1:]); raise SystemExit(3)")
    quickstart.write_stamp(make_venv(root / ".venv"), set())
    environment = {"PATH": "/nowhere", "HOME": "/nowhere"}
    ended = subprocess.run(
        [sys.executable, str(root / "quickstart.py"), "manage", "demo", "--json"],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert (ended.stdout, ended.stderr) == ("['demo', '--json']\n", "")
    assert ended.returncode == 3
