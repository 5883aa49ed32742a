"""Anomalies and forecasts as of a moment: what the pages and files said then."""

from __future__ import annotations

import csv
import datetime as dt
import io
import time
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing.choices import AnomalyReason
from billing.models import Anomaly, AnomalyDay
from billing.selectors import past_anomalies, past_costs
from billing.selectors.moments import moment_key
from billing.services.anomalies import acknowledge, detect_anomalies
from billing.services.forecasts import freeze_forecasts
from portal.choices import Role
from portal.models import Connection
from tests.adoption.factories import make_use_case, make_user
from tests.billing.factories import give_all
from tests.billing.watching import charge_line, every_day, make_anomaly
from tests.imports import Clock, make_connection, run_import

pytestmark = pytest.mark.django_db
FIRST = dt.date(2026, 5, 1)
DAY = dt.date(2026, 6, 10)
EARLY = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
LATER = dt.datetime(2026, 11, 30, 9, 30, tzinfo=dt.UTC)
AMOUNTS = ("Cost", "Expected", "Too much")


@pytest.fixture
def reader(client: Client) -> Client:
    client.force_login(make_user(Role.AUDITOR))
    return client


def query(at: dt.datetime | None, **more: str) -> str:
    return f"?{urlencode(more | ({'as_of': moment_key(at)} if at else {}))}"


def page(
    client: Client, address: str, at: dt.datetime | None = None, *, now: dt.datetime = LATER,
    status: int = 200,
) -> Any:  # fmt: skip
    with time_machine.travel(now, tick=False):
        answer = client.get(f"{address}{query(at)}")
    assert answer.status_code == status, answer.content.decode()
    return answer


def exported(
    client: Client, name: str, at: dt.datetime | None = None, *, now: dt.datetime = LATER
) -> list[dict[str, str]]:
    with time_machine.travel(now, tick=False):
        answer: Any = client.get(f"{reverse(name)}{query(at, export='csv')}")
        assert answer.status_code == 200, answer.content.decode()
        body = b"".join(answer.streaming_content).decode()
    return list(csv.DictReader(io.StringIO(body)))


def told_of(answer: Any) -> list[Any]:
    """The figures of a page, and the rows of its table, without their links."""
    table = answer.context["table"].page_of_records.records
    figures = [replace(each, lineage_url="") for each in answer.context["figures"]]
    return [*figures, *(dict(row) | {"as_of": ""} for row in table)]


class Watching:
    """Forty usual days of two use cases, a day of each that was not, and what comes after."""

    def __init__(self) -> None:
        self.clock, self.cloud = (
            Clock(dt.datetime(2026, 6, 11, 6, tzinfo=dt.UTC)),
            make_connection(),
        )
        for tag in ("large", "small"):
            give_all(make_use_case(title=tag), value=tag, starts_on=FIRST, at=EARLY)
        self.until, self.spike = DAY, {"large": "300", "small": "140"}

    def look(self) -> dt.datetime:
        """Import all of it, and judge."""
        rows = [
            charge_line(day, cost, tag)
            for tag in ("large", "small")
            for day, cost in (every_day(FIRST, self.until, "100") | {DAY: self.spike[tag]}).items()
        ]
        run_import(self.cloud, rows, clock=self.clock, at=self.clock.now)
        detect_anomalies(at=self.clock())
        return self.clock()

    def on(self) -> None:
        """The next day comes."""
        self.clock.now += dt.timedelta(days=1)
        self.until += dt.timedelta(days=1)


@pytest.mark.both_engines
def test_what_was_told_of_anomalies_is_told_again(reader: Client) -> None:
    watching, kept = Watching(), []

    def keep(at: dt.datetime) -> None:
        pages = {
            each.pk: told_of(page(reader, reverse("anomaly", args=[each.pk]), now=at))
            for each in Anomaly.objects.order_by("pk")
        }
        figures = page(reader, reverse("anomalies"), now=at).context["figures"]
        kept.append((at, exported(reader, "anomalies", now=at), figures, pages))

    keep(watching.clock())
    keep(watching.look())
    watching.on()
    keep(watching.look())  # judged again, and nothing has changed
    large = Anomaly.objects.get(day__use_case__title="large")
    acknowledge(
        pk=large.pk, reason=AnomalyReason.ONE_OFF, note="A launch.", actor=make_user(Role.FINANCE),
        at=watching.clock(),
    )  # fmt: skip
    keep(watching.clock())
    watching.on()
    keep(watching.look())
    assert [len(rows) for _, rows, _, _ in kept] == [0, 2, 2, 2, 2]
    states = [{each["Use case"]: each["State"] for each in rows} for _, rows, _, _ in kept]
    assert states[2]["large"] != states[3]["large"] == states[4]["large"]
    for at, rows, figures, pages in kept:
        assert exported(reader, "anomalies", at) == rows
        assert page(reader, reverse("anomalies"), at).context["figures"] == figures
        for pk, told in pages.items():
            assert told_of(page(reader, reverse("anomaly", args=[pk]), at)) == told


@pytest.mark.both_engines
def test_of_a_day_that_was_restated_the_amounts_of_before_are_not_told(reader: Client) -> None:
    watching = Watching()
    before = watching.look()
    rows = exported(reader, "anomalies", now=before)
    watching.spike["large"] = "100"  # the source takes it back
    after = watching.look()
    large, small = exported(reader, "anomalies", before)
    if large["Use case"] != "large":
        large, small = small, large
    assert small in rows
    assert [large[name] for name in AMOUNTS] == [""] * 3
    assert large["State"] == next(each["State"] for each in rows if each["Use case"] == "large")
    assert exported(reader, "anomalies", after) == exported(reader, "anomalies", now=after)
    pk = Anomaly.objects.get(day__use_case__title="large").pk
    text = page(reader, reverse("anomaly", args=[pk]), before).content.decode()
    assert "judged again since; what was said then is not kept" in text
    assert "Withdrawn." not in text
    assert "Withdrawn." in page(reader, reverse("anomaly", args=[pk]), after).content.decode()


def test_an_anomaly_found_later_was_not_found_then(
    reader: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    watching = Watching()
    at = watching.look()
    one, before = reverse("anomaly", args=[Anomaly.objects.latest("pk").pk]), at - dt.timedelta(1)
    assert "It was found after 10 Jun 2026" in page(reader, one, before).content.decode()
    assert "No anomaly then" in page(reader, reverse("anomalies"), before).content.decode()
    assert "is no moment" in page_of_text(reader, f"{one}?as_of=soon")
    lines = page(reader, one, at).context["figures"][0].lineage_url
    assert lines.endswith(query(at).removeprefix("?"))
    listed = page(reader, reverse("anomalies"), at).content.decode()
    assert f'href="{one}{query(at)}"' in listed
    monkeypatch.setattr(past_anomalies, "MOST_CHARGES_AS_OF", 1)
    for address in (one, reverse("anomalies")):
        assert "Not worked out as of that moment" in page(reader, address, at).content.decode()
    refused = reader.get(f"{reverse('anomalies')}{query(at, export='csv')}")
    assert (refused.status_code, b"More than 1 charges" in refused.content) == (400, True)


def page_of_text(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 400
    return str(answer.content.decode())


def test_what_was_withdrawn_and_came_back_was_withdrawn_in_between(reader: Client) -> None:
    """By the clock of the audit, which is that of the database."""
    Watching().look()
    anomaly = Anomaly.objects.latest("pk")
    row = Anomaly.objects.filter(pk=anomaly.pk)
    row.update(withdrawn_at=timezone.now())
    time.sleep(0.003)
    between = timezone.now()
    time.sleep(0.003)
    row.update(withdrawn_at=None)
    person = make_user(Role.FINANCE)
    found = past_anomalies.anomalies_recorded_at(person, between).get(pk=anomaly.pk)
    assert past_anomalies.as_it_stood(found, between).withdrawn_at is not None
    later = timezone.now()
    found = past_anomalies.anomalies_recorded_at(person, later).get(pk=anomaly.pk)
    assert past_anomalies.as_it_stood(found, later).withdrawn_at is None


@pytest.mark.both_engines
def test_a_day_that_says_the_same_keeps_the_moment_since_when_it_says_it() -> None:
    watching = Watching()
    watching.look()
    first = dict(AnomalyDay.objects.values_list("pk", "judged_at"))
    watching.on()
    watching.spike["small"] = "150"
    watching.look()
    again = dict(AnomalyDay.objects.values_list("pk", "judged_at"))
    changed = {pk for pk, at in first.items() if again[pk] != at}
    days = AnomalyDay.objects.filter(pk__in=changed)
    assert [(each.use_case.title, each.day) for each in days] == [("small", DAY)]


# --- forecasts ------------------------------------------------------------------------------------

BEGAN = dt.date(2026, 1, 1)


def july(day: int) -> dt.date:
    return dt.date(2026, 7, day)


@pytest.mark.both_engines
def test_what_was_told_of_forecasts_is_told_again(reader: Client) -> None:
    """While the month runs, when it is whole, restated, and when another use case bears it."""
    case, other = make_use_case(title="Drafts"), make_use_case(title="Triage")
    give_all(case, value="drafts", starts_on=BEGAN, at=EARLY)
    clock, cloud, kept = Clock(dt.datetime(2026, 7, 1, 1, tzinfo=dt.UTC)), make_connection(), []

    def keep(until: dt.date, cost: str = "10", tag: str = "drafts") -> None:
        clock.now = max(clock.now, dt.datetime.combine(until, dt.time(23), tzinfo=dt.UTC))
        days = every_day(BEGAN, until) | ({july(3): cost} if until >= july(3) else {})
        rows = [charge_line(day, each, tag) for day, each in days.items()]
        run_import(cloud, rows, clock=clock, at=clock.now)
        freeze_forecasts(at=clock())
        at = clock()
        figures = page(reader, reverse("forecasts"), now=at).context["errors"]
        kept.append((at, exported(reader, "forecasts", now=at), figures))

    keep(dt.date(2026, 6, 29))
    keep(july(1))
    keep(july(20))
    keep(july(31))
    keep(dt.date(2026, 8, 2))
    keep(dt.date(2026, 8, 5), "500")
    give_all(other, value="other", starts_on=BEGAN, at=clock())
    keep(dt.date(2026, 8, 5), "500", "other")
    told = [{each["Month"]: each["Came"] for each in rows} for _, rows, _ in kept]
    assert [each.get("2026-07") for each in told] == [None, "", "", "", "310", "800", ""]
    for at, rows, figures in kept:
        assert exported(reader, "forecasts", at) == rows
        assert page(reader, reverse("forecasts"), at).context["errors"] == figures


def test_a_source_that_was_switched_off_later_was_waited_for(
    reader: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the clock of the audit, which is that of the database."""
    give_all(make_use_case(title="Drafts"), value="drafts", starts_on=BEGAN, at=EARLY)
    clock, cloud = Clock(dt.datetime(2026, 9, 1, 1, tzinfo=dt.UTC)), make_connection()
    run_import(
        cloud, [charge_line(day, "10", "drafts") for day in every_day(BEGAN, dt.date(2026, 8, 31))],
        clock=clock, at=clock.now,
    )  # fmt: skip
    freeze_forecasts(at=clock())
    run_import(
        cloud, [charge_line(day, "10", "drafts") for day in every_day(BEGAN, dt.date(2026, 9, 9))],
        clock=clock, at=clock.now,
    )  # fmt: skip
    before = timezone.now()
    time.sleep(0.003)
    Connection.objects.update(is_active=False)
    time.sleep(0.003)
    after = timezone.now()
    came = [exported(reader, "forecasts", at, now=after)[0]["Came"] for at in (before, after)]
    assert came == ["", "90"]
    monkeypatch.setattr(past_costs, "MOST_CHARGES_AS_OF", 3)
    text = page(reader, reverse("forecasts"), after, now=after).content.decode()
    assert "Not worked out as of that moment" in text
    none = page(reader, reverse("forecasts"), dt.datetime(2026, 8, 1, tzinfo=dt.UTC))
    assert "No forecast then" in none.content.decode()


def test_it_takes_as_many_queries_however_much_there_is(
    reader: Client, django_assert_max_num_queries: Any
) -> None:
    watching, counts = Watching(), []
    watching.clock.now = dt.datetime(2026, 6, 1, 6, tzinfo=dt.UTC)
    watching.until = dt.date(2026, 5, 31)
    watching.look()
    freeze_forecasts(at=watching.clock())
    watching.clock.now = dt.datetime(2026, 6, 11, 6, tzinfo=dt.UTC)
    watching.until = DAY
    at = watching.look()
    for number in range(2):
        one = reverse("anomaly", args=[Anomaly.objects.latest("pk").pk])
        for address in (one, reverse("anomalies"), reverse("forecasts")):
            page(reader, address, at)
            with django_assert_max_num_queries(60) as asked:
                page(reader, address, at)
            counts.append(len(asked))
        for tag in ("third", "fourth", "fifth")[number:]:
            make_anomaly(make_use_case(title=tag).pk)
    assert counts[:3] == counts[3:]
