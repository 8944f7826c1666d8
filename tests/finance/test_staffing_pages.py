"""The pages of staffing and of what others pay: the answer first, and the records behind it."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from decimal import Decimal

import openpyxl
import pytest

from tests.factories import engagements as make
from tests.factories import finance as money

pytestmark = pytest.mark.django_db


@pytest.fixture
def office():
    return make.OfficeFactory(slug="ro", name="RO San José")


@pytest.fixture
def read(client):
    """``read(address, who="ipd", office=None)``: the page as one line, or the download's text."""

    def answer(address, who="ipd", office=None):
        client.force_login(make.UserFactory(access_group=who, office=office))
        found = client.get(address)
        assert found.status_code == 200
        if found.streaming:
            return b"".join(found.streaming_content)
        return " ".join(re.sub(r"<[^>]+>", " ", found.content.decode()).split())

    return answer


def table(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))


@pytest.fixture
def plan(office):
    """RCM needs 2 posts of the office: 1.10 to 1.50 are held; SACM has a post and no plan."""
    rcm = make.ISCMFactory(slug="rcm", acronym="RCM")
    sacm = make.ISCMFactory(slug="sacm", acronym="SACM")
    money.StaffNeedFactory(iscm=rcm, office=office, share_pct=Decimal("200"), title="Dialogue")
    first = money.PositionFactory(
        title="Policy Officer",
        grade="P2",
        office=office,
        starts_on=dt.date(2020, 1, 1),
        has_tor=True,
    )
    money.PositionShareFactory(position=first, iscm=rcm, share_pct=Decimal("100"))
    second = money.PositionFactory(
        title="Adviser", office=office, starts_on=dt.date(2026, 1, 1), has_tor=False
    )
    money.PositionShareFactory(position=second, iscm=rcm, share_pct=None)
    money.PositionShareFactory(position=second, iscm=sacm, share_pct=Decimal("60"))
    undated = money.PositionFactory(title="Chief of Mission", office=office)
    money.PositionShareFactory(position=undated, iscm=rcm, share_pct=Decimal("20"))
    money.TimeEntryFactory(
        iscm=rcm, office=office, days=Decimal("11"), report_number=77, title="Expert"
    )
    return rcm


def test_the_answer_comes_first_with_its_range(read, plan):
    page = read("/staffing/?year=2026")
    assert "2 posts are needed for 1 mechanism in 2026; 1 are held, up to 1.40" in page
    assert "the gap is 1 , down to 0.60 with them, largest at RCM (1)." in page
    assert "1 post has an unknown share" in page
    assert "1 post has no first day and are in no year; their stated shares come to 0.20." in page
    assert "Posts are held, and no need is on record, for SACM ." in page


def test_tor_coverage_stands_beside_the_surveys_figure_as_another_measure(read, plan):
    page = read("/staffing/?year=2026")
    assert "50 per cent of the posts held in 2026 have ToR on record" in page
    assert "(1 of the 2 of which it is known)" in page
    assert "45 per cent of the offices that engage with mechanisms (10 of 22)" in page
    assert "evaluation 2019, section 4.3 (Staffing)" in page


def test_table_7_stands_beside_the_plan(read, plan):
    money.StaffCountFactory(label="RCM", iscm=plan, year=2019, full_time_staff=1)
    page = read("/staffing/?year=2026&iscm=rcm")
    assert "Head counts as the evaluation prints them: people, not shares of posts" in page
    assert "Row 2019 RCM 1 Total 1" in page


def test_a_year_of_which_nothing_is_known_says_so(read, plan):
    page = read("/staffing/?year=2010")
    assert "Neither a need nor a post with dates is on record for 2010." in page
    assert "That is not zero: it is not known." in page
    assert "Chief of Mission" in page  # without dates: shown apart, in no year


def test_posts_without_a_plan_are_told(read, plan):
    page = read("/staffing/?year=2020")
    assert "Nobody has said who is needed in 2020. 1 posts are held." in page


def test_an_office_reader_sees_its_own_plan_and_posts_only(read, plan):
    other = make.OfficeFactory(name="Elsewhere")
    away = money.PositionFactory(title="Away", office=other, starts_on=dt.date(2026, 1, 1))
    money.PositionShareFactory(position=away, iscm=plan, share_pct=Decimal("100"))
    money.StaffNeedFactory(iscm=plan, share_pct=Decimal("30"))
    page = read("/staffing/?year=2026", who="manager", office=other)
    assert "1 posts are held." in page
    assert "Besides, 0.30 posts are needed of no office in particular." in page
    assert "Policy Officer" not in page
    everything = read("/staffing/?year=2026")
    assert "Policy Officer" in everything
    assert "Away" in everything


def test_every_figure_opens_its_records(client, read, plan):
    page = read("/staffing/records/?year=2026&iscm=rcm&office=ro")
    assert "RCM, RO San José, 2026." in page
    assert "Dialogue" in page
    assert "Policy Officer P2 RCM RO San José 1 Jan 2020 – open 100 1.00" in page
    assert "Adviser RCM RO San José 1 Jan 2026 – open unknown not counted" in page
    assert "Expert P3 RCM RO San José 11 Mar 2026 11 77" in page
    linked = client.get("/staffing/?year=2026").content.decode()
    for part in ("needs", "shares", "time"):
        assert f"/staffing/records/?year=2026&amp;iscm=rcm#{part}" in linked
        assert f"/staffing/records/?year=2026&amp;iscm=rcm&amp;office=ro#{part}" in linked


def test_what_names_no_mechanism_or_office_has_its_records_too(read, plan):
    money.TimeEntryFactory(iscm=None, days=Decimal("2"), report_number=78, title="Driver")
    money.StaffNeedFactory(iscm=plan, title="Of nobody")
    page = read("/staffing/records/?year=2026&iscm=none")
    assert "Driver" in page
    assert "Expert" not in page
    page = read("/staffing/records/?year=2026&office=none")
    assert "Of nobody" in page
    assert "Dialogue" not in page


def test_the_tables_leave_as_csv_and_xlsx(read, plan):
    head, *rows = table(read("/staffing/?year=2026&format=csv"))
    assert head[:5] == ["mechanism", "office", "year", "needed_posts", "held_posts"]
    assert rows == [
        ["RCM", "", "2026", "2.00", "1.00", "1.40", "1", "0.60", "1.00", "11.00", "5.0000"],
        ["SACM", "", "2026", "", "0.60", "0.60", "0", "", "", "0", "0.0000"],
    ]
    _head, *places = table(read("/staffing/?year=2026&format=csv&table=offices"))
    assert [row[:2] for row in places] == [["RCM", "RO San José"], ["SACM", "RO San José"]]
    book = openpyxl.load_workbook(io.BytesIO(read("/staffing/?year=2026&format=xlsx&table=posts")))
    lines = [[cell.value for cell in row] for row in book.worksheets[0].iter_rows(min_row=2)]
    assert [(line[1], line[4], line[5], line[10]) for line in lines] == [
        ("Adviser", "RCM", None, "no"),
        ("Adviser", "SACM", 60, "no"),
        ("Chief of Mission", "RCM", 20, "unknown"),
        ("Policy Officer", "RCM", 100, "yes"),
    ]


# --- what others pay


@pytest.fixture
def ledger(office):
    rcm = make.ISCMFactory(slug="rcm", acronym="RCM")
    peru = make.CountryFactory(iso3="PER", name_en="Peru")
    chile = make.CountryFactory(iso3="CHL", name_en="Chile")
    for country, paid in ((peru, "250"), (chile, "1000")):
        money.AssessedContributionFactory(
            iscm=rcm, country=country, paid_usd=Decimal(paid), scale_pct=Decimal("50")
        )
    donor = make.OrganisationFactory(slug="fund", name="The Fund")
    same = {"iscm": rcm, "donor": donor, "office": office}
    money.ProposalFactory(**same, title="Waiting")
    money.ProposalFactory(
        **same,
        title="Granted",
        state="awarded",
        decided_on=dt.date(2026, 3, 21),
        awarded_usd=Decimal("20000"),
    )
    money.ProposalFactory(
        **same, title="Refused", state="declined", decided_on=dt.date(2026, 4, 10)
    )
    return rcm


def test_what_others_pay_is_said_first(read, ledger):
    page = read("/sustaining/?from=2026&to=2026")
    assert "Member States were to pay USD 2,000. USD 1,250 is paid (63 per cent)" in page
    assert "USD 750 is owed on 1 contribution." in page
    assert "1 proposal of USD 50,000 waits for its donor." in page
    assert "1 of 2 decided were awarded (50 per cent), with 20 per cent of the money asked." in page
    assert "Median days to a decision 20.0" in page


def test_contributions_by_mechanism_and_state_add_up_with_their_scale(read, ledger):
    page = read("/sustaining/?from=2026&to=2026")
    assert "RCM 2026 2,000 1,250 63 750 100" in page
    assert "Peru 1,000 250 25 750 Chile 1,000 1,000 100 0" in page  # the most owed first


def test_nothing_on_record_is_not_zero(read, ledger):
    page = read("/sustaining/?from=1999&to=2000")
    assert "No Member State's contribution for 1999–2000 is on record." in page
    assert "No proposal to a donor is on record for these years." in page


def test_an_office_sees_its_own_proposals_and_no_contribution(read, ledger, office):
    own = read("/sustaining/?from=2026&to=2026", who="manager", office=office)
    assert "1 of 2 decided were awarded" in own
    assert "What Member States pay, finance and IPD read" in own
    assert "Peru" not in own
    other = read("/sustaining/?from=2026&to=2026", who="manager", office=make.OfficeFactory())
    assert "No proposal to a donor is on record for these years." in other


def test_figures_of_what_others_pay_open_their_records(client, read, ledger):
    page = read("/sustaining/records/?from=2026&to=2026&owing=yes&state=awarded")
    assert "Peru" in page
    assert "Granted" in page
    assert "Chile RCM" not in page
    assert "Refused" not in page
    linked = client.get("/sustaining/?from=2026&to=2026").content.decode()
    assert "iscm=rcm&amp;owing=yes#contributions" in linked
    assert "iscm=rcm&amp;state=declined#proposals" in linked
    assert "donor=fund&amp;state=asked#proposals" in linked


def test_what_others_pay_leaves_as_csv_and_xlsx(read, ledger):
    _head, *rows = table(read("/sustaining/?from=2026&to=2026&format=csv&table=contributions"))
    assert rows[0] == ["RCM", "Chile", "2026", "1000.00", "1000.00", "0.00", "50.0000", "1", "0"]
    book = openpyxl.load_workbook(
        io.BytesIO(read("/sustaining/?from=2026&to=2026&format=xlsx&table=proposals"))
    )
    (line,) = [[cell.value for cell in row] for row in book.worksheets[0].iter_rows(min_row=2)]
    assert line == ["RCM", "The Fund", 2026, 2026, 1, 50000, 1, 1, 0, 100000, 20000, 50, 20, 20]
