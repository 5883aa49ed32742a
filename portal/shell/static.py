"""Static files: only the vendor files that settings name, and names that carry their hash."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.core.checks import CheckMessage, Error
from django.core.files.base import File
from django.core.files.storage import Storage
from whitenoise.storage import CompressedManifestStaticFilesStorage


class VendorStorage(Storage):
    """Reads the allow-listed files of installed packages under the names they are served by."""

    def __init__(self, files: dict[str, Path]) -> None:
        self._files = files

    def path(self, name: str) -> str:
        return str(self._files[name])

    def exists(self, name: str) -> bool:
        return name in self._files

    def _open(self, name: str, mode: str = "rb") -> File[bytes]:
        return File(self._files[name].open(mode))

    def get_modified_time(self, name: str) -> dt.datetime:
        """When the package's file was written; collectstatic compares it."""
        stamp = self._files[name].stat().st_mtime
        return dt.datetime.fromtimestamp(stamp, tz=dt.UTC)


class VendorFinder(BaseFinder):
    """Finds the files of `settings.VENDOR_STATIC` and nothing else of those packages.

    Collectstatic would copy and compress whole vendor directories: minutes, for two files.
    """

    def __init__(self, app_names: Iterable[str] | None = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._files: dict[str, Path] = dict(settings.VENDOR_STATIC)
        self._storage = VendorStorage(self._files)

    def check(self, **_kwargs: Any) -> list[CheckMessage]:
        """Every named file is there."""
        return [
            Error(f"static file {name}: the package has no {path.name}", id="portal.E241")
            for name, path in self._files.items()
            if not path.is_file()
        ]

    def find(self, path: str, find_all: bool = False, **_kwargs: Any) -> Any:
        found = self._files.get(path)
        if find_all:
            return [str(found)] if found else []
        return str(found) if found else []

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, Storage]]:
        for name in self._files:
            yield name, self._storage


def _without_source_maps(patterns: Iterable[tuple[str, Any]]) -> tuple[tuple[str, Any], ...]:
    return tuple(
        (
            extension,
            tuple(
                pattern
                for pattern in found
                if "sourceMappingURL" not in (pattern if isinstance(pattern, str) else pattern[0])
            ),
        )
        for extension, found in patterns
    )


class ManifestStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # no types
    """Hashed names and precompressed files.

    Vendor files name source maps that are not served; following those names would stop
    collectstatic, so they stay as they are.
    """

    patterns = _without_source_maps(CompressedManifestStaticFilesStorage.patterns)
