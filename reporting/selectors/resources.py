"""What the resource dashboard shows, from ``finance.selectors``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from engagements.models import ISCM
from finance.models import Attribution
from finance.selectors.investment import Investment, investments
from finance.selectors.printed import PrintedTable, change_pct, printed_table
from iscm_portal.common.period import Period

# The years that the evaluation looked at (section 4.3).
EVALUATION_YEARS = (2014, 2019)


@dataclass(frozen=True)
class ResourceFilter:
    """What the reader asked for: years (both included), one mechanism, one source of funds."""

    first_year: int
    last_year: int
    iscm: str | None = None
    source: str | None = None

    @property
    def period(self) -> Period:
        return Period.years(self.first_year, self.last_year)

    @property
    def years(self) -> list[int]:
        return list(range(self.first_year, self.last_year + 1))


@dataclass(frozen=True)
class Amounts:
    """USD known and the highest possible; what is missing between the two."""

    known_usd: Decimal
    high_usd: Decimal
    unknown_shares: int = 0
    days_without_rate: Decimal = Decimal(0)

    @property
    def is_range(self) -> bool:
        return self.high_usd > self.known_usd

    @classmethod
    def of(cls, found: Investment) -> Amounts:
        return cls(
            found.known_usd,
            found.high_usd,
            found.missing["unknown_shares"],
            found.missing["days_without_rate"],
        )


@dataclass(frozen=True)
class Row:
    """What one mechanism (or the GRCP, or all RCPs) received, by year."""

    label: str
    slug: str | None
    supports: str
    cells: dict[int, Amounts]
    change_pct: Decimal | None


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
    by_source: list[tuple[str, Amounts]]
    tables: list[PrintedTable]
    osi: Headline
    osi_since_peak: Headline
    projects: Headline
    staff: Headline
    unknown: list[Attribution]


def printed(number: int, chosen: ResourceFilter) -> PrintedTable:
    """A table of the evaluation, narrowed to the years and the mechanism asked for."""
    return printed_table(number, iscms=[chosen.iscm] if chosen.iscm else None, years=chosen.years)


def dashboard(chosen: ResourceFilter, user: Any) -> Dashboard:
    """All that the dashboard shows; the number of statements does not grow with the records."""
    narrow: dict[str, Any] = {"iscm": chosen.iscm, "source": chosen.source}
    cuts: list[tuple[str, ...]] = [("iscm", "year"), ("year",), ("source",), ()]
    cells, by_year, by_source, whole = investments(chosen.period, cuts, **narrow)
    tables = [printed(number, chosen) for number in shown_tables(chosen)]
    by_number = {table.number: table for table in tables}
    return Dashboard(
        chosen=chosen,
        total=Amounts.of(whole[0]) if whole else Amounts(Decimal(0), Decimal(0)),
        rows=rows_of(cells, chosen),
        totals={cell.key["year"]: Amounts.of(cell) for cell in by_year},
        by_source=[(cell.key["source"], Amounts.of(cell)) for cell in by_source],
        tables=tables,
        osi=end_to_end(by_number.get(4)),
        osi_since_peak=since_peak(by_number.get(4)),
        projects=in_a_year(by_number.get(5)),
        staff=end_to_end(by_number.get(7)),
        unknown=unknown_shares(chosen, user),
    )


def total(chosen: ResourceFilter) -> Amounts:
    """All that is known for the years, the mechanism and the source asked for, and its range."""
    narrow: dict[str, Any] = {"iscm": chosen.iscm, "source": chosen.source}
    (cells,) = investments(chosen.period, [()], **narrow)
    return Amounts.of(cells[0]) if cells else Amounts(Decimal(0), Decimal(0))


def printed_total(number: int, chosen: ResourceFilter, label: str) -> Amounts:
    """The sum of a table's cells in the years asked for, of one row where ``label`` names it."""
    rows = [row for row in printed(number, chosen).rows if not label or row.label == label]
    known = sum((Decimal(cell) for row in rows for cell in row.values.values()), Decimal(0))
    return Amounts(known, known)


def shown_tables(chosen: ResourceFilter) -> list[int]:
    """The evaluation's tables that a source of funds leaves: OSI 4, projects 5 and 6, people 7."""
    by_source = {"osi": [4], "project_support": [5, 6]}
    return by_source.get(chosen.source, []) if chosen.source else [4, 5, 6, 7]


def rows_of(cells: list[Investment], chosen: ResourceFilter) -> list[Row]:
    """A row a mechanism, the largest known sum first; then the GRCP and all RCPs."""
    names = dict(ISCM.objects.values_list("slug", "acronym"))
    others = {
        "grcp": _("GRCP meetings"),
        "all_rcps": _("All RCPs"),
        "not_named": _("No mechanism named"),
    }
    found: dict[tuple[str, str | None], dict[int, Amounts]] = {}
    for cell in cells:
        key = (cell.key["supports"], cell.key["iscm"])
        found.setdefault(key, {})[cell.key["year"]] = Amounts.of(cell)
    rows = [
        Row(
            label=names.get(slug, "") if slug else others[supports],
            slug=slug,
            supports=supports,
            cells=years,
            change_pct=change_over(years, chosen),
        )
        for (supports, slug), years in found.items()
    ]
    return sorted(rows, key=lambda row: (row.slug is None, -sum_of(row), row.label))


def sum_of(row: Row) -> Decimal:
    return sum((cell.known_usd for cell in row.cells.values()), Decimal(0))


def change_over(cells: dict[int, Amounts], chosen: ResourceFilter) -> Decimal | None:
    """The change of the last year asked for against the year before."""
    before, last = cells.get(chosen.last_year - 1), cells.get(chosen.last_year)
    return change_pct(before.known_usd, last.known_usd) if before and last else None


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


def unknown_shares(chosen: ResourceFilter, user: Any) -> list[Attribution]:
    """Attributions whose share nobody knows: what would close the range."""
    rows = (
        Attribution.objects.visible_to(user)
        .filter(basis="unknown", year__range=(chosen.first_year, chosen.last_year))
        .select_related("project", "iscm")
    )
    if chosen.iscm:
        rows = rows.filter(iscm__slug=chosen.iscm)
    if chosen.source not in (None, "project_support"):
        return []
    return list(rows.order_by("project", "iscm", "year")[:200])


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
]


def csv_rows(board: Dashboard) -> Iterator[list[Any]]:
    """The table of the dashboard, a line a mechanism and year, then a total a year."""
    for row in board.rows:
        for year, cell in sorted(row.cells.items()):
            yield [row.label, row.slug or "", row.supports, year, *_amounts(cell)]
    for year, cell in sorted(board.totals.items()):
        yield [_("Total"), "", "", year, *_amounts(cell)]


def _amounts(cell: Amounts) -> list[Any]:
    return [
        cell.known_usd,
        cell.known_usd,
        cell.high_usd,
        cell.unknown_shares,
        cell.days_without_rate,
    ]


def printed_csv(table: PrintedTable) -> tuple[list[str], Iterator[list[Any]]]:
    columns = ["label", "iscm", *(str(year) for year in table.years)]
    rows = (
        [row.label, row.iscm_slug or "", *(row.values.get(year, "") for year in table.years)]
        for row in table.rows
    )
    total = [_("Total"), "", *(table.totals[year] for year in table.years)]
    return columns, iter([*rows, total])
