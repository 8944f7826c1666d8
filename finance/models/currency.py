"""What one unit of a currency was worth on a day."""

from __future__ import annotations

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from engagements.models.base import plausible
from iscm_portal.common.models import Sourced, Tracked

from ..querysets import RatesQuerySet

currency_code = RegexValidator(r"^[A-Z]{3}\Z", _("Three capital letters, as in EUR."))


class CurrencyRate(Tracked, Sourced):
    """The rate by which amounts of one day are converted; a day has one rate a currency."""

    currency = models.CharField(_("currency"), max_length=3, validators=[currency_code])
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
                name="currencyrate_above_zero",
                condition=Q(usd_per_unit__gt=0),
                violation_error_message=_("A rate is above zero."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.currency} {self.rated_on}"
