"""Tokens for tests: made by the real service."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils import timezone
from rest_framework.test import APIClient

from portal.models import ApiToken, User
from portal.scopes import api_scopes
from portal.services.api_tokens import create_api_token


def make_token(
    owner: User,
    *scopes: str,
    name: str = "Nightly report",
    days: int = 30,
    networks: Sequence[str] = (),
    at: datetime | None = None,
) -> tuple[ApiToken, str]:
    """A token of `owner` with these scopes (default: all that there are), and its text."""
    moment = at or timezone.now()
    return create_api_token(
        owner=owner,
        name=name,
        scopes=scopes or [scope.key for scope in api_scopes],
        expires_at=moment + timedelta(days=days),
        networks=networks,
        actor=owner,
        at=moment,
    )


def bearer(text: str) -> APIClient:
    """A client that shows this token and nothing else."""
    client = APIClient(raise_request_exception=False, enforce_csrf_checks=True)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client
