"""A run: every measure for every cell, published in one piece."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from iscm_portal.common import outbox
from iscm_portal.common.locks import lock_until_commit
from iscm_portal.common.period import Period, year_slots

from ...choices import IndicatorState, PeriodKind
from ...measures import MEASURES, MoneyMeasure
from ...measures.base import ALL_TIME
from ...measures.evidence import years_with_evidence
from ...models import CompileRun, Indicator, IndicatorValue
from ..duties import ask_for_figures, bring_up_to_date
from . import cells, sums, values
from .cells import Span
from .history import keep_history
from .progress import Progress, Step
from .sums import Stretch
from .temporary import drop, seconds_now, take_room


@dataclass(frozen=True)
class Work:
    """What a run counts anew, and which spans and measures it works out from that."""

    scope: CompileRun.Scope
    stretches: tuple[Stretch, ...]
    targets: frozenset[Span]
    counted: frozenset[str] = frozenset(MEASURES)
    worked_out: frozenset[str] = frozenset(MEASURES)

    def counts(self, day: dt.date) -> bool:
        """Whether the duties on events that end on ``day`` are counted anew."""
        return "report_coverage" in self.counted and any(
            day in stretch.period for stretch in self.stretches
        )

    @property
    def years(self) -> set[int]:
        return {year for kind, year, _part in self.targets if kind == PeriodKind.YEAR}


def compile_indicators(
    first_year: int, last_year: int, at: dt.datetime, *, whole: bool = False
) -> CompileRun:
    """Work out every indicator in use for the years asked for, their quarters, and the twelve
    months to the end of each quarter that has begun; overall, for each mechanism, and by every
    dimension of its measure.

    ``whole`` says that there is no evidence in other years: what stands there is taken away.

    One transaction, one compile at a time: readers see the previous values until all the new ones
    stand, and a run that is killed leaves no trace. Running it again changes nothing. The number of
    statements depends on the number of measures only.
    """
    # Twelve months that end in these years begin in the one before, and those that begin in them
    # end in the one after.
    spans = set(cells.spans_between(first_year, last_year))
    if whole:
        stretches = (Stretch(ALL_TIME),)
    else:
        stretches = (Stretch(Period.years(first_year - 1, last_year + 1)),)
        spans |= {
            span
            for span in cells.spans_between(last_year + 1, last_year + 1)
            if span[0] == PeriodKind.ROLLING and span[2] < 4
        }
    scope = CompileRun.Scope.WHOLE if whole else CompileRun.Scope.YEARS
    return _run(Work(scope, stretches, _begun(spans, at)), at)


def compile_all(at: dt.datetime) -> CompileRun:
    """Work out all years with evidence, and the present one."""
    first, last = years_with_evidence() or (at.year, at.year)
    return compile_indicators(min(first, at.year), max(last, at.year), at, whole=True)


def compile_change(
    slots: Collection[int], kinds: Collection[str], at: dt.datetime
) -> CompileRun | None:
    """Work out what records of these ``kinds`` (model names), dated in these quarters, may move.

    Their quarters are counted anew, and the spans that have them added up from the sums that are
    kept of the others. Without such sums everything is compiled. None where nothing can have moved.
    """
    moved = frozenset(key for key, measure in MEASURES.items() if measure.moved_by & set(kinds))
    whole = CompileRun.objects.filter(
        scope=CompileRun.Scope.WHOLE, state=CompileRun.State.PUBLISHED
    )
    if not moved or not slots:
        return None
    if not whole.exists():
        return compile_all(at)
    worked_out = moved
    if "report_coverage" in moved:
        # With the first report of a cell, what is not on record becomes 0.
        worked_out |= {key for key, measure in MEASURES.items() if measure.is_count}
    touched = set(slots)
    if any(MEASURES[key].least_n for key in moved):
        # Which quarters of answers may be shown hangs on the others of the year.
        touched |= {slot for year in {slot // 10 for slot in slots} for slot in year_slots(year)}
    return _run(
        Work(
            CompileRun.Scope.CHANGE,
            tuple(_stretches(slots)),
            _begun(cells.spans_with(touched), at),
            moved,
            worked_out,
        ),
        at,
    )


def _stretches(slots: Collection[int]) -> Iterable[Stretch]:
    """Each quarter by itself; where only the year is known, the year."""
    for slot in sorted(slots):
        year, quarter = divmod(slot, 10)
        period = Period.months_to(year, 3 * quarter, 3) if quarter else Period.year(year)
        yield Stretch(period, frozenset({slot}))


def _begun(spans: Iterable[Span], at: dt.datetime) -> frozenset[Span]:
    """Without the twelve months that end with a quarter to come: they would be a part of a year."""
    now = at.year, (at.month + 2) // 3
    return frozenset(
        span for span in spans if span[0] != PeriodKind.ROLLING or (span[1], span[2]) <= now
    )


def _run(work: Work, at: dt.datetime) -> CompileRun:
    with Progress(at) as progress, transaction.atomic():
        lock_until_commit("compile")
        take_room()
        began = seconds_now()
        progress.tell(Step.DUTIES)
        moved = bring_up_to_date(at)
        ask_for_figures(day for day in moved if not work.counts(day))
        run = CompileRun.objects.create(
            scope=work.scope,
            first_year=min(work.years),
            last_year=max(work.years),
            started_at=at,
            state=CompileRun.State.RUNNING,
        )
        in_use = Indicator.objects.filter(key__in=work.worked_out)
        values.write_spec(in_use.exclude(state=IndicatorState.RETIRED))
        counted = [measure for measure in sums.counted_measures() if measure.key in work.counted]
        sums.take_away(counted, work.stretches)
        for done, measure in enumerate(counted):
            progress.tell(Step.COUNTING, done, len(counted))
            for stretch in work.stretches:
                sums.count(measure, stretch)
        _work_out(work, progress)
        progress.tell(Step.PUBLISHING)
        run.values_written, run.values_removed = values.publish(run, at)
        if "report_coverage" in work.counted and (others := MEASURES.keys() - work.worked_out):
            run.values_written += values.tell_reports(sorted(others), run, at)
        keep_history(run)
        if work.scope != CompileRun.Scope.CHANGE:
            run.values_total = IndicatorValue.objects.count()
        run.seconds = seconds_now() - began
        run.state, run.published_at = CompileRun.State.PUBLISHED, at
        run.save()
        drop((*cells.TABLES, *values.TABLES))
    return run


def _work_out(work: Work, progress: Progress) -> None:
    money = {key for key in work.worked_out if isinstance(MEASURES[key], MoneyMeasure)}
    # Coverage stands beside the values of all others.
    added_up = sorted((work.worked_out - money) | {"report_coverage"})
    progress.tell(Step.ADDING_UP)
    cells.add_up(work.targets, added_up)
    progress.tell(Step.WORKING_OUT)
    values.stage(work.years)
    values.stage_money(sorted(money), work.years)


@outbox.handles("evidence_changed")
def recompile(payload: dict[str, Any], at: dt.datetime) -> None:
    """Compile what a change touched: records of some ``kinds`` dated in ``slots`` or ``years``;
    everything of ``years``, those in a row in one pass; or the ``whole``."""
    if payload.get("whole"):
        compile_all(at)
        return
    years = payload.get("years", [])
    if kinds := payload.get("kinds"):
        slots = {slot for year in years for slot in year_slots(year)}
        compile_change(slots.union(payload.get("slots", ())), kinds, at)
        return
    for first, last in spans_of_years(years):
        compile_indicators(first, last, at)


def spans_of_years(years: Iterable[int]) -> list[tuple[int, int]]:
    """``years`` as runs in a row: 2024, 2026, 2025, 2019 are (2019, 2019) and (2024, 2026)."""
    found: list[tuple[int, int]] = []
    for year in sorted(set(years)):
        if found and year == found[-1][1] + 1:
            found[-1] = (found[-1][0], year)
        else:
            found.append((year, year))
    return found
