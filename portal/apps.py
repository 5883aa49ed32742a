"""The portal app."""

from __future__ import annotations

from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "portal"
    label = "portal"
    verbose_name = "Portal"

    def ready(self) -> None:
        from django.db.backends.signals import connection_created
        from django.db.models.signals import post_migrate, pre_migrate

        from portal import checks, dead_peers, registrations, tasks  # noqa: F401  (importing registers)
        from portal.approvals import guards, kinds, triggers  # noqa: F401
        from portal.audit import connections as audit_connections
        from portal.audit import triggers as audit_triggers

        connection_created.connect(audit_connections.prepare_connection)
        connection_created.connect(dead_peers.tell_server)
        pre_migrate.connect(triggers.remove_before_migrating, sender=self)
        post_migrate.connect(triggers.install_after_migrating, sender=self)
        pre_migrate.connect(audit_triggers.remove_before_migrating, sender=self)
        post_migrate.connect(audit_triggers.install_after_migrating, sender=self)
