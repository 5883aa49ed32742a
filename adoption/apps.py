"""The adoption app."""

from __future__ import annotations

from django.apps import AppConfig


class AdoptionConfig(AppConfig):
    name = "adoption"
    label = "adoption"
    verbose_name = "Adoption"

    def ready(self) -> None:
        from adoption import registrations  # noqa: F401  (importing it registers)
