"""Notices: once a person and occasion, and read by that person alone; the mail server."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from portal.mail_server import read_mail_url
from portal.models import Notice, User
from portal.selectors.notices import unread_notices
from portal.services.notices import notify
from tests.adoption.factories import make_user
from tests.imports import START


def tell(*users: User, key: str = "test:1") -> list[Notice]:
    return notify(
        users=users, key=key, title="A milestone is at risk", text="Look.", link="/x/", at=START
    )


@pytest.mark.django_db
def test_each_person_is_told_of_an_occasion_once_and_leavers_never() -> None:
    one, two = make_user(), make_user()
    left = make_user(is_active=False)
    assert {each.user for each in tell(one, one, left)} == {one}
    assert {each.user for each in tell(one, two)} == {two}
    assert tell(one, two) == []
    assert len(tell(one, key="test:2")) == 1


@pytest.mark.django_db
def test_nobody_reads_or_marks_what_others_were_told() -> None:
    one, two = make_user(), make_user()
    tell(one, two)
    client = Client()
    client.force_login(one)
    assert "A milestone is at risk" in client.get("/").content.decode()
    client.post(reverse("notices-read"))
    assert not unread_notices(one).exists()
    assert unread_notices(two).count() == 1
    assert "A milestone is at risk" not in client.get("/").content.decode()
    listed = client.get(reverse("notice-list")).content.decode()
    assert listed.count("A milestone is at risk") == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("smtp://mail.example", ("mail.example", 587, "", "", False)),
        ("smtps://mail.example", ("mail.example", 465, "", "", True)),
        ("smtp://a%40b:p%3Aw@mail.example:25", ("mail.example", 25, "a@b", "p:w", False)),
    ],
)
def test_a_mail_server_is_read(text: str, told: tuple[object, ...]) -> None:
    found = read_mail_url(text, "PLUMBLINE_MAIL_URL")
    assert found is not None
    assert (found.host, found.port, found.user, found.password, found.uses_tls) == told
    assert "p:w" not in repr(found)


@pytest.mark.parametrize(
    "text",
    ["mail.example", "http://u:hidden@x", "smtp://", "smtp://h:hidden", "smtp://u:hidden@h/a"],
)
def test_another_text_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match="PLUMBLINE_MAIL_URL is no address") as refused:
        read_mail_url(text, "PLUMBLINE_MAIL_URL")
    assert "hidden" not in str(refused.value)
    assert read_mail_url("", "X") is None
