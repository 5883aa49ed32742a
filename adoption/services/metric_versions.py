"""Definitions as they were first seen: written down once, never changed."""

from __future__ import annotations

import datetime as dt

from adoption.metrics.documents import definition_document, document_sha256
from adoption.metrics.registry import MetricDefinition
from adoption.models import MetricVersion


class DefinitionChangedError(ValueError):
    """A definition reads otherwise than it did when its version was first seen."""

    def __init__(self, key: str, version: str) -> None:
        super().__init__(
            f"Metric {key!r} reads otherwise than version {version} did when it was first seen. "
            "Raise the version: the first number when its meaning changes, the last for a wording."
        )


def metric_version_of(metric: MetricDefinition, *, at: dt.datetime) -> MetricVersion:
    """The row of this definition, made when it is seen for the first time.

    Raises:
        DefinitionChangedError: the same key and version stands there with another text.
    """
    document = definition_document(metric)
    sha256 = document_sha256(document)
    row, _ = MetricVersion.objects.get_or_create(
        key=metric.key,
        version=metric.version,
        defaults={"definition": document, "definition_sha256": sha256, "first_seen_at": at},
    )
    if row.definition_sha256 != sha256:
        raise DefinitionChangedError(metric.key, metric.version)
    return row
