"""From sums to cells: added up for every span of time and every cell of every measure.

Everything happens in temporary tables of the run's transaction, in a number of statements that
depends on nothing but the code:

``targets``      spans to be worked out, and which quarters each is made of
``bridge``       which cells the mechanisms of a record belong to
``by_slot``      sums of each quarter by cell
``cell_sums``    sums of each span by cell
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator

from django.db import connection

from engagements.models import ISCM

from ...choices import PeriodKind
from ...measures import MEASURES
from ...measures.base import OWN_CUTS, members_of
from ...models import EvidenceSum
from .temporary import create, create_from, index, marks

TABLES = ("targets", "bridge", "has_cut", "by_slot", "cell_sums")
# (span, year, part)
Span = tuple[str, int, int]
# What is sorted by them is sorted by numbers first, which are faster to compare than words.
KEYS = "year, quarter, iscm_id, value, dimension, measure, period"
# The mechanisms whose cells are worked out, beside those of everything; None: of all.
Iscms = frozenset[int] | None


def slots_of(span: Span) -> list[int]:
    """The quarters that a span is made of; what only has a year is in the whole year."""
    kind, year, part = span
    if kind == PeriodKind.QUARTER:
        return [year * 10 + part]
    if kind == PeriodKind.YEAR or part == 4:
        return [year * 10 + quarter for quarter in range(5)]
    before = [(year - 1) * 10 + quarter for quarter in range(part + 1, 5)]
    return before + [year * 10 + quarter for quarter in range(1, part + 1)]


def spans_between(first_year: int, last_year: int) -> Iterator[Span]:
    """Every span of time that has days of these years only, or ends in them."""
    for year in range(first_year, last_year + 1):
        yield PeriodKind.YEAR.value, year, 0
        for quarter in range(1, 5):
            yield PeriodKind.QUARTER.value, year, quarter
            yield PeriodKind.ROLLING.value, year, quarter


def spans_with(slots: Iterable[int]) -> set[Span]:
    """The spans that have any of these quarters in them."""
    wanted = set(slots)
    years = {slot // 10 for slot in wanted}
    return {
        span
        for year in years
        for span in spans_between(year, year + 1)
        if wanted.intersection(slots_of(span))
    }


def within(iscms: Iscms, column: str = "iscm_id") -> str:
    """The condition that a cell is of everything (0), or of one of these mechanisms."""
    if iscms is None:
        return "true"
    return f"{column} IN ({', '.join(str(pk) for pk in sorted({0, *iscms}))})"


def add_up(targets: Collection[Span], measures: list[str], iscms: Iscms = None) -> None:
    """Fill ``cell_sums`` for these spans and measures, and the cells ``within`` these mechanisms;
    of the reports, which stand beside all others, for every mechanism."""
    slots = sorted({slot for span in targets for slot in slots_of(span)})
    _write_targets(targets)
    _write_bridge(slots)
    _write_cuts(measures)
    reached = f"({within(iscms)} OR measure = 'report_coverage')"
    create_from(
        "by_slot",
        f"""
        WITH kept AS (
            SELECT * FROM reporting_evidencesum
            WHERE slot IN ({marks(slots)}) AND measure IN ({marks(measures)})
        )
        {_through_the_mechanism(reached)}
        UNION ALL
        {_by_own_cuts(reached)}
        """,
        [*slots, *measures],
    )
    index("by_slot", "slot")
    create_from(
        "cell_sums",
        f"""
        SELECT {KEYS}, {_summed("n", "total", "aside")}
        FROM by_slot JOIN targets ON targets.slot = by_slot.slot
        GROUP BY {KEYS}
        """,
    )
    index("cell_sums", KEYS)


def apart(measures: str) -> str:
    """The query of the sums of each span, of measures that tell records apart, by ``part``."""
    return f"""
        SELECT {KEYS}, part, {_summed("n", "total", "aside")}
        FROM by_slot JOIN targets ON targets.slot = by_slot.slot
        WHERE part IS NOT NULL AND measure IN ({measures})
        GROUP BY {KEYS}, part
    """


def _summed(*columns: str) -> str:
    # PostgreSQL's sum of bigint is numeric: cast, it divides like a whole number again.
    return ", ".join(f"CAST(SUM({column}) AS bigint) AS {column}" for column in columns)


def _through_the_mechanism(reached: str) -> str:
    """Overall, and by mechanism, type, theme and region of member States."""
    return f"""
        SELECT measure, slot, iscm_id, dimension, value, part, {_summed("n", "total", "aside")}
        FROM (
            SELECT measure, slot, place, part, {_summed("n", "total", "aside")}
            FROM kept GROUP BY measure, slot, place, part
        ) places JOIN bridge USING (place)
        WHERE {reached} AND (dimension <> 'region'
            OR measure NOT IN (SELECT measure FROM has_cut WHERE dimension = 'region'))
        GROUP BY measure, slot, iscm_id, dimension, value, part
    """


def _by_own_cuts(reached: str) -> str:
    """By what a record says itself, overall and by mechanism: grouping sets, or a union of groups.

    Both give the same rows; SQLite has no grouping sets.
    """
    leaves = f"""
        SELECT kept.*, iscm_id FROM kept
        JOIN bridge ON bridge.place = kept.place AND bridge.dimension = ''
        WHERE {reached}
    """
    shared = "measure, slot, iscm_id, part"
    if connection.vendor != "postgresql":
        return "\nUNION ALL\n".join(
            f"""
            SELECT measure, slot, iscm_id, '{cut}' AS dimension, {cut} AS value, part,
                {_summed("n", "total", "aside")}
            FROM ({leaves}) leaves
            WHERE measure IN (SELECT measure FROM has_cut WHERE dimension = '{cut}')
            GROUP BY {shared}, {cut}
            """
            for cut in OWN_CUTS
        )
    names = " ".join(f"WHEN GROUPING({cut}) = 0 THEN '{cut}'" for cut in OWN_CUTS)
    sets = ", ".join(f"({shared}, {cut})" for cut in OWN_CUTS)
    return f"""
        SELECT measure, slot, iscm_id, dimension, value, part, n, total, aside
        FROM (
            SELECT {shared}, CASE {names} END AS dimension,
                COALESCE({", ".join(OWN_CUTS)}) AS value, {_summed("n", "total", "aside")}
            FROM ({leaves}) leaves
            GROUP BY GROUPING SETS ({sets})
        ) cut JOIN has_cut USING (measure, dimension)
    """


def _write_targets(targets: Iterable[Span]) -> None:
    create(
        "targets",
        "slot integer, period text, year integer, quarter integer",
        [(slot, *span) for span in sorted(targets) for slot in slots_of(span)],
    )
    index("targets", "slot")


def _write_bridge(slots: Collection[int]) -> None:
    """The cells of every set of mechanisms that a record of these quarters has; none of them is a
    set as well."""
    kept = EvidenceSum.objects.filter(slot__in=slots)
    places = kept.order_by().values_list("place", flat=True).distinct()
    cells_of = _cells_by_iscm()
    rows: set[tuple[str, int, str, str]] = set()
    for place in places:
        ids = [int(number) for number in place.split(",") if number]
        rows.add((place, 0, "", ""))
        for iscm in ids:
            rows.add((place, iscm, "", ""))
        for iscm in ids or [0]:
            for dimension, values in cells_of[iscm].items():
                for value in values:
                    rows.add((place, 0, dimension, value))
                    if iscm:
                        rows.add((place, iscm, dimension, value))
    create("bridge", "place text, iscm_id integer, dimension text, value text", sorted(rows))
    index("bridge", "place")


def _cells_by_iscm() -> dict[int, dict[str, set[str]]]:
    """Type, themes and regions of member States of each mechanism; "" where it has none (and of no
    mechanism, 0)."""
    found: dict[int, dict[str, set[str]]] = defaultdict(
        lambda: {"type": set(), "theme": set(), "region": set()}
    )
    iscms = ISCM.objects.order_by()
    for pk, kind, theme in iscms.values_list("pk", "type", "themes__code"):
        found[pk]["type"].add(kind)
        found[pk]["theme"].add(theme or "")
    regions = ISCM.objects.order_by().alias(member=members_of(""))
    for pk, region in regions.values_list("pk", "member__country__region").distinct():
        if region:
            found[pk]["region"].add(region)
    for cells in found.values():
        cells["region"] = cells["region"] or {""}
    found[0] = {"type": {""}, "theme": {""}, "region": {""}}
    return found


def _write_cuts(measures: list[str]) -> None:
    rows = [(key, cut) for key in measures for cut in MEASURES[key].own_cuts]
    create("has_cut", "measure text, dimension text", rows)
