"""The catalogue's metrics of delivery, and DORA's five, with all that a reader must know.

Metrics that are claimed to be good when they rise or fall are *values*; the others are guardrails
and context, shown beside them and never a target.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from adoption.choices import ScopeKind
from adoption.metrics import ndi, ndu, reach, releases, severe_incidents, survival, team_sources
from adoption.metrics.contracts import Better, Dimension, Windowed
from adoption.metrics.delivery_facts import (
    collect_failures,
    collect_index,
    collect_lead_times,
    collect_units,
    collect_use_case_units,
)
from adoption.metrics.lead_time import (
    MEDIAN,
    P90,
    calculate_lead_time,
    sample_lead_time,
)
from adoption.metrics.lead_time import (
    MINIMUM as MINIMUM_LEAD_TIMES,
)
from adoption.metrics.registry import MetricDefinition, metrics
from adoption.metrics.units_metric import MINIMUM_WEEKS, calculate_units, sample_units
from adoption.metrics.windows import WindowKind

SURVIVAL = dt.timedelta(days=ndu.RULE.survival_days)
_ATTACKS = "tests/adoption/metrics/attacks/test_value_metrics.py"
_NAMES = {
    "A1": "test_a1_burning_tokens_moves_nothing",
    "A2": "test_a2_splitting_a_deployment_moves_nothing",
    "A3": "test_a3_deploying_again_moves_nothing",
    "A4": "test_a4_more_regions_move_nothing",
    "A5": "test_a5_splitting_a_service_moves_nothing",
    "A6": "test_a6_rolling_back_and_deploying_again_never_helps",
    "A7": "test_a7_documents_bots_and_settings_move_nothing",
    "A8": "test_a8_sizes_just_under_a_limit_move_nothing",
    "A9": "test_a9_trailers_move_nothing",
    "A10": "test_a10_missing_data_is_never_the_best",
    "A11": "test_a11_leaving_out_weeks_never_helps",
    "A12": "test_a12_the_windows_are_those_registered",
    "A19": "test_a19_lowering_severities_moves_nothing",
    "A20": "test_a20_work_that_others_undo_never_helps",
    "A23": "test_a23_another_rule_rewrites_no_old_value",
    "A24": "test_a24_nothing_of_continuous_integration_is_an_input",
}


def _resists(*attacks: str) -> dict[str, str]:
    return {attack: f"{_ATTACKS}::{_NAMES[attack]}" for attack in attacks}


def _definition(
    key: str, label: str, unit: str, formula: str, inputs: Iterable[str], decision: str,
    windowed: Windowed,
) -> None:  # fmt: skip
    metrics.register(
        MetricDefinition(
            key=key,
            version="1.0.0",
            label=label,
            unit=unit,
            formula=formula,
            inputs=frozenset(inputs),
            comparators=(),
            measure=None,
            decision=decision,
            windowed=windowed,
        )
    )


_RELEASE = (
    "A release is one thing brought to production, counted once however many regions it goes to "
    "and however often it is deployed again; it counts when it brought a product change or failed. "
    "The first deployment of a service is its baseline and counts nowhere."
)
_NEVER_A_TARGET = "anybody who would set a target on it"

_definition(
    "ndu",
    "Normalised delivery units",
    "count",
    "Units of a service that began in the week. Product changes that reached production for the "
    "first time within 24 hours of the first of them are one unit. Not counted: baselines, changes "
    "deployed before, reverts, rollbacks, hotfixes, bots, dependency bumps, documents, settings. "
    "A unit whose changes were all reverted or rolled back within 21 days is taken out again.",
    ("changes", "deployments", "incidents"),
    "Whether the service delivers more or less than it used to.",
    Windowed(
        number=1,
        scope=ScopeKind.SERVICE,
        window=WindowKind.WEEK,
        collect=collect_units,
        calculate=calculate_units,
        sample=sample_units,
        matures_after=SURVIVAL,
        minimum_n=MINIMUM_WEEKS,
        better=Better.HIGHER,
        dimension=Dimension.ACTIVITY,
        guardrails=("change_fail_rate", "deployment_rework_rate", "severe_incidents_per_100_ndu"),
        resists=_resists("A1", "A2", "A3", "A4", "A6", "A7", "A8", "A9", "A10", "A20", "A23"),
        readers="The team itself, with the raw count of deployments beside it.",
        withheld_from=_NEVER_A_TARGET,
    ),
)
_definition(
    "ndi",
    "Normalised delivery index",
    "ratio",
    "Units of the registered later window over units of the registered baseline in as many weeks, "
    "summed over the services that have a baseline of their own; what came out of such a service "
    "counts with it. Score interval; at least 30 units in the baseline and 8 weeks on each side.",
    ("changes", "deployments", "incidents", "registrations"),
    "Whether a use case changed how much its services deliver.",
    Windowed(
        number=2,
        scope=ScopeKind.USE_CASE,
        window=WindowKind.QUARTER,
        collect=collect_index,
        calculate=ndi.calculate_index,
        sample=ndi.sample_index,
        matures_after=SURVIVAL,
        minimum_n=ndi.MINIMUM_UNITS,
        better=Better.HIGHER,
        dimension=Dimension.PERFORMANCE,
        guardrails=("change_fail_rate", "severe_incidents_per_100_ndu", "review_wait"),
        resists=_resists(
            "A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8", "A9", "A10", "A11", "A12", "A20", "A23"
        ),
        readers="Programme and delivery leads.",
    ),
)
for _key, _label, _share, _name, _sample in (
    ("change_lead_time", "Change lead time (median)", MEDIAN, "median", sample_lead_time),
    ("change_lead_time_p90", "Change lead time (90th percentile)", P90, "90th percentile", None),
):
    _definition(
        _key,
        _label,
        "hours",
        f"The {_name}, over the product changes first delivered in the window, of the hours from "
        "the first commit to the end of the production deployment that brought it; when it was "
        "rolled back and came back, to when it came back. A change whose first commit is not known "
        "ranks as the slowest.",
        ("changes", "deployments"),
        "Where changes wait on their way to production.",
        Windowed(
            number=4,
            scope=ScopeKind.SERVICE,
            window=WindowKind.FOUR_WEEKS,
            collect=collect_lead_times,
            calculate=calculate_lead_time(_share),
            sample=_sample,
            minimum_n=MINIMUM_LEAD_TIMES,
            better=Better.LOWER,
            dimension=Dimension.EFFICIENCY,
            guardrails=("change_fail_rate",),
            resists=_resists(
                "A1", "A2", "A3", "A4", "A6", "A7", "A8", "A9", "A10", "A11", "A20", "A23"
            ),
            readers="The team itself.",
            withheld_from=_NEVER_A_TARGET,
        ),
    )
_definition(
    "change_fail_rate",
    "Change fail rate",
    "share",
    "Releases that were rolled back, fixed by another deployment or named as the cause of an "
    f"incident on which people had to act, over releases. {_RELEASE}",
    ("changes", "deployments", "incidents"),
    "Whether speed is bought with failures.",
    Windowed(
        number=5,
        scope=ScopeKind.SERVICE,
        window=WindowKind.FOUR_WEEKS,
        collect=collect_failures,
        calculate=releases.calculate_fail_rate,
        sample=releases.sample_failures,
        matures_after=SURVIVAL,
        minimum_n=releases.MINIMUM,
        better=Better.LOWER,
        dimension=Dimension.PERFORMANCE,
        is_value=False,
        guardrails=("change_lead_time",),
        resists=_resists("A1", "A3", "A4", "A6", "A7", "A9", "A24"),
        readers="The team itself, and risk.",
        withheld_from=_NEVER_A_TARGET,
    ),
)
_definition(
    "deployment_rework_rate",
    "Deployment rework rate",
    "share",
    f"Rollbacks and hotfixes over releases, rollbacks among them. {_RELEASE}",
    ("changes", "deployments", "incidents"),
    "How much of what is deployed repairs what was deployed.",
    Windowed(
        number=6,
        scope=ScopeKind.SERVICE,
        window=WindowKind.FOUR_WEEKS,
        collect=collect_failures,
        calculate=releases.calculate_rework_rate,
        matures_after=SURVIVAL,
        minimum_n=releases.MINIMUM,
        better=Better.LOWER,
        dimension=Dimension.PERFORMANCE,
        is_value=False,
        guardrails=("ndu",),
        resists=_resists("A1", "A3", "A4", "A6", "A7", "A9"),
        readers="The team itself.",
        withheld_from=_NEVER_A_TARGET,
    ),
)
_definition(
    "deployment_frequency",
    "Deployment frequency",
    "count",
    f"Releases that brought a product change, in a week. {_RELEASE}",
    ("changes", "deployments"),
    "Context beside the other four of DORA; small batches are good, and a count is no goal.",
    Windowed(
        number=1,
        scope=ScopeKind.SERVICE,
        window=WindowKind.FOUR_WEEKS,
        collect=collect_failures,
        calculate=releases.calculate_frequency,
        better=Better.CONTEXT,
        dimension=Dimension.ACTIVITY,
        is_value=False,
        guardrails=("change_fail_rate",),
        resists=_resists("A1", "A3", "A4", "A7", "A9"),
        readers="The team itself.",
        withheld_from=_NEVER_A_TARGET,
    ),
)
_definition(
    "failed_deployment_recovery_time",
    "Failed deployment recovery time",
    "hours",
    "The median of the hours from the end of a failed release's deployment to when it was mended "
    "and the incidents it caused were resolved, the later of the two. What is still open ranks as "
    f"the longest. {_RELEASE}",
    ("changes", "deployments", "incidents"),
    "How long users live with a bad deployment.",
    Windowed(
        number=5,
        scope=ScopeKind.SERVICE,
        window=WindowKind.FOUR_WEEKS,
        collect=collect_failures,
        calculate=releases.calculate_recovery,
        matures_after=SURVIVAL,
        better=Better.LOWER,
        dimension=Dimension.EFFICIENCY,
        is_value=False,
        guardrails=("change_fail_rate",),
        resists=_resists("A1", "A3", "A4", "A9"),
        readers="The team itself.",
        withheld_from=_NEVER_A_TARGET,
    ),
)
_definition(
    "severe_incidents_per_100_ndu",
    "Severe incidents for 100 units",
    "count",
    "100 × incidents of high severity or worse opened in the quarter on which people had to act, "
    "over the units of the use case. The worst severity ever said counts; an incident of which "
    "severity or action is not said counts.",
    ("changes", "deployments", "incidents"),
    "Whether more delivery costs more trouble in production.",
    Windowed(
        number=7,
        scope=ScopeKind.USE_CASE,
        window=WindowKind.QUARTER,
        collect=collect_use_case_units,
        calculate=severe_incidents.calculate_severe,
        sample=severe_incidents.sample_severe,
        matures_after=SURVIVAL,
        minimum_n=severe_incidents.MINIMUM,
        better=Better.LOWER,
        dimension=Dimension.PERFORMANCE,
        guardrails=("change_fail_rate",),
        resists=_resists(
            "A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8", "A9", "A10", "A11", "A19", "A20", "A23"
        ),
        readers="Risk, and who runs the services.",
    ),
)
_definition(
    "survival_21_days",
    "21-day survival",
    "share",
    "1 − failures / units, over the units that began in the month and are older than 21 days; "
    "never below 0. A failure is a moment at which one of their changes was reverted, rolled back, "
    "fixed by another deployment or named as the cause of an incident, within 21 days.",
    ("changes", "deployments", "incidents"),
    "Whether what is delivered lasts.",
    Windowed(
        number=8,
        scope=ScopeKind.USE_CASE,
        window=WindowKind.MONTH,
        collect=collect_use_case_units,
        calculate=survival.calculate_survival,
        matures_after=SURVIVAL + ndu.RULE.span,
        minimum_n=survival.MINIMUM,
        better=Better.HIGHER,
        dimension=Dimension.PERFORMANCE,
        guardrails=("ndu",),
        resists=_resists("A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8", "A9", "A20", "A23"),
        readers="The team itself, and architecture.",
    ),
)
_definition(
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
        resists=_resists("A10", "A20"),
        readers="Engineering leads.",
    ),
)
_definition(
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
        resists=_resists("A10"),
        readers="The team itself; in sums, human resources.",
        withheld_from="managers, of a team of fewer than ten",
    ),
)
_definition(
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
        resists=_resists("A1", "A2", "A3", "A4", "A9", "A10"),
        readers="The programme.",
    ),
)
