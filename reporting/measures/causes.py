"""What moved a value of a closed year: the versions that its records got since.

A cell's records are those that it is counted from now and those that it was counted from when the
year was closed; the latter were noted then, and their versions of that moment say which of them
were in the cell.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, F, Max, Model, OuterRef, Q, QuerySet, Subquery

from engagements.models import AgendaItem, Delegate, Event
from finance.models import (
    Attribution,
    FundingLine,
    Position,
    PositionShare,
    StandardCost,
    TimeEntry,
)
from finance.selectors.investment import NONE, investment_records
from iscm_portal.common.access import Reader
from iscm_portal.common.as_of import rows_of
from iscm_portal.common.period import Period
from iscm_portal.common.querysets import PortalQuerySet

from ..choices import SurveyState
from ..models import ReleasedIndicator, Survey
from . import MEASURES
from .base import Measure

# What belongs to a record and moves what is counted of it: kind -> model, column of the record.
BELONGS: dict[str, tuple[type[Model], type[Model], str]] = {
    "agendaitem": (AgendaItem, Event, "event_id"),
    "delegate": (Delegate, Event, "event_id"),
    "positionshare": (PositionShare, Position, "position_id"),
}
MONEY: dict[type[Model], str] = {
    FundingLine: "funding_lines",
    Attribution: "attributions",
    Position: "positions",
    TimeEntry: "time_entries",
}
Versions = tuple[type[Model], QuerySet[Any]]


def versions_since(
    indicator: ReleasedIndicator, place: dict[str, str | None], user: Reader
) -> list[Versions]:
    """The versions that records of a cell got since its year was closed, as far as ``user`` may
    read them, kind by kind: each with ``at``, ``number`` and ``before``, the version before it.

    Only of a cell that is shown: of answers the list would tell who is in it.
    """
    measure = MEASURES.get(indicator.key)
    if measure is None:
        return []
    if measure.least_n:
        return _surveys_since(measure, indicator, place, user)
    period = Period.year(indicator.release.year)
    found: list[Versions] = []
    for _label, now in measure.record_sets(period, **place):
        model = now.model
        of_cell = Q(id__in=now.order_by().values("pk"))
        of_cell |= Q(id__in=_then(measure, indicator, model, place, period))
        found.append((model, _since(model, of_cell, indicator, user)))
        for kind, (other, of, column) in BELONGS.items():
            if of is model and kind in measure.moved_by:
                ids = model.history.filter(of_cell).values("id")  # type: ignore[attr-defined]
                belongs = Q(**{f"{column}__in": ids})
                found.append((other, _since(other, belongs, indicator, user)))
    if "standardcost" in measure.moved_by:
        rates = Q(year=indicator.release.year)
        found.append((StandardCost, _since(StandardCost, rates, indicator, user)))
    return found


def _surveys_since(
    measure: Measure, indicator: ReleasedIndicator, place: dict[str, str | None], user: Reader
) -> list[Versions]:
    """Of answers the surveys that were closed since: a version of one would tell what it says."""
    answers = measure.records(Period.year(indicator.release.year), **place)
    of_cell = Q(id__in=answers.order_by().values("survey"), state=SurveyState.CLOSED)
    return [(Survey, _since(Survey, of_cell, indicator, user))]


def _since(
    model: type[Model], which: Q, indicator: ReleasedIndicator, user: Reader
) -> QuerySet[Any]:
    versions = model.history.model  # type: ignore[attr-defined]
    rows = type(model._default_manager.all())(model=versions).visible_to(user)  # type: ignore[attr-defined]
    earlier = (
        versions.objects.filter(id=OuterRef("id"), history_id__lt=OuterRef("history_id"))
        .order_by()
        .values("id")
        .annotate(newest=Max("history_id"))
        .values("newest")
    )
    found: QuerySet[Any] = (
        rows.filter(which, history_date__gte=indicator.release.closed_at)
        .annotate(at=F("history_date"), number=F("history_id"), before=Subquery(earlier))
        .select_related("history_user")
    )
    return found


def _then(
    measure: Measure,
    indicator: ReleasedIndicator,
    model: type[Model],
    place: dict[str, str | None],
    period: Period,
) -> QuerySet[Any]:
    """The keys of the records that the cell was counted from when the year was closed."""
    closed_at = indicator.release.closed_at
    noted = indicator.records.filter(model=model._meta.label_lower).values("object_id")
    if model in MONEY:
        cell: dict[str, Any] = {name: value or NONE for name, value in place.items()}
        if model is TimeEntry and measure.key == "staff_days":
            return _narrowed_then(measure, model, place, noted, closed_at)
        return investment_records(period, known_by=closed_at, **cell)[MONEY[model]].values("id")
    if measure.mechanism == "iscms" and place.keys() - measure.own_cuts.keys():
        # The history of an event does not keep its mechanisms: what is gone may have been in any.
        gone = ~Exists(model._default_manager.filter(pk=OuterRef("object_id")))
        return noted.filter(gone)
    return _narrowed_then(measure, model, place, noted, closed_at)


def _narrowed_then(
    measure: Measure, model: type[Model], place: dict[str, str | None], noted: Any, closed_at: Any
) -> QuerySet[Any]:
    rows: PortalQuerySet = rows_of(model, closed_at).filter(id__in=noted)
    return measure.narrowed(rows, place).values("id")
