"""Everything that is stored about one person, for that person and nobody else."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from adoption.models import (
    Change,
    Declaration,
    Delivery,
    DeliveryEvent,
    Evidence,
    Identity,
    Membership,
    Suggestion,
    UseCase,
)
from portal.models import DigestSetting, Notice, NoticePreference, SignInEvent, User
from portal.policies import AnyUser

SHOWN = 25  # rows a section on the page; the export has all
ABOUT = {
    "identities": "Names under which sources such as Git know you.",
    "memberships": "Teams that you belong or belonged to.",
    "deliveries": "What you logged.",
    "delivery_events": "What became of it, and why.",
    "suggestions": "What was suggested to you, and what you answered.",
    "changes": "Merged changes whose author you are.",
    "evidence": "Signs of AI that were seen on them.",
    "declarations": "What labels, boxes and you yourself said about AI in them.",
    "use_cases": "Use cases that name you as their owner.",
    "notice_preferences": "What you want to be told, and by which way.",
    "digest": "When digests come, and to which chat.",
    "notices": "What the portal told you.",
    "sign_in_events": "What happened at your sign-in.",
}


@dataclass(frozen=True, slots=True)
class Section:
    """One kind of record: all of its rows for the export, the newest for the page."""

    key: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Any]]
    total: int

    @property
    def about(self) -> str:
        return ABOUT[self.key]

    @property
    def title(self) -> str:
        return self.key.replace("_", " ").capitalize()

    @property
    def is_cut(self) -> bool:
        return self.total > len(self.rows)


def _sources(user: User) -> dict[str, tuple[QuerySet[Any], tuple[str, ...]]]:
    """Rows and columns of each section, newest first."""
    mine = {"change__author__user": user}
    return {
        "identities": (
            Identity.objects.filter(user=user).order_by("kind", "value"),
            ("kind", "value", "display_name"),
        ),
        "memberships": (
            Membership.objects.filter(user=user).order_by("-starts_on", "pk"),
            ("team__name", "starts_on", "ends_on"),
        ),
        "deliveries": (
            Delivery.objects.filter(claimed_by=user).order_by("-claimed_at", "-pk"),
            ("id", "use_case__title", "title", "link", "change__sha", "assistance", "claimed_at",
             "state", "state_reason", "merged_at", "deployed_at", "held_at", "reverted_at",
             "reviewed_at"),
        ),
        "delivery_events": (
            DeliveryEvent.objects.filter(delivery__claimed_by=user).order_by("-at", "-pk"),
            ("delivery_id", "at", "from_state", "to_state", "reason"),
        ),
        "suggestions": (
            Suggestion.objects.filter(user=user).order_by("-offered_at", "-pk"),
            ("id", "change__title", "change__sha", "use_case__title", "state", "state_reason",
             "dismissal", "score", "candidates", "offered_at", "expires_at", "decided_at",
             "digested_at", "delivery_id"),
        ),
        "changes": (
            Change.objects.filter(author__user=user).order_by("-merged_at", "-pk"),
            ("id", "repository__key", "kind", "sha", "title", "merged_at", "strength",
             "involvement", "delivered_at", "reverted_at"),
        ),
        "evidence": (
            Evidence.objects.filter(**mine).order_by("-observed_at", "-pk"),
            ("change__sha", "channel", "agent", "model", "strength", "session_ref", "raw",
             "rule_key", "rule_version", "observed_at"),
        ),
        "declarations": (
            Declaration.objects.filter(**mine).order_by("-said_at", "-pk"),
            ("change__sha", "channel", "says", "raw", "said_at"),
        ),
        "use_cases": (
            UseCase.objects.filter(owner=user).order_by("title", "pk"), ("slug", "title", "stage"),
        ),
        **_told(user),
        "sign_in_events": (
            SignInEvent.objects.filter(user=user).order_by("-at", "-pk"),
            ("at", "kind", "address", "detail"),
        ),
    }  # fmt: skip


def _told(user: User) -> dict[str, tuple[QuerySet[Any], tuple[str, ...]]]:
    """What the portal tells the person, and how they want it."""
    return {
        "notice_preferences": (
            NoticePreference.objects.filter(user=user).order_by("kind"),
            ("kind", "in_portal", "by_email", "by_chat"),
        ),
        "digest": (
            DigestSetting.objects.filter(user=user),
            ("time_zone", "hour", "weekday", "chat_host", "chat_problem"),
        ),
        "notices": (
            Notice.objects.filter(user=user).order_by("-created_at", "-pk"),
            ("title", "text", "link", "created_at", "read_at", "emailed_at"),
        ),
    }


def own_data(
    user: AnyUser, *, limit: int | None = None, only: Iterable[str] | None = None
) -> list[Section]:
    """What is stored about this person, section by section.

    Args:
        limit: at most so many rows of each; all when None.
        only: the sections wanted; all when None.
    """
    if not isinstance(user, User) or not user.is_active:
        return []
    wanted = None if only is None else frozenset(only)
    found = []
    for key, (rows, columns) in _sources(user).items():
        if wanted is not None and key not in wanted:
            continue
        values = rows.values_list(*columns)
        shown = list(values if limit is None else values[:limit])
        total = len(shown) if limit is None or len(shown) < limit else rows.count()
        headings = [column.replace("__", "_") for column in columns]
        found.append(Section(key, headings, shown, total))
    return found


def own_changes(user: AnyUser, *, limit: int = SHOWN) -> list[Change]:
    """This person's newest changes, steps of pull requests left out, with what was declared."""
    if not isinstance(user, User) or not user.is_active:
        return []
    rows = Change.objects.filter(author__user=user, part_of__isnull=True)
    return list(
        rows.select_related("repository")
        .prefetch_related("declarations")
        .defer("message")
        .order_by("-merged_at", "-pk")[:limit]
    )


def own_change(user: AnyUser, pk: int) -> Change | None:
    """One change, if this person is its author."""
    if not isinstance(user, User) or not user.is_active:
        return None
    return Change.objects.filter(author__user=user, pk=pk).select_related("part_of").first()


def own_identity(user: AnyUser, pk: int) -> Identity | None:
    """One name, if it is linked to this person."""
    if not isinstance(user, User) or not user.is_active:
        return None
    return Identity.objects.filter(user=user, pk=pk).first()


def as_json(sections: Iterable[Section], *, at: dt.datetime, plain: Callable[[Any], Any]) -> Any:
    """The export as one document; `plain` makes a value one that JSON has."""
    return {
        "as_of": plain(at),
        "sections": {
            section.key: [
                dict(zip(section.headings, map(plain, row), strict=True)) for row in section.rows
            ]
            for section in sections
        },
    }
