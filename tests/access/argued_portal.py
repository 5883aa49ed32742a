"""Removed checks of the portal that nobody can tell apart from their presence, with the reasons."""

from __future__ import annotations

OF_REASON: dict[str, tuple[str, ...]] = {
    "Whoever may see erasures sees every request: `may_see_erasures` in the next line, which is "
    "found.": (
        "portal.selectors.erasures:requests_to_erase_visible_to requests_visible_to(user) "
        "gives everything",
    ),
    "The address of the person stands beside the form, and the form is for administrators alone, "
    "who see people.": (
        "portal.views.erasures:person_erasure may_see_people(viewer) taken for yes (no. 2)",
    ),
    "Whoever gets here has been found to see all of it: the page, or the thing that it is about, "
    "was looked up before by the same policy.": (
        "portal.views.erasures:person_erasure requests_to_erase_visible_to(viewer, person=person) "
        "gives everything",
        "portal.views.webhooks:webhook_page deliveries_visible_to(request.user) gives everything",
    ),
}
