"""What became of releases: the four of DORA's five that are no values.

They are guardrails and context: shown beside the values, and never a target.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from adoption.choices import ScopeKind
from adoption.metrics import releases
from adoption.metrics.catalogue import (
    NEVER_A_TARGET,
    SURVIVAL,
    definition,
    register,
    resists,
)
from adoption.metrics.contracts import Better, Computed, Dimension, Facts, Sample, Windowed
from adoption.metrics.delivery_facts import collect_failures
from adoption.metrics.registry import MetricDefinition
from adoption.metrics.windows import WindowKind

_RELEASE = (
    "A release is one thing brought to production, counted once however many regions it goes to "
    "and however often it is deployed again; it counts when it brought a product change or failed. "
    "The first deployment of a service is its baseline and counts nowhere."
)
_DELIVERED = ("changes", "deployments")


class _Row(NamedTuple):
    """What tells one of them from the others. `can_mature`: later repairs change it for 21 days."""

    key: str
    label: str
    unit: str
    formula: str
    inputs: tuple[str, ...]
    decision: str
    number: int
    calculate: Callable[[Facts], Computed]
    better: Better
    dimension: Dimension
    guardrail: str
    resists: tuple[str, ...]
    readers: str = "The team itself."
    sample: Callable[[Facts], Sample] | None = None
    minimum_n: int = 1
    can_mature: bool = True


_ROWS = (
    _Row(
        "change_fail_rate",
        "Change fail rate",
        "share",
        "Releases that were rolled back, fixed by another deployment or named as the cause of an "
        "incident on which people had to act, over releases.",
        (*_DELIVERED, "incidents"),
        "Whether speed is bought with failures.",
        5,
        releases.calculate_fail_rate,
        Better.LOWER,
        Dimension.PERFORMANCE,
        "change_lead_time",
        ("A1", "A3", "A4", "A6", "A7", "A9", "A24"),
        readers="The team itself, and risk.",
        sample=releases.sample_failures,
        minimum_n=releases.MINIMUM,
    ),
    _Row(
        "deployment_rework_rate",
        "Deployment rework rate",
        "share",
        "Rollbacks and hotfixes over releases, rollbacks among them.",
        (*_DELIVERED, "incidents"),
        "How much of what is deployed repairs what was deployed.",
        6,
        releases.calculate_rework_rate,
        Better.LOWER,
        Dimension.PERFORMANCE,
        "ndu",
        ("A1", "A3", "A4", "A6", "A7", "A9"),
        minimum_n=releases.MINIMUM,
    ),
    _Row(
        "deployment_frequency",
        "Deployment frequency",
        "count",
        "Releases that brought a product change, in a week.",
        _DELIVERED,
        "Context beside the other four of DORA; small batches are good, and a count is no goal.",
        1,
        releases.calculate_frequency,
        Better.CONTEXT,
        Dimension.ACTIVITY,
        "change_fail_rate",
        ("A1", "A3", "A4", "A7", "A9"),
        can_mature=False,
    ),
    _Row(
        "failed_deployment_recovery_time",
        "Failed deployment recovery time",
        "hours",
        "The median of the hours from the end of a failed release's deployment to when it was "
        "mended and the incidents it caused were resolved, the later of the two. What is still "
        "open ranks as the longest.",
        (*_DELIVERED, "incidents"),
        "How long users live with a bad deployment.",
        5,
        releases.calculate_recovery,
        Better.LOWER,
        Dimension.EFFICIENCY,
        "change_fail_rate",
        ("A1", "A3", "A4", "A9"),
    ),
)


def _definition(row: _Row) -> MetricDefinition:
    matures: dict[str, Any] = {"matures_after": SURVIVAL} if row.can_mature else {}
    return definition(
        row.key,
        row.label,
        row.unit,
        f"{row.formula} {_RELEASE}",
        row.inputs,
        row.decision,
        Windowed(
            number=row.number,
            scope=ScopeKind.SERVICE,
            window=WindowKind.FOUR_WEEKS,
            collect=collect_failures,
            calculate=row.calculate,
            sample=row.sample,
            minimum_n=row.minimum_n,
            better=row.better,
            dimension=row.dimension,
            is_value=False,
            guardrails=(row.guardrail,),
            resists=resists(*row.resists),
            readers=row.readers,
            withheld_from=NEVER_A_TARGET,
            **matures,
        ),
    )


register(*map(_definition, _ROWS))
