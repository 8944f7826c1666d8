"""What was published: of every past day, and for good where IPD closed a year."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from engagements.models import ISCM
from iscm_portal.common.querysets import PortalQuerySet

from ..choices import Direction, PeriodKind, Status
from ..querysets import PublishedValueQuerySet, ReleasedValueQuerySet
from .indicator import CompileRun, Indicator, IndicatorVersion


class Figure(models.Model):
    """What a value of a year consists of."""

    cell = models.CharField(max_length=120)
    value = models.DecimalField(max_digits=20, decimal_places=4, null=True)
    numerator = models.DecimalField(max_digits=20, decimal_places=4, null=True)
    denominator = models.DecimalField(max_digits=20, decimal_places=4, null=True)
    n = models.PositiveIntegerField(default=0, null=True)
    status = models.CharField(max_length=10, choices=Status.choices)
    reports_owed = models.PositiveIntegerField(default=0)
    reports_accepted = models.PositiveIntegerField(default=0)

    class Meta:
        abstract = True


class PublishedValue(Figure):
    """A value of a year, overall or of a mechanism, as it stood from one run up to another.

    The compile writes it when a value changes: with it the dashboard of any past day can be shown.
    ``to_run`` is the run that changed or removed it; empty while it stands.
    """

    # It is shown where an IndicatorValue is.
    period, part, dimension, dimension_value = PeriodKind.YEAR, 0, "", ""

    indicator = models.ForeignKey(Indicator, models.CASCADE, related_name="+")
    year = models.PositiveSmallIntegerField()
    iscm = models.ForeignKey(ISCM, models.CASCADE, null=True, blank=True, related_name="+")
    from_run = models.ForeignKey(CompileRun, models.PROTECT, related_name="+")
    to_run = models.ForeignKey(CompileRun, models.PROTECT, null=True, related_name="+")

    objects = PublishedValueQuerySet.as_manager()

    class Meta:
        ordering = ["indicator", "-year", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["indicator", "year", "cell"],
                condition=Q(to_run__isnull=True),
                name="publishedvalue_one_stands",
            ),
        ]
        indexes = [
            # A past day's dashboard: one kind of cell in a few years, by the run.
            models.Index(fields=["cell", "year", "from_run"], name="publishedvalue_of_a_cell"),
        ]

    def __str__(self) -> str:
        return f"{self.indicator} {self.year}"


class Release(models.Model):
    """A year that IPD closed. Its values never change; the database refuses it (0051).

    The key is year x 100 + revision and so known before the row is there: what belongs to a
    release is written first, the release last, and to one that is there nothing can be added.
    """

    id = models.PositiveIntegerField(primary_key=True)
    year = models.PositiveSmallIntegerField()
    revision = models.PositiveSmallIntegerField(default=1)
    closed_at = models.DateTimeField(_("closed"))
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    note = models.TextField(_("note"), blank=True)
    run = models.ForeignKey(CompileRun, models.PROTECT, related_name="+")
    values_total = models.PositiveIntegerField(default=0)

    objects = PortalQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["year", "revision"], name="release_once_a_revision"),
            models.CheckConstraint(
                name="release_id_of_year_and_revision",
                condition=Q(id=F("year") * 100 + F("revision"), revision__range=(1, 99)),
            ),
        ]

    def __str__(self) -> str:
        if self.revision == 1:
            return str(self.year)
        return _("%(year)s, revision %(number)s") % {"year": self.year, "number": self.revision}


class ReleasedIndicator(models.Model):
    """What an indicator meant when the year was closed."""

    release = models.ForeignKey(Release, models.PROTECT, related_name="indicators")
    indicator = models.ForeignKey(Indicator, models.PROTECT, related_name="+")
    key = models.SlugField(max_length=40)
    number = models.PositiveSmallIntegerField(default=0)
    title = models.CharField(max_length=200)
    definition = models.TextField()
    caution = models.TextField(blank=True)
    unit = models.CharField(max_length=40)
    baseline = models.DecimalField(max_digits=18, decimal_places=4, null=True)
    baseline_year = models.PositiveSmallIntegerField(null=True)
    target = models.DecimalField(max_digits=18, decimal_places=4, null=True)
    rationale = models.TextField(blank=True)
    direction = models.CharField(max_length=10, choices=Direction.choices)
    green_from = models.DecimalField(max_digits=18, decimal_places=4, null=True)
    amber_from = models.DecimalField(max_digits=18, decimal_places=4, null=True)
    state = models.CharField(max_length=10)

    objects = PortalQuerySet.as_manager()

    class Meta:
        ordering = ["number", "key"]
        constraints = [
            models.UniqueConstraint(
                fields=["release", "indicator"], name="releasedindicator_once_a_release"
            ),
        ]

    def __str__(self) -> str:
        return self.title


class ReleasedValue(Figure):
    """A value of a closed year, as it was then."""

    release = models.ForeignKey(Release, models.PROTECT, related_name="values")
    indicator = models.ForeignKey(ReleasedIndicator, models.PROTECT, related_name="values")
    iscm = models.ForeignKey(ISCM, models.PROTECT, null=True, related_name="+")
    # What the mechanism was called then.
    iscm_label = models.CharField(max_length=100, blank=True)
    dimension = models.CharField(max_length=20, blank=True)
    dimension_value = models.CharField(max_length=60, blank=True)
    beside = models.JSONField(default=dict)
    compiled_at = models.DateTimeField()
    run = models.ForeignKey(CompileRun, models.PROTECT, related_name="+")
    # The definition by which it was worked out. Nobody looks values up by it: no index.
    version = models.ForeignKey(
        IndicatorVersion, models.PROTECT, null=True, related_name="+", db_index=False
    )

    objects = ReleasedValueQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["indicator", "cell"], name="releasedvalue_once_a_cell"),
        ]
        indexes = [
            models.Index(fields=["release", "dimension", "iscm"], name="releasedvalue_of_a_cut"),
        ]

    def __str__(self) -> str:
        return f"{self.indicator} {self.cell}"

    @property
    def place(self) -> dict[str, str | None]:
        """Its cell as dimensions and values; None where a value is not known."""
        place: dict[str, str | None] = {}
        if self.iscm is not None:
            place["iscm"] = self.iscm.slug
        if self.dimension:
            place[self.dimension] = self.dimension_value or None
        return place


class ReleasedRecord(models.Model):
    """A record that an indicator of a closed year was counted from, so that what changes it later
    can be named. ``model`` is its label, as in ``engagements.partnership``."""

    release = models.ForeignKey(Release, models.PROTECT, related_name="+")
    indicator = models.ForeignKey(ReleasedIndicator, models.PROTECT, related_name="records")
    model = models.CharField(max_length=60)
    object_id = models.BigIntegerField()

    objects = PortalQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["indicator", "model", "object_id"], name="releasedrecord_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model} {self.object_id}"
