"""Reading comments and links of a use case. Whoever may see the use case sees them all."""

from __future__ import annotations

from django.db.models import QuerySet

from adoption.models import UseCase, UseCaseComment, UseCaseLink


def comments_of(use_case: UseCase) -> QuerySet[UseCaseComment]:
    """Its comments, newest first, with the lines of those that were taken back."""
    return UseCaseComment.objects.filter(use_case=use_case).select_related("author")


def all_links_of(use_case: UseCase) -> QuerySet[UseCaseLink]:
    """Its documents by title, removed ones too: the decision log names them."""
    rows = UseCaseLink.objects.filter(use_case=use_case)
    return rows.select_related("added_by", "removed_by")


def links_of(use_case: UseCase) -> QuerySet[UseCaseLink]:
    """Its documents that nobody has removed, by title."""
    return all_links_of(use_case).filter(removed_at__isnull=True)
