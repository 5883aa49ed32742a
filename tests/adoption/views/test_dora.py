"""DORA's five of one service, as its page and the selector show them."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from adoption.selectors.dora import FIVE, dora_windows, last_windows
from adoption.services.incident_store import store_incident
from adoption.services.metric_filling import fill_metrics
from adoption.sources.generic.parser import read_incident
from portal.models import User
from tests.adoption.delivering import BEGINS, DAY, HOUR, Delivering
from tests.adoption.factories import make_programme, make_user

pytestmark = [pytest.mark.django_db]
AT = dt.datetime(2026, 4, 20, 12, 0, tzinfo=dt.UTC)


def test_windows_are_whole_and_newest_first() -> None:
    found = last_windows("Europe/Berlin", AT)
    assert [each.starts_on for each in found] == sorted(
        (each.starts_on for each in found), reverse=True
    )
    assert len(found) == 3
    assert all((each.ends_on - each.starts_on).days == 28 for each in found)
    assert found[0].ends_at <= AT < found[0].ends_at + 28 * DAY
    edge = found[0].ends_at
    assert last_windows("Europe/Berlin", edge)[0] == found[0]
    assert last_windows("Europe/Berlin", edge - HOUR)[0] == found[1]


def test_the_page_says_value_n_interval_and_what_is_withheld() -> None:
    shop = Delivering()
    shop.daily(70)
    at = BEGINS + 95 * DAY
    shop.change(900, at)  # one person: nothing is said of that window
    shop.deploy("alone", at, 900)
    service = shop.send()
    incident = {"external_id": "i", "service": service.key, "caused_by_deployment": "v60",
                "opened_at": (BEGINS + 60 * DAY).isoformat(),
                "resolved_at": (BEGINS + 60 * DAY + 5 * HOUR).isoformat()}  # fmt: skip
    store_incident(read_incident(incident), connection=shop.connection)
    make_programme()
    fill_metrics(at=AT, keys=FIVE)
    person = make_user()
    newest, _, oldest = dora_windows(person, service, as_of=AT)
    assert [value.metric.key for value in oldest.values] == list(FIVE)
    by_key = {value.metric.key: value for value in oldest.values}
    assert by_key["change_lead_time"].computed.nano == 24 * 10**9
    assert by_key["change_lead_time"].is_final
    alone = {value.metric.key: value.computed for value in newest.values}
    assert alone["deployment_frequency"].reason == "small_group"
    assert all(value.computed.nano is None for value in newest.values)
    assert all(value.computed.n == 0 for value in newest.values)
    assert not dora_windows(User(is_active=False), service, as_of=AT)
    client = Client()
    client.force_login(person)
    with time_machine.travel(AT, tick=False):
        text = client.get(reverse("service-dora", args=[service.pk])).content.decode()
    for words in ("Change lead time", "n = 28", "is a baseline", "days cut in UTC", "small group"):
        assert words in text
    assert "person-3" not in text
    assert client.get(reverse("service-dora", args=[0])).status_code == 404
    listed = client.get(reverse("service", args=[service.pk])).content.decode()
    assert reverse("service-dora", args=[service.pk]) in listed
