"""Which Plumbline this is: it stands in backups, and in every request to another system."""

from __future__ import annotations

VERSION = "0.1.0"  # the version in `pyproject.toml`; a test compares the two
