"""Creating many models in one migration, at the price of one.

Django keeps a rendered copy of every model while it migrates, and each `CreateModel` with a foreign
key renders all models that are related to it anew. A hundred models that point at the user are then
rendered some ten thousand times: most of the time of a first start, and of every test database.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import CreateModel
from django.db.migrations.operations.base import Operation, OperationCategory
from django.db.migrations.state import ProjectState


class CreateModels(Operation):
    """`CreateModel` for each of `models`, in their order, with one rendering for all.

    A model may point at those before it, and at itself.
    """

    category = OperationCategory.ADDITION
    serialization_expand_args = ["models"]

    def __init__(self, models: Sequence[CreateModel]) -> None:
        self.models = list(models)

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        was_rendered = state.__dict__.pop("apps", None) is not None
        for model in self.models:
            model.state_forwards(app_label, state)
        if was_rendered:
            state.apps  # noqa: B018 - a cached property: this renders

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        for model in self.models:
            model.database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        for model in reversed(self.models):
            model.database_backwards(app_label, schema_editor, from_state, to_state)

    def describe(self) -> str:
        return f"Create {len(self.models)} models"
