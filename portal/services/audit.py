"""What is done with the audit beyond writing it: sealing, refusals, erasure, restores."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections, transaction

from portal.audit.context import acting
from portal.audit.denials import note_denial
from portal.audit.heads import export_heads, note_restore
from portal.audit.record import record_event
from portal.audit.report import Report
from portal.audit.seal import Sealed, seal_events
from portal.audit.verify import verify_audit
from portal.choices import AuditOperation
from portal.models import AuditName, AuditPersonal, User
from portal.selectors.erasures import names_of, values_of

PATIENCE = 20.0  # seconds that a sealing waits for transactions that write
_PEOPLE = "portal_user"


class MissingReasonError(ValueError):
    """The act needs a reason, since it cannot be undone."""


@dataclass(frozen=True, slots=True)
class Erased:
    """How many names and personal values of a person were erased, and by which event."""

    event: int
    names: int
    values: int


def seal_audit(
    *,
    at: datetime,
    even_if_empty: bool = False,
    patience: float = PATIENCE,
    using: str = DEFAULT_DB_ALIAS,
) -> Sealed:
    """Seal what is settled and write the heads outside the database once that is committed.

    Args:
        at: now.
        even_if_empty: make a seal although there is nothing new, as a daily sign of life.
        patience: how many seconds to wait for transactions that write.

    Raises:
        portal.audit.heads.HeadMismatchError: the database was put back or altered; it is sealed
            all the same, but no head is written.
        portal.keys.MissingKeyError: there is no key to sign with.
    """
    made = seal_events(at=at, patience=patience, even_if_empty=even_if_empty, using=using)
    # A head of a seal that is rolled back would be a false alarm for ever.
    transaction.on_commit(
        lambda: export_heads(settings.AUDIT_HEADS_DIR, settings.AUDIT_KEYS, using=using) and None,
        using=using,
    )
    return made


def accept_restore(*, reason: str, at: datetime, using: str = DEFAULT_DB_ALIAS) -> int:
    """Note in the head file that this database was put back on purpose.

    Returns:
        how many heads are given up by it.

    Raises:
        MissingReasonError: nobody said why.
    """
    if not reason.strip():
        raise MissingReasonError("say why the database was put back to an earlier state")
    lost = note_restore(
        settings.AUDIT_HEADS_DIR, settings.AUDIT_KEYS, reason=reason.strip(), at=at, using=using
    )
    with acting(reason=reason.strip()):
        record_event(
            operation=AuditOperation.NOTED,
            table="restore",
            key="",
            facts={"heads_given_up": lost},
            using=using,
        )
    return lost


def verify(*, using: str = DEFAULT_DB_ALIAS) -> Report:
    """Check the whole audit, reading only."""
    return verify_audit(
        connections[using], keys=settings.AUDIT_KEYS, heads_dir=settings.AUDIT_HEADS_DIR
    )


def record_denied(what: str, subject: str = "", detail: str = "") -> None:
    """Record that whoever acts now was refused, also when the transaction is rolled back.

    Within a request it is written when the request ends, once for each `what` and `subject`; then
    the refusal is not recorded a second time for its answer 403.

    Args:
        what: the attempt, in a few words or as a key.
        subject: on which thing, such as `use-case support-triage`. No personal data.
        detail: more, in a sentence. No personal data.
    """
    note_denial(what, subject, detail)


@transaction.atomic
def erase_person(*, person: User, reason: str, actor: User | None, at: datetime) -> Erased:
    """Erase a person's names and personal values from the audit; events and seals stay valid.

    What the person did stays, under the number of the account. Change the account itself first:
    the change records its own personal values.

    Args:
        actor: who erases; also stands in the event.
        at: now.

    Raises:
        MissingReasonError: nobody said why.
    """
    if not reason.strip():
        raise MissingReasonError("say why the person is erased from the audit")
    name_ids = list(names_of(person).values_list("pk", flat=True))
    value_ids = list(values_of(person).values_list("pk", flat=True))
    with acting(reason=reason.strip()):
        event = record_event(
            operation=AuditOperation.ERASED,
            table=_PEOPLE,
            key=str(person.pk),
            facts={
                "names": len(name_ids),
                "values": len(value_ids),
                "erased_at": at.isoformat(),
                "erased_by": actor.pk if actor else None,
            },
        )
    AuditName.objects.filter(pk__in=name_ids).update(name="", salt="", erasure_id=event)
    AuditPersonal.objects.filter(pk__in=value_ids).update(value="", salt="", erasure_id=event)
    return Erased(event=event, names=len(name_ids), values=len(value_ids))
