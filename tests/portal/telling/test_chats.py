"""Digests by chat: both cadences, its address sealed, tried again, and said when it fails."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from portal.credentials.envelope import Purpose, seal
from portal.keys import NumberedSecrets
from portal.models import DigestSetting, Notice, User, WorkItem
from portal.selectors.notice_settings import Ways, ways_of
from portal.services import chats
from portal.services.chats import rotate_chat_addresses, send_to_chat
from portal.services.notice_settings import save_notice_settings
from portal.services.notices import CHAT_KIND, notify
from portal.work.registry import Work, work_kinds
from portal.work.runner import Outcome, execute_item
from tests.adoption.factories import NOW, make_user
from tests.imports import Clock
from tests.portal.imports.outbound.faults import LOOPBACK, QUICK, FaultServer, Script, answer

pytestmark = pytest.mark.django_db
WHEN = {"time_zone": "UTC", "hour": 8, "weekday": 0}
BOTH = ("portal.daily_digest", "portal.weekly_digest")


@pytest.fixture(autouse=True)
def _loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chats, "outbound_policy", lambda: LOOPBACK)


class Chat:
    """A person with a chat that answers by scripts; what was sent to it."""

    def __init__(self, server: FaultServer, **ways: Ways) -> None:
        self.server = server
        self.sent: list[bytes] = []
        self.user: User = make_user(name="Mira", email="mira@acme.example")
        address = server.url("/services/secret-path")
        save_notice_settings(user=self.user, ways=ways, **WHEN, chat_address=address)  # type: ignore[arg-type]

    def tell(self, key: str) -> list[Notice]:
        return notify(
            users=[self.user], key=key, title="Your week", text="- It held", link="/x/", at=NOW
        )

    def run(self, work: Work) -> None:
        def client(url: str) -> Any:
            made: Any = self.server.client(origins=[url], limits=replace(QUICK, attempts=1))
            post = made.post

            def keep(to: str, body: bytes) -> Any:
                self.sent.append(body)
                return post(to, body)

            made.post = keep
            return made

        send_to_chat(work, make_client=client)

    def work(self, monkeypatch: pytest.MonkeyPatch, *hours: int) -> list[Outcome]:
        kind = replace(work_kinds.get(CHAT_KIND), run=self.run)
        monkeypatch.setitem(work_kinds._items, CHAT_KIND, kind)
        item = WorkItem.objects.get(kind=CHAT_KIND)
        return [execute_item(item.pk, clock=Clock(NOW.replace(hour=hour))) for hour in hours]


def served(*scripts: Script) -> FaultServer:
    return FaultServer(scripts=list(scripts))


@pytest.mark.both_engines
@pytest.mark.parametrize("kind", BOTH)
def test_either_digest_reaches_the_chat_and_is_tried_again(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(answer(500, b""), answer(200, b"ok")) as server:
        chat = Chat(server)
        assert "secret-path" not in str(DigestSetting.objects.values())
        chat.tell(f"{kind}:2026-11-21")
        first = chat.work(monkeypatch, 13)
        setting = DigestSetting.objects.get()
        assert setting.chat_problem
        second = chat.work(monkeypatch, 14)
        setting.refresh_from_db()
    assert (first, second) == ([Outcome.FAILED], [Outcome.DONE])
    assert (setting.chat_problem, setting.chat_host) == ("", "provider.test")
    assert len(chat.sent) == 2
    text = json.loads(chat.sent[-1])["text"]
    assert text.splitlines()[:2] == ["Your week", "- It held"]
    assert text.endswith("/x/")


def test_only_digests_go_there_and_each_by_choice() -> None:
    with served(answer()) as server:
        chat = Chat(server)
        chat.tell("adoption.milestone:1")
        assert not WorkItem.objects.filter(kind=CHAT_KIND).exists()
        save_notice_settings(user=chat.user, ways={BOTH[1]: Ways(by_chat=False)}, **WHEN)  # type: ignore[arg-type]
        chat.tell(f"{BOTH[1]}:1")
        assert not WorkItem.objects.filter(kind=CHAT_KIND).exists()
        only_chat = {BOTH[0]: Ways(in_portal=False, by_email=False)}
        save_notice_settings(user=chat.user, ways=only_chat, **WHEN)  # type: ignore[arg-type]
        assert len(chat.tell(f"{BOTH[0]}:1")) == 1
        assert WorkItem.objects.filter(kind=CHAT_KIND).count() == 1
        assert Notice.objects.get(key=f"{BOTH[0]}:1").is_hidden


def test_without_an_address_the_chat_is_no_way_to_be_told() -> None:
    user = make_user()
    save_notice_settings(user=user, ways={BOTH[0]: Ways(False, False)}, **WHEN)  # type: ignore[arg-type]
    assert ways_of([user], BOTH[0])[user.pk].is_off
    assert notify(users=[user], key=f"{BOTH[0]}:1", title="T", text="", link="/", at=NOW) == []


@pytest.mark.parametrize("address", ["ftp://chat.example/x", "https://", "x"])
def test_an_address_that_may_not_be_called_is_refused(address: str) -> None:
    with pytest.raises(ValidationError, match="cannot be used"):
        save_notice_settings(user=make_user(), ways={}, **WHEN, chat_address=address)  # type: ignore[arg-type]
    assert not DigestSetting.objects.exists()


def test_the_page_keeps_an_address_says_its_host_and_forgets_it() -> None:
    user = make_user()
    client = Client()
    client.force_login(user)
    page, plain = reverse("notice-settings"), {"hour": 8, "weekday": 0, "time_zone": "UTC"}
    with served(answer()) as server:
        given = server.url("/services/secret-path")
        assert client.post(page, plain | {"chat_address": given}).status_code == 302
    text = client.get(page).content.decode()
    assert "provider.test" in text
    assert "secret-path" not in text
    assert client.post(page, plain).status_code == 302
    assert DigestSetting.objects.get(user=user).chat_host  # left empty, it stays
    refused = client.post(page, plain | {"chat_address": "ftp://chat.example/"})
    assert "cannot be used" in refused.content.decode()
    assert client.post(page, plain | {"forget_chat": "on"}).status_code == 302
    assert DigestSetting.objects.get(user=user).chat_ciphertext == ""


def test_addresses_follow_the_newest_key(settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
    old = settings.CREDENTIAL_KEYS
    user = make_user()
    sealed = seal("https://chat.example/x", Purpose(0, {"digest": user.pk}), old)
    DigestSetting.objects.create(
        user=user, chat_host="chat.example", chat_key_number=sealed.key_number,
        chat_ciphertext=sealed.ciphertext,
    )  # fmt: skip
    newest = max(old.by_number) + 1
    key = next(iter(old.by_number.values()))
    settings.CREDENTIAL_KEYS = NumberedSecrets(old.variable, {**old.by_number, newest: key})
    call_command("rotate_credentials", json=True)
    assert json.loads(capsys.readouterr().out)["failed"] == []
    assert DigestSetting.objects.get().chat_key_number == newest
    settings.CREDENTIAL_KEYS = NumberedSecrets(old.variable, {newest + 1: key})
    (problem,) = rotate_chat_addresses()
    assert problem.startswith("a chat at chat.example: ")
    assert "https" not in problem
