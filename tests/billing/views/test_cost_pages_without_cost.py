"""The pages about cost before anything was imported."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from portal.choices import Role
from tests.adoption.factories import make_user

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "name", ["costs-unallocated", "allocation-rules", "restatements", "cost-definitions"]
)
def test_without_any_cost_every_page_says_what_to_do(name: str) -> None:
    client = Client()
    client.force_login(make_user(Role.FINANCE))
    answer = client.get(reverse(name))
    assert answer.status_code == 200
    assert name == "cost-definitions" or 'class="empty"' in answer.content.decode()
