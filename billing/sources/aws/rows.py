"""Reading the rows of one CUR file: what is wrong is named, nothing is skipped in silence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from billing.sources.aws.normaliser import COLUMNS, CurNormaliser
from billing.sources.lines import BadValueError, charge_record
from billing.sources.records import ChargeRecord
from billing.sources.tables.bytestream import GZIP_MAGIC, Meter, read_magic
from billing.sources.tables.rows import RowBlock, RowReader
from portal.imports.contracts import (
    MAX_RAW_TEXT,
    ImportRefusedError,
    LandedFile,
    Note,
    Rejection,
    raw_digest,
)

MAX_REJECTIONS = 1_000
MOST_NAMES = 150  # that a note lists: a CUR has some 130 columns
_NULLS = frozenset({"", "NULL", "null"})


@dataclass(slots=True)
class CurState:
    """What holds over all files of one import."""

    meter: Meter
    repairs: Mapping[str, str]
    currency: str = ""
    rejected: int = 0
    notes: list[Note] = field(default_factory=list)
    not_kept: set[tuple[str, ...]] = field(default_factory=set)  # columns that a note has named


class CurFile:
    """One file of a billing period."""

    def __init__(
        self, file: LandedFile, reader: RowReader, normaliser: CurNormaliser, state: CurState
    ) -> None:
        """Find the columns.

        Raises:
            ImportRefusedError: a required column is missing, or one comes twice.
        """
        self._file, self._reader, self._normaliser, self._state = file, reader, normaliser, state
        self._names = [name.strip().lower() for name in reader.header]
        self._at = {name: self._names.index(name) for name in COLUMNS if name in self._names}
        missing = [name for name in normaliser.required if name not in self._at]
        if missing or len(set(self._names)) < len(self._names):
            raise ImportRefusedError(
                "missing_columns" if missing else "duplicate_column",
                "columns of CUR 2.0 are missing" if missing else "a column comes twice",
                file=file.name,
                line=reader.header_line,
                column=", ".join(missing),
                expected="an export of COST_AND_USAGE_REPORT with these columns, each once",
            )
        absent = [name for name in COLUMNS if name not in self._at]
        if absent:
            state.notes.append(
                Note("missing_columns", f"{file.name}: not exported: {', '.join(absent)}")
            )
        self._blank = dict.fromkeys(COLUMNS, "")
        self._say_what_is_not_kept()

    def _say_what_is_not_kept(self) -> None:
        """Once for all files with the same columns. Kept with the lines, they would make another
        line of every one that is stored."""
        others = tuple(sorted(set(self._names) - set(COLUMNS) - {""}))
        if not others or others in self._state.not_kept:
            return
        self._state.not_kept.add(others)
        names = ", ".join(name[:60] for name in others[:MOST_NAMES])
        more = f" and {len(others) - MOST_NAMES} more" if len(others) > MOST_NAMES else ""
        self._state.notes.append(
            Note("columns_not_kept", f"{self._file.name}: columns not kept: {names}{more}")
        )

    def blocks(self) -> Iterator[tuple[list[ChargeRecord], list[Rejection]]]:
        """Records and rejections, block by block.

        Raises:
            ImportRefusedError: a row of another width, a second currency, too many rows or
                rejections, or a file that may have been cut.
        """
        rows = 0
        for block in self._reader.blocks():
            self._refuse_cut(block)
            records: list[ChargeRecord] = []
            rejections: list[Rejection] = []
            for cells, line, text in zip(block.rows, block.lines, block.texts, strict=True):
                if not any(map(str.strip, cells)):
                    self._state.meter.add_blank_rows(1, file=self._file.name)
                    continue
                self._take(self._mended(cells, text, line), line, text, records, rejections)
                rows += 1
            if block.rows:
                self._state.meter.add_rows(
                    len(block.rows), file=self._file.name, line=block.lines[-1]
                )
            yield records, rejections
        if not rows:
            self._state.notes.append(Note("no_rows", f"{self._file.name}: the file has no rows"))

    def _mended(self, cells: list[str], text: str, line: int) -> list[str]:
        if self._state.repairs and len(text) <= MAX_RAW_TEXT:
            repair = self._state.repairs.get(raw_digest(text))
            if repair is not None:
                name = self._file.name
                try:
                    cells = self._reader.parse_record(repair)
                except ValueError as error:
                    raise ImportRefusedError(
                        "bad_repair",
                        "the mended text is not one record",
                        file=name,
                        line=line,
                        expected=str(error),
                    ) from error
                self._state.notes.append(
                    Note("repaired_row", f"{name}, line {line}: read from its repair")
                )
        if len(cells) != len(self._names):
            raise ImportRefusedError(
                "too_many_cells" if len(cells) > len(self._names) else "too_few_cells",
                "a record has another number of cells than the header",
                file=self._file.name,
                line=line,
                value=str(len(cells)),
                expected=f"{len(self._names)} cells",
            )
        return cells

    def _take(
        self,
        cells: Sequence[str],
        line: int,
        text: str,
        records: list[ChargeRecord],
        rejections: list[Rejection],
    ) -> None:
        row = dict(self._blank)
        for name, index in self._at.items():
            cell = cells[index].strip()
            row[name] = "" if cell in _NULLS else cell
        try:
            made = [
                charge_record(each)
                for each in self._normaliser.lines(row, file_index=self._file.index, line=line)
            ]
        except BadValueError as error:
            rejections.append(self._rejection(error, line, text))
            return
        self._check_currency(made[0].currency, line)
        records += made

    def _check_currency(self, currency: str, line: int) -> None:
        """Slices have one currency, so an import has."""
        self._state.currency = self._state.currency or currency
        if currency != self._state.currency:
            raise ImportRefusedError(
                "two_currencies",
                "the import holds two currencies, which are never added together",
                file=self._file.name,
                line=line,
                column="line_item_currency_code",
                value=currency,
                expected=f"{self._state.currency} throughout",
            )

    def _rejection(self, error: BadValueError, line: int, text: str) -> Rejection:
        self._state.rejected += 1
        if self._state.rejected > MAX_REJECTIONS:
            raise ImportRefusedError(
                "too_many_rejections",
                f"more than {MAX_REJECTIONS} rows are not right",
                file=self._file.name,
                line=line,
                column=error.field,
                value=error.value,
                expected=error.expected,
            )
        return Rejection(
            file_index=self._file.index,
            line=line,
            field=error.field,
            value=error.value[:200],
            code=error.code,
            expected=error.expected,
            raw_text=text.rstrip("\r\n")[:MAX_RAW_TEXT],
            fatal=error.fatal,
        )

    def _refuse_cut(self, block: RowBlock) -> None:
        """gzip and Parquet show by themselves that they are whole; plain text does not."""
        if block.unterminated and not read_magic(self._file).startswith(GZIP_MAGIC):
            raise ImportRefusedError(
                "truncated_file",
                "the file ends without a line ending, so its last row may be cut",
                file=self._file.name,
                line=block.lines[-1],
                expected="a line ending after the last record",
            )
