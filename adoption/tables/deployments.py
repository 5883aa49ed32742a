"""Services and deployments as tables. Nobody's name is in them."""

from __future__ import annotations

from portal.shell.columns import LinkTo, MomentColumn, NumberColumn, ShellColumn, StatusColumn
from portal.shell.tables import ShellTable


class ServiceTable(ShellTable):
    """Rows of `services_visible_to`."""

    caption = "Services"
    default_sort = "name"
    unique_key = ("pk",)

    name = ShellColumn("Service", url=LinkTo("service", "pk"), row_header=True, sub="key")
    repository = ShellColumn("Repository", accessor="repository__key", orderable=False)
    environments = NumberColumn("Environments", orderable=False)
    production = NumberColumn("Production deployments", orderable=False)
    mended = NumberColumn(
        "Needed intervention", orderable=False, help_text="Rolled back or fixed forward"
    )
    last_production = MomentColumn(
        "Last in production", orderable=False, nullable=True, reason="never"
    )


class DeploymentTable(ShellTable):
    """Rows of `deployments_visible_to`."""

    caption = "Deployments"
    default_sort = "-finished_at"
    unique_key = ("-pk",)

    version = ShellColumn(
        "Version", row_header=True, sub="external_id", orderable=False, reason="not said"
    )
    environment = ShellColumn("Environment", orderable=False)
    tier = StatusColumn("Tier", vocabulary="tier", orderable=False)
    status = StatusColumn("Status", vocabulary="deployment", orderable=False)
    mark = StatusColumn("Kind", vocabulary="rollout", orderable=False)
    commit = ShellColumn("Commit", orderable=False, reason="not known")
    finished_at = MomentColumn("Ended", nullable=True, reason="not yet")
    delivered = NumberColumn(
        "Changes", orderable=False, help_text="That it brought to production first"
    )
    remediation = ShellColumn("Mended by", orderable=False, reason="needed none")
