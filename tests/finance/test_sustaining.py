"""What others pay: contributions, arrears, self-financing and fund-raising, against a recount."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from statistics import median
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance.models import AssessedContribution, Proposal
from finance.selectors.sustaining import (
    contribution_records,
    contributions,
    fund_raising,
    proposal_records,
    self_financing,
)
from iscm_portal.common.period import Period
from tests.factories import engagements as make
from tests.factories import finance as money
from tests.twins import rounded, taken_back, twin_settings

pytestmark = pytest.mark.django_db

Y2026 = Period.year(2026)


def only(cells: list[Any]) -> Any:
    (cell,) = cells
    return cell


def owed(iscm: Any, assessed: str, paid: str, **fields: Any) -> AssessedContribution:
    row: AssessedContribution = money.AssessedContributionFactory(
        iscm=iscm, assessed_usd=Decimal(assessed), paid_usd=Decimal(paid), **fields
    )
    return row


def proposed(state: str = "asked", **fields: Any) -> Proposal:
    """A proposal of 11 March 2026, decided on 20 March unless it is open."""
    if state != "asked":
        fields.setdefault("decided_on", dt.date(2026, 3, 20))
    if state == "awarded":
        fields.setdefault("awarded_usd", Decimal("20000.00"))
    row: Proposal = money.ProposalFactory(state=state, **fields)
    return row


# --- contributions


def test_who_paid_more_makes_up_for_nobodys_arrears():
    rcm = make.ISCMFactory(slug="rcm")
    owed(rcm, "1000.00", "400.50")
    owed(rcm, "1000.00", "1300.00")
    owed(rcm, "500.00", "500.00")
    cell = only(contributions(Y2026, ("iscm",)))
    assert cell.key == {"iscm": "rcm"}
    assert (cell.assessed_usd, cell.paid_usd, cell.arrears_usd) == (
        Decimal("2500.00"),
        Decimal("2200.50"),
        Decimal("599.50"),
    )
    assert (cell.n, cell.in_arrears, cell.paid_pct) == (3, 1, Decimal("88.0200"))
    assert [row.arrears_usd for row in contribution_records(Y2026).order_by("pk")] == [
        Decimal("599.50"),
        0,
        0,
    ]


def test_the_shares_of_a_scale_add_up_within_one_mechanism_and_year():
    rcm = make.ISCMFactory(slug="rcm")
    for share in ("60.0001", "39.9999"):
        owed(rcm, "1.00", "0.00", scale_pct=Decimal(share))
    assert only(contributions(Y2026)).scale_pct == 100
    owed(rcm, "1.00", "0.00", scale_pct=Decimal("5"), year=2025)
    assert only(contributions(Period.years(2025, 2026))).scale_pct is None
    by_year = contributions(Period.years(2025, 2026), ("iscm", "year"))
    assert [cell.scale_pct for cell in by_year] == [5, 100]


def test_a_scale_that_is_not_on_record_is_not_zero():
    owed(make.ISCMFactory(), "1.00", "0.00")
    assert only(contributions(Y2026)).scale_pct is None


def test_a_contribution_belongs_to_the_year_it_is_assessed_for():
    rcm = make.ISCMFactory()
    for year in (2025, 2026, 2027):
        owed(rcm, "100.00", "100.00", year=year, paid_on=dt.date(2026, 6, 1))
    assert only(contributions(Y2026)).n == 1


def test_nothing_on_record_has_no_cell_and_nothing_assessed_no_share_paid():
    assert contributions(Y2026) == []
    owed(make.ISCMFactory(), "0.00", "0.00")
    assert only(contributions(Y2026)).paid_pct is None


def test_contributions_narrow_to_a_mechanism_a_state_and_a_reader():
    rcm, peru = make.ISCMFactory(slug="rcm"), make.CountryFactory(iso3="PER")
    owed(rcm, "1.00", "0.00", country=peru)
    owed(rcm, "2.00", "0.00")
    owed(make.ISCMFactory(), "4.00", "0.00", country=peru)
    assert only(contributions(Y2026, iscm="rcm")).assessed_usd == 3
    assert only(contributions(Y2026, country="PER")).assessed_usd == 5
    assert contributions(Y2026, reader=make.UserFactory(access_group="manager")) == []
    assert only(contributions(Y2026, reader=make.UserFactory(access_group="ipd"))).n == 3


def test_a_dimension_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match="theme"):
        contributions(Y2026, ("theme",))
    with pytest.raises(ValueError, match="year"):
        fund_raising(Y2026, ("year",))


# --- self-financing


def test_the_self_financing_ratio_is_what_states_paid_of_that_and_ioms_support():
    rcm = make.ISCMFactory(slug="rcm")
    owed(rcm, "300.00", "150.00")
    owed(rcm, "300.00", "100.00")
    found = self_financing(Y2026, {("rcm", 2026): Decimal("750.00"), ("rcm", 2025): Decimal(9)})
    assert [(row.iscm, row.year, row.paid_usd, row.support_usd) for row in found] == [
        ("rcm", 2026, Decimal("250.00"), Decimal("750.00"))
    ]
    assert found[0].pct == Decimal("25.0000")


def test_without_contributions_on_record_or_over_nothing_there_is_no_ratio():
    owed(make.ISCMFactory(slug="paid-nothing"), "300.00", "0.00")
    found = self_financing(Y2026, {("supported", 2026): Decimal("750.00")})
    assert [(row.iscm, row.paid_usd, row.pct) for row in found] == [
        ("paid-nothing", 0, None),
        ("supported", None, None),
    ]
    with_support = self_financing(Y2026, {("paid-nothing", 2026): Decimal("1.00")})
    assert only(with_support).pct == 0


def test_self_financing_narrows_to_a_mechanism():
    owed(make.ISCMFactory(slug="rcm"), "1.00", "1.00")
    support = {("rcm", 2026): Decimal(1), ("sacm", 2026): Decimal(1)}
    assert [row.iscm for row in self_financing(Y2026, support, iscm="sacm")] == ["sacm"]
    assert [row.iscm for row in self_financing(Y2026, support, iscm="rcm")] == ["rcm"]


# --- fund-raising


def test_success_counts_what_was_decided_and_what_waits_stands_apart():
    rcm = make.ISCMFactory(slug="rcm")
    proposed(iscm=rcm)
    proposed("awarded", iscm=rcm)
    proposed("awarded", iscm=rcm, decided_on=dt.date(2026, 3, 12), awarded_usd=Decimal("50000"))
    proposed("declined", iscm=rcm, decided_on=dt.date(2026, 3, 31))
    proposed("withdrawn", iscm=rcm, decided_on=dt.date(2026, 12, 1))
    cell = only(fund_raising(Y2026, ("iscm",)))
    assert (cell.open, cell.open_usd) == (1, Decimal("50000.00"))
    assert (cell.awarded, cell.declined, cell.withdrawn, cell.decided) == (2, 1, 1, 3)
    assert (cell.asked_usd, cell.awarded_usd) == (Decimal("150000.00"), Decimal("70000.00"))
    assert (cell.success_pct, cell.success_by_amount_pct) == (
        Decimal("66.6667"),
        Decimal("46.6667"),
    )
    assert cell.median_days == 9


def test_over_nothing_decided_there_is_no_success_rate():
    proposed()
    proposed("withdrawn")
    cell = only(fund_raising(Y2026))
    assert (cell.success_pct, cell.success_by_amount_pct, cell.median_days) == (None, None, None)
    assert fund_raising(Period.year(2025)) == []


@pytest.mark.parametrize(
    ("asked_on", "decided_on", "fate"),
    [
        (dt.date(2025, 3, 1), dt.date(2025, 12, 31), None),
        (dt.date(2025, 3, 1), dt.date(2026, 1, 1), "declined"),
        (dt.date(2026, 3, 1), dt.date(2026, 12, 31), "declined"),
        (dt.date(2026, 3, 1), dt.date(2027, 1, 1), "asked"),
        (dt.date(2025, 3, 1), None, "asked"),
        (dt.date(2026, 12, 31), None, "asked"),
        (dt.date(2027, 1, 1), None, None),
        (dt.date(2027, 1, 1), dt.date(2027, 1, 2), None),
    ],
)
def test_a_proposal_waits_or_is_decided_at_both_edges_of_the_period(asked_on, decided_on, fate):
    state = "declined" if decided_on else "asked"
    proposed(state, asked_on=asked_on, decided_on=decided_on)
    assert [row.fate for row in proposal_records(Y2026)] == ([fate] if fate else [])
    counted = [(cell.open, cell.declined) for cell in fund_raising(Y2026)]
    assert counted == {None: [], "asked": [(1, 0)], "declined": [(0, 1)]}[fate]


def test_fund_raising_narrows_to_a_mechanism_a_donor_an_office_and_a_reader():
    rcm, office = make.ISCMFactory(slug="rcm"), make.OfficeFactory(slug="ro")
    donor = make.OrganisationFactory(slug="fund")
    proposed(iscm=rcm, donor=donor, office=office)
    proposed(iscm=rcm)
    assert only(fund_raising(Y2026, iscm="rcm")).open == 2
    assert only(fund_raising(Y2026, donor="fund")).open == 1
    assert only(fund_raising(Y2026, office="ro")).open == 1
    manager = make.UserFactory(access_group="manager", office=office)
    assert only(fund_raising(Y2026, reader=manager)).open == 1
    by_donor = fund_raising(Y2026, ("donor",))
    assert {cell.key["donor"]: cell.open for cell in by_donor}["fund"] == 1
    assert len(by_donor) == 2


def test_the_number_of_statements_does_not_grow(django_assert_num_queries: Any):
    for _round in range(2):
        for _row in range(3):
            owed(make.ISCMFactory(), "2.00", "1.00")
            proposed()
            proposed("awarded")
        with django_assert_num_queries(1):
            contributions(Y2026, ("iscm", "country", "year"))
        with django_assert_num_queries(1):
            self_financing(Y2026, {})
        with django_assert_num_queries(1):
            fund_raising(Y2026, ("iscm", "donor"))


# --- the brute-force twins

SLUGS, STATES, DONORS = ("north", "south"), ("PER", "CHL", "ARG"), ("fund", "bank")
YEARS = (2024, 2025, 2026)
EDGES = [
    dt.date(2024, 12, 31),
    dt.date(2025, 1, 1),
    dt.date(2025, 2, 28),
    dt.date(2025, 12, 31),
    dt.date(2026, 1, 1),
    dt.date(2026, 7, 1),
]
AMOUNTS = st.decimals(0, 10_000, places=2)
PERIODS = st.sampled_from([Period.year(2025), Period.years(2025, 2026), Period.year(2024)])


@st.composite
def ledgers(draw: st.DrawFn) -> dict[tuple[str, str, int], dict[str, Any]]:
    places = st.tuples(st.sampled_from(SLUGS), st.sampled_from(STATES), st.sampled_from(YEARS))
    amounts = st.fixed_dictionaries(
        {
            "assessed_usd": AMOUNTS,
            "paid_usd": AMOUNTS,
            "scale_pct": st.one_of(st.none(), st.decimals(0, 100, places=4)),
        }
    )
    return draw(st.dictionaries(places, amounts, max_size=8))


@twin_settings
@given(
    ledger=ledgers(),
    period=PERIODS,
    by=st.sampled_from([(), ("iscm",), ("country",), ("iscm", "year"), ("year",)]),
    narrow=st.sampled_from([{}, {}, {"iscm": "north"}, {"country": "PER"}]),
)
def test_contributions_are_what_a_recount_by_hand_gives(ledger, period, by, narrow):
    with taken_back():
        iscms = {slug: make.ISCMFactory(slug=slug) for slug in SLUGS}
        states = {code: make.CountryFactory(iso3=code) for code in STATES}
        for (slug, code, year), amounts in ledger.items():
            money.AssessedContributionFactory(
                iscm=iscms[slug], country=states[code], year=year, **amounts
            )
        cells = contributions(period, by, **narrow)
        by_hand: dict[Any, list[AssessedContribution]] = defaultdict(list)
        for row in AssessedContribution.objects.select_related("iscm", "country"):
            place = {"iscm": row.iscm.slug, "country": row.country.iso3, "year": row.year}
            in_it = row.year in period.calendar_years
            if in_it and all(place[name] == value for name, value in narrow.items()):
                by_hand[tuple(place[name] for name in by)].append(row)
        expected = {}
        for key, rows in by_hand.items():
            debts = [max(row.assessed_usd - row.paid_usd, Decimal(0)) for row in rows]
            scale = [row.scale_pct for row in rows if row.scale_pct is not None]
            one = len({(row.iscm_id, row.year) for row in rows}) == 1
            expected[key] = (
                sum(row.assessed_usd for row in rows),
                sum(row.paid_usd for row in rows),
                sum(debts),
                sum(scale) if scale and one else None,
                len(rows),
                sum(debt > 0 for debt in debts),
            )
    found = {
        tuple(cell.key.values()): (
            cell.assessed_usd,
            cell.paid_usd,
            cell.arrears_usd,
            cell.scale_pct,
            cell.n,
            cell.in_arrears,
        )
        for cell in cells
    }
    assert found == expected


@st.composite
def pipelines(draw: st.DrawFn) -> list[dict[str, Any]]:
    rows = []
    for _number in range(draw(st.integers(0, 8))):
        state = draw(st.sampled_from(["asked", "awarded", "awarded", "declined", "withdrawn"]))
        asked_on = draw(st.sampled_from(EDGES))
        row = {
            "iscm": draw(st.sampled_from(SLUGS)),
            "donor": draw(st.sampled_from(DONORS)),
            "state": state,
            "asked_on": asked_on,
            "asked_usd": draw(AMOUNTS),
        }
        if state != "asked":
            row["decided_on"] = draw(st.sampled_from([day for day in EDGES if day >= asked_on]))
        if state == "awarded":
            row["awarded_usd"] = draw(AMOUNTS)
        rows.append(row)
    return rows


def by_hand(rows: list[Proposal], period: Period) -> tuple[Any, ...]:
    waiting = [
        row
        for row in rows
        if row.asked_on < period.end and not (row.decided_on and row.decided_on < period.end)
    ]
    decided = [row for row in rows if row.decided_on and row.decided_on in period]
    judged = [row for row in decided if row.state in ("awarded", "declined")]
    awarded = [row for row in judged if row.state == "awarded"]
    asked_usd = sum((row.asked_usd for row in judged), Decimal(0))
    awarded_usd = sum((row.awarded_usd or Decimal(0) for row in awarded), Decimal(0))
    waits = [Fraction((row.decided_on - row.asked_on).days) for row in judged]
    return (
        len(waiting),
        sum(row.asked_usd for row in waiting),
        len(awarded),
        len(judged) - len(awarded),
        len(decided) - len(judged),
        asked_usd,
        awarded_usd,
        rounded(Fraction(len(awarded) * 100, len(judged)), 4) if judged else None,
        rounded(Fraction(awarded_usd) * 100 / Fraction(asked_usd), 4) if asked_usd else None,
        rounded(Fraction(median(waits)), 4) if waits else None,
    )


@twin_settings
@given(
    pipeline=pipelines(),
    period=PERIODS,
    by=st.sampled_from([(), ("iscm",), ("donor",), ("iscm", "donor")]),
    narrow=st.sampled_from([{}, {}, {"iscm": "north"}, {"donor": "fund"}]),
)
def test_fund_raising_is_what_a_recount_by_hand_gives(pipeline, period, by, narrow):
    with taken_back():
        iscms = {slug: make.ISCMFactory(slug=slug) for slug in SLUGS}
        donors = {slug: make.OrganisationFactory(slug=slug) for slug in DONORS}
        for row in pipeline:
            money.ProposalFactory(
                **row | {"iscm": iscms[row["iscm"]], "donor": donors[row["donor"]]}
            )
        cells = fund_raising(period, by, **narrow)
        groups: dict[Any, list[Proposal]] = defaultdict(list)
        for record in Proposal.objects.select_related("iscm", "donor"):
            place = {"iscm": record.iscm.slug, "donor": record.donor.slug}
            if all(place[name] == value for name, value in narrow.items()):
                groups[tuple(place[name] for name in by)].append(record)
        expected = {key: by_hand(rows, period) for key, rows in groups.items()}
    found = {
        tuple(cell.key.values()): (
            cell.open,
            cell.open_usd,
            cell.awarded,
            cell.declined,
            cell.withdrawn,
            cell.asked_usd,
            cell.awarded_usd,
            cell.success_pct,
            cell.success_by_amount_pct,
            cell.median_days,
        )
        for cell in cells
    }
    assert found == {key: cell for key, cell in expected.items() if any(cell[:5])}
