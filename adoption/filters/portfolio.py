"""Filters of the portfolio."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import Q, QuerySet

from adoption.choices import RiskTier, Stage, ValueType
from adoption.inventory_choices import BenefitCheck
from adoption.models import Programme, Team, UseCase
from adoption.selectors.programmes import programmes_visible_to
from adoption.selectors.teams import team_and_below, teams_visible_to
from adoption.selectors.use_cases import ENDED_STAGES
from adoption.tables.portfolio import GROUPS
from portal.shell.filters import SearchFilter, ShellFilterSet

ACTIVE, ENDED = "active", "ended"
STAGE_CHOICES = [
    (ACTIVE, "All that run"),
    (ENDED, "Stopped or retired"),
    *Stage.choices,
]


def _programmes(request: Any) -> QuerySet[Programme]:
    return programmes_visible_to(request.user)


def _teams(request: Any) -> QuerySet[Team]:
    return teams_visible_to(request.user)


class PortfolioFilters(ShellFilterSet):
    """Search, programme, team with all below it, stage, value, risk, record; how to group."""

    q = SearchFilter(fields=("title", "problem", "hypothesis", "team__name"))
    programme = django_filters.ModelChoiceFilter(
        queryset=_programmes, to_field_name="slug", empty_label="Any", label="Programme"
    )
    team = django_filters.ModelChoiceFilter(
        queryset=_teams,
        to_field_name="slug",
        empty_label="Any",
        label="Team",
        method="filter_team",
    )
    stage = django_filters.ChoiceFilter(
        choices=STAGE_CHOICES, empty_label="Any", label="Stage", method="filter_stage"
    )
    value_type = django_filters.ChoiceFilter(
        choices=ValueType.choices, empty_label="Any", label="Value type"
    )
    risk_tier = django_filters.ChoiceFilter(
        choices=RiskTier.choices, empty_label="Any", label="Risk tier"
    )
    benefit = django_filters.ChoiceFilter(
        field_name="profile__benefit_check",
        choices=BenefitCheck.choices,
        empty_label="Any",
        label="Benefit",
    )
    registration = django_filters.ChoiceFilter(
        choices=[("draft", "Draft"), ("finished", "Finished")],
        empty_label="Any",
        label="Registration",
        method="filter_registration",
    )
    group = django_filters.ChoiceFilter(
        choices=[(key, heading) for key, (heading, *_) in GROUPS.items()],
        empty_label="Nothing",
        label="Group by",
        method="keep_all",
    )

    class Meta:
        model = UseCase
        fields = ()

    def filter_team(self, rows: QuerySet[UseCase], _name: str, team: Team) -> QuerySet[UseCase]:
        """Use cases of the team and of all teams below it."""
        return rows.filter(team_id__in=team_and_below(team.pk))

    def filter_stage(self, rows: QuerySet[UseCase], _name: str, stage: str) -> QuerySet[UseCase]:
        """One stage, or all that run, or all that ended."""
        if stage == ACTIVE:
            return rows.exclude(stage__in=ENDED_STAGES)
        if stage == ENDED:
            return rows.filter(stage__in=ENDED_STAGES)
        return rows.filter(stage=stage)

    def filter_registration(
        self, rows: QuerySet[UseCase], _name: str, value: str
    ) -> QuerySet[UseCase]:
        """Registrations that go on, or all others."""
        is_draft = Q(profile__is_draft=True)
        return rows.filter(is_draft) if value == "draft" else rows.exclude(is_draft)

    def keep_all(self, rows: QuerySet[UseCase], _name: str, _value: str) -> QuerySet[UseCase]:
        """Grouping changes the order, never what is shown."""
        return rows
