"""Indicators and recommendations in the admin site: IPD sets targets and responses here."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from iscm_portal.common import outbox
from iscm_portal.common.admin import DirectoryAdmin, ReadOnlyAdmin

from .models import Indicator, NoticeRule, Recommendation, Survey


class FixedListAdmin(DirectoryAdmin):
    """A list that code and the evaluation fix: its rows are mended, none is added or deleted."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Indicator)
class IndicatorAdmin(FixedListAdmin):
    list_display = ["title", "unit", "baseline", "target", "due_on", "state"]
    readonly_fields = ["key", "number", "unit"]
    filter_horizontal = ["relevant_to"]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        # Thresholds colour values that are worked out already.
        years = sorted(set(obj.values.values_list("year", flat=True)))
        outbox.write("evidence_changed", {"years": years})


@admin.register(Recommendation)
class RecommendationAdmin(FixedListAdmin):
    list_display = ["number", "title", "state", "owner", "due_on"]
    list_display_links = ["title"]
    readonly_fields = ["number", "criterion", "title", "text", "strength", "addressees", "source"]
    filter_horizontal = ["indicators"]


@admin.register(NoticeRule)
class NoticeRuleAdmin(DirectoryAdmin):
    """A rule is switched off, not deleted: notices name the rule they were made by."""

    list_display = ["stage", "clock", "day", "repeat_days", "audience", "is_active"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Survey)
class SurveyAdmin(ReadOnlyAdmin):
    """Surveys are made on their own pages; here they are looked up. Answers are nowhere here."""

    list_display = ["title", "use", "state", "opens_on", "closes_on"]
    list_filter = ["use", "state"]
