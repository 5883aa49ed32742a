"""What cannot be read is told by field, and only in words that were meant for people."""

from __future__ import annotations

from django import forms
from django.core.exceptions import BadRequest
from django.test import RequestFactory

from portal.shell.refusals import UnreadableRequestError, unreadable
from portal.views import errors


class _Form(forms.Form):
    month = forms.RegexField("^[0-9]{4}-[0-9]{2}$", label="Month")
    plain = forms.IntegerField(label="")


def shown(error: Exception) -> str:
    response = errors.bad_request(RequestFactory().get("/costs/"), error)
    assert response.status_code == 400
    return response.content.decode()


def test_every_field_is_named_with_what_is_expected() -> None:
    error = unreadable(_Form({"month": "May", "plain": "x"}))
    assert str(error) == "Month (month): Enter a valid value. plain: Enter a whole number."
    assert "Month (month): Enter a valid value." in shown(error)


def test_what_a_reader_typed_is_shown_as_text() -> None:
    assert "&lt;b&gt;soon" in shown(UnreadableRequestError("'<b>soon' is no moment"))


def test_any_other_bad_request_keeps_its_text_for_the_log() -> None:
    assert "line 7 of settings" not in shown(BadRequest("line 7 of settings"))
