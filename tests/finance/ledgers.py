"""Ledgers that hypothesis makes, and how they come into the database.

Mechanisms, offices and projects go by slug or code, years are ``YEARS`` and those around them. Who
pays a post or a day is ``("line", number)``, ``("project", code)`` or None: nobody says.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from finance.choices import AttributionBasis, PaidBy
from finance.models import Attribution, FundingLine, Position, PositionShare, TimeEntry
from tests.factories.engagements import OfficeFactory
from tests.factories.finance import ProjectFactory, StandardCostFactory
from tests.mechanisms import SLUGS, write_mechanisms

YEARS = (2018, 2019)
AMOUNTS = st.decimals(0, 10_000, places=2)
# USD a day by grade and year.
RATES = {("P3", 2018): "401.37", ("P3", 2019): "410.00", ("G5", 2019): "99.99"}
# The edges of the years and of a quarter, each from both sides.
DAYS = st.sampled_from(
    [
        dt.date(2017, 12, 31),
        dt.date(2018, 1, 1),
        dt.date(2018, 3, 31),
        dt.date(2018, 4, 1),
        dt.date(2018, 12, 31),
        dt.date(2019, 1, 1),
        dt.date(2019, 12, 31),
        dt.date(2020, 1, 1),
    ]
)
# Every ledger has them; days are of one of them, or of another post.
HELD_IN_2018 = {
    "office": "co-a",
    "grade": "",
    "starts_on": dt.date(2018, 1, 1),
    "held": 364,
    "paid_by": "office",
    "payer": None,
    "shares": {"north": "0"},
}
PAID_BY_P1 = {
    "office": "co-a",
    "grade": "",
    "starts_on": None,
    "held": None,
    "paid_by": "counted_line",
    "payer": ("project", "P1"),
    "shares": {},
}
Ledger = dict[str, list[dict[str, Any]]]


@st.composite
def ledgers(draw: st.DrawFn) -> Ledger:
    """Lines of all kinds, attributions of all bases, posts, time with and without a rate."""
    year = st.sampled_from([2017, *YEARS, 2020])
    source = st.sampled_from(["osi", "project_support", "travel", "donor_cofunding"])
    office = st.sampled_from([None, "co-a", "co-b"])
    lines = st.fixed_dictionaries(
        {
            "year": year,
            "source_of_funds": source,
            "office": office,
            "to": st.sampled_from(
                [*SLUGS, "P1", "P2", "P1", "P2", "grcp", "all_rcps", "not_named"]
            ),
            "amount_usd": AMOUNTS,
            "is_counted": st.sampled_from([True, True, True, False]),
        }
    )
    attributions = st.fixed_dictionaries(
        {
            "project": st.sampled_from(["P1", "P2"]),
            "iscm": st.sampled_from(SLUGS),
            "year": year,
            "basis": st.sampled_from([*AttributionBasis, AttributionBasis.UNKNOWN]),
            "share": st.decimals(0, 100, places=2),
            "amount": AMOUNTS,
        }
    )
    ledger = {
        "lines": draw(st.lists(lines, max_size=14)),
        "attributions": not_over_100(
            draw(
                st.lists(
                    attributions,
                    max_size=10,
                    unique_by=lambda row: (row["project"], row["iscm"], row["year"]),
                )
            )
        ),
    }
    projects = st.tuples(st.just("project"), st.sampled_from(["P1", "P2"]))
    numbers = st.tuples(st.just("line"), st.integers(0, max(0, len(ledger["lines"]) - 1)))
    payer = projects | numbers if ledger["lines"] else projects
    posts = st.fixed_dictionaries(
        {
            "office": st.sampled_from(["co-a", "co-b"]),
            "grade": st.sampled_from(["P3", "G5", ""]),
            "starts_on": st.sampled_from(
                [None, dt.date(2017, 6, 1), dt.date(2018, 1, 1), dt.date(2019, 12, 31)]
            ),
            "held": st.sampled_from([None, 0, 200, 800]),
            "paid_by": st.sampled_from(["office", "other", "counted_line"]),
            "payer": payer,
            "shares": st.dictionaries(
                st.sampled_from(SLUGS), st.sampled_from([None, "33.33", "10.00"]), max_size=3
            ),
        }
    )
    ledger["posts"] = [HELD_IN_2018, PAID_BY_P1, *draw(st.lists(posts, max_size=4))]
    entries = st.fixed_dictionaries(
        {
            "iscm": st.sampled_from([*SLUGS, None]),
            "office": st.sampled_from(["co-a", "co-b"]),
            "grade": st.sampled_from(["P3", "G5", ""]),
            "worked_on": DAYS,
            "days": st.decimals("0.01", 20, places=2),
            "paid_by": st.sampled_from(PaidBy),
            "payer": st.none() | payer,
            "post": st.none() | st.integers(0, len(ledger["posts"]) - 1),
        }
    )
    return ledger | {"entries": draw(st.lists(entries, max_size=6))}


def not_over_100(attributions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """``attributions``, those unknown that would bring a project's year over 100 per cent."""
    given: dict[tuple[str, int], Decimal] = defaultdict(Decimal)
    for row in attributions:
        # Where an amount is stated the shares stay under 100 per cent: a hundredth stands for it.
        share = {
            "dedicated": Decimal(100),
            "stated_share": row["share"],
            "stated_amount": Decimal("0.01"),
        }.get(row["basis"], Decimal(0))
        if given[row["project"], row["year"]] + share > 100:
            row["basis"] = AttributionBasis.UNKNOWN
        else:
            given[row["project"], row["year"]] += share
    return attributions


def write_directory() -> dict[str | None, Any]:
    """The mechanisms, offices and projects that every ledger speaks of, and the rates."""
    known = write_mechanisms()
    for (grade, year), usd in RATES.items():
        StandardCostFactory(grade=grade, year=year, usd_per_day=Decimal(usd))
    known |= {slug: OfficeFactory(slug=slug) for slug in ("co-a", "co-b")}
    return known | {code: ProjectFactory(code=code) for code in ("P1", "P2")}


def write(ledger: Ledger, directory: dict[str | None, Any]) -> None:
    lines = FundingLine.objects.bulk_create(
        FundingLine(
            year=row["year"],
            source_of_funds=row["source_of_funds"],
            office=directory[row["office"]],
            supports={"P": "project"}.get(
                row["to"][0], "iscm" if row["to"] in SLUGS else row["to"]
            ),
            iscm=directory[row["to"]] if row["to"] in SLUGS else None,
            project=directory[row["to"]] if row["to"][0] == "P" else None,
            amount_usd=row["amount_usd"],
            is_counted=row["is_counted"],
            not_counted_reason="" if row["is_counted"] else "Repeats another.",
        )
        for row in ledger["lines"]
    )
    Attribution.objects.bulk_create(
        Attribution(
            project=directory[row["project"]],
            iscm=directory[row["iscm"]],
            year=row["year"],
            basis=row["basis"],
            share_pct={"dedicated": 100, "stated_share": row["share"]}.get(row["basis"]),
            amount_usd=row["amount"] if row["basis"] == "stated_amount" else None,
        )
        for row in ledger["attributions"]
    )

    def payer(row: dict[str, Any]) -> dict[str, Any]:
        if row["paid_by"] != "counted_line" or row["payer"] is None:
            return {}
        kind, name = row["payer"]
        return {"funding_line": lines[name]} if kind == "line" else {"project": directory[name]}

    posts = []
    for row in ledger["posts"]:
        starts_on, held = row["starts_on"], row["held"]
        post = Position.objects.create(
            title="Post",
            grade=row["grade"],
            office=directory[row["office"]],
            starts_on=starts_on,
            ends_on=starts_on + dt.timedelta(held) if starts_on and held is not None else None,
            paid_by=row["paid_by"],
            **payer(row),
        )
        posts.append(post)
        for slug, share in row["shares"].items():
            PositionShare.objects.create(position=post, iscm=directory[slug], share_pct=share)
    for row in ledger["entries"]:
        TimeEntry.objects.create(
            iscm=directory[row["iscm"]],
            office=directory[row["office"]],
            position=None if row["post"] is None else posts[row["post"]],
            **payer(row),
            **{name: row[name] for name in ("grade", "worked_on", "days", "paid_by")},
        )
