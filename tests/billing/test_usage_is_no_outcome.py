"""Usage is a driver of cost: nothing that judges value may read it, and no page offers it."""

from __future__ import annotations

import ast
import datetime as dt
from pathlib import Path

import pytest
from django.core.checks import Error
from django.test import Client
from django.urls import reverse

from adoption.metrics.registry import KNOWN_INPUTS, USAGE_INPUTS, MetricDefinition, metrics
from billing.models import Usage, UsageDimension, UsageSlice
from billing.selectors.usage import usage_lines
from portal.models import ImportFile, ImportRun
from portal.shell.periods import Month
from tests.adoption.factories import FakeMetric, make_user
from tests.imports import START, line, make_connection, run_import

ROOT = Path(__file__).resolve().parents[2]
MAY_READ_USAGE = {
    "billing/selectors/usage.py",  # the diagnostic page
    "billing/services/usage_store.py",  # the import
    "billing/services/cost_store.py",
    "billing/models/__init__.py",
    "billing/views/usage.py",
}


def imported(path: Path) -> set[str]:
    """Names of what a module imports, dotted; nothing where the word does not even stand."""
    found: set[str] = set()
    text = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(text)) if "usage" in text.lower() else ():
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{each.name}" for each in node.names}
        elif isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
    return found


def reads_usage(path: Path) -> bool:
    forbidden = ("billing.models.Usage", "billing.models.usage", "billing.selectors.usage")
    return any(name.startswith(forbidden) for name in imported(path))


def test_no_metric_api_or_other_page_reads_usage() -> None:
    readers = {
        str(path.relative_to(ROOT))
        for room in ("portal", "adoption", "billing")
        for path in (ROOT / room).rglob("*.py")
        if "migrations" not in path.parts and reads_usage(path)
    }
    assert readers <= MAY_READ_USAGE
    assert "billing/selectors/usage.py" in readers  # the rule sees what it looks for


@pytest.mark.parametrize("name", sorted(USAGE_INPUTS))
def test_a_metric_that_rests_on_usage_is_refused(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = FakeMetric("things").definition
    bad = MetricDefinition(
        **{each: getattr(given, each) for each in given.__dataclass_fields__}
        | {"inputs": frozenset({name, "deliveries"})}
    )
    monkeypatch.setitem(metrics._items, bad.key, bad)
    problems = [each for each in metrics.problems() if "things" in str(each.msg)]
    assert [(type(each), each.id) for each in problems] == [(Error, "adoption.E001")]
    assert not KNOWN_INPUTS & USAGE_INPUTS


@pytest.mark.django_db
def test_the_page_shows_quantities_beside_cost_and_offers_no_export_or_order() -> None:
    bill = make_connection()
    run_import(bill, [line(3, "4")])
    run, file = ImportRun.objects.get(), ImportFile.objects.get()
    for number, (model, micro) in enumerate((("zeta", 9_000_000), ("alpha", 1_500_000)), start=1):
        dimension = UsageDimension.objects.create(
            digest=f"{number:032x}", dataset="usage", provider="Cloud", service_name="Models",
            model=model, metric="input_tokens", unit="tokens", api_key_id="key-of-somebody",
        )  # fmt: skip
        part = UsageSlice.objects.create(
            connection=bill, dataset=f"usage-{number}", day=dt.date(2026, 5, 3), rows=1, digest=1,
            last_run=run, changed_at=START,
        )  # fmt: skip
        Usage.objects.create(
            slice=part, dimension=dimension, run=run, file=file, line=2,
            identity=f"{number:032x}", day=dt.date(2026, 5, 3), period_start=START,
            period_end=START, quantity_micro=micro, recorded_at=START,
        )  # fmt: skip
    person = make_user()
    lines = usage_lines(person, Month(2026, 5))
    assert [(each.model, str(each.quantities[0][2])) for each in lines] == [
        ("alpha", "1.500000"),
        ("zeta", "9.000000"),
    ]
    client = Client()
    client.force_login(person)
    for query in ("", "?export=csv", "?sort=-quantity", "?group=principal"):
        answer = client.get(f"{reverse('usage')}{query}")
        text = answer.content.decode()
        assert answer["Content-Type"].startswith("text/html")
        assert text.index("alpha") < text.index("zeta")
        assert "A diagnostic, not a result." in text
        assert "Export" not in text
        assert "key-of-somebody" not in text
