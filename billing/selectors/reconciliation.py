"""Does it tie? Invoices beside their cost lines, to the nano-unit.

`allocated + unallocated + tax + credits + rounding + explained = invoice`. Whatever is left is the
residual, and it must be 0 before a month can be closed: nothing is rounded away here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from billing.choices import CostBasis, MatchedBy, VarianceReason
from billing.models import Invoice, InvoiceVariance
from billing.selectors.month_lines import Destination, LineGroup, LineKey, MonthLines, month_lines
from portal.shell.periods import Month

# A total is of one basis: the first of these that the lines of an invoice have.
_BASES = (CostBasis.INVOICED, CostBasis.METERED, CostBasis.DERIVED, CostBasis.ESTIMATED)


@dataclass(frozen=True, slots=True, order=True)
class CloseScope:
    """What is closed at once: a month of one issuer, billing account and currency.

    Issuers are told apart without case, as invoices and lines tell them: `issuer` is how this one
    is spelled, and two spellings are one scope.
    """

    month: Month
    issuer: str = field(compare=False)
    folded: str = field(init=False, repr=False)
    account: str
    currency: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "folded", self.issuer.casefold())

    def __str__(self) -> str:
        account = f", account {self.account}" if self.account else ""
        return f"{self.month} {self.issuer}{account}, {self.currency}"


@dataclass(frozen=True, slots=True)
class Reconciled:
    """One invoice and its cost lines. Amounts in nano-units of the invoice's currency.

    Attributes:
        matched_by: how the lines were found.
        basis: of the lines that are counted; empty when there are none.
        groups: the lines that are counted.
        other: lines of the invoice that are not counted, being of another basis: the same money
            through another channel.
        variances: what people have explained.
    """

    invoice: Invoice
    matched_by: MatchedBy
    basis: str = ""
    groups: tuple[LineGroup, ...] = ()
    other: tuple[LineGroup, ...] = ()
    variances: tuple[InvoiceVariance, ...] = ()

    @property
    def lines(self) -> int:
        return sum(group.lines for group in self.groups)

    @property
    def lines_nano(self) -> int:
        """Billed sum of all its cost lines."""
        return sum(group.billed_nano for group in self.groups)

    @property
    def effective_nano(self) -> int:
        return sum(group.effective_nano for group in self.groups)

    @property
    def placed_nano(self) -> int:
        return sum(group.placed_nano for group in self.groups)

    @property
    def allocated_nano(self) -> int:
        """What use cases bear, before tax and credits."""
        return sum(group.allocated_nano for group in self._plain())

    @property
    def unallocated_nano(self) -> int:
        """The rest of the same lines."""
        return sum(group.billed_nano for group in self._plain()) - self.allocated_nano

    @property
    def tax_lines_nano(self) -> int:
        return sum(group.billed_nano for group in self.groups if group.key.is_tax)

    @property
    def credit_lines_nano(self) -> int:
        return sum(group.billed_nano for group in self.groups if group.key.is_credit)

    @property
    def tax_nano(self) -> int:
        """Tax among the lines; and the invoice's own where it says that the lines have none."""
        stated = 0 if self.invoice.tax_in_lines else self.invoice.tax_nano or 0
        return self.tax_lines_nano + stated

    @property
    def credits_nano(self) -> int:
        stated = 0 if self.invoice.credits_in_lines else self.invoice.credits_nano or 0
        return self.credit_lines_nano + stated

    @property
    def rounding_nano(self) -> int:
        """What the issuer rounded: as the invoice states it, and as people explained it."""
        explained = sum(
            each.amount_nano for each in self.variances if each.reason == VarianceReason.ROUNDING
        )
        return (self.invoice.rounding_nano or 0) + explained

    @property
    def explained_nano(self) -> int:
        """What people explained, rounding apart."""
        return sum(
            each.amount_nano for each in self.variances if each.reason != VarianceReason.ROUNDING
        )

    @property
    def accounted_nano(self) -> int:
        return (
            self.allocated_nano
            + self.unallocated_nano
            + self.tax_nano
            + self.credits_nano
            + self.rounding_nano
            + self.explained_nano
        )

    @property
    def residual_nano(self) -> int:
        """What nobody can account for. 0 when it ties."""
        return self.invoice.total_nano - self.accounted_nano

    @property
    def ties(self) -> bool:
        return self.residual_nano == 0

    def went_to(self) -> dict[Destination, int]:
        """Every place of its lines' money, tax and credits included: it sums to `lines_nano`."""
        found: dict[Destination, int] = {}
        for group in self.groups:
            for place, nano in group.went_to.items():
                found[place] = found.get(place, 0) + nano
        return found

    def _plain(self) -> list[LineGroup]:
        return [g for g in self.groups if not g.key.is_tax and not g.key.is_credit]


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """A billing month: its invoices with their lines, and the lines that stand on none."""

    month: Month
    lines: MonthLines
    invoices: list[Reconciled]
    loose: list[LineGroup] = field(default_factory=list)

    def scopes(self) -> list[CloseScope]:
        """What can be closed, in reading order; an issuer as most of the invoices spell it."""
        spelled: dict[CloseScope, Counter[str]] = {}
        for each in self.invoices:
            scope = scope_of_invoice(each.invoice)
            spelled.setdefault(scope, Counter())[scope.issuer] += 1
        return sorted(
            replace(scope, issuer=min(names, key=lambda name: (-names[name], name)))
            for scope, names in spelled.items()
        )

    def of_scope(self, scope: CloseScope) -> list[Reconciled]:
        """The invoices of one scope, by number."""
        own = [each for each in self.invoices if scope_of_invoice(each.invoice) == scope]
        return sorted(own, key=lambda each: each.invoice.number)


def scope_of_invoice(invoice: Invoice) -> CloseScope:
    """The scope in which an invoice is closed."""
    month = Month.of(invoice.month)
    return CloseScope(month, invoice.issuer, invoice.billing_account_id, invoice.currency)


def reconcile(month: Month) -> Reconciliation:
    """Match the live invoices of a month with its live cost lines. Five queries."""
    invoices = list(
        Invoice.objects.filter(month=month.start, superseded_at__isnull=True)
        .select_related("entered_by", "run")
        .order_by("issuer", "number", "pk")
    )
    variances: dict[int, list[InvoiceVariance]] = {}
    for each in (
        InvoiceVariance.objects.filter(
            invoice__month=month.start,
            invoice__superseded_at__isnull=True,
            withdrawn_at__isnull=True,
        )
        .select_related("recorded_by")
        .order_by("pk")
    ):
        variances.setdefault(each.invoice_id, []).append(each)
    return match(month_lines(month), invoices, variances)


def match(
    lines: MonthLines,
    invoices: Sequence[Invoice],
    variances: dict[int, list[InvoiceVariance]],
) -> Reconciliation:
    """Give each line to the invoice whose number it carries, else to that of its account.

    A group that several invoices claim is given to none of them.
    """
    claims = _claims(lines.groups, invoices)
    claimants: dict[LineKey, list[int]] = {}
    for index, (_, groups) in enumerate(claims):
        for group in groups:
            claimants.setdefault(group.key, []).append(index)
    found = []
    for invoice, (how, groups) in zip(invoices, claims, strict=True):
        own = [group for group in groups if len(claimants[group.key]) == 1]
        if len(own) != len(groups):
            how = MatchedBy.AMBIGUOUS
        found.append(_reconciled(invoice, how, own, variances.get(invoice.pk, [])))
    loose = [group for group in lines.groups if group.key not in claimants]
    return Reconciliation(lines.month, lines, found, loose)


def _claims(
    groups: Sequence[LineGroup], invoices: Sequence[Invoice]
) -> list[tuple[MatchedBy, list[LineGroup]]]:
    found = []
    for invoice in invoices:
        near = [group for group in groups if _is_near(group.key, invoice)]
        by_number = [group for group in near if group.key.invoice_id == invoice.number]
        if by_number:
            found.append((MatchedBy.NUMBER, by_number))
            continue
        by_account = [group for group in near if not group.key.invoice_id]
        found.append((MatchedBy.ACCOUNT if by_account else MatchedBy.NOTHING, by_account))
    return found


def _is_near(key: LineKey, invoice: Invoice) -> bool:
    """Same issuer, currency and, where the invoice names one, billing account."""
    return (
        key.issuer.casefold() == invoice.issuer.casefold()
        and key.currency == invoice.currency
        and invoice.billing_account_id in ("", key.account)
    )


def _reconciled(
    invoice: Invoice,
    how: MatchedBy,
    groups: Iterable[LineGroup],
    variances: Sequence[InvoiceVariance],
) -> Reconciled:
    own = list(groups)
    bases = {group.key.basis for group in own}
    basis = next((each.value for each in _BASES if each in bases), "")
    return Reconciled(
        invoice,
        how,
        basis=basis,
        groups=tuple(group for group in own if group.key.basis == basis),
        other=tuple(group for group in own if group.key.basis != basis),
        variances=tuple(variances),
    )
