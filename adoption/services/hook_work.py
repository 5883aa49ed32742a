"""Background work of deploy sources: processing hooks, and placing changes."""

from __future__ import annotations

from datetime import datetime

import structlog
from django.conf import settings

from adoption.models import HookSecret
from adoption.services.deliveries import advance_deliveries
from adoption.services.hook_secrets import rotate_hook_secret
from adoption.services.hooks import process_hooks, purge_hooks
from adoption.services.milestones import measure_milestones
from adoption.services.polled_pages import purge_polled_pages
from adoption.services.recompute import recompute_repository
from adoption.services.suggestions import refresh_suggestions
from portal.credentials.errors import CredentialUnavailableError
from portal.keys import MissingKeyError
from portal.models import Connection
from portal.work.registry import Work, WorkRefusedError

log = structlog.get_logger(__name__)


def process_connection(work: Work) -> None:
    """Process what waits at a connection. Each hook has a transaction of its own, so that a
    second attempt begins where the first one ended."""
    connection = Connection.objects.filter(pk=work.payload["connection"]).first()
    if connection is None:
        raise WorkRefusedError("The connection is gone.")
    process_hooks(connection=connection, work=work)


def place_repository(work: Work) -> None:
    """Work out anew what was delivered by what; move deliveries, suggestions and milestones on."""
    repository = int(work.payload["repository"])
    recompute_repository(repository_id=repository)
    moved = advance_deliveries(at=work.at, repository_ids=[repository])
    refresh_suggestions(at=work.at, repository_ids=[repository])
    if moved:
        measure_milestones(use_case_ids=set(moved), at=work.at)


def tidy_hooks(*, at: datetime) -> None:
    """Delete bodies whose retention is over, and encrypt secrets with the newest key.

    A secret whose key is missing stays as it is, so that a key that turns up again opens it.
    """
    while purge_hooks(at=at):
        pass
    purge_polled_pages(at=at)
    try:
        newest = settings.CREDENTIAL_KEYS.newest
    except MissingKeyError:
        return
    older = HookSecret.objects.filter(withdrawn_at__isnull=True).exclude(key_number=newest)
    for pk in list(older.values_list("pk", flat=True)):
        try:
            rotate_hook_secret(pk=pk)
        except CredentialUnavailableError as error:
            log.warning("hook_secret_not_rotated", secret=pk, detail=str(error))
