"""What the portal registers with itself. Imported once, by `PortalConfig.ready()`."""

from __future__ import annotations

from portal.checks import check_registry
from portal.imports.registry import follow_ups, import_sources
from portal.schedule import scheduled_jobs

check_registry(import_sources)
check_registry(follow_ups)
check_registry(scheduled_jobs)
