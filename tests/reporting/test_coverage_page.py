"""The page of coverage and timeliness: overall, by office and mechanism, one's own record."""

from __future__ import annotations

import datetime as dt
import re

import pytest
import time_machine

from reporting.services.compiling import compile_indicators
from reporting.services.duties import sync_duties
from tests.factories import engagements as make
from tests.factories import reporting as reported

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 11, 24, 9, 0, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def today(db):
    for key in ("report_coverage", "report_timeliness"):
        reported.IndicatorFactory(key=key)
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def office():
    return make.OfficeFactory(name="CO Bangkok", slug="co-bangkok")


def owe(office, iscm, day, state=None, author=None, waited=4, returned=0):
    """An event that the office took part in, with its report where it has one."""
    event = make.EventFactory(iscms=[iscm], starts_on=day, ends_on=day)
    make.DelegateFactory(event=event, office=office)
    if state:
        at = dt.datetime.combine(day + dt.timedelta(days=waited), dt.time(9), dt.UTC)
        report = reported.PostEventReportFactory(
            event=event,
            office=office,
            state=state,
            submitted_at=None if state == "draft" else at,
            **({"author": author} if author else {}),
        )
        for _ in range(returned):
            reported.ReportStepFactory(report=report, action="returned")
    sync_duties(NOW)
    return event


def table(page: str, heading: str) -> list[list[str]]:
    """The texts of the cells of the table under ``heading``."""
    section = page[page.index(f'id="{heading}"') :]
    section = section[: section.index("</section>")]
    found = []
    for row in re.findall(r"<tr>(.*?)</tr>", section, re.DOTALL)[1:]:
        cells = re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)
        found.append([" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in cells])
    return found


def read(client, user, **query) -> str:
    """The page once what was told is compiled."""
    compile_indicators(2025, 2026, NOW)
    client.force_login(user)
    answer = client.get("/coverage/", query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_ipd_reads_every_office_and_mechanism_the_least_covered_first(client, office):
    north, south = make.ISCMFactory(acronym="NORTH"), make.ISCMFactory(acronym="SOUTH")
    other = make.OfficeFactory(name="CO Dakar")
    owe(office, north, dt.date(2026, 3, 2), "accepted", waited=4)
    owe(office, north, dt.date(2026, 4, 2), "accepted", waited=20)
    owe(office, south, dt.date(2026, 5, 2), "submitted")
    owe(other, south, dt.date(2026, 6, 2))
    owe(other, south, dt.date(2025, 6, 2), "accepted")
    owe(other, south, dt.date(2026, 11, 24))  # not over yet
    page = read(client, make.UserFactory(access_group="ipd"))
    assert "<strong>2 of 4</strong>" in page
    assert "(50 per cent)" in page
    assert "<strong>12.0 days</strong>" in page
    assert table(page, "by-office") == [
        ["CO Dakar", "1", "0", "0&nbsp;%", "no data", "no data"],
        ["CO Bangkok", "3", "2", "67&nbsp;%", "12.0", "50&nbsp;%"],
    ]
    assert table(page, "by-iscm") == [
        ["SOUTH", "2", "0", "0&nbsp;%", "no data", "no data"],
        ["NORTH", "2", "2", "100&nbsp;%", "12.0", "50&nbsp;%"],
    ]


def test_each_number_opens_the_duties_that_it_counts(client, office):
    north = make.ISCMFactory(slug="north")
    owe(office, north, dt.date(2026, 3, 2), "accepted")
    owe(office, north, dt.date(2026, 4, 2))
    owe(office, north, dt.date(2025, 4, 2))
    owe(office, north, dt.date(2026, 12, 2))
    page = read(client, make.UserFactory(access_group="ipd"))
    for state, count in (("owed", 2), ("settled", 1)):
        for part in ("office=co-bangkok", "iscm=north"):
            address = f"/duties/?state={state}&amp;year=2026&amp;{part}"
            assert f'<a href="{address}">{count}</a>' in page
            listed = client.get(address.replace("&amp;", "&")).content.decode()
            assert listed.count("<tr>") - 1 == count


def test_a_reporter_reads_the_own_office_and_the_own_record(client, office):
    reporter = make.UserFactory(access_group="reporter", office=office)
    colleague = make.UserFactory(access_group="reporter", office=office)
    other = make.OfficeFactory(name="CO Dakar")
    iscm = make.ISCMFactory(acronym="NORTH", slug="north")
    owe(office, iscm, dt.date(2026, 3, 2), "accepted", author=reporter, waited=3, returned=2)
    owe(office, iscm, dt.date(2026, 4, 2), "draft", author=reporter)
    owe(office, iscm, dt.date(2026, 5, 2), "accepted", author=colleague, waited=30)
    owe(other, iscm, dt.date(2026, 6, 2))
    page = read(client, reporter)
    assert [row[0] for row in table(page, "by-office")] == ["CO Bangkok"]
    assert [row[1:] for row in table(page, "own")] == [
        ["Draft", "not submitted", "–", "0"],
        ["Accepted", "3", "yes", "2"],
    ]
    assert 'id="people"' not in page
    # The duties of other offices are not listed for him, so the numbers of all lead to no list.
    assert table(page, "by-iscm")[0][1] == "4"
    assert "iscm=north" not in page


def test_what_somebody_wrote_with_others_is_in_the_own_record(client, office):
    reporter = make.UserFactory(access_group="reporter", office=office)
    event = owe(office, make.ISCMFactory(), dt.date(2026, 3, 2), "accepted", waited=20)
    report = reported.PostEventReportFactory._meta.model.objects.get(event=event)
    report.co_authors.add(reporter)
    page = read(client, reporter)
    assert [row[1:] for row in table(page, "own")] == [["Accepted", "20", "no", "0"]]


def test_a_manager_reads_who_of_the_office_reports_and_what_is_still_owed(client, office):
    manager = make.UserFactory(
        access_group="manager", office=office, first_name="Ana", last_name="Able"
    )
    reporter = make.UserFactory(
        access_group="reporter", office=office, first_name="Ben", last_name="Best"
    )
    iscm = make.ISCMFactory()
    owe(office, iscm, dt.date(2026, 3, 2), "accepted", author=reporter)
    owe(office, iscm, dt.date(2026, 10, 2), "draft", author=reporter)
    owe(office, iscm, dt.date(2026, 11, 20))
    make.UserFactory(access_group="reporter", office=make.OfficeFactory())
    page = read(client, manager)
    people = table(page, "people")
    assert [row[1:] for row in people] == [["–", "–", "–", "–"], ["1", "–", "–", "1"]]
    assert "Best" in people[1][0]
    assert [row[1:] for row in table(page, "owed")] == [
        ["39 days late", "Draft"],
        ["in 10 days", "by nobody"],
    ]


def test_a_year_without_events_says_so(client):
    page = read(client, make.UserFactory(access_group="ipd"), year="2031")
    assert "No answer is owed on any event of 2031." in page
    assert page.count("Nothing was owed.") == 2


def test_an_event_that_is_put_off_is_not_owed_any_more(client, office):
    event = owe(office, make.ISCMFactory(), dt.date(2026, 3, 2))
    user = make.UserFactory(access_group="ipd")
    assert "<strong>0 of 1</strong>" in read(client, user, year="2026")
    event.starts_on = event.ends_on = dt.date(2026, 12, 2)
    event.save()
    sync_duties(NOW)
    assert "No answer is owed on any event of 2026." in read(client, user, year="2026")
