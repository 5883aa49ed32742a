"""What adoption registers with the portal. Imported once, by `AdoptionConfig.ready()`."""

from __future__ import annotations

from adoption.metrics.registry import metrics
from portal.checks import check_registry

check_registry(metrics)
