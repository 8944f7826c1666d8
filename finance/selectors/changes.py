"""What changed on record since a past moment: by whom, from what to what, and why."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db.models import Max, Model, OuterRef, QuerySet, Subquery
from django.utils.text import capfirst

from engagements.models import ISCM
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
from .trace import KINDS, names_of_links, shown_fields, word_of

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
    fields: list[tuple[str, str | None, str | None]]
    reason: str
    is_new: bool


def changes_since(moment: dt.datetime, user: Reader, most: int = 100) -> list[Changed]:
    """The changes at or after ``moment`` of records that ``user`` may read, the latest first.

    At most ``most``; the number of statements is constant.
    """
    pairs = [pair for model in COUNTED for pair in _versions(model, moment, user, most)]
    pairs.sort(key=lambda pair: (pair[1].history_date, pair[1].history_id), reverse=True)
    shown = pairs[:most]
    names: dict[Any, dict[int, str]] = {}
    for model in COUNTED:
        rows = [row for of, *both in shown if of is model for row in both if row is not None]
        for linked, found in names_of_links(shown_fields(model), rows).items():
            names.setdefault(linked, {}).update(found)
    return [_changed(model, row, before, names) for model, row, before in shown]


def _versions(
    model: type[Model], moment: dt.datetime, user: Reader, most: int
) -> list[tuple[type[Model], Any, Any]]:
    """The versions of a model's rows since ``moment``, each with the one before it, or None."""
    versions: QuerySet[Any] = model.history.model.objects.all()  # type: ignore[attr-defined]
    readable = type(model._default_manager.all())(model=versions.model)
    earlier = (
        versions.filter(id=OuterRef("id"), history_id__lt=OuterRef("history_id"))
        .order_by()
        .values("id")
        .annotate(newest=Max("history_id"))
        .values("newest")
    )
    rows = list(
        readable.visible_to(user)  # type: ignore[attr-defined]
        .filter(history_date__gte=moment)
        .annotate(before=Subquery(earlier))
        .select_related("history_user")
        .order_by("-history_date", "-history_id")[:most]
    )
    before = versions.in_bulk([row.before for row in rows if row.before is not None])
    return [(model, row, before.get(row.before)) for row in rows]


def _changed(
    model: type[Model], row: Any, before: Any, names: dict[Any, dict[int, str]]
) -> Changed:
    after = None if row.history_type == "-" else row

    def word(side: Any, field: Any) -> str | None:
        return None if side is None else word_of(field, getattr(side, field.attname), names)

    told = [
        (str(field.verbose_name), word(before, field), word(after, field))
        for field in shown_fields(model)
        if getattr(before, field.attname, None) != getattr(after, field.attname, None)
    ]
    return Changed(
        at=row.history_date,
        by=row.history_user.label if row.history_user else "",
        how=str(KINDS[row.history_type]),
        kind=capfirst(str(model._meta.verbose_name)),
        label=_label(model, row, names),
        object_id=row.id,
        fields=told,
        reason=row.history_change_reason or "",
        is_new=row.history_type == "+",
    )


def _label(model: type[Model], row: Any, names: dict[Any, dict[int, str]]) -> str:
    """What the record is called; of what it links, the names that are read already."""

    def called(linked: type[Model], pk: int) -> str:
        return names.get(linked, {}).get(pk, f"#{pk}")  # what is gone has its number only

    if model is Attribution:
        return f"{called(Project, row.project_id)} → {called(ISCM, row.iscm_id)} {row.year}"
    if model is PositionShare:
        return f"{called(Position, row.position_id)} → {called(ISCM, row.iscm_id)}"
    return str(row.instance)
