"""Fetching exports from the bucket that AWS delivers to: the newest manifest of each month."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from billing.sources.aws.config import AwsConfig
from billing.sources.aws.deliveries import Delivered, delivery_document
from billing.sources.aws.manifests import (
    MANIFEST_ENDING,
    MAX_MANIFEST_BYTES,
    Manifest,
    ManifestPlace,
    newest_of_each_period,
    place_of,
    read_manifest,
)
from billing.sources.objects import ObjectStore, StoredObject, store_of
from portal.imports.contracts import ImportRefusedError, SourceUnavailableError
from portal.imports.file_fetching import FetchedInput, FetchFiles, FileJob


def fetch(job: FileJob) -> Iterator[FetchedInput]:
    """The newest delivery of each billing period that is not known yet, oldest period first.

    Raises:
        SourceUnavailableError: a delivery is on its way, or the store does not answer.
        ImportRefusedError: address, credential or manifest are wrong.
    """
    config = AwsConfig.model_validate(job.config)
    store = store_of(job, config)
    manifests = _manifests(store, config)
    for place, stored in _newest(manifests):
        key = _input_key(place, stored)
        if job.is_known(key):
            continue
        manifest = _read(store, stored, place)
        files = list(_download_all(store, config, manifest, job))
        _refuse_changed(store, stored)
        document = job.folder / key
        delivered = [Delivered(each.key, each.size) for each, _ in files]
        document.write_bytes(delivery_document([(manifest, delivered)]))
        yield FetchedInput(key, (document, *(path for _, path in files)))


def probe(job: FileJob) -> None:
    """List the export's manifests and read the newest.

    Raises:
        as `fetch`; ImportRefusedError also when there is no manifest.
    """
    config = AwsConfig.model_validate(job.config)
    store = store_of(job, config)
    found = _newest(_manifests(store, config))
    if not found:
        raise ImportRefusedError(
            "no_manifest",
            "the bucket can be read, but there is no manifest below this prefix",
            value=f"{config.prefix}/metadata/",
            expected="prefix and name of an export that has been delivered once",
        )
    place, stored = found[-1]
    _read(store, stored, place)


def _manifests(store: ObjectStore, config: AwsConfig) -> list[tuple[ManifestPlace, StoredObject]]:
    prefix = f"{config.prefix}/metadata/".lstrip("/")
    found = []
    for stored in store.list(prefix):
        place = place_of(stored.key, modified=stored.modified)
        if stored.key.endswith(MANIFEST_ENDING) and place is not None:
            found.append((place, stored))
    return found


def _newest(
    manifests: list[tuple[ManifestPlace, StoredObject]],
) -> list[tuple[ManifestPlace, StoredObject]]:
    by_key = {place.key: stored for place, stored in manifests}
    newest, _ = newest_of_each_period([place for place, _ in manifests])
    return [(place, by_key[place.key]) for place in newest]


def _input_key(place: ManifestPlace, stored: StoredObject) -> str:
    made_at = f"{place.made_at:%Y%m%dT%H%M%SZ}" if place.made_at else "undated"
    version = "".join(filter(str.isalnum, stored.etag))[:16]
    return f"export {place.period:%Y-%m} {made_at} {version}.json"


def _read(store: ObjectStore, stored: StoredObject, place: ManifestPlace) -> Manifest:
    body = io.BytesIO()
    store.get(stored, body, max_bytes=MAX_MANIFEST_BYTES)
    text = body.getvalue().decode("utf-8", "replace")
    return read_manifest(text, stored.key, modified=place.made_at)


def _download_all(
    store: ObjectStore, config: AwsConfig, manifest: Manifest, job: FileJob
) -> Iterator[tuple[StoredObject, Path]]:
    folders = sorted({key.rpartition("/")[0] for key in manifest.data_keys})
    listed: Mapping[str, Any] = {
        stored.key: stored for folder in folders for stored in store.list(f"{folder}/")
    }
    missing = [key for key in manifest.data_keys if key not in listed]
    if missing:
        raise SourceUnavailableError(
            f"{missing[0]}, which the manifest of {manifest.period:%Y-%m} names, is not in the "
            "bucket: the export is not whole, and nothing of it is taken"
        )
    for number, key in enumerate(manifest.data_keys, 1):
        path = job.folder / f"{manifest.period:%Y-%m} {number:04} {key.rpartition('/')[2]}"
        with path.open("w+b") as file:
            store.get(listed[key], file, max_bytes=job.max_bytes)
        yield listed[key], path


def _refuse_changed(store: ObjectStore, stored: StoredObject) -> None:
    """The manifest is written last: while it is the same, so is what it names."""
    now = {each.key: each.etag for each in store.list(stored.key)}
    if now.get(stored.key) != stored.etag:
        raise SourceUnavailableError(
            f"{stored.key} changed while its files were fetched: the export is delivered anew"
        )


FETCH = FetchFiles(
    is_configured=lambda config: bool(config.get("bucket")),
    origin=lambda config: AwsConfig.model_validate(config).origin,
    fetch=fetch,
    probe=probe,
)
