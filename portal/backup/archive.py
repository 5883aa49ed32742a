"""The file of a backup: a ZIP that ends in the digest of everything before it.

The last 64 characters of the file are the SHA-256 of the file with zeros in their place, so one
changed or missing byte anywhere is found before the archive is even opened. The digest finds
damage and not forgery: whoever may write the file may write the digest.
"""

from __future__ import annotations

import hashlib
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, cast

from portal.backup.manifest import BackupError, FileEntry, Manifest, read_manifest

MANIFEST = "manifest.json"
MAX_MANIFEST_BYTES = 64 * 1024**2
CHUNK = 1024 * 1024
_MARK = b"plumbline-sha256:"
_DIGITS = 64
_MEMBER = re.compile(r"manifest\.json|database\.(sqlite3|pgdump)|landing/[0-9a-f]{64}")
# Packed already, or not worth it: gzip, Parquet, zip, PostgreSQL's own archive.
_PACKED = (b"\x1f\x8b", b"PAR1", b"PK", b"PGDMP")

# RuntimeError: a member that is encrypted, or packed in a way that we never use.
_DAMAGE = (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, RuntimeError)

OnBytes = Callable[[int], None]


def chunks_of(stream: IO[bytes]) -> Iterator[bytes]:
    """The content of a stream, a megabyte at a time."""
    while chunk := stream.read(CHUNK):
        yield chunk


class _Hashing:
    """A file that can only be written onwards, and is hashed while it is."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self.digest = hashlib.sha256()
        self.is_abandoned = False

    def write(self, data: bytes) -> int:
        if self.is_abandoned:
            return len(data)
        self.digest.update(data)
        return self._out.write(data)

    def flush(self) -> None:
        self._out.flush()


class ArchiveWriter:
    """Packs members and keeps their hashes; use it through `writing`."""

    def __init__(self, out: IO[bytes], on_bytes: OnBytes) -> None:
        self._out = out
        self._hashing = _Hashing(out)
        self._zip = zipfile.ZipFile(
            cast(IO[bytes], self._hashing),  # a stream that only goes on is enough
            "w",
            compression=zipfile.ZIP_DEFLATED,
            compresslevel=1,
        )
        self._on_bytes = on_bytes
        self.files: dict[str, FileEntry] = {}

    def add(self, member: str, path: Path) -> FileEntry:
        """Pack a file under `member`; its hash and size as packed."""
        digest, size = hashlib.sha256(), 0
        with path.open("rb") as source:
            info = zipfile.ZipInfo(member)
            is_packed = source.read(8).startswith(_PACKED)
            info.compress_type = zipfile.ZIP_STORED if is_packed else zipfile.ZIP_DEFLATED
            source.seek(0)
            with self._zip.open(info, "w", force_zip64=True) as out:
                for chunk in chunks_of(source):
                    digest.update(chunk)
                    size += len(chunk)
                    out.write(chunk)
                    self._on_bytes(len(chunk))
        entry = self.files[member] = FileEntry(sha256=digest.hexdigest(), size=size)
        return entry

    def abandon(self) -> None:
        """Close without writing: a ZIP otherwise writes its directory when it is forgotten."""
        self._hashing.is_abandoned = True
        self._zip.close()

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest, close the archive and set the digest at its end."""
        self._zip.writestr(zipfile.ZipInfo(MANIFEST), manifest.model_dump_json(indent=1))
        self._zip.comment = _MARK + b"0" * _DIGITS
        self._zip.close()
        self._out.seek(-_DIGITS, os.SEEK_END)
        self._out.write(self._hashing.digest.hexdigest().encode())
        self._out.flush()
        os.fsync(self._out.fileno())


@contextmanager
def writing(target: Path, on_bytes: OnBytes) -> Iterator[ArchiveWriter]:
    """A new archive at `target`, which is there whole when the block ends, or not at all.

    Raises:
        BackupError: something is at `target` already: a backup never overwrites another one.
    """
    draft = target.with_name(f".{target.name}.{os.getpid()}.part")
    descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w+b") as out:
            archive = ArchiveWriter(out, on_bytes)
            try:
                yield archive
            except BaseException:
                archive.abandon()
                raise
        try:
            os.link(draft, target)  # unlike a rename it fails where something is
        except FileExistsError:
            raise BackupError(f"{target} is there already; give another name.") from None
        _sync_folder(target.parent)
    finally:
        draft.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Archive:
    """An archive whose digest was found right; use it through `opened`."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._zip = archive
        self.manifest = self._read_manifest()

    def _read_manifest(self) -> Manifest:
        names = self._zip.namelist()
        strange = [name for name in names if not _MEMBER.fullmatch(name)]
        if strange or len(set(names)) != len(names):
            raise BackupError(f"The archive holds what no backup has: {strange or 'names twice'}.")
        if MANIFEST not in names:
            raise BackupError("The archive has no manifest.")
        if self._zip.getinfo(MANIFEST).file_size > MAX_MANIFEST_BYTES:
            raise BackupError("The manifest is larger than any that Plumbline writes.")
        manifest = read_manifest(self._zip.read(MANIFEST))
        if set(names) - {MANIFEST} != set(manifest.files):
            raise BackupError("The archive holds other files than its manifest says.")
        return manifest

    def extract(self, member: str, target: Path, on_bytes: OnBytes) -> None:
        """Unpack one member to `target`, which must not be there yet.

        Raises:
            BackupError: it is longer than the manifest says, or has another hash.
        """
        expected = self.manifest.files[member]
        try:
            with self._zip.open(member) as source, target.open("xb") as out:
                sha256, size = _copy_bounded(source, out, expected.size, on_bytes)
                out.flush()
                os.fsync(out.fileno())
        except _DAMAGE as error:
            raise BackupError(f"{member} is damaged: {error}.") from error
        if (sha256, size) != (expected.sha256, expected.size):
            raise BackupError(f"{member} is not what the manifest says.")


def _copy_bounded(
    source: IO[bytes], out: IO[bytes], most: int, on_bytes: OnBytes
) -> tuple[str, int]:
    """Copy; the hash and size of what was copied, which is at most a chunk more than `most`."""
    digest, size = hashlib.sha256(), 0
    for chunk in chunks_of(source):
        size += len(chunk)
        digest.update(chunk)
        out.write(chunk)
        on_bytes(len(chunk))
        if size > most:
            break
    return digest.hexdigest(), size


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """The archive at `path`, once its digest and manifest were found right.

    Raises:
        BackupError: it cannot be read, is damaged, cut off, or no backup at all.
    """
    with ExitStack() as stack:
        try:
            stream = stack.enter_context(path.open("rb"))
            _check_digest(stream, path.name)
            archive = Archive(stack.enter_context(zipfile.ZipFile(stream)))
        except OSError as error:
            raise BackupError(f"{path} cannot be read: {error.strerror}.") from error
        except _DAMAGE as error:
            raise BackupError(f"{path.name} is damaged: {error}.") from error
        yield archive


def _check_digest(stream: IO[bytes], name: str) -> None:
    size = stream.seek(0, os.SEEK_END)
    end = len(_MARK) + _DIGITS
    stream.seek(max(0, size - end))
    tail = stream.read(end)
    if size < end or not tail.startswith(_MARK):
        raise BackupError(f"{name} is no backup, or its end is missing.")
    digest, left = hashlib.sha256(), size - _DIGITS
    stream.seek(0)
    while left:
        chunk = stream.read(min(CHUNK, left))
        if not chunk:
            raise BackupError(f"{name} became shorter while it was read.")
        digest.update(chunk)
        left -= len(chunk)
    digest.update(b"0" * _DIGITS)
    if digest.hexdigest().encode() != tail[-_DIGITS:]:
        raise BackupError(f"{name} is damaged: its digest is not that of its content.")
    stream.seek(0)
