"""Releases: what a year was closed with, what became another since, and what is incomplete."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.db.models import Model
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from engagements.models import ISCM
from finance.selectors.trace import KINDS, keys_of_links, names_of, shown_fields, word_of
from iscm_portal.common.access import Reader
from iscm_portal.common.as_of import record_of
from iscm_portal.common.period import Period

from ..choices import Direction
from ..models import (
    Duty,
    Indicator,
    IndicatorValue,
    Release,
    ReleasedIndicator,
    ReleasedValue,
)
from .cuts import cut_of, records_address, word_of_value, words_of
from .indicators import OVERALL, compiled_years, overview


@dataclass(frozen=True)
class Readiness:
    """What is incomplete of a year that is to be closed."""

    year: int
    # The revision that closing it would make.
    revision: int
    reports_owed: int
    reports_accepted: int
    without_data: list[Indicator]
    without_target: list[Indicator]
    duties_open: int
    # What is to be completed of money: a number of each kind, by its name beside the value.
    money: dict[str, Any]
    has_values: bool

    @property
    def coverage_pct(self) -> int | None:
        return 100 * self.reports_accepted // self.reports_owed if self.reports_owed else None

    @property
    def is_complete(self) -> bool:
        gaps = (self.without_data, self.without_target, self.duties_open, self.money)
        return not any(gaps) and self.reports_accepted == self.reports_owed


def readiness(year: int, user: Reader) -> Readiness:
    """What is incomplete of ``year``."""
    rows = overview(user, year)
    by_key = {row.indicator.key: row.value for row in rows if row.value}
    any_value = next(iter(by_key.values()), None)
    resources = by_key.get("resources_allocated")
    beside = resources.beside if resources else {}
    in_year = Period.year(year).q("last_day")
    duties = Duty.objects.standing().with_last_day().filter(in_year, is_settled=False)
    return Readiness(
        year,
        next_revision(year),
        any_value.reports_owed if any_value else 0,
        any_value.reports_accepted if any_value else 0,
        [row.indicator for row in rows if row.value is None or row.value.value is None],
        [
            row.indicator
            for row in rows
            if row.indicator.target is None and row.indicator.direction != Direction.CONTEXT
        ],
        duties.count(),
        {
            name: beside[name]
            for name in ("unknown_shares", "posts_without_share", "days_without_rate")
            if Decimal(str(beside.get(name) or 0))
        },
        bool(by_key),
    )


def next_revision(year: int) -> int:
    last = Release.objects.filter(year=year).first()
    return last.revision + 1 if last else 1


def years_to_close(this_year: int) -> list[int]:
    """The years that are over and have values, the latest first."""
    return [year for year in reversed(compiled_years()) if year < this_year]


@dataclass(frozen=True)
class Revised:
    """A cell of a release, with what it comes to now."""

    indicator: ReleasedIndicator
    label: str
    released: ReleasedValue | None
    now: IndicatorValue | None

    @property
    def was(self) -> Decimal | None:
        return self.released.value if self.released else None

    @property
    def is_now(self) -> Decimal | None:
        return self.now.value if self.now else None

    @property
    def is_revised(self) -> bool:
        return self.was != self.is_now

    @property
    def difference(self) -> Decimal | None:
        return None if self.was is None or self.is_now is None else self.is_now - self.was

    @property
    def records(self) -> str:
        return records_address(self.indicator.indicator, self.now)

    @property
    def query(self) -> str:
        """What names the cell in an address."""
        found: Any = self.released or self.now
        asked = {"indicator": self.indicator.key}
        if found.iscm is not None:
            asked["iscm"] = found.iscm.slug
        if found.dimension:
            asked |= {"dimension": found.dimension, "value": found.dimension_value}
        return urlencode(asked)


def overall(release: Release) -> list[Revised]:
    """Every indicator of the release with its overall value, then and now."""
    return _compared(release, "", only_revised=False)


def revisions(release: Release, dimension: str) -> list[Revised]:
    """What became another since the year was closed, by mechanism or by another dimension."""
    return _compared(release, dimension, only_revised=True)


def _compared(release: Release, dimension: str, only_revised: bool) -> list[Revised]:
    indicators = {row.indicator_id: row for row in _indicators(release)}
    values = IndicatorValue.objects.of_year(release.year)
    if dimension:
        values = cut_of(values, dimension, None)
        then = release.values.by(dimension)
    else:
        values, then = values.filter(cell=OVERALL), release.values.filter(cell=OVERALL)
    now = {
        (value.indicator_id, value.cell): value
        for value in values.filter(indicator__in=indicators).select_related("iscm")
    }
    was = {
        (value.indicator.indicator_id, value.cell): value
        for value in then.select_related("indicator", "iscm")
    }
    words = words_of(dimension) if dimension else {}
    found = [
        Revised(
            indicators[pk],
            _label(was.get((pk, cell)) or now[pk, cell], dimension, words),
            was.get((pk, cell)),
            now.get((pk, cell)),
        )
        for pk, cell in {**was, **now}
    ]
    found = [row for row in found if row.is_revised or not only_revised]
    return sorted(found, key=lambda row: (row.indicator.number, row.indicator.key, row.label))


def _indicators(release: Release) -> list[ReleasedIndicator]:
    return list(release.indicators.select_related("indicator"))


def _label(value: Any, dimension: str, words: dict[str, Any]) -> str:
    if dimension == "iscm":
        return str(value.iscm.acronym)
    return word_of_value(words, value.dimension_value) if dimension else ""


def cell_asked(
    release: Release, key: str, iscm: ISCM | None, dimension: str, code: str
) -> Revised | None:
    """One cell of a release, then and now; None where it never was."""
    indicator = release.indicators.filter(key=key).select_related("indicator", "release").first()
    if indicator is None:
        return None
    place = {"iscm": iscm, "dimension": dimension, "dimension_value": code}
    was = indicator.values.filter(**place).select_related("iscm").first()
    now = indicator.indicator.values.of_year(release.year).filter(**place)
    now = now.select_related("iscm").first()
    if was is None and now is None:
        return None
    words = words_of(dimension) if dimension else {}
    label = _label(was or now, dimension or ("iscm" if iscm else ""), words)
    return Revised(indicator, label, was, now)


def place_of(iscm: ISCM | None, dimension: str, code: str) -> dict[str, str | None]:
    place: dict[str, str | None] = {"iscm": iscm.slug} if iscm else {}
    return place | ({dimension: code or None} if dimension else {})


# --- what moved a cell


@dataclass(frozen=True)
class Cause:
    """One version of a record: who changed what, when and why, and the report that it is of."""

    at: Any
    kind: str
    label: str
    # What tells the record from others: its number, mechanism, State and day.
    known_by: str
    how: str
    by: str
    reason: str
    fields: list[tuple[str, Any, Any]]
    is_new: bool
    report: int | None


def causes(models: Sequence[type[Model]], pairs: Sequence[tuple[int, Any]]) -> Iterator[Cause]:
    """The versions of a page, each with its model's place among ``models``, in words. The number
    of statements does not depend on the number of versions."""
    before = _versions_before(models, pairs)
    keys: dict[Any, set[int]] = {}
    for which, model in enumerate(models):
        rows = [row for of, row in pairs if of == which]
        rows += [row for (of, _number), row in before.items() if of == which]
        for linked, pks in keys_of_links(shown_fields(model), rows).items():
            keys.setdefault(linked, set()).update(pks)
    names = names_of(keys)
    for which, row in pairs:
        yield _cause(models[which], before.get((which, row.number)), row, names)


def _versions_before(
    models: Sequence[type[Model]], pairs: Sequence[tuple[int, Any]]
) -> dict[tuple[int, int], Any]:
    found: dict[tuple[int, int], Any] = {}
    for which, model in enumerate(models):
        rows = [row for of, row in pairs if of == which and row.before is not None]
        if rows:
            kept = model.history.in_bulk([row.before for row in rows])  # type: ignore[attr-defined]
            found.update(((which, row.number), kept[row.before]) for row in rows)
    return found


def _cause(model: type[Model], before: Any, row: Any, names: dict[Any, dict[int, str]]) -> Cause:
    fields = [
        (
            str(field.verbose_name),
            word_of(field, getattr(before, field.attname), names),
            word_of(field, getattr(row, field.attname), names),
        )
        for field in shown_fields(model)
        if before is not None
        and row.history_type == "~"
        and getattr(before, field.attname) != getattr(row, field.attname)
    ]
    return Cause(
        at=row.history_date,
        kind=capfirst(str(model._meta.verbose_name)),
        label=str(record_of(row)),
        known_by=_known_by(model, row, names),
        how=str(KINDS[row.history_type]),
        by=row.history_user.label if row.history_user else "",
        reason=row.history_change_reason or "",
        fields=fields,
        is_new=row.history_type == "+",
        report=getattr(row, "report_number", None),
    )


# What a record is told from others by, in this order, where it has it; of the days the first.
PLACES = ("iscm", "event", "project", "position", "organisation", "country", "office")
DAYS = (
    *("asked_on", "since_on", "dated_on", "due_on", "worked_on", "decided_on", "starts_on"),
    "year",
)


def _known_by(model: type[Model], row: Any, names: dict[Any, dict[int, str]]) -> str:
    """What the version says of where and when its record is, in words."""
    fields = {field.name: field for field in shown_fields(model)}
    told = [
        word_of(fields[name], getattr(row, fields[name].attname), names)
        for name in PLACES
        if name in fields
    ]
    dated = (fields[name] for name in DAYS if name in fields)
    day = next((field for field in dated if getattr(row, field.attname)), None)
    if day is not None:
        told.append(f"{day.verbose_name} {word_of(day, getattr(row, day.attname), names)}")
    return " · ".join([_("no. %(number)s") % {"number": row.id}, *filter(None, told)])


# --- what is downloaded

COLUMNS = [
    *("indicator", "title", "unit", "mechanism", "dimension", "dimension_value", "value"),
    *("numerator", "denominator", "n", "status", "reports_accepted", "reports_owed", "target"),
]


def release_rows(release: Release) -> Iterator[tuple[Any, ...]]:
    """Every value of a release as the line of a table."""
    rows = release.values.order_by("indicator__number", "indicator__key", "pk").values_list(
        *("indicator__key", "indicator__title", "indicator__unit", "iscm_label", "dimension"),
        *("dimension_value", "value", "numerator", "denominator", "n", "status"),
        *("reports_accepted", "reports_owed", "indicator__target"),
    )
    return rows.iterator(chunk_size=2000)
