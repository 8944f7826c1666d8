"""Duties: each office that took part in an event owes one answer on it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from engagements.models import Event, Office
from iscm_portal.common.models import Tracked
from iscm_portal.common.querysets import PortalQuerySet

from ..choices import DutyAnswer, DutyState, ExtensionDecision
from ..querysets import DutyQuerySet


class Duty(Tracked):
    """What one office owes on one event: a report, or word that there is none to write.

    A report answers the duty of its event and office; the other two answers stand here. All three
    count once IPD has accepted them. A duty is withdrawn when nobody of the office took part.
    """

    event = models.ForeignKey(Event, models.PROTECT, related_name="+", verbose_name=_("event"))
    office = models.ForeignKey(Office, models.PROTECT, related_name="+", verbose_name=_("office"))
    due_on = models.DateField(_("due"))
    # The event is over, and the answer counts in coverage. Worked out from the event.
    is_owed = models.BooleanField(default=False, editable=False)
    # Its report, or its other answer, is accepted: written with the acceptance, and mended by
    # ``sync_duties``, so that lists need not look into every report.
    is_settled = models.BooleanField(default=False, editable=False)
    answer = models.CharField(_("answer"), max_length=20, choices=DutyAnswer.choices, blank=True)
    reason = models.TextField(_("reason"), blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    answered_at = models.DateTimeField(null=True)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    accepted_at = models.DateTimeField(null=True)
    # What IPD said when it did not take the answer.
    returned_with = models.TextField(blank=True)
    withdrawn_at = models.DateTimeField(null=True)

    objects = DutyQuerySet.as_manager()

    class Meta:
        ordering = ["due_on", "pk"]
        verbose_name = _("duty")
        verbose_name_plural = _("duties")
        constraints = [
            models.UniqueConstraint(fields=["event", "office"], name="duty_once"),
            models.CheckConstraint(
                name="duty_answer_says_who_and_when",
                condition=Q(answer="") | Q(answered_by__isnull=False, answered_at__isnull=False),
            ),
            models.CheckConstraint(
                name="duty_not_attended_says_why",
                condition=~Q(answer="not_attended") | ~Q(reason=""),
                violation_error_message=_("Say why nobody attended."),
            ),
            models.CheckConstraint(
                name="duty_accepted_has_an_answer",
                condition=Q(accepted_at__isnull=True) | ~Q(answer=""),
            ),
        ]
        indexes = [
            # The overdue list and the reminders read the standing duties that are not settled
            # (of a million some thousands), the list of the settled ones its pages, by their day.
            models.Index(
                fields=["is_settled", "due_on", "id"],
                name="duty_settled_or_not_by_day",
                condition=Q(withdrawn_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.event} · {self.office}"

    # Worked out by ``selectors.duties.with_report`` and ``with_state``.
    report_id: int | None
    report_state: str | None
    state: str

    @property
    def state_word(self) -> str:
        return str(DutyState(self.state).label)


class Extension(Tracked):
    """More time for a duty: asked for with a reason, granted or refused."""

    duty = models.ForeignKey(Duty, models.CASCADE, related_name="extensions")
    until_on = models.DateField(_("until"))
    reason = models.TextField(_("reason"))
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    decision = models.CharField(
        _("decision"), max_length=10, choices=ExtensionDecision.choices, blank=True
    )
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True)

    objects = PortalQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["duty"], condition=Q(decision=""), name="extension_asked_once_at_a_time"
            ),
            models.CheckConstraint(
                name="extension_decision_says_who_and_when",
                condition=Q(decision="") | Q(decided_by__isnull=False, decided_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.duty}, {self.until_on}"
