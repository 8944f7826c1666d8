"""Events: what was on the agenda, who was invited, who went."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from iscm_portal.common.choices import DatePrecision
from iscm_portal.common.models import Sourced, Tracked
from iscm_portal.common.querysets import PortalQuerySet

from ..choices import Capacity, EventKind
from ..querysets import EventQuerySet
from .base import FromReport, in_order, once_per_report, plausible
from .directory import Country, IOMPriority, Office, Theme
from .iscm import ISCM


class Event(Tracked, Sourced):
    """A meeting of one or several mechanisms, or of the GRCP, which is not one (fn. 5)."""

    code = models.CharField(max_length=20, unique=True, null=True, blank=True, editable=False)
    name = models.CharField(_("name"), max_length=250)
    iscms = models.ManyToManyField(
        ISCM, blank=True, related_name="events", verbose_name=_("mechanisms")
    )
    kind = models.CharField(_("kind"), max_length=20, choices=EventKind.choices)
    starts_on = models.DateField(_("first day"), null=True, blank=True, db_index=True)
    ends_on = models.DateField(_("last day"), null=True, blank=True, db_index=True)
    year = models.PositiveSmallIntegerField(_("year"), null=True, blank=True, editable=False)
    month = models.PositiveSmallIntegerField(_("month"), null=True, blank=True, editable=False)
    date_precision = models.CharField(
        max_length=10, choices=DatePrecision.choices, default=DatePrecision.DAY, editable=False
    )
    # The first day as far as known: what lists are sorted by, so it is never empty.
    sorted_on = models.DateField(default=dt.date.min, editable=False)
    city = models.CharField(_("city"), max_length=80, blank=True)
    country = models.ForeignKey(
        Country,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("country"),
    )
    organiser = models.CharField(_("organiser"), max_length=160, blank=True)
    subject = models.TextField(_("theme of the meeting"), blank=True)
    outcome_document = models.TextField(_("outcome document"), blank=True)
    invited_by = models.CharField(_("invitation from"), max_length=160, blank=True)
    invited_on = models.DateField(_("invited on"), null=True, blank=True)
    iom_capacity = models.CharField(
        _("IOM invited as"), max_length=20, choices=Capacity.choices, blank=True
    )
    is_proposed = models.BooleanField(_("proposed, not yet confirmed"), default=False)

    objects = EventQuerySet.as_manager()

    class Meta:
        # Newest first; the number makes the order one and the same on every page.
        ordering = ["-sorted_on", "-pk"]
        constraints = [
            in_order("event_dates_in_order"),
            plausible("event_dates_plausible", "starts_on", "ends_on"),
            models.CheckConstraint(
                name="event_day_known_has_a_day",
                condition=~Q(date_precision="day") | Q(starts_on__isnull=False),
                violation_error_message=_("Give the first day."),
            ),
        ]
        indexes = [
            # The list's own order, so that a page of events is read off the index.
            models.Index(fields=["-sorted_on", "-id"], name="event_newest_first")
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: object, **kwargs: object) -> None:
        if self.starts_on:  # the day says more than the year does
            self.year, self.month = self.starts_on.year, self.starts_on.month
        self.sorted_on = self.starts_on or (
            dt.date(self.year, self.month or 1, 1) if self.year else dt.date.min
        )
        super().save(*args, **kwargs)  # type: ignore[arg-type]

    @property
    def last_day(self) -> dt.date | None:
        return self.ends_on or self.starts_on


class AgendaItem(FromReport):
    """A point of an agenda, the theme it belongs to and the IOM priority it carries."""

    event = models.ForeignKey(Event, models.CASCADE, related_name="agenda_items")
    position = models.PositiveSmallIntegerField(default=0)
    title = models.CharField(_("item"), max_length=250)
    theme = models.ForeignKey(
        Theme, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("theme")
    )
    proposed_by_iom = models.BooleanField(_("proposed by IOM"), null=True, blank=True)
    priority = models.ForeignKey(
        IOMPriority,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="agenda_items",
        verbose_name=_("IOM priority"),
    )

    objects = PortalQuerySet.as_manager()

    class Meta:
        ordering = ["event", "position", "pk"]
        constraints = [once_per_report("agendaitem_once_per_report")]

    def __str__(self) -> str:
        return self.title


class Delegate(FromReport):
    """One person of an office at an event, by position, not by name."""

    event = models.ForeignKey(Event, models.CASCADE, related_name="delegates")
    office = models.ForeignKey(Office, models.PROTECT, related_name="delegates")
    title = models.CharField(_("position"), max_length=120)
    capacity = models.CharField(
        _("capacity"), max_length=20, choices=Capacity.choices, default=Capacity.PARTICIPANT
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )

    objects = PortalQuerySet.as_manager()

    class Meta:
        ordering = ["event", "pk"]
        constraints = [once_per_report("delegate_once_per_report")]

    def __str__(self) -> str:
        return f"{self.title} · {self.office}"
