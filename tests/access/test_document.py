"""What auditors read about access is what is tested; and there is no other way in."""

from __future__ import annotations

import re

from django.conf import settings

from tests.access.document import DOCUMENT, current
from tests.access.routes import addresses


def test_the_document_for_auditors_is_current() -> None:
    assert DOCUMENT.read_text("utf-8") == current(), "run python -m tests.access.document"


def test_there_is_no_django_admin() -> None:
    # Decision 4: every write goes through a service, where it is checked and audited.
    assert "django.contrib.admin" not in settings.INSTALLED_APPS
    modules = {str(getattr(address.view, "__module__", "")) for address in addresses()}
    assert not [name for name in modules if name.startswith("django.contrib.admin")]
    assert not [a.route for a in addresses() if re.match(r"(django-)?admin\b", a.route)]
