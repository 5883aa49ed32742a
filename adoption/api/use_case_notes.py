"""Comments and links of a use case."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from adoption.api.use_cases import SLUG, use_case_or_404
from adoption.models import UseCaseComment, UseCaseLink
from adoption.policies import may_comment, may_edit_use_case
from adoption.selectors.use_case_notes import comments_of, links_of
from adoption.services.use_case_notes import add_comment, add_link
from portal.api.idempotency import Answer, answer_once
from portal.api.schema import operation, page_of
from portal.api.views import (
    ApiView,
    NoFilters,
    list_response,
    read_body,
    read_query,
    signed_in,
)

TAG = "Use cases"


class CommentSerializer(serializers.Serializer[Any]):
    """A comment. One that its author took back keeps its line and has no text."""

    id = serializers.IntegerField()
    text = serializers.CharField(allow_null=True, help_text="Plain text; null once taken back.")
    is_decision = serializers.BooleanField(help_text="It stands in the decision log.")
    author = serializers.CharField(help_text="Name of the person who wrote it.")
    written_at = serializers.DateTimeField()
    withdrawn_at = serializers.DateTimeField(allow_null=True)


class NewCommentSerializer(serializers.Serializer[Any]):
    """A comment to add."""

    text = serializers.CharField(max_length=5000)


class LinkSerializer(serializers.Serializer[Any]):
    """A document elsewhere."""

    id = serializers.IntegerField()
    title = serializers.CharField()
    url = serializers.CharField()
    added_by = serializers.CharField(help_text="Name of the person who attached it.")
    added_at = serializers.DateTimeField()


class NewLinkSerializer(serializers.Serializer[Any]):
    """A document to attach."""

    title = serializers.CharField(max_length=160)
    url = serializers.CharField(max_length=1000, help_text="Starts with https://.")


def _comment(comment: UseCaseComment) -> dict[str, Any]:
    return {
        "id": comment.pk,
        "text": None if comment.withdrawn_at else comment.text,
        "is_decision": comment.is_decision,
        "author": str(comment.author),
        "written_at": comment.written_at,
        "withdrawn_at": comment.withdrawn_at,
    }


def _link(link: UseCaseLink) -> dict[str, Any]:
    return {
        "id": link.pk,
        "title": link.title,
        "url": link.url,
        "added_by": str(link.added_by),
        "added_at": link.added_at,
    }


class CommentsView(ApiView):
    """The comments of one use case."""

    scopes: ClassVar[dict[str, str]] = {"GET": "registry:read", "POST": "registry:write"}
    ordering: ClassVar[tuple[str, ...]] = ("-written_at", "-id")

    @operation(
        "use_case_comments_list",
        "List the comments of a use case, newest first",
        tag=TAG,
        answer=page_of(CommentSerializer),
        query=NoFilters,
        parameters=[SLUG],
        paged=True,
        found_by_path=True,
    )
    def get(self, request: Request, slug: str) -> Any:
        use_case = use_case_or_404(request, slug)
        read_query(request, NoFilters)
        return list_response(
            request,
            comments_of(use_case),
            lambda found: [_comment(comment) for comment in found],
            ordering=self.ordering,
        )

    @operation(
        "use_case_comments_create",
        "Comment on a use case",
        tag=TAG,
        description="For everybody. A comment is never changed; its author takes it back, and "
        "decisions are noted, on the page of the use case.",
        answer=CommentSerializer,
        body=NewCommentSerializer,
        status=201,
        parameters=[SLUG],
        found_by_path=True,
    )
    def post(self, request: Request, slug: str) -> Any:
        use_case = use_case_or_404(request, slug)
        if not may_comment(request.user):
            raise PermissionDenied
        data = read_body(request, NewCommentSerializer).validated_data

        def work() -> Answer:
            made = add_comment(
                use_case=use_case, author=signed_in(request), at=timezone.now(), **data
            )
            return Answer(201, _comment(made))

        return answer_once(request, work)


class LinksView(ApiView):
    """The documents attached to one use case."""

    scopes: ClassVar[dict[str, str]] = {"GET": "registry:read", "POST": "registry:write"}
    ordering: ClassVar[tuple[str, ...]] = ("title", "id")

    @operation(
        "use_case_links_list",
        "List the documents attached to a use case",
        tag=TAG,
        answer=page_of(LinkSerializer),
        query=NoFilters,
        parameters=[SLUG],
        paged=True,
        found_by_path=True,
    )
    def get(self, request: Request, slug: str) -> Any:
        use_case = use_case_or_404(request, slug)
        read_query(request, NoFilters)
        return list_response(
            request,
            links_of(use_case),
            lambda found: [_link(link) for link in found],
            ordering=self.ordering,
        )

    @operation(
        "use_case_links_create",
        "Attach a document by its address",
        tag=TAG,
        description="For the owner of the use case and programme leads. The portal keeps the "
        "address and never opens it.",
        answer=LinkSerializer,
        body=NewLinkSerializer,
        status=201,
        parameters=[SLUG],
        found_by_path=True,
    )
    def post(self, request: Request, slug: str) -> Any:
        use_case = use_case_or_404(request, slug)
        if not may_edit_use_case(request.user, use_case):
            raise PermissionDenied
        data = read_body(request, NewLinkSerializer).validated_data

        def work() -> Answer:
            made = add_link(use_case=use_case, actor=signed_in(request), at=timezone.now(), **data)
            return Answer(201, _link(made))

        return answer_once(request, work)
