"""Endpoints of the directory, of events and of evidence."""

from __future__ import annotations

from iscm_portal.common.api import RecordViewSet
from iscm_portal.common.choices import Scope

from .. import filters, models
from . import serializers


class DirectoryViewSet(RecordViewSet):
    """Records as they are, or as they were on record on a past day."""

    scope = Scope.READ_DIRECTORY
    is_kept = True


class ISCMViewSet(DirectoryViewSet):
    """The mechanisms."""

    queryset = models.ISCM.objects.all()
    serializer_class = serializers.ISCMSerializer
    filterset_class = filters.ISCMFilter
    also_reads = (models.Membership,)
    public_key = "slug"


class IOMRoleViewSet(DirectoryViewSet):
    """IOM's roles in the mechanisms; with `on=` those held on a day."""

    queryset = models.IOMRole.objects.all()
    serializer_class = serializers.IOMRoleSerializer
    filterset_class = filters.IOMRoleFilter


class MembershipViewSet(DirectoryViewSet):
    """Members and observers of the mechanisms."""

    queryset = models.Membership.objects.all()
    serializer_class = serializers.MembershipSerializer
    filterset_class = filters.MembershipFilter


class CountryViewSet(DirectoryViewSet):
    """States and territories of ISO 3166. Listing one says nothing about its status."""

    queryset = models.Country.objects.all()
    serializer_class = serializers.CountrySerializer
    filterset_class = filters.CountryFilter
    public_key = "iso3"


class OrganisationViewSet(DirectoryViewSet):
    """Partners, donors and secretariats."""

    queryset = models.Organisation.objects.all()
    serializer_class = serializers.OrganisationSerializer
    filterset_class = filters.OrganisationFilter
    public_key = "slug"


class OfficeViewSet(DirectoryViewSet):
    """IOM's offices and units, and what it hosts."""

    queryset = models.Office.objects.all()
    serializer_class = serializers.OfficeSerializer
    filterset_class = filters.OfficeFilter
    public_key = "slug"


class ThemeViewSet(DirectoryViewSet):
    """Thematic areas."""

    queryset = models.Theme.objects.all()
    serializer_class = serializers.ThemeSerializer
    filterset_class = filters.ThemeFilter
    public_key = "code"


class EventViewSet(DirectoryViewSet):
    """Meetings, the newest first, with IOM's delegation."""

    queryset = models.Event.objects.all()
    serializer_class = serializers.EventSerializer
    filterset_class = filters.EventFilter
    also_reads = (models.AgendaItem,)
    ordering = ("-sorted_on", "-id")
    public_key = "code"


class AgendaItemViewSet(DirectoryViewSet):
    """Points of agendas, with the theme and the IOM priority they carry."""

    queryset = models.AgendaItem.objects.all()
    serializer_class = serializers.AgendaItemSerializer
    filterset_class = filters.AgendaItemFilter


class SupportRequestViewSet(DirectoryViewSet):
    """What Member States asked of IOM."""

    queryset = models.SupportRequest.objects.all()
    serializer_class = serializers.SupportRequestSerializer
    filterset_class = filters.SupportRequestFilter


class PartnershipViewSet(DirectoryViewSet):
    """Partnerships that began."""

    queryset = models.Partnership.objects.all()
    serializer_class = serializers.PartnershipSerializer
    filterset_class = filters.PartnershipFilter


class PolicyInstrumentViewSet(DirectoryViewSet):
    """Laws, policies and strategies passed or amended."""

    queryset = models.PolicyInstrument.objects.all()
    serializer_class = serializers.PolicyInstrumentSerializer
    filterset_class = filters.PolicyInstrumentFilter


class FollowUpViewSet(DirectoryViewSet):
    """What is to be done after events."""

    queryset = models.FollowUpAction.objects.all()
    serializer_class = serializers.FollowUpSerializer
    filterset_class = filters.FollowUpFilter
