"""Records of the directory, of events and of evidence, field by field."""

from __future__ import annotations

from iscm_portal.common.choices import DatePrecision
from iscm_portal.common.records import (
    TAIL,
    KeptChildren,
    Links,
    RecordSerializer,
    SourcedSerializer,
    choice,
    day,
    flag,
    integer,
    moment,
    string,
)

from .. import choices
from ..models import Country, Delegate

REPORT = "Number of the accepted report that wrote it."


class HeldSerializer(SourcedSerializer):
    """Held from a first to a last day; null is unknown, or still held."""

    tail = ("starts_on", "starts_precision", "ends_on", "ends_precision", *TAIL)

    starts_on = day(null=True)
    starts_precision = choice(DatePrecision)
    ends_on = day(null=True)
    ends_precision = choice(DatePrecision)


class ISCMSerializer(SourcedSerializer):
    slug = string()
    acronym = string()
    name = string()
    alt_names = string(help_text="One a line.")
    type = choice(choices.ISCMType)
    year_established = integer(null=True)
    year_note = string()
    status = choice(choices.ISCMStatus)
    status_note = string()
    themes = Links("themes", "themes__code")
    theme_labels = Links("themes", "themes__name")
    focal_offices = Links("focal_offices", "focal_offices__slug")
    focal_office_labels = Links("focal_offices", "focal_offices__name")
    regional_bodies = string(help_text="One a line.")
    routes = string()
    membership_rule = string()
    members_published = integer(null=True)
    has_private_sector_group = flag(null=True)
    works_with_private_sector = flag(null=True)
    is_self_financing = flag(null=True)
    self_financing_note = string()
    website = string()
    iom_basis = string()


class IOMRoleSerializer(HeldSerializer):
    iscm = string("iscm.slug")
    iscm_label = string("iscm.acronym")
    role = choice(choices.RoleKind)
    basis = string()
    starts_assumed = flag(help_text="The start is that of the mechanism.")
    lead_office = string("lead_office.slug", null=True)
    lead_office_label = string("lead_office.name", null=True)
    is_candidate = flag(help_text="A source hints at it; it counts nowhere until confirmed.")


class MembershipSerializer(HeldSerializer):
    iscm = string("iscm.slug")
    iscm_label = string("iscm.acronym")
    kind = choice(choices.MembershipKind)
    country = string("country.iso3", null=True)
    country_label = string("country.name_en", null=True)
    organisation = string("organisation.slug", null=True)
    organisation_label = string("organisation.name", null=True)
    party_name = string(help_text="A party that has no ISO code, as the source names it.")


class CountrySerializer(SourcedSerializer):
    code = string("iso3", help_text="ISO 3166, three letters.")
    iso2 = string()
    m49 = string()
    name_en = string()
    name_fr = string()
    name_es = string()
    region = string(help_text="UN M49.")
    subregion = string()
    iom_status = choice(Country.IOMStatus, blank=True)


class OrganisationSerializer(SourcedSerializer):
    slug = string()
    name = string()
    kind = choice(choices.OrganisationKind, blank=True)


class OfficeSerializer(SourcedSerializer):
    slug = string()
    name = string()
    abbreviation = string()
    kind = choice(choices.OfficeKind)
    country = string("country.iso3", null=True)
    country_label = string("country.name_en", null=True)
    city = string()
    parent = string("parent.slug", null=True)  # type: ignore[assignment]
    parent_label = string("parent.name", null=True)
    coverage = string()
    functions = string()
    focal_for = Links("focal_for", "focal_for__slug")
    focal_for_labels = Links("focal_for", "focal_for__acronym")


class ThemeSerializer(RecordSerializer):
    code = string()
    name = string()
    is_demo = flag()
    updated_at = moment()


class DelegateSerializer(RecordSerializer):
    office = string("office.slug")
    office_label = string("office.name")
    title = string()
    capacity = choice(choices.Capacity)


class EventSerializer(SourcedSerializer):
    code = string(null=True)
    name = string()
    iscms = Links("iscms", "iscms__slug")
    iscm_labels = Links("iscms", "iscms__acronym")
    kind = choice(choices.EventKind)
    starts_on = day(null=True)
    ends_on = day(null=True)
    year = integer(null=True)
    month = integer(null=True)
    date_precision = choice(DatePrecision)
    city = string()
    country = string("country.iso3", null=True)
    country_label = string("country.name_en", null=True)
    organiser = string()
    subject = string()
    outcome_document = string()
    invited_by = string()
    invited_on = day(null=True)
    iom_capacity = choice(choices.Capacity, blank=True)
    is_proposed = flag()
    sorted_on = day(help_text="The day by which it is sorted, where its own is not known, too.")
    delegation = KeptChildren(DelegateSerializer, "event_id", Delegate)


class AgendaItemSerializer(RecordSerializer):
    event = integer("event_id")
    event_label = string("event.name")
    position = integer()
    title = string()
    theme = string("theme.code", null=True)
    theme_label = string("theme.name", null=True)
    proposed_by_iom = flag(null=True)
    priority = integer("priority_id", null=True)
    priority_label = string("priority.title", null=True)
    report = integer("report_number", null=True, help_text=REPORT)
    is_demo = flag()
    updated_at = moment()


class EvidenceSerializer(SourcedSerializer):
    iscm = string("iscm.slug", null=True)
    iscm_label = string("iscm.acronym", null=True)
    event = integer("event_id", null=True)
    event_label = string("event.name", null=True)
    office = string("office.slug", null=True)
    office_label = string("office.name", null=True)
    report = integer("report_number", null=True, help_text=REPORT)


class SupportRequestSerializer(EvidenceSerializer):
    country = string("country.iso3", null=True)
    country_label = string("country.name_en", null=True)
    kind = choice(choices.SupportKind)
    what = string()
    asked_on = day()
    answered_on = day(null=True)
    outcome = choice(choices.RequestOutcome)


class PartnershipSerializer(EvidenceSerializer):
    organisation = string("organisation.slug")
    organisation_label = string("organisation.name")
    kind = choice(choices.OrganisationKind, "organisation.kind", blank=True)
    purpose = string()
    since_on = day()


class PolicyInstrumentSerializer(EvidenceSerializer):
    title = string()
    country = string("country.iso3", null=True)
    country_label = string("country.name_en", null=True)
    region = string()
    kind = choice(choices.InstrumentKind)
    action = choice(choices.InstrumentAction)
    dated_on = day()
    agenda_items = Links("agenda_items", "agenda_items__pk", numbers=True)
    agenda_item_labels = Links("agenda_items", "agenda_items__title")
    expertise_reflected = choice(choices.Reflected)
    expertise_note = string()


class FollowUpSerializer(EvidenceSerializer):
    what = string()
    who = string()
    owner = string("owner.slug", null=True)
    owner_label = string("owner.name", null=True)
    agreed_on = day()
    due_on = day(null=True)
    state = choice(choices.FollowUpState)
    led_to = string()
