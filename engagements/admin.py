"""The directory, events and evidence in the admin site."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext_lazy as _

from iscm_portal.common import outbox
from iscm_portal.common.admin import DirectoryAdmin

from . import forms, models
from .services import delegations_follow, figures_follow


class CountedAdmin(DirectoryAdmin):
    """Records that figures are counted from: a change by hand asks for the figures anew.

    What an accepted report wrote is mended here, not deleted: the report says it happened. Whoever
    deletes says why: a figure that was published may be another one for it.
    """

    delete_confirmation_template = "admin/delete_with_reason.html"

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        of_a_report = getattr(obj, "report_number", None) is not None
        return not of_a_report and super().has_delete_permission(request, obj)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)  # it would pass by the rule above
        return actions

    # The admin saves in one transaction: the question for figures stands or falls with the change.

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        with figures_follow(obj):
            super().save_model(request, obj, form, change)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> Any:
        why = forms.WhyForm(request.POST or None)
        answer = {**(extra_context or {}), "why": why}
        if request.method == "POST" and not why.is_valid():
            request.POST = QueryDict()  # Django asks once more
        return super().delete_view(request, object_id, answer)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        obj._change_reason = request.POST["reason"]
        with figures_follow(obj):
            super().delete_model(request, obj)


class CuttingAdmin(DirectoryAdmin):
    """Records by which figures are cut: a change moves records of all years to other cells."""

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)  # it would ask for no figures
        return actions

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if form.has_changed():
            outbox.write("evidence_changed", {"whole": True})

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        super().delete_model(request, obj)
        outbox.write("evidence_changed", {"whole": True})


@admin.register(models.ISCM)
class ISCMAdmin(CuttingAdmin):
    list_display = ["acronym", "type", "status", "year_established"]
    list_filter = ["type", "status"]
    search_fields = ["acronym", "name", "alt_names"]
    prepopulated_fields = {"slug": ["acronym"]}
    filter_horizontal = ["themes"]


@admin.register(models.IOMRole)
class IOMRoleAdmin(DirectoryAdmin):
    list_display = ["iscm", "role", "starts_on", "ends_on", "is_candidate", "confidence"]
    list_filter = ["role", "is_candidate"]


@admin.register(models.Membership)
class MembershipAdmin(CuttingAdmin):
    list_display = ["iscm", "party", "kind", "starts_on", "ends_on"]
    list_filter = ["kind", "iscm"]
    autocomplete_fields = ["country", "organisation"]


class DelegateInline(admin.TabularInline):  # type: ignore[type-arg]
    """Who took part for IOM. What an accepted report wrote is mended there."""

    model = models.Delegate
    fields = ["office", "title", "capacity"]
    extra = 0

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).filter(report_number__isnull=True)


@admin.register(models.Event)
class EventAdmin(CountedAdmin):
    form = forms.EventForm
    inlines = [DelegateInline]
    list_display = ["name", "kind", "starts_on", "country", "is_proposed"]
    list_filter = ["is_proposed", "kind"]
    search_fields = ["name"]
    autocomplete_fields = ["country"]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        delegations_follow()


@admin.register(models.Country)
class CountryAdmin(CuttingAdmin):
    list_display = ["name_en", "iso3", "region", "iom_status"]
    search_fields = ["name_en", "iso3"]


@admin.register(models.Organisation)
class OrganisationAdmin(CuttingAdmin):
    list_display = ["name", "kind"]
    list_filter = ["kind"]
    search_fields = ["name"]


@admin.register(models.Office)
class OfficeAdmin(CuttingAdmin):
    list_display = ["name", "kind", "parent"]
    list_filter = ["kind"]
    search_fields = ["name"]


@admin.register(models.User)
class PortalUserAdmin(DirectoryAdmin, UserAdmin):  # type: ignore[type-arg]
    right = "manage_users"
    list_display = ["username", "office", "access_group", "is_active"]
    list_filter = ["access_group", "is_active"]
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        (_("Person"), {"fields": ["first_name", "last_name", "email"]}),
        (_("Access"), {"fields": ["office", "access_group", "is_active", "is_staff"]}),
    ]
    add_fieldsets = [
        (
            None,
            {
                "fields": [
                    "username",
                    "office",
                    "access_group",
                    "usable_password",
                    "password1",
                    "password2",
                ]
            },
        )
    ]


@admin.register(models.Objective)
class ObjectiveAdmin(DirectoryAdmin):
    list_display = ["title", "iscm", "horizon_year", "is_proposed"]
    list_filter = ["is_proposed", "iscm"]
    search_fields = ["title"]


@admin.register(models.ReferenceFrame)
class ReferenceFrameAdmin(DirectoryAdmin):
    """The themes of a goal say which mechanisms' work is related to it."""

    list_display = ["kind", "code", "title"]
    list_display_links = ["title"]
    list_filter = ["kind"]
    filter_horizontal = ["themes"]


for model in (
    models.Chairmanship,
    models.IOMPriority,
    models.Secretariat,
    models.SourceNote,
    models.WorkingGroup,
):
    admin.site.register(model, DirectoryAdmin)


admin.site.register(models.Theme, CuttingAdmin)


@admin.register(models.SupportRequest)
class SupportRequestAdmin(CountedAdmin):
    form = forms.SupportRequestForm


@admin.register(models.Partnership)
class PartnershipAdmin(CountedAdmin):
    form = forms.PartnershipForm


@admin.register(models.PolicyInstrument)
class PolicyInstrumentAdmin(CountedAdmin):
    form = forms.PolicyInstrumentForm


@admin.register(models.FollowUpAction)
class FollowUpActionAdmin(CountedAdmin):
    form = forms.FollowUpForm


@admin.register(models.AgendaItem, models.Delegate)
class OfEventAdmin(CountedAdmin):
    autocomplete_fields = ["event"]
