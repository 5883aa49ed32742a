"""Comments and links of a use case: write, take back, attach, remove."""

from __future__ import annotations

from typing import Any

from django import forms
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.functional import cached_property

from adoption.forms.use_case_notes import CommentForm, ConfirmForm, LinkForm
from adoption.models import UseCaseComment, UseCaseLink
from adoption.policies import may_comment, may_withdraw_comment
from adoption.selectors.use_case_notes import comments_of, links_of
from adoption.services.use_case_notes import add_comment, add_link, remove_link, withdraw_comment
from adoption.views.use_cases import UseCasePart
from portal.models import User
from portal.policies import AnyUser


class CommentNewPage(UseCasePart):
    """Write a comment."""

    form_class = CommentForm
    title = "Comment"
    submit_label = "Add the comment"
    done_message = "Your comment is there."

    def allows(self, user: AnyUser) -> bool:
        return may_comment(user)

    def save(self, form: forms.Form, user: User) -> str:
        add_comment(
            use_case=self.use_case,
            text=form.cleaned_data["text"],
            author=user,
            at=timezone.now(),
        )
        return self.page_url("comments")


class DecisionNewPage(UseCasePart):
    """Note a decision: a comment that stands in the decision log. For who may edit."""

    form_class = CommentForm
    title = "Note a decision"
    lead = "It stands in the decision log, with your name and the day, beside the stages."
    submit_label = "Note it"
    done_message = "The decision is in the log."

    def save(self, form: forms.Form, user: User) -> str:
        add_comment(
            use_case=self.use_case,
            text=form.cleaned_data["text"],
            is_decision=True,
            author=user,
            at=timezone.now(),
        )
        return self.page_url("decisions")


class CommentWithdrawPage(UseCasePart):
    """Take back one's own comment."""

    form_class = ConfirmForm
    title = "Take back a comment"
    lead = "Its text is no longer shown. The line stays, with your name and both times."
    submit_label = "Take it back"
    done_message = "Your comment is taken back."
    is_dangerous = True

    @cached_property
    def comment(self) -> UseCaseComment:
        return get_object_or_404(comments_of(self.use_case), pk=self.kwargs["pk"])

    def load(self) -> None:
        self.comment  # noqa: B018  (404 comes before 403)

    def allows(self, user: AnyUser) -> bool:
        return may_withdraw_comment(user, self.comment)

    def save(self, form: forms.Form, user: User) -> str:
        withdraw_comment(comment_id=self.comment.pk, actor=user, at=timezone.now())
        return self.page_url("comments")


class LinkNewPage(UseCasePart):
    """Attach a document."""

    form_class = LinkForm
    title = "Attach a document"
    lead = "The portal keeps the address, not the document."
    submit_label = "Attach"
    done_message = "Attached."

    def save(self, form: forms.Form, user: User) -> str:
        add_link(
            use_case=self.use_case,
            title=form.cleaned_data["title"],
            url=form.cleaned_data["url"],
            actor=user,
            at=timezone.now(),
        )
        return self.page_url("links")


class LinkRemovePage(UseCasePart):
    """Take an attached document off the page."""

    form_class = ConfirmForm
    title = "Remove a document"
    submit_label = "Remove"
    done_message = "Removed. The decision log says so."
    is_dangerous = True

    @cached_property
    def link(self) -> UseCaseLink:
        return get_object_or_404(links_of(self.use_case), pk=self.kwargs["pk"])

    def load(self) -> None:
        self.link  # noqa: B018  (404 comes before 403)

    def get_context_data(self) -> dict[str, Any]:
        return {"page_lead": f"{self.link.title}: {self.link.url}"}

    def save(self, form: forms.Form, user: User) -> str:
        remove_link(link_id=self.link.pk, actor=user, at=timezone.now())
        return self.page_url("decisions")
