"""Posts, needs, contributions and proposals of the demo, so that no page of staffing is empty."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from engagements.models import Country, Organisation
from finance.models import (
    AssessedContribution,
    FundingLine,
    Position,
    PositionShare,
    Proposal,
    StaffNeed,
)

from . import SERVED_BY, SOURCE, World
from .activity import write_rows


@dataclass(frozen=True)
class Post:
    """A post; ``pcts`` is its share for each mechanism, None where nobody said it."""

    office: str
    title: str
    grade: str
    starts_on: dt.date
    pcts: Mapping[str, int | None]
    has_tor: bool | None
    ends_on: dt.date | None = None
    paid_by: str = "office"


RLPO = "Regional Liaison and Policy Officer"
POSTS = (
    Post(
        "co-bangkok",
        RLPO,
        "P4",
        dt.date(2023, 9, 1),
        {"bali-process": 40, "colombo-process": 20},
        has_tor=True,
    ),
    Post(
        "co-bangkok",
        "Programme Assistant",
        "G6",
        dt.date(2024, 1, 15),
        {"bali-process": 50},
        has_tor=False,
        ends_on=dt.date(2026, 3, 31),
    ),
    Post(
        "co-canberra",
        "Programme Manager",
        "P3",
        dt.date(2024, 7, 1),
        {"pidc": 60, "bali-process": None},
        has_tor=None,
        paid_by="counted_line",
    ),
    Post(
        "iom-nepal",
        "National Officer",
        "NOB",
        dt.date(2024, 1, 1),
        {"colombo-process": 80},
        has_tor=True,
        paid_by="counted_line",
    ),
    Post(
        "iom-sri-lanka",
        "National Officer",
        "NOB",
        dt.date(2025, 2, 1),
        {"colombo-process": 30, "abu-dhabi-dialogue": 30},
        has_tor=True,
    ),
    Post("ro-san-jose", "Policy Officer", "P2", dt.date(2023, 1, 1), {"rcm": 100}, has_tor=True),
    Post(
        "co-san-salvador",
        "Chief of Mission",
        "P5",
        dt.date(2024, 1, 1),
        {"rcm": None},
        has_tor=False,
    ),
    Post("ro-buenos-aires", RLPO, "P4", dt.date(2024, 4, 1), {"sacm": 35}, has_tor=True),
    Post(
        "ro-dakar",
        RLPO,
        "P4",
        dt.date(2024, 5, 1),
        {"midwa": 50, "rabat-process": 10},
        has_tor=True,
        ends_on=dt.date(2025, 12, 31),
    ),
    Post(
        "ro-dakar",
        "Project Officer",
        "P2",
        dt.date(2026, 2, 1),
        {"midwa": 60},
        has_tor=None,
        paid_by="other",
    ),
    Post(
        "ro-pretoria", "Programme Manager", "P3", dt.date(2024, 1, 1), {"midsa": 40}, has_tor=False
    ),
    Post(
        "iom-ethiopia",
        "National Officer",
        "NOC",
        dt.date(2024, 9, 1),
        {"igad-rcp": 70},
        has_tor=True,
        paid_by="other",
    ),
    Post(
        "hq-ipd",
        "Policy Officer",
        "P3",
        dt.date(2024, 1, 1),
        {"rabat-process": 20, "abu-dhabi-dialogue": None},
        has_tor=True,
    ),
)

# mechanism, office, function, grade, per cent of posts that are needed each year
NEEDS = (
    ("bali-process", "co-bangkok", "Liaison with the co-chairs", "P4", 100),
    ("bali-process", "co-bangkok", "Support to meetings", "G6", 100),
    ("colombo-process", "iom-nepal", "Support to the Chair", "NOB", 100),
    ("colombo-process", None, "Technical working areas", "P3", 50),
    ("rcm", "ro-san-jose", "Regional consultation", "P2", 100),
    ("rcm", "co-san-salvador", "Support to the presidency pro tempore", "NOB", 50),
    ("sacm", "ro-buenos-aires", "Technical secretariat", "P4", 80),
    ("midwa", "ro-dakar", "Regional dialogue", "P4", 150),
    ("midsa", "ro-pretoria", "Regional dialogue", "P3", 100),
    ("igad-rcp", "iom-ethiopia", "Support to the secretariat", "NOC", 50),
)

# mechanism -> what its Member States are to pay in a year in all (USD)
ASSESSED = {"rcm": 66_000, "midsa": 40_000}
PROPOSALS_A_YEAR = 2
SUBJECTS = ("the next ministerial meeting", "a working group on data", "training for officials")


class Staff:
    """Makes the rows; the amounts are the same at every load."""

    def __init__(self, world: World, partners: list[Organisation]) -> None:
        self.world, self.partners = world, partners

    def write(self) -> None:
        self._posts()
        write_rows(StaffNeed, list(self._needs()))
        write_rows(AssessedContribution, list(self._contributions()))
        write_rows(Proposal, list(self._proposals()))

    def _posts(self) -> None:
        lines = {
            line.iscm_id: line
            for line in FundingLine.objects.filter(is_demo=True, iscm__isnull=False).order_by(
                "-year", "-pk"
            )
        }
        posts, shares = [], []
        for number, row in enumerate(POSTS, start=1):
            by_line = row.paid_by == "counted_line"
            post = Position(
                code=f"demo-post-{number:02}",
                title=f"Demo: {row.title}",
                grade=row.grade,
                office=self.world.offices[row.office],
                starts_on=row.starts_on,
                ends_on=row.ends_on,
                has_tor=row.has_tor,
                paid_by=row.paid_by,
                funding_line=lines[self.world.iscms[next(iter(row.pcts))].pk] if by_line else None,
                source=SOURCE,
                is_demo=True,
            )
            posts.append(post)
            shares += [
                PositionShare(
                    position=post, iscm=self.world.iscms[slug], share_pct=pct, is_demo=True
                )
                for slug, pct in row.pcts.items()
            ]
        write_rows(Position, posts)
        write_rows(PositionShare, shares)

    def _needs(self) -> Iterator[StaffNeed]:
        for year in self.world.years:
            for slug, office, title, grade, pct in NEEDS:
                yield StaffNeed(
                    iscm=self.world.iscms[slug],
                    year=year,
                    office=self.world.offices[office] if office else None,
                    title=f"Demo: {title}",
                    grade=grade,
                    share_pct=Decimal(pct),
                    source=SOURCE,
                    is_demo=True,
                )

    def _contributions(self) -> Iterator[AssessedContribution]:
        """Each State pays its share of a scale; most pay in full, the later the year the fewer."""
        chance = random.Random("demo contributions")  # noqa: S311
        for slug, total in ASSESSED.items():
            scale = self._scale(chance, self.world.members[slug])
            for year in self.world.years:
                for country, pct in scale:
                    assessed = (total * pct / 100).quantize(Decimal("0.01"))
                    part = chance.choice(("1", "1", "1", "0.5", "0"))
                    paid = (assessed * Decimal(part)).quantize(Decimal("0.01"))
                    paid_on = self.world.day_of(chance, year)
                    yield AssessedContribution(
                        iscm=self.world.iscms[slug],
                        country=country,
                        year=year,
                        scale_pct=pct,
                        assessed_usd=assessed,
                        paid_usd=paid,
                        paid_on=paid_on if paid else None,
                        source=SOURCE,
                        is_demo=True,
                    )

    @staticmethod
    def _scale(chance: random.Random, members: list[Country]) -> list[tuple[Country, Decimal]]:
        """Shares that come to 100 per cent."""
        weights = [chance.randint(1, 6) for _country in members]
        shares = [
            (Decimal(weight * 100) / sum(weights)).quantize(Decimal("0.0001")) for weight in weights
        ]
        shares[-1] += 100 - sum(shares)
        return list(zip(members, shares, strict=True))

    def _proposals(self) -> Iterator[Proposal]:
        chance = random.Random("demo proposals")  # noqa: S311
        for year in self.world.years:
            for slug, offices in SERVED_BY.items():
                for _number in range(PROPOSALS_A_YEAR):
                    asked_on = self.world.day_of(chance, year)
                    if asked_on:
                        yield self._proposal(chance, slug, offices[0], asked_on)

    def _proposal(
        self, chance: random.Random, slug: str, office: str, asked_on: dt.date
    ) -> Proposal:
        state = chance.choice(("awarded", "awarded", "declined", "declined", "withdrawn"))
        decided_on = asked_on + dt.timedelta(days=chance.randint(20, 200))
        asked_usd = Decimal(chance.randrange(40, 600) * 1000)
        given = chance.choice(("1", "0.8", "0.5"))
        is_open = decided_on > self.world.today
        awarded = state == "awarded" and not is_open
        subject = chance.choice(SUBJECTS)
        return Proposal(
            title=f"Demo: {self.world.iscms[slug].acronym}, {subject}",
            iscm=self.world.iscms[slug],
            donor=chance.choice(self.partners),
            office=self.world.offices[office],
            asked_on=asked_on,
            asked_usd=asked_usd,
            state="asked" if is_open else state,
            decided_on=None if is_open else decided_on,
            awarded_usd=asked_usd * Decimal(given) if awarded else None,
            source=SOURCE,
            is_demo=True,
        )
