"""Runs the `git` program on a repository that may be anybody's.

The repository's own configuration must not run anything, nothing may be fetched, and no name in
it may be taken for an option. Therefore the repository is given by an explicit directory, the
environment is built anew, every switch that configuration could turn on is turned off, and
revisions go in by standard input, as full hashes.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from portal.imports.contracts import ImportRefusedError, SourceUnavailableError

# Settings of the repository that could start a program or change what is printed.
_SAFE_SETTINGS = (
    "safe.directory=*",  # we read as another user than the owner; nothing of theirs is run
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.attributesFile=/dev/null",
    "protocol.allow=never",
    "log.showSignature=false",
    "log.showRoot=true",
    "gc.auto=0",
    "maintenance.auto=false",
)
_SAFE_ENVIRONMENT = {
    "LC_ALL": "C",
    "TZ": "UTC",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_ALLOW_PROTOCOL": "none",  # a list of allowed transports; none has this name
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",  # the history as it was written, not as it was patched
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_PAGER": "cat",
}
MAX_ERROR_BYTES = 64 * 1024


def find_git_directory(path: Path) -> Path | None:
    """The Git directory of a work tree or bare repository; None when `path` is neither.

    Only `path` itself counts. Git would look in the folders above too, and a folder of exported
    files that happens to lie inside some repository would be taken for that one.
    """
    for candidate in (path / ".git", path):
        if candidate.is_file() and candidate.name == ".git":  # work tree of a linked repository
            return candidate.resolve()
        if (candidate / "HEAD").is_file() and (candidate / "objects").is_dir():
            return candidate.resolve()
    return None


class GitProgram:
    """`git`, bound to one repository, one scratch folder and one deadline for all calls.

    Raises, from every call:
        ImportRefusedError: git says no; its last words are in the message.
        SourceUnavailableError: git is not installed, or the deadline has passed.
    """

    def __init__(self, path: Path, *, scratch: Path, timeout_seconds: float) -> None:
        self.name = path.name
        program = shutil.which("git")
        if program is None:
            raise SourceUnavailableError(
                "The program git is not installed; on Debian and Ubuntu `apt-get install git`"
                " mends it. Exported histories are read without it."
            )
        directory = find_git_directory(path) if path.is_dir() else None
        if directory is None:
            raise ImportRefusedError(
                "not_a_repository",
                "this is not a Git repository",
                file=self.name,
                expected="the folder of a work tree (with .git in it) or of a bare repository",
            )
        self._directory = directory
        self._scratch = scratch
        self._timeout = timeout_seconds
        self._deadline = time.monotonic() + timeout_seconds
        self._command = [program, "--no-pager", f"--git-dir={directory}"]
        for setting in _SAFE_SETTINGS:
            self._command += ["-c", setting]
        self._environment = _SAFE_ENVIRONMENT | {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(scratch),
            "XDG_CONFIG_HOME": str(scratch),
            "GIT_GRAFT_FILE": str(scratch / "no-grafts"),  # parents as written, not as patched
        }

    def run(self, *arguments: str, feed: bytes = b"") -> bytes:
        """Run git to its end and return what it printed; for short answers."""
        with self.stream(*arguments, feed=feed) as output:
            return output.read()

    def try_run(self, *arguments: str) -> str | None:
        """Like `run`, as text without the line end; None when git says no."""
        try:
            return self.run(*arguments).decode("utf-8", "replace").rstrip("\n")
        except ImportRefusedError:
            return None

    @contextmanager
    def stream(self, *arguments: str, feed: bytes = b"") -> Iterator[IO[bytes]]:
        """Run git and hand over its output while it runs; leaving the block ends git."""
        with tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as given:
            given.write(feed)
            given.seek(0)
            process = subprocess.Popen(
                [*self._command, *arguments],
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=self._scratch,
                env=self._environment,
                start_new_session=True,
            )
            late = threading.Event()
            watch = threading.Timer(self._seconds_left(), self._end, (process, late))
            watch.daemon = True
            watch.start()
            assert process.stdout is not None  # noqa: S101 - asked for above
            try:
                with process.stdout:
                    yield process.stdout
                process.wait()
            finally:
                watch.cancel()
                self._end(process)
            self._check(process.returncode, errors, late)

    def _seconds_left(self) -> float:
        return max(0.0, self._deadline - time.monotonic())

    @staticmethod
    def _end(process: subprocess.Popen[bytes], late: threading.Event | None = None) -> None:
        if process.poll() is None:
            if late is not None:
                late.set()
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _check(self, code: int, errors: IO[bytes], late: threading.Event) -> None:
        if late.is_set():
            raise SourceUnavailableError(
                f"Reading the repository {self.name} took longer than"
                f" {self._timeout:g} seconds and was ended; nothing was imported."
            )
        if code == 0:
            return
        errors.seek(0)
        words = errors.read(MAX_ERROR_BYTES).decode("utf-8", "replace").strip()
        said = words.splitlines()[-1] if words else f"exit code {code}"
        raise ImportRefusedError(
            "git_failed",
            "git could not read the repository",
            file=self.name,
            value=said.replace(str(self._directory), self.name),
            expected="a complete and healthy repository; `git fsck` says what is wrong with it",
        )
