"""That a service came out of another: who may say so, what cannot be, and that it stays."""

from __future__ import annotations

import pytest
from django.db.utils import DatabaseError
from django.test import Client
from django.urls import reverse

from adoption.choices import EnvironmentTier
from adoption.metrics.delivery_rows import roots
from adoption.models import Service, ServiceSplit
from adoption.services.service_splits import BadSplitError, request_split
from portal.choices import Role
from portal.models import ApprovalRequest, User
from tests.adoption.delivering import BEGINS, DAY, NOW, Delivering
from tests.adoption.factories import make_user
from tests.approving import approve

pytestmark = pytest.mark.django_db
WHY = "The search went into a service of its own, see the plan."
ON = (BEGINS + 30 * DAY).date()


def services() -> tuple[Service, Service]:
    """One that delivers since the first day, and one since the thirtieth."""
    shop = Delivering()
    shop.daily(3)
    parent = shop.send()
    part = Delivering("part", shop.connection)
    part.deploy("v1", BEGINS + 30 * DAY)
    return parent, part.send()


def ask(parent: Service, child: Service, lead: User, **other: object) -> ApprovalRequest:
    values = {"split_on": ON, "reason": WHY, "at": NOW} | other
    return request_split(child_id=child.pk, parent_id=parent.pk, actor=lead, **values)  # type: ignore[arg-type]


@pytest.mark.both_engines
def test_two_persons_write_it_down_and_it_stays() -> None:
    lead = make_user(Role.PROGRAMME_LEAD)
    parent, child = services()
    request = ask(parent, child, lead)
    assert not ServiceSplit.objects.exists()
    assert request.content["after"] == {"Came out of": f"{parent.name} ({parent.key})"}
    approve(request)
    split = ServiceSplit.objects.get()
    assert (split.parent, split.child, split.split_on) == (parent, child, ON)
    assert roots([child.pk]) == {child.pk: parent.pk}
    with pytest.raises(BadSplitError, match="known already"):
        ask(parent, child, lead)


@pytest.mark.both_engines
@pytest.mark.parametrize("statement", ["create", "update", "delete"])
def test_the_database_refuses_what_nobody_confirmed(statement: str) -> None:
    lead = make_user(Role.PROGRAMME_LEAD)
    parent, child = services()
    if statement == "create":
        ask(parent, child, lead)  # asked for, and not confirmed
        with pytest.raises(DatabaseError, match="has not confirmed"):
            ServiceSplit.objects.create(parent=parent, child=child, split_on=ON)
        return
    approve(ask(parent, child, lead))
    rows = ServiceSplit.objects.all()
    with pytest.raises(DatabaseError, match="never"):
        rows.update(split_on=ON - DAY) if statement == "update" else rows.delete()


def test_what_cannot_be_is_refused_with_the_field() -> None:
    lead = make_user(Role.PROGRAMME_LEAD)
    parent, child = services()
    for other, field, said in (
        ({"parent_id": child.pk}, "parent", "is this one"),
        ({"parent_id": 0}, "parent", "no such service"),
        ({"split_on": (NOW + DAY).date()}, "split_on", "future"),
        ({"split_on": ON + DAY}, "split_on", "baseline of its own"),
        ({"split_on": (BEGINS - DAY).date()}, "parent", "not in production yet"),
        ({"reason": "It was."}, "reason", "at least 20"),
    ):
        values = {"child_id": child.pk, "parent_id": parent.pk, "split_on": ON, "reason": WHY}
        with pytest.raises(BadSplitError, match=said) as refused:
            request_split(**values | other, actor=lead, at=NOW)  # type: ignore[arg-type]
        assert refused.value.field == field
    with pytest.raises(BadSplitError, match="roles"):
        ask(parent, child, make_user())


@pytest.mark.both_engines
def test_no_ring_even_when_the_second_is_confirmed_later() -> None:
    lead = make_user(Role.PROGRAMME_LEAD)
    parent, child = services()
    for each in (parent, child):  # both since the same day, so that days refuse neither
        each.deployments.filter(tier=EnvironmentTier.PRODUCTION).update(finished_at=BEGINS)
    one = ask(parent, child, lead, split_on=BEGINS.date())
    other = ask(child, parent, lead, split_on=BEGINS.date())
    approve(one)
    with pytest.raises(BadSplitError, match="came out of it"):
        approve(other)
    assert ServiceSplit.objects.count() == 1


def test_the_page_asks_and_says_what_is_wrong() -> None:
    lead = make_user(Role.PROGRAMME_LEAD)
    parent, child = services()
    client = Client()
    client.force_login(lead)
    address = reverse("service-split", args=[child.pk])
    assert "Came out of" in client.get(reverse("service", args=[child.pk])).content.decode()
    page = client.get(address).content.decode()
    assert parent.name in page
    asked = {"parent": parent.pk, "split_on": "2199-01-01", "reason": WHY}
    assert "lies in the future" in client.post(address, asked).content.decode()
    answer = client.post(address, asked | {"split_on": ON.isoformat()})
    assert answer.status_code == 302
    approve(ApprovalRequest.objects.get())
    assert ServiceSplit.objects.get().child == child
    after = client.get(reverse("service", args=[child.pk])).content.decode()
    assert address not in after
    client.force_login(make_user())
    assert client.get(address).status_code == 403
