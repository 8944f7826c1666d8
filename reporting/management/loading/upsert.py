"""Write records so that each is there once, however often they are loaded.

The change history tells what an earlier load wrote (its rows carry ``REASON``) and what people
changed or deleted since. A record that nobody touched follows the fixtures; one that somebody
touched is theirs and stays as it is. The number of statements does not grow with the records.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.db.models import Field, ManyToManyField, Model, Q
from django.utils import timezone
from simple_history.utils import bulk_create_with_history, bulk_update_with_history

from iscm_portal.common.history import note_links

from ..seed import Record
from .nouns import FixtureError, Names, Noun

REASON = "Loaded from fixtures"
BATCH = 500
NOT_FROM_FIXTURES = {"created_at", "updated_at", "is_demo", "current_version"}

Key = tuple[Any, ...]


def load(noun: Noun, records: list[Record], names: Names) -> Counter[str]:
    """Write ``records`` and count them: added, changed, unchanged, and kept as people left them."""
    counts: Counter[str] = Counter()
    for level in _levels(noun, records):
        counts += _Load(noun, names).run(level)
        names.forget(noun.model)
    return counts


def _levels(noun: Noun, records: list[Record]) -> list[list[Record]]:
    """Records whose parent is of the same file come after it."""
    if not any("parent" in record for record in records):
        return [records]
    levels: list[list[Record]] = []
    placed: set[str] = set()
    waiting = records
    while waiting:
        level = [r for r in waiting if r.get("parent") is None or r["parent"] in placed]
        if not level:
            raise FixtureError(f"{noun.file} has parents that are not in it.")
        levels.append(level)
        placed |= {record["slug"] for record in level}
        waiting = [record for record in waiting if record["slug"] not in placed]
    return levels


class _Load:
    def __init__(self, noun: Noun, names: Names) -> None:
        self.noun, self.names, self.model = noun, names, noun.model
        meta = noun.model._meta
        self.fields: list[Field[Any, Any]] = [
            field
            for field in meta.concrete_fields
            if not field.primary_key and field.name not in NOT_FROM_FIXTURES
        ]
        self.links: list[ManyToManyField[Any, Any]] = list(meta.many_to_many)
        self.key_columns = [meta.get_field(name).attname for name in noun.key]  # type: ignore[union-attr]

    def run(self, records: Iterable[Record]) -> Counter[str]:
        wanted = {self._key(row): (row, links) for row, links in map(self._resolve, records)}
        written = self._written_before()
        ours = set(written.values())
        touched = self._touched_since(ours)
        stored = self._stored(ours, wanted)
        by_key = {self._key(vars(row)): pk for pk, row in stored.items()}

        added, changed, mine = [], [], {}
        counts: Counter[str] = Counter()
        for key, (values, links) in wanted.items():
            pk = written.get(key, by_key.get(key))
            if pk is None:
                row = self.model(**values)
                added.append(row)
                mine[id(row)] = (row, links)
            elif pk not in ours or pk not in stored or pk in touched:
                counts["kept"] += 1  # somebody's own, deleted, or changed in the portal
            else:
                row = stored[pk]
                mine[id(row)] = (row, links)
                if self._differs(row, values):
                    changed.append(row)
        self._write(added, changed)
        counts.update(added=len(added), changed=len(changed))
        counts["unchanged"] = len(mine) - len(added) - len(changed)
        self._link([(row.pk, links) for row, links in mine.values()])
        return counts

    def _key(self, values: dict[str, Any]) -> Key:
        return tuple(values[column] for column in self.key_columns)

    def _resolve(self, record: Record) -> tuple[dict[str, Any], dict[str, list[Any]]]:
        """A record as column values and, for each many-to-many field, primary keys."""
        unknown = record.keys() - {field.name for field in [*self.fields, *self.links]}
        if unknown:
            raise FixtureError(f"{self.noun.file} has fields that nobody reads: {sorted(unknown)}.")
        values = {}
        for field in self.fields:
            value = record.get(field.name, field.get_default())
            if value is not None and field.related_model and field.name in record:
                value = self.names.pk(field.related_model, value)
            values[field.attname] = field.to_python(value) if not field.related_model else value
        links = {
            field.name: [self.names.pk(field.related_model, name) for name in record[field.name]]
            for field in self.links
            if field.name in record
        }
        return values, links

    def _written_before(self) -> dict[Key, Any]:
        """Key -> primary key of what an earlier load added, also where it was deleted since."""
        history = self.model.history  # type: ignore[attr-defined]
        rows = history.filter(history_type="+", history_change_reason=REASON)
        return {tuple(key): pk for pk, *key in rows.values_list("id", *self.key_columns)}

    def _touched_since(self, ours: set[Any]) -> set[Any]:
        """Those of our primary keys whose rows somebody changed or deleted."""
        history = self.model.history  # type: ignore[attr-defined]
        rows = history.filter(id__in=ours).exclude(history_change_reason=REASON)
        return set(rows.values_list("id", flat=True))

    def _stored(self, ours: set[Any], wanted: Iterable[Key]) -> dict[Any, Model]:
        """The rows that we wrote, and those that might go by the name of a record."""
        first = {key[0] for key in wanted if key[0] is not None}
        mine = Q(pk__in=ours) | Q(**{f"{self.key_columns[0]}__in": first})
        return {row.pk: row for row in self.model._default_manager.filter(mine)}

    def _differs(self, row: Model, values: dict[str, Any]) -> bool:
        """Whether ``values`` differ from the row's; if so the row takes them."""
        if all(getattr(row, column) == value for column, value in values.items()):
            return False
        for column, value in values.items():
            setattr(row, column, value)
        return True

    def _write(self, added: list[Model], changed: list[Model]) -> None:
        options = {"batch_size": BATCH, "default_change_reason": REASON}
        if added:
            bulk_create_with_history(added, self.model, **options)
        if changed:
            columns = [field.name for field in self.fields]
            if any(field.name == "updated_at" for field in self.model._meta.fields):
                now = timezone.now()
                for row in changed:
                    setattr(row, "updated_at", now)  # noqa: B010 - not every model has it
                columns.append("updated_at")
            bulk_update_with_history(changed, self.model, columns, **options)

    def _link(self, wanted: list[tuple[Any, dict[str, list[Any]]]]) -> None:
        """Make the many-to-many links of these rows what the records say."""
        for field in self.links:
            through: Any = field.remote_field.through
            here, there = field.m2m_column_name(), field.m2m_reverse_name()
            pairs = {(pk, other) for pk, links in wanted for other in links.get(field.name, [])}
            mine = {pk for pk, _links in wanted}
            stored = {
                (one, other): pk
                for pk, one, other in through.objects.filter(**{f"{here}__in": mine}).values_list(
                    "pk", here, there
                )
            }
            gone = [pk for pair, pk in stored.items() if pair not in pairs]
            if gone:
                through.objects.filter(pk__in=gone).delete()
            new = sorted(pairs - stored.keys())
            through.objects.bulk_create(
                [through(**{here: one, there: other}) for one, other in new], batch_size=BATCH
            )
            if gone or new:
                note_links(self.model, mine)
