"""Wherever a row is written, it is known who acts."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse
from django.test import RequestFactory

from portal.audit.context import Actor, Channel, acting, because, current_actor
from portal.audit.middleware import ActorMiddleware
from portal.models import User


def test_the_portal_itself_acts_when_nobody_said_who() -> None:
    assert current_actor() == Actor(channel=Channel.SYSTEM)


def test_what_is_not_named_stays_and_all_is_as_before_afterwards() -> None:
    with acting(channel=Channel.COMMAND, name="root"):
        with acting(reason="monthly close") as inner:
            assert inner == current_actor()
            assert (inner.name, inner.reason) == ("root", "monthly close")
        because(" a late credit ")
        assert current_actor().reason == "a late credit"
    assert current_actor() == Actor()


def test_an_unknown_attribute_is_refused() -> None:
    with pytest.raises(TypeError), acting(colour="red"):
        pass


@pytest.mark.parametrize(
    ("path", "channel"), [("/portfolio/", Channel.PAGE), ("/api/v1/metrics/", Channel.API)]
)
def test_a_request_is_the_person_of_its_session(path: str, channel: Channel) -> None:
    seen: list[Actor] = []

    def view(request: object) -> HttpResponse:
        seen.append(current_actor())
        return HttpResponse()

    request = RequestFactory().get(path)
    request.user = User(pk=7, username="ines", full_name="Ines Okafor")
    ActorMiddleware(view)(request)
    request.user = AnonymousUser()
    ActorMiddleware(view)(request)
    assert [(one.user_id, one.name, one.channel) for one in seen] == [
        (7, "Ines Okafor", channel),
        (None, "", channel),
    ]
    assert current_actor() == Actor()
