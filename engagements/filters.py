"""What lists of the directory, of events and of evidence can be asked for."""

from __future__ import annotations

from typing import Any

import django_filters as filters
from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from iscm_portal.common.choices import DatePrecision
from iscm_portal.common.filters import (
    CodeFilter,
    FlagFilter,
    HeldOnFilter,
    IdFilter,
    LinkFilter,
    RecordFilter,
    SourcedFilter,
    YearFilter,
    since,
    until,
)

from . import choices
from .models import (
    ISCM,
    AgendaItem,
    Country,
    Membership,
    Office,
    Organisation,
    ReferenceFrame,
    Theme,
)
from .querysets import EventQuerySet, IOMRoleQuerySet

ROLE_GROUPS = [(group, group) for group in choices.ROLE_GROUPS]


def iscm_filter(field: str = "iscm", **kwargs: Any) -> LinkFilter:
    return LinkFilter(
        field_name=field,
        queryset=ISCM.objects.all(),
        to_field_name="slug",
        help_text=_("Slug of a mechanism."),
        **kwargs,
    )


def office_filter(field: str = "office", **kwargs: Any) -> LinkFilter:
    return LinkFilter(
        field_name=field,
        queryset=Office.objects.all(),
        to_field_name="slug",
        help_text=_("Slug of an office."),
        **kwargs,
    )


def country_filter(field: str = "country", **kwargs: Any) -> LinkFilter:
    return LinkFilter(
        field_name=field,
        queryset=Country.objects.all(),
        to_field_name="iso3",
        help_text=_("ISO 3166 code of three letters."),
        **kwargs,
    )


def theme_filter(field: str = "theme", **kwargs: Any) -> LinkFilter:
    return LinkFilter(
        field_name=field,
        queryset=Theme.objects.all(),
        to_field_name="code",
        help_text=_("Code of a theme."),
        **kwargs,
    )


def organisation_filter(field: str = "organisation", **kwargs: Any) -> LinkFilter:
    return LinkFilter(
        field_name=field,
        queryset=Organisation.objects.all(),
        to_field_name="slug",
        help_text=_("Slug of an organisation."),
        **kwargs,
    )


class FrameField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """A goal as records name it: ``kind:code``."""

    def to_python(self, value: Any) -> Any:
        kind, _colon, code = str(value or "").partition(":")
        if not value:
            return None
        rows: Any = self.queryset
        found = None if "\0" in value else rows.filter(kind=kind, code=code).first()
        if found is None:
            raise forms.ValidationError(
                self.error_messages["invalid_choice"], "invalid_choice", {"value": value}
            )
        return found


class FrameFilter(LinkFilter):
    field_class = FrameField  # type: ignore[assignment]


def frame_filter(field: str) -> FrameFilter:
    return FrameFilter(
        field_name=field,
        queryset=ReferenceFrame.objects.all(),
        help_text=_("A goal as kind:code."),
    )


class HeldFilter(SourcedFilter):
    """What may be asked of all that is held from a first to a last day."""

    on = HeldOnFilter(help_text=_("Held on this day."))
    year = YearFilter(of="held", help_text=_("Held in this year."))
    starts_precision = CodeFilter(choices=DatePrecision.choices)
    ends_precision = CodeFilter(choices=DatePrecision.choices)


class ISCMFilter(SourcedFilter):
    type = CodeFilter(choices=choices.ISCMType.choices)
    status = CodeFilter(choices=choices.ISCMStatus.choices)
    theme = theme_filter("themes")
    country = country_filter(method="of_country")
    office = office_filter("focal_offices")
    has_private_sector_group = FlagFilter("has_private_sector_group")
    works_with_private_sector = FlagFilter("works_with_private_sector")
    is_self_financing = FlagFilter("is_self_financing")

    def of_country(self, rows: QuerySet[Any], name: str, value: Country) -> QuerySet[Any]:
        """Mechanisms in which the country is or was member or observer."""
        return rows.filter(id__in=Membership.objects.filter(country=value).values("iscm"))


class IOMRoleFilter(HeldFilter):
    is_always_asked = True

    iscm = iscm_filter()
    type = CodeFilter("iscm__type", choices=choices.ISCMType.choices)
    role = CodeFilter(choices=choices.RoleKind.choices)
    group = CodeFilter(
        method="in_group",
        choices=ROLE_GROUPS,
        help_text=_("Roles as the evaluation groups them."),
    )
    office = office_filter("lead_office")
    starts_assumed = FlagFilter("starts_assumed")
    is_candidate = FlagFilter(
        method="candidates",
        help_text=_("true: the roles that a source hints at; they are left out otherwise."),
    )

    def in_group(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(role__in=choices.ROLE_GROUPS[value])

    def candidates(self, rows: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        return rows.filter(is_candidate=value)

    @property
    def qs(self) -> QuerySet[Any]:
        """A candidate counts nowhere until confirmed, so it is shown only when asked for."""
        rows: IOMRoleQuerySet = super().qs  # type: ignore[assignment]
        return rows if self.form.cleaned_data.get("is_candidate") else rows.confirmed()


class MembershipFilter(HeldFilter):
    iscm = iscm_filter()
    kind = CodeFilter(choices=choices.MembershipKind.choices)
    country = country_filter()
    organisation = organisation_filter()


class CountryFilter(SourcedFilter):
    region = filters.CharFilter("region", help_text=_("UN M49 region."))
    subregion = filters.CharFilter("subregion", help_text=_("UN M49 subregion."))
    iom_status = CodeFilter(choices=Country.IOMStatus.choices)


class OrganisationFilter(SourcedFilter):
    kind = CodeFilter(choices=choices.OrganisationKind.choices)


class OfficeFilter(SourcedFilter):
    kind = CodeFilter(choices=choices.OfficeKind.choices)
    country = country_filter()
    iscm = iscm_filter("focal_for")
    parent = office_filter("parent")


class ThemeFilter(RecordFilter):
    iscm = iscm_filter("iscms")


class EventFilter(SourcedFilter):
    iscm = iscm_filter("iscms")
    kind = CodeFilter(choices=choices.EventKind.choices)
    year = YearFilter("year")
    country = country_filter()
    office = office_filter(method="of_office")
    theme = theme_filter(method="of_theme")
    since = since("sorted_on")
    until = until("sorted_on")
    is_proposed = FlagFilter("is_proposed")
    date_precision = CodeFilter(choices=DatePrecision.choices)
    iom_capacity = CodeFilter(choices=choices.Capacity.choices)

    def of_office(self, rows: EventQuerySet, name: str, value: Office) -> QuerySet[Any]:
        return rows.with_delegation_of(value.pk)

    def of_theme(self, rows: QuerySet[Any], name: str, value: Theme) -> QuerySet[Any]:
        return rows.filter(id__in=AgendaItem.objects.filter(theme=value).values("event"))


class AgendaItemFilter(RecordFilter):
    event = IdFilter("event")
    iscm = iscm_filter("event__iscms")
    theme = theme_filter()
    year = YearFilter("event__year")
    report = IdFilter("report_number")
    proposed_by_iom = FlagFilter("proposed_by_iom")
    priority = IdFilter("priority")


class EvidenceFilter(SourcedFilter):
    """What may be asked of all evidence; ``since`` and ``until`` go by the date that counts."""

    iscm = iscm_filter()
    event = IdFilter("event")
    office = office_filter()
    report = IdFilter("report_number")
    theme = theme_filter("iscm__themes")


class SupportRequestFilter(EvidenceFilter):
    kind = CodeFilter(choices=choices.SupportKind.choices)
    country = country_filter()
    outcome = CodeFilter(choices=choices.RequestOutcome.choices)
    year = YearFilter("asked_on", of="date")
    since = since("asked_on")
    until = until("asked_on")


class PartnershipFilter(EvidenceFilter):
    kind = CodeFilter("organisation__kind", choices=choices.OrganisationKind.choices)
    organisation = organisation_filter()
    year = YearFilter("since_on", of="date")
    since = since("since_on")
    until = until("since_on")


class PolicyInstrumentFilter(EvidenceFilter):
    kind = CodeFilter(choices=choices.InstrumentKind.choices)
    action = CodeFilter(choices=choices.InstrumentAction.choices)
    country = country_filter()
    agenda_item = IdFilter("agenda_items")
    expertise_reflected = CodeFilter(choices=choices.Reflected.choices)
    year = YearFilter("dated_on", of="date")
    since = since("dated_on")
    until = until("dated_on")


class FollowUpFilter(EvidenceFilter):
    state = CodeFilter(choices=choices.FollowUpState.choices)
    owner = office_filter("owner")
    year = YearFilter("agreed_on", of="date")
    since = since("agreed_on")
    until = until("agreed_on")
