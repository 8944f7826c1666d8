"""Documents that belong to a report: outcome documents, agendas."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from ..choices import DocumentKind, Sensitivity
from ..querysets import AttachmentQuerySet
from .report import ReportItem


class Attachment(ReportItem):
    """A file of a report, checked by its content. It stays as it is: another one is another row.

    ``place`` is where the file lies (``common.uploads``); a correction's copy of the row names
    the same file.
    """

    name = models.CharField(_("name"), max_length=150)
    kind = models.CharField(_("kind"), max_length=10, choices=DocumentKind.choices)
    sensitivity = models.CharField(_("who reads it"), max_length=10, choices=Sensitivity.choices)
    media_type = models.CharField(max_length=100, editable=False)
    size = models.PositiveIntegerField(_("size in bytes"), editable=False)
    sha256 = models.CharField(_("checksum (SHA-256)"), max_length=64)
    place = models.CharField(max_length=32, editable=False, db_index=True)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", editable=False
    )

    objects = AttachmentQuerySet.as_manager()

    class Meta(ReportItem.Meta):
        verbose_name = _("document")
        constraints = [
            *ReportItem.Meta.constraints,
            # The same document twice is once.
            models.UniqueConstraint(fields=["report", "sha256"], name="attachment_once"),
        ]

    def __str__(self) -> str:
        return self.name
