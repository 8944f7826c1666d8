"""The kinds of records of money that have pages: one row each, and nothing else to know.

A column is a path of fields: the first column names the record, the heading is its first field's.
The order ends in something unique and holds no NULL (``common.pages.keyset_page``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404

from engagements.models import SignedInRequest
from iscm_portal.common.filters import RecordFilter

from .. import filters, models, permissions
from ..forms import records as forms


@dataclass(frozen=True)
class Kind:
    slug: str
    model: Any
    form: type[forms.RecordForm]
    filterset: type[RecordFilter]
    columns: tuple[str, ...]
    order: tuple[str, ...]
    # Filters that stand on the page; the address takes all of the filterset.
    controls: tuple[str, ...]

    @property
    def name(self) -> str:
        return str(self.model._meta.verbose_name)

    @property
    def plural(self) -> str:
        return str(self.model._meta.verbose_name_plural)

    @property
    def links(self) -> tuple[str, ...]:
        """The records that the columns read besides their own."""
        return tuple({column.split("__")[0] for column in self.columns if "__" in column})


KINDS = {
    kind.slug: kind
    for kind in (
        Kind(
            "projects",
            models.Project,
            forms.ProjectForm,
            filters.ProjectFilter,
            ("code", "title", "lead_office__name", "starts_on", "ends_on"),
            ("code",),
            ("iscm", "office", "year"),
        ),
        Kind(
            "attributions",
            models.Attribution,
            forms.AttributionForm,
            filters.AttributionFilter,
            ("project__code", "iscm__acronym", "year", "basis", "share_pct", "amount_usd"),
            ("-year", "-pk"),
            ("year", "iscm", "project", "basis"),
        ),
        Kind(
            "funding-lines",
            models.FundingLine,
            forms.FundingLineForm,
            filters.FundingLineFilter,
            (
                "label",
                "code",
                "year",
                "source_of_funds",
                "supports",
                "iscm__acronym",
                "project__code",
                "office__name",
                "amount_usd",
                "is_counted",
            ),
            ("-pk",),
            ("year", "iscm", "source_of_funds", "office", "project", "is_counted"),
        ),
        Kind(
            "positions",
            models.Position,
            forms.PositionForm,
            filters.PositionFilter,
            ("title", "code", "grade", "office__name", "starts_on", "ends_on", "paid_by"),
            ("title", "pk"),
            ("year", "iscm", "office", "paid_by"),
        ),
        Kind(
            "time-entries",
            models.TimeEntry,
            forms.TimeEntryForm,
            filters.TimeEntryFilter,
            ("title", "grade", "worked_on", "days", "office__name", "iscm__acronym", "paid_by"),
            ("-worked_on", "-pk"),
            ("year", "iscm", "office", "paid_by"),
        ),
        Kind(
            "standard-costs",
            models.StandardCost,
            forms.StandardCostForm,
            filters.StandardCostFilter,
            ("grade", "year", "usd_per_day"),
            ("-year", "grade"),
            ("year", "grade"),
        ),
        Kind(
            "currency-rates",
            models.CurrencyRate,
            forms.CurrencyRateForm,
            filters.CurrencyRateFilter,
            ("currency", "rated_on", "usd_per_unit"),
            ("-rated_on", "currency"),
            ("year", "currency"),
        ),
        Kind(
            "contributions",
            models.AssessedContribution,
            forms.ContributionForm,
            filters.ContributionFilter,
            (
                "country__name_en",
                "iscm__acronym",
                "year",
                "scale_pct",
                "assessed_usd",
                "paid_usd",
                "paid_on",
            ),
            ("-year", "-pk"),
            ("year", "iscm", "country"),
        ),
        Kind(
            "proposals",
            models.Proposal,
            forms.ProposalForm,
            filters.ProposalFilter,
            (
                "title",
                "iscm__acronym",
                "donor__name",
                "office__name",
                "asked_on",
                "asked_usd",
                "state",
                "decided_on",
                "awarded_usd",
            ),
            ("-asked_on", "-pk"),
            ("year", "iscm", "office", "state"),
        ),
        Kind(
            "staff-needs",
            models.StaffNeed,
            forms.StaffNeedForm,
            filters.StaffNeedFilter,
            ("title", "iscm__acronym", "year", "office__name", "grade", "share_pct"),
            ("-year", "-pk"),
            ("year", "iscm", "office"),
        ),
    )
}
OF_MODEL = {kind.model: kind for kind in KINDS.values()}


def kind_named(request: SignedInRequest, slug: str) -> Kind:
    """The kind of the address. 404 for none, 403 where it is not open to the reader."""
    if slug not in KINDS:
        raise Http404
    kind = KINDS[slug]
    if not permissions.may_read_kind(request.user, kind.model):
        raise PermissionDenied
    return kind
