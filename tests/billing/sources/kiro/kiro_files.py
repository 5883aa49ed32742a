"""Small reports as Kiro and Amazon Q write them, and what came of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from billing.models import Charge, Usage
from billing.services.plans import PlanDraft, create_plan
from portal.choices import Role
from portal.shell.money import from_nano
from tests.imports import START, make_person

HEADER = (
    "Date,UserId,Client_Type,Chat_Conversations,Credits_Used,Overage_Cap,Overage_Credits_Used,"
    "Overage_Enabled,ProfileId,Subscription_Tier,Total_Messages,New_User,User_Email,"
    "claude.sonnet_messages,auto_messages,Mood"
)
NAME = "KIRO_IDE_123456789012_user_report_{}.csv"
LEGACY = (
    "UserId,Date,Chat_AICodeLines,Chat_MessagesSent,CodeFix_AcceptedLines,Inline_AcceptanceCount,"
    "InlineChat_TotalEventCount,Transformation_LinesIngested,Weather_Degrees"
)


def row(user: str = "u1", day: str = "2026-05-04", credits: str = "12.50", overage: str = "2.25",
        tier: str = "PRO", client: str = "KIRO_IDE") -> str:  # fmt: skip
    return (
        f"{day},d-1234567890.{user},{client},3,{credits},100,{overage},true,arn:profile/A,{tier},"
        f"9,false,{user}@acme.example,7,2,good"
    )


def report(*rows: str, written: str = "202605050200") -> dict[str, bytes]:
    return {NAME.format(written): "\n".join([HEADER, *rows, ""]).encode()}


def legacy(*rows: str) -> bytes:
    return "\n".join([LEGACY, *rows, ""]).encode()


def price(key: str = "pro", overage: str = "0.04", start: date = date(2026, 1, 1)) -> Any:
    draft = PlanDraft(
        provider="kiro", key=key, name=key, valid_from=start, valid_until=None, currency="USD",
        seat_price=None, seat_period="month", included_credits=Decimal(1000),
        overage_price=Decimal(overage), source="Contract, page 3",
    )  # fmt: skip
    return create_plan(draft=draft, actor=make_person(f"f-{key}-{start}", Role.FINANCE), at=START)


def quantities() -> dict[tuple[str, str], Decimal]:
    rows = Usage.objects.filter(superseded_at__isnull=True)
    values = rows.values_list("dimension__metric", "dimension__model", "quantity_micro")
    return {(metric, model): Decimal(micro) / 10**6 for metric, model, micro in values}


def money() -> dict[str, Decimal]:
    rows = Charge.objects.filter(superseded_at__isnull=True)
    return {
        tier: from_nano(nano) for tier, nano in rows.values_list("dimension__sku_id", "billed_nano")
    }


# --- as they lie in the bucket ----------------------------------------------------------------

ACCOUNT = "123456789012"
FOLDER = f"kiro/AWSLogs/{ACCOUNT}/KiroLogs/user_report/us-east-1"


def key_of(day: str, client: str = "KIRO_IDE", *, time: str = "0200", folder: str = FOLDER) -> str:
    """The key of the report of a day, written at `time` of the day after."""
    written = f"{date.fromisoformat(day) + timedelta(days=1):%Y%m%d}{time}"
    return f"{folder}/{day.replace('-', '/')}/00/{client}_{ACCOUNT}_user_report_{written}.csv"


def object_of(
    day: str, *credits: str, client: str = "KIRO_IDE", time: str = "0200", folder: str = FOLDER
) -> dict[str, bytes]:
    """One report under its key, with a person for each number of credits beyond the plan."""
    rows = [
        row(f"u{number}", day, credits=each, overage=each, client=client)
        for number, each in enumerate(credits)
    ]
    content = "\n".join([HEADER, *rows, ""]).encode()
    return {key_of(day, client, time=time, folder=folder): content}


def beyond() -> dict[tuple[str, str], Decimal]:
    """Credits beyond the plan that are priced now, by day and client."""
    live = Charge.objects.filter(superseded_at__isnull=True)
    found = {
        (f"{charge.day}", charge.dimension.billing_account_id.rpartition("/")[2]): from_nano(
            charge.billed_nano
        )
        / Decimal("0.04")
        for charge in live.select_related("dimension")
    }
    assert found == _of_usage()
    return found


def _of_usage() -> Mapping[tuple[str, str], Decimal]:
    """The same of the quantities, which are stored apart."""
    live = Usage.objects.filter(superseded_at__isnull=True, dimension__metric="credits.overage")
    values = live.values_list("day", "dimension__dataset", "quantity_micro")
    return {
        (f"{day}", dataset.removeprefix("kiro.")): Decimal(micro) / 10**6
        for day, dataset, micro in values
    }
