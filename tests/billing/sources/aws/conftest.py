"""Fixtures of the AWS tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from billing.sources.aws.config import AwsConfig
from billing.sources.aws.deliveries import collect_export
from billing.sources.aws.source import AwsSource
from billing.sources.focus.source import FocusSource
from portal.imports.contracts import ReadOptions
from tests.billing.sources.aws.exports import export_objects, write_objects
from tests.billing.sources.focus.focus_files import Outcome, gather, landed


@pytest.fixture
def read_paths() -> Callable[..., Outcome]:
    """Reads files as they would have landed."""

    def read(paths: list[Path], **config: Any) -> Outcome:
        files = [landed(path, index) for index, path in enumerate(paths)]
        outcome = Outcome()
        options = ReadOptions(config=AwsConfig(**config).model_dump(mode="json"))
        for batch in AwsSource(FocusSource()).read(files, options):
            gather(outcome, batch)
        return outcome

    return read


@pytest.fixture
def read_objects(tmp_path: Path, read_paths: Callable[..., Outcome]) -> Callable[..., Outcome]:
    """Reads the objects of a bucket, copied into a folder."""

    def read(objects: Mapping[str, bytes], **config: Any) -> Outcome:
        folder = write_objects(tmp_path / "bucket", objects)
        spool = tmp_path / "spool"
        spool.mkdir()
        return read_paths(collect_export([folder], spool), **config)

    return read


@pytest.fixture
def read_rows(read_objects: Callable[..., Outcome]) -> Callable[..., Outcome]:
    """Reads CUR rows of September 2026 in one file; the announced part is left out."""

    def read(*rows: Mapping[str, str], **config: Any) -> Outcome:
        outcome = read_objects(export_objects(rows), **config)
        outcome.records = outcome.records[1:]
        return outcome

    return read
