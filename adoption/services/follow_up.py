"""What adoption brings up to date after an import, and once an hour."""

from __future__ import annotations

from datetime import datetime

from adoption.models import Milestone
from adoption.services.deliveries import advance_deliveries
from adoption.services.milestones import measure_milestones
from adoption.services.suggestions import refresh_suggestions
from adoption.services.target_measuring import measure_targets
from portal.models import ImportRun


def refresh_outcomes(*, at: datetime) -> None:
    """Advance all deliveries, bring suggestions up to date, measure all milestones and targets.

    Repeating it changes nothing.
    """
    advance_deliveries(at=at)
    refresh_suggestions(at=at)
    use_case_ids = set(Milestone.objects.values_list("use_case_id", flat=True))
    measure_milestones(use_case_ids=use_case_ids, at=at)
    measure_targets(at=at)


def after_import(_run: ImportRun, at: datetime) -> None:
    """Follow-up of every applied import: deliveries rest on changes, milestones on costs too."""
    refresh_outcomes(at=at)
