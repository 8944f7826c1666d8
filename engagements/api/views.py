"""Endpoints of the directory, of events and of evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django import forms as django_forms
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from iscm_portal.common.api import RecordViewSet
from iscm_portal.common.api_bodies import RowList, by_public_keys
from iscm_portal.common.api_writes import WritableViewSet
from iscm_portal.common.choices import Scope
from iscm_portal.common.history import REASON_LENGTH
from iscm_portal.common.records import fields_of

from .. import filters, forms, models, services
from ..models.base import FromReport
from ..permissions import may_edit_records, may_propose_event
from ..selectors import version_of
from . import serializers


class DirectoryViewSet(RecordViewSet):
    """Records as they are, or as they were on record on a past day."""

    scope = Scope.READ_DIRECTORY
    is_kept = True

    def get_queryset(self) -> QuerySet[Any]:
        """What a correction took out of a report stays out, of past days too: it may be why
        somebody corrected it that all could read it."""
        rows: QuerySet[Any] = super().get_queryset()
        model = self.queryset.model
        if self.known_by is None or not issubclass(model, FromReport):
            return rows
        still_there = Exists(model._default_manager.filter(pk=OuterRef("id")))
        return rows.filter(Q(report_number=None) | Q(still_there))


class EditedViewSet(DirectoryViewSet, WritableViewSet):
    """Records that whoever may edit them in the admin site may write, by the same form; the
    figures follow. `reason` may say why one changes."""

    write_scope = Scope.WRITE_REPORTS
    form_class: ClassVar[type[django_forms.ModelForm[Any]]]

    def form_for(self, data: dict[str, Any] | None, instance: Any) -> Any:
        if not may_edit_records(self.request.user):
            raise PermissionDenied
        if instance is None:
            return self.form_class(data, instance=self.queryset.model())
        form = self.form_class(data, instance=instance)
        form.fields["reason"] = django_forms.CharField(required=False, max_length=REASON_LENGTH)
        return form

    def described_form(self) -> Any:
        return self.form_class(instance=self.queryset.model())

    def save(self, form: Any, version: str | None, lists: Mapping[str, Any]) -> Any:
        reason = form.cleaned_data.pop("reason", "")
        return services.save_edited(form, self.request.user, reason, version)

    def remove(self, record: Any, reason: str, version: str) -> None:
        if not may_edit_records(self.request.user):
            raise PermissionDenied
        services.delete_edited(record, self.request.user, reason, version)

    def version_of(self, record: Any) -> str:
        return version_of(record)


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


class EventViewSet(EditedViewSet):
    """Meetings, the newest first, with IOM's delegation.

    Who may not edit events, but file reports, may put one on record that has begun: it is marked
    as proposed until IPD confirms it. Sent again (name, days and kind), it is the one that is
    there.
    """

    queryset = models.Event.objects.all()
    serializer_class = serializers.EventSerializer
    filterset_class = filters.EventFilter
    form_class = forms.EventForm
    also_reads = (models.AgendaItem,)
    ordering = ("-sorted_on", "-id")
    public_key = "code"

    @property
    def only_proposes(self) -> bool:
        user = self.request.user
        return may_propose_event(user) and not may_edit_records(user)

    def form_for(self, data: dict[str, Any] | None, instance: Any) -> Any:
        if instance is None and self.only_proposes:
            return forms.ProposedEventForm(data, today=timezone.localdate())
        return super().form_for(data, instance)

    def lists_of(self, record: Any) -> Mapping[str, RowList]:
        """The delegation. Without `id` a row is a new one; who is not in the list is taken away,
        but for those that an accepted report wrote."""
        # Without a request it is described.
        if record is None and self.request is not None and self.only_proposes:
            return {}
        shown = frozenset(fields_of(serializers.DelegateSerializer))

        def bind(rows: Sequence[Mapping[str, Any]]) -> forms.Delegation:
            found = forms.Delegation(record, rows)
            for form in found.forms:
                by_public_keys(form, serializers.DelegateSerializer)
            return found

        row = forms.DelegateForm()
        by_public_keys(row, serializers.DelegateSerializer)
        return {"delegation": RowList(row, ("id",), shown, bind)}

    def save(self, form: Any, version: str | None, lists: Mapping[str, Any]) -> Any:
        if isinstance(form, forms.ProposedEventForm):
            proposed = form.save(commit=False)
            return services.propose_event(proposed, form.cleaned_data["iscms"])
        event = super().save(form, version, lists)
        if delegation := lists.get("delegation"):
            user = self.request.user
            services.change_delegation(event, delegation.changed, delegation.gone, user)
        return event


class AgendaItemViewSet(EditedViewSet):
    """Points of agendas, with the theme and the IOM priority they carry."""

    queryset = models.AgendaItem.objects.all()
    serializer_class = serializers.AgendaItemSerializer
    filterset_class = filters.AgendaItemFilter
    form_class = forms.AgendaItemForm


class SupportRequestViewSet(EditedViewSet):
    """What Member States asked of IOM."""

    queryset = models.SupportRequest.objects.all()
    serializer_class = serializers.SupportRequestSerializer
    filterset_class = filters.SupportRequestFilter
    form_class = forms.SupportRequestForm


class PartnershipViewSet(EditedViewSet):
    """Partnerships that began."""

    queryset = models.Partnership.objects.all()
    serializer_class = serializers.PartnershipSerializer
    filterset_class = filters.PartnershipFilter
    form_class = forms.PartnershipForm


class PolicyInstrumentViewSet(EditedViewSet):
    """Laws, policies and strategies passed or amended."""

    queryset = models.PolicyInstrument.objects.all()
    serializer_class = serializers.PolicyInstrumentSerializer
    filterset_class = filters.PolicyInstrumentFilter
    form_class = forms.PolicyInstrumentForm


class FollowUpViewSet(EditedViewSet):
    """What is to be done after events."""

    queryset = models.FollowUpAction.objects.all()
    serializer_class = serializers.FollowUpSerializer
    filterset_class = filters.FollowUpFilter
    form_class = forms.FollowUpForm
