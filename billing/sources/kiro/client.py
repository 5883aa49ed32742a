"""Fetching reports from the bucket that AWS writes them to: each day whose objects changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from billing.sources.kiro.config import KiroConfig
from billing.sources.kiro.keys import by_day, landed_names, listed_below, place_of
from billing.sources.objects import ObjectStore, StoredObject, settled_listing, store_of
from portal.imports.contracts import ImportRefusedError
from portal.imports.file_fetching import FetchedInput, FetchFiles, FileJob


def fetch(job: FileJob) -> Iterator[FetchedInput]:
    """Every day of the bucket of which an object was written since it was taken, oldest first.

    A day comes with all of its objects, so that the newest of them can be told. How far back AWS
    writes a day again makes no difference: the listing shows it.

    Raises:
        SourceUnavailableError: reports are being written, or the store does not answer.
        ImportRefusedError: address, bucket or credential are wrong.
    """
    config = KiroConfig.model_validate(job.config)
    store = store_of(job, config)
    for found in by_day(settled_listing(store, listed_below(config.prefix))).values():
        names = landed_names(found)
        if not job.is_known(names[0]):
            yield FetchedInput(names[0], tuple(_download(store, found, names, job)))


def probe(job: FileJob) -> None:
    """List up to the first report and read it, which takes both permissions; nothing is kept.

    Raises:
        as `fetch`; ImportRefusedError also when there is no report.
    """
    config = KiroConfig.model_validate(job.config)
    store = store_of(job, config)
    below = listed_below(config.prefix)
    first = next((each for each in store.list(below) if place_of(each.key)), None)
    if first is None:
        raise ImportRefusedError(
            "no_report",
            "the bucket can be read, but there is no report below this prefix",
            value=below,
            expected="the prefix that the console shows for reports of user activity",
        )
    for path in _download(store, [first], landed_names([first]), job):
        path.unlink()


def _download(
    store: ObjectStore, found: Sequence[StoredObject], names: Sequence[str], job: FileJob
) -> Iterator[Path]:
    for number, (stored, name) in enumerate(zip(found, names, strict=True), 1):
        # Reports of Kiro and of Amazon Q may be called alike, so each has a folder.
        folder = job.folder / f"{number:04}"
        folder.mkdir(exist_ok=True)
        with (folder / name).open("w+b") as file:
            store.get(stored, file, max_bytes=job.max_bytes)
        yield folder / name


FETCH = FetchFiles(
    is_configured=lambda config: bool(config.get("bucket")),
    origin=lambda config: KiroConfig.model_validate(config).origin,
    fetch=fetch,
    probe=probe,
)
