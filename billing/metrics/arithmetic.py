"""Published arithmetic of value and cost, exactly: so that a figure quoted elsewhere can be redone.

Amounts are decimals in one currency; shares are fractions of 1. Nothing here is rounded.

Sources: AWS Enterprise Strategy, "Business value of developer experience improvements" (2025), for
cost to serve software; DORA's ROI calculator (https://dora.dev/ai/roi/calculator/).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


def cost_avoidance(people: int, cost_a_person: Decimal, share: Decimal) -> Decimal:
    """What it would have cost to deliver the same without the improvement of `share`."""
    return people * cost_a_person * share


def margin_points(cost_share_of_revenue: Decimal, improvement: Decimal) -> Decimal:
    """By how much of revenue a margin grows when a cost of this share of it falls."""
    return cost_share_of_revenue * improvement


@dataclass(frozen=True, slots=True, kw_only=True)
class RoiInputs:
    """What DORA's calculator asks. Money in one currency, yearly unless said.

    Attributes:
        dip: share of productivity lost while people learn, for `dip_months`.
        time_saved: share of the time of all staff.
        features, features_after: shipped in a year; `success` of them pay, each with `impact` of
            the revenue.
        deployments, deployments_after: in a year, of which a share fails and takes `recovery_hours`
            at `downtime_cost` an hour.
    """

    staff: int
    salary: Decimal
    revenue: Decimal
    licence: Decimal
    other_ai: Decimal
    training: Decimal
    infrastructure: Decimal
    dip: Decimal
    dip_months: int
    time_saved: Decimal
    features: int
    features_after: int
    success: Decimal
    impact: Decimal
    deployments: int
    deployments_after: int
    fail_rate: Decimal
    fail_rate_after: Decimal
    recovery_hours: Decimal
    downtime_cost: Decimal


@dataclass(frozen=True, slots=True)
class Roi:
    """What it answers. `downtime_saved` is negative when more fails: that is subtracted.

    `investment_over_value` is what the calculator calls payback, in years.
    """

    hard_costs: Decimal
    dip_cost: Decimal
    reinvestment: Decimal
    feature_revenue: Decimal
    downtime_saved: Decimal

    @property
    def investment(self) -> Decimal:
        return self.hard_costs + self.dip_cost

    @property
    def value(self) -> Decimal:
        return self.reinvestment + self.feature_revenue + self.downtime_saved

    @property
    def benefit(self) -> Decimal:
        return self.value - self.investment

    @property
    def share(self) -> Decimal:
        return self.benefit / self.investment

    @property
    def investment_over_value(self) -> Decimal:
        return self.investment / self.value


def return_on_investment(given: RoiInputs) -> Roi:
    """The first year, the dip included."""
    downtime = given.deployments * given.fail_rate
    downtime_after = given.deployments_after * given.fail_rate_after
    return Roi(
        hard_costs=(given.licence + given.other_ai + given.training) * given.staff
        + given.infrastructure,
        dip_cost=given.staff * given.salary * given.dip * given.dip_months / 12,
        reinvestment=given.staff * given.salary * given.time_saved,
        feature_revenue=(given.features_after - given.features)
        * given.success
        * given.impact
        * given.revenue,
        downtime_saved=(downtime - downtime_after) * given.recovery_hours * given.downtime_cost,
    )
