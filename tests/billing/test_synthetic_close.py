"""A year of six providers ties to the nano-unit, and one wrong row anywhere keeps it open.

Everything goes through the real imports. The default suite closes one month and takes a sample of
mutants, figures and lines; the long proofs take all of them.
"""

from __future__ import annotations

import datetime as dt
import itertools
import random
from collections.abc import Iterable, Sequence
from decimal import Decimal

import pytest
from django.db import transaction

from adoption.models import UseCase
from billing.choices import CloseState, MatchField
from billing.models import Charge, Invoice, PeriodClose
from billing.models.allocation import WHOLE
from billing.selectors.close_checks import checklists
from billing.selectors.explanations import explain
from billing.selectors.invoices import INVOICE_PREFIX
from billing.selectors.listed import FirstLines
from billing.selectors.references import UNALLOCATED, FigureReference
from billing.services.closes import CloseRefusedError, request_close
from billing.sources.invoices.source import COLUMNS
from portal.choices import Role, RunStatus
from portal.models import Connection, User
from portal.shell.periods import Month
from tests.adoption.factories import make_use_case, make_user
from tests.billing.closing import close_scope, make_table_connection, table
from tests.billing.factories import give_all, make_rule
from tests.billing.sweeps import swept
from tests.billing.synthetic import (
    CASES,
    MONTHS,
    PROVIDERS,
    Mutant,
    Row,
    all_mutants,
    make_bill,
)
from tests.imports import START, Clock, make_connection, run_import
from tests.plugins.proofs import Figures
from tests.plugins.sweeping import sampled

pytestmark = pytest.mark.django_db
_clock = Clock(START)
_numbers = itertools.count(1)
_HEADER = ",".join((*COLUMNS.required, *COLUMNS.optional))


@pytest.fixture
def cases() -> list[UseCase]:
    """Three use cases by tag, and a shared tag that two of them bear in thirds."""
    found = [make_use_case(title=name) for name in CASES]
    for case, name in zip(found, CASES, strict=True):
        give_all(case, value=name, starts_on=MONTHS[0].start)
    make_rule((found[0], 333_333), (found[1], 333_333), value="shared", starts_on=MONTHS[0].start)
    # Seats are shared by three, whatever their tag says: a rule of an earlier place.
    make_rule(
        *((case, WHOLE // 3) for case in found), value="seats service 2", priority=10,
        field=MatchField.SERVICE, starts_on=MONTHS[0].start,
    )  # fmt: skip
    return found


def bring(
    months: Sequence[Month], *, providers: Sequence[str] = PROVIDERS, late: bool = True
) -> dict[str, Connection]:
    """Import the bills and invoices of these months, one provider revised before its close."""
    found = {name: make_connection(f"{name}-{next(_numbers)}") for name in providers}
    for name, connection in found.items():
        if name == "untaxed" and late:
            early = Clock(START - dt.timedelta(days=40))
            first = [row for month in months for row in make_bill(name, month, revision=1).rows]
            assert run_import(connection, first, clock=early).status == RunStatus.APPLIED
            revised = [row for month in months for row in make_bill(name, month).rows]
            assert run_import(connection, revised, clock=early).updated == len(months)
            continue
        rows = [row for month in months for row in make_bill(name, month).rows]
        assert run_import(connection, rows, clock=_clock).inserted == len(rows)
    invoices = [make_bill(name, month).invoice() for name in providers for month in months]
    bring_invoices(invoices)
    return found


def bring_invoices(rows: Iterable[Row]) -> None:
    """Import invoices as a CSV of ours."""
    connection = make_table_connection("invoices", f"invoices-{next(_numbers)}")
    run = run_import(connection, table(_HEADER, rows), clock=_clock)
    assert (run.status, run.rejected) == (RunStatus.APPLIED, 0), run.problem


def assert_ties(months: Iterable[Month]) -> int:
    """Every invoice of these months ties, by its parts; returns how many there are."""
    count = 0
    for month in months:
        for each in checklists(month, now=START)[1]:
            assert each.problems == [], str(each.scope)
            assert each.state == CloseState.READY
            for own in each.invoices:
                count += 1
                assert own.residual_nano == 0
                assert own.accounted_nano == own.invoice.total_nano
                assert own.placed_nano == own.lines_nano
    return count


def close_all(months: Iterable[Month], finance: User) -> int:
    """Have every scope closed by a second person; returns how many."""
    count = 0
    for month in months:
        for each in checklists(month, now=START)[1]:
            close_scope(each.scope, actor=finance, at=START)
            count += 1
    return count


# --- it ties --------------------------------------------------------------------------------


@pytest.mark.both_engines
@pytest.mark.parametrize("count", sampled([1, len(MONTHS)], 1))
def test_every_invoice_ties_and_a_month_closes(count: int, cases: list[UseCase]) -> None:
    """Of the last month of the year; in a sweep of all twelve."""
    months = MONTHS[-count:]
    found = bring(months)
    assert assert_ties(months) == count * len(PROVIDERS)
    newest = months[-1]
    assert close_all([newest], make_user(Role.FINANCE)) == len(PROVIDERS)
    # A revision after the close: the closed figure stays, the difference stands beside it.
    late = make_bill("tokens", newest, revision=1).rows
    assert run_import(found["tokens"], late, clock=_clock).updated == 1
    (frozen,) = PeriodClose.objects.filter(corrections__isnull=False)
    assert frozen.issuer == "Foundry Inc"
    (correction,) = frozen.corrections.all()
    assert correction.new_nano - correction.old_nano == 370_000_000
    assert correction.residual_nano == -370_000_000
    assert Decimal(frozen.figures["invoices"][0]["residual"]) == 0


@pytest.mark.prove("A year of six providers closed, invoice by invoice")
@pytest.mark.both_engines
def test_a_whole_year_is_closed(cases: list[UseCase], figures: Figures) -> None:
    bring(MONTHS)
    wanted = len(MONTHS) * len(PROVIDERS)
    figures("invoices with residual 0", assert_ties(MONTHS), wanted)
    figures("scopes closed", close_all(MONTHS, make_user(Role.FINANCE)), wanted)


# --- one wrong row ----------------------------------------------------------------------------


def survives(mutant: Mutant | None, finance: User, *, provider: str, month: Month) -> bool:
    """Whether a close can still be asked for with the wrong row in; leaves nothing behind."""
    with transaction.atomic():
        rows = mutant.rows() if mutant is not None else make_bill(provider, month).rows
        run = run_import(make_connection(f"mutant-{next(_numbers)}"), rows, clock=_clock)
        assert run.status == RunStatus.APPLIED, run.problem
        bring_invoices([make_bill(provider, month).invoice()])
        (each,) = checklists(month, now=START)[1]
        try:
            request_close(scope=each.scope, reason="", actor=finance, at=START)
        except CloseRefusedError:
            asked = False
        else:
            asked = True
        transaction.set_rollback(True)
    return asked


def surviving(mutants: Iterable[Mutant], finance: User) -> list[str]:
    return [
        str(each)
        for each in mutants
        if survives(each, finance, provider=each.provider, month=each.month)
    ]


@pytest.mark.parametrize("mutants", sampled([3, 18], 3))
def test_one_wrong_row_keeps_a_month_open(mutants: int, cases: list[UseCase]) -> None:
    finance = make_user(Role.FINANCE)
    # The same without a mutant is asked for: what follows is not refused for another reason.
    assert survives(None, finance, provider="cloud", month=MONTHS[3])
    sample = random.Random(11).sample(all_mutants(), mutants)  # noqa: S311  (a choice, not a secret)
    assert surviving(sample, finance) == []


@pytest.mark.prove("Every row of a year dropped, doubled or altered")
@pytest.mark.both_engines
def test_no_wrong_row_survives(cases: list[UseCase], figures: Figures) -> None:
    finance = make_user(Role.FINANCE)
    for provider in PROVIDERS:
        assert survives(None, finance, provider=provider, month=MONTHS[0])
    everyone = all_mutants()
    mutants = figures.random.sample(everyone, min(len(everyone), figures.scaled(len(everyone))))
    for each in surviving(figures.progress(mutants, "mutants"), finance):
        figures.bad(f"{each} was not noticed")
    caught = len(mutants) - len(figures.bad_states)
    figures("mutants caught", caught, len(mutants))


# --- explained both ways ----------------------------------------------------------------------


def explain_back(source: random.Random, months: Sequence[Month]) -> None:
    """A random figure: its lines sum to it, in every currency and basis."""
    first = source.choice(months)
    later = [month for month in months if month >= first]
    reference = FigureReference(
        measure=source.choice(("billed", "effective")),
        use_case=source.choice((*CASES, UNALLOCATED, "")),
        first=first,
        last=source.choice(later),
        currency=source.choice(("", "USD", "EUR", "GBP")),
        provider=source.choice(("", "", "Nimbus Ltd", "Foundry Inc", "Seats BV")),
    )
    found = explain(str(reference), at=None, now=START, lines=FirstLines(None))
    for each in found["sums"]:
        for measure in ("billed", "effective"):
            lines = [
                Decimal(line[measure])
                for line in found["allocations"]
                if line["currency"] == each["currency"] and line["basis"] == each["basis"]
            ]
            assert sum(lines) == Decimal(each[measure]), str(reference)
    assert len(found["allocations"]) == sum(each["lines"] for each in found["sums"])


def explain_forward(charge: Charge) -> None:
    """An invoice line: the places of its money sum to it, to the nano-unit."""
    found = explain(f"charge:{charge.pk}", at=None, now=START, lines=FirstLines(None))
    for measure in ("billed", "effective"):
        parts = [Decimal(part[measure]) for part in found["allocations"]]
        assert sum(parts) == Decimal(found["charge"][measure])


def explain_whole_invoice(invoice: Invoice) -> None:
    """An invoice: destinations and allocations sum to its lines, its parts to the invoice."""
    text = f"{INVOICE_PREFIX}{invoice.issuer}/{invoice.number}"
    found = explain(text, at=None, now=START, lines=FirstLines(None))
    lines = Decimal(found["invoice"]["lines_billed"])
    assert sum(Decimal(each["billed"]) for each in found["destinations"]) == lines
    assert sum(Decimal(each["billed"]) for each in found["allocations"]) == lines
    assert sum(map(Decimal, found["parts"].values())) == Decimal(found["invoice"]["total"])
    assert found["parts"]["residual"] == "0"


def explain_some(count: int, months: Sequence[Month]) -> None:
    """Random figures back, random lines forward, and every invoice."""
    source = random.Random(count)  # noqa: S311  (a choice, not a secret)
    for _ in range(count):
        explain_back(source, months)
    charges = list(Charge.objects.order_by("pk"))
    for _ in range(count):
        explain_forward(source.choice(charges))
    for invoice in Invoice.objects.order_by("pk"):
        explain_whole_invoice(invoice)


@pytest.mark.parametrize(
    ("count", "months"), [(4, MONTHS[:1]), *swept((25, MONTHS[:2]))], ids=["few", "more"]
)
def test_figures_and_lines_are_explained_exactly(
    count: int, months: list[Month], cases: list[UseCase]
) -> None:
    bring(months, late=False)
    explain_some(count, months)


@pytest.mark.prove("A thousand figures back, a thousand invoice lines forward")
@pytest.mark.both_engines
def test_a_thousand_figures_and_lines_are_explained(cases: list[UseCase], figures: Figures) -> None:
    bring(MONTHS)
    count = figures.scaled(1000)
    explain_some(count, MONTHS)
    figures("figures and lines explained exactly", 2 * count, 2 * count)
