"""Comments and links: what the services and the database hold."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from adoption.models import UseCaseComment, UseCaseLink
from adoption.selectors.use_cases import history_of
from adoption.services.use_case_notes import (
    BadNoteError,
    add_comment,
    add_link,
    remove_link,
    withdraw_comment,
)
from tests.adoption.factories import NOW, make_use_case, make_user

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db]


def test_only_its_author_takes_a_comment_back_and_once() -> None:
    use_case, author = make_use_case(), make_user()
    comment = add_comment(use_case=use_case, text=" Why? ", author=author, at=NOW)
    assert comment.text == "Why?"
    with pytest.raises(BadNoteError, match="Only its author"):
        withdraw_comment(comment_id=comment.pk, actor=use_case.owner, at=NOW)
    withdraw_comment(comment_id=comment.pk, actor=author, at=NOW)
    with pytest.raises(BadNoteError, match="already"):
        withdraw_comment(comment_id=comment.pk, actor=author, at=NOW)
    with pytest.raises(ValidationError):
        add_comment(use_case=use_case, text="  ", author=author, at=NOW)


@pytest.mark.parametrize(
    "change", [{"text": "Other."}, {"is_decision": True}, {"author_id": 0}, {"written_at": None}]
)
def test_the_database_keeps_what_was_said(change: dict[str, Any]) -> None:
    use_case = make_use_case()
    add_comment(use_case=use_case, text="Said.", author=make_user(), at=NOW)
    change = {name: {"author_id": use_case.owner_id, "written_at": use_case.created_at.replace(
        year=2020)}.get(name, value) for name, value in change.items()}  # fmt: skip
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        UseCaseComment.objects.update(**change)
    with pytest.raises(IntegrityError, match="never deleted"), transaction.atomic():
        UseCaseComment.objects.all().delete()
    UseCaseComment.objects.update(withdrawn_at=NOW)
    with pytest.raises(IntegrityError, match="withdrawn once"), transaction.atomic():
        UseCaseComment.objects.update(withdrawn_at=None)


def test_a_link_is_https_and_attached_once_and_leaves_a_line() -> None:
    use_case = make_use_case()
    actor = use_case.owner
    url = "https://wiki.example/a"
    link = add_link(use_case=use_case, title="A", url=url, actor=actor, at=NOW)
    with pytest.raises(BadNoteError, match="attached already"):
        add_link(use_case=use_case, title="B", url=url, actor=actor, at=NOW)
    remove_link(link_id=link.pk, actor=actor, at=NOW)
    with pytest.raises(BadNoteError, match="removed already"):
        remove_link(link_id=link.pk, actor=actor, at=NOW)
    removed = [each for each in history_of(use_case).decisions if each.kind == "link"]
    assert [(each.title, each.note, each.by) for each in removed] == [("A", url, actor)]
    with pytest.raises(IntegrityError), transaction.atomic():
        UseCaseLink.objects.update(url="http://wiki.example/a")
    with pytest.raises(IntegrityError, match="never deleted"), transaction.atomic():
        UseCaseLink.objects.all().delete()


def test_decisions_stand_in_the_log_and_other_comments_do_not() -> None:
    use_case = make_use_case()
    owner = use_case.owner
    add_comment(use_case=use_case, text="Just saying.", author=owner, at=NOW)
    kept = add_comment(use_case=use_case, text="We go.", is_decision=True, author=owner, at=NOW)
    back = add_comment(use_case=use_case, text="We stop.", is_decision=True, author=owner, at=NOW)
    withdraw_comment(comment_id=back.pk, actor=owner, at=NOW)
    found = {(each.kind, each.note) for each in history_of(use_case).decisions}
    assert found == {("stage", ""), ("comment", kept.text), ("withdrawn", "")}
