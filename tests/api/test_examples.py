"""The programs of ``docs/examples`` do what they say, against a portal that runs."""

from __future__ import annotations

import datetime as dt
import importlib.util
import os
import re
import subprocess
import sys
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings

from iscm_portal.common.choices import Scope
from reporting.models import PostEventReport
from tests.api.client import Api
from tests.factories import engagements as make
from tests.factories import finance as money
from tests.factories import reporting as reported

EXAMPLES = settings.BASE_DIR / "docs" / "examples"
a_portal_that_runs = pytest.mark.django_db(transaction=True)


def the_client() -> ModuleType:
    spec = importlib.util.spec_from_file_location("iscm_portal_client", EXAMPLES / "iscm_portal.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for the module of a class
    spec.loader.exec_module(module)
    return module


@a_portal_that_runs
def test_the_client_reads_records_pages_tables_and_refusals(live_server: Any):
    iscm = make.ISCMFactory(slug="rcm", acronym="RCM")
    money.FundingLineFactory.create_batch(5, iscm=iscm, year=2019, amount_usd=100)
    client = the_client()
    portal = client.Portal(live_server.url, Api().text, page_size=2)
    assert portal.record("iscms", "rcm")["acronym"] == "RCM"
    lines = list(portal.records("funding-lines", year=2019))
    assert [line["amount_usd"] for line in lines] == ["100.00"] * 5
    assert len({line["id"] for line in lines}) == 5
    rows = portal.table("funding-lines", year=2019)
    assert [row["id"] for row in rows] == [str(line["id"]) for line in lines]
    totals = portal.resources(by="iscm,year", year=2019)["totals"]
    assert [(row["year"], row["known_usd"]) for row in totals] == [(2019, "500.00")]
    other = client.Portal(live_server.url, Api(scopes=[Scope.READ_DIRECTORY]).text)
    with pytest.raises(client.PortalError) as refused:
        other.table("funding-lines")
    assert refused.value.status == 403


@a_portal_that_runs
def test_a_report_is_filed_once_however_often_the_program_is_run(live_server: Any):
    make.CountryFactory(iso3="THA")
    day = dt.date(2026, 3, 11)
    event = make.EventFactory(iscms=[make.ISCMFactory()], starts_on=day, ends_on=day)
    reporter = make.UserFactory(access_group="reporter", office=make.OfficeFactory())
    api = Api(user=reporter, scopes=[Scope.READ_REPORTS, Scope.WRITE_REPORTS])
    for _time in range(2):
        ran = subprocess.run(
            [sys.executable, EXAMPLES / "file_report.py", str(event.pk)],
            env={**os.environ, "PORTAL": live_server.url, "TOKEN": api.text},
            capture_output=True,
            text=True,
        )
        report = PostEventReport.objects.get()
        assert (ran.stderr, ran.stdout) == ("", f"Report {report.pk} is submitted.\n")
        assert (report.state, report.author, report.versions.count()) == ("submitted", reporter, 1)
        assert report.reportedrequests.count() == 1
    client = the_client()
    portal = client.Portal(live_server.url, api.text)
    version = portal.record("reports", report.pk).version
    with pytest.raises(client.PortalError) as late:
        portal.change("reports", report.pk, {"outcomes": "Late."}, version)
    assert late.value.status == 409


@a_portal_that_runs
def test_the_client_changes_what_was_read_and_nothing_that_came_between(live_server: Any):
    line = money.FundingLineFactory(amount_usd=100)
    scopes = [Scope.READ_FINANCE, Scope.WRITE_FINANCE]
    client = the_client()
    portal = client.Portal(live_server.url, Api("finance", scopes).text)
    mine, theirs = (portal.record("funding-lines", line.pk) for _reader in range(2))
    more = {"amount_usd": "200", "reason": "Ledger."}
    changed = portal.change("funding-lines", line.pk, more, theirs.version)
    assert changed["amount_usd"] == "200.00"
    with pytest.raises(client.PortalError) as stale:
        portal.change("funding-lines", line.pk, {**more, "amount_usd": "101"}, mine.version)
    assert stale.value.status == 412
    with pytest.raises(client.PortalError) as stale:
        portal.delete("funding-lines", line.pk, "Twice.", mine.version)
    assert stale.value.status == 412
    # An answer's version goes on.
    again = portal.change("funding-lines", line.pk, {"label": "Other"}, changed.version)
    portal.delete("funding-lines", line.pk, "Twice.", again.version)
    with pytest.raises(client.PortalError) as gone:
        portal.record("funding-lines", line.pk)
    assert gone.value.status == 404


@a_portal_that_runs
def test_the_client_names_records_whatever_stands_in_their_codes(live_server: Any):
    make.OrganisationFactory(slug="eu")
    client = the_client()
    portal = client.Portal(live_server.url, Api().text)
    assert portal.record("organisations", "eu")["slug"] == "eu"
    for key in ("eu?fields=id", "../organisations/eu", "eu#"):
        with pytest.raises(client.PortalError) as lacking:
            portal.record("organisations", key)
        assert lacking.value.status == 404


@a_portal_that_runs
def test_the_client_follows_the_changes_and_says_when_it_has_to_begin_anew(live_server: Any):
    client, api = the_client(), Api()
    portal = client.Portal(live_server.url, api.text, page_size=1)
    position = portal.position(type="themes")
    assert list(portal.changes(position, type="themes")) == []
    themes = [make.ThemeFactory(), make.ThemeFactory()]
    found = list(portal.changes(position, type="themes"))
    assert [entry["id"] for entry in found] == [theme.pk for theme in themes]
    assert {(entry["type"], entry["change"]) for entry in found} == {("themes", "created")}
    themes[0].delete()
    (entry,) = portal.changes(found[-1]["position"], type="themes")
    assert (entry["id"], entry["change"]) == (found[0]["id"], "deleted")
    with pytest.raises(client.PositionGone):  # of one type it is no position of all
        list(portal.changes(position))


@a_portal_that_runs
def test_a_client_that_has_called_too_often_waits_and_goes_on(
    live_server: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
):
    settings.API_CALLS_PER_MINUTE = 1
    client = the_client()
    waited: list[int] = []

    def wait(seconds: int) -> None:
        waited.append(seconds)
        settings.API_CALLS_PER_MINUTE = 100

    monkeypatch.setattr(client.time, "sleep", wait)
    portal = client.Portal(live_server.url, Api().text)
    for _call in range(2):
        assert list(portal.records("themes")) == []
    assert len(waited) == 1
    assert 0 < waited[0] <= 60


@a_portal_that_runs
def test_pandas_shows_the_coverage_of_each_mechanism_by_year(live_server: Any):
    indicator = reported.IndicatorFactory(key="report_coverage")
    iscm = make.ISCMFactory(slug="rcm")
    for year, value in ((2025, 50), (2026, 75)):
        reported.IndicatorValueFactory(
            indicator=indicator, year=year, iscm=iscm, cell=f"iscm:{iscm.pk}", value=value, n=4
        )
    env = {**os.environ, "PORTAL": live_server.url, "TOKEN": Api().text}
    ran = subprocess.run(
        [sys.executable, EXAMPLES / "coverage.py"], env=env, capture_output=True, text=True
    )
    assert ran.stderr == ""
    assert [line.split() for line in ran.stdout.splitlines()] == [
        ["year", "2025", "2026"],
        ["iscm"],
        ["rcm", "50.0", "75.0"],
    ]


def lines_of(*amounts: int) -> None:
    for amount in amounts:
        money.FundingLineFactory(iscm=make.ISCMFactory(), year=2019, amount_usd=amount)


@a_portal_that_runs
@pytest.mark.only_with("Rscript")  # what is asked and read is looked at below, R or not
def test_the_script_in_r_prints_what_each_mechanism_cost(live_server: Any):
    lines_of(100, 300)
    env = {**os.environ, "PORTAL": live_server.url, "TOKEN": Api().text}
    ran = subprocess.run(
        ["Rscript", "--vanilla", EXAMPLES / "investment.R"], env=env, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    _head, *rows = (line.split() for line in ran.stdout.splitlines())
    assert [(row[-4], float(row[-3])) for row in rows] == [("2019", 300), ("2019", 100)]


@pytest.mark.django_db
def test_the_script_in_r_asks_for_what_there_is():
    text = (EXAMPLES / "investment.R").read_text()
    (path,) = re.findall(r'req_url_path\("/api/v1/([^"]+)"\)', text)
    (asked,) = re.findall(r"req_url_query\(([^)]*)\)", text)
    lines_of(100)
    (row,) = Api().read(path, **dict(re.findall(r'(\w+) = "([^"]*)"', asked)))["rows"]
    (amounts,) = re.findall(r"amounts <- c\(([^)]*)\)", text)
    amounts = re.findall(r'"(\w+)"', amounts)
    assert {"label", "year", *amounts} <= row.keys()
    assert [float(row[name]) for name in amounts] == [100, 100, 100]  # as.numeric reads them


# What the query of Excel is made of, with what differs from portal to portal named.
POWER_QUERY = r"""
let
    Portal = "https://portal.example.org",
    Asked = \[(?P<asked>[^]]*)\],
    Page = \(query as record\) => Json.Document\(
        Web.Contents\(Portal, \[RelativePath = "(?P<path>[^"]+)", Query = query\]\)
    \),
    After = \(next as text\) => Asked & \[cursor = Uri.Parts\(next\)\[Query\]\[cursor\]\],
    Pages = List.Generate\(
        \(\) => Page\(Asked\),
        each _ <> null,
        each if \[next\] = null then null else Page\(After\(\[next\]\)\),
        each \[results\]
    \),
    Records = List.Combine\(Pages\),
    Columns = \{(?P<columns>[^}]*)\},
"""


@pytest.mark.django_db
def test_the_query_of_excel_reads_each_page_once_by_an_address_that_stays():
    """There is no program beside Excel and Power BI that runs a query: it is read here step by
    step, and what its steps do is done."""
    text = re.sub(r"^ *//.*\n", "", (EXAMPLES / "funding_lines.pq").read_text(), flags=re.MULTILINE)
    query = re.match(POWER_QUERY.strip(), text)
    assert query is not None
    asked = dict(re.findall(r'(\w+) = "([^"]*)"', query["asked"]))
    columns = re.findall(r'"(\w+)"', query["columns"])
    assert asked["page_size"] == "1000"
    asked["page_size"] = "2"
    lines_of(100, 200, 300, 400, 500)
    api, path = Api(), query["path"].removeprefix("api/v1/")
    page = api.read(path, **asked)
    records = list(page["results"])
    while page["next"]:
        (cursor,) = parse_qs(urlsplit(page["next"]).query)["cursor"]
        page = api.read(path, **asked, cursor=cursor)
        records += page["results"]
    assert sorted(float(row["amount_usd"]) for row in records) == [100, 200, 300, 400, 500]
    assert all(row.keys() >= set(columns) for row in records)
    (typed,) = re.findall(r"TransformColumnTypes\(AsTable, (.*), \"en-US\"\)", text)
    assert set(re.findall(r'\{"(\w+)"', typed)) <= set(columns)
