"""The records as they stand: found for a file's rows, and written out as a file."""

from __future__ import annotations

import datetime as dt
import difflib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db.models import Q, QuerySet

from iscm_portal.common.access import Reader
from iscm_portal.common.history import latest_history

from ... import rules
from ...models import PositionShare, Project
from .cells import Link, Shares
from .columns import Column, Kind

CHUNK = 2000
# Names among which a slip of the finger is looked for, and how many slips of a file.
MOST_NAMES = 5000
MOST_SLIPS = 200


@dataclass(frozen=True)
class Stored:
    """A record as it stands: its values by column. ``is_told``: a report wrote it, or the
    evaluation prints it."""

    pk: int
    values: Mapping[str, Any]
    # Whether any change of it needs a reason: a report or the evaluation tells it.
    is_told: bool = False

    def text(self, column: Column) -> str:
        return column.type.text(self.values[column.name])


def stored_by_key(kind: Kind, keys: Collection[tuple[Any, ...]]) -> dict[tuple[str, ...], Stored]:
    """The records that go by ``keys`` (values in the order of ``kind.key``), by the words of it.

    One statement, and one more for each column beside, whatever the number of keys.
    """
    if not keys:
        return {}
    columns = [kind.column(name) for name in kind.key]
    # What goes by other combinations of the same values is left out below.
    wanted = Q()
    for column, asked_for in zip(columns, zip(*keys, strict=True), strict=True):
        wanted &= Q(**{f"{column.source}__in": set(asked_for)})
    asked = {
        tuple(column.type.text(value) for column, value in zip(columns, key, strict=True))
        for key in keys
    }
    found: dict[tuple[str, ...], Stored] = {}
    plain: dict[int, dict[str, Any]] = {}
    for pk, values, is_told in _plain(kind, kind.model._default_manager.filter(wanted)):
        words = tuple(column.type.text(values[column.name]) for column in columns)
        if words in asked:
            plain[pk] = values
            found[words] = Stored(pk, values, is_told)
    _add_beside(kind, plain)
    return found


def stored_by_pk(kind: Kind, pks: Collection[int]) -> dict[int, Stored]:
    rows = list(_plain(kind, kind.model._default_manager.filter(pk__in=pks)))
    _add_beside(kind, {pk: values for pk, values, _is_told in rows})
    return {pk: Stored(pk, values, is_told) for pk, values, is_told in rows}


def _plain(kind: Kind, rows: QuerySet[Any]) -> Iterator[tuple[int, dict[str, Any], bool]]:
    columns = [column for column in kind.columns if not column.is_beside]
    names = [column.name for column in columns]
    paths = [column.source for column in columns]
    origins = [name for name in rules.ORIGINS if hasattr(kind.model, name)]
    all_rows = rows.order_by().values_list("pk", *origins, *paths)
    for pk, *found in all_rows.iterator(chunk_size=CHUNK):
        told, values = found[: len(origins)], found[len(origins) :]
        yield pk, dict(zip(names, values, strict=True)), any(told)


def _add_beside(kind: Kind, rows: Mapping[int, dict[str, Any]]) -> None:
    for column in kind.columns:
        if column.is_beside:
            beside = _shares(rows) if isinstance(column.type, Shares) else _donors(rows)
            for pk, values in rows.items():
                values[column.name] = beside.get(pk, column.type.empty)


def _donors(pks: Collection[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    links = Project.donors.through.objects.filter(project__in=list(pks))
    for pk, slug in links.values_list("project", "organisation__slug"):
        found[pk].append(slug)
    return found


def _shares(pks: Collection[int]) -> dict[int, dict[str, Any]]:
    rows = PositionShare.objects.order_by().filter(position__in=list(pks))
    found: dict[int, dict[str, Any]] = defaultdict(dict)
    for pk, slug, share in rows.values_list("position", "iscm__slug", "share_pct"):
        found[pk][slug] = share
    return found


def found_by_name(link: Link, names: Collection[str]) -> dict[str, int]:
    """Name -> primary key of the records that exist, in one statement."""
    if not names:
        return {}
    there = link.model._default_manager.order_by().filter(**{f"{link.by}__in": names})
    return dict(there.values_list(link.by, "pk"))


class Names:
    """What a mistyped name of a record may mean."""

    def __init__(self) -> None:
        self._known: dict[str, list[str]] = {}
        self._meant: dict[tuple[str, str], str] = {}

    def meant(self, link: Link, name: str) -> str:
        """The name that ``name`` comes nearest to, "" where none is near."""
        place = link.model._meta.label
        if (place, name) not in self._meant:
            if len(self._meant) >= MOST_SLIPS:
                return ""
            if place not in self._known:
                names = link.model._default_manager.order_by(link.by).exclude(**{link.by: None})
                self._known[place] = list(names.values_list(link.by, flat=True)[:MOST_NAMES])
            self._meant[place, name] = nearest(name, self._known[place])
        return self._meant[place, name]


def nearest(name: str, known: Iterable[str]) -> str:
    """The one of ``known`` that ``name`` is a slip of, whatever its capitals."""
    by_fold = {one.casefold(): one for one in known}
    found = difflib.get_close_matches(name.casefold()[:80], by_fold, n=1, cutoff=0.6)
    return by_fold[found[0]] if found else ""


# --- as a file


def file_rows(kind: Kind, user: Reader | None = None) -> Iterator[list[Any]]:
    """The records as rows of a file, one after the other: numbers, dates and texts."""
    order = [kind.column(name).source for name in kind.key]
    paths = [column.source for column in kind.columns if not column.is_beside]
    everything: Any = kind.model._default_manager
    rows = everything.all() if user is None else everything.visible_to(user)
    rows = rows.order_by(*order).values_list("pk", *paths)
    names = [column.name for column in kind.columns if not column.is_beside]
    stream = rows.iterator(chunk_size=CHUNK)
    while chunk := list(islice(stream, CHUNK)):
        plain = {pk: dict(zip(names, values, strict=True)) for pk, *values in chunk}
        _add_beside(kind, plain)
        for values in plain.values():
            yield _cells(kind, values)


def file_rows_before(kind: Kind, moment: dt.datetime) -> Iterator[list[Any]]:
    """The records as they stood before ``moment``, from their history, as rows of a file."""
    order = [kind.column(name).source for name in kind.key]
    columns = [column for column in kind.columns if not column.is_beside]
    names = [column.name for column in columns]
    history = latest_history(kind.model, before=moment).exclude(history_type="-")
    rows = history.order_by(*order).values_list("id", "history_id", *[c.source for c in columns])
    stream = rows.iterator(chunk_size=CHUNK)
    while chunk := list(islice(stream, CHUNK)):
        plain = {pk: dict(zip(names, values, strict=True)) for pk, _history, *values in chunk}
        histories = {history_id: pk for pk, history_id, *_values in chunk}
        for column in kind.columns:
            if column.is_beside:
                beside = (
                    _shares_before(plain, moment)
                    if isinstance(column.type, Shares)
                    else donors_noted(histories)
                )
                for pk, values in plain.items():
                    values[column.name] = beside.get(pk, column.type.empty)
        for values in plain.values():
            yield _cells(kind, values)


def donors_noted(histories: Mapping[int, int]) -> dict[int, list[str]]:
    """The donors in these history rows of projects (history row -> key of the answer)."""
    noted = Project.history.model.donors.model.objects
    found: dict[int, list[str]] = defaultdict(list)
    rows = noted.filter(history__in=histories, organisation__slug__isnull=False)
    for history_id, slug in rows.values_list("history", "organisation__slug"):
        found[histories[history_id]].append(slug)
    return found


def _shares_before(pks: Collection[int], moment: dt.datetime) -> dict[int, dict[str, Any]]:
    rows = latest_history(PositionShare, before=moment).exclude(history_type="-")
    found: dict[int, dict[str, Any]] = defaultdict(dict)
    for pk, slug, share in rows.filter(position__in=list(pks)).values_list(
        "position", "iscm__slug", "share_pct"
    ):
        found[pk][slug] = share
    return found


def _cells(kind: Kind, values: Mapping[str, Any]) -> list[Any]:
    return [
        values[column.name] if column.type.is_typed else column.type.text(values[column.name])
        for column in kind.columns
    ]
