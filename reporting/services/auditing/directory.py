"""Who and what the records speak of: mechanisms, offices, States and meetings, read once."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import Any, NamedTuple

from django.db.models import Model

from engagements.models import ISCM, Country, Event, Membership, Office, Theme

# A year and a quarter of it; quarter 0 where only the year is known.
When = tuple[int, int]
# The value of a dimension where there is none.
NOTHING = ""


def quarter_of(day: dt.date) -> When:
    return day.year, (day.month + 2) // 3


def rows(model: type[Model], *columns: str) -> Any:
    """These columns of all rows of a table, a few rows at a time."""
    found = model._default_manager.order_by("pk").values_list(*columns)
    return found.iterator(chunk_size=5000)


class Mechanism(NamedTuple):
    """A mechanism, with its values of the dimensions that go through it."""

    slug: str
    type: str
    themes: tuple[str, ...]
    regions: tuple[str, ...]

    def cuts(self) -> list[tuple[str, tuple[str, ...]]]:
        return [("type", (self.type,)), ("theme", self.themes), ("region", self.regions)]


# What a record of no mechanism is under.
NO_MECHANISM = Mechanism(NOTHING, NOTHING, (NOTHING,), (NOTHING,))


class Meeting(NamedTuple):
    """An event: when it began, its last day, its kind and its mechanisms (ids, in order)."""

    when: When | None
    last_day: dt.date | None
    kind: str
    mechanisms: tuple[int, ...]


class Directory:
    """All of it in memory; it grows with the directory and the calendar, not with evidence."""

    def __init__(self) -> None:
        self.states: dict[int | None, tuple[str, str]] = {None: (NOTHING, NOTHING)}
        for pk, iso3, region in rows(Country, "pk", "iso3", "region"):
            self.states[pk] = iso3, region
        self.offices: dict[int | None, str] = {None: NOTHING}
        self.offices.update(rows(Office, "pk", "slug"))
        self.mechanisms = self._mechanisms()
        self.meetings = self._meetings()

    def mechanism(self, pk: int) -> Mechanism:
        """The mechanism of that number; 0 is none."""
        return self.mechanisms[pk] if pk else NO_MECHANISM

    def _mechanisms(self) -> dict[int, Mechanism]:
        codes = dict(rows(Theme, "pk", "code"))
        themes: dict[int, set[str]] = defaultdict(set)
        for iscm, theme in rows(ISCM.themes.through, "iscm_id", "theme_id"):
            themes[iscm].add(codes[theme])
        regions: dict[int, set[str]] = defaultdict(set)
        for iscm, kind, state in rows(Membership, "iscm_id", "kind", "country_id"):
            # Observers, organisations and parties that are no State have no say in it.
            if kind == "member" and state is not None:
                regions[iscm].add(self.states[state][1])
        return {
            pk: Mechanism(
                slug,
                kind,
                tuple(sorted(themes[pk])) or (NOTHING,),
                tuple(sorted(regions[pk])) or (NOTHING,),
            )
            for pk, slug, kind in rows(ISCM, "pk", "slug", "type")
        }

    @staticmethod
    def _meetings() -> dict[int, Meeting]:
        of: dict[int, list[int]] = defaultdict(list)
        for event, iscm in rows(Event.iscms.through, "event_id", "iscm_id"):
            of[event].append(iscm)
        # Events have few sets of mechanisms between them: each is kept once.
        kept: dict[tuple[int, ...], tuple[int, ...]] = {}
        found = {}
        for pk, starts_on, ends_on, year, kind in rows(
            Event, "pk", "starts_on", "ends_on", "year", "kind"
        ):
            mechanisms = tuple(sorted(of.pop(pk, ())))
            when = quarter_of(starts_on) if starts_on else (year, 0) if year else None
            found[pk] = Meeting(
                when, ends_on or starts_on, kind, kept.setdefault(mechanisms, mechanisms)
            )
        return found
