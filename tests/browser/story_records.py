"""Records of the story: one that says much at length, a draft, comments and documents."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from adoption.models import Programme, Team, UseCase
from adoption.services.use_case_notes import add_comment, add_link, withdraw_comment
from adoption.services.use_cases import create_use_case, update_use_case
from portal.models import User
from tests.browser.story_bills import LONG, UNBROKEN


def make_records(
    *,
    now: dt.datetime,
    viewer: User,
    colleague: User,
    programme: Programme,
    team: Team,
    use_case: UseCase,
    **_: Any,
) -> dict[str, Any]:
    """A long record, an unfinished registration, a comment, a decision, one taken back."""
    use_case.refresh_from_db()
    full = update_use_case(
        use_case_id=use_case.pk,
        expected_version=use_case.version,
        actor=viewer,
        at=now,
        profile={
            "benefit_measure": f"Handling time of {LONG}",
            "benefit_unit": "minutes per questionnaire",
            "baseline": Decimal("95.25"),
            "expected": Decimal("30"),
            "expected_on": (now + dt.timedelta(days=90)).date(),
            "guardrails": "Corrected answers stay below 6 %\nNo answer without a source",
            "data_class": "confidential",
            "tools": ["Claude", UNBROKEN],
            "topic_area": LONG,
            "code_link": f"https://git.example/{'path/' * 30}",
        },
    )
    draft = create_use_case(
        title="Sorting of incoming post", programme=programme, team=team, owner=viewer,
        value_type="not_stated", risk_tier="not_stated", is_draft=True, actor=viewer, at=now,
        problem="Letters wait for three days.", profile={"benefit_text": "Less waiting."},
    )  # fmt: skip
    comment = add_comment(use_case=full, text=UNBROKEN, author=viewer, at=now)
    add_comment(
        use_case=full, text="We keep it live.\nThe limit moves to 5 %.", is_decision=True,
        author=viewer, at=now,
    )  # fmt: skip
    mistaken = add_comment(use_case=full, text="Never mind.", author=colleague, at=now)
    withdraw_comment(comment_id=mistaken.pk, actor=colleague, at=now)
    document = add_link(
        use_case=full, title=LONG, url=f"https://wiki.example/{'path/' * 30}", actor=viewer, at=now
    )
    return {"draft": draft, "comment": comment, "document": document}
