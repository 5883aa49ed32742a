"""Letting in who a provider vouches for: at once, twice, and as one human being."""

from __future__ import annotations

import datetime as dt
import threading
from dataclasses import replace

import pytest
from django.db import connection

from portal.models import RoleGrant, User
from portal.services.sign_in import ProviderIdentity, admit_person

pytestmark = pytest.mark.both_engines
NOW = dt.datetime(2026, 11, 20, 9, 0, tzinfo=dt.UTC)
INES = ProviderIdentity(
    provider="oidc",
    issuer="https://login.example.com",
    subject="subject-1",
    username="ines",
    full_name="Ines Okafor",
    email="ines@acme.example",
    groups=frozenset(),
)


def admit(identity: ProviderIdentity = INES, *roles: str) -> User:
    account = admit_person(identity=identity, roles=frozenset(roles), at=NOW, address=None)
    return account.user


@pytest.mark.django_db(transaction=True)
def test_two_first_sign_ins_at_once_make_one_account() -> None:
    barrier = threading.Barrier(4)
    failures: list[BaseException] = []

    def enter() -> None:
        try:
            barrier.wait(5)
            admit(INES, "finance")
        except BaseException as error:  # noqa: BLE001  # reported by the test itself
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not failures
    assert User.objects.count() == 1
    assert RoleGrant.objects.count() == 1


@pytest.mark.django_db
def test_the_same_subject_of_another_issuer_is_another_account() -> None:
    first = admit()
    second = admit(replace(INES, issuer="https://evil.example", email=""))
    assert first.pk != second.pk
    assert first.person_key != second.person_key


@pytest.mark.django_db
def test_two_accounts_of_one_address_are_one_person_from_the_next_sign_in_on() -> None:
    first = admit()
    second = admit(replace(INES, subject="subject-2", username="ines2", email="i.o@acme.example"))
    assert first.person_key != second.person_key
    admit(replace(INES, subject="subject-2", email="INES@acme.example"))
    keys = set(User.objects.values_list("person_key", flat=True))
    assert keys == {first.person_key}


@pytest.mark.django_db
def test_a_subject_as_long_as_it_likes_fits_and_stays_the_same() -> None:
    endless = replace(INES, subject="s" * 5000)
    assert admit(endless).pk == admit(endless).pk
    assert admit(replace(INES, subject="s" * 5001, username="x", email="")).pk != admit(endless).pk


@pytest.mark.django_db
@pytest.mark.parametrize("username", ["", "  ", "<script>", "ines okafor", "x" * 400, "ﬁ"])
def test_any_name_that_a_provider_gives_becomes_a_usable_one(username: str) -> None:
    user = admit(replace(INES, username=username))
    user.full_clean(exclude=["password"])
    assert 0 < len(user.username) <= 150
    assert "<" not in user.username
