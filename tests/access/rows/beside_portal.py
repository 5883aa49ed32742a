"""What a person is told and what is kept of them: nobody's is mixed up with anybody else's."""

from __future__ import annotations

import datetime as dt
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from axes.models import AccessAttempt
from django.db.models import Q
from django.test import Client
from django.urls import reverse

from portal.choices import Cadence, SignInEventKind
from portal.digests import DigestLine, DigestSection
from portal.models import (
    ApprovalRequest,
    AuditName,
    AuditPersonal,
    DigestSetting,
    DigestSlot,
    Notice,
    SignInEvent,
    User,
)
from portal.personal_data import personal_stores
from portal.selectors.erasures import ERASURE_KIND
from portal.selectors.notice_settings import own_digest_setting
from portal.services.digests import Due
from portal.services.sign_in_events import record_sign_in_event
from tests.access.deeds import Answers, Beside, Deed, Told
from tests.access.matrix import NOBODY, Column, Row, only, page
from tests.adoption.factories import NOW

ADMINISTRATOR = only(Column.ADMINISTRATOR)
APPROVER = only(Column.APPROVER)
ASK_FOR_ROLES = only(Column.ADMINISTRATOR, Column.PROGRAMME_LEAD)
SEE_PEOPLE = only(Column.ADMINISTRATOR, Column.AUDITOR)
SEE_ERASURES = SEE_PEOPLE | APPROVER
DAY = dt.timedelta(days=1)
LATER = dt.datetime(2026, 11, 29, 12, tzinfo=dt.UTC)
NEWS = DigestSection(
    key="test.news",
    title="News",
    cadence=Cadence.DAILY,
    order=1,
    audience=lambda _user: True,
    build=lambda _user, _since, _until: [DigestLine("Something is new.")],
)
ROWS: list[Row] = []


def prepare(world: Any) -> None:
    """A notice of each of two people, and the erasure of somebody who has left.

    The request is not stored: lists of approvals are as long as they were.
    """
    erasure = ApprovalRequest(
        kind=ERASURE_KIND, subject=str(world.gone.pk), reason="Asked for it.", author=world.maker
    )
    told = [_notice(person, "test:two").pk for person in (world.maker, world.older)]
    world.add(erasure=erasure, two_notices=told)


def _notice(person: User, key: str) -> Notice:
    return Notice.objects.create(user=person, key=key, title="Told", created_at=NOW)


def kept_of(person: User, store: str) -> int:
    """How much of this kind the page of an erasure counts."""
    return personal_stores.get(store).count(person)


def account_says(person: User, text: str) -> bool:
    """Whether somebody's page of their own account shows a text."""
    from tests.access.asking import drawn  # uses the world, which is made from these modules

    client = Client()
    client.force_login(User.objects.get(pk=person.pk))
    with drawn():
        return text in client.get(reverse("account")).content.decode()


def digest_hour_of(person: User) -> int:
    """When somebody's digests come, as their own page says."""
    return own_digest_setting(person).hour


def _traces(world: Any) -> None:
    """Of everything that an erasure takes away: something of whoever left, and of another."""
    for person in (world.gone, world.older):
        AuditName.objects.create(person_id=person.pk, name=person.full_name, salt="s")
        AuditPersonal.objects.create(person_id=person.pk, value='{"after": {}}', salt="s")
        UserSession.objects.create(
            user=person, session_key=f"trace{person.pk}", ip="192.0.2.9", user_agent="t"
        )
        Authenticator.objects.create(user=person, type=Authenticator.Type.TOTP, data={})
        SocialAccount.objects.create(user=person, provider="oidc", uid=f"trace|{person.pk}")
        AccessAttempt.objects.create(
            username=person.username, ip_address="192.0.2.9", path_info="/", failures_since_start=1
        )
        record_sign_in_event(kind=SignInEventKind.UNLOCKED, user=person, at=LATER)
        record_sign_in_event(
            kind=SignInEventKind.UNLOCKED, user=world.newer, at=LATER, actor=person
        )
        _notice(person, "test:trace")


def _traces_of_another(world: Any) -> list[Any]:
    one = world.older
    at_the_door = SignInEvent.objects.filter(Q(user=one) | Q(actor=one)).order_by("pk")
    return [
        *User.objects.filter(pk=one.pk).values_list("username", "full_name", "email", "person_key"),
        *AuditName.objects.filter(person_id=one.pk).order_by("pk").values_list("pk", "name"),
        *AuditPersonal.objects.filter(person_id=one.pk).order_by("pk").values_list("pk", "value"),
        *at_the_door.values_list("username", "actor_name"),
        *UserSession.objects.filter(user=one).order_by("pk").values_list("pk"),
        *Authenticator.objects.filter(user=one).order_by("pk").values_list("pk"),
        *SocialAccount.objects.filter(user=one).order_by("pk").values_list("pk"),
        *AccessAttempt.objects.filter(username=one.username).order_by("pk").values_list("pk"),
        *Notice.objects.filter(user=one).order_by("pk").values_list("pk"),
    ]


def _approver_left_before(world: Any) -> None:
    """The account to be erased is an older one of whoever approves: of the same address."""
    User.objects.filter(pk=world.gone.pk).update(email=world.approver_account.email.upper())


def _hour_of_another(world: Any) -> None:
    DigestSetting.objects.create(user=world.older, hour=21)


def _another_has_a_provider(world: Any) -> None:
    """And of two without a password here, one signs in there."""
    for person in (world.maker, world.older):
        person = User.objects.get(pk=person.pk)
        person.set_unusable_password()
        person.save()
    SocialAccount.objects.create(user=world.older, provider="oidc", uid="id.example|older")


def _digest_of_another(world: Any) -> None:
    """Of the same day, with an end of its own."""
    DigestSlot.objects.create(
        user=world.older, cadence=Cadence.DAILY, slot_on=NOW.date(), since=NOW - DAY,
        until=NOW - DAY / 2, made_at=NOW,
    )  # fmt: skip


_ERASURE = {"request": "@erasure", "at": LATER}
DEEDS = [
    Deed(
        "portal.services.erasures:apply_erasure",
        APPROVER,
        _ERASURE,
        by=APPROVER,
        before=_traces,
        leaves=_traces_of_another,
        actor="approver",
    ),
    Deed(
        "portal.services.erasures:apply_erasure",
        NOBODY,
        _ERASURE,
        by=APPROVER,
        before=_approver_left_before,
        actor="approver",
    ),
]
_GONE = {"person": "@gone"}
_HERE = "tests.access.rows.beside_portal"
ANSWERS = [
    Answers("portal.selectors.erasures:names_of", _GONE, 1, _traces),
    Answers(
        "portal.selectors.erasures:requests_to_erase_visible_to",
        {"user": "@approver_account", "person": "@gone"},
        0,
    ),
    Answers(f"{_HERE}:kept_of", {"store": "portal.notices", **_GONE}, 1, _traces),
    Answers(f"{_HERE}:kept_of", {"store": "portal.devices", **_GONE}, 4, _traces),
    Answers(f"{_HERE}:kept_of", {"store": "portal.sign_ins", **_GONE}, 2, _traces),
    Answers(
        f"{_HERE}:account_says",
        {"person": "@maker", "text": "none here</dd>"},
        True,
        _another_has_a_provider,
    ),
    Answers(
        f"{_HERE}:account_says",
        {"person": "@older", "text": "none here</dd>"},
        False,
        _another_has_a_provider,
    ),
    Answers(
        "portal.services.notices:mark_read",
        {"notices": "@two_notices", "user": "@maker", "at": LATER},
        1,
    ),
    Answers("portal.services.notices:mark_all_read", {"user": "@maker", "at": LATER}, 1),
    Answers(
        "portal.services.digests:_since",
        {"user": "@maker", "cadence": Cadence.DAILY, "due": Due(NOW.date(), NOW)},
        NOW - DAY,
        _digest_of_another,
    ),
    Answers(f"{_HERE}:digest_hour_of", {"person": "@maker"}, 8, _hour_of_another),
    Answers(f"{_HERE}:digest_hour_of", {"person": "@older"}, 21, _hour_of_another),
    Answers(
        "portal.services.digests:_make",
        {
            "user": "@maker",
            "cadence": Cadence.DAILY,
            "due": Due(NOW.date(), NOW),
            "sections": [NEWS],
            "at": NOW,
        },
        True,
        _digest_of_another,
    ),
]
_ERASURE_PAGE = page("person-erasure", SEE_ERASURES, values={"pk": "gone.pk"})
_WAY_BACK = '<li><a href="/people/">People</a></li>'
TOLD = [
    Told(_ERASURE_PAGE, "Ask for the erasure", ADMINISTRATOR, by=SEE_ERASURES),
    Told(_ERASURE_PAGE, _WAY_BACK, SEE_PEOPLE, by=SEE_ERASURES),
    Told(
        page("role-ask", ASK_FOR_ROLES, values={"pk": "maker.pk"}),
        _WAY_BACK,
        ADMINISTRATOR,
        by=ASK_FOR_ROLES,
    ),
]
BESIDE: list[Beside] = [*DEEDS, *ANSWERS, *TOLD]
