"""Sending a kept document: an invoice, or the one behind a purchase of seats."""

from __future__ import annotations

from django.http import FileResponse, Http404, HttpRequest
from django.http.response import HttpResponseBase

from portal.imports.files import landed_path
from portal.limits import take_turn


def document_download(request: HttpRequest, *, sha256: str, name: str) -> HttpResponseBase:
    """The document with this hash as a download that no browser opens in the portal's own name.

    Raises:
        Http404: its bytes are not in the landing directory.
    """
    path = landed_path(sha256)
    if not path.is_file():
        raise Http404
    take_turn("export", f"person {request.user.pk}")
    response = FileResponse(
        path.open("rb"),
        as_attachment=True,
        filename=name,
        content_type="application/octet-stream",
    )
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
