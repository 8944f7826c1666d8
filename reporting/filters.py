"""What lists of reports, indicators and recommendations can be asked for."""

from __future__ import annotations

from typing import Any

import django_filters as filters
from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from engagements.choices import EventKind
from engagements.filters import (
    country_filter,
    frame_filter,
    iscm_filter,
    office_filter,
    theme_filter,
)
from engagements.models import ISCM, AgendaItem, Objective, Theme
from iscm_portal.common.filters import (
    AskedFilter,
    CodeFilter,
    IdFilter,
    LinkFilter,
    RecordFilter,
    SourcedFilter,
    YearFilter,
    since,
    until,
)

from . import choices
from .models import CompileRun, Indicator, Recommendation, Release

OVERALL = "overall"
DIMENSIONS = [
    (name, name)
    for name in ("type", "theme", "region", "country", "kind", "event_kind", "office", "source")
]


def indicator_filter(field: str = "indicator") -> LinkFilter:
    return LinkFilter(
        field_name=field,
        queryset=Indicator.objects.all(),
        to_field_name="key",
        help_text=_("Key of an indicator."),
    )


class ReportFilter(RecordFilter):
    iscm = iscm_filter("event__iscms")
    event = IdFilter("event")
    kind = CodeFilter("event__kind", choices=EventKind.choices)
    year = YearFilter("event__year", help_text=_("Year of the event."))
    office = office_filter()
    country = country_filter("event__country")
    theme = theme_filter(method="of_theme")
    frame = frame_filter("frames")
    since = since("event__sorted_on")
    until = until("event__sorted_on")

    def of_theme(self, rows: QuerySet[Any], name: str, value: Theme) -> QuerySet[Any]:
        """Reports on events with the theme on their agenda."""
        return rows.filter(event__in=AgendaItem.objects.filter(theme=value).values("event"))


class DutyFilter(RecordFilter):
    iscm = iscm_filter("event__iscms")
    event = IdFilter("event")
    office = office_filter()
    state = CodeFilter(choices=choices.DutyState.choices)
    answer = CodeFilter(choices=choices.DutyAnswer.choices)
    year = YearFilter("due_on__year", help_text=_("Year in which it is due."))
    since = since("due_on")
    until = until("due_on")


class LessonFilter(RecordFilter):
    kind = CodeFilter(choices=choices.LessonKind.choices)
    report = IdFilter("report")
    event = IdFilter("report__event")
    iscm = iscm_filter("report__event__iscms")
    office = office_filter("report__office")
    country = country_filter("report__event__country")
    theme = theme_filter(method="of_theme")
    year = YearFilter("report__event__year", help_text=_("Year of the event."))
    since = since("report__event__sorted_on")
    until = until("report__event__sorted_on")

    def of_theme(self, rows: QuerySet[Any], name: str, value: Theme) -> QuerySet[Any]:
        """Lessons of events with the theme on their agenda."""
        return rows.filter(report__event__in=AgendaItem.objects.filter(theme=value).values("event"))


class IndicatorFilter(SourcedFilter):
    state = CodeFilter(choices=choices.IndicatorState.choices)
    direction = CodeFilter(choices=choices.Direction.choices)
    office = office_filter("owner")
    objective = LinkFilter(
        queryset=Objective.objects.all(),
        to_field_name="code",
        help_text=_("Code of an objective."),
    )
    frame = frame_filter("relevant_to")


class CellField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """The slug of a mechanism, or ``overall``."""

    def to_python(self, value: Any) -> Any:
        return value if value == OVERALL else super().to_python(value)


class CellFilter(LinkFilter):
    """The values of a mechanism, or with ``overall`` those of everything."""

    field_class = CellField  # type: ignore[assignment]

    def filter(self, qs: QuerySet[Any], value: Any) -> QuerySet[Any]:
        if value == OVERALL:
            return qs.filter(cell=OVERALL)
        return super().filter(qs, value)


class IndicatorValueFilter(AskedFilter):
    """Without ``period`` the values of years; without ``dimension`` those of nothing but a
    mechanism or of everything."""

    is_always_asked = True

    indicator = indicator_filter()
    period = CodeFilter(choices=choices.PeriodKind.choices, help_text=_("Left out: year."))
    quarter = filters.NumberFilter(
        "part",
        min_value=1,
        max_value=4,
        help_text=_("The quarter, or the last one of twelve months."),
    )
    dimension = CodeFilter(
        choices=DIMENSIONS, help_text=_("What the values are cut by, besides the mechanism.")
    )
    dimension_value = filters.CharFilter(max_length=60, help_text=_("A code of the dimension."))
    year = YearFilter("year")
    iscm = CellFilter(
        queryset=ISCM.objects.all(),
        to_field_name="slug",
        help_text=_("Slug of a mechanism, or overall."),
    )
    status = CodeFilter(choices=choices.Status.choices)
    release = IdFilter(
        method="of_now", help_text=_("The id of a release: the values as that year was closed.")
    )
    updated_since = filters.IsoDateTimeFilter(
        "compiled_at", "gte", help_text=_("Changed at or after this moment.")
    )

    def of_now(self, rows: QuerySet[Any], name: str, value: Any) -> QuerySet[Any]:
        """With a release named ``ReleasedValueFilter`` is asked instead."""
        return rows

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        found = super().filter_queryset(queryset)
        if not self.form.cleaned_data.get("period"):
            found = found.filter(period=choices.PeriodKind.YEAR)
        if not self.form.cleaned_data.get("dimension"):
            found = found.filter(dimension="")
        return found


class ReleasedValueFilter(IndicatorValueFilter):
    """The same of the values of a release, which are of a year."""

    indicator = indicator_filter("indicator__indicator")
    release = LinkFilter(queryset=Release.objects.all())  # type: ignore[assignment]


class CompileRunFilter(AskedFilter):
    state = CodeFilter(choices=CompileRun.State.choices)
    scope = CodeFilter(choices=CompileRun.Scope.choices)
    since = since("published_at__date")
    until = until("published_at__date")


class ReleaseFilter(AskedFilter):
    year = YearFilter("year")


class RecommendationFilter(SourcedFilter):
    number = IdFilter("number")
    criterion = CodeFilter(choices=Recommendation.Criterion.choices)
    state = CodeFilter(choices=Recommendation.State.choices)
    office = office_filter("owner")
    indicator = indicator_filter("indicators")


class SurveyFilter(RecordFilter):
    use = CodeFilter(choices=choices.SurveyUse.choices)
    state = CodeFilter(choices=choices.SurveyState.choices)
    iscm = iscm_filter()
    event = IdFilter("event")
    year = YearFilter("closes_on__year", help_text=_("Year of its last day."))
    since = since("closes_on")
    until = until("closes_on")
