"""What ``/api/v1/resources/`` is asked and what it answers."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from engagements.models import ISCM
from iscm_portal.common.as_of import known_by
from iscm_portal.common.filters import FIRST_YEAR, LAST_YEAR
from iscm_portal.common.period import Period
from iscm_portal.common.tables import Column, Kind

from ..choices import FundingSource, Supports
from ..selectors.investment import DIMENSIONS as ALL_DIMENSIONS
from ..selectors.investment import Investment, investments, last_year
from ..selectors.printed import printed_table

# Totals are open to all, what a single project gave is not.
DIMENSIONS = tuple(name for name in ALL_DIMENSIONS if name != "project")
TABLES = (4, 5, 6, 7)
# Table 7 counts people; the others count USD.
STAFF_TABLE = 7
PARAMETERS = frozenset({"by", "year", "iscm", "source", "table", "as_of"})


class MissingSerializer(serializers.Serializer[Any]):
    """What would close the range."""

    unknown_shares = serializers.IntegerField()
    posts_without_share = serializers.IntegerField()
    days_without_rate = serializers.DecimalField(max_digits=20, decimal_places=2)
    days_without_payer = serializers.DecimalField(
        max_digits=20,
        decimal_places=2,
        help_text="Days said to be paid by a funding line that nobody named.",
    )


def _usd() -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=20, decimal_places=2, required=False)


class ResourceTotalSerializer(serializers.Serializer[Any]):
    """A year; `value` for Table 7, `known_usd` otherwise."""

    year = serializers.IntegerField()
    known_usd = _usd()
    low_usd = _usd()
    high_usd = _usd()
    value = serializers.IntegerField(required=False)


class ResourceRowSerializer(ResourceTotalSerializer):
    """A cell: what was asked for in `by`, or a row and a year of the evaluation's table."""

    iscm = serializers.CharField(required=False, allow_null=True)
    label = serializers.CharField(required=False)  # type: ignore[assignment]
    supports = serializers.ChoiceField(choices=Supports.choices, required=False)
    year = serializers.IntegerField(required=False)
    source = serializers.ChoiceField(  # type: ignore[assignment]
        choices=FundingSource.choices, required=False
    )
    theme = serializers.CharField(required=False, allow_null=True)
    region = serializers.CharField(required=False, allow_null=True)
    office = serializers.CharField(required=False, allow_null=True)
    type = serializers.CharField(required=False, allow_null=True)
    missing = MissingSerializer(required=False)
    n = serializers.IntegerField(required=False, help_text="Lines and entries counted.")


class ResourcesSerializer(serializers.Serializer[Any]):
    """Cells and the totals of the years; with `table` its number and title."""

    table = serializers.ChoiceField(choices=TABLES, required=False)
    title = serializers.CharField(required=False)
    rows = ResourceRowSerializer(many=True)
    totals = ResourceTotalSerializer(many=True)


@dataclass(frozen=True)
class Question:
    """What was asked, checked. ``years`` None: all until now, and those to come with money."""

    table: int | None
    by: tuple[str, ...]
    years: list[int] | None
    iscm: str | None
    sources: list[str] | None
    as_of: dt.date | None
    today: dt.date

    @property
    def comes_down_to_lines(self) -> bool:
        """Whether its cells are mostly single lines and posts, which only `read:finance` opens
        (docs/decisions/0042)."""
        return "office" in self.by and ("source" in self.by or self.sources is not None)


def question(params: dict[str, str], as_of: dt.date | None, today: dt.date) -> Question:
    """The question that the parameters ask. Raises ValidationError at the wrong ones."""
    return Question(
        table=_table(params),
        by=_dimensions(params.get("by", "")),
        years=_years(params.get("year", "")),
        iscm=_iscm(params.get("iscm", "")),
        sources=_sources(params.get("source", "")),
        as_of=as_of,
        today=today,
    )


def answer(asked: Question) -> dict[str, Any]:
    """Rows and totals for the question."""
    return _evaluation_table(asked.table, asked) if asked.table else _investment(asked)


def columns(asked: Question) -> list[Column]:
    """The columns of the answer as a table: the same whatever is on record."""
    if asked.table:
        cell = STAFF_CELL if asked.table == STAFF_TABLE else KNOWN
        return [Column("label"), Column("iscm"), YEAR, cell]
    iscm = [Column("iscm"), Column("label"), Column("supports", Kind.CODE)]
    others = [
        YEAR if name == "year" else Column(name, tag=TAGS[name])
        for name in asked.by
        if name != "iscm"
    ]
    return [*(iscm if "iscm" in asked.by else []), *others, KNOWN, *RANGE]


YEAR = Column("year", Kind.NUMBER)
KNOWN = Column("known_usd", Kind.AMOUNT)
STAFF_CELL = Column("value", Kind.NUMBER, "#capacity+staff+num")
RANGE = (
    Column("low_usd", Kind.AMOUNT),
    Column("high_usd", Kind.AMOUNT),
    Column("n", Kind.NUMBER),
    Column("missing_unknown_shares", Kind.NUMBER),
    Column("missing_posts_without_share", Kind.NUMBER),
    Column("missing_days_without_rate", Kind.AMOUNT),
    Column("missing_days_without_payer", Kind.AMOUNT),
)
TAGS = {
    "source": "#value+source",
    "theme": "#sector+theme+code",
    "region": "#region+name",
    "office": "#org+office+code",
    "type": "#group+type",
}


def lines(answer: dict[str, Any], columns: list[Column]) -> list[list[Any]]:
    """The answer's rows as the lines of a table."""
    rows = [_flat(row) for row in answer["rows"]]
    return [[row[column.name] for column in columns] for row in rows]


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    missing = {f"missing_{name}": value for name, value in row.get("missing", {}).items()}
    return {**{name: value for name, value in row.items() if name != "missing"}, **missing}


def _evaluation_table(number: int, asked: Question) -> dict[str, Any]:
    table = printed_table(number, iscms=[asked.iscm] if asked.iscm else None, years=asked.years)
    cell = "value" if number == STAFF_TABLE else "known_usd"
    return {
        "table": table.number,
        "title": table.title,
        "rows": [
            {"label": row.label, "iscm": row.iscm_slug, "year": year, cell: row.values[year]}
            for row in table.rows
            for year in sorted(row.values)
        ],
        "totals": [{"year": year, cell: total} for year, total in table.totals.items()],
    }


def _investment(asked: Question) -> dict[str, Any]:
    years, moment = asked.years, known_by(asked.as_of)
    last = max(years) if years else last_year(asked.as_of or asked.today, moment)
    period = Period.years(min(years) if years else FIRST_YEAR, last)
    has_gaps = years is not None and len(years) != max(years) - min(years) + 1
    if has_gaps and "year" not in asked.by:
        raise ValidationError({"year": [_("Years with gaps need “year” in “by”.")]})
    narrow: dict[str, Any] = {"iscm": asked.iscm, "source": asked.sources}
    cells, totals = investments(period, [asked.by, ("year",)], known_by=moment, **narrow)
    labels = dict(ISCM.objects.values_list("slug", "acronym")) if "iscm" in asked.by else {}

    def wanted(cell: Investment) -> bool:
        return not has_gaps or cell.key["year"] in (years or ())

    return {
        "rows": [_row(cell, labels) for cell in cells if wanted(cell)],
        "totals": [{**cell.key, **_amounts(cell)} for cell in totals if wanted(cell)],
    }


def _row(cell: Investment, labels: dict[str, str]) -> dict[str, Any]:
    row = dict(cell.key)
    if "iscm" in row:
        supports, slug = row.pop("supports"), row.pop("iscm")
        label = labels.get(slug, slug) if slug else str(Supports(supports).label)
        row = {"iscm": slug, "label": label, "supports": supports, **row}
    return {**row, **_amounts(cell), "missing": cell.missing, "n": cell.n}


def _amounts(cell: Investment) -> dict[str, Any]:
    return {
        "known_usd": cell.known_usd,
        "low_usd": cell.low_usd,
        "high_usd": cell.high_usd,
    }


def _table(params: dict[str, str]) -> int | None:
    text = params.get("table", "")
    if not text:
        return None
    if text not in {str(number) for number in TABLES}:
        raise ValidationError({"table": [_("Choose one of: 4, 5, 6, 7.")]})
    if not_with := [name for name in ("by", "source", "as_of") if params.get(name)]:
        raise ValidationError({name: [_("Not together with “table”.")] for name in not_with})
    return int(text)


def _dimensions(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",")) if text else ("iscm", "year")
    if set(names) - set(DIMENSIONS) or len(set(names)) != len(names):
        known = ", ".join(DIMENSIONS)
        raise ValidationError({"by": [_("Choose of these, each once: %s.") % known]})
    return names


def _years(text: str) -> list[int] | None:
    if not text:
        return None
    first, dots, last = text.partition("..")
    if not dots:
        return sorted({_year(part) for part in text.split(",")})
    span = range(_year(first), _year(last) + 1)
    if not span:
        raise ValidationError({"year": [_("The last year is before the first one.")]})
    return list(span)


def _year(text: str) -> int:
    text = text.strip()
    is_number = text.isascii() and text.isdecimal() and len(text) == 4
    if is_number and FIRST_YEAR <= int(text) <= LAST_YEAR:
        return int(text)
    raise ValidationError(
        {"year": [_("Give a year, years by commas, or a span: 2014, 2014,2016 or 2014..2019.")]}
    )


def _iscm(text: str) -> str | None:
    if text and not ISCM.objects.filter(slug=text).exists():
        raise ValidationError({"iscm": [_("There is none called “%s”.") % text]})
    return text or None


def _sources(text: str) -> list[str] | None:
    if not text:
        return None
    sources = [part.strip() for part in text.split(",")]
    if set(sources) - set(FundingSource.values):
        known = ", ".join(FundingSource.values)
        raise ValidationError({"source": [_("Choose of these: %s.") % known]})
    return sources
