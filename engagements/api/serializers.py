"""Records of the directory, of events and of evidence, field by field."""

from __future__ import annotations

from iscm_portal.common.choices import DatePrecision
from iscm_portal.common.records import (
    Children,
    Links,
    RecordSerializer,
    SourcedSerializer,
    choice,
    day,
    flag,
    moment,
    number,
    text,
)

from .. import choices
from ..models import Country, Delegate

REPORT = "Number of the accepted report that wrote it."


class HeldSerializer(SourcedSerializer):
    """Held from a first to a last day; null is unknown, or still held."""

    starts_on = day(null=True)
    starts_precision = choice(DatePrecision)
    ends_on = day(null=True)
    ends_precision = choice(DatePrecision)


class ISCMSerializer(SourcedSerializer):
    slug = text()
    acronym = text()
    name = text()
    alt_names = text(help_text="One a line.")
    type = choice(choices.ISCMType)
    year_established = number(null=True)
    year_note = text()
    status = choice(choices.ISCMStatus)
    status_note = text()
    themes = Links("themes", "themes__code")
    theme_labels = Links("themes", "themes__name")
    focal_offices = Links("focal_offices", "focal_offices__slug")
    focal_office_labels = Links("focal_offices", "focal_offices__name")
    regional_bodies = text(help_text="One a line.")
    routes = text()
    membership_rule = text()
    members_published = number(null=True)
    has_private_sector_group = flag(null=True)
    works_with_private_sector = flag(null=True)
    is_self_financing = flag(null=True)
    self_financing_note = text()
    website = text()
    iom_basis = text()


class IOMRoleSerializer(HeldSerializer):
    iscm = text("iscm.slug")
    iscm_label = text("iscm.acronym")
    role = choice(choices.RoleKind)
    basis = text()
    starts_assumed = flag(help_text="The start is that of the mechanism.")
    lead_office = text("lead_office.slug", null=True)
    lead_office_label = text("lead_office.name", null=True)
    is_candidate = flag(help_text="A source hints at it; it counts nowhere until confirmed.")


class MembershipSerializer(HeldSerializer):
    iscm = text("iscm.slug")
    iscm_label = text("iscm.acronym")
    kind = choice(choices.MembershipKind)
    country = text("country.iso3", null=True)
    country_label = text("country.name_en", null=True)
    organisation = text("organisation.slug", null=True)
    organisation_label = text("organisation.name", null=True)
    party_name = text(help_text="A party that has no ISO code, as the source names it.")


class CountrySerializer(SourcedSerializer):
    code = text("iso3", help_text="ISO 3166, three letters.")
    iso2 = text()
    m49 = text()
    name_en = text()
    name_fr = text()
    name_es = text()
    region = text(help_text="UN M49.")
    subregion = text()
    iom_status = choice(Country.IOMStatus, blank=True)


class OrganisationSerializer(SourcedSerializer):
    slug = text()
    name = text()
    kind = choice(choices.OrganisationKind, blank=True)


class OfficeSerializer(SourcedSerializer):
    slug = text()
    name = text()
    abbreviation = text()
    kind = choice(choices.OfficeKind)
    country = text("country.iso3", null=True)
    country_label = text("country.name_en", null=True)
    city = text()
    parent = text("parent.slug", null=True)
    parent_label = text("parent.name", null=True)
    coverage = text()
    functions = text()
    focal_for = Links("focal_for", "focal_for__slug")
    focal_for_labels = Links("focal_for", "focal_for__acronym")


class ThemeSerializer(RecordSerializer):
    code = text()
    name = text()
    is_demo = flag()
    updated_at = moment()


class DelegateSerializer(RecordSerializer):
    office = text("office.slug")
    office_label = text("office.name")
    title = text()
    capacity = choice(choices.Capacity)


class EventSerializer(SourcedSerializer):
    code = text(null=True)
    name = text()
    iscms = Links("iscms", "iscms__slug")
    iscm_labels = Links("iscms", "iscms__acronym")
    kind = choice(choices.EventKind)
    starts_on = day(null=True)
    ends_on = day(null=True)
    year = number(null=True)
    month = number(null=True)
    date_precision = choice(DatePrecision)
    city = text()
    country = text("country.iso3", null=True)
    country_label = text("country.name_en", null=True)
    organiser = text()
    subject = text()
    outcome_document = text()
    invited_by = text()
    invited_on = day(null=True)
    iom_capacity = choice(choices.Capacity, blank=True)
    is_proposed = flag()
    delegation = Children(DelegateSerializer, "event_id", lambda: Delegate.objects.all())


class AgendaItemSerializer(RecordSerializer):
    event = number("event_id")
    event_label = text("event.name")
    position = number()
    title = text()
    theme = text("theme.code", null=True)
    theme_label = text("theme.name", null=True)
    proposed_by_iom = flag(null=True)
    priority = number("priority_id", null=True)
    priority_label = text("priority.title", null=True)
    report = number("report_number", null=True, help_text=REPORT)
    is_demo = flag()
    updated_at = moment()


class EvidenceSerializer(SourcedSerializer):
    iscm = text("iscm.slug", null=True)
    iscm_label = text("iscm.acronym", null=True)
    event = number("event_id", null=True)
    event_label = text("event.name", null=True)
    office = text("office.slug", null=True)
    office_label = text("office.name", null=True)
    report = number("report_number", null=True, help_text=REPORT)


class SupportRequestSerializer(EvidenceSerializer):
    country = text("country.iso3", null=True)
    country_label = text("country.name_en", null=True)
    kind = choice(choices.SupportKind)
    what = text()
    asked_on = day()
    answered_on = day(null=True)
    outcome = choice(choices.RequestOutcome)


class PartnershipSerializer(EvidenceSerializer):
    organisation = text("organisation.slug")
    organisation_label = text("organisation.name")
    kind = choice(choices.OrganisationKind, "organisation.kind", blank=True)
    purpose = text()
    since_on = day()


class PolicyInstrumentSerializer(EvidenceSerializer):
    title = text()
    country = text("country.iso3", null=True)
    country_label = text("country.name_en", null=True)
    region = text()
    kind = choice(choices.InstrumentKind)
    action = choice(choices.InstrumentAction)
    dated_on = day()
    agenda_items = Links("agenda_items", "agenda_items__pk")
    agenda_item_labels = Links("agenda_items", "agenda_items__title")
    expertise_reflected = choice(choices.Reflected)
    expertise_note = text()


class FollowUpSerializer(EvidenceSerializer):
    what = text()
    who = text()
    owner = text("owner.slug", null=True)
    owner_label = text("owner.name", null=True)
    agreed_on = day()
    due_on = day(null=True)
    state = choice(choices.FollowUpState)
    led_to = text()
