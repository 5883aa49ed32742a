"""System check: no definition reads otherwise than when its version was first seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps.config import AppConfig
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections

from adoption.metrics.documents import definition_document, document_sha256
from adoption.metrics.registry import computed_versions, metrics
from adoption.models import MetricVersion


def check_stored_definitions(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    """Compare the code with what is stored; a database without the table has nothing to say."""
    problems: list[CheckMessage] = []
    for alias in databases or ():
        if MetricVersion._meta.db_table not in connections[alias].introspection.table_names():
            continue
        rows = MetricVersion.objects.using(alias).values_list("key", "version", "definition_sha256")
        stored = {(key, version): sha256 for key, version, sha256 in rows}
        for metric in metrics:
            for each in computed_versions(metric):
                known = stored.get((each.key, each.version))
                if known not in (None, document_sha256(definition_document(each))):
                    problems.append(
                        Error(
                            f"metric {each.key!r} reads otherwise than version {each.version} did "
                            "when it was first seen; raise the version",
                            id="adoption.E011",
                        )
                    )
    return problems


def register_metric_checks() -> None:
    """Have it run wherever databases are checked."""
    register(check_stored_definitions, Tags.database)
