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
    MAX_ANSWER_BYTES,
    ImportRefusedError,
    LandedFile,
    Limits,
    ReadOptions,
    raw_digest,
)
from portal.imports.fetching import spool_line
from portal.imports.http import FetchLimits


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
    endpoints=st.lists(st.sampled_from(["costs", "usage/x", 'a "b"', "naïve", ""]), max_size=6),
    of=st.sets(st.sampled_from(["costs", "usage/x", 'a "b"', "naïve"])),
)
def test_only_pages_of_the_endpoints_that_are_asked_for_come_in_their_places(
    tmp_path_factory: pytest.TempPathFactory, endpoints: list[str], of: set[str]
) -> None:
    content = b"".join(spool_line(each, b'{"n": 1}') for each in ["costs", *endpoints])
    file = landed(tmp_path_factory.mktemp("spool"), content)
    every = read_pages([file], Limits())
    assert list(read_pages([file], Limits(), of=of)) == [
        page for page in every if not page.endpoint or page.endpoint in of
    ]


def test_what_no_database_keeps_is_taken_out_of_texts_and_whole_pairs_stay(tmp_path: Path) -> None:
    content = rb'{"a\u0000": ["x\u0000y", "\ud800", "\ud83d\ude00", "\udc00z", 1.10]}'
    (page,) = pages(tmp_path, content)
    assert page.body == {"a": ["xy", "\N{REPLACEMENT CHARACTER}", "\N{GRINNING FACE}",
                               "\N{REPLACEMENT CHARACTER}z", Decimal("1.10")]}  # fmt: skip


@pytest.mark.parametrize("content", [b"[" * 5_000, b'{"a":' * 5_000, rb'{"a\u0000":1,"a":2}'])
def test_what_nests_too_deep_or_names_a_key_twice_is_refused(
    content: bytes, tmp_path: Path
) -> None:
    with pytest.raises(ImportRefusedError) as refused:
        pages(tmp_path, content)
    assert refused.value.code == "not_json"


def test_a_page_that_is_not_asked_for_is_not_even_read(tmp_path: Path) -> None:
    content = spool_line("names", b"[1]") + spool_line("costs", b"{}").replace(b"{}", b"{")
    file = landed(tmp_path, content)
    assert [page.body for page in read_pages([file], Limits(), of={"names"})] == [[1]]
    with pytest.raises(ImportRefusedError, match="not the JSON of an answer"):
        list(read_pages([file], Limits(), of={"costs"}))


@pytest.mark.parametrize("of", [None, {"names"}])
def test_an_answer_in_a_spool_s_shape_over_several_lines_is_one_page(
    tmp_path: Path, of: set[str] | None
) -> None:
    file = landed(tmp_path, b'{"endpoint": "names", "body": {\n"data": []\n}}\n')
    assert [page.body for page in read_pages([file], Limits(), of=of)] == [{"data": []}]
    other = landed(tmp_path, b'{"endpoint": "costs", "body": {\n"data": []\n}}\n', "other.json")
    assert len(list(read_pages([other], Limits(), of=of))) == (of is None)


TEXTS = st.text(st.characters(exclude_characters="\0"))  # NUL goes: no database keeps it


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | TEXTS,
        lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
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
        (gzip.compress(b'{"a": 1}\n', mtime=0)[:10] + b"\xff" * 20, "damaged_gzip"),
    ],
    ids=["empty", "page", "twice", "nan", "cut", "cut-gzip", "spoilt-gzip"],
)
def test_what_is_no_whole_answer_is_refused_with_its_place(
    tmp_path: Path, content: bytes, code: str
) -> None:
    with pytest.raises(ImportRefusedError) as refused:
        pages(tmp_path, content)
    assert refused.value.code == code
    assert refused.value.file == "pages.jsonl"


def test_an_answer_of_a_size_that_is_fetched_is_read(tmp_path: Path) -> None:
    """A month of a large organisation comes in one; it was fetched, and then refused."""
    name, body = "usage/completions", b'"' + b"a" * (MAX_ANSWER_BYTES - 2) + b'"'
    assert len(body) == FetchLimits().max_bytes
    (page,) = pages(tmp_path, spool_line(name, body))
    assert len(page.body) == len(body) - 2


def test_an_input_beyond_the_limits_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportRefusedError, match="too long"):
        pages(tmp_path, b"1" * 50, Limits(max_answer_bytes=20))
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
