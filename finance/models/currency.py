"""What one unit of a currency was worth on a day."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from engagements.models.base import plausible
from iscm_portal.common.models import Sourced, Tracked

from ..choices import CURRENCIES, RATED_CURRENCIES
from ..querysets import RatesQuerySet

NO_CURRENCY = _("There is no such currency: three capital letters of ISO 4217, as in EUR.")
USD_HAS_NO_RATE = _("Amounts are converted to USD: it has no rate of its own.")


def currency_code(code: str) -> None:
    """Refuse what is no currency."""
    if code not in CURRENCIES:
        raise ValidationError(NO_CURRENCY)


def rated_currency(code: str) -> None:
    """Refuse the currency that all others are rated in."""
    if code == "USD":
        raise ValidationError(USD_HAS_NO_RATE)


class CurrencyRate(Tracked, Sourced):
    """The rate by which amounts of one day are converted; a day has one rate a currency."""

    currency = models.CharField(
        _("currency"), max_length=3, validators=[currency_code, rated_currency]
    )
    rated_on = models.DateField(_("day"))
    usd_per_unit = models.DecimalField(
        _("USD for one unit"),
        max_digits=16,
        decimal_places=8,
        validators=[MinValueValidator(0)],
    )

    objects = RatesQuerySet.as_manager()

    class Meta:
        ordering = ["currency", "-rated_on"]
        verbose_name = _("currency rate")
        verbose_name_plural = _("currency rates")
        constraints = [
            models.UniqueConstraint(
                fields=["currency", "rated_on"],
                name="currencyrate_once_a_day",
                violation_error_message=_("That day has a rate of this currency already."),
            ),
            plausible("currencyrate_date_plausible", "rated_on"),
            models.CheckConstraint(
                name="currencyrate_of_a_currency",
                condition=Q(currency__in=RATED_CURRENCIES),
                violation_error_message=NO_CURRENCY,
            ),
            models.CheckConstraint(
                name="currencyrate_above_zero",
                condition=Q(usd_per_unit__gt=0),
                violation_error_message=_("A rate is above zero."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.currency} {self.rated_on}"
