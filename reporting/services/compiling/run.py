"""A run: every measure for every cell, published in one piece."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from django.db import transaction

from engagements.models import FollowUpAction
from iscm_portal.common import outbox
from iscm_portal.common.locks import lock_until_commit
from iscm_portal.common.period import Period, quarter_slot, year_slots

from ...choices import IndicatorState, PeriodKind
from ...measures import MEASURES, MoneyMeasure
from ...measures.base import ALL_TIME
from ...measures.evidence import years_with_evidence
from ...models import CompileRun, Indicator, IndicatorValue
from ...selectors.indicators import latest_run
from ..duties import ask_for_figures, bring_up_to_date
from . import cells, sums, values
from .cells import Iscms, Span
from .history import keep_history
from .progress import Progress, Step
from .sums import Stretch
from .temporary import drop, seconds_now, take_room

MONEY = frozenset(key for key, measure in MEASURES.items() if isinstance(measure, MoneyMeasure))


@dataclass(frozen=True)
class Work:
    """What a run counts anew, and which spans and measures it works out from that."""

    scope: CompileRun.Scope
    stretches: tuple[Stretch, ...]
    targets: frozenset[Span]
    counted: frozenset[str] = frozenset(MEASURES)
    worked_out: frozenset[str] = frozenset(MEASURES)
    iscms: Iscms = None

    def counts(self, measure: str, day: dt.date) -> bool:
        """Whether what ``measure`` counts of ``day`` is counted anew."""
        return measure in self.counted and any(day in stretch.period for stretch in self.stretches)

    def narrowed(self, moved: set[tuple[str, str]]) -> Work:
        """Work out what rests on these sums (measure and place), and what finance works out.

        The cells of one mechanism do not move with another's sums, nor those of a quarter; but
        whether answers are enough to be shown depends on those of all.
        """
        worked_out = {key for key, _place in moved}
        if "report_coverage" in worked_out:
            # With the first report of a cell, what is not on record becomes 0.
            worked_out |= {key for key, measure in MEASURES.items() if measure.is_count}
        left = replace(self, worked_out=frozenset(worked_out | (self.counted & MONEY)))
        if any(MEASURES[key].least_n for key in worked_out):
            quarters = product([PeriodKind.QUARTER.value], self.years, range(1, 5))
            return replace(left, targets=self.targets.union(quarters))
        places = ",".join(place for _key, place in moved).split(",")
        return replace(left, iscms=frozenset(int(pk) for pk in places if pk))

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
    spans = set(cells.spans_between(first_year, last_year))
    if whole:
        return _run(Work(CompileRun.Scope.WHOLE, (Stretch(ALL_TIME),), _begun(spans, at)), at)
    # Twelve months that begin in these years end in the one after, and those that end in them begin
    # in the one before: its sums are kept, but for the very first run.
    spans |= {
        span
        for span in cells.spans_between(last_year + 1, last_year + 1)
        if span[0] == PeriodKind.ROLLING and span[2] < 4
    }
    around = 0 if _last_whole() else 1
    stretch = Stretch(Period.years(first_year - around, last_year + around))
    return _run(Work(CompileRun.Scope.YEARS, (stretch,), _begun(spans, at)), at)


def compile_all(at: dt.datetime) -> CompileRun:
    """Work out all years with evidence, and the present one."""
    first, last = years_with_evidence() or (at.year, at.year)
    return compile_indicators(min(first, at.year), max(last, at.year), at, whole=True)


def compile_change(
    slots: Collection[int], kinds: Collection[str], at: dt.datetime
) -> CompileRun | None:
    """Work out what records of these ``kinds`` (model names), dated in these quarters, may move.

    Their quarters are counted anew; where that gives other sums, the spans that have them are added
    up from the sums that are kept of the others. Without such sums everything is compiled. None
    where nothing can have moved.
    """
    moved = frozenset(key for key, measure in MEASURES.items() if measure.moved_by & set(kinds))
    if not moved or not slots:
        return None
    if (whole := _last_whole()) is None:
        return compile_all(at)
    # Twelve months that have begun since then the next whole run brings, of all mechanisms at once.
    targets = _begun(cells.spans_with(slots), whole)
    stretches = tuple(sums.stretches_of(slots))
    return _run(Work(CompileRun.Scope.CHANGE, stretches, targets, moved), at)


def _last_whole() -> dt.datetime | None:
    """When the whole was compiled last: the sums that are kept are its, and of what moved since."""
    whole = CompileRun.objects.filter(
        scope=CompileRun.Scope.WHOLE, state=CompileRun.State.PUBLISHED
    )
    return whole.order_by("-started_at").values_list("started_at", flat=True).first()


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
        # Of a change they stand: who changes a delegation, or moves an event, asks for them.
        if work.scope != CompileRun.Scope.CHANGE:
            progress.tell(Step.DUTIES)
            moved = bring_up_to_date(at)
            ask_for_figures(day for day in moved if not work.counts("report_coverage", day))
        fallen_due = _fallen_due_since(latest_run(), at.date())
        _ask_for_follow_ups(
            day for day in fallen_due if not work.counts("follow_up_completion", day)
        )
        run = CompileRun.objects.create(
            scope=work.scope,
            first_year=min(work.years),
            last_year=max(work.years),
            started_at=at,
            state=CompileRun.State.RUNNING,
        )
        work = _count(work, progress)
        in_use = Indicator.objects.filter(key__in=work.worked_out)
        values.write_spec(in_use.exclude(state=IndicatorState.RETIRED))
        _work_out(work, progress)
        progress.tell(Step.PUBLISHING)
        run.values_written, run.values_removed = values.publish(run, at, work.iscms)
        if "report_coverage" in work.worked_out and (others := MEASURES.keys() - work.worked_out):
            run.values_written += values.tell_reports(sorted(others), work.iscms, run, at)
        keep_history(run)
        if work.scope != CompileRun.Scope.CHANGE:
            run.values_total = IndicatorValue.objects.count()
        run.seconds = seconds_now() - began
        run.state, run.published_at = CompileRun.State.PUBLISHED, at
        run.save()
        drop((*sums.TABLES, *cells.TABLES, *values.TABLES))
    return run


def _count(work: Work, progress: Progress) -> Work:
    """Count what ``work`` says; the work that is left."""
    measures = [measure for measure in sums.counted_measures() if measure.key in work.counted]

    def tell(done: int) -> None:
        progress.tell(Step.COUNTING, done, len(measures))

    if work.scope == CompileRun.Scope.CHANGE:
        return work.narrowed(sums.count_changed(measures, work.stretches, tell))
    sums.count_anew(measures, work.stretches, tell)
    return work


def _fallen_due_since(last: CompileRun | None, today: dt.date) -> set[dt.date]:
    """The days on which follow-ups were due that count anew, or no more, since the run ``last``."""
    if last is None:
        return set()
    earlier, later = sorted([last.started_at.date(), today])
    due = FollowUpAction.objects.filter(due_on__gte=earlier, due_on__lt=later)
    return set(due.order_by().values_list("due_on", flat=True).distinct())


def _ask_for_follow_ups(days: Iterable[dt.date]) -> None:
    slots = {quarter_slot(day) for day in days}
    if slots:
        outbox.write("evidence_changed", {"slots": sorted(slots), "kinds": ["followupaction"]})


def _work_out(work: Work, progress: Progress) -> None:
    # Coverage stands beside the values of all others.
    added_up = sorted((work.worked_out - MONEY) | {"report_coverage"})
    progress.tell(Step.ADDING_UP)
    cells.add_up(work.targets, added_up, work.iscms)
    progress.tell(Step.WORKING_OUT)
    values.stage(work.years, work.iscms)
    values.stage_money(sorted(work.worked_out & MONEY), work.years)


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
