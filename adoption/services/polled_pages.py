"""What providers answered before, so that asking again costs them and us little."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from datetime import datetime, timedelta

from django.utils import timezone

from adoption.models import PolledPage

KEPT_FOR = timedelta(days=30)  # what nobody asked for in that time is no longer polled
MOST_BYTES = 2 * 1024**2  # of one body, compressed; a larger one is asked for whole
LONGEST_TAG = 200


class PolledPages:
    """See `portal.imports.contracts.PageMemory`; of one connection."""

    def __init__(self, connection_id: int, clock: Callable[[], datetime] = timezone.now) -> None:
        self.connection_id = connection_id
        self.clock = clock

    def recall(self, address: str) -> tuple[str, bytes] | None:
        found = PolledPage.objects.filter(
            connection_id=self.connection_id, address=_digest(address)
        ).first()
        if found is None:
            return None
        if found.seen_at < self.clock() - timedelta(days=1):
            PolledPage.objects.filter(pk=found.pk).update(seen_at=self.clock())
        return found.etag, zlib.decompress(bytes(found.body))

    def keep(self, address: str, etag: str, body: bytes) -> None:
        packed = zlib.compress(body, 1)
        if len(packed) > MOST_BYTES or len(etag) > LONGEST_TAG:
            return
        PolledPage.objects.update_or_create(
            connection_id=self.connection_id,
            address=_digest(address),
            defaults={"etag": etag, "body": packed, "seen_at": self.clock()},
        )


def _digest(address: str) -> str:
    return hashlib.sha256(address.encode()).hexdigest()


def purge_polled_pages(*, at: datetime) -> int:
    """Forget answers that nobody asked for again in a month; how many."""
    count, _ = PolledPage.objects.filter(seen_at__lt=at - KEPT_FOR).delete()
    return count
