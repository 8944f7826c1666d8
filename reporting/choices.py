"""Choices of reports and indicators."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class ReportState(models.TextChoices):
    DRAFT = "draft", _("Draft")
    SUBMITTED = "submitted", _("In review")
    RETURNED = "returned", _("Returned")
    ACCEPTED = "accepted", _("Accepted")


class ReportAction(models.TextChoices):
    CREATED = "created", _("Started")
    SUBMITTED = "submitted", _("Submitted")
    RETURNED = "returned", _("Returned")
    ACCEPTED = "accepted", _("Accepted")


class LessonKind(models.TextChoices):
    LESSON = "lesson", _("Lesson learned")
    GOOD_PRACTICE = "good_practice", _("Good practice")


class Direction(models.TextChoices):
    """Which way an indicator should go."""

    UP = "up", _("Up is better")
    DOWN = "down", _("Down is better")
    CONTEXT = "context", _("For context")


class Status(models.TextChoices):
    GREEN = "green", _("On track")
    AMBER = "amber", _("Needs attention")
    RED = "red", _("Off track")
    NO_TARGET = "no_target", _("No target set")
    NO_DATA = "no_data", _("No data")


class IndicatorState(models.TextChoices):
    PROPOSED = "proposed", _("Proposed")
    ACTIVE = "active", _("Active")
    RETIRED = "retired", _("Retired")
