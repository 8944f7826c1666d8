"""Choices that every app shares."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class AccessGroup(models.TextChoices):
    """What a user may do. ("Role" always means IOM's role in a mechanism.)"""

    REPORTER = "reporter", _("Reporter")
    MANAGER = "manager", _("Office manager")
    FINANCE = "finance", _("Finance officer")
    IPD = "ipd", _("IPD")
    ANALYST = "analyst", _("Analyst")
    ADMIN = "admin", _("Administrator")


class Scope(models.TextChoices):
    """What an API token may do; a token never does more than its owner may."""

    READ_DIRECTORY = "read:directory", _("Read the directory and events")
    READ_REPORTS = "read:reports", _("Read accepted reports, open text only")
    READ_FINANCE = "read:finance", _("Read funding lines, positions and rates")
    READ_INDICATORS = "read:indicators", _("Read indicators and totals")
    READ_CALENDAR = "read:calendar", _("Read events as a calendar, and nothing else")
    WRITE_REPORTS = "write:reports", _("Write reports, events and what came of them")
    WRITE_FINANCE = "write:finance", _("Write finance records")


class Confidence(models.TextChoices):
    """How sure the source of a record is."""

    HIGH = "high", _("High")
    MEDIUM = "medium", _("Medium")
    LOW = "low", _("Low")
    INFERRED = "inferred", _("Inferred, check before use")


class DatePrecision(models.TextChoices):
    """How much of a date is known."""

    DAY = "day", _("Day")
    MONTH = "month", _("Month")
    YEAR = "year", _("Year")
    UNKNOWN = "unknown", _("Unknown")
