"""What lists can be asked for, and what they refuse."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from engagements.models import ISCM
from tests.api.client import LISTS, Api, accepted_report
from tests.factories import engagements as make
from tests.factories import finance as money
from tests.factories import reporting as told

pytestmark = pytest.mark.django_db


def ids(address: str, **query: Any) -> set[int]:
    return {row["id"] for row in Api().results(address, **query)}


@pytest.mark.parametrize("name", LISTS)
def test_a_parameter_that_a_list_does_not_know_is_an_error(name: str) -> None:
    """A filter mistyped must not pull the whole list."""
    errors = Api().errors(f"{name}/", nonsense="1", page_size="5")
    assert list(errors) == ["nonsense"]
    assert errors["nonsense"][0].startswith("Unknown parameter. Known are: ")


@pytest.mark.parametrize("name", LISTS)
def test_a_record_takes_no_filter(name: str) -> None:
    _scope, row = LISTS[name]
    row()
    pk = Api().results(f"{name}/")[0]["id"]
    assert list(Api().errors(f"{name}/{pk}/", updated_since="2026-01-01")) == ["updated_since"]


def test_a_parameter_given_twice_is_an_error() -> None:
    response = Api().client.get("/api/v1/iscms/?type=rcp&type=irf")
    assert response.status_code == 400
    assert response.json() == {"type": ["Give it once."]}


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("events/", "iscm"),
        ("events/", "office"),
        ("events/", "theme"),
        ("events/", "country"),
        ("iom-roles/", "iscm"),
        ("funding-lines/", "project"),
        ("positions/", "project"),
        ("contributions/", "country"),
        ("proposals/", "iscm"),
        ("partnerships/", "organisation"),
        ("indicator-values/", "indicator"),
        ("indicator-values/", "iscm"),
        ("recommendations/", "indicator"),
        ("reports/", "iscm"),
    ],
)
@pytest.mark.parametrize("value", ["nowhere", "\0", "1", "é", "' OR 1=1"])
def test_a_link_to_nothing_is_an_error_and_not_an_empty_list(
    address: str, name: str, value: str
) -> None:
    assert list(Api().errors(address, **{name: value})) == [name]


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("iscms/", "type"),
        ("iscms/", "status"),
        ("iom-roles/", "role"),
        ("iom-roles/", "group"),
        ("events/", "kind"),
        ("support-requests/", "outcome"),
        ("policy-instruments/", "action"),
        ("follow-ups/", "state"),
        ("funding-lines/", "source_of_funds"),
        ("proposals/", "state"),
        ("funding-lines/", "printed_table"),
        ("indicator-values/", "status"),
    ],
)
def test_a_code_that_a_field_does_not_know_is_an_error(address: str, name: str) -> None:
    assert list(Api().errors(address, **{name: "nonsense"})) == [name]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("year", ["19", "1899", "2201", "99999999999999999999", "2019.5", "MMXIX"]),
        ("since", ["2019", "2019-02-30", "x", "0000-01-01"]),
        ("updated_since", ["yesterday", "2019-13-01T00:00:00Z"]),
        ("is_proposed", ["maybe", "2", "True"]),
        ("cursor", ["x"]),
    ],
)
def test_a_value_of_the_wrong_kind_is_an_error(name: str, values: list[str]) -> None:
    for value in values:
        assert list(Api().errors("events/", **{name: value})) == [name]


def test_all_errors_of_a_request_are_told_at_once() -> None:
    errors = Api().errors("events/", kind="x", iscm="x", year="x")
    assert sorted(errors) == ["iscm", "kind", "year"]


def test_an_empty_parameter_is_one_that_was_not_given() -> None:
    event = make.EventFactory()
    assert ids("events/", iscm="", year="", cursor="", page_size="", fields="") == {event.pk}


def test_roles_are_asked_for_by_day_and_kind() -> None:
    def role(starts: dt.date | None, ends: dt.date | None, kind: str = "host") -> int:
        return make.IOMRoleFactory(starts_on=starts, ends_on=ends, role=kind).pk

    day = dt.date(2019, 3, 31)
    held = {
        role(None, None),
        role(day, None),
        role(None, day),
        role(day, day),
    }
    role(dt.date(2019, 4, 1), None)
    role(None, dt.date(2019, 3, 30))
    other = role(None, None, "technical_secretariat")
    assert ids("iom-roles/", on="2019-03-31", role="host") == held
    assert ids("iom-roles/", on="2019-03-31", role="technical_secretariat") == {other}
    assert ids("iom-roles/", on="2019-03-31", group="technical") == {other}


def test_a_role_nobody_has_confirmed_is_shown_only_when_asked_for() -> None:
    sure = make.IOMRoleFactory()
    candidate = make.IOMRoleFactory(is_candidate=True)
    assert ids("iom-roles/") == ids("iom-roles/", is_candidate="false") == {sure.pk}
    assert ids("iom-roles/", is_candidate="true") == {candidate.pk}


def test_mechanisms_are_asked_for_by_type_theme_and_country() -> None:
    theme = make.ThemeFactory()
    one = make.ISCMFactory(type="rcp", themes=[theme])
    two = make.ISCMFactory(type="irf", themes=[theme, make.ThemeFactory()])
    three = make.ISCMFactory(type="irf")
    country = make.CountryFactory()
    make.MembershipFactory(iscm=one, country=country)
    make.MembershipFactory(iscm=one, country=country, kind="observer")
    make.MembershipFactory(iscm=three, country=country)
    assert ids("iscms/", type="irf") == {two.pk, three.pk}
    assert ids("iscms/", theme=theme.code) == {one.pk, two.pk}
    assert ids("iscms/", country=country.iso3) == {one.pk, three.pk}
    assert ids("iscms/", country=country.iso3, type="rcp", theme=theme.code) == {one.pk}


def test_events_are_asked_for_by_all_that_they_are_linked_to() -> None:
    iscm, other = make.ISCMFactory(), make.ISCMFactory()
    theme, office, country = make.ThemeFactory(), make.OfficeFactory(), make.CountryFactory()
    wanted = make.EventFactory(
        iscms=[iscm, other], kind="ministerial", country=country, starts_on=dt.date(2019, 5, 1)
    )
    for _ in range(2):  # twice the same theme and office: still one event
        make.AgendaItemFactory(event=wanted, theme=theme)
        make.DelegateFactory(event=wanted, office=office)
    make.EventFactory(iscms=[other], starts_on=dt.date(2020, 5, 1))
    for query in (
        {"iscm": iscm.slug},
        {"theme": theme.code},
        {"office": office.slug},
        {"country": country.iso3},
        {"kind": "ministerial"},
        {"year": 2019},
        {"until": "2019-05-01"},
        {"since": "2019-05-01", "until": "2020-04-30"},
    ):
        assert [row["id"] for row in Api().results("events/", **query)] == [wanted.pk], query


def test_evidence_is_asked_for_by_the_day_that_counts() -> None:
    rows = {
        "support-requests/": [
            make.SupportRequestFactory(asked_on=day).pk
            for day in (dt.date(2018, 12, 31), dt.date(2019, 1, 1), dt.date(2019, 12, 31))
        ],
        "partnerships/": [
            make.PartnershipFactory(since_on=day).pk
            for day in (dt.date(2018, 12, 31), dt.date(2019, 1, 1), dt.date(2019, 12, 31))
        ],
        "policy-instruments/": [
            make.PolicyInstrumentFactory(dated_on=day).pk
            for day in (dt.date(2018, 12, 31), dt.date(2019, 1, 1), dt.date(2019, 12, 31))
        ],
        "follow-ups/": [
            make.FollowUpActionFactory(agreed_on=day).pk
            for day in (dt.date(2018, 12, 31), dt.date(2019, 1, 1), dt.date(2019, 12, 31))
        ],
    }
    for address, (before, first, last) in rows.items():
        assert ids(address, year=2019) == {first, last}
        assert ids(address, since="2019-01-01") == {first, last}
        assert ids(address, until="2019-01-01") == {before, first}


def test_evidence_is_asked_for_by_the_report_that_wrote_it() -> None:
    one = make.SupportRequestFactory(report_number=7, report_item=1)
    make.SupportRequestFactory(report_number=8, report_item=1)
    assert ids("support-requests/", report=7) == {one.pk}
    assert ids("support-requests/", report=999) == set()


def test_money_is_asked_for_by_year_source_mechanism_and_project() -> None:
    iscm, project = make.ISCMFactory(), money.ProjectFactory()
    osi = money.FundingLineFactory(iscm=iscm, year=2019)
    support = money.FundingLineFactory(
        project=project, year=2020, source_of_funds="project_support"
    )
    money.AttributionFactory(project=project, iscm=iscm)
    assert ids("funding-lines/", iscm=iscm.slug) == {osi.pk}
    assert ids("funding-lines/", year=2020) == {support.pk}
    assert ids("funding-lines/", source_of_funds="osi") == {osi.pk}
    assert ids("funding-lines/", project=project.code) == {support.pk}
    assert ids("projects/", iscm=iscm.slug) == {project.pk}


def test_reports_are_asked_for_by_event_office_and_mechanism() -> None:
    iscm, theme = make.ISCMFactory(), make.ThemeFactory()
    event = make.EventFactory(iscms=[iscm], starts_on=dt.date(2019, 5, 1))
    make.AgendaItemFactory(event=event, theme=theme)
    wanted = accepted_report(event=event)
    accepted_report()
    for query in (
        {"event": event.pk},
        {"iscm": iscm.slug},
        {"office": wanted.office.slug},
        {"year": 2019},
        {"theme": theme.code},
        {"until": "2019-12-31"},
    ):
        assert ids("reports/", **query) == {wanted.pk}, query


def test_values_are_asked_for_by_indicator_year_and_cell() -> None:
    indicator, iscm = told.IndicatorFactory(), make.ISCMFactory()
    overall = told.IndicatorValueFactory(indicator=indicator, year=2025)
    cell = told.IndicatorValueFactory(indicator=indicator, iscm=iscm, status="red")
    other = told.IndicatorValueFactory()
    assert ids("indicator-values/", indicator=indicator.key) == {overall.pk, cell.pk}
    assert ids("indicator-values/", iscm="overall") == {overall.pk, other.pk}
    assert ids("indicator-values/", iscm=iscm.slug) == {cell.pk}
    assert ids("indicator-values/", year=2025) == {overall.pk}
    assert ids("indicator-values/", status="red") == {cell.pk}


def test_a_plus_that_came_as_a_space_is_told_how_to_be_sent() -> None:
    """pandas and R print moments so."""
    api = Api()
    answer = api.client.get("/api/v1/iscms/?updated_since=2020-01-01T00:00:00+00:00")
    assert answer.status_code == 400
    (said,) = answer.json()["updated_since"]
    assert "the plus of +00:00 comes as a space" in said
    assert "2026-03-31T09:00:00Z" in said
    for good in ("2020-01-01T00:00:00%2B00:00", "2020-01-01T00:00:00Z"):
        assert api.client.get(f"/api/v1/iscms/?updated_since={good}").status_code == 200


def test_what_changed_since_a_moment_can_be_pulled_alone() -> None:
    old, new = make.ISCMFactory(), make.ISCMFactory()
    moment = timezone.now() - dt.timedelta(days=1)
    ISCM.objects.filter(pk=old.pk).update(updated_at=moment - dt.timedelta(seconds=1))
    assert ids("iscms/", updated_since=moment.isoformat()) == {new.pk}
    assert ids("iscms/", updated_since=moment.strftime("%Y-%m-%dT%H:%M:%SZ")) == {new.pk}
    assert ids("iscms/", updated_since="2000-01-01") == {old.pk, new.pk}
