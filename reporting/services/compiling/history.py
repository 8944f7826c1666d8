"""What a run changed, kept beside what stood before: the dashboard of any past day.

Of years, overall and by mechanism. Two statements, whatever the number of values; only what the
run wrote or removed is looked at.
"""

from __future__ import annotations

from django.db import connection

from ...choices import PeriodKind
from ...models import CompileRun

COLUMNS = (
    "indicator_id, year, cell, iscm_id, value, numerator, denominator, n, status,"
    " reports_owed, reports_accepted"
)
KEPT = f"stands.period = '{PeriodKind.YEAR}' AND stands.dimension = ''"


def keep_history(run: CompileRun) -> None:
    """End what the run changed or removed, and begin what it wrote; after ``publish``."""
    in_scope = "true" if run.scope == CompileRun.Scope.WHOLE else "past.year BETWEEN %s AND %s"
    years = [] if run.scope == CompileRun.Scope.WHOLE else [run.first_year, run.last_year]
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE reporting_publishedvalue AS past SET to_run_id = %s
            WHERE past.to_run_id IS NULL AND {in_scope} AND NOT EXISTS (
                SELECT 1 FROM reporting_indicatorvalue stands
                WHERE stands.indicator_id = past.indicator_id AND stands.year = past.year
                    AND stands.cell = past.cell AND {KEPT} AND stands.part = 0
                    AND stands.run_id <> %s
            )
            """,
            [run.pk, *years, run.pk],
        )
        cursor.execute(
            f"""
            INSERT INTO reporting_publishedvalue ({COLUMNS}, from_run_id)
            SELECT {COLUMNS}, run_id FROM reporting_indicatorvalue stands
            WHERE stands.run_id = %s AND {KEPT}
            """,
            [run.pk],
        )
