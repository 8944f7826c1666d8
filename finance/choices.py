"""Choices of what it costs and who pays."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class FundingSource(models.TextChoices):
    OSI = "osi", _("OSI")
    PROJECT_SUPPORT = "project_support", _("Project support")
    POLICY_RESEARCH = "policy_research", _("Migration policy and research")
    TRAVEL = "travel", _("Travel")
    DONOR_COFUNDING = "donor_cofunding", _("Donor co-funding")
    IN_KIND = "in_kind", _("In-kind")
    CONTRIBUTION = "contribution", _("Member States' contribution")
    RESERVE_FUND = "reserve_fund", _("Reserve fund")
    STAFF_TIME = "staff_time", _("Staff time")


class Supports(models.TextChoices):
    """What a funding line supports."""

    ISCM = "iscm", _("One mechanism")
    GRCP = "grcp", _("GRCP meetings")
    ALL_RCPS = "all_rcps", _("All RCPs")
    PROJECT = "project", _("A project, by its attributions")
    NOT_NAMED = "not_named", _("Not named by the source")


class AttributionBasis(models.TextChoices):
    DEDICATED = "dedicated", _("Dedicated (100 per cent)")
    STATED_SHARE = "stated_share", _("Stated share")
    STATED_AMOUNT = "stated_amount", _("Stated amount")
    UNKNOWN = "unknown", _("Unknown (counts as 0 to 100 per cent)")


class PaidBy(models.TextChoices):
    OFFICE = "office", _("The office itself")
    COUNTED_LINE = "counted_line", _("A funding line or project that is counted")
    OTHER = "other", _("Somebody else")
