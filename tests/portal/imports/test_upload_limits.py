"""Uploads are stopped at their limit while they arrive, and the answer says the limit."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.test import Client

from portal import limits
from portal.choices import Role
from portal.models import ImportRun
from tests.imports import make_connection, make_person

pytestmark = pytest.mark.django_db
BOUNDARY = "plumbline"
KILOBYTE = 1024
PART = 'Content-Disposition: form-data; name="{name}"; filename="{file}"\r\n'


class Body(io.BytesIO):
    """A request body that knows how much of it was read."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.length = len(content)


def part(content: bytes, *, name: str = "uploads", file: str = "a.csv", more: str = "") -> bytes:
    head = f"--{BOUNDARY}\r\n{PART.format(name=name, file=file)}{more}\r\n"
    return head.encode() + content + b"\r\n"


def field(name: str, value: str = "x") -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
    return head.encode()


def multipart(*parts: bytes) -> Body:
    return Body(b"".join(parts) + f"--{BOUNDARY}--\r\n".encode())


def send(client: Client, path: str, body: Body) -> Any:
    environment: dict[str, Any] = {
        "wsgi.input": body,
        "CONTENT_LENGTH": str(body.length),
        "CONTENT_TYPE": f"multipart/form-data; boundary={BOUNDARY}",
    }
    return client.generic("POST", path, b"", **environment)


@pytest.fixture
def page(settings: Any, client: Client) -> str:
    """Where files are given, small limits, and somebody signed in who may."""
    settings.UPLOAD_MAX_FILE_BYTES = 200 * KILOBYTE
    settings.UPLOAD_MAX_BYTES = 1000 * KILOBYTE
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 5
    client.force_login(make_person("fin", Role.FINANCE))
    make_connection()
    return "/imports/connections/cloud/upload/"


def test_a_file_is_stopped_at_the_limit_and_not_after_it(client: Client, page: str) -> None:
    body = multipart(part(b"0" * 900 * KILOBYTE))
    response = send(client, page, body)
    assert response.status_code == 413
    assert "A file may have at most 200.0" in response.content.decode()
    # What was read past the limit is one buffer of the parser.
    assert body.tell() <= (200 + 2 * 64) * KILOBYTE
    assert not ImportRun.objects.exists()


def test_a_body_that_says_it_is_too_long_is_not_read_at_all(client: Client, page: str) -> None:
    body = multipart(*(part(b"0" * 150 * KILOBYTE) for _ in range(8)))
    response = send(client, page, body)
    assert response.status_code == 413
    assert "An upload may have at most 1000.0" in response.content.decode()
    assert body.tell() == 0


@pytest.mark.parametrize("path", ["/sign-in/", "/theme/"])
def test_a_page_that_takes_no_files_takes_a_form_s_bytes_only(
    client: Client, settings: Any, path: str
) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 50 * KILOBYTE
    body = multipart(part(b"0" * 60 * KILOBYTE))
    response = send(client, path, body)
    assert response.status_code == 413
    assert body.tell() == 0


def test_a_stranger_brings_no_files(settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 50 * KILOBYTE
    make_connection()
    body = multipart(part(b"0" * 60 * KILOBYTE))
    stranger = Client(enforce_csrf_checks=True)  # which looks for its token in the body
    stranger.cookies["csrftoken"] = "a" * 32
    assert send(stranger, "/imports/connections/cloud/upload/", body).status_code == 413
    assert body.tell() == 0


def test_a_file_that_nobody_asked_for_is_not_kept(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Any] = []
    monkeypatch.setattr(
        "django.core.files.uploadhandler.InMemoryUploadedFile",
        lambda *parts, **named: kept.append(parts),
    )
    response = send(client, "/theme/", multipart(part(b"0" * KILOBYTE), field("theme", "dark")))
    assert response.status_code < 500
    assert kept == []


def test_too_many_files(client: Client, page: str) -> None:
    response = send(client, page, multipart(*(part(b"0") for _ in range(6))))
    assert response.status_code == 413
    assert "at most 5 files" in response.content.decode()


@pytest.mark.parametrize(
    "parts",
    [
        [field(f"f{number}") for number in range(1_100)],
        [part(b"0", more=f"X-More: {'x' * 100_000}\r\n")],
        [part(b"0", more="".join(f"X-{number}: y\r\n" for number in range(5_000)))],
        [f"--{BOUNDARY}\r\n".encode() * 20_000],
        [part(b"0", file="x" * 100_000)],
    ],
    ids=["fields", "long header", "many headers", "empty parts", "long name"],
)
def test_abuse_of_the_form_s_syntax_is_refused(
    client: Client, page: str, parts: list[bytes]
) -> None:
    response = send(client, page, multipart(*parts))
    assert response.status_code in {200, 400, 413}
    assert not ImportRun.objects.exists()


@pytest.mark.parametrize("name", ["../../etc/passwd", "..\\..\\boot.ini", "/etc/passwd", "a\0b"])
def test_a_name_leads_nowhere(client: Client, page: str, name: str) -> None:
    send(client, page, multipart(part(b"BilledCost\r\n1\r\n", file=name)))
    names = ImportRun.objects.values_list("files__name", flat=True)
    assert not [each for each in names if each and ("/" in each or "\\" in each or "\0" in each)]


def test_uploads_are_counted_before_they_are_read(client: Client, page: str, settings: Any) -> None:
    counters = limits.shared_counters()
    assert counters is not None
    settings.RATES = {**settings.RATES, "upload": "2/day"}
    for key in counters.scan_iter(f"{limits.PREFIX}*"):
        counters.delete(key)
    bodies = [multipart(part(b"no,cost\r\n")) for _ in range(3)]
    answers = [send(client, page, body) for body in bodies]
    assert [answer.status_code == 429 for answer in answers] == [False, False, True]
    assert bodies[2].tell() == 0
    assert int(answers[2]["Retry-After"]) >= 1
