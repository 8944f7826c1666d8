"""Events as a calendar, by a private link."""

from __future__ import annotations

import datetime as dt
import re

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from engagements.models import Event
from iscm_portal.common.ical import Entry, calendar
from iscm_portal.common.models import ApiToken
from tests.factories import engagements as make

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 11, 25, 9, 0, tzinfo=dt.UTC)


@pytest.fixture
def analyst(client):
    user = make.UserFactory(access_group="analyst", office=None)
    client.force_login(user)
    return user


def made_link(client, query: str = "") -> str:
    answer = client.post(f"/events/calendar/{query}")
    link = re.search(r'id="link" readonly value="([^"]+)"', answer.text).group(1)
    return link.removeprefix("http://127.0.0.1:8000")


def lines_of(answer) -> list[str]:
    """The lines of a calendar, unfolded."""
    content = b"".join(answer.streaming_content).decode()
    assert content.endswith("\r\n")
    return content.replace("\r\n ", "").split("\r\n")[:-1]


@time_machine.travel(NOW, tick=False)
def test_a_link_gives_the_events_as_days_without_a_sign_in(client, analyst):
    iscm = make.ISCMFactory(acronym="RCM", slug="rcm")
    event = make.EventFactory(
        name="Meeting; of, all",
        iscms=[iscm],
        starts_on=dt.date(2026, 12, 30),
        ends_on=dt.date(2027, 1, 1),
        city="Panama",
        country=None,
        subject="One\nTwo",
    )
    Event.objects.update(updated_at=NOW)  # its mechanism touched it, by the database's clock
    link = made_link(client)
    client.logout()
    answer = client.get(link)
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    assert lines_of(answer) == [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//IOM//ISCM portal//EN",
        "CALSCALE:GREGORIAN",
        "X-WR-CALNAME:Events of the mechanisms",
        "REFRESH-INTERVAL;VALUE=DURATION:PT6H",
        "BEGIN:VEVENT",
        f"UID:event-{event.pk}@127.0.0.1:8000",
        "DTSTAMP:20261125T090000Z",
        "LAST-MODIFIED:20261125T090000Z",
        "DTSTART;VALUE=DATE:20261230",
        "DTEND;VALUE=DATE:20270102",
        r"SUMMARY:RCM: Meeting\; of\, all",
        "LOCATION:Panama",
        r"DESCRIPTION:One\nTwo",
        "CATEGORIES:RCM",
        f"URL:http://127.0.0.1:8000/events/{event.pk}/",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
        "END:VCALENDAR",
    ]


@time_machine.travel(NOW, tick=False)
def test_a_link_has_the_past_year_and_what_is_to_come_and_one_mechanism_if_asked(client, analyst):
    iscm = make.ISCMFactory(slug="rcm")
    for name, day, iscms in (
        ("A year ago", dt.date(2025, 11, 25), [iscm]),
        ("Longer ago", dt.date(2025, 11, 24), [iscm]),
        ("To come", dt.date(2029, 1, 1), [iscm, make.ISCMFactory()]),
        ("Another's", dt.date(2026, 1, 1), [make.ISCMFactory()]),
    ):
        make.EventFactory(name=name, iscms=iscms, starts_on=day, ends_on=None)
    make.EventFactory(name="Some day", year=2026, date_precision="year", starts_on=None)

    def names(link: str) -> list[str]:
        told = [line for line in lines_of(client.get(link)) if line.startswith("SUMMARY:")]
        return [line.rpartition(": ")[2] for line in told]

    assert names(made_link(client)) == ["A year ago", "Another's", "To come"]
    assert names(made_link(client, "?iscm=rcm")) == ["A year ago", "To come"]


def test_a_link_opens_the_calendar_and_nothing_else_until_it_is_revoked(client, analyst):
    link = made_link(client)
    token = ApiToken.objects.get()
    text = link.removeprefix("/calendar/").removesuffix("/events.ics")
    assert token.scopes == ["read:calendar"]
    client.logout()
    headers = {"Authorization": f"Bearer {text}"}
    assert client.get("/api/v1/events/", headers=headers).status_code == 403
    assert client.get(link).status_code == 200
    token.refresh_from_db()
    assert token.last_used_at is not None
    _other, other_text = ApiToken.issue(analyst, ["read:directory"], 30)
    assert client.get(f"/calendar/{other_text}/events.ics").status_code == 404
    token.revoke(NOW)
    assert client.get(link).status_code == 404
    assert client.get("/calendar/none/events.ics").status_code == 404


def test_what_a_link_was_used_for_is_on_record_without_its_secret(client, analyst):
    link = made_link(client)
    token = ApiToken.objects.get()
    for _call in range(3):
        client.get(link)
    page = client.get(f"/tokens/{token.pk}/").text
    use = token.uses.get()
    assert (use.method, use.calls, use.refused) == ("GET", 3, 0)
    assert "calendar/&lt;str:text&gt;/events.ics" in page
    assert link.split("/")[2] not in use.endpoint


def test_a_calendar_takes_as_many_statements_for_many_events_as_for_few(client, analyst):
    link = made_link(client)
    seen = []
    for more in (1, 9):
        make.EventFactory.create_batch(
            more, iscms=[make.ISCMFactory()], starts_on=dt.date.today(), ends_on=None
        )
        client.get(link)
        with CaptureQueriesContext(connection) as asked:
            lines_of(client.get(link))
        seen.append(len(asked))
    assert seen[0] == seen[1]


@given(st.text(max_size=300))
def test_no_line_is_longer_than_75_octets_and_no_text_makes_a_line_of_its_own(text):
    entry = Entry("1", text, NOW.date(), NOW.date(), NOW, place=text)
    lines = "".join(calendar("C", [entry])).encode().split(b"\r\n")
    assert max(map(len, lines)) <= 75
    unfolded = b"\r\n".join(lines).replace(b"\r\n ", b"").decode()
    told = text.replace("\r\n", "\n").replace("\r", "\n")
    kept = "".join(sign for sign in told if sign == "\n" or sign.isprintable())
    for sign, escaped in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\n", "\\n")):
        kept = kept.replace(sign, escaped)
    assert f"SUMMARY:{kept}\r\n" in unfolded
