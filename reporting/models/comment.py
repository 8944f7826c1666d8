"""What a reviewer says at one place of a report."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from iscm_portal.common.querysets import PortalQuerySet

from ..choices import ReportPart
from .report import PostEventReport


class FieldComment(models.Model):
    """A reviewer's words at a field, a row or a field of a row; open until somebody settles it.

    ``row`` is the key of a row (None: a text of the report itself), ``field`` the name of a field
    (empty: the whole row). For the reporting office and IPD, like all papers of the review.
    """

    report = models.ForeignKey(PostEventReport, models.CASCADE, related_name="comments")
    part = models.CharField(max_length=10, choices=ReportPart.choices)
    row = models.UUIDField(null=True)
    field = models.CharField(max_length=40, blank=True)
    text = models.TextField(_("comment"))
    # The version of the report that the reviewer had before his eyes.
    version = models.PositiveIntegerField()
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    settled_at = models.DateTimeField(null=True)

    objects = PortalQuerySet.as_manager()

    # Put beside it for the page that shows it.
    about: str = ""
    is_ticked: bool = False

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="fieldcomment_has_a_place", condition=Q(row__isnull=False) | ~Q(field="")
            ),
            models.CheckConstraint(
                name="fieldcomment_settled_says_who_and_when",
                condition=Q(settled_at__isnull=True, settled_by__isnull=True)
                | Q(settled_at__isnull=False, settled_by__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.report}: {self.text[:40]}"
