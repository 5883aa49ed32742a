"""Which unmapped names finance has been told of."""

from __future__ import annotations

from django.db import models


class UnmappedTold(models.Model):
    """A name that no rule takes and that finance has been told of, once and for all.

    `digest` is the SHA-256 of attribute, tag key and value: the name itself stands in cost lines
    and nowhere else.
    """

    digest = models.CharField(max_length=64, unique=True)
    told_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.digest[:12]
