"""The trace of a record: who changed what, when, from what to what, and why."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from engagements.models import ISCM, Organisation
from iscm_portal.common.history import newest_history

from ..models import Position, PositionShare, Project
from .words import said

# What is no statement of the record about money.
NOT_SHOWN = frozenset({"id", "created_at", "updated_at", "is_demo", "report_number", "report_item"})
# The donors of a project as its history rows know them. Rows written in bulk know none.
DonorLink: Any = Project.history.model.donors.model
KINDS = {
    "+": gettext_lazy("Created"),
    "~": gettext_lazy("Changed"),
    "-": gettext_lazy("Deleted"),
}


@dataclass(frozen=True)
class Change:
    label: str
    before: str
    after: str


@dataclass(frozen=True)
class Step:
    """One entry of the history. ``by`` is "" where nobody was signed in (a load of records)."""

    at: dt.datetime
    kind: str
    by: str
    reason: str
    changes: list[Change] = dataclasses.field(default_factory=list)

    @property
    def word(self) -> str:
        return str(KINDS[self.kind])


def version_of(record: Any) -> str:
    """What tells a record from what it was: its newest history entry, and its shares' one."""
    newest = newest_history(type(record), id=record.pk)
    if isinstance(record, Position):
        return f"{newest}.{newest_history(PositionShare, position_id=record.pk)}"
    return str(newest)


def trace_of(model: Any, pk: int) -> list[Step]:
    """The whole history of the record, newest first; also of one that was deleted."""
    steps = _steps(model, list(_rows(model, id=pk)), shown_fields(model))
    if model is Position:
        steps += _share_steps(pk)
    return sorted(steps, key=lambda step: step.at, reverse=True)


def shown_fields(model: Any) -> list[Any]:
    """The fields of a record that people read, in the order of the model."""
    return [field for field in model._meta.concrete_fields if field.name not in NOT_SHOWN]


def _rows(model: Any, **of: int) -> Any:
    return model.history.filter(**of).order_by("history_id").select_related("history_user")


def _steps(model: Any, rows: Sequence[Any], fields: Iterable[Any]) -> list[Step]:
    fields = list(fields)
    names = names_of_links(fields, rows)
    donors = donors_of(rows) if model is Project else {}
    steps = []
    for before, row in zip([None, *rows], rows, strict=False):
        changes = []
        if before is not None and row.history_type == "~":
            for field in fields:
                old, new = getattr(before, field.attname), getattr(row, field.attname)
                if old != new:
                    words = [word_of(field, value, names) for value in (old, new)]
                    changes.append(Change(str(field.verbose_name), *words))
            old_donors, new_donors = donors.get(before.pk, ""), donors.get(row.pk, "")
            if old_donors != new_donors:
                changes.append(Change(_("donors"), old_donors, new_donors))
        steps.append(_step(row, changes))
    return steps


def _step(row: Any, changes: list[Change]) -> Step:
    by = row.history_user.label if row.history_user else ""
    return Step(row.history_date, row.history_type, by, row.history_change_reason or "", changes)


def word_of(field: Any, value: Any, names: dict[Any, dict[int, str]]) -> str:
    if field.related_model and value is not None:
        return names[field.related_model].get(value, f"#{value}")
    return said(field, value)


def names_of_links(fields: Iterable[Any], rows: Sequence[Any]) -> dict[Any, dict[int, str]]:
    """The names of all records that the rows point to: one statement for each model."""
    return names_of(keys_of_links(fields, rows))


def keys_of_links(fields: Iterable[Any], rows: Sequence[Any]) -> dict[Any, set[int]]:
    """The keys of all records that the rows point to, by model."""
    keys: dict[Any, set[int]] = defaultdict(set)
    for field in fields:
        if field.related_model:
            keys[field.related_model] |= {getattr(row, field.attname) for row in rows} - {None}
    return keys


def names_of(keys: Mapping[Any, Collection[int]]) -> dict[Any, dict[int, str]]:
    """What the records of these keys are called: one statement for each model."""
    return {
        model: {pk: str(found) for pk, found in model._default_manager.in_bulk(pks).items()}
        for model, pks in keys.items()
    }


def donors_of(rows: Sequence[Any]) -> dict[int, str]:
    """The donors that each history row of a project knows. Rows written in bulk may know none."""
    if not rows:
        return {}
    links = DonorLink.objects.filter(history__in=[row.pk for row in rows])
    pairs = list(links.values_list("history", "organisation"))
    names = Organisation.objects.in_bulk({organisation for _row, organisation in pairs})
    donors: dict[int, list[str]] = defaultdict(list)
    for row, organisation in pairs:
        donors[row].append(str(names.get(organisation, f"#{organisation}")))
    return {row: ", ".join(sorted(found)) for row, found in donors.items()}


def _share_steps(position: int) -> list[Step]:
    """The history of a post's shares, each told by its mechanism."""
    rows = list(_rows(PositionShare, position_id=position))
    acronyms = ISCM.objects.in_bulk({row.iscm_id for row in rows})
    column = PositionShare._meta.get_field("share_pct")
    steps = []
    last: dict[int, str] = {}
    for row in rows:
        label = _("share of %(iscm)s (per cent)") % {"iscm": acronyms.get(row.iscm_id, row.iscm_id)}
        now = "" if row.history_type == "-" else said(column, row.share_pct) or _("unknown")
        steps.append(_step(row, [Change(label, last.get(row.id, ""), now)]))
        last[row.id] = now
    return steps
