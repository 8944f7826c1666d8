"""Invented but plausible activity, the same at every load, and marked as demo row by row.

Real mechanisms, States and offices stand in it; what they do there is made up. Every title begins
with "Demo:" and every row has ``is_demo``.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from engagements.models import ISCM, Country, Office, ReferenceFrame, Theme

SOURCE = "Invented for the demonstration"
REASON = "Loaded as demo data"
FIRST_YEAR = 2024

# mechanism -> offices that serve it in the demo, the first most often
SERVED_BY = {
    "bali-process": ("co-bangkok", "co-canberra"),
    "pidc": ("co-canberra", "co-bangkok"),
    "colombo-process": ("iom-nepal", "iom-sri-lanka", "co-bangkok"),
    "abu-dhabi-dialogue": ("hq-lhd", "iom-sri-lanka"),
    "rcm": ("ro-san-jose", "co-san-salvador"),
    "sacm": ("ro-buenos-aires",),
    "midwa": ("ro-dakar",),
    "midsa": ("ro-pretoria",),
    "igad-rcp": ("iom-ethiopia", "ro-nairobi"),
    "rabat-process": ("hq-ipd", "ro-dakar"),
}

T = TypeVar("T")


@dataclass(frozen=True)
class World:
    """The real records that the demo plays among, and the day that it ends on."""

    today: dt.date
    iscms: dict[str, ISCM]
    offices: dict[str, Office]
    members: dict[str, list[Country]]
    themes: dict[str, list[Theme]]
    frames: list[ReferenceFrame]

    @classmethod
    def on(cls, today: dt.date) -> World:
        """The world as loaded, in an order that does not depend on the database."""
        iscms = {
            iscm.slug: iscm for iscm in ISCM.objects.filter(slug__in=SERVED_BY).order_by("slug")
        }
        return cls(
            today=today,
            iscms=iscms,
            offices={office.slug: office for office in Office.objects.order_by("slug")},
            members={
                slug: list(
                    Country.objects.filter(
                        memberships__iscm=iscm, memberships__kind="member"
                    ).order_by("iso3")
                )
                for slug, iscm in iscms.items()
            },
            themes={slug: list(iscm.themes.order_by("code")) for slug, iscm in iscms.items()},
            frames=list(ReferenceFrame.objects.order_by("kind", "position")),
        )

    @property
    def years(self) -> range:
        return range(FIRST_YEAR, self.today.year + 1)

    def day_of(self, chance: random.Random, year: int) -> dt.date | None:
        """A day of ``year`` before today; None where the year has not begun yet."""
        first = dt.date(year, 1, 1)
        days = (min(self.today, dt.date(year + 1, 1, 1)) - first).days
        return first + dt.timedelta(days=chance.randrange(days)) if days > 0 else None


def some(chance: random.Random, things: Sequence[T], number: int) -> list[T]:
    """Up to ``number`` different ones of ``things``."""
    return chance.sample(list(things), min(number, len(things)))
