"""Audits: what a second count of all published values found."""

from __future__ import annotations

from django.db import models

from iscm_portal.common.querysets import PortalQuerySet

from .indicator import CompileRun


class AuditRun(models.Model):
    """One audit: how many values it checked, and which of them the records do not bear out.

    ``waiting`` values were left out: a change of their records was known and not compiled yet.
    ``differences`` are the first ones: indicator, span, cell, field, published, recomputed.
    """

    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    # The last run that was published when it looked.
    compile_run = models.ForeignKey(
        CompileRun, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    checked = models.PositiveIntegerField()
    waiting = models.PositiveIntegerField(default=0)
    differing = models.PositiveIntegerField()
    differences = models.JSONField(default=list)

    objects = PortalQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.pk}: {self.differing} of {self.checked}"

    @property
    def saw_nothing(self) -> bool:
        """Whether it could check none of the values that stand: that is not "0 differ"."""
        return not self.checked and self.waiting > 0
