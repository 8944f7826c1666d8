"""What lists of reports, indicators and recommendations can be asked for."""

from __future__ import annotations

from typing import Any

import django_filters as filters
from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from engagements.choices import EventKind
from engagements.filters import country_filter, iscm_filter, office_filter, theme_filter
from engagements.models import ISCM, AgendaItem, Theme
from iscm_portal.common.filters import (
    CodeFilter,
    IdFilter,
    LinkFilter,
    RecordFilter,
    YearFilter,
    since,
    until,
)

from . import choices
from .models import Indicator, Recommendation

OVERALL = "overall"


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


class IndicatorFilter(RecordFilter):
    state = CodeFilter(choices=choices.IndicatorState.choices)
    office = office_filter("owner")


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


class IndicatorValueFilter(filters.FilterSet):
    indicator = indicator_filter()
    year = YearFilter("year")
    iscm = CellFilter(
        queryset=ISCM.objects.all(),
        to_field_name="slug",
        help_text=_("Slug of a mechanism, or overall."),
    )
    status = CodeFilter(choices=choices.Status.choices)
    updated_since = filters.IsoDateTimeFilter(
        "compiled_at", "gte", help_text=_("Compiled at or after this moment.")
    )


class RecommendationFilter(RecordFilter):
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
