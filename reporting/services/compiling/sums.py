"""The sums that cells are made of: counted from the records, by quarter, in one statement each."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

from django.db import connection
from django.db.models import Q

from iscm_portal.common.period import Period

from ...measures import MEASURES, Measure, MoneyMeasure
from ...measures.base import OWN_CUTS
from ...models import EvidenceSum
from .temporary import create_from, marks

TABLES = ("sums_before",)
COLUMNS = f"measure, slot, place, {', '.join(OWN_CUTS)}, part, batch, n, total, aside"


@dataclass(frozen=True)
class Stretch:
    """Quarters in a row whose records are counted: ``slots`` all of which lie in ``period``."""

    period: Period
    slots: frozenset[int] | None = None

    def holds(self) -> Q:
        """The condition on kept sums that they are of this stretch."""
        if self.slots is not None:
            return Q(slot__in=self.slots)
        return Q(slot__gte=self.period.start.year * 10, slot__lt=self.period.end.year * 10)


def counted_measures() -> list[Measure]:
    """The measures that are added up from ``EvidenceSum``."""
    return [measure for measure in MEASURES.values() if not isinstance(measure, MoneyMeasure)]


def count_anew(
    measures: Collection[Measure], stretches: Collection[Stretch], tell: Callable[[int], None]
) -> None:
    """Put the sums of these stretches in the place of those that are kept; ``tell`` of how many
    measures that is done."""
    keys = [measure.key for measure in measures]
    for stretch in stretches:
        EvidenceSum.objects.filter(stretch.holds(), measure__in=keys).delete()
    for done, measure in enumerate(measures):
        tell(done)
        for stretch in stretches:
            _count(measure, stretch)


def count_changed(
    measures: Collection[Measure], stretches: Collection[Stretch], tell: Callable[[int], None]
) -> set[tuple[str, str]]:
    """Count these quarters anew; measure and place of every sum that is another than before."""
    slots = sorted({slot for stretch in stretches for slot in stretch.slots or ()})
    keys = [measure.key for measure in measures]
    of_these = f"""
        FROM reporting_evidencesum
        WHERE slot IN ({marks(slots)}) AND measure IN ({marks(keys)})
    """
    create_from("sums_before", f"SELECT {COLUMNS} {of_these}", [*slots, *keys])
    count_anew(measures, stretches, tell)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT DISTINCT measure, place
            FROM (
                SELECT {COLUMNS}, 1 AS side FROM sums_before
                UNION ALL SELECT {COLUMNS}, -1 AS side {of_these}
            ) both_times
            GROUP BY {COLUMNS} HAVING SUM(side) <> 0
            """,
            [*slots, *keys],
        )
        return set(cursor.fetchall())


def stretches_of(slots: Iterable[int]) -> Iterator[Stretch]:
    """Each quarter by itself; where only the year is known, the year."""
    for slot in sorted(slots):
        year, quarter = divmod(slot, 10)
        period = Period.months_to(year, 3 * quarter, 3) if quarter else Period.year(year)
        yield Stretch(period, frozenset({slot}))


def _count(measure: Measure, stretch: Stretch) -> None:
    found = measure.sums(stretch.period)
    if stretch.slots is not None and any(slot % 10 == 0 for slot in stretch.slots):
        # Of a year, what has no quarter; the days of a quarter say it all.
        found = found.filter(in_slot__in=stretch.slots)
    sql, params = found.query.sql_with_params()
    in_cuts = ", ".join(f"f.in_{name}" for name in OWN_CUTS)
    by = ", ".join(str(column) for column in range(1, 6 + len(OWN_CUTS)))
    place, join = _place_of_event() if measure.is_of_events else (_TEXT_OF_ID, "")
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO reporting_evidencesum ({COLUMNS})
            WITH found AS ({sql})
            SELECT %s, f.in_slot, {place}, {in_cuts}, f.in_part, f.in_batch,
                SUM(f.sum_n), SUM(COALESCE(f.sum_total, 0)), SUM(COALESCE(f.sum_aside, 0))
            FROM found f {join}
            GROUP BY {by}
            """,
            [*params, measure.key],
        )


_TEXT_OF_ID = "COALESCE(CAST(f.in_place AS text), '')"


def _place_of_event() -> tuple[str, str]:
    """The mechanisms of an event as one text, and the join that has them."""
    together = (
        "STRING_AGG(CAST(iscm_id AS text), ',' ORDER BY iscm_id)"
        if connection.vendor == "postgresql"
        else "GROUP_CONCAT(iscm_id, ',')"
    )
    join = f"""
        LEFT JOIN (
            SELECT event_id, {together} AS place
            FROM (
                SELECT event_id, iscm_id FROM engagements_event_iscms
                WHERE event_id IN (SELECT in_place FROM found)
                ORDER BY event_id, iscm_id
            ) links
            GROUP BY event_id
        ) places ON places.event_id = f.in_place
    """
    return "COALESCE(places.place, '')", join
