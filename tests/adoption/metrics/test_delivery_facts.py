"""From what programs say to the values of the catalogue, through the database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from adoption.metrics.baselines import RegisteredWindows, WindowProvider, window_providers
from adoption.metrics.contracts import Computed, Windowed, canonical
from adoption.metrics.registry import NANO, computed_versions, metrics
from adoption.metrics.windows import Window, WindowKind, window_of
from adoption.models import (
    Deployment,
    Incident,
    Repository,
    RepositoryLink,
    Service,
    ServiceSplit,
    UseCase,
)
from adoption.services.recompute import recompute_repository
from portal.models import Connection
from tests.adoption.delivering import BEGINS, DAY, HOUR, NOW, Delivering
from tests.adoption.factories import make_programme, make_use_case
from tests.adoption.sending import make_connection
from tests.approving import unguarded

pytestmark = [pytest.mark.django_db]
WEEK = Window(dt.date(2026, 3, 9), dt.date(2026, 3, 16), "UTC")
FOUR_WEEKS = window_of(WindowKind.FOUR_WEEKS, dt.date(2026, 3, 9), "UTC")
QUARTER = Window(dt.date(2026, 1, 1), dt.date(2026, 4, 1), "UTC")


def windowed_of(key: str, version: str) -> Windowed:
    """Of that version; the first one takes every delivery."""
    (found,) = [each for each in computed_versions(metrics.get(key)) if each.version == version]
    assert found.windowed is not None
    return found.windowed


def facts_of(
    key: str, pk: int, window: Window, as_of: dt.datetime = NOW, version: str = "1.0.0"
) -> Mapping[str, Any]:
    windowed = windowed_of(key, version)
    facts = windowed.collect([pk], window, as_of)[pk]
    canonical(facts)  # nothing in it that could be written in two ways
    return facts


def value(
    key: str, pk: int, window: Window, as_of: dt.datetime = NOW, version: str = "1.0.0"
) -> Computed:
    return windowed_of(key, version).calculate(facts_of(key, pk, window, as_of, version))


def whole(computed: Computed) -> float:
    assert computed.nano is not None, (computed.reason, computed.missing)
    return computed.nano / NANO


def make_case(*services: Service) -> UseCase:
    case = make_use_case(programme=make_programme(starts_on=dt.date(2026, 1, 1)))
    for service in services:
        RepositoryLink.objects.create(
            use_case=case, repository=service.repository, starts_on=dt.date(2026, 1, 1)
        )
    return case


def test_units_of_a_week_count_what_is_new_once() -> None:
    shop = Delivering()
    shop.daily(70)
    day = BEGINS + 64 * DAY  # a Tuesday of the week
    shop.deploy("v64-us", day + HOUR, 64, environment="prod-us")
    shop.deploy("v64-again", day + 2 * HOUR, 64)
    shop.change(500, day + 3 * HOUR, author={"login": "dependabot[bot]"})
    shop.change(501, day + 3 * HOUR, paths=["docs/a.md"])
    shop.change(502, day + 3 * HOUR)
    shop.deploy("v64b", day + 3 * HOUR, 500, 501, 502)
    shop.deploy("staging", day + 4 * HOUR, 503, environment="staging")
    service = shop.send()
    found = value("ndu", service.pk, WEEK)
    assert whole(found) == 7
    assert (found.n, found.contributors, found.coverage_nano) == (9, 6, NANO)
    facts = facts_of("ndu", service.pk, WEEK)
    assert "person" not in canonical(facts)
    assert "dependabot" not in canonical(facts)
    early = window_of(WindowKind.WEEK, dt.date(2026, 1, 13), "UTC")
    assert value("ndu", service.pk, early).reason == "below_minimum"
    before = window_of(WindowKind.WEEK, dt.date(2025, 12, 8), "UTC")
    windowed = metrics.get("ndu").windowed
    assert windowed is not None
    assert not windowed.collect([service.pk], before, NOW)
    quiet = window_of(WindowKind.WEEK, dt.date(2026, 5, 4), "UTC")
    assert whole(value("ndu", service.pk, quiet)) == 0


def test_what_is_undone_later_leaves_the_value_and_as_of_knows_when() -> None:
    shop = Delivering()
    shop.daily(70)
    at = BEGINS + 64 * DAY
    shop.deploy("back", at + 2 * HOUR, 63, is_rollback=True, rolls_back_to="v63")
    service = shop.send()
    assert whole(value("ndu", service.pk, WEEK, as_of=at + HOUR)) == 2
    assert whole(value("ndu", service.pk, WEEK)) == 6
    rate = facts_of("change_fail_rate", service.pk, FOUR_WEEKS)
    failed = [each for each in rate["deployments"] if each["mended_at"]]
    assert len(failed) == 1
    assert whole(value("failed_deployment_recovery_time", service.pk, FOUR_WEEKS)) == 2


def test_lead_times_are_medians_of_values_and_a_baseline_has_none() -> None:
    shop = Delivering()
    shop.daily(90)
    slow = BEGINS + 60 * DAY + HOUR
    shop.change(900, slow, first_commit_at=(slow - 50 * DAY).isoformat())
    shop.deploy("slow", slow, 900)
    service = shop.send()
    found = value("change_lead_time", service.pk, FOUR_WEEKS)
    assert (whole(found), found.n) == (24, 29)
    assert whole(value("change_lead_time_p90", service.pk, FOUR_WEEKS)) == 24
    frequency = value("deployment_frequency", service.pk, FOUR_WEEKS)
    assert (whole(frequency), frequency.n) == (7.25, 29)
    assert value("change_fail_rate", service.pk, FOUR_WEEKS).reason == "below_minimum"
    first = window_of(WindowKind.FOUR_WEEKS, dt.date(2026, 1, 5), "UTC")
    releases = facts_of("deployment_frequency", service.pk, first)["deployments"]
    assert releases[0]["kind"] == "baseline"
    assert not releases[0]["brings"]


def test_failures_are_what_was_mended_or_is_said_to_have_caused_an_incident() -> None:
    shop = Delivering()
    shop.daily(90)
    for extra in range(3):
        at = BEGINS + (60 + extra) * DAY + 5 * HOUR
        shop.change(700 + extra, at)
        shop.deploy(f"x{extra}", at, 700 + extra)
    opened = BEGINS + 61 * DAY
    shop.incident("i1", opened, caused_by_deployment="v60",
                  resolved_at=(opened + 4 * HOUR).isoformat())  # fmt: skip
    shop.incident("i2", opened, caused_by_change="62")
    shop.incident("i3", opened)  # nobody says what caused it
    shop.incident("i4", opened, caused_by_deployment="v64", human_actioned=False)
    shop.change(800, BEGINS + 66 * DAY + HOUR)
    shop.deploy("fix", BEGINS + 66 * DAY + HOUR, 800, fixes="v66")
    service = shop.send()
    rate = value("change_fail_rate", service.pk, FOUR_WEEKS)
    assert (rate.nano, rate.n) == (round(3 / 32 * NANO), 32)
    assert rate.interval is not None
    assert rate.interval.method == "wilson"
    rework = value("deployment_rework_rate", service.pk, FOUR_WEEKS)
    assert rework.nano == round(1 / 32 * NANO)
    # v60 after 28 hours, v66 after one, v62 still open and therefore the longest.
    assert whole(value("failed_deployment_recovery_time", service.pk, FOUR_WEEKS)) == 28
    assert Incident.objects.count() == 4


def test_a_label_makes_a_hotfix_and_the_release_before_it_a_failure() -> None:
    own = make_connection("generic", "own", hotfix_labels="Hotfix; incident-fix")
    shop = Delivering(connection=own)
    shop.daily(90)
    fixed, mixed = BEGINS + 66 * DAY + HOUR, BEGINS + 70 * DAY + HOUR
    shop.change(800, fixed, labels=["hotfix", "ui"])
    shop.deploy("fix", fixed, 800)
    shop.change(801, mixed, labels=["incident-fix"])
    shop.change(802, mixed, labels=["prefix: hotfix"])
    shop.deploy("train", mixed, 801, 802)
    service = shop.send()
    rate = value("change_fail_rate", service.pk, FOUR_WEEKS)
    assert (rate.nano, rate.n) == (round(1 / 30 * NANO), 30)
    assert value("deployment_rework_rate", service.pk, FOUR_WEEKS).nano == round(1 / 30 * NANO)
    assert whole(value("failed_deployment_recovery_time", service.pk, FOUR_WEEKS)) == 1
    # Without the label it is a release like any other; what was placed is placed again.
    Connection.objects.filter(pk=own.pk).update(config=own.config | {"hotfix_labels": ""})
    recompute_repository(repository_id=service.repository_id)
    assert whole(value("change_fail_rate", service.pk, FOUR_WEEKS)) == 0
    assert whole(value("deployment_rework_rate", service.pk, FOUR_WEEKS)) == 0


def test_labels_count_at_the_host_of_the_connection_and_nowhere_else() -> None:
    make_connection("github", "hub", hotfix_labels="hotfix")
    shop = Delivering()  # at git.example, deployed by a connection without such labels
    shop.daily(10)
    shop.change(800, BEGINS + 5 * DAY + HOUR, labels=["hotfix"])
    shop.deploy("fix", BEGINS + 5 * DAY + HOUR, 800)
    service = shop.send()
    assert not Deployment.objects.exclude(remediation="").exists()
    Repository.objects.update(key="github.com/acme/shop")
    recompute_repository(repository_id=service.repository_id)
    assert Deployment.objects.exclude(remediation="").get().version == "v5"


def test_a_use_case_has_survival_and_severe_incidents() -> None:
    shop = Delivering()
    shop.daily(80)
    opened = BEGINS + 40 * DAY
    shop.incident("a", opened, caused_by_deployment="v40")
    shop.incident("b", opened + DAY, severity="low", downgraded_from="critical")
    shop.incident("c", opened + DAY, severity="low")
    shop.incident("d", opened + DAY, human_actioned=False)
    case = make_case(shop.send())
    month = Window(dt.date(2026, 2, 1), dt.date(2026, 3, 4), "UTC")
    survival = value("survival_21_days", case.pk, month)
    assert (survival.nano, survival.n) == (round(30 / 31 * NANO), 31)
    young = value("survival_21_days", case.pk, month, as_of=BEGINS + 55 * DAY)
    assert (young.reason, young.n) == ("below_minimum", 7)
    assert 0 < (young.coverage_nano or 0) < NANO
    severe = value("severe_incidents_per_100_ndu", case.pk, QUARTER)
    assert (severe.nano, severe.n) == (round(100 * 2 / 80 * NANO), 80)
    later = Window(dt.date(2026, 4, 1), dt.date(2026, 7, 1), "UTC")
    silent = value("severe_incidents_per_100_ndu", case.pk, later)
    assert (silent.reason, silent.nano) == ("not_evaluable", None)  # quiet or dead: nobody knows
    unlinked = make_use_case()
    windowed = metrics.get("survival_21_days").windowed
    assert windowed is not None
    assert unlinked.pk not in windowed.collect([unlinked.pk], month, NOW)


def registered(*windows: RegisteredWindows, case: UseCase) -> WindowProvider:
    def provide(
        ids: Sequence[int], as_of: dt.datetime
    ) -> Mapping[int, Sequence[RegisteredWindows]]:
        return {case.pk: windows} if case.pk in ids else {}

    return WindowProvider("test", provide)


def test_the_index_needs_a_registration_and_a_split_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = Delivering()
    own.daily(77)
    own.daily(80, start=90)
    service = own.send()
    case = make_case(service)
    quarter = window_of(WindowKind.QUARTER, dt.date(2026, 6, 1), "UTC")
    assert value("ndi", case.pk, quarter).reason == "not_evaluable"
    windows = RegisteredWindows(
        "r-1",
        "0" * 64,
        Window(dt.date(2026, 1, 12), dt.date(2026, 3, 23), "UTC"),
        Window(dt.date(2026, 4, 6), dt.date(2026, 6, 15), "UTC"),
    )
    monkeypatch.setitem(window_providers._items, "test", registered(windows, case=case))
    found = value("ndi", case.pk, quarter)
    assert (whole(found), found.n) == (1, 70)
    assert found.interval is not None
    assert (found.interval.low_nano or 0) < NANO < (found.interval.high_nano or 0)
    assert value("ndi", case.pk, QUARTER).reason == "not_evaluable"
    # Every second later deployment moves to a service that came out of the first.
    part = Service.objects.create(key="part", name="Part", repository=service.repository)
    moved = [
        each.pk
        for each in service.deployments.filter(finished_at__gte=windows.after.starts_at)
        if each.pk % 2
    ]
    service.deployments.filter(pk__in=moved).update(service=part)
    halved = whole(value("ndi", case.pk, quarter))
    assert 0.4 < halved < 0.6
    with unguarded("adoption.ServiceSplit"):
        ServiceSplit.objects.create(parent=service, child=part, split_on=dt.date(2026, 4, 6))
    assert value("ndi", case.pk, quarter) == found


COLLECTORS: list[tuple[str, Window]] = [
    ("ndu", WEEK),
    ("change_lead_time", FOUR_WEEKS),
    ("change_fail_rate", FOUR_WEEKS),
    ("survival_21_days", QUARTER),
    ("ndi", QUARTER),
    ("use_case_reach", QUARTER),
]


def test_the_number_of_queries_does_not_grow() -> None:
    first = Delivering()
    first.daily(20)
    one = first.send()
    others = []
    for name in ("search", "mail"):
        other = Delivering(name, first.connection)
        other.daily(12)
        others.append(other.send())
    cases = [make_case(one), make_case(*others)]
    scopes = {
        "service": [one.pk, *(each.pk for each in others)],
        "use_case": [each.pk for each in cases],
        "programme": [each.programme_id for each in cases],
    }

    def queries(collect: Callable[..., Any], ids: Sequence[int], window: Window) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert collect(ids, window, NOW)
        return len(captured)

    for key, window in COLLECTORS:
        windowed = metrics.get(key).windowed
        assert windowed is not None
        ids = scopes[windowed.scope]
        few, many = (queries(windowed.collect, some, window) for some in (ids[:1], ids))
        assert few == many, key


def test_what_an_installation_lacks_is_said() -> None:
    for key, word in (("review_wait", "reviews"), ("team_sentiment", "survey")):
        found = value(key, 1, QUARTER)
        assert (found.nano, found.reason) == (None, "not_evaluable")
        assert word in found.missing
