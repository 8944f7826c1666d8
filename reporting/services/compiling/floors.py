"""Which cells of answers may be shown, so that no sum or difference of them is of fewer than three.

The answers of a year are split into blocks of which each has enough of them. A cell is shown where
it is made of whole blocks: what can be worked out from such cells, by whatever adding and taking
away, is made of whole blocks again (decision 0037).

``answers``   the kept sums of answers
``of_...``    a number for each text, in the order of those: numbers are looked up more quickly
``split``     the answers in numbers, each with its block
``blocks``    what the answers of a block differ in
``parted``    the cells that have some of the mechanisms of a block and not all of them
``marked``    the answers in numbers, each with what its block tells of it
``pieces``    what is in a place, a quarter and a value of a cut, and whether it is of whole blocks
``floors``    the cells that are not shown, and those in which the spread is not
"""

from __future__ import annotations

from django.db import connection

from ...choices import PeriodKind
from ...measures.base import OWN_CUTS
from .cells import KEYS
from .temporary import bytewise, create, create_from, drop, index

# The numbers that stand for texts, and the texts.
NUMBERS = {
    "by_measure": ("measure",),
    "by_place": ("place",),
    "by_kind": ("kind", "event_kind"),
    "by_region": ("region",),
    "by_country": ("country",),
    "by_office": ("office",),
}
NUMBER_OF = {text: number for number, texts in NUMBERS.items() for text in texts}
# What blocks are split by, one after the other.
LEVELS = ("by_place", "by_kind", "by_region", "by_country", "slot")
TABLES = ("answers", *(f"of_{name}" for name in NUMBERS), "split", "blocks", "parted", "marked",
          "pieces")  # fmt: skip
NO_FLOORS = (
    "measure text, period text, year integer, quarter integer, iscm_id integer, dimension text,"
    " value text, hides integer, hides_spread integer"
)


def work_out() -> None:
    """Fill ``floors`` for the measures of ``spec`` that have a least number, of the years that are
    worked out. The number of statements depends on nothing but the code."""
    if not _has_answers():
        create("floors", NO_FLOORS)
        return
    _read_answers()
    _begin()
    for column in LEVELS:
        _split_by(column)
    _look_at_blocks()
    _find_parted()
    _take_pieces()
    _find_cells()
    drop(TABLES)


def _has_answers() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM spec WHERE least_n > 0")
        return bool(cursor.fetchone()[0])


def _read_answers() -> None:
    create_from(
        "answers",
        f"""
        SELECT kept.measure, slot, batch, place, {", ".join(OWN_CUTS)}, n, least_n AS least
        FROM reporting_evidencesum kept
        JOIN spec ON spec.measure = kept.measure AND least_n > 0
        WHERE slot / 10 IN (SELECT year FROM targets WHERE period = '{PeriodKind.YEAR}')
        """,
    )
    for name, texts in NUMBERS.items():
        create_from(
            f"of_{name}",
            f"""
            SELECT {", ".join(texts)},
                ROW_NUMBER() OVER (ORDER BY {", ".join(map(bytewise, texts))}) AS {name}
            FROM (SELECT DISTINCT {", ".join(texts)} FROM answers) one
            """,
        )


def _begin() -> None:
    """At first what came in together is a block, however small. It is never put together with what
    came in otherwise: so what comes later changes no block, and none is told by the difference."""
    joins = " ".join(
        f"JOIN of_{name} ON {' AND '.join(f'of_{name}.{text} = answers.{text}' for text in texts)}"
        for name, texts in NUMBERS.items()
    )
    create_from(
        "split",
        f"""
        SELECT n, least, slot, {", ".join(NUMBERS)},
            DENSE_RANK() OVER (ORDER BY by_measure, slot / 10, batch) AS block
        FROM answers {joins}
        """,
    )


def _split_by(column: str) -> None:
    """Split each block: a part with enough answers becomes a block of its own, the others
    together are one. If they are too few even so, the smallest of the former goes with them."""
    kept = ", ".join(f"split.{name}" for name in ("n", "least", "slot", *NUMBERS))
    index("split", f"block, {column}")
    create_from(
        "split_again",
        f"""
        WITH parts AS (
            SELECT block, {column}, MIN(least) AS least, SUM(n) AS n
            FROM split GROUP BY block, {column}
        ), in_order AS (
            SELECT parts.*,
                SUM(CASE WHEN n < least THEN n ELSE 0 END) OVER (PARTITION BY block) AS few,
                ROW_NUMBER() OVER (
                    PARTITION BY block ORDER BY CASE WHEN n < least THEN 1 ELSE 0 END, n, {column}
                ) AS branch
            FROM parts
        ), numbered AS (
            SELECT block, {column}, DENSE_RANK() OVER (
                ORDER BY block, CASE
                    WHEN n < least OR (branch = 1 AND few BETWEEN 1 AND least - 1) THEN 0
                    ELSE branch END
            ) AS new_block
            FROM in_order
        )
        SELECT {kept}, numbered.new_block AS block
        FROM split JOIN numbered
            ON numbered.block = split.block AND numbered.{column} = split.{column}
        """,
    )
    drop(("split",))
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE split_again RENAME TO split")


def _look_at_blocks() -> None:
    """What the answers of a block differ in. A spread mixes the means of States: it tells none of
    them where a block is of one State, or of enough."""
    index("split", "block")
    mixed = ", ".join(
        f"CASE WHEN MIN({name}) = MAX({name}) THEN 0 ELSE 1 END AS mixes_{name}"
        for name in ("slot", *NUMBERS)
    )
    create_from(
        "blocks",
        f"""
        WITH states AS (
            SELECT block, COUNT(*) AS parts,
                SUM(CASE WHEN country = '' THEN 0 ELSE 1 END) AS named
            FROM (SELECT DISTINCT block, by_measure, by_country FROM split) one
            JOIN of_by_country ON of_by_country.by_country = one.by_country
            JOIN of_by_measure ON of_by_measure.by_measure = one.by_measure
            WHERE measure IN (SELECT measure FROM spec WHERE spread_beside <> '')
            GROUP BY block
        )
        SELECT looked_at.*, CASE WHEN parts > 1 AND named BETWEEN 1 AND least - 1
            THEN 1 ELSE 0 END AS tells_a_state
        FROM (
            SELECT block, CASE WHEN SUM(n) < MIN(least) THEN 1 ELSE 0 END AS is_small,
                MIN(least) AS least, {mixed}
            FROM split GROUP BY block
        ) looked_at LEFT JOIN states ON states.block = looked_at.block
        """,
    )
    index("blocks", "block")


def _find_parted() -> None:
    create_from(
        "parted",
        """
        WITH found AS (
            SELECT DISTINCT split.block, place
            FROM split JOIN of_by_place ON of_by_place.by_place = split.by_place
            JOIN blocks ON blocks.block = split.block AND mixes_by_place = 1
        )
        SELECT found.block, iscm_id, dimension, value
        FROM found JOIN bridge ON bridge.place = found.place
        JOIN (SELECT block, COUNT(*) AS of_block FROM found GROUP BY block) whole
            ON whole.block = found.block
        GROUP BY found.block, iscm_id, dimension, value
        HAVING COUNT(*) < MIN(of_block)
        """,
    )
    index("parted", "block")


def _take_pieces() -> None:
    """``several`` is the block where it is of several places, for these may be parted as well."""
    mixes = ", ".join(f"mixes_{name}" for name in ("slot", *NUMBERS))
    numbers = ", ".join(NUMBERS)
    create_from(
        "marked",
        f"""
        SELECT split.slot, {numbers}, is_small, {mixes}, tells_a_state,
            CASE WHEN mixes_by_place = 1 THEN split.block ELSE 0 END AS several
        FROM split JOIN blocks ON blocks.block = split.block
        """,
    )
    create_from("pieces", "\nUNION ALL\n".join(map(_pieces_of, ("", *OWN_CUTS))))


def _pieces_of(cut: str) -> str:
    number = NUMBER_OF[cut] if cut else "1"
    hides = f"CASE WHEN mixes_{number} = 1 THEN 1 ELSE is_small END" if cut else "is_small"
    code, texts, has_cut = ("''", "", "")
    if cut:
        code, texts = cut, f"JOIN of_{number} ON of_{number}.{number} = piece.number"
        has_cut = f"WHERE measure IN (SELECT measure FROM has_cut WHERE dimension = '{cut}')"
    return f"""
        SELECT measure, slot / 10 AS year, slot, place, '{cut}' AS cut, {code} AS code, several,
            hides_year, hides_quarter, tells_a_state
        FROM (
            SELECT by_measure, slot, by_place, {number} AS number, several,
                MAX({hides}) AS hides_year,
                MAX(CASE WHEN mixes_slot = 1 THEN 1 ELSE {hides} END) AS hides_quarter,
                MAX(tells_a_state) AS tells_a_state
            FROM marked
            GROUP BY by_measure, slot, by_place, several{", " + number if cut else ""}
        ) piece
        JOIN of_by_measure ON of_by_measure.by_measure = piece.by_measure
        JOIN of_by_place ON of_by_place.by_place = piece.by_place
        {texts} {has_cut}
    """


def _find_cells() -> None:
    create_from(
        "floors",
        f"""
        WITH found AS (
            SELECT measure, year, slot, bridge.iscm_id,
                CASE WHEN cut = '' THEN bridge.dimension ELSE cut END AS dimension,
                CASE WHEN cut = '' THEN bridge.value ELSE code END AS value, tells_a_state,
                CASE WHEN parted.block IS NULL THEN hides_year ELSE 1 END AS hides_year,
                CASE WHEN parted.block IS NULL THEN hides_quarter ELSE 1 END AS hides_quarter
            FROM pieces
            JOIN bridge ON bridge.place = pieces.place AND (cut = '' OR bridge.dimension = '')
                AND (bridge.dimension <> 'region' OR measure NOT IN (
                    SELECT measure FROM has_cut WHERE dimension = 'region'))
            LEFT JOIN parted ON parted.block = several AND parted.iscm_id = bridge.iscm_id
                AND parted.dimension = bridge.dimension AND parted.value = bridge.value
        )
        SELECT {KEYS}, MAX(hides) AS hides, MAX(tells_a_state) AS hides_spread
        FROM (
            SELECT measure, '{PeriodKind.YEAR}' AS period, year, 0 AS quarter, iscm_id, dimension,
                value, hides_year AS hides, tells_a_state
            FROM found
            UNION ALL
            SELECT measure, '{PeriodKind.QUARTER}', year, slot - year * 10, iscm_id, dimension,
                value, hides_quarter, tells_a_state
            FROM found
        ) spans
        WHERE hides = 1 OR tells_a_state = 1
        GROUP BY {KEYS}
        """,
    )
    index("floors", KEYS)
