"""Fetching FOCUS files from a bucket: every month of which an object changed, whole."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from billing.sources.focus.config import FocusConfig
from billing.sources.focus.deliveries import (
    document_name,
    document_start,
    landed_name,
    versions_in,
    write_document,
)
from billing.sources.focus.layouts import (
    ENDINGS,
    DatedObject,
    Listed,
    Unit,
    months_of,
    refuse_layout,
    refuse_runs,
    run_time,
    runs_of,
    sort_out,
)
from billing.sources.objects import ObjectStore, StoredObject, settled_listing, store_of
from portal.imports.contracts import ImportRefusedError
from portal.imports.file_fetching import FetchedInput, FetchFiles, FileJob

MAX_MANIFEST_BYTES = 8 * 1024 * 1024
PROBED_OBJECTS = 2_000  # of a listing: a person waits
PROBED_BYTES = 16 * 1024 * 1024
_NOT_A_DIGIT = re.compile(r"\D", re.ASCII)


def fetch(job: FileJob) -> Iterator[FetchedInput]:
    """Every month of the bucket of which an object was written since it was taken, oldest first.

    A month comes with all of its objects, however far back it is restated: the listing shows it.
    One month that must not be read does not keep the others.

    Raises:
        SourceUnavailableError: objects are being written, or the store does not answer.
        ImportRefusedError: address, bucket or credential are wrong, or a person must say how the
            objects lie; months that are whole came before.
    """
    config = FocusConfig.model_validate(job.config)
    store = store_of(job, config)
    listed = sort_out(settled_listing(store, _listed_below(config)))
    problem: ImportRefusedError | None = None
    for month in months_of(listed.data, late_days=config.late_days, first_month=config.first_day):
        ages = _ages(store, month, listed)
        try:
            unit = _to_read(month, ages, listed, job, config)
        except ImportRefusedError as error:
            problem = problem or error
            continue
        if unit is not None:
            yield _input(store, unit, listed, job, config)
    if problem is not None:
        raise problem


def probe(job: FileJob) -> None:
    """List up to some thousand objects, see how they lie and read the smallest; nothing is kept.

    Raises:
        as `fetch`; ImportRefusedError also when there is nothing to read.
    """
    config = FocusConfig.model_validate(job.config)
    store = store_of(job, config)
    found = sort_out(islice(store.list(_listed_below(config)), PROBED_OBJECTS))
    if not found.data:
        raise ImportRefusedError(
            "no_data_file",
            "the bucket can be read, but there is no cost and usage file below this prefix",
            value=_listed_below(config),
            expected=f"objects that end in {', '.join(ENDINGS)}",
        )
    refuse_layout(found.data)
    smallest = min(found.data, key=lambda each: each.stored.size)
    if smallest.stored.size <= PROBED_BYTES:
        _download(store, smallest, job.folder, PROBED_BYTES).unlink()


def _listed_below(config: FocusConfig) -> str:
    return f"{config.prefix}/".lstrip("/")


# --- what is to be read -----------------------------------------------------------------------


class _Age(NamedTuple):
    """Whether a run of a month is whole, and when it was, as digits that sort; empty: not known."""

    is_whole: bool
    time: str


def _ages(store: ObjectStore, month: Unit, listed: Listed) -> dict[str, _Age]:
    """What is known of each run of a month. An exporter that writes manifests writes them last, so
    a run without one is not whole yet; several runs without a time have it in their manifests."""
    manifests = {each.key.rpartition("/")[0]: each for each in listed.manifests}
    folders = {_folder(each) for each in listed.data}
    has_manifests = not folders.isdisjoint(manifests)
    runs = {} if month.is_daily else runs_of(month)
    ages = {}
    for run, objects in runs.items():
        manifest = next(
            (found for each in objects if (found := manifests.get(_folder(each)))), None
        )
        time = run_time(run)
        if not time and manifest is not None and len(runs) > 1:
            time = _submitted(store, manifest)
        ages[run] = _Age(manifest is not None or not has_manifests, time)
    return ages


def _folder(each: DatedObject) -> str:
    return each.stored.key.rpartition("/")[0]


def _submitted(store: ObjectStore, stored: StoredObject) -> str:
    """When a manifest says that its run was asked for, as digits that sort; nothing when it does
    not."""
    body = io.BytesIO()
    store.get(stored, body, max_bytes=MAX_MANIFEST_BYTES)
    try:
        said = json.loads(body.getvalue())["runInfo"]["submittedTime"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return _NOT_A_DIGIT.sub("", said)[:14] if isinstance(said, str) else ""


def _to_read(
    month: Unit, ages: dict[str, _Age], listed: Listed, job: FileJob, config: FocusConfig
) -> Unit | None:
    """The month as it is to be read; None when nothing of it is new, or no run is whole yet.

    Raises:
        ImportRefusedError: nothing says which run is the newest, or objects are gone.
    """
    unit = month if month.is_daily else _newest_run(month, ages)
    if unit is None or job.is_known(document_name(unit, config.late_days)):
        return None
    before = versions_in(job.taken(document_start(unit)))
    now = versions_in([landed_name(each) for each in unit.objects])
    gone = before.keys() - now.keys()
    if not gone:
        return unit
    if all(before.get(key) == version for key, version in now.items()):
        return None  # what is left has been taken, and says nothing of what is gone
    if unit.is_daily:
        raise ImportRefusedError(
            "objects_gone",
            f"objects of {unit.name} that were read before are not in the bucket any more, so what "
            "is new there cannot be added to them and nothing of the month is taken",
            file=unit.objects[0].stored.key,
            value=f"{len(gone)} gone",
            expected="objects that stay for two months; else set the first month behind this one",
        )
    return unit


def _newest_run(month: Unit, ages: dict[str, _Age]) -> Unit | None:
    whole = [run for run, age in ages.items() if age.is_whole]
    if not whole:
        return None
    whole.sort(key=lambda run: ages[run].time)
    newest = whole[-1]
    if len(whole) > 1 and ages[newest].time in ("", ages[whole[-2]].time):
        refuse_runs(month, newest, whole[-2])
    return replace(month, objects=tuple(runs_of(month)[newest]))


# --- fetching it ------------------------------------------------------------------------------


def _input(
    store: ObjectStore, unit: Unit, listed: Listed, job: FileJob, config: FocusConfig
) -> FetchedInput:
    name = document_name(unit, config.late_days)
    document = job.folder / name
    document.write_bytes(write_document(unit, config.late_days, listed.ignored))
    files = []
    for number, each in enumerate(unit.objects, 1):
        # Parts of two days may be called alike, so each has a folder.
        folder = job.folder / f"{number:05}"
        folder.mkdir(exist_ok=True)
        files.append(_download(store, each, folder, job.max_bytes))
    return FetchedInput(name, (document, *files))


def _download(store: ObjectStore, each: DatedObject, folder: Path, max_bytes: int) -> Path:
    path = folder / landed_name(each)
    with path.open("w+b") as file:
        store.get(each.stored, file, max_bytes=max_bytes)
    return path


FETCH = FetchFiles(
    is_configured=lambda config: bool(config.get("bucket")),
    origin=lambda config: FocusConfig.model_validate(config).origin,
    fetch=fetch,
    probe=probe,
)
