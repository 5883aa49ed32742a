"""The pages of the documentation say what the definitions say."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from adoption.metric_pages import page_of, pages_of
from adoption.metrics.registry import metrics
from tests.adoption.metrics.windowed import registered_things
from tests.architecture.tree import REPOSITORY

PAGES = REPOSITORY / "docs" / "metrics"


def test_the_pages_are_what_the_definitions_make() -> None:
    stored = {path.name: path.read_text("utf-8") for path in PAGES.glob("*.md")}
    made = pages_of(metrics)
    again = "run `python manage.py document_metrics docs/metrics`"
    assert sorted(stored) == sorted(made), again
    assert [name for name, text in made.items() if stored[name] != text] == [], again


def test_a_page_says_all_that_the_definition_promises() -> None:
    with registered_things() as things:
        text = page_of(things.definition)
        changed = things.definition
        things.change(formula="Twice the number of things.")
        assert page_of(things.definition) != text
    windowed = changed.windowed
    assert windowed is not None
    for said in (
        changed.formula, changed.decision, changed.version, "higher is better",
        "use case, month", "5 contributors; 10 for who leads", "`held_deliveries`",
        "| A3 | deploying the same thing again | `tests/adoption/metrics/windowed.py::none` |",
        windowed.readers, "/api/v1/metrics/test_things/values/?scope=use_case:",
    ):  # fmt: skip
        assert said in text, said


def test_the_command_removes_what_is_no_metric_any_more(tmp_path: Path) -> None:
    (tmp_path / "gone.md").write_text("A metric that was.")
    out = StringIO()
    call_command("document_metrics", tmp_path, json=True, stdout=out)
    told = json.loads(out.getvalue())
    assert told["removed"] == ["gone.md"]
    assert sorted(path.name for path in tmp_path.iterdir()) == told["written"]
    with pytest.raises(CommandError, match="is no folder"):
        call_command("document_metrics", tmp_path / told["written"][0], stdout=StringIO())
