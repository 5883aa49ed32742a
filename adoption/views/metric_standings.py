"""Pages of standings."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse


def standing_page(request: HttpRequest, pk: int) -> HttpResponse:
    raise NotImplementedError
