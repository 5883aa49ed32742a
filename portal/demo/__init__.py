"""The demo programme: steps that rooms register, run in order by `manage.py demo`.

Each step goes through the real services and imports, is seeded, and changes nothing when it is
run again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from django.core.checks import CheckMessage, Error

from portal.models import User
from portal.registry import Registry

SEED = 20260
PASSWORD = "plumbline-demo"  # noqa: S105  (local demo only; the command refuses in production)


@dataclass
class DemoContext:
    """What the steps share.

    Attributes:
        now: the moment of this run (UTC); the story ends here.
        first_month: first day of the month in which the programme starts.
        spool: a folder for generated files, removed afterwards.
        say: tells the person what is being done.
        people: users by sign-in name.
        shared: plain values that a step leaves for later ones, by name.
        logins: lines of the table of logins that is printed at the end.
    """

    now: datetime
    first_month: date
    spool: Path
    say: Callable[[str], None]
    people: dict[str, User] = field(default_factory=dict)
    shared: dict[str, Any] = field(default_factory=dict)
    logins: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class DemoStep:
    """One step.

    Attributes:
        key: its name.
        order: steps run from low to high.
        build: does it, or sees that it is done.
    """

    key: str
    order: int
    build: Callable[[DemoContext], None]


def _check_step(step: DemoStep) -> list[CheckMessage]:
    same = [other.key for other in demo_steps if other.order == step.order and other != step]
    if same:
        return [Error(f"demo steps {step.key!r} and {same[0]!r} have one order", id="portal.E301")]
    return []


demo_steps: Registry[DemoStep] = Registry("demo step", _check_step)
