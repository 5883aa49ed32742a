"""Answers as files: whole, exact, and each row with its place."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.sources.lines import BadValueError
from billing.sources.pages import Page, RowReader, raw_text, read_pages
from portal.imports.contracts import (
    ImportRefusedError,
    LandedFile,
    Limits,
    ReadOptions,
    raw_digest,
)
from portal.imports.fetching import spool_line


def landed(folder: Path, content: bytes, name: str = "pages.jsonl") -> LandedFile:
    path = folder / name
    path.write_bytes(content)
    return LandedFile(0, name, path, "0" * 64, len(content))


def pages(folder: Path, content: bytes, limits: Limits | None = None) -> list[Page]:
    return list(read_pages([landed(folder, content)], limits or Limits()))


def test_a_spool_gives_back_each_answer_with_its_endpoint_and_line(tmp_path: Path) -> None:
    spool = spool_line("costs", b'{\n "a": 0.10\r\n}') + spool_line("usage", b"[1]")
    for content in (spool, gzip.compress(spool)):
        found = [(page.line, page.endpoint, page.body) for page in pages(tmp_path, content)]
        assert found == [(1, "costs", {"a": Decimal("0.10")}), (2, "usage", [1])]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_any_answer_survives_the_spool(
    tmp_path_factory: pytest.TempPathFactory, body: object
) -> None:
    content = spool_line("x", json.dumps(body, indent=1).encode())
    assert pages(tmp_path_factory.mktemp("spool"), content)[0].body == body


def test_a_saved_answer_over_several_lines_is_one_page(tmp_path: Path) -> None:
    (page,) = pages(tmp_path, b'{\n  "data": [1.50]\n}\n')
    assert (page.endpoint, page.body) == ("", {"data": [Decimal("1.50")]})


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "no_rows"),
        (b"<html>", "not_json"),
        (b'{"a": 1, "a": 2}', "not_json"),
        (b'{"a": NaN}', "not_json"),
        (b'{"a": 1}\n{"a":', "not_json"),
        (gzip.compress(b'{"a": 1}\n{"b": 2}\n', mtime=0)[:-9], "damaged_gzip"),
    ],
    ids=["empty", "page", "twice", "nan", "cut", "cut-gzip"],
)
def test_what_is_no_whole_answer_is_refused_with_its_place(
    tmp_path: Path, content: bytes, code: str
) -> None:
    with pytest.raises(ImportRefusedError) as refused:
        pages(tmp_path, content)
    assert refused.value.code == code
    assert refused.value.file == "pages.jsonl"


def test_an_input_beyond_the_limits_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportRefusedError, match="too long"):
        pages(tmp_path, b"1" * 50, Limits(max_line_chars=20))
    with pytest.raises(ImportRefusedError, match="larger"):
        pages(tmp_path, b'"aaaaaaaa"\n' * 5, Limits(max_bytes=30))


def test_a_rejected_row_comes_back_mended(tmp_path: Path) -> None:
    (page,) = pages(tmp_path, b'{"cost": "soon"}\n')
    reader = RowReader(ReadOptions())
    reader.reject(page, page.body, BadValueError("cost", "soon", "bad_amount", "a number"))
    (rejection,) = reader.take_rejections()
    assert (rejection.line, rejection.field, rejection.value) == (1, "cost", "soon")
    assert rejection.raw_text == '{"cost":"soon"}'
    repairs = {raw_digest(raw_text(page.body)): '{"cost": "1.5"}'}
    assert RowReader(ReadOptions(repairs=repairs)).mended(page.body) == {"cost": "1.5"}
    assert reader.take_rejections() == ()
