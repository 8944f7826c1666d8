"""Reserve funds that IOM keeps for a mechanism. No field says who a person is.

Source: evaluation 2019, 4.3, Box 1 (RCM's reserve fund for migrants in highly vulnerable
situations): cases are referred, must fit a category, and are paid at most USD 1,000 each, over it
if needed; cases outside the categories need the Technical Secretariat.
"""

from __future__ import annotations

from decimal import Decimal

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from engagements.models import ISCM, Country, Office
from engagements.models.base import plausible
from iscm_portal.common.models import Sourced, Tracked
from iscm_portal.common.numbers import CENT

from ..choices import CallBackReason, ReferredBy, TakeBackReason, Vulnerability
from ..querysets import (
    FundContributionQuerySet,
    FundDisbursementQuerySet,
    ReserveFundQuerySet,
)

# A number of the registry: what it is (letter, memorandum, e-mail, minutes, receipt), its year and
# its number there. No name fits in.
REFERENCE = r"^(LET|MEM|EML|MIN|REC)-20[0-9]{2}-[0-9]{1,6}\Z"
reference = RegexValidator(
    REFERENCE,
    _(
        "Write the number of the registry as in LET-2026-147: LET (letter), MEM (memorandum), EML "
        "(e-mail), MIN (minutes) or REC (receipt), the year, and a number of at most six digits."
    ),
)


def names_nobody(name: str, *fields: str) -> models.CheckConstraint:
    """The constraint that each of ``fields`` is empty or the reference of a letter."""
    condition = Q()
    for field in fields:
        condition &= Q(**{field: ""}) | Q(**{f"{field}__regex": REFERENCE})
    return models.CheckConstraint(
        name=name, condition=condition, violation_error_message=reference.message
    )


class ReserveFund(Tracked, Sourced):
    """A fund and what is in it. Only ``services.funds`` moves the balance."""

    slug = models.SlugField(unique=True)
    name = models.CharField(_("name"), max_length=200)
    iscm = models.ForeignKey(ISCM, models.PROTECT, related_name="+", verbose_name=_("mechanism"))
    office = models.ForeignKey(
        Office,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("office that keeps it"),
    )
    cap_usd = models.DecimalField(
        _("at most for one case (USD)"),
        max_digits=10,
        decimal_places=2,
        default=Decimal("1000.00"),
        validators=[MinValueValidator(CENT)],
    )
    balance_usd = models.DecimalField(
        _("balance (USD)"), max_digits=14, decimal_places=2, default=0, editable=False
    )

    objects = ReserveFundQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        verbose_name = _("reserve fund")
        verbose_name_plural = _("reserve funds")
        constraints = [
            models.CheckConstraint(
                name="reservefund_never_below_zero", condition=Q(balance_usd__gte=0)
            ),
            models.CheckConstraint(name="reservefund_cap_above_zero", condition=Q(cap_usd__gt=0)),
        ]

    def __str__(self) -> str:
        return self.name


class FundContribution(Tracked, Sourced):
    """Money that came into a fund (USD).

    One that was recorded by mistake is taken back: it stays on record with its reason, and counts
    nowhere.
    """

    fund = models.ForeignKey(ReserveFund, models.PROTECT, related_name="contributions")
    received_on = models.DateField(_("received on"))
    country = models.ForeignKey(
        Country,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("Member State"),
    )
    payer = models.CharField(_("other payer"), max_length=200, blank=True)
    amount_usd = models.DecimalField(
        _("amount (USD)"), max_digits=12, decimal_places=2, validators=[MinValueValidator(CENT)]
    )
    reference = models.CharField(
        _("reference of the receipt"), max_length=40, blank=True, validators=[reference]
    )
    taken_back_on = models.DateField(_("taken back on"), null=True, blank=True, editable=False)
    taken_back_because = models.CharField(
        _("taken back because"),
        max_length=20,
        choices=TakeBackReason.choices,
        blank=True,
        editable=False,
    )
    # Of the form that brought it: sent again from a bad line, it is the same money.
    key = models.UUIDField(null=True, unique=True, editable=False)

    objects = FundContributionQuerySet.as_manager()

    class Meta:
        ordering = ["-received_on", "-pk"]
        verbose_name = _("contribution to a fund")
        verbose_name_plural = _("contributions to funds")
        constraints = [
            plausible("fundcontribution_date_plausible", "received_on"),
            plausible("fundcontribution_taken_back_plausible", "taken_back_on"),
            models.CheckConstraint(
                name="fundcontribution_taken_back_with_a_reason",
                condition=Q(taken_back_on__isnull=True, taken_back_because="")
                | Q(taken_back_on__isnull=False, taken_back_because__in=TakeBackReason.values),
            ),
            models.CheckConstraint(
                name="fundcontribution_above_zero", condition=Q(amount_usd__gt=0)
            ),
            models.CheckConstraint(
                name="fundcontribution_has_one_payer",
                condition=Q(country__isnull=False, payer="")
                | (Q(country__isnull=True) & ~Q(payer="")),
                violation_error_message=_("Name the Member State or another payer, not both."),
            ),
            names_nobody("fundcontribution_reference_names_nobody", "reference"),
        ]

    def __str__(self) -> str:
        return f"{self.fund} {self.received_on}"


class FundDisbursement(Tracked):
    """Money paid out for one case (USD), known by its number only.

    ``cap_usd`` is the fund's cap on the day of payment. A payment that is called back stays on
    record with its reason, and its amount returns to the fund.
    """

    fund = models.ForeignKey(ReserveFund, models.PROTECT, related_name="disbursements")
    case_number = models.PositiveIntegerField(_("case"), editable=False)
    paid_on = models.DateField(_("paid on"))
    amount_usd = models.DecimalField(
        _("amount (USD)"), max_digits=10, decimal_places=2, validators=[MinValueValidator(CENT)]
    )
    cap_usd = models.DecimalField(max_digits=10, decimal_places=2, editable=False)
    referred_by = models.CharField(_("referred by"), max_length=20, choices=ReferredBy.choices)
    vulnerability = models.CharField(
        _("vulnerability"), max_length=30, choices=Vulnerability.choices
    )
    origin = models.ForeignKey(
        Country, models.PROTECT, related_name="+", verbose_name=_("country of origin")
    )
    destination = models.ForeignKey(
        Country, models.PROTECT, related_name="+", verbose_name=_("country of destination")
    )
    approval = models.CharField(
        _("written approval of an amount over the cap"),
        max_length=40,
        blank=True,
        validators=[reference],
    )
    approved_on = models.DateField(_("approved on"), null=True, blank=True)
    secretariat_approval = models.CharField(
        _("Technical Secretariat's approval of a case outside the categories"),
        max_length=40,
        blank=True,
        validators=[reference],
    )
    secretariat_approved_on = models.DateField(
        _("Technical Secretariat approved on"), null=True, blank=True
    )
    cancelled_on = models.DateField(_("called back on"), null=True, blank=True, editable=False)
    cancelled_because = models.CharField(
        _("called back because"),
        max_length=20,
        choices=CallBackReason.choices,
        blank=True,
        editable=False,
    )
    # Of the form that brought it: sent again from a bad line, it is the same payment.
    key = models.UUIDField(null=True, unique=True, editable=False)

    objects = FundDisbursementQuerySet.as_manager()

    class Meta:
        ordering = ["-paid_on", "-pk"]
        verbose_name = _("disbursement")
        verbose_name_plural = _("disbursements")
        constraints = [
            models.UniqueConstraint(fields=["fund", "case_number"], name="disbursement_case_once"),
            plausible(
                "disbursement_dates_plausible",
                "paid_on",
                "approved_on",
                "secretariat_approved_on",
                "cancelled_on",
            ),
            models.CheckConstraint(name="disbursement_above_zero", condition=Q(amount_usd__gt=0)),
            models.CheckConstraint(
                name="disbursement_over_cap_is_approved",
                condition=Q(amount_usd__lte=F("cap_usd"))
                | (~Q(approval="") & Q(approved_on__isnull=False, approved_on__lte=F("paid_on"))),
                violation_error_message=_(
                    "An amount over the cap needs a written approval, given before it is paid."
                ),
            ),
            models.CheckConstraint(
                name="disbursement_outside_is_approved",
                condition=~Q(vulnerability="outside")
                | (
                    ~Q(secretariat_approval="")
                    & Q(
                        secretariat_approved_on__isnull=False,
                        secretariat_approved_on__lte=F("paid_on"),
                    )
                ),
                violation_error_message=_(
                    "A case outside the categories needs the Technical Secretariat's approval, "
                    "given before it is paid."
                ),
            ),
            models.CheckConstraint(
                name="disbursement_called_back_with_a_reason",
                condition=Q(cancelled_on__isnull=True, cancelled_because="")
                | Q(cancelled_on__isnull=False, cancelled_because__in=CallBackReason.values),
            ),
            names_nobody("disbursement_references_name_nobody", "approval", "secretariat_approval"),
        ]

    def __str__(self) -> str:
        return f"{self.fund} {self.case_number}"
