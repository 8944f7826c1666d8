"""What every filter of lists shares, on pages and in the API.

A filter that names what is not there is an error at its field, never an empty list: who mistypes
a mechanism shall not conclude that nothing happened.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import django_filters as filters
from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field

from .choices import Confidence
from .period import Period, held_during, held_on

# Years that any database and calendar here can hold.
FIRST_YEAR, LAST_YEAR = 1900, 2200


@extend_schema_field(OpenApiTypes.STR)
class LinkFilter(filters.ModelChoiceFilter):
    """Rows linked to the record that a slug, code or key names.

    Kept versions (``as_of.rows_of``) hold no links of several: those are looked up as they are now.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault(
            "error_messages", {"invalid_choice": _("There is none called “%(value)s”.")}
        )
        super().__init__(*args, **kwargs)

    def filter(self, qs: QuerySet[Any], value: Any) -> QuerySet[Any]:
        return super().filter(qs, value) if value is None else linked(qs, self.field_name, value)


def linked(rows: QuerySet[Any], path: str | None, value: Any) -> QuerySet[Any]:
    """Those of ``rows``, or of kept versions of them, whose ``path`` leads to ``value``."""
    record = getattr(rows.model, "instance_type", None)
    first = str(path).partition("__")[0]
    if record is None or not record._meta.get_field(first).many_to_many:
        return rows.filter(**{str(path): value})
    now = record._default_manager.filter(**{str(path): value})
    return rows.filter(id__in=now.order_by().values("pk"))


class CodeFilter(filters.ChoiceFilter):
    """Rows with one of the codes that the field knows."""


@extend_schema_field(
    {"type": "integer", "minimum": FIRST_YEAR, "maximum": LAST_YEAR, "example": 2019}
)
class YearFilter(filters.NumberFilter):
    """Rows of a calendar year: by a year column, by the year of a date, or held in that year."""

    field_class = forms.IntegerField  # type: ignore[assignment]

    def __init__(self, *args: Any, of: str = "year", **kwargs: Any) -> None:
        """``of`` says what ``field_name`` holds: a ``year``, a ``date``, or ``held`` spans."""
        self.of = of
        super().__init__(*args, min_value=FIRST_YEAR, max_value=LAST_YEAR, **kwargs)

    def get_max_validator(self) -> None:
        """The bounds above are the field's own."""

    def filter(self, qs: QuerySet[Any], value: int | None) -> QuerySet[Any]:
        if value is None:
            return qs
        column = str(self.field_name)
        if self.of == "date":
            return qs.filter(Period.year(value).q(column))
        if self.of == "held":
            return qs.filter(held_during(Period.year(value)))
        return qs.filter(**{column: value})


@extend_schema_field(OpenApiTypes.INT64)
class IdFilter(filters.NumberFilter):
    """Rows linked to the record of that ``id``."""

    field_class = forms.IntegerField  # type: ignore[assignment]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, min_value=1, max_value=2**63 - 1, **kwargs)

    def get_max_validator(self) -> None:
        """The bounds above are the field's own."""

    def filter(self, qs: QuerySet[Any], value: int | None) -> QuerySet[Any]:
        return qs if value is None else linked(qs, self.field_name, value)


class FlagField(forms.TypedChoiceField):
    """``true`` or ``false``; anything else is an error, not "no filter"."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.pop("null_value", None)
        super().__init__(
            choices=[("true", "true"), ("false", "false")],
            coerce=lambda text: text == "true",
            empty_value=None,
            **kwargs,
        )


class FlagFilter(filters.BooleanFilter):
    field_class = FlagField  # type: ignore[assignment]


class HeldOnFilter(filters.DateFilter):
    """Rows held on a day, from a first to a last one, both included."""

    def filter(self, qs: QuerySet[Any], value: dt.date | None) -> QuerySet[Any]:
        return qs if value is None else qs.filter(held_on(value))


def since(column: str) -> filters.DateFilter:
    return filters.DateFilter(column, "gte", help_text=_("From this day on."))


def until(column: str) -> filters.DateFilter:
    return filters.DateFilter(column, "lte", help_text=_("Up to and with this day."))


class AskedFilter(filters.FilterSet):
    """The filters of a list of the API; one that narrows also when nothing is asked
    ``is_always_asked``."""

    is_always_asked = False


class RecordFilter(AskedFilter):
    """What may be asked of every record."""

    is_demo = FlagFilter("is_demo", help_text=_("true: invented ones; false: the real ones."))

    updated_since = filters.IsoDateTimeFilter(
        "updated_at",
        "gte",
        help_text=_("Written or changed at or after this moment."),
        error_messages={
            "invalid": _(
                "Give a moment as 2026-03-31T09:00:00Z; the plus of +00:00 comes as a space in an"
                " address that is not escaped."
            )
        },
    )


class SourcedFilter(RecordFilter):
    """The same of a record that says where it comes from."""

    confidence = CodeFilter(choices=Confidence.choices)
