"""Evidence: what came of an engagement. The nine measures of section 4.2 count these rows."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from ..choices import (
    FollowUpState,
    InstrumentAction,
    InstrumentKind,
    Reflected,
    RequestOutcome,
    SupportKind,
)
from ..querysets import EvidenceQuerySet, PolicyInstrumentQuerySet
from .base import Evidence, once_per_report, plausible
from .directory import Country, Office, Organisation
from .event import AgendaItem


class SupportRequest(Evidence):
    """What a Member State asked of IOM. Source: evaluation 2019, 4.2, criterion 7."""

    country = models.ForeignKey(
        Country, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("State")
    )
    kind = models.CharField(_("kind"), max_length=20, choices=SupportKind.choices)
    what = models.CharField(_("what was asked for"), max_length=300)
    asked_on = models.DateField(_("asked on"), db_index=True)
    answered_on = models.DateField(_("answered on"), null=True, blank=True)
    outcome = models.CharField(
        _("outcome"), max_length=20, choices=RequestOutcome.choices, default=RequestOutcome.OPEN
    )

    objects = EvidenceQuerySet.as_manager()

    class Meta:
        ordering = ["-asked_on", "-pk"]
        constraints = [
            once_per_report("supportrequest_once_per_report"),
            plausible("supportrequest_dates_plausible", "asked_on", "answered_on"),
            models.CheckConstraint(
                name="supportrequest_answered_after_asked",
                condition=Q(answered_on__isnull=True) | Q(answered_on__gte=F("asked_on")),
                violation_error_message=_("The answer is dated before the request."),
            ),
        ]

    def __str__(self) -> str:
        return self.what


class Partnership(Evidence):
    """A partnership that began. Source: evaluation 2019, 4.2, criterion 1."""

    organisation = models.ForeignKey(
        Organisation, models.PROTECT, related_name="partnerships", verbose_name=_("partner")
    )
    purpose = models.CharField(_("purpose"), max_length=300, blank=True)
    since_on = models.DateField(_("since"), db_index=True)

    objects = EvidenceQuerySet.as_manager()

    class Meta:
        ordering = ["-since_on", "-pk"]
        constraints = [
            once_per_report("partnership_once_per_report"),
            plausible("partnership_dates_plausible", "since_on"),
        ]

    def __str__(self) -> str:
        return str(self.organisation)


class PolicyInstrument(Evidence):
    """A law, policy or strategy passed or amended.

    Source: evaluation 2019, 4.2, criteria 2, 3 and 5.
    """

    country = models.ForeignKey(
        Country, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("State")
    )
    region = models.CharField(
        _("region or regional body"),
        max_length=120,
        blank=True,
        help_text=_("Where the instrument is a region's, not a State's."),
    )
    title = models.CharField(_("title"), max_length=300)
    kind = models.CharField(_("kind"), max_length=20, choices=InstrumentKind.choices)
    action = models.CharField(
        _("passed or amended"), max_length=10, choices=InstrumentAction.choices
    )
    dated_on = models.DateField(_("date"), db_index=True)
    agenda_items = models.ManyToManyField(
        AgendaItem, blank=True, related_name="instruments", verbose_name=_("agenda items reflected")
    )
    expertise_reflected = models.CharField(
        _("IOM's expertise reflected"),
        max_length=12,
        choices=Reflected.choices,
        default=Reflected.NOT_ASSESSED,
    )
    expertise_note = models.TextField(_("how it shows"), blank=True)

    objects = PolicyInstrumentQuerySet.as_manager()

    class Meta:
        ordering = ["-dated_on", "-pk"]
        constraints = [
            once_per_report("policyinstrument_once_per_report"),
            plausible("policyinstrument_dates_plausible", "dated_on"),
            models.CheckConstraint(
                name="policyinstrument_of_a_state_or_region",
                condition=Q(country__isnull=False) | ~Q(region=""),
                violation_error_message=_("Name the State or the region."),
            ),
        ]

    def __str__(self) -> str:
        return self.title


class FollowUpAction(Evidence):
    """Something to be done after an event."""

    what = models.CharField(_("what"), max_length=300)
    who = models.CharField(_("who"), max_length=120, blank=True)
    owner = models.ForeignKey(
        Office,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("office that owns it"),
    )
    agreed_on = models.DateField(_("agreed on"), db_index=True)
    due_on = models.DateField(_("due"), null=True, blank=True)
    state = models.CharField(
        _("state"), max_length=10, choices=FollowUpState.choices, default=FollowUpState.OPEN
    )
    led_to = models.CharField(_("project or proposal it led to"), max_length=200, blank=True)

    objects = EvidenceQuerySet.as_manager()

    class Meta:
        ordering = [F("due_on").asc(nulls_last=True), "pk"]
        constraints = [
            once_per_report("followupaction_once_per_report"),
            plausible("followupaction_dates_plausible", "agreed_on", "due_on"),
        ]

    def __str__(self) -> str:
        return self.what
