"""The pages of staffing and of what others pay: the answer first, and the records behind it."""

from __future__ import annotations

import datetime as dt
import html
import io
import re
from collections import defaultdict
from decimal import Decimal
from fractions import Fraction

import openpyxl
import pytest

from engagements.models import ISCM
from finance.models import Position
from finance.selectors.staffing import part_of_year
from tests.factories import engagements as make
from tests.factories import finance as money
from tests.files import rows_of_csv
from tests.twins import rounded

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
    return rows_of_csv(content)


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
    assert "have ToR on record: 1 of the 2 of which it is known." in page
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


def test_a_post_that_somebody_else_funds_in_part_says_who_and_how_much(read, plan):
    part = {"payer": "Regional Support Office (RSO)", "payer_pct": Decimal("20.00")}
    Position.objects.filter(title="Chief of Mission").update(**part)
    page = read("/staffing/?year=2026")
    assert "RCM 20% The office itself; Regional Support Office (RSO): 20%" in page


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
    assert "RCM, RO San José, 2026:" in page
    assert "2.00 posts are needed , 1.00 are held (up to 1.40 with the unknown shares)" in page
    assert "the gap is 1.00 (down to 0.60)" in page
    assert "Ad-hoc days: 11, 5.0 per cent of a post." in page
    assert "Dialogue" in page
    assert "Policy Officer P2 RCM RO San José 1 Jan 2020 – open 100 1.00" in page
    assert "Adviser RCM RO San José 1 Jan 2026 – open 40 0.40" in page
    assert "Expert P3 RCM RO San José 11 Mar 2026 11 77" in page
    linked = client.get("/staffing/?year=2026").content.decode()
    for part in ("needs", "shares", "unknown", "time", "figure"):
        assert f"/staffing/records/?year=2026&amp;iscm=rcm#{part}" in linked
        assert f"/staffing/records/?year=2026&amp;iscm=rcm&amp;office=ro#{part}" in linked


# --- each number of each table, and the list that it opens

CELL = re.compile(r'<a[^>]*href="([^"]+)"[^>]*>([^<]+)</a>')


def number(text: str) -> Decimal:
    """A number as the page writes it."""
    plain = text.removeprefix("to ").replace(",", "").replace("−", "-").replace("+", "")
    return Decimal(plain.strip())


def table_called(page: str, title: str) -> str:
    """The rows of the first table of the section that has ``title`` as its id."""
    section = page[page.index(f'id="{title}"') :]
    return section[section.index("<tbody>") : section.index("</table>")]


@pytest.fixture
def listed(client):
    """``listed(address, list)``: every row of a list of records, page by page."""

    def walk(address: str, name: str) -> list:
        path, rows = address.partition("?")[0], []
        while address:
            answer = client.get(address)
            assert answer.status_code == 200
            rows += answer.context[name].rows
            following = answer.context[name].next
            address = f"{path}{following}" if following else ""
        return rows

    return walk


def cents(value: Fraction) -> Decimal:
    return rounded(value, 2)


def sums_of(listed, address: str) -> dict[str, tuple]:
    """What the lists at ``address`` add up to: part of the page -> numbers that lead there."""
    needed = sum((Fraction(row.share_pct) for row in listed(address, "needs")), Fraction(0)) / 100
    held = sum(
        Fraction(row.share_pct)
        * part_of_year(row.position.starts_on, row.position.ends_on, 2026)
        / 100
        for row in listed(address, "shares")
    )
    unknown = listed(address, "unknown")
    left = sum(
        Fraction(row.left) * part_of_year(row.starts_on, row.ends_on, 2026) / 100 for row in unknown
    )
    days = sum(row.days for row in listed(address, "time_entries"))
    low, high = cents(Fraction(held)), cents(Fraction(held) + left)
    return {
        "needs": (cents(needed),),
        "shares": (low,),
        "unknown": (Decimal(len(unknown)), high),
        "figure": (cents(needed) - low, cents(needed) - high),
        "time": (Decimal(days), rounded(Fraction(days) * 100 / 220, 1)),
    }


@pytest.fixture
def busy_plan(plan, office):
    """The plan with needs of several offices, parts of a year, shares that nobody stated, and
    more days than one page holds."""
    other = make.OfficeFactory(slug="co", name="CO Quito")
    sacm = ISCM.objects.get(slug="sacm")
    midwa = make.ISCMFactory(slug="midwa", acronym="MIDWA")
    money.StaffNeedFactory(iscm=sacm, share_pct=Decimal("33.33"))
    money.StaffNeedFactory(iscm=plan, office=other, share_pct=Decimal("12.50"))
    for starts_on, share in ((dt.date(2026, 5, 3), "33.33"), (dt.date(2025, 2, 28), None)):
        post = money.PositionFactory(
            office=other, starts_on=starts_on, ends_on=dt.date(2026, 11, 30), has_tor=True
        )
        money.TermsOfReferenceFactory(position=post)
        for iscm in (plan, sacm, midwa):
            pct = None if share is None else Decimal(share)
            money.PositionShareFactory(position=post, iscm=iscm, share_pct=pct)
    for item in range(55):
        money.TimeEntryFactory(
            iscm=[plan, midwa, None][item % 3],
            office=other,
            days=Decimal("0.75"),
            report_number=78,
            report_item=item,
        )


@pytest.mark.parametrize("title", ["by-iscm", "by-place"])
def test_each_number_of_a_table_is_the_sum_of_the_list_that_it_opens(
    client, busy_plan, listed, title
):
    client.force_login(make.UserFactory(access_group="ipd"))
    cells = table_called(client.get("/staffing/?year=2026").content.decode(), title)
    sums: dict[str, dict[str, tuple]] = {}
    seen: dict[str, int] = defaultdict(int)
    for link, text in CELL.findall(cells):
        address, _hash, part = html.unescape(link).partition("#")
        if not address.startswith("/staffing/records/"):
            continue  # the mechanism itself
        if address not in sums:
            sums[address] = sums_of(listed, address)
        assert number(text) in sums[address][part], (link, text)
        seen[part] += 1
    # Every number is a link: none but those stand in the cells.
    plain = re.sub(r"<a .*?</a>|<th .*?</th>", "", cells, flags=re.DOTALL)
    left = re.findall(r">\s*([^<>]*\d[^<>]*?)\s*<", plain)
    assert set(left) <= {"0"}  # no post of unknown share
    rows = cells.count("<tr>")
    assert (seen["time"], seen["shares"]) == (2 * rows, rows)
    assert min(seen["needs"], seen["unknown"], seen["figure"]) >= 3
    assert any("planned=yes" in address for address in sums) is (title == "by-iscm")


def test_the_numbers_on_terms_of_reference_open_as_many_posts(client, busy_plan, listed):
    client.force_login(make.UserFactory(access_group="ipd"))
    first = client.get("/staffing/?year=2026")
    tor = first.context["tor"]
    page = first.content.decode()
    assert (tor.with_tor, tor.known, tor.unknown, tor.with_document) == (3, 4, 0, 2)
    money.PositionFactory(starts_on=dt.date(2026, 1, 1), has_tor=None)
    for answer, count in (
        ("known", 4),
        ("with_tor", 3),
        ("without_tor", 1),
        ("unknown", 1),
        ("with_document", 2),
    ):
        assert len(listed(f"/staffing/?year=2026&tor={answer}", "posts")) == count
    for answer in ("known", "with_tor", "with_document"):
        assert f"?year=2026&amp;tor={answer}#posts" in page
    again = client.get("/staffing/?year=2026&tor=unknown").content.decode()
    assert "?year=2026&amp;tor=unknown#posts" in again
    assert "<p>1 post <a" in again


def test_posts_of_no_dates_and_needs_of_no_office_open_their_lists(client, plan, listed, office):
    money.StaffNeedFactory(iscm=plan, share_pct=Decimal("30"))
    client.force_login(make.UserFactory(access_group="manager", office=office))
    page = client.get("/staffing/?year=2026")
    (undated,) = listed("/staffing/?year=2026", "posts_undated")
    assert page.context["undated"].posts == 1
    assert page.context["undated"].stated == undated.shares.get().share_pct / 100
    assert "office=none#needs" in page.content.decode()
    (need,) = listed("/staffing/records/?year=2026&office=none", "needs")
    assert page.context["plan"].no_office == need.share_pct / 100


def test_cells_of_table_7_open_as_many_people(client, plan, listed):
    for label, year, count in (("RCM", 2018, 1), ("RCM", 2019, 2), ("Other", 2019, 3)):
        money.StaffCountFactory(label=label, iscm=plan, year=year, full_time_staff=count)
    client.force_login(make.UserFactory(access_group="ipd"))
    for filters in ("", "&iscm=rcm"):
        page = client.get(f"/staffing/?year=2026{filters}").content.decode()
        links = CELL.findall(table_called(page, "table-7"))
        assert len(links) == 5
        for link, text in links:
            rows = listed(html.unescape(link), "staff_counts")
            assert sum(row.full_time_staff for row in rows) == number(text)


def test_days_that_are_part_of_a_post_stand_with_the_post_and_open_there(client, plan, office):
    post = Position.objects.get(title="Policy Officer")
    for worked_on, days in ((dt.date(2026, 2, 3), "2.5"), (dt.date(2025, 2, 3), "9")):
        money.TimeEntryFactory(
            position=post,
            iscm=plan,
            office=office,
            worked_on=worked_on,
            days=Decimal(days),
            report_number=worked_on.year,
        )
    client.force_login(make.UserFactory(access_group="ipd"))
    page = client.get("/staffing/?year=2026")
    assert page.context["plan"].total.days == 11  # what is part of no post
    text = page.content.decode()
    assert "Days noted as part of it: 2.50" in text
    link = f"/staffing/positions/{post.pk}/?year=2026"
    assert f'"{link}#time"' in text
    opened = client.get(link)
    assert [row.days for row in opened.context["time_entries"]] == [Decimal("2.5")]
    assert opened.context["days"] == Decimal("2.5")
    assert client.get(f"/staffing/positions/{post.pk}/").context["days"] == Decimal("11.5")


def test_places_come_in_pages_and_leave_as_a_file_whole(client, listed):
    iscms = [make.ISCMFactory(slug=f"m-{n}") for n in range(7)]
    wanted = []
    for n in range(60):
        office = make.OfficeFactory(slug=f"co-{n:02}", name=f"CO {n:02}")
        money.StaffNeedFactory(iscm=iscms[n % 7], office=office)
        wanted.append((f"m-{n % 7}", f"co-{n:02}"))
    money.TimeEntryFactory(iscm=None, office=office, report_number=1)
    client.force_login(make.UserFactory(access_group="ipd"))
    first = client.get("/staffing/?year=2026")
    assert len(first.context["places"].rows) == 50
    assert "after_places=" in first.content.decode()
    rows = listed("/staffing/?year=2026", "places")
    assert [tuple(row.key.values()) for row in rows] == [*sorted(wanted), (None, "co-59")]
    file = client.get("/staffing/?year=2026&format=csv&table=offices")
    _head, *lines = table(b"".join(file.streaming_content))
    assert [line[1] for line in lines] == [f"CO {office[3:]}" for _m, office in sorted(wanted)] + [
        "CO 59"
    ]


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
