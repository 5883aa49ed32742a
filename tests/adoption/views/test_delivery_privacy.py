"""No page, export, filter or sort of the delivery side reveals, groups or finds a person."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.test import Client

from adoption.choices import AiAssistance
from adoption.filters.changes import ChangeFilters
from adoption.filters.deliveries import DeliveryFilters
from adoption.models import Delivery, Identity, Membership, Repository, UseCase
from adoption.services.deliveries import log_delivery, review_delivery
from adoption.services.use_cases import link_repository
from adoption.tables.changes import ChangeTable
from adoption.tables.deliveries import OwnDeliveryTable, ReviewTable, UseCaseDeliveryTable
from portal.choices import Role
from portal.models import User
from tests.adoption.factories import NOW, make_use_case, make_user
from tests.adoption.importing import History, change, commit, tag
from tests.plugins.sweeping import sampled
from tests.standing import Stand

pytestmark = pytest.mark.django_db
# Of the two who logged, and of the author in the history.
SECRETS = ("Zelda Claimant", "zelda-login", "zelda@people.example", "Yorick Claimant",
           "yorick-login", "Mira Okafor", "mira@acme.example")  # fmt: skip
PERSONAL = ("claimed_by", "claimed_by_id", "reviewed_by", "author", "is_own", "user")


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def person(name: str, login: str) -> User:
    user = make_user(name=name, email=f"{login.split('-')[0]}@people.example")
    user.username = login
    user.save()
    return user


def make_world(folder: Path) -> int:
    """Deliveries in every state, logged by two people; the key of their use case."""
    zelda = person("Zelda Claimant", "zelda-login")
    yorick = person("Yorick Claimant", "yorick-login")
    use_case = make_use_case(title="Draft replies", owner=make_user(name="Olga Owner"))
    history = History(folder)
    commits = [commit(n, *([0] if n == 1 else []), on=n, ai=n != 4) for n in range(1, 7)]
    history.bring(commits, [tag("1.0", 3, 4)], at=NOW)
    link_repository(
        use_case_id=use_case.pk, repository=Repository.objects.get(),
        starts_on=dt.date(2026, 1, 1), ends_on=None, actor=use_case.owner, at=NOW,
    )  # fmt: skip
    Identity.objects.update(user=zelda)
    for number, actor in ((1, zelda), (2, yorick), (3, zelda), (5, yorick)):
        log_delivery(use_case=use_case, actor=actor, at=NOW, change=change(number),
                     assistance=AiAssistance.ASSISTED)  # fmt: skip
    for number, actor in ((1, zelda), (2, yorick), (3, zelda)):
        log_delivery(use_case=use_case, actor=actor, at=NOW, title=f"Plan {number}",
                     link=f"https://docs.example.com/{number}")  # fmt: skip
    plan = Delivery.objects.get(title="Plan 3")
    review_delivery(delivery=plan, accept=True, reason="", reviewer=use_case.owner, at=NOW)
    for member in (zelda, yorick):
        Membership.objects.create(team=use_case.team, user=member, starts_on=dt.date(2026, 1, 1))
    return use_case.pk


@pytest.fixture(scope="module")
def world(standing: Stand, tmp_path_factory: pytest.TempPathFactory) -> int:
    """Made once: the tests look at it."""
    return standing(lambda: make_world(tmp_path_factory.mktemp("shop")), NOW)


@pytest.fixture
def use_case(world: int) -> UseCase:
    return UseCase.objects.get(pk=world)


@pytest.fixture
def zelda(world: int) -> User:
    return User.objects.get(username="zelda-login")


@pytest.fixture
def lead(client: Client, use_case: UseCase) -> User:
    """Somebody with every role, in the same team: still not entitled to know."""
    user = make_user(*Role, name="Lea Lead")
    Membership.objects.create(team=use_case.team, user=user, starts_on=dt.date(2026, 1, 1))
    client.force_login(user)
    return user


def body(client: Client, path: str, **headers: Any) -> str:
    response = client.get(path, **headers)
    assert response.status_code in {200, 400, 404}, (path, response.status_code)
    content = response.getvalue()
    assert isinstance(content, bytes)
    return content.decode()


def addresses(use_case: UseCase) -> list[str]:
    plan = Delivery.objects.get(title="Plan 1")
    base = f"/use-cases/{use_case.slug}"
    return [
        "/", "/portfolio/", "/portfolio/?export=csv", f"{base}/", f"{base}/deliveries/",
        f"{base}/changes/", "/deliveries/", "/deliveries/review/", f"/deliveries/{plan.pk}/",
        f"/deliveries/{plan.pk}/review/", f"/deliveries/log/?use_case={use_case.slug}",
        f"/deliveries/log/changes/?use_case={use_case.slug}",
        f"/deliveries/log/link/?link=https://x.example/commit/{change(1).sha}",
        "/api/v1/deliveries/", f"/api/v1/use-cases/{use_case.slug}/deliveries/",
        f"/metrics/held_deliveries/{use_case.slug}/",
    ]  # fmt: skip


def test_no_page_or_export_names_who_logged_or_wrote_something(
    client: Client, use_case: UseCase, lead: User
) -> None:
    seen = 0
    for path in addresses(use_case):
        for query in ("", "export=csv"):
            text = body(client, f"{path}{'&' if '?' in path else '?'}{query}")
            found = [secret for secret in SECRETS if secret.lower() in text.lower()]
            assert found == [], (path, query, found)
            seen += "Change 1" in text
    assert seen >= 4  # the pages did show the deliveries


def test_the_person_sees_their_own_and_nobody_elses(
    client: Client, use_case: UseCase, zelda: User
) -> None:
    client.force_login(zelda)
    text = body(client, "/deliveries/")
    assert "Plan 1" in text
    assert "Plan 2" not in text
    assert "mira@acme.example" in text  # her own name in Git
    mine = Delivery.objects.filter(claimed_by=zelda).count()
    assert len(body(client, "/deliveries/?export=csv").splitlines()) == mine + 1


@pytest.mark.parametrize("page", ["deliveries", "changes"])
@pytest.mark.parametrize("key", sampled(["{}", "{}__id", "{}__username", "{}__in"], "{}"))
def test_no_parameter_filters_by_a_person(
    client: Client, use_case: UseCase, lead: User, zelda: User, page: str, key: str
) -> None:
    """By the name of a field; a sweep also tries Django's ways to look inside it."""
    path = f"/use-cases/{use_case.slug}/{page}/?export=csv"
    plain = body(client, path)
    assert len(plain.splitlines()) >= 7
    for name in PERSONAL:
        for value in (zelda.pk, zelda.username, "1", "true"):
            asked = f"{key.format(name)}={value}"
            assert body(client, f"{path}&{asked}") == plain, asked


@pytest.mark.parametrize("page", ["deliveries", "changes"])
@pytest.mark.parametrize("direction", sampled(["", "-"], "-"))
def test_no_sort_brings_one_persons_rows_together(
    client: Client, use_case: UseCase, lead: User, page: str, direction: str
) -> None:
    path = f"/use-cases/{use_case.slug}/{page}/?export=csv"
    plain = body(client, path)
    for name in PERSONAL:
        for key in (name, f"{name}__username", f"change__{name}"):
            assert body(client, f"{path}&sort={direction}{key}") == plain, key


@pytest.mark.both_engines
@pytest.mark.parametrize("page", ["deliveries", "changes"])
@pytest.mark.parametrize(
    "word", sampled([*SECRETS, "okafor", "acme.example"], "Zelda Claimant", "okafor")
)
def test_no_search_finds_a_person(
    client: Client, use_case: UseCase, lead: User, page: str, word: str
) -> None:
    text = body(client, f"/use-cases/{use_case.slug}/{page}/?export=csv&q={word}")
    assert len(text.splitlines()) == 1  # the headings alone
    waiting = f"/deliveries/log/changes/?use_case={use_case.slug}&words={word}"
    assert "No change that waits" in body(client, waiting)


def test_declared_columns_and_filters_know_no_person() -> None:
    """What is declared today; the tests above try what somebody might ask for."""
    for table in (ChangeTable, OwnDeliveryTable, ReviewTable, UseCaseDeliveryTable):
        made = table.of([])
        needed = set().union(*(column.needed() | set(column.sort_keys)
                               for _, _, column in made.shown))  # fmt: skip
        assert not {key for key in needed if any(name in key for name in PERSONAL)}, table
    for filters in (ChangeFilters, DeliveryFilters):
        assert not {name for name in filters.base_filters if name in PERSONAL}, filters


def test_a_refusal_does_not_tell_who_was_first(
    client: Client, use_case: UseCase, lead: User
) -> None:
    response = client.post(
        "/deliveries/log/",
        {"use_case": use_case.slug, "change": change(1).pk, "link": "", "assistance": "assisted"},
    )
    text = response.content.decode()
    assert "logged already" in text
    assert not [secret for secret in SECRETS if secret in text]
