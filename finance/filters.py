"""What lists of funding, projects, posts and time can be asked for."""

from __future__ import annotations

import datetime as dt
from typing import Any

import django_filters as filters
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from engagements.filters import (
    country_filter,
    iscm_filter,
    office_filter,
    organisation_filter,
)
from engagements.models import ISCM, Organisation
from iscm_portal.common.as_of import rows_of
from iscm_portal.common.filters import (
    CodeFilter,
    FlagFilter,
    IdFilter,
    LinkFilter,
    RecordFilter,
    SourcedFilter,
    YearFilter,
    since,
    until,
)
from iscm_portal.common.history import kept_links

from . import choices
from .models import Attribution, PositionShare, Project


class MoneyFilter(SourcedFilter):
    """What may be asked of every record of money."""

    @property
    def known_by(self) -> dt.datetime | None:
        """The moment as of which the API is asked, so that what hangs on a record is looked for as
        of it too; None: now, as on pages."""
        request: Any = self.request
        if request is None:
            return None
        moment: dt.datetime | None = request.parser_context["view"].known_by
        return moment


def project_filter(field: str = "project") -> LinkFilter:
    return LinkFilter(
        field_name=field,
        queryset=Project.objects.all(),
        to_field_name="code",
        help_text=_("Code of a project."),
    )


class ProjectFilter(MoneyFilter):
    iscm = iscm_filter(method="of_iscm")
    office = office_filter("lead_office")
    donor = organisation_filter(method="of_donor")
    year = YearFilter(of="held", help_text=_("Running in this year."))

    def of_donor(self, rows: QuerySet[Any], name: str, value: Organisation) -> QuerySet[Any]:
        if self.known_by is None:
            return rows.filter(donors=value)
        # The history keeps the donors of each version.
        kept = kept_links(Project, Project._meta.get_field("donors"))
        return rows.filter(history_id__in=kept.objects.filter(organisation=value).values("history"))

    def of_iscm(self, rows: QuerySet[Any], name: str, value: ISCM) -> QuerySet[Any]:
        """Projects with a share attributed to the mechanism."""
        shares = rows_of(Attribution, self.known_by).filter(iscm=value)
        return rows.filter(id__in=shares.order_by().values("project"))


class AttributionFilter(SourcedFilter):
    iscm = iscm_filter()
    project = project_filter()
    year = YearFilter("year")
    basis = CodeFilter(choices=choices.AttributionBasis.choices)


class FundingLineFilter(SourcedFilter):
    iscm = iscm_filter()
    project = project_filter()
    office = office_filter()
    year = YearFilter("year")
    source_of_funds = CodeFilter(choices=choices.FundingSource.choices)
    supports = CodeFilter(choices=choices.Supports.choices)
    printed_table = CodeFilter(
        choices=[(4, "4"), (5, "5"), (6, "6")], help_text=_("Lines of a table of the evaluation.")
    )
    is_counted = FlagFilter("is_counted")
    report = IdFilter("report_number")


class PositionFilter(MoneyFilter):
    iscm = iscm_filter(method="of_iscm")
    office = office_filter()
    paid_by = CodeFilter(choices=choices.PaidBy.choices)
    project = project_filter()
    funding_line = IdFilter("funding_line")
    has_tor = FlagFilter("has_tor")
    year = YearFilter(of="held", help_text=_("Held in this year."))

    def of_iscm(self, rows: QuerySet[Any], name: str, value: ISCM) -> QuerySet[Any]:
        """Posts with a share for the mechanism."""
        shares = rows_of(PositionShare, self.known_by).filter(iscm=value)
        return rows.filter(id__in=shares.order_by().values("position"))


class TimeEntryFilter(SourcedFilter):
    iscm = iscm_filter()
    office = office_filter()
    event = IdFilter("event")
    paid_by = CodeFilter(choices=choices.PaidBy.choices)
    position = IdFilter("position")
    project = project_filter()
    funding_line = IdFilter("funding_line")
    report = IdFilter("report_number")
    year = YearFilter("worked_on", of="date")
    since = since("worked_on")
    until = until("worked_on")


class ReserveFundFilter(SourcedFilter):
    iscm = iscm_filter()
    office = office_filter()


class StandardCostFilter(RecordFilter):
    grade = filters.CharFilter("grade")
    year = YearFilter("year")


class CurrencyRateFilter(RecordFilter):
    currency = filters.CharFilter("currency", help_text=_("ISO 4217 code, as in EUR."))
    year = YearFilter("rated_on", of="date")


class ContributionFilter(SourcedFilter):
    iscm = iscm_filter()
    country = country_filter()
    year = YearFilter("year")


class ProposalFilter(SourcedFilter):
    iscm = iscm_filter()
    office = office_filter()
    project = project_filter()
    donor = organisation_filter("donor")
    follow_up = IdFilter("follow_up")
    state = CodeFilter(choices=choices.ProposalState.choices)
    year = YearFilter("asked_on", of="date")
    since = since("asked_on")
    until = until("asked_on")


class StaffNeedFilter(RecordFilter):
    iscm = iscm_filter()
    office = office_filter()
    year = YearFilter("year")
