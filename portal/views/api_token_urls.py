"""Addresses of the pages about tokens, below `tokens/`."""

from __future__ import annotations

from django.urls import path

from portal.views import api_tokens

urlpatterns = [
    path("", api_tokens.ApiTokenListPage.as_view(), name="api-token-list"),
    path("all/", api_tokens.AllApiTokenListPage.as_view(), name="api-token-list-all"),
    path("new/", api_tokens.api_token_new, name="api-token-new"),
    path("<int:pk>/", api_tokens.api_token_page, name="api-token"),
    path("<int:pk>/rotate/", api_tokens.api_token_rotate, name="api-token-rotate"),
    path("<int:pk>/revoke/", api_tokens.api_token_revoke, name="api-token-revoke"),
]
