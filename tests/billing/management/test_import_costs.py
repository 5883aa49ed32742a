"""`manage.py import_costs`: its JSON document, its exit codes, and errors that name the place."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.migrations.recorder import MigrationRecorder

from billing.models import Charge
from portal.models import Connection, ImportRun
from tests.billing.services.charges import fingerprint
from tests.billing.sources.focus.focus_files import csv_bytes
from tests.billing.sweeps import sweep_both_engines, swept
from tests.imports import line, make_connection

pytestmark = pytest.mark.django_db


def import_costs(*arguments: object) -> dict[str, Any]:
    """Run the command with `--json`; returns its document."""
    output = io.StringIO()
    call_command(
        "import_costs",
        *("--source", "focus", "--connection", "cloud", "--json"),
        *map(str, arguments),
        stdout=output,
        stderr=io.StringIO(),
    )
    found: dict[str, Any] = json.loads(output.getvalue())
    return found


def failure(*arguments: object) -> CommandError:
    with pytest.raises(CommandError) as caught:
        import_costs(*arguments)
    return caught.value


@pytest.fixture
def may(tmp_path: Path) -> Path:
    path = tmp_path / "may.csv"
    path.write_bytes(csv_bytes([line(1), line(2, "2.0000000005")]))
    return path


@pytest.mark.both_engines
def test_the_document_has_counts_and_exact_sums(may: Path) -> None:
    document = import_costs("--create-connection", may)
    assert document == {
        "run": ImportRun.objects.get().pk,
        "status": "applied",
        "read": 2,
        "inserted": 2,
        "updated": 0,
        "unchanged": 0,
        "superseded": 0,
        "rejected": 0,
        "held_reason": None,
        "problem": None,
        "sums": {"USD": {"billed": "3.5000000005", "effective": "3.5000000005"}},
        "stored": {"USD": {"billed": "3.500000000", "effective": "3.500000000"}},
        "residue": {"USD": {"billed": "0.0000000005", "effective": "0.0000000005"}},
    }
    again = import_costs(may)
    assert (again["unchanged"], again["inserted"], again["updated"]) == (2, 0, 0)


@sweep_both_engines
def test_the_public_sample_sums_exactly(shared_data: Path) -> None:
    document = import_costs("--create-connection", shared_data / "focus" / "focus_sample.csv")
    assert (document["read"], document["inserted"], document["rejected"]) == (1000, 1000, 0)
    assert document["sums"] == {"USD": {"billed": "20.52022672899", "effective": "14.97651418586"}}


def test_a_dry_run_succeeds_and_changes_nothing(may: Path) -> None:
    make_connection()
    before = fingerprint()
    document = import_costs("--dry-run", may)
    assert (document["status"], document["inserted"]) == ("checked", 2)
    assert fingerprint() == before


@pytest.mark.parametrize(
    ("content", "said"),
    [
        *swept(
            (b"", ("bad.csv", "empty")),
        ),
        (b"not,focus\n1,2\n", ("bad.csv", "BilledCost")),
        (csv_bytes([line(1), line(2, "1e400")]), ("bad.csv", "line 3", "BilledCost", "1e400")),
        *swept(
            (csv_bytes([line(1), line(2, "NaN")]), ("bad.csv", "line 3", "BilledCost", "NaN")),
            (
                csv_bytes([line(1), line(2, BillingCurrency="EUR")]),
                ("bad.csv", "line 3", "BillingCurrency", "EUR"),
            ),
        ),
        (csv_bytes([line(1), line(2)])[:-30], ("bad.csv", "line 3")),
        *swept(
            (gzip.compress(csv_bytes([line(n + 1) for n in range(28)]))[:-20], ("bad.csv",)),
        ),
        (
            csv_bytes([{k: v for k, v in line(1).items() if k != "BilledCost"}]),
            ("bad.csv", "BilledCost"),
        ),
    ],
    ids=["empty", "other", "1e400", "NaN", "currencies", "cut", "cut-gzip", "column"],
)
def test_bad_input_is_refused_by_name_and_nothing_is_applied(
    tmp_path: Path, content: bytes, said: tuple[str, ...]
) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    error = failure("--create-connection", path)
    assert error.returncode == 2
    for part in said:
        assert part in str(error)
    assert not Charge.objects.exists()


def test_each_way_of_ending_has_its_exit_code(tmp_path: Path) -> None:
    make_connection(hold_jump_percent=10, hold_jump_floor=1)
    path = tmp_path / "may.csv"
    path.write_bytes(csv_bytes([line(1, "100")]))
    import_costs(path)
    path.write_bytes(csv_bytes([line(1, "300")]))
    held = failure(path)
    assert held.returncode == 3
    assert "jumps from 100 to 300 USD" in str(held)
    assert failure(tmp_path / "gone.csv").returncode == 2
    assert failure().returncode == 2


@sweep_both_engines
def test_a_connection_is_only_made_when_asked_for_and_never_changes_its_source(may: Path) -> None:
    assert "There is no connection 'cloud'" in str(failure(may))
    make_connection()
    Connection.objects.update(source="git")
    assert "one of source 'git', not 'focus'" in str(failure(may))
    Connection.objects.update(source="focus", is_active=False)
    assert "switched off" in str(failure(may))
    assert not ImportRun.objects.exists()


@sweep_both_engines
def test_only_the_days_of_the_window_are_taken(may: Path) -> None:
    document = import_costs("--create-connection", "--since", "2026-05-02", may)
    assert (document["read"], document["inserted"]) == (1, 1)
    with pytest.raises(CommandError, match="since"):
        import_costs("--since", "soon", may)


@sweep_both_engines
def test_a_warning_about_migrations_stays_out_of_the_document(may: Path) -> None:
    MigrationRecorder.Migration.objects.filter(app="billing").order_by("-pk")[0].delete()
    assert import_costs("--create-connection", may)["inserted"] == 2
