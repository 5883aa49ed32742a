"""Twelve months of six providers as FOCUS rows and invoices, seeded: what a year of finance brings.

Cloud usage with credits and tax, tokens in many decimals with the rounding stated, seats by month,
prepaid credits (bought once, drawn at no further charge), a provider in euros, and one whose export
holds no tax. Every invoice states control totals: how many lines, and their effective cost.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from decimal import Decimal

from portal.shell.money import decimal_text
from portal.shell.periods import Month
from tests.billing.sources.focus.focus_files import BASE_ROW

Row = dict[str, str]
FIRST = Month.parse("2025-06")
MONTHS = [FIRST + number for number in range(12)]
CASES = ("triage", "drafts", "search")
PROVIDERS = ("cloud", "tokens", "seats", "prepaid", "euros", "untaxed")
_NAMES = {
    "cloud": ("Nimbus Ltd", "USD"),
    "tokens": ("Foundry Inc", "USD"),
    "seats": ("Seats BV", "EUR"),
    "prepaid": ("Router LLC", "USD"),
    "euros": ("Modelle GmbH", "EUR"),
    "untaxed": ("Late plc", "GBP"),
}


@dataclass
class Bill:
    """One provider's month: its cost lines, and what its invoice says."""

    provider: str
    month: Month
    rows: list[Row] = field(default_factory=list)
    tax_outside: Decimal = Decimal(0)

    @property
    def issuer(self) -> str:
        return _NAMES[self.provider][0]

    @property
    def currency(self) -> str:
        return _NAMES[self.provider][1]

    @property
    def number(self) -> str:
        return f"{self.provider.upper()}-{self.month}"

    @property
    def account(self) -> str:
        return f"acct-{self.provider}"

    def invoice(self) -> Row:
        """The row of our CSV: rounded to cents, the rounding stated, control totals given."""
        exact = sum((Decimal(row["BilledCost"]) for row in self.rows), Decimal(0))
        rounded = exact.quantize(Decimal("0.01"))
        return {
            "issuer": self.issuer,
            "number": self.number,
            "month": str(self.month),
            "billing_account": self.account,
            "currency": self.currency,
            "total": decimal_text(rounded + self.tax_outside),
            "rounding": decimal_text(rounded - exact),
            "lines": str(len(self.rows)),
            "effective": decimal_text(
                sum((Decimal(row["EffectiveCost"]) for row in self.rows), Decimal(0))
            ),
            "credits": decimal_text(self._of("Credit")),
            "tax": decimal_text(self.tax_outside or self._of("Tax")),
            "tax_in_lines": "no" if self.tax_outside else "yes",
        }

    def _of(self, category: str) -> Decimal:
        own = [row["BilledCost"] for row in self.rows if row["ChargeCategory"] == category]
        return sum(map(Decimal, own), Decimal(0))

    def add(self, day: int, billed: Decimal | str, **changes: str) -> None:
        """A cost line of a day of the month."""
        text = decimal_text(Decimal(billed))
        self.rows.append(
            {
                **BASE_ROW,
                "BillingAccountId": self.account,
                "BillingCurrency": self.currency,
                "BillingPeriodStart": f"{self.month.start}T00:00:00Z",
                "BillingPeriodEnd": f"{self.month.end}T00:00:00Z",
                "ChargePeriodStart": f"{self.month}-{day:02}T00:00:00Z",
                "ChargePeriodEnd": f"{self.month}-{day:02}T23:59:59Z",
                "BilledCost": text,
                "EffectiveCost": text,
                "InvoiceIssuerName": self.issuer,
                "ProviderName": self.issuer,
                "InvoiceId": self.number,
                "ServiceName": f"{self.provider} service",
                "ResourceId": f"{self.provider}-{len(self.rows)}",
                "Tags": "{}",
                **changes,
            }
        )


def tag(case: str) -> str:
    """The tag that the rules of the tests look at."""
    return f'{{"use_case": "{case}"}}'


def make_bill(provider: str, month: Month, *, revision: int = 0) -> Bill:
    """The bill of a month; a later revision has another amount on one day, as providers do."""
    source = random.Random(f"{provider}:{month}")  # noqa: S311  (a story)
    bill = Bill(provider, month)
    _MAKERS[provider](bill, source)
    if revision:
        row = bill.rows[0]
        row["BilledCost"] = row["EffectiveCost"] = decimal_text(
            Decimal(row["BilledCost"]) + Decimal("0.37")
        )
    return bill


def _amount(source: random.Random, places: int) -> Decimal:
    return Decimal(source.randint(10**places, 400 * 10**places)).scaleb(-places)


def _cloud(bill: Bill, source: random.Random) -> None:
    for day, case in zip((3, 9, 15, 21), (*CASES, ""), strict=True):
        bill.add(day, _amount(source, 6), Tags=tag(case) if case else "{}")
    bill.add(28, -_amount(source, 2), ChargeCategory="Credit", ServiceName="Volume credit")
    bill.add(28, _amount(source, 2), ChargeCategory="Tax", ServiceName="VAT")


def _tokens(bill: Bill, source: random.Random) -> None:
    for day, case in zip((2, 8, 14, 20), (*CASES, "shared"), strict=True):
        bill.add(day, _amount(source, 9), Tags=tag(case))


def _seats(bill: Bill, source: random.Random) -> None:
    for number, case in enumerate(CASES):
        seats = source.randint(3, 40)
        bill.add(
            1, Decimal("19.33") * seats, ChargeCategory="Purchase", ChargeFrequency="Recurring",
            PricingQuantity=str(seats), ServiceName=f"Seats {number}", Tags=tag(case),
        )  # fmt: skip
    bill.add(1, _amount(source, 2), ChargeCategory="Tax", ServiceName="VAT")


def _prepaid(bill: Bill, source: random.Random) -> None:
    bill.add(1, "500", ChargeCategory="Purchase", EffectiveCost="0", ServiceName="Credits")
    for day, case in zip((4, 11, 18), CASES, strict=True):
        bill.add(day, "0", EffectiveCost=decimal_text(_amount(source, 8)), Tags=tag(case))


def _euros(bill: Bill, source: random.Random) -> None:
    for day, case in zip((5, 12, 19), CASES, strict=True):
        bill.add(day, _amount(source, 4), Tags=tag(case))
    bill.add(26, -_amount(source, 3), ChargeCategory="Adjustment", Tags=tag("shared"))


def _untaxed(bill: Bill, source: random.Random) -> None:
    for day, case in zip((6, 13, 20), CASES, strict=True):
        bill.add(day, _amount(source, 5), Tags=tag(case))
    bill.tax_outside = _amount(source, 2)


_MAKERS = {
    "cloud": _cloud,
    "tokens": _tokens,
    "seats": _seats,
    "prepaid": _prepaid,
    "euros": _euros,
    "untaxed": _untaxed,
}


@dataclass(frozen=True)
class Mutant:
    """One row of one bill, gone wrong in one way."""

    provider: str
    month: Month
    row: int
    how: str

    def __str__(self) -> str:
        return f"{self.provider} {self.month} row {self.row}: {self.how}"

    def rows(self) -> list[Row]:
        """The rows of the bill with this one wrong."""
        rows = make_bill(self.provider, self.month).rows
        row = rows[self.row]
        if self.how == "dropped":
            del rows[self.row]
        elif self.how == "doubled":
            rows.insert(self.row, dict(row))
        elif self.how == "billed":
            row["BilledCost"] = _moved(row["BilledCost"])
        elif self.how == "effective":
            row["EffectiveCost"] = _moved(row["EffectiveCost"])
        elif self.how == "invoice":
            row["InvoiceId"] = f"{row['InvoiceId']}-B"
        else:
            row["BillingAccountId"] = "another account"
        return rows


def _moved(text: str) -> str:
    """By the smallest amount that is stored."""
    return decimal_text(Decimal(text) + Decimal("0.000000001"))


WAYS = ("dropped", "doubled", "billed", "effective", "invoice", "account")


def all_mutants() -> list[Mutant]:
    """Every row of every bill, wrong in every way."""
    return [
        Mutant(provider, month, row, how)
        for provider in PROVIDERS
        for month in MONTHS
        for row in range(len(make_bill(provider, month).rows))
        for how in WAYS
    ]
