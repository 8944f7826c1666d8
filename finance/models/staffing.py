"""People: posts, head counts as printed, days spent, and what a day costs."""

from __future__ import annotations

from decimal import Decimal

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from engagements.models import ISCM, Event, Office
from engagements.models.base import FromReport, in_order, once_per_report, plausible
from iscm_portal.common.models import Sourced, Tracked
from iscm_portal.common.querysets import PortalQuerySet

from ..choices import PaidBy, Supports
from ..querysets import OfficeMoneyQuerySet, RatesQuerySet, TimeEntryQuerySet
from .funding import FundingLine, Project


class Position(Tracked, Sourced):
    """A post, and who pays it."""

    title = models.CharField(_("title"), max_length=160)
    grade = models.CharField(_("grade"), max_length=10, blank=True)
    office = models.ForeignKey(Office, models.PROTECT, related_name="+", verbose_name=_("office"))
    starts_on = models.DateField(_("from"), null=True, blank=True)
    ends_on = models.DateField(_("to"), null=True, blank=True)
    has_tor = models.BooleanField(_("ToR on record"), null=True, blank=True)
    paid_by = models.CharField(_("paid by"), max_length=20, choices=PaidBy.choices)
    funding_line = models.ForeignKey(
        FundingLine, models.PROTECT, null=True, blank=True, related_name="+"
    )
    project = models.ForeignKey(Project, models.PROTECT, null=True, blank=True, related_name="+")

    objects = OfficeMoneyQuerySet.as_manager()

    class Meta:
        ordering = ["office", "title"]
        constraints = [in_order("position_dates_in_order")]

    def __str__(self) -> str:
        return self.title


class PositionShare(Tracked):
    """What share of a post (FTE, per cent) is for one mechanism; empty is unknown."""

    position = models.ForeignKey(Position, models.CASCADE, related_name="shares")
    iscm = models.ForeignKey(ISCM, models.PROTECT, related_name="+")
    share_pct = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)

    objects = PortalQuerySet.as_manager()

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
    """What a day of one grade costs in one year (USD)."""

    grade = models.CharField(_("grade"), max_length=10)
    year = models.PositiveSmallIntegerField(_("year"))
    usd_per_day = models.DecimalField(
        _("USD a day"), max_digits=9, decimal_places=2, validators=[MinValueValidator(0)]
    )

    objects = RatesQuerySet.as_manager()

    class Meta:
        ordering = ["year", "grade"]
        constraints = [
            models.UniqueConstraint(fields=["grade", "year"], name="standardcost_once_a_year"),
            models.CheckConstraint(
                name="standardcost_not_negative", condition=Q(usd_per_day__gte=0)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.grade} {self.year}"


class TimeEntry(FromReport, Sourced):
    """Days that a person or a grade spent on an event or a mechanism."""

    title = models.CharField(_("who"), max_length=120)
    grade = models.CharField(_("grade"), max_length=10, blank=True)
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

    objects = TimeEntryQuerySet.as_manager()

    class Meta:
        ordering = ["-worked_on", "-pk"]
        verbose_name_plural = _("time entries")
        constraints = [
            once_per_report("timeentry_once_per_report"),
            plausible("timeentry_dates_plausible", "worked_on"),
            models.CheckConstraint(name="timeentry_days_not_negative", condition=Q(days__gte=0)),
        ]

    def __str__(self) -> str:
        days = Decimal(self.days).normalize()
        text = ngettext(
            "%(title)s: %(days)s day", "%(title)s: %(days)s days", 1 if days == 1 else 2
        )
        return text % {"title": self.title, "days": f"{days:f}"}
