"""Comments and links of a use case: added by people, withdrawn or removed, never deleted."""

from __future__ import annotations

import datetime as dt
from urllib.parse import urlsplit

import structlog
from django.db import IntegrityError, transaction

from adoption.models import UseCase, UseCaseComment, UseCaseLink
from adoption.services.refusals import RefusedError
from portal.models import User

logger = structlog.get_logger(__name__)


class BadNoteError(RefusedError):
    """The comment or link cannot be as given, or is gone already."""


@transaction.atomic
def add_comment(
    *, use_case: UseCase, text: str, is_decision: bool = False, author: User, at: dt.datetime
) -> UseCaseComment:
    """Add a comment in plain text; as a decision it stands in the decision log too.

    Raises:
        ValidationError: it is empty or too long.
    """
    comment = UseCaseComment(
        use_case=use_case, text=text.strip(), is_decision=is_decision, author=author, written_at=at
    )
    comment.full_clean(validate_constraints=False)
    comment.save()
    logger.info("comment_added", comment=comment.pk, use_case=use_case.pk, actor=author.pk)
    return comment


@transaction.atomic
def withdraw_comment(*, comment_id: int, actor: User, at: dt.datetime) -> UseCaseComment:
    """Take back one's own comment. Its line stays and says so.

    Raises:
        BadNoteError: it is withdrawn already, or somebody else's.
    """
    comment = UseCaseComment.objects.select_for_update().get(pk=comment_id)
    if comment.author_id != actor.pk:
        raise BadNoteError("Only its author withdraws a comment.")
    if comment.withdrawn_at is not None:
        raise BadNoteError("This comment is withdrawn already.")
    comment.withdrawn_at = at
    comment.save()
    logger.info("comment_withdrawn", comment=comment.pk, actor=actor.pk)
    return comment


def add_link(
    *, use_case: UseCase, title: str, url: str, actor: User, at: dt.datetime
) -> UseCaseLink:
    """Attach a document by its https address.

    Raises:
        BadNoteError: the address is not https, carries a password, or is attached already.
        ValidationError: a field is wrong.
    """
    url = url.strip()
    if not url.startswith("https://"):
        raise BadNoteError("The address of a document starts with https://.", field="url")
    if "@" in urlsplit(url).netloc:
        raise BadNoteError("The address carries a name or a password; leave it out.", field="url")
    link = UseCaseLink(use_case=use_case, title=title.strip(), url=url, added_by=actor, added_at=at)
    link.full_clean(validate_constraints=False)
    try:
        with transaction.atomic():
            link.save()
    except IntegrityError as error:
        raise BadNoteError("This address is attached already.", field="url") from error
    logger.info("link_added", link=link.pk, use_case=use_case.pk, actor=actor.pk)
    return link


@transaction.atomic
def remove_link(*, link_id: int, actor: User, at: dt.datetime) -> UseCaseLink:
    """Take an attached document off the page; the decision log says who did.

    Raises:
        BadNoteError: it is removed already.
    """
    link = UseCaseLink.objects.select_for_update().get(pk=link_id)
    if link.removed_at is not None:
        raise BadNoteError("This link is removed already.")
    link.removed_at, link.removed_by = at, actor
    link.save()
    logger.info("link_removed", link=link.pk, actor=actor.pk)
    return link
