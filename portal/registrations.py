"""What the portal registers with itself. Imported once, by `PortalConfig.ready()`."""

from __future__ import annotations

from portal.api.routers import api_modules
from portal.checks import check_registry
from portal.imports.registry import follow_ups, import_sources
from portal.schedule import scheduled_jobs
from portal.shell.navigation import NavigationEntry, navigation
from portal.shell.panels import home_panels, object_panels
from portal.shell.statuses import vocabularies
from portal.shell.urls_registry import register_urls, url_modules

check_registry(import_sources)
check_registry(follow_ups)
check_registry(scheduled_jobs)
check_registry(api_modules)

register_urls("", "portal.views.health_urls")
# Last: whatever is left below /api/ is answered there, with a problem.
register_urls("api/", "portal.api.urls", order=1000)
check_registry(vocabularies)
check_registry(url_modules)
check_registry(navigation)
check_registry(home_panels)
check_registry(object_panels)

navigation.register(NavigationEntry("portal.home", "Home", "home", order=0, icon="home"))
