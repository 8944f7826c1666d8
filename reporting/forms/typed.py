"""What a page of a report holds as text, and how the texts of two writers become one.

A form numbers its rows; two windows number them differently. Here a row goes by its key, so that
what was typed can be kept, compared, merged and given back to a form.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.http import QueryDict

Texts = list[str]
Row = dict[str, Texts]
# Where a text stands: a field of the page itself, or (row set, key of the row, field).
Place = tuple[str, ...]

GONE = "DELETE"
# Fields of a row that are no text of its writer.
APART = ("id", "key", "report")
MOST_ROWS = 200


@dataclass
class Typed:
    """``texts``: field -> texts; ``rows``: row set -> key of the row -> field -> texts.

    An empty field has no texts; a tick is ``["on"]``; a row to be taken away has a tick at GONE.
    """

    texts: dict[str, Texts] = field(default_factory=dict)
    rows: dict[str, dict[str, Row]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {"texts": self.texts, "rows": self.rows}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Typed:
        return cls(dict(content["texts"]), dict(content["rows"]))

    def joined(self, other: Typed) -> Typed:
        """This and another part of the same page."""
        return Typed(self.texts | other.texts, self.rows | other.rows)

    def at(self, place: Place) -> Texts:
        if len(place) == 1:
            return self.texts.get(place[0], [])
        row_set, key, name = place
        return self.rows.get(row_set, {}).get(key, {}).get(name, [])

    def put(self, place: Place, texts: Texts) -> None:
        if len(place) == 1:
            self.texts[place[0]] = texts
        else:
            row_set, key, name = place
            self.rows.setdefault(row_set, {}).setdefault(key, {})[name] = texts


def cleaned(texts: list[Any]) -> Texts:
    """``texts`` with one kind of line end and without the empty ones."""
    plain = (str(text).replace("\r\n", "\n") for text in texts)
    return [text for text in plain if text.strip()]


def texts_of(bound: forms.BoundField) -> Texts:
    """What the browser would send back of a field as it is rendered."""
    value, widget = bound.value(), bound.field.widget
    if isinstance(bound.field, forms.BooleanField):
        return ["on"] if value else []
    if isinstance(value, (list, tuple)):
        return sorted(cleaned(list(value)))
    if value is None:
        return []
    if isinstance(widget, forms.Select):
        return cleaned([value])
    return cleaned([widget.format_value(value) or ""])


def value_of(field: forms.Field, texts: Texts) -> Any:
    """The initial value that renders ``texts`` in ``field``."""
    if isinstance(field, forms.BooleanField):
        return bool(texts)
    if isinstance(field, forms.ModelMultipleChoiceField):
        return texts
    return texts[0] if texts else ""


def row_of(form: forms.BaseForm) -> Row:
    """The texts of an unbound row."""
    return {name: texts_of(form[name]) for name in form.fields if name not in (*APART, GONE)}


def rows_in(
    data: Any, prefix: str, names: list[str], keys: Mapping[str, str]
) -> Iterator[tuple[str, Row]]:
    """The rows of ``prefix`` that a form sent, each with its key.

    ``keys`` are those of the rows on record by their id, for a sender that gives no keys.
    """
    total = "".join(data.getlist(f"{prefix}-TOTAL_FORMS")[:1])
    count = int(total) if total.isascii() and total.isdecimal() and len(total) < 6 else 0
    names = [*names, GONE]
    for number in range(min(count, MOST_ROWS)):
        key = "".join(data.getlist(f"{prefix}-{number}-key")[:1])
        try:
            key = str(uuid.UUID(key))
        except ValueError:
            known = "".join(data.getlist(f"{prefix}-{number}-id")[:1])
            key = keys.get(known) or str(uuid.uuid4())
        yield key, {name: cleaned(data.getlist(f"{prefix}-{number}-{name}")) for name in names}


def query(content: Mapping[str, Any]) -> QueryDict:
    """Kept form data (name -> texts) as a form reads it."""
    data = QueryDict(mutable=True)
    for name, texts in content.items():
        data.setlist(name, texts if isinstance(texts, list) else [texts])
    return data


@dataclass(frozen=True)
class Difference:
    """One field that two writers changed in different ways. An empty text was taken out."""

    place: Place
    mine: Texts
    theirs: Texts

    @property
    def name(self) -> str:
        """What the choice between the two is called in the form."""
        return ":".join(("choose", *self.place))


def same(one: Texts, other: Texts) -> bool:
    """Whether two texts say the same; 3.5 and 3.50 do."""
    if sorted(text.strip() for text in one) == sorted(text.strip() for text in other):
        return True
    try:
        return len(one) == len(other) == 1 and Decimal(one[0]) == Decimal(other[0])
    except InvalidOperation:
        return False


def merged(base: Typed | None, theirs: Typed, mine: Typed) -> tuple[Typed, list[Difference]]:
    """Both writers' texts over the one that both began from.

    Where only one of them changed a field his text stands; where both did, mine is taken for the
    time being and the difference is told. Without a base every difference is one of both.
    Rows that either added stay, each once.
    """
    found, differences = Typed(), []

    def meet(place: Place) -> None:
        text, other = mine.at(place), theirs.at(place)
        known = base.at(place) if base is not None else None
        if same(text, other) or (known is not None and same(other, known)):
            found.put(place, text)
        elif known is not None and same(text, known):
            found.put(place, other)
        else:
            found.put(place, text)
            differences.append(Difference(place, text, other))

    for name in theirs.texts:
        meet((name,))
    for row_set, their_rows in theirs.rows.items():
        my_rows = mine.rows.get(row_set, {})
        base_rows = base.rows.get(row_set, {}) if base is not None else {}
        found.rows[row_set] = {}
        for key, row in their_rows.items():
            if key not in my_rows:  # the other one added it
                found.rows[row_set][key] = dict(row)
                continue
            for name in row:
                meet((row_set, key, name))
            if my_rows[key].get(GONE):
                found.put((row_set, key, GONE), ["on"])
                changed = key not in base_rows or _unlike(row, base_rows[key])
                if changed:  # taken away by me, written in by the other
                    differences.append(Difference((row_set, key, GONE), ["on"], []))
        for key, row in my_rows.items():
            if key in their_rows or row.get(GONE):
                continue
            if key in base_rows:  # the other one took it away
                if not _unlike(row, base_rows[key]):
                    continue
                differences.append(Difference((row_set, key, GONE), [], ["on"]))
            found.rows[row_set][key] = dict(row)
    return found, differences


def _unlike(one: Row, other: Row) -> bool:
    names = ({*one} | {*other}) - {GONE}
    return any(not same(one.get(name, []), other.get(name, [])) for name in names)
