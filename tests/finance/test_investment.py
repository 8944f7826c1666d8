"""The total investment of a cell, against the auditor's plain recount of the records."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import product
from operator import itemgetter
from typing import Any

import pytest
from hypothesis import given, settings

from engagements.models import ISCM
from finance.choices import AttributionBasis, FundingSource, PaidBy, Supports
from finance.models import (
    FundingLine,
    Position,
    PositionShare,
    StandardCost,
    TimeEntry,
)
from finance.selectors.gaps import (
    days_paid_by_nothing_counted,
    posts_above_what_pays_them,
    posts_paid_by_nothing_counted,
    posts_without_rate,
    stated_over_lines,
)
from finance.selectors.investment import Investment, investment, investment_records
from iscm_portal.common.period import Period
from reporting.services.auditing.directory import Directory
from reporting.services.auditing.money import Ledger
from tests.factories.engagements import (
    CountryFactory,
    EventFactory,
    ISCMFactory,
    MembershipFactory,
    OfficeFactory,
    ThemeFactory,
    UserFactory,
)
from tests.factories.finance import (
    AttributionFactory,
    FundingLineFactory,
    PositionFactory,
    PositionShareFactory,
    ProjectFactory,
    StandardCostFactory,
    TimeEntryFactory,
)
from tests.finance.ledgers import YEARS, ledgers, write, write_directory
from tests.mechanisms import REGIONS_OF, SLUGS, THEMES_OF, TYPE_OF
from tests.twins import rounded, taken_back, twin_settings

pytestmark = pytest.mark.django_db

Y2014 = Period.year(2014)


@pytest.fixture
def sacm_2014() -> ISCM:
    """SACM in 2014: USD 20,000 of OSI, and PLACMI, of which nobody knows the share."""
    sacm = ISCMFactory(slug="sacm", acronym="SACM")
    placmi = ProjectFactory(code="PLACMI")
    FundingLineFactory(
        code="fin-025", year=2014, iscm=sacm, label="SACM", amount_usd=20_000, printed_table=4
    )
    FundingLineFactory(
        code="fin-061",
        year=2014,
        project=placmi,
        label="PLACMI",
        amount_usd=596_600,
        source_of_funds=FundingSource.PROJECT_SUPPORT,
        printed_table=5,
    )
    AttributionFactory(project=placmi, iscm=sacm, year=2014)
    return sacm


def only(cells: list[Investment]) -> Investment:
    (cell,) = cells
    return cell


# --- total investment, rule by rule


def test_sacm_2014_is_known_to_have_cost_20000_and_at_most_616600(sacm_2014: ISCM):
    cell = only(investment(Y2014, ("iscm", "year")))
    assert cell.key == {"iscm": "sacm", "supports": "iscm", "year": 2014}
    assert (cell.known_usd, cell.low_usd, cell.high_usd) == (
        Decimal("20000.00"),
        Decimal("20000.00"),
        Decimal("616600.00"),
    )
    assert (cell.missing["unknown_shares"], cell.missing["days_without_rate"]) == (1, 0)
    assert cell.n == 2


def test_an_unknown_share_is_at_most_what_the_stated_ones_leave():
    project = ProjectFactory()
    FundingLineFactory(project=project, year=2014, amount_usd=1000)
    stated, unknown = ISCMFactory(slug="stated"), ISCMFactory(slug="unknown")
    AttributionFactory(
        project=project,
        iscm=stated,
        year=2014,
        basis=AttributionBasis.STATED_SHARE,
        share_pct=Decimal("33.33"),
    )
    AttributionFactory(project=project, iscm=unknown, year=2014)
    cells = {cell.key["iscm"]: cell for cell in investment(Y2014, ("iscm",))}
    assert cells["stated"].known_usd == cells["stated"].high_usd == Decimal("333.30")
    assert (cells["unknown"].known_usd, cells["unknown"].high_usd) == (0, Decimal("666.70"))


def test_what_two_mechanisms_may_have_had_is_added_once_to_the_total():
    project = ProjectFactory()
    FundingLineFactory(project=project, year=2014, amount_usd=1000)
    AttributionFactory.create_batch(2, project=project, year=2014)
    assert [cell.high_usd for cell in investment(Y2014, ("iscm",))] == [1000, 1000]
    total = only(investment(Y2014))
    assert (total.known_usd, total.high_usd, total.n) == (0, 1000, 1)
    assert total.missing["unknown_shares"] == 2


def test_more_is_never_counted_for_mechanisms_than_the_project_has():
    """What documents state over the lines is cut, each amount by the same part."""
    project, rcm = ProjectFactory(), ISCMFactory(slug="rcm")
    FundingLineFactory(project=project, year=2014, amount_usd=1000)
    AttributionFactory(
        project=project, year=2014, basis=AttributionBasis.STATED_SHARE, share_pct=40
    )
    for iscm, usd in ((rcm, 1500), (ISCMFactory(slug="sacm"), 500)):
        AttributionFactory(
            project=project,
            iscm=iscm,
            year=2014,
            basis=AttributionBasis.STATED_AMOUNT,
            amount_usd=usd,
        )
    AttributionFactory(project=project, year=2014)
    total = only(investment(Y2014))
    assert (total.known_usd, total.high_usd) == (1000, 1000)
    assert only(investment(Y2014, iscm="rcm")).known_usd == 450
    assert only(investment(Y2014, iscm="sacm")).known_usd == 150
    (stated,) = stated_over_lines(UserFactory(access_group="finance"))
    assert (stated.project, stated.year) == (project.pk, 2014)
    assert (round(stated.lines_usd, 2), round(stated.stated_usd, 2)) == (1000, 2400)


def test_an_amount_that_is_stated_before_any_line_is_on_record_counts_as_it_is():
    project = ProjectFactory()
    AttributionFactory(
        project=project, year=2014, basis=AttributionBasis.STATED_AMOUNT, amount_usd=1500
    )
    assert only(investment(Y2014)).known_usd == 1500
    assert list(stated_over_lines(UserFactory(access_group="finance"))) == []


def test_a_project_without_attribution_for_the_year_counts_nowhere():
    project = ProjectFactory()
    FundingLineFactory(project=project, year=2014)
    AttributionFactory(project=project, year=2015, basis=AttributionBasis.DEDICATED)
    assert investment(Y2014) == []
    assert not investment_records(Y2014)["funding_lines"].exists()


def test_lines_that_are_not_counted_or_name_nobody_count_nowhere():
    FundingLineFactory(year=2014, is_counted=False, not_counted_reason="Repeats Table 4.")
    FundingLineFactory(year=2014, supports=Supports.NOT_NAMED)
    assert investment(Y2014) == []


def test_the_grcp_and_all_rcps_stand_beside_the_mechanisms():
    FundingLineFactory(year=2014, supports=Supports.GRCP, amount_usd=1)
    FundingLineFactory(year=2014, supports=Supports.ALL_RCPS, amount_usd=2)
    cells = investment(Y2014, ("iscm",))
    assert {cell.key["supports"]: cell.known_usd for cell in cells} == {"grcp": 1, "all_rcps": 2}
    assert {cell.key["iscm"] for cell in cells} == {None}


def test_staff_time_counts_at_the_standard_cost_unless_a_line_pays_it():
    iscm = ISCMFactory()
    StandardCostFactory(grade="P3", year=2014, usd_per_day=Decimal("400.50"))
    day = {"iscm": iscm, "worked_on": dt.date(2014, 12, 31)}
    TimeEntryFactory(**day, days=Decimal("1.50"))
    line = FundingLineFactory(year=2014, amount_usd=0)
    TimeEntryFactory(**day, days=Decimal("2.00"), paid_by=PaidBy.COUNTED_LINE, funding_line=line)
    TimeEntryFactory(**day, days=Decimal("0.50"), grade="P5")
    TimeEntryFactory(iscm=iscm, worked_on=dt.date(2015, 1, 1))
    cell = only(investment(Y2014, ("source",), source="staff_time"))
    assert cell.key == {"source": "staff_time"}
    assert cell.known_usd == Decimal("600.75")
    assert cell.missing["days_without_rate"] == Decimal("0.50")
    assert cell.n == 2


@pytest.fixture
def coordinator() -> Position:
    """A post of which half is for RCM, held from 1 July 2014 on, at USD 400 a working day."""
    StandardCostFactory(grade="P3", year=2014, usd_per_day=400)
    post = PositionFactory(grade="P3", starts_on=dt.date(2014, 7, 1))
    PositionShareFactory(position=post, iscm=ISCMFactory(slug="rcm"), share_pct=50)
    return post


def test_a_post_costs_its_share_of_the_working_days_on_which_it_was_held(coordinator: Position):
    cell = only(investment(Y2014, ("iscm", "source", "office")))
    assert (cell.key["iscm"], cell.key["source"]) == ("rcm", "staff_time")
    assert cell.key["office"] == coordinator.office.slug
    # 184 of 365 days, 220 working days a year, half of the post.
    assert cell.known_usd == Decimal("22180.82")
    assert cell.high_usd == cell.known_usd
    assert cell.n == 1


@pytest.mark.parametrize(
    ("starts_on", "ends_on", "days"),
    [
        (dt.date(2014, 1, 1), dt.date(2014, 12, 31), 365),
        (dt.date(2013, 5, 1), None, 365),
        (dt.date(2014, 12, 31), None, 1),
        (dt.date(2013, 1, 1), dt.date(2014, 1, 1), 1),
        (dt.date(2015, 1, 1), None, 0),
        (dt.date(2012, 1, 1), dt.date(2013, 12, 31), 0),
    ],
)
def test_a_post_counts_for_the_days_of_the_year(coordinator: Position, starts_on, ends_on, days):
    Position.objects.update(starts_on=starts_on, ends_on=ends_on)
    cells = investment(Y2014)
    known = cells[0].known_usd if cells else 0
    assert known == rounded(Fraction(days * 220, 365) * 200, 2)
    assert len(cells) == (1 if days else 0)


def test_a_post_that_a_counted_line_pays_is_not_added_again(coordinator: Position):
    line = FundingLineFactory(year=2014, amount_usd=90_000)
    Position.objects.update(paid_by="counted_line", funding_line=line)
    assert only(investment(Y2014)).known_usd == 90_000
    assert not investment_records(Y2014)["positions"].exists()


def test_a_post_whose_payer_is_not_counted_is_counted_itself(coordinator: Position):
    before = only(investment(Y2014))
    line = FundingLineFactory(year=2014, is_counted=False, not_counted_reason="A ceiling.")
    project = ProjectFactory()
    officer, today = UserFactory(access_group="finance"), dt.date(2014, 12, 31)
    for payer in ({"funding_line": line}, {"funding_line": None, "project": project}):
        Position.objects.update(paid_by="counted_line", **payer)
        assert only(investment(Y2014)) == before
        assert list(posts_paid_by_nothing_counted(officer, today)) == [coordinator]
    FundingLineFactory(project=project, year=2014)
    assert investment(Y2014) == []
    assert list(posts_paid_by_nothing_counted(officer, today)) == []


@pytest.mark.parametrize("by_project", [False, True], ids=["a line", "a project"])
def test_a_post_that_costs_more_than_what_pays_it_is_told_with_the_years(by_project: bool):
    """Half of a post at USD 400 a day costs 44,000 in a year."""
    officer, today = UserFactory(access_group="finance"), dt.date(2016, 6, 30)
    project = ProjectFactory() if by_project else None
    line = FundingLineFactory(year=2014, amount_usd=44_000, project=project)
    payer = {"project": project} if by_project else {"funding_line": line}
    post = PositionFactory(
        grade="P3", paid_by="counted_line", starts_on=dt.date(2014, 1, 1), **payer
    )
    PositionShareFactory(position=post, share_pct=30)
    PositionShareFactory(position=post, share_pct=20)
    PositionShareFactory(position=post, share_pct=None)
    for year in (2014, 2015, 2016):
        StandardCostFactory(grade="P3", year=year, usd_per_day=400)

    def told() -> list[tuple[Position, int]]:
        return [(row, row.years_above) for row in posts_above_what_pays_them(officer, today)]

    assert told() == []  # to the cent; and of what nothing pays there is a list of its own
    if project:
        FundingLineFactory(year=2015, amount_usd=30_000, project=project)
        FundingLineFactory(year=2015, amount_usd="13999.99", project=project)
        assert told() == [(post, 1)]
    FundingLine.objects.filter(year=2014).update(amount_usd="43999.99")
    assert told() == [(post, 2 if project else 1)]
    Position.objects.update(starts_on=dt.date(2014, 2, 1))  # of a part of a year nobody says it
    assert told() == ([(post, 1)] if project else [])
    Position.objects.update(ends_on=dt.date(2015, 12, 30))
    assert told() == []
    Position.objects.update(ends_on=dt.date(2015, 12, 31))
    assert told() == ([(post, 1)] if project else [])


@pytest.mark.parametrize("by_project", [False, True], ids=["a line", "a project"])
def test_a_post_is_paid_only_in_the_years_of_the_counted_lines_that_pay_it(
    coordinator: Position, by_project: bool
):
    """What one year's line pays is in no sum of another year: there the post counts itself."""
    StandardCostFactory(grade="P3", year=2015, usd_per_day=500)
    project = ProjectFactory() if by_project else None
    line = FundingLineFactory(year=2014, amount_usd=90_000, project=project)
    payer = {"project": project} if by_project else {"funding_line": line}
    Position.objects.update(paid_by="counted_line", **payer)
    staff_time = {"source": "staff_time", "iscm": "rcm"}
    assert investment(Y2014, **staff_time) == []
    assert only(investment(Period.year(2015), **staff_time)).known_usd == 55_000
    both = Period.years(2014, 2015)
    assert only(investment(both, **staff_time)).known_usd == 55_000
    assert list(investment_records(both, **staff_time)["positions"]) == [coordinator]
    assert not investment_records(Y2014, **staff_time)["positions"].exists()
    officer = UserFactory(access_group="finance")
    assert list(posts_paid_by_nothing_counted(officer, dt.date(2014, 12, 31))) == []
    (gap,) = posts_paid_by_nothing_counted(officer, dt.date(2016, 1, 1))
    assert (gap.paid_years, gap.held_years) == (1, 3)
    # Days of the post for another mechanism go the same way.
    entry = {"position": coordinator, "iscm": ISCMFactory(slug="other"), "days": 1}
    for year in (2014, 2015):
        TimeEntryFactory(**entry, worked_on=dt.date(year, 8, 1))
    assert investment(Y2014, iscm="other") == []
    assert only(investment(Period.year(2015), iscm="other")).known_usd == 500


def test_a_rate_is_asked_for_only_where_nothing_counted_pays_the_post(coordinator: Position):
    officer, today = UserFactory(access_group="finance"), dt.date(2016, 1, 1)
    (post,) = posts_without_rate(officer, today)
    assert (post.rated_years, post.open_years) == (1, 3)
    project = ProjectFactory()
    Position.objects.update(paid_by="counted_line", project=project)
    for year in (2014, 2015):
        FundingLineFactory(project=project, year=year)
    (post,) = posts_without_rate(officer, today)
    assert (post.rated_years, post.open_years) == (0, 1)
    FundingLineFactory(project=project, year=2016)
    assert list(posts_without_rate(officer, today)) == []


def test_days_said_to_be_paid_by_a_line_that_is_not_named_are_what_could_be():
    StandardCostFactory(grade="P3", year=2014, usd_per_day=400)
    entry = TimeEntryFactory(worked_on=dt.date(2014, 8, 1), days=5, paid_by="counted_line")
    officer = UserFactory(access_group="finance")
    cell = only(investment(Y2014))
    assert (cell.known_usd, cell.high_usd, cell.n) == (0, 2000, 1)
    assert cell.missing["days_without_payer"] == 5
    assert list(days_paid_by_nothing_counted(officer)) == [entry]
    # Named, and not counted in the year of the days: they count as if nobody else paid.
    line = FundingLineFactory(year=2013, amount_usd=1)
    TimeEntry.objects.update(funding_line=line)
    cell = only(investment(Y2014))
    assert (cell.known_usd, cell.high_usd, cell.missing["days_without_payer"]) == (2000, 2000, 0)
    assert list(days_paid_by_nothing_counted(officer)) == [entry]
    # Named and counted: the line pays them, or its project does.
    FundingLine.objects.update(year=2014)
    assert only(investment(Y2014)).known_usd == 1
    assert list(days_paid_by_nothing_counted(officer)) == []
    project = ProjectFactory()
    TimeEntry.objects.update(funding_line=None, project=project)
    assert only(investment(Y2014)).known_usd == 2001
    FundingLineFactory(project=project, year=2014)
    assert only(investment(Y2014)).known_usd == 1
    assert not investment_records(Y2014)["time_entries"].exists()


def test_what_an_unknown_share_of_a_post_without_a_rate_could_be_is_missing_days(
    coordinator: Position,
):
    StandardCost.objects.all().delete()
    PositionShare.objects.update(share_pct=None)
    cell = only(investment(Y2014))
    assert (cell.known_usd, cell.high_usd) == (0, 0)
    assert cell.missing["days_without_rate"] == Decimal("110.90")


def test_days_of_a_post_count_where_its_share_does_not_hold_them(coordinator: Position):
    """For a mechanism that the post has no share for, and on days on which it was not held."""
    Position.objects.update(starts_on=dt.date(2014, 7, 1), ends_on=dt.date(2014, 9, 1))
    before = only(investment(Y2014))
    own, other = ISCM.objects.get(), ISCMFactory(slug="other")
    of_post = {"position": coordinator, "days": 1}
    for worked_on in (dt.date(2014, 7, 1), dt.date(2014, 9, 1)):
        TimeEntryFactory(**of_post, iscm=own, worked_on=worked_on)
    assert only(investment(Y2014)) == before
    for iscm, worked_on in (
        (own, dt.date(2014, 6, 30)),
        (own, dt.date(2014, 9, 2)),
        (other, dt.date(2014, 8, 1)),
    ):
        TimeEntryFactory(**of_post, iscm=iscm, worked_on=worked_on)
    assert only(investment(Y2014)).known_usd == before.known_usd + 3 * 400


def test_days_of_a_post_that_a_counted_line_pays_are_not_added(coordinator: Position):
    line = FundingLineFactory(year=2014, amount_usd=90_000)
    Position.objects.update(paid_by="counted_line", funding_line=line)
    entry = {"worked_on": dt.date(2014, 8, 1), "days": 5, "iscm": ISCMFactory(slug="other")}
    TimeEntryFactory(**entry, position=coordinator)
    assert only(investment(Y2014)).known_usd == 90_000


def test_days_that_are_part_of_a_posts_share_are_not_added_again(coordinator: Position):
    before = only(investment(Y2014))
    entry = {"iscm": ISCM.objects.get(), "worked_on": dt.date(2014, 9, 1), "days": 5}
    TimeEntryFactory(**entry, position=coordinator)
    assert only(investment(Y2014)) == before
    TimeEntryFactory(**entry)
    assert only(investment(Y2014)).known_usd == before.known_usd + 2000


def test_an_unknown_share_of_a_post_is_the_range_up_to_what_the_stated_ones_leave(
    coordinator: Position,
):
    PositionShareFactory(position=coordinator, iscm=ISCMFactory(slug="sacm"), share_pct=None)
    cells = {cell.key["iscm"]: cell for cell in investment(Y2014, ("iscm",))}
    sacm = cells["sacm"]
    assert (sacm.known_usd, sacm.high_usd) == (0, Decimal("22180.82"))
    assert sacm.missing == {
        "unknown_shares": 0,
        "posts_without_share": 1,
        "days_without_rate": Decimal("0.00"),
        "days_without_payer": Decimal("0.00"),
    }


def test_a_post_without_a_rate_is_counted_as_missing_days(coordinator: Position):
    StandardCost.objects.all().delete()
    cell = only(investment(Y2014))
    assert cell.known_usd == 0
    assert cell.missing["days_without_rate"] == Decimal("55.45")


def test_a_post_without_a_first_day_is_in_no_year(coordinator: Position):
    Position.objects.update(starts_on=None)
    assert investment(Y2014) == []


def test_support_through_a_project_is_known_by_project():
    project = ProjectFactory(code="FMM")
    FundingLineFactory(project=project, year=2014, amount_usd=100)
    FundingLineFactory(year=2014, amount_usd=7)
    AttributionFactory(project=project, year=2014, basis=AttributionBasis.DEDICATED)
    known = {cell.key["project"]: cell.known_usd for cell in investment(Y2014, ("project",))}
    assert known == {None: 7, "FMM": 100}


def test_time_on_a_grcp_meeting_is_the_grcps():
    TimeEntryFactory(
        iscm=None, event=EventFactory(kind="grcp"), worked_on=dt.date(2014, 5, 1), grade=""
    )
    TimeEntryFactory(iscm=None, worked_on=dt.date(2014, 5, 1), grade="")
    cells = investment(Y2014, ("iscm",))
    assert sorted(cell.key["supports"] for cell in cells) == ["grcp", "not_named"]


def test_a_line_counts_whole_under_each_theme_and_once_in_the_total():
    themes = ThemeFactory(code="labour"), ThemeFactory(code="return")
    iscm = ISCMFactory(themes=themes)
    FundingLineFactory(year=2014, iscm=iscm, amount_usd=2000)
    by_theme = {cell.key["theme"]: cell.known_usd for cell in investment(Y2014, ("theme",))}
    assert by_theme == {"labour": 2000, "return": 2000}
    assert only(investment(Y2014)).known_usd == 2000
    assert only(investment(Y2014, theme="labour")).known_usd == 2000
    assert investment(Y2014, theme="health") == []
    assert investment_records(Y2014, theme="labour")["funding_lines"].count() == 1
    assert not investment_records(Y2014, theme="health")["funding_lines"].exists()


def test_a_stated_amount_is_shared_out_over_sources_like_the_lines():
    project = ProjectFactory()
    for source, amount in [(FundingSource.OSI, 100), (FundingSource.TRAVEL, 300)]:
        FundingLineFactory(project=project, year=2014, source_of_funds=source, amount_usd=amount)
    AttributionFactory(
        project=project, year=2014, basis=AttributionBasis.STATED_AMOUNT, amount_usd=200
    )
    known = {cell.key["source"]: cell.known_usd for cell in investment(Y2014, ("source",))}
    assert known == {"osi": 50, "travel": 150}
    assert only(investment(Y2014, source=["travel"])).known_usd == 150


def test_an_unknown_dimension_is_refused():
    with pytest.raises(ValueError, match="colour"):
        investment(Y2014, ("colour",))


def test_the_number_of_statements_does_not_grow(django_assert_num_queries: Any):
    by = ("iscm", "year", "source", "theme", "region", "office", "type")
    for _round in range(2):
        FundingLineFactory.create_batch(3, year=2014)
        AttributionFactory.create_batch(3, year=2014)
        TimeEntryFactory.create_batch(3, worked_on=dt.date(2014, 1, 1))
        for post in PositionFactory.create_batch(3, starts_on=dt.date(2014, 1, 1)):
            PositionShareFactory(position=post, share_pct=10)
        with django_assert_num_queries(12):
            investment(Y2014, by)


# --- ledgers of all kinds


@pytest.fixture
def directory() -> dict[str | None, Any]:
    return write_directory()


Recounted = dict[tuple[Any, ...], Investment]


def recounted(by: tuple[str, ...], sources: list[str] | None = None) -> Recounted:
    """Every cell of ``by`` as the auditor counts it, record by record."""
    auditor = Directory()
    names = [name for one in by for name in (("supports", "iscm") if one == "iscm" else (one,))]
    found = {}
    for key, sums in Ledger(auditor, YEARS).cells(tuple(names), sources).items():
        told = dict(zip(names, key, strict=True))
        if "iscm" in told:
            told["iscm"] = auditor.mechanism(told["iscm"]).slug
        named = {name: value if value != "" else None for name, value in told.items()}
        found[tuple(sorted(named.items(), key=itemgetter(0)))] = Investment(
            key=named,
            known_usd=rounded(sums.known, 2),
            low_usd=rounded(sums.known, 2),
            high_usd=rounded(sums.known + sums.possible, 2),
            missing={
                "unknown_shares": sums.unknown_shares,
                "posts_without_share": sums.posts_without_share,
                "days_without_rate": rounded(sums.days_without_rate, 2),
                "days_without_payer": rounded(sums.days_without_payer, 2),
            },
            n=sums.n,
        )
    return found


CUTS: list[tuple[tuple[str, ...], list[str] | None]] = [
    ((), None),
    (("iscm", "year"), None),
    (("year", "source"), None),
    (("theme",), None),
    (("region", "source"), None),
    (("type", "office"), None),
    (("iscm", "source", "office"), ["osi", "travel"]),
]


@given(rows=ledgers())
@settings(twin_settings, max_examples=50)
def test_every_cell_equals_the_plain_recount(
    directory: dict[str | None, Any], rows: dict[str, Any]
):
    with taken_back():
        write(rows, directory)
        for by, sources in CUTS:
            cells = investment(Period.years(*YEARS), by, source=sources)
            found = {tuple(sorted(cell.key.items())): cell for cell in cells}
            assert found == recounted(by, sources)


@given(rows=ledgers())
@settings(twin_settings, max_examples=12)
def test_the_records_of_a_cell_are_those_that_were_counted(
    directory: dict[str | None, Any], rows: dict[str, Any]
):
    """Every cell of every cut that a page can open; a post counts once a year."""
    cuts = [(), ("iscm", "source"), ("theme", "source"), ("region", "office"), ("type",)]
    cuts += [("iscm", "project"), ("project",), ("theme", "office", "source")]
    counted = ("funding_lines", "time_entries", "positions")
    with taken_back():
        write(rows, directory)
        for year, by in product(YEARS, cuts):
            for cell in investment(Period.year(year), by):
                if cell.key.get("iscm", "") is None and cell.key["supports"] == "not_named":
                    continue
                asked = {name: value for name, value in cell.key.items() if value is not None}
                if "project" in by and cell.key["project"] is None:
                    continue  # no page asks for what goes through no project
                asked |= {
                    name: "none"
                    for name in ("theme", "region", "office", "type")
                    if name in by and cell.key[name] is None
                }
                if "project" in asked:
                    asked["project"] = [asked["project"]]
                (narrowed,) = investment(Period.year(year), **asked)
                assert replace(narrowed, key=cell.key) == cell
                records = investment_records(Period.year(year), **asked)
                posts = records["positions"].filter(shares__in=shares_of(asked))
                found = sum(records[name].count() for name in counted[:2]) + posts.count()
                assert found == cell.n
                unknown = records["attributions"].filter(basis="unknown").count()
                assert unknown == cell.missing["unknown_shares"]


def shares_of(asked: dict[str, Any]) -> Any:
    """The shares of posts in the cell: a post counts once for each mechanism."""
    shares = PositionShare.objects.all()
    if asked.get("iscm"):
        return shares.filter(iscm__slug=asked["iscm"])
    wanted = [
        slug
        for slug in SLUGS
        if asked.get("theme", "") in ["", *(THEMES_OF[slug] or ["none"])]
        and asked.get("region", "") in ["", *(REGIONS_OF[slug] or ["none"])]
        and asked.get("type", TYPE_OF[slug]) == TYPE_OF[slug]
    ]
    return shares.filter(iscm__slug__in=wanted)


def test_the_records_of_single_mechanisms_are_not_those_of_the_grcp_or_of_all_rcps():
    one = FundingLineFactory(year=2014, iscm=ISCMFactory(), amount_usd=1)
    for supports in ("grcp", "all_rcps"):
        FundingLineFactory(year=2014, supports=supports)
    own, grcp = ISCMFactory(), EventFactory(kind="grcp")
    day = {"worked_on": dt.date(2014, 3, 11)}
    entry = TimeEntryFactory(iscm=own, **day)
    TimeEntryFactory(iscm=None, event=grcp, **day)
    records = investment_records(Y2014, supports="iscm")
    assert (list(records["funding_lines"]), list(records["time_entries"])) == ([one], [entry])
    assert only(investment(Y2014, supports="iscm")).n == 2


def test_a_question_is_narrowed_to_any_of_its_dimensions():
    africa = ISCMFactory(slug="north", type="rcp")
    MembershipFactory(iscm=africa, country=CountryFactory(region="Africa"))
    asia = ISCMFactory(slug="east", type="irf")
    MembershipFactory(iscm=asia, country=CountryFactory(region="Asia"))
    office = OfficeFactory(slug="co-a")
    FundingLineFactory(year=2014, iscm=africa, office=office, amount_usd=1)
    FundingLineFactory(year=2014, iscm=asia, amount_usd=10)
    FundingLineFactory(year=2014, supports="grcp", amount_usd=100)

    def known(**asked: str) -> Decimal:
        records = investment_records(Y2014, **asked)["funding_lines"]
        assert (
            sum(line.amount_usd for line in records) == only(investment(Y2014, **asked)).known_usd
        )
        return only(investment(Y2014, **asked)).known_usd

    assert known() == 111
    assert known(region="Africa") == known(office="co-a") == known(type="rcp") == 1
    assert known(supports="grcp") == 100
    assert known(supports="iscm", iscm="east") == 10
    with pytest.raises(ValueError, match="colour"):
        investment(Y2014, colour="blue")
