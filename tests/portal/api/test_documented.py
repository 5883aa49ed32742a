"""`docs/api.md` names every endpoint and every problem, and nothing that is not there."""

from __future__ import annotations

import re
from pathlib import Path

from adoption.api.hooks import DATABASE_AWAY, DELIVERY_REUSED, NO_SECRETS, SIGNATURE_REFUSED
from portal.api.errors import PROBLEM_TYPES
from portal.api.scopes import api_scopes
from tests.portal.api.conformance import PublishedSchema

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "api.md").read_text("utf-8")


def test_every_endpoint_is_named_and_no_other() -> None:
    published = {
        re.sub(r"\{[a-z_]*id\}", "{id}", path.removeprefix("/api/v1"))
        for path, _, _ in PublishedSchema().operations()
    }
    table = TEXT.partition("## Endpoints")[2].partition("\n## ")[0]
    named = set(re.findall(r"(?:GET|POST|PATCH) (/[a-z{}/-]+)`", table))
    assert named == published


def test_every_problem_is_listed_with_its_status() -> None:
    listed = set(re.findall(r"^\| (\d{3}) \| `([a-z-]+)` \|", TEXT, re.MULTILINE))
    kinds = {*PROBLEM_TYPES, SIGNATURE_REFUSED, DELIVERY_REUSED, NO_SECRETS, DATABASE_AWAY}
    assert listed == {(str(kind.status), kind.code) for kind in kinds}


def test_every_scope_is_listed_and_no_other() -> None:
    table = TEXT.partition("| scope | allows |")[2].partition("\n\n")[0]
    listed = re.findall(r"`([a-z-]+:(?:read|write))`", table)
    assert sorted(listed) == sorted(scope.key for scope in api_scopes)
