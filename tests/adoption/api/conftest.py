"""A small registry and people of every kind for tests of adoption's API."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from rest_framework.test import APIClient

from adoption.models import Milestone, UseCase
from portal.choices import Role
from portal.models import User
from tests.adoption.factories import (
    FakeMetric,
    make_milestone,
    make_use_case,
    make_user,
    registered_metric,
)


def client_of(user: User) -> APIClient:
    client = APIClient()
    client.force_login(user)
    return client


@dataclass(frozen=True)
class World:
    """A use case with a milestone, and who is who."""

    use_case: UseCase
    milestone: Milestone
    metric: FakeMetric
    owner: User
    lead: User
    employee: User

    @property
    def path(self) -> str:
        return f"/api/v1/use-cases/{self.use_case.slug}/"

    @property
    def milestones_path(self) -> str:
        return f"{self.path}milestones/"

    @property
    def milestone_path(self) -> str:
        return f"{self.milestones_path}{self.milestone.pk}/"


@pytest.fixture
def world(db: None) -> Iterator[World]:
    with registered_metric() as metric:
        owner = make_user(name="Olga Owner")
        use_case = make_use_case(owner=owner, title="Answer drafts")
        yield World(
            use_case=use_case,
            milestone=make_milestone(use_case),
            metric=metric,
            owner=owner,
            lead=make_user(Role.PROGRAMME_LEAD),
            employee=make_user(),
        )
