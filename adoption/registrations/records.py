"""Records of use cases: who wrote what about them, and what their owners must still say."""

from __future__ import annotations

from portal.audit.registry import governed

# The address for questions may be a person's, and an audit cannot forget.
governed("adoption.UseCaseProfile", hidden=("contact_email",))
governed("adoption.UseCaseComment")
governed("adoption.UseCaseLink")
