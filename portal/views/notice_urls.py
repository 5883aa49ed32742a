"""Addresses of one's own notices."""

from __future__ import annotations

from django.urls import path

from portal.views import notices

urlpatterns = [
    path("", notices.NoticeListPage.as_view(), name="notice-list"),
    path("read/", notices.notices_read, name="notices-read"),
]
