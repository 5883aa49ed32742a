"""The inventory form of the Office of Management and Budget for 2025: CSV of 36 columns.

The words are those of its data dictionary. Of the stage, a row can only say that a use case is
retired: pilot and live are decided in the portal by two people, so `Pilot` and `Deployed` are kept
as what the form says and the use case is proposed.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping

from adoption.choices import RiskTier, Stage
from adoption.inventories import columns as kinds
from adoption.inventories.columns import Column, cells_to_keep
from adoption.inventories.contracts import (
    CLAIM_FIELDS,
    BadCellError,
    InventoryRecord,
    InventoryRow,
    Reading,
    canonical,
    reject,
    repeated,
)
from adoption.inventory_choices import HighImpact
from portal.imports.contracts import ImportRefusedError, Rejection
from portal.shell.exports import unescape_cell

FORM = "omb-csv"
_YES_NO = {"yes": "Yes", "no": "No"}
_PRACTICE = {"yes": "Yes", "in_progress": "In-progress", "waived": "CAIO Waived"}
_STAGES = {
    Stage.PROPOSED: "Pre-deployment",
    Stage.APPROVED: "Pre-deployment",
    Stage.PILOT: "Pilot",
    Stage.LIVE: "Deployed",
    Stage.VALIDATED: "Deployed",
    Stage.STOPPED: "Retired",
    Stage.RETIRED: "Retired",
}


def _stage_of(cell: str) -> str:
    return Stage.RETIRED if cell.strip().casefold() == "retired" else Stage.PROPOSED


COLUMNS: tuple[Column, ...] = (
    kinds.text("agency", "organisation"),
    kinds.text("agency_name", "organisation_name"),
    kinds.text("id", "reference", fallback=lambda record: record.slug),
    kinds.title("use_case_name"),
    kinds.text("agency_bureau", "bureau", fallback=lambda record: record.team_name),
    kinds.text("contact_email", "contact_email", fallback=lambda record: record.owner_email),
    kinds.coded("is_withheld", "is_withheld", {
        "no": "No", "risk": "Yes - Disclosure Risk", "law": "Yes - Prohibited by Law",
        "other": "Other"}),
    Column("development_stage", "stage", _stage_of, lambda stage: _STAGES[Stage(stage)]),
    kinds.coded("is_high_impact", "high_impact", {
        "high": "High-impact", "presumed_not": "Presumed High-Impact, but Not High-impact",
        "not": "Not High-impact"}),
    kinds.text("HI_justification", "high_impact_reason"),
    kinds.text("topic_area", "topic_area"),
    kinds.coded("classification", "technology", {
        "agentic": "Agentic AI", "classical": "Classical ML", "vision": "Computer Vision",
        "generative": "Generative AI", "language": "NLP",
        "reinforcement": "Reinforcement Learning"}),
    kinds.text("problem_solved", "problem"),
    kinds.text("benefits", "benefit_text"),
    kinds.text("system_outputs", "outputs"),
    kinds.day("operational_date", "operational_on"),
    kinds.coded("contracting_usage", "sourcing", {
        "vendor": "Vendor Purchased", "in_house": "In-house Development",
        "both": "Contracting and In House"}),
    kinds.text("vendor_name", "vendors"),
    kinds.coded("have_ato", "has_authorisation", _YES_NO),
    kinds.text("system_name_ato", "system_name"),
    kinds.text("data_description", "data_description"),
    kinds.text("link_to_data", "data_link"),
    kinds.coded("has_pii", "personal_data", _YES_NO),
    kinds.text("pia_url", "privacy_assessment"),
    kinds.names("demographic_features", "demographic_features"),
    kinds.coded("has_custom_code", "custom_code", _YES_NO),
    kinds.text("code_url", "code_link"),
    kinds.coded("hi_testing_conducted", "testing", _PRACTICE),
    kinds.coded("hi_assessment_completed", "impact_assessment", _PRACTICE),
    kinds.text("hi_potential_impacts", "potential_impacts"),
    kinds.coded("hi_independent_review", "independent_review", {
        "internal": "Internal Independent Review", "board": "Oversight Board Review",
        "officer": "CAIO Review", "in_progress": "In-progress", "waived": "CAIO Waived"}),
    kinds.coded("hi_ongoing_monitoring", "monitoring", {
        **_PRACTICE, "yes": "Yes - Monitoring Established"}),
    kinds.coded("hi_training_established", "training", {
        **_PRACTICE, "yes": "Training Established", "in_progress": "Training In-progress"}),
    kinds.coded("hi_failsafe_presence", "failsafe", {
        **_PRACTICE, "not_applicable": "Not Applicable"}),
    kinds.coded("hi_appeal_process", "appeal", {
        "yes": "Appeal Process Established", "in_progress": "Appeal Process In-progress",
        "not_applicable": "Not Applicable", "precluded": "Appeal Precluded by Law",
        "waived": "CAIO Waived"}),
    kinds.names("hi_public_consultation", "consultation"),
)  # fmt: skip
HEADINGS = tuple(column.name for column in COLUMNS)


def read(data: bytes, file: str) -> Reading:
    """Every row of the file, or why it is not taken.

    Raises:
        ImportRefusedError: it is no UTF-8, no CSV, or its columns are not those of the form.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ImportRefusedError(
            "bad_encoding", "The file is not UTF-8.", file=file,
            line=data.count(b"\n", 0, error.start) + 1, expected="UTF-8, with or without a mark",
        ) from error  # fmt: skip
    rows: list[InventoryRow] = []
    rejections: list[Rejection] = []
    for line, cells in _records(text, file):
        try:
            rows.append(_row(line, cells))
        except _BadRowError as error:
            rejections.append(error.rejection)
    single, doubled = repeated(rows)
    found = sorted((*rejections, *doubled), key=lambda each: each.line)
    return Reading(tuple(single), tuple(found))


class _BadRowError(Exception):
    def __init__(self, rejection: Rejection) -> None:
        super().__init__(rejection.expected)
        self.rejection = rejection


def _records(text: str, file: str) -> Iterator[tuple[int, list[str]]]:
    """(first physical line, cells) of each record below the heading."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        heading = next(reader, [])
        _check_heading(heading, file)
        before = reader.line_num
        for cells in reader:
            if cells:
                yield before + 1, cells
            before = reader.line_num
    except csv.Error as error:
        raise ImportRefusedError(
            "bad_csv", f"The file is no CSV: {error}.", file=file, line=reader.line_num
        ) from error


def _check_heading(heading: list[str], file: str) -> None:
    missing = [name for name in HEADINGS if name not in heading]
    unknown = [name for name in heading if name not in HEADINGS]
    if not missing and not unknown and len(heading) == len(HEADINGS):
        return
    name = (missing or unknown or heading)[0]
    problem = "is missing" if missing else "is unknown" if unknown else "is there twice"
    raise ImportRefusedError(
        "bad_columns", f"The column “{name}” {problem}.", file=file, line=1, column=name,
        expected=f"the {len(HEADINGS)} columns of the 2025 form: {', '.join(HEADINGS)}",
    )  # fmt: skip


def _row(line: int, row: list[str]) -> InventoryRow:
    raw = ",".join(row)
    if len(row) != len(HEADINGS):
        expected = f"{len(HEADINGS)} cells"
        raise _BadRowError(reject(line, "", f"{len(row)} cells", "bad_row", expected, raw))
    # Our own exports put an apostrophe before what a spreadsheet would take for a formula.
    cells = {name: unescape_cell(cell) for name, cell in zip(HEADINGS, row, strict=True)}
    values = {}
    for column in COLUMNS:
        cell = cells[column.name]
        try:
            if "\0" in cell:
                raise BadCellError("text without a zero byte")
            values[column.field] = column.read(cell)
        except BadCellError as error:
            raise _BadRowError(
                reject(line, column.name, cell, "bad_cell", error.expected, raw)
            ) from None
    claim = {name: values.pop(name) for name in CLAIM_FIELDS if name in values}
    if values["high_impact"] == HighImpact.HIGH:
        claim["risk_tier"] = RiskTier.HIGH
    place = (cells["agency"].strip(), cells["agency_bureau"].strip())
    identity = (place[0], cells["id"].strip() or f"{place[1]}/{cells['use_case_name'].strip()}")
    return InventoryRow(
        line=line,
        key=f"{FORM}:{'/'.join(identity)}"[:255],
        slug=cells["id"].strip(),
        title=values.pop("title"),
        stage=values.pop("stage"),
        claim=claim,
        record=values,
        teams=tuple(name for name in (cells["agency_name"].strip() or place[0], place[1]) if name),
        owner=cells["contact_email"].strip(),
        form_fields={FORM: cells_to_keep(COLUMNS, cells)},
        raw_text=canonical(cells),
    )


def write(records: Iterable[InventoryRecord]) -> Iterator[Mapping[str, str]]:
    """Each record as a row of the form, by column."""
    for record in records:
        kept = record.form_fields.get(FORM, {})
        yield {column.name: column.cell(record, kept) for column in COLUMNS}
