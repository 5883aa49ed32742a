"""Whose a key is stands on the single cost line, where the connection asks for it; else nowhere."""

from __future__ import annotations

import json
import random
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from billing.models import Charge, Usage
from billing.sources.openai.owners import redact, redact_owners
from billing.sources.openai.source import OpenAISource
from portal.choices import RunStatus
from portal.models import ImportRun
from tests.billing.sources.fake_provider import DAY, PAGE_FAULTS, FakeProvider, served, some_spend
from tests.billing.sources.fetched import allow_loopback, connect, fetch_days, import_pages
from tests.billing.sources.openai.shape import OpenAIShape
from tests.billing.sources.openai.test_openai_reports import cost, day_of
from tests.billing.sources.providers import PROVIDERS, Provided
from tests.billing.sources.reading import Read, land

FIRST, DAYS = date(2026, 9, 1), 4
USERS = {
    "data": [{"object": "organization.user", "id": "u1", "name": "Ann", "email": "ann@a.example"}]
}


def keys(**owner: Any) -> dict[str, Any]:
    """A list of one key."""
    row = {"object": "organization.project.api_key", "id": "k", "name": "Batch"}
    return {"data": [row | ({"owner": owner} if owner else {})]}


def read(folder: Path, *bodies: Any, wanted: bool = True) -> Read:
    config = {"organization": "org-1", "with_owners": wanted}
    return Read(OpenAISource(), land(folder, *bodies), config)


def owner_of(folder: Path, *lists: Any, wanted: bool = True) -> tuple[str, list[str]]:
    """The principal of a cost line of the key `k`, and codes of what is said about owners."""
    found = read(folder, day_of(cost(api_key_id="k")), *lists, wanted=wanted)
    (charge,) = found.charges
    return charge.dimension.principal_id, [note.code for note in found.notes]


@pytest.mark.parametrize(
    ("owner", "principal", "notes"),
    [
        ({"type": "user", "user": {"id": "u1"}}, "ann@a.example", []),
        ({"type": "user", "user": {"id": "u1", "email": "a@b.example"}}, "a@b.example", []),
        ({"type": "user", "user": {"id": "u9"}}, "u9", ["owners_not_listed"]),
        ({"type": "service_account", "service_account": {"id": "sa"}}, "sa", []),
        ({"type": "user", "user": {"name": "Ann"}}, "", ["owners_not_listed"]),
        ({"type": "robot"}, "", ["owners_not_listed"]),
        ({}, "", ["owners_not_listed"]),
    ],
)
def test_the_owner_of_a_key_is_the_principal_of_its_lines(
    tmp_path: Path, owner: dict[str, Any], principal: str, notes: list[str]
) -> None:
    assert owner_of(tmp_path, keys(**owner), USERS) == (principal, notes)


def test_a_key_that_is_in_no_list_is_said(tmp_path: Path) -> None:
    assert owner_of(tmp_path, USERS) == ("", ["keys_not_listed"])


def test_nobody_is_named_unless_the_connection_asks_for_it(tmp_path: Path) -> None:
    lists = keys(type="user", user={"id": "u1", "email": "ann@a.example"}), USERS
    assert owner_of(tmp_path, *lists, wanted=False) == ("", [])


def test_a_line_of_no_key_has_no_owner(tmp_path: Path) -> None:
    found = read(tmp_path, day_of(cost(api_key_id=None)), USERS)
    assert [charge.dimension.principal_id for charge in found.charges] == [""]
    assert not found.notes


def test_names_of_people_are_not_kept_and_owners_only_where_they_are_wanted() -> None:
    person = {"id": "u1", "name": "Ann", "email": "ann@a.example", "role": "owner"}
    row = {"object": "organization.project.api_key", "id": "k", "name": "Batch"}
    answer = {
        "data": [row | {"redacted_value": "sk-..x", "owner": {"type": "user", "user": person}}],
        "has_more": False,
    }
    kept = {"id": "u1", "email": "ann@a.example"}
    assert redact(answer) == {
        "data": [row | {"owner": {"type": "user", "user": kept}}], "has_more": False,
    }  # fmt: skip
    assert redact_owners(answer) == {"data": [row], "has_more": False}
    assert "Ann" not in json.dumps(redact(USERS))
    costs = day_of(cost())
    assert redact(costs) is costs
    assert redact_owners(costs) is costs


# --- through the engine -----------------------------------------------------------------------


def provided(name: str) -> Provided:
    return next(each for each in PROVIDERS if each.name == name)


def provider() -> FakeProvider:
    spent = some_spend(random.Random(5), FIRST, DAYS)  # noqa: S311  (a bill, not a secret)
    return FakeProvider(OpenAIShape(spent, owners=True), 2)


def principals() -> dict[str, str]:
    """Principal by project, over all live lines of a project."""
    live = Charge.objects.filter(superseded_at__isnull=True).exclude(dimension__sub_account_id="")
    return dict(live.values_list("dimension__sub_account_id", "dimension__principal_id"))


@pytest.mark.both_engines
@pytest.mark.django_db
def test_owners_are_fetched_and_stand_on_cost_lines_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    allow_loopback(monkeypatch)
    fake = provider()
    with served(fake) as address:
        run = fetch_days(connect(provided("openai-owners"), address), FIRST, FIRST + DAYS * DAY)
    assert isinstance(run, ImportRun), run
    assert run.status == RunStatus.APPLIED, run.problem
    projects = {each.project for each in fake.shape.spent if each.project}
    assert principals() == {name: f"{name}@acme.example" for name in projects}
    assert not Usage.objects.filter(dimension__tags__contains="@").exists()


@pytest.mark.django_db
def test_without_the_switch_no_list_of_people_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    allow_loopback(monkeypatch)
    fake = provider()
    with served(fake) as address:
        run = fetch_days(connect(provided("openai"), address), FIRST, FIRST + DAYS * DAY)
    assert isinstance(run, ImportRun), run
    assert set(principals().values()) == {""}
    assert not any(path.endswith("/users") for path, _ in fake.requests)


@pytest.mark.parametrize("fault", PAGE_FAULTS)
@pytest.mark.django_db
def test_a_list_that_is_not_whole_is_never_silent(
    fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is taken, or all owners are right, or the run says that some are missing."""
    allow_loopback(monkeypatch)
    fake = provider()

    class OfUsers(dict[str, float]):
        def get(self, asked: str, default: float = 0) -> float:  # type: ignore[override]
            is_list = bool(fake.requests) and fake.requests[-1][0].endswith("/users")
            return float(asked == fault and is_list and not fake.met)

    fake.chances = OfUsers()
    with served(fake) as address:
        run = fetch_days(connect(provided("openai-owners"), address), FIRST, FIRST + DAYS * DAY)
    if isinstance(run, str):
        assert not Charge.objects.exists()
        return
    right = all(found == f"{name}@acme.example" for name, found in principals().items())
    assert right != ("owners_not_listed" in dict(run.notes))


@pytest.mark.django_db
def test_a_list_of_users_alone_is_no_report() -> None:
    run = import_pages(connect(provided("openai-owners")), [json.dumps(USERS).encode() + b"\n"])
    assert run.status == RunStatus.REFUSED
