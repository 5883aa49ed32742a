"""What the deployment allows a fetch to do; sources know no settings, so they are handed this."""

from __future__ import annotations

from django.conf import settings

from portal.imports.outbound.addresses import OutboundPolicy


def outbound_policy() -> OutboundPolicy:
    """From `PLUMBLINE_PRIVATE_NETWORKS` and `PLUMBLINE_ALLOW_HTTP`."""
    environment = settings.ENVIRONMENT
    return OutboundPolicy(environment.private_networks, environment.plumbline_allow_http)
