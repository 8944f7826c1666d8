"""The briefing that goes round when a report is accepted, and who had it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from engagements.models import Office
from iscm_portal.common.querysets import PortalQuerySet

from ..querysets import BriefingCopyQuerySet
from .report import PostEventReport


class Briefing(models.Model):
    """One office that a report, as it was accepted once, goes to, and why.

    ``reasons`` are [code, name] (``selectors.briefing``); empty where the reviewer chose it.
    """

    report = models.ForeignKey(PostEventReport, models.CASCADE, related_name="briefings")
    # Of the report: a correction that is accepted goes round anew.
    version = models.PositiveIntegerField()
    is_correction = models.BooleanField(default=False)
    office = models.ForeignKey(Office, models.PROTECT, related_name="+")
    reasons = models.JSONField(default=list)
    chosen_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    made_at = models.DateTimeField()

    objects = PortalQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["report", "version", "office"], name="briefing_once_per_version"
            )
        ]

    def __str__(self) -> str:
        return f"{self.report} → {self.office}"


class BriefingCopy(models.Model):
    """One person's copy: sent by mail once, and read in the portal."""

    briefing = models.ForeignKey(Briefing, models.CASCADE, related_name="copies")
    recipient = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    # Whether he wanted mails when it was made; one who wants none reads it in the portal.
    is_mailed = models.BooleanField(default=True)
    emailed_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True)

    objects = BriefingCopyQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["briefing", "recipient"], name="briefingcopy_once")
        ]
        indexes = [
            # The tick asks for the unsent ones only; they are few whatever the table's size.
            models.Index(
                fields=["recipient", "id"],
                name="briefingcopy_unsent",
                condition=Q(emailed_at__isnull=True, is_mailed=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.briefing}: {self.recipient}"
