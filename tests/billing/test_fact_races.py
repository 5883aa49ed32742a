"""A delete of what a running import points at never leaves a line that points nowhere.

Guards see only what is committed. A lock that the import shares and the delete wants alone closes
the gap; taken away, the same races leave such a line on PostgreSQL, which looks up no key of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from billing.models import Allocation, Charge, ChargeDimension, Usage, UsageDimension
from billing.services import allocations, charge_store, usage_store
from billing.services.allocations import reallocate
from billing.services.charge_store import ChargeStore
from portal.approvals import triggers
from portal.approvals.triggers import install
from portal.imports.registry import Plan
from tests.billing.services.charges import assert_books_balance
from tests.billing.services.quantities import bring, quantity
from tests.imports import START, line, make_connection, run_import

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db(transaction=True)]


class Deleter:
    """Deletes every row of a table in a transaction of its own, on a connection of its own.

    Attributes:
        is_done: set once the delete was carried out or refused.
        may_commit: what its transaction waits for.
    """

    def __init__(self, table: str = "billing_chargedimension", *, is_patient: bool = False) -> None:
        self._table = table
        self.is_done, self.may_commit = threading.Event(), threading.Event()
        self.problem: str | None = None
        if not is_patient:
            self.may_commit.set()
        self._thread = threading.Thread(target=self._delete, daemon=True)
        self._thread.start()

    def _delete(self) -> None:
        try:
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute(f"DELETE FROM {self._table}")  # noqa: S608  (names of our own)
                self.is_done.set()
                self.may_commit.wait(20)
        except DatabaseError as error:
            self.problem = str(error)
        finally:
            self.is_done.set()
            connection.close()

    def end(self) -> None:
        self.may_commit.set()
        self._thread.join(30)
        assert not self._thread.is_alive()


def leave_a_dimension() -> None:
    """A dimension that the next import brings again, and that nothing points at."""
    run_import(make_connection("earlier"), [line(3, "1")])
    with connection.cursor() as cursor:
        for table in ("allocation", "restatement", "dailycost", "charge", "chargeslice"):
            cursor.execute(f"DELETE FROM billing_{table}")  # noqa: S608  (names of our own)
    assert ChargeDimension.objects.count() == 1


def lost_lines() -> int:
    """Cost lines whose dimension is not there."""
    known = ChargeDimension.objects.values("pk")
    return Charge.objects.exclude(dimension_id__in=known).count()


def import_while_it_is_deleted(monkeypatch: pytest.MonkeyPatch) -> Deleter:
    """The lines are written, and not committed, when the delete comes."""
    leave_a_dimension()
    deleters: list[Deleter] = []
    apply = ChargeStore.apply

    def apply_and_wait(store: ChargeStore, plan: Plan, **given: Any) -> None:
        apply(store, plan, **given)
        deleters.append(Deleter())
        deleters[0].is_done.wait(0.5)  # on SQLite it waits for this transaction to end

    monkeypatch.setattr(ChargeStore, "apply", apply_and_wait)
    run = run_import(make_connection("later"), [line(3, "2")])
    assert run.status == "applied"
    deleters[0].end()
    return deleters[0]


def delete_while_it_is_imported() -> None:
    """The row is deleted, and that is not committed, when the import comes."""
    leave_a_dimension()
    deleter = Deleter(is_patient=True)
    assert deleter.is_done.wait(20)
    threading.Timer(0.4, deleter.may_commit.set).start()
    run = run_import(make_connection("later"), [line(3, "2")])
    assert run.status == "applied"
    deleter.end()
    assert deleter.problem is None


def test_what_an_import_is_about_to_point_at_is_not_deleted(
    monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    deleter = import_while_it_is_deleted(monkeypatch)
    said = "being written just now" if engine == "postgres" else "cost lines point at it"
    assert said in str(deleter.problem)
    assert lost_lines() == 0
    assert_books_balance()


def test_what_has_just_been_deleted_is_made_anew() -> None:
    delete_while_it_is_imported()
    assert lost_lines() == 0
    assert Charge.objects.count() == 1
    assert_books_balance()


@pytest.mark.parametrize("half", ["import", "guard"])
def test_without_either_half_of_the_lock_a_line_points_nowhere(
    half: str, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    if engine != "postgres":
        pytest.skip("on SQLite there is one writer, and the keys are looked up")
    with pytest.MonkeyPatch.context() as patch:
        _take_away(half, patch)
        import_while_it_is_deleted(monkeypatch)
    install(connection)
    assert lost_lines() == 1


def test_without_the_import_s_half_it_points_at_what_has_just_been_deleted(
    monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    if engine != "postgres":
        pytest.skip("on SQLite there is one writer, and the keys are looked up")
    _take_away("import", monkeypatch)
    delete_while_it_is_imported()
    assert lost_lines() == 1


def bring_quantities_while_it_is_deleted() -> Deleter:
    """They are written, and not committed, when their dimension, an older one, is deleted."""
    with transaction.atomic():
        bring(make_connection("earlier"), [quantity()])
        with connection.cursor() as cursor:
            for table in ("usage", "usageslice"):
                cursor.execute(f"DELETE FROM billing_{table}")  # noqa: S608  (names of our own)
    assert UsageDimension.objects.count() == 1
    with transaction.atomic():
        bring(make_connection("later"), [quantity()])
        deleter = Deleter("billing_usagedimension")
        deleter.is_done.wait(0.5)  # on SQLite it waits for this transaction to end
    deleter.end()
    return deleter


def lost_quantities() -> int:
    """Quantities whose dimension is not there."""
    return Usage.objects.exclude(dimension_id__in=UsageDimension.objects.values("pk")).count()


def test_what_quantities_are_about_to_point_at_is_not_deleted(engine: str) -> None:
    deleter = bring_quantities_while_it_is_deleted()
    said = "being written just now" if engine == "postgres" else "quantities point at it"
    assert said in str(deleter.problem)
    assert lost_quantities() == 0


@pytest.mark.parametrize("half", ["import", "guard"])
def test_without_either_half_of_the_lock_a_quantity_points_nowhere(half: str, engine: str) -> None:
    if engine != "postgres":
        pytest.skip("on SQLite there is one writer, and the keys are looked up")
    with pytest.MonkeyPatch.context() as patch:
        _take_away(half, patch)
        bring_quantities_while_it_is_deleted()
    install(connection)
    assert lost_quantities() == 1


def _take_away(half: str, patch: pytest.MonkeyPatch) -> None:
    if half == "import":
        for writer in (charge_store, usage_store):
            patch.setattr(writer, "hold_what_facts_point_at", lambda: None)
    else:
        patch.setattr(triggers, "_locking", lambda *lock: "")
        install(connection)


def test_a_reallocation_holds_what_its_parts_point_at(
    monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    """Its parts are away and not committed: just then nothing points at a charge."""
    cloud = make_connection()
    run_import(cloud, [line(3, "1")])
    problems: list[str] = []
    again = allocations.allocate_targets

    def wait_for_the_delete(*given: Any, **named: Any) -> None:
        again(*given, **named)
        if engine == "postgres":
            problems.append(in_another_connection(delete_charges))

    monkeypatch.setattr(allocations, "allocate_targets", wait_for_the_delete)
    day = Charge.objects.get().day
    assert reallocate(connection_id=cloud.pk, start=day, end=day.replace(day=9), at=START) == 1
    assert Allocation.objects.get().charge_id in Charge.objects.values_list("pk", flat=True)
    assert all("being written just now" in each for each in problems)
    assert len(problems) == (engine == "postgres")


def delete_charges() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM billing_charge")


def in_another_connection(work: Callable[[], None]) -> str:
    """What the database says to it."""
    said: list[str] = []

    def run() -> None:
        try:
            work()
        except DatabaseError as error:
            said.append(str(error))
        finally:
            connection.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(20)
    return said[0] if said else ""
