"""Pages of deliveries: one's own, those of a use case, its changes, panels and reviews."""

from __future__ import annotations

import csv
import datetime as dt
import io
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from adoption.choices import DeliveryState, Stage
from adoption.models import Delivery, Identity, Membership, Programme, Repository, UseCase
from adoption.services.deliveries import log_delivery, review_delivery, withdraw_delivery
from adoption.services.use_cases import link_repository
from portal.choices import Role
from portal.models import User
from tests.adoption.factories import NOW, make_use_case, make_user
from tests.adoption.importing import History, change, commit, day, tag
from tests.standing import Stand

pytestmark = pytest.mark.django_db
DOCUMENT = "https://docs.example.com/plan"


@pytest.fixture(autouse=True)
def _now() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def mira() -> User:
    return make_user(name="Mira Quell")


def make_shop(folder: Path) -> tuple[int, History]:
    """Changes 1 and 2 in production, 3 undone, 4 waiting; 5 without evidence; all linked."""
    use_case = make_use_case(title="Draft replies", owner=make_user(name="Olga Owner"))
    found = History(folder, url="https://git.example.com/shop")
    found.bring(
        [commit(1, 0, on=1, ai=True), commit(2, on=2, ai=True), commit(3, on=3, ai=True),
         commit(4, on=8, ai=True), commit(5, on=9), commit(6, on=10, message='Revert "Change 3"')],
        [tag("1.0", 1, 1), tag("1.1", 3, 5)],
        at=NOW,
    )  # fmt: skip
    link_repository(
        use_case_id=use_case.pk, repository=Repository.objects.get(),
        starts_on=dt.date(2026, 1, 1), ends_on=None, actor=use_case.owner, at=NOW,
    )  # fmt: skip
    return use_case.pk, found


@pytest.fixture(scope="module")
def shop(standing: Stand, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, History]:
    """Made once; what a test does to it is rolled back."""
    return standing(lambda: make_shop(tmp_path_factory.mktemp("shop")), NOW)


@pytest.fixture
def use_case(shop: tuple[int, History]) -> UseCase:
    return UseCase.objects.get(pk=shop[0])


@pytest.fixture
def history(shop: tuple[int, History]) -> History:
    return shop[1]


def page(client: Client, name: str, *args: Any, user: User, query: str = "") -> str:
    client.force_login(user)
    response = client.get(f"{reverse(name, args=args)}{query}")
    assert response.status_code == 200, response.status_code
    body = response.getvalue()
    assert isinstance(body, bytes)
    return body.decode()


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))


def log(use_case: UseCase, actor: User, **what: Any) -> Delivery:
    return log_delivery(use_case=use_case, actor=actor, at=NOW, **what)


# --- my deliveries ---------------------------------------------------------------------------


def test_the_first_visit_says_what_a_delivery_is_and_how_to_log_one(
    client: Client, mira: User
) -> None:
    text = page(client, "my-deliveries", user=mira)
    assert "You have not logged anything yet" in text
    assert reverse("log-delivery") in text
    assert "No name from a source" in text


def test_my_deliveries_show_state_reason_and_only_mine(
    client: Client, history: History, use_case: UseCase, mira: User
) -> None:
    log(use_case, mira, change=change(1))
    log(use_case, make_user(), change=change(2))
    text = page(client, "my-deliveries", user=mira)
    assert "Change 1" in text
    assert "Change 2" not in text
    assert "Held" in text
    assert "In production since 1 Oct 2026, not undone for 14 days." in text


def test_what_is_stored_about_me_names_my_identities(
    client: Client, history: History, mira: User
) -> None:
    Identity.objects.update(user=mira)
    assert "mira@acme.example" in page(client, "my-deliveries", user=mira)
    assert "mira@acme.example" not in page(client, "my-deliveries", user=make_user())


def test_my_deliveries_leave_as_csv_without_the_column_of_buttons(
    client: Client, history: History, use_case: UseCase, mira: User
) -> None:
    log(use_case, mira, change=change(1))
    found = rows(page(client, "my-deliveries", user=mira, query="?export=csv"))
    assert found[0] == ["Delivery", "Use case", "State", "Why it stands there", "Logged on"]
    assert found[1][:3] == ["Change 1", "Draft replies", "Held"]


def test_a_delivery_shows_everything_that_is_stored_to_its_person_only(
    client: Client, history: History, use_case: UseCase, mira: User
) -> None:
    delivery = log(use_case, mira, change=change(1))
    text = page(client, "delivery", delivery.pk, user=mira)
    for expected in ("1.0", "Production", "Co-Authored-By: Claude", "Assisted", change(1).sha[:12]):
        assert expected in text
    for other in (make_user(), use_case.owner, make_user(Role.PROGRAMME_LEAD, Role.ADMINISTRATOR)):
        client.force_login(other)
        assert client.get(reverse("delivery", args=[delivery.pk])).status_code == 404
        assert client.get(reverse("delivery-withdraw", args=[delivery.pk])).status_code == 404
        assert client.post(reverse("delivery-withdraw", args=[delivery.pk])).status_code == 404
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.HELD


def test_a_person_withdraws_and_sees_it_as_rejected(
    client: Client, history: History, use_case: UseCase, mira: User
) -> None:
    delivery = log(use_case, mira, change=change(1))
    client.force_login(mira)
    url = reverse("delivery-withdraw", args=[delivery.pk])
    response = client.post(url, follow=True)
    assert "Withdrawn." in response.content.decode()
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.REJECTED
    assert url not in page(client, "my-deliveries", user=mira)
    again = client.post(url)
    assert "cannot be withdrawn" in again.content.decode()


# --- lists of a use case ---------------------------------------------------------------------


@pytest.mark.both_engines
def test_the_state_filter_is_in_the_address_and_counting_means_held_or_confirmed(
    client: Client, history: History, use_case: UseCase, mira: User
) -> None:
    log(use_case, mira, change=change(1))
    log(use_case, mira, change=change(4))
    plan = log(use_case, mira, link=DOCUMENT, title="Training plan")
    review_delivery(delivery=plan, accept=True, reason="", reviewer=use_case.owner, at=NOW)

    def titles(query: str) -> set[str]:
        text = page(client, "use-case-deliveries", use_case.slug, user=mira, query=query)
        return {name for name in ("Change 1", "Change 4", "Training plan") if name in text}

    assert titles("") == {"Change 1", "Change 4", "Training plan"}
    assert titles("?state=held") == {"Change 1"}
    assert titles("?state=merged") == {"Change 4"}
    assert titles("?state=counting") == {"Change 1", "Training plan"}
    assert titles("?state=nonsense") == set()


@pytest.mark.both_engines
def test_changes_show_evidence_first_deployment_and_what_was_undone(
    client: Client, history: History, use_case: UseCase, mira: User
) -> None:
    log(use_case, mira, change=change(1))
    found = rows(page(client, "use-case-changes", use_case.slug, user=mira, query="?export=csv"))
    by_title = {row[0]: dict(zip(found[0], row, strict=True)) for row in found[1:]}
    assert len(by_title) == 6
    assert by_title["Change 1"]["Evidence"] == "Assisted"
    assert by_title["Change 1"]["Seen"] == "claude-code"
    assert by_title["Change 1"]["First deployed as"] == "1.0"
    assert by_title["Change 1"]["Logged"] == "yes"
    assert by_title["Change 3"]["First deployed as"] == "1.1"
    assert by_title["Change 3"]["Undone on"] == "2026-10-10"
    assert by_title["Change 4"]["First deployed as"] == ""
    assert by_title["Change 5"]["Evidence"] == "Unknown"


@pytest.mark.both_engines
def test_days_are_those_of_the_programme_and_the_time_of_day_is_not_told(
    client: Client, history: History, use_case: UseCase, mira: User
) -> None:
    Programme.objects.filter(pk=use_case.programme_id).update(time_zone="Pacific/Auckland")
    delivery = log(use_case, mira, change=change(1))
    late = dt.datetime(2026, 11, 19, 23, 30, 7, tzinfo=dt.UTC)
    Delivery.objects.filter(pk=delivery.pk).update(claimed_at=late)
    text = page(client, "use-case-deliveries", use_case.slug, user=mira)
    assert "20 Nov 2026" in text
    assert "23:30" not in text
    exported = page(client, "use-case-deliveries", use_case.slug, user=mira, query="?export=csv")
    assert rows(exported)[1][-1] == "2026-11-20"


@pytest.mark.both_engines
@pytest.mark.parametrize(
    ("query", "count"),
    [("strength=unknown", 2), ("strength=any", 4), ("strength=assisted", 4),
     ("strength=autonomous", 0), ("place=production", 3), ("place=waiting", 3),
     ("place=undone", 1), ("q=change+4", 1), ("strength=any&place=waiting", 1)],
)  # fmt: skip
def test_filters_of_changes(
    client: Client, history: History, use_case: UseCase, query: str, count: int
) -> None:
    text = page(
        client, "use-case-changes", use_case.slug, user=make_user(), query=f"?export=csv&{query}"
    )
    assert len(rows(text)) - 1 == count


def test_without_a_repository_the_page_says_who_can_link_one(client: Client) -> None:
    empty = make_use_case()
    assert "No repository is linked" in page(
        client, "use-case-changes", empty.slug, user=make_user()
    )


def test_a_use_case_that_has_ended_offers_no_logging(client: Client, use_case: UseCase) -> None:
    UseCase.objects.filter(pk=use_case.pk).update(stage=Stage.STOPPED)
    text = page(client, "use-case-deliveries", use_case.slug, user=make_user())
    assert "It has ended" in text
    assert f"?use_case={use_case.slug}" not in text


@pytest.mark.parametrize("name", ["use-case-deliveries", "use-case-changes"])
def test_an_unknown_use_case_is_not_found(client: Client, mira: User, name: str) -> None:
    client.force_login(mira)
    assert client.get(reverse(name, args=["no-such"])).status_code == 404


PAGES = ["my-deliveries", "log-delivery", "delivery-reviews"]


@pytest.mark.parametrize("name", [*PAGES, "log-delivery-link", "log-delivery-changes"])
def test_nobody_gets_in_without_signing_in(client: Client, name: str) -> None:
    response = client.get(reverse(name))
    assert response.status_code == 302
    assert response["Location"].startswith("/sign-in/")


# --- panels ----------------------------------------------------------------------------------


def test_the_use_case_page_shows_states_reasons_and_the_share_that_is_unknown(
    client: Client, history: History, use_case: UseCase, mira: User
) -> None:
    log(use_case, mira, change=change(1))
    log(use_case, mira, link=DOCUMENT, title="Training plan")
    text = page(client, "use-case", use_case.slug, user=make_user())
    assert 'id="adoption-deliveries"' in text
    assert "Training plan" in text
    assert "Waits for a reviewer." in text
    assert "4 of 6; the rest is unknown" in text
    assert "2 (33.3" in text
    assert f"{reverse('use-case-deliveries', args=[use_case.slug])}?state=counting" in text
    assert f"{reverse('log-delivery')}?use_case={use_case.slug}" in text


def test_a_use_case_without_anything_says_so_and_shows_no_zero_share(client: Client) -> None:
    text = page(client, "use-case", make_use_case().slug, user=make_user())
    assert "Nothing has been logged yet" in text
    assert "no change of a linked repository has been imported" in text


@pytest.mark.both_engines
def test_home_reminds_of_own_changes_and_of_those_of_ones_teams(
    client: Client, history: History, use_case: UseCase, mira: User
) -> None:
    panel = 'id="adoption-to-log"'
    assert panel not in page(client, "home", user=mira)
    Membership.objects.create(team=use_case.team, user=mira, starts_on=dt.date(2026, 1, 1))
    text = page(client, "home", user=mira)
    assert panel in text
    assert "Change 4" in text
    assert "Yours" not in text
    assert "Change 3" not in text  # undone
    assert "Change 5" not in text  # no evidence
    log(use_case, make_user(), change=change(4))
    assert "Change 4" not in page(client, "home", user=mira)
    other = make_user()
    Identity.objects.update(user=other)
    assert "Yours" in page(client, "home", user=other)


def test_home_shows_at_most_five_and_nothing_old(
    client: Client, history: History, use_case: UseCase, mira: User
) -> None:
    Membership.objects.create(team=use_case.team, user=mira, starts_on=dt.date(2026, 1, 1))
    history.bring([commit(n, on=20, ai=True) for n in range(10, 20)], at=NOW)
    text = page(client, "home", user=mira)
    assert text.count('aria-label="Log ') == 5
    with time_machine.travel(NOW + dt.timedelta(days=60), tick=False):
        assert 'id="adoption-to-log"' not in page(client, "home", user=mira)


def test_somebody_who_left_the_team_is_not_reminded(
    client: Client, history: History, use_case: UseCase, mira: User
) -> None:
    Membership.objects.create(
        team=use_case.team, user=mira, starts_on=dt.date(2026, 1, 1), ends_on=NOW.date()
    )
    assert 'id="adoption-to-log"' not in page(client, "home", user=mira)


# --- cost ------------------------------------------------------------------------------------


def test_a_page_costs_the_same_number_of_queries_whatever_it_lists(
    client: Client, history: History, use_case: UseCase, mira: User
) -> None:
    lead = make_user(Role.PROGRAMME_LEAD)
    Membership.objects.create(team=use_case.team, user=lead, starts_on=dt.date(2026, 1, 1))
    names = ("my-deliveries", "use-case-deliveries", "use-case-changes", "use-case", "home",
             "log-delivery", "delivery-reviews")  # fmt: skip

    def cost(name: str) -> int:
        args = [use_case.slug] if name.startswith("use-case") else []
        page(client, name, *args, user=lead)
        with CaptureQueriesContext(connection) as queries:
            client.get(reverse(name, args=args))
        return len(queries)

    def costs() -> dict[str, int]:
        return {name: cost(name) for name in names}

    log(use_case, lead, change=change(1))
    log(use_case, mira, link=f"{DOCUMENT}/0", title="Plan 0")
    small = costs()
    history.bring([commit(n, on=20, ai=True) for n in range(10, 40)], at=NOW)
    for number in range(10, 18):
        log(use_case, lead, change=change(number))
        log(use_case, mira, link=f"{DOCUMENT}/{number}", title=f"Plan {number}")
    assert costs() == small


@pytest.mark.both_engines
def test_a_withdrawn_delivery_is_neither_among_the_latest_nor_counted(
    client: Client, history: History, use_case: UseCase, mira: User
) -> None:
    log(use_case, mira, change=change(1))
    delivery = log(use_case, mira, link=DOCUMENT, title="Training plan")
    withdraw_delivery(delivery=delivery, actor=mira, at=day(30))
    text = page(client, "use-case", use_case.slug, user=make_user())
    assert "Training plan" not in text
    assert "of 1 logged" in text
