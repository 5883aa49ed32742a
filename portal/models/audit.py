"""The audit: events, the clear names and personal values behind them, and seals.

All four tables are append-only by trigger. What names a person lies in a table of its own, and the
event holds a salted commitment to it: erasing the name leaves the event, and every seal over it, as
they were. No column is a foreign key: an event outlives whatever it speaks of.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from portal.choices import AuditOperation


class AuditName(models.Model):
    """A name under which somebody acted, kept as it was then.

    `erasure_id` is the event that erased it; name and salt are empty from then on.
    """

    person_id = models.BigIntegerField(null=True)
    name = models.TextField()
    salt = models.TextField()
    erasure_id = models.BigIntegerField(null=True)

    class Meta:
        indexes = [models.Index(fields=["name", "person_id"], name="portal_auditname_by_name")]

    def __str__(self) -> str:
        return self.name or "erased"


class AuditPersonal(models.Model):
    """The personal columns of one event, as a JSON document `{"before": …, "after": …}`.

    `person_id` is whom they describe, where the row said so.
    """

    person_id = models.BigIntegerField(null=True)
    value = models.TextField()
    salt = models.TextField()
    erasure_id = models.BigIntegerField(null=True)

    class Meta:
        indexes = [models.Index(fields=["person_id"], name="portal_auditpersonal_by_person")]

    def __str__(self) -> str:
        return f"Personal values {self.pk}"


class AuditEvent(models.Model):
    """One write to a governed table, one refused attempt, or one act of the audit itself.

    Written by triggers and by `portal.audit.record` only. `before` and `after` are JSON documents:
    all columns of an insert or delete, the changed ones of an update, empty where there is none.
    Text columns are never null, so that there is one way to write a value down.
    """

    at = models.DateTimeField()
    operation = models.CharField(max_length=16, choices=AuditOperation)
    table = models.CharField(max_length=80, db_column="table_name")
    key = models.TextField(db_column="record_key")
    before = models.TextField(blank=True)
    after = models.TextField(blank=True)
    channel = models.CharField(max_length=16)
    actor_id = models.BigIntegerField(null=True)
    name_id = models.BigIntegerField(null=True)  # of AuditName
    name_commitment = models.CharField(max_length=64, blank=True)
    personal_id = models.BigIntegerField(null=True)  # of AuditPersonal
    personal_commitment = models.CharField(max_length=64, blank=True)
    token_id = models.BigIntegerField(null=True)
    request_id = models.TextField(blank=True)
    reason = models.TextField(blank=True)
    database_user = models.TextField(blank=True)  # whom the database knew; empty on SQLite

    class Meta:
        indexes = [
            models.Index(fields=["table", "key", "id"], name="portal_audit_by_subject"),
            models.Index(fields=["actor_id", "id"], name="portal_audit_by_actor"),
            models.Index(fields=["at"], name="portal_audit_by_time"),
            models.Index(
                fields=["request_id"], name="portal_audit_by_request", condition=~Q(request_id="")
            ),
            models.Index(
                fields=["personal_id"],
                name="portal_audit_by_personal",
                condition=Q(personal_id__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"Event {self.pk}: {self.operation} {self.table} {self.key}"


class AuditSeal(models.Model):
    """A signed hash over the events up to `last_id` that no earlier seal covers.

    `leaves` holds, for each of them in order, its id (8 bytes, big-endian) and its SHA-256, so that
    a verification can name the very record that is wrong. `hash` covers everything else in the row
    but the signature, `previous_hash` included.
    """

    number = models.PositiveIntegerField(unique=True)
    last_id = models.BigIntegerField()
    count = models.PositiveIntegerField()
    total = models.PositiveBigIntegerField()  # events in this seal and all before it
    leaves = models.BinaryField()
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)
    key_number = models.PositiveIntegerField()
    signature = models.CharField(max_length=128)
    sealed_at = models.DateTimeField()

    class Meta:
        ordering = ["-number"]

    def __str__(self) -> str:
        return f"Seal {self.number}"
