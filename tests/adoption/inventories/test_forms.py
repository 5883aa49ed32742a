"""Reading and writing forms: words, what is kept, and what is refused with its place."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adoption.inventories import annex, omb, own
from adoption.inventories.columns import Column
from adoption.inventories.contracts import InventoryRecord, short_title
from adoption.inventories.fields import RECORD_FIELDS, Kind
from adoption.inventories.reading import form_of, read_registry
from adoption.inventories.writing import registry_text
from portal.imports.contracts import ImportRefusedError

EMPTY = {"demographic_features": "[]", "hi_public_consultation": "[]"}
CELLS = {
    **dict.fromkeys(omb.HEADINGS, ""),
    **EMPTY,
    "agency": "DOX",
    "agency_name": "Department of Examples",
    "id": "DOX-1",
    "use_case_name": "Sorting of letters",
    "agency_bureau": "Post",
    "contact_email": "post@dox.example",
    "development_stage": "Pilot",
    "is_high_impact": "High-impact",
    "problem_solved": "Letters wait for three days.\nNobody knows which are urgent.",
    "benefits": "Less waiting.",
    "operational_date": "2025-02-01 00:00:00",
}


def omb_file(*rows: dict[str, str], headings: tuple[str, ...] = omb.HEADINGS) -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, headings, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return b"\xef\xbb\xbf" + stream.getvalue().encode()


def record_of(row: Any, **fields: Any) -> InventoryRecord:
    """The record that an import of `row` makes, without a database."""
    empty: dict[str, Any] = {
        name: [] if field.kind is Kind.NAMES else None if field.kind in (Kind.DAY, Kind.NUMBER)
        else "" for name, field in RECORD_FIELDS.items()
    }  # fmt: skip
    claim = {"problem": "", "hypothesis": "", "stop_rule": "", "value_type": "not_stated",
             "risk_tier": "not_stated"}  # fmt: skip
    values: dict[str, Any] = {
        "slug": "sorting-of-letters", "title": row.title, "stage": row.stage, "programme": "ai",
        "team": "post", "team_name": "Post", "owner": "olga", "owner_email": "olga@dox.example",
        "claim": claim | dict(row.claim), "record": empty | dict(row.record),
        "form_fields": dict(row.form_fields),
    }  # fmt: skip
    return InventoryRecord(**(values | fields))


def there_and_back(cells: dict[str, str]) -> dict[str, str]:
    reading = omb.read(omb_file(cells), "omb.csv")
    assert not reading.rejections
    return dict(next(iter(omb.write([record_of(reading.rows[0])]))))


def test_a_row_becomes_words_of_ours_and_nothing_is_guessed() -> None:
    (row,) = omb.read(omb_file(CELLS), "omb.csv").rows
    assert row.key == "omb-csv:DOX/DOX-1"
    assert row.line == 2
    assert row.teams == ("Department of Examples", "Post")
    assert row.owner == "post@dox.example"
    assert row.stage == "proposed"  # a pilot is decided here, by two people
    assert row.claim == {"problem": CELLS["problem_solved"], "risk_tier": "high"}
    assert row.record["high_impact"] == "high"
    assert row.record["operational_on"].isoformat() == "2025-02-01"
    assert row.record["personal_data"] == ""
    assert row.record["demographic_features"] == []
    assert row.form_fields["omb-csv"]["development_stage"] == "Pilot"
    assert row.form_fields["omb-csv"]["operational_date"] == "2025-02-01 00:00:00"
    assert "problem_solved" not in row.form_fields["omb-csv"]


@pytest.mark.parametrize(
    "change",
    [
        {"use_case_name": "A name without end " * 14},
        {"hi_training_established": "b) Development of monitoring protocols is in-progess"},
        {"hi_independent_review": "Oversight Board Review", "hi_appeal_process": "c) Elsewhere"},
        {"demographic_features": "['b) Sex', 'c) Age']"},
        {"demographic_features": '["one"]', "hi_public_consultation": ""},
        {"benefits": "=SUM(A1)", "vendor_name": "'quoted", "problem_solved": "-3 %"},
        {"benefits": "  spaces around \n", "id": "", "agency_bureau": ""},
        {"development_stage": "Retired"},
        {"development_stage": "", "contact_email": ""},
        {"is_high_impact": "a) High-impact", "has_pii": "yes"},
        {"operational_date": "2025-02-01"},
    ],
)
def test_every_cell_comes_out_as_it_went_in(change: dict[str, str]) -> None:
    cells = CELLS | change
    assert there_and_back(cells) == cells


_text = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=40)


@settings(max_examples=40)
@given(
    name=_text.filter(str.strip),
    cells=st.dictionaries(
        st.sampled_from(
            [column.name for column in omb.COLUMNS
             if column.name not in ("operational_date", "use_case_name", *EMPTY)]
        ),
        _text,
    ),
)  # fmt: skip
def test_whatever_a_cell_says_it_comes_out_through_a_safe_csv_again(
    name: str, cells: dict[str, str]
) -> None:
    row = CELLS | cells | {"use_case_name": name}
    text = "".join(registry_text([record_of(read_rows(row)[0])], "omb-csv"))
    again = read_rows_of(text)
    assert again == [row]


def read_rows(cells: dict[str, str]) -> tuple[Any, ...]:
    text = "".join(_safe(cells))
    return omb.read(text.encode(), "omb.csv").rows


def _safe(cells: dict[str, str]) -> Any:
    from portal.shell.exports import csv_lines

    return csv_lines(omb.HEADINGS, [[cells[name] for name in omb.HEADINGS]])


def read_rows_of(text: str) -> list[dict[str, str]]:
    from portal.shell.exports import unescape_cell

    rows = csv.DictReader(io.StringIO(text, newline=""))
    return [{name: unescape_cell(cell) for name, cell in row.items()} for row in rows]


def test_what_was_changed_here_is_written_and_not_what_the_form_said() -> None:
    (row,) = omb.read(omb_file(CELLS), "omb.csv").rows
    record = record_of(row)
    changed = replace(
        record, title="Sorting", stage="live",
        record={**record.record, "operational_on": None, "benefit_text": "6 days less"},
    )  # fmt: skip
    (cells,) = omb.write([changed])
    assert cells["use_case_name"] == "Sorting"
    assert cells["development_stage"] == "Deployed"
    assert cells["operational_date"] == ""
    assert cells["benefits"] == "6 days less"
    assert {cells[name] for name in ("agency", "id")} == {"DOX", "DOX-1"}


def test_a_use_case_of_ours_has_an_id_a_unit_and_an_address() -> None:
    record = record_of(
        omb.read(omb_file(CELLS), "x").rows[0], form_fields={}, stage="validated",
        record={name: [] if field.kind is Kind.NAMES else None if field.kind is Kind.DAY else ""
                for name, field in RECORD_FIELDS.items()},
    )  # fmt: skip
    (cells,) = omb.write([record])
    assert (cells["id"], cells["agency_bureau"], cells["contact_email"]) == (
        "sorting-of-letters", "Post", "olga@dox.example"
    )  # fmt: skip
    assert cells["development_stage"] == "Deployed"
    assert cells["agency"] == ""  # nobody has said


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"use_case_name": " "}, "use_case_name", "bad_cell"),
        ({"operational_date": "spring"}, "operational_date", "bad_cell"),
        ({"operational_date": "2025-02-30"}, "operational_date", "bad_cell"),
        ({"demographic_features": "Age"}, "demographic_features", "bad_cell"),
        ({"demographic_features": "__import__('os')"}, "demographic_features", "bad_cell"),
        ({"hi_public_consultation": "[1]"}, "hi_public_consultation", "bad_cell"),
        ({"vendor_name": "v" * 501}, "vendor_name", "bad_cell"),
        ({"benefits": "a\0b"}, "benefits", "bad_cell"),
    ],
)
def test_a_bad_cell_is_named_with_line_field_and_what_was_expected(
    change: dict[str, str], field: str, code: str
) -> None:
    good, bad = CELLS | {"id": "DOX-2"}, CELLS | change
    reading = omb.read(omb_file(good, bad), "omb.csv")
    assert [row.line for row in reading.rows] == [2]
    (rejection,) = reading.rejections
    assert (rejection.line, rejection.field, rejection.code) == (4, field, code)
    assert rejection.expected


def test_an_identifier_used_twice_is_refused_in_both_rows() -> None:
    reading = omb.read(omb_file(CELLS, CELLS | {"id": "DOX-2"}, CELLS), "omb.csv")
    assert [row.line for row in reading.rows] == [4]
    assert [(each.line, each.code) for each in reading.rejections] == [
        (2, "repeated_id"), (6, "repeated_id")
    ]  # fmt: skip


def test_a_row_of_another_length_is_refused() -> None:
    data = omb_file(CELLS) + b"one,two\n"
    (rejection,) = omb.read(data, "omb.csv").rejections
    assert (rejection.line, rejection.value, rejection.expected) == (4, "2 cells", "36 cells")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xff\xfe", "not UTF-8"),
        (b"", "“agency” is missing"),
        (omb_file(CELLS).replace(b"HI_justification", b"HI"), "“HI_justification” is missing"),
        (omb_file(CELLS).replace(b"public_consultation", b"public_consultation,more", 1),
         "“more” is unknown"),
        (omb_file(CELLS) + b'"open', "no CSV"),
    ],
)  # fmt: skip
def test_a_file_of_another_form_is_refused_as_a_whole(data: bytes, words: str) -> None:
    with pytest.raises(ImportRefusedError, match=words):
        omb.read(data, "omb.csv")


def test_a_long_title_is_cut_at_a_word() -> None:
    assert short_title(" short ") == "short"
    cut = short_title("word " * 60)
    assert len(cut) <= 160
    assert cut.endswith("word…")
    assert len(short_title("x" * 300)) == 160


SYSTEM = {
    "reference": "sorting-of-letters",
    "provider": "Department of Examples, 1 Main Street",
    "submitter": None,
    "authorised_representative": None,
    "trade_name": "Sorter",
    "intended_purpose": "Sorts letters by urgency.",
    "information_used": "Scanned letters.",
    "operating_logic": "A classifier.",
    "status": "in service",
    "certificate": "EC type, 12",
    "certificate_expires_on": "2028-01-31",
    "notified_body": "0123",
    "certificate_copy": None,
    "member_states": "NL, DE",
    "declaration_of_conformity": "https://dox.example/doc",
    "instructions_for_use": "https://dox.example/use",
    "more_information": None,
}


def test_annex_viii_goes_there_and_back() -> None:
    import json

    data = json.dumps({"form": "annex-viii", "systems": [SYSTEM]}).encode()
    (row,) = annex.read(data, "annex.json").rows
    assert row.claim == {"risk_tier": "high"}
    written = annex.write([record_of(row)])
    assert written["systems"] == [SYSTEM]
    assert written["points"]["trade_name"] == "4"
    assert {*written["points"]} == {*SYSTEM} - {"reference"}
    assert {*written["points"].values()} == {str(number) for number in range(1, 14)}
    low = record_of(row, claim={**record_of(row).claim, "risk_tier": "minimal"})
    assert annex.write([low])["systems"] == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"trade_name": None}, "trade_name"),
        ({"reference": ""}, "reference"),
        ({"provider": 5}, "provider"),
        ({"certificate_expires_on": "soon"}, "certificate_expires_on"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_bad_system_is_named(change: dict[str, Any], field: str) -> None:
    import json

    data = json.dumps({"form": "annex-viii", "systems": [SYSTEM | change]}).encode()
    reading = annex.read(data, "annex.json")
    assert not reading.rows
    assert [(each.line, each.field) for each in reading.rejections] == [(1, field)]


@pytest.mark.parametrize(
    ("item", "field"),
    [
        ({"slug": ""}, "slug"),
        ({"title": "t" * 161}, "title"),
        ({"stage": "done"}, "stage"),
        ({"record": {"baseline": 0.5}}, "record.baseline"),
        ({"record": {"baseline": "NaN"}}, "record.baseline"),
        ({"record": {"expected_on": "soon"}}, "record.expected_on"),
        ({"record": {"tools": "one"}}, "record.tools"),
        ({"record": {"data_class": "secret"}}, "record.data_class"),
        ({"record": {"hours_saved": "3"}}, "hours_saved"),
        ({"form_fields": {"omb-csv": {"id": 3}}}, "form_fields"),
        ({"tokens": 3}, "tokens"),
    ],
)
def test_a_bad_item_of_our_own_document_is_named(item: dict[str, Any], field: str) -> None:
    import json

    whole = {"slug": "a", "title": "A"} | item
    data = json.dumps({"form": "plumbline-registry", "use_cases": [whole]}).encode()
    reading = own.read(data, "own.json")
    assert not reading.rows
    assert [each.field for each in reading.rejections] == [field]


@pytest.mark.parametrize(
    "data",
    [b"[]", b"{", b"\xff", b'{"form": "other"}', b'{"form": "plumbline-registry"}',
     b'{"form": "plumbline-registry", "use_cases": [1]}'],
)  # fmt: skip
def test_a_document_of_another_form_is_refused(data: bytes) -> None:
    with pytest.raises(ImportRefusedError):
        read_registry(data, file="x.json", form="json")


def test_the_form_is_known_by_the_name_and_the_start() -> None:
    assert form_of("x.csv", b"") == "omb-csv"
    assert form_of("x.json", b'{"form": "annex-viii"') == "annex-viii"
    assert form_of("x.json", b'{"form": "plumbline-registry"') == "json"


def test_every_column_leads_to_a_field_of_ours_and_each_to_one() -> None:
    known = {*RECORD_FIELDS, "title", "stage", "problem"}
    for columns in (omb.COLUMNS, annex.COLUMNS):
        fields = [column.field for column in columns]
        assert len(fields) == len(set(fields))
        assert set(fields) <= known
    assert len(omb.COLUMNS) == 36
    assert all(isinstance(column, Column) for column in omb.COLUMNS)
