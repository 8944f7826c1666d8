"""Files that finance officers load: each run, its rows while they are checked, what it wrote."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from ..choices import ImportKind, ImportState, RowState
from ..querysets import ImportQuerySet


class ImportRun(models.Model):
    """One file: who sent it, how far it is, and what came of it.

    The file is checked first (``checked_rows`` of ``rows``); nothing is written until its sender
    says so, and then all of it or nothing.
    """

    kind = models.CharField(_("kind"), max_length=20, choices=ImportKind.choices)
    state = models.CharField(
        _("state"), max_length=12, choices=ImportState.choices, default=ImportState.WAITING
    )
    file_name = models.CharField(_("file"), max_length=150)
    place = models.CharField(max_length=32, editable=False, db_index=True)
    sha256 = models.CharField(_("checksum (SHA-256)"), max_length=64)
    size = models.PositiveIntegerField(_("size in bytes"))
    sheet = models.CharField(_("sheet"), max_length=100, blank=True)
    header = models.JSONField(default=list)
    reason = models.CharField(_("why amounts change"), max_length=100, blank=True)
    undo_reason = models.CharField(_("why it is undone"), max_length=60, blank=True)
    rows = models.PositiveIntegerField(_("rows"), null=True)
    checked_rows = models.PositiveIntegerField(default=0)
    written_rows = models.PositiveIntegerField(default=0)
    new = models.PositiveIntegerField(_("new"), default=0)
    changed = models.PositiveIntegerField(_("changed"), default=0)
    same = models.PositiveIntegerField(_("unchanged"), default=0)
    # Records that are there and in which the file changes what figures are counted from: they need
    # a reason.
    amounts_changed = models.PositiveIntegerField(_("amounts changed"), default=0)
    errors = models.PositiveIntegerField(_("errors"), default=0)
    problem = models.CharField(_("what is wrong with the file"), max_length=500, blank=True)
    # The first records that hindered its undoing: [what it goes by, number of the record] each.
    hindered_by = models.JSONField(default=list)
    is_cancel_asked = models.BooleanField(default=False)
    # When the work on it last got on; a run that waits or stands still is taken up again.
    moved_at = models.DateTimeField(auto_now=True)
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    uploaded_at = models.DateTimeField()
    written_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    written_at = models.DateTimeField(null=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    undone_at = models.DateTimeField(null=True)

    objects = ImportQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.file_name} ({self.get_kind_display()})"


class ImportRow(models.Model):
    """A row of the file as it was understood; kept until the run is written or thrown away."""

    run = models.ForeignKey(ImportRun, models.CASCADE, related_name="file_rows")
    # As the sender's program counts them: the header is row 1.
    row = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=RowState.choices)
    object_id = models.PositiveBigIntegerField(null=True)
    # {column: [as it stands, as it is to be]}, in the words of an export; only what changes.
    values = models.JSONField(default=dict)
    # What the record goes by. Empty where that can't be read.
    key = models.CharField(max_length=250, blank=True)
    # What its share is a part of (a project and year), and the share or the amount of it.
    whole = models.CharField(max_length=60, blank=True)
    share_pct = models.DecimalField(max_digits=5, decimal_places=2, null=True)
    stated_usd = models.DecimalField(max_digits=14, decimal_places=2, null=True)
    # What gets smaller is written first: at no moment is more given away than there is.
    goes_first = models.BooleanField(default=False)

    class Meta:
        ordering = ["run", "row"]
        constraints = [models.UniqueConstraint(fields=["run", "row"], name="importrow_once")]
        indexes = [
            models.Index(fields=["run", "key"], name="importrow_key"),
            models.Index(fields=["run", "whole"], name="importrow_whole"),
        ]

    def __str__(self) -> str:
        return f"{self.run_id}:{self.row}"


class CellError(models.Model):
    """What is wrong at one cell of the file; ``column`` empty means the whole row."""

    run = models.ForeignKey(ImportRun, models.CASCADE, related_name="cell_errors")
    row = models.PositiveIntegerField()
    column = models.PositiveSmallIntegerField(null=True)
    text = models.CharField(max_length=300)

    class Meta:
        ordering = ["run", "row", "column", "pk"]
        indexes = [models.Index(fields=["run", "row"], name="cellerror_of_run")]

    def __str__(self) -> str:
        return f"{self.run_id}:{self.row}"


class ImportedRecord(models.Model):
    """A record that a run wrote: with its history row before (empty for a new one) and after.

    A post's shares are records of their own; one that the run took away has the history row of
    its deletion as the later one.
    """

    run = models.ForeignKey(ImportRun, models.CASCADE, related_name="records")
    is_share = models.BooleanField(default=False)
    object_id = models.PositiveBigIntegerField()
    history_before = models.PositiveBigIntegerField(null=True)
    history_after = models.PositiveBigIntegerField()

    class Meta:
        ordering = ["run", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["run", "is_share", "object_id"], name="importedrecord_once"
            ),
            models.CheckConstraint(
                name="importedrecord_history_in_order",
                condition=Q(history_before__isnull=True)
                | Q(history_before__lt=models.F("history_after")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.run_id}:{self.object_id}"
