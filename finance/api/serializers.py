"""Records of funding, projects, posts and time, field by field."""

from __future__ import annotations

from iscm_portal.common.records import (
    Children,
    Links,
    RecordSerializer,
    SourcedSerializer,
    amount,
    choice,
    day,
    flag,
    number,
    text,
)

from .. import choices
from ..models import PositionShare

REPORT = "Number of the accepted report that wrote it."


class ProjectSerializer(SourcedSerializer):
    code = text()
    title = text()
    donors = Links("donors", "donors__slug")
    donor_labels = Links("donors", "donors__name")
    starts_on = day(null=True)
    ends_on = day(null=True)
    lead_office = text("lead_office.slug", null=True)
    lead_office_label = text("lead_office.name", null=True)


class AttributionSerializer(SourcedSerializer):
    project = text("project.code")
    project_label = text("project.title")
    iscm = text("iscm.slug")
    iscm_label = text("iscm.acronym")
    year = number()
    basis = choice(choices.AttributionBasis)
    share_pct = amount(null=True, help_text="Per cent.")
    amount_usd = amount(null=True)


class FundingLineSerializer(SourcedSerializer):
    code = text(null=True)
    year = number(null=True)
    period_starts_on = day(null=True)
    period_ends_on = day(null=True)
    source_of_funds = choice(choices.FundingSource)
    supports = choice(choices.Supports)
    iscm = text("iscm.slug", null=True)
    iscm_label = text("iscm.acronym", null=True)
    project = text("project.code", null=True)
    project_label = text("project.title", null=True)
    office = text("office.slug", null=True)
    office_label = text("office.name", null=True)
    label = text(help_text="The budget line.")
    payer = text()
    amount_usd = amount()
    original_currency = text()
    original_amount = amount(null=True)
    rate_used = amount(null=True, help_text="USD for one unit of the original currency.")
    per = text()
    qualifier = text()
    printed_table = number(null=True, help_text="Table of the evaluation.")
    document = text()
    is_counted = flag()
    not_counted_reason = text()
    report = number("report_number", null=True, help_text=REPORT)


class PositionShareSerializer(RecordSerializer):
    iscm = text("iscm.slug")
    iscm_label = text("iscm.acronym")
    share_pct = amount(null=True, help_text="Per cent; null is unknown.")


class PositionSerializer(SourcedSerializer):
    title = text()
    grade = text()
    office = text("office.slug")
    office_label = text("office.name")
    starts_on = day(null=True)
    ends_on = day(null=True)
    has_tor = flag(null=True)
    paid_by = choice(choices.PaidBy)
    funding_line = number("funding_line_id", null=True)
    funding_line_label = text("funding_line.label", null=True)
    project = text("project.code", null=True)
    project_label = text("project.title", null=True)
    shares = Children(PositionShareSerializer, "position_id", lambda: PositionShare.objects.all())


class TimeEntrySerializer(SourcedSerializer):
    title = text()
    grade = text()
    office = text("office.slug")
    office_label = text("office.name")
    iscm = text("iscm.slug", null=True)
    iscm_label = text("iscm.acronym", null=True)
    event = number("event_id", null=True)
    event_label = text("event.name", null=True)
    worked_on = day()
    days = amount()
    paid_by = choice(choices.PaidBy)
    report = number("report_number", null=True, help_text=REPORT)
