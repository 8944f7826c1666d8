"""Indicators: what is measured, what it should reach, and what each compile run found."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from engagements.models import ISCM, Objective, Office, ReferenceFrame
from iscm_portal.common.models import Sourced, Tracked
from iscm_portal.common.period import Period
from iscm_portal.common.querysets import PortalQuerySet

from ..choices import Direction, Frequency, IndicatorState, PeriodKind, Status
from ..querysets import IndicatorValueQuerySet


class Definition(models.Model):
    """The five SMART parts of an indicator: as they are now, or as a version of them was."""

    title = models.CharField(_("title"), max_length=200)
    definition = models.TextField(_("what is counted"))
    caution = models.TextField(_("read with care"), blank=True)
    owner = models.ForeignKey(
        Office,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("owner office"),
    )
    unit = models.CharField(_("unit"), max_length=40)
    direction = models.CharField(
        _("direction"), max_length=10, choices=Direction.choices, default=Direction.UP
    )
    baseline = models.DecimalField(
        _("baseline"), max_digits=18, decimal_places=4, null=True, blank=True
    )
    baseline_year = models.PositiveSmallIntegerField(
        _("year of the baseline"), null=True, blank=True
    )
    baseline_source = models.TextField(_("source of the baseline"), blank=True)
    no_baseline_reason = models.TextField(_("no baseline yet, because"), blank=True)
    target = models.DecimalField(
        _("target"), max_digits=18, decimal_places=4, null=True, blank=True
    )
    green_from = models.DecimalField(
        _("on track from"), max_digits=18, decimal_places=4, null=True, blank=True
    )
    amber_from = models.DecimalField(
        _("needs attention from"), max_digits=18, decimal_places=4, null=True, blank=True
    )
    rationale = models.TextField(_("rationale"), blank=True)
    objective = models.ForeignKey(
        Objective,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("objective"),
    )
    relevant_to = models.ManyToManyField(
        ReferenceFrame, blank=True, related_name="+", verbose_name=_("goals")
    )
    frequency = models.CharField(
        _("frequency"), max_length=20, choices=Frequency.choices, default=Frequency.YEAR
    )
    due_on = models.DateField(_("target date"), null=True, blank=True)

    class Meta:
        abstract = True


# What a version keeps of an indicator; the goals, a link to many, beside it.
DEFINED = tuple(field.name for field in Definition._meta.local_fields)


def when_active(name: str, condition: Q, message: object) -> models.CheckConstraint:
    """The constraint that ``condition`` holds of every active indicator; a draft may lack."""
    return models.CheckConstraint(
        name=name,
        condition=~Q(state=IndicatorState.ACTIVE) | condition,
        violation_error_message=message,  # type: ignore[arg-type]
    )


UP_OR_DOWN = Q(direction__in=[Direction.UP, Direction.DOWN])


class Indicator(Tracked, Sourced, Definition):
    """A measure with the five SMART parts. ``key`` names the measure in ``reporting.measures``.

    Written by ``services.defining`` only, which keeps a version of each definition.
    """

    key = models.SlugField(max_length=40, unique=True)
    number = models.PositiveSmallIntegerField(default=0)
    state = models.CharField(
        _("state"), max_length=10, choices=IndicatorState.choices, default=IndicatorState.PROPOSED
    )
    # The version that says what the definition says now: by it values are worked out.
    current_version = models.ForeignKey(
        "reporting.IndicatorVersion",
        models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
    )

    objects = PortalQuerySet.as_manager()

    class Meta:
        ordering = ["number", "key"]
        constraints = [
            models.CheckConstraint(
                name="indicator_thresholds_together",
                condition=Q(green_from__isnull=True, amber_from__isnull=True)
                | Q(green_from__isnull=False, amber_from__isnull=False),
                violation_error_message=_("Give both thresholds or none."),
            ),
            models.CheckConstraint(
                name="indicator_baseline_has_a_year",
                condition=Q(baseline__isnull=True) | Q(baseline_year__isnull=False),
                violation_error_message=_("Give the year of the baseline."),
            ),
            when_active(
                "indicator_active_is_specific",
                ~Q(title="") & ~Q(definition="") & Q(owner__isnull=False),
                _("An active indicator says what is counted and which office owns it."),
            ),
            when_active(
                "indicator_active_is_measurable",
                ~Q(unit=""),
                _("An active indicator has a unit."),
            ),
            when_active(
                "indicator_active_has_a_baseline",
                (Q(baseline__isnull=False) & ~Q(baseline_source="") & Q(no_baseline_reason=""))
                | (Q(baseline__isnull=True) & ~Q(no_baseline_reason="")),
                _("An active indicator has a baseline with its source, or says why it has none."),
            ),
            when_active(
                "indicator_active_has_a_target",
                ~Q(rationale="")
                & (
                    ~UP_OR_DOWN
                    | Q(target__isnull=False, green_from__isnull=False, amber_from__isnull=False)
                ),
                _("An active indicator has a rationale, a target and thresholds."),
            ),
            when_active(
                "indicator_active_target_is_no_worse",
                Q(target__isnull=True)
                | Q(baseline__isnull=True)
                | ~UP_OR_DOWN
                | Q(direction=Direction.UP, target__gte=F("baseline"))
                | Q(direction=Direction.DOWN, target__lte=F("baseline")),
                _("The target is worse than the baseline."),
            ),
            when_active(
                "indicator_active_thresholds_in_order",
                Q(green_from__isnull=True)
                | ~UP_OR_DOWN
                | Q(direction=Direction.UP, green_from__gt=F("amber_from"))
                | Q(direction=Direction.DOWN, green_from__lt=F("amber_from")),
                _("The thresholds are not in order."),
            ),
            when_active(
                "indicator_active_target_is_on_track",
                Q(green_from__isnull=True)
                | Q(target__isnull=True)
                | ~UP_OR_DOWN
                | Q(direction=Direction.UP, target__gte=F("green_from"))
                | Q(direction=Direction.DOWN, target__lte=F("green_from")),
                _("Who reaches the target would not be on track."),
            ),
            when_active(
                "indicator_active_is_relevant",
                Q(objective__isnull=False),
                _("An active indicator serves an objective."),
            ),
            when_active(
                "indicator_active_is_timely",
                Q(due_on__isnull=False, frequency__in=Frequency.values),
                _("An active indicator has a frequency and a target date."),
            ),
        ]

    def __str__(self) -> str:
        return self.title


class IndicatorVersion(Definition):
    """A definition as it was written: it never changes, and values name the one they go by."""

    indicator = models.ForeignKey(Indicator, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(_("version"))
    valid_from = models.DateField(_("valid from"))
    made_at = models.DateTimeField(_("written"))
    # Empty: a load of records.
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    reason = models.CharField(_("reason"), max_length=100, blank=True)

    objects = PortalQuerySet.as_manager()

    class Meta:
        ordering = ["indicator", "-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["indicator", "number"], name="indicatorversion_number_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.title}, {self.number}"


class CompileRun(models.Model):
    """One compilation. Its values are written with its publication, in one transaction:
    readers see the previous run until a run is whole."""

    class State(models.TextChoices):
        RUNNING = "running", _("Running")
        PUBLISHED = "published", _("Published")

    class Scope(models.TextChoices):
        WHOLE = "whole", _("All years, from all records")
        YEARS = "years", _("The records of these years")
        CHANGE = "change", _("What a change touched")

    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    scope = models.CharField(max_length=10, choices=Scope.choices, default=Scope.YEARS)
    first_year = models.PositiveSmallIntegerField()
    last_year = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True)
    # How long it took, by the clock of the database.
    seconds = models.DecimalField(max_digits=9, decimal_places=3, null=True)
    values_written = models.PositiveIntegerField(default=0)
    values_removed = models.PositiveIntegerField(default=0)
    # Counted where all are looked at anyway; after a change that would take longer than the rest.
    values_total = models.PositiveIntegerField(null=True)

    objects = PortalQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.pk} {self.get_state_display()}"


class EvidenceSum(models.Model):
    """What the records of a measure come to in one quarter, for the same mechanisms, State, kind
    and office: the finest sums that cells are added up from.

    Kept, so that a change is followed by counting one quarter's records and not all. ``slot`` is
    year x 10 + quarter (0 where only the year is known); ``place`` has the ids of the mechanisms,
    the lowest first ("3,17"; "" is none). ``part`` tells records apart (days, a State's id) where a
    measure has a median or a spread, ``batch`` what came in together (the survey of an answer).
    Columns in which a measure is not cut are empty.
    """

    measure = models.CharField(max_length=40)
    slot = models.PositiveIntegerField()
    place = models.TextField()
    country = models.CharField(max_length=3)
    region = models.CharField(max_length=60)
    kind = models.CharField(max_length=30)
    event_kind = models.CharField(max_length=30)
    office = models.CharField(max_length=60)
    part = models.IntegerField(null=True)
    batch = models.BigIntegerField(default=0)
    n = models.PositiveIntegerField()
    total = models.BigIntegerField()
    aside = models.BigIntegerField()

    objects = PortalQuerySet.as_manager()

    class Meta:
        indexes = [
            # A change takes out and puts back one quarter of a measure; a span adds up a few.
            models.Index(fields=["slot", "measure"], name="evidencesum_of_a_quarter"),
        ]

    def __str__(self) -> str:
        return f"{self.measure} {self.slot}"


class IndicatorValue(models.Model):
    """What one indicator came to in one cell: a span of time, and overall, or for a mechanism, for
    one value of another dimension, or for both.

    ``part`` is 0 of a year and 1 to 4 of a quarter, or of the twelve months that end with it.
    ``n`` is empty where answers are too few to show; of a cut such a cell is not there at all.
    ``dimension`` is empty or names what ``dimension_value`` is a code of ("" there: not known, or
    none). ``run`` and ``compiled_at`` are of the run that last changed it.
    """

    indicator = models.ForeignKey(Indicator, models.CASCADE, related_name="values")
    period = models.CharField(max_length=10, choices=PeriodKind.choices, default=PeriodKind.YEAR)
    year = models.PositiveSmallIntegerField()
    part = models.PositiveSmallIntegerField(default=0)
    # "overall", "iscm:<id>", "theme:<code>" or "iscm:<id>|theme:<code>": a key without NULL, so
    # that one upsert serves both databases.
    cell = models.CharField(max_length=120)
    iscm = models.ForeignKey(ISCM, models.CASCADE, null=True, blank=True, related_name="+")
    dimension = models.CharField(max_length=20, blank=True, default="")
    dimension_value = models.CharField(max_length=60, blank=True, default="")
    value = models.DecimalField(max_digits=20, decimal_places=4, null=True)
    numerator = models.DecimalField(max_digits=20, decimal_places=4, null=True)
    denominator = models.DecimalField(max_digits=20, decimal_places=4, null=True)
    n = models.PositiveIntegerField(default=0, null=True)
    beside = models.JSONField(default=dict)
    status = models.CharField(max_length=10, choices=Status.choices)
    reports_owed = models.PositiveIntegerField(default=0)
    reports_accepted = models.PositiveIntegerField(default=0)
    compiled_at = models.DateTimeField()
    run = models.ForeignKey(CompileRun, models.PROTECT, related_name="values")
    # The definition by which it was worked out. Nobody looks values up by it: no index.
    version = models.ForeignKey(
        IndicatorVersion, models.RESTRICT, null=True, related_name="+", db_index=False
    )

    objects = IndicatorValueQuerySet.as_manager()

    class Meta:
        ordering = ["indicator", "-year", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["indicator", "period", "year", "part", "cell"],
                name="indicatorvalue_once_a_cell",
            ),
            models.CheckConstraint(
                name="indicatorvalue_part_of_its_period",
                condition=Q(period=PeriodKind.YEAR, part=0)
                | (~Q(period=PeriodKind.YEAR) & Q(part__range=(1, 4))),
            ),
        ]
        indexes = [
            # The dashboard: all indicators of a year in one kind of cell.
            models.Index(
                fields=["period", "year", "part", "dimension"], name="indicatorvalue_of_a_span"
            ),
            # Trends, and the years that there are: one cell of all indicators in every span.
            # (PostgreSQL, 500,000 values: 1 ms for 110.)
            models.Index(
                fields=["cell", "period", "year", "part"], name="indicatorvalue_of_a_cell"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.indicator} {self.year}"

    @property
    def span(self) -> Period:
        """The days that it is of."""
        return PeriodKind(self.period).days(self.year, self.part)

    @property
    def last_day(self) -> dt.date:
        return self.span.end - dt.timedelta(days=1)

    @property
    def place(self) -> dict[str, str | None]:
        """Its cell as dimensions and values; None where a value is not known."""
        place: dict[str, str | None] = {}
        if self.iscm is not None:
            place["iscm"] = self.iscm.slug
        if self.dimension:
            place[self.dimension] = self.dimension_value or None
        return place
