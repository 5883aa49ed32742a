"""Which files a person means by a path: a repository, a folder of an export, or files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from adoption.sources.git.client import export_history
from adoption.sources.git.program import find_git_directory
from portal.imports.contracts import ImportRefusedError

_PATTERNS = ("commits*.jsonl", "commits*.jsonl.gz", "tags*.jsonl", "tags*.jsonl.gz")


def collect_history(paths: Sequence[Path], spool: Path) -> list[Path]:
    """Turn paths into files of an exported history; a repository is exported into `spool`.

    Raises:
        ImportRefusedError: a path is not there, or a folder is neither a repository nor an export.
    """
    found: list[Path] = []
    for number, path in enumerate(paths):
        if not path.exists():
            raise ImportRefusedError("file_not_found", "there is no such file", file=str(path))
        if not path.is_dir():
            found.append(path)
            continue
        if find_git_directory(path) is not None:
            folder = spool / str(number)
            folder.mkdir()
            found.extend(export_history(path, folder).files)
            continue
        inside = sorted({item for pattern in _PATTERNS for item in path.glob(pattern)})
        if not inside:
            raise ImportRefusedError(
                "not_a_history",
                "the folder is neither a Git repository nor an exported history",
                file=path.name,
                expected="a repository, or files commits*.jsonl and tags*.jsonl",
            )
        found.extend(inside)
    if not found:
        raise ImportRefusedError(
            "nothing_to_import", "no path was given", expected="a repository or an export"
        )
    return found
