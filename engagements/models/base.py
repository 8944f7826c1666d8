"""What the models of the directory and of evidence share."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from iscm_portal.common.choices import DatePrecision
from iscm_portal.common.models import Sourced, Tracked
from iscm_portal.common.period import FIRST_DAY, LAST_DAY


class Held(models.Model):
    """Something held from a first to a last day, both included; empty means unknown or open."""

    starts_on = models.DateField(_("first day"), null=True, blank=True)
    starts_precision = models.CharField(
        _("first day known to the"),
        max_length=10,
        choices=DatePrecision.choices,
        default=DatePrecision.UNKNOWN,
    )
    ends_on = models.DateField(_("last day"), null=True, blank=True)
    ends_precision = models.CharField(
        _("last day known to the"),
        max_length=10,
        choices=DatePrecision.choices,
        default=DatePrecision.UNKNOWN,
    )

    class Meta:
        abstract = True


def in_order(name: str) -> models.CheckConstraint:
    """The constraint that a first day is not after the last one."""
    return models.CheckConstraint(
        name=name,
        condition=Q(starts_on__isnull=True)
        | Q(ends_on__isnull=True)
        | Q(starts_on__lte=F("ends_on")),
        violation_error_message=_("The last day is before the first one."),
    )


def plausible(name: str, *fields: str) -> models.CheckConstraint:
    """The constraint that each of the date ``fields`` is empty or lies in 1951 to 2100."""
    condition = Q()
    for field in fields:
        condition &= Q(**{f"{field}__isnull": True}) | Q(
            **{f"{field}__range": (FIRST_DAY, LAST_DAY)}
        )
    return models.CheckConstraint(
        name=name,
        condition=condition,
        violation_error_message=_("A date lies before 1951 or after 2100."),
    )


class FromReport(Tracked):
    """A record that an accepted report wrote.

    ``report_number`` is the report's number in ``reporting`` (a lower app holds no foreign key
    upwards), ``report_item`` the line of the report it was written from. The two together are
    unique in every table, so accepting a report twice cannot write a record twice.
    """

    report_number = models.PositiveBigIntegerField(
        _("report"), null=True, blank=True, editable=False, db_index=True
    )
    report_item = models.PositiveBigIntegerField(null=True, blank=True, editable=False)

    class Meta:
        abstract = True


def once_per_report(name: str) -> models.UniqueConstraint:
    """The constraint that a line of a report is written once."""
    return models.UniqueConstraint(
        name=name,
        fields=["report_number", "report_item"],
        condition=Q(report_number__isnull=False),
    )


class Evidence(FromReport, Sourced):
    """A dated record of what came of an engagement, tied to a mechanism."""

    iscm = models.ForeignKey(
        "engagements.ISCM",
        models.PROTECT,
        null=True,
        blank=True,
        verbose_name=_("mechanism"),
        related_name="%(class)ss",
    )
    event = models.ForeignKey(
        "engagements.Event",
        models.PROTECT,
        null=True,
        blank=True,
        verbose_name=_("event"),
        related_name="%(class)ss",
    )
    office = models.ForeignKey(
        "engagements.Office",
        models.PROTECT,
        null=True,
        blank=True,
        verbose_name=_("office"),
        related_name="+",
    )

    class Meta:
        abstract = True
