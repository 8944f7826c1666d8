"""The directory, events and evidence in the admin site."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.utils.translation import gettext_lazy as _

from iscm_portal.common.admin import DirectoryAdmin

from . import models


@admin.register(models.ISCM)
class ISCMAdmin(DirectoryAdmin):
    list_display = ["acronym", "type", "status", "year_established"]
    list_filter = ["type", "status"]
    search_fields = ["acronym", "name", "alt_names"]
    prepopulated_fields = {"slug": ["acronym"]}
    filter_horizontal = ["themes"]


@admin.register(models.IOMRole)
class IOMRoleAdmin(DirectoryAdmin):
    list_display = ["iscm", "role", "starts_on", "ends_on", "is_candidate", "confidence"]
    list_filter = ["role", "is_candidate"]
    list_select_related = ["iscm"]


@admin.register(models.Membership)
class MembershipAdmin(DirectoryAdmin):
    list_display = ["iscm", "party", "kind", "starts_on", "ends_on"]
    list_filter = ["kind", "iscm"]
    list_select_related = ["iscm", "country", "organisation"]
    autocomplete_fields = ["country", "organisation"]


@admin.register(models.Event)
class EventAdmin(DirectoryAdmin):
    list_display = ["name", "kind", "starts_on", "country", "is_proposed"]
    list_filter = ["is_proposed", "kind"]
    list_select_related = ["country"]
    search_fields = ["name"]
    autocomplete_fields = ["country"]


@admin.register(models.Country)
class CountryAdmin(DirectoryAdmin):
    list_display = ["name_en", "iso3", "region", "iom_status"]
    search_fields = ["name_en", "iso3"]


@admin.register(models.Organisation)
class OrganisationAdmin(DirectoryAdmin):
    list_display = ["name", "kind"]
    list_filter = ["kind"]
    search_fields = ["name"]


@admin.register(models.Office)
class OfficeAdmin(DirectoryAdmin):
    list_display = ["name", "kind", "parent"]
    list_filter = ["kind"]
    list_select_related = ["parent"]
    search_fields = ["name"]


@admin.register(models.User)
class PortalUserAdmin(DirectoryAdmin, UserAdmin):  # type: ignore[type-arg]
    right = "manage_users"
    list_display = ["username", "office", "access_group", "is_active"]
    list_select_related = ["office"]
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


for model in (
    models.AgendaItem,
    models.Chairmanship,
    models.Delegate,
    models.FollowUpAction,
    models.IOMPriority,
    models.Partnership,
    models.PolicyInstrument,
    models.ReferenceFrame,
    models.Secretariat,
    models.SourceNote,
    models.SupportRequest,
    models.Theme,
    models.WorkingGroup,
):
    admin.site.register(model, DirectoryAdmin)
