"""Every address answers with strict headers, whatever it answers, to whomever."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import Client

from portal.choices import Role
from tests.access.routes import Address, addresses
from tests.architecture.tree import REPOSITORY
from tests.imports import make_person
from tests.plugins.sweeping import sampled

VALUES = {"int": "1", "slug": "x", "str": "x", "uuid": "0" * 8 + "-0000-0000-0000-" + "0" * 12}
CSP = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
}
PRODUCTION = {
    "PLUMBLINE_ENV": "production",
    "PLUMBLINE_SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyz" * 2,
    "PLUMBLINE_TOKEN_PEPPERS": "1:" + "p" * 60,
    "PLUMBLINE_AUDIT_KEYS": "1:" + "a" * 60,
    "PLUMBLINE_ALLOWED_HOSTS": "plumbline.example.org",
    "DATABASE_URL": "postgresql://user:password@127.0.0.1:1/none",
    "CELERY_BROKER_URL": "redis://127.0.0.1:1/0",
    "PATH": "/usr/bin:/bin",
}
# The check without a tag is that of the API's description, which `test_docs.py` makes as well.
ASK = """
import json, sys, django
django.setup()
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.core.checks import registry
tags = sorted(registry.registry.tags_available(deployment_checks=True))
tags = tags if sys.argv[1] == "named" else None
call_command("check", deploy=True, fail_level="WARNING", tags=tags)
asked = lambda **how: Client().get("/api/nothing-here", HTTP_HOST="plumbline.example.org", **how)
safe, plain = asked(secure=True), asked()
names = ["SESSION_COOKIE_SECURE", "SESSION_COOKIE_HTTPONLY", "SESSION_COOKIE_SAMESITE",
         "CSRF_COOKIE_SECURE", "CSRF_COOKIE_HTTPONLY", "CSRF_COOKIE_SAMESITE"]
print(json.dumps({"headers": dict(safe.headers), "plain": plain.status_code,
                  "to": plain.headers.get("Location"),
                  "cookies": {name: getattr(settings, name) for name in names}}))
"""


PEOPLE: dict[str, tuple[Role, ...] | None] = {"stranger": None, "employee": (), "all": tuple(Role)}


def path_of(address: Address) -> str:
    """Some address of the route; what stands in it need not exist."""
    if "(" in address.route:
        return "/" + re.sub(r"\(\?P<\w+>.*?\)|[\^$\\]", "x", address.route).rstrip("x")
    return "/" + re.sub(
        r"<(?:(\w+):)?\w+>", lambda found: VALUES.get(found[1] or "str", "x"), address.route
    )


def complaints(client: Client, path: str) -> Iterator[str]:
    response = client.get(path)
    headers = response.headers
    where = f"{path} ({response.status_code})"
    policy = set(map(str.strip, headers.get("Content-Security-Policy", "").split(";")))
    if not policy >= CSP or "unsafe" in str(policy):
        yield f"{where}: policy {sorted(CSP - policy)}"
    wanted = {
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    for name, value in wanted.items():
        if headers.get(name) != value:
            yield f"{where}: {name} is {headers.get(name)}"
    if "camera=()" not in headers.get("Permissions-Policy", ""):
        yield f"{where}: Permissions-Policy"
    cached = headers.get("Cache-Control", "")
    if "public" in cached or not ("no-store" in cached or "no-cache" in cached):
        yield f"{where}: Cache-Control is {cached!r}"
    if "Server" in headers or "X-Powered-By" in headers:
        yield f"{where}: says what it runs on"


@pytest.mark.django_db
@pytest.mark.parametrize("share", sampled((1, 10), 10))
def test_every_address_has_strict_headers(share: int) -> None:
    """Every address for whoever may see most; by default one in ten for the others."""
    paths = sorted({path_of(address) for address in addresses()} | {"/nothing-here"})
    assert len(paths) > 50
    found: list[str] = []
    for name, roles in PEOPLE.items():
        client = Client(raise_request_exception=False)
        if roles is not None:
            client.force_login(make_person(name, *roles))
        asked = paths if name == "all" else paths[::share]
        found += [each for path in asked for each in complaints(client, path)]
    assert found == []


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "127.0.0.1:80@evil.example", "a\r\nX: y", "*", ""],
)
def test_another_host_is_refused_and_not_repeated(host: str) -> None:
    response = Client(raise_request_exception=False).get("/sign-in/", HTTP_HOST=host)
    assert response.status_code == 400
    assert "evil.example" not in response.content.decode()
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["X-Forwarded-Host", "Forwarded", "X-Host", "X-Original-Url"])
def test_a_forwarded_host_has_no_effect(name: str) -> None:
    client = Client(headers={name: "evil.example"})
    response = client.get("/api/v1/")
    page = client.get("/", follow=True)
    assert "evil.example" not in response.content.decode() + page.content.decode()
    assert "evil.example" not in str(response.headers) + str(page.redirect_chain)


@pytest.mark.parametrize("checks", sampled(("named", "all"), "named"))
def test_production_passes_the_deployment_check_with_transport_security_and_safe_cookies(
    checks: str,
) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ASK, checks],
        cwd=REPOSITORY,
        env={**PRODUCTION, "DJANGO_SETTINGS_MODULE": "portal.settings", **var()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["headers"]["Strict-Transport-Security"] == (
        "max-age=31536000; includeSubDomains; preload"
    )
    assert (found["plain"], found["to"]) == (301, "https://plumbline.example.org/api/nothing-here")
    cookies = found["cookies"]
    assert cookies.pop("SESSION_COOKIE_SAMESITE") in {"Lax", "Strict"}
    assert cookies.pop("CSRF_COOKIE_SAMESITE") in {"Lax", "Strict"}
    assert all(cookies.values()), cookies


def var() -> dict[str, str]:
    return {"PLUMBLINE_VAR": str(settings.VAR_DIR), "PLUMBLINE_LOG_LEVEL": "CRITICAL"}
