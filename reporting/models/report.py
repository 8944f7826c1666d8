"""The post-event report (recommendation 13) and the proposals in it.

Until the report is accepted the rows here are proposals and count nowhere;
``reviewing.accept_report`` writes each of them once as evidence in ``engagements`` and ``finance``.
"""

from __future__ import annotations

import uuid

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from engagements.choices import (
    Capacity,
    FollowUpState,
    InstrumentAction,
    InstrumentKind,
    OrganisationKind,
    Reflected,
    RequestOutcome,
    SupportKind,
)
from engagements.models import (
    ISCM,
    AgendaItem,
    Country,
    Delegate,
    Event,
    FollowUpAction,
    IOMPriority,
    Office,
    Organisation,
    ReferenceFrame,
    Theme,
)
from engagements.models.base import plausible
from finance.choices import PaidBy
from finance.models import Position
from iscm_portal.common.models import Tracked
from iscm_portal.common.querysets import PortalQuerySet

from ..choices import LessonKind, ReportAction, ReportPart, ReportState
from ..querysets import LessonQuerySet, PostEventReportQuerySet


class PostEventReport(models.Model):
    """What one office reports on one event."""

    event = models.ForeignKey(Event, models.PROTECT, related_name="+", verbose_name=_("event"))
    office = models.ForeignKey(Office, models.PROTECT, related_name="+", verbose_name=_("office"))
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("author")
    )
    co_authors = models.ManyToManyField(
        settings.AUTH_USER_MODEL, blank=True, related_name="+", verbose_name=_("written with")
    )
    # The correction of an accepted report is a copy, written and reviewed like any report; once
    # it is accepted the corrected report takes it over and the copy goes.
    corrects = models.ForeignKey(
        "self", models.CASCADE, null=True, editable=False, related_name="corrections"
    )
    state = models.CharField(
        _("state"), max_length=10, choices=ReportState.choices, default=ReportState.DRAFT
    )
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)
    discussed = models.TextField(_("main points"), blank=True)
    discussed_internal = models.TextField(_("internal remarks"), blank=True)
    discussed_restricted = models.TextField(_("restricted remarks"), blank=True)
    outcomes = models.TextField(_("outcomes"), blank=True)
    documents = models.TextField(_("outcome documents"), blank=True)
    funding_leads = models.TextField(_("funding leads"), blank=True)
    frames = models.ManyToManyField(
        ReferenceFrame, blank=True, related_name="+", verbose_name=_("goals it speaks to")
    )
    steps_done = models.JSONField(default=list, editable=False)
    submitted_at = models.DateTimeField(null=True, editable=False)
    accepted_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    is_demo = models.BooleanField(default=False, editable=False)
    # The restricted text is kept from the change history, which more people read than the text.
    history = HistoricalRecords(excluded_fields=["discussed_restricted"])

    objects = PostEventReportQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name = _("post-event report")
        constraints = [
            models.UniqueConstraint(
                fields=["event", "office"],
                condition=Q(corrects__isnull=True),
                name="report_once_per_event_and_office",
            ),
            models.UniqueConstraint(fields=["corrects"], name="report_corrected_once_at_a_time"),
            models.CheckConstraint(
                name="report_accepted_says_when",
                condition=~Q(state="accepted") | Q(accepted_at__isnull=False),
            ),
            models.CheckConstraint(
                name="report_in_review_says_when",
                condition=~Q(state="submitted") | Q(submitted_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} · {self.office}"

    @property
    def is_open(self) -> bool:
        """Whether its office may still write in it."""
        return self.state in (ReportState.DRAFT, ReportState.RETURNED)


class ReportStep(models.Model):
    """One step on the way of a report: who did what, when, and what was said."""

    report = models.ForeignKey(PostEventReport, models.CASCADE, related_name="steps")
    action = models.CharField(max_length=10, choices=ReportAction.choices)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField()
    comment = models.TextField(blank=True)
    # What the browser names its request by: sent twice, it is one step.
    request_key = models.UUIDField(null=True, editable=False, unique=True)

    objects = PortalQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.report}: {self.get_action_display()}"


class SavedPart(models.Model):
    """What one part of a report held after one save; the base that two writers are merged on.

    ``content`` is {name of a field: its texts} as a form sends them, restricted text included:
    it is compared on the server and shown to those who write the report, to nobody else.
    """

    report = models.ForeignKey(PostEventReport, models.CASCADE, related_name="saved_parts")
    part = models.CharField(max_length=10, choices=ReportPart.choices)
    version = models.PositiveIntegerField()
    content = models.JSONField()
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    saved_at = models.DateTimeField()

    objects = PortalQuerySet.as_manager()

    class Meta:
        ordering = ["report", "part", "version"]
        constraints = [
            models.UniqueConstraint(fields=["report", "part", "version"], name="savedpart_once")
        ]

    def __str__(self) -> str:
        return f"{self.report}, {self.get_part_display()}, {self.version}"


class KeptText(models.Model):
    """What somebody is typing into a page of a report: kept as typed, not checked, not saved yet.

    One a page and writer. ``revision`` counts its changes, so that the older of two windows can't
    overwrite the newer by arriving late. Nobody but the writer reads it.
    """

    report = models.ForeignKey(PostEventReport, models.CASCADE, related_name="kept_texts")
    page = models.CharField(max_length=10)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    content = models.JSONField()
    # The version of the report that the writer had before his eyes.
    version = models.PositiveIntegerField()
    revision = models.PositiveIntegerField()
    kept_at = models.DateTimeField()

    objects = PortalQuerySet.as_manager()

    class Meta:
        ordering = ["report", "page"]
        constraints = [
            models.UniqueConstraint(
                fields=["report", "page", "author"], name="kepttext_once_per_page_and_writer"
            )
        ]

    def __str__(self) -> str:
        return f"{self.report}, {self.page}"


class ReportVersion(models.Model):
    """A report as it stood when it was submitted; what it holds while it is in review.

    ``content`` is {field: text, row set: [rows]}, linked records by name. The restricted text
    stands apart, for those who may read it.
    """

    report = models.ForeignKey(PostEventReport, models.CASCADE, related_name="versions")
    version = models.PositiveIntegerField()
    content = models.JSONField()
    restricted = models.TextField(blank=True)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    kept_at = models.DateTimeField()

    objects = PortalQuerySet.as_manager()

    class Meta:
        ordering = ["report", "version"]
        constraints = [
            models.UniqueConstraint(fields=["report", "version"], name="reportversion_once")
        ]

    def __str__(self) -> str:
        return f"{self.report}, {self.version}"


class ReportItem(Tracked):
    """A row of a report; a proposal until the report is accepted."""

    report = models.ForeignKey(PostEventReport, models.CASCADE, related_name="%(class)ss")
    # Made by the page that the row is typed into: sent twice, it is one row.
    key = models.UUIDField(default=uuid.uuid4, editable=False)

    class Meta:
        abstract = True
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["report", "key"], name="%(class)s_key_once")]


class ForISCM(models.Model):
    """A row that concerns one of the event's mechanisms; empty where the event has one only."""

    iscm = models.ForeignKey(
        ISCM, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("mechanism")
    )

    class Meta:
        abstract = True


class Participant(ReportItem, ForISCM):
    """Who took part for IOM, in what capacity, who paid, and what it cost in days and USD."""

    delegate = models.ForeignKey(
        Delegate, models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )

    title = models.CharField(_("position"), max_length=120)
    grade = models.CharField(_("grade"), max_length=10, blank=True)
    capacity = models.CharField(
        _("capacity"), max_length=20, choices=Capacity.choices, default=Capacity.PARTICIPANT
    )
    # Empty until somebody says it: nobody's silence counts as no days.
    days = models.DecimalField(
        _("days spent"),
        max_digits=5,
        decimal_places=2,
        null=True,
        validators=[MinValueValidator(0), MaxValueValidator(366)],
        help_text=_("With preparation, travel and follow-up; half days as 0.5."),
    )
    # A post of the office whose share holds these days: they are then shown, and not added again.
    position = models.ForeignKey(
        Position,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("post that the days are part of"),
    )
    paid_by = models.CharField(
        _("time paid by"), max_length=20, choices=PaidBy.choices, default=PaidBy.OFFICE
    )
    travel_cost_usd = models.DecimalField(
        _("travel cost (USD)"),
        max_digits=10,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
    )

    objects = PortalQuerySet.as_manager()

    class Meta(ReportItem.Meta):
        constraints = [
            *ReportItem.Meta.constraints,
            models.CheckConstraint(
                name="participant_days_in_range",
                condition=Q(days__isnull=True) | Q(days__range=(0, 366)),
            ),
        ]

    def __str__(self) -> str:
        return self.title


class ReportedAgendaItem(ReportItem):
    """A point of the agenda: one already on record, or a new one."""

    agenda_item = models.ForeignKey(
        AgendaItem, models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )
    title = models.CharField(_("item"), max_length=250)
    theme = models.ForeignKey(
        Theme, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("theme")
    )
    proposed_by_iom = models.BooleanField(_("proposed by IOM"), default=False)
    priority = models.ForeignKey(
        IOMPriority,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("IOM priority it carries"),
    )

    objects = PortalQuerySet.as_manager()

    def __str__(self) -> str:
        return self.title


class ReportedRequest(ReportItem, ForISCM):
    country = models.ForeignKey(
        Country, models.PROTECT, related_name="+", verbose_name=_("State that asked")
    )
    kind = models.CharField(_("kind"), max_length=20, choices=SupportKind.choices)
    what = models.CharField(_("what was asked for"), max_length=300)
    asked_on = models.DateField(_("asked on"))
    answered_on = models.DateField(_("answered on"), null=True, blank=True)
    outcome = models.CharField(
        _("outcome"), max_length=20, choices=RequestOutcome.choices, default=RequestOutcome.OPEN
    )

    objects = PortalQuerySet.as_manager()

    class Meta(ReportItem.Meta):
        constraints = [
            *ReportItem.Meta.constraints,
            plausible("reportedrequest_dates_plausible", "asked_on", "answered_on"),
            models.CheckConstraint(
                name="reportedrequest_answered_after_asked",
                condition=Q(answered_on__isnull=True) | Q(answered_on__gte=F("asked_on")),
                violation_error_message=_("The answer is dated before the request."),
            ),
        ]

    def __str__(self) -> str:
        return self.what


class ReportedPartnership(ReportItem, ForISCM):
    organisation = models.ForeignKey(
        Organisation,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("partner on record"),
    )
    new_name = models.CharField(
        _("or a new partner"),
        max_length=200,
        blank=True,
        help_text=_("Only when the partner is not in the list."),
    )
    new_kind = models.CharField(
        _("kind of the new partner"), max_length=20, choices=OrganisationKind.choices, blank=True
    )
    purpose = models.CharField(_("purpose"), max_length=300, blank=True)
    since_on = models.DateField(_("since"))

    objects = PortalQuerySet.as_manager()

    class Meta(ReportItem.Meta):
        constraints = [
            *ReportItem.Meta.constraints,
            plausible("reportedpartnership_dates_plausible", "since_on"),
            models.CheckConstraint(
                name="reportedpartnership_names_one_partner",
                condition=Q(organisation__isnull=False, new_name="")
                | (Q(organisation__isnull=True) & ~Q(new_name="") & ~Q(new_kind="")),
                violation_error_message=_(
                    "Choose a partner from the list, or give a new one's name and kind."
                ),
            ),
        ]

    def __str__(self) -> str:
        return str(self.organisation or self.new_name)


class ReportedInstrument(ReportItem, ForISCM):
    country = models.ForeignKey(
        Country, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("State")
    )
    region = models.CharField(_("or region or regional body"), max_length=120, blank=True)
    title = models.CharField(_("title"), max_length=300)
    kind = models.CharField(_("kind"), max_length=20, choices=InstrumentKind.choices)
    action = models.CharField(
        _("passed or amended"), max_length=10, choices=InstrumentAction.choices
    )
    dated_on = models.DateField(_("date"))
    agenda = models.ManyToManyField(
        ReportedAgendaItem, blank=True, related_name="+", verbose_name=_("agenda items it reflects")
    )
    expertise_reflected = models.CharField(
        _("does IOM's expertise show in it?"),
        max_length=12,
        choices=Reflected.choices,
        default=Reflected.NOT_ASSESSED,
    )
    expertise_note = models.TextField(_("how it shows"), blank=True)

    objects = PortalQuerySet.as_manager()

    class Meta(ReportItem.Meta):
        constraints = [
            *ReportItem.Meta.constraints,
            plausible("reportedinstrument_dates_plausible", "dated_on"),
            models.CheckConstraint(
                name="reportedinstrument_of_a_state_or_region",
                condition=Q(country__isnull=False) | ~Q(region=""),
                violation_error_message=_("Name the State or the region."),
            ),
        ]

    def __str__(self) -> str:
        return self.title


class ReportedFollowUp(ReportItem, ForISCM):
    """A follow-up: a new one, or one of an earlier meeting and what became of it."""

    follow_up = models.ForeignKey(
        FollowUpAction, models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )
    what = models.CharField(_("what"), max_length=300)
    who = models.CharField(_("who"), max_length=120, blank=True)
    due_on = models.DateField(_("by when"), null=True, blank=True)
    state = models.CharField(
        _("what became of it"),
        max_length=10,
        choices=FollowUpState.choices,
        default=FollowUpState.OPEN,
    )

    objects = PortalQuerySet.as_manager()

    class Meta(ReportItem.Meta):
        constraints = [
            *ReportItem.Meta.constraints,
            plausible("reportedfollowup_dates_plausible", "due_on"),
        ]

    def __str__(self) -> str:
        return self.what


class Lesson(ReportItem):
    """A lesson or good practice. It lives in its report and is shown once that is accepted."""

    kind = models.CharField(_("kind"), max_length=20, choices=LessonKind.choices)
    text = models.TextField(_("lesson"))

    objects = LessonQuerySet.as_manager()

    def __str__(self) -> str:
        return self.text[:80]
