"""What was on record at a past moment: the newest kept version of each row by then.

The portal keeps every change of a record. Asked for a past moment, a selector reads the kept
versions instead of the rows, in the same statements.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db.models import Exists, Model, OuterRef

from .querysets import PortalQuerySet


def end_of(day: dt.date) -> dt.datetime:
    """The moment at which ``day`` is over (UTC): what was written on it is known by then."""
    return dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), dt.UTC)


def known_by(day: dt.date | None) -> dt.datetime | None:
    """The moment before which it was on record what is asked for as of ``day``; None: now."""
    return end_of(day) if day else None


def rows_of(model: type[Model], by: dt.datetime | None = None) -> PortalQuerySet:
    """The rows of ``model``; with ``by`` as they were on record before that moment.

    Rows of the past have the columns and the vocabulary of the model; their own key is ``id``
    (``pk`` is the version's). What they point to is read as it is now. The newest version of a row
    is the one that was written last: versions are only ever added.
    """
    rows: PortalQuerySet = model._default_manager.all()  # type: ignore[assignment]
    if by is None:
        return rows
    versions: Any = model.history.model  # type: ignore[attr-defined]
    newer = versions.objects.filter(
        id=OuterRef("id"), history_id__gt=OuterRef("history_id"), history_date__lt=by
    )
    kept = type(rows)(model=versions).filter(~Exists(newer), history_date__lt=by)
    found: PortalQuerySet = kept.exclude(history_type="-")
    return found


def model_of(rows: PortalQuerySet) -> type[Model]:
    """The model that ``rows`` of ``rows_of`` are, or were, records of."""
    found: type[Model] = getattr(rows.model, "instance_type", rows.model)
    return found


def record_of(row: Any, *also: str) -> Any:
    """The record that a row of ``rows_of`` shows: itself, or what its kept version says, under its
    own key and name, with the links that were read with it and the added columns ``also``."""
    if not hasattr(row, "history_id"):
        return row
    record = row.instance
    record._state.fields_cache.update(row._state.fields_cache)
    for name in also:
        setattr(record, name, getattr(row, name))
    return record
