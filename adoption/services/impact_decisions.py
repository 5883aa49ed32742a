"""What is done on a verdict, and what a unit of an outcome is worth."""

from __future__ import annotations

import datetime as dt

from django.db import transaction

from adoption.choices import ImpactDecisionKind, Stage
from adoption.metrics.registry import metrics
from adoption.models import ImpactDecision, ImpactVerdict, UnitValue, UseCase
from adoption.selectors.use_cases import ENDED_STAGES
from adoption.services.impact_plans import windowed_of
from adoption.services.impact_wishes import RegistrationRefusedError
from adoption.services.stages import end_use_case
from portal.models import User


class DecisionRefusedError(RegistrationRefusedError):
    """That cannot be decided on this verdict."""


def decide_on_verdict(
    *, verdict_id: int, kind: str, reason: str, actor: User, at: dt.datetime
) -> ImpactDecision:
    """Scale, change or stop, with the reason; to stop ends the use case in the same moment.

    Raises:
        DecisionRefusedError: no reason is given, or a newer verdict has superseded this one.
    """
    if kind not in ImpactDecisionKind.values:
        raise DecisionRefusedError("Scale, change or stop.", field="kind")
    if not reason.strip():
        raise DecisionRefusedError("Say why: it stays in the decision log.", field="reason")
    with transaction.atomic():
        verdict = (
            ImpactVerdict.objects.select_for_update(of=("self",))
            .select_related("registration__use_case")
            .get(pk=verdict_id)
        )
        if verdict.superseded_at is not None:
            raise DecisionRefusedError("A newer verdict has taken its place; decide on that one.")
        made = ImpactDecision.objects.create(
            verdict=verdict, kind=kind, reason=reason.strip(), decided_by=actor, decided_at=at
        )
        use_case = verdict.registration.use_case
        if kind == ImpactDecisionKind.STOP and use_case.stage not in ENDED_STAGES:
            end_use_case(
                use_case_id=use_case.pk,
                to_stage=Stage.STOPPED,
                expected_version=use_case.version,
                reason=reason.strip(),
                actor=actor,
                at=at,
            )
    return made


def set_unit_value(
    *,
    use_case_id: int,
    metric_key: str,
    amount_nano: int,
    grounds: str,
    owner: User,
    actor: User,
    at: dt.datetime,
) -> UnitValue:
    """Say what one unit of a metric is worth in a use case, in its programme's currency.

    Raises:
        RegistrationRefusedError: no worth, no grounds, or a metric that no effect is tested on.
    """
    if amount_nano <= 0:
        raise RegistrationRefusedError("A unit is worth more than nothing.", field="amount")
    if not grounds.strip():
        raise RegistrationRefusedError(
            "Say on what grounds, so that it can be checked.", field="grounds"
        )
    found = metrics.get(metric_key) if metric_key in metrics else None
    if found is None or windowed_of(found.key, found.version) is None:
        raise RegistrationRefusedError("No effect is tested on that metric.", field="metric_key")
    use_case = UseCase.objects.select_related("programme").get(pk=use_case_id)
    return UnitValue.objects.create(
        use_case=use_case,
        metric_key=metric_key,
        amount_nano=amount_nano,
        currency=use_case.programme.currency,
        grounds=grounds.strip(),
        owner=owner,
        made_by=actor,
        made_at=at,
    )
