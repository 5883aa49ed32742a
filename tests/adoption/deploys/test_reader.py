"""Lines of payloads: what a fetch has taken can be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from adoption.deploys.config import DeployConfig
from adoption.deploys.reader import PayloadLines
from adoption.sources.records import Reading
from portal.imports.contracts import LandedFile, Limits, ReadOptions
from portal.imports.fetching import spool_line


def test_a_page_longer_than_a_line_of_a_table_is_read(tmp_path: Path) -> None:
    taken: list[int] = []

    def read_page(endpoint: str, body: Any, config: Any) -> list[Reading]:
        taken.append(len(body))
        return []

    def read_event(event: str, body: Any, config: Any) -> Reading:
        raise AssertionError(f"{event} is no event")

    path = tmp_path / "pages.jsonl"
    page = b'"' + b"a" * 2 * Limits().max_line_chars + b'"'
    path.write_bytes(spool_line("deployments", page))
    source = PayloadLines("any", "1", DeployConfig, read_event, read_page)
    file = LandedFile(0, path.name, path, "0" * 64, path.stat().st_size)
    (batch,) = source.read([file], ReadOptions(config={}))
    assert not batch.rejections
    assert taken == [len(page) - 2]
