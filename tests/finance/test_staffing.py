"""Who is needed, who there is, and the days that others give: rule by rule, and a plain recount."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from django.core.management import call_command
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from finance.choices import WORKING_DAYS_A_YEAR
from finance.models import Position, PositionShare, StaffNeed, TimeEntry
from finance.selectors.staffing import (
    PLACE_ORDER,
    TOR_IN_SURVEY,
    Staffing,
    posts,
    staffing,
    staffing_at,
    staffing_places,
    staffing_plan,
    staffing_records,
    tor_coverage,
    undated,
)
from iscm_portal.common.pages import page_beyond
from iscm_portal.common.period import Period, part_of_year
from tests.factories import engagements as make
from tests.factories import finance as money
from tests.twins import rounded, taken_back, twin_settings

pytestmark = pytest.mark.django_db

Y2026 = Period.year(2026)
FIRST = dt.date(2026, 1, 1)


def a_post(share: str | None, iscm: Any, starts_on: dt.date | None = FIRST, **fields: Any) -> Any:
    post = money.PositionFactory(starts_on=starts_on, **fields)
    money.PositionShareFactory(
        position=post, iscm=iscm, share_pct=None if share is None else Decimal(share)
    )
    return post


def only(cells: list[Staffing]) -> Staffing:
    (cell,) = cells
    return cell


# --- held


def test_a_share_of_a_post_held_all_year_counts_whole():
    a_post("20.00", make.ISCMFactory(slug="bali"), starts_on=dt.date(2010, 5, 1))
    cell = only(staffing(Y2026, ("iscm",)))
    assert cell.key == {"iscm": "bali"}
    assert (cell.needed, cell.held, cell.held_high) == (None, Decimal("0.20"), Decimal("0.20"))
    assert (cell.gap, cell.gap_low, cell.is_range) == (None, None, False)


@pytest.mark.parametrize(
    ("starts_on", "ends_on", "part"),
    [
        (dt.date(2025, 1, 1), dt.date(2025, 12, 31), 0),
        (dt.date(2025, 1, 1), dt.date(2026, 1, 1), Fraction(1, 365)),
        (dt.date(2026, 12, 31), None, Fraction(1, 365)),
        (dt.date(2027, 1, 1), None, 0),
        (dt.date(2026, 7, 1), dt.date(2026, 9, 30), Fraction(92, 365)),
        (dt.date(2026, 1, 1), dt.date(2026, 12, 31), 1),
        (dt.date(1999, 1, 1), None, 1),
    ],
)
def test_a_post_counts_for_the_part_of_the_year_that_it_was_held(starts_on, ends_on, part):
    assert part_of_year(starts_on, ends_on, 2026) == part
    a_post("100.00", make.ISCMFactory(), starts_on=starts_on, ends_on=ends_on)
    held = sum((cell.held for cell in staffing(Y2026)), Decimal(0))
    assert held == rounded(Fraction(part), 2)


def test_a_leap_year_has_one_day_more():
    assert part_of_year(dt.date(2024, 2, 29), dt.date(2024, 2, 29), 2024) == Fraction(1, 366)


def test_a_post_without_a_first_day_is_in_no_year_and_listed_apart():
    bali, other = make.ISCMFactory(slug="bali"), make.ISCMFactory()
    a_post("20.00", bali, starts_on=None)
    a_post(None, bali, starts_on=None, ends_on=dt.date(2026, 6, 30))
    a_post("100.00", other, starts_on=None)
    a_post("50.00", bali)
    assert [cell.held for cell in staffing(Period.years(1990, 2026))] == [Decimal("0.50")]
    apart = undated(posts("bali"), "bali")
    assert (apart.posts, apart.stated) == (2, Decimal("0.20"))
    assert undated(posts()).stated == Decimal("1.20")


def test_an_unknown_share_is_counted_apart_and_is_at_most_what_the_stated_ones_leave():
    bali, rcm = make.ISCMFactory(slug="bali"), make.ISCMFactory(slug="rcm")
    post = a_post(None, bali)
    money.PositionShareFactory(position=post, iscm=rcm, share_pct=Decimal("30.00"))
    money.StaffNeedFactory(iscm=bali, share_pct=Decimal("150.00"))
    cells = {cell.key["iscm"]: cell for cell in staffing(Y2026, ("iscm",))}
    assert (cells["bali"].held, cells["bali"].held_high, cells["bali"].unknown) == (
        0,
        Decimal("0.70"),
        1,
    )
    assert (cells["bali"].gap_low, cells["bali"].gap) == (Decimal("0.80"), Decimal("1.50"))
    assert (cells["rcm"].held, cells["rcm"].held_high, cells["rcm"].unknown) == (
        Decimal("0.30"),
        Decimal("0.30"),
        0,
    )


def test_two_unknown_shares_of_one_post_are_one_post_in_the_total():
    post = a_post(None, make.ISCMFactory())
    money.PositionShareFactory(position=post, iscm=make.ISCMFactory(), share_pct=None)
    assert [cell.held_high for cell in staffing(Y2026, ("iscm",))] == [1, 1]
    total = only(staffing(Y2026))
    assert (total.held, total.held_high, total.unknown) == (0, 1, 1)


# --- days


def test_days_of_accepted_reports_stand_beside_the_posts_with_their_share_of_a_year():
    iscm, office = make.ISCMFactory(slug="rcm"), make.OfficeFactory(slug="ro")
    money.TimeEntryFactory(iscm=iscm, office=office, days=Decimal("11.00"), report_number=1)
    money.TimeEntryFactory(iscm=iscm, office=office, days=Decimal("2.50"))  # of no report
    cell = only(staffing(Y2026, ("iscm", "office")))
    assert cell.key == {"iscm": "rcm", "office": "ro"}
    assert (cell.days, cell.days_pct) == (Decimal("11.00"), Decimal("5.0000"))
    assert WORKING_DAYS_A_YEAR == 220


def test_days_that_are_part_of_a_posts_share_are_not_counted_beside_it():
    iscm = make.ISCMFactory()
    post = a_post("20.00", iscm)
    money.TimeEntryFactory(iscm=iscm, position=post, days=5, report_number=1)
    assert only(staffing(Y2026)).days == 0
    assert not staffing_records(Y2026)["time_entries"].exists()


@pytest.mark.parametrize(
    ("worked_on", "days"),
    [
        (dt.date(2025, 12, 31), 0),
        (dt.date(2026, 1, 1), 1),
        (dt.date(2026, 12, 31), 1),
        (dt.date(2027, 1, 1), 0),
    ],
)
def test_days_count_in_the_year_that_they_were_worked(worked_on, days):
    money.TimeEntryFactory(worked_on=worked_on, report_number=1)
    assert sum(cell.days for cell in staffing(Y2026)) == days


# --- the plan


def test_the_plan_sets_needed_beside_held_where_there_is_a_need_on_record():
    rcm, sacm, midwa = (make.ISCMFactory(slug=slug) for slug in ("rcm", "sacm", "midwa"))
    money.StaffNeedFactory(iscm=rcm, share_pct=Decimal("250.00"))
    money.StaffNeedFactory(iscm=rcm, share_pct=Decimal("50.00"))
    money.StaffNeedFactory(iscm=sacm, share_pct=Decimal("50.00"))
    money.StaffNeedFactory(iscm=sacm, year=2025)
    a_post("100.00", rcm)
    a_post("80.00", sacm)
    a_post("40.00", midwa)
    plan = staffing_plan(2026)
    assert plan.mechanisms_planned == 2
    assert (plan.planned.needed, plan.planned.held, plan.planned.gap) == (
        Decimal("3.50"),
        Decimal("1.80"),
        Decimal("1.70"),
    )
    assert plan.total.held == Decimal("2.20")
    assert (plan.largest.key["iscm"], plan.largest.gap) == ("rcm", Decimal("2.00"))
    assert [row.key["iscm"] for row in plan.over] == ["sacm"]
    assert [row.key["iscm"] for row in plan.not_planned] == ["midwa"]
    assert plan.no_office is None


def test_a_plan_of_nothing_has_no_totals():
    plan = staffing_plan(2026)
    assert (plan.planned, plan.total, plan.largest, plan.by_iscm) == (None, None, None, [])


def test_an_office_is_set_beside_its_own_needs_and_told_those_of_no_office():
    rcm, office = make.ISCMFactory(), make.OfficeFactory(slug="ro")
    money.StaffNeedFactory(iscm=rcm, office=office)
    money.StaffNeedFactory(iscm=rcm, share_pct=Decimal("30.00"))
    money.StaffNeedFactory(iscm=rcm, office=make.OfficeFactory())
    a_post("100.00", rcm, office=make.OfficeFactory())
    a_post("60.00", rcm, office=office)
    plan = staffing_plan(2026, office="ro")
    assert (plan.planned.needed, plan.planned.held) == (1, Decimal("0.60"))
    assert plan.no_office == Decimal("0.30")


def test_a_reader_of_one_office_is_told_that_offices_posts_only():
    office, iscm = make.OfficeFactory(), make.ISCMFactory()
    manager = make.UserFactory(access_group="manager", office=office)
    a_post("60.00", iscm, office=office)
    a_post("100.00", iscm)
    money.TimeEntryFactory(iscm=iscm, report_number=1)
    cell = only(staffing(Y2026, reader=manager))
    assert (cell.held, cell.days) == (Decimal("0.60"), 0)
    assert staffing(Y2026, reader=make.UserFactory(access_group="analyst")) == []
    everything = only(staffing(Y2026, reader=make.UserFactory(access_group="finance")))
    assert (everything.held, everything.days) == (Decimal("1.60"), 1)


def test_a_dimension_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match="grade"):
        staffing(Y2026, ("grade",))


# --- terms of reference


def held_2026() -> Any:
    return posts().held_during(Y2026)


def test_coverage_counts_posts_of_which_it_is_known_and_the_rest_apart():
    with_document = money.PositionFactory(starts_on=FIRST, has_tor=True)
    money.TermsOfReferenceFactory.create_batch(2, position=with_document)
    money.PositionFactory(starts_on=FIRST, has_tor=True)
    money.PositionFactory(starts_on=FIRST, has_tor=False)
    money.PositionFactory(starts_on=FIRST, has_tor=None)
    money.PositionFactory(starts_on=None, has_tor=True)
    money.PositionFactory(starts_on=dt.date(2027, 1, 1), has_tor=True)
    found = tor_coverage(held_2026())
    assert (found.with_tor, found.without_tor, found.unknown, found.with_document) == (2, 1, 1, 1)
    assert (found.known, found.posts, found.pct) == (3, 4, Decimal("66.6667"))


def test_coverage_over_nothing_is_no_number():
    money.PositionFactory(starts_on=FIRST, has_tor=None)
    assert tor_coverage(held_2026()).pct is None
    assert tor_coverage(posts().none()).pct is None


def test_the_evaluations_own_45_per_cent_counts_offices():
    assert (TOR_IN_SURVEY.offices, TOR_IN_SURVEY.of, TOR_IN_SURVEY.printed_pct) == (10, 22, 45)
    assert TOR_IN_SURVEY.offices * 100 // TOR_IN_SURVEY.of == TOR_IN_SURVEY.printed_pct
    assert "4.3" in TOR_IN_SURVEY.source


def test_the_evaluations_posts_have_their_shares_and_no_dates():
    call_command("load_evaluation", verbosity=0)
    assert staffing(Period.years(2000, 2030)) == []
    apart = undated(posts("bali-process"), "bali-process")
    assert (apart.posts, apart.stated) == (5, Decimal("4.20"))
    chief = Position.objects.get(title="Chief of Mission", office__slug="co-bangkok")
    assert [share.share_pct for share in chief.shares.all()] == [Decimal("20.00")]


# --- cost and twin


def test_the_number_of_statements_does_not_grow(django_assert_num_queries: Any):
    office = make.OfficeFactory(slug="ro")
    for _round in range(2):
        for _row in range(4):
            a_post("50.00", make.ISCMFactory(), office=office)
            a_post(None, make.ISCMFactory(), office=office)
            money.StaffNeedFactory(office=office)
            money.TimeEntryFactory(report_number=1, report_item=TimeEntry.objects.count())
        with django_assert_num_queries(4):
            staffing(Y2026, ("iscm", "office"))
        with django_assert_num_queries(6):
            staffing_plan(2026, office="ro")
        with django_assert_num_queries(1):
            tor_coverage(held_2026())
        with django_assert_num_queries(2):
            undated(posts())


SLUGS, OFFICES = ("north", "south", "east"), ("co-a", "co-b")
DAYS = [
    dt.date(2024, 1, 1),
    dt.date(2024, 12, 31),
    dt.date(2025, 1, 1),
    dt.date(2025, 6, 30),
    dt.date(2025, 12, 31),
    dt.date(2026, 1, 1),
    dt.date(2026, 2, 28),
]


@st.composite
def plans(draw: st.DrawFn) -> dict[str, list[dict[str, Any]]]:
    """Needs, posts with stated and unknown shares, held at all edges, and days of all kinds."""
    share = st.one_of(st.none(), st.decimals("0", "33.33", places=2))
    needs = st.fixed_dictionaries(
        {
            "iscm": st.sampled_from(SLUGS),
            "office": st.sampled_from([None, *OFFICES]),
            "year": st.sampled_from([2024, 2025, 2026]),
            "share_pct": st.decimals("0.01", "900", places=2),
        }
    )
    held = st.fixed_dictionaries(
        {
            "office": st.sampled_from(OFFICES),
            "span": st.tuples(
                st.sampled_from([None, *DAYS]), st.sampled_from([None, *DAYS])
            ).filter(lambda span: None in span or span[0] <= span[1]),
            "shares": st.dictionaries(st.sampled_from(SLUGS), share),
        }
    )
    entries = st.fixed_dictionaries(
        {
            "iscm": st.sampled_from([None, *SLUGS]),
            "office": st.sampled_from(OFFICES),
            "worked_on": st.sampled_from(DAYS),
            "days": st.decimals("0", "20", places=2),
            "of_report": st.booleans(),
            "of_post": st.booleans(),
        }
    )
    return {
        "needs": draw(st.lists(needs, max_size=5)),
        "posts": draw(st.lists(held, max_size=5)),
        "entries": draw(st.lists(entries, max_size=5)),
    }


def write(plan: dict[str, list[dict[str, Any]]]) -> None:
    iscms = {slug: make.ISCMFactory(slug=slug) for slug in SLUGS} | {None: None}
    offices = {slug: make.OfficeFactory(slug=slug) for slug in OFFICES} | {None: None}
    some_post = money.PositionFactory(
        starts_on=dt.date(2025, 1, 1), ends_on=dt.date(2025, 12, 31), office=offices["co-a"]
    )
    money.PositionShareFactory(position=some_post, iscm=iscms["north"], share_pct=0)
    for need in plan["needs"]:
        money.StaffNeedFactory(
            **need | {"iscm": iscms[need["iscm"]], "office": offices[need["office"]]}
        )
    for row in plan["posts"]:
        starts_on, ends_on = row["span"]
        post = money.PositionFactory(
            office=offices[row["office"]], starts_on=starts_on, ends_on=ends_on
        )
        for slug, share in row["shares"].items():
            money.PositionShareFactory(position=post, iscm=iscms[slug], share_pct=share)
    for number, row in enumerate(plan["entries"]):
        money.TimeEntryFactory(
            iscm=iscms[row["iscm"]],
            office=offices[row["office"]],
            worked_on=row["worked_on"],
            days=row["days"],
            report_number=1 if row["of_report"] else None,
            report_item=number,
            position=some_post if row["of_post"] else None,
        )


def days_of(year: int) -> Iterator[dt.date]:
    day = dt.date(year, 1, 1)
    while day.year == year:
        yield day
        day += dt.timedelta(days=1)


def recount(years: list[int], by: tuple[str, ...], narrow: dict[str, str]) -> dict[Any, Any]:
    """The same by hand: record by record, and a post day by day."""
    cells: dict[Any, dict[str, Any]] = defaultdict(
        lambda: {"needed": None, "held": Fraction(0), "more": {}, "days": Decimal(0)}
    )

    def places(iscm: str | None, office: str | None, year: int) -> list[dict[str, Any]]:
        found = {"iscm": iscm, "office": office, "year": year}
        if any(found[name] != value for name, value in narrow.items()):
            return []
        return [cells[tuple(found[name] for name in by)]]

    def slug(record: Any) -> str | None:
        return record.slug if record else None

    def in_share(entry: TimeEntry) -> bool:
        post = entry.position
        if post is None or not post.starts_on <= entry.worked_on <= post.ends_on:
            return False
        return entry.iscm is None or post.shares.filter(iscm=entry.iscm).exists()

    for need in StaffNeed.objects.all():
        for cell in places(slug(need.iscm), slug(need.office), need.year):
            if need.year in years:
                cell["needed"] = (cell["needed"] or 0) + Fraction(need.share_pct) / 100
    for year in years:
        for share in PositionShare.objects.all():
            post = share.position
            if post.starts_on is None:
                continue
            held = [
                day
                for day in days_of(year)
                if post.starts_on <= day and (post.ends_on is None or day <= post.ends_on)
            ]
            if not held:
                continue
            part = Fraction(len(held), len(list(days_of(year))))
            for cell in places(slug(share.iscm), slug(post.office), year):
                if share.share_pct is None:
                    stated = sum(Fraction(other.share_pct or 0) for other in post.shares.all())
                    cell["more"][post.pk, year] = (100 - stated) * part / 100
                else:
                    cell["held"] += Fraction(share.share_pct) * part / 100
    for entry in TimeEntry.objects.all():
        if entry.report_number and not in_share(entry) and entry.worked_on.year in years:
            for cell in places(slug(entry.iscm), slug(entry.office), entry.worked_on.year):
                cell["days"] += entry.days
    return {
        key: (
            None if cell["needed"] is None else rounded(cell["needed"], 2),
            rounded(cell["held"], 2),
            rounded(cell["held"] + sum(cell["more"].values()), 2),
            len(cell["more"]),
            cell["days"],
        )
        for key, cell in cells.items()
    }


def empty(cell: Any) -> bool:
    return cell == (None, 0, 0, 0, 0)


@twin_settings
@given(
    plan=plans(),
    years=st.sampled_from([[2024], [2025], [2026], [2024, 2025], [2024, 2025, 2026]]),
    by=st.sampled_from([(), ("iscm",), ("office",), ("iscm", "office"), ("year",)]),
    narrow=st.sampled_from([{}, {}, {"iscm": "north"}, {"office": "co-a"}]),
)
def test_staffing_is_what_a_recount_by_hand_gives(plan, years, by, narrow):
    with taken_back():
        write(plan)
        cells = staffing(Period.years(years[0], years[-1]), by, **narrow)
        found = {
            tuple(cell.key.values()): (
                cell.needed,
                cell.held,
                cell.held_high,
                cell.unknown,
                cell.days,
            )
            for cell in cells
        }
        by_hand = recount(years, by, narrow)
    # A cell of nothing may be there or not.
    assert {key: cell for key, cell in found.items() if not empty(cell)} == {
        key: cell for key, cell in by_hand.items() if not empty(cell)
    }


@twin_settings
@given(plan=plans(), narrow=st.sampled_from([{}, {}, {"iscm": "north"}, {"office": "co-a"}]))
def test_the_pages_of_places_and_the_totals_are_what_a_recount_gives(plan, narrow):
    with taken_back():
        write(plan)
        address, found = "/staffing/", []
        while address:
            request = RequestFactory().get(address)
            page = page_beyond(request, staffing_places(2026, **narrow), *PLACE_ORDER, size=2)
            found += staffing_at(2026, page, **narrow)
            address = page.next and f"/staffing/{page.next}"
        by_hand = recount([2026], ("iscm", "office"), narrow)
        whole = staffing_plan(2026, **narrow)
        assert whole.total == next(iter(staffing(Y2026, **narrow)), None)
        assert whole.planned == next(
            iter(staffing(Y2026, planned=True, **narrow) if whole.mechanisms_planned else ()), None
        )
        assert whole.by_iscm == staffing(Y2026, ("iscm",), **narrow)
    cells = {
        tuple(cell.key.values()): (
            cell.needed,
            cell.held,
            cell.held_high,
            cell.unknown,
            cell.days,
        )
        for cell in found
    }
    assert len(cells) == len(found)  # none twice
    assert {key: cell for key, cell in cells.items() if not empty(cell)} == {
        key: cell for key, cell in by_hand.items() if not empty(cell)
    }
