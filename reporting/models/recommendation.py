"""The 23 recommendations of the evaluation."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from engagements.models import Office
from iscm_portal.common.models import Sourced, Tracked
from iscm_portal.common.querysets import PortalQuerySet


class Recommendation(Tracked, Sourced):
    class Criterion(models.TextChoices):
        RELEVANCE = "relevance", _("Relevance")
        EFFECTIVENESS = "effectiveness_sustainability", _("Effectiveness and sustainability")
        EFFICIENCY = "efficiency", _("Efficiency")
        IMPACT = "outcome_impact", _("Outcome and impact")

    class State(models.TextChoices):
        OPEN = "open", _("No response yet")
        PARTLY = "partly", _("Partly implemented")
        DONE = "done", _("Implemented")

    number = models.PositiveSmallIntegerField(unique=True)
    criterion = models.CharField(max_length=30, choices=Criterion.choices)
    title = models.CharField(max_length=120)
    text = models.TextField(help_text=_("Restated; the wording is not the evaluation's own."))
    strength = models.CharField(max_length=20, blank=True)
    addressees = models.JSONField(default=list)
    indicators = models.ManyToManyField(
        "reporting.Indicator", blank=True, related_name="recommendations"
    )
    response = models.TextField(_("management response"), blank=True)
    owner = models.ForeignKey(Office, models.PROTECT, null=True, blank=True, related_name="+")
    due_on = models.DateField(_("due"), null=True, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)

    objects = PortalQuerySet.as_manager()

    class Meta:
        ordering = ["number"]

    def __str__(self) -> str:
        return f"{self.number}. {self.title}"
