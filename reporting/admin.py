"""Indicators and recommendations in the admin site: IPD gives its responses here."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

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
    """To look at: a definition is written on its own page, which checks it and keeps versions."""

    list_display = ["title", "unit", "baseline", "target", "due_on", "state"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


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
