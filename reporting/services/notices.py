"""Notices: made when they are due, each once, and sent however long nothing ran."""

from __future__ import annotations

import datetime as dt
import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core import signing
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.db.models import Exists, Max, OuterRef, Q, Subquery
from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from engagements.choices import NoticePace
from engagements.models import Delegate, User
from iscm_portal.common.choices import AccessGroup
from iscm_portal.common.locks import lock_until_commit

from ..choices import (
    ExtensionDecision,
    NoticeAudience,
    NoticeClock,
    ReportAction,
    ReportState,
)
from ..models import Duty, Extension, Notice, NoticeRule, PostEventReport, ReportStep
from ..selectors.duties import unanswered, with_report
from .duties import sync_duties
from .mails import UNSUBSCRIBE, mail_to

log = logging.getLogger(__name__)

# The longest that a rule goes on repeating itself.
MOST_REPEATS = 52

# The three clocks; IPD changes them in the admin.
DEFAULT_RULES = (
    ("before", NoticeClock.NOT_FILED, -3, None, NoticeAudience.WRITERS),
    ("end", NoticeClock.NOT_FILED, 0, None, NoticeAudience.WRITERS),
    ("week", NoticeClock.NOT_FILED, 7, None, NoticeAudience.WRITERS),
    ("due", NoticeClock.NOT_FILED, 14, None, NoticeAudience.WRITERS),
    ("weekly", NoticeClock.NOT_FILED, 21, 7, NoticeAudience.MANAGER),
    ("ipd", NoticeClock.NOT_FILED, 28, None, NoticeAudience.IPD),
    ("returned", NoticeClock.RETURNED, 5, None, NoticeAudience.WRITERS),
    ("waiting", NoticeClock.WAITING, 5, None, NoticeAudience.IPD),
)


class SomeNotSent(Exception):
    """Some mails could not be handed over; their notices stay unsent and say why."""


def send_due_notices(at: dt.datetime) -> int:
    """Make every notice that is due and send what is unsent; returns the number of mails.

    What is due goes by the day, so ticks that never ran are made up for by the next one. Raises
    SomeNotSent at the end when a server refused; the others have gone out.
    """
    sync_duties(at)
    make_due_notices(at)
    let_lapse(at)
    return send_unsent(at)


def ensure_rules() -> list[NoticeRule]:
    """The rules in use; the first time, those that the portal proposes."""
    if not NoticeRule.objects.exists():
        for stage, clock, day, repeat_days, audience in DEFAULT_RULES:
            NoticeRule.objects.create(
                stage=stage, clock=clock, day=day, repeat_days=repeat_days, audience=audience
            )
    return list(NoticeRule.objects.filter(is_active=True))


def make_due_notices(at: dt.datetime) -> None:
    """Make the notices that are due by ``at`` and not made yet, each once for each person.

    A duty that is answered by then needs none any more. The number of statements depends on the
    number of clocks only.
    """
    with transaction.atomic():
        lock_until_commit("notices")
        rules = ensure_rules()
        found: list[Notice] = []
        people = _People()
        for clock, occasions in (
            (NoticeClock.NOT_FILED, _not_filed(at.date(), rules)),
            (NoticeClock.RETURNED, _in_state(ReportState.RETURNED, ReportAction.RETURNED)),
            (NoticeClock.WAITING, _in_state(ReportState.SUBMITTED, ReportAction.SUBMITTED)),
        ):
            people.know(occasion.duty for occasion in occasions)
            for occasion in occasions:
                for rule in rules:
                    if rule.clock == clock:
                        for stage, due_on in stages(rule, occasion.day, at.date()):
                            if occasion.since is not None and due_on <= occasion.since:
                                continue
                            found += [
                                Notice(
                                    duty=occasion.duty,
                                    rule=rule,
                                    stage=stage,
                                    occasion=occasion.name,
                                    recipient_id=person,
                                    due_on=due_on,
                                    made_at=at,
                                )
                                for person in people.of(occasion.duty, rule.audience)
                            ]
        Notice.objects.bulk_create(found, batch_size=500, ignore_conflicts=True)


def stages(rule: NoticeRule, day: dt.date, today: dt.date) -> Iterator[tuple[str, dt.date]]:
    """The stages of ``rule`` that are due by ``today``, counted from ``day``: (name, due day)."""
    due_on = day + dt.timedelta(days=rule.day)
    if not rule.repeat_days:
        if due_on <= today:
            yield rule.stage, due_on
        return
    for number in range(1, MOST_REPEATS + 1):
        if due_on > today:
            return
        yield f"{rule.stage}-{number}", due_on
        due_on += dt.timedelta(days=rule.repeat_days)


@dataclass(frozen=True)
class Occasion:
    """What is told of: a duty, the day that a clock counts from, and the name that tells it from
    other occasions of the same duty. Stages that were due by ``since`` are of an earlier one."""

    duty: Duty
    day: dt.date
    name: str = ""
    since: dt.date | None = None


def _not_filed(today: dt.date, rules: list[NoticeRule]) -> list[Occasion]:
    """Duties that nobody has answered, with the last day of their event.

    More time that was granted moves the whole clock: it is as if the event had ended so much
    later, and nothing that the office was told before is told again. A report that was returned
    has a clock of its own.
    """
    ahead = max([-rule.day for rule in rules if rule.clock == NoticeClock.NOT_FILED] + [0])
    granted = Extension.objects.filter(duty=OuterRef("pk"), decision=ExtensionDecision.GRANTED)
    last = granted.order_by("-decided_at").values("decided_at")[:1]
    duties = with_report(unanswered(Duty.objects.all())).with_last_day()
    near = duties.filter(last_day__lte=today + dt.timedelta(days=ahead))
    return [
        Occasion(duty, duty.last_day)
        if duty.extended_at is None
        else Occasion(
            duty,
            duty.due_on - dt.timedelta(days=settings.REPORT_DUE_DAYS),
            f"until {duty.due_on}",
            duty.extended_at.date(),
        )
        for duty in near.annotate(extended_at=Subquery(last)).select_related("event", "office")
        if duty.report_state != ReportState.RETURNED
    ]


def _in_state(state: ReportState, action: ReportAction) -> list[Occasion]:
    """Duties whose report is in ``state``, with the day of the step that brought it there.

    A returned report that somebody has written in since waits from that day on. The correction
    of a report stands for it: the report itself is accepted as long as there is one. Where the
    office has given another answer meanwhile, nothing waits.
    """
    reports = PostEventReport.objects.filter(state=state)
    steps = ReportStep.objects.filter(action=action, report__in=reports)
    last = steps.order_by().values("report").annotate(step=Max("pk")).values("step")
    chosen = ReportStep.objects.filter(pk__in=last).select_related("report")
    touched = chosen.annotate(
        saved=Max("report__saved_parts__saved_at"), typed=Max("report__kept_texts__kept_at")
    )
    found = {(step.report.event_id, step.report.office_id): step for step in touched}
    duties = Duty.objects.standing().filter(
        event__in={event for event, _office in found}, answer=""
    )
    return [
        Occasion(duty, *_waits_from(step))
        for duty in duties.select_related("event", "office")
        if (step := found.get((duty.event_id, duty.office_id))) is not None
    ]


def _waits_from(step: Any) -> tuple[dt.date, str]:
    """The day from which a step waits to be taken up, and the name of that occasion."""
    touches = [moment for moment in (step.saved, step.typed) if moment and moment > step.at]
    if step.action != ReportAction.RETURNED or not touches:
        return step.at.date(), str(step.pk)
    day = max(touches).date()
    return day, f"{step.pk} {day}"


class _People:
    """Who is told, read for all duties together."""

    def __init__(self) -> None:
        self.by_office: dict[tuple[int | None, str], list[int]] = defaultdict(list)
        self.ipd: list[int] = []
        active = get_user_model().objects.filter(is_active=True).order_by("pk")
        for pk, office, group in active.values_list("pk", "office", "access_group"):
            self.by_office[office, group].append(pk)
            if group == AccessGroup.IPD:
                self.ipd.append(pk)
        self.writers: dict[tuple[int, int], set[int]] = defaultdict(set)

    def know(self, duties: Iterable[Duty]) -> None:
        """Read who writes on these events: authors, co-authors, delegates with an account."""
        events = {duty.event_id for duty in duties}
        reports = PostEventReport.objects.filter(event__in=events)
        for field in ("author", "co_authors"):
            active = reports.filter(**{f"{field}__is_active": True})
            for event, office, person in active.values_list("event", "office", field):
                self.writers[event, office].add(person)
        delegates = Delegate.objects.filter(event__in=events, user__is_active=True)
        for event, office, person in delegates.values_list("event", "office", "user"):
            self.writers[event, office].add(person)

    def of(self, duty: Duty, audience: str) -> list[int]:
        if audience == NoticeAudience.IPD:
            return self.ipd
        if audience == NoticeAudience.MANAGER:
            return self.by_office[duty.office_id, AccessGroup.MANAGER] or self.ipd
        named = self.writers[duty.event_id, duty.office_id]
        return sorted(named) or self.by_office[duty.office_id, AccessGroup.REPORTER]


def let_lapse(at: dt.datetime) -> None:
    """Let what no mail has told yet lapse where it is not so any more."""
    unsent = Notice.objects.unsent()
    reports = PostEventReport.objects.filter(
        event=OuterRef("duty__event"), office=OuterRef("duty__office")
    )
    is_so = {
        NoticeClock.NOT_FILED: Q(duty__in=unanswered(Duty.objects.all())),
        NoticeClock.RETURNED: Q(Exists(reports.filter(state=ReportState.RETURNED))),
        NoticeClock.WAITING: Q(Exists(reports.filter(state=ReportState.SUBMITTED))),
    }
    for clock, condition in is_so.items():
        unsent.filter(~condition, rule__clock=clock).update(lapsed_at=at)


# --- by e-mail


def send_unsent(at: dt.datetime) -> int:
    """Send each person what is unsent in one mail, as often as he wants it."""
    waiting = Notice.objects.unsent().order_by().values("recipient").distinct()
    people = User.objects.filter(pk__in=waiting, is_active=True).exclude(email="")
    people = people.exclude(notice_pace=NoticePace.NEVER)
    last = dict(
        Notice.objects.filter(recipient__in=waiting, emailed_at__isnull=False)
        .order_by()
        .values_list("recipient")
        .annotate(Max("emailed_at"))
    )
    sent, failed = 0, 0
    for person in people.order_by("pk"):
        if not is_time(person.notice_pace, last.get(person.pk), at):
            continue
        try:
            sent += _send(person, at)
        except Exception as error:  # whatever it is, the other people must be told
            log.exception("the notices of user %s could not be sent", person.pk)
            told = f"{type(error).__name__}: {error}"
            Notice.objects.unsent().filter(recipient=person).update(last_error=told)
            failed += 1
    if failed:
        raise SomeNotSent(f"{failed} mail(s) could not be sent; see the notices.")
    return sent


def is_time(pace: str, last: dt.datetime | None, at: dt.datetime) -> bool:
    """Whether somebody who had his last mail at ``last`` gets one now."""
    if pace == NoticePace.AT_ONCE or last is None:
        return pace != NoticePace.NEVER
    if pace == NoticePace.DAILY:
        return last.date() < at.date()
    return pace == NoticePace.WEEKLY and last.isocalendar()[:2] < at.isocalendar()[:2]


def _send(person: User, at: dt.datetime) -> int:
    """One mail with all that is unsent; the rows and the mail stand or fall together.

    A process that dies between the server's answer and the commit sends the mail once more, with
    the same Message-ID, by which mail programs know it again.
    """
    with transaction.atomic():
        rows = Notice.objects.unsent().filter(recipient=person)
        held = rows.select_for_update(skip_locked=True, of=("self",))
        notices = list(held.select_related("duty__event", "duty__office", "rule").order_by("pk"))
        if not notices:
            return 0
        # Of each duty the latest says all that there is to say.
        message = mail(person, list({notice.duty_id: notice for notice in notices}.values()))
        with get_connection() as connection:
            connection.send_messages([message])
        Notice.objects.filter(pk__in=[notice.pk for notice in notices]).update(
            emailed_at=at, last_error=""
        )
    return 1


def mail(person: User, notices: list[Notice]) -> EmailMessage:
    """The notices as a mail in the person's language. No text of a report is in it."""
    with translation.override(person.language):
        subject = (
            sentence(notices[0])
            if len(notices) == 1
            else ngettext(
                "%(n)d notice of the ISCM portal", "%(n)d notices of the ISCM portal", len(notices)
            )
            % {"n": len(notices)}
        )
        lines = [
            f"- {sentence(notice)}\n  {settings.PORTAL_URL}/duties/{notice.duty_id}/"
            for notice in notices
        ]
        keys = ",".join(str(notice.pk) for notice in notices)
        return mail_to(person, "notices", keys, subject, ["\n".join(lines)])


def sentence(notice: Notice) -> str:
    """What a notice says, in the language that is active."""
    event, office = notice.duty.event.name, notice.duty.office.name
    told = {
        "event": event,
        "office": office,
        "due": date_format(notice.duty.due_on, "j F Y"),
    }
    if notice.rule.clock == NoticeClock.RETURNED:
        return _("The report of %(office)s on “%(event)s” was returned and waits for you.") % told
    if notice.rule.clock == NoticeClock.WAITING:
        return _("The report of %(office)s on “%(event)s” waits for a review.") % told
    if notice.rule.day <= 0:
        return _("“%(event)s”: the report of %(office)s is due on %(due)s.") % told
    if notice.rule.audience == NoticeAudience.WRITERS:
        return _("No answer yet on “%(event)s”; it is due on %(due)s.") % told
    return _("%(office)s has not answered on “%(event)s”, due on %(due)s.") % told


def unsubscribe(token: str) -> User | None:
    """End the mails of whom the token of a mail names; None for a token that is none of ours."""
    try:
        pk = signing.loads(token, salt=UNSUBSCRIBE)
    except signing.BadSignature:
        return None
    person: User | None = User.objects.filter(pk=pk).first()
    if person and person.notice_pace != NoticePace.NEVER:
        person.notice_pace = NoticePace.NEVER
        person.save(update_fields=["notice_pace"])
    return person


def mark_read(person: Any, at: dt.datetime) -> None:
    Notice.objects.visible_to(person).unread().update(read_at=at)
