"""Sessions land without what was said in them, packed or not."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from billing.services.collecting import collect_sessions
from portal.imports.contracts import ImportRefusedError

LINE = (
    b'{"type":"message","id":"1","message":{"role":"assistant","content":"the secret plan",'
    b'"provider":"anthropic","model":"m","usage":{"input":3,"cost":{"total":0.10}}}}\n'
)


@pytest.mark.parametrize("name", ["s.jsonl", "s.jsonl.gz", "packed-by-another-name.jsonl"])
def test_what_was_said_does_not_land(name: str, tmp_path: Path) -> None:
    given, spool = tmp_path / "given", tmp_path / "spool"
    given.mkdir()
    spool.mkdir()
    (given / name).write_bytes(LINE if name == "s.jsonl" else gzip.compress(LINE))
    (taken,) = collect_sessions([given], spool)
    text = taken.read_bytes()
    assert b"secret" not in text
    assert b'"total":0.10' in text
    assert taken.name == name.removesuffix(".gz")


@pytest.mark.parametrize(
    ("content", "code"),
    [(gzip.compress(LINE)[:-9], "damaged_gzip"), (b"[" * 5_000, "not_json"), (b"{\n", "not_json")],
)
def test_what_cannot_be_read_is_refused(content: bytes, code: str, tmp_path: Path) -> None:
    path, spool = tmp_path / "s.jsonl", tmp_path / "spool"
    path.write_bytes(content)
    spool.mkdir()
    with pytest.raises(ImportRefusedError) as refused:
        collect_sessions([path], spool)
    assert (refused.value.code, refused.value.file) == (code, "s.jsonl")
