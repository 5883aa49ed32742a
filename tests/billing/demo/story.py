"""A short programme for the demo's steps of billing: who pays, who tries, and the people."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from django.apps import apps

from portal.choices import Role
from portal.demo import DemoContext, demo_steps
from portal.selectors.audit import AuditHead, audit_head
from portal.shell.periods import Month
from tests.adoption.factories import make_use_case, make_user

_PLANS = (("Drafts", 1200), ("Search", 400), ("Invoices", 300), ("Release notes", 0))


def short_programme(folder: Path, now: datetime) -> DemoContext:
    """Four full months and the running one, of three use cases that pay and two that only try."""
    first = Month.of(now.date()) - 4
    make_use_case(title="Contract clause finder")
    spenders: list[tuple[Any, ...]] = [
        (make_use_case(title=title).slug, "Support", monthly, first.start, None)
        for title, monthly in _PLANS
    ]
    return DemoContext(
        now=now,
        first_month=first.start,
        spool=folder,
        say=lambda _: None,
        people={
            "admin": make_user(Role.ADMINISTRATOR),
            "lead": make_user(Role.PROGRAMME_LEAD),
            "finance": make_user(Role.FINANCE),
            "approver": make_user(Role.APPROVER),
        },
        shared={"spenders": spenders},
    )


def build_billing(context: DemoContext) -> None:
    """Every step of billing, in order."""
    for step in sorted(demo_steps, key=lambda each: each.order):
        if step.key.startswith("billing."):
            step.build(context)


def stored() -> tuple[AuditHead, dict[str, int]]:
    """The head of the audit, and how many rows each table has."""
    counts = {each._meta.label: each._base_manager.count() for each in apps.get_models()}
    return audit_head(), counts
