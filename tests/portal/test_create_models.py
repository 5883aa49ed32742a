"""Many models created in one migration: the same tables as one by one, there and back."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, models
from django.db.migrations.operations import CreateModel
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from portal.create_models import CreateModels

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db(transaction=True)]
TABLES = {"together_shelf", "together_book"}


def shelves() -> list[CreateModel]:
    key: Any = models.BigAutoField(primary_key=True)
    above = models.ForeignKey("self", on_delete=models.PROTECT, null=True)
    shelf = models.ForeignKey("together.Shelf", on_delete=models.PROTECT)
    return [
        CreateModel("Shelf", [("id", key), ("above", above)]),
        CreateModel("Book", [("id", key), ("shelf", shelf)]),
    ]


def tables() -> set[str]:
    return TABLES & set(connection.introspection.table_names())


def carry_out(operation: Operation, before: ProjectState, after: ProjectState, verb: str) -> None:
    with connection.schema_editor() as editor:
        getattr(operation, f"database_{verb}")("together", editor, before, after)


@pytest.mark.parametrize("is_rendered", [True, False])
def test_models_created_together_are_there_and_go_again(is_rendered: bool) -> None:
    operation, before = CreateModels(shelves()), ProjectState()
    if is_rendered:
        before.apps  # noqa: B018 - rendered, as the executor has it
    after = before.clone()
    operation.state_forwards("together", after)
    one_by_one = before.clone()
    for each in shelves():
        each.state_forwards("together", one_by_one)
    assert after == one_by_one
    carry_out(operation, before, after, "forwards")
    assert tables() == TABLES
    carry_out(operation, after, before, "backwards")
    assert tables() == set()


def test_the_operation_says_what_it_does_and_can_be_written_down() -> None:
    operation = CreateModels(shelves())
    name, positional, named = operation.deconstruct()
    assert (name, len(positional) + len(named)) == ("CreateModels", 1)
    assert operation.describe() == "Create 2 models"
