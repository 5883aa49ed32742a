"""Pages of reviews: who is asked, and what a reviewer says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from adoption.choices import DeliveryState
from adoption.models import UseCase
from portal.choices import Role
from portal.models import User
from tests.adoption.factories import NOW, make_use_case, make_user
from tests.adoption.views.test_deliveries import DOCUMENT, log, page

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def mira() -> User:
    return make_user(name="Mira Quell")


@pytest.fixture
def use_case() -> UseCase:
    return make_use_case(title="Draft replies", owner=make_user(name="Olga Owner"))


def test_reviews_wait_for_the_owner_and_for_leads_never_for_the_person_who_logged(
    client: Client, use_case: UseCase, mira: User
) -> None:
    delivery = log(use_case, mira, link=DOCUMENT, title="Training plan")
    own = log(use_case, use_case.owner, link=f"{DOCUMENT}/2", title="Own plan")
    lead = make_user(Role.PROGRAMME_LEAD)
    seen = {
        person: page(client, "delivery-reviews", user=person)
        for person in (use_case.owner, lead, mira, make_user(), make_user(Role.ADMINISTRATOR))
    }
    shown = [("Training plan" in text, "Own plan" in text) for text in seen.values()]
    assert shown == [(True, False), (True, True), (False, False), (False, False), (False, False)]
    for person in (mira, make_user(), make_user(Role.AUDITOR)):
        client.force_login(person)
        url = reverse("delivery-review", args=[delivery.pk])
        assert client.get(url).status_code == 404
        assert client.post(url, {"decision": "confirm"}).status_code == 404
    client.force_login(use_case.owner)
    assert client.get(reverse("delivery-review", args=[own.pk])).status_code == 404


def test_a_reviewer_confirms(client: Client, use_case: UseCase, mira: User) -> None:
    delivery = log(use_case, mira, link=DOCUMENT, title="Training plan")
    assert "Training plan" in page(client, "home", user=use_case.owner)
    url = reverse("delivery-review", args=[delivery.pk])
    assert "Training plan" in page(client, "delivery-review", delivery.pk, user=use_case.owner)
    response = client.post(url, {"decision": "confirm", "reason": ""})
    assert response.status_code == 302
    delivery.refresh_from_db()
    assert (delivery.state, delivery.reviewed_by) == (DeliveryState.CONFIRMED, use_case.owner)
    assert client.get(url).status_code == 404


def test_rejecting_needs_a_reason_beside_the_field(
    client: Client, use_case: UseCase, mira: User
) -> None:
    delivery = log(use_case, mira, link=DOCUMENT, title="Training plan")
    client.force_login(use_case.owner)
    url = reverse("delivery-review", args=[delivery.pk])
    refused = client.post(url, {"decision": "reject", "reason": " "})
    assert 'id="id_reason_error"><li>Say why it is rejected.' in refused.content.decode()
    client.post(url, {"decision": "reject", "reason": "It is a draft."})
    assert "It is a draft." in page(client, "my-deliveries", user=mira)
