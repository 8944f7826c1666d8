"""Every endpoint x no token, wrong tokens, each scope, and each access group's session."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from typing import Any

import orjson
import pytest
from django.test import Client
from django.urls import get_resolver
from django.utils import timezone

from iscm_portal.common.choices import AccessGroup, Scope
from tests.api.client import LISTS, READ, Api, accepted_report, basic, body
from tests.factories import engagements as make
from tests.factories import finance as money
from tests.factories import reporting as told

pytestmark = pytest.mark.django_db

EVERYONE = set(AccessGroup)
# Which access groups may read what is behind a scope. Source: domain, section Access.
READERS = {
    Scope.READ_DIRECTORY: EVERYONE,
    Scope.READ_REPORTS: EVERYONE,
    Scope.READ_INDICATORS: EVERYONE,
    Scope.READ_FINANCE: {
        AccessGroup.FINANCE,
        AccessGroup.IPD,
        AccessGroup.ANALYST,
        AccessGroup.ADMIN,
    },
}

# Records of another office that their group may not see: 404, as if there were none.
OWN_OFFICE_ONLY = {"duties/{id}/": {AccessGroup.IPD, AccessGroup.ADMIN}}


def expected(endpoint: str) -> dict[AccessGroup, int]:
    """What each access group is answered by an endpoint on records of another office."""
    readers = READERS[ADDRESSES[endpoint]]
    seen = OWN_OFFICE_ONLY.get(endpoint, EVERYONE)
    return {
        group: (200 if group in seen else 404) if group in readers else 403 for group in AccessGroup
    }


# address -> scope
ENDPOINTS: dict[str, Scope] = {
    **{f"{name}/": scope for name, (scope, _row) in LISTS.items()},
    **{f"{name}/{{id}}/": scope for name, (scope, _row) in LISTS.items()},
    "indicator-values/{id}/evidence/": Scope.READ_INDICATORS,
    "compile-runs/progress/": Scope.READ_INDICATORS,
    "resources/": Scope.READ_INDICATORS,
    "resources/?table=4": Scope.READ_INDICATORS,
}
# What is done with a report: a POST, and nothing to read (tests/api/test_report_writes.py).
ACTS = {f"reports/<str:pk>/{act}/" for act in ("accept", "correct", "forward", "return", "submit")}
# Opened by any scope; what is told goes by them (tests/api/test_changes.py).
BY_ANY_SCOPE = {"changes/"}
# Files in a form of their own: neither JSON nor CSV.
FILES: dict[str, Scope] = {"iati/activities.xml": Scope.READ_FINANCE}
ADDRESSES = {**ENDPOINTS, **FILES}
# Those that can be had as a table.
TABLES = [endpoint for endpoint in ENDPOINTS if endpoint != "compile-runs/progress/"]
OPEN = {"schema/", "docs/"}


@pytest.fixture(autouse=True)
def organisation(settings: Any) -> None:
    settings.IATI_ORGANISATION_ID = "XX-TEST-1"


def address(endpoint: str) -> str:
    """The endpoint's address, with the id of a row that stands in it."""
    if endpoint in FILES:
        money.AttributionFactory()
    if "{id}" not in endpoint:
        return endpoint
    name = endpoint.partition("/")[0]
    LISTS[name][1]()
    return endpoint.format(id=Api().results(f"{name}/")[0]["id"])


def test_the_table_names_every_endpoint() -> None:
    """Nobody adds an address without saying who may read it."""
    routes = {
        str(pattern.pattern)
        for part in get_resolver("iscm_portal.api_urls").url_patterns
        for pattern in getattr(part, "url_patterns", [part])
    }
    named = {endpoint.partition("?")[0].replace("{id}", "<str:pk>") for endpoint in ENDPOINTS}
    shown = {route for route in routes if not route.startswith("^")}
    assert shown == named | OPEN | set(FILES) | BY_ANY_SCOPE | ACTS


@pytest.mark.parametrize(
    ("endpoint", "suffix"),
    [
        *((endpoint, "") for endpoint in ADDRESSES),
        *((endpoint, form) for endpoint in TABLES for form in ("csv", "xlsx")),
    ],
)
def test_a_token_reads_what_its_scope_opens_and_nothing_else(endpoint: str, suffix: str) -> None:
    place = address(endpoint)
    joint = "&" if "?" in place else "?"
    place = f"{place}{joint}format={suffix}" if suffix else place
    answers = {scope: Api(scopes=[scope]).get(place).status_code for scope in READ}
    assert answers == {scope: 200 if scope == ADDRESSES[endpoint] else 403 for scope in READ}


@pytest.mark.parametrize("endpoint", ADDRESSES)
def test_without_a_good_token_there_is_nothing_to_read(endpoint: str) -> None:
    place = f"/api/v1/{address(endpoint)}"
    expired, revoked, retired, none = Api(), Api(), Api(), Api(scopes=[])
    type(expired.token).objects.filter(pk=expired.token.pk).update(
        expires_at=timezone.now() - dt.timedelta(seconds=1)
    )
    type(revoked.token).objects.filter(pk=revoked.token.pk).update(revoked_at=timezone.now())
    type(retired.user).objects.filter(pk=retired.user.pk).update(is_active=False)
    for client in (Client(), expired.client, revoked.client, retired.client):
        response = client.get(place)
        assert response.status_code == 401
        asked = 'Bearer realm="api", Basic realm="api", charset="UTF-8"'
        assert response["WWW-Authenticate"] == asked
        assert list(orjson.loads(response.content)) == ["detail"]
    refused = none.client.get(place)
    assert refused.status_code == 403
    assert list(orjson.loads(refused.content)) == ["detail"]


@pytest.mark.parametrize("endpoint", ADDRESSES)
def test_a_signed_in_browser_reads_what_its_access_group_may(endpoint: str) -> None:
    place = f"/api/v1/{address(endpoint)}"
    answers = {}
    for group in AccessGroup:
        client = Client()
        client.force_login(make.UserFactory(access_group=group))
        answers[group] = client.get(place).status_code
    assert answers == expected(endpoint)


@pytest.mark.parametrize("endpoint", ADDRESSES)
def test_a_token_never_reads_more_than_its_owner_may(endpoint: str) -> None:
    place = address(endpoint)
    answers = {group: Api(group).get(place).status_code for group in AccessGroup}
    assert answers == expected(endpoint)


@pytest.mark.parametrize("endpoint", ["iscms/{id}/", "funding-lines/{id}/", "reports/{id}/"])
def test_a_refusal_never_tells_whether_a_record_exists(endpoint: str) -> None:
    there = address(endpoint)
    absent = endpoint.format(id=987654)
    for client in (Client(), Api(scopes=[]).client):
        first, second = (client.get(f"/api/v1/{place}") for place in (there, absent))
        assert (first.status_code, first.content) == (second.status_code, second.content)


def test_a_report_that_is_not_accepted_is_as_absent_as_one_that_never_was() -> None:
    draft = told.PostEventReportFactory()
    api = Api()
    hidden, absent = api.get(f"reports/{draft.pk}/"), api.get("reports/987654/")
    assert hidden.status_code == absent.status_code == 404
    assert hidden.content == absent.content == b'{"detail":"Not found."}'


def test_a_token_as_the_password_of_basic_signs_in() -> None:
    """Excel and Power BI know no other way."""
    api = Api()
    answers = [
        Client(headers={"Authorization": header}).get("/api/v1/iscms/").status_code
        for header in (basic(api.text), basic(api.text, ""), basic("wrong"), "Basic ?", "Basic")
    ]
    assert answers == [200, 200, 401, 401, 401]


def test_an_analyst_reads_all_lines_by_the_finance_scope_and_none_on_pages() -> None:
    """domain, Access: "API client: totals; lines with the finance scope"."""
    line = money.FundingLineFactory()
    analyst = Api(AccessGroup.ANALYST)
    assert [row["id"] for row in analyst.results("funding-lines/")] == [line.pk]
    assert not type(line).objects.visible_to(analyst.user).exists()


@pytest.mark.parametrize("form", ["json", "csv", "xlsx"])
@pytest.mark.parametrize("name", LISTS)
def test_a_token_without_the_scope_is_told_the_same_whatever_is_on_record(
    name: str, form: str
) -> None:
    """Not even whether there is anything: no count, no version, no other length."""
    api = Api(scopes=[scope for scope in READ if scope != LISTS[name][0]])

    def answers() -> list[Any]:
        places = (f"{name}/", f"{name}/1/", f"{name}/?ordering=-id&updated_since=2020-01-01")
        found = []
        for place in places:
            joint = "&" if "?" in place else "?"
            response = api.get(f"{place}{joint}format={form}")
            told = {k: v for k, v in response.headers.items() if not k.startswith("RateLimit")}
            found.append((response.status_code, response.content, told))
        return found

    before = answers()
    LISTS[name][1]()
    assert answers() == before
    assert {status for status, _content, _headers in before} == {403}
    assert not any("ETag" in headers for _status, _content, headers in before)


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_what_is_kept_elsewhere_can_not_be_written(method: str) -> None:
    iscm = make.ISCMFactory()
    for place in ("iscms/", f"iscms/{iscm.pk}/", "duties/", "resources/"):
        response = getattr(Api().client, method)(f"/api/v1/{place}")
        assert response.status_code == 405
        assert list(orjson.loads(response.content)) == ["detail"]


@pytest.mark.parametrize("endpoint", ["iscms/", "resources/"])
def test_head_and_options_answer_too(endpoint: str) -> None:
    client = Api().client
    assert client.head(f"/api/v1/{endpoint}").status_code == 200
    assert client.options(f"/api/v1/{endpoint}").status_code == 200


def unpacked(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        return b"".join(package.read(name) for name in package.namelist())


def everything(marker: str) -> Any:
    """A report of each state whose closed remarks hold ``marker``, with all that hangs on one."""
    event = make.EventFactory(iscms=[make.ISCMFactory()])
    report = accepted_report(
        event=event,
        discussed="Open remarks.",
        discussed_internal=marker,
        discussed_restricted=marker,
        funding_leads=marker,
    )
    for state in ("draft", "submitted", "returned"):
        told.PostEventReportFactory(state=state, discussed=marker, outcomes=marker)
    told.LessonFactory(report=report)
    told.LessonFactory(report=told.PostEventReportFactory(), text=marker)
    told.ReportStepFactory(report=report, action="returned", comment=marker)
    told.ReportVersionFactory(report=report, content={"discussed_internal": marker})
    for row in LISTS.values():
        row[1]()
    return report


@pytest.mark.parametrize("group", list(AccessGroup))
def test_closed_remarks_appear_in_no_answer_to_anybody(group: AccessGroup) -> None:
    marker = "MARKER-7f3a"
    report = everything(marker)
    api = Api(group, user=report.author if group == AccessGroup.REPORTER else None)
    seen = 0
    for endpoint in ADDRESSES:
        place = endpoint
        if "{id}" in endpoint:
            name = endpoint.partition("/")[0]
            rows = api.get(f"{name}/")
            if rows.status_code == 403 or not orjson.loads(rows.content)["results"]:
                continue
            place = endpoint.format(id=orjson.loads(rows.content)["results"][0]["id"])
        joint = "&" if "?" in place else "?"
        for form in ("json", "csv", "xlsx") if endpoint in TABLES else ("",):
            response = api.get(place + (f"{joint}format={form}" if form else ""))
            content = body(response)
            if form == "xlsx" and response.status_code == 200:
                content = unpacked(content)
            seen += len(content)
            assert marker.encode() not in content, place
    assert seen > 10_000
    assert b"Open remarks." in api.get(f"reports/{report.pk}/").content


def test_an_office_reads_its_own_duties_and_ipd_all_of_them() -> None:
    office = make.OfficeFactory()
    own, other = told.DutyFactory(office=office), told.DutyFactory()
    for group in (AccessGroup.REPORTER, AccessGroup.MANAGER):
        api = Api(user=make.UserFactory(access_group=group, office=office))
        assert [row["id"] for row in api.results("duties/")] == [own.pk]
    assert {row["id"] for row in Api().results("duties/")} == {own.pk, other.pk}
    for group in (AccessGroup.FINANCE, AccessGroup.ANALYST):
        assert Api(group).results("duties/") == []


def test_a_duty_says_where_it_stands_and_is_found_by_that() -> None:
    report = accepted_report()
    settled = told.DutyFactory(event=report.event, office=report.office, is_settled=True)
    late = told.DutyFactory(due_on=dt.date(2020, 1, 1))
    withdrawn = told.DutyFactory(withdrawn_at=timezone.now())
    rows = {row["id"]: (row["state"], row["report"]) for row in Api().results("duties/")}
    assert rows == {settled.pk: ("settled", report.pk), late.pk: ("overdue", None)}
    assert withdrawn.pk not in rows
    assert [row["id"] for row in Api().results("duties/", state="overdue")] == [late.pk]
