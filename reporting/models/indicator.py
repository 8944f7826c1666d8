"""Indicators: what is measured, what it should reach, and what each compile run found."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from engagements.models import ISCM, Office, ReferenceFrame
from iscm_portal.common.models import Sourced, Tracked
from iscm_portal.common.querysets import PortalQuerySet

from ..choices import Direction, IndicatorState, Status


class Indicator(Tracked, Sourced):
    """A measure with the five SMART parts. ``key`` names the measure in ``reporting.measures``."""

    key = models.SlugField(max_length=40, unique=True)
    number = models.PositiveSmallIntegerField(default=0)
    title = models.CharField(_("title"), max_length=200)
    definition = models.TextField(_("specific: what is counted"))
    caution = models.TextField(_("read with care"), blank=True)
    unit = models.CharField(_("measurable: unit"), max_length=40)
    baseline = models.DecimalField(
        _("attainable: baseline"), max_digits=18, decimal_places=4, null=True, blank=True
    )
    baseline_year = models.PositiveSmallIntegerField(_("baseline year"), null=True, blank=True)
    target = models.DecimalField(
        _("attainable: target"), max_digits=18, decimal_places=4, null=True, blank=True
    )
    rationale = models.TextField(_("attainable: rationale"), blank=True)
    relevant_to = models.ManyToManyField(
        ReferenceFrame, blank=True, related_name="+", verbose_name=_("relevant: goals")
    )
    frequency = models.CharField(_("timely: frequency"), max_length=20, default="year")
    due_on = models.DateField(_("timely: target date"), null=True, blank=True)
    direction = models.CharField(
        _("direction"), max_length=10, choices=Direction.choices, default=Direction.UP
    )
    green_from = models.DecimalField(
        _("green from"), max_digits=18, decimal_places=4, null=True, blank=True
    )
    amber_from = models.DecimalField(
        _("amber from"), max_digits=18, decimal_places=4, null=True, blank=True
    )
    owner = models.ForeignKey(Office, models.PROTECT, null=True, blank=True, related_name="+")
    state = models.CharField(
        _("state"), max_length=10, choices=IndicatorState.choices, default=IndicatorState.PROPOSED
    )

    objects = PortalQuerySet.as_manager()

    class Meta:
        ordering = ["number", "key"]
        constraints = [
            models.CheckConstraint(
                name="indicator_thresholds_together",
                condition=Q(green_from__isnull=True, amber_from__isnull=True)
                | Q(green_from__isnull=False, amber_from__isnull=False),
            ),
            models.CheckConstraint(
                name="indicator_baseline_has_a_year",
                condition=Q(baseline__isnull=True) | Q(baseline_year__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.title


class CompileRun(models.Model):
    """One compilation. Its values are written with its publication, in one transaction:
    readers see the previous run until a run is whole."""

    class State(models.TextChoices):
        RUNNING = "running", _("Running")
        PUBLISHED = "published", _("Published")

    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    first_year = models.PositiveSmallIntegerField()
    last_year = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True)
    values_written = models.PositiveIntegerField(default=0)

    objects = PortalQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.pk} {self.get_state_display()}"


class IndicatorValue(models.Model):
    """What one indicator came to in one cell: a year, overall or for one mechanism."""

    indicator = models.ForeignKey(Indicator, models.CASCADE, related_name="values")
    year = models.PositiveSmallIntegerField()
    # "overall" or "iscm:<id>": a key without NULL, so that one upsert serves both databases.
    cell = models.CharField(max_length=40)
    iscm = models.ForeignKey(ISCM, models.CASCADE, null=True, blank=True, related_name="+")
    value = models.DecimalField(max_digits=20, decimal_places=4, null=True)
    numerator = models.DecimalField(max_digits=20, decimal_places=4, null=True)
    denominator = models.DecimalField(max_digits=20, decimal_places=4, null=True)
    n = models.PositiveIntegerField(default=0)
    beside = models.JSONField(default=dict)
    status = models.CharField(max_length=10, choices=Status.choices)
    reports_owed = models.PositiveIntegerField(default=0)
    reports_accepted = models.PositiveIntegerField(default=0)
    compiled_at = models.DateTimeField()
    run = models.ForeignKey(CompileRun, models.PROTECT, related_name="values")

    objects = PortalQuerySet.as_manager()

    class Meta:
        ordering = ["indicator", "-year", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["indicator", "year", "cell"], name="indicatorvalue_once_a_cell"
            )
        ]

    def __str__(self) -> str:
        return f"{self.indicator} {self.year}"
