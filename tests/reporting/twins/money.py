"""The twins of what is counted from the ledger: money, days of staff, proposals.

Rows are those of ``tests/finance/ledgers.py``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

from tests.finance.ledgers import RATES
from tests.mechanisms import REGIONS_OF, SLUGS, THEMES_OF, TYPE_OF
from tests.twins import rounded

from .cells import Cells, Fact, Figures, Place, figures, four, share, values_of, with_every_year
from .evidence import Row, World

WORKING_DAYS = 220
# What Member States pay, and donors add, is no support of IOM's.
NOT_OF_IOM = ("contribution", "donor_cofunding", "reserve_fund")
SOURCES = ("osi", "project_support", "travel", "donor_cofunding", "staff_time")
OFFICES = ("co-a", "co-b")
# Whether money of a mechanism (or none), a source and an office is in a cell.
Here = Callable[[str | None, str, str | None], bool]


def staff_days(world: World) -> Cells:
    facts = (
        Fact(row, row["worked_on"], [row["iscm"]], {"office": row["office"]})
        for row in world["entries"]
    )

    def work_out(rows: list[Row]) -> Figures:
        days = four(sum(row["days"] for row in rows))
        return Figures(days, days, None, len(rows), {})

    return figures(facts, world["spans"], work_out)


def proposal_success(world: World) -> Cells:
    """Withdrawn ones, and those that wait, are left out."""
    decided = (
        Fact(row, row["decided_on"], [row["iscm"]], {"office": row["office"]})
        for row in world["proposals"]
        if row["state"] in ("awarded", "declined")
    )
    return figures(
        decided,
        world["spans"],
        lambda rows: share(sum(row["state"] == "awarded" for row in rows), rows),
    )


# --- total investment


@dataclass
class Investment:
    """What is known of a cell and a year, and what is not. ``stands`` once a record is in it."""

    known: Fraction = Fraction(0)
    possible: Fraction = Fraction(0)
    unknown_shares: int = 0
    posts_without_share: int = 0
    days_without_rate: Fraction = Fraction(0)
    days_without_payer: Fraction = Fraction(0)
    n: int = 0
    stands: bool = False


def investment(world: World, year: int, here: Here) -> Investment:
    """All the money of ``year`` that is ``here``, record by record."""
    found = Investment()
    add_lines(found, world, year, here)
    for project in ("P1", "P2"):
        add_project(found, world, project, year, here)
    for post in world["posts"]:
        add_post(found, world, post, year, here)
    for entry in world["entries"]:
        add_entry(found, world, entry, year, here)
    return found


def add_lines(found: Investment, world: World, year: int, here: Here) -> None:
    """Counted lines for a mechanism, the GRCP or all RCPs; those that name nobody count nowhere."""
    for line in world["lines"]:
        iscm = line["to"] if line["to"] in SLUGS else None
        if (
            line["year"] == year
            and line["is_counted"]
            and line["to"] in (*SLUGS, "grcp", "all_rcps")
            and here(iscm, line["source_of_funds"], line["office"])
        ):
            found.known += Fraction(line["amount_usd"])
            found.n += 1
            found.stands = True


def add_project(found: Investment, world: World, project: str, year: int, here: Here) -> None:
    """A project's counted lines, as its attributions of the year share them out: dedicated and
    stated shares of the lines, stated amounts (what is stated over the lines is cut, each amount by
    the same part), and what is left as the range of all unknown shares together."""
    lines = [
        line
        for line in world["lines"]
        if (line["to"], line["year"]) == (project, year) and line["is_counted"]
    ]
    shares = [
        row for row in world["attributions"] if (row["project"], row["year"]) == (project, year)
    ]
    whole = sum((Fraction(line["amount_usd"]) for line in lines), Fraction(0))
    per_cent = {"dedicated": Fraction(100), "stated_share": None}
    given: dict[str, Fraction] = {}
    for row in shares:
        if row["basis"] in per_cent:
            given[row["iscm"]] = whole * (per_cent[row["basis"]] or Fraction(row["share"])) / 100
    amounts = {
        row["iscm"]: Fraction(row["amount"]) for row in shares if row["basis"] == "stated_amount"
    }
    left = whole - sum(given.values())
    asked = sum(amounts.values(), Fraction(0))
    cut = left / asked if lines and whole and asked > left else Fraction(1)
    given |= {iscm: usd * cut for iscm, usd in amounts.items()}
    unknown = [row["iscm"] for row in shares if row["basis"] == "unknown"]
    left = max(Fraction(0), whole - sum(given.values()))
    # An amount may be stated before any line is on record.
    before = [{"source_of_funds": "project_support", "office": None, "amount_usd": 0}]

    def is_here(line: Row, iscm: str) -> bool:
        return here(iscm, line["source_of_funds"], line["office"])

    for line in lines:
        found.n += any(is_here(line, row["iscm"]) for row in shares)
    for line in lines if whole else before:
        weight = Fraction(line["amount_usd"]) / whole if whole else Fraction(1)
        found.known += sum(usd * weight for iscm, usd in given.items() if is_here(line, iscm))
        if any(is_here(line, iscm) for iscm in unknown):
            found.possible += left * weight
    for iscm in unknown:
        found.unknown_shares += any(is_here(line, iscm) for line in lines or before)
    found.stands |= any(
        is_here(line, row["iscm"]) for line, row in product(lines or before, shares)
    )


def is_paid(world: World, row: Row, year: int) -> bool:
    """Whether the counted line of that year which the row names, or one of its project, pays."""
    if row["paid_by"] != "counted_line" or row["payer"] is None:
        return False
    kind, name = row["payer"]
    lines = [world["lines"][name]] if kind == "line" else world["lines"]
    return any(
        line["is_counted"] and line["year"] == year and (kind == "line" or line["to"] == name)
        for line in lines
    )


def is_held(post: Row, day: dt.date) -> bool:
    """First and last day included; without a first day it is in no year."""
    starts_on = post["starts_on"]
    if starts_on is None or day < starts_on:
        return False
    return post["held"] is None or day <= starts_on + dt.timedelta(post["held"])


def days_of(year: int) -> Iterator[dt.date]:
    day = dt.date(year, 1, 1)
    while day.year == year:
        yield day
        day += dt.timedelta(1)


def add_post(found: Investment, world: World, post: Row, year: int, here: Here) -> None:
    """A post by its shares, at the standard cost of the working days on which it was held, unless
    a counted line of the year pays it."""
    inside = [iscm for iscm in post["shares"] if here(iscm, "staff_time", post["office"])]
    if not inside or is_paid(world, post, year):
        return
    calendar = list(days_of(year))
    held = sum(is_held(post, day) for day in calendar)
    if not held:
        return
    days = Fraction(held * WORKING_DAYS, len(calendar))
    rate = RATES.get((post["grade"], year))
    stated = {iscm: Fraction(pct) / 100 for iscm, pct in post["shares"].items() if pct is not None}
    unknown = [iscm for iscm in inside if iscm not in stated]
    found.n += len(inside)
    found.stands = True
    found.posts_without_share += len(unknown)
    known_days = days * sum(stated[iscm] for iscm in inside if iscm in stated)
    # What may be of several mechanisms is added once.
    possible_days = days * (1 - sum(stated.values())) if unknown else Fraction(0)
    if rate is None:
        found.days_without_rate += known_days + possible_days
    else:
        found.known += known_days * Fraction(rate)
        found.possible += possible_days * Fraction(rate)


def add_entry(found: Investment, world: World, entry: Row, year: int, here: Here) -> None:
    """Days that no counted line of the year pays and that are no part of a post."""
    if entry["worked_on"].year != year or is_paid(world, entry, year):
        return
    if entry["post"] is not None:
        post = world["posts"][entry["post"]]
        has_share = entry["iscm"] is None or entry["iscm"] in post["shares"]
        if is_paid(world, post, year) or (has_share and is_held(post, entry["worked_on"])):
            return
    if not here(entry["iscm"], "staff_time", entry["office"]):
        return
    days, rate = Fraction(entry["days"]), RATES.get((entry["grade"], year))
    found.n += 1
    found.stands = True
    lacks_payer = entry["paid_by"] == "counted_line" and entry["payer"] is None
    if lacks_payer:
        found.days_without_payer += days
    if rate is None:
        found.days_without_rate += days
    elif lacks_payer:  # nothing shows that they are paid, and nothing that they are not
        found.possible += days * Fraction(rate)
    else:
        found.known += days * Fraction(rate)


def resources_allocated(world: World) -> Cells:
    found: Cells = {}
    for span in years(world):
        for place in money_places():
            sums = investment(world, span[1], within(place))
            if sums.stands:
                found[span, place] = allocated(sums)
    return with_every_year(found, world["spans"], Figures(None, None, None, 0, {}))


def allocated(sums: Investment) -> Figures:
    """Money and days have two decimals."""
    known = rounded(sums.known, 2)
    beside = {
        "low_usd": str(known),
        "high_usd": str(rounded(sums.known + sums.possible, 2)),
        "unknown_shares": sums.unknown_shares,
        "posts_without_share": sums.posts_without_share,
        "days_without_rate": str(rounded(sums.days_without_rate, 2)),
        "days_without_payer": str(rounded(sums.days_without_payer, 2)),
    }
    return Figures(four(known), four(known), None, sums.n, beside)


def years(world: World) -> list[Any]:
    """Money is known by the year only."""
    return [span for span in world["spans"] if span[0] == "year"]


def money_places() -> Iterator[Place]:
    cuts = {
        "": [""],
        "type": ["", *set(TYPE_OF.values())],
        "theme": ["", *{theme for themes in THEMES_OF.values() for theme in themes}],
        "region": ["", *{region for regions in REGIONS_OF.values() for region in regions}],
        "source": SOURCES,
        "office": ["", *OFFICES],
    }
    for name, values in cuts.items():
        for of, value in product(("", *SLUGS), values):
            yield of, name, value


def within(place: Place) -> Here:
    of, name, value = place

    def here(iscm: str | None, source: str, office: str | None) -> bool:
        if of and iscm != of:
            return False
        values = values_of(iscm, {"source": source, "office": office})
        return not name or value in values[name]

    return here


# --- what Member States carry themselves


def self_financing_ratio(world: World) -> Cells:
    """Of mechanisms of which either is on record: paid / (paid + IOM's support), to the cent."""
    found: Cells = {}
    for span in years(world):
        paid, support = {}, {}
        for slug in SLUGS:
            paid[slug] = sum(
                Fraction(row["usd"])
                for row in world["paid"]
                if (row["iscm"], row["year"]) == (slug, span[1])
            )
            known = investment(world, span[1], of_iom_for(slug)).known
            support[slug] = Fraction(rounded(known, 2))
        carried = [slug for slug in SLUGS if paid[slug] or support[slug]]
        for place in {(of, *cut) for slug in carried for of in ("", slug) for cut in cuts_of(slug)}:
            inside = [slug for slug in carried if is_of(slug, place)]
            found[span, place] = carried_by_states(
                sum(paid[slug] for slug in inside), sum(support[slug] for slug in inside), inside
            )
    return with_every_year(found, world["spans"], Figures(None, None, None, 0, {}))


def of_iom_for(slug: str) -> Here:
    return lambda iscm, source, office: iscm == slug and source not in NOT_OF_IOM


def cuts_of(slug: str) -> Iterable[tuple[str, str]]:
    yield "", ""
    yield "type", TYPE_OF[slug]
    for theme in THEMES_OF[slug] or [""]:
        yield "theme", theme


def is_of(slug: str, place: Place) -> bool:
    of, name, value = place
    return of in ("", slug) and (name, value) in cuts_of(slug)


def carried_by_states(paid: Fraction, support: Fraction, inside: list[str]) -> Figures:
    whole = paid + support
    return Figures(four(100 * paid / whole), four(paid), four(whole), len(inside), {})
