"""Says for every request who acts; stands after authentication."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from portal.api.errors import request_id
from portal.audit.context import Actor, Channel, acting, set_actor
from portal.models import User


def actor_of(request: HttpRequest, channel: Channel) -> Actor:
    """The signed-in person of the session, or nobody."""
    user = request.user
    if not isinstance(user, User):
        return Actor(channel=channel, request_id=request_id())
    return Actor(
        channel=channel,
        user_id=user.pk,
        name=user.get_full_name(),
        request_id=request_id(),
    )


class ActorMiddleware:
    """Binds the actor for the time of the request. The API replaces it once a token is known."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        channel = Channel.API if request.path.startswith("/api/") else Channel.PAGE
        with acting(channel=channel):
            set_actor(actor_of(request, channel))
            return self.get_response(request)
