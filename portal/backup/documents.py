"""Landed files that no import run names: rooms register how to find theirs, so that none is lost.

A document attached to a governed row lies in the landing directory like an imported file; a backup
packs what the tables name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from portal.registry import Registry


@dataclass(frozen=True, slots=True)
class LandedDocuments:
    """Where a room keeps hashes of landed documents; `hashes()` reads them all."""

    key: str
    hashes: Callable[[], Iterable[str]]


landed_documents: Registry[LandedDocuments] = Registry("kind of landed document")


def document_hashes() -> set[str]:
    """Hashes of every landed document that some room names."""
    return {sha for kind in landed_documents for sha in kind.hashes() if sha}
