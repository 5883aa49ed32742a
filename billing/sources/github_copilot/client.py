"""Asking GitHub what Copilot cost, a day at a time, who has a seat, and what was done with it.

Usage-metrics reports lie behind signed links on other hosts. The credential is not sent there, and
only the report of a whole organisation or enterprise is asked for: nothing of a person lands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from pydantic import SecretStr

from billing.sources.github_copilot.config import CopilotConfig
from portal.imports.contracts import (
    FetchJob,
    FetchSpec,
    ImportRefusedError,
    SourceUnavailableError,
)

AI_CREDITS = "ai_credit"
PREMIUM_REQUESTS = "premium_request"
SEATS = "seats:"  # and the day that the snapshot stands for
METRICS = "metrics:"  # and the day of the report
METRICS_LINKS = "metrics_links:"  # likewise: where GitHub says that it lies
METRICS_SINCE = date(2025, 10, 10)  # there are no earlier reports
METRICS_KEPT = timedelta(days=365)
# Named in GitHub's list of hosts that a company must let its people reach.
_REPORT_HOST = re.compile(r"copilot-reports-[a-z0-9-]+\.b01\.azurefd\.net")
_NO_REPORT = (" 204", " 404")
SEATS_A_PAGE = 100
MOST_PAGES = 1_000
REQUESTS_UNTIL = date(2026, 7, 1)  # premium requests ended with May 2026; a month of grace


def headers(secret: Any) -> Mapping[str, str | SecretStr]:
    """What goes with each request."""
    return {
        "Authorization": SecretStr(f"Bearer {secret.get_secret_value()}"),
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2026-03-10",
    }


def origin(config: Mapping[str, Any]) -> str:
    """Scheme and host that are asked."""
    return CopilotConfig.model_validate(config).base_url


def fetch(job: FetchJob) -> None:
    """Each day by itself, because an answer is one sum over the period asked for; with the newest
    days, the seats as they are now; and, where the connection wants them, the days' metrics.

    Raises:
        ImportRefusedError: no account is configured, it is billed elsewhere, or an answer is of
            another period than was asked for.
        SourceUnavailableError: the seats are not whole.
    """
    config, day = _config(job), job.start
    while day < job.end:
        answer = _usage(job, AI_CREDITS, day)
        # Some answers hold premium requests as well. Asking again would bring them twice.
        if day < REQUESTS_UNTIL and not _has_requests(answer):
            _usage(job, PREMIUM_REQUESTS, day)
        if config.fetch_metrics:
            _fetch_metrics(job, config, day)
        day += timedelta(days=1)
    if job.is_newest:
        _fetch_seats(job, job.end - timedelta(days=1))


def probe(job: FetchJob) -> None:
    """Ask for one day of AI credits."""
    _usage(job, AI_CREDITS, job.start)


def _usage(job: FetchJob, kind: str, day: date) -> Any:
    config = _config(job)
    root = "organizations" if config.account_kind == "organization" else "enterprises"
    answer = _ask(
        job,
        config,
        kind,
        f"/{root}/{config.organization}/settings/billing/{kind}/usage",
        [("year", str(day.year)), ("month", str(day.month)), ("day", str(day.day))],
    )
    period = answer.get("timePeriod") if isinstance(answer, dict) else None
    if period != {"year": day.year, "month": day.month, "day": day.day}:
        raise ImportRefusedError(
            "other_period",
            "GitHub answered for another period than was asked for, so nothing is taken",
            column="timePeriod",
            value=str(period),
            expected=f"the day {day}",
        )
    return answer


def _has_requests(answer: Mapping[str, Any]) -> bool:
    items = answer.get("usageItems")
    return isinstance(items, list) and any(
        isinstance(item, dict) and item.get("unitType") == "requests" for item in items
    )


def _fetch_seats(job: FetchJob, day: date) -> None:
    config = _config(job)
    root = "orgs" if config.account_kind == "organization" else "enterprises"
    path = f"/{root}/{config.organization}/copilot/billing/seats"
    seen, total = set[str](), None
    for page in range(1, MOST_PAGES + 1):
        params = [("page", str(page)), ("per_page", str(SEATS_A_PAGE))]
        answer = _ask(job, config, f"{SEATS}{day}", path, params)
        seats = answer.get("seats") if isinstance(answer, dict) else None
        if not isinstance(seats, list):
            raise ImportRefusedError("not_seats", "GitHub answered without a list of seats")
        seen.update(map(who_sits, seats))
        total = answer.get("total_seats")
        if len(seats) < SEATS_A_PAGE:
            break
    if len(seen) != total:
        raise SourceUnavailableError(
            f"GitHub speaks of {total} seats and lists {len(seen)}: the answer is "
            "not whole, so nothing is taken"
        )


def who_sits(seat: Any) -> str:
    """Whose seat it is; `''` when it names nobody.

    GitHub's total counts people: one whom two teams of an enterprise give a seat is listed twice.
    Pages are cut by place, so a seat that is given between two of them shows one person twice and
    hides another: only people told apart show it.
    """
    who = seat.get("assignee") if isinstance(seat, dict) else None
    return str(who["id"]) if isinstance(who, dict) and who.get("id") is not None else ""


def _fetch_metrics(job: FetchJob, config: CopilotConfig, day: date) -> None:
    """The report of a day, every file of it. One that is not there yet leaves the day unsaid."""
    if day < METRICS_SINCE or (job.today is not None and day < job.today - METRICS_KEPT):
        return
    answer = _ask_for_links(job, config, day)
    if not answer:
        return
    links = answer.get("download_links") if isinstance(answer, dict) else None
    if not isinstance(links, list) or not all(isinstance(each, str) for each in links):
        raise ImportRefusedError("not_links", "GitHub answered without links to a report")
    if answer.get("report_day") != day.isoformat():
        raise ImportRefusedError(
            "other_period",
            "GitHub answered with the report of another day, so nothing is taken",
            column="report_day",
            value=str(answer.get("report_day")),
            expected=f"the day {day}",
        )
    if job.follow is None:
        raise ImportRefusedError("not_followed", "links to reports cannot be followed here")
    for link in links:
        job.follow(f"{METRICS}{day}", link)


def _ask_for_links(job: FetchJob, config: CopilotConfig, day: date) -> Any:
    """Where the report lies; None when GitHub has none: reports are made hours after the day."""
    kind = config.account_kind
    root = "orgs" if kind == "organization" else "enterprises"
    path = f"/{root}/{config.organization}/copilot/metrics/reports/{kind}-1-day"
    try:
        return job.ask(f"{METRICS_LINKS}{day}", path, [("day", day.isoformat())])
    except ImportRefusedError as error:
        if error.code == "bad_status" and error.problem.endswith(_NO_REPORT):
            return None
        raise


def is_report_host(config: Mapping[str, Any], host: str) -> bool:
    """Whether GitHub's links to reports may lead there."""
    texts = CopilotConfig.model_validate(config).report_hosts.split(",")
    named = {text.strip().lower() for text in texts if text.strip()}
    return bool(_REPORT_HOST.fullmatch(host)) or host in named


def redact(answer: Any) -> Any:
    """Signed links let whoever has them read the report: how many there were is kept."""
    if isinstance(answer, dict) and "download_links" in answer:
        links = answer["download_links"]
        return {**answer, "download_links": len(links) if isinstance(links, list) else 0}
    return answer


def _ask(
    job: FetchJob,
    config: CopilotConfig,
    endpoint: str,
    path: str,
    params: list[tuple[str, str]],
) -> Any:
    try:
        return job.ask(endpoint, path, params)
    except ImportRefusedError as error:
        if error.code == "bad_status" and error.problem.endswith(" 404"):
            raise ImportRefusedError(
                "account_not_found",
                f"GitHub knows no bill of the {config.account_kind} {config.organization!r} (404). "
                "An organisation that belongs to an enterprise is billed with it, and a token that "
                "may not read the bill is answered the same way",
                expected="the enterprise's name with the kind enterprise, and a token that may "
                "read its billing",
            ) from error
        raise


def _config(job: FetchJob) -> CopilotConfig:
    config = CopilotConfig.model_validate(job.config)
    if not config.organization:
        raise ImportRefusedError(
            "no_account",
            "the connection does not say whose bill to ask for",
            column="organization",
            expected="the organisation's or enterprise's name in the URL",
        )
    if config.takes_month_totals:
        raise ImportRefusedError(
            "takes_month_totals",
            "this connection takes totals of months, and fetching brings days",
            column="takes_month_totals",
            expected="no, or another connection for fetching",
        )
    return config


FETCH = FetchSpec(
    origin=origin,
    headers=headers,
    fetch=fetch,
    probe=probe,
    reread_days=4,
    # Every day the whole month before as well: GitHub settles a month after its end.
    month_days=tuple(range(1, 32)),
    redact=redact,
    links=is_report_host,
)
