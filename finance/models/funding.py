"""Money: funding lines, projects, and what share of a project goes to a mechanism."""

from __future__ import annotations

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from engagements.models import ISCM, Office, Organisation
from engagements.models.base import FromReport, in_order, once_per_report, plausible
from iscm_portal.common.models import Sourced, Tracked

from ..choices import NO_INVESTMENT, AttributionBasis, FundingSource, Supports
from ..querysets import ByProjectQuerySet, FundingLineQuerySet, ProjectQuerySet
from .codes import line_code
from .currency import currency_code


class Project(Tracked, Sourced):
    code = models.CharField(_("code"), max_length=40, unique=True)
    title = models.CharField(_("title"), max_length=300)
    donors = models.ManyToManyField(
        Organisation, blank=True, related_name="+", verbose_name=_("donors")
    )
    starts_on = models.DateField(_("starts"), null=True, blank=True)
    ends_on = models.DateField(_("ends"), null=True, blank=True)
    lead_office = models.ForeignKey(
        Office,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("lead office"),
    )

    # The history keeps the donors too.
    _history_m2m_fields = ("donors",)

    objects = ProjectQuerySet.as_manager()

    class Meta:
        ordering = ["code"]
        constraints = [in_order("project_dates_in_order")]

    def __str__(self) -> str:
        return self.code


class FundingLine(FromReport, Sourced):
    """An amount in USD for one year: what it supports, who paid, and where that is written.

    A line that repeats another, names no year, or is a rate or a ceiling is kept and not counted;
    ``not_counted_reason`` says why. ``code`` is how imports and other programs name it.
    """

    code = models.CharField(_("code"), max_length=40, unique=True, default=line_code, blank=True)
    year = models.PositiveSmallIntegerField(_("year"), null=True, blank=True)
    period_starts_on = models.DateField(_("period from"), null=True, blank=True)
    period_ends_on = models.DateField(_("period to"), null=True, blank=True)
    source_of_funds = models.CharField(
        _("source of funds"), max_length=20, choices=FundingSource.choices
    )
    supports = models.CharField(_("supports"), max_length=10, choices=Supports.choices)
    iscm = models.ForeignKey(
        ISCM, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("mechanism")
    )
    project = models.ForeignKey(
        Project,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="funding_lines",
        verbose_name=_("project"),
    )
    office = models.ForeignKey(
        Office, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("office")
    )
    label = models.CharField(_("budget line"), max_length=250)
    payer = models.CharField(_("paid by"), max_length=120, blank=True)
    amount_usd = models.DecimalField(
        _("amount (USD)"), max_digits=14, decimal_places=2, validators=[MinValueValidator(0)]
    )
    original_currency = models.CharField(
        _("original currency"), max_length=3, blank=True, validators=[currency_code]
    )
    original_amount = models.DecimalField(
        _("original amount"), max_digits=16, decimal_places=2, null=True, blank=True
    )
    rate_used = models.DecimalField(
        _("rate used (USD for one unit)"), max_digits=16, decimal_places=8, null=True, blank=True
    )
    rated_on = models.DateField(_("day of the rate"), null=True, blank=True)
    per = models.CharField(_("per"), max_length=40, blank=True)
    qualifier = models.CharField(_("qualifier"), max_length=60, blank=True)
    printed_table = models.PositiveSmallIntegerField(
        _("table of the evaluation"), null=True, blank=True
    )
    document = models.CharField(_("document"), max_length=250, blank=True)
    is_counted = models.BooleanField(_("counted"), default=True)
    not_counted_reason = models.CharField(_("why it is not counted"), max_length=250, blank=True)

    objects = FundingLineQuerySet.as_manager()

    class Meta:
        ordering = ["-year", "pk"]
        constraints = [
            once_per_report("fundingline_once_per_report"),
            models.CheckConstraint(name="fundingline_has_a_code", condition=~Q(code="")),
            models.CheckConstraint(
                name="fundingline_year_plausible",
                condition=Q(year__isnull=True) | Q(year__range=(1951, 2100)),
                violation_error_message=_("The year lies before 1951 or after 2100."),
            ),
            models.CheckConstraint(
                name="fundingline_amount_not_negative", condition=Q(amount_usd__gte=0)
            ),
            models.CheckConstraint(
                name="fundingline_supports_what_it_names",
                condition=(
                    Q(supports="iscm", iscm__isnull=False, project__isnull=True)
                    | Q(supports="project", iscm__isnull=True, project__isnull=False)
                    | Q(
                        supports__in=["grcp", "all_rcps", "not_named"],
                        iscm__isnull=True,
                        project__isnull=True,
                    )
                ),
                violation_error_message=_("Name the mechanism or the project that it supports."),
            ),
            models.CheckConstraint(
                name="fundingline_counted_or_says_why_not",
                condition=Q(is_counted=True, not_counted_reason="", year__isnull=False)
                | (Q(is_counted=False) & ~Q(not_counted_reason="")),
                violation_error_message=_(
                    "A counted line has a year; one that is not counted says why."
                ),
            ),
            models.CheckConstraint(
                name="fundingline_counts_investment_only",
                condition=Q(is_counted=False) | ~Q(source_of_funds__in=NO_INVESTMENT),
                violation_error_message=_(
                    "What Member States pay and the money of reserve funds is no part of the total."
                ),
            ),
            models.CheckConstraint(
                name="fundingline_converted_with_a_rate",
                condition=Q(original_currency__in=["", "USD"])
                | Q(original_amount__isnull=False, rate_used__isnull=False),
                violation_error_message=_("Give the original amount and the rate used."),
            ),
            # Half a cent of rounding, and the noise of SQLite's floating point below it.
            models.CheckConstraint(
                name="fundingline_amount_is_the_converted_one",
                condition=Q(original_amount__isnull=True)
                | Q(rate_used__isnull=True)
                | Q(
                    amount_usd__gte=F("original_amount") * F("rate_used") - Decimal("0.0051"),
                    amount_usd__lte=F("original_amount") * F("rate_used") + Decimal("0.0051"),
                ),
                violation_error_message=_(
                    "The amount in USD is not the original amount at the rate used."
                ),
            ),
            models.CheckConstraint(
                name="fundingline_usd_is_itself",
                condition=~Q(original_currency="USD")
                | Q(original_amount__isnull=True)
                | Q(original_amount=F("amount_usd")),
                violation_error_message=_("It is not the amount in USD."),
            ),
            plausible("fundingline_dates_plausible", "rated_on"),
        ]
        indexes = [
            # A total of one year or mechanism finds its counted lines here (PostgreSQL, 1M lines:
            # 0.3 ms for a small year); all years together are a scan (0.25 s).
            models.Index(
                fields=["year", "iscm", "source_of_funds"],
                condition=Q(is_counted=True),
                name="fundingline_totals",
            ),
            # The list of lines stands newest first. With these a page of one year or source is
            # read off the index whatever the value (PostgreSQL, 1M lines: 1 ms; a rare year or
            # source was a scan of all lines, 80 to 95 ms).
            models.Index(fields=["year", "id"], name="fundingline_of_year"),
            models.Index(fields=["source_of_funds", "id"], name="fundingline_of_source"),
            # Few lines are not counted, and fewer printed in the evaluation (a scan: 110 ms).
            models.Index(
                fields=["id"], condition=Q(is_counted=False), name="fundingline_not_counted"
            ),
            # Those in another currency are looked through for the rate on record
            # (``selectors.currency``).
            models.Index(
                fields=["id"],
                condition=~Q(original_currency__in=["", "USD"]),
                name="fundingline_converted",
            ),
            models.Index(
                fields=["printed_table", "id"],
                condition=Q(printed_table__isnull=False),
                name="fundingline_printed",
            ),
            # The amounts that were converted with the rates of an import.
            models.Index(
                fields=["rated_on", "original_currency", "id"],
                condition=Q(rated_on__isnull=False),
                name="fundingline_rated",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label} {self.year or ''}".strip()


class Attribution(Tracked, Sourced):
    """What share of a project's support in one year goes to one mechanism.

    An unknown share counts as the range 0 to what the stated shares leave, never as a guess.
    The shares of a project and year are never over 100 per cent in all, and may stay under it: the
    database holds it (``attributions_never_over_100``, a trigger).
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="attributions")
    iscm = models.ForeignKey(ISCM, models.PROTECT, related_name="+", verbose_name=_("mechanism"))
    year = models.PositiveSmallIntegerField(_("year"))
    basis = models.CharField(_("basis"), max_length=20, choices=AttributionBasis.choices)
    share_pct = models.DecimalField(
        _("share (per cent)"),
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
    )
    amount_usd = models.DecimalField(
        _("amount (USD)"), max_digits=14, decimal_places=2, null=True, blank=True
    )

    objects = ByProjectQuerySet.as_manager()

    class Meta:
        ordering = ["project", "year", "iscm"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "iscm", "year"], name="attribution_once_a_year"
            ),
            models.CheckConstraint(
                name="attribution_year_plausible", condition=Q(year__range=(1951, 2100))
            ),
            models.CheckConstraint(
                name="attribution_states_what_its_basis_says",
                condition=(
                    Q(basis="dedicated", share_pct=100, amount_usd__isnull=True)
                    | Q(basis="stated_share", share_pct__range=(0, 100), amount_usd__isnull=True)
                    | Q(basis="stated_amount", share_pct__isnull=True, amount_usd__gte=0)
                    | Q(basis="unknown", share_pct__isnull=True, amount_usd__isnull=True)
                ),
                violation_error_message=_("Share or amount do not fit the basis."),
            ),
        ]
        indexes = [
            # The list stands by year, the newest first (PostgreSQL, 140,000 rows: 2 ms; sorting
            # them took 170 ms); so does the short list of unknown shares.
            models.Index(fields=["year", "id"], name="attribution_of_year"),
            models.Index(
                fields=["year", "id"], condition=Q(basis="unknown"), name="attribution_unknown"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.project} → {self.iscm} {self.year}"
