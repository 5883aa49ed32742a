"""The programme lead's week: what was reached, missed or is at risk, and what must be decided."""

from __future__ import annotations

from datetime import datetime

from adoption.approvals import target_address, use_case_address
from adoption.choices import MilestoneEventKind, MilestoneState
from adoption.models import MilestoneEvent, TargetEvent
from adoption.selectors.decisions_due import decisions_due
from adoption.selectors.milestones import milestones_visible_to
from adoption.selectors.promises import forecast_words, risk_words
from adoption.selectors.targets import targets_visible_to
from adoption.selectors.use_cases import ENDED_STAGES
from portal.choices import Role
from portal.digests import DigestLine
from portal.models import User
from portal.policies import holds
from portal.shell.formats import date_text

_TOLD = (MilestoneEventKind.REACHED, MilestoneEventKind.MISSED, MilestoneEventKind.RESTATED)


def leads_programmes(person: User) -> bool:
    """For whom the weekly digest is."""
    return holds(person, Role.PROGRAMME_LEAD)


def happened_lines(user: User, since: datetime, until: datetime) -> list[DigestLine]:
    """Milestones and targets that were reached, missed or restated in the period, oldest first."""
    milestones = MilestoneEvent.objects.filter(
        milestone__in=milestones_visible_to(user), kind__in=_TOLD,
        happened_at__gte=since, happened_at__lt=until,
    ).select_related("use_case")  # fmt: skip
    targets = TargetEvent.objects.filter(
        target__in=targets_visible_to(user), kind__in=_TOLD,
        happened_at__gte=since, happened_at__lt=until,
    ).select_related("target")  # fmt: skip
    lines = [
        (each.happened_at, DigestLine(
            f"{each.get_kind_display()}: {each.title} ({each.use_case.title})",
            use_case_address(each.use_case.slug),
        ))
        for each in milestones
    ] + [
        (each.happened_at, DigestLine(
            f"{each.get_kind_display()}: target “{each.target.title}”",
            target_address(each.target_id),
        ))
        for each in targets
    ]  # fmt: skip
    return [line for _, line in sorted(lines, key=lambda item: item[0])]


def at_risk_lines(user: User, _since: datetime, _until: datetime) -> list[DigestLine]:
    """What is at risk now, by due day, with the forecast."""
    milestones = (
        milestones_visible_to(user)
        .filter(state=MilestoneState.OPEN)
        .exclude(risk="")
        .exclude(use_case__stage__in=ENDED_STAGES)
        .select_related("use_case")
    )
    targets = (
        targets_visible_to(user)
        .filter(state=MilestoneState.OPEN, withdrawn_at__isnull=True)
        .exclude(risk="")
    )
    lines = [
        (each.due_on, DigestLine(
            f"{each.title} ({each.use_case.title}), due {date_text(each.due_on)}. "
            f"{forecast_words(each).text if each.forecast_on else risk_words(each)}",
            use_case_address(each.use_case.slug),
        ))
        for each in milestones
    ] + [
        (each.due_on, DigestLine(
            f"Target “{each.title}”, due {date_text(each.due_on)}. "
            f"{forecast_words(each).text if each.forecast_on else risk_words(each)}",
            target_address(each.pk),
        ))
        for each in targets
    ]  # fmt: skip
    return [line for _, line in sorted(lines, key=lambda item: item[0])]


def decision_lines(user: User, _since: datetime, until: datetime) -> list[DigestLine]:
    """Decisions that are due, by use case."""
    return [
        DigestLine(f"{each.use_case.title}: {each.why}", use_case_address(each.use_case.slug))
        for each in decisions_due(user, now=until)
    ]
