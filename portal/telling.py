"""What the portal registers to tell people (notices) and other systems (webhooks)."""

from __future__ import annotations

from portal.audit.registry import governed
from portal.checks import check_registry
from portal.choices import Role
from portal.digests import digest_sections
from portal.notice_kinds import notice_kinds
from portal.policies import may_see_webhooks
from portal.schedule import ScheduledJob, scheduled_jobs
from portal.services.chats import send_to_chat
from portal.services.notices import CHAT_KIND, MAIL_KIND, mail_notice
from portal.services.webhooks import DELIVER_KIND, MAX_ATTEMPTS, deliver
from portal.shell.navigation import NavigationEntry, navigation
from portal.shell.panels import HomePanel, home_panels
from portal.shell.statuses import vocabularies
from portal.shell.urls_registry import register_urls
from portal.views.notices import unread_panel
from portal.vocabularies import WEBHOOK_STATUSES
from portal.webhooks.registry import webhook_events
from portal.work.registry import WorkKind, work_kinds

check_registry(webhook_events)
check_registry(notice_kinds)
check_registry(digest_sections)
scheduled_jobs.register(
    ScheduledJob(
        key="send-digests",
        task="portal.tasks.send_digests",
        when=900.0,
        reason="Everybody chose an hour of their own, in their own zone; zones differ by quarters.",
    )
)
vocabularies.register(WEBHOOK_STATUSES)
register_urls("notices/", "portal.views.notice_urls")
register_urls("webhooks/", "portal.views.webhook_urls")
home_panels.register(
    HomePanel("portal.notices", 5, "portal/notices/_home_notices.html", unread_panel)
)
navigation.register(
    NavigationEntry("portal.notices", "Notices", "notice-list", order=5, icon="inbox")
)
navigation.register(
    NavigationEntry(
        "portal.webhooks",
        "Webhooks",
        "webhook-list",
        "Administration",
        70,
        "export",
        may_see_webhooks,  # type: ignore[arg-type]
    )
)
work_kinds.register(
    WorkKind(
        key=MAIL_KIND,
        label="Send a notice by e-mail",
        run=mail_notice,
        is_atomic=False,  # it waits for a mail server
        max_attempts=5,
    )
)
work_kinds.register(
    WorkKind(
        key=CHAT_KIND,
        label="Send a notice to a chat",
        run=send_to_chat,
        is_atomic=False,  # it waits for a network
        max_attempts=5,
    )
)
work_kinds.register(
    WorkKind(
        key=DELIVER_KIND,
        label="Tell another system",
        run=deliver,
        is_atomic=False,  # it waits for a network; each attempt is logged in a transaction
        max_attempts=MAX_ATTEMPTS,
        roles=frozenset({Role.FINANCE}),
    )
)
governed("portal.WebhookSubscription", hidden=("ciphertext",))
governed("portal.WebhookDelivery", hidden=("body",))
