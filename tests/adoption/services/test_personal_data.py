"""Erasing a person: approved by a second one, everything that names them goes, the audit holds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from axes.models import AccessAttempt
from django.apps import apps
from django.db import connection
from django.test import Client
from django.utils import timezone

from adoption.models import Delivery, Identity
from adoption.services.deliveries import log_delivery
from adoption.services.identities import link_identity
from portal.approvals.errors import ApprovalRefusedError, SamePersonError
from portal.approvals.registry import SubjectGoneError
from portal.audit.context import Channel, acting
from portal.choices import ApprovalOutcome, ApprovalStatus, Role, SignInEventKind
from portal.models import ApprovalRequest, AuditEvent, Notice, SignInEvent, User
from portal.personal_data import personal_stores
from portal.selectors.erasures import erasure_of
from portal.services.approvals import decide
from portal.services.audit import seal_audit, verify
from portal.services.erasures import request_erasure
from portal.services.people import deactivate_person
from portal.services.sign_in_events import record_sign_in_event
from tests.adoption.factories import make_use_case, make_user

pytestmark = pytest.mark.django_db
NAME, LOGIN, MAIL, KEY, PLACE = (
    "Canary Quince",
    "canary-login-4711",
    "canary-4712@acme.example",
    "https://id.example|canary-4713",
    "203.0.113.214",
)
CANARIES = (NAME, LOGIN, MAIL, KEY, PLACE, "canary-git", "canary-device")


@pytest.fixture(autouse=True)
def _heads(settings: Any, tmp_path: Path) -> None:
    settings.AUDIT_HEADS_DIR = tmp_path


@pytest.fixture
def admin() -> User:
    return make_user(Role.ADMINISTRATOR, name="Ada")


@pytest.fixture
def approver() -> User:
    return make_user(Role.APPROVER, name="Kwame")


@pytest.fixture
def leaver(admin: User) -> User:
    """Somebody who left traces everywhere, and is gone."""
    now = timezone.now()
    with acting(channel=Channel.SYSTEM):
        person = User.objects.create_user(
            LOGIN, password="a long pass phrase", full_name=NAME, email=MAIL, person_key=KEY
        )
        SocialAccount.objects.create(user=person, provider="oidc", uid=KEY)
    UserSession.objects.create(
        user=person, ip=PLACE, session_key="c" * 32, user_agent="canary-device"
    )
    AccessAttempt.objects.create(
        username=LOGIN, ip_address=PLACE, user_agent="canary-device", failures_since_start=1
    )
    with acting(channel=Channel.PAGE, user_id=person.pk, name=NAME):
        record_sign_in_event(
            kind=SignInEventKind.SIGNED_IN, user=person, at=now, address=PLACE, actor=person
        )
        git = Identity.objects.create(
            kind="git_email", value="canary-git@acme.example", display_name=NAME
        )
        log_delivery(
            use_case=make_use_case(),
            actor=person,
            at=now,
            link="https://wiki.example/page",
            title="A page",
        )
    link_identity(identity=git, user=person, actor=admin, at=now)
    Notice.objects.create(user=person, key="test:1", title=f"Hello {NAME}", created_at=now)
    with acting(channel=Channel.PAGE, user_id=admin.pk, name="Ada"):
        deactivate_person(user=person, reason="left", at=now, actor=admin)
    person.refresh_from_db()
    return person


def texts() -> Iterator[tuple[str, str]]:
    """Every row of every table, as text."""
    with connection.cursor() as cursor:
        for model in apps.get_models(include_auto_created=True):
            cursor.execute(f'SELECT * FROM "{model._meta.db_table}"')  # noqa: S608  (our own)
            for row in cursor.fetchall():
                yield model._meta.label, str(row)


def named_in() -> set[str]:
    """Tables in which something of the person stands."""
    return {table for table, text in texts() if any(canary in text for canary in CANARIES)}


def ask(person: User, admin: User) -> ApprovalRequest:
    with acting(channel=Channel.PAGE, user_id=admin.pk, name="Ada"):
        return request_erasure(person=person, reason="asked for it", actor=admin, at=timezone.now())


def approve(asked: ApprovalRequest, approver: User) -> None:
    with acting(channel=Channel.PAGE, user_id=approver.pk, name="Kwame"):
        decide(
            request_id=asked.pk,
            approver=approver,
            outcome=ApprovalOutcome.APPROVE,
            seen_hash=asked.content_hash,
            reason="",
            at=timezone.now(),
        )


@pytest.mark.both_engines
def test_an_erased_person_stands_in_no_table_and_the_audit_holds(
    leaver: User, admin: User, approver: User, django_capture_on_commit_callbacks: Any
) -> None:
    at = timezone.now()
    with django_capture_on_commit_callbacks(execute=True):  # the head is written outside
        seal_audit(at=at)
    assert {"portal.AuditPersonal", "portal.User", "adoption.Identity"} <= named_in()
    asked = ask(leaver, admin)
    assert not any(canary in str(asked.content) + asked.title for canary in CANARIES)
    events = AuditEvent.objects.filter(actor_id=leaver.pk).count()
    approve(asked, approver)
    assert named_in() == set()
    assert not any(each.count for each in erasure_of(leaver))
    # What they did is theirs still, without a name.
    leaver.refresh_from_db()
    assert Delivery.objects.filter(claimed_by=leaver).count() == 1
    assert leaver.identities.count() == 1
    assert SignInEvent.objects.filter(user=leaver).exists()
    assert AuditEvent.objects.filter(actor_id=leaver.pk).count() == events
    assert leaver.get_full_name() == f"erased-{leaver.pk}"
    assert verify().is_whole
    with django_capture_on_commit_callbacks(execute=True):
        seal_audit(at=at + dt.timedelta(minutes=1))
    assert verify().is_whole
    erasing = AuditEvent.objects.get(operation="erased")
    assert (erasing.reason, erasing.actor_id) == ("asked for it", approver.pk)


@pytest.mark.both_engines
def test_an_erased_administrator_is_not_named_where_they_acted_upon_others(
    leaver: User, admin: User, approver: User
) -> None:
    other = make_user(name="Other")
    with acting(channel=Channel.PAGE, user_id=leaver.pk, name=NAME):
        unlocked = record_sign_in_event(
            kind=SignInEventKind.UNLOCKED, user=other, at=timezone.now()
        )
    assert unlocked.actor_name == NAME
    approve(ask(leaver, admin), approver)
    unlocked.refresh_from_db()
    kept = (unlocked.actor_id, unlocked.actor_name, unlocked.username)
    assert kept == (leaver.pk, "", other.username)
    assert named_in() == set()
    assert not any(each.count for each in erasure_of(leaver))
    assert verify().is_whole
    assert ", by (erased)" in client_of(admin).get(f"/people/{other.pk}/").content.decode()


@pytest.mark.both_engines
@pytest.mark.parametrize("key", [store.key for store in personal_stores])
def test_a_store_that_were_left_out_would_be_seen(
    leaver: User, admin: User, approver: User, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = {each: store for each, store in personal_stores._items.items() if each != key}
    left_out = personal_stores.get(key)
    assert left_out.count(leaver)
    monkeypatch.setattr(personal_stores, "_items", kept)
    approve(ask(leaver, admin), approver)
    assert named_in()
    assert left_out.count(leaver)


def test_it_is_asked_for_a_leaver_by_an_administrator_with_a_reason(
    leaver: User, admin: User, approver: User
) -> None:
    now = timezone.now()
    with pytest.raises(ApprovalRefusedError, match="Say why"):
        request_erasure(person=leaver, reason=" ", actor=admin, at=now)
    with pytest.raises(ApprovalRefusedError, match="do not include"):
        request_erasure(person=leaver, reason="x", actor=approver, at=now)
    with pytest.raises(ApprovalRefusedError, match="themself"):
        request_erasure(person=admin, reason="x", actor=admin, at=now)
    with pytest.raises(SubjectGoneError, match="Deactivate it first"):
        request_erasure(person=approver, reason="x", actor=admin, at=now)
    assert not ApprovalRequest.objects.exists()


def test_nobody_decides_alone_or_about_themself(leaver: User, admin: User) -> None:
    asked = ask(leaver, admin)
    admin.role_grants.create(role=Role.APPROVER, granted_at=timezone.now())
    with pytest.raises(SamePersonError):
        approve(asked, admin)
    second = make_user(Role.APPROVER, name="Second")
    User.objects.filter(pk=second.pk).update(person_key=KEY)
    second.refresh_from_db()
    with pytest.raises(SamePersonError):
        approve(asked, second)
    leaver.refresh_from_db()
    assert leaver.full_name == NAME


@pytest.mark.both_engines
def test_a_person_who_came_back_or_left_more_traces_is_asked_about_anew(
    leaver: User, admin: User, approver: User
) -> None:
    asked = ask(leaver, admin)
    Notice.objects.create(user=leaver, key="test:2", title="More", created_at=timezone.now())
    with pytest.raises(ApprovalRefusedError):
        approve(asked, approver)
    asked.refresh_from_db()
    assert asked.status == ApprovalStatus.VOIDED
    asked = ask(leaver, admin)
    User.objects.filter(pk=leaver.pk).update(is_active=True)
    with pytest.raises(ApprovalRefusedError):
        approve(asked, approver)
    leaver.refresh_from_db()
    assert leaver.full_name == NAME


def test_who_is_erased_is_not_erased_twice(leaver: User, admin: User, approver: User) -> None:
    approve(ask(leaver, admin), approver)
    with pytest.raises(ApprovalRefusedError, match="like this already"):
        ask(leaver, admin)


def client_of(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def test_the_page_shows_who_it_is_what_goes_and_what_stays_and_asks(
    leaver: User, admin: User, approver: User
) -> None:
    address = f"/people/{leaver.pk}/erasure/"
    page = client_of(admin).get(address).content.decode()
    for text in (NAME, MAIL, "Names and addresses in sources", "Ask for the erasure"):
        assert text in page
    assert address in client_of(admin).get(f"/people/{leaver.pk}/").content.decode()
    answer = client_of(admin).post(address, {"reason": "asked for it"})
    asked = ApprovalRequest.objects.get()
    assert answer.headers["Location"] == f"/approvals/{asked.pk}/"
    seen = client_of(approver)
    assert address in seen.get(f"/approvals/{asked.pk}/").content.decode()
    page = seen.get(address).content.decode()
    assert NAME in page
    assert "Ask for the erasure" not in page
    seen.post(
        f"/approvals/{asked.pk}/decide/",
        {"outcome": "approve", "seen": asked.content_hash, "reason": ""},
    )
    page = seen.get(address).content.decode()
    assert "Nothing here names the person any more" in page
    assert NAME not in page


def test_an_active_account_is_not_offered(admin: User, approver: User) -> None:
    page = client_of(admin).get(f"/people/{approver.pk}/erasure/").content.decode()
    assert "Deactivate it first" in page
    assert "Ask for the erasure" not in page
    answer = client_of(admin).post(f"/people/{approver.pk}/erasure/", {"reason": "x"})
    assert answer.status_code == 200
    assert not ApprovalRequest.objects.exists()
