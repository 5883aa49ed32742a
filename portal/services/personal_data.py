"""The portal's own stores of personal data: the account and what surrounds it."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from axes.models import AccessAttempt
from django.contrib.auth.hashers import make_password
from django.db.models import Q, QuerySet

from portal.models import Notice, SignInEvent, User
from portal.models.users import new_person_key
from portal.personal_data import PersonalStore


def empty_name(person: User) -> str:
    """The sign-in name of an account whose person was erased."""
    return f"erased-{person.pk}"


def _account_fields(person: User) -> int:
    row = User.objects.get(pk=person.pk)
    named = (row.username != empty_name(person), bool(row.full_name), bool(row.email))
    return sum(named) + row.has_usable_password()


def _empty_account(person: User) -> None:
    User.objects.filter(pk=person.pk).update(
        username=empty_name(person),
        full_name="",
        email="",
        password=make_password(None),
        # At an identity provider it holds the subject. Requests keep the key of that time.
        person_key=new_person_key(),
        last_login=None,
    )


def _by_themself(person: User) -> Q:
    return Q(actor_id=person.pk) | Q(actor_id__isnull=True)


def _sign_ins(person: User) -> QuerySet[SignInEvent]:
    named = ~Q(username="") | Q(address__isnull=False)
    named |= _by_themself(person) & ~Q(actor_name="")
    acted = SignInEvent.objects.filter(actor_id=person.pk).exclude(actor_name="")
    return SignInEvent.objects.filter(named, user_id=person.pk) | acted


def _empty_sign_ins(person: User) -> None:
    rows = SignInEvent.objects.filter(user_id=person.pk)
    rows.filter(_by_themself(person)).update(actor_name="")
    # An administrator is named where they acted upon others.
    SignInEvent.objects.filter(actor_id=person.pk).update(actor_name="")
    rows.update(username="", address=None)


def _devices(person: User) -> tuple[QuerySet[Any], ...]:
    """Whatever ties browsers, telephones and a provider to the account."""
    return (
        UserSession.objects.filter(user_id=person.pk),
        Authenticator.objects.filter(user_id=person.pk),
        SocialAccount.objects.filter(user_id=person.pk),
        AccessAttempt.objects.filter(username=person.username.casefold()),
    )


def _forget_devices(person: User) -> None:
    for rows in _devices(person):
        rows.delete()


def _notices(person: User) -> QuerySet[Notice]:
    return Notice.objects.filter(user_id=person.pk)


def _forget_notices(person: User) -> None:
    _notices(person).delete()


STORES = (
    PersonalStore(
        key="portal.notices",
        label="Notices to the person",
        count=lambda person: _notices(person).count(),
        erase=_forget_notices,
    ),
    PersonalStore(
        key="portal.devices",
        label="Sessions, second factors, links to an identity provider, failed attempts",
        count=lambda person: sum(rows.count() for rows in _devices(person)),
        erase=_forget_devices,
    ),
    PersonalStore(
        key="portal.sign_ins",
        label="Names and addresses in the log of sign-ins",
        count=lambda person: _sign_ins(person).count(),
        erase=_empty_sign_ins,
        stays="that and when somebody signed in, and which administrator acted on whom",
    ),
    # After the failed attempts, which are found by the sign-in name.
    PersonalStore(
        key="portal.account",
        label="Name, sign-in name, address and password of the account",
        count=_account_fields,
        erase=_empty_account,
        stays="the number of the account, under which everything done with it stays",
    ),
)
