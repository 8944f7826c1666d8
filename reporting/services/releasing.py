"""Closing a year: what is published of it is copied, once and for good."""

from __future__ import annotations

import datetime as dt

from django.db import connection, transaction
from django.utils.translation import gettext as _

from engagements.models import User
from iscm_portal.common.locks import lock_until_commit
from iscm_portal.common.period import Period

from ..choices import IndicatorState, PeriodKind, Status
from ..measures import MEASURES
from ..measures.evidence import is_of_answers
from ..models import CompileRun, Indicator, Release, ReleasedIndicator, ReleasedRecord
from ..selectors.indicators import latest_run
from ..selectors.releases import next_revision

MOST_REVISIONS = 99
# What is copied of a definition.
MEANING = (
    *("key", "number", "title", "definition", "caution", "unit", "baseline", "baseline_year"),
    *("target", "rationale", "direction", "green_from", "amber_from", "state"),
)
FIGURES = (
    "cell, iscm_id, dimension, dimension_value, value, numerator, denominator, n, beside, status,"
    " reports_owed, reports_accepted, compiled_at, run_id, version_id"
)


class ReleaseError(Exception):
    """The year cannot be closed; the message says why."""


def close_year(year: int, revision: int, note: str, actor: User, at: dt.datetime) -> Release:
    """Copy all values of ``year`` as they are published now, with what they mean, and note the
    records that they were counted from. A year that was closed may be closed again: ``revision``
    is the one that the actor means to make, so that a second click makes none.

    One transaction, and no compile meanwhile. The release itself is written last: from then on the
    database takes no change of it. Raises ReleaseError.
    """
    if year >= at.year:
        raise ReleaseError(_("A year can be closed when it is over."))
    with transaction.atomic():
        lock_until_commit("compile")
        run = latest_run()
        if revision != next_revision(year):
            raise ReleaseError(_("The year was closed meanwhile. Look at that release first."))
        if revision > MOST_REVISIONS:
            raise ReleaseError(_("The year has been closed too often."))
        whole = CompileRun.objects.exclude(scope=CompileRun.Scope.CHANGE)
        last = whole.filter(first_year__lte=year, last_year__gte=year).first()
        if last and last.started_at.year <= year:
            # Its counts would stay "not over yet", and its last follow-ups uncounted.
            raise ReleaseError(_("The year was not worked out since it is over. Compile it first."))
        number = year * 100 + revision
        _copy_meanings(number)
        total = _copy_values(number, year)
        if run is None or not total:
            raise ReleaseError(_("Nothing is compiled of that year."))
        _note_records(number, year)
        return Release.objects.create(
            id=number,
            year=year,
            revision=revision,
            closed_at=at,
            closed_by=actor,
            note=note,
            run=run,
            values_total=total,
        )


def _copy_meanings(release: int) -> None:
    in_use = Indicator.objects.exclude(state=IndicatorState.RETIRED)
    ReleasedIndicator.objects.bulk_create(
        ReleasedIndicator(
            release_id=release,
            indicator=indicator,
            **{name: getattr(indicator, name) for name in MEANING},
        )
        for indicator in in_use
    )


def _copy_values(release: int, year: int) -> int:
    columns = ", ".join(f"stands.{name.strip()}" for name in FIGURES.split(","))
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO reporting_releasedvalue (release_id, indicator_id, iscm_label, {FIGURES})
            SELECT %s, meant.id, COALESCE(iscm.acronym, ''), {columns}
            FROM reporting_indicatorvalue stands
            JOIN reporting_releasedindicator meant
                ON meant.indicator_id = stands.indicator_id AND meant.release_id = %s
            LEFT JOIN engagements_iscm iscm ON iscm.id = stands.iscm_id
            WHERE stands.period = '{PeriodKind.YEAR}' AND stands.year = %s
                AND NOT (stands.status = '{Status.TOO_FEW}' AND stands.iscm_id IS NOT NULL)
            """,
            [release, release, year],
        )
        return int(cursor.rowcount)


def _note_records(release: int, year: int) -> None:
    meant = ReleasedIndicator.objects.filter(release=release, key__in=MEASURES)
    for indicator in meant:
        if is_of_answers(indicator.key):
            continue  # nobody is shown which they were
        for _label, rows in MEASURES[indicator.key].record_sets(Period.year(year)):
            sql, params = rows.order_by().values("pk").query.sql_with_params()
            with connection.cursor() as cursor:
                cursor.execute(
                    f"""
                    INSERT INTO {ReleasedRecord._meta.db_table}
                        (release_id, indicator_id, model, object_id)
                    WITH found (id) AS ({sql})
                    SELECT DISTINCT %s, {indicator.pk}, %s, found.id FROM found
                    """,
                    [*params, release, rows.model._meta.label_lower],
                )
