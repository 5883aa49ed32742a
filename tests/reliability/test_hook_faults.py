"""Webhooks as a hostile or broken world sends them (rows 45 to 51 of the failure catalogue)."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from adoption.api.hooks import MAX_BYTES
from adoption.choices import HookState
from adoption.models import Change, Deployment, HookSecret, Identity, StoredHook
from adoption.services.hook_secrets import make_hook_secret, withdraw_hook_secret
from portal.models import ApprovalRequest, Connection, RoleGrant
from tests.adoption.factories import make_user
from tests.adoption.histories import make_sha
from tests.adoption.hook_stories import REPOSITORY, iso, story
from tests.adoption.sending import Sender, hex_mac, make_connection, standard_headers
from tests.plugins.sweeping import sampled

pytestmark = pytest.mark.django_db
BODY = json.dumps({"zen": "Keep it simple."}).encode()


@pytest.fixture
def github() -> Sender:
    return Sender(make_connection("github"))


@pytest.fixture(autouse=True)
def refused(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The counter of requests that nobody vouches for."""
    counted: list[str] = []

    def count(request: Any) -> None:
        counted.append(request.path)

    monkeypatch.setattr("adoption.api.hooks.count_refused", count)
    return counted


@pytest.mark.both_engines
@pytest.mark.parametrize("times", sampled((20, 200), 20))
def test_row_45_a_delivery_that_comes_again_and_again_has_one_effect(
    github: Sender, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    message = next(each for each in story(40) if each.event == "deployment_status")
    first = github.take(message.body, message.event, message.delivery)
    assert first.state == HookState.PROCESSED
    before = list(Deployment.objects.values())
    tomorrow = timezone.now() + dt.timedelta(days=1)
    for number in range(times):
        if number == times // 2:
            monkeypatch.setattr("adoption.api.hooks.timezone.now", lambda: tomorrow)
        answer = github.send(message.body, message.event, message.delivery)
        assert (answer.status_code, answer.json()["repeated"]) == (202, True)
    assert list(Deployment.objects.values()) == before
    assert StoredHook.objects.count() == 1


def _old_secret(connection: Connection) -> dict[str, str]:
    now = timezone.now()
    make_hook_secret(connection=connection, actor=None, at=now, given="another secret of forty")
    withdraw_hook_secret(secret=HookSecret.objects.order_by("pk")[0], at=now)
    return {"X-Hub-Signature-256": f"sha256={hex_mac(BODY)}"}


def _other_source(connection: Connection) -> dict[str, str]:
    other = make_connection("github", "elsewhere")
    now, given = timezone.now(), "a secret of elsewhere alone"
    make_hook_secret(connection=other, actor=None, at=now, given=given)
    return {"X-Hub-Signature-256": f"sha256={hex_mac(BODY, given)}"}


UNPROVEN: dict[str, Any] = {
    "missing": lambda _: {},
    "bad": lambda _: {"X-Hub-Signature-256": f"sha256={'0' * 64}"},
    "truncated": lambda _: {"X-Hub-Signature-256": f"sha256={hex_mac(BODY)[:-2]}"},
    "sha-1 only": lambda _: {"X-Hub-Signature": f"sha1={'0' * 40}"},
    "old secret": _old_secret,
    "wrong source": _other_source,
}


@pytest.mark.parametrize("how", UNPROVEN)
def test_row_47_who_is_not_proven_is_counted_and_nothing_is_stored(
    how: str, github: Sender, refused: list[str]
) -> None:
    headers = UNPROVEN[how](github.connection)
    answer = github.send_raw(BODY, {"X-GitHub-Event": "ping", **headers})
    assert answer.status_code == 401
    assert not StoredHook.objects.exists()
    assert refused == [github.path]


@pytest.mark.parametrize("minutes", [-6, 6])
def test_row_48_a_signature_of_another_time_is_refused(minutes: int) -> None:
    sender = Sender(make_connection("gitlab"))
    at = timezone.now() + dt.timedelta(minutes=minutes)
    assert sender.send_raw(BODY, standard_headers(BODY, "m", at=at)).status_code == 401
    assert not StoredHook.objects.exists()


@pytest.mark.parametrize("stamp", ["", "soon", "-1", "1e9", "٣", "9" * 40])
def test_row_48_a_time_that_is_no_number_is_refused(stamp: str) -> None:
    sender = Sender(make_connection("gitlab"))
    headers = standard_headers(BODY, "m") | {"webhook-timestamp": stamp}
    assert sender.send_raw(BODY, headers).status_code == 401
    assert not StoredHook.objects.exists()


@pytest.mark.both_engines
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b" " * (MAX_BYTES + 1), 413),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, 400),
        (b'{"a": [' + b"[" * 100_000 + b"]" * 100_000 + b"]}", 400),
        (b'{"a": "\xff\xfe"}', 400),
        (b'{"a": "\xed\xa0\x80"}', 400),
        (b'{"a": NaN}', 400),
        (b"\x00" * 50, 400),
        (BODY, 202),
    ],
    ids=["25 MB", "deep", "deep list", "no UTF-8", "half a pair", "NaN", "zeros", "unknown event"],
)
def test_row_49_bodies_that_are_no_delivery(body: bytes, status: int, github: Sender) -> None:
    assert github.send(body, "an-event-of-next-year").status_code == status
    assert StoredHook.objects.count() == (status == 202)


@pytest.fixture
def without_database(
    tmp_path: Any, engine: str, django_db_blocker: Any
) -> Iterator[dict[str, Any]]:
    """The database is where nobody answers; `back` in what is given brings it back."""
    connection = connections["default"]
    settings = connection.settings_dict
    right = dict(settings)
    nowhere = {"NAME": str(tmp_path / "nowhere" / "db.sqlite3")} if engine == "sqlite" else {}
    if engine == "postgres":
        nowhere = {"HOST": "127.0.0.1", "PORT": "1"}

    def move(to: dict[str, Any]) -> None:
        connection.close()
        settings.update(to)

    move(nowhere)
    yield {"back": lambda: move(right)}
    move(right)


@pytest.mark.both_engines
@pytest.mark.django_db(transaction=True)
def test_row_50_without_a_database_the_sender_is_told_at_once_to_come_back(
    github: Sender, request: pytest.FixtureRequest
) -> None:
    message = story(1)[0]
    away = request.getfixturevalue("without_database")
    began = time.perf_counter()
    answer = github.send(message.body, message.event, message.delivery)
    assert time.perf_counter() - began < 5
    assert (answer.status_code, answer["Retry-After"]) == (503, "60")
    assert answer.json()["type"] == "urn:plumbline:problem:database-away"
    away["back"]()
    assert not StoredHook.objects.exists()
    again = github.send(message.body, message.event, message.delivery)
    assert (again.status_code, again.json()["repeated"]) == (202, False)
    assert StoredHook.objects.count() == 1


def test_row_51_a_name_in_a_signed_commit_gives_no_identity_and_no_approval(
    github: Sender,
) -> None:
    admin = make_user(email="root@acme.example")
    sha = make_sha(1)
    push = {
        "ref": "refs/heads/main", "before": make_sha(0), "after": sha, "forced": False,
        "deleted": False, "repository": REPOSITORY, "head_commit": {"timestamp": iso(1)},
        "sender": {"login": admin.username},
        "commits": [{
            "id": sha, "timestamp": iso(1), "url": f"https://github.com/acme/shop/commit/{sha}",
            "message": f"Approve everything\n\nApproved-by: {admin.full_name} <{admin.email}>\n"
                       f"Co-authored-by: {admin.full_name} <{admin.email}>\n"
                       f"Signed-off-by: {admin.full_name} <{admin.email}>",
            "author": {"name": admin.full_name, "email": admin.email, "username": admin.username},
            "added": [], "modified": ["a.py"], "removed": [],
        }],
    }  # fmt: skip
    roles = set(RoleGrant.objects.values_list("pk", flat=True))
    assert github.take(push, "push").state == HookState.PROCESSED
    assert Change.objects.exists()
    assert not Identity.objects.filter(user__isnull=False).exists()
    assert set(RoleGrant.objects.values_list("pk", flat=True)) == roles
    assert not ApprovalRequest.objects.exists()
