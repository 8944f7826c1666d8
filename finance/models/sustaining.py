"""What others pay: Member States' contributions to a mechanism, and proposals to donors."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from engagements.models import ISCM, Country, FollowUpAction, Office, Organisation
from engagements.models.base import plausible
from iscm_portal.common.models import Sourced, Tracked

from ..choices import ProposalState
from ..querysets import AllFinanceQuerySet, OfficeMoneyQuerySet
from .funding import Project


class AssessedContribution(Tracked, Sourced):
    """What a Member State is to pay to a mechanism for a year, and what it has paid (USD).

    ``scale_pct`` is its share of the scale that the mechanism agreed on.
    Source: evaluation 2019, 4.3 (RCM: a scale of percentages, approved in 2001).
    """

    iscm = models.ForeignKey(ISCM, models.PROTECT, related_name="+", verbose_name=_("mechanism"))
    country = models.ForeignKey(
        Country, models.PROTECT, related_name="+", verbose_name=_("Member State")
    )
    year = models.PositiveSmallIntegerField(_("year"))
    scale_pct = models.DecimalField(
        _("scale (per cent)"),
        max_digits=7,
        decimal_places=4,
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
    )
    assessed_usd = models.DecimalField(
        _("assessed (USD)"), max_digits=14, decimal_places=2, validators=[MinValueValidator(0)]
    )
    paid_usd = models.DecimalField(
        _("paid (USD)"),
        max_digits=14,
        decimal_places=2,
        default=0,
        validators=[MinValueValidator(0)],
    )
    paid_on = models.DateField(_("last paid on"), null=True, blank=True)

    objects = AllFinanceQuerySet.as_manager()

    class Meta:
        ordering = ["iscm", "-year", "country"]
        verbose_name = _("assessed contribution")
        verbose_name_plural = _("assessed contributions")
        constraints = [
            models.UniqueConstraint(
                fields=["iscm", "country", "year"],
                name="contribution_once_a_year",
                violation_error_message=_("That State has a contribution for this year already."),
            ),
            models.CheckConstraint(
                name="contribution_year_plausible",
                condition=Q(year__range=(1951, 2100)),
                violation_error_message=_("The year lies before 1951 or after 2100."),
            ),
            models.CheckConstraint(
                name="contribution_not_negative",
                condition=Q(assessed_usd__gte=0, paid_usd__gte=0),
                violation_error_message=_("An amount is not below zero."),
            ),
            models.CheckConstraint(
                name="contribution_scale_a_percentage",
                condition=Q(scale_pct__isnull=True) | Q(scale_pct__range=(0, 100)),
                violation_error_message=_("A share lies between 0 and 100 per cent."),
            ),
            plausible("contribution_date_plausible", "paid_on"),
        ]

    def __str__(self) -> str:
        return f"{self.iscm}, {self.country}, {self.year}"


class Proposal(Tracked, Sourced):
    """Money asked of a donor for a mechanism, and what became of it."""

    title = models.CharField(_("title"), max_length=250)
    iscm = models.ForeignKey(ISCM, models.PROTECT, related_name="+", verbose_name=_("mechanism"))
    donor = models.ForeignKey(
        Organisation, models.PROTECT, related_name="+", verbose_name=_("donor")
    )
    office = models.ForeignKey(
        Office,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("office"),
    )
    follow_up = models.ForeignKey(
        FollowUpAction,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("follow-up that it comes from"),
    )
    asked_on = models.DateField(_("asked on"))
    asked_usd = models.DecimalField(
        _("asked (USD)"), max_digits=14, decimal_places=2, validators=[MinValueValidator(0)]
    )
    state = models.CharField(
        _("state"), max_length=10, choices=ProposalState.choices, default=ProposalState.ASKED
    )
    decided_on = models.DateField(_("decided on"), null=True, blank=True)
    awarded_usd = models.DecimalField(
        _("awarded (USD)"),
        max_digits=14,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
    )
    project = models.ForeignKey(
        Project,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("project that it led to"),
    )

    objects = OfficeMoneyQuerySet.as_manager()

    class Meta:
        ordering = ["-asked_on", "-pk"]
        verbose_name = _("proposal")
        verbose_name_plural = _("proposals")
        constraints = [
            plausible("proposal_dates_plausible", "asked_on", "decided_on"),
            models.CheckConstraint(
                name="proposal_dates_in_order",
                condition=Q(decided_on__isnull=True) | Q(decided_on__gte=F("asked_on")),
                violation_error_message=_("It was decided before it was asked."),
            ),
            models.CheckConstraint(
                name="proposal_amounts_not_negative",
                condition=Q(asked_usd__gte=0)
                & (Q(awarded_usd__isnull=True) | Q(awarded_usd__gte=0)),
                violation_error_message=_("An amount is not below zero."),
            ),
            models.CheckConstraint(
                name="proposal_state_fits_decision",
                condition=(
                    Q(state="asked", decided_on__isnull=True, awarded_usd__isnull=True)
                    | Q(state="awarded", decided_on__isnull=False, awarded_usd__isnull=False)
                    | Q(
                        state__in=["declined", "withdrawn"],
                        decided_on__isnull=False,
                        awarded_usd__isnull=True,
                    )
                ),
                violation_error_message=_(
                    "A decided proposal has its day, an awarded one its amount too; "
                    "an open one has neither."
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.title
