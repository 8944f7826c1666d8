"""Duties: made from delegations, answered by their office, accepted by IPD."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext as _
from simple_history.utils import bulk_create_with_history, bulk_update_with_history

from engagements.models import Delegate, Event
from iscm_portal.common import outbox
from iscm_portal.common.expressions import DaysBetween
from iscm_portal.common.locks import lock_until_commit
from iscm_portal.common.period import quarter_slot

from ..choices import DutyAnswer, ExtensionDecision
from ..models import Duty, Extension, PostEventReport
from ..selectors.duties import IN_REVIEW_OR_ACCEPTED, accepted, due_on, unanswered


class DutyError(Exception):
    """Something about a duty can't be done now; the message is for the person who tried."""


class DutyAlreadyAnswered(DutyError):
    """The duty has its answer, or a report that is on its way."""


class EventNotOver(DutyError):
    """Nobody can say yet what came of the event."""


class AnswerAlreadyReviewed(DutyError):
    """The answer was accepted, returned or taken back in the meantime."""


class ExtensionAlreadyDecided(DutyError):
    """Somebody else granted or refused the extension in the meantime."""


def sync_duties(at: dt.datetime) -> None:
    """Bring the duties up to date, and ask for the figures of those that count anew."""
    with transaction.atomic():
        ask_for_figures(bring_up_to_date(at))


def bring_up_to_date(at: dt.datetime) -> set[dt.date]:
    """Make the duties agree with who took part: missing ones are made, those of offices that did
    not take part withdrawn, and days moved with their events.

    Runs at every tick, after a change of a delegation and before figures are worked out. The
    number of statements doesn't grow with the rows. Safe to run twice, and at once: one waits.
    Returns the last days of the events whose duties count anew, or no more.
    """
    with transaction.atomic():
        lock_until_commit("duties")
        _make_missing()
        moved = _withdraw_and_revive(at)
        _move_days()
        moved |= _begin_to_count(at.date())
        _settle()
    return moved


def ask_for_figures(days: Iterable[dt.date | None]) -> None:
    """Leave word that duties on events which end on these days count anew."""
    slots = {quarter_slot(day) for day in days if day}
    if slots:
        outbox.write("evidence_changed", {"slots": sorted(slots), "kinds": ["duty"]})


def _took_part() -> tuple[Exists, Exists]:
    pair = {"event": OuterRef("event"), "office": OuterRef("office")}
    return (
        Exists(Delegate.objects.filter(**pair)),
        Exists(PostEventReport.objects.filter(corrects=None, **pair)),
    )


def _make_missing() -> None:
    has_duty = Exists(Duty.objects.filter(event=OuterRef("event"), office=OuterRef("office")))
    dated = Q(event__ends_on__isnull=False) | Q(event__starts_on__isnull=False)
    pairs: dict[tuple[int, int], bool] = {}
    for model in (Delegate, PostEventReport):
        missing = model.objects.filter(~has_duty, dated).order_by()
        for event, office, demo in missing.values_list("event", "office", "is_demo").distinct():
            pairs[event, office] = pairs.get((event, office), True) and demo
    events = Event.objects.in_bulk({event for event, _office in pairs})
    duties = [
        Duty(event_id=event, office_id=office, due_on=day, is_demo=demo)
        for (event, office), demo in sorted(pairs.items())
        if (day := due_on(events[event])) is not None
    ]
    bulk_create_with_history(duties, Duty, batch_size=500)


def _withdraw_and_revive(at: dt.datetime) -> set[dt.date]:
    """The last days of the events whose duties were withdrawn, or stand again."""
    sent, wrote = _took_part()
    duties = Duty.objects.select_related("event")
    gone = list(duties.standing().filter(~sent, ~wrote, answer=""))
    back = list(duties.filter(sent | wrote, withdrawn_at__isnull=False))
    for duty in gone:
        duty.withdrawn_at = at
    for duty in back:
        duty.withdrawn_at = None
    bulk_update_with_history([*gone, *back], Duty, ["withdrawn_at"], batch_size=500)
    return {day for duty in (*gone, *back) if (day := duty.event.last_day)}


def _move_days() -> None:
    """An event was moved: so is the day of what is still to be answered, unless an extension has
    set another."""
    open_ones = unanswered(Duty.objects.all())
    extended = Exists(
        Extension.objects.filter(duty=OuterRef("pk"), decision=ExtensionDecision.GRANTED)
    )
    allowed = DaysBetween(F("due_on"), F("last_day"))
    others = open_ones.filter(~extended).with_last_day().annotate(allowed=allowed)
    moved = list(
        others.exclude(allowed=settings.REPORT_DUE_DAYS)
        .filter(last_day__isnull=False)
        .select_related("event")
    )
    for duty in moved:
        duty.due_on = due_on(duty.event) or duty.due_on
    bulk_update_with_history(moved, Duty, ["due_on"], batch_size=500)


def _begin_to_count(today: dt.date) -> set[dt.date]:
    """A duty is owed once its event is over; an event that was put off takes that back. The last
    days of those events.

    Without history: it follows from the event, whose own changes are kept.
    """
    duties = Duty.objects.with_last_day()
    begun = duties.filter(is_owed=False, last_day__lt=today)
    put_off = duties.filter(is_owed=True, last_day__gte=today)
    days: set[dt.date] = set()
    for rows, is_owed in ((begun, True), (put_off, False)):
        days |= set(rows.order_by().values_list("last_day", flat=True).distinct())
        rows.update(is_owed=is_owed)
    return days


def _settle() -> None:
    """Settle what no acceptance has: duties that were made after their report was accepted.

    What is accepted stays so; the statement looks at the few that are not settled.
    """
    Duty.objects.filter(accepted(), is_settled=False).update(is_settled=True)


def settle_duty(event_id: int, office_id: int) -> None:
    """The report on the event is accepted. Belongs to the transaction that accepts it."""
    Duty.objects.filter(event=event_id, office=office_id).update(is_settled=True)


def supersede_answer(event_id: int, office_id: int) -> None:
    """The office sends a report after all: an answer that IPD has not accepted is taken back.

    Belongs to the transaction that submits the report.
    """
    waiting = Duty.objects.select_for_update(of=("self",)).filter(
        event=event_id, office=office_id, accepted_at__isnull=True
    )
    for duty in waiting.exclude(answer=""):
        _clear(duty)
        duty.save()


@outbox.handles("delegations_changed")
def take_up_delegations(payload: dict[str, Any], at: dt.datetime) -> None:
    sync_duties(at)


def _locked(duty_id: int) -> Duty:
    duties = Duty.objects.select_for_update(of=("self",)).select_related("event", "office")
    duty: Duty = duties.get(pk=duty_id)
    return duty


def answer_duty(duty_id: int, answer: DutyAnswer, reason: str, actor: Any, at: dt.datetime) -> Duty:
    """Answer that there is nothing to report, or that nobody attended (with the reason).

    Raises DutyAlreadyAnswered and EventNotOver; nothing changes then. A draft that was begun stays
    a draft.
    """
    with transaction.atomic():
        duty = _locked(duty_id)
        if duty.event.last_day is not None and at.date() < duty.event.last_day:
            raise EventNotOver(_("The event is not over yet."))
        reports = PostEventReport.objects.filter(
            event=duty.event_id, office=duty.office_id, corrects=None
        )
        if duty.answer or reports.filter(state__in=IN_REVIEW_OR_ACCEPTED).exists():
            raise DutyAlreadyAnswered(_("This has its answer already."))
        duty.answer, duty.reason, duty.returned_with = answer, reason, ""
        duty.answered_by, duty.answered_at = actor, at
        duty.save()
    return duty


def take_back_answer(duty_id: int, actor: Any, at: dt.datetime) -> Duty:
    """The office takes its answer back, to give another. Raises AnswerAlreadyReviewed."""
    with transaction.atomic():
        duty = _waiting(duty_id)
        _clear(duty)
        duty.save()
    return duty


def return_answer(duty_id: int, comment: str, actor: Any, at: dt.datetime) -> Duty:
    """IPD does not take the answer and says why. Raises AnswerAlreadyReviewed."""
    with transaction.atomic():
        duty = _waiting(duty_id)
        _clear(duty)
        duty.returned_with = comment
        duty.save()
    return duty


def _waiting(duty_id: int) -> Duty:
    duty = _locked(duty_id)
    if not duty.answer or duty.accepted_at:
        raise AnswerAlreadyReviewed(_("The answer was accepted, returned or taken back already."))
    return duty


def _clear(duty: Duty) -> None:
    duty.answer, duty.reason, duty.answered_by, duty.answered_at = "", "", None, None


def accept_answers(duty_ids: Iterable[int], actor: Any, at: dt.datetime) -> tuple[int, list[Duty]]:
    """Accept answers together: (how many, those that were not waiting any more).

    What was accepted, returned or taken back in the meantime is left as it is. The figures follow:
    an accepted answer counts in coverage like a report.
    """
    with transaction.atomic():
        wanted = Duty.objects.select_for_update(of=("self",)).filter(pk__in=list(duty_ids))
        duties = list(wanted.select_related("event", "office").order_by("pk"))
        waiting = [duty for duty in duties if duty.answer and not duty.accepted_at]
        for duty in waiting:
            duty.accepted_by, duty.accepted_at, duty.is_settled = actor, at, True
        bulk_update_with_history(
            waiting,
            Duty,
            ["accepted_by", "accepted_at", "is_settled"],
            batch_size=500,
            default_user=actor,
        )
        ask_for_figures(duty.event.last_day for duty in waiting)
    return len(waiting), [duty for duty in duties if duty not in waiting]


def ask_extension(
    duty_id: int, until_on: dt.date, reason: str, actor: Any, at: dt.datetime
) -> Extension:
    """Ask for more time. Raises DutyError when the day is none later or one is asked already."""
    with transaction.atomic():
        duty = _locked(duty_id)
        if until_on <= duty.due_on:
            raise DutyError(_("The day is not later than the one it is due on now."))
        if duty.extensions.filter(decision="").exists():
            raise DutyError(_("More time is asked for already; it is not decided yet."))
        if duty.answer:
            raise DutyAlreadyAnswered(_("This has its answer already."))
        return Extension.objects.create(
            duty=duty, until_on=until_on, reason=reason, asked_by=actor, asked_at=at
        )


def decide_extension(
    extension_id: int, decision: ExtensionDecision, actor: Any, at: dt.datetime
) -> Extension:
    """Grant or refuse more time; granted, it moves the day. Raises ExtensionAlreadyDecided."""
    with transaction.atomic():
        asked = Extension.objects.select_for_update(of=("self",)).select_related("duty")
        extension: Extension = asked.get(pk=extension_id)
        if extension.decision:
            raise ExtensionAlreadyDecided(_("Somebody has decided this in the meantime."))
        extension.decision, extension.decided_by, extension.decided_at = decision, actor, at
        extension.save()
        if decision == ExtensionDecision.GRANTED:
            duty = _locked(extension.duty_id)
            duty.due_on = max(duty.due_on, extension.until_on)
            duty.save()
    return extension
