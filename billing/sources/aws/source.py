"""The AWS source: whole billing periods of a Data Export, as CUR 2.0 or as FOCUS."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC

from billing.sources.aws.deliveries import Part, read_parts, time_text
from billing.sources.aws.normaliser import BILLED, NET_BILLED, CurNormaliser
from billing.sources.aws.rows import CurFile, CurState
from billing.sources.charge_columns import ChargeColumns
from billing.sources.records import ChargeRecord, ExportPart
from billing.sources.tables.bytestream import Meter
from billing.sources.tables.opening import open_rows
from portal.imports.contracts import (
    Batch,
    ImportRefusedError,
    LandedFile,
    Note,
    ReadOptions,
    Source,
)

CUR, FOCUS = "cur2", "focus"


class AwsSource:
    """Reads Data Exports of AWS.

    Before the cost lines of a billing period it yields the `ExportPart` that they make up; the
    store replaces that period whole. `docs/sources/aws.md` says what is accepted and refused.
    """

    key = "aws"

    def __init__(self, focus: Source) -> None:
        """`focus` reads the files of a FOCUS export."""
        self._focus = focus
        self.parser_version = f"1+{focus.parser_version}"

    def read(self, files: Iterable[LandedFile], options: ReadOptions) -> Iterator[Batch]:
        """Yield the periods in order, in bounded memory.

        Raises:
            ImportRefusedError: a period is not whole, or the input must not be taken.
        """
        parts, older = read_parts(list(files))
        state = CurState(Meter(options.limits), options.repairs)
        if older:
            said = ", ".join(older[:5])
            yield Batch(notes=(Note("older_deliveries", f"older deliveries left out: {said}"),))
        for part in parts:
            data_set = _data_set(part, options)
            manifest = part.manifest
            yield Batch(
                (
                    ExportPart(
                        manifest.period, time_text(manifest.made_at), manifest.execution, data_set
                    ),
                )
            )
            if data_set == CUR:
                batches = self._read_cur(part, options, state)
            else:
                batches = self._focus.read(part.files, options)
            yield from _in_period(part, batches)

    def _read_cur(self, part: Part, options: ReadOptions, state: CurState) -> Iterator[Batch]:
        normaliser = CurNormaliser(options.config)
        for file in part.files:
            with open_rows(file, state.meter, money=(BILLED, NET_BILLED)) as reader:
                cur = CurFile(file, reader, normaliser, state)
                for records, rejections in cur.blocks():
                    yield Batch(tuple(records), tuple(rejections))
                yield Batch(notes=(*reader.notes, *state.notes))
                state.notes.clear()


def _data_set(part: Part, options: ReadOptions) -> str:
    """By the header of the first file. A meter of its own: the file is read again."""
    with open_rows(part.files[0], Meter(options.limits)) as reader:
        names = {name.strip().lower() for name in reader.header}
    return CUR if "line_item_line_item_type" in names else FOCUS


def _in_period(part: Part, batches: Iterable[Batch]) -> Iterator[Batch]:
    """The same batches. A row of another billing period would replace half of that one.

    Raises:
        ImportRefusedError: there is one.
    """
    for batch in batches:
        if not isinstance(batch.records, ChargeColumns) or not _are_in(part, batch.records):
            for record in batch.records:
                _check_period(part, record)
        yield batch


def _are_in(part: Part, columns: ChargeColumns) -> bool:
    starts = {start.astimezone(UTC).date() for _, _, start, _ in columns.periods}
    return starts == {part.manifest.period}


def _check_period(part: Part, record: ChargeRecord) -> None:
    start = record.billing_period_start.astimezone(UTC).date()
    if start != part.manifest.period:
        file = next(each for each in part.files if each.index == record.file_index)
        raise ImportRefusedError(
            "other_billing_period",
            "a row belongs to another billing period than its manifest",
            file=file.name,
            line=record.line,
            value=f"{start:%Y-%m}",
            expected=f"{part.manifest.period:%Y-%m} throughout",
        )
