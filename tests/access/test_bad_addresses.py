"""Every page x addresses that no link of the portal has: refused in words, never a failure."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core import signing
from django.test import override_settings

from reporting.services import reports as services
from reporting.services.releasing import close_year
from tests.factories import engagements as make
from tests.factories import finance as money
from tests.factories import reporting as reported
from tests.webhooks import webhook

pytestmark = pytest.mark.django_db

AT = dt.datetime(2026, 11, 20, 14, 2, tzinfo=dt.UTC)
ENDLESS = "9" * 4500

# page -> what its address may be asked with.
PAGES: dict[str, tuple[str, ...]] = {
    "/": (),
    "/iscms/": ("type", "role", "on"),
    "/iscms/{iscm}/": (),
    "/offices/": (),
    "/events/": ("kind", "iscm", "year", "after"),
    "/events/{event}/": (),
    "/reports/": ("state", "office", "iscm", "after"),
    "/reports/new/": ("event",),
    "/reports/{report}/": (),
    "/reports/{report}/versions/": ("from", "to"),
    "/reports/{report}/documents/": (),
    "/documents/{document}/": (),
    "/reports/template.docx": (),
    "/reports/{report}/from-text/": (),
    "/reports/{accepted}/briefing.pdf": (),
    "/reports/{accepted}/briefing.docx": (),
    "/reports/{report}/edit/": (),
    "/reports/{report}/edit/people/": ("add",),
    "/reports/{report}/edit/short/": (),
    "/reports/{report}/edit/check/": (),
    "/filing/session/": (),
    "/coverage/": ("year",),
    "/duties/": ("state", "office", "iscm", "region", "year", "format", "after"),
    "/notices/": ("after",),
    "/notices/unsubscribe/x/": (),
    "/profile/": (),
    "/tokens/": (),
    "/events/calendar/": ("iscm",),
    "/reviews/answers/": ("after",),
    "/reviews/": ("office", "iscm", "after"),
    "/resources/": (
        *("from", "to", "iscm", "source", "format", "theme", "region", "by", "as_of", "sort"),
    ),
    "/resources/cliff/": ("year", "format", "as_of", "sort"),
    "/resources/compare/": ("first", "second", "one", "other", "by", "format", "as_of", "sort"),
    "/resources/compare/?one=rcm&other=sacm": ("from", "to", "by"),
    "/resources/costs/": ("from", "to", "iscm", "format", "as_of", "sort"),
    "/resources/costs/records/": ("of", "iscm", "from"),
    "/resources/costs/records/?of=events&iscm={iscm}": ("from", "to", "after0", "as_of"),
    "/resources/costs/records/?of=days": ("from", "to", "after0", "after1", "as_of"),
    "/resources/changes/": (*("since", "kind", "by", "iscm", "import", "undo", "format", "after"),),
    "/resources/records/": (
        *("table", "label", "iscm", "source", "project", "format", "after_funding_lines"),
        *("after_project_lines", "after_attributions", "after_positions", "after_time_entries"),
    ),
    "/resources/records/?table=4": (
        *("label", "iscm", "from", "source", "format", "after_funding_lines"),
    ),
    "/resources/table-4.csv": ("from", "iscm", "source"),
    "/funds/": ("format", "as_of"),
    "/funds/{fund}/": (
        *("year", "table", "format", "after_cases", "after_contributions", "as_of"),
    ),
    "/funds/{fund}/sheet.pdf": ("year", "as_of"),
    "/finance/": ("after_shares", "after_days", "after_lines"),
    "/finance/funding-lines/": ("year", "iscm", "project", "is_counted", "format", "after"),
    "/finance/time-entries/": ("event", "position", "since", "updated_since", "after"),
    "/finance/currency-rates/": ("currency", "year"),
    "/finance/funding-lines/{line}/": (),
    "/indicators/": ("year", "period", "quarter", "by", "iscm", "as_of", "format"),
    "/indicators/?period=quarter": ("year", "quarter", "by"),
    "/indicators/{indicator}/": (*("year", "iscm", "period", "quarter", "by", "format", "table"),),
    "/indicators/{indicator}/?period=rolling": ("year", "quarter"),
    "/indicators/{indicator}/records/": ("year",),
    "/indicators/{indicator}/edit/": (),
    "/indicators/{indicator}/versions/": ("from", "to", "format"),
    "/indicators/frames/": ("of", "year", "iscm", "format"),
    "/indicators/frames/gcm_objective/{goal}/": ("how", "year", "iscm", "after_events"),
    "/indicators/frames/theme/untagged/": ("year", "iscm", "after_reports"),
    "/indicators/{indicator}/records/?year=2026": (
        *("iscm", "after0", "period", "quarter", "dimension", "value"),
    ),
    "/indicators/{indicator}/records/?year=2026&dimension=theme": ("value",),
    "/indicators/runs/": ("after",),
    "/releases/": (),
    "/releases/2025/": ("revision", "format", "by"),
    "/releases/2025/close/": (),
    "/releases/2025/changes/": ("indicator",),
    "/releases/2025/changes/?indicator={indicator}": (
        *("revision", "iscm", "dimension", "value", "after"),
    ),
    "/recommendations/": (),
    "/webhooks/": ("after",),
    "/webhooks/new/": (),
    "/webhooks/{webhook}/": ("after",),
    "/surveys/": ("use", "state", "format", "after"),
    "/surveys/needs/": ("survey", "lang", "format"),
    "/surveys/{survey}/": ("lang", "place", "format"),
    "/surveys/{survey}/answers/": ("format",),
    "/surveys/{survey}/preview/": ("lang", "phase"),
    "/s/none-of-ours/": ("lang",),
    "/s/thanks/": ("lang",),
    "/staffing/": (
        "year",
        "iscm",
        "office",
        "tor",
        "format",
        "table",
        "after_places",
        "after_posts",
        "after_undated",
        "as_of",
        "sort",
    ),
    "/staffing/records/": (
        "year",
        "iscm",
        "office",
        "planned",
        "after_needs",
        "after_shares",
        "after_unknown",
        "after_time_entries",
        "as_of",
    ),
    "/staffing/positions/{position}/": ("year", "after"),
    "/staffing/terms-of-reference/{terms}/": (),
    "/sustaining/": (
        *("from", "to", "iscm", "country", "donor", "format", "table", "as_of"),
        *("sort", "sort_states", "sort_proposals", "sort_donors"),
    ),
    "/sustaining/records/": (
        *("from", "state", "owing", "after_contributions", "after_proposals", "as_of"),
    ),
}
BAD = (
    "%00",
    ENDLESS,
    "99999999999999999999",  # beyond 64 bits
    "-1",
    "0",
    "%D9%A2%D9%A0%D9%A1%D9%A9",  # digits of another script
    "%C2%B2",  # a digit that is no decimal
    "%ff%fe",  # no UTF-8
    "%ED%A0%80",  # half of a pair
    "%27%22%3B--",
    "%20",
)


@pytest.fixture(autouse=True, scope="module")
def media(tmp_path_factory):
    with override_settings(MEDIA_ROOT=tmp_path_factory.mktemp("media")):
        yield


@pytest.fixture(scope="module")
def ipd(rows_of_module):
    return make.UserFactory(access_group="ipd", office=make.OfficeFactory())


@pytest.fixture
def places(client, ipd, world):
    """What the addresses name; a reader who may open all of them is signed in."""
    client.force_login(ipd)
    return world


@pytest.fixture(scope="module")
def world(media, ipd):
    """A record of every kind that an address names."""
    event = make.EventFactory(iscms=[make.ISCMFactory()], starts_on=dt.date(2026, 11, 5))
    value = reported.IndicatorValueFactory(year=2026, iscm=None, cell="overall")
    reported.IndicatorValueFactory(indicator=value.indicator, year=2025, iscm=None, cell="overall")
    close_year(2025, 1, "", ipd, AT)
    report = services.start_report(event, ipd.office, ipd, AT)
    return {
        "iscm": event.iscms.get().slug,
        "event": event.pk,
        "report": report.pk,
        "accepted": reported.PostEventReportFactory(event=event, state="accepted").pk,
        "document": reported.AttachmentFactory(report=report).pk,
        "indicator": value.indicator.key,
        "goal": make.ReferenceFrameFactory(kind="gcm_objective").code,
        "fund": money.FundDisbursementFactory().fund.slug,
        "line": money.FundingLineFactory().pk,
        "survey": reported.SurveyFactory(state="closed").pk,
        "webhook": webhook.sent_delivery(ipd).webhook_id,
        "position": (terms := money.TermsOfReferenceFactory()).position_id,
        "terms": terms.pk,
    }


@pytest.mark.parametrize("page", PAGES)
def test_no_bad_parameter_makes_a_page_fail_and_nul_is_refused_in_words(client, places, page):
    address = page.format(**places)
    glue = "&" if "?" in address else "?"
    asked = [f"{name}={bad}" for name in PAGES[page] for bad in BAD]
    asked += [f"unknown={bad}" for bad in ("%ff%fe", ENDLESS)]
    failed = [bad for bad in asked if client.get(f"{address}{glue}{bad}").status_code >= 500]
    assert failed == []
    found = client.get(f"{address}{glue}label=%00")
    assert found.status_code == 400
    assert "It holds a character that no text has (NUL)." in found.content.decode()


@pytest.mark.parametrize(
    "address",
    [
        "/resources/table-9.csv",
        "/resources/table-99999999999999999999.csv",
        f"/resources/table-{ENDLESS}.csv",
        "/events/99999999999999999999/",
        f"/events/{ENDLESS}/",
        "/reports/99999999999999999999/",
        f"/reports/{ENDLESS}/edit/people/",
        "/iscms/nowhere/",
        "/indicators/none/",
        "/releases/1999/",
        "/releases/2025/?revision=2",
        "/releases/2026/close/",
        "/releases/99999999999999999999/",
        "/releases/99999/close/",
        "/releases/0/close/",
        f"/releases/{ENDLESS}/close/",
        "/surveys/99999999999999999999/",
        "/surveys/questions/99999999999999999999/",
        "/webhooks/99999999999999999999/",
        "/s/" + "x" * 4000 + "/",
        "/funds/nowhere/",
        "/funds/nowhere/sheet.pdf",
        "/funds/cases/99999999999999999999/call-back/",
        "/funds/contributions/99999999999999999999/take-back/",
    ],
)
def test_what_does_not_exist_is_not_found(client, places, address):
    assert client.get(address).status_code == 404


@pytest.mark.parametrize(
    "address", ["/events/%00/", "/iscms/%00/", "/static/%00", "/%00", "/accounts/login/?next=%00"]
)
def test_nul_anywhere_in_an_address_is_refused(client, places, address):
    assert client.get(address).status_code in (400, 404)


@pytest.mark.parametrize(
    "address",
    [
        "/reports/?state=lost",
        "/reports/?office=nowhere",
        "/reports/?iscm=nowhere",
        "/events/?kind=party",
        "/events/?iscm=nowhere",
        "/events/?year=20x4",
        "/events/?year=1066",
        f"/events/?year={ENDLESS}",
        "/iscms/?type=club",
        "/iscms/?role=guest",
        "/indicators/?year=0000",
        "/indicators/?year=2190",
        "/indicators/?quarter=2",
        "/indicators/?period=year&quarter=5",
        "/indicators/?period=month",
        "/indicators/?period=quarter&quarter=5",
        "/indicators/?by=weather",
        "/indicators/?iscm=nowhere",
        "/indicators/?as_of=yesterday",
        "/indicators/{indicator}/?by=source",
        "/indicators/{indicator}/?year=1900",
        "/indicators/{indicator}/?quarter=2",
        "/indicators/{indicator}/?iscm=nowhere",
        "/indicators/{indicator}/records/?year=2026&iscm=nowhere",
        "/indicators/{indicator}/records/?year=2026&quarter=2",
        "/indicators/frames/?year=1900",
        "/indicators/frames/?iscm=nowhere",
        "/indicators/frames/gcm_objective/{goal}/?year=1900",
        "/indicators/frames/theme/untagged/?year=1900",
        "/releases/2025/changes/?indicator={indicator}&iscm=nowhere",
        "/indicators/{indicator}/records/",
        "/indicators/{indicator}/versions/?from=none",
        "/indicators/frames/?of=nothing",
        "/indicators/{indicator}/records/?year=" + ENDLESS,
        "/resources/?from=" + ENDLESS,
        "/resources/records/?table=5&source=osi",
        "/resources/table-4.csv?source=project_support",
        "/surveys/?use=gossip",
        "/surveys/needs/?survey=x",
        "/staffing/?year=20x4",
        "/staffing/?office=nowhere",
        "/staffing/?tor=perhaps",
        "/staffing/records/?planned=no",
        "/staffing/records/?iscm=nowhere",
        "/sustaining/?from=2026&to=2025",
        "/sustaining/?country=XXX",
        "/sustaining/records/?state=lost",
    ],
)
def test_a_filter_that_names_what_is_not_there_is_refused_in_words(client, places, address):
    found = client.get(address.format(**places))
    assert found.status_code == 400
    assert "That address is not readable" in found.content.decode()


def test_a_filter_that_names_what_is_there_narrows_the_reports(client, places, ipd):
    other = make.EventFactory(iscms=[make.ISCMFactory()], starts_on=dt.date(2026, 11, 9))
    office = make.OfficeFactory()
    services.start_report(other, office, ipd, AT)
    own = f'href="/reports/{places["report"]}/"'
    for narrowed in (f"office={ipd.office.slug}", f"iscm={places['iscm']}"):
        page = client.get(f"/reports/?state=draft&{narrowed}").content.decode()
        assert own in page
        assert other.name not in page
    for narrowed in (f"office={office.slug}", f"iscm={other.iscms.get().slug}"):
        assert own not in client.get(f"/reports/?{narrowed}").content.decode()


def test_reports_have_a_control_for_each_filter_that_keeps_the_state(client, places, ipd):
    page = client.get(f"/reports/?state=draft&office={ipd.office.slug}").content.decode()
    assert '<label for="f-office">Office</label><select id="f-office" name="office">' in page
    assert '<label for="f-iscm">Mechanism</label><select id="f-iscm" name="iscm">' in page
    assert f'<option value="{ipd.office.slug}" selected>' in page
    assert '<input type="hidden" name="state" value="draft">' in page


# --- positions of pages


def next_of(page):
    return page.context["page"].next.partition("after=")[2].partition("&")[0]


@pytest.fixture
def position(client, places):
    make.EventFactory.create_batch(51)
    return next_of(client.get("/events/"))


def test_a_position_opens_the_next_page_of_its_list(client, position):
    assert len(client.get(f"/events/?after={position}").context["page"].rows) == 2


@pytest.mark.parametrize("other", ["/reports/", "/reviews/"])
def test_a_position_of_another_list_is_refused(client, position, other):
    found = client.get(f"{other}?after={position}")
    assert found.status_code == 400
    assert "position is not one of this list" in found.content.decode()


@pytest.mark.parametrize(
    "content", [{"at": "/reports/ after -pk", "after": [1]}, [1], "text", None, {}]
)
def test_a_position_that_the_portal_did_not_sign_for_pages_is_refused(client, places, content):
    foreign = signing.dumps(content, salt="elsewhere")
    assert client.get(f"/reports/?after={foreign}").status_code == 400
