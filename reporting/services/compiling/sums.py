"""The sums that cells are made of: counted from the records, by quarter, in one statement each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection
from django.db.models import Q

from iscm_portal.common.period import Period

from ...measures import MEASURES, Measure, MoneyMeasure
from ...measures.base import OWN_CUTS
from ...models import EvidenceSum


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


def take_away(measures: Iterable[Measure], stretches: Iterable[Stretch]) -> None:
    """Delete the sums of these stretches that are kept, to be counted anew."""
    keys = [measure.key for measure in measures]
    for stretch in stretches:
        EvidenceSum.objects.filter(stretch.holds(), measure__in=keys).delete()


def count(measure: Measure, stretch: Stretch) -> None:
    """Write the sums of a stretch."""
    found = measure.sums(stretch.period)
    if stretch.slots is not None and any(slot % 10 == 0 for slot in stretch.slots):
        # Of a year, what has no quarter; the days of a quarter say it all.
        found = found.filter(in_slot__in=stretch.slots)
    sql, params = found.query.sql_with_params()
    cuts = ", ".join(OWN_CUTS)
    in_cuts = ", ".join(f"f.in_{name}" for name in OWN_CUTS)
    by = ", ".join(str(column) for column in range(1, 6 + len(OWN_CUTS)))
    place, join = _place_of_event() if measure.is_of_events else (_TEXT_OF_ID, "")
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO reporting_evidencesum
                (measure, slot, place, {cuts}, part, batch, n, total, aside)
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
