"""What was created, updated and deleted. Written by triggers and by nothing else."""

from __future__ import annotations

from django.db import models


class Change(models.Model):
    """One change of one record of the API.

    It keeps who saw the record before and after it (``watched.Watched.audience``; None is nobody):
    what was created for one reader was updated for another and is nothing to a third.
    """

    type = models.CharField(max_length=30)
    record = models.BigIntegerField()
    audience_before = models.CharField(max_length=30, null=True)  # noqa: DJ001 - NULL is nobody
    audience_after = models.CharField(max_length=30, null=True)  # noqa: DJ001 - NULL is nobody
    changed_at = models.DateTimeField()
    # The transaction that wrote it (PostgreSQL); 0 on SQLite.
    xid = models.BigIntegerField()

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["xid", "id"], name="change_by_transaction")]

    def __str__(self) -> str:
        return f"{self.type} {self.record}"
