"""Static files: an allow-list of vendor files, and no broken source maps."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command

from portal.shell.static import VendorFinder

# The digest that the Bootstrap project publishes for 5.3.8: the package must ship that very file.
BOOTSTRAP_CSS = "sha384-sRIl4kxILFvY47J16cr9ZwB07vP4J8+LH7qKQnuqkuIAvNWLzeN8tE5YBujZqJLB"


def forget_finders() -> None:
    """Finders read the settings once; the next one made reads them anew."""
    cached: Any = finders.get_finder
    cached.cache_clear()


def test_bootstrap_is_the_published_file() -> None:
    content = Path(str(finders.find("vendor/bootstrap.min.css"))).read_bytes()
    digest = base64.b64encode(hashlib.sha384(content).digest()).decode()
    assert f"sha384-{digest}" == BOOTSTRAP_CSS


def test_only_named_vendor_files_are_served() -> None:
    finder = VendorFinder()
    assert finder.find("vendor/bootstrap.css") == []
    assert finder.find("../portal/settings.py") == []
    assert sorted(name for name, _ in finder.list(None)) == sorted(settings.VENDOR_STATIC)
    assert finder.check() == []


def test_a_vendor_file_that_the_package_lost_is_reported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(settings, "VENDOR_STATIC", {"vendor/x.css": tmp_path / "gone.css"})
    assert [problem.id for problem in VendorFinder().check()] == ["portal.E241"]


def test_collected_files_carry_their_hash_although_source_maps_are_left_out(
    settings: Any, tmp_path: Path
) -> None:
    (tmp_path / "vendor.js").write_text("let a;\n" * 200 + "//# sourceMappingURL=vendor.js.map\n")
    settings.VENDOR_STATIC = {"vendor/vendor.js": tmp_path / "vendor.js"}
    settings.STATICFILES_FINDERS = ["portal.shell.static.VendorFinder"]
    settings.STATIC_ROOT = tmp_path / "out"
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "portal.shell.static.ManifestStorage"},
    }
    forget_finders()
    try:
        call_command("collectstatic", interactive=False, verbosity=0)
        assert re.fullmatch(
            r"/static/vendor/vendor\.[0-9a-f]{12}\.js", staticfiles_storage.url("vendor/vendor.js")
        )
        assert list((tmp_path / "out" / "vendor").glob("vendor.*.js.br"))
    finally:
        forget_finders()
