"""Who does what in the demo: teams, use cases and their repositories, as data."""

from __future__ import annotations

from typing import NamedTuple

from adoption.choices import RiskTier, Stage, ValueType


class TeamPlan(NamedTuple):
    """A team, its parent's name (or none) and its members' sign-in names."""

    name: str
    parent: str
    members: tuple[str, ...]


TEAMS = (
    TeamPlan("Product Engineering", "", ("lead",)),
    TeamPlan("Checkout", "Product Engineering", ("owner", "employee", "priya", "lukas", "hana")),
    TeamPlan("Search", "Product Engineering", ("amara", "diego", "noor", "tariq", "bea")),
    TeamPlan("Mobile", "Product Engineering", ("hana", "oskar", "bea", "priya", "diego")),
    TeamPlan("Platform", "", ("oskar", "lukas", "admin", "tariq", "noor")),
    TeamPlan("Security", "Platform", ("tariq", "noor", "oskar", "amara", "hana")),
    TeamPlan("Data and Insights", "", ("bea", "diego", "amara", "priya", "lukas")),
    TeamPlan("Operations", "", ("finance",)),
    TeamPlan("Customer Support", "Operations", ("noor", "hana", "employee", "bea", "oskar")),
    TeamPlan("Finance Operations", "Operations", ("finance", "priya", "amara", "lukas", "diego")),
    TeamPlan("Growth Tools", "", ("tariq", "diego", "lukas", "amara", "bea")),
)


class HistoryPlan(NamedTuple):
    """How a use case's repository comes about.

    Attributes:
        repository: its key.
        commits_a_week: average number.
        ai_share: share of commits that carry a sign of AI assistance.
        release_days: days between release tags; 0 means that nothing is ever released.
        revert_share: share of AI-assisted commits that are undone.
        logged_share: share of delivered AI-assisted changes that somebody logs.
        is_gaming: many tiny changes, so that every usage figure looks splendid.
    """

    repository: str
    commits_a_week: float
    ai_share: float
    release_days: int
    revert_share: float
    logged_share: float
    is_gaming: bool = False


class MilestonePlan(NamedTuple):
    """A milestone: metric, threshold in whole units, and its month counted from the start."""

    title: str
    metric: str
    comparator: str
    threshold: int
    month: int


class UseCasePlan(NamedTuple):
    """One use case. `stages` holds (stage, months after the start, reason)."""

    title: str
    team: str
    owner: str
    value_type: ValueType
    risk_tier: RiskTier
    problem: str
    hypothesis: str
    stop_rule: str
    stages: tuple[tuple[Stage, int, str], ...]
    monthly_cost: int
    history: HistoryPlan | None = None
    milestones: tuple[MilestonePlan, ...] = ()


def _path(*months: int) -> tuple[tuple[Stage, int, str], ...]:
    order = (Stage.APPROVED, Stage.PILOT, Stage.LIVE, Stage.VALIDATED)
    return tuple((stage, month, "") for stage, month in zip(order, months, strict=False))


def _first_release(month: int) -> MilestonePlan:
    return MilestonePlan(
        "First AI-assisted change in production", "ai_production_deployments", "gte", 1, month
    )


def _held(count: int, month: int) -> MilestonePlan:
    return MilestonePlan(f"{count} held deliveries", "held_deliveries", "gte", count, month)


def _cost(limit: int, month: int) -> MilestonePlan:
    return MilestonePlan(
        f"Effective cost per held delivery below {limit} USD",
        "effective_cost_per_held_delivery",
        "lt",
        limit,
        month,
    )


USE_CASES = (
    UseCasePlan(
        "Test generation for the checkout service", "Checkout", "owner", ValueType.QUALITY,
        RiskTier.LIMITED,
        "Escaped defects in checkout cost refunds and weekend work; tests are written late.",
        "If agents draft the tests of every change, escaped defects per release fall by a quarter.",
        "Stop if change failures rise for two releases in a row.",
        _path(1, 2, 4, 11), 620,
        HistoryPlan("shop/checkout", 9, 0.34, 12, 0.05, 0.62),
        (_first_release(3), _held(25, 8), _cost(120, 12), _held(150, 16)),
    ),
    UseCasePlan(
        "Support replies with sources", "Customer Support", "owner", ValueType.TASK_TIME,
        RiskTier.LIMITED,
        "Agents search four systems for each answer.",
        "Drafted replies that quote their source cut the handling of routine tickets by 30 %.",
        "Stop if reopened tickets exceed 6 % in any month.",
        _path(1, 2, 5, 12), 1450,
        HistoryPlan("support/desk", 7, 0.4, 10, 0.03, 0.6),
        (_first_release(3), _held(25, 9), _held(120, 13), _cost(200, 15)),
    ),
    UseCasePlan(
        "Search relevance reviews", "Search", "amara", ValueType.QUALITY, RiskTier.MINIMAL,
        "Relevance judgements take a week of a specialist for every ranking change.",
        "Model judgements that agree with specialists in 9 of 10 cases shorten the loop to a day.",
        "Stop if agreement stays below 85 % for a quarter.",
        _path(2, 3, 7), 880,
        HistoryPlan("shop/search", 6, 0.28, 14, 0.04, 0.55),
        (_first_release(5), _held(20, 9), _held(60, 17)),
    ),
    UseCasePlan(
        "Migration of legacy mobile screens", "Mobile", "hana", ValueType.MANUAL_WORK,
        RiskTier.MINIMAL,
        "140 screens still use the old toolkit and block the new navigation.",
        "Agents migrate simple screens alone; people keep the hard third.",
        "Stop if more than one migrated screen in ten is undone.",
        _path(2, 3, 6), 760,
        HistoryPlan("shop/mobile", 8, 0.45, 14, 0.12, 0.5),
        (_first_release(4), _held(30, 8), _held(120, 16), _cost(90, 13)),
    ),
    UseCasePlan(
        "Infrastructure change reviews", "Platform", "oskar", ValueType.RISK, RiskTier.LIMITED,
        "Reviews of infrastructure changes wait two days for one of three experts.",
        "A first review by an agent finds the routine mistakes, so experts see half the changes.",
        "Stop if an incident traces back to a change that only the agent reviewed.",
        _path(3, 4, 8), 540,
        HistoryPlan("platform/infra", 10, 0.22, 7, 0.04, 0.6),
        (_first_release(6), _held(20, 13)),
    ),
    UseCasePlan(
        "Invoice matching", "Finance Operations", "finance", ValueType.MANUAL_WORK, RiskTier.HIGH,
        "One invoice in five needs manual matching to an order.",
        "Suggested matches with a reason halve the manual share without raising wrong payments.",
        "Stop at the first wrong payment above 1,000 USD.",
        _path(6, 8), 1120,
        HistoryPlan("finance/matching", 5, 0.35, 14, 0.03, 0.55),
        (_first_release(6), _held(60, 15), _cost(250, 16)),
    ),
    UseCasePlan(
        "Dashboard queries in plain words", "Data and Insights", "bea", ValueType.TASK_TIME,
        RiskTier.MINIMAL,
        "Analysts spend a third of their week on one-off questions.",
        "Colleagues answer half of the one-off questions themselves, with correct figures.",
        "Stop if more than 2 % of checked answers are wrong.",
        _path(7, 9), 970,
        HistoryPlan("data/insights", 5, 0.3, 21, 0.05, 0.5),
        (_first_release(8), _held(30, 14), _cost(200, 15)),
    ),
    UseCasePlan(
        "Growth experiments written by agents", "Growth Tools", "tariq", ValueType.REVENUE,
        RiskTier.MINIMAL,
        "The backlog of experiments is longer than a year.",
        "Agents that write experiments end to end double the number that ship.",
        "Stop if the cost per held delivery stays above 500 USD after two quarters.",
        _path(4, 6), 6400,
        HistoryPlan("growth/experiments", 34, 0.92, 45, 0.22, 0.08, is_gaming=True),
        (_first_release(9), _held(100, 12), _cost(500, 13)),
    ),
    UseCasePlan(
        "Vulnerability fixes proposed with the finding", "Security", "noor", ValueType.RISK,
        RiskTier.LIMITED,
        "Findings of medium severity stay open for 71 days.",
        "A proposed fix with each finding brings that below 30 days.",
        "Stop if a proposed fix opens a new finding twice in a month.",
        _path(8, 10), 430,
        HistoryPlan("security/fixes", 4, 0.5, 10, 0.05, 0.6),
        (_first_release(8), _held(40, 16)),
    ),
    UseCasePlan(
        "Release notes from merged changes", "Platform", "lukas", ValueType.TASK_TIME,
        RiskTier.MINIMAL,
        "Release notes take half a day for every release and are often late.",
        "Drafts from merged changes need ten minutes of editing.",
        "Stop if support files more than one correction a month.",
        _path(12), 0, None, (_held(10, 18),),
    ),
    UseCasePlan(
        "Contract clause finder", "Finance Operations", "finance", ValueType.RISK, RiskTier.HIGH,
        "Nobody knows which of 3,000 contracts have an index clause.",
        "", "", (), 0,
    ),
    UseCasePlan(
        "Data catalogue descriptions", "Data and Insights", "bea", ValueType.QUALITY,
        RiskTier.MINIMAL,
        "Two tables in three have no description.",
        "Drafted descriptions that owners accept unchanged in 7 of 10 cases.", "", (), 0,
    ),
    UseCasePlan(
        "Call summaries for support agents", "Customer Support", "owner", ValueType.TASK_TIME,
        RiskTier.LIMITED,
        "After each call an agent types for three minutes.",
        "Summaries cut that to one minute.",
        "Stop if agents correct more than every second summary.",
        (
            (Stage.APPROVED, 2, ""), (Stage.PILOT, 3, ""),
            (Stage.STOPPED, 8, "The stop rule fired: agents corrected 58 % of the summaries in "
             "two months running. Stopped before roll-out; the transcripts help the search."),
        ),
        380, HistoryPlan("support/calls", 3, 0.4, 21, 0.3, 0.5),
        (_first_release(5), _held(10, 9)),
    ),
    UseCasePlan(
        "On-call runbook assistant", "Platform", "oskar", ValueType.TASK_TIME, RiskTier.LIMITED,
        "Finding the right runbook at night takes eleven minutes.",
        "The assistant names the right one within a minute in 8 of 10 incidents.",
        "Stop if it names a wrong one twice in a month.",
        (
            (Stage.APPROVED, 0, ""), (Stage.PILOT, 1, ""), (Stage.LIVE, 3, ""),
            (Stage.RETIRED, 11, "The incident tool now does this itself; nothing is lost."),
        ),
        210, HistoryPlan("platform/runbooks", 2, 0.3, 21, 0.0, 0.6), (_first_release(4),),
    ),
)  # fmt: skip
