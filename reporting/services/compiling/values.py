"""From sums to published values: worked out, compared with what stands, and written by one upsert.

``spec``     the indicators that are compiled, with what their measure says of them
``medians``, ``spreads``   what stands beside some values, by cell
``floors``   which cells of answers are not shown (``floors`` works them out)
``staged``   every cell as it is to stand; numbers in ten-thousandths
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from django.db import connection

from engagements.models import ISCM
from iscm_portal.common.period import Period, quarter_slot

from ...choices import Direction, IndicatorState, PeriodKind, Status
from ...measures import MEASURES, Cell, Measure, MoneyMeasure
from ...measures.base import Shape
from ...models import CompileRun, Indicator
from . import floors
from .cells import KEYS, Iscms, apart, within
from .temporary import (
    as_json,
    create,
    create_from,
    differs,
    four_places,
    index,
    insert,
    marks,
    units,
)

SPEC = (
    "indicator_id integer, measure text, shape text, per integer, scale integer, least_n integer,"
    " is_count integer, share_beside text, median_beside text, spread_beside text,"
    " direction text, has_target integer, green numeric, amber numeric, baseline_year integer,"
    " version_id bigint"
)
STAGED = (
    "indicator_id integer, period text, year integer, part integer, iscm_id integer,"
    " dimension text, dimension_value text, cell text, value bigint, numerator bigint,"
    " denominator bigint, n bigint, beside text"
)
TABLES = ("spec", "medians", "spreads", "floors", "staged")
# Where no report was accepted nobody knows; where one was, somebody would have said so. The cells
# in which a report and a record are of the same mechanisms.
OF_MECHANISMS = "('', 'type', 'theme')"
# Cells for which reports are counted; the others are shown with those of their mechanism.
NO_REPORTS = "('country', 'kind', 'source')"
CELL = (
    "CASE WHEN iscm_id = 0 AND dimension = '' THEN 'overall'"
    " WHEN dimension = '' THEN 'iscm:' || iscm_id"
    " WHEN iscm_id = 0 THEN dimension || ':' || value"
    " ELSE 'iscm:' || iscm_id || '|' || dimension || ':' || value END"
)
SAME_CELL = " AND ".join(
    f"{{0}}.{key} = {{1}}.{key}" for key in KEYS.split(", ") if key != "measure"
)


def write_spec(indicators: Iterable[Indicator]) -> None:
    create(
        "spec",
        SPEC,
        [
            (
                indicator.pk,
                indicator.key,
                measure.shape,
                measure.per,
                measure.scale,
                measure.least_n,
                int(measure.is_count),
                measure.share_beside,
                measure.median_beside,
                measure.spread_beside,
                indicator.direction,
                int(indicator.target is not None),
                _number(indicator.green_from),
                _number(indicator.amber_from),
                indicator.baseline_year,
                indicator.current_version_id,
            )
            for indicator in indicators
            for measure in [MEASURES[indicator.key]]
        ],
    )


def _number(threshold: Decimal | None) -> str | None:
    return None if threshold is None else str(threshold)


def stage(years: Iterable[int], iscms: Iscms) -> None:
    """Fill ``staged`` from ``cell_sums``, for measures that are added up; ``years`` have a cell of
    everything each."""
    _add_zeros()
    _add_years_without_data(years)
    _work_out_medians()
    _work_out_spreads()
    floors.work_out()
    create("staged", STAGED)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO staged
            SELECT indicator_id, period, year, quarter, iscm_id, dimension, value, {CELL},
                CASE WHEN is_shown = 1 THEN worked_out END,
                CASE WHEN is_shown = 1 THEN
                    CASE shape
                        WHEN '{Shape.SUM}' THEN worked_out
                        WHEN '{Shape.RATIO}' THEN {units("total", "per")}
                    END
                END,
                CASE WHEN is_shown = 1 AND shape = '{Shape.RATIO}' AND total IS NOT NULL
                    THEN n * 10000 END,
                CASE WHEN is_shown = 1 THEN n END,
                CASE WHEN is_shown = 1 THEN '{{' || {_beside()} || '}}' ELSE '{{}}' END
            FROM (
                SELECT spec.*, cells.period, cells.year, cells.quarter, cells.iscm_id,
                    cells.dimension, cells.value, cells.n, cells.total, cells.aside,
                    medians.twice,
                    CASE WHEN COALESCE(floors.hides_spread, 0) = 0 THEN spreads.change END
                        AS change,
                    CASE shape
                        WHEN '{Shape.SUM}' THEN {units("cells.total", "per")}
                        WHEN '{Shape.RATIO}' THEN {units("cells.total * scale", "cells.n * per")}
                        ELSE medians.twice * 5000
                    END AS worked_out,
                    1 - COALESCE(floors.hides, 0) AS is_shown
                FROM cell_sums cells
                JOIN spec ON spec.measure = cells.measure
                LEFT JOIN medians ON medians.measure = cells.measure
                    AND {SAME_CELL.format("medians", "cells")}
                LEFT JOIN spreads ON spreads.measure = cells.measure
                    AND {SAME_CELL.format("spreads", "cells")}
                LEFT JOIN floors ON floors.measure = cells.measure
                    AND {SAME_CELL.format("floors", "cells")}
                WHERE {within(iscms, "cells.iscm_id")}
                    AND (spec.least_n = 0 OR cells.period <> '{PeriodKind.ROLLING}')
            ) worked
            -- A list of cells that are not shown would tell who answered.
            WHERE is_shown = 1 OR dimension = ''
            """,
            [],
        )


def _beside() -> str:
    """What stands beside a value, as the inside of a JSON object."""
    share = units("aside * 100", "n")
    return f"""
        CASE WHEN share_beside <> '' THEN '"' || share_beside || '": '
            || COALESCE('"' || {four_places(share)} || '"', 'null') ELSE '' END
        || CASE WHEN share_beside <> '' AND median_beside <> '' THEN ', ' ELSE '' END
        || CASE WHEN median_beside <> '' THEN '"' || median_beside || '": '
            || COALESCE('"' || {four_places("twice * 5000")} || '"', 'null') ELSE '' END
        || CASE WHEN spread_beside <> '' THEN '"' || spread_beside || '": '
            || COALESCE('"' || {four_places("change")} || '"', 'null') ELSE '' END
    """


def _add_zeros() -> None:
    """A count is 0 where a report was accepted and nothing is on record."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO cell_sums ({KEYS}, n, total, aside)
            SELECT year, quarter, iscm_id, value, dimension, spec.measure, period, 0, 0, 0
            FROM cell_sums reports CROSS JOIN spec
            WHERE reports.measure = 'report_coverage' AND reports.total > 0
                AND spec.is_count = 1 AND dimension IN {OF_MECHANISMS}
                AND NOT EXISTS (
                    SELECT 1 FROM cell_sums other
                    WHERE other.measure = spec.measure AND {SAME_CELL.format("other", "reports")}
                        AND other.dimension IN {OF_MECHANISMS}
                )
            """
        )


def _add_years_without_data(years: Iterable[int]) -> None:
    """Every year has its overall cell, if only to say that nobody knows."""
    create("years_asked", "asked integer", [(year,) for year in years])
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO cell_sums ({KEYS}, n, total, aside)
            SELECT asked, 0, 0, '', '', measure, '{PeriodKind.YEAR}', 0, NULL, NULL
            FROM spec CROSS JOIN years_asked
            WHERE measure IN ({_summed_keys()}) AND NOT EXISTS (
                SELECT 1 FROM cell_sums other
                WHERE other.measure = spec.measure AND other.period = '{PeriodKind.YEAR}'
                    AND other.year = asked AND other.iscm_id = 0 AND other.dimension = ''
            )
            """
        )
        cursor.execute("DROP TABLE years_asked")


def _summed_keys() -> str:
    keys = [key for key, measure in MEASURES.items() if not isinstance(measure, MoneyMeasure)]
    return ", ".join(f"'{key}'" for key in keys)


def _keys_with(condition: Any) -> str:
    keys = [key for key, measure in MEASURES.items() if condition(measure)]
    return ", ".join(f"'{key}'" for key in keys)


def _work_out_medians() -> None:
    """Twice the median of ``part`` by cell: the two middle ones of all records together."""

    def has_median(measure: Measure) -> bool:
        return measure.shape == Shape.MEDIAN or bool(measure.median_beside)

    create_from(
        "medians",
        f"""
        SELECT {KEYS},
            MIN(CASE WHEN passed >= (records + 1) / 2 THEN part END)
            + MIN(CASE WHEN passed >= records / 2 + 1 THEN part END) AS twice
        FROM (
            SELECT {KEYS}, part,
                CAST(SUM(n) OVER (PARTITION BY {KEYS} ORDER BY part) AS bigint) AS passed,
                CAST(SUM(n) OVER (PARTITION BY {KEYS}) AS bigint) AS records
            FROM ({apart(_keys_with(has_median))}) apart
        ) counted
        GROUP BY {KEYS}
        """,
    )
    index("medians", KEYS)


def _work_out_spreads() -> None:
    """The change in the standard deviation of the parts' means, of two parts or more."""
    create_from(
        "spreads",
        f"""
        SELECT {KEYS}, CASE WHEN parts > 1 THEN CAST(
            ROUND(ROUND((after_spread - before_spread) * 10000, 5)) AS bigint) END AS change
        FROM (
            SELECT {KEYS}, COUNT(*) AS parts,
                STDDEV_POP((aside + total) * 1.0 / (n * 100)) AS after_spread,
                STDDEV_POP(aside * 1.0 / (n * 100)) AS before_spread
            FROM ({apart(_keys_with(lambda measure: measure.spread_beside))}) apart
            GROUP BY {KEYS}
        ) spread
        """,
    )
    index("spreads", KEYS)


# --- measures that finance works out


def stage_money(measures: list[str], years: set[int]) -> None:
    """Add the cells of these measures to ``staged``."""
    iscms = dict(ISCM.objects.order_by().values_list("slug", "pk"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT measure, indicator_id FROM spec")
        indicators = dict(cursor.fetchall())
    for key in measures:
        if key in indicators:
            insert("staged", _money_rows(MEASURES[key], indicators[key], years, iscms))


def _money_rows(
    measure: Any, indicator: int, years: set[int], iscms: dict[str, int]
) -> Iterator[tuple[Any, ...]]:
    cuts = [name for name in measure.dimensions if name != "iscm"]
    groupings: list[tuple[str, ...]] = [("year",), ("year", "iscm")]
    groupings += [("year", name) for name in cuts]
    groupings += [("year", "iscm", name) for name in cuts]
    period = Period.years(min(years), max(years))
    without_data = set(years)
    for by, cells in zip(groupings, measure.cells(period, groupings), strict=True):
        for cell in cells:
            if cell.key["year"] not in years or ("iscm" in by and cell.key["iscm"] is None):
                continue
            iscm = iscms[cell.key["iscm"]] if "iscm" in by else 0
            name = by[-1] if by[-1] in cuts else ""
            if by == ("year",):
                without_data.discard(cell.key["year"])
            yield _money_row(indicator, cell, iscm, name)
    for year in without_data:
        yield _money_row(indicator, Cell({"year": year}, None, None, None, 0), 0, "")


def _money_row(indicator: int, cell: Cell, iscm: int, name: str) -> tuple[Any, ...]:
    numbers = (cell.value, cell.numerator, cell.denominator)
    beside = {
        key: str(told) if isinstance(told, Decimal) else told for key, told in cell.beside.items()
    }
    value = (cell.key[name] or "") if name else ""
    return (
        indicator,
        PeriodKind.YEAR.value,
        cell.key["year"],
        0,
        iscm,
        name,
        value,
        _name_of_cell(iscm, name, value),
        *(None if number is None else int(number * 10000) for number in numbers),
        cell.n,
        json.dumps(beside),
    )


def _name_of_cell(iscm: int, dimension: str, value: str) -> str:
    """As ``CELL`` has it."""
    places = [f"iscm:{iscm}"] if iscm else []
    cuts = [f"{dimension}:{value}"] if dimension else []
    return "|".join(places + cuts) or "overall"


# --- publishing

COLUMNS = (
    "value",
    "numerator",
    "denominator",
    "n",
    "beside",
    "status",
    "reports_owed",
    "reports_accepted",
    "version_id",
)
KEY = "indicator_id, period, year, part, cell"
SAME_KEY = " AND ".join(f"stands.{name} = fresh.{name}" for name in KEY.split(", "))
WRITTEN = f"{KEY}, iscm_id, dimension, dimension_value, {', '.join(COLUMNS)}"
UPDATES = ", ".join(f"{name} = excluded.{name}" for name in (*COLUMNS, "compiled_at", "run_id"))


def publish(run: CompileRun, at: dt.datetime, iscms: Iscms) -> tuple[int, int]:
    """Make the published values of the run's cells what is staged: rows written and removed.

    What did not change is not touched: it keeps the run and the moment of its last change.
    """
    index("staged", KEY)
    written = _upsert(run, at)
    return written, _remove(run, iscms)


def _status(on: dt.date) -> str:
    """Green, amber or red by the thresholds; else why there is no colour.

    Thresholds are for the whole. A part of a count or a sum, or a quarter of it, cannot be held
    against them; a share, a mean or a median of a part can. What the baseline was taken from, and
    what lies before it, has no colour. Of a span that is not over on the day ``on`` a count or a
    sum has the colour that it keeps whatever comes: it only grows.
    """
    value = "(staged.value / 10000.0)"
    down = f"spec.direction = '{Direction.DOWN}'"
    is_part = (
        f"spec.shape = '{Shape.SUM}' AND (staged.iscm_id <> 0 OR staged.dimension <> ''"
        f" OR staged.period = '{PeriodKind.QUARTER}')"
    )
    first_year = (
        f"(staged.year - CASE WHEN staged.period = '{PeriodKind.ROLLING}' AND staged.part < 4"
        " THEN 1 ELSE 0 END)"
    )
    last_slot = "(staged.year * 10 + CASE WHEN staged.part = 0 THEN 4 ELSE staged.part END)"
    may_turn = (
        f"spec.shape = '{Shape.SUM}' AND {last_slot} >= {quarter_slot(on)}"
        f" AND CASE WHEN {down} THEN {value} <= spec.amber ELSE {value} < spec.green END"
    )
    return f"""
        CASE
            WHEN staged.n IS NULL THEN '{Status.TOO_FEW}'
            WHEN staged.value IS NULL THEN '{Status.NO_DATA}'
            WHEN spec.direction = '{Direction.CONTEXT}' THEN '{Status.CONTEXT}'
            WHEN spec.green IS NULL OR spec.amber IS NULL THEN
                CASE WHEN has_target = 1 THEN '{Status.NO_LIMITS}' ELSE '{Status.NO_TARGET}' END
            WHEN {is_part} THEN '{Status.PART}'
            WHEN {first_year} <= spec.baseline_year THEN '{Status.BASELINE}'
            WHEN {may_turn} THEN '{Status.NOT_OVER}'
            WHEN CASE WHEN {down} THEN {value} <= spec.green ELSE {value} >= spec.green END
                THEN '{Status.GREEN}'
            WHEN CASE WHEN {down} THEN {value} <= spec.amber ELSE {value} >= spec.amber END
                THEN '{Status.AMBER}'
            ELSE '{Status.RED}'
        END
    """


def _reports(cell: str, part: str, iscm: str) -> str:
    """The join that finds the reports beside a cell: of its own cell, or of its mechanism's."""

    def own(name: str, column: str) -> str:
        return (
            f"reports.{name} ="
            f" CASE WHEN {cell}.dimension IN {NO_REPORTS} THEN '' ELSE {cell}.{column} END"
        )

    return f"""
        LEFT JOIN cell_sums reports ON reports.measure = 'report_coverage'
            AND reports.period = {cell}.period AND reports.year = {cell}.year
            AND reports.quarter = {part} AND reports.iscm_id = {iscm}
            AND {own("dimension", "dimension")} AND {own("value", "dimension_value")}
    """


OWED = "COALESCE(reports.n, 0)"
ACCEPTED = "COALESCE(reports.total, 0)"


def _fresh(on: dt.date) -> str:
    """The query of what is staged, as it is to stand, with its status and the reports beside it."""
    return f"""
        SELECT staged.indicator_id, staged.period, staged.year, staged.part, staged.cell,
            NULLIF(staged.iscm_id, 0) AS iscm_id, staged.dimension, staged.dimension_value,
            staged.value / 10000.0 AS value, staged.numerator / 10000.0 AS numerator,
            staged.denominator / 10000.0 AS denominator, staged.n,
            {as_json("staged.beside")} AS beside, {_status(on)} AS status,
            {OWED} AS reports_owed, {ACCEPTED} AS reports_accepted, spec.version_id
        FROM staged
        JOIN spec ON spec.indicator_id = staged.indicator_id
        {_reports("staged", "staged.part", "staged.iscm_id")}
    """


def _upsert(run: CompileRun, at: dt.datetime) -> int:
    """One statement: a Python object per cell would be some ten times slower.

    What stands as it is to stand is left out before the upsert, which would lock it.
    """
    changed = " OR ".join(differs(f"stands.{name}", f"fresh.{name}") for name in COLUMNS)
    fresh = ", ".join(f"fresh.{name}" for name in WRITTEN.split(", "))
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO reporting_indicatorvalue ({WRITTEN}, compiled_at, run_id)
            SELECT {fresh}, %s, %s
            FROM ({_fresh(at.date())}) fresh
            LEFT JOIN reporting_indicatorvalue stands ON {SAME_KEY}
            WHERE stands.id IS NULL OR {changed}
            ON CONFLICT ({KEY}) DO UPDATE SET {UPDATES}
            """,
            [connection.ops.adapt_datetimefield_value(at), run.pk],
        )
        return int(cursor.rowcount)


def _remove(run: CompileRun, iscms: Iscms) -> int:
    """Take away the cells of the run's spans that have nothing any more.

    What finance works out, it worked out for every mechanism.
    """
    in_scope = (
        "true"
        if run.scope == CompileRun.Scope.WHOLE
        else """
            EXISTS (SELECT 1 FROM targets WHERE targets.period = stands.period
                AND targets.year = stands.year AND targets.quarter = stands.part)
        """
    )
    scope = f"""
        indicator_id IN (SELECT indicator_id FROM spec) AND {in_scope} AND (
            {within(iscms, "COALESCE(stands.iscm_id, 0)")} OR indicator_id NOT IN (
                SELECT indicator_id FROM spec WHERE measure IN ({_summed_keys()})
            )
        )
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT (SELECT COUNT(*) FROM reporting_indicatorvalue stands WHERE {scope})
                > (SELECT COUNT(*) FROM staged)
            """
        )
        if not cursor.fetchone()[0]:
            return 0  # the staged stand: no other does
        cursor.execute(
            f"""
            DELETE FROM reporting_indicatorvalue AS stands
            WHERE {scope} AND NOT EXISTS (SELECT 1 FROM staged fresh WHERE {SAME_KEY})
            """
        )
        return int(cursor.rowcount)


def tell_reports(measures: list[str], iscms: Iscms, run: CompileRun, at: dt.datetime) -> int:
    """Bring the reports beside the values of these measures up to date: rows changed.

    For measures whose values stay: all that a report which tells nothing of theirs can change.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE reporting_indicatorvalue AS stands
            SET reports_owed = told.owed, reports_accepted = told.accepted,
                compiled_at = %s, run_id = %s
            FROM (
                SELECT kept.id, {OWED} AS owed, {ACCEPTED} AS accepted
                FROM reporting_indicatorvalue kept
                JOIN (SELECT DISTINCT period, year, quarter FROM targets) asked
                    ON asked.period = kept.period AND asked.year = kept.year
                    AND asked.quarter = kept.part
                {_reports("kept", "kept.part", "COALESCE(kept.iscm_id, 0)")}
                WHERE kept.indicator_id IN (
                    SELECT id FROM reporting_indicator
                    WHERE key IN ({marks(measures)}) AND state <> '{IndicatorState.RETIRED}'
                ) AND {within(iscms, "COALESCE(kept.iscm_id, 0)")}
            ) told
            WHERE told.id = stands.id
                AND (stands.reports_owed <> told.owed OR stands.reports_accepted <> told.accepted)
            """,
            [connection.ops.adapt_datetimefield_value(at), run.pk, *measures],
        )
        return int(cursor.rowcount)
