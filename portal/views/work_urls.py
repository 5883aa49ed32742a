"""Addresses of the pages about background work."""

from __future__ import annotations

from django.urls import path

from portal.views import work

urlpatterns = [
    path("", work.WorkListPage.as_view(), name="work-list"),
    path("<int:pk>/", work.work_item_page, name="work-item"),
    path("<int:pk>/retry/", work.work_item_retry, name="work-item-retry"),
    path("<int:pk>/discard/", work.work_item_discard, name="work-item-discard"),
]
