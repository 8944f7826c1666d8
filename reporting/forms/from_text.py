"""A report that came as plain text or as a Word file: its parts recognised by their headings.

Nothing is guessed: what a field can't take as it stands is told as not recognised, in its own
words, and whatever is filled in is marked until a person has confirmed it.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import docx
from django import forms
from django.utils.text import capfirst

from ..choices import LessonKind, ReportPart
from ..models import (
    Lesson,
    Participant,
    ReportedAgendaItem,
    ReportedFollowUp,
    ReportedInstrument,
    ReportedPartnership,
    ReportedRequest,
)
from . import typed
from .pages import SHORT, PageForms
from .typed import GONE, Typed

# Where a tick confirms something that is no field of the page.
NOT_RECOGNISED = "unrecognised"


@dataclass(frozen=True)
class Section:
    """One heading of the template: a text of the report, or rows with their columns.

    ``fixed`` are values that the heading itself says of each of its rows.
    """

    heading: str
    page: str
    text: str = ""
    rows: str = ""
    columns: tuple[str, ...] = ()
    model: Any = None
    fixed: tuple[tuple[str, str], ...] = ()
    aliases: tuple[str, ...] = ()

    @property
    def titles(self) -> list[str]:
        """The columns as the template names them."""
        return [
            str(capfirst(self.model._meta.get_field(name).verbose_name)) for name in self.columns
        ]


def _rows(heading: str, model: Any, columns: str, *aliases: str, **fixed: str) -> Section:
    accessor = model._meta.get_field("report").remote_field.get_accessor_name()
    return Section(
        heading,
        SHORT,
        rows=accessor,
        columns=tuple(columns.split()),
        model=model,
        fixed=tuple(fixed.items()),
        aliases=aliases,
    )


# The template's headings stay in one language: they are what a text is recognised by.
SECTIONS = (
    _rows(
        "Who took part", Participant, "title grade capacity days travel_cost_usd", "Participants"
    ),
    _rows("Agenda", ReportedAgendaItem, "title theme priority", "Agenda items"),
    Section("Main points", SHORT, text="discussed", aliases=("What was discussed", "Discussion")),
    Section("Internal remarks", SHORT, text="discussed_internal"),
    Section("Restricted remarks", SHORT, text="discussed_restricted"),
    Section("Outcomes", ReportPart.OUTCOMES, text="outcomes"),
    Section("Outcome documents", ReportPart.OUTCOMES, text="documents"),
    _rows(
        "Support asked for",
        ReportedRequest,
        "what country kind asked_on outcome answered_on",
        "Requests",
        "Requests for support",
    ),
    _rows("Partnerships that began", ReportedPartnership, "organisation since_on purpose"),
    _rows(
        "Instruments passed or amended",
        ReportedInstrument,
        "title country kind action dated_on",
        "Policy instruments",
    ),
    _rows("Follow-ups", ReportedFollowUp, "what who due_on", "Follow-up", "Next steps"),
    _rows("Lessons learned", Lesson, "text", "Lessons", kind=LessonKind.LESSON),
    _rows("Good practice", Lesson, "text", kind=LessonKind.GOOD_PRACTICE),
    Section("Funding leads", SHORT, text="funding_leads"),
)
_BY_HEADING = {
    name.casefold(): section for section in SECTIONS for name in (section.heading, *section.aliases)
}
# Longer than any report; who pastes more has pasted something else.
MOST_LETTERS = 200_000
MOST_ROWS = 60


# --- the Word file


def blank_template() -> Any:
    """The Word template: a heading for each part, and a table where there are rows."""
    document = docx.Document()
    document.core_properties.title = "Post-event report"
    document.add_heading("Post-event report", level=1)
    for section in SECTIONS:
        document.add_heading(section.heading, level=2)
        if section.text:
            document.add_paragraph("")
            continue
        table = document.add_table(rows=4, cols=len(section.columns), style="Table Grid")
        for cell, title in zip(table.rows[0].cells, section.titles, strict=True):
            cell.text = title
    return document


def lines_of_word(file: BinaryIO) -> Iterator[str]:
    """The text of a Word file in its order, a row of a table as one line."""
    for block in docx.Document(file).iter_inner_content():
        if hasattr(block, "rows"):
            for row in block.rows:
                yield " | ".join(" ".join(cell.text.split()) for cell in row.cells)
        else:
            yield block.text


# --- recognised


@dataclass
class Found:
    """What stands under the headings of a text, and what stands under none."""

    texts: dict[Section, list[str]] = field(default_factory=dict)
    rows: list[tuple[Section, list[str]]] = field(default_factory=list)
    unrecognised: list[str] = field(default_factory=list)


_QUOTED = re.compile(r"^(?:\s*>)+ ?")
_BULLET = re.compile(r"^\s*(?:[-*•–]|\d{1,2}[.)])\s+")


def read(lines: Iterable[str]) -> Found:
    """Sort ``lines`` under the headings that they follow."""
    found, section = Found(), None
    for raw in lines:
        line = _QUOTED.sub("", raw.replace("\0", "").replace("\r", "")).rstrip()
        if line.strip() == "--":  # where a mail's signature begins
            section = None
            continue
        heading, rest = _heading(line)
        if heading is not None:
            section, line = heading, rest
        if section is None:
            if line.strip() and line.strip().casefold() != "post-event report":
                found.unrecognised.append(line.strip())
        elif section.text:
            if line.strip() or found.texts.get(section):
                found.texts.setdefault(section, []).append(line)
        else:
            cells = _cells(line, section)
            if cells:
                found.rows.append((section, cells))
    return found


def _heading(line: str) -> tuple[Section | None, str]:
    """The section that ``line`` is the heading of, and what stands on the line after it."""
    bare = line.strip().lstrip("#").strip().strip("*_").strip()
    section = _BY_HEADING.get(bare.rstrip(":").strip().casefold())
    if section is not None:
        return section, ""
    name, colon, rest = bare.partition(":")
    section = _BY_HEADING.get(name.strip().strip("*_").casefold()) if colon else None
    return section, rest.strip(" *_") if section is not None else line


def _cells(line: str, section: Section) -> list[str]:
    """The cells of a row; none of an empty line, or of the line with the titles."""
    bare = _BULLET.sub("", line)
    cells = [cell.strip() for cell in re.split(r"\s*[|\t]\s*", bare.strip(" |"))]
    if "|" in bare or "\t" in bare:  # an empty first cell is a cell
        cells = [cell.strip() for cell in re.split(r"[|\t]", bare)]
    if not any(cells):
        return []
    titles = {title.casefold() for title in section.titles}
    named = sum(cell.casefold() in titles for cell in cells)
    return [] if named * 2 > len(cells) else cells


# --- put into a page


@dataclass
class Filled:
    """A page as it would be with what was recognised, and the places that it filled.

    A place is a text's name, or "key of the row:field". A row is confirmed as one.
    """

    typed: Typed
    places: list[str] = field(default_factory=list)
    unrecognised: list[str] = field(default_factory=list)

    def content(self, forms: PageForms) -> dict[str, Any]:
        """As a browser would send it, marks included."""
        data = dict(forms.as_data(self.typed).lists())
        return {**data, "imported": self.places, NOT_RECOGNISED: self.unrecognised}


def fill(forms: PageForms, found: Found) -> Filled:
    """Put what was found for the page of ``forms`` over what it holds.

    A text goes below the one that is there; a row that names a person or an item on the page fills
    what is empty in its row; every other row is new.
    """
    held = Typed()
    for part in forms.stored().values():
        held = held.joined(part)
    filled = Filled(held)
    for section, lines in found.texts.items():
        text = "\n".join(lines).strip()
        if section.page == forms.page.key and text:
            there = "".join(held.texts.get(section.text, []))
            held.texts[section.text] = [f"{there}\n\n{text}" if there else text]
            filled.places.append(section.text)
    fields = {
        row_set.prefix: row_set.empty_form.fields
        for part in forms.parts
        for _about, row_set in part.row_sets
    }
    for number, (section, cells) in enumerate(found.rows):
        if section.page != forms.page.key:
            continue
        if number >= MOST_ROWS:
            filled.unrecognised.append(" | ".join(cells))
            continue
        _fill_row(filled, section, cells, fields[section.rows])
    return filled


def _fill_row(
    filled: Filled, section: Section, cells: list[str], fields: dict[str, forms.Field]
) -> None:
    row: typed.Row = {}
    unknown = cells[len(section.columns) :]
    for name, cell in zip(section.columns, cells, strict=False):
        if not cell:
            continue
        texts = as_typed(fields[name], cell) if name in fields else None
        other = INSTEAD.get((section.rows, name))
        if texts is not None:
            row[name] = texts
        elif other is not None:
            row[other] = [cell]
        else:
            unknown.append(cell)
    if unknown:
        filled.unrecognised.append(f"{section.heading}: {' | '.join(cells)}")
    if not row:
        return
    rows = filled.typed.rows.setdefault(section.rows, {})
    key = _same_row(rows, section.columns[0], row) or str(uuid.uuid4())
    held = rows.setdefault(key, {name: [] for name in fields if name not in typed.APART})
    first = not any(held.values())
    told = {name for name, cell in zip(section.columns, cells, strict=False) if cell}
    for name, initial in _initials(fields).items():
        if first and name not in told:  # what was told and not recognised stays empty
            held[name] = initial
    for name, value in section.fixed:
        held[name] = [value]
    written = []
    for name, texts in row.items():
        if first or not held.get(name):
            held[name] = texts
            written.append(f"{key}:{name}")
    filled.places += written


# Where a cell goes as it stands when its field has no such choice.
INSTEAD = {
    ("reportedpartnerships", "organisation"): "new_name",
    ("reportedinstruments", "country"): "region",
}


def _initials(fields: dict[str, forms.Field]) -> dict[str, list[str]]:
    return {
        name: [str(field.initial)]
        for name, field in fields.items()
        if isinstance(field.initial, str) and field.initial
    }


def _same_row(rows: dict[str, typed.Row], name: str, row: typed.Row) -> str | None:
    """The key of the row that has the same text at ``name``; None where there is none."""
    wanted = "".join(row.get(name, [])).casefold()
    for key, held in rows.items():
        if wanted and "".join(held.get(name, [])).casefold() == wanted:
            return key
    return None


def as_typed(field: forms.Field, cell: str) -> list[str] | None:
    """``cell`` as the browser would send it for ``field``; None when it can only be guessed."""
    if isinstance(field, forms.ChoiceField):
        return _choice(field, cell)
    if isinstance(field, forms.DateField):
        day = _day(cell)
        return [day.isoformat()] if day else None
    if isinstance(field, forms.DecimalField):
        number = _number(cell)
        return [number] if number else None
    return [cell]


def _choice(field: forms.ChoiceField, cell: str) -> list[str] | None:
    wanted = cell.casefold()
    choices: Any = field.choices
    for value, label in choices:
        group = label if isinstance(label, (list, tuple)) else [(value, label)]
        for key, word in group:
            if key not in (None, "") and wanted in (str(key).casefold(), str(word).casefold()):
                return [str(key)]
    return None


_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)


def _day(cell: str) -> dt.date | None:
    """A day that can be read in one way only; 6/11/2026 can be read in two."""
    numbers = re.fullmatch(r"(\d{4})-(\d\d?)-(\d\d?)", cell)
    if numbers:
        return _date(*map(int, numbers.groups()))
    words = re.fullmatch(r"(\d\d?)\.? ([A-Za-z]+)\.? (\d{4})", cell)
    if words:
        day, name, year = words.groups()
        months = [n for n, month in enumerate(_MONTHS, 1) if month.startswith(name.lower())]
        return _date(int(year), months[0], int(day)) if len(name) > 2 and months else None
    dotted = re.fullmatch(r"(\d\d?)\.(\d\d?)\.(\d{4})", cell)
    if dotted:
        day, month, year = map(int, dotted.groups())
        return _date(year, month, day)
    slashed = re.fullmatch(r"(\d\d?)/(\d\d?)/(\d{4})", cell)
    if slashed:
        first, second, year = map(int, slashed.groups())
        if first == second or first > 12:
            return _date(year, second, first)
        if second > 12:
            return _date(year, first, second)
    return None


def _date(year: int, month: int, day: int) -> dt.date | None:
    try:
        return dt.date(year, month, day)
    except ValueError:
        return None


def _number(cell: str) -> str | None:
    """A number with a point and without units; None for anything else."""
    bare = re.sub(r"(?i)^(?:usd|us\$|\$)\s*|\s*(?:usd|days?)$", "", cell.strip())
    if re.fullmatch(r"\d+(?:\.\d{1,2})?", bare):
        return bare
    if re.fullmatch(r"\d+,\d{1,2}", bare):
        return bare.replace(",", ".")
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d{1,2})?", bare):
        return bare.replace(",", "")
    if re.fullmatch(r"\d{1,3}(?:[ \u00a0\u202f]\d{3})+", bare):
        return re.sub(r"\D", "", bare)
    return None


# --- confirmed


@dataclass(frozen=True)
class Marks:
    """What of a page was filled in from a text, and what of that somebody has confirmed.

    They go with the form, so that they are kept with what is typed and are there on any device.
    """

    places: frozenset[str]
    confirmed: frozenset[str]
    unrecognised: tuple[str, ...] = ()

    @classmethod
    def of(cls, data: Any) -> Marks:
        """The marks that a form sent (or that were kept with it)."""
        return cls(
            frozenset(data.getlist("imported")),
            frozenset(data.getlist("confirmed")),
            tuple(text for text in data.getlist(NOT_RECOGNISED) if text),
        )

    def open(self, held: Typed) -> bool:
        """Whether something filled in that ``held`` still has waits for its tick."""
        keys = {
            key for rows in held.rows.values() for key, row in rows.items() if not row.get(GONE)
        }
        texts = {name for name, text in held.texts.items() if text}
        waiting = {place.partition(":")[0] for place in self.places} & (keys | texts)
        if self.unrecognised:
            waiting.add(NOT_RECOGNISED)
        return not waiting <= self.confirmed

    def put_on(self, forms: PageForms) -> None:
        """Mark the fields and rows of ``forms`` for the page that shows them."""
        for part in forms.parts:
            for name, text_field in part.form.fields.items() if part.form is not None else ():
                if name in self.places:
                    text_field.mark = Mark(name, name in self.confirmed, ask=True)
            for _about, row_set in part.row_sets:
                for row in row_set:
                    self._put_on_row(row, str(row["key"].value() or ""))

    def _put_on_row(self, row: Any, key: str) -> None:
        names = [name for name in row.fields if f"{key}:{name}" in self.places]
        for name in names:
            row.fields[name].mark = Mark(f"{key}:{name}", False, ask=False)
        if names:
            row.mark = Mark(key, key in self.confirmed, ask=True)


@dataclass(frozen=True)
class Mark:
    """One mark: its place, and whether a tick is asked for there and given."""

    place: str
    is_confirmed: bool
    ask: bool
