"""The pages of records of money: lists, a record with its trace, forms, what they refuse."""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import quote_from_bytes, urlencode

import openpyxl
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from lxml import html

from finance.choices import GRADES
from finance.models import FundingLine, Position, TimeEntry
from finance.selectors.trace import version_of
from finance.services.ledger import save_record
from finance.views.kinds import KINDS
from iscm_portal.common.access import RIGHTS, may
from tests.factories import engagements as make
from tests.factories import finance as money
from tests.files import rows_of_csv

pytestmark = pytest.mark.django_db

DAY = dt.date(2026, 3, 11)
FACTORIES: dict[str, Any] = {
    "projects": lambda **k: money.ProjectFactory(donors=[make.OrganisationFactory()], **k),
    "attributions": money.AttributionFactory,
    "funding-lines": money.FundingLineFactory,
    "positions": lambda **k: (
        money.PositionShareFactory(position=money.PositionFactory(**k)).position
    ),
    "time-entries": money.TimeEntryFactory,
    "standard-costs": lambda **k: money.StandardCostFactory(
        **{"year": 1960 + money.StandardCostFactory._meta.model.objects.count(), **k}
    ),
    "currency-rates": lambda **k: money.CurrencyRateFactory(
        rated_on=DAY + dt.timedelta(days=money.CurrencyRateFactory._meta.model.objects.count()), **k
    ),
    "contributions": money.AssessedContributionFactory,
    "proposals": money.ProposalFactory,
    "staff-needs": money.StaffNeedFactory,
}


@pytest.fixture
def officer():
    return make.UserFactory(
        access_group="finance", first_name="Fin", last_name="Officer", office=make.OfficeFactory()
    )


@pytest.fixture
def page(client, officer):
    """``page(address)`` is the text of the page as a finance officer reads it."""
    client.force_login(officer)

    def read(address: str) -> str:
        found = client.get(address)
        assert found.status_code == 200, found.content[:500]
        return " ".join(found.text.split())

    return read


def typed(kind: str) -> dict[str, Any]:
    """What a new record of the kind needs, as a form sends it."""
    iscm = make.ISCMFactory().pk
    office = make.OfficeFactory().pk
    values: dict[str, Callable[[], dict[str, Any]]] = {
        "projects": lambda: {"code": "NW.1", "title": "New"},
        "attributions": lambda: {
            "project": money.ProjectFactory().code,
            "iscm": iscm,
            "year": 2026,
            "basis": "stated_share",
            "share_pct": "20",
        },
        "funding-lines": lambda: {
            "label": "New",
            "year": 2026,
            "source_of_funds": "osi",
            "supports": "iscm",
            "iscm": iscm,
            "amount_usd": "100.00",
            "is_counted": "on",
        },
        "positions": lambda: {
            "title": "New",
            "office": office,
            "paid_by": "office",
            **shares((iscm, "20")),
        },
        "time-entries": lambda: {
            "title": "New",
            "office": office,
            "iscm": iscm,
            "worked_on": "2026-03-11",
            "days": "2",
            "paid_by": "office",
        },
        "standard-costs": lambda: {"grade": "NOE", "year": 2026, "usd_per_day": "410"},
        "currency-rates": lambda: {
            "currency": "CHF",
            "rated_on": "2026-03-11",
            "usd_per_unit": "1.12",
        },
        "contributions": lambda: {
            "iscm": iscm,
            "country": make.CountryFactory().pk,
            "year": 2026,
            "assessed_usd": "1000",
            "paid_usd": "0",
        },
        "proposals": lambda: {
            "title": "New",
            "iscm": iscm,
            "donor": make.OrganisationFactory().pk,
            "asked_on": "2026-03-11",
            "asked_usd": "5000",
            "state": "asked",
        },
        "staff-needs": lambda: {"iscm": iscm, "year": 2026, "title": "New", "share_pct": "50"},
    }
    return values[kind]()


def shares(*rows: tuple[Any, str], stored: int = 0) -> dict[str, Any]:
    sent: dict[str, Any] = {"shares-TOTAL_FORMS": len(rows), "shares-INITIAL_FORMS": stored}
    for number, (iscm, share) in enumerate(rows):
        sent |= {f"shares-{number}-iscm": iscm, f"shares-{number}-share_pct": share}
    return sent


def opened(text: str) -> dict[str, Any]:
    """What the form of a page holds, as a browser sends it back."""
    (form,) = [form for form in html.fromstring(text).forms if form.get("class") == "panel"]
    sent: dict[str, Any] = {}
    for name, value in form.form_values():
        sent.setdefault(name, []).append(value)
    return sent


# --- every kind


@pytest.mark.parametrize("kind", KINDS)
def test_a_record_of_every_kind_is_made_shown_changed_and_deleted(client, page, officer, kind):
    model = KINDS[kind].model
    page(f"/finance/{kind}/new/")
    made = client.post(f"/finance/{kind}/new/", typed(kind))
    assert made.status_code == 302, made.content
    row = model.objects.get()
    assert row.history.get().history_user == officer
    assert made["Location"] == f"/finance/{kind}/{row.pk}/"
    assert "Fin Officer" in page(made["Location"])
    assert f'href="/finance/{kind}/{row.pk}/"' in page(f"/finance/{kind}/")

    edit = f"/finance/{kind}/{row.pk}/edit/"
    sent = opened(client.get(edit).text) | {"note": "A note."}
    assert client.post(edit, sent).status_code == 302
    assert model.objects.get().note == "A note."
    assert "Note: empty → A note." in re.sub(r"<[^>]+>", "", page(f"/finance/{kind}/{row.pk}/"))

    row = model.objects.get()
    gone = client.post(
        f"/finance/{kind}/{row.pk}/delete/", {"reason": "Twice", "version": version_of(row)}
    )
    assert gone.status_code == 302
    assert model.objects.count() == 0
    trace = client.get(f"/finance/{kind}/{row.pk}/")
    assert trace.status_code == 410
    assert "Why: Twice" in trace.text


@pytest.mark.parametrize("kind", KINDS)
def test_saving_a_form_as_it_was_opened_changes_nothing(client, page, kind):
    row = FACTORIES[kind]()
    edit = f"/finance/{kind}/{row.pk}/edit/"
    before = version_of(row)
    answer = client.post(edit, opened(client.get(edit).text))
    assert answer.status_code == 302, answer.text
    assert version_of(row) == before


@pytest.mark.parametrize("kind", KINDS)
def test_a_record_that_changed_meanwhile_is_shown_with_both_values(client, page, officer, kind):
    row = FACTORIES[kind]()
    edit = f"/finance/{kind}/{row.pk}/edit/"
    sent = opened(client.get(edit).text) | {"note": "Mine.", "reason": "Mine"}
    save_record(row, {"note": "Theirs."}, officer, "First")
    answer = client.post(edit, sent)
    assert answer.status_code == 409
    assert "Fin Officer changed the record on" in answer.text
    text = " ".join(answer.text.split())
    assert '<td data-label="On record now">Theirs.</td><td data-label="Yours">Mine.</td>' in text
    assert "Mine.</textarea>" in text
    assert type(row).objects.get(pk=row.pk).note == "Theirs."
    again = opened(answer.text)
    assert client.post(edit, again).status_code == 302
    assert type(row).objects.get(pk=row.pk).note == "Mine."


def test_a_share_that_changed_meanwhile_is_shown_beside_the_typed_one(client, page, officer):
    position = money.PositionFactory()
    sacm, rcm = make.ISCMFactory(acronym="SACM"), make.ISCMFactory(acronym="RCM")
    edit = f"/finance/positions/{position.pk}/edit/"
    sent = opened(client.get(edit).text) | {
        "shares-0-iscm": sacm.pk,
        "shares-0-share_pct": "30",
    }
    save_record(position, {}, officer, shares={sacm.pk: Decimal(20), rcm.pk: None})
    answer = client.post(edit, sent)
    assert answer.status_code == 409
    text = " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())
    assert "Share of SACM (per cent) 20 30" in text
    assert "Share of RCM (per cent) unknown empty" in text
    assert dict(position.shares.values_list("iscm", "share_pct")) == {sacm.pk: 20, rcm.pk: None}


def test_a_reason_is_asked_at_its_field_and_nothing_typed_is_lost(client, page):
    line = money.FundingLineFactory(amount_usd=Decimal(1000))
    edit = f"/finance/funding-lines/{line.pk}/edit/"
    sent = opened(client.get(edit).text) | {"amount_usd": "1250"}
    answer = client.post(edit, sent)
    assert answer.status_code == 422
    assert 'href="#id_reason">Reason: What a figure is counted from changes' in answer.text
    assert 'name="amount_usd" value="1250"' in answer.text
    assert FundingLine.objects.get().amount_usd == 1000
    assert client.post(edit, sent | {"reason": "Budget revised"}).status_code == 302
    text = re.sub(r"<[^>]+>", "", page(f"/finance/funding-lines/{line.pk}/"))
    assert "Fin Officer Why: Budget revised Amount (USD): 1,000 → 1,250" in text


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_form_that_is_sent_twice_makes_one_record(client, page, kind):
    model = KINDS[kind].model
    page("/finance/")
    sent = opened(client.get(f"/finance/{kind}/new/").text) | typed(kind)
    first, second = (client.post(f"/finance/{kind}/new/", sent) for _time in range(2))
    assert first["Location"] == second["Location"] == f"/finance/{kind}/{model.objects.get().pk}/"
    assert model.history.count() == 1


def test_a_record_of_a_report_says_so_and_is_corrected_with_a_reason_only(client, page):
    entry = money.TimeEntryFactory(report_number=12, report_item=1)
    text = page(f"/finance/time-entries/{entry.pk}/")
    assert "It was written by report 12." in text
    assert 'href="/reports/12/"' in text
    assert "Delete it" not in text
    edit = f"/finance/time-entries/{entry.pk}/edit/"
    sent = opened(client.get(edit).text) | {"note": "x"}
    answer = client.post(edit, sent)
    assert answer.status_code == 422
    assert "It was written by report 12. Say why it is corrected." in answer.text
    refused = client.post(
        f"/finance/time-entries/{entry.pk}/delete/",
        {"reason": "No", "version": version_of(entry)},
    )
    assert refused.status_code == 422
    assert TimeEntry.objects.count() == 1


@pytest.mark.parametrize("reason", ["", " ", "x" * 101, "a\0b", f"a{chr(0xFFFD)}"])
def test_a_deletion_without_a_good_reason_deletes_nothing(client, page, reason):
    line = money.FundingLineFactory()
    answer = client.post(
        f"/finance/funding-lines/{line.pk}/delete/", {"reason": reason, "version": version_of(line)}
    )
    assert answer.status_code == 422
    assert 'href="#delete-reason"' in answer.text
    assert FundingLine.objects.count() == 1


def test_a_record_that_changed_meanwhile_is_deleted_only_after_it_was_seen(client, page, officer):
    line = money.FundingLineFactory()
    address, seen = f"/finance/funding-lines/{line.pk}/delete/", version_of(line)
    save_record(line, {"note": "Theirs."}, officer)
    answer = client.post(address, {"reason": "Twice", "version": seen})
    assert answer.status_code == 422
    assert "Fin Officer changed the record on" in answer.text
    assert "Theirs." in answer.text
    (form,) = [form for form in html.fromstring(answer.text).forms if form.action == address]
    assert client.post(address, dict(form.form_values())).status_code == 302
    assert FundingLine.objects.count() == 0


def test_what_others_rest_on_is_named_and_kept(client, page):
    line = money.FundingLineFactory(project=money.ProjectFactory(code="PR.7"))
    project = line.project
    text = page(f"/finance/projects/{project.pk}/")
    assert f'href="/finance/funding-lines/{line.pk}/"' in text
    answer = client.post(
        f"/finance/projects/{project.pk}/delete/", {"reason": "x", "version": version_of(project)}
    )
    assert answer.status_code == 422
    assert "Something else rests on it: funding line" in answer.text


def test_a_project_shows_its_donors_and_what_goes_to_whom(page):
    project = money.ProjectFactory(donors=[make.OrganisationFactory(name="Donor A")])
    iscm = make.ISCMFactory(acronym="SACM")
    money.AttributionFactory(
        project=project, iscm=iscm, year=2026, basis="stated_share", share_pct=Decimal(25)
    )
    text = re.sub(r"<[^>]+>", " ", page(f"/finance/projects/{project.pk}/"))
    assert "Donors Donor A" in " ".join(text.split())
    assert "SACM 2026 Stated share: 25%" in " ".join(text.split())


# --- currencies


def line_with(**values: Any) -> dict[str, Any]:
    return typed("funding-lines") | {"amount_usd": ""} | values


def test_a_line_takes_the_rate_on_record_for_its_day(client, page):
    money.CurrencyRateFactory(currency="EUR", rated_on=DAY, usd_per_unit=Decimal("1.08125"))
    sent = line_with(original_currency="EUR", original_amount="100.10", rated_on="2026-03-11")
    assert client.post("/finance/funding-lines/new/", sent).status_code == 302
    line = FundingLine.objects.get()
    assert (line.rate_used, line.amount_usd) == (Decimal("1.08125"), Decimal("108.23"))


@pytest.mark.parametrize(
    ("values", "field", "message"),
    [
        ({"rated_on": "2026-03-12"}, "rated_on", "No rate of EUR is on record for 12 March 2026."),
        ({"original_currency": "CHF"}, "rated_on", "No rate of CHF is on record"),
        ({"rate_used": "1.09"}, "rate_used", "The rate on record for 11 March 2026 is 1.08."),
        ({"amount_usd": "109"}, "amount_usd", "At that rate it is 108."),
        ({"original_amount": ""}, "original_amount", "Give the original amount in EUR."),
        ({"original_amount": "-5"}, "original_amount", "It is not below zero."),
        ({"original_amount": "99999999999999"}, "amount_usd", "It is too large: 12 digits"),
        ({"original_currency": ""}, "original_amount", "Name the original currency"),
        ({"original_currency": "USD"}, "rated_on", "USD needs no rate"),
        ({"original_currency": "eur"}, "original_currency", "three capital letters"),
        ({"original_currency": "€"}, "original_currency", "three capital letters"),
        ({"original_currency": "ZZZ"}, "original_currency", "There is no such currency"),
        ({"rated_on": "", "rate_used": "1.08"}, "rated_on", "Name the day: the rate on record"),
        ({"rated_on": "", "rate_used": "-1"}, "rate_used", "It is not below zero."),
    ],
)
def test_what_does_not_fit_the_rate_on_record_is_said_at_its_field(
    client, page, values, field, message
):
    money.CurrencyRateFactory(currency="EUR", rated_on=DAY, usd_per_unit=Decimal("1.08"))
    sent = line_with(original_currency="EUR", original_amount="100", rated_on="2026-03-11")
    assert_refused(client, "funding-lines", sent | values, field, message)


# --- shares


def test_a_share_that_leaves_no_room_is_refused_with_what_is_left(client, page):
    project = money.ProjectFactory(code="PR.1")
    money.AttributionFactory(project=project, basis="stated_share", share_pct=Decimal(60))
    sent = typed("attributions") | {"project": "PR.1", "share_pct": "40.01"}
    message = "The other shares come to 60 per cent; 40 are left."
    assert_refused(client, "attributions", sent, "share_pct", message)


@pytest.mark.parametrize(
    ("rows", "field", "message"),
    [
        (["60", "40.01"], "shares-1-share_pct", "The other shares come to 60 per cent"),
        (["100.01"], "shares-0-share_pct", "less than or equal to 100"),
        (["-1"], "shares-0-share_pct", "greater than or equal to 0"),
        (["much"], "shares-0-share_pct", "Enter a number."),
        (["NaN"], "shares-0-share_pct", "Enter a number."),
    ],
)
def test_the_shares_of_a_post_are_checked_row_by_row(client, page, rows, field, message):
    sent = typed("positions") | shares(*((make.ISCMFactory().pk, share) for share in rows))
    assert_refused(client, "positions", sent, field, message)


def test_a_mechanism_stands_once_among_the_shares_of_a_post(client, page):
    iscm = make.ISCMFactory().pk
    sent = typed("positions") | shares((iscm, "20"), (iscm, "30"))
    assert_refused(client, "positions", sent, "shares-1-iscm", "It stands here twice.")


def test_a_share_without_a_mechanism_is_asked_for_whom(client, page):
    sent = typed("positions") | shares(("", "20"))
    assert_refused(client, "positions", sent, "shares-0-iscm", "Name the mechanism")


@pytest.mark.parametrize("number", ["", "x", "9" * 5000])
def test_a_broken_number_of_share_rows_is_refused_in_words(client, page, number):
    sent = typed("positions") | {"shares-TOTAL_FORMS": number}
    answer = client.post("/finance/positions/new/", sent)
    assert answer.status_code == 422
    assert Position.objects.count() == 0


def test_the_part_of_a_post_that_is_funded_has_somebody_who_funds_it(client, page):
    sent = typed("positions") | {"payer_pct": "20"}
    page("/finance/")
    assert_refused(client, "positions", sent, "payer", "Name who funds that part.")
    assert client.post("/finance/positions/new/", sent | {"payer": "RSO"}).status_code == 302
    assert Position.objects.get().payers == "The office itself; RSO: 20%"


def test_a_share_is_taken_away_by_its_box(client, page):
    share = money.PositionShareFactory(share_pct=Decimal(20))
    edit = f"/finance/positions/{share.position_id}/edit/"
    sent = opened(client.get(edit).text)
    sent |= {"shares-0-DELETE": "on", "reason": "Not any more"}
    assert client.post(edit, sent).status_code == 302
    assert share.position.shares.count() == 0


# --- bad input

HUGE = "9" * 400
NOT_TEXT = "\ufffd"
TEXTS = [("a\0b", "Null characters are not allowed."), (f"a{NOT_TEXT}", "could not be read")]
NUMBERS = [
    ("ten", "Enter a number."),
    ("NaN", "Enter a number."),
    (HUGE, "no more than"),
    ("-1", "greater than or equal to 0"),
    ("1.123456789", "no more than"),
]
YEARS = [
    ("last", "Enter a whole number."),
    ("1950", "The year lies before 1951."),
    ("2101", "The year lies after 2100."),
    ("-1", "The year lies before 1951."),
    (HUGE, "The year lies after 2100."),
    ("2026.5", "Enter a whole number."),
]
DATES = [
    ("soon", "Enter a valid date."),
    ("2026-02-30", "Enter a valid date."),
    ("1950-12-31", "The date lies before 1951."),
    ("2101-01-01", "The date lies after 2100."),
]
TO_COME = ("2100-12-31", "The date is still to come.")
CODES = [("nonsense", "Select a valid choice.")]
LINKS = [("nowhere", "Select a valid choice."), ("987654321", "Select a valid choice.")]
TYPED = [
    ("nowhere", "There is none called “nowhere”"),
    ("987654321", "There is none called"),
    (HUGE, "There is none called"),
    ("a\0b", "There is none called"),
]
REQUIRED = "This field is required."
BAD: list[tuple[str, str, str, str]] = [
    (kind, field, value, message)
    for kind, fields in {
        "projects": {
            "code": [*TEXTS, ("", REQUIRED), ("x" * 41, "at most 40 characters")],
            "title": [*TEXTS, ("", REQUIRED), ("x" * 301, "at most 300")],
            "starts_on": DATES,
            "lead_office": LINKS,
            "donors": [("nowhere", "is not a valid value"), ("987654321", "Select a valid choice")],
            "confidence": CODES,
            "note": TEXTS,
        },
        "attributions": {
            "project": [*TYPED, ("", REQUIRED)],
            "iscm": [*LINKS, ("", REQUIRED)],
            "year": [*YEARS, ("", REQUIRED)],
            "basis": [*CODES, ("unknown", None), ("dedicated", None), ("stated_amount", None)],
            "share_pct": [
                ("ten", "Enter a number."),
                ("-1", "greater than or equal to 0"),
                ("100.01", "less than or equal to 100"),
                ("", "A share is stated: give it."),
            ],
            "amount_usd": [("5", "A share is stated: leave the amount empty."), *NUMBERS[:3]],
        },
        "funding-lines": {
            "label": [*TEXTS, ("", REQUIRED)],
            "year": [*YEARS, ("", "A counted line has a year.")],
            "source_of_funds": [*CODES, ("", REQUIRED)],
            "supports": [*CODES, ("", REQUIRED)],
            "iscm": [*LINKS, ("", "It supports a mechanism: name it.")],
            "project": [
                *TYPED,
            ],
            "office": LINKS,
            "amount_usd": [*NUMBERS, ("", "The amount in USD is missing.")],
            "original_amount": [("5", "Name the original currency"), *NUMBERS[:3]],
            "is_counted": [("", None)],
            "not_counted_reason": [("Odd.", "It is counted: leave this empty.")],
            "period_starts_on": DATES,
        },
        "positions": {
            "title": [*TEXTS, ("", REQUIRED)],
            "office": [*LINKS, ("", REQUIRED)],
            "starts_on": DATES,
            "paid_by": [
                *CODES,
                ("", REQUIRED),
                ("counted_line", "Name the one funding line or project"),
            ],
            "funding_line": TYPED,
            "project": TYPED,
        },
        "time-entries": {
            "title": [*TEXTS, ("", REQUIRED)],
            "office": [*LINKS, ("", REQUIRED)],
            "iscm": LINKS,
            "event": TYPED,
            "worked_on": [*DATES, ("", REQUIRED), TO_COME],
            "days": [
                *NUMBERS,
                ("", REQUIRED),
                ("366.01", "One entry has at most 366 days: a year of them."),
            ],
            "position": TYPED,
        },
        "standard-costs": {
            "grade": [*TEXTS, ("", REQUIRED), ("x" * 11, "at most 10")],
            "year": [*YEARS, ("", REQUIRED)],
            "usd_per_day": [*NUMBERS, ("", REQUIRED)],
        },
        "currency-rates": {
            "currency": [("chf", "three capital letters"), ("FRANC", "at most 3"), ("", REQUIRED)],
            "rated_on": [*DATES, ("", REQUIRED)],
            "usd_per_unit": [*NUMBERS[:4], ("0", "A rate is above zero."), ("", REQUIRED)],
        },
        "contributions": {
            "iscm": [*LINKS, ("", REQUIRED)],
            "country": [*LINKS, ("", REQUIRED)],
            "year": [*YEARS, ("", REQUIRED)],
            "scale_pct": [("101", "less than or equal to 100"), ("-1", "greater than or equal")],
            "assessed_usd": [*NUMBERS, ("", REQUIRED)],
            "paid_usd": [*NUMBERS, ("", REQUIRED)],
            "paid_on": [*DATES, TO_COME],
        },
        "proposals": {
            "title": [*TEXTS, ("", REQUIRED)],
            "donor": [*LINKS, ("", REQUIRED)],
            "asked_on": [*DATES, ("", REQUIRED), TO_COME],
            "decided_on": [*DATES, TO_COME],
            "asked_usd": [*NUMBERS, ("", REQUIRED)],
            "state": [*CODES, ("awarded", "A decided proposal has its day")],
            "follow_up": TYPED,
            "project": TYPED,
        },
        "staff-needs": {
            "iscm": [*LINKS, ("", REQUIRED)],
            "year": [*YEARS, ("", REQUIRED)],
            "title": [*TEXTS, ("", REQUIRED)],
            "share_pct": [
                ("ten", "Enter a number."),
                ("0", "greater than or equal to 0.01"),
                ("10000.01", "At most 10,000 per cent, which is 100 posts; 100 is one post."),
                (HUGE, "no more than"),
                ("", REQUIRED),
            ],
        },
    }.items()
    for field, values in fields.items()
    for value, message in values
    if message is not None
]


def assert_refused(client, kind: str, sent: dict[str, Any], field: str, message: str) -> None:
    """The page says ``message`` at ``field``, keeps what was typed, and nothing is stored."""
    model = KINDS[kind].model
    before = model.objects.count(), model.history.count()
    answer = client.post(
        f"/finance/{kind}/new/", urlencode(sent), content_type="application/x-www-form-urlencoded"
    )
    assert answer.status_code == 422
    at_field = answer.text.partition(f'id="id_{field}_error">')[2]
    assert message in at_field.partition("</p>")[0].replace("&#x27;", "'"), answer.text
    assert f'href="#id_{field}' in answer.text
    assert (model.objects.count(), model.history.count()) == before
    for name in ("title", "label", "note"):
        if sent.get(name) and name != field:
            assert str(sent[name]) in answer.text


@pytest.mark.parametrize(("kind", "field", "value", "message"), BAD)
def test_a_bad_value_is_refused_at_its_field(client, page, kind, field, value, message):
    assert_refused(client, kind, typed(kind) | {field: value}, field, message)


@pytest.mark.parametrize(
    ("kind", "values", "field", "message"),
    [
        ("projects", ("starts_on", "ends_on"), "ends_on", "The last day is before the first one."),
        ("positions", ("starts_on", "ends_on"), "ends_on", "The last day is before the first one."),
        (
            "funding-lines",
            ("period_starts_on", "period_ends_on"),
            "period_ends_on",
            "The last day is before the first one.",
        ),
    ],
)
def test_dates_reversed_are_refused_at_the_last_day(client, page, kind, values, field, message):
    sent = typed(kind) | dict(zip(values, ("2026-05-02", "2026-05-01"), strict=True))
    assert_refused(client, kind, sent, field, message)


def test_a_proposal_decided_before_it_was_asked_is_refused(client, page):
    sent = typed("proposals") | {"state": "declined", "decided_on": "2026-03-10"}
    message = "It was decided before it was asked."
    assert_refused(client, "proposals", sent, "decided_on", message)


@pytest.mark.parametrize(
    ("values", "field", "message"),
    [
        ({"basis": "unknown"}, "share_pct", "It is unknown: leave it empty."),
        ({"basis": "dedicated"}, "share_pct", "A dedicated project goes whole: 100 per cent."),
        ({"basis": "stated_amount"}, "amount_usd", "An amount is stated: give it."),
        ({"basis": "stated_amount", "amount_usd": "-5"}, "amount_usd", "It is not below zero."),
    ],
)
def test_share_and_amount_fit_the_basis_of_an_attribution(client, page, values, field, message):
    assert_refused(client, "attributions", typed("attributions") | values, field, message)


def test_a_dedicated_project_needs_no_share_typed(client, page):
    sent = typed("attributions") | {"basis": "dedicated", "share_pct": ""}
    assert client.post("/finance/attributions/new/", sent).status_code == 302
    assert KINDS["attributions"].model.objects.get().share_pct == 100


def test_a_line_that_is_not_counted_says_why(client, page):
    sent = typed("funding-lines") | {"is_counted": ""}
    del sent["is_counted"]
    message = "A line that is not counted says why."
    assert_refused(client, "funding-lines", sent, "not_counted_reason", message)


def test_a_line_names_what_it_supports_and_nothing_else(client, page):
    sent = typed("funding-lines") | {"supports": "project"}
    message = "It supports no single mechanism: leave this empty."
    assert_refused(client, "funding-lines", sent, "iscm", message)
    message = "It supports a project: name it."
    assert_refused(client, "funding-lines", sent, "project", message)


@pytest.mark.parametrize(
    ("kind", "first", "field", "message"),
    [
        ("projects", lambda sent: money.ProjectFactory(code=sent["code"]), "code", "already"),
        (
            "standard-costs",
            lambda sent: money.StandardCostFactory(grade="NOE", year=2026),
            "grade",
            "already",
        ),
        (
            "currency-rates",
            lambda sent: money.CurrencyRateFactory(currency="CHF", rated_on=DAY),
            "rated_on",
            "That day has a rate of this currency already.",
        ),
        (
            "contributions",
            lambda sent: money.AssessedContributionFactory(
                iscm_id=sent["iscm"], country_id=sent["country"], year=2026
            ),
            "country",
            "That State has a contribution for this year already.",
        ),
    ],
)
def test_a_second_record_of_the_same_is_refused_at_its_field(
    client, page, kind, first, field, message
):
    sent = typed(kind)
    first(sent)
    assert_refused(client, kind, sent, field, message)


def test_bytes_that_are_no_text_are_refused_and_not_stored_mangled(client, page):
    sent = typed("projects")
    body = urlencode({"code": sent["code"]}) + "&title=" + quote_from_bytes(b"a\xed\xa0\x80")
    answer = client.post(
        "/finance/projects/new/", body, content_type="application/x-www-form-urlencoded"
    )
    assert answer.status_code == 422
    assert "could not be read" in answer.text
    assert KINDS["projects"].model.objects.count() == 0


def test_markup_that_is_typed_is_shown_as_text(client, page):
    sent = typed("projects") | {"title": "<script>alert(1)</script>", "note": "<b>x</b>"}
    assert client.post("/finance/projects/new/", sent).status_code == 302
    project = KINDS["projects"].model.objects.get()
    for address in (f"/finance/projects/{project.pk}/", "/finance/projects/", "/finance/"):
        assert "<script>alert" not in page(address)


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_form_is_refused_with_all_that_it_needs(client, page, kind):
    answer = client.post(f"/finance/{kind}/new/", {})
    assert answer.status_code == 422
    assert REQUIRED in answer.text
    assert KINDS[kind].model.objects.count() == 0


# --- lists


def test_a_filter_is_a_chip_that_can_be_taken_off(page):
    iscm = make.ISCMFactory(slug="sacm", acronym="SACM")
    money.FundingLineFactory(label="Wanted", year=2019, iscm=iscm)
    money.FundingLineFactory(label="Other year", year=2018, iscm=iscm)
    money.FundingLineFactory(label="Other mechanism", year=2019)
    text = page("/finance/funding-lines/?year=2019&iscm=sacm&source_of_funds=osi")
    assert 'href="?iscm=sacm&amp;source_of_funds=osi">Year: 2019' in text
    assert ">Mechanism: SACM" in text
    assert ">Source: OSI" in text
    assert ("Wanted" in text, "Other" in text) == (True, False)


@pytest.mark.parametrize(
    "query",
    [
        "year=1066",
        "year=x",
        "iscm=nowhere",
        "office=nowhere",
        "project=nowhere",
        "source_of_funds=party",
        "is_counted=perhaps",
        "format=pdf",
        "after=x",
        "report=99999999999999999999",
        "printed_table=9",
    ],
)
def test_a_filter_that_names_what_is_not_there_is_refused(client, page, query):
    answer = client.get(f"/finance/funding-lines/?{query}")
    assert answer.status_code == 400
    assert "That address is not readable" in answer.text


@pytest.mark.parametrize("kind", KINDS)
def test_every_filter_of_every_list_has_a_word(client, page, kind):
    FACTORIES[kind]()
    for name in KINDS[kind].filterset.base_filters:
        answer = client.get(f"/finance/{kind}/?{name}=%C2%B2")
        assert answer.status_code in (200, 400)


def test_pages_follow_each_other_without_a_gap(page):
    for number in range(120):
        money.FundingLineFactory(label=f"Line-{number:03d}.")
    seen: list[str] = []
    address: str | None = ""
    while address is not None:
        text = page(f"/finance/funding-lines/{address}")
        seen += re.findall(r"Line-\d{3}", re.sub(r'aria-label="[^"]*"', "", text))
        after = re.search(r'href="(\?after=[^"]+)">More', text)
        address = after[1] if after else None
    assert seen == [f"Line-{number:03d}" for number in reversed(range(120))]


@pytest.mark.parametrize("kind", KINDS)
def test_the_files_hold_what_the_list_shows_and_all_of_it(client, page, kind):
    rows = [FACTORIES[kind]() for _row in range(55)]
    content = b"".join(client.get(f"/finance/{kind}/?format=csv").streaming_content)
    header, *lines = rows_of_csv(content)
    assert header == [column.split("__")[0] for column in KINDS[kind].columns]
    assert len(lines) == len(rows)
    book = b"".join(client.get(f"/finance/{kind}/?format=xlsx").streaming_content)
    sheet = openpyxl.load_workbook(io.BytesIO(book)).worksheets[0]
    assert [cell.value for cell in sheet[1]] == header
    assert sheet.max_row == len(rows) + 1


def test_a_file_is_narrowed_as_its_list_is(client, page):
    money.FundingLineFactory(label="Wanted", year=2019)
    money.FundingLineFactory(label="=2+2", year=2018)
    narrowed = client.get("/finance/funding-lines/?year=2018&format=csv")
    text = b"".join(narrowed.streaming_content).decode()
    assert ("Wanted" in text, "'=2+2" in text) == (False, True)


# --- what is to be completed


def test_what_is_missing_comes_first_each_with_the_way_to_mend_it(page, officer):
    attribution = money.AttributionFactory()
    money.TimeEntryFactory(grade="UG", worked_on=DAY, days=Decimal(3))
    money.TimeEntryFactory(grade="UG", worked_on=DAY, days=Decimal("1.5"))
    unnamed = money.TimeEntryFactory(grade="UG", worked_on=DAY, paid_by="counted_line")
    unrated = money.PositionFactory(grade="USG", starts_on=dt.date(2020, 1, 1), ends_on=DAY)
    money.PositionShareFactory(position=unrated, share_pct=Decimal(10))
    unplaced = money.PositionFactory()
    line = money.FundingLineFactory(is_counted=False, not_counted_reason="Repeats Table 4.")
    owing = money.AssessedContributionFactory(year=2020, paid_usd=Decimal(400))
    money.AssessedContributionFactory(year=2020, paid_usd=Decimal(1000))
    old = money.ProposalFactory(asked_on=dt.date(2020, 1, 1))
    money.ProposalFactory(asked_on=dt.date(2020, 1, 1), state="declined", decided_on=DAY)
    text = page("/finance/")
    assert "To be completed:" in text
    # What rightly counts nowhere is no gap; it stands below the records.
    gaps, _kinds, kept = text.partition('id="kinds"')
    assert ('id="gap-lines"' in gaps, 'id="gap-lines"' in kept) == (False, True)
    for kind, row, missing in (
        ("attributions", attribution, attribution.project.title),
        ("positions", unrated, "USG: 0 of 7 years have a rate"),
        ("positions", unplaced, "no first day, no share"),
        ("time-entries", unnamed, "the line or project is not named"),
        ("funding-lines", line, "Repeats Table 4."),
        ("contributions", owing, "USD 600 owed"),
        ("proposals", old, "asked on 1 January 2020"),
    ):
        assert f'href="/finance/{kind}/{row.pk}/edit/"' in text
        assert missing in text
    assert (
        '<th scope="row">UG, 2026</th><td>5.50 days</td><td>'
        '<a href="/finance/standard-costs/new/?grade=UG&amp;year=2026"' in text
    )


def test_what_contradicts_itself_is_to_be_completed_too(page):
    line = money.FundingLineFactory(is_counted=False, not_counted_reason="A ceiling.")
    post = money.PositionFactory(
        paid_by="counted_line", funding_line=line, starts_on=DAY, ends_on=dt.date(2026, 12, 31)
    )
    nobodys = money.FundingLineFactory(project=money.ProjectFactory(), year=2026, amount_usd=70)
    stated = money.FundingLineFactory(project=money.ProjectFactory(), year=2026, amount_usd=100)
    money.AttributionFactory(
        project=stated.project, year=2026, basis="stated_amount", amount_usd=250
    )
    small = money.FundingLineFactory(year=2026, amount_usd=10)
    dear = money.PositionFactory(
        paid_by="counted_line", funding_line=small, grade="P3", starts_on=dt.date(2026, 1, 1)
    )
    money.PositionShareFactory(position=dear, share_pct=1)
    money.StandardCostFactory(grade="P3", year=2026, usd_per_day=400)
    text = page("/finance/")
    assert f'href="/finance/positions/{post.pk}/edit/"' in text
    assert "Posts that cost more than what pays them" in text
    assert f"{small}: less than the post costs in 1 year<" in text
    assert f'href="/finance/positions/{dear.pk}/edit/"' in text
    assert "Posts whose payer has no counted line in each of their years" in text
    assert f"{line}: counted in 0 of 1 year<" in text
    for project, missing in (
        (nobodys.project, "USD 70"),
        (stated.project, "USD 250 stated of 100"),
    ):
        assert f'<th scope="row">{project.code}, 2026</th><td>{missing}</td>' in text
        assert f'href="/finance/projects/{project.pk}/"' in text


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"basis": "stated_amount", "amount_usd": "60.01"}, "amount_usd"),
        ({"basis": "stated_share", "share_pct": "60.01"}, "share_pct"),
    ],
)
def test_no_more_is_stated_of_a_project_than_it_has(client, page, values, field):
    project = money.ProjectFactory()
    money.FundingLineFactory(project=project, year=2026, amount_usd=100)
    money.AttributionFactory(project=project, year=2026, basis="stated_share", share_pct=40)
    sent = {"project": project.code, "iscm": make.ISCMFactory().pk, "year": 2026, **values}
    page("/finance/")
    assert_refused(client, "attributions", sent, field, "are left")
    sent[field] = "60"
    assert client.post("/finance/attributions/new/", sent).status_code == 302


def test_no_amount_is_stated_beside_a_project_that_goes_whole_to_a_mechanism(client, page):
    whole = money.AttributionFactory(year=2026, basis="dedicated")
    sent = {"project": whole.project.code, "iscm": make.ISCMFactory().pk, "year": 2026}
    sent |= {"basis": "stated_amount", "amount_usd": "5"}
    page("/finance/")
    assert_refused(client, "attributions", sent, "amount_usd", "The shares come to 100 per cent")


def test_the_way_to_a_missing_rate_fills_in_grade_and_year(page):
    text = page("/finance/standard-costs/new/?grade=UG&year=2026")
    assert 'name="grade" value="UG"' in text
    assert 'name="year" value="2026"' in text


def test_what_is_whole_is_not_to_be_completed(page):
    money.StandardCostFactory(grade="P3", year=2026)
    money.TimeEntryFactory(grade="P3", worked_on=DAY)
    position = money.PositionFactory(grade="P3", starts_on=DAY, ends_on=DAY)
    money.PositionShareFactory(position=position, share_pct=Decimal(10))
    assert "Nothing is to be completed." in page("/finance/")


# --- who may what


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("group", ["reporter", "manager", "finance", "ipd", "analyst", "admin"])
def test_nobody_is_shown_a_button_that_would_be_refused(client, group, kind):
    office = make.OfficeFactory()
    user = make.UserFactory(access_group=group, office=office)
    own = {"office": office} if kind in ("positions", "time-entries", "staff-needs") else {}
    row = FACTORIES[kind](**own)
    client.force_login(user)
    model = KINDS[kind].model
    base = f"/finance/{kind}/"
    writes = group in ("finance", "admin") or (group == "manager" and bool(own))
    reads = row in model.objects.visible_to(user)
    is_open = may(user, "read_all_finance") or (
        may(user, "read_own_office_finance") and kind != "contributions"
    )
    shown, one = client.get(base), client.get(f"{base}{row.pk}/")
    assert shown.status_code == (200 if is_open else 403)
    assert one.status_code == (200 if reads else 404 if is_open else 403)
    assert (f'href="{base}new/"' in shown.text) == writes
    assert (f'href="{base}{row.pk}/edit/"' in one.text) == writes
    assert (f'action="{base}{row.pk}/delete/"' in one.text) == writes
    opened = {200} if writes else {403, 404}
    assert client.get(f"{base}new/").status_code in opened
    assert client.get(f"{base}{row.pk}/edit/").status_code in opened
    refused = client.post(f"{base}{row.pk}/delete/", {"version": version_of(row)})
    assert refused.status_code in ({422} if writes else {403, 404})


@pytest.fixture
def manager():
    return make.UserFactory(access_group="manager", office=make.OfficeFactory(name="CO Own"))


def test_a_manager_keeps_posts_days_and_needs_of_the_own_office_only(client, manager):
    client.force_login(manager)
    elsewhere = make.OfficeFactory(name="CO Elsewhere")
    for kind in ("positions", "time-entries", "staff-needs"):
        sent = typed(kind)
        for office, status in ((elsewhere.pk, 422), ("", 422), (manager.office_id, 302)):
            answer = client.post(f"/finance/{kind}/new/", sent | {"office": office})
            assert answer.status_code == status, (kind, office)
        row = KINDS[kind].model.objects.get()
        edit = f"/finance/{kind}/{row.pk}/edit/"
        text = client.get(edit).text
        assert "CO Elsewhere" not in text
        moved = opened(text) | {"office": elsewhere.pk, "reason": "Move"}
        assert client.post(edit, moved).status_code == 422
        row.refresh_from_db()
        assert row.office_id == manager.office_id


def test_a_manager_reads_a_need_of_no_office_and_cannot_take_it(client, manager):
    need = money.StaffNeedFactory()
    client.force_login(manager)
    assert client.get(f"/finance/staff-needs/{need.pk}/").status_code == 200
    assert client.get(f"/finance/staff-needs/{need.pk}/edit/").status_code == 403


def test_a_manager_keeps_a_line_that_pays_a_post_and_is_not_open_to_him(client, manager):
    line = money.FundingLineFactory(code="fin-900")
    position = money.PositionFactory(
        office=manager.office, paid_by="counted_line", funding_line=line
    )
    client.force_login(manager)
    edit = f"/finance/positions/{position.pk}/edit/"
    sent = opened(client.get(edit).text)
    assert sent["funding_line"] == ["fin-900"]
    assert client.post(edit, sent | {"note": "x"}).status_code == 302
    other = money.FundingLineFactory(code="fin-901")
    answer = client.post(edit, sent | {"funding_line": other.code, "reason": "x"})
    assert answer.status_code == 422
    assert "There is none called “fin-901”, or it is not open to you." in answer.text
    text = client.get(f"/finance/positions/{position.pk}/").text
    assert f'href="/finance/funding-lines/{line.pk}/"' not in text


def test_a_project_that_is_not_open_is_as_absent_as_one_that_never_was(client, manager):
    money.ProjectFactory(code="PR.900")
    client.force_login(manager)
    hidden, absent = (
        client.get(f"/finance/funding-lines/?project={code}") for code in ("PR.900", "PR.901")
    )
    assert hidden.status_code == absent.status_code == 400
    told = [
        answer.text.partition("<main")[2].replace(code, "")
        for answer, code in ((hidden, "PR.900"), (absent, "PR.901"))
    ]
    assert told[0] == told[1]


def test_the_trace_of_a_deleted_record_is_for_those_who_read_all(client, manager, officer):
    position = money.PositionFactory(office=manager.office)
    address = f"/finance/positions/{position.pk}/"
    client.force_login(manager)
    sent = {"reason": "Abolished", "version": version_of(position)}
    assert client.post(f"{address}delete/", sent)["Location"] == "/finance/positions/"
    assert client.get(address).status_code == 404
    client.force_login(officer)
    assert "Why: Abolished" in client.get(address).text


def test_every_right_that_these_pages_ask_for_is_in_the_table():
    assert RIGHTS.keys() >= {
        "edit_finance",
        "edit_own_office_staffing",
        "read_all_finance",
        "read_own_office_finance",
    }


@pytest.mark.parametrize(
    "address", ["/finance/nonsense/", "/finance/funding-lines/99999999999999999999/"]
)
def test_what_is_not_there_is_not_found(client, page, address):
    assert client.get(address).status_code == 404


# --- queries


def statements(client, address: str) -> int:
    with CaptureQueriesContext(connection) as context:
        answer = client.get(address)
        if answer.streaming:
            b"".join(answer.streaming_content)
    assert answer.status_code == 200
    return len(context)


@pytest.mark.parametrize("kind", KINDS)
def test_a_list_asks_as_often_for_many_rows_as_for_few(client, page, kind):
    FACTORIES[kind]()
    addresses = [f"/finance/{kind}/{query}" for query in ("", "?format=csv", "?format=xlsx")]
    page("/finance/")  # whether demo data is loaded is asked once a minute
    few = [statements(client, address) for address in addresses]
    for _row in range(30):
        FACTORIES[kind]()
    assert [statements(client, address) for address in addresses] == few
    assert max(few) <= 8


@pytest.mark.parametrize("kind", KINDS)
def test_a_record_asks_as_often_with_a_long_history_as_with_a_short_one(
    client, page, officer, kind
):
    row = FACTORIES[kind]()

    def grow(rows: int) -> None:
        for number in range(rows):
            save_record(row, {"note": f"{row.note}{number}"}, officer)
            row.refresh_from_db()
            if kind == "projects":
                save_record(row, {"donors": [make.OrganisationFactory()]}, officer)
                money.AttributionFactory(project=row)
                money.FundingLineFactory(project=row)
            if kind == "positions":
                money.PositionShareFactory(position=row)
                money.TimeEntryFactory(position=row)

    grow(2)
    addresses = [f"/finance/{kind}/{row.pk}/", f"/finance/{kind}/{row.pk}/edit/"]
    page("/finance/")
    few = [statements(client, address) for address in addresses]
    grow(6)
    assert [statements(client, address) for address in addresses] == few
    assert max(few) <= 22


def test_what_is_to_be_completed_asks_as_often_for_many_rows_as_for_few(client, page):
    def grow(rows: int) -> None:
        for number in range(rows):
            money.AttributionFactory()
            money.TimeEntryFactory(grade=GRADES[number])
            money.PositionFactory(grade="D2", starts_on=DAY)
            money.FundingLineFactory(is_counted=False, not_counted_reason="Odd.")
            money.FundingLineFactory(
                original_currency="EUR", original_amount=1000, rate_used=1, rated_on=DAY
            )
            money.AssessedContributionFactory(year=2020)
            money.ProposalFactory(asked_on=dt.date(2020, 1, 1))

    grow(2)
    page("/finance/")
    few = statements(client, "/finance/")
    grow(8)
    assert statements(client, "/finance/") == few
    assert few <= 27


# --- days name what pays them


def test_days_name_the_line_or_project_that_pays_them_and_only_one(client, page, officer):
    page("/finance/")
    line, project = money.FundingLineFactory(code="L.9"), money.ProjectFactory(code="P.9")
    sent = {
        "title": "Officer",
        "grade": "P3",
        "office": make.OfficeFactory().pk,
        "worked_on": "2026-03-11",
        "days": "2",
        "paid_by": "counted_line",
    }
    both = sent | {"funding_line": "L.9", "project": "P.9"}
    assert_refused(client, "time-entries", both, "project", "not both")
    other = sent | {"paid_by": "office", "project": "P.9"}
    assert_refused(client, "time-entries", other, "project", "Only days that a counted line pays")
    assert_refused(client, "time-entries", sent | {"grade": "P99"}, "grade", "no such grade")
    for payer in ({}, {"funding_line": "L.9"}, {"project": "P.9"}):
        assert client.post("/finance/time-entries/new/", sent | payer).status_code == 302
    named = TimeEntry.objects.order_by("pk").values_list("funding_line", "project")
    assert list(named) == [(None, None), (line.pk, None), (None, project.pk)]
    # What pays days is not deleted from under them.
    text = page(f"/finance/projects/{project.pk}/")
    assert "Officer" in text
