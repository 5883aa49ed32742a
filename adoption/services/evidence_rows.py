"""Signs of AI as rows: one way for every store and for reading anew."""

from __future__ import annotations

from datetime import datetime

from adoption.evidence.classify import EvidenceFound
from adoption.models import Evidence
from adoption.services.history_digests import text_digest


def evidence_row(change_id: int, sign: EvidenceFound, *, at: datetime) -> Evidence:
    """The row of one sign on one change, observed at a moment; not saved."""
    return Evidence(
        change_id=change_id,
        channel=sign.channel,
        agent=sign.agent,
        model=sign.model or "",
        strength=sign.strength,
        session_ref=sign.session_ref or "",
        raw=sign.raw,
        raw_digest=text_digest(sign.raw),
        rule_key=sign.rule_key,
        rule_version=sign.rule_version,
        observed_at=at,
    )
