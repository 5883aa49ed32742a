"""Reading evidence anew when the rules change: raw text is kept, so the past can be asked again.

Corrections, labels and boxes are not evidence by rules and are never touched. The identity of a
commit's committer is kept only where a rule once saw it, so a new rule about committers finds
older commits with the next import of their history.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

import structlog
from django.db import transaction
from django.db.models import Count

from adoption.evidence.classify import EvidenceFound, classify_commit
from adoption.evidence.rules import RULES_VERSION
from adoption.models import Change, Evidence, PullRequest, Reclassification
from adoption.services.declarations import settle_changes
from adoption.services.evidence_rows import evidence_row
from adoption.services.recompute import recompute_repository
from adoption.sources.records import Person
from portal.models import User
from portal.rows import update_rows
from portal.services.work import enqueue
from portal.work.registry import Work

log = structlog.get_logger(__name__)
RECLASSIFY = "adoption.reclassify-evidence"
BATCH = 500
_FIRST_RULES = "1"  # what was read before runs were kept
_IDENTITY = "commit_identity"
_NOBODY = Person("", "")
_BY_RULES = ("commit_trailer", "commit_body", _IDENTITY)
_SAID = ("strength", "model", "session_ref", "rule_key", "rule_version")


def is_current() -> bool:
    """Whether everything that is kept was read by the present rules."""
    latest = Reclassification.objects.filter(finished_at__isnull=False).first()
    if latest is not None:
        return latest.rules_version == RULES_VERSION
    return RULES_VERSION == _FIRST_RULES or not Change.objects.exists()


def ask_for_reclassification(*, at: datetime, actor: User | None = None) -> bool:
    """Have it done, once for all who ask meanwhile; whether there was a reason to."""
    if is_current():
        return False
    enqueue(
        kind=RECLASSIFY, key=f"rules:{RULES_VERSION}", payload={"rules": RULES_VERSION},
        actor=actor, at=at,
    )  # fmt: skip
    return True


def reclassify_by_work(work: Work) -> None:
    """The body of the work kind. Harmless when repeated."""
    if not is_current():
        reclassify(at=work.at, report=work.report, fence=work.fence)


def _counts() -> dict[str, int]:
    """Changes by strength; steps of pull requests count with them."""
    rows = Change.objects.filter(part_of__isnull=True).order_by("strength").values_list("strength")
    return {strength or "none": count for strength, count in rows.annotate(count=Count("pk"))}


def reclassify(
    *,
    at: datetime,
    report: Callable[..., None] = lambda done, total=None, phase="": None,
    fence: Callable[[], None] = lambda: None,
) -> Reclassification:
    """Read every change by the present rules, a transaction a batch, and say what moved."""
    run = Reclassification.objects.create(
        rules_version=RULES_VERSION, started_at=at, before=_counts()
    )
    total, last = Change.objects.count(), 0
    while True:
        with transaction.atomic():
            fence()
            ids = list(
                Change.objects.select_for_update()
                .filter(pk__gt=last)
                .order_by("pk")
                .values_list("pk", flat=True)[:BATCH]
            )
            if not ids:
                break
            _read_batch(run, ids)
            last = ids[-1]
            run.changes_read += len(ids)
        report(run.changes_read, total, "Reading changes")
    # What rests on several changes (a pull request and its steps) is settled last.
    for repository_id in (
        Change.objects.order_by().values_list("repository_id", flat=True).distinct()
    ):
        with transaction.atomic():
            fence()
            recompute_repository(repository_id=repository_id)
    run.after, run.finished_at = _counts(), at
    run.save()
    log.info("evidence_reclassified", rules=RULES_VERSION, added=run.signs_added,
             removed=run.signs_removed, moved=run.changes_moved)  # fmt: skip
    return run


def _read_batch(run: Reclassification, ids: Sequence[int]) -> None:
    kept: dict[int, list[Evidence]] = defaultdict(list)
    rows = Evidence.objects.filter(change_id__in=ids, channel__in=_BY_RULES)
    for row in rows.order_by("pk"):
        kept[row.change_id].append(row)
    pulls = {pull.change_id: pull for pull in PullRequest.objects.filter(change_id__in=ids)}
    found: dict[int, dict[tuple[str, str, str], EvidenceFound]] = {}
    changes = Change.objects.filter(pk__in=ids).select_related("author")
    # Git's whole message can sit on pull requests too: only their commits are evidence there.
    for change in changes.only("pk", "kind", "message", "author__kind", "author__value",
                               "author__display_name"):  # fmt: skip
        pull = pulls.get(change.pk)
        signs = _signs_of_pull(pull) if pull else _signs_of_commit(change, kept[change.pk])
        found[change.pk] = {(sign.channel, sign.agent, sign.raw): sign for sign in signs}
    new, moved, gone = _differences(found, kept, run.started_at)
    Evidence.objects.filter(pk__in=gone).delete()
    update_rows(moved, _SAID)
    Evidence.objects.bulk_create(new, batch_size=BATCH, ignore_conflicts=True)
    run.signs_added += len(new)
    run.signs_removed += len(gone)
    touched = {*(row.change_id for row in (*new, *moved)), *_owners(gone, kept)}
    run.changes_moved += settle_changes(sorted(touched))


def _owners(gone: Sequence[int], kept: dict[int, list[Evidence]]) -> Iterable[int]:
    lost = set(gone)
    return [key for key, rows in kept.items() if any(row.pk in lost for row in rows)]


def _signs_of_pull(pull: PullRequest) -> list[EvidenceFound]:
    return [
        sign
        for commit in pull.commits
        for sign in classify_commit(commit["message"], Person(*commit["author"]), _NOBODY)
    ]


def _signs_of_commit(change: Change, kept: Sequence[Evidence]) -> list[EvidenceFound]:
    """From the message, the author, and every identity that a rule once saw on it."""
    people = [_person(row.raw) for row in kept if row.channel == _IDENTITY]
    author = change.author
    if author is not None and author.kind == "git_email":
        people.insert(0, Person(author.display_name, author.value))
    signs = list(classify_commit(change.message, _NOBODY, _NOBODY))
    for person in dict.fromkeys(people):
        signs += classify_commit("", person, _NOBODY)
    return signs


def _person(raw: str) -> Person:
    name, _, rest = raw.rpartition(" <")
    return Person(name, rest.removesuffix(">"))


def _differences(
    found: dict[int, dict[tuple[str, str, str], EvidenceFound]],
    kept: dict[int, list[Evidence]],
    at: datetime,
) -> tuple[list[Evidence], list[Evidence], list[int]]:
    """Signs to add, to restate and to take away."""
    new, moved, gone = [], [], []
    for change_id, signs in found.items():
        left = dict(signs)
        for row in kept[change_id]:
            sign = left.pop((row.channel, row.agent, row.raw), None)
            if sign is None:
                gone.append(row.pk)
                continue
            fresh = evidence_row(change_id, sign, at=at)
            if any(getattr(row, name) != getattr(fresh, name) for name in _SAID):
                for name in _SAID:
                    setattr(row, name, getattr(fresh, name))
                moved.append(row)
        new += [evidence_row(change_id, sign, at=at) for sign in left.values()]
    return new, moved, gone


def moved_counts(run: Reclassification) -> dict[str, int]:
    """By strength, how many changes more or fewer there are; what did not move is left out."""
    after, before = Counter(run.after), Counter(run.before)
    after.subtract(before)
    return {strength: count for strength, count in sorted(after.items()) if count}
