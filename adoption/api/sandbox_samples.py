"""Sample answers for whoever writes a reader of metric values. None of it is about this house.

Every state that a reader must cope with once: a settled series, a restated value, a small group, a
gap, money, a version on its way out, and one that is not approved. Made of nothing but this file,
through the same code that words real values, so the shape is always the same.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from adoption.choices import ScopeKind, StandingStatus, ValueStatus
from adoption.metrics.registry import NANO
from adoption.metrics.windows import Window
from adoption.models import MetricStanding, MetricVersion
from adoption.selectors.metric_scopes import Scope
from adoption.selectors.metric_values import ShownValue
from portal.models import ApprovalRequest, User

MARK = "sandbox"
SCOPE = Scope(ScopeKind.USE_CASE, 0, f"use_case:{MARK}", "Sandbox", "UTC", ("house",))
LOOKED_AT = dt.datetime(2026, 4, 25, 6, 0, tzinfo=dt.UTC)
UNTIL = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
SUNSET = dt.date(2099, 12, 31)
_MONTHS = (dt.date(2026, 1, 1), dt.date(2026, 2, 1), dt.date(2026, 3, 1), dt.date(2026, 4, 1))


@dataclass(frozen=True, slots=True)
class Sample:
    """One metric of the sandbox: what a reader learns from it, and its three months.

    Attributes:
        amounts: in nano-units; None where there is no number, with the reason beside it.
    """

    key: str
    shows: str
    unit: str
    amounts: tuple[int | None, int | None, int | None]
    reasons: tuple[str, str, str] = ("", "", "")
    newest: ValueStatus = ValueStatus.FINAL
    standing: StandingStatus = StandingStatus.CERTIFIED
    currency: str = ""

    def version(self) -> MetricVersion:
        """As a stored definition would be; never saved."""
        catalogue = {
            "scope": str(ScopeKind.USE_CASE), "window": "month", "k": 5, "guardrails": [],
            "coverage_bound_nano": NANO // 10,
        }  # fmt: skip
        return MetricVersion(
            key=self.key,
            version="1.0.0",
            definition={"unit": self.unit, "label": self.shows, "catalogue": catalogue},
            definition_sha256="0" * 64,
            first_seen_at=LOOKED_AT,
        )

    def trust(self) -> MetricStanding:
        """As a standing would be; never saved."""
        second = User(username=MARK, full_name="Sandbox Approver")
        approval = ApprovalRequest(
            closed_by=second, closed_at=LOOKED_AT, approver_roles="|finance|"
        )
        is_ending = self.standing is StandingStatus.DEPRECATED
        return MetricStanding(
            scope_kind=ScopeKind.USE_CASE,
            scope_id=SCOPE.pk,
            owner=User(username=MARK, full_name="Sandbox Owner"),
            status=self.standing,
            status_since=LOOKED_AT,
            approval=approval,
            valid_until=UNTIL,
            certified_until=UNTIL,
            seen_until=_MONTHS[-1],
            sunset_on=SUNSET if is_ending else None,
        )

    def values(self) -> list[ShownValue]:
        return [self._value(place) for place in range(len(self.amounts))]

    def _value(self, place: int) -> ShownValue:
        nano, reason = self.amounts[place], self.reasons[place]
        is_newest = place == len(self.amounts) - 1
        status = self.newest if is_newest else ValueStatus.FINAL
        withheld = reason == "small_group"
        return ShownValue(
            id=place + 1,
            scope_kind=SCOPE.kind,
            scope_id=SCOPE.pk,
            window=Window(_MONTHS[place], _MONTHS[place + 1], "UTC"),
            data_version=2 if status is ValueStatus.RESTATED else 1,
            status=status,
            data_as_of=LOOKED_AT,
            computed_at=LOOKED_AT,
            superseded_at=None,
            nano=nano,
            reason=reason,
            is_withheld=withheld,
            n=None if withheld else 40 + place,
            low_nano=None if nano is None else nano - nano // 10,
            high_nano=None if nano is None else nano + nano // 10,
            interval_method="" if nano is None else MARK,
            interval_level_percent=None if nano is None else 95,
            coverage_nano=None if withheld else NANO * 9 // 10,
            currency=self.currency,
            basis="invoiced" if self.currency else "",
            facts_sha256="" if withheld else "0" * 64,
        )


SAMPLES: Sequence[Sample] = (
    Sample("sandbox_series", "Three settled months", "count", (12 * NANO, 15 * NANO, 14 * NANO)),
    Sample(
        "sandbox_restated", "The newest month was restated after it was final", "count",
        (12 * NANO, 15 * NANO, 11 * NANO), newest=ValueStatus.RESTATED,
    ),
    Sample(
        "sandbox_small_group", "Too few people: null and suppressed", "share",
        (NANO // 2, None, NANO // 4), ("", "small_group", ""),
    ),
    Sample(
        "sandbox_gap", "A month without data: null with its reason, never 0", "hours",
        (30 * NANO, None, 26 * NANO), ("", "no_data", ""),
    ),
    Sample(
        "sandbox_money", "Exact amounts with currency and basis", "money",
        (1_234_567_890_123, 2_000_000_000_000, 1_999_999_999_999), currency="EUR",
    ),
    Sample(
        "sandbox_deprecated", "A version on its way out: Deprecation and Sunset", "count",
        (12 * NANO, 15 * NANO, 14 * NANO), standing=StandingStatus.DEPRECATED,
    ),
    Sample(
        "sandbox_suspended", "Not approved: 409 with its status", "count",
        (12 * NANO, 15 * NANO, 14 * NANO), standing=StandingStatus.SUSPENDED,
    ),
)  # fmt: skip


def sample_or_none(key: str) -> Sample | None:
    """The sample of that key."""
    return next((each for each in SAMPLES if each.key == key), None)
