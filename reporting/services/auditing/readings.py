"""What each measure counts, read from plain records after ``docs/indicators.md``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

from django.conf import settings
from django.utils import timezone

from engagements.models import (
    AgendaItem,
    Delegate,
    FollowUpAction,
    Organisation,
    Partnership,
    PolicyInstrument,
    SupportRequest,
)
from finance.models import Proposal, TimeEntry

from ...models import Duty, KnowledgeAnswer, PostEventReport, SatisfactionAnswer
from . import figures
from .directory import Directory, quarter_of, rows
from .figures import Figures
from .tally import Fact, Tally

Facts = Iterator[Fact]
# (event, office)
Pair = tuple[int, int]


@dataclass(frozen=True)
class Reading:
    """How the auditor reads one measure. ``is_sum``: the value of a part is a part of the value;
    ``is_count``: nothing on record is 0 where a report was accepted; ``least``: fewer records
    than this are not shown."""

    facts: Callable[[Directory, dt.date], Facts]
    figures: Callable[[Tally | None], Figures]
    is_sum: bool = False
    is_count: bool = False
    least: int = 0


def _at(iscm: int | None) -> tuple[int, ...]:
    return (iscm,) if iscm else ()


def _of_state(directory: Directory, state: int | None) -> tuple[tuple[str, str], ...]:
    """The State that a record names, and the region it lies in."""
    iso3, region = directory.states[state]
    return ("country", iso3), ("region", region)


# --- what came of it


def partnerships(directory: Directory, today: dt.date) -> Facts:
    kinds = dict(rows(Organisation, "pk", "kind"))
    columns = ("since_on", "iscm_id", "organisation_id", "office_id")
    for since_on, iscm, partner, office in rows(Partnership, *columns):
        cuts = (("kind", kinds[partner]), ("office", directory.offices[office]))
        yield Fact(quarter_of(since_on), _at(iscm), cuts)


INSTRUMENT = ("pk", "dated_on", "iscm_id", "country_id", "kind", "action", "expertise_reflected")


def instruments(action: str) -> Callable[[Directory, dt.date], Facts]:
    """Those passed, or amended, that reflect an agenda item."""

    def read(directory: Directory, today: dt.date) -> Facts:
        # One row for each item that an instrument reflects: the first is as good as all.
        in_order = rows(PolicyInstrument, *INSTRUMENT, "agenda_items")
        for _pk, same in groupby(in_order, key=lambda row: row[0]):
            _pk, dated_on, iscm, state, kind, done, _expertise, item = next(same)
            if done == action and item is not None:
                cuts = (*_of_state(directory, state), ("kind", kind))
                yield Fact(quarter_of(dated_on), _at(iscm), cuts)

    return read


def expertise(directory: Directory, today: dt.date) -> Facts:
    for _pk, dated_on, iscm, state, kind, _action, shows in rows(PolicyInstrument, *INSTRUMENT):
        if shows != "not_assessed":
            cuts = (*_of_state(directory, state), ("kind", kind))
            yield Fact(quarter_of(dated_on), _at(iscm), cuts, int(shows == "yes"))


def requests(directory: Directory, today: dt.date) -> Facts:
    columns = ("asked_on", "answered_on", "iscm_id", "country_id", "kind", "outcome")
    for asked_on, answered_on, iscm, state, kind, outcome in rows(SupportRequest, *columns):
        days = (answered_on - asked_on).days if answered_on else None
        cuts = (*_of_state(directory, state), ("kind", kind))
        yield Fact(quarter_of(asked_on), _at(iscm), cuts, 1, int(outcome == "met"), days)


def follow_ups(directory: Directory, today: dt.date) -> Facts:
    for due_on, iscm, owner, state in rows(
        FollowUpAction, "due_on", "iscm_id", "owner_id", "state"
    ):
        if due_on and due_on < today and state != "dropped":
            cuts = (("office", directory.offices[owner]),)
            yield Fact(quarter_of(due_on), _at(iscm), cuts, int(state == "done"))


# --- what people answered


def knowledge(directory: Directory, today: dt.date) -> Facts:
    columns = ("answered_on", "event_id", "country_id", "before", "after", "survey_id")
    for answered_on, event, state, before, after, survey in rows(KnowledgeAnswer, *columns):
        if before is None or after is None:
            continue
        meeting = directory.meetings[event]
        was, change = int(before * 100), int((after - before) * 100)
        cuts = (*_of_state(directory, state), ("event_kind", meeting.kind))
        yield Fact(
            quarter_of(answered_on),
            meeting.mechanisms,
            cuts,
            change,
            state=state,
            before=was,
            batch=survey or 0,
        )


def satisfaction(directory: Directory, today: dt.date) -> Facts:
    columns = ("answered_on", "iscm_id", "country_id", "kind", "score", "survey_id")
    for answered_on, iscm, state, kind, score, survey in rows(SatisfactionAnswer, *columns):
        cuts = (*_of_state(directory, state), ("kind", kind))
        satisfied = int(score in (4, 5))
        yield Fact(quarter_of(answered_on), _at(iscm), cuts, score, satisfied, batch=survey or 0)


# --- events


def priorities(directory: Directory, today: dt.date) -> Facts:
    carries: dict[int, bool] = {}
    for event, priority in rows(AgendaItem, "event_id", "priority_id"):
        carries[event] = carries.get(event, False) or priority is not None
    for event, has_priority in carries.items():
        yield from _of_meeting(directory, event, int(has_priority))


def attended(directory: Directory, today: dt.date) -> Facts:
    for event in sorted({event for (event,) in rows(Delegate, "event_id")}):
        yield from _of_meeting(directory, event, 1)


def _of_meeting(directory: Directory, event: int, amount: int) -> Facts:
    meeting = directory.meetings[event]
    if meeting.when is not None:
        yield Fact(meeting.when, meeting.mechanisms, (("event_kind", meeting.kind),), amount)


# --- reporting


class _Owed(NamedTuple):
    """What an office owes on an event that is over, and what it gave."""

    event: int
    office: int
    last_day: dt.date
    due_on: dt.date | None
    is_accepted: bool
    answered_at: dt.datetime | None

    def fact(self, directory: Directory, **counted: Any) -> Fact:
        meeting = directory.meetings[self.event]
        cuts = (("office", directory.offices[self.office]), ("event_kind", meeting.kind))
        return Fact(quarter_of(self.last_day), meeting.mechanisms, cuts, **counted)


def coverage(directory: Directory, today: dt.date) -> Facts:
    for owed in _duties(directory, today):
        yield owed.fact(directory, amount=int(owed.is_accepted))


def timeliness(directory: Directory, today: dt.date) -> Facts:
    for owed in _duties(directory, today):
        if not owed.is_accepted:
            continue
        if owed.answered_at is None:
            yield owed.fact(directory)
            continue
        came_on = timezone.localdate(owed.answered_at)
        due_on = owed.due_on or owed.last_day + dt.timedelta(days=settings.REPORT_DUE_DAYS)
        days = (came_on - owed.last_day).days
        yield owed.fact(directory, aside=int(came_on <= due_on), days=days)


def _duties(directory: Directory, today: dt.date) -> Iterator[_Owed]:
    """Each office that took part in an event that was over before ``today``, wrote a report on it
    or gave another answer."""
    took_part: set[Pair] = set(rows(Delegate, "event_id", "office_id"))
    reports: dict[Pair, tuple[str, dt.datetime | None]] = {}
    for event, office, corrects, state, submitted_at in rows(
        PostEventReport, "event_id", "office_id", "corrects_id", "state", "submitted_at"
    ):
        if corrects is None:  # a correction stands for the report that it corrects
            reports[event, office] = state, submitted_at
    answers: dict[Pair, tuple[Any, ...]] = {}
    for event, office, answer, *days in rows(
        Duty, "event_id", "office_id", "answer", "due_on", "answered_at", "accepted_at"
    ):
        if answer or (event, office) in took_part or (event, office) in reports:
            answers[event, office] = tuple(days)
    for pair in took_part | reports.keys() | answers.keys():
        last_day = directory.meetings[pair[0]].last_day
        if last_day is None or last_day >= today:
            continue
        due_on, answered_at, accepted_at = answers.get(pair, (None, None, None))
        state, submitted_at = reports.get(pair, ("", None))
        if state == "accepted":
            yield _Owed(*pair, last_day, due_on, True, submitted_at or answered_at)
        else:
            yield _Owed(*pair, last_day, due_on, accepted_at is not None, answered_at)


# --- money that is counted like the rest


def staff_days(directory: Directory, today: dt.date) -> Facts:
    for worked_on, iscm, office, days in rows(
        TimeEntry, "worked_on", "iscm_id", "office_id", "days"
    ):
        cuts = (("office", directory.offices[office]),)
        yield Fact(quarter_of(worked_on), _at(iscm), cuts, int(days * 100))


def proposals(directory: Directory, today: dt.date) -> Facts:
    columns = ("decided_on", "iscm_id", "office_id", "state")
    for decided_on, iscm, office, state in rows(Proposal, *columns):
        if decided_on and state in ("awarded", "declined"):
            cuts = (("office", directory.offices[office]),)
            yield Fact(quarter_of(decided_on), _at(iscm), cuts, int(state == "awarded"))


READINGS = {
    "partnerships_developed": Reading(
        partnerships, figures.number_of_records, is_sum=True, is_count=True
    ),
    "instruments_passed": Reading(
        instruments("passed"), figures.number_of_records, is_sum=True, is_count=True
    ),
    "instruments_amended": Reading(
        instruments("amended"), figures.number_of_records, is_sum=True, is_count=True
    ),
    "knowledge_change": Reading(knowledge, figures.knowledge, least=3),
    "expertise_reflected": Reading(expertise, figures.share),
    "support_requests": Reading(requests, figures.requests, is_sum=True, is_count=True),
    "satisfaction": Reading(satisfaction, figures.satisfaction, least=3),
    "priorities_on_agenda": Reading(priorities, figures.share),
    "report_coverage": Reading(coverage, figures.share),
    "report_timeliness": Reading(timeliness, figures.timeliness),
    "follow_up_completion": Reading(follow_ups, figures.share),
    "events_attended": Reading(attended, figures.number_of_records, is_sum=True, is_count=True),
    "staff_days": Reading(staff_days, figures.sum_of_hundredths, is_sum=True),
    "proposal_success": Reading(proposals, figures.share),
}
