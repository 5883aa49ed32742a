"""Whether the house is in order: what `check_house` looks at, and nothing that it would mend."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.core.checks import CheckMessage, Error, run_checks
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.executor import MigrationExecutor

from portal.approvals.triggers import guard_problems
from portal.audit.triggers import trigger_problems


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one part: `ok`, `failed` or `skipped`, and what was found or why."""

    part: str
    outcome: str
    lines: list[str] = field(default_factory=list)


def _told(part: str, problems: list[CheckMessage]) -> Finding:
    serious = [problem for problem in problems if problem.is_serious()]
    return Finding(part, "failed" if serious else "ok", [str(problem) for problem in problems])


def _system_checks() -> Finding:
    problems = run_checks(
        include_deployment_checks=settings.IS_PRODUCTION, databases=[DEFAULT_DB_ALIAS]
    )
    return _told("system checks", problems)


def _migrations() -> Finding:
    executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return _told(
        "migrations",
        [Error(f"not applied: {migration}; run `migrate`") for migration, _ in plan],
    )


def _guards() -> Finding:
    return _told("guards of approvals", guard_problems())


def _triggers() -> Finding:
    return _told("triggers of the audit", trigger_problems())


def _contracts() -> Finding:
    """Which room may import which; the tool belongs to development and may be absent."""
    tool = Path(sys.executable).with_name("lint-imports")
    if not tool.exists():
        return Finding("import contracts", "skipped", ["import-linter is not installed here"])
    done = subprocess.run(
        [tool, "--no-cache"], cwd=settings.BASE_DIR, capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        return Finding("import contracts", "ok")
    return Finding("import contracts", "failed", (done.stdout + done.stderr).splitlines())


PARTS: tuple[Callable[[], Finding], ...] = (
    _system_checks,
    _migrations,
    _guards,
    _triggers,
    _contracts,
)


def inspect_house() -> list[Finding]:
    """Look at every part, also when an earlier one is not in order."""
    return [look() for look in PARTS]
