"""What the resource dashboard answers beside its table: past dates, the cliff, comparing, costs."""

from __future__ import annotations

import datetime as dt
import io
import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from finance.selectors.changes import Changes, Question
from finance.selectors.cliff import changes, funding_cliff
from finance.selectors.printed import printed_table
from iscm_portal.common.period import Period
from reporting.selectors.beside import beside
from reporting.selectors.costs import unit_costs
from reporting.selectors.resources import ResourceFilter
from tests.factories import engagements as make
from tests.factories import finance as money
from tests.files import dicts_of_csv, rows_of_csv, text_of_pdf
from tests.twins import rounded, twin_settings

pytestmark = pytest.mark.django_db


@pytest.fixture
def ipd():
    return make.UserFactory(access_group="ipd", office=make.OfficeFactory(), first_name="Ana")


@pytest.fixture
def read(client, ipd):
    client.force_login(ipd)

    def answer(address):
        found = client.get(address)
        assert found.status_code == 200
        content = b"".join(found.streaming_content) if found.streaming else found.content
        return content if b"%PDF" in content[:5] or b"PK" in content[:2] else content.decode()

    return answer


# --- the evaluation's own fall, from the stored records


def test_the_fall_of_2018_to_2019_is_laid_to_whom_the_records_say():
    """Source: evaluation 2019, 4.3, Table 5; the data's README, point 5."""
    call_command("load_evaluation", verbosity=0)
    fall = changes({row.label: row.values for row in printed_table(5).rows}, 2018, 2019)
    assert [fall.before, fall.after, fall.change] == [14_188_200, 4_229_900, -9_958_300]
    assert fall.change_pct == Decimal("-70.2")
    parts: dict[str, Any] = {row.label: (row.change, row.of_whole_pct) for row in fall.rows}
    assert list(parts)[:3] == ["MIDWA", "RCM", "Bali Process"]
    assert parts["MIDWA"] == (-5_765_300, Decimal("57.9"))
    assert parts["RCM"] == (-2_836_100, Decimal("28.5"))
    assert parts["Bali Process"] == (-1_314_900, Decimal("13.2"))


def test_without_the_grcp_osi_rose_by_125_9_per_cent():
    """Source: the data's README, point 1: the GRCP is a series of meetings, no ISCM (fn. 5)."""
    call_command("load_evaluation", verbosity=0)
    rows = {row.label: row.values for row in printed_table(4).rows if row.label != "GRCP"}
    assert changes(rows, 2014, 2019).change_pct == Decimal("125.9")


def test_the_page_shows_the_fall_with_its_parts(read):
    call_command("load_evaluation", verbosity=0)
    page = read("/resources/cliff/")
    for words in ("−9,958,300", "57.9", "28.5", "13.2", "−70.2"):
        assert words in page


# --- the cliff


def ending(ends_on: dt.date | None, usd: int, iscm, basis: str = "dedicated", **share):
    project = money.ProjectFactory(ends_on=ends_on)
    money.FundingLineFactory(
        project=project, year=2026, source_of_funds="project_support", amount_usd=usd
    )
    money.AttributionFactory(project=project, iscm=iscm, year=2026, basis=basis, **share)
    return project


def test_what_ends_in_a_year_is_a_share_of_what_is_known_for_it(ipd):
    rcm, sacm = make.ISCMFactory(slug="rcm"), make.ISCMFactory(slug="sacm")
    money.FundingLineFactory(iscm=rcm, year=2026, amount_usd=250)
    last = ending(dt.date(2026, 12, 31), 600, rcm)
    first = ending(dt.date(2026, 1, 1), 150, rcm)
    ending(dt.date(2027, 1, 1), 1000, rcm)
    ending(dt.date(2025, 12, 31), 1000, sacm)
    ending(None, 1000, sacm)
    (cliff,) = funding_cliff(2026, ipd)
    assert (cliff.iscm, cliff.known_usd, cliff.ends_usd) == ("rcm", 2000, 750)
    assert cliff.ends_pct == Decimal("37.5")
    assert [row.project for row in cliff.endings] == [last.code, first.code]


def test_what_ends_opens_to_the_records_of_the_projects_that_end(read):
    rcm = make.ISCMFactory(slug="rcm")
    money.FundingLineFactory(iscm=rcm, year=2026, amount_usd=250)
    one = ending(dt.date(2026, 12, 31), 600, rcm)
    other = ending(dt.date(2026, 1, 1), 150, rcm, basis="stated_share", share_pct=Decimal(50))
    last = ending(dt.date(2027, 1, 1), 1000, rcm)
    page = read("/resources/cliff/?year=2026")
    asked = "/resources/records/?iscm=rcm&from=2026&to=2026"
    for codes, usd in (((one.code, other.code), 675), ((one.code,), 600), ((other.code,), 75)):
        address = asked + "".join(f"&project={code}" for code in codes)
        assert f'<a href="{address.replace("&", "&amp;")}">{usd}</a>' in page
        records = read(address)
        assert f"USD {usd}</strong>" in records
        shown = {row.code for row in (one, other, last) if f'/">{row.code}</a>' in records}
        assert shown == set(codes)
        assert records.count("Line ") == len(codes)


def test_what_ends_is_open_and_its_projects_are_not(client):
    """Who may read no project learns the sums, and neither name, code, day nor single amount."""
    own, rcm = make.OfficeFactory(), make.ISCMFactory(slug="rcm", acronym="RCM")
    secret = ending(dt.date(2026, 12, 31), 600, rcm)
    mine = ending(dt.date(2026, 6, 30), 150, rcm)
    type(mine).objects.filter(pk=mine.pk).update(lead_office=own)
    client.force_login(make.UserFactory(access_group="manager", office=own))
    page = client.get("/resources/cliff/?year=2026").content.decode()
    lines = b"".join(client.get("/resources/cliff/?year=2026&format=csv").streaming_content)
    for text in (page, lines.decode()):
        assert mine.code in text
        assert secret.code not in text
        assert secret.title not in text
    assert "750" in page
    assert "1 project that you may not read" in page
    assert "RCM,,,,,,projects that you may not read: 1,,600.00,600.00" in lines.decode()
    assert client.get(f"/resources/records/?project={secret.code}").status_code == 400


def test_a_project_that_is_not_there_is_refused(client, ipd):
    client.force_login(ipd)
    answer = client.get("/resources/records/?project=NONE.1")
    assert answer.status_code == 400
    assert "There is no such project." in answer.content.decode()


def test_a_project_of_unknown_share_ends_within_a_range(ipd, read):
    rcm = make.ISCMFactory(slug="rcm")
    ending(dt.date(2026, 6, 30), 600, rcm, basis="unknown", share_pct=None)
    (cliff,) = funding_cliff(2026, ipd)
    assert (cliff.ends_usd, cliff.high_usd, cliff.ends_pct) == (0, 600, None)
    assert "it could be up to USD 600" in read("/resources/cliff/?year=2026")
    assert (cliff.endings[0].known_usd, cliff.endings[0].high_usd) == (0, 600)


@given(
    years=st.dictionaries(
        st.sampled_from("abcdef"),
        st.dictionaries(st.sampled_from([2018, 2019]), st.integers(0, 10_000)),
    )
)
@twin_settings
def test_the_parts_of_a_change_are_those_of_a_plain_recount(years):
    found = changes(years, 2018, 2019)
    before = sum(row.get(2018, 0) for row in years.values())
    after = sum(row.get(2019, 0) for row in years.values())
    assert (found.before, found.after) == (before, after)
    assert {row.label for row in found.rows} == {
        label for label, row in years.items() if any(row.values())
    }
    for row in found.rows:
        change = years[row.label].get(2019, 0) - years[row.label].get(2018, 0)
        assert row.change == change
        whole = after - before
        assert row.of_whole_pct == (rounded(Fraction(change * 100, whole), 1) if whole else None)


# --- any past date, and what changed since


def test_the_dashboard_of_a_past_day_says_what_was_known_then_and_what_changed(read, ipd):
    iscm = make.ISCMFactory(slug="rcm", acronym="RCM")
    with time_machine.travel("2026-03-31T12:00:00Z"):
        line = money.FundingLineFactory(iscm=iscm, year=2026, label="Core", amount_usd=20_000)
    line.amount_usd = Decimal(500)
    line._history_user, line._change_reason = ipd, "The office sent the final figure."
    line.save()
    page = read("/resources/?from=2026&to=2026&as_of=2026-03-31")
    assert "This is what was on record on 31 March 2026." in page
    assert ">20,000</a>" in page
    address = "/resources/changes/?since=2026-03-31&amp;from=2026&amp;to=2026"
    assert f'href="{address}"' in page
    changed = read("/resources/changes/?since=2026-03-31")
    assert "20,000 → 500" in changed
    assert "The office sent the final figure." in changed
    assert "Ana" in changed
    records = read("/resources/records/?iscm=rcm&from=2026&to=2026&as_of=2026-03-31")
    assert "USD 20,000" in records
    assert ">20,000.00</td>" in records
    assert ">500.00</td>" in read("/resources/records/?iscm=rcm&from=2026&to=2026")


def test_changes_are_told_to_those_who_read_the_record(ipd):
    office = make.OfficeFactory()
    own = make.UserFactory(access_group="reporter", office=office)
    analyst = make.UserFactory(access_group="analyst", office=None)
    line = money.FundingLineFactory(office=office, label="Own")
    money.FundingLineFactory(label="Another's")
    line.delete()
    since = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)

    def told_to(user):
        return [(row.how, row.label) for row in Changes(Question(since), user).stream()]

    assert told_to(own) == [("Deleted", f"Own {line.year}"), ("Created", f"Own {line.year}")]
    assert len(told_to(ipd)) == 3
    assert told_to(analyst) == []


def test_changes_of_what_is_gone_with_its_project_or_post_are_told_too(ipd):
    share = money.PositionShareFactory(share_pct=10)
    attribution = money.AttributionFactory()
    position, project = share.position_id, attribution.project_id
    share.position.delete()
    attribution.project.delete()
    since = Question(dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
    labels = [row.label for row in Changes(since, ipd).stream()]
    assert any(label.startswith(f"#{position} → ") for label in labels)
    assert any(label.startswith(f"#{project} → ") for label in labels)


def test_a_day_to_come_cannot_be_asked_for(client, ipd):
    client.force_login(ipd)
    assert client.get("/resources/?as_of=2100-01-01").status_code == 400


# --- comparing and unit costs


def test_a_change_opens_the_two_years_of_the_same_question(read):
    rcm = make.ISCMFactory(slug="rcm", acronym="RCM")
    for year, usd in ((2025, 100), (2026, 150)):
        money.FundingLineFactory(iscm=rcm, year=year, amount_usd=usd)
    page = read("/resources/?from=2024&to=2026&iscm=rcm")
    address = "/resources/compare/?first=2025&amp;second=2026&amp;by=iscm&amp;iscm=rcm"
    assert page.count(f'href="{address}"') == 3  # the card, the row, the total
    assert "RCM" in read(address.replace("&amp;", "&"))


def test_two_years_stand_beside_each_other(read):
    rcm = make.ISCMFactory(slug="rcm", acronym="RCM")
    money.FundingLineFactory(iscm=rcm, year=2018, amount_usd=200)
    money.FundingLineFactory(iscm=rcm, year=2019, amount_usd=50)
    money.FundingLineFactory(iscm=make.ISCMFactory(acronym="New"), year=2019, amount_usd=7)
    lines = rows_of_csv(read("/resources/compare/?format=csv"))
    assert lines == [
        ["row", "2018_known", "2018_high", "2019_known", "2019_high", "difference_pct"],
        ["RCM", "200.00", "200.00", "50.00", "50.00", "-75.0"],
        ["New", "", "", "7.00", "7.00", ""],
        ["Total", "200.00", "200.00", "57.00", "57.00", "-71.5"],
    ]
    page = read("/resources/compare/")
    assert "−75" in page
    row = page.partition('<th scope="row"><a href="/iscms/rcm/">RCM</a></th>')[2]
    records = row.partition('href="')[2].partition('"')[0]
    assert records == "/resources/records/?iscm=rcm&amp;from=2018&amp;to=2018"
    assert "USD 200" in read(records.replace("&amp;", "&"))


def test_two_mechanisms_stand_beside_each_other_source_by_source(read):
    rcm = make.ISCMFactory(slug="rcm", acronym="RCM")
    sacm = make.ISCMFactory(slug="sacm", acronym="SACM")
    money.FundingLineFactory(iscm=rcm, year=2019, amount_usd=200)
    money.FundingLineFactory(iscm=sacm, year=2019, amount_usd=100, source_of_funds="travel")
    address = "/resources/compare/?one=rcm&other=sacm&from=2019&to=2019&format=csv"
    lines = rows_of_csv(read(address))
    assert lines[1:] == [
        ["OSI", "200.00", "200.00", "", "", ""],
        ["Travel", "", "", "100.00", "100.00", ""],
        ["Total", "200.00", "200.00", "100.00", "100.00", "-50.0"],
    ]
    page = read(address.removesuffix("&format=csv"))
    assert "/resources/records/?iscm=rcm&amp;source=osi&amp;from=2019&amp;to=2019" in page


def test_an_event_a_day_and_an_outcome_cost_what_is_known_over_their_number():
    rcm = make.ISCMFactory(slug="rcm")
    project = money.ProjectFactory()
    money.FundingLineFactory(project=project, year=2026, amount_usd=500)
    money.AttributionFactory(project=project, iscm=rcm, year=2026)
    money.FundingLineFactory(iscm=rcm, year=2026, amount_usd=1000)
    for day in (dt.date(2026, 1, 1), dt.date(2026, 12, 31), dt.date(2027, 1, 1)):
        make.EventFactory(iscms=[rcm], starts_on=day, ends_on=day)
    money.TimeEntryFactory(iscm=rcm, days=Decimal("2.50"), paid_by="counted_line")
    make.PartnershipFactory(iscm=rcm, since_on=dt.date(2026, 5, 1))
    make.SupportRequestFactory(iscm=rcm, asked_on=dt.date(2026, 5, 1), outcome="open")
    (row,) = unit_costs(ResourceFilter(2026, 2026)).rows
    assert (row.events.count, row.events.known_usd, row.events.high_usd) == (2, 500, 750)
    assert (row.days.count, row.days.known_usd) == (Decimal("2.50"), 400)
    assert (row.outcomes.count, row.outcomes.high_usd) == (1, 1500)


def test_the_days_that_a_cost_is_set_against_are_those_of_posts_too(read):
    """A fifth of a post that was held for half of 2026 (181 of 365 days), and a day beside it."""
    rcm = make.ISCMFactory(slug="rcm")
    post = money.PositionFactory(
        title="Coordinator", starts_on=dt.date(2025, 1, 1), ends_on=dt.date(2026, 6, 30)
    )
    money.PositionShareFactory(position=post, iscm=rcm, share_pct=20)
    money.PositionShareFactory(position=post, iscm=make.ISCMFactory(), share_pct=None)
    money.FundingLineFactory(iscm=rcm, year=2026, amount_usd=1000)
    for of_post in (post, None):
        money.TimeEntryFactory(
            iscm=rcm, position=of_post, days=1, worked_on=dt.date(2026, 3, 2), title="Desk officer"
        )
    row = next(row for row in unit_costs(ResourceFilter(2026, 2026)).rows if row.slug == "rcm")
    assert row.days.count == rounded(Fraction(181 * 220 * 20, 365 * 100) + 1, 2)
    records = read("/resources/costs/records/?of=days&iscm=rcm&from=2026&to=2026")
    assert (records.count("Coordinator"), records.count("Desk officer")) == (1, 1)


def test_the_days_of_a_cost_add_up_post_by_post_and_day_by_day(client):
    own, rcm = make.OfficeFactory(), make.ISCMFactory(slug="rcm", acronym="RCM")
    make.EventFactory(iscms=[make.ISCMFactory()], starts_on=dt.date(2026, 5, 1))
    for office in (own, make.OfficeFactory()):
        post = money.PositionFactory(office=office, starts_on=dt.date(2026, 1, 1))
        money.PositionShareFactory(position=post, iscm=rcm, share_pct=10)
        entry = money.TimeEntryFactory(
            office=office, iscm=rcm, days=Decimal("2.50"), worked_on=dt.date(2026, 3, 2)
        )
    address = "/resources/costs/records/?of=days&from=2026&to=2026"

    def days_at(address, group):
        user = make.UserFactory(access_group=group, office=own)
        client.force_login(user)
        page = " ".join(client.get(address).content.decode().split())
        return page, re.findall(r'data-label="Days">([\d.]+)<', page)

    page, days = days_at(f"{address}&iscm=rcm", "finance")
    assert days == ["22.00", "22.00", "44.00", "2.50", "2.50", "5.00", "49.00"]
    for kind, row in (("positions", post), ("time-entries", entry)):
        assert f'href="/finance/{kind}/{row.pk}/"' in page
    _page, days = days_at(f"{address}&iscm=rcm", "reporter")
    assert days == ["22.00", "22.00", "44.00", "2.50", "2.50", "5.00", "49.00"]
    assert "Posts that you may not see" in _page
    # The total of the table opens to those of all mechanisms.
    page, _days = days_at("/resources/costs/?from=2026&to=2026", "finance")
    assert f'<a href="{address.replace("&", "&amp;")}">49 days</a>' in page
    assert days_at(address, "finance")[1][-1] == "49.00"


def test_self_financing_leaves_out_what_other_donors_pay(ipd):
    rcm = make.ISCMFactory(slug="rcm", acronym="RCM")
    money.AssessedContributionFactory(iscm=rcm, year=2026, assessed_usd=100, paid_usd=100)
    for source, usd in (("osi", 300), ("donor_cofunding", 5000)):
        money.FundingLineFactory(iscm=rcm, year=2026, source_of_funds=source, amount_usd=usd)
    ((name, ratio),) = beside(ResourceFilter(2026, 2026), ipd).self_financing
    assert (name, ratio.pct) == ("RCM", 25)


def test_self_financing_is_a_range_and_opens_to_both_of_its_sides(client, read):
    client.force_login(make.UserFactory(access_group="finance", office=None))
    rcm = make.ISCMFactory(slug="rcm", acronym="RCM")
    money.AssessedContributionFactory(iscm=rcm, year=2026, assessed_usd=100, paid_usd=100)
    for source, usd in (("osi", 300), ("donor_cofunding", 5000)):
        money.FundingLineFactory(iscm=rcm, year=2026, source_of_funds=source, amount_usd=usd)
    project = money.ProjectFactory()
    money.FundingLineFactory(project=project, year=2026, amount_usd=600, source_of_funds="travel")
    money.AttributionFactory(project=project, iscm=rcm, year=2026)
    support = "/resources/records/?iscm=rcm&amp;source=of_iom&amp;supports=iscm"
    support += "&amp;from=2026&amp;to=2026"
    for address in ("/resources/?from=2026&to=2026", "/sustaining/?from=2025&to=2026"):
        page = " ".join(client.get(address).content.decode().split())
        assert "25.0" in page
        assert "down to 10.0" in page
        assert f'href="{support}"' in page
        assert "iscm=rcm&amp;from=2026&amp;to=2026#contributions" in page
    records = read(support.replace("&amp;", "&"))
    assert "<strong>USD 300</strong> known, up to 900" in records
    assert "5,000" not in records
    text = read("/sustaining/?from=2026&to=2026&format=csv&table=ratios")
    assert rows_of_csv(text)[1][:5] == ["RCM", "2026", "100.00", "300.00", "900.00"]


def test_each_number_that_a_cost_is_set_against_opens_to_its_records(read):
    rcm, sacm = make.ISCMFactory(slug="rcm"), make.ISCMFactory(slug="sacm")
    money.FundingLineFactory(iscm=rcm, year=2026, amount_usd=1000)
    day = dt.date(2026, 12, 31)
    make.EventFactory(name="Joint meeting", iscms=[rcm, sacm], starts_on=day, ends_on=day)
    make.EventFactory(name="Later", iscms=[rcm], starts_on=dt.date(2027, 1, 1))
    money.TimeEntryFactory(title="Desk officer", iscm=rcm, days=Decimal("2.50"), worked_on=day)
    money.TimeEntryFactory(title="Somebody else", iscm=sacm, worked_on=day)
    make.PartnershipFactory(iscm=rcm, organisation__name="Agreed", since_on=day)
    make.PolicyInstrumentFactory(iscm=rcm, title="Passed", dated_on=day)
    make.SupportRequestFactory(iscm=rcm, what="Met", asked_on=day, outcome="met")
    make.SupportRequestFactory(iscm=rcm, what="Still open", asked_on=day, outcome="open")
    page = read("/resources/costs/?from=2026&to=2026")
    for of, count, shown in (
        ("events", "1 event", {"Joint meeting"}),
        ("days", "2.50 days", {"Desk officer"}),
        ("outcomes", "3 outcomes", {"Agreed", "Passed", "Met"}),
    ):
        address = f"/resources/costs/records/?of={of}&iscm=rcm&from=2026&to=2026"
        assert f'<a href="{address.replace("&", "&amp;")}">{count}</a>' in page
        records = read(address)
        assert count.split()[0] in records
        listed = " ".join(
            re.findall(r"<(?:li|th scope=\"row\")>(.*?)</(?:li|th)>", records, re.DOTALL)
        )
        every = {"Joint meeting", "Later", "Desk officer", "Somebody else"}
        every |= {"Agreed", "Passed", "Met", "Still open"}
        assert {name for name in every if name in listed} == shown


def test_the_figures_beside_the_money_open_to_their_records(read):
    rcm, belize = make.ISCMFactory(slug="rcm"), make.CountryFactory()
    money.StaffNeedFactory(iscm=rcm, year=2026, share_pct=Decimal(50))
    money.AssessedContributionFactory(
        iscm=rcm, country=belize, year=2026, assessed_usd=100, paid_usd=40
    )
    money.FundingLineFactory(iscm=rcm, year=2026, amount_usd=60)
    money.ProposalFactory(iscm=rcm, asked_on=dt.date(2026, 2, 1), asked_usd=700, state="asked")
    page = read("/resources/?iscm=rcm&from=2026&to=2026")
    for address, words in (
        ("/staffing/records/?year=2026&iscm=rcm#needs", "0.50 needed"),
        ("/sustaining/records/?from=2026&to=2026&iscm=rcm&owing=yes#contributions", "USD 60 "),
        ("/sustaining/records/?from=2026&to=2026&iscm=rcm&state=asked#proposals", "1 proposal of"),
        ("/sustaining/records/?iscm=rcm&from=2026&to=2026#contributions", "40.0%"),
    ):
        assert f'<a href="{address.replace("&", "&amp;")}">{words}' in page
        assert "None that" not in read(address.partition("#")[0])


def test_who_reads_no_money_is_shown_no_figures_beside_it(client):
    client.force_login(make.UserFactory(access_group="analyst"))
    assert "Beside the money" not in client.get("/resources/").content.decode()


def test_a_mechanism_of_which_no_money_is_on_record_does_not_cost_nothing(read):
    rcm = make.ISCMFactory(slug="rcm")
    make.EventFactory(iscms=[rcm], starts_on=dt.date(2026, 5, 1))
    (row,) = unit_costs(ResourceFilter(2026, 2026)).rows
    assert (row.total, row.events.count, row.events.known_usd) == (None, 1, None)
    page = read("/resources/costs/?from=2026&to=2026")
    assert "none on record" in page
    assert ">1 event</a>" in page


def test_days_without_a_rate_are_not_known_rather_than_nothing(read):
    rcm = make.ISCMFactory(slug="rcm")
    money.TimeEntryFactory(iscm=rcm, worked_on=dt.date(2026, 5, 1), days=2, title="Desk officer")
    (row,) = unit_costs(ResourceFilter(2026, 2026)).rows
    assert (row.total.is_unknown, row.days.known_usd) == (True, None)
    (told,) = dicts_of_csv(read("/resources/costs/?from=2026&to=2026&format=csv"))
    assert (told["known_usd"], told["high_usd"], told["days"]) == ("", "", "2.00")
    page = read("/resources/?from=2026&to=2026")
    assert "No amount is known." in page
    assert ">not known</a>" in page
    assert "2 staff days have no rate" in page
    assert "Every share" not in page
    assert 'href="/resources/records/?&amp;from=2026&amp;to=2026#time_entries"' in page
    assert "Desk officer" in read("/resources/records/?from=2026&to=2026")


def test_what_is_not_known_is_no_fall_to_nothing(read):
    rcm = make.ISCMFactory(slug="rcm", acronym="RCM")
    other = make.ISCMFactory(slug="sacm", acronym="SACM")
    for iscm, usd in ((rcm, 1000), (other, 600)):
        money.FundingLineFactory(iscm=iscm, year=2025, amount_usd=usd)
    money.FundingLineFactory(iscm=other, year=2026, amount_usd=300)
    money.TimeEntryFactory(iscm=rcm, worked_on=dt.date(2026, 5, 1), days=2)
    years = "/resources/?from=2025&to=2026"
    compared = "/resources/compare/?first=2025&second=2026"
    for address in (years, compared):
        page = read(address)
        assert ">not known</a>" in page
        assert "−100" not in page
        assert "−50" in page
        assert "−100" not in text_of_pdf(read(f"{address}&format=pdf"))
    assert "−100" not in read(f"{years}&iscm=rcm")
    rows = {line["row"]: line for line in dicts_of_csv(read(f"{compared}&format=csv"))}
    assert list(rows["RCM"].values()) == ["RCM", "1000.00", "1000.00", "", "", ""]
    assert list(rows["SACM"].values())[1:] == [
        "600.00",
        "600.00",
        "300.00",
        "300.00",
        "-50.0",
    ]
    (row,) = (
        line
        for line in dicts_of_csv(read(f"{years}&format=csv"))
        if (line["slug"], line["year"]) == ("rcm", "2026")
    )
    told = [row[name] for name in ("known_usd", "low_usd", "high_usd", "days_without_rate")]
    assert told == ["", "0.00", "", "2.00"]
    assert row["change_pct"] == ""


def test_all_support_of_the_last_year_stands_with_its_range_or_in_words(read):
    def card(address: str) -> str:
        page = " ".join(
            read(address).split("All support, 2026 (USD)")[1].split("</div>")[0].split()
        )
        return re.sub(r"<[^>]*>", "|", page)

    project = money.ProjectFactory()
    money.FundingLineFactory(project=project, year=2026, amount_usd=500)
    money.AttributionFactory(project=project, year=2026)
    assert "not known" in card("/resources/?from=2026&to=2026")
    assert "up to 500" in card("/resources/?from=2026&to=2026")
    for year, usd in ((2025, 200), (2026, 100)):
        money.FundingLineFactory(iscm=make.ISCMFactory(), year=year, amount_usd=usd)
    told = card("/resources/?from=2025&to=2026")
    assert "|100|" in told
    assert "up to 600 · −50 per cent in a year · |compare|" in told


def test_every_row_that_has_a_figure_opens_also_that_of_none(read):
    money.FundingLineFactory(iscm=make.ISCMFactory(), office=None, year=2026, amount_usd=70)
    page = read("/resources/?from=2026&to=2026&by=office")
    address = "/resources/records/?office=none&from=2026&to=2026"
    assert f'<a href="{address.replace("&", "&amp;")}">70</a>' in page
    assert "USD 70</strong>" in read(address)


def test_a_cost_over_nothing_is_no_data():
    rcm = make.ISCMFactory(slug="rcm")
    money.FundingLineFactory(iscm=rcm, year=2026, amount_usd=1000)
    (row,) = unit_costs(ResourceFilter(2026, 2026)).rows
    assert (row.events.known_usd, row.days.known_usd, row.outcomes.known_usd) == (None,) * 3


# --- downloads of what is shown


def test_the_workbook_and_the_csv_hold_the_same_rows_that_are_shown(read):
    rcm = make.ISCMFactory(slug="rcm", acronym="RCM")
    money.FundingLineFactory(iscm=rcm, year=2019, amount_usd=Decimal("200.50"))
    money.FundingLineFactory(supports="grcp", year=2019, amount_usd=7)
    text = read("/resources/?from=2019&to=2019&format=csv").lstrip("\ufeff")
    head, *body = rows_of_csv(text)
    book = CalamineWorkbook.from_filelike(
        io.BytesIO(read("/resources/?from=2019&to=2019&format=xlsx"))
    )
    sheet = book.get_sheet_by_index(0).to_python()
    assert sheet[0] == head
    assert (
        [row[0] for row in sheet[1:]]
        == [row[0] for row in body]
        == [
            "RCM",
            "GRCP meetings",
            "Total",
            "OSI",
            "Total",
        ]
    )
    assert [Decimal(str(row[4])) for row in sheet[1:]] == [Decimal(row[4]) for row in body]


@pytest.mark.parametrize(
    "address",
    ["/resources/cliff/?year=2026", "/resources/compare/?second=2026", "/resources/costs/?to=2026"],
)
def test_the_other_tables_can_be_had_as_workbooks_with_the_rows_of_the_csv(read, address):
    ending(dt.date(2026, 12, 31), 600, make.ISCMFactory(acronym="RCM"))
    text = read(f"{address}&format=csv").lstrip("\ufeff")
    head, *body = rows_of_csv(text)
    book = CalamineWorkbook.from_filelike(io.BytesIO(read(f"{address}&format=xlsx")))
    sheet = book.get_sheet_by_index(0).to_python()
    assert sheet[0] == head
    rows = [row[0] for row in sheet[1:]]
    assert rows == [row[0] for row in body]
    assert rows[0] == "RCM"


def test_the_pdf_says_what_the_page_says(read):
    rcm = make.ISCMFactory(slug="rcm", acronym="RCM")
    project = money.ProjectFactory()
    money.FundingLineFactory(project=project, year=2019, amount_usd=500)
    money.AttributionFactory(project=project, iscm=rcm, year=2019)
    money.FundingLineFactory(iscm=rcm, year=2019, amount_usd=1000)
    told = text_of_pdf(read("/resources/?from=2019&to=2019&format=pdf"))
    for words in ("USD 1,000 is known.", "up to USD 1,500", "RCM", "1,000 – 1,500", "OSI"):
        assert words in told
    # Which project's share it is, and what stands beside the money.
    assert f"{project.code} ({project.title}) for RCM: 2019" in told
    assert "Beside the money, 2019" in told


def test_the_pdf_rounds_as_the_page_does(read):
    rcm = make.ISCMFactory(slug="rcm", acronym="RCM")
    for usd, year in (("1404526.50", 2018), ("2404526.50", 2019)):
        money.FundingLineFactory(iscm=rcm, year=year, amount_usd=Decimal(usd))
    told = text_of_pdf(read("/resources/?from=2018&to=2019&format=pdf"))
    page = read("/resources/?from=2018&to=2019")
    for number in ("1,404,527", "2,404,527", "3,809,053"):
        assert number in told
        assert number in page
    assert "+71%" in told


def test_the_pdf_has_figures_cards_and_tables_of_the_evaluation(read):
    call_command("load_evaluation", verbosity=0)
    told = text_of_pdf(read("/resources/?format=pdf"))
    for words in (
        "Figure 3",
        "Figure 4",
        "Table 4",
        "Table 7",
        "338,300",
        "+180%",
        "−70%",
        "PLACMI",
    ):
        assert words in told


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("/resources/cliff/?year=2026", ("USD 600 is known to end in 2026", "31 December 2026")),
        ("/resources/compare/?first=2025&second=2026", ("2025 beside 2026", "RCM", "600")),
        ("/resources/costs/?from=2026&to=2026", ("Per event", "RCM", "600")),
        ("/staffing/?year=2026", ("1 posts are needed", "Gap", "RCM")),
        ("/sustaining/?from=2026&to=2026", ("USD 100 is paid of USD 400 assessed", "14.3")),
    ],
)
def test_each_page_of_figures_can_be_had_on_paper(client, address, words):
    client.force_login(make.UserFactory(access_group="finance", office=None))
    rcm = make.ISCMFactory(slug="rcm", acronym="RCM")
    ending(dt.date(2026, 12, 31), 600, rcm)
    money.StaffNeedFactory(iscm=rcm, year=2026, share_pct=100)
    money.AssessedContributionFactory(iscm=rcm, year=2026, assessed_usd=400, paid_usd=100)
    page = client.get(address).content.decode()
    assert "format=pdf" in page
    answer = client.get(f"{address}&format=pdf")
    assert answer["Content-Type"] == "application/pdf"
    told = text_of_pdf(answer.content)
    for word in words:
        assert word in told


@pytest.mark.parametrize(
    ("by", "label"),
    [
        ("source", "OSI"),
        ("theme", "Labour"),
        ("region", "Africa"),
        ("office", "CO A"),
        ("type", "Regional consultative process (RCP)"),
    ],
)
def test_the_rows_are_what_the_reader_asks_for_and_open_to_their_records(read, by, label):
    iscm = make.ISCMFactory(themes=[make.ThemeFactory(name="Labour")])
    make.MembershipFactory(iscm=iscm, country=make.CountryFactory(region="Africa"))
    office = make.OfficeFactory(name="CO A")
    money.FundingLineFactory(iscm=iscm, year=2019, office=office, label="Core", amount_usd=200)
    page = read(f"/resources/?from=2019&to=2019&by={by}")
    table = page.partition('id="known"')[2]
    row = table.partition(f">{label}")[2].partition("</tr>")[0]
    assert ">200</a>" in row
    address = row.partition('href="')[2].partition('"')[0].replace("&amp;", "&")
    records = read(address)
    assert "Core" in records
    assert "USD 200" in records


def test_one_year_is_as_many_statements_as_many(django_assert_max_num_queries):
    for year in range(2014, 2026):
        money.FundingLineFactory(year=year)
    with django_assert_max_num_queries(21):
        unit_costs(ResourceFilter(2014, 2025))
    assert Period.years(2014, 2025).calendar_years == range(2014, 2026)
