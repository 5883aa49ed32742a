"""Records of use cases: who wrote what about them, and what their owners must still say."""

from __future__ import annotations

from adoption.views import home
from portal.audit.registry import governed
from portal.shell.panels import HomePanel, home_panels

# The address for questions may be a person's, and an audit cannot forget.
governed("adoption.UseCaseProfile", hidden=("contact_email",))
governed("adoption.UseCaseComment")
governed("adoption.UseCaseLink")

home_panels.register(
    HomePanel(
        "adoption.vague_benefits", 35, "adoption/_home_vague_benefits.html", home.vague_benefits
    )
)
