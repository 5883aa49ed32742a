"""Whatever schemathesis makes of the description, every caller gets what is documented.

The default run asks each operation once, and a sweep a few times; `prove` sends 250,000 requests.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from portal.choices import Role
from portal.scopes import api_scopes
from portal.services.api_tokens import create_api_token
from tests.adoption.api.conftest import World, world
from tests.adoption.factories import make_user
from tests.imports import line, make_connection, run_import
from tests.plugins.proofs import DEFAULT_SEED, Figures
from tests.portal.api.conformance import published_schema
from tests.portal.api.fuzzing import Fuzz, session_of

__all__ = ["world"]
SHORT = 200


@pytest.fixture
def callers(world: World) -> dict[str, dict[str, str]]:
    """Headers of nobody, of a person with each role, of an owner, and of programs with a token."""
    found: dict[str, dict[str, str]] = {
        "nobody": {},
        "no valid token": {"Authorization": "Bearer plb_none"},
        "employee": session_of(world.employee),
        "owner": session_of(world.owner),
    }
    for role in Role:
        found[role.label.lower()] = session_of(make_user(role))
    now = datetime.now(UTC)
    for owner, name in ((world.owner, "token of an owner"), (world.lead, "token of a lead")):
        _, text = create_api_token(
            owner=owner,
            name=name,
            scopes=[scope.key for scope in api_scopes],
            expires_at=now + timedelta(days=2),
            actor=owner,
            at=now,
        )
        found[name] = {"Authorization": f"Bearer {text}"}
    return found


@pytest.fixture
def fuzz(world: World, callers: dict[str, Any]) -> Fuzz:
    run_import(make_connection(), [line(3), line(4, "-2.25")])
    return Fuzz(
        published_schema().document,
        callers,
        {
            "slug": [world.use_case.slug],
            "milestone_id": [str(world.milestone.pk)],
            "key": ["things"],
            "value_id": ["1"],
        },
        DEFAULT_SEED,
    )


@pytest.mark.django_db
def test_one_request_at_each_operation_finds_no_fault(fuzz: Fuzz) -> None:
    fuzz.one_turn()
    assert len({where for _, where in fuzz.asked}) == len(fuzz.operations)
    assert list(fuzz.faults.values()) == []


@pytest.mark.sweep
@pytest.mark.django_db
def test_a_short_run_finds_no_fault(fuzz: Fuzz) -> None:
    sum(fuzz.run(SHORT, examples=1))
    assert fuzz.requests >= SHORT
    assert list(fuzz.faults.values()) == []


# Not in one transaction: the import's temporary tables are a change of the schema, and while that
# is not committed, SQLite reads all of it anew after each request that is undone.
@pytest.mark.prove("API fuzz", adds_up=True)
@pytest.mark.django_db(transaction=True)
def test_fuzzed_api(fuzz: Fuzz, figures: Figures) -> None:
    fuzz.seed = figures.seed
    total = figures.scaled(250_000)
    sent = 0
    for step in figures.progress(fuzz.run(total), "steps of 100 requests", total // 100):
        sent += step
    for fault in fuzz.faults.values():
        figures.bad(fault)
    figures("requests", sent, total)
    figures("operations", len(fuzz.operations), len(published_schema().operations()), level=True)
    figures("callers", len(fuzz.callers), 10, level=True)
    figures(
        "answers with 5xx", sum(n for s, n in fuzz.statuses.items() if s >= 500), 0, at_most=True
    )
