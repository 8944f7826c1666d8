"""What the resource dashboard shows, from ``finance.selectors``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from engagements.choices import ISCMType
from engagements.models import ISCM, Office, Theme
from finance.choices import FundingSource, Supports
from finance.models import Attribution
from finance.selectors.investment import NONE, Investment, investment_records, investments
from finance.selectors.printed import PrintedTable, change_pct, printed_table
from finance.selectors.sustaining import OF_IOM
from finance.selectors.words import lacking
from iscm_portal.common.as_of import known_by
from iscm_portal.common.numbers import percent
from iscm_portal.common.period import Period, year_span
from iscm_portal.common.sorting import Columns, in_order

# The years that the evaluation looked at (section 4.3).
EVALUATION_YEARS = (2014, 2019)


# What the rows of the dashboard can be, and what it can be narrowed to.
ROWS = ("iscm", "source", "theme", "region", "office", "type")
NARROWED_TO = (*ROWS, "supports")
# The name of all the sources from which IOM itself pays.
SOURCES_OF_IOM = "of_iom"


@dataclass(frozen=True)
class ResourceFilter:
    """What the reader asked for: years (both included), values of dimensions, what the rows are,
    the day as of which, and codes of projects."""

    first_year: int
    last_year: int
    only: Mapping[str, str] = field(default_factory=dict)
    by: str = "iscm"
    as_of: dt.date | None = None
    projects: tuple[str, ...] = ()

    @property
    def narrowed_to(self) -> dict[str, Any]:
        """What the figures are narrowed to, as ``finance.selectors.investment`` asks it."""
        source = {"source": OF_IOM} if self.source == SOURCES_OF_IOM else {}
        return {**self.only, **source, **({"project": self.projects} if self.projects else {})}

    @property
    def period(self) -> Period:
        return Period.years(self.first_year, self.last_year)

    @property
    def years(self) -> list[int]:
        return list(range(self.first_year, self.last_year + 1))

    @property
    def span(self) -> str:
        """The years in words: "2014–2019", or "2019"."""
        return year_span(self.first_year, self.last_year)

    @property
    def iscm(self) -> str | None:
        return self.only.get("iscm")

    @property
    def source(self) -> str | None:
        return self.only.get("source")

    @property
    def known_by(self) -> dt.datetime | None:
        """The moment before which it was on record; None: now."""
        return known_by(self.as_of)

    @property
    def years_query(self) -> str:
        """The years as an address carries them."""
        return urlencode({"from": self.first_year, "to": self.last_year})

    @property
    def changes_query(self) -> str:
        """What the page of changes is narrowed to for the same question: it knows years, mechanism
        and source."""
        only = {name: self.only[name] for name in ("iscm", "source") if name in self.only}
        if self.source == SOURCES_OF_IOM:  # no one source, which that page asks for
            del only["source"]
        return urlencode({"from": self.first_year, "to": self.last_year, **only})

    def query(self, **more: str) -> str:
        """The address of the records of a cell, without its years."""
        projects = {"project": self.projects} if self.projects else {}
        asked: dict[str, Any] = {**self.only, **projects, **more}
        if self.as_of:
            asked["as_of"] = self.as_of.isoformat()
        return urlencode(asked, doseq=True)


@dataclass(frozen=True)
class Amounts:
    """USD known and the highest possible; what is missing between the two, and beyond."""

    known_usd: Decimal
    high_usd: Decimal
    missing: Mapping[str, Any] = field(default_factory=dict)
    is_on_record: bool = True

    @property
    def unknown_shares(self) -> int:
        return int(self.missing.get("unknown_shares", 0))

    @property
    def posts_without_share(self) -> int:
        return int(self.missing.get("posts_without_share", 0))

    @property
    def days_without_rate(self) -> Decimal:
        return Decimal(self.missing.get("days_without_rate", 0))

    @property
    def days_without_payer(self) -> Decimal:
        return Decimal(self.missing.get("days_without_payer", 0))

    @property
    def lacks(self) -> list[str]:
        """What is missing, each in words with its number."""
        return lacking(self.missing) if self.missing else []

    @property
    def is_range(self) -> bool:
        return self.high_usd > self.known_usd

    @property
    def is_unknown(self) -> bool:
        """Nothing is known, and something is there or nothing is on record: that is not zero."""
        return not self.known_usd and (not self.is_on_record or any(self.missing.values()))

    @property
    def told_usd(self) -> Decimal | None:
        """What is known; None where that is nothing and something lacks."""
        return None if self.is_unknown else self.known_usd

    @property
    def most_usd(self) -> Decimal | None:
        """The most it could be; None where nobody knows of any amount."""
        return None if self.is_unknown and not self.is_range else self.high_usd

    @property
    def known_pct(self) -> Decimal | None:
        """What is known in per cent of what it could be at most. None over nothing, and where
        nobody knows what it could be at most: days have no rate, or what lacks adds nothing."""
        if self.days_without_rate or (any(self.missing.values()) and not self.is_range):
            return None
        return percent(self.known_usd, self.high_usd)

    @classmethod
    def of(cls, found: Investment) -> Amounts:
        return cls(found.known_usd, found.high_usd, found.missing)


NOTHING = Amounts(Decimal(0), Decimal(0), is_on_record=False)


def change_between(before: Amounts | None, after: Amounts | None) -> Decimal | None:
    """The change in per cent of what is known; None where either is not known: that is no fall to
    nothing."""
    if before is None or after is None:
        return None
    return change_pct(before.told_usd, after.told_usd)


@dataclass(frozen=True)
class Row:
    """What one mechanism (the GRCP, all RCPs, a theme, an office...) received, by year.

    ``query`` is the address of its records, empty where there is none to ask by.
    """

    label: str
    slug: str | None
    supports: str
    cells: dict[int, Amounts]
    change_pct: Decimal | None
    query: str


@dataclass(frozen=True)
class Headline:
    """A figure of the evaluation's tables: its last year, and its change."""

    last: Decimal | int | None
    last_year: int
    change_pct: Decimal | None
    since_year: int


@dataclass(frozen=True)
class Dashboard:
    chosen: ResourceFilter
    total: Amounts
    rows: list[Row]
    totals: dict[int, Amounts]
    change_pct: Decimal | None
    by_source: list[tuple[str, Amounts]]
    tables: list[PrintedTable]
    osi: Headline
    osi_since_peak: Headline
    projects: Headline
    staff: Headline
    unknown: list[Attribution]
    now: Amounts | None

    @property
    def has_printed(self) -> bool:
        """Whether any of the evaluation's tables has a row for what was asked."""
        return any(table.rows for table in self.tables)


def printed(number: int, chosen: ResourceFilter) -> PrintedTable:
    """A table of the evaluation, narrowed to the years and the mechanism asked for."""
    return printed_table(number, iscms=[chosen.iscm] if chosen.iscm else None, years=chosen.years)


def cells_of(chosen: ResourceFilter, *cuts: tuple[str, ...]) -> list[list[Investment]]:
    """The total investment by each of the ``cuts`` for what was asked, as on record on its day."""
    return investments(chosen.period, cuts, known_by=chosen.known_by, **chosen.narrowed_to)


def columns_to_sort(chosen: ResourceFilter) -> Columns[Row]:
    """By which columns the table of the dashboard can be sorted: its rows, a year, the change."""

    def known_in(year: int) -> Callable[[Row], Decimal | None]:
        return lambda row: row.cells[year].told_usd if year in row.cells else None

    return {
        "row": lambda row: row.label,
        **{str(year): known_in(year) for year in chosen.years},
        "change": lambda row: row.change_pct,
    }


def dashboard(chosen: ResourceFilter, user: Any, sort: str = "") -> Dashboard:
    """All that the dashboard shows, its table sorted as asked (``columns_to_sort``).

    The number of statements does not grow with the records.
    """
    cells, by_year, by_source, whole = cells_of(
        chosen, (chosen.by, "year"), ("year",), ("source",), ()
    )
    tables = [printed(number, chosen) for number in shown_tables(chosen)]
    by_number = {table.number: table for table in tables}
    totals = {cell.key["year"]: Amounts.of(cell) for cell in by_year}
    return Dashboard(
        chosen=chosen,
        total=Amounts.of(whole[0]) if whole else NOTHING,
        rows=in_order(rows_of(cells, chosen), sort, columns_to_sort(chosen)),
        totals=totals,
        change_pct=change_over(totals, chosen),
        by_source=[(cell.key["source"], Amounts.of(cell)) for cell in by_source],
        tables=tables,
        osi=end_to_end(by_number.get(4)),
        osi_since_peak=since_peak(by_number.get(4)),
        projects=in_a_year(by_number.get(5)),
        staff=end_to_end(by_number.get(7)),
        unknown=unknown_shares(chosen, user),
        now=total(replace(chosen, as_of=None)) if chosen.as_of else None,
    )


@dataclass(frozen=True)
class Planned:
    """What is on record for the years that have not begun (USD): planned, and not put in yet."""

    years: list[int]
    known_usd: Decimal
    begun_usd: Decimal  # what is known of the other years

    @property
    def span(self) -> str:
        return year_span(self.years[0], self.years[-1])


def planned(board: Dashboard, today: dt.date) -> Planned | None:
    """The part of a dashboard that is of years to come, seen from its day; None without any."""
    years = years_to_come(board.chosen.years, board.chosen.as_of or today)
    if not years:
        return None
    found = [board.totals[year].known_usd for year in years if year in board.totals]
    usd = sum(found, Decimal(0))
    return Planned(years, usd, board.total.known_usd - usd)


def years_to_come(years: Iterable[int], day: dt.date) -> list[int]:
    """Those of ``years`` that had not begun on ``day``."""
    return [year for year in years if year > day.year]


def total(chosen: ResourceFilter) -> Amounts:
    """All that is known for what was asked, and its range."""
    (cells,) = cells_of(chosen, ())
    return Amounts.of(cells[0]) if cells else NOTHING


def printed_total(number: int, chosen: ResourceFilter, label: str) -> Amounts:
    """The sum of a table's cells in the years asked for, of one row where ``label`` names it."""
    rows = [row for row in printed(number, chosen).rows if not label or row.label == label]
    cells = [Decimal(cell) for row in rows for cell in row.values.values()]
    known = sum(cells, Decimal(0))
    return Amounts(known, known, is_on_record=bool(cells))


def shown_tables(chosen: ResourceFilter) -> list[int]:
    """The evaluation's tables that the filters leave: OSI 4, projects 5 and 6, people 7.

    They are narrowed to years and a mechanism, and to nothing else.
    """
    if set(chosen.narrowed_to) - {"iscm", "source"} or chosen.as_of:
        return []
    by_source = {"osi": [4], "project_support": [5, 6]}
    return by_source.get(chosen.source, []) if chosen.source else [4, 5, 6, 7]


def rows_of(cells: list[Investment], chosen: ResourceFilter) -> list[Row]:
    """A row a value of what the rows are, the largest known sum first; what is of none last."""
    names = labels_of(chosen.by)
    others = {
        "grcp": _("GRCP meetings"),
        "all_rcps": _("All RCPs"),
        "not_named": _("No mechanism named"),
        "": names[NONE],
    }
    found: dict[tuple[str, str | None], dict[int, Amounts]] = {}
    for cell in cells:
        key = (cell.key.get("supports", ""), cell.key[chosen.by])
        found.setdefault(key, {})[cell.key["year"]] = Amounts.of(cell)
    rows = [
        Row(
            label=str(names.get(value, value)) if value else others[supports],
            slug=value if chosen.by == "iscm" else None,
            supports=supports,
            cells=years,
            change_pct=change_over(years, chosen),
            query=_query(chosen, supports, value),
        )
        for (supports, value), years in found.items()
    ]
    named = {row.label for row in rows if row.label not in others.values()}
    return sorted(rows, key=lambda row: (row.label not in named, -sum_of(row), row.label))


def _query(chosen: ResourceFilter, supports: str, value: str | None) -> str:
    if value or not supports:
        return chosen.query(**{chosen.by: value or NONE})
    return chosen.query(supports=supports)


def labels_of(dimension: str) -> dict[str, Any]:
    """The words for the values of a dimension; a region is its own word."""
    words: dict[str, Any] = {
        "iscm": ISCM.objects.values_list("slug", "acronym"),
        "theme": Theme.objects.values_list("code", "name"),
        "office": Office.objects.values_list("slug", "name"),
        "source": [
            *FundingSource.choices,
            (SOURCES_OF_IOM, _("All but what Member States and other donors pay")),
        ],
        "type": ISCMType.choices,
        "supports": Supports.choices,
    }
    return {**dict(words.get(dimension, ())), NONE: _("Of none")}


def sum_of(row: Row) -> Decimal:
    return sum((cell.known_usd for cell in row.cells.values()), Decimal(0))


def change_over(cells: dict[int, Amounts], chosen: ResourceFilter) -> Decimal | None:
    """The change of the last year asked for against the year before."""
    return change_between(cells.get(chosen.last_year - 1), cells.get(chosen.last_year))


def end_to_end(table: PrintedTable | None) -> Headline:
    """The last year of a table against its first: "+180 per cent" for OSI 2014 to 2019."""
    if table is None or not table.totals:
        return Headline(None, 0, None, 0)
    first, last = min(table.totals), max(table.totals)
    change = change_pct(table.totals[first], table.totals[last])
    return Headline(table.totals[last], last, change, first)


def since_peak(table: PrintedTable | None) -> Headline:
    """The last year of a table against its highest."""
    if table is None or not table.totals:
        return Headline(None, 0, None, 0)
    last = max(table.totals)
    peak = max(table.totals, key=lambda year: table.totals[year])
    change = change_pct(table.totals[peak], table.totals[last])
    return Headline(table.totals[last], last, change, peak)


def in_a_year(table: PrintedTable | None) -> Headline:
    """The last year of a table against the year before it."""
    if table is None or not table.totals:
        return Headline(None, 0, None, 0)
    last = max(table.totals)
    change = change_pct(table.totals.get(last - 1), table.totals[last])
    return Headline(table.totals[last], last, change, last - 1)


# More than one reads on a dashboard; the rest stands with the records.
MOST_UNKNOWN = 200


def unknown_shares(chosen: ResourceFilter, user: Any) -> list[Attribution]:
    """Attributions whose share nobody knows: what would close the range."""
    counted = investment_records(chosen.period, known_by=chosen.known_by, **chosen.narrowed_to)
    rows = counted["attributions"].visible_to(user).filter(basis="unknown")
    return list(
        rows.select_related("project", "iscm").order_by("project", "iscm", "year")[:MOST_UNKNOWN]
    )


CSV_COLUMNS = [
    "mechanism",
    "slug",
    "supports",
    "year",
    "known_usd",
    "low_usd",
    "high_usd",
    "unknown_shares",
    "days_without_rate",
    "posts_without_share",
    "change_pct",
    "table",
]


def columns_of(chosen: ResourceFilter) -> list[str]:
    """The columns of the download; the first says what the rows are."""
    return CSV_COLUMNS if chosen.by == "iscm" else [chosen.by, *CSV_COLUMNS[1:]]


def csv_rows(board: Dashboard) -> Iterator[list[Any]]:
    """The tables of the dashboard: a line a row and year, a total a year, a line a source.

    The change of a row stands with its last year.
    """
    last, span = board.chosen.last_year, board.chosen.span
    for row in board.rows:
        for year, cell in sorted(row.cells.items()):
            change = row.change_pct if year == last else None
            of_row = [row.label, row.slug or "", row.supports, year, *_amounts(cell)]
            yield [*of_row, change, "rows"]
    for year, cell in sorted(board.totals.items()):
        change = board.change_pct if year == last else None
        yield [_("Total"), "", "", year, *_amounts(cell), change, "rows"]
    names = dict(FundingSource.choices)
    for source, cell in board.by_source:
        yield [str(names[source]), source, "", span, *_amounts(cell), None, "by_source"]
    yield [_("Total"), "", "", span, *_amounts(board.total), None, "by_source"]


def _amounts(cell: Amounts) -> list[Any]:
    return [
        cell.told_usd,
        cell.known_usd,
        cell.most_usd,
        cell.unknown_shares,
        cell.days_without_rate,
        cell.posts_without_share,
    ]


def printed_csv(table: PrintedTable) -> tuple[list[str], Iterator[list[Any]]]:
    columns = ["label", "iscm", *(str(year) for year in table.years)]
    rows = (
        [row.label, row.iscm_slug or "", *(row.values.get(year, "") for year in table.years)]
        for row in table.rows
    )
    total = [_("Total"), "", *(table.totals[year] for year in table.years)]
    return columns, iter([*rows, total])
