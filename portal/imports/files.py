"""Landing: every input is copied whole below the data directory before anything reads it.

A landed file is named by the SHA-256 of its bytes, so the same bytes land once, a figure's raw
line stays reachable, and a run can be replayed.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from django.conf import settings

from portal.imports.contracts import ImportRefusedError, LandedFile
from portal.models import ImportFile

CHUNK = 1024 * 1024


class Landed(NamedTuple):
    """What landing a stream gave."""

    sha256: str
    size: int


def landed_path(sha256: str) -> Path:
    """Where the bytes with this hash lie."""
    return Path(settings.LANDING_DIR) / sha256[:2] / sha256


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    while chunk := stream.read(CHUNK):
        yield chunk


def land_stream(stream: BinaryIO, *, name: str) -> Landed:
    """Copy a stream into the landing directory, hashing it on the way.

    Raises:
        ImportRefusedError: it is larger than `PLUMBLINE_MAX_IMPORT_BYTES`.
    """
    root = Path(settings.LANDING_DIR)
    root.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    size = 0
    descriptor, draft = tempfile.mkstemp(dir=root, prefix="landing-")
    try:
        with os.fdopen(descriptor, "wb") as out:
            for chunk in _chunks(stream):
                size += len(chunk)
                if size > settings.IMPORT_MAX_BYTES:
                    raise ImportRefusedError(
                        "file_too_large",
                        "the file is larger than this portal takes",
                        file=name,
                        value=f"more than {settings.IMPORT_MAX_BYTES} bytes",
                        expected=f"at most {settings.IMPORT_MAX_BYTES} bytes",
                    )
                digest.update(chunk)
                out.write(chunk)
            out.flush()
            os.fsync(out.fileno())
        target = landed_path(digest.hexdigest())
        target.parent.mkdir(exist_ok=True)
        os.replace(draft, target)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
    return Landed(digest.hexdigest(), size)


def land_path(path: Path) -> Landed:
    """Land one file of this machine.

    Raises:
        ImportRefusedError: it is not there, is no plain file or cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return land_stream(stream, name=path.name)
    except OSError as error:
        raise ImportRefusedError(
            "file_not_readable", f"the file cannot be read: {error.strerror}", file=path.name
        ) from error


def landed_files(files: Sequence[ImportFile]) -> list[LandedFile]:
    """The files of a run as a source wants them."""
    return [
        LandedFile(
            index=file.index,
            name=file.name,
            path=landed_path(file.sha256),
            sha256=file.sha256,
            size=file.size,
        )
        for file in files
    ]


def collect_files(paths: Sequence[Path], spool: Path) -> list[Path]:
    """Paths as they are; a folder stands for the files in it, sorted by name.

    Raises:
        ImportRefusedError: a path is not there, or a folder is empty.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(item for item in path.iterdir() if item.is_file())
            if not inside:
                raise ImportRefusedError("folder_empty", "the folder has no files", file=path.name)
            found.extend(inside)
        elif path.exists():
            found.append(path)
        else:
            raise ImportRefusedError("file_not_found", "there is no such file", file=str(path))
    if not found:
        raise ImportRefusedError(
            "nothing_to_import", "no file was given", expected="at least one path"
        )
    return found
