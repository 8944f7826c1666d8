"""The activity file: valid by the standard's own schema, true to the records, and real only."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest
import time_machine
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from finance.api.iati import activity_file
from finance.models import Project
from finance.selectors.activities import activities
from tests.api.client import Api, body
from tests.factories import engagements as make
from tests.factories import finance as money
from tests.twins import taken_back, twin_settings

pytestmark = pytest.mark.django_db

XSD = Path(__file__).parent / "iati_2_03" / "iati-activities-schema.xsd"
ORGANISATION = "XX-TEST-1"
TODAY = dt.date(2026, 6, 15)
NOW = dt.datetime(2026, 6, 15, 9, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def schema():
    return etree.XMLSchema(etree.parse(XSD, etree.XMLParser(no_network=True)))


@pytest.fixture(autouse=True)
def organisation(settings):
    settings.IATI_ORGANISATION_ID = ORGANISATION


def attributed(**project):
    """A project with one share; ``share`` holds that one's fields."""
    share = project.pop("share", {})
    made = money.ProjectFactory(**project)
    money.AttributionFactory(project=made, **share)
    return made


def written(on=TODAY):
    return etree.fromstring(
        b"".join(activity_file(activities(Project.objects.all()), ORGANISATION, on, NOW))
    )


def the_activity(on=TODAY):
    (found,) = written(on)
    return found


def days(activity) -> list[tuple[str, str]]:
    return [(day.get("type"), day.get("iso-date")) for day in activity.iter("activity-date")]


# --- valid


def test_the_schema_refuses_what_is_wrong(schema):
    """Else the tests below would show nothing."""
    attributed()
    good = written()
    assert schema.validate(good)
    for spoil in (
        lambda whole: whole.attrib.pop("version"),
        lambda whole: whole[0].remove(whole[0].find("activity-date")),
        lambda whole: whole[0].find("activity-date").set("iso-date", "2026"),
        lambda whole: whole[0].insert(0, whole[0].find("sector")),
        lambda whole: whole[0].find("title").remove(whole[0].find("title/narrative")),
        lambda whole: whole.remove(whole[0]),
        lambda whole: whole[0].append(etree.Element("extra")),
    ):
        bad = written()
        spoil(bad)
        assert not schema.validate(bad)


texts = st.text(
    st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1, max_size=30
)
dates = st.none() | st.dates(dt.date(1951, 1, 1), dt.date(2100, 12, 31))
cents = st.integers(0, 10**12).map(lambda number: Decimal(number) / 100)


@twin_settings
@given(
    title=texts,
    code=texts,
    days_=st.tuples(dates, dates),
    donors=st.lists(texts, max_size=3),
    lines=st.lists(st.tuples(st.integers(1951, 2100), cents), max_size=4),
    shares=st.lists(
        st.tuples(
            st.integers(1951, 2100),
            st.sampled_from(["dedicated", "stated_share", "stated_amount", "unknown"]),
        ),
        min_size=1,
        max_size=5,
        unique_by=lambda share: share[0],
    ),
    label=texts,
)
def test_whatever_a_project_says_the_file_is_valid(
    schema, title, code, days_, donors, lines, shares, label
):
    with taken_back():
        if None not in days_:
            days_ = sorted(days_)
        project = money.ProjectFactory(
            title=title,
            code=code,
            starts_on=days_[0],
            ends_on=days_[1],
            donors=[make.OrganisationFactory(name=name) for name in donors],
        )
        iscm = make.ISCMFactory(acronym=label)
        for year, basis in shares:
            money.AttributionFactory(
                project=project,
                iscm=iscm,
                year=year,
                basis=basis,
                share_pct={"dedicated": 100, "stated_share": Decimal("33.33")}.get(basis),
                amount_usd=Decimal("0.01") if basis == "stated_amount" else None,
            )
        for year, usd in lines:
            money.FundingLineFactory(project=project, year=year, amount_usd=usd)
        schema.assertValid(written())


def test_a_project_of_which_nothing_but_a_share_is_known_is_valid(schema):
    attributed(title=" ", share={"year": 2014})
    schema.assertValid(written())
    assert the_activity().find("title/narrative").text.startswith("PR.")


def test_the_real_records_are_valid_and_say_what_is_not_known(schema):
    call_command("load_evaluation", verbosity=0)
    whole = written()
    schema.assertValid(whole)
    placmi = next(one for one in whole if one.findtext("iati-identifier").endswith("-PLACMI"))
    assert placmi.find("tag").get("code") == "sacm"
    assert placmi.findtext("tag/narrative") == "SACM: 2014-2019: share unknown"
    assert placmi.find("recipient-region").get("code") == "019"
    assert placmi.find("activity-status").get("code") == "4"
    assert days(placmi) == [("2", "2014-01-01")]
    assert placmi.findtext("activity-date/narrative").startswith("Not on record")
    budgets = [value.text for value in placmi.iterfind("budget/value")]
    assert budgets[0] == "596600.00"
    assert len(budgets) == 6


# --- true


def test_an_activity_says_what_its_project_says():
    donors = [
        make.OrganisationFactory(name="A fund", kind="donor"),
        make.OrganisationFactory(name="A UN body", kind="un_agency"),
    ]
    project = attributed(
        code="PR.0007", title="Dialogue", donors=donors, share={"iscm__acronym": "SACM"}
    )
    money.FundingLineFactory(project=project, year=2025, amount_usd=Decimal("10.10"))
    money.FundingLineFactory(project=project, year=2025, amount_usd=Decimal("0.20"))
    money.FundingLineFactory(project=project, year=2024, amount_usd=Decimal(7))
    money.FundingLineFactory(
        project=project, year=2024, is_counted=False, not_counted_reason="Repeats another."
    )
    told = the_activity()
    assert told.findtext("iati-identifier") == "XX-TEST-1-PR.0007"
    assert told.find("reporting-org").attrib == {"ref": ORGANISATION, "type": "40"}
    assert told.findtext("title/narrative") == "Dialogue"
    assert told.findtext("description/narrative").endswith("consultation on migration: SACM.")
    assert [
        (one.get("role"), one.get("type"), one.findtext("narrative"))
        for one in told.iter("participating-org")
    ] == [
        ("1", None, "A fund"),
        ("1", "40", "A UN body"),
        ("4", "40", "International Organization for Migration"),
    ]
    assert told.find("other-identifier").get("ref") == "PR.0007"
    assert told.find("sector").get("code") == "15190"
    assert [
        (
            one.find("period-start").get("iso-date"),
            one.find("period-end").get("iso-date"),
            one.findtext("value"),
        )
        for one in told.iter("budget")
    ] == [("2024-01-01", "2024-12-31", "7.00"), ("2025-01-01", "2025-12-31", "10.30")]
    assert {value.get("currency") for value in told.iterfind("budget/value")} == {"USD"}


@pytest.mark.parametrize(
    ("starts", "ends", "expected", "status"),
    [
        ("2025-01-01", "2026-06-14", [("2", "2025-01-01"), ("4", "2026-06-14")], "4"),
        ("2025-01-01", "2026-06-15", [("2", "2025-01-01"), ("3", "2026-06-15")], "2"),
        ("2026-06-15", None, [("2", "2026-06-15")], "2"),
        ("2026-06-16", "2027-01-01", [("1", "2026-06-16"), ("3", "2027-01-01")], "1"),
        (None, "2024-05-01", [("2", "2024-01-01"), ("4", "2024-05-01")], "4"),
        (None, "2023-05-01", [("2", "2023-05-01"), ("4", "2023-05-01")], "4"),
        (None, None, [("2", "2024-01-01")], "4"),
    ],
)
def test_days_are_planned_or_past_as_seen_from_today(starts, ends, expected, status):
    attributed(
        starts_on=starts and dt.date.fromisoformat(starts),
        ends_on=ends and dt.date.fromisoformat(ends),
        share={"year": 2024},
    )
    told = the_activity()
    assert days(told) == expected
    assert told.find("activity-status").get("code") == status


def test_the_share_of_each_mechanism_stands_in_a_tag_of_its_own():
    project = money.ProjectFactory()
    one, other = make.ISCMFactory(slug="a", acronym="A"), make.ISCMFactory(slug="b", acronym="B")
    stated = {"basis": "stated_share", "share_pct": Decimal("25.5")}
    for year in (2024, 2025):
        money.AttributionFactory(project=project, iscm=one, year=year, **stated)
    money.AttributionFactory(project=project, iscm=one, year=2027, **stated)
    money.AttributionFactory(project=project, iscm=one, year=2026, basis="unknown")
    money.AttributionFactory(
        project=project, iscm=other, year=2020, basis="stated_amount", amount_usd=Decimal("1000")
    )
    money.AttributionFactory(project=project, iscm=other, year=2021, basis="dedicated")
    tags = [
        (tag.get("vocabulary"), tag.get("code"), tag.findtext("narrative"))
        for tag in the_activity().iter("tag")
    ]
    assert tags == [
        (
            "99",
            "a",
            "A: 2024-2025: stated share, 25.50 per cent; 2026: share unknown; "
            "2027: stated share, 25.50 per cent",
        ),
        ("99", "b", "B: 2020: stated amount, USD 1000.00; 2021: dedicated, 100 per cent"),
    ]


@pytest.mark.parametrize(
    ("regions", "expected"),
    [
        ([["Africa", "Africa"]], ("002", "2")),
        ([["Africa"], ["Africa"]], ("002", "2")),
        ([["Africa", "Europe"]], ("998", "1")),
        ([["Africa"], ["Europe"]], ("998", "1")),
        ([["Africa"], []], ("998", "1")),
        ([[]], ("998", "1")),
    ],
)
def test_the_region_is_that_of_all_members_of_all_mechanisms_or_none(regions, expected):
    project = money.ProjectFactory()
    for of_one in regions:
        iscm = make.ISCMFactory()
        money.AttributionFactory(project=project, iscm=iscm)
        for region in of_one:
            make.MembershipFactory(iscm=iscm, country=make.CountryFactory(region=region))
    (region,) = the_activity().iter("recipient-region")
    assert (region.get("code"), region.get("vocabulary")) == expected


def test_codes_that_the_standard_has_no_place_for_stay_apart():
    for code in ("A/1", "A%2F1", "A|1", "A 1", "Añ"):
        attributed(code=code)
    found = [one.findtext("iati-identifier") for one in written()]
    assert len(set(found)) == 5
    assert not any(sign in text for text in found for sign in "/&|? ")
    assert written()[0].find("other-identifier").get("ref") == "A/1"


def test_only_real_projects_with_a_real_share_are_in_it():
    shown = attributed(code="REAL")
    money.FundingLineFactory(project=shown, year=2026, is_demo=True)
    invented = make.OrganisationFactory(is_demo=True)
    shown.donors.add(invented)
    money.AttributionFactory(project=shown, year=2025, is_demo=True)
    attributed(is_demo=True)
    attributed(share={"is_demo": True})
    money.ProjectFactory()
    told = the_activity()
    assert told.find("other-identifier").get("ref") == "REAL"
    assert not list(told.iter("budget"))
    assert len(list(told.iter("participating-org"))) == 1
    assert told.findtext("tag/narrative").count("share unknown") == 1


def test_the_latest_change_of_anything_told_is_its_own_latest_change():
    with time_machine.travel("2026-01-01T00:00:00Z", tick=False):
        project = attributed()
    with time_machine.travel("2026-03-01T10:11:12Z", tick=False):
        money.FundingLineFactory(project=project)
    assert the_activity().get("last-updated-datetime") == "2026-03-01T10:11:12Z"


def test_rows_of_many_projects_do_not_get_mixed_up():
    for number in range(7):
        project = money.ProjectFactory(code=f"P{number}")
        if number % 2 == 0:
            money.AttributionFactory(project=project, year=2000 + number)
        if number % 3 == 0:
            project.donors.add(make.OrganisationFactory(name=f"Donor {number}"))
            money.FundingLineFactory(project=project, year=2000 + number, amount_usd=number)
    told = [
        (
            one.find("other-identifier").get("ref"),
            one.findtext("tag/narrative")[-19:],
            [org.findtext("narrative") for org in one.iter("participating-org")][:-1],
            [value.text for value in one.iterfind("budget/value")],
        )
        for one in written()
    ]
    assert told == [
        ("P0", "2000: share unknown", ["Donor 0"], ["0.00"]),
        ("P2", "2002: share unknown", [], []),
        ("P4", "2004: share unknown", [], []),
        ("P6", "2006: share unknown", ["Donor 6"], ["6.00"]),
    ]


# --- the address


def test_the_file_is_had_by_the_finance_scope_as_a_download(schema):
    attributed()
    answer = Api("analyst").get("iati/activities.xml")
    assert answer.status_code == 200
    assert answer.streaming
    assert answer["Content-Type"] == "application/xml; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="iati-activities.xml"'
    schema.assertValid(etree.fromstring(body(answer)))


def test_without_an_organisation_there_is_no_file_and_the_message_names_the_setting(settings):
    settings.IATI_ORGANISATION_ID = ""
    attributed()
    answer = Api().get("iati/activities.xml")
    assert answer.status_code == 404
    assert "IATI_ORGANISATION_ID" in answer.json()["detail"]


def test_without_a_project_there_is_no_file_since_an_empty_one_is_not_valid():
    money.ProjectFactory()
    answer = Api().get("iati/activities.xml")
    assert answer.status_code == 404
    assert "no project has a share" in answer.json()["detail"]


def test_an_unknown_parameter_is_refused_here_too():
    attributed()
    assert list(Api().errors("iati/activities.xml", year="2024")) == ["year"]


def test_many_projects_take_as_many_statements_as_one():
    api = Api()

    def statements() -> int:
        with CaptureQueriesContext(connection) as seen:
            body(api.get("iati/activities.xml"))
        return len(seen)

    def grow(rows: int) -> None:
        for _row in range(rows):
            project = attributed(donors=[make.OrganisationFactory()])
            money.FundingLineFactory(project=project)

    grow(1)
    statements()  # puts on record that the token is used for it today
    assert statements() == 6  # the token's, and five
    grow(29)
    assert statements() == 6


@pytest.mark.parametrize("organisation", ["", "XM-DAC-47066"])
def test_the_page_of_records_leads_to_the_file_where_there_is_a_publisher(
    client, settings, organisation
):
    settings.IATI_ORGANISATION_ID = organisation
    client.force_login(make.UserFactory(access_group="finance", office=make.OfficeFactory()))
    page = client.get("/finance/").content.decode()
    assert ('href="/api/v1/iati/activities.xml"' in page) is bool(organisation)
