"""Post-event reports of the demo, filed and reviewed the way people do it in the portal."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from decimal import Decimal

from engagements.models import AgendaItem, Delegate, Event, IOMPriority, Organisation, User
from reporting.choices import DutyAnswer
from reporting.forms import STEP_KEYS
from reporting.models import (
    Duty,
    Lesson,
    Participant,
    PostEventReport,
    ReportedAgendaItem,
    ReportedFollowUp,
    ReportedInstrument,
    ReportedPartnership,
    ReportedRequest,
)
from reporting.services import duties, reviewing
from reporting.services import reports as services

from . import SERVED_BY, World, some, words
from .activity import agenda_of, demo_event, write_events, write_rows

ACCEPTED = 25


@dataclass(frozen=True)
class Meeting:
    """An event that an office went to: mechanism, office, name, kind, days since it ended."""

    iscm: str
    office: str
    name: str
    kind: str
    ended_days_ago: int


# What the reporter of CO Bangkok finds at sign-in: one overdue, two due soon, one fresh.
OWED = (
    Meeting(
        "bali-process",
        "co-bangkok",
        "Task Force on Planning and Preparedness meeting",
        "working_group",
        25,
    ),
    Meeting(
        "bali-process",
        "co-bangkok",
        "Bali Process technical meeting on trafficking in persons",
        "technical",
        12,
    ),
    Meeting(
        "colombo-process",
        "co-bangkok",
        "Colombo Process working group on remittances",
        "working_group",
        8,
    ),
    Meeting("pidc", "co-bangkok", "PIDC training on document examination", "workshop", 1),
)
RETURNED = Meeting("pidc", "co-bangkok", "PIDC workshop on border management data", "workshop", 20)
IN_REVIEW = (
    Meeting("pidc", "co-canberra", "PIDC regular annual meeting", "senior_officials", 13),
    Meeting(
        "colombo-process",
        "iom-nepal",
        "Colombo Process senior officials' meeting",
        "senior_officials",
        11,
    ),
    Meeting("rcm", "ro-san-jose", "RCM regional consultation group", "technical", 9),
)
# Other offices owe too, so that coverage is not complete.
OWED_BY_OTHERS = (
    Meeting("midwa", "ro-dakar", "MIDWA expert meeting on migration data", "technical", 40),
    Meeting("sacm", "ro-buenos-aires", "SACM intersessional meeting", "technical", 30),
)
# Not over yet: nothing is owed on them.
UPCOMING = (
    Meeting(
        "bali-process",
        "co-bangkok",
        "Bali Process senior officials' meeting",
        "senior_officials",
        -21,
    ),
    Meeting(
        "abu-dhabi-dialogue", "hq-lhd", "ADD senior officials' meeting", "senior_officials", -35
    ),
    Meeting("midsa", "ro-pretoria", "MIDSA technical meeting", "technical", -50),
)


class Reports:
    def __init__(
        self,
        world: World,
        users: dict[str, User],
        priorities: dict[str, IOMPriority],
        partners: list[Organisation],
    ) -> None:
        self.world, self.users = world, users
        self.priorities, self.partners = priorities, partners
        self.chance = random.Random("demo reports")  # noqa: S311

    def write(self) -> None:
        accepted = self._accepted_meetings()
        meetings = [*accepted, RETURNED, *IN_REVIEW, *OWED, *OWED_BY_OTHERS, *UPCOMING]
        events = dict(zip(meetings, self._write_events(meetings), strict=True))
        for meeting in accepted:
            self._accept(self._submit(meeting, events[meeting]))
        returned = self._submit(RETURNED, events[RETURNED])
        reviewing.return_report(
            returned.pk, self.users["ipd"], words.RETURN_COMMENT, self._after(returned, 1)
        )
        for meeting in IN_REVIEW:
            self._submit(meeting, events[meeting])
        self._answer_duties(events)

    def _answer_duties(self, events: dict[Meeting, Event]) -> None:
        """One office has nothing to report, and one asks for more time."""
        now = dt.datetime.combine(self.world.today, dt.time(8), dt.UTC)
        duties.sync_duties(now)
        silent, late = (
            Duty.objects.get(event=events[meeting], office=self.world.offices[meeting.office])
            for meeting in OWED_BY_OTHERS
        )
        author = self.users[OWED_BY_OTHERS[0].office]
        duties.answer_duty(silent.pk, DutyAnswer.NOTHING_TO_REPORT, "", author, now)
        duties.ask_extension(
            late.pk,
            self.world.today + dt.timedelta(days=10),
            "Demo: the notes of the Chair are awaited.",
            self.users[OWED_BY_OTHERS[1].office],
            now,
        )

    def _accepted_meetings(self) -> list[Meeting]:
        """Meetings spread over two years, the last one some weeks ago."""
        served = [(slug, office) for slug, offices in SERVED_BY.items() for office in offices]
        meetings = []
        for number in range(ACCEPTED):
            slug, office = served[number % len(served)]
            kind, name = self.chance.choice(words.MEETINGS)
            theme = self.chance.choice(self.world.themes[slug]).name.lower()
            acronym = self.world.iscms[slug].acronym
            meetings.append(
                Meeting(
                    slug,
                    office,
                    f"{acronym} {name.format(theme=theme)}",
                    kind,
                    40 + number * 26 + self.chance.randrange(20),
                )
            )
        return meetings

    def _write_events(self, meetings: list[Meeting]) -> list[Event]:
        """The meetings with their agenda, invitation and delegation."""
        events = []
        for meeting in meetings:
            ends_on = self.world.today - dt.timedelta(days=meeting.ended_days_ago)
            events.append(
                demo_event(
                    self.world,
                    meeting.iscm,
                    name=f"Demo: {meeting.name}",
                    kind=meeting.kind,
                    starts_on=ends_on - dt.timedelta(days=1),
                    ends_on=ends_on,
                    country=self.chance.choice(self.world.members[meeting.iscm]),
                    iom_capacity="participant",
                )
            )
        rows = list(zip(events, meetings, strict=True))
        write_events(self.world, [(event, meeting.iscm) for event, meeting in rows])
        agenda, delegates = [], []
        for event, meeting in rows:
            themes = self.world.themes[meeting.iscm]
            year = event.year or 2024
            agenda += agenda_of(self.chance, event, themes, self.priorities, year)
            delegates += [
                Delegate(
                    event=event,
                    office=self.world.offices[meeting.office],
                    title=title,
                    is_demo=True,
                )
                for title, _grade in some(self.chance, words.POSTS, self.chance.randint(1, 2))
            ]
        write_rows(AgendaItem, agenda)
        write_rows(Delegate, delegates)
        return events

    def _submit(self, meeting: Meeting, event: Event) -> PostEventReport:
        """Start, fill and submit the report of the office that went to ``meeting``."""
        author, office = self.users[meeting.office], self.world.offices[meeting.office]
        started_at = _at(event, self.chance.randint(1, 3))
        report = services.start_report(event, office, author, started_at)
        self._fill(report, meeting, event)
        latest = min(20, meeting.ended_days_ago - 3)
        return services.submit_report(report.pk, author, _at(event, self.chance.randint(4, latest)))

    def _accept(self, report: PostEventReport) -> None:
        reviewing.accept_report(
            report.pk, self.users["ipd"], self._after(report, self.chance.randint(1, 12))
        )

    def _after(self, report: PostEventReport, days: int) -> dt.datetime:
        submitted_at: dt.datetime | None = report.submitted_at
        if submitted_at is None:
            raise ValueError("Only a submitted report is reviewed.")
        return submitted_at + dt.timedelta(days=days)

    def _fill(self, report: PostEventReport, meeting: Meeting, event: Event) -> None:
        chance = self.chance
        theme = chance.choice(self.world.themes[meeting.iscm]).name.lower()
        report.is_demo = True
        report.discussed = f"Demo: {words.DISCUSSED.format(theme=theme)}"
        report.outcomes = f"Demo: {words.OUTCOMES.format(theme=theme)}"
        report.discussed_internal = "Demo: the Chair hopes for support with the next meeting."
        if chance.random() < 0.3:
            report.discussed_restricted = "Demo: one delegation asked that its remark stay here."
        report.steps_done = list(STEP_KEYS)
        report.save()
        report.frames.set(some(chance, self.world.frames, 3))
        self._people(report)
        self._items(report, meeting, event, theme)

    def _people(self, report: PostEventReport) -> None:
        grades = dict(words.POSTS)
        for person in Participant.objects.filter(report=report):
            person.is_demo = True
            person.grade = grades[person.title]
            person.days = Decimal(self.chance.randint(3, 12)) / 2
            person.travel_cost_usd = Decimal(self.chance.randint(30, 240) * 10)
            person.save()
        for item in ReportedAgendaItem.objects.filter(report=report):
            item.is_demo = True
            item.save()

    def _items(self, report: PostEventReport, meeting: Meeting, event: Event, theme: str) -> None:
        chance, members = self.chance, self.world.members[meeting.iscm]
        day = event.ends_on or self.world.today
        for _number in range(chance.randint(1, 2)):
            kind, what = chance.choice(words.REQUESTS)
            ReportedRequest.objects.create(
                report=report,
                country=chance.choice(members),
                kind=kind,
                what=f"Demo: {what.format(theme=theme)}",
                asked_on=day,
                answered_on=day + dt.timedelta(days=1),
                outcome=chance.choice(("met", "met", "partly_met")),
                is_demo=True,
            )
        if chance.random() < 0.5:
            ReportedPartnership.objects.create(
                report=report,
                organisation=chance.choice(self.partners),
                purpose=f"Demo: joint work on {theme}",
                since_on=day,
                is_demo=True,
            )
        if chance.random() < 0.5:
            kind, title = chance.choice(words.INSTRUMENTS)
            instrument = ReportedInstrument.objects.create(
                report=report,
                country=chance.choice(members),
                title=f"Demo: {title.format(theme=theme)}",
                kind=kind,
                action=chance.choice(("passed", "amended")),
                dated_on=day - dt.timedelta(days=20),
                expertise_reflected=chance.choice(("yes", "no", "not_assessed")),
                is_demo=True,
            )
            instrument.agenda.set(ReportedAgendaItem.objects.filter(report=report)[:1])
        ReportedFollowUp.objects.create(
            report=report,
            what=f"Demo: {chance.choice(words.FOLLOW_UPS).format(theme=theme)}",
            who="Programme Manager",
            due_on=day + dt.timedelta(days=60),
            is_demo=True,
        )
        kind, text = chance.choice(words.LESSONS)
        Lesson.objects.create(report=report, kind=kind, text=f"Demo: {text}", is_demo=True)


def _at(event: Event, days: int) -> dt.datetime:
    """Ten in the morning (UTC), ``days`` after the event's end."""
    day = event.ends_on
    if day is None:
        raise ValueError("The event has no end.")
    return dt.datetime.combine(day + dt.timedelta(days=days), dt.time(10), tzinfo=dt.UTC)
