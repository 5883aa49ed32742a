"""*Test connection* for each report: a key that works, one that does not, and another service."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from portal.imports.contracts import ImportRefusedError
from portal.models import ImportRun
from portal.services.fetching import probe_connection
from tests.billing.sources.anthropic.shape import ORGANIZATION, AnthropicShape
from tests.billing.sources.fake_provider import DAY, FakeProvider, Spend, served
from tests.billing.sources.fetched import allow_loopback, connect
from tests.billing.sources.providers import PROVIDERS, Provided

pytestmark = pytest.mark.django_db
TODAY = date(2026, 9, 3)
AT = datetime(2026, 9, 3, 6, tzinfo=UTC)
ASKED = {
    "anthropic-admin": "cost_report",
    "anthropic-enterprise": "analytics/cost_report",
    "anthropic-analytics": "analytics/cost",
    "anthropic-claude-code": "usage_report/claude_code",
}
REPORTS = [each for each in PROVIDERS if each.source == "anthropic"]
each_report = pytest.mark.parametrize("provided", REPORTS, ids=lambda each: each.name)


@pytest.fixture(autouse=True)
def _loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    allow_loopback(monkeypatch)


def provider(shape: type[AnthropicShape] = AnthropicShape) -> FakeProvider:
    """Three lines of yesterday, a page each."""
    yesterday = TODAY - DAY
    spent = [Spend(yesterday, "w", f"model-{n}, output", Decimal(n + 1)) for n in range(3)]
    return FakeProvider(shape(spent), page_size=1)


def probe(provided: Provided, asked: FakeProvider) -> None:
    with served(asked) as address:
        probe_connection(connection=connect(provided, address), at=AT)
    assert not ImportRun.objects.exists()


@each_report
def test_a_key_that_works_is_one_small_request(provided: Provided) -> None:
    asked = provider()
    probe(provided, asked)
    ((path, params),) = asked.requests
    assert path == f"{ORGANIZATION}/{ASKED[provided.name]}"
    assert dict(params)["starting_at"].startswith("2026-09-02")
    assert not [value for key, value in params if key == "group_by[]"]


@each_report
def test_a_day_on_which_nothing_was_spent_shows_as_much(provided: Provided) -> None:
    asked = provider()
    asked.shape.spent = []
    probe(provided, asked)


@each_report
def test_a_key_that_is_refused_says_so(provided: Provided) -> None:
    asked = provider()
    with pytest.raises(ImportRefusedError) as refused:
        probe(replace(provided, secret="sk-ant-another"), asked)
    assert refused.value.code == "credential_refused"
    assert "sk-ant" not in str(refused.value)
    assert not asked.requests
    assert not ImportRun.objects.exists()


@dataclass
class Another(AnthropicShape):
    """Something else at the same address."""

    def envelope(self, path: str, items: list[Any], cursor: str | None) -> Any:
        return {"object": "list", "models": items}


@each_report
def test_another_service_at_the_address_is_no_connection(provided: Provided) -> None:
    with pytest.raises(ImportRefusedError, match="another shape") as refused:
        probe(provided, provider(Another))
    assert refused.value.code == "unknown_answer"
    assert not ImportRun.objects.exists()
