"""Synthetic FOCUS 1.2 bills, seeded: the same plan gives the same bytes.

Three providers. *Nimbus Cloud* bills by the hour below one sub-account a team, with a `use_case`
tag on most lines; *Foundry Models* bills tokens by model and workspace (sub-account), one a use
case, and holds no tags; *Lexica* bills the reading of contracts in euros, without credits. All send
tax; some lines belong to nobody.
"""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

COLUMNS = (
    "BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "BillingAccountId",
    "BillingAccountName", "BillingCurrency", "BillingPeriodStart", "BillingPeriodEnd",
    "ChargePeriodStart", "ChargePeriodEnd", "ChargeCategory", "ChargeClass", "ChargeDescription",
    "ChargeFrequency", "PricingQuantity", "PricingUnit", "ConsumedQuantity", "ConsumedUnit",
    "InvoiceIssuerName", "InvoiceId", "ProviderName", "PublisherName", "ServiceCategory",
    "ServiceName", "SkuId", "SkuMeter", "SubAccountId", "SubAccountName", "ResourceId",
    "RegionId", "Tags", "x_Model",
)  # fmt: skip
BURST_DAYS_AGO = (30, 1)
_BURST = 12  # times as many tokens as on another day
_AI = "AI and Machine Learning"
_NIMBUS = (("Model Hosting", _AI, 0.55), ("Vector Search", "Databases", 0.25),
           ("Object Storage", "Storage", 0.08))  # fmt: skip
_MODELS = (("atlas-large", "Output Tokens", "0.0000150"), ("atlas-small", "Input Tokens",
           "0.0000008"), ("atlas-large", "Input Tokens", "0.0000030"))  # fmt: skip


class Spender(NamedTuple):
    """A use case that costs something: slug, team, whole units a month, first and last month."""

    slug: str
    team: str
    monthly: int
    start: date
    end: date | None


def bursts(spenders: Sequence[Spender], today: date) -> frozenset[tuple[str, date]]:
    """A month ago and yesterday a batch of the first large spender ran away: use case and day."""
    large = next((each.slug for each in spenders if each.monthly >= 1000), "")
    return frozenset((large, today - timedelta(days=back)) for back in BURST_DAYS_AGO)


def next_month(day: date) -> date:
    """First day of the following month."""
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def _days(month: date, until: date) -> Iterator[date]:
    day = month
    while day < min(next_month(month), until):
        yield day
        day += timedelta(days=1)


class Bill:
    """One provider's bill for one month.

    Args:
        month: its first day.
        until: no charge is dated on or after this day (the month still running).
        revision: 0 is the first issue; later ones restate some days, as providers do.
        burst: use case and day on which a batch ran away.
    """

    def __init__(
        self,
        spenders: Sequence[Spender],
        *,
        month: date,
        until: date,
        seed: int,
        revision: int = 0,
        burst: frozenset[tuple[str, date]] = frozenset(),
    ) -> None:
        self.spenders = [
            item
            for item in spenders
            if item.monthly and item.start <= month and (item.end is None or month < item.end)
        ]
        self.month, self.until, self.revision = month, until, revision
        self.seed = seed
        self.burst = burst

    def _source(self, provider: str) -> random.Random:
        return random.Random(f"{self.seed}:{provider}:{self.month}")  # noqa: S311  (a story)

    def write_nimbus(self, path: Path) -> None:
        """Hosting, search and storage; untagged lines of a shared account among them."""
        source = self._source("nimbus")
        rows = []
        for day in _days(self.month, self.until):
            for spender in self.spenders:
                for service, category, share in _NIMBUS:
                    amount = _amount(spender.monthly * 0.4 * share / 30, source)
                    tagged = source.random() > 0.08
                    rows.append(self._nimbus(day, spender, service, category, amount, tagged))
            rows.append(self._shared(day, source))
        rows += self._tax_and_credit("Nimbus Cloud", "nimbus-100", rows)
        _write(path, rows)

    def write_foundry(self, path: Path) -> None:
        """Tokens by workspace and model; some of an experiment that nobody owns."""
        source = self._source("foundry")
        rows = []
        for day in _days(self.month, self.until):
            weekend = day.weekday() >= 5
            for spender in self.spenders:
                for model, meter, price in _MODELS:
                    scale = 0.25 if weekend else 1.3
                    amount = spender.monthly * 0.6 / 30 / len(_MODELS) * scale
                    tokens = int(amount * source.uniform(0.6, 1.5) / float(price))
                    if self.revision and day.day in (11, 12, 19):
                        tokens = int(tokens * 1.08)
                    if (spender.slug, day) in self.burst:
                        tokens *= _BURST
                    rows.append(self._foundry(day, spender.slug, model, meter, tokens, price))
            if not weekend:
                tokens = source.randint(200_000, 900_000)
                rows.append(
                    self._foundry(day, "playground", *_MODELS[1][:2], tokens, _MODELS[1][2])
                )
        rows += self._tax_and_credit("Foundry Models", "org-plumb", rows)
        _write(path, rows)

    def write_lexica(self, path: Path, use_case: str) -> None:
        """Pages read each day, in euros, for one use case."""
        source = self._source("lexica")
        rows = [
            {
                **self._base("Lexica", "lexica-7", day),
                **_money(_steady(Decimal("6.40"), source), discount=Decimal(1)),
                "ChargeDescription": "Pages of contracts, read",
                "PricingQuantity": "1",
                "PricingUnit": "Days",
                "ServiceCategory": _AI,
                "ServiceName": "Document Reader",
                "SubAccountId": "lexica-contracts",
                "SubAccountName": "Contracts",
                "Tags": json.dumps({"use_case": use_case}),
                "x_Model": "lexica-read-2",
            }
            for day in _days(self.month, self.until)
        ]
        rows += self._tax_and_credit("Lexica", "lexica-7", rows)[:1]
        _write(path, [{**row, "BillingCurrency": "EUR"} for row in rows])

    def _base(self, provider: str, account: str, day: date) -> dict[str, str]:
        following = next_month(self.month)
        closed = self.until >= following
        return {
            "BillingAccountId": account,
            "BillingAccountName": f"Acme at {provider}",
            "BillingCurrency": "USD",
            "BillingPeriodStart": f"{self.month}T00:00:00Z",
            "BillingPeriodEnd": f"{following}T00:00:00Z",
            "ChargePeriodStart": f"{day}T00:00:00Z",
            "ChargePeriodEnd": f"{day + timedelta(days=1)}T00:00:00Z",
            "ChargeCategory": "Usage",
            "ChargeFrequency": "Usage-Based",
            "InvoiceIssuerName": provider,
            "InvoiceId": f"{account}-{self.month:%Y%m}" if closed else "",
            "ProviderName": provider,
            "PublisherName": provider,
            "Tags": "{}",
        }

    def _nimbus(
        self,
        day: date,
        spender: Spender,
        service: str,
        category: str,
        amount: Decimal,
        tagged: bool,
    ) -> dict[str, str]:
        team = spender.team.lower().replace(" ", "-")
        tags = {"team": team, "environment": "prod"}
        if tagged:
            tags["use_case"] = spender.slug
        return {
            **self._base("Nimbus Cloud", "nimbus-100", day),
            **_money(amount, discount=Decimal("0.94")),
            "ChargeDescription": f"{service}, on demand",
            "PricingQuantity": "24",
            "PricingUnit": "Hours",
            "ConsumedQuantity": "24",
            "ConsumedUnit": "Hours",
            "ServiceCategory": category,
            "ServiceName": service,
            "SkuId": f"nc-{service.lower().replace(' ', '-')}",
            "SubAccountId": f"nc-{team}",
            "SubAccountName": spender.team,
            "ResourceId": f"nimbus:eu:{team}:{service.lower().replace(' ', '-')}",
            "RegionId": "eu-north",
            "Tags": json.dumps(tags),
        }

    def _shared(self, day: date, source: random.Random) -> dict[str, str]:
        return {
            **self._base("Nimbus Cloud", "nimbus-100", day),
            **_money(_amount(9.0, source), discount=Decimal(1)),
            "ChargeDescription": "Shared gateway for models",
            "PricingQuantity": "24",
            "PricingUnit": "Hours",
            "ServiceCategory": "Networking",
            "ServiceName": "Model Gateway",
            "SubAccountId": "nc-shared",
            "SubAccountName": "Shared services",
            "ResourceId": "nimbus:eu:shared:gateway",
            "Tags": json.dumps({"team": "platform", "shared": "true"}),
        }

    def _foundry(
        self, day: date, workspace: str, model: str, meter: str, tokens: int, price: str
    ) -> dict[str, str]:
        amount = Decimal(tokens) * Decimal(price)
        return {
            **self._base("Foundry Models", "org-plumb", day),
            **_money(amount, discount=Decimal(1)),
            "ChargeDescription": f"{model}, {meter.lower()}",
            "PricingQuantity": str(tokens),
            "PricingUnit": "Tokens",
            "ConsumedQuantity": str(tokens),
            "ConsumedUnit": "Tokens",
            "ServiceCategory": _AI,
            "ServiceName": "Foundry API",
            "SkuId": f"{model}-{meter.split()[0].lower()}",
            "SkuMeter": meter,
            "SubAccountId": f"ws-{workspace}",
            "SubAccountName": workspace,
            "x_Model": model,
        }

    def _tax_and_credit(
        self, provider: str, account: str, rows: Sequence[dict[str, str]]
    ) -> list[dict[str, str]]:
        """Tax and a volume credit on the last day; they belong to the whole account."""
        if self.until < next_month(self.month):
            return []
        total = sum((Decimal(row["BilledCost"]) for row in rows), Decimal(0))
        last = next_month(self.month) - timedelta(days=1)
        lines = []
        for category, name, share in (
            ("Tax", "VAT", "0.021"),
            ("Credit", "Volume credit", "-0.03"),
        ):
            amount = (total * Decimal(share)).quantize(Decimal("0.01"))
            lines.append(
                {
                    **self._base(provider, account, last),
                    **_money(amount, discount=Decimal(1)),
                    "ChargeCategory": category,
                    "ChargeDescription": name,
                    "ChargeFrequency": "One-Time",
                    "ServiceCategory": "Other",
                    "ServiceName": name,
                }
            )
        return lines


def _amount(mean: float, source: random.Random) -> Decimal:
    return Decimal(str(round(mean * source.uniform(0.7, 1.35), 8)))


def _steady(mean: Decimal, source: random.Random) -> Decimal:
    """Within a twentieth: nothing that a watch would call odd."""
    return mean * Decimal(source.randrange(950, 1050)) / 1000


def _money(amount: Decimal, *, discount: Decimal) -> dict[str, str]:
    effective = amount * discount
    return {
        "BilledCost": format(amount, "f"),
        "EffectiveCost": format(effective, "f"),
        "ListCost": format(amount, "f"),
        "ContractedCost": format(effective, "f"),
    }


def _write(path: Path, rows: Sequence[dict[str, str]]) -> None:
    write_table(path, COLUMNS, rows)


def write_table(path: Path, columns: Sequence[str], rows: Sequence[dict[str, str]]) -> None:
    """Rows as the CSV that a provider, or accounts payable, would send."""
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
