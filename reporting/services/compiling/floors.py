"""Which cells of answers may be shown, so that no sum or difference of them is of fewer than three.

The answers of a year are split into blocks of which each has enough of them. A cell is shown where
it is made of whole blocks: what can be worked out from such cells, by whatever adding and taking
away, is made of whole blocks again (decision 0037).

``answers``     the kept sums of answers, each with its block
``blocks``      how many answers a block has, and what its answers differ in
``pieces``      what a cell takes of a block, where it does not take the whole
``floors``      the cells that are not shown, and those in which the spread is not
"""

from __future__ import annotations

from django.db import connection

from ...choices import PeriodKind
from ...measures.base import OWN_CUTS
from .cells import KEYS
from .temporary import bytewise, create, create_from, drop, index

# What blocks are split by, one after the other.
LEVELS = (("place",), ("kind", "event_kind"), ("region",), ("country",), ("slot",))
OF_AN_ANSWER = ("measure", "year", "slot", "place", *OWN_CUTS, "part", "least", "n")
ALIKE = ("slot", "place", *OWN_CUTS)
NO_FLOORS = (
    "measure text, period text, year integer, quarter integer, iscm_id integer, dimension text,"
    " value text, hides integer, hides_spread integer"
)


def work_out() -> None:
    """Fill ``floors`` for the measures of ``spec`` that have a least number, of the years that are
    worked out. A number of statements that depends on nothing but the code."""
    if not _has_answers():
        create("floors", NO_FLOORS)
        return
    _begin()
    for level in LEVELS:
        _split_by(level)
    _look_at_blocks()
    _take_pieces()
    _find_cells()
    drop(("answers", "blocks", "pieces"))


def _has_answers() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM spec WHERE least_n > 0")
        return bool(cursor.fetchone()[0])


def _begin() -> None:
    """At first what came in together is a block, however small. It is never put together with what
    came in otherwise: so what comes later changes no block, and none is told by the difference."""
    create_from(
        "answers",
        f"""
        SELECT kept.measure, slot / 10 AS year, slot, place, {", ".join(OWN_CUTS)}, part,
            least_n AS least, n,
            DENSE_RANK() OVER (ORDER BY kept.measure, slot / 10, batch) AS block
        FROM reporting_evidencesum kept
        JOIN spec ON spec.measure = kept.measure AND least_n > 0
        WHERE slot / 10 IN (SELECT year FROM targets WHERE period = '{PeriodKind.YEAR}')
        """,
    )


def _split_by(level: tuple[str, ...]) -> None:
    """Split each block: a part with enough answers becomes a block of its own, the others
    together are one. If they are too few even so, the smallest of the former goes with them."""
    names = ", ".join(level)
    in_order = ", ".join(name if name == "slot" else bytewise(name) for name in level)
    same = " AND ".join(f"answers.{name} = parts.{name}" for name in ("block", *level))
    index("answers", f"block, {names}")
    create_from(
        "split",
        f"""
        WITH parts AS (
            SELECT block, {names}, MIN(least) AS least, SUM(n) AS n
            FROM answers GROUP BY block, {names}
        ), in_order AS (
            SELECT parts.*, SUM(CASE WHEN n < least THEN n ELSE 0 END) OVER of_block AS few,
                ROW_NUMBER() OVER (
                    PARTITION BY block
                    ORDER BY CASE WHEN n < least THEN 1 ELSE 0 END, n, {in_order}
                ) AS branch
            FROM parts WINDOW of_block AS (PARTITION BY block)
        ), numbered AS (
            SELECT block, {names}, DENSE_RANK() OVER (
                ORDER BY block, CASE
                    WHEN n < least OR (branch = 1 AND few BETWEEN 1 AND least - 1) THEN 0
                    ELSE branch END
            ) AS split_block
            FROM in_order
        )
        SELECT {", ".join(f"answers.{name}" for name in OF_AN_ANSWER)}, parts.split_block AS block
        FROM answers JOIN numbered parts ON {same}
        """,
    )
    drop(("answers",))
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE split RENAME TO answers")


def _look_at_blocks() -> None:
    """What the answers of a block differ in. A spread mixes the means of States: it tells none of
    them where a block is of one State, or of enough."""
    index("answers", "block")
    alike = " AND ".join(f"MIN({name}) = MAX({name})" for name in ALIKE)
    create_from(
        "blocks",
        f"""
        SELECT block, SUM(n) AS n, CASE WHEN SUM(n) < MIN(least) THEN 1 ELSE 0 END AS is_small,
            CASE WHEN MIN(place) = MAX(place) THEN 1 ELSE 0 END AS of_one_place,
            CASE WHEN {alike} THEN 1 ELSE 0 END AS is_alike,
            CASE WHEN COUNT(DISTINCT part) = 0 OR COUNT(DISTINCT part) >= MIN(least)
                OR (COUNT(DISTINCT part) = 1 AND COUNT(*) = COUNT(part))
                THEN 0 ELSE 1 END AS tells_a_state
        FROM answers GROUP BY block
        """,
    )
    index("blocks", "block")


def _take_pieces() -> None:
    """What each quarter and each value of a cut takes of a block that it may part."""
    selects = "\nUNION ALL\n".join(
        f"""
        SELECT answers.block, measure, year, slot, place, '{cut}' AS cut, {code} AS code,
            SUM(answers.n) AS n
        FROM answers JOIN blocks ON blocks.block = answers.block AND (is_alike = 0 OR is_small = 1)
        WHERE '{cut}' = '' OR measure IN (SELECT measure FROM has_cut WHERE dimension = '{cut}')
        GROUP BY answers.block, measure, year, slot, place{", " + cut if cut else ""}
        """
        for cut, code in [("", "''"), *((cut, cut) for cut in OWN_CUTS)]
    )
    create_from("pieces", selects)


def _find_cells() -> None:
    """The cells that part a block, or have too small a one; where a block is of one mechanism (or
    of the same ones) that is known before the cells of its mechanism are looked up."""
    through = """
        JOIN bridge ON bridge.place = found.place AND (cut = '' OR dimension = '')
            AND (dimension <> 'region' OR measure NOT IN (
                SELECT measure FROM has_cut WHERE dimension = 'region'))
    """
    place = """
        iscm_id, CASE WHEN cut = '' THEN dimension ELSE cut END AS dimension,
        CASE WHEN cut = '' THEN value ELSE code END AS value
    """
    create_from(
        "floors",
        f"""
        WITH of_one_place AS (
            SELECT DISTINCT measure, year, slot, place, cut, code, tells_a_state,
                CASE WHEN is_small = 1 OR pieces.n < blocks.n THEN 1 ELSE 0 END AS hides_quarter,
                CASE WHEN is_small = 1 OR blocks.n > SUM(pieces.n) OVER (
                    PARTITION BY pieces.block, cut, code) THEN 1 ELSE 0 END AS hides_year
            FROM pieces JOIN blocks ON blocks.block = pieces.block AND of_one_place = 1
        ), of_several AS (
            SELECT pieces.*, blocks.n AS whole, is_small, tells_a_state
            FROM pieces JOIN blocks ON blocks.block = pieces.block AND of_one_place = 0
        ), in_cells AS (
            SELECT block, measure, year, slot, whole, is_small, tells_a_state, {place}, SUM(n) AS n
            FROM of_several found {through}
            GROUP BY block, measure, year, slot, whole, is_small, tells_a_state,
                iscm_id, dimension, cut, value, code
        ), told AS (
            SELECT measure, year, slot, {place}, tells_a_state, hides_quarter, hides_year
            FROM of_one_place found {through}
            UNION ALL
            SELECT measure, year, slot, iscm_id, dimension, value, tells_a_state,
                CASE WHEN is_small = 1 OR n < whole THEN 1 ELSE 0 END,
                CASE WHEN is_small = 1 OR whole > SUM(n) OVER (
                    PARTITION BY block, iscm_id, dimension, value) THEN 1 ELSE 0 END
            FROM in_cells
        )
        SELECT {KEYS}, MAX(hides) AS hides, MAX(tells_a_state) AS hides_spread
        FROM (
            SELECT measure, '{PeriodKind.YEAR}' AS period, year, 0 AS quarter, iscm_id, dimension,
                value, hides_year AS hides, tells_a_state
            FROM told
            UNION ALL
            SELECT measure, '{PeriodKind.QUARTER}', year, slot - year * 10, iscm_id, dimension,
                value, hides_quarter, tells_a_state
            FROM told
        ) spans
        GROUP BY {KEYS}
        HAVING MAX(hides) = 1 OR MAX(tells_a_state) = 1
        """,
    )
    index("floors", KEYS)
