"""Changing and deleting a record in somebody's name, so that its history says whose."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.db import connection
from django.db.models import Max, Model, QuerySet

BATCH = 500
# As many characters as the history keeps of a reason.
REASON_LENGTH = 100


def change_with_history(
    record: Any, values: Mapping[str, Any], actor: Any, reason: str = ""
) -> None:
    """Set ``values`` (field: value) of ``record`` and save it in the name of ``actor``."""
    for name, value in values.items():
        setattr(record, name, value)
    record._history_user = actor
    record._change_reason = reason or None
    record.save()


def delete_with_history(record: Any, actor: Any, reason: str = "") -> None:
    """Delete ``record`` in the name of ``actor``; its history stays."""
    record._history_user = actor
    record._change_reason = reason or None
    record.delete()


def newest_history(model: Any, **of: int) -> int:
    """The newest entry in the history of the records ``of`` which it is asked; 0 without one. It
    tells a record from what it was."""
    return model.history.filter(**of).aggregate(newest=Max("history_id"))["newest"] or 0


def note_history(
    records: Sequence[Any], sign: str, *, actor: Any, reason: str, at: dt.datetime
) -> list[int]:
    """Write a history row of each of ``records``, all of one model, as the database holds them,
    and return the rows' ids.

    For writers of many at once, who need to know which row is theirs. ``sign`` is "+" (made),
    "~" (changed) or "-" (about to be deleted). Many-to-many links are noted by ``note_links``.
    """
    if not records:
        return []
    told = {
        "history_date": at,
        "history_type": sign,
        "history_user": actor,
        "history_change_reason": reason,
    }
    pks = [record.pk for record in records]
    noted: dict[int, int] = {}
    for start in range(0, len(pks), BATCH):
        noted.update(_copied(type(records[0]), pks[start : start + BATCH], told))
    return [noted[pk] for pk in pks]


def _copied(model: type[Model], pks: list[int], told: Mapping[str, Any]) -> list[tuple[int, int]]:
    """Copy the rows ``pks`` into the history, each with what is ``told`` of the change: (pk, id of
    its history row). The rows stay in the database: bulk_create would bring each value to Python
    and back, which takes several times as long."""
    history: Any = model.history.model  # type: ignore[attr-defined]
    row = history(**told)
    name: Any = connection.ops.quote_name
    kept = [name(field.column) for field in history.tracked_fields]
    fields = [history._meta.get_field(field) for field in told]
    columns = ", ".join([*kept, *(name(field.column) for field in fields)])
    values = [field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields]
    key, marks = name(str(model._meta.pk.column)), ", ".join(["%s"] * len(pks))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {name(history._meta.db_table)} ({columns}) "  # noqa: S608 - names of our own
            f"SELECT {', '.join(kept)}, {', '.join(['%s'] * len(values))} "
            f"FROM {name(model._meta.db_table)} WHERE {key} IN ({marks}) "
            f"RETURNING {key}, {name(history._meta.pk.column)}",
            [*values, *pks],
        )
        copied: list[tuple[int, int]] = cursor.fetchall()
    return copied


def latest_history(
    model: type[Model], pks: Collection[int] | None = None, before: dt.datetime | None = None
) -> QuerySet[Any]:
    """The latest history row of each record (of ``pks``, or of all), as it stood ``before``.

    By the rows' ids: two rows of one moment have an order too. What was deleted is among them.
    """
    rows = model.history.all()  # type: ignore[attr-defined]
    if pks is not None:
        rows = rows.filter(id__in=pks)
    if before is not None:
        rows = rows.filter(history_date__lt=before)
    latest = rows.order_by().values("id").annotate(latest=Max("history_id")).values("latest")
    found: QuerySet[Any] = model.history.filter(history_id__in=latest)  # type: ignore[attr-defined]
    return found


Links = dict[int, frozenset[tuple[str, int]]]


def links_now(model: type[Model], pks: Collection[int]) -> Links:
    """The many-to-many links of these records that the history keeps: pk -> (field, other's pk)."""
    found: dict[int, set[tuple[str, int]]] = {pk: set() for pk in pks}
    for field in _linked_fields(model):
        here, there = field.m2m_column_name(), field.m2m_reverse_name()
        rows = field.remote_field.through.objects.filter(**{f"{here}__in": pks})
        for pk, other in rows.values_list(here, there):
            found[pk].add((field.name, other))
    return {pk: frozenset(links) for pk, links in found.items()}


def links_noted(model: type[Model], history_ids: Collection[int]) -> Links:
    """The links that these history rows note: history row -> (field, other's pk)."""
    found: dict[int, set[tuple[str, int]]] = {pk: set() for pk in history_ids}
    for field in _linked_fields(model):
        there = field.m2m_reverse_name()
        rows = kept_links(model, field).objects.filter(history__in=history_ids)
        for history_id, other in rows.values_list("history_id", there):
            found[history_id].add((field.name, other))
    return {history_id: frozenset(links) for history_id, links in found.items()}


def note_links(model: type[Model], pks: Collection[int]) -> None:
    """Note in the latest history row of each record the many-to-many links that it has now.

    For what is written to the table of links directly, past the model.
    """
    fields = _linked_fields(model)
    if not fields or not pks:
        return
    rows = dict(latest_history(model, pks).values_list("id", "history_id"))
    for field in fields:
        kept = kept_links(model, field)
        here, there = field.m2m_column_name(), field.m2m_reverse_name()
        kept.objects.filter(history__in=rows.values()).delete()
        links = field.remote_field.through.objects.filter(**{f"{here}__in": rows})
        kept.objects.bulk_create(
            [
                kept(history_id=rows[one], id=pk, **{here: one, there: other})
                for pk, one, other in links.values_list("pk", here, there)
            ],
            batch_size=BATCH,
        )


def _linked_fields(model: type[Model]) -> list[Any]:
    return list(model.history.model._history_m2m_fields)  # type: ignore[attr-defined]


def kept_links(model: type[Model], field: Any) -> Any:
    """The model of the history's own table of links."""
    return getattr(model.history.model, field.name).model  # type: ignore[attr-defined]
