"""The FOCUS source: cost and usage files in CSV, gzip or Parquet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing

from billing.sources.charge_columns import ChargeColumns
from billing.sources.focus.attribution import wanted_columns
from billing.sources.focus.charges import ImportState
from billing.sources.focus.columns import MONEY, resolve_layout
from billing.sources.focus.deliveries import delivery_in
from billing.sources.focus.fetched_months import FetchedMonth
from billing.sources.focus.large_files import LargeFile
from billing.sources.focus.normaliser import Normaliser
from billing.sources.tables.bytestream import Meter
from billing.sources.tables.csv_rows import CsvRows
from billing.sources.tables.opening import open_rows
from billing.sources.tables.rows import RowBlock, RowReader
from portal.imports.contracts import Batch, ImportRefusedError, LandedFile, ReadOptions

BATCH_ROWS = 5_000


class FocusSource:
    """Reads FOCUS cost and usage data, 1.0 to 1.4, as providers and gateways really write it.

    Format by content, not by name. `docs/sources/focus.md` says what is accepted and refused.
    """

    key = "focus"
    parser_version = "4"

    def read(self, files: Iterable[LandedFile], options: ReadOptions) -> Iterator[Batch]:
        """Yield the charges of all files in order, some thousand at a time, in bounded memory.

        Those of a large CSV file come as `ChargeColumns`, where nothing is wrong with them.

        Amounts are in the one currency of the import; times are UTC.

        Raises:
            ImportRefusedError: the input as a whole must not be taken; batches handed out before
                are void.
        """
        landed = list(files)
        if not landed:
            raise ImportRefusedError("no_files", "there is no file to read")
        state = ImportState(Meter(options.limits), options.config)
        delivery = delivery_in(landed)
        if delivery is not None:
            yield from self._read_month(FetchedMonth(delivery, landed[1:]), landed, options, state)
            return
        for file in landed:
            yield from self._read_file(file, options, state)

    def _read_month(
        self,
        month: FetchedMonth,
        landed: Sequence[LandedFile],
        options: ReadOptions,
        state: ImportState,
    ) -> Iterator[Batch]:
        """The objects of a bucket; the first file says which they are."""
        yield month.announced()
        for file in landed[1:]:
            before = state.meter.rows_read
            for batch in self._read_file(file, options, state, may_be_empty=True):
                yield month.taken(file, batch)
            month.file_ends(file, rows=state.meter.rows_read - before)
        yield Batch(notes=month.notes())

    def _read_file(
        self,
        file: LandedFile,
        options: ReadOptions,
        state: ImportState,
        *,
        may_be_empty: bool = False,
    ) -> Iterator[Batch]:
        with open_rows(file, state.meter, money=MONEY) as reader:
            layout = resolve_layout(
                reader.header,
                file=file.name,
                line=reader.header_line,
                max_columns=options.limits.max_columns,
                wanted=wanted_columns(options.config),
            )
            normaliser = Normaliser(file, layout, state, dict(options.repairs), reader.parse_record)
            with closing(LargeFile(normaliser)) as large:
                yield from self._read_blocks(_blocks(reader, large, options), normaliser)
            if not normaliser.rows and not may_be_empty:
                raise ImportRefusedError(
                    "no_rows",
                    "the file has a header but no rows",
                    file=file.name,
                    line=reader.header_line,
                    expected="at least one row",
                )
            if normaliser.is_estimate:
                _refuse_estimate(file, options)
            yield Batch(
                tuple(normaliser.records),
                tuple(normaliser.rejections),
                (*layout.notes, *reader.notes, *normaliser.notes()),
            )

    def _read_blocks(
        self, blocks: Iterator[RowBlock | ChargeColumns], normaliser: Normaliser
    ) -> Iterator[Batch]:
        for block in blocks:
            if isinstance(block, ChargeColumns):
                yield from _all_batches(normaliser)
                normaliser.take_columns(block)
                yield Batch(block)
                continue
            try:
                normaliser.take(block)
            except ImportRefusedError:
                # What was rejected so far helps to mend the file.
                yield Batch(rejections=tuple(normaliser.rejections))
                raise
            yield from _full_batches(normaliser)


def _blocks(
    reader: RowReader, large: LargeFile, options: ReadOptions
) -> Iterator[RowBlock | ChargeColumns]:
    # What a person has mended is found by the raw text of its row, which columns do not have.
    if isinstance(reader, CsvRows) and not options.repairs:
        return reader.chunks(large)
    return reader.blocks()


def _refuse_estimate(file: LandedFile, options: ReadOptions) -> None:
    """A gateway's export states its own estimate as billed cost. As an invoice it would be added to
    the provider's.

    Raises:
        ImportRefusedError: the connection calls its amounts something else than estimated.
    """
    basis = options.config.get("cost_basis", "invoiced")
    if basis != "estimated":
        raise ImportRefusedError(
            "estimate_as_bill",
            "this is a gateway's export, billed to API keys: its amounts are estimates",
            file=file.name,
            column="BillingAccountType",
            value="API Key",
            expected=f"a connection with the cost basis estimated, not {basis}",
        )


def _all_batches(normaliser: Normaliser) -> Iterator[Batch]:
    yield from _full_batches(normaliser)
    if normaliser.records or normaliser.rejections:
        yield Batch(tuple(normaliser.records), tuple(normaliser.rejections))
        normaliser.records.clear()
        normaliser.rejections.clear()


def _full_batches(normaliser: Normaliser) -> Iterator[Batch]:
    while len(normaliser.records) >= BATCH_ROWS:
        records = tuple(normaliser.records[:BATCH_ROWS])
        rejections = tuple(normaliser.rejections)
        del normaliser.records[:BATCH_ROWS]
        normaliser.rejections.clear()
        yield Batch(records, rejections)
