"""All addresses: the frame's own, then what the rooms registered in `AppConfig.ready()`."""

from __future__ import annotations

from django.urls import path

from portal.shell.urls_registry import registered_patterns
from portal.views import errors, home, sign_in

urlpatterns = [
    path("", home.home, name="home"),
    path("theme/", sign_in.choose_theme, name="theme"),
    *registered_patterns(),
]

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.server_error
