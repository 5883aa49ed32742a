"""A page to compare with: what no page can be quicker than."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import etag
from django.views.decorators.vary import vary_on_cookie

PLAIN = "/benchmark/plain/"
TAG = '"plain"'
_BODY = (
    '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Plain</title></head>'
    "<body><header>Plain page</header><main>{}</main><footer>Nothing else</footer></body></html>"
)


@etag(lambda request: TAG)
@vary_on_cookie
def plain(request: HttpRequest) -> HttpResponse:
    """All middleware, the session and its person, then a constant."""
    return HttpResponse(_BODY.format(request.user.get_username()))
