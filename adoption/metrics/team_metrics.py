"""What is said of teams: how long work waits for others, how people are, whom it reaches."""

from __future__ import annotations

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
REACH = definition(
    "use_case_reach",
    "Use-case reach",
    "share",
    "Teams of at least five people with a use case of their own in stage live or validated, of "
    "which a delivery reached production or was confirmed in the last 28 days of the month, over "
    "all teams of at least five. Yes or no for a team.",
    ("deliveries", "teams"),
    "Whether the programme reaches teams, or only enthusiasts.",
    Windowed(
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
    ),
)
register(REVIEW_WAIT, SENTIMENT, REACH)
