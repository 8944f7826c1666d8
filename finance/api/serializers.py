"""Records of funding, projects, posts and time, field by field."""

from __future__ import annotations

import datetime as dt
from typing import Any

from rest_framework import serializers

from iscm_portal.common.records import (
    Attached,
    KeptChildren,
    Links,
    RecordSerializer,
    SourcedSerializer,
    amount,
    choice,
    day,
    flag,
    integer,
    string,
)

from .. import choices
from ..models import FundContribution, FundDisbursement, PositionShare
from ..selectors.funds import fund_years

REPORT = "Number of the accepted report that wrote it."


class ProjectSerializer(SourcedSerializer):
    code = string()
    title = string()
    donors = Links("donors", "donors__slug")
    donor_labels = Links("donors", "donors__name")
    starts_on = day(null=True)
    ends_on = day(null=True)
    lead_office = string("lead_office.slug", null=True)
    lead_office_label = string("lead_office.name", null=True)


class AttributionSerializer(SourcedSerializer):
    project = string("project.code")
    project_label = string("project.title")
    iscm = string("iscm.slug")
    iscm_label = string("iscm.acronym")
    year = integer()
    basis = choice(choices.AttributionBasis)
    share_pct = amount(null=True, help_text="Per cent.")
    amount_usd = amount(null=True)


class FundingLineSerializer(SourcedSerializer):
    code = string()
    year = integer(null=True)
    period_starts_on = day(null=True)
    period_ends_on = day(null=True)
    source_of_funds = choice(choices.FundingSource)
    supports = choice(choices.Supports)
    iscm = string("iscm.slug", null=True)
    iscm_label = string("iscm.acronym", null=True)
    project = string("project.code", null=True)
    project_label = string("project.title", null=True)
    office = string("office.slug", null=True)
    office_label = string("office.name", null=True)
    label = string(help_text="The budget line.")  # type: ignore[assignment]
    payer = string()
    amount_usd = amount()
    original_currency = string()
    original_amount = amount(null=True)
    rate_used = amount(null=True, help_text="USD for one unit of the original currency.")
    per = string()
    qualifier = string()
    printed_table = integer(null=True, help_text="Table of the evaluation.")
    document = string()
    is_counted = flag()
    not_counted_reason = string()
    report = integer("report_number", null=True, help_text=REPORT)
    rated_on = day(null=True, help_text="Day of the rate.")


class PositionShareSerializer(RecordSerializer):
    iscm = string("iscm.slug")
    iscm_label = string("iscm.acronym")
    share_pct = amount(null=True, help_text="Per cent; null is unknown.")


class PositionSerializer(SourcedSerializer):
    title = string()
    grade = string()
    office = string("office.slug")
    office_label = string("office.name")
    starts_on = day(null=True)
    ends_on = day(null=True)
    has_tor = flag(null=True)
    paid_by = choice(choices.PaidBy)
    payer = string()
    payer_pct = amount(null=True, help_text="Per cent of the post that the payer by name funds.")
    funding_line = integer("funding_line_id", null=True)
    funding_line_label = string("funding_line.label", null=True)
    project = string("project.code", null=True)
    project_label = string("project.title", null=True)
    shares = KeptChildren(PositionShareSerializer, "position_id", PositionShare)
    code = string()


class TimeEntrySerializer(SourcedSerializer):
    title = string()
    grade = string()
    office = string("office.slug")
    office_label = string("office.name")
    iscm = string("iscm.slug", null=True)
    iscm_label = string("iscm.acronym", null=True)
    event = integer("event_id", null=True)
    event_label = string("event.name", null=True)
    worked_on = day()
    days = amount()
    paid_by = choice(choices.PaidBy)
    report = integer("report_number", null=True, help_text=REPORT)
    position = integer("position_id", null=True, help_text="The post whose share it is part of.")
    position_label = string("position.title", null=True)
    funding_line = integer(
        "funding_line_id", null=True, help_text="The line that pays the days, where it is named."
    )
    funding_line_label = string("funding_line.label", null=True)
    project = string("project.code", null=True)
    project_label = string("project.title", null=True)


class ContributionSerializer(SourcedSerializer):
    iscm = string("iscm.slug")
    iscm_label = string("iscm.acronym")
    country = string("country.iso3")
    country_label = string("country.name_en")
    year = integer()
    scale_pct = amount(null=True, help_text="Per cent of the mechanism's scale.")
    assessed_usd = amount()
    paid_usd = amount()
    paid_on = day(null=True, help_text="Last paid on.")


class ProposalSerializer(SourcedSerializer):
    title = string()
    iscm = string("iscm.slug")
    iscm_label = string("iscm.acronym")
    donor = string("donor.slug")
    donor_label = string("donor.name")
    office = string("office.slug", null=True)
    office_label = string("office.name", null=True)
    follow_up = integer("follow_up_id", null=True)
    follow_up_label = string("follow_up.what", null=True)
    asked_on = day()
    asked_usd = amount()
    state = choice(choices.ProposalState)
    decided_on = day(null=True)
    awarded_usd = amount(null=True)
    project = string("project.code", null=True)
    project_label = string("project.title", null=True)


class FundYearSerializer(serializers.Serializer[Any]):
    """A year of a fund; payments that were called back and contributions that were taken back are
    not in it."""

    year = integer()
    contributions_usd = amount()
    disbursed_usd = amount()
    cases = integer()
    balance_usd = amount(help_text="At the end of the year.")


class FundYears(Attached):
    """The years of a fund, which are worked out: two statements whatever the number of funds."""

    reads = (FundContribution, FundDisbursement)

    def __init__(self) -> None:
        super().__init__(child=FundYearSerializer(), required=False)

    def read(self, ids: list[int], user: Any, known_by: dt.datetime | None) -> dict[int, list[Any]]:
        names = list(FundYearSerializer().fields)
        return {
            fund: [{name: getattr(year, name) for name in names} for year in years]
            for fund, years in fund_years(ids, known_by).items()
        }


class FundSerializer(SourcedSerializer):
    """Totals only: a case never leaves the portal by the API."""

    slug = string()
    name = string()
    iscm = string("iscm.slug")
    iscm_label = string("iscm.acronym")
    office = string("office.slug", null=True)
    office_label = string("office.name", null=True)
    cap_usd = amount(help_text="At most for one case, unless approved.")
    balance_usd = amount(
        "known_balance",
        null=True,
        help_text="Now, or on the day asked for; null where nothing is on record.",
    )
    years = FundYears()
