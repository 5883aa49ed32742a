"""The monitor of gaming: what raises a finding, what does not, and who answers it."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse

from adoption.metrics.telltales import (
    Share,
    density_below_limits,
    downgrade_rate,
    has_shifted,
    small_change_drift,
    trailer_shift,
)
from adoption.models import GamingFinding, RepositoryLink
from adoption.services.findings import acknowledge_finding, last_whole_window, look_for_gaming
from adoption.services.refusals import RefusedError
from portal.choices import Role
from tests.adoption.delivering import BEGINS, DAY, HOUR, Delivering
from tests.adoption.factories import make_team, make_use_case, make_user

pytestmark = [pytest.mark.django_db]
AT = dt.datetime(2026, 4, 27, 6, 0, tzinfo=dt.UTC)
NOW_STARTS = last_whole_window(AT).starts_at


def test_a_shift_needs_size_and_more_than_chance() -> None:
    assert has_shifted(Share(10, 100), Share(60, 100), 20)
    assert not has_shifted(Share(10, 100), Share(25, 100), 20)  # too small a shift
    assert not has_shifted(Share(2, 20), Share(8, 20), 20)  # intervals touch
    assert not has_shifted(Share(0, 19), Share(19, 19), 20)  # too few


def test_small_changes() -> None:
    assert small_change_drift([80] * 80 + [5] * 20, [80] * 10 + [5] * 30)
    assert small_change_drift([5] * 80, [80] * 80) is None  # growing changes are no telltale
    assert small_change_drift([80] * 80 + [5] * 20, [80] * 32 + [5] * 8) is None


def test_a_pile_just_below_a_limit() -> None:
    found = density_below_limits([399] * 25 + [50, 410, 420])
    assert found is not None
    assert found.facts == {"limit": 400, "below": 25, "above": 2}
    assert density_below_limits(list(range(360, 440))) is None
    assert density_below_limits([399] * 19) is None


def test_trailers_either_way_and_downgrades() -> None:
    assert trailer_shift(Share(10, 100), Share(90, 100))
    assert trailer_shift(Share(90, 100), Share(10, 100))
    assert trailer_shift(Share(40, 100), Share(60, 100)) is None
    assert downgrade_rate(4, 10)
    assert downgrade_rate(3, 10) is None
    assert downgrade_rate(9, 9) is None


def ship(shop: Delivering, first: dt.datetime, count: int, lines: int, start: int) -> None:
    for number in range(start, start + count):
        at = first + (number - start) * 12 * HOUR
        shop.change(number, at, additions=lines, deletions=0)
        shop.deploy(f"v{number}", at, number)


def test_findings_are_of_services_once_and_of_groups_only() -> None:
    shop = Delivering()
    shop.deploy("baseline", BEGINS)
    ship(shop, NOW_STARTS - 60 * DAY, 100, 80, 1)
    ship(shop, NOW_STARTS + HOUR, 40, 3, 200)
    for number in range(12):
        at = NOW_STARTS + number * DAY
        shop.incident(f"i{number}", at)
        shop.incident(f"i{number}", at, severity="low", observed_at=(at + HOUR).isoformat())
    alone = Delivering("alone", shop.connection)
    alone.deploy("baseline", BEGINS)
    ship(alone, NOW_STARTS - 60 * DAY, 100, 80, 1)
    ship(alone, NOW_STARTS + HOUR, 40, 3, 200)
    for item in alone.items["changes"]:
        item["author"] = {"login": "one-person"}
    service = shop.send()
    alone.send()
    assert look_for_gaming(at=AT) == 2
    assert look_for_gaming(at=AT + HOUR) == 0
    found = {each.telltale: each for each in GamingFinding.objects.all()}
    assert set(found) == {"small_changes", "downgrades"}
    assert {each.scope_id for each in found.values()} == {service.pk}
    assert found["small_changes"].facts["part_now"] == 40
    assert "person" not in str([each.said for each in found.values()])


def test_what_is_spread_over_services_is_seen_in_the_team() -> None:
    """Each service has too few changes to tell; the team whose work they are has not."""
    first = Delivering()
    services = []
    for name in ("shop", "search", "mail"):
        one = Delivering(name, first.connection)
        one.deploy("baseline", BEGINS)
        ship(one, NOW_STARTS - 60 * DAY, 12, 80, 1)
        ship(one, NOW_STARTS + HOUR, 12, 3, 200)
        for number in range(4):
            at = NOW_STARTS + number * DAY
            one.incident(f"i{number}", at)
            one.incident(f"i{number}", at, severity="low", observed_at=(at + HOUR).isoformat())
        services.append(one.send())
    assert look_for_gaming(at=AT) == 0
    team = make_team("Sales")
    for service in services:
        RepositoryLink.objects.create(
            use_case=make_use_case(team=team),
            repository=service.repository,
            starts_on=BEGINS.date(),
        )
    other = make_use_case(team=make_team("Former"))
    RepositoryLink.objects.create(
        use_case=other, repository=services[0].repository, starts_on=BEGINS.date() - DAY,
        ends_on=BEGINS.date(),
    )  # fmt: skip
    assert look_for_gaming(at=AT) == 2
    found = {each.telltale: each for each in GamingFinding.objects.all()}
    assert set(found) == {"small_changes", "downgrades"}
    assert {(each.scope_kind, each.scope_id) for each in found.values()} == {("team", team.pk)}
    assert found["small_changes"].facts == {
        "part_before": 0, "whole_before": 36, "part_now": 36, "whole_now": 36,
    }  # fmt: skip
    assert found["downgrades"].facts == {"lowered": 12, "incidents": 12}


def test_answering_needs_a_reason_and_happens_once() -> None:
    lead, person = make_user(Role.PROGRAMME_LEAD), make_user()
    finding = GamingFinding.objects.create(
        telltale="downgrades", scope_kind="service", scope_id=1, scope_name="Shop",
        window_starts_on=AT.date(), window_ends_on=AT.date(), said="4 of 10 were lowered.",
        facts={"lowered": 4, "incidents": 10}, found_at=AT,
    )  # fmt: skip
    with pytest.raises(RefusedError, match="behind it"):
        acknowledge_finding(finding_id=finding.pk, reason=" ", actor=lead, at=AT)
    client = Client()
    client.force_login(person)
    assert client.get(reverse("finding-list")).status_code == 403
    client.force_login(lead)
    page = client.get(reverse("finding-list")).content.decode()
    assert "Severities lowered afterwards" in page
    assert "nobody said yet" in page
    address = reverse("finding-acknowledge", args=[finding.pk])
    assert client.post(address, {"reason": "The scale was changed."}).status_code == 302
    finding.refresh_from_db()
    assert (finding.reason, finding.acknowledged_by) == ("The scale was changed.", lead)
    with pytest.raises(RefusedError, match="already"):
        acknowledge_finding(finding_id=finding.pk, reason="Other.", actor=lead, at=AT)
    filtered = client.get(reverse("finding-list"), {"state": "open"}).content.decode()
    assert "4 of 10 were lowered" not in filtered
