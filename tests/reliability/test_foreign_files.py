"""Files that are something else, or a trap inside something else: refused by their bytes.

What a file is called plays no part. Nothing is unpacked but gzip, so there is no path in an archive
that could lead outside, and no XML is ever parsed, so there is no entity that could be expanded.
"""

from __future__ import annotations

import gzip
import io
import time
import zipfile
from pathlib import Path

import pytest

from billing.sources.focus.source import FocusSource
from portal.imports.contracts import ImportRefusedError, LandedFile, ReadOptions
from tests.billing.sources.focus.focus_files import BASE_ROW, csv_bytes

GOOD = csv_bytes([BASE_ROW])
SECONDS = 10  # processor time
LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;">]><l>&c;</l>"""
OUTSIDE = (
    b"""<?xml version="1.0"?><!DOCTYPE l [<!ENTITY x SYSTEM "file:///etc/passwd">]><l>&x;</l>"""
)


def archive(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return out.getvalue()


def link() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        info = zipfile.ZipInfo("costs.csv")
        info.external_attr = 0o120777 << 16
        packed.writestr(info, "/etc/passwd")
    return out.getvalue()


CORPUS = {
    "zip": archive({"costs.csv": GOOD}),
    "zip slip": archive({"../../../../tmp/slipped": GOOD}),
    "nested zip": archive({"a.zip": archive({"b.zip": archive({"costs.csv": GOOD})})}),
    "zip bomb": archive({"costs.csv": bytes(20 * 1024**2)}),
    "symlink in a zip": link(),
    "workbook with an outside entity": archive({"xl/workbook.xml": OUTSIDE}),
    "workbook with a billion laughs": archive({"xl/sharedStrings.xml": LAUGHS}),
    "xml with an outside entity": OUTSIDE,
    "svg with a script": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
    "svg with a billion laughs": LAUGHS.replace(b"<l>", b"<svg>"),
    "png and html at once": b"\x89PNG\r\n\x1a\n<html><script>alert(1)</script></html>",
    "gif and script at once": b"GIF89a/*" + GOOD + b"*/=alert(1)//",
    "html": b"<!doctype html><script>alert(1)</script>",
    "pdf": b"%PDF-1.7\n" + GOOD,
    "utf-16": "BilledCost\r\n1\r\n".encode("utf-16"),
    "program": b"\x7fELF" + bytes(1000),
    "pickle": b"\x80\x04\x95\x1a\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94.",
    "gzip in gzip": gzip.compress(gzip.compress(GOOD)),
    "parquet in gzip": gzip.compress(b"PAR1" + bytes(100) + b"PAR1"),
    "a million columns": b",".join(b"c%d" % number for number in range(10**6)) + b"\n",
    "nothing": b"",
}


@pytest.mark.parametrize("name", ["costs.csv", "costs.parquet"])
@pytest.mark.parametrize("kind", CORPUS)
def test_it_is_refused_by_its_bytes_whatever_its_name(tmp_path: Path, kind: str, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(CORPUS[kind])
    began = time.process_time()
    with pytest.raises(ImportRefusedError) as refused:
        list(FocusSource().read([LandedFile(0, name, path, "", 0)], ReadOptions()))
    assert time.process_time() - began < SECONDS
    assert refused.value.code
    assert not Path("/tmp/slipped").exists()  # noqa: S108  (must not be there)


@pytest.mark.parametrize("name", ["costs.csv", "costs.png", "costs.exe", "costs"])
def test_what_is_right_is_taken_whatever_its_name(tmp_path: Path, name: str) -> None:
    for content in (GOOD, gzip.compress(GOOD)):
        (tmp_path / name).write_bytes(content)
        files = [LandedFile(0, name, tmp_path / name, "", 0)]
        batches = list(FocusSource().read(files, ReadOptions()))
        assert sum(len(batch.records) for batch in batches) == 1
