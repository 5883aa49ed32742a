"""The catalogue's values of delivery, with all that a reader must know.

Each has two versions that are computed side by side. Version 1 takes every delivery. Version 2
takes those that served a promise (`promised_changes.py`), and has no value where changes became
small (`sizes.py`): two lines a day improved every value of version 1 (`docs/attacks.md`).
"""

from __future__ import annotations

from fractions import Fraction

from adoption.choices import ScopeKind
from adoption.metrics import ndi, ndu, severe_incidents, survival
from adoption.metrics.catalogue import (
    NEVER_A_TARGET,
    SURVIVAL,
    definition,
    register,
    resists,
    second,
)
from adoption.metrics.contracts import Better, Dimension, Windowed
from adoption.metrics.delivery_facts import (
    collect_index,
    collect_lead_times,
    collect_units,
    collect_use_case_units,
)
from adoption.metrics.lead_time import MEDIAN, P90, calculate_lead_time, sample_lead_time
from adoption.metrics.lead_time import MINIMUM as MINIMUM_LEAD_TIMES
from adoption.metrics.registry import MetricDefinition
from adoption.metrics.units_metric import MINIMUM_WEEKS, calculate_units, sample_units
from adoption.metrics.windows import WindowKind

_PROMISED = (
    "A change serves a promise when somebody logged it, within 21 days of its arrival, as a "
    "delivery of a use case that had a milestone which was written down before the change was "
    "merged, not reached yet and not overdue."
)
_LOG = ("deliveries", "milestones")

NDU = definition(
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
        resists=resists("A1", "A2", "A3", "A4", "A6", "A7", "A8", "A9", "A10", "A20", "A23"),
        readers="The team itself, with the raw count of deployments beside it.",
        withheld_from=NEVER_A_TARGET,
    ),
)
NDI = definition(
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
        resists=resists(
            "A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8", "A9", "A10", "A11", "A12", "A20", "A23"
        ),
        readers="Programme and delivery leads.",
    ),
)


def _lead_time(
    key: str, label: str, share: Fraction, name: str, *, is_effect: bool
) -> MetricDefinition:
    return definition(
        key,
        label,
        "hours",
        f"The {name}, over the product changes first delivered in the window, of the hours from "
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
            calculate=calculate_lead_time(share),
            sample=sample_lead_time if is_effect else None,
            minimum_n=MINIMUM_LEAD_TIMES,
            better=Better.LOWER,
            dimension=Dimension.EFFICIENCY,
            guardrails=("change_fail_rate",),
            resists=resists(
                "A1", "A2", "A3", "A4", "A6", "A7", "A8", "A9", "A10", "A11", "A20", "A23"
            ),
            readers="The team itself.",
            withheld_from=NEVER_A_TARGET,
        ),
    )


MEDIAN_LEAD_TIME = _lead_time(
    "change_lead_time", "Change lead time (median)", MEDIAN, "median", is_effect=True
)
P90_LEAD_TIME = _lead_time(
    "change_lead_time_p90",
    "Change lead time (90th percentile)",
    P90,
    "90th percentile",
    is_effect=False,
)
SEVERE = definition(
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
        resists=resists(
            "A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8", "A9", "A10", "A11", "A19", "A20", "A23"
        ),
        readers="Risk, and who runs the services.",
    ),
)
SURVIVING = definition(
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
        resists=resists("A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8", "A9", "A20", "A23"),
        readers="The team itself, and architecture.",
    ),
)

_SECOND = (
    (
        NDU,
        collect_units,
        "Units of a service that began in the week. Product changes that served a promise and "
        "reached production for the first time within 24 hours of the first of them are one unit. "
        "Not counted: changes that served none, baselines, changes deployed before, reverts, "
        "rollbacks, hotfixes, bots, dependency bumps, documents, settings. A unit whose changes "
        f"were all reverted or rolled back within 21 days is taken out again. {_PROMISED} The "
        "coverage is the share of the service's units that served one. A test of an effect takes "
        "all units, promised or not: an effect that only the logging had would be none.",
        _LOG,
    ),
    (
        NDI,
        collect_index,
        "Units of the registered later window that served a promise, over all units, promised or "
        "not, of the registered baseline in as many weeks, summed over the services that have a "
        "baseline of their own; what came out of such a service counts with it. Beginning to log "
        "deliveries improves nothing; what is left unlogged makes the index too low. Score "
        f"interval; at least 30 units in the baseline and 8 weeks on each side. {_PROMISED}",
        _LOG,
    ),
    (MEDIAN_LEAD_TIME, collect_lead_times, MEDIAN_LEAD_TIME.formula, ()),
    (P90_LEAD_TIME, collect_lead_times, P90_LEAD_TIME.formula, ()),
    (
        SEVERE,
        collect_use_case_units,
        "100 × incidents of high severity or worse opened in the quarter on which people had to "
        "act, over the units of the use case that served a promise. The worst severity ever said "
        "counts; an incident of which severity or action is not said counts, and so does one of "
        f"work that served no promise. {_PROMISED}",
        _LOG,
    ),
    (
        SURVIVING,
        collect_use_case_units,
        "1 − units with a failure / units, over the units that served a promise, began in the "
        "month and are older than 21 days; never below 0. A unit failed when one of its changes "
        "was reverted, rolled back, fixed by another deployment or named as the cause of an "
        "incident within 21 days. What failed and served no promise counts as well, once for each "
        f"moment, so that leaving bad work unlogged hides nothing. {_PROMISED}",
        _LOG,
    ),
)
register(*(second(first, collect, text, *inputs) for first, collect, text, inputs in _SECOND))
