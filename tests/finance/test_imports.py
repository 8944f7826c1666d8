"""Imports: every rule at its cell, all or nothing, twice is once."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import zipfile
from decimal import Decimal

import openpyxl
import pytest
from django.core.files.base import ContentFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from finance.models import (
    AssessedContribution,
    Attribution,
    CurrencyRate,
    FundingLine,
    ImportedRecord,
    ImportRow,
    ImportRun,
    Position,
    Project,
    StandardCost,
)
from finance.services.importing import checking, reading, runs, writing
from finance.services.importing.cells import CellProblem, decimal_of
from finance.services.importing.columns import KINDS
from iscm_portal.common.documents import FileRefused
from tests import files
from tests.factories import engagements as make
from tests.factories import finance as money
from tests.finance.imported import AT, TODAY, as_csv, checked, started, table, write, wrong
from tests.twins import twin_settings

pytestmark = pytest.mark.django_db

LINE = {
    "code": "OSI.1",
    "year": "2026",
    "source_of_funds": "osi",
    "supports": "iscm",
    "iscm": "rcm",
    "label": "Secretariat",
    "amount_usd": "1000.00",
}


@pytest.fixture
def officer():
    return make.UserFactory(access_group="finance", office=None)


@pytest.fixture
def rcm():
    return make.ISCMFactory(slug="rcm", acronym="RCM")


def lines(*changes: dict) -> bytes:
    """A file of funding lines, each like LINE but for its changes."""
    return as_csv(table(*({**LINE, "code": f"OSI.{n}", **c} for n, c in enumerate(changes, 1))))


def a_workbook(*rows: list) -> bytes:
    """A workbook as another program makes it."""
    book = openpyxl.Workbook()
    book.active.title = "My projects"
    for row in rows:
        book.active.append(row)
    held = io.BytesIO()
    book.save(held)
    return held.getvalue()


# --- what is new, changed, the same


def test_a_file_is_checked_and_nothing_is_written_before_somebody_says_so(officer, rcm):
    run = checked("funding_lines", lines({}, {"amount_usd": "2500.50"}), officer)
    assert (run.state, run.new, run.changed, run.same, run.errors) == ("checked", 2, 0, 0, 0)
    assert (run.rows, run.checked_rows, run.sheet) == (2, 2, "CSV")
    assert FundingLine.objects.count() == 0
    write(run, officer)
    assert (run.state, run.written_by, run.written_at) == ("written", officer, AT)
    assert list(FundingLine.objects.order_by("code").values_list("code", "amount_usd", "iscm")) == [
        ("OSI.1", Decimal("1000.00"), rcm.pk),
        ("OSI.2", Decimal("2500.50"), rcm.pk),
    ]
    assert not ImportRow.objects.exists()


def test_what_is_written_stands_in_the_history_in_the_writers_name_with_the_reason(officer, rcm):
    sender = make.UserFactory(access_group="finance", office=None)
    line = money.FundingLineFactory(code="OSI.1", iscm=rcm, label="Secretariat")
    run = checked("funding_lines", lines({"amount_usd": "1200"}), sender)
    assert (run.changed, run.amounts_changed) == (1, 1)
    assert run.file_rows.get().values["amount_usd"] == ["1000.00", "1200.00"]
    write(run, officer, reason="Final budget")
    last = line.history.order_by("history_id").last()
    assert (last.history_type, last.history_user, last.amount_usd) == (
        "~",
        officer,
        Decimal("1200.00"),
    )
    assert last.history_change_reason == f"Import {run.pk}: Final budget"
    line.refresh_from_db()
    assert line.updated_at == AT


def test_a_changed_amount_needs_a_reason_and_another_change_does_not(officer, rcm):
    money.FundingLineFactory(code="OSI.1", iscm=rcm, label="Secretariat")
    run = checked("funding_lines", lines({"amount_usd": "1200"}), officer)
    with pytest.raises(runs.ReasonMissing):
        runs.ask_to_write(run.pk, "  ", officer)
    run.refresh_from_db()
    assert (run.state, FundingLine.objects.get().amount_usd) == ("checked", Decimal("1000.00"))
    run = checked("funding_lines", lines({"label": "Secretariat costs"}), officer)
    assert run.amounts_changed == 0
    assert write(run, officer).state == "written"


def test_the_same_file_twice_has_nothing_to_change_and_leaves_no_history(officer, rcm):
    content = lines({}, {"note": "As told."})
    write(checked("funding_lines", content, officer), officer)
    run = checked("funding_lines", content, officer)
    assert (run.state, run.new, run.changed, run.same) == ("checked", 0, 0, 2)
    with pytest.raises(runs.NothingToChange):
        runs.ask_to_write(run.pk, "", officer)
    assert FundingLine.history.count() == 2


def test_a_column_that_is_left_out_stays_and_an_empty_cell_takes_the_value_away(officer, rcm):
    project = money.ProjectFactory(code="P.1", title="Old", source="A letter", note="Odd")
    content = as_csv([["code", "title", "note"], ["P.1", "New", ""]])
    write(checked("projects", content, officer), officer)
    project.refresh_from_db()
    assert (project.title, project.source, project.note) == ("New", "A letter", "")


def test_donors_and_shares_are_written_beside_their_records(officer, rcm):
    for slug in ("japan", "european-union"):
        make.OrganisationFactory(slug=slug)
    bali = make.ISCMFactory(slug="bali-process")
    make.OfficeFactory(slug="co-bangkok")
    projects = as_csv([["code", "title", "donors"], ["P.1", "One", "japan; european-union"]])
    write(checked("projects", projects, officer), officer)
    assert sorted(Project.objects.get().donors.values_list("slug", flat=True)) == [
        "european-union",
        "japan",
    ]
    post = {"code": "B.1", "title": "Officer", "office": "co-bangkok", "paid_by": "office"}
    content = as_csv(table({**post, "shares": "bali-process:20; rcm:"}))
    write(checked("positions", content, officer), officer)
    position = Position.objects.get()
    assert position.office.slug == "co-bangkok"
    assert dict(position.shares.values_list("iscm", "share_pct")) == {
        bali.pk: Decimal("20.00"),
        rcm.pk: None,
    }
    content = as_csv(table({**post, "shares": "rcm:100"}))
    run = checked("positions", content, officer)
    assert run.file_rows.get().values == {"shares": ["bali-process:20.00; rcm:", "rcm:100.00"]}
    write(run, officer, reason="New plan")
    assert dict(position.shares.values_list("iscm", "share_pct")) == {rcm.pk: Decimal("100.00")}


def test_contributions_rates_and_standard_costs_are_written(officer, rcm):
    country = make.CountryFactory(iso3="CRI")
    contribution = {"iscm": "rcm", "country": "CRI", "year": 2026, "assessed_usd": "12,000.00"}
    write(checked("contributions", as_csv(table(contribution)), officer), officer)
    assert AssessedContribution.objects.get(iscm=rcm, country=country, year=2026).paid_usd == 0
    rate = {"currency": "EUR", "rated_on": "2026-03-31", "usd_per_unit": "1.08"}
    write(checked("currency_rates", as_csv(table(rate)), officer), officer)
    assert CurrencyRate.objects.get().usd_per_unit == Decimal("1.08")
    cost = {"grade": "P3", "year": 2026, "usd_per_day": "412.5"}
    write(checked("standard_costs", as_csv(table(cost)), officer), officer)
    assert StandardCost.objects.get().usd_per_day == Decimal("412.50")


def test_the_amount_and_the_rate_follow_from_the_day_when_they_are_left_empty(officer, rcm):
    money.CurrencyRateFactory(
        currency="CHF", rated_on=dt.date(2026, 3, 31), usd_per_unit=Decimal("1.12345678")
    )
    converted = {
        "amount_usd": "",
        "original_currency": "CHF",
        "original_amount": "33.33",
        "rated_on": "2026-03-31",
    }
    write(checked("funding_lines", lines(converted), officer), officer)
    line = FundingLine.objects.get()
    assert (line.amount_usd, line.rate_used) == (Decimal("37.44"), Decimal("1.12345678"))


def test_shares_that_change_places_are_written_whatever_their_order(officer, rcm):
    project = money.ProjectFactory(code="P.1")
    other = make.ISCMFactory(slug="other")
    for iscm, share in ((rcm, "80.00"), (other, "20.00")):
        money.AttributionFactory(
            project=project, iscm=iscm, basis="stated_share", share_pct=Decimal(share)
        )
    row = {"project": "P.1", "year": 2026, "basis": "stated_share"}
    content = as_csv(
        table({**row, "iscm": "other", "share_pct": 80}, {**row, "iscm": "rcm", "share_pct": 20})
    )
    write(checked("attributions", content, officer), officer, reason="Swapped")
    assert dict(Attribution.objects.values_list("iscm__slug", "share_pct")) == {
        "rcm": Decimal("20.00"),
        "other": Decimal("80.00"),
    }


# --- errors, each at its cell


@pytest.mark.parametrize(
    ("change", "place", "words"),
    [
        ({"code": ""}, "A2", "It can't be empty."),
        ({"code": "x" * 41}, "A2", "It has 41 characters; 40 is the most."),
        ({"code": "=cmd|' /C calc'!A0"}, "A2", "A text that begins with = is run as a formula."),
        ({"label": "@SUM(A1)"}, "F2", "begins with @ is run as a formula"),
        ({"label": "a\0b"}, "F2", "control character"),
        ({"year": "26"}, "B2", "“26” is not a year"),
        ({"year": "1950"}, "B2", "before 1951"),
        ({"year": "2,019"}, "B2", "is not a year"),
        ({"year": ""}, "B2", "A counted line has a year."),
        ({"source_of_funds": "osii"}, "C2", "There is no “osii”. Write one of: osi,"),
        ({"iscm": "rcn"}, "E2", "There is no mechanism “rcn”. Is it “rcm”?"),
        ({"iscm": "zzzzzz"}, "E2", "There is no mechanism “zzzzzz”."),
        ({"iscm": ""}, "E2", "It supports a mechanism: name it."),
        ({"supports": "grcp"}, "E2", "It supports no single mechanism: leave this empty."),
        ({"amount_usd": "-1"}, "G2", "It is below zero."),
        ({"amount_usd": "1e15"}, "G2", "It is too large: 12 digits before the point"),
        ({"amount_usd": "1,234"}, "G2", "can be read in two ways. Write 1234 or 1.234."),
        ({"amount_usd": "1.234"}, "G2", "It has more than 2 decimals. Round it."),
        ({"amount_usd": "about 5"}, "G2", "“about 5” is not a number."),
        ({"amount_usd": ""}, "G2", "The amount in USD is missing."),
        ({"original_currency": "eur"}, "H2", "There is no such currency"),
        ({"rated_on": "31.3.2026"}, "H2", "is not a date. Write it as in 2026-03-31."),
        ({"rated_on": "1899-12-31"}, "H2", "before 1951"),
        ({"is_counted": "maybe"}, "H2", "Write yes or no."),
        ({"is_counted": "no"}, "H2", "A line that is not counted says why."),
        ({"not_counted_reason": "twice"}, "H2", "It is counted: leave this empty."),
        ({"project": "P.9"}, "H2", "There is no project “P.9”."),
        ({"confidence": "sure"}, "H2", "Write one of: high,"),
    ],
)
def test_what_is_wrong_with_a_line_is_told_at_its_cell(officer, rcm, change, place, words):
    run = checked("funding_lines", lines(change), officer)
    assert run.state == "refused"
    assert run.errors == len(wrong(run)) == 1
    assert words in wrong(run)[place]
    with pytest.raises(runs.NotThatFar):
        runs.ask_to_write(run.pk, "Please", officer)


@pytest.mark.parametrize(
    ("converted", "place", "words"),
    [
        (("EUR", "100", "1.08", "2026-03-31", "107.99"), "G2", "At that rate it is 108."),
        (("EUR", "100", "", "2026-03-31", "108.01"), "G2", "At that rate it is 108."),
        (("EUR", "100", "", "2026-03-30", "108"), "K2", "No rate of EUR is on record for 30 March"),
        (("EUR", "100", "2", "2026-03-31", "200"), "J2", "on record for 31 March 2026 is 1.08."),
        (("EUR", "", "1.08", "2026-03-31", "108"), "I2", "Give the original amount in EUR."),
        (("EUR", "100", "1.08", "", "108"), "K2", "Name the day: the rate on record for it"),
        (("EUR", "100", "0", "2026-03-31", "108"), "J2", "It has to be above zero."),
        (("EUR", "100", "1,085", "2026-03-31", "108.5"), "J2", "Write 1085 or 1.085"),
        (("EUR", "999999999999.99", "", "2026-03-31", ""), "G2", "It is too large: 12 digits"),
        (("USD", "500", "", "", "100"), "I2", "It is not the amount in USD."),
        (("USD", "100", "1", "", "100"), "J2", "USD needs no rate: leave this empty."),
        (("", "100", "", "", "100"), "I2", "Name the original currency, or leave this empty."),
    ],
)
def test_what_is_wrong_with_a_conversion_is_told_at_its_cell(officer, rcm, converted, place, words):
    money.CurrencyRateFactory(currency="EUR", rated_on=dt.date(2026, 3, 31))
    names = ("original_currency", "original_amount", "rate_used", "rated_on", "amount_usd")
    run = checked("funding_lines", lines(dict(zip(names, converted, strict=True))), officer)
    assert list(wrong(run)) == [place]
    assert words in wrong(run)[place]


@pytest.mark.parametrize(
    ("kind", "row", "place", "words"),
    [
        (
            "projects",
            {"title": "T", "starts_on": "2026-02-01", "ends_on": "2026-01-31"},
            "D2",
            "The last day is before the first one.",
        ),
        ("projects", {"title": "T", "donors": "japan; jappan"}, "C2", "Is it “japan”?"),
        ("projects", {"title": "T", "lead_office": "co-bangok"}, "C2", "Is it “co-bangkok”?"),
        ("projects", {"title": "T" * 301}, "B2", "300 is the most"),
        ("positions", {"shares": "rcm:60; japan:1"}, "E2", "There is no mechanism “japan”."),
        (
            "positions",
            {"shares": "rcm:60; bali-process:40.01"},
            "E2",
            "The shares come to 100.01 per cent in all.",
        ),
        ("positions", {"shares": "rcm"}, "E2", "“rcm” is not a share, as in rcm:10."),
        ("positions", {"shares": "rcm:1;rcm:2"}, "E2", "“rcm” stands there twice."),
        ("positions", {"shares": "rcm:101"}, "E2", "It is over 100."),
        ("positions", {"paid_by": "counted_line"}, "D2", "Name the one funding line or project"),
        ("positions", {"project": "P.1"}, "E2", "Only a post that a counted line pays"),
        ("positions", {"has_tor": "perhaps"}, "E2", "Write yes or no."),
        ("contributions", {"country": "ZZZ"}, "B2", "There is no country “ZZZ”."),
        ("contributions", {"scale_pct": "100.1"}, "E2", "It is over 100."),
        ("contributions", {"paid_usd": "-5"}, "E2", "It is below zero."),
        ("contributions", {"paid_on": "2026-11-22"}, "E2", "The date is still to come."),
        ("contributions", {"paid_usd": "5000"}, "E2", "More was paid than assessed: say why."),
        (
            "attributions",
            {"basis": "dedicated", "share_pct": "99"},
            "E2",
            "goes whole: 100 per cent",
        ),
        ("attributions", {"basis": "stated_share"}, "D2", "A share is stated: give it."),
        ("attributions", {"basis": "stated_amount"}, "D2", "An amount is stated: give it."),
        ("attributions", {"basis": "unknown", "share_pct": "5"}, "E2", "It is unknown: leave it"),
        ("attributions", {"basis": "guessed"}, "D2", "There is no “guessed”."),
        ("currency_rates", {"usd_per_unit": "0"}, "C2", "It has to be above zero."),
        ("currency_rates", {"currency": "euro"}, "A2", "three capital letters"),
        ("standard_costs", {"usd_per_day": "10000000"}, "C2", "7 digits before the point"),
    ],
)
def test_what_is_wrong_with_the_other_kinds_is_told_at_its_cell(
    officer, rcm, kind, row, place, words
):
    make.ISCMFactory(slug="bali-process")
    make.OrganisationFactory(slug="japan")
    make.OfficeFactory(slug="co-bangkok")
    make.CountryFactory(iso3="CRI")
    money.ProjectFactory(code="P.1")
    whole = {
        "projects": {"code": "P.2"},
        "positions": {"code": "B.1", "title": "T", "office": "co-bangkok", "paid_by": "office"},
        "contributions": {"iscm": "rcm", "country": "CRI", "year": "2026", "assessed_usd": "1"},
        "attributions": {"project": "P.1", "iscm": "rcm", "year": "2026", "basis": "unknown"},
        "currency_rates": {"currency": "EUR", "rated_on": "2026-01-01", "usd_per_unit": "1"},
        "standard_costs": {"grade": "P3", "year": "2026", "usd_per_day": "1"},
    }
    run = checked(kind, as_csv(table({**whole[kind], **row})), officer)
    assert list(wrong(run)) == [place]
    assert words in wrong(run)[place]


def test_all_errors_are_told_at_once_and_none_of_the_file_is_written(officer, rcm):
    run = checked(
        "funding_lines",
        lines({}, {"year": "x", "amount_usd": "y"}, {}, {"iscm": "none", "label": ""}),
        officer,
    )
    assert list(wrong(run)) == ["B3", "G3", "E5", "F5"]
    assert (run.new, run.errors) == (2, 4)


def test_the_same_key_twice_in_a_file_is_told_at_both_rows(officer, rcm):
    run = checked(
        "funding_lines",
        lines({}, {}, {"code": "OSI.1"}),
        officer,
    )
    assert wrong(run) == {"A2": "“OSI.1” is in row 4 too.", "A4": "“OSI.1” is in row 2 too."}
    assert list(run.file_rows.order_by("row").values_list("state", flat=True)) == [
        "wrong",
        "new",
        "wrong",
    ]


def test_shares_of_a_project_and_year_are_added_up_over_the_file_and_the_portal(officer, rcm):
    project = money.ProjectFactory(code="P.1")
    for slug in ("one", "two"):
        make.ISCMFactory(slug=slug)
    money.AttributionFactory(
        project=project, iscm=rcm, basis="stated_share", share_pct=Decimal("33.33")
    )
    row = {"project": "P.1", "year": 2026, "basis": "stated_share"}

    def file(*shares: tuple[str, str]) -> bytes:
        return as_csv(table(*({**row, "iscm": slug, "share_pct": share} for slug, share in shares)))

    assert checked("attributions", file(("one", "33.33"), ("two", "33.34")), officer).errors == 0
    run = checked("attributions", file(("one", "33.33"), ("two", "33.35")), officer)
    assert set(wrong(run)) == {"E2", "E3"}
    assert wrong(run)["E2"] == (
        "The shares of P.1 · 2026 come to 100.01 per cent: 33.33 of them are in the portal and "
        "not in this file."
    )
    # What the file itself makes smaller does not stand in its way.
    assert checked("attributions", file(("rcm", "0"), ("one", "100")), officer).errors == 0


def test_no_more_is_stated_of_a_project_and_year_than_it_has(officer, rcm):
    project = money.ProjectFactory(code="P.1")
    for slug in ("one", "two"):
        make.ISCMFactory(slug=slug)
    money.FundingLineFactory(project=project, year=2026, amount_usd=1000)
    money.AttributionFactory(project=project, iscm=rcm, basis="stated_share", share_pct=40)
    row = {"project": "P.1", "year": 2026}

    def file(one: str, two: str) -> bytes:
        amounts = {"iscm": "one", "basis": "stated_amount", "amount_usd": one}
        shares = {"iscm": "two", "basis": "stated_share", "share_pct": two}
        return as_csv(table({**row, **amounts}, {**row, **shares}))

    assert checked("attributions", file("500", "10"), officer).errors == 0
    run = checked("attributions", file("500.01", "10"), officer)
    assert set(wrong(run)) == {"F2", "F3"}
    assert wrong(run)["F2"] == (
        "The amounts stated of P.1 · 2026 come to 500.01: the shares leave 500.00 of the 1,000.00 "
        "that its lines come to."
    )
    run = checked("attributions", file("1", "60"), officer)
    assert wrong(run)["F3"] == (
        "The shares of P.1 · 2026 come to 100 per cent: no amount goes beside them."
    )


def test_a_file_that_swaps_an_amount_for_the_whole_is_written(officer, rcm):
    """What gets smaller goes first: the database never sees an amount beside the whole."""
    project, one = money.ProjectFactory(code="P.1"), make.ISCMFactory(slug="one")
    money.AttributionFactory(project=project, iscm=rcm, basis="stated_amount", amount_usd=5)
    rows = (
        {"iscm": "one", "basis": "dedicated", "share_pct": "100"},
        {"iscm": "rcm", "basis": "stated_amount", "amount_usd": "0"},
    )
    file = as_csv(table(*({"project": "P.1", "year": 2026, **row} for row in rows)))
    write(checked("attributions", file, officer), officer, reason="Read again")
    assert one.pk in Attribution.objects.values_list("iscm", flat=True)
    assert Attribution.objects.get(iscm=rcm).amount_usd == 0


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (["code", "title", "tittle"], {"C1": "There is no column “tittle”. Is it “title”?"}),
        (["code", "title", "colour"], {"C1": "There is no column “colour”."}),
        (["code"], {"row 1": "The column “title” is missing."}),
        (
            ["code", "title", "code"],
            {
                "A1": "The column “code” is there more than once.",
                "C1": "The column “code” is there more than once.",
            },
        ),
        (["", ""], {"row 1": "Row 1 is empty: the names of the columns belong there."}),
    ],
)
def test_a_header_that_is_not_known_is_an_error_and_no_row_is_looked_at(officer, header, told):
    run = checked("projects", as_csv([header, ["P.1", "T", "x"]]), officer)
    assert (run.state, wrong(run), run.checked_rows) == ("refused", told, 0)


def test_a_value_without_a_heading_is_an_error_and_blank_rows_are_passed_over(officer):
    content = as_csv([["code", "title"], [], ["P.1", "T", "more"], ["", ""], ["P.2", "T"]])
    assert wrong(checked("projects", content, officer)) == {
        "C3": "There is no heading above this cell."
    }


def test_our_own_column_of_messages_may_come_back_with_the_mended_file(officer):
    content = as_csv([["code", "title", "errors"], ["P.1", "T", "B2: It can't be empty."]])
    assert checked("projects", content, officer).state == "checked"


# --- how cells are read


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1234.5", "1234.5"),
        ("1,234.50", "1234.50"),
        ("1.234,50", "1234.50"),
        ("1 234,5", "1234.5"),
        ("1\u202f234\u00a0567.00", "1234567.00"),
        ("1'234.50", "1234.50"),
        ("1,234,567", "1234567"),
        ("1.234.567", "1234567"),
        ("12,5", "12.5"),
        ("0,123", "0.123"),
        ("1,0812", "1.0812"),
        ("-3", "-3"),
        ("1.5E3", "1500"),
    ],
)
def test_numbers_are_read_as_people_write_them(text, number):
    assert decimal_of(text) == Decimal(number)


@pytest.mark.parametrize("text", ["1,234", "12,34,567", "1..2", "--1", "1 23", "NaN", "1e", "٣"])
def test_what_is_no_number_or_could_be_two_is_refused(text):
    with pytest.raises(CellProblem):
        decimal_of(text)


@pytest.mark.parametrize(
    "content",
    [
        as_csv([["code", "title"], ["P.1", "Été; l'hiver"]]),
        as_csv([["code", "title"], ["P.1", "Été; l'hiver"]], mark="\ufeff"),
        as_csv([["code", "title"], ["P.1", "Été; l'hiver"]], separator=";"),
        as_csv([["code", "title"], ["P.1", "Été; l'hiver"]], separator=";", mark="\ufeff"),
    ],
)
def test_csv_is_read_with_and_without_mark_with_commas_and_semicolons(officer, content):
    write(checked("projects", content, officer), officer)
    assert Project.objects.get().title == "Été; l'hiver"


def test_bytes_that_are_not_utf_8_are_told_at_their_cell(officer):
    content = "code,title\nP.1,Été\nP.2,fine\n".encode("latin-1")
    assert list(wrong(checked("projects", content, officer))) == ["B2"]


def test_right_to_left_and_combining_text_is_kept_as_it_is(officer):
    title = "مشروع e\u0301 \u202eabc"
    write(checked("projects", as_csv([["code", "title"], ["P.1", title]]), officer), officer)
    assert Project.objects.get().title == title


def test_a_quotation_mark_that_is_left_open_refuses_the_file_in_words(officer):
    content = b'code,title\nP.1,"open\n' + b"x" * 200_000
    run = checked("projects", content, officer)
    assert run.state == "refused"
    assert "is a quotation mark left open?" in run.problem


def test_a_workbook_is_read_with_real_dates_numbers_and_the_places_that_it_shows(officer):
    header = ["code", "title", "starts_on", "ends_on", "note"]
    one = [123, "One", dt.date(2026, 1, 1), dt.datetime(2026, 12, 31), "x"]
    four = ["P.4", "Four", "2026-02-01", dt.datetime(2026, 1, 1, 10, 30), True]
    run = checked("projects", a_workbook(header, one, [None], four), officer, "mine.xlsx")
    assert (run.sheet, run.rows) == ("My projects", 3)
    assert wrong(run) == {"D4": "“2026-01-01 10:30:00” is not a date. Write it as in 2026-03-31."}
    four[3] = None
    content = a_workbook(header, one, [None], four)
    write(checked("projects", content, officer, "mine.xlsx"), officer)
    assert list(Project.objects.order_by("code").values_list("code", "starts_on", "ends_on")) == [
        ("123", dt.date(2026, 1, 1), dt.date(2026, 12, 31)),
        ("P.4", dt.date(2026, 2, 1), None),
    ]


def test_a_sheet_that_begins_further_down_and_right_keeps_its_places(officer):
    content = a_workbook([None, "code", "title"], [None, "P.1", None])
    assert wrong(checked("projects", content, officer, "a.xlsx")) == {"C2": "It can't be empty."}


def test_the_noise_of_a_spreadsheets_floating_point_is_no_error(officer, rcm):
    content = a_workbook(list(LINE), list({**LINE, "amount_usd": 0.1 + 0.2}.values()))
    write(checked("funding_lines", content, officer, "a.xlsx"), officer)
    assert FundingLine.objects.get().amount_usd == Decimal("0.30")


def test_formulas_that_failed_or_never_ran_are_errors_and_not_empty_cells(officer):
    content = a_workbook(["code", "title", "note"], ["P.1", "=A2"], ["P.2", "Two", "#REF!"])
    assert wrong(checked("projects", content, officer, "a.xlsx")) == {
        "B2": "The result of the formula here is not in the file. Write the value.",
        "C3": "The formula here has failed: #REF!.",
    }


def test_a_sheet_that_would_fill_the_memory_is_refused_before_it_is_opened(officer):
    book = openpyxl.Workbook()
    book.active["A1"], book.active["XFD1048576"] = "code", "x"
    held = io.BytesIO()
    book.save(held)
    assert len(held.getvalue()) < 6000
    run = checked("projects", held.getvalue(), officer, "a.xlsx")
    assert run.state == "refused"
    assert run.problem == "The sheet reaches to column XFD and row 1048576: that is too far."


@pytest.mark.parametrize(
    "cell",
    [
        b'<x:c s="1" r="XFD1048576"/>',
        b"<c r = 'xfd1048576'/>",
        b'<c t=">" r="XFD1048576"/>',
        b"<c " + b" " * 600_000 + b'r="XFD1048576"/>',
    ],
)
def test_a_place_far_out_is_seen_however_it_is_written(officer, cell):
    sheet = b'<worksheet xmlns:x="y"><sheetData><row>' + cell + b"</row></sheetData></worksheet>"
    content = files.office("xlsx", **{"xl/elsewhere/sheet.xml": sheet})
    assert "that is too far" in checked("projects", content, officer, "a.xlsx").problem


def test_a_workbook_whose_sheet_is_no_sheet_is_refused_in_words(officer):
    run = checked("projects", files.office("xlsx"), officer, "a.xlsx")
    assert (run.state, run.problem) == (
        "refused",
        "The workbook can't be read: it is damaged.",
    )


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.xlsx", files.office("xlsx", **{"xl/vbaProject.bin": b"x"}), "macros"),
        ("a.xlsm", b"PK", "macros"),
        ("a.xls", b"\xd0\xcf", "Old Office files"),
        (
            "a.xlsx",
            files.lying_about_its_size(files.office("xlsx"), 2**31),
            "unpacks to more than it should",
        ),
        ("a.xlsx", b"code,title", "The content is not that of such a file."),
        ("a.csv", files.office("xlsx"), "not plain text"),
        ("a.csv", "code,title".encode("utf-16"), "not plain text"),
        ("a.csv", b"", "The file is empty."),
        ("a.pdf", files.PDF, "Send XLSX or CSV."),
        ("code", b"code", "This kind of file is not taken."),
    ],
)
def test_a_file_is_known_by_its_content(name, content, words):
    with pytest.raises(FileRefused, match=words):
        reading.check_file(name, ContentFile(content))


def test_a_workbook_that_excel_saved_with_its_printer_is_taken():
    content = files.office("xlsx", **{"xl/printerSettings/printerSettings1.bin": b"x"})
    reading.check_file("a.xlsx", ContentFile(content))


@given(
    place=st.integers(0, 2000),
    put=st.sampled_from([b"<", b"&#x0;", b'"', b"-1", b"ZZZZ9", b"99999999999", b"", b"\xff"]),
)
@twin_settings
def test_a_damaged_sheet_is_read_or_refused_and_never_a_crash(tmp_path, place, put):
    packed = zipfile.ZipFile(io.BytesIO(a_workbook(["code", "title"], ["P.1", "=A1"], [1, "#N/A"])))
    parts = {name: packed.read(name) for name in packed.namelist()}
    sheet = parts["xl/worksheets/sheet1.xml"]
    parts["xl/worksheets/sheet1.xml"] = sheet[:place] + put + sheet[place + 1 :]
    path = tmp_path / "a.xlsx"
    path.write_bytes(files.packed(parts))
    with contextlib.suppress(reading.UnreadableFile):
        list(reading.open_sheet("a.xlsx", path).lines)


# --- the check: chunks, progress, cancel


def test_the_check_goes_on_from_where_an_earlier_one_was_cut(officer, rcm, monkeypatch):
    monkeypatch.setattr(checking, "CHUNK", 2)
    content = lines(*({"amount_usd": "x"} if n == 4 else {} for n in range(7)))
    run = started("funding_lines", content, officer)
    whole = checking.check_lines
    chunks = []

    def cut(kind, header, chunk, names, today):
        chunks.append(chunk[0][0])
        if len(chunks) == 3:
            raise KeyboardInterrupt
        return whole(kind, header, chunk, names, today)

    monkeypatch.setattr(checking, "check_lines", cut)
    with pytest.raises(KeyboardInterrupt):
        checking.check_run(run.pk, TODAY)
    run.refresh_from_db()
    assert (run.state, run.checked_rows, run.rows, run.file_rows.count()) == ("checking", 4, 7, 4)
    checking.check_run(run.pk, TODAY)
    run.refresh_from_db()
    assert chunks == [2, 4, 6, 6, 8]
    assert (run.state, run.checked_rows, run.new, wrong(run)) == (
        "refused",
        7,
        6,
        {"G6": "“x” is not a number."},
    )


def test_a_worker_that_another_has_overtaken_leaves_the_file_to_it(officer, rcm, monkeypatch):
    monkeypatch.setattr(checking, "CHUNK", 2)
    run = started("funding_lines", lines({}, {}, {}, {}, {}), officer)
    whole = checking.check_lines

    def overtaken(kind, header, chunk, names, today):
        monkeypatch.setattr(checking, "check_lines", whole)
        checking.check_run(run.pk, TODAY)
        return whole(kind, header, chunk, names, today)

    monkeypatch.setattr(checking, "check_lines", overtaken)
    checking.check_run(run.pk, TODAY)
    run.refresh_from_db()
    assert (run.state, run.new, run.file_rows.count()) == ("checked", 5, 5)


def test_a_check_that_is_cancelled_stops_at_its_next_chunk(officer, rcm, monkeypatch):
    monkeypatch.setattr(checking, "CHUNK", 2)
    run = started("funding_lines", lines({}, {}, {}, {}, {}), officer)
    whole, chunks = checking.check_lines, []

    def cancelled(kind, header, chunk, names, today):
        chunks.append(chunk)
        if len(chunks) == 2:
            runs.cancel(run.pk)
        return whole(kind, header, chunk, names, today)

    monkeypatch.setattr(checking, "check_lines", cancelled)
    checking.check_run(run.pk, TODAY)
    run.refresh_from_db()
    assert (run.state, run.is_cancel_asked, len(chunks)) == ("cancelled", True, 2)
    assert not run.file_rows.exists()
    checking.check_run(run.pk, TODAY)
    with pytest.raises(runs.NotThatFar):
        runs.check_again(run.pk)


@pytest.mark.parametrize("kind", KINDS)
def test_a_chunk_asks_as_often_for_many_rows_as_for_few(officer, rcm, kind):
    project = money.ProjectFactory(code="P.1")
    money.CurrencyRateFactory(rated_on=dt.date(2026, 3, 31))
    office = make.OfficeFactory(slug="co-bangkok")
    make.OrganisationFactory(slug="japan")
    make.CountryFactory(iso3="CRI")

    def file(n: int) -> bytes:
        rows = {
            "projects": lambda i: {"code": f"Q.{i}", "title": "T", "donors": "japan"},
            "funding_lines": lambda i: {
                **LINE,
                "code": f"L.{i}",
                "amount_usd": "",
                "original_currency": "EUR",
                "original_amount": i,
                "rated_on": "2026-03-31",
            },
            "attributions": lambda i: {
                "project": project.code,
                "iscm": "rcm",
                "year": 1960 + i,
                "basis": "dedicated",
            },
            "positions": lambda i: {
                "code": f"B.{i}",
                "title": "T",
                "office": office.slug,
                "paid_by": "office",
                "shares": "rcm:5",
            },
            "contributions": lambda i: {
                "iscm": "rcm",
                "country": "CRI",
                "year": 1960 + i,
                "assessed_usd": i,
            },
            "currency_rates": lambda i: {
                "currency": "CHF",
                "rated_on": dt.date(2026, 1, 1) + dt.timedelta(days=i),
                "usd_per_unit": 1,
            },
            "standard_costs": lambda i: {"grade": "P3", "year": 1960 + i, "usd_per_day": i},
        }
        return as_csv(table(*(rows[kind](i) for i in range(1, n + 1))))

    def counted(content: bytes) -> tuple[int, int]:
        run = started(kind, content, officer)
        with CaptureQueriesContext(connection) as check:
            checking.check_run(run.pk, TODAY)
        runs.ask_to_write(run.pk, "Why not", officer)
        with CaptureQueriesContext(connection) as writes:
            writing.write_run(run.pk, AT)
        run.refresh_from_db()
        assert run.state == "written"
        return len(check), len(writes)

    few = counted(file(3))
    KINDS[kind].model.objects.filter(
        **({"code__startswith": "Q."} if kind == "projects" else {})
    ).delete()
    assert counted(file(20)) == few  # more take several INSERTs on SQLite


# --- the write: whole, once, and not over what others wrote


def test_of_two_who_say_write_at_once_one_is_heard(officer, rcm):
    run = checked("funding_lines", lines({}), officer)
    runs.ask_to_write(run.pk, "", officer)
    with pytest.raises(runs.NotThatFar):
        runs.ask_to_write(run.pk, "", officer)
    writing.write_run(run.pk, AT)
    writing.write_run(run.pk, AT)
    assert FundingLine.history.count() == 1
    assert ImportedRecord.objects.count() == 1


@pytest.mark.parametrize("what", ["changed", "deleted", "made"])
def test_a_file_that_somebody_has_overtaken_is_not_written_at_all(officer, rcm, what):
    line = money.FundingLineFactory(code="OSI.2", iscm=rcm, label="Secretariat")
    run = checked("funding_lines", lines({}, {"amount_usd": "7"}), officer)
    if what == "changed":
        line.amount_usd = Decimal("5.00")
        line.save()
    elif what == "deleted":
        line.delete()
    else:
        money.FundingLineFactory(code="OSI.1", iscm=rcm)
    before = sorted(FundingLine.objects.values_list("code", "amount_usd"))
    write(run, officer, reason="Late")
    assert (run.state, run.written_by) == ("refused", None)
    assert "Nothing was written. Check it again." in run.problem
    if what != "made":
        assert "“OSI.2”" in run.problem
    assert sorted(FundingLine.objects.values_list("code", "amount_usd")) == before
    assert not ImportedRecord.objects.exists()
    # Checked again it says what it would do now.
    runs.check_again(run.pk)
    checking.check_run(run.pk, TODAY)
    run.refresh_from_db()
    assert (run.state, run.problem) == ("checked", "")


def test_shares_that_somebody_filled_up_meanwhile_refuse_the_whole_file(officer, rcm):
    project = money.ProjectFactory(code="P.1")
    row = {"project": "P.1", "basis": "stated_share", "iscm": "rcm", "share_pct": 60}
    content = as_csv(table({**row, "year": 2025}, {**row, "year": 2026}))
    run = checked("attributions", content, officer)
    money.AttributionFactory(project=project, basis="stated_share", share_pct=Decimal("50"))
    assert write(run, officer).state == "refused"
    assert Attribution.objects.count() == 1
    runs.check_again(run.pk)
    checking.check_run(run.pk, TODAY)
    assert list(wrong(run)) == ["D3"]


def test_what_a_file_names_and_is_gone_by_now_refuses_it(officer, rcm):
    run = checked("funding_lines", lines({}), officer)
    rcm.delete()
    assert write(run, officer).state == "refused"
    assert "“rcm” is gone." in run.problem


def test_a_write_that_fails_half_way_leaves_nothing_and_can_be_run_again(officer, rcm, monkeypatch):
    monkeypatch.setattr(writing, "CHUNK", 2)
    run = checked("funding_lines", lines({}, {}, {}), officer)
    runs.ask_to_write(run.pk, "", officer)
    whole, chunks = writing._write_chunk, []

    def cut(kind, rows, written):
        chunks.append(rows)
        if len(chunks) == 2:
            raise KeyboardInterrupt
        whole(kind, rows, written)

    monkeypatch.setattr(writing, "_write_chunk", cut)
    with pytest.raises(KeyboardInterrupt):
        writing.write_run(run.pk, AT)
    assert (FundingLine.objects.count(), ImportRun.objects.get().state) == (0, "writing")
    writing.write_run(run.pk, AT)
    run.refresh_from_db()
    assert (FundingLine.objects.count(), run.state, run.written_rows) == (3, "written", 3)


def test_runs_that_stand_still_are_found_and_others_are_left(officer, rcm):
    still = started("funding_lines", lines({}), officer)
    done = checked("funding_lines", lines({}), officer)
    moved = ImportRun.objects.get(pk=still.pk).moved_at
    assert runs.standing_still(moved) == []
    assert runs.standing_still(moved + dt.timedelta(hours=1)) == [still]
    assert done.state == "checked"
