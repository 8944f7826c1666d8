"""What each record adds to a figure of the total investment, so that its reader can recount it."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from django.db.models import Sum

from engagements.models import ISCM
from iscm_portal.common.access import Reader, may
from iscm_portal.common.numbers import cents, summed
from iscm_portal.common.period import Period
from iscm_portal.common.querysets import PortalQuerySet

from ..choices import PaidBy, Supports
from ..querysets import NO_PAYER_NAMED
from .investment import (
    DIRECT,
    Amounts,
    Investment,
    Rates,
    _Cell,
    _costs_of,
    _direct_lines,
    _held_posts,
    _Leaf,
    _open_years,
    _Places,
    _posts,
    _project_lines,
    _rates,
    _rounded,
    _shared_out,
    _staff_time,
    _wanted,
    _with_shares,
    investment_records,
)

# The records that add to a figure, in the order in which they are told. Lines of projects add
# nothing themselves: the attributions share them out.
KINDS = ("funding_lines", "attributions", "positions", "time_entries")
SHARED_OUT = "project_lines"


@dataclass(frozen=True)
class Reckoning:
    """A step of how a record's worth comes about: days at a rate, in USD, of a year.

    ``iscm`` names the mechanisms that a post is for, or may be where its share is unknown
    (``share_pct`` is None, ``is_possible``). ``rate`` is None where none is on record; ``days`` are
    not worked out where neither is known.
    """

    iscm: str
    year: int
    days: Fraction | None
    rate: Fraction | None
    share_pct: Decimal | None = None
    is_possible: bool = False

    @property
    def days_said(self) -> Decimal | None:
        return None if self.days is None else cents(self.days)

    @property
    def rate_said(self) -> Decimal | None:
        return None if self.rate is None else cents(self.rate)

    @property
    def usd(self) -> Fraction:
        """What the step adds; without a rate nothing."""
        return (self.days or Fraction(0)) * (self.rate or 0)


@dataclass
class Worth:
    """What a record adds to what is known, and on top of that to the most it could be (USD).

    ``base_usd`` is what the lines of an attribution's project come to. What several unknown shares
    of a project and year may have is told with the first of them: the others are ``with_first``.
    """

    known: Fraction = Fraction(0)
    possible: Fraction = Fraction(0)
    days_without_rate: Fraction = Fraction(0)
    steps: list[Reckoning] = field(default_factory=list)
    base_usd: Decimal | None = None
    with_first: bool = False

    @property
    def known_usd(self) -> Decimal:
        return cents(self.known)

    @property
    def high_usd(self) -> Decimal:
        return cents(self.known + self.possible)

    def add(self, amount: Any) -> None:
        self.known += amount.known
        self.possible += amount.possible
        self.days_without_rate += amount.days_without_rate


@dataclass(frozen=True)
class Part:
    """A kind of records of a figure: what all of them add, and what those add that the reader may
    not see (``hidden`` of them). USD to the cent, so that the parts add up to the figure."""

    kind: str
    known_usd: Decimal
    high_usd: Decimal
    days_without_rate: Decimal
    hidden: int = 0
    hidden_known_usd: Decimal = Decimal(0)
    hidden_high_usd: Decimal = Decimal(0)


class Figure:
    """A figure of the total investment taken apart: the same question as ``investment`` asks.

    Every method takes a constant number of statements.
    """

    def __init__(self, period: Period, *, known_by: dt.datetime | None = None, **only: Any) -> None:
        self.period = period
        self.known_by = known_by
        self.rates: Rates = _rates(period, known_by)
        self._places = _Places((), _wanted(only))
        found = investment_records(period, known_by=known_by, **only)
        lines = found.pop("funding_lines")
        # All the records of each kind, not yet narrowed to their reader.
        self.records: dict[str, PortalQuerySet] = {
            "funding_lines": lines.filter(supports__in=DIRECT),
            SHARED_OUT: lines.filter(supports=Supports.PROJECT),
            **found,
        }

    # --- what each record adds

    def worth_of(self, kind: str, rows: Collection[Any]) -> list[Worth]:
        """What each of ``rows`` of a kind adds, in their order."""
        if kind == "funding_lines":
            return [Worth(known=Fraction(row.amount_usd)) for row in rows]
        if kind == SHARED_OUT:
            return [Worth() for _row in rows]
        if kind == "time_entries":
            return [self._of_entry(row) for row in rows]
        if kind == "attributions":
            shared = self._of_attributions({row.project_id for row in rows})
            return [shared[row.project_id, row.year, row.iscm_id] for row in rows]
        posts = self._of_posts([row.id for row in rows])
        return [posts[row.id] for row in rows]

    def _of_entry(self, entry: Any) -> Worth:
        year, days = entry.worked_on.year, Fraction(entry.days)
        rate = self.rates.get((entry.grade, year))
        step = Reckoning("", year, days, rate, is_possible=has_no_payer(entry))
        worth = Worth(steps=[step])
        if rate is None:
            worth.days_without_rate = days
        elif has_no_payer(entry):
            worth.possible = days * rate
        else:
            worth.known = days * rate
        return worth

    def _of_attributions(
        self, projects: Collection[int] | None = None
    ) -> dict[tuple[int, int, int], Worth]:
        """What each attribution adds, by project, year and mechanism."""
        found: dict[tuple[int, int, int], Worth] = defaultdict(Worth)
        for project, year, parts, amounts in _shared_out(self.period, self.known_by, projects):
            base = cents(sum((part.amount for part in parts), Fraction(0)))
            for leaves, amount in amounts:
                here = self._here(leaves)
                for place, leaf in enumerate(here):
                    worth = found[project, year, leaf.iscm or 0]
                    worth.base_usd = base
                    if place == 0:
                        worth.add(amount)
                    elif amount.possible:
                        worth.with_first = True
        return found

    def _of_posts(self, posts: Collection[int] | None = None) -> dict[int, Worth]:
        """What each post adds, by its id."""
        found: dict[int, Worth] = defaultdict(Worth)
        acronyms = dict(ISCM.objects.order_by().values_list("pk", "acronym"))
        held = _held_posts(self.period, self.known_by)
        open_years = _open_years(held, self.period, self.known_by)
        for post, shares in _with_shares(held, self.known_by, posts):
            for leaves, amount in _costs_of(post, shares, open_years(post), self.rates):
                here = self._here(leaves)
                if here:
                    leaf = here[0]
                    rate = self.rates.get((post.grade, leaf.year))
                    names = ", ".join(acronyms[leaf.iscm] for leaf in here if leaf.iscm)
                    pct = dict(shares).get(leaf.iscm or 0)
                    found[post.pk].add(amount)
                    found[post.pk].steps += _steps(names, leaf.year, amount, rate, pct)
        return found

    def _here(self, leaves: Iterable[_Leaf]) -> list[_Leaf]:
        """Those of ``leaves`` that are of the figure."""
        return [leaf for leaf in leaves if any(True for _key in self._places.keys_of(leaf))]

    # --- what all of them add

    def taken_apart(self, user: Reader) -> tuple[Investment | None, list[Part]]:
        """The figure (None: nothing is on record), and what of it the records of each kind add;
        with what of that ``user`` may not see: the sums are open to all, the records are not."""
        made: dict[str, Amounts] = {
            "funding_lines": _direct_lines(self.period, self.known_by),
            "attributions": _project_lines(self.period, self.known_by),
            "positions": _posts(self.period, self.rates, self.known_by),
            "time_entries": _staff_time(self.period, self.rates, self.known_by),
        }
        reads_all = may(user, "read_all_finance")
        found, whole, is_on_record = [], _Cell(), False
        for kind in KINDS:
            before, of_kind = _rounded({}, whole), _Cell()
            for leaves, amount in made[kind]:
                if self._here(leaves):
                    of_kind.add(amount)
                    is_on_record = True
            whole.add(of_kind)
            after = _rounded({}, whole)
            part = Part(
                kind,
                # Rounded where it begins and ends: so the parts add up to the rounded figure.
                after.known_usd - before.known_usd,
                after.high_usd - before.high_usd,
                cents(of_kind.days_without_rate),
            )
            found.append(part if reads_all else self._with_hidden(part, user))
        return _rounded({}, whole) if is_on_record else None, found

    def _with_hidden(self, part: Part, user: Reader) -> Part:
        rows = self.records[part.kind]
        seen = rows.visible_to(user)
        worth = self._sum_of(part.kind, seen)
        return Part(
            part.kind,
            part.known_usd,
            part.high_usd,
            part.days_without_rate,
            rows.count() - seen.count(),
            part.known_usd - worth.known_usd,
            part.high_usd - worth.high_usd,
        )

    def _sum_of(self, kind: str, rows: PortalQuerySet) -> Worth:
        """What ``rows`` of a kind add together."""
        total, rows = Worth(), rows.order_by()
        if kind == "funding_lines":
            total.known = Fraction(summed(rows.aggregate(usd=Sum("amount_usd"))["usd"]))
        elif kind == "time_entries":
            by_rate = rows.annotate(has_payer=~NO_PAYER_NAMED)
            groups = by_rate.values_list("grade", "worked_year", "has_payer")
            for grade, year, has_payer, days in groups.annotate(total=Sum("days")):
                usd = Fraction(summed(days)) * self.rates.get((grade, year), 0)
                total.add(_Cell(known=usd) if has_payer else _Cell(possible=usd))
        elif kind == "attributions":
            every = self._of_attributions()
            for key in rows.values_list("project_id", "year", "iscm_id"):
                total.add(every[key])
        else:
            posts = self._of_posts()
            for pk in rows.values_list("id", flat=True):
                total.add(posts[pk])
        return total


def has_no_payer(entry: Any) -> bool:
    """Whether a day is said to be paid by a counted line or project that nobody named."""
    named = entry.funding_line_id or entry.project_id
    return entry.paid_by == PaidBy.COUNTED_LINE and not named


def _steps(
    iscm: str, year: int, amount: _Cell, rate: Fraction | None, pct: Decimal | None
) -> Iterator[Reckoning]:
    """How an amount of a post comes about: the days are told back from what they cost."""
    if amount.posts_without_share:
        return  # told with the days that it may be
    if not amount.n:
        days = amount.possible / rate if rate else amount.days_without_rate
        yield Reckoning(iscm, year, days, rate, is_possible=True)
    elif rate is None:
        yield Reckoning(iscm, year, amount.days_without_rate, None, pct)
    else:
        yield Reckoning(iscm, year, amount.known / rate if rate else None, rate, pct)
