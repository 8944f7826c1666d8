"""Answers that two of the nine measures count: knowledge tests and satisfaction."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from engagements.choices import SupportKind
from engagements.models import ISCM, Country, Event
from engagements.models.base import plausible
from iscm_portal.common.models import Tracked

from ..querysets import AnswerQuerySet


class KnowledgeAnswer(Tracked):
    """One participant's scores before and after a meeting (0 to 100).

    The participant makes the code; no name is kept. Source: evaluation 2019, 4.2, criterion 4.
    """

    event = models.ForeignKey(Event, models.PROTECT, related_name="+")
    # Empty: loaded without one.
    survey = models.ForeignKey("reporting.Survey", models.PROTECT, null=True, related_name="+")
    country = models.ForeignKey(Country, models.PROTECT, null=True, blank=True, related_name="+")
    participant_code = models.CharField(max_length=40)
    answered_on = models.DateField(db_index=True)
    before = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)
    after = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)

    objects = AnswerQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["event", "participant_code"], name="knowledgeanswer_once_a_person"
            ),
            plausible("knowledgeanswer_date_plausible", "answered_on"),
            models.CheckConstraint(
                name="knowledgeanswer_scores_in_range",
                condition=(Q(before__isnull=True) | Q(before__range=(0, 100)))
                & (Q(after__isnull=True) | Q(after__range=(0, 100))),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event}: {self.before} → {self.after}"


class SatisfactionAnswer(Tracked):
    """How satisfied a Member State is with IOM's support (1 to 5).

    Source: evaluation 2019, 4.2, criterion 8.
    """

    # Empty: loaded without one.
    survey = models.ForeignKey("reporting.Survey", models.PROTECT, null=True, related_name="+")
    iscm = models.ForeignKey(ISCM, models.PROTECT, null=True, blank=True, related_name="+")
    country = models.ForeignKey(Country, models.PROTECT, null=True, blank=True, related_name="+")
    kind = models.CharField(_("kind"), max_length=20, choices=SupportKind.choices, blank=True)
    answered_on = models.DateField(db_index=True)
    score = models.PositiveSmallIntegerField()

    objects = AnswerQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            plausible("satisfactionanswer_date_plausible", "answered_on"),
            models.CheckConstraint(
                name="satisfactionanswer_score_in_range", condition=Q(score__range=(1, 5))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.score} / 5"
