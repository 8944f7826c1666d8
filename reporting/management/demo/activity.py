"""Two years and more of events and their evidence, recorded outside reports.

Rows are made mechanism by mechanism and year by year, and written in batches: memory stays flat
however large the demo is made, and the statements grow with the rows a thousandfold more slowly.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import Model
from simple_history.utils import bulk_create_with_history

from engagements.models import (
    AgendaItem,
    Event,
    FollowUpAction,
    IOMPriority,
    Organisation,
    Partnership,
    PolicyInstrument,
    SupportRequest,
    Theme,
)
from finance.models import Attribution, FundingLine, Project, TimeEntry
from reporting.models import KnowledgeAnswer, SatisfactionAnswer

from . import REASON, SERVED_BY, SOURCE, World, some, words

BATCH = 1000
# The projects of the demo: mechanisms, basis of their share, first and last year.
PROJECTS = (
    (("midwa",), "dedicated", 2024, 2026),
    (("rcm", "sacm"), "stated_share", 2025, 2027),
    (("bali-process",), "unknown", 2025, 2026),
)
SHARE_OF = {"dedicated": Decimal(100), "stated_share": Decimal(35), "unknown": None}


def demo_event(world: World, slug: str, **fields: Any) -> Event:
    """An event of the demo, not saved; what ``Event.save`` works out is worked out here."""
    starts_on: dt.date = fields["starts_on"]
    return Event(
        **fields,
        year=starts_on.year,
        month=starts_on.month,
        sorted_on=starts_on,
        organiser=f"Demo: Chair of the {world.iscms[slug].acronym}",
        invited_by=f"Demo: Chair of the {world.iscms[slug].acronym}",
        invited_on=starts_on - dt.timedelta(days=30),
        source=SOURCE,
        is_demo=True,
    )


def write_events(world: World, events: list[tuple[Event, str]]) -> None:
    """Write events, each of the mechanism that goes with it."""
    write_rows(Event, [event for event, _slug in events])
    through = Event.iscms.through
    through.objects.bulk_create(
        [through(event_id=event.pk, iscm_id=world.iscms[slug].pk) for event, slug in events],
        batch_size=BATCH,
    )


def agenda_of(
    chance: random.Random,
    event: Event,
    themes: list[Theme],
    priorities: dict[str, IOMPriority],
    year: int,
) -> list[AgendaItem]:
    """Two to four items; the later the year, the likelier one carries an IOM priority."""
    items = []
    for position, theme in enumerate(some(chance, themes, chance.randint(2, 4)), start=1):
        carries = chance.random() < 0.15 + 0.06 * (year - 2024)
        any_other = chance.choice(list(priorities.values()))
        items.append(
            AgendaItem(
                event=event,
                position=position,
                title=f"Demo: {chance.choice(words.AGENDA).format(theme=theme.name.lower())}",
                theme=theme,
                proposed_by_iom=chance.random() < 0.3,
                priority=priorities.get(theme.code, any_other) if carries else None,
                is_demo=True,
            )
        )
    return items


def _first_day(event: Event) -> dt.date:
    if event.starts_on is None:
        raise ValueError("A demo event has a first day.")
    return event.starts_on


@dataclass
class Evidence:
    """Rows of one batch, by kind, in the order in which they are written."""

    requests: list[SupportRequest] = field(default_factory=list)
    partnerships: list[Partnership] = field(default_factory=list)
    instruments: list[tuple[PolicyInstrument, list[AgendaItem]]] = field(default_factory=list)
    follow_ups: list[FollowUpAction] = field(default_factory=list)
    time_entries: list[TimeEntry] = field(default_factory=list)
    knowledge: list[KnowledgeAnswer] = field(default_factory=list)
    satisfaction: list[SatisfactionAnswer] = field(default_factory=list)

    def write(self) -> None:
        write_rows(SupportRequest, self.requests)
        write_rows(Partnership, self.partnerships)
        write_rows(PolicyInstrument, [instrument for instrument, _items in self.instruments])
        through = PolicyInstrument.agenda_items.through
        through.objects.bulk_create(
            [
                through(policyinstrument_id=instrument.pk, agendaitem_id=item.pk)
                for instrument, items in self.instruments
                for item in items
            ],
            batch_size=BATCH,
        )
        write_rows(FollowUpAction, self.follow_ups)
        write_rows(TimeEntry, self.time_entries)
        write_rows(KnowledgeAnswer, self.knowledge)
        write_rows(SatisfactionAnswer, self.satisfaction)


def write_rows(model: type[Model], rows: list[Any]) -> None:
    """Write rows of one kind with the start of their history."""
    if rows:
        bulk_create_with_history(rows, model, batch_size=BATCH, default_change_reason=REASON)


class Activity:
    """Makes the rows; ``scale`` times as many of each."""

    def __init__(
        self,
        world: World,
        priorities: dict[str, IOMPriority],
        partners: list[Organisation],
        scale: int,
    ) -> None:
        self.world, self.priorities, self.partners = world, priorities, partners
        self.scale = scale

    def write(self) -> None:
        for number in range(self.scale):
            for year in self.world.years:
                self._year(random.Random(f"demo {number} {year}"), year)  # noqa: S311
        self._allocations()

    def _year(self, chance: random.Random, year: int) -> None:
        events = [(event, slug) for slug in SERVED_BY for event in self._events(chance, slug, year)]
        write_events(self.world, events)
        agenda = {
            event.pk: agenda_of(chance, event, self.world.themes[slug], self.priorities, year)
            for event, slug in events
        }
        write_rows(AgendaItem, [item for items in agenda.values() for item in items])
        evidence = Evidence()
        for slug in SERVED_BY:
            own = [event for event, its_slug in events if its_slug == slug]
            self._evidence(chance, slug, year, own, agenda, evidence)
        evidence.write()

    def _events(self, chance: random.Random, slug: str, year: int) -> Iterator[Event]:
        acronym = self.world.iscms[slug].acronym
        for _number in range(2):
            starts_on = self.world.day_of(chance, year)
            kind, words_ = chance.choice(words.MEETINGS)
            theme = chance.choice(self.world.themes[slug])
            country = chance.choice(self.world.members[slug])
            if starts_on:
                yield demo_event(
                    self.world,
                    slug,
                    name=f"Demo: {acronym} {words_.format(theme=theme.name.lower())}",
                    kind=kind,
                    starts_on=starts_on,
                    ends_on=starts_on + dt.timedelta(days=chance.randint(0, 2)),
                    country=country,
                )

    def _evidence(
        self,
        chance: random.Random,
        slug: str,
        year: int,
        events: list[Event],
        agenda: dict[int, list[AgendaItem]],
        evidence: Evidence,
    ) -> None:
        """What came of the mechanism's year; a little more of it each year."""
        more = year - 2024
        for _number in range(3 + more):
            evidence.requests += self._request(chance, slug, year, events)
        for _number in range(1 + (chance.random() < 0.3 + 0.2 * more)):
            evidence.partnerships += self._partnership(chance, slug, year)
        for action, often in (("passed", 0.6), ("amended", 0.4)):
            if chance.random() < often + 0.1 * more:
                evidence.instruments += self._instrument(chance, slug, year, action, events, agenda)
        for event in events:
            evidence.follow_ups += self._follow_ups(chance, slug, event)
            evidence.time_entries += self._time(chance, slug, event)
            if event.kind in ("workshop", "technical"):
                evidence.knowledge += self._knowledge(chance, slug, event, more)
        for _number in range(5):
            evidence.satisfaction += self._satisfaction(chance, slug, year, more)

    def _common(self, chance: random.Random, slug: str) -> dict[str, Any]:
        office = chance.choice(SERVED_BY[slug])
        return {
            "iscm": self.world.iscms[slug],
            "office": self.world.offices[office],
            "source": SOURCE,
            "is_demo": True,
        }

    def _theme(self, chance: random.Random, slug: str) -> str:
        return chance.choice(self.world.themes[slug]).name.lower()

    def _request(
        self, chance: random.Random, slug: str, year: int, events: list[Event]
    ) -> Iterator[SupportRequest]:
        kind, what = chance.choice(words.REQUESTS)
        asked_on = self.world.day_of(chance, year)
        if not asked_on:
            return
        answered_on = asked_on + dt.timedelta(days=chance.randint(2, 60))
        answered = answered_on < self.world.today and chance.random() < 0.85
        met = chance.choice(("met", "met", "met", "partly_met", "declined"))
        yield SupportRequest(
            **self._common(chance, slug),
            event=chance.choice(events) if events and chance.random() < 0.5 else None,
            country=chance.choice(self.world.members[slug]),
            kind=kind,
            what=f"Demo: {what.format(theme=self._theme(chance, slug))}",
            asked_on=asked_on,
            answered_on=answered_on if answered else None,
            outcome=met if answered else "open",
        )

    def _partnership(self, chance: random.Random, slug: str, year: int) -> Iterator[Partnership]:
        since_on = self.world.day_of(chance, year)
        if since_on:
            yield Partnership(
                **self._common(chance, slug),
                organisation=chance.choice(self.partners),
                purpose=f"Demo: joint work on {self._theme(chance, slug)}",
                since_on=since_on,
            )

    def _instrument(
        self,
        chance: random.Random,
        slug: str,
        year: int,
        action: str,
        events: list[Event],
        agenda: dict[int, list[AgendaItem]],
    ) -> Iterator[tuple[PolicyInstrument, list[AgendaItem]]]:
        dated_on = self.world.day_of(chance, year)
        if not dated_on:
            return
        kind, title = chance.choice(words.INSTRUMENTS)
        items = [item for event in events for item in agenda[event.pk]]
        reflected = chance.choice(("yes", "yes", "no", "not_assessed"))
        instrument = PolicyInstrument(
            **self._common(chance, slug),
            country=chance.choice(self.world.members[slug]),
            title=f"Demo: {title.format(theme=self._theme(chance, slug))}",
            kind=kind,
            action=action,
            dated_on=dated_on,
            expertise_reflected=reflected,
            expertise_note="Demo: taken from IOM's comments" if reflected == "yes" else "",
        )
        # One in six reflects no agenda item: it is on record and counts in no measure.
        linked = chance.random() > 1 / 6
        yield instrument, some(chance, items, chance.randint(1, 2)) if linked else []

    def _follow_ups(
        self, chance: random.Random, slug: str, event: Event
    ) -> Iterator[FollowUpAction]:
        agreed_on = event.ends_on or _first_day(event)
        due_on = agreed_on + dt.timedelta(days=chance.choice((30, 60, 90)))
        common = self._common(chance, slug)
        over = due_on < self.world.today
        yield FollowUpAction(
            **common,
            event=event,
            owner=common["office"],
            what=f"Demo: {chance.choice(words.FOLLOW_UPS).format(theme=self._theme(chance, slug))}",
            who="Programme Manager",
            agreed_on=agreed_on,
            due_on=due_on,
            state=chance.choice(("done", "done", "done", "dropped", "open")) if over else "open",
        )

    def _time(self, chance: random.Random, slug: str, event: Event) -> Iterator[TimeEntry]:
        for title, grade in some(chance, words.POSTS, chance.randint(1, 2)):
            yield TimeEntry(
                **self._common(chance, slug),
                title=title,
                # Now and then nobody noted the grade: such days have no rate and show as missing.
                grade=grade if chance.random() < 0.9 else "",
                event=event,
                worked_on=_first_day(event),
                days=Decimal(chance.randint(2, 12)) / 2,
                paid_by=chance.choice(("office", "office", "counted_line")),
            )

    def _knowledge(
        self, chance: random.Random, slug: str, event: Event, more: int
    ) -> Iterator[KnowledgeAnswer]:
        for number in range(1, 9):
            before = max(5, min(90, round(chance.gauss(48, 14))))
            after = max(5, min(100, round(before + chance.gauss(14 + 2 * more, 8))))
            yield KnowledgeAnswer(
                event=event,
                country=chance.choice(self.world.members[slug]),
                participant_code=f"p{number:02}",
                answered_on=_first_day(event),
                before=Decimal(before),
                # Some leave before the second test; they are not counted.
                after=Decimal(after) if chance.random() < 0.9 else None,
                is_demo=True,
            )

    def _satisfaction(
        self, chance: random.Random, slug: str, year: int, more: int
    ) -> Iterator[SatisfactionAnswer]:
        answered_on = self.world.day_of(chance, year)
        if answered_on:
            score = chance.choices((1, 2, 3, 4, 5), weights=(1, 2, 5, 6 + 2 * more, 3 + 2 * more))
            yield SatisfactionAnswer(
                iscm=self.world.iscms[slug],
                country=chance.choice(self.world.members[slug]),
                kind=chance.choice(("administrative", "technical", "logistical", "liaison")),
                answered_on=answered_on,
                score=score[0],
                is_demo=True,
            )

    def _allocations(self) -> None:
        """One OSI line for each mechanism and year."""
        chance = random.Random("demo allocations")  # noqa: S311
        lines = [
            FundingLine(
                code=f"DEMO-OSI-{year}-{number:02}",
                year=year,
                source_of_funds="osi",
                supports="iscm",
                iscm=self.world.iscms[slug],
                label=f"Demo: OSI for the {self.world.iscms[slug].acronym}",
                payer="IOM",
                amount_usd=Decimal(chance.randrange(20, 120) * 1000),
                source=SOURCE,
                is_demo=True,
            )
            for year in self.world.years
            for number, slug in enumerate(SERVED_BY, start=1)
        ]
        write_rows(FundingLine, lines)
        self._projects()

    def _projects(self) -> None:
        """Three projects: dedicated, shared out, and of a share that nobody has stated."""
        for number, (slugs, basis, first, last) in enumerate(PROJECTS, start=1):
            project = Project.objects.create(
                code=f"DEMO-{number}",
                title=f"Demo: support to the {self.world.iscms[slugs[0]].acronym}",
                starts_on=dt.date(first, 1, 1),
                ends_on=dt.date(last, 12, 31),
                source=SOURCE,
                is_demo=True,
            )
            years = [year for year in self.world.years if first <= year <= last]
            write_rows(FundingLine, [self._project_line(project, year) for year in years])
            shares = [
                Attribution(
                    project=project,
                    iscm=self.world.iscms[slug],
                    year=year,
                    basis=basis,
                    share_pct=SHARE_OF[basis],
                    source=SOURCE,
                    is_demo=True,
                )
                for year in years
                for slug in slugs
            ]
            write_rows(Attribution, shares)

    @staticmethod
    def _project_line(project: Project, year: int) -> FundingLine:
        return FundingLine(
            code=f"{project.code}-{year}",
            year=year,
            source_of_funds="project_support",
            supports="project",
            project=project,
            label=f"Demo: budget of {project.code}",
            payer="Demo: donor",
            amount_usd=Decimal(300_000),
            source=SOURCE,
            is_demo=True,
        )
