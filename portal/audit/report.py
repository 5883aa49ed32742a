"""What a verification found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

LAST = 2**63  # behind every event
KEPT_FINDINGS = 200


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        position: the id of the event where it shows; decides which comes first.
        rank: among findings at one position, the cause before what follows from it.
        kind: `event`, `seal`, `name`, `personal`, `heads` or `trigger`.
        record: which one.
        detail: what is wrong with it.
    """

    position: int
    rank: int
    kind: str
    record: str
    detail: str

    def __str__(self) -> str:
        return f"{self.kind} {self.record} {self.detail}"


@dataclass(slots=True)
class Report:
    """The result. `sealed` events were compared with their seals; `unsealed` are newer than any."""

    events: int = 0
    sealed: int = 0
    unsealed: int = 0
    seals: int = 0
    heads: int = 0
    not_exported: int = 0
    restores: int = 0
    seconds: float = 0.0
    problems: int = 0
    findings: list[Finding] = field(default_factory=list)

    def add(self, finding: Finding) -> None:
        """Count it, and keep it while it is among the first."""
        self.problems += 1
        self.findings.append(finding)
        if len(self.findings) > 2 * KEPT_FINDINGS:
            self.findings = sorted(self.findings)[:KEPT_FINDINGS]

    @property
    def is_whole(self) -> bool:
        return self.problems == 0

    @property
    def first_bad(self) -> Finding | None:
        """The first wrong record, in the order of events."""
        return min(self.findings, default=None)

    def as_document(self) -> dict[str, Any]:
        """For `--json`."""
        first = self.first_bad
        return {
            "whole": self.is_whole,
            "events": self.events,
            "sealed": self.sealed,
            "unsealed": self.unsealed,
            "seals": self.seals,
            "heads": self.heads,
            "heads_not_exported": self.not_exported,
            "restores": self.restores,
            "problems": self.problems,
            "first_bad": _document(first) if first else None,
            "findings": [_document(one) for one in sorted(self.findings)[:KEPT_FINDINGS]],
            "seconds": round(self.seconds, 3),
        }


def _document(finding: Finding) -> dict[str, str]:
    return {"kind": finding.kind, "record": finding.record, "detail": finding.detail}
