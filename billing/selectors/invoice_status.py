"""How settled the amounts of invoices and of a month's lines are.

What a document states is *final* once it is here, *restated* when another version said otherwise,
and *closed* with its month until a correction moves it. What its lines come to has their status.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from billing.choices import ChargeCategory, Finality
from billing.models import (
    Allocation,
    Charge,
    ChargeSlice,
    CloseCorrection,
    Invoice,
    Restatement,
)
from billing.selectors.close_figures import is_place_of, moved_components
from billing.selectors.closed_scopes import closed_scopes
from billing.selectors.costs import CostSum, Kind, SumDraft, Surroundings
from billing.selectors.figures import status_of, word_of
from billing.selectors.finality import worst
from billing.selectors.freshness import last_applied_runs
from billing.selectors.line_status import (
    LineBook,
    LineFacts,
    by_then,
    grouped_facts,
    merged,
    slice_facts,
)
from billing.selectors.month_lines import Destination, LineKey, of_month
from billing.selectors.reconciliation import CloseScope, Reconciled
from portal.shell.periods import Month
from portal.shell.statuses import FigureStatus

_STATED = (
    "month", "billing_account_id", "currency", "total_nano", "tax_nano", "credits_nano",
    "rounding_nano",
)  # fmt: skip
# What the status of an invoice goes by.
INVOICE_FACTS = ("issuer", "number", "superseded_at", *_STATED)
_NUMBERS_AT_ONCE = 500


# --- what a document states -----------------------------------------------------------------------


def statuses_of_invoices(
    rows: Sequence[Mapping[str, Any] | Invoice], *, until: dt.datetime | None = None
) -> list[FigureStatus]:
    """The status of what some invoices state, in their order. Three queries for up to 500.

    Args:
        rows: invoices, or records with the columns of `INVOICE_FACTS`.
        until: by what had happened at this moment; None is now.
    """
    return [word_of(each) for each in finalities_of_invoices(rows, until=until)]


def finalities_of_invoices(
    rows: Sequence[Mapping[str, Any] | Invoice], *, until: dt.datetime | None = None
) -> list[Finality]:
    """The same as `Finality`, for sums with what else they hold."""
    return [each.finality for each in said_of(rows, until=until)]


class Said(NamedTuple):
    """How settled a document is; the components of its own that moved since its month closed."""

    finality: Finality
    moved: frozenset[str] = frozenset()


def said_of(
    rows: Sequence[Mapping[str, Any] | Invoice], *, until: dt.datetime | None = None
) -> list[Said]:
    """How settled some documents are, or were at a moment, in their order. As many queries."""
    facts = [_facts(row) for row in rows]
    found: list[Said] = []
    for start in range(0, len(facts), _NUMBERS_AT_ONCE):
        found += _finalities(facts[start : start + _NUMBERS_AT_ONCE], until)
    return found


def _facts(row: Mapping[str, Any] | Invoice) -> Mapping[str, Any]:
    if isinstance(row, Invoice):
        return {name: getattr(row, name) for name in INVOICE_FACTS}
    return row


def _finalities(rows: Sequence[Mapping[str, Any]], until: dt.datetime | None) -> list[Said]:
    closed = closed_scopes([row["month"] for row in rows], until=until)
    found = [closed.of(_scope(row)) for row in rows]
    closes = [close.pk if close is not None else None for close in found]
    moved: dict[int | None, set[str]] = {}
    corrections = CloseCorrection.objects.filter(
        by_then("recorded_at", until), close__in={pk for pk in closes if pk is not None}
    )
    for pk, moves in corrections.values_list("close_id", "moves"):
        moved.setdefault(pk, set()).update(move["place"] for move in moves)
    earlier = _earlier(rows, until)
    return [
        _finality(_as_then(row, until), pk is not None, moved.get(pk, set()), earlier)
        for row, pk in zip(rows, closes, strict=True)
    ]


def _scope(row: Mapping[str, Any]) -> CloseScope:
    month = Month.of(row["month"])
    return CloseScope(month, row["issuer"], row["billing_account_id"], row["currency"])


def _as_then(row: Mapping[str, Any], until: dt.datetime | None) -> Mapping[str, Any]:
    """What was superseded after the moment was in force."""
    gone = row["superseded_at"]
    is_later = until is not None and gone is not None and gone > until
    return {**row, "superseded_at": None} if is_later else row


def _earlier(rows: Sequence[Mapping[str, Any]], until: dt.datetime | None) -> set[tuple[Any, ...]]:
    """What superseded versions said, by issuer (without case) and number."""
    older = Invoice.objects.filter(
        by_then("superseded_at", until),
        superseded_at__isnull=False,
        number__in={row["number"] for row in rows},
    )
    return {
        (issuer.casefold(), *rest)
        for issuer, *rest in older.order_by().values_list("issuer", "number", *_STATED)
    }


def _finality(
    row: Mapping[str, Any],
    is_closed: bool,
    moved: Collection[str],
    earlier: Iterable[tuple[Any, ...]],
) -> Said:
    if row["superseded_at"] is not None:
        return Said(Finality.RESTATED)
    if is_closed:
        has_moved = any(is_place_of(place, row["number"]) for place in moved)
        finality = Finality.RESTATED if has_moved else Finality.CLOSED
        return Said(finality, moved_components(moved, row["number"]))
    whose = (row["issuer"].casefold(), row["number"])
    says = (*whose, *(row[name] for name in _STATED))
    was_other = any(each[:2] == whose and each != says for each in earlier)
    return Said(Finality.RESTATED if was_other else Finality.FINAL)


# --- what the lines of an invoice come to ---------------------------------------------------------


class Where(NamedTuple):
    """What parts of an invoice's lines are told apart by."""

    category: str
    place: Destination


_PLACES = (
    "use_case_id",
    "charge__dimension__cost_center",
    "unallocated_reason",
    "rule__key",
    "rule__version",
)


@dataclass(frozen=True, slots=True)
class InvoiceStatuses:
    """The status of everything that an invoice is made of.

    Attributes:
        stated: of what its document says.
        drafts: the facts of its lines, by category and place.
        moved: components that stood on the document alone when its month was closed, or do now,
            and have moved.
    """

    own: Reconciled
    stated: Finality
    book: LineBook
    drafts: Mapping[Where, SumDraft]
    moved: frozenset[str] = frozenset()

    @property
    def invoice(self) -> FigureStatus:
        """What the document states, and what a person has explained of it."""
        return word_of(self.stated)

    @property
    def lines(self) -> FigureStatus:
        """All its cost lines together."""
        return self._word(self._of(lambda where: True), None)

    def place(self, place: Destination) -> FigureStatus:
        """What one place received."""
        return self._word(self._of(lambda where: where.place == place), None)

    def parts(self) -> dict[str, FigureStatus]:
        """The parts by name, and `accounted`, `total` and `residual`.

        A part without a line is as settled as the lines among which it was looked for.
        """
        stated, invoice = self.stated, self.own.invoice
        everything = self._of(lambda where: True)
        tax = self._of(lambda where: where.category == ChargeCategory.TAX)
        credit = self._of(lambda where: where.category == ChargeCategory.CREDIT)
        borne = self._of(lambda w: _is_plain(w) and w.place.use_case_id is not None)
        rest = self._of(lambda w: _is_plain(w) and w.place.use_case_id is None)
        return {
            "allocated": self._word(borne or everything, None),
            "unallocated": self._word(rest or everything, None),
            "tax": self._word(tax or everything, None)
            if invoice.tax_in_lines and "tax" not in self.moved
            else self._word(tax, stated),
            "credits": self._word(credit or everything, None)
            if invoice.credits_in_lines and "credits" not in self.moved
            else self._word(credit, stated),
            "rounding": word_of(stated),
            "explained": word_of(stated),
            "accounted": self._word(everything, stated),
            "total": word_of(stated),
            "residual": self._word(everything, stated),
        }

    def _of(self, is_wanted: Callable[[Where], bool]) -> CostSum | None:
        drafts = [draft for where, draft in self.drafts.items() if is_wanted(where)]
        kind = Kind(self.own.invoice.currency, self.own.basis)
        return self.book.sum_of(merged(drafts), kind) if drafts else None

    def _word(self, lines: CostSum | None, stated: Finality | None) -> FigureStatus:
        """Of lines and what is stated together: the less settled of the two."""
        if lines is None:
            return FigureStatus.PROVISIONAL if stated is None else word_of(stated)
        if stated is not None:
            lines = replace(lines, finality=worst((lines.finality, stated)))
        return status_of(lines, now=self.book.around.now)


def _is_plain(where: Where) -> bool:
    return where.category not in (ChargeCategory.TAX, ChargeCategory.CREDIT)


_KEYS = (
    "slice__connection_id",
    "slice__connection__source",
    "slice__billing_account_id",
    "currency",
    "cost_basis",
    "dimension__charge_category",
)


def _key_of(row: Sequence[Any], facts: LineFacts) -> LineKey:
    """The key of lines that were grouped by `_KEYS`."""
    connection_id, source, account, currency, basis, category = row
    return LineKey(connection_id, source, *facts[1:4], account, currency, basis, category)


def invoice_statuses(own: Reconciled, *, now: dt.datetime) -> InvoiceStatuses:
    """The statuses of an invoice. Nine queries, whatever number of lines it has."""
    month = Month.of(own.invoice.month)
    keys = {group.key for group in own.groups}
    slices = ChargeSlice.objects.filter(
        of_month(month), connection_id__in={key.connection_id for key in keys}
    )
    book = LineBook(slice_facts(slices), Surroundings((), last_applied_runs(), now))
    taken_back = _taken_back(month) & {(key.connection_id, key.account) for key in keys}
    drafts: dict[Where, SumDraft] = {}
    # Of the month, as reconciling reads it: asked for by the lines of the invoice, PostgreSQL may
    # look for each part among all of them.
    parts = Allocation.objects.filter(
        of_month(month, "charge__slice__"), charge__superseded_at__isnull=True
    )
    columns = [*(f"charge__{name}" for name in _KEYS), *_PLACES]
    for row, facts in grouped_facts(parts, columns, prefix="charge__"):
        key = _key_of(row[: len(_KEYS)], facts)
        if key not in keys:
            continue
        use_case, centre, reason, rule, version = row[len(_KEYS) :]
        where = Where(key.category, Destination(use_case, centre, reason, rule or "", version))
        draft = drafts.setdefault(where, SumDraft(restated=1 if taken_back else 0))
        book.slices.enter(facts, into=draft)
    (said,) = said_of([own.invoice])
    return InvoiceStatuses(own, said.finality, book, drafts, said.moved)


def _taken_back(month: Month) -> set[tuple[int, str]]:
    """Connection and account of slices of a billing month that the source took back whole."""
    rows = Restatement.objects.filter(of_month(month, "slice__"), slice__rows=0).order_by()
    return set(rows.values_list("slice__connection_id", "slice__billing_account_id").distinct())


# --- a month, to reconcile and close --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MonthStatuses:
    """The status of the live lines of a billing month."""

    book: LineBook
    drafts: Mapping[LineKey, SumDraft]
    taken_back: set[tuple[int, str]]

    def of_lines(self, keys: Iterable[LineKey], stated: FigureStatus | None = None) -> FigureStatus:
        """Lines of these keys together, which are of one basis; *provisional* without any.

        Args:
            stated: the status of what a document states, where the amount is of both: then the less
                settled of the two.
        """
        wanted = [key for key in keys if key in self.drafts]
        if not wanted:
            return FigureStatus.PROVISIONAL if stated is None else stated
        draft = merged(self.drafts[key] for key in wanted)
        if any((key.connection_id, key.account) in self.taken_back for key in wanted):
            draft.restated += 1
        if stated is None:
            return self.book.status_of(draft, wanted[0].basis)
        lines = self.book.sum_of(draft, Kind("", wanted[0].basis))
        both = worst((lines.finality, Finality[stated.name]))
        return status_of(replace(lines, finality=both), now=self.book.around.now)


def month_statuses(month: Month, *, now: dt.datetime) -> MonthStatuses:
    """Read the month. Six queries; a row for each slice and key, not for each line."""
    slices = slice_facts(ChargeSlice.objects.filter(of_month(month)))
    drafts: dict[LineKey, SumDraft] = {}
    lines = Charge.objects.filter(of_month(month, "slice__"), superseded_at__isnull=True)
    for row, facts in grouped_facts(lines, _KEYS):
        slices.enter(facts, into=drafts.setdefault(_key_of(row, facts), SumDraft()))
    around = Surroundings((), last_applied_runs(), now)
    return MonthStatuses(LineBook(slices, around), drafts, _taken_back(month))
