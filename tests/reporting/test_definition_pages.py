"""The editor of a definition and the page of its versions."""

from __future__ import annotations

import datetime as dt
import html
import io
import re
from decimal import Decimal

import openpyxl
import pytest
import time_machine

from reporting.forms.definition import PARTS
from reporting.models import Indicator, IndicatorVersion
from reporting.services.defining import change_state, save_definition
from tests.factories import engagements as make
from tests.factories import reporting as reported

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 11, 25, 9, 0, tzinfo=dt.UTC)
KEY = "support_requests"
EDIT, STEP, VERSIONS = (f"/indicators/{KEY}/{page}/" for page in ("edit", "state", "versions"))


@pytest.fixture(autouse=True)
def today():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def ipd(client):
    user = make.UserFactory(access_group="ipd", first_name="Ida", last_name="Pd")
    client.force_login(user)
    return user


@pytest.fixture
def draft(ipd):
    goal = make.ReferenceFrameFactory(kind="migof_principle", code="P3", title="Partners")
    indicator = reported.IndicatorFactory(
        key=KEY,
        title="Requests",
        state="proposed",
        green_from=Decimal(80),
        amber_from=Decimal(50),
        target=Decimal(100),
        relevant_to=[goal],
    )
    save_definition(KEY, {"caution": "Trust or dependence."}, ipd, NOW, seen=0)
    indicator.refresh_from_db()
    return indicator


@pytest.fixture
def active(draft, ipd):
    return change_state(KEY, "active", ipd, NOW, seen=1)


def form_of(indicator, **changes):
    """What the form of a definition sends."""
    sent = {name: getattr(indicator, name) for names in PARTS.values() for name in names}
    sent |= {
        "owner": indicator.owner_id or "",
        "objective": indicator.objective_id or "",
        "relevant_to": list(indicator.relevant_to.values_list("pk", flat=True)),
        "version": 1,
        "reason": "",
        **changes,
    }
    return {name: "" if value is None else value for name, value in sent.items()}


def text_of(answer) -> str:
    return html.unescape(" ".join(answer.content.decode().split()))


def test_the_page_says_of_each_part_what_lacks_and_leads_to_the_field(client, draft):
    text = text_of(client.get(EDIT))
    assert "All five SMART parts hold." in text
    Indicator.objects.update(
        owner=None, unit="days", target=None, green_from=None, amber_from=None, due_on=None
    )
    draft.relevant_to.clear()
    text = text_of(client.get(EDIT))
    assert "5 of the five SMART parts lack something." in text
    checklist = text[text.index('class="tasks"') : text.index("</section>")]
    for part in ("Specific", "Measurable", "Attainable", "Relevant", "Timely"):
        assert part in checklist
    assert "Its measure counts in count: save it once." in checklist
    assert re.findall(r'<a href="#id_(\w+)">', checklist) == [
        "owner",
        "target",
        "green_from",
        "relevant_to",
        "due_on",
    ]
    ids = re.findall(r'id="(id_\w+|part-\w+)"', text)
    for anchor in re.findall(r'<a href="#((?:id_|part-)\w+)">', checklist):
        assert anchor in ids


def test_a_draft_that_lacks_something_is_not_activated_and_the_server_says_the_same_list(
    client, draft
):
    Indicator.objects.update(owner=None, due_on=None)
    found = client.post(STEP, {"state": "active", "version": 1})
    text = text_of(found)
    summary = text[text.index("Something needs mending") : text.index('id="checklist"')]
    assert found.status_code == 422
    assert "Specific: Name the office that owns it." in summary
    assert "Timely: Give the day by which it is to be reached" in summary
    assert 'href="#id_due_on"' in summary
    assert f'<form class="panel" method="post" action="{EDIT}"' in text
    assert Indicator.objects.get().state == "proposed"


def test_a_whole_draft_is_activated_retired_and_proposed_again(client, draft):
    for state, reason in (("active", ""), ("retired", "Nobody asks."), ("proposed", "")):
        found = client.post(STEP, {"state": state, "version": 1, "step_reason": reason})
        assert found.status_code == 302
        assert Indicator.objects.get().state == state


def test_a_reason_is_asked_at_the_field_to_retire(client, active):
    found = client.post(STEP, {"state": "retired", "version": 1})
    assert found.status_code == 422
    assert 'href="#id_step_reason"' in text_of(found)


def test_a_refused_form_keeps_what_was_typed_and_says_at_the_field_what_is_wrong(client, draft):
    found = client.post(
        EDIT, form_of(draft, target="70", amber_from="nought", rationale="Typed & kept")
    )
    text = text_of(found)
    assert found.status_code == 422
    assert 'id="id_green_from_error">Who reaches the target would not be on track.' in text
    assert 'id="id_amber_from_error">Enter a number.' in text
    assert "Typed & kept" in text
    assert 'value="nought"' in text
    assert Indicator.objects.get().rationale == draft.rationale


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("target", "1e30"),
        ("target", "NaN"),
        ("baseline_year", "999"),
        ("due_on", "31.12.2028"),
        ("due_on", "1066-01-01"),
        ("direction", "sideways"),
        ("frequency", "daily"),
        ("owner", "x"),
        ("objective", "99999999999999999999"),
        ("relevant_to", ["x"]),
        ("title", "x" * 201),
        ("title", "a\x00b"),
        ("version", ""),
    ],
)
def test_what_cannot_be_read_is_refused_in_words_and_nothing_is_stored(client, draft, field, typed):
    found = client.post(EDIT, form_of(draft, **{field: typed}))
    assert found.status_code in (400, 422)
    assert IndicatorVersion.objects.count() == 1


def test_saving_makes_a_version_and_saving_the_same_makes_none(client, draft):
    found = client.post(EDIT, form_of(draft, title="New"), follow=True)
    assert "Saved as version 2." in text_of(found)
    found = client.post(EDIT, form_of(draft, title="New", version=2), follow=True)
    assert "Nothing changed, so nothing was written." in text_of(found)
    assert IndicatorVersion.objects.count() == 2


def test_an_active_definition_changes_with_a_reason_only(client, active, ipd):
    found = client.post(EDIT, form_of(active, title="New"))
    assert found.status_code == 422
    assert 'id="id_reason_error">An active definition changes: say why.' in text_of(found)
    assert client.post(EDIT, form_of(active)).status_code == 302
    assert client.post(EDIT, form_of(active, title="New", reason="Clearer.")).status_code == 302
    version = Indicator.objects.get().current_version
    assert (version.number, version.reason, version.made_by) == (2, "Clearer.", ipd)


def test_an_active_definition_may_not_lose_a_part(client, active):
    found = client.post(EDIT, form_of(active, owner="", reason="Nobody's."))
    assert found.status_code == 422
    assert 'id="id_owner_error">Name the office that owns it.' in text_of(found)
    assert Indicator.objects.get().owner is not None


def test_whoever_comes_second_sees_both_and_may_save_over_what_he_has_seen(client, active):
    other = make.UserFactory(access_group="admin", first_name="Ola", last_name="Pd")
    save_definition(KEY, {"title": "Hers"}, other, NOW, seen=1, reason="Clearer.")
    mine = form_of(active, title="His", target="120", reason="Higher.")
    found = client.post(EDIT, mine)
    text = text_of(found)
    assert found.status_code == 409
    assert "Ola Pd wrote version 2 on 25 November 2026, 09:00" in text
    rows = re.findall(r'<th scope="row">([^<]+)</th><td[^>]*>([^<]*)</td><td[^>]*>([^<]*)', text)
    assert rows == [("Title", "Hers", "His"), ("Target", "100", "120")]
    assert 'value="His"' in text
    assert '<input type="hidden" name="version" value="2"> <fieldset' in text
    assert Indicator.objects.get().title == "Hers"
    assert client.post(EDIT, {**mine, "version": 2}).status_code == 302
    assert Indicator.objects.get().title == "His"


def test_the_unit_is_shown_and_not_asked(client, draft):
    text = text_of(client.get(EDIT))
    assert "Unit: <strong>count</strong>, that of the measure" in text
    assert 'name="unit"' not in text


@pytest.mark.parametrize("group", ["reporter", "manager", "finance", "analyst"])
def test_who_may_not_edit_reads_the_versions_and_is_not_led_to_the_editor(client, draft, group):
    client.force_login(make.UserFactory(access_group=group))
    assert client.get(EDIT).status_code == 403
    assert client.post(EDIT, form_of(draft)).status_code == 403
    assert client.post(STEP, {"state": "active", "version": 1}).status_code == 403
    for address in (VERSIONS, f"/indicators/{KEY}/"):
        found = client.get(address)
        assert found.status_code == 200
        assert EDIT not in text_of(found)
    assert Indicator.objects.get().state == "proposed"


def test_two_versions_stand_side_by_side_with_what_differs_marked(client, active, ipd):
    save_definition(KEY, {"target": Decimal(120)}, ipd, NOW, seen=1, reason="Higher.")
    save_definition(KEY, {"title": "Asked"}, ipd, NOW, seen=2, reason="Clearer.")
    text = text_of(client.get(VERSIONS))
    assert "3 versions are kept." in text
    beside = text[text.index('id="beside"') :]
    assert re.findall(r'scope="row">(\w+)<br><span class="status">changed', beside) == ["Title"]
    beside = text_of(client.get(f"{VERSIONS}?from=1&to=2"))
    assert '>100</td><td class="prose" data-label="Version 2">120<' in beside
    assert client.get(f"{VERSIONS}?from=9").status_code == 400


def test_before_there_is_a_version_the_page_says_so(client, ipd):
    reported.IndicatorFactory(key=KEY)
    assert "No version is kept yet" in text_of(client.get(VERSIONS))


def test_all_versions_leave_as_csv_and_xlsx(client, active, ipd):
    save_definition(KEY, {"title": "=Asked"}, ipd, NOW, seen=1, reason="Clearer.")
    lines = b"".join(client.get(f"{VERSIONS}?format=csv").streaming_content).decode()
    head, new, old, _counted = lines.strip().splitlines()
    assert head.lstrip("\ufeff").startswith("Version,Valid from,Written,By,Reason,Title,")
    assert new.startswith("2,2026-11-25,2026-11-25T09:00:00+00:00,Ida Pd,Clearer.,'=Asked,")
    assert ",Requests," in old
    book = b"".join(client.get(f"{VERSIONS}?format=xlsx").streaming_content)
    rows = list(openpyxl.load_workbook(io.BytesIO(book)).active.values)
    assert [row[0] for row in rows] == ["Version", 2, 1]


def test_the_page_of_an_indicator_tells_its_five_parts_and_the_version_of_its_value(client, active):
    version = active.current_version
    reported.IndicatorValueFactory(indicator=active, version=version)
    text = text_of(client.get(f"/indicators/{KEY}/?year=2026"))
    assert "by version 1 of the definition" in text
    assert "no baseline yet: Counted for the first time." in text
    assert "on track from 80, needs attention from 50" in text
    assert f"{active.objective} (proposed)" in text
    assert '<a href="/indicators/frames/migof_principle/P3/">P3 Partners</a>' in text
    assert "Every year, target by 31 December 2030" in text


SENTENCE = "Requests for IOM's support that Member States made in the period."


@pytest.mark.parametrize("address", ["", "edit/", "records/?year=2026"])
def test_what_the_measure_counts_is_said_where_the_definition_and_its_records_are_read(
    client, active, ipd, address
):
    client.force_login(ipd)
    reported.IndicatorValueFactory(indicator=active)
    assert SENTENCE in text_of(client.get(f"/indicators/{KEY}/{address}"))


def test_of_a_span_that_is_over_the_version_that_was_valid_then_is_told(client, active, ipd):
    first = active.current_version
    second = reported.IndicatorVersionFactory(
        indicator=active, number=2, valid_from=dt.date(2026, 3, 20)
    )
    IndicatorVersion.objects.filter(pk=first.pk).update(valid_from=dt.date(2024, 5, 1))
    for year in (2023, 2025, 2026):
        reported.IndicatorValueFactory(indicator=active, year=year, version=second)

    def told(year):
        return text_of(client.get(f"/indicators/{KEY}/?year={year}"))

    assert "when this span ended, version 1 was valid" in told(2025)
    assert f"{VERSIONS}?from=1&to=2" in told(2025)
    assert "written on 20 March 2026; when this span ended there was none" in told(2023)
    assert "when this span ended" not in told(2026)
