"""Reading comments and links of a use case."""

from __future__ import annotations

from django.db.models import QuerySet

from adoption.models import UseCase, UseCaseComment, UseCaseLink
from adoption.policies import may_see_registry
from portal.policies import AnyUser


def comments_visible_to(user: AnyUser, use_case: UseCase) -> QuerySet[UseCaseComment]:
    """Its comments, newest first; whoever sees the registry sees them, withdrawn lines too."""
    rows = UseCaseComment.objects.filter(use_case=use_case).select_related("author")
    return rows if may_see_registry(user) else rows.none()


def links_visible_to(user: AnyUser, use_case: UseCase) -> QuerySet[UseCaseLink]:
    """Its documents that nobody has removed, by title."""
    rows = UseCaseLink.objects.filter(use_case=use_case, removed_at__isnull=True)
    return rows.select_related("added_by") if may_see_registry(user) else rows.none()
