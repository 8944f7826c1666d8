"""What changed on record since a past moment: by whom, from what to what, and why."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db.models import Max, Model, OuterRef, QuerySet, Subquery
from django.utils.text import capfirst

from iscm_portal.common.access import Reader

from ..models import (
    Attribution,
    FundingLine,
    Position,
    PositionShare,
    Project,
    StandardCost,
    TimeEntry,
)

# The records that totals are made of.
COUNTED: tuple[type[Model], ...] = (
    FundingLine,
    Attribution,
    TimeEntry,
    Position,
    PositionShare,
    StandardCost,
    Project,
)
# What a reader of changes has no use for.
_NOT_SHOWN = {"created_at", "updated_at", "id", "history_id"}


@dataclass(frozen=True)
class Changed:
    """One change of one record. ``fields`` are (name, before, after); a new record's have no
    before, a deleted one's no after. ``reason`` may be empty where none was asked for."""

    at: dt.datetime
    by: str
    how: str
    kind: str
    label: str
    object_id: int
    fields: list[tuple[str, Any, Any]]
    reason: str


def changes_since(moment: dt.datetime, user: Reader, most: int = 100) -> list[Changed]:
    """The changes at or after ``moment`` of records that ``user`` may read, the latest first.

    At most ``most``, in two statements a model. Deleted records are shown to who reads all.
    """
    found = [change for model in COUNTED for change in _of_model(model, moment, user, most)]
    found.sort(key=lambda change: (change.at, change.object_id), reverse=True)
    return found[:most]


def _of_model(model: type[Model], moment: dt.datetime, user: Reader, most: int) -> list[Changed]:
    versions: QuerySet[Any] = model.history.model.objects.all()  # type: ignore[attr-defined]
    readable = type(model._default_manager.all())(model=versions.model)
    earlier = (
        versions.filter(id=OuterRef("id"), history_id__lt=OuterRef("history_id"))
        .order_by()
        .values("id")
        .annotate(newest=Max("history_id"))
        .values("newest")
    )
    shown = list(
        readable.visible_to(user)  # type: ignore[attr-defined]
        .filter(history_date__gte=moment)
        .annotate(before=Subquery(earlier))
        .select_related("history_user")
        .order_by("-history_date", "-history_id")[:most]
    )
    before = versions.in_bulk([row.before for row in shown if row.before is not None])
    return [_changed(model, row, before.get(row.before)) for row in shown]


def _changed(model: type[Model], row: Any, before: Any) -> Changed:
    fields = [
        (str(field.verbose_name), _shown(before, field), _shown(row, field))
        for field in model._meta.concrete_fields
        if field.name not in _NOT_SHOWN
    ]
    is_gone = row.history_type == "-"
    return Changed(
        at=row.history_date,
        by=row.history_user.label if row.history_user else "",
        how=row.get_history_type_display(),
        kind=capfirst(str(model._meta.verbose_name)),
        label=str(row.instance),
        object_id=row.id,
        fields=[
            (name, old, None if is_gone else new)
            for name, old, new in fields
            if (is_gone and old not in (None, "")) or (not is_gone and old != new)
        ],
        reason=row.history_change_reason or "",
    )


def _shown(row: Any, field: Any) -> Any:
    """The value of a field as it is compared and shown: a link by its key, a choice by its word."""
    if row is None:
        return None
    value = getattr(row, field.attname)
    return dict(field.flatchoices).get(value, value) if field.choices else value
