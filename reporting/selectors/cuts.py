"""How the cells of compiled values are cut and named, and where their records are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from engagements.choices import EventKind, InstrumentKind, OrganisationKind, SupportKind
from engagements.models import ISCM, Country

from ..choices import PeriodKind
from ..models import Indicator, IndicatorValue, PublishedValue
from .resources import labels_of

# What values can be cut by, besides the mechanism.
DIMENSIONS = ("type", "theme", "region", "office", "country", "kind", "event_kind", "source")
CUTS = ("iscm", *DIMENSIONS)

Value = IndicatorValue | PublishedValue


def last_day_of(period: str, year: int, part: int) -> dt.date:
    return PeriodKind(period).days(year, part).end - dt.timedelta(days=1)


def span_label(period: str, year: int, part: int) -> str:
    """A span in words: "2026", "2026, second quarter", "twelve months to June 2026"."""
    if period == PeriodKind.YEAR:
        return str(year)
    quarter = [
        (_("first quarter"), _("March")),
        (_("second quarter"), _("June")),
        (_("third quarter"), _("September")),
        (_("fourth quarter"), _("December")),
    ][part - 1]
    if period == PeriodKind.QUARTER:
        return f"{year}, {quarter[0]}"
    return _("twelve months to %(month)s %(year)s") % {"month": quarter[1], "year": year}


def short_label(period: str, year: int, part: int) -> str:
    return str(year) if period == PeriodKind.YEAR else f"{year} Q{part}"


def cut_of(values: Any, dimension: str, iscm: ISCM | None) -> Any:
    """The values by mechanism, or by a dimension (of one mechanism, or over all); without those of
    answers that are too few to show."""
    values = values.listed()
    if values.model is PublishedValue:  # kept of whole mechanisms only
        return values.filter(iscm__isnull=False).select_related("iscm")
    if dimension == "iscm":
        return values.by_iscm().select_related("iscm")
    return values.filter(dimension=dimension, iscm=iscm).select_related("iscm")


def dimension_label(dimension: str) -> str:
    return {
        "iscm": _("Mechanism"),
        "type": _("Kind of mechanism"),
        "theme": _("Theme"),
        "region": _("Region"),
        "office": _("Office"),
        "country": _("State"),
        "kind": _("Kind"),
        "event_kind": _("Kind of event"),
        "source": _("Source of funds"),
    }[dimension]


def words_of(dimension: str) -> dict[str, Any]:
    """The words for the values of a dimension."""
    if dimension == "country":
        return dict(Country.objects.values_list("iso3", "name_en"))
    if dimension == "event_kind":
        return dict(EventKind.choices)
    if dimension == "kind":
        kinds: Iterable[Any] = (OrganisationKind, InstrumentKind, SupportKind)
        return {code: word for kind in kinds for code, word in kind.choices}
    return labels_of(dimension)


def word_of_value(words: dict[str, Any], code: str) -> str:
    return str(words.get(code, code)) if code else _("Of none, or not known")


def records_address(indicator: Indicator, value: Value | None) -> str:
    """Where the records of a value are; nowhere for one that nothing was counted in, and for what
    stood on a past day."""
    if not isinstance(value, IndicatorValue) or not value.n:
        return ""
    asked: dict[str, Any] = {"year": value.year}
    if value.period != PeriodKind.YEAR:
        asked |= {"period": value.period, "quarter": value.part}
    if value.iscm is not None:
        asked["iscm"] = value.iscm.slug
    if value.dimension:
        asked |= {"dimension": value.dimension, "value": value.dimension_value}
    return f"{reverse('indicator_records', args=[indicator.key])}?{urlencode(asked)}"
