"""Canary secrets are put in wherever secrets come in, and looked for wherever anything goes out.

Failure catalogue, row 65. A marker that is no secret takes the same ways and must be found in each
sink, so that a sink that is not really read fails the test.
"""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connection as database
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from rest_framework.test import APIClient

from portal.celery import app
from portal.choices import Role
from portal.credentials.resolve import credential_of
from portal.imports.outbound.addresses import OutboundPolicy
from portal.imports.outbound.errors import CredentialRefusedError
from portal.logs import configure_logging
from portal.models import ApiToken, Connection
from portal.tasks import run_import
from portal.urls import handler400, handler403, handler404, handler500, urlpatterns
from tests.api_tokens import bearer
from tests.imports import make_person
from tests.portal.credentials.conftest import forge
from tests.portal.imports.outbound.faults import FaultServer, answer
from tests.portal.views.test_api_tokens import shown_token

__all__ = ["forge", "handler400", "handler403", "handler404", "handler500"]
MARKER = "marker-that-is-no-secret-4711"
STORED = "sk-canary-stored-7d1c0f3b9a"
MOUNTED = "sk-canary-mounted-1f0e9d8c7b"
PASSWORD = "canary-wrong-pass-phrase-5566"
WRONG_TOKEN = "canary-wrong-bearer-8899aabbcc"
pytestmark = pytest.mark.django_db(transaction=True)


def failing(request: HttpRequest) -> HttpResponse:
    """A page that fails with a secret in its hands and in its message."""
    secret = credential_of(Connection.objects.get(slug="kept")).get_secret_value()
    raise RuntimeError(f"{MARKER}: the provider did not like {secret}")


urlpatterns = [path("failing/", failing), *urlpatterns]


class Sinks:
    """Everything that went out, by the way that it went."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def add(self, name: str, content: object) -> None:
        text = content.decode("latin-1") if isinstance(content, bytes) else str(content)
        self.texts[name] = self.texts.get(name, "") + text

    def answer(self, name: str, response: Any) -> Any:
        body = b"".join(response.streaming_content) if response.streaming else response.content
        self.add(name, body)
        self.add("headers", response.headers)
        return response


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What the real logging writes, as JSON lines."""
    written = io.StringIO()
    monkeypatch.setattr("sys.stderr", written)
    configure_logging(level="DEBUG", log_format="json")
    yield written
    monkeypatch.undo()
    configure_logging(level="INFO", log_format=django_settings.LOG_FORMAT)


def rows_of_the_database() -> Iterator[str]:
    """Every value of every table, as text; sessions decoded."""
    with database.cursor() as cursor:
        for table in database.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {database.ops.quote_name(table)}")  # noqa: S608  (names of tables)
            yield f"{table}: {cursor.fetchall()}"
    for session in Session.objects.all():
        yield str(session.get_decoded())


def messages_of_the_broker() -> Iterator[str]:
    """Every message, its body decoded."""
    with app.connection_for_read() as broker:
        client = broker.default_channel.client
        for key in client.scan_iter():
            if client.type(key) == b"list":
                for raw in client.lrange(key, 0, -1):
                    message = json.loads(raw)
                    yield str(message) + base64.b64decode(message["body"]).decode()


def files_below(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file, those apart that hold the keys themselves."""
    for place, _, names in os.walk(folder):
        for name in names:
            if not name.endswith(("_key", "_pepper", ".sock", "_keys")):
                yield name, content_of(Path(place) / name)


READ = "import sys; sys.stdout.buffer.write(open(sys.argv[1], 'rb').read())"


def content_of(path: Path) -> bytes:
    """The bytes of a file; another process reads what SQLite has open in this one.

    Its locks belong to the process, and closing one of its files gives them all up: the next
    process that ends would then remove the log, and some later test find the database malformed.
    """
    if path.name.startswith("test.sqlite3"):
        command = [sys.executable, "-c", READ, str(path)]
        return subprocess.run(command, capture_output=True, check=True).stdout
    return path.read_bytes()


def act(sinks: Sinks, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let every secret come in by every way; returns the text of a real token."""
    admin = make_person("admin", Role.ADMINISTRATOR, Role.AUDITOR)
    page = Client(raise_request_exception=False)
    sinks.answer("pages", page.post("/sign-in/", {"username": MARKER, "password": PASSWORD}))
    page.force_login(admin)
    form = {
        "name": MARKER,
        "slug": "kept",
        "rejection_policy": "quarantine",
        "config_base_url": "http://provider.test",
        "config_group": "",
        "is_active": "on",
    }
    new, edit = "/imports/connections/new/?source=forge", "/imports/connections/kept/edit/"
    for given in ({"slug": "no good"}, {}):
        sinks.answer("pages", page.post(new, {**form, "credential_secret": STORED, **given}))
    for given in ({"credential_secret": STORED}, {"credential_ref": "env:CREDENTIAL_CANARY"}):
        sinks.answer("pages", page.post(edit, {**form, **given}))
    monkeypatch.setenv("CREDENTIAL_CANARY", MOUNTED)
    sinks.answer("error pages", page.get("/failing/"))
    sinks.answer("pages", page.post(edit, {**form, "credential_secret": STORED}))
    sinks.answer("error pages", page.get("/failing/"))
    sinks.add("error pages", MARKER)  # said nowhere but in the log; here only the page is read
    _fetch(sinks)
    made = page.post(
        "/tokens/new/", {"name": MARKER, "scopes": ["registry:read"], "days": "7", "networks": ""}
    )
    token = shown_token(made)
    api = bearer(token)
    sinks.answer("api", api.get("/api/v1/use-cases/"))
    sinks.answer("api", api.get("/api/v1/use-cases/", {"q": token}))
    sinks.answer("api", api.post("/api/v1/use-cases/", {"title": MARKER}, format="json"))
    sinks.answer("api", bearer(WRONG_TOKEN).get(f"/api/v1/{MARKER}/"))
    sinks.answer("api", bearer(WRONG_TOKEN).get("/api/v1/teams/"))
    sinks.answer("api", APIClient().get(f"/api/v1/teams/?token={token}"))
    for address in ("/imports/", "/imports/connections/kept/", edit, "/tokens/", "/tokens/all/"):
        sinks.answer("pages", page.get(address))
    for address in ("/imports/", "/tokens/", "/tokens/all/", "/audit/"):
        sinks.answer("exports", page.get(address, {"export": "csv"}))
    run_import.apply_async(kwargs={"run_id": 4711}, headers={"note": MARKER})
    call_command("rotate_credentials", stdout=io.StringIO(), stderr=io.StringIO())
    return token


def _fetch(sinks: Sinks) -> None:
    """A provider that answers with what it was sent."""
    kept = Connection.objects.get()
    with FaultServer(scripts=[answer(401, f"no such key {STORED}".encode())]) as server:
        client = server.client(
            policy=OutboundPolicy((ip_network("127.0.0.0/8"),), allow_http=True),
            headers={"Authorization": credential_of(kept), "X-Marker": MARKER},
        )
        with client, pytest.raises(CredentialRefusedError) as caught:
            client.fetch_json(server.url(f"/{MARKER}?key={STORED}"))
        assert STORED.encode() in server.requests[0]
    sinks.add("errors", f"{caught.value} {caught.value!r}")


@pytest.mark.urls("tests.portal.test_canaries")
def test_no_secret_comes_out_anywhere(
    logs: io.StringIO, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sinks = Sinks()
    token = act(sinks, monkeypatch)
    sinks.add("logs", logs.getvalue())
    for text in rows_of_the_database():
        sinks.add("audit" if text.startswith("portal_audit") else "database", text)
    for text in messages_of_the_broker():
        sinks.add("broker", text)
    call_command(
        "backup", str(tmp_path / "made.backup"), stdout=io.StringIO(), stderr=io.StringIO()
    )
    with zipfile.ZipFile(tmp_path / "made.backup") as archive:
        for member in archive.namelist():
            sinks.add("backup", archive.read(member))
    for name, content in files_below(Path(django_settings.VAR_DIR)):
        sinks.add("files", name.encode() + content)

    secrets = {
        "stored credential": STORED,
        "mounted credential": MOUNTED,
        "password": PASSWORD,
        "wrong token": WRONG_TOKEN,
        "token": token[15:-6],
        "secret key": django_settings.SECRET_KEY,
        "pepper": django_settings.TOKEN_PEPPERS.get(django_settings.TOKEN_PEPPERS.newest),
        "key": django_settings.CREDENTIAL_KEYS.get(django_settings.CREDENTIAL_KEYS.newest),
    }
    found = [
        (what, sink)
        for what, secret in secrets.items()
        for sink, text in sinks.texts.items()
        if secret in text
    ]
    assert found == []
    hash_of_token = ApiToken.objects.get().secret_hash
    shown = {name for name, text in sinks.texts.items() if hash_of_token in text}
    assert shown <= {"database", "backup", "files"}
    not_read = {"headers"}
    assert {name for name, text in sinks.texts.items() if MARKER not in text} <= not_read
    assert len(sinks.texts) >= 11
