"""Addresses of one's own notices."""

from __future__ import annotations

from django.urls import path

from portal.views import notice_settings, notices

urlpatterns = [
    path("", notices.NoticeListPage.as_view(), name="notice-list"),
    path("settings/", notice_settings.notice_settings_page, name="notice-settings"),
    path("read/", notices.notices_read, name="notices-read"),
]
