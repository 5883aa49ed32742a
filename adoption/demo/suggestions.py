"""Suggestions of the demo: pull requests of the employee that wait for a click, one a reason."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from adoption.choices import MarkKind
from adoption.models import Identity, Repository, UseCase
from adoption.services.deliveries import advance_deliveries
from adoption.services.identities import link_identity
from adoption.services.ingest import ingest
from adoption.services.recompute import recompute_repository
from adoption.services.suggestions import refresh_suggestions
from adoption.services.use_case_marks import set_marks
from portal.demo import DemoContext
from portal.models import Connection
from portal.services.connections import create_connection

REPOSITORY = "shop/checkout"
SLUG = "demo-pull-requests"
_LOGIN = "mira"
_HOME, _OTHER = "Test generation for the checkout service", "Support replies with sources"
_CLAUDE = "Co-Authored-By: Claude Opus 4.7 <noreply@anthropic.com>"

# title, branch, labels, paths, message of its commit: what each is recognised by.
_REQUESTS: tuple[tuple[str, str, list[str], list[str], str], ...] = (
    ("Draft tests for split payments", "feat/split-tests", [], [], _CLAUDE),
    ("Quote sources in refund replies", "feat/SUP-118-sources", [], [], ""),
    ("Retry declined cards once", "feat/retry", ["Checkout-Tests"], [], ""),
    ("Cover voucher edge cases", "feat/vouchers", [], ["tests/vouchers/a.py", "tests/b.py"], ""),
    ("Answer macros for delivery delays", "feat/macros",
     ["uc:support-replies-with-sources"], [], _CLAUDE),
    ("Tidy price rounding", "fix/rounding", ["ai-assisted"], [], ""),
)  # fmt: skip


def build_suggestions(context: DemoContext) -> None:
    """Merged and deployed requests of the employee, by the API that own systems use."""
    context.say("Suggestions")
    home, other = UseCase.objects.get(title=_HOME), UseCase.objects.get(title=_OTHER)
    set_marks(
        use_case=home,
        marks={MarkKind.LABEL: ["checkout-tests"], MarkKind.PATH: ["tests/"]},
    )
    set_marks(use_case=other, marks={MarkKind.TICKET: ["SUP"]})
    connection = Connection.objects.filter(slug=SLUG).first()
    if connection is None:
        connection = create_connection(
            slug=SLUG, source="generic", name="Pull requests of the shop", at=context.now,
            config={"ai_labels": "ai-assisted", "human_boxes": "No AI was used"},
            actor=context.people["admin"],
        )  # fmt: skip
        _send(connection, context)
    identity = Identity.objects.get(kind="login", value=_LOGIN)
    if identity.user_id is None:
        link_identity(
            identity=identity, user=context.people["employee"], actor=None, at=context.now
        )
    refresh_suggestions(at=context.now)


def _send(connection: Connection, context: DemoContext) -> None:
    merged, deployed = context.now - timedelta(days=3), context.now - timedelta(days=2)
    changes = [
        _request(number, values, merged + timedelta(minutes=number - 9000))
        for number, values in enumerate(_REQUESTS, start=9001)
    ]
    repository = Repository.objects.get(key=REPOSITORY)
    ingest(connection=connection, noun="changes", items=changes, actor=None, at=context.now)
    ingest(
        connection=connection, noun="deployments", actor=None, at=context.now,
        items=[{
            "external_id": "checkout-web:9001", "repository": REPOSITORY,
            "service": "shop/checkout-web", "environment": "production", "tier": "production",
            "status": "succeeded", "version": "web-9001",
            "finished_at": deployed.isoformat(),
            "included": [each["external_id"] for each in changes],
        }, {
            "external_id": "checkout-web:9000", "repository": REPOSITORY,
            "service": "shop/checkout-web", "environment": "production", "tier": "production",
            "status": "succeeded", "version": "web-9000",
            "finished_at": (merged - timedelta(days=1)).isoformat(), "included": [],
        }],
    )  # fmt: skip
    with transaction.atomic():
        recompute_repository(repository_id=repository.pk)
        advance_deliveries(at=context.now, repository_ids=[repository.pk])


def _request(
    number: int, values: tuple[str, str, list[str], list[str], str], merged: datetime
) -> dict[str, Any]:
    title, branch, labels, paths, trailer = values
    sha = f"{number:040x}"
    return {
        "repository": REPOSITORY, "external_id": str(number), "kind": "pull_request",
        "state": "merged", "title": title, "message": "", "head_ref": branch, "base_ref": "main",
        "url": f"https://git.acme.example/{REPOSITORY}/pull/{number}",
        "author": {"login": _LOGIN}, "labels": labels, "paths": paths or None,
        "created_at": (merged - timedelta(days=1)).isoformat(), "merged_at": merged.isoformat(),
        "observed_at": merged.isoformat(),
        "commits": [{"sha": sha, "message": f"{title}\n\n{trailer}".strip()}],
    }  # fmt: skip
