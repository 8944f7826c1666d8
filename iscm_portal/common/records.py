"""Records of the API: declared once, read in one statement a page.

A record is a serializer whose fields say by ``source`` which column they are read from. A list
reads exactly these columns with ``values_list``: no model instance is made, and no field can
bring a query of its own. What hangs on a record by a many-to-many relation (``Links``) or as rows
of another table (``Children``) costs one statement a page each.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from itertools import islice
from typing import Any, ClassVar

from django.core.exceptions import FieldDoesNotExist
from django.db import connection
from django.db.models import F, Model, QuerySet
from django.db.models.expressions import Combinable
from rest_framework import serializers

from .as_of import rows_of
from .expressions import AmountText, DayText, FlagText, GuardedText, MomentText
from .history import kept_links
from .tables import Column, Kind

Field = serializers.Field[Any, Any, Any, Any]

# Rows read at once when a whole list is streamed.
CHUNK = 2000

# What every record ends with, where it has it.
TAIL = ("report", "source", "confidence", "note", "is_demo", "updated_at")


def string(source: str = "", null: bool = False, help_text: str = "") -> serializers.CharField:
    return serializers.CharField(
        required=False, allow_null=null, help_text=help_text or None, source=source or None
    )


def integer(source: str = "", null: bool = False, help_text: str = "") -> serializers.IntegerField:
    return serializers.IntegerField(
        required=False, allow_null=null, help_text=help_text or None, source=source or None
    )


def amount(source: str = "", null: bool = False, help_text: str = "") -> serializers.DecimalField:
    """A decimal, given as text with at least two decimals."""
    return serializers.DecimalField(
        max_digits=20,
        decimal_places=8,
        required=False,
        allow_null=null,
        help_text=help_text or None,
        source=source or None,
    )


def day(source: str = "", null: bool = False, help_text: str = "") -> serializers.DateField:
    return serializers.DateField(
        required=False, allow_null=null, help_text=help_text or None, source=source or None
    )


def moment(source: str = "", null: bool = False) -> serializers.DateTimeField:
    return serializers.DateTimeField(required=False, allow_null=null, source=source or None)


def flag(source: str = "", null: bool = False, help_text: str = "") -> serializers.BooleanField:
    return serializers.BooleanField(
        required=False, allow_null=null, help_text=help_text or None, source=source or None
    )


def choice(
    choices: Any, source: str = "", null: bool = False, blank: bool = False
) -> serializers.ChoiceField:
    return serializers.ChoiceField(
        choices=choices.choices,
        required=False,
        allow_null=null,
        allow_blank=blank,
        source=source or None,
    )


class Links(serializers.ListField):
    """The records at the other end of a many-to-many ``relation``: their keys or labels.

    Two of one relation (``iscms``, ``iscm_labels``) are read together and stand in one order.
    """

    def __init__(self, relation: str, column: Any, numbers: bool = False) -> None:
        child = serializers.IntegerField() if numbers else serializers.CharField()
        super().__init__(child=child, required=False)
        self.relation = relation
        self.column = column


class Attached(serializers.ListField):
    """What hangs on a record and is read for a whole page at once.

    It stands in JSON only: a line of a table holds one record. ``reads`` are the models it is
    worked out from.
    """

    reads: tuple[type[Model], ...] = ()

    def read(self, ids: list[int], user: Any, known_by: dt.datetime | None) -> dict[int, list[Any]]:
        """What hangs on each of the records ``ids``, as ``user`` may see it: now, or as it was on
        record before the moment ``known_by``."""
        raise NotImplementedError


class Children(Attached):
    """Rows of another table that belong to the record by their column ``link``."""

    def __init__(self, record: type[RecordSerializer], link: str, rows: Callable[..., Any]) -> None:
        super().__init__(child=record(), required=False)
        self.record = record
        self.link = link
        self.rows = rows

    def rows_by(self, known_by: dt.datetime | None) -> Any:
        """Those on record before the moment ``known_by``; these are not asked as of one."""
        return self.rows()

    def read(self, ids: list[int], user: Any, known_by: dt.datetime | None) -> dict[int, list[Any]]:
        rows = self.rows_by(known_by).visible_to(user).filter(**{f"{self.link}__in": ids})
        reader = Reader(self.record, user, known_by=known_by)
        records, links = reader.read(rows.order_by(self.link, "id"), [self.link])
        by_id: dict[int, list[Any]] = {}
        for record, (key,) in zip(records, links, strict=True):
            by_id.setdefault(key, []).append(record)
        return by_id


class KeptChildren(Children):
    """Rows of a ``model`` whose every version is kept: as they are, or as they were."""

    def __init__(self, record: type[RecordSerializer], link: str, model: type[Model]) -> None:
        super().__init__(record, link, model._default_manager.all)
        self.model = model

    def rows_by(self, known_by: dt.datetime | None) -> Any:
        return rows_of(self.model, known_by)


class RecordSerializer(serializers.Serializer[Any]):
    """A record; ``id`` comes first, source and state last."""

    id = serializers.IntegerField()
    # The fields that stand last, in this order.
    tail: ClassVar[tuple[str, ...]] = TAIL
    # HXL tags of columns whose names mean something of their own here.
    hxl: ClassVar[dict[str, str]] = {}

    def get_fields(self) -> dict[str, Field]:
        fields = super().get_fields()
        tail = {name: fields.pop(name) for name in self.tail if name in fields}
        return {**fields, **tail}


@cache
def fields_of(record: type[RecordSerializer]) -> Mapping[str, Field]:
    """The fields of a record by name, to be read only: making them takes as long as a page."""
    return record().fields


class SourcedSerializer(RecordSerializer):
    """A record that says where it comes from. ``updated_at`` is what ``updated_since=`` asks."""

    source = string(help_text="Where the record comes from.")  # type: ignore[assignment]
    confidence = serializers.ChoiceField(
        choices=["high", "medium", "low", "inferred", ""],
        required=False,
        help_text="How sure the source is.",
    )
    note = string(help_text="What is odd about it.")
    is_demo = flag(help_text="Invented for demonstration.")
    updated_at = moment()


@dataclass(frozen=True)
class Part:
    """A value that is read from one column: a field of the record, or a part of one."""

    path: str
    kind: Kind


# What a field of the class is in a table.
KINDS: tuple[tuple[type[Field], Kind], ...] = (
    (serializers.ChoiceField, Kind.CODE),
    (serializers.DecimalField, Kind.AMOUNT),
    (serializers.DateTimeField, Kind.MOMENT),
    (serializers.DateField, Kind.DAY),
    (serializers.BooleanField, Kind.FLAG),
    (serializers.IntegerField, Kind.NUMBER),
    (serializers.ListField, Kind.LIST),
    (serializers.DictField, Kind.JSON),
    (serializers.CharField, Kind.TEXT),
)


def kind_of(field: Field) -> Kind:
    return next(kind for kinds, kind in KINDS if isinstance(field, kinds))


@dataclass(frozen=True)
class Shape:
    """What is read for some fields of a record: worked out once, for every answer of that shape."""

    names: tuple[str, ...]
    scalars: dict[str, Part]
    groups: dict[str, dict[str, Part]]
    # relation -> field -> column at its other end
    links: dict[str, dict[str, Any]]
    attached: dict[str, Attached]
    # The columns of a table of these records.
    columns: list[Column]

    @cached_property
    def parts(self) -> list[Part]:
        """What is read from the row itself, each column once."""
        grouped = [part for group in self.groups.values() for part in group.values()]
        found = {part.path: part for part in [*self.scalars.values(), *grouped]}
        return list(found.values())

    @cached_property
    def place(self) -> dict[str, int]:
        """Where each column stands in a row."""
        return {part.path: index for index, part in enumerate(self.parts)}

    @cached_property
    def is_plain(self) -> bool:
        """Whether a record is its row with names."""
        return len(self.scalars) == len(self.names) == len(self.parts)


@lru_cache(maxsize=500)
def shape_of(record: type[RecordSerializer], picked: frozenset[str] | None) -> Shape:
    """The shape of the ``picked`` fields of a record (None: all)."""
    fields = fields_of(record)
    shape = Shape(
        tuple(name for name in fields if picked is None or name in picked), {}, {}, {}, {}, []
    )
    for name in shape.names:
        field = fields[name]
        if isinstance(field, Attached):
            shape.attached[name] = field
            continue
        if isinstance(field, serializers.Serializer):
            parts = {n: Part(_path(f), kind_of(f)) for n, f in field.fields.items()}
            shape.groups[name] = parts
            shape.columns.extend(Column(f"{name}_{n}", part.kind) for n, part in parts.items())
            continue
        if isinstance(field, Links):
            shape.links.setdefault(field.relation, {})[name] = field.column
        else:
            shape.scalars[name] = Part(_path(field), kind_of(field))
        shape.columns.append(Column(name, kind_of(field), record.hxl.get(name, "")))
    return shape


class Edges:
    """The values of some columns of rows, row by row, each taken out when it is asked for."""

    def __init__(self, rows: Sequence[Sequence[Any]], places: Sequence[int]) -> None:
        self.rows, self.places = rows, places

    def __getitem__(self, number: int) -> list[Any]:
        return [self.rows[number][place] for place in self.places]

    def __iter__(self) -> Iterator[list[Any]]:
        return (self[number] for number in range(len(self.rows)))


class Reader:
    """Reads records from a queryset, only the ``picked`` fields when there is a choice.

    With ``known_by`` the queryset is of ``rows_of`` that moment, and what hangs on the records is
    read as of it too.
    """

    def __init__(
        self,
        record: type[RecordSerializer],
        user: Any,
        picked: Collection[str] | None = None,
        known_by: dt.datetime | None = None,
    ) -> None:
        self.user, self.known_by = user, known_by
        self.shape = shape_of(record, None if picked is None else frozenset(picked))
        # The place of a record's key in its row.
        self._key = 0

    @property
    def columns(self) -> list[Column]:
        """The columns of a table of these records."""
        return self.shape.columns

    @property
    def is_flat(self) -> bool:
        """Whether a line of a table is one row of one statement, with nothing to be put together
        afterwards."""
        together = {Kind.LIST, Kind.JSON}
        parts = self.shape.parts
        return not self.shape.links and not any(part.kind in together for part in parts)

    def read(
        self, queryset: QuerySet[Any], beside: Sequence[str] = ()
    ) -> tuple[list[dict[str, Any]], Edges]:
        """The records of ``queryset`` and, for each, its values of the columns ``beside``."""
        rows, places = self._values(queryset, beside)
        found = list(rows)
        return self._records(queryset.model, found), Edges(found, places)

    def stream(self, queryset: QuerySet[Any]) -> Iterator[dict[str, Any]]:
        """The records one after the other, whatever their number."""
        rows = self._values(queryset, ())[0].iterator(chunk_size=CHUNK)
        while chunk := list(islice(rows, CHUNK)):
            yield from self._records(queryset.model, chunk)

    def line(self, record: dict[str, Any]) -> list[Any]:
        """A record as the line of a table."""
        values: list[Any] = []
        for name in self.shape.names:
            if name in self.shape.groups:
                values += record[name].values()
            elif name not in self.shape.attached:
                values.append(record[name])
        return values

    def lines_of(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The table's lines as one statement, for ``common.copying``. Only when it ``is_flat``."""
        parts: list[Part] = []
        for name in self.shape.names:
            if name in self.shape.groups:
                parts += self.shape.groups[name].values()
            elif name not in self.shape.attached:
                parts.append(self.shape.scalars[name])
        lines: QuerySet[Any] = queryset.values_list(*(for_copy(part) for part in parts))
        return lines

    def _values(
        self, queryset: QuerySet[Any], beside: Sequence[str]
    ) -> tuple[QuerySet[Any], list[int]]:
        """Rows of what the record is read from, its key and the columns ``beside``, and at which
        places of a row the latter stand."""
        model: Any = queryset.model
        columns = as_texts(tuple(self.shape.parts), model, connection.vendor)
        # What is read as it is anyway is not read again.
        more = [path for path in ("id", *beside) if path not in columns]
        named = {f"beside_{number}": F(path) for number, path in enumerate(more)}
        place = {path: number for number, path in enumerate([*columns, *more])}
        rows: QuerySet[Any] = queryset.annotate(**named).values_list(*columns, *named)
        self._key = place["id"]
        return rows, [place[path] for path in beside]

    def _records(self, model: type[Model], rows: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
        shape = self.shape
        if shape.is_plain:
            names = shape.names
            return [dict(zip(names, row, strict=False)) for row in rows]
        place, key = shape.place, self._key
        ids = [row[key] for row in rows]
        attached = {**self._linked(model, ids), **self._nested(ids)} if ids else {}

        def value(name: str, row: Sequence[Any]) -> Any:
            if name in shape.scalars:
                return row[place[shape.scalars[name].path]]
            if name in shape.groups:
                return {n: row[place[part.path]] for n, part in shape.groups[name].items()}
            return attached[name].get(row[key], [])

        return [{name: value(name, row) for name in shape.names} for row in rows]

    def _linked(self, model: type[Model], ids: list[int]) -> dict[str, dict[int, list[Any]]]:
        """What each many-to-many relation holds, one statement a relation."""
        found: dict[str, dict[int, list[Any]]] = {}
        record = getattr(model, "instance_type", model)
        for relation, columns in self.shape.links.items():
            rows = self._links(record, ids, relation, columns)
            by_name: dict[str, dict[int, list[Any]]] = {name: {} for name in columns}
            for key, *values in rows:
                for name, item in zip(columns, values, strict=True):
                    by_name[name].setdefault(key, []).append(item)
            found.update(by_name)
        return found

    def _links(
        self, record: Any, ids: list[int], relation: str, columns: Mapping[str, Any]
    ) -> QuerySet[Any]:
        """The records' keys, each with what ``columns`` are at the other end of ``relation``."""
        rows = rows_of(record, self.known_by).filter(id__in=ids)
        if self.known_by is None or not _is_kept(record, relation):
            now = record._default_manager.filter(id__in=ids, **{f"{relation}__isnull": False})
            linked: QuerySet[Any] = now.order_by("pk", f"{relation}__pk")
            return linked.values_list("pk", *columns.values())
        # Kept versions have their links in a table of their own.
        field = record._meta.get_field(relation)
        there = field.m2m_reverse_field_name()
        paths = [path.replace(relation, there, 1) for path in columns.values()]
        kept = kept_links(record, field).objects.filter(
            history__in=rows.order_by().values("history_id"), **{f"{there}__isnull": False}
        )
        found: QuerySet[Any] = kept.order_by("history__id", there)
        return found.values_list("history__id", *paths)

    def _nested(self, ids: list[int]) -> dict[str, dict[int, list[Any]]]:
        """What is attached, one statement a table (and one for each of its relations)."""
        return {
            name: field.read(ids, self.user, self.known_by)
            for name, field in self.shape.attached.items()
        }


def _path(field: Field) -> str:
    """The column that a field is read from, as the ORM writes it."""
    return (field.source or "").replace(".", "__")


def _is_kept(record: type[Model], relation: str) -> bool:
    """Whether the history of ``record`` keeps the links of the relation too. Others are read as
    they are now."""
    kept = record.history.model._history_m2m_fields  # type: ignore[attr-defined]
    return any(field.name == relation for field in kept)


def tables_of(record: type[RecordSerializer], model: type[Model]) -> set[str]:
    """The tables that records of ``model`` are read from: its own, those that its links lead to,
    and those of what hangs on it."""
    found = {model._meta.db_table}
    for field in fields_of(record).values():
        if isinstance(field, Children):
            found |= tables_of(field.record, field.rows().model)
        elif isinstance(field, Attached):
            found |= {one._meta.db_table for one in field.reads}
        elif isinstance(field, Links):
            found |= tables_on(model, field.relation)
        elif isinstance(field, serializers.Serializer):
            for part in field.fields.values():
                found |= tables_on(model, _path(part))
        else:
            found |= tables_on(model, _path(field))
    return found


def tables_on(model: type[Model], path: str) -> set[str]:
    """The tables that are joined on the way along ``path``."""
    found: set[str] = set()
    here: Any = model
    for name in path.split("__"):
        try:
            field = here._meta.get_field(name)
        except FieldDoesNotExist:
            return found
        if not field.is_relation:
            return found
        if field.many_to_many:
            relation = field if field.concrete else field.field
            found.add(relation.remote_field.through._meta.db_table)
        here = field.related_model
        found.add(here._meta.db_table)
    return found


def _resolved(model: type[Model], path: str) -> Any:
    """The model's field at the end of ``path``; None of what is worked out."""
    field: Any = None
    for name in path.split("__"):
        try:
            field = (field.related_model if field is not None else model)._meta.get_field(name)
        except FieldDoesNotExist:
            return None
    return field


@lru_cache(maxsize=500)
def as_texts(
    parts: tuple[Part, ...], model: type[Model], vendor: str
) -> tuple[Combinable | str, ...]:
    """What parts are read as: on PostgreSQL days, moments and amounts come as the texts that the
    answer has, so that nothing is to be made of them here and written out again."""
    ways = _texts if vendor == "postgresql" else {}
    return tuple(
        ways[part.kind](part.path)
        if part.kind in ways and _resolved(model, part.path) is not None
        else part.path
        for part in parts
    )


def for_copy(part: Part) -> Combinable:
    """The same for a table that PostgreSQL writes itself: with formulas guarded as
    ``exports.safe_cell`` does."""
    return _copied.get(part.kind, F)(part.path)


_texts: dict[Kind, Callable[[str], Combinable]] = {
    Kind.AMOUNT: AmountText,
    Kind.DAY: DayText,
    Kind.MOMENT: MomentText,
}
_copied: dict[Kind, Callable[[str], Combinable]] = {
    Kind.AMOUNT: AmountText,
    Kind.MOMENT: MomentText,
    Kind.FLAG: FlagText,
    Kind.TEXT: GuardedText,
}
