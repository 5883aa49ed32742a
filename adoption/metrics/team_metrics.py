"""What is said of teams: how long work waits for others, how people are, whom it reaches."""

from __future__ import annotations

from dataclasses import replace

from adoption.choices import ScopeKind
from adoption.metrics import reach, team_sources
from adoption.metrics.catalogue import definition, register, resists
from adoption.metrics.contracts import Better, Dimension, Windowed
from adoption.metrics.windows import WindowKind

REVIEW_WAIT = definition(
    "review_wait",
    "Review load",
    "hours",
    "The median wait of a pull request for its first review; one that still waits ranks as the "
    "longest. Of teams of at least five, over at least 30 pull requests.",
    ("reviews", "teams"),
    "Whether delivery is bought with other people's time.",
    Windowed(
        number=9,
        scope=ScopeKind.TEAM,
        window=WindowKind.FOUR_WEEKS,
        collect=team_sources.collect_reviews,
        calculate=team_sources.calculate_review_wait,
        minimum_n=team_sources.MINIMUM_PULLS,
        better=Better.LOWER,
        dimension=Dimension.COMMUNICATION,
        is_value=False,
        guardrails=("ndu", "team_sentiment"),
        resists=resists("A10", "A20"),
        readers="Engineering leads.",
    ),
)
REVIEW_HOURS = definition(
    "review_hours_per_ndu",
    "Review hours for a unit",
    "hours",
    "Hours that people of the team spent on reviewing pull requests first reviewed in the window, "
    "over the normalised delivery units of the services of its use cases. Of teams of at least "
    "five, over at least 30 pull requests.",
    ("reviews", "teams", "changes", "deployments"),
    "Whether delivery is bought with other people's time.",
    Windowed(
        number=9,
        scope=ScopeKind.TEAM,
        window=WindowKind.FOUR_WEEKS,
        collect=team_sources.collect_reviews,
        calculate=team_sources.calculate_review_hours,
        minimum_n=team_sources.MINIMUM_PULLS,
        better=Better.LOWER,
        dimension=Dimension.COMMUNICATION,
        is_value=False,
        guardrails=("ndu", "team_sentiment"),
        resists=resists("A10", "A20"),
        readers="Engineering leads.",
    ),
)
SENTIMENT = definition(
    "team_sentiment",
    "Team sentiment",
    "score",
    "The mean of answers from 1 to 5 of a team's survey, when at least 60 % of those asked "
    "answered. It enters no value.",
    ("survey", "teams"),
    "Whether people are well with how they work.",
    Windowed(
        number=10,
        scope=ScopeKind.TEAM,
        window=WindowKind.QUARTER,
        collect=team_sources.collect_sentiment,
        calculate=team_sources.calculate_sentiment,
        minimum_n=5,
        better=Better.HIGHER,
        dimension=Dimension.SATISFACTION,
        is_value=False,
        guardrails=("ndi",),
        resists=resists("A10"),
        readers="The team itself; in sums, human resources.",
        withheld_from="managers, of a team of fewer than ten",
    ),
)
_windowed = Windowed(
    number=16,
    scope=ScopeKind.PROGRAMME,
    window=WindowKind.MONTH,
    collect=reach.collect_reach,
    calculate=reach.calculate_reach,
    minimum_n=reach.MINIMUM_TEAMS,
    k=0,
    better=Better.HIGHER,
    dimension=Dimension.PERFORMANCE,
    guardrails=("survival_21_days",),
    resists=resists("A1", "A2", "A3", "A4", "A9", "A10"),
    readers="The programme.",
)
REACH = definition(
    "use_case_reach",
    "Use-case reach",
    "share",
    "Teams of at least five people with a use case of their own in stage live or validated, of "
    "which a delivery reached production or was confirmed in the last 28 days of the month, over "
    "all teams of at least five. Yes or no for a team.",
    ("deliveries", "teams"),
    "Whether the programme reaches teams, or only enthusiasts.",
    _windowed,
)
CERTIFIED_REACH = replace(
    REACH,
    version="2.0.0",
    formula="Teams of at least five people with a use case of their own in production whose impact "
    "is validated (its effect was registered before the launch and a verdict supported it) and "
    "which was used in the last 28 days of the month, over all teams of at least five. Yes or no "
    "for a team; how much, or by how many, is no input. That it was used must be said by the "
    "product itself; without such a sign there is no value.",
    inputs=frozenset({"registrations", "teams", "use_signs"}),
    windowed=replace(
        _windowed,
        collect=reach.collect_certified_reach,
        calculate=reach.calculate_certified_reach,
    ),
    superseded_versions=(REACH,),
)

register(REVIEW_WAIT, REVIEW_HOURS, SENTIMENT, CERTIFIED_REACH)
