"""Digests that tell whether a source says something new about a commit or a tag."""

from __future__ import annotations

import hashlib
from uuid import UUID

from adoption.sources.records import CommitRecord, TagRecord


def _digest(*parts: object) -> UUID:
    text = "\x1f".join("" if part is None else str(part) for part in parts)
    return UUID(bytes=hashlib.blake2b(text.encode(), digest_size=16).digest())


def commit_digest(record: CommitRecord, *, on_default_branch: bool) -> UUID:
    """Names everything that a source says about a commit. Instants count, not their offsets."""
    return _digest(
        record.sha,
        " ".join(record.parents),
        record.authored_at.timestamp(),
        record.committed_at.timestamp(),
        *record.author,
        *record.committer,
        record.message,
        record.files_changed,
        record.insertions,
        record.deletions,
        on_default_branch,
        *([record.ai_note] if record.ai_note else ()),  # without one, the digest of old stays
    )


def tag_digest(record: TagRecord, *, tier: str) -> UUID:
    """Names everything that a source says about a tag, and what the connection makes of it."""
    return _digest(record.name, record.target, record.tagged_at.timestamp(), record.annotated, tier)


def text_digest(text: str) -> UUID:
    """Names a raw text, for a unique key over texts of any length."""
    return _digest(text)
