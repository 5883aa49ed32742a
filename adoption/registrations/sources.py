"""Where changes and deployments come from."""

from __future__ import annotations

from adoption.services.history_store import HistoryStore
from adoption.sources.git.collect import collect_history
from adoption.sources.git.config import GitConfig
from adoption.sources.git.source import GitSource
from portal.choices import ImportKind
from portal.imports.registry import ImportSource, import_sources

import_sources.register(
    ImportSource(
        key="git",
        label="Git history",
        kind=ImportKind.DELIVERIES,
        source=GitSource(),
        make_store=HistoryStore,
        config_model=GitConfig,
        accept=".jsonl,.gz",
        summary="A repository, or the files of an exported history (commits and tags).",
        collect=collect_history,
    )
)
