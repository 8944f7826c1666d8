"""People: posts, head counts as printed, days spent, and what a day costs."""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from engagements.models import ISCM, Event, Office
from engagements.models.base import FromReport, in_order, once_per_report, plausible
from iscm_portal.common.models import Sourced, Tracked
from iscm_portal.common.querysets import PortalQuerySet

from ..choices import GRADES, MOST_DAYS_OF_AN_ENTRY, MOST_PCT_OF_A_NEED, PaidBy, Supports
from ..querysets import (
    OfPositionQuerySet,
    PositionQuerySet,
    RatesQuerySet,
    StaffNeedQuerySet,
    TimeEntryQuerySet,
)
from .codes import post_code
from .funding import FundingLine, Project

GRADE_HINT = _("G1 to G7, NOA to NOE, P1 to P5, D1, D2, ASG, USG, or UG for ungraded.")
NO_GRADE = _("There is no such grade: G1 to G7, NOA to NOE, P1 to P5, D1, D2, ASG, USG or UG.")


def known_grade(text: str) -> None:
    """Refuse what is no grade."""
    if text not in GRADES:
        raise ValidationError(NO_GRADE)


def of_a_grade(name: str, *, or_none: bool = True) -> models.CheckConstraint:
    """The constraint that the grade is one; or that none is given."""
    return models.CheckConstraint(
        name=name,
        condition=Q(grade__in=["", *GRADES] if or_none else GRADES),
        violation_error_message=NO_GRADE,
    )


class Position(Tracked, Sourced):
    """A post, and who pays it.

    ``code`` is how imports and other programs name it. A post that a counted line or project pays
    names that line or project, so that its cost is not added a second time. ``payer`` and
    ``payer_pct`` say who funds which part of it where that is known (evaluation 2019, 4.3: "20 per
    cent of the Chief of Mission's post is funded by the RSO"); they change no sum.
    """

    code = models.CharField(_("code"), max_length=40, unique=True, default=post_code, blank=True)
    title = models.CharField(_("title"), max_length=160)
    grade = models.CharField(
        _("grade"), max_length=10, blank=True, validators=[known_grade], help_text=GRADE_HINT
    )
    office = models.ForeignKey(Office, models.PROTECT, related_name="+", verbose_name=_("office"))
    starts_on = models.DateField(_("from"), null=True, blank=True)
    ends_on = models.DateField(_("to"), null=True, blank=True)
    has_tor = models.BooleanField(_("ToR on record"), null=True, blank=True)
    paid_by = models.CharField(_("paid by"), max_length=20, choices=PaidBy.choices)
    payer = models.CharField(_("payer by name"), max_length=120, blank=True)
    payer_pct = models.DecimalField(
        _("part that this payer funds (per cent)"),
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
    )
    funding_line = models.ForeignKey(
        FundingLine,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("funding line that pays it"),
    )
    project = models.ForeignKey(
        Project,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("project that pays it"),
    )

    objects = PositionQuerySet.as_manager()

    class Meta:
        ordering = ["office", "title"]
        verbose_name = _("position")
        verbose_name_plural = _("positions")
        constraints = [
            of_a_grade("position_of_a_grade"),
            models.CheckConstraint(name="position_has_a_code", condition=~Q(code="")),
            in_order("position_dates_in_order"),
            plausible("position_dates_plausible", "starts_on", "ends_on"),
            models.CheckConstraint(
                name="position_part_has_a_payer",
                condition=Q(payer_pct__isnull=True) | (~Q(payer="") & Q(payer_pct__range=(0, 100))),
                violation_error_message=_("Name who funds that part."),
            ),
            models.CheckConstraint(
                name="position_names_what_pays_it",
                condition=(
                    ~Q(paid_by="counted_line")
                    & Q(funding_line__isnull=True)
                    & Q(project__isnull=True)
                )
                | Q(paid_by="counted_line", funding_line__isnull=False, project__isnull=True)
                | Q(paid_by="counted_line", funding_line__isnull=True, project__isnull=False),
                violation_error_message=_(
                    "A post that a counted line or project pays names that one line or project."
                ),
            ),
        ]

    @property
    def payers(self) -> str:
        """Who pays it, in words: "The office itself; Regional Support Office (RSO): 20%"."""
        words = [self.get_paid_by_display()]
        if self.payer:
            part = "" if self.payer_pct is None else f": {self.payer_pct.normalize():f}%"
            words.append(f"{self.payer}{part}")
        return "; ".join(words)

    def __str__(self) -> str:
        return self.title


class PositionShare(Tracked):
    """What share of a post (FTE, per cent) is for one mechanism; empty is unknown.

    The shares of a post are never over 100 per cent in all: the database holds it
    (``positionshares_never_over_100``, a trigger).
    """

    position = models.ForeignKey(Position, models.CASCADE, related_name="shares")
    iscm = models.ForeignKey(ISCM, models.PROTECT, related_name="+", verbose_name=_("mechanism"))
    share_pct = models.DecimalField(
        _("share (per cent)"),
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
    )

    objects = OfPositionQuerySet.as_manager()

    class Meta:
        ordering = ["position", "iscm"]
        constraints = [
            models.UniqueConstraint(fields=["position", "iscm"], name="positionshare_once"),
            models.CheckConstraint(
                name="positionshare_a_percentage",
                condition=Q(share_pct__isnull=True) | Q(share_pct__range=(0, 100)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.position} → {self.iscm}"


class TermsOfReference(Tracked):
    """The terms of reference of a post, as the document that was sent. It stays as it is: a newer
    one is another row, and the newest is the one in force."""

    position = models.ForeignKey(Position, models.CASCADE, related_name="terms_of_reference")
    name = models.CharField(_("name"), max_length=150)
    media_type = models.CharField(max_length=100, editable=False)
    size = models.PositiveIntegerField(_("size in bytes"), editable=False)
    sha256 = models.CharField(_("checksum (SHA-256)"), max_length=64)
    place = models.CharField(max_length=32, editable=False, db_index=True)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", editable=False
    )

    objects = OfPositionQuerySet.as_manager()

    class Meta:
        ordering = ["position", "-pk"]
        verbose_name = _("terms of reference")
        verbose_name_plural = _("terms of reference")
        constraints = [
            models.UniqueConstraint(fields=["position", "sha256"], name="termsofreference_once")
        ]

    def __str__(self) -> str:
        return self.name


class StaffNeed(Tracked, Sourced):
    """Who is needed for a mechanism in a year: the plan beside which the posts are held."""

    iscm = models.ForeignKey(ISCM, models.PROTECT, related_name="+", verbose_name=_("mechanism"))
    year = models.PositiveSmallIntegerField(_("year"))
    office = models.ForeignKey(
        Office, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("office")
    )
    title = models.CharField(_("function"), max_length=160)
    grade = models.CharField(
        _("grade"), max_length=10, blank=True, validators=[known_grade], help_text=GRADE_HINT
    )
    share_pct = models.DecimalField(
        _("needed (per cent of a post)"),
        max_digits=7,
        decimal_places=2,
        validators=[MinValueValidator(Decimal("0.01"))],
    )

    objects = StaffNeedQuerySet.as_manager()

    class Meta:
        ordering = ["-year", "iscm", "title"]
        verbose_name = _("staff need")
        verbose_name_plural = _("staff needs")
        constraints = [
            models.CheckConstraint(
                name="staffneed_year_plausible",
                condition=Q(year__range=(1951, 2100)),
                violation_error_message=_("The year lies before 1951 or after 2100."),
            ),
            of_a_grade("staffneed_of_a_grade"),
            models.CheckConstraint(name="staffneed_above_zero", condition=Q(share_pct__gt=0)),
            models.CheckConstraint(
                name="staffneed_at_most_100_posts",
                condition=Q(share_pct__lte=MOST_PCT_OF_A_NEED),
                violation_error_message=_("At most 10,000 per cent, which is 100 posts."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title}, {self.iscm} {self.year}"


class StaffCount(Tracked, Sourced):
    """Full-time staff on a mechanism in a year, as printed. Source: evaluation 2019, Table 7."""

    code = models.CharField(max_length=20, unique=True, editable=False)
    label = models.CharField(max_length=60)
    supports = models.CharField(max_length=10, choices=Supports.choices)
    iscm = models.ForeignKey(ISCM, models.PROTECT, null=True, blank=True, related_name="+")
    year = models.PositiveSmallIntegerField()
    full_time_staff = models.PositiveSmallIntegerField()

    # Head counts are printed in a public evaluation: whoever is signed in reads them.
    objects = PortalQuerySet.as_manager()

    class Meta:
        ordering = ["code"]
        constraints = [
            models.UniqueConstraint(fields=["label", "year"], name="staffcount_once_a_year")
        ]

    def __str__(self) -> str:
        return f"{self.label} {self.year}"


class StandardCost(Tracked, Sourced):
    """What a working day of one grade costs in one year (USD)."""

    grade = models.CharField(
        _("grade"), max_length=10, validators=[known_grade], help_text=GRADE_HINT
    )
    year = models.PositiveSmallIntegerField(_("year"))
    usd_per_day = models.DecimalField(
        _("USD a day"), max_digits=9, decimal_places=2, validators=[MinValueValidator(0)]
    )

    objects = RatesQuerySet.as_manager()

    class Meta:
        ordering = ["year", "grade"]
        constraints = [
            models.UniqueConstraint(fields=["grade", "year"], name="standardcost_once_a_year"),
            of_a_grade("standardcost_of_a_grade", or_none=False),
            models.CheckConstraint(
                name="standardcost_not_negative", condition=Q(usd_per_day__gte=0)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.grade} {self.year}"


class TimeEntry(FromReport, Sourced):
    """Days that a person or a grade spent on an event or a mechanism.

    Days that name a ``position`` are part of the share of that post: they are shown, and its cost
    is counted once, with the post. Days that a counted line or project pays name it where it is
    known: without it nothing shows that they are paid, and they count as what could be.
    """

    title = models.CharField(_("who"), max_length=120)
    grade = models.CharField(
        _("grade"), max_length=10, blank=True, validators=[known_grade], help_text=GRADE_HINT
    )
    office = models.ForeignKey(Office, models.PROTECT, related_name="+", verbose_name=_("office"))
    iscm = models.ForeignKey(
        ISCM, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("mechanism")
    )
    event = models.ForeignKey(
        Event, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("event")
    )
    worked_on = models.DateField(_("date"), db_index=True)
    days = models.DecimalField(
        _("days"), max_digits=6, decimal_places=2, validators=[MinValueValidator(0)]
    )
    paid_by = models.CharField(
        _("paid by"), max_length=20, choices=PaidBy.choices, default=PaidBy.OFFICE
    )
    position = models.ForeignKey(
        Position,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("post whose share it is part of"),
    )
    funding_line = models.ForeignKey(
        FundingLine,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("funding line that pays them"),
    )
    project = models.ForeignKey(
        Project,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("project that pays them"),
    )

    objects = TimeEntryQuerySet.as_manager()

    class Meta:
        ordering = ["-worked_on", "-pk"]
        verbose_name_plural = _("time entries")
        constraints = [
            once_per_report("timeentry_once_per_report"),
            of_a_grade("timeentry_of_a_grade"),
            plausible("timeentry_dates_plausible", "worked_on"),
            models.CheckConstraint(name="timeentry_days_not_negative", condition=Q(days__gte=0)),
            models.CheckConstraint(
                name="timeentry_days_of_a_year",
                condition=Q(days__lte=MOST_DAYS_OF_AN_ENTRY),
                violation_error_message=_("One entry has at most 366 days."),
            ),
            models.CheckConstraint(
                name="timeentry_names_at_most_one_payer",
                condition=Q(funding_line__isnull=True, project__isnull=True)
                | Q(paid_by="counted_line", funding_line__isnull=True)
                | Q(paid_by="counted_line", project__isnull=True),
                violation_error_message=_(
                    "Only days that a counted line or project pays name it, and one of them."
                ),
            ),
        ]

    def __str__(self) -> str:
        days = Decimal(self.days).normalize()
        text = ngettext(
            "%(title)s: %(days)s day", "%(title)s: %(days)s days", 1 if days == 1 else 2
        )
        return text % {"title": self.title, "days": f"{days:f}"}
