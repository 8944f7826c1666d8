"""A line keeps the rate that it was converted with; another one on record is shown, not applied."""

from __future__ import annotations

import datetime as dt
import threading
import time
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from finance.models import CurrencyRate, FundingLine
from finance.selectors.currency import rates_on_record
from finance.selectors.trace import version_of
from finance.services.importing import runs, writing
from finance.services.ledger import AtAnotherRate, delete_record, save_record
from tests.factories import engagements as make
from tests.factories import finance as money
from tests.finance.imported import AT, as_csv, checked, exported, table, write, wrong
from tests.finance.test_record_pages import opened

pytestmark = pytest.mark.django_db

DAY = dt.date(2026, 3, 31)
WORDS = "converted at 1.10, the rate on record is 1.20"


@pytest.fixture
def officer(client):
    user = make.UserFactory(access_group="finance", office=make.OfficeFactory())
    client.force_login(user)
    return user


@pytest.fixture
def rate():
    return money.CurrencyRateFactory(rated_on=DAY, usd_per_unit=Decimal("1.10"))


@pytest.fixture
def line(rate):
    """EUR 100 at 1.10."""
    return a_line()


def a_line(**values):
    converted = {
        "amount_usd": Decimal("110.00"),
        "original_currency": "EUR",
        "original_amount": Decimal("100.00"),
        "rate_used": Decimal("1.10"),
        "rated_on": DAY,
    }
    return money.FundingLineFactory(
        **{"code": "L.1", "label": "Secretariat", **converted, **values}
    )


def correct(rate, officer) -> None:
    save_record(rate, {"usd_per_unit": Decimal("1.20")}, officer, "Misread")


def words_of(answer) -> str:
    assert answer.status_code == 200
    return " ".join(answer.text.split())


def form_of(client, line) -> tuple[str, dict]:
    edit = f"/finance/funding-lines/{line.pk}/edit/"
    return edit, opened(client.get(edit).text)


# --- a corrected rate


def test_a_corrected_rate_changes_no_line_and_says_how_many_keep_the_old_one(
    client, officer, rate, line
):
    a_line(code="L.2", label="Other day", rated_on=dt.date(2026, 4, 1))
    edit = f"/finance/currency-rates/{rate.pk}/edit/"
    sent = opened(client.get(edit).text) | {"usd_per_unit": "1.20", "reason": "Misread"}
    page = words_of(client.post(edit, sent, follow=True))
    assert "1 funding line keeps the rate it was converted with. It stands below." in page
    assert f'<a href="/finance/funding-lines/{line.pk}/">Secretariat 2026</a>: {WORDS}' in page
    assert "Other day" not in page
    line.refresh_from_db()
    assert (line.amount_usd, line.rate_used) == (Decimal("110.00"), Decimal("1.10"))
    assert FundingLine.history.filter(id=line.pk).count() == 1


def test_lines_at_another_rate_are_to_be_completed_each_with_its_way(client, officer, rate, line):
    assert "another rate" not in words_of(client.get("/finance/"))
    correct(rate, officer)
    page = words_of(client.get("/finance/"))
    assert "Funding lines at another rate than the one on record</a> (<strong>1</strong>)" in page
    assert f"<td>{WORDS}</td>" in page
    assert f'href="/finance/funding-lines/{line.pk}/edit/"' in page
    assert WORDS in words_of(client.get(f"/finance/funding-lines/{line.pk}/"))


def test_a_line_whose_rate_is_gone_is_to_be_completed_too(client, officer, rate, line):
    delete_record(rate, officer, "Of another currency")
    words = "converted at 1.10, no rate is on record for its day"
    assert words in words_of(client.get("/finance/"))


def test_lines_in_usd_and_at_the_rate_on_record_are_in_no_list(client, officer, rate, line):
    money.FundingLineFactory(original_currency="USD", original_amount=1000)
    money.FundingLineFactory()
    assert "Nothing is to be completed." in words_of(client.get("/finance/"))
    assert "To look at" not in words_of(client.get(f"/finance/currency-rates/{rate.pk}/"))


def test_an_office_is_shown_its_own_lines_only(client, officer, rate, line):
    office = make.OfficeFactory()
    a_line(code="L.2", label="Our own", office=office)
    correct(rate, officer)
    client.force_login(make.UserFactory(access_group="reporter", office=office))
    for address in ("/finance/", f"/finance/currency-rates/{rate.pk}/"):
        page = words_of(client.get(address))
        assert ("Our own" in page, "Secretariat" in page) == (True, False)


def test_the_page_of_a_rate_asks_as_often_for_many_lines_as_for_few(client, officer, rate):
    def statements() -> int:
        with CaptureQueriesContext(connection) as seen:
            words_of(client.get(f"/finance/currency-rates/{rate.pk}/"))
        return len(seen)

    correct(rate, officer)
    a_line()
    words_of(client.get("/finance/"))
    few = statements()
    for number in range(20):
        a_line(code=f"M.{number}")
    assert statements() == few


# --- what is asked of a line afterwards


def test_other_words_of_a_line_change_by_page_and_by_file_whatever_the_rate_is_now(
    client, officer, rate, line
):
    correct(rate, officer)
    edit, sent = form_of(client, line)
    assert client.post(edit, sent | {"note": "As told."}).status_code == 302
    content = exported("funding_lines").replace(b"As told.", b"As written.")
    run = checked("funding_lines", content, officer)
    assert (wrong(run), run.changed, run.amounts_changed) == ({}, 1, 0)
    write(run, officer)
    line.refresh_from_db()
    assert (line.note, line.rate_used, line.amount_usd) == ("As written.", Decimal("1.10"), 110)


def test_another_amount_is_converted_at_the_rate_on_record_only(client, officer, rate, line):
    correct(rate, officer)
    edit, sent = form_of(client, line)
    sent |= {"original_amount": "200", "amount_usd": "220", "reason": "Misread"}
    answer = client.post(edit, sent)
    assert answer.status_code == 422
    message = "The rate on record for 31 March 2026 is 1.20. Correct it, or leave it empty."
    assert answer.context["form"].errors == {"rate_used": [message]}
    file = {"code": "L.1", "original_amount": 200, "amount_usd": 220}
    needed = {"source_of_funds": "osi", "supports": "iscm", "label": "Secretariat"}
    run = checked("funding_lines", as_csv(table({**file, **needed})), officer)
    assert list(wrong(run).values()) == [message]


@pytest.mark.parametrize("way", ["page", "file"])
def test_with_rate_and_amount_empty_a_line_is_converted_anew_for_a_reason(
    client, officer, rate, line, way
):
    correct(rate, officer)
    if way == "page":
        edit, sent = form_of(client, line)
        sent |= {"rate_used": "", "amount_usd": ""}
        assert client.post(edit, sent).context["form"].errors.keys() == {"reason"}
        assert client.post(edit, sent | {"reason": "New rate"}).status_code == 302
    else:
        file = {"code": "L.1", "rate_used": "", "amount_usd": ""}
        needed = {"source_of_funds": "osi", "supports": "iscm", "label": "Secretariat"}
        run = checked("funding_lines", as_csv(table({**file, **needed})), officer)
        with pytest.raises(runs.ReasonMissing):
            runs.ask_to_write(run.pk, "", officer)
        write(run, officer, "New rate")
    line.refresh_from_db()
    assert (line.rate_used, line.amount_usd) == (Decimal("1.20"), Decimal("120.00"))
    assert "Nothing is to be completed." in words_of(client.get("/finance/"))


def test_what_was_exported_comes_back_unchanged_whatever_the_rate_is_now(officer, rate, line):
    correct(rate, officer)
    run = checked("funding_lines", exported("funding_lines"), officer)
    assert (run.state, run.same, run.errors) == ("checked", 1, 0)


# --- writers who meet


def test_the_ledger_itself_takes_the_rate_on_record_only(officer, rate):
    line = money.FundingLineFactory()
    values = {
        "original_currency": "EUR",
        "original_amount": Decimal(100),
        "rated_on": DAY,
        "rate_used": Decimal(2),
        "amount_usd": Decimal(200),
    }
    with pytest.raises(AtAnotherRate, match=r"is 1\.10") as refusal:
        save_record(line, values, officer, "Slip")
    assert refusal.value.field == "rate_used"
    line.refresh_from_db()
    assert line.original_currency == ""


def test_a_rate_that_moves_between_form_and_write_is_told_at_its_field(
    client, officer, rate, line, monkeypatch
):
    """The form saw 1.10; by the time of the write it is 1.20."""
    edit, sent = form_of(client, line)
    sent |= {"original_amount": "200", "amount_usd": "220", "reason": "Misread"}

    def moved(*args, **kwargs):
        CurrencyRate.objects.update(usd_per_unit=Decimal("1.20"))
        return save_record(*args, **kwargs)

    monkeypatch.setattr("finance.views.records.save_record", moved)
    answer = client.post(edit, sent)
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == ["rate_used"]
    assert 'name="original_amount" value="200"' in answer.text
    line.refresh_from_db()
    assert line.original_amount == 100


@pytest.mark.django_db(transaction=True)
def test_a_line_waits_for_a_rate_that_is_being_corrected_and_is_then_refused():
    officer = make.UserFactory(access_group="finance")
    rate = money.CurrencyRateFactory(rated_on=DAY, usd_per_unit=Decimal("1.10"))
    line = a_line()
    outcomes: list[str] = []

    def write_line() -> None:
        try:
            values = {"original_amount": Decimal(200), "amount_usd": Decimal(220)}
            save_record(line, values, officer, "Misread", seen=version_of(line))
            outcomes.append("written")
        except AtAnotherRate:
            outcomes.append("refused")
        finally:
            connection.close()

    writer = threading.Thread(target=write_line)
    with transaction.atomic():
        correct(rate, officer)
        writer.start()
        time.sleep(0.5)
        assert outcomes == []
    writer.join()
    assert outcomes == ["refused"]
    line.refresh_from_db()
    assert (line.original_amount, line.amount_usd) == (100, 110)


@pytest.mark.django_db(transaction=True)
def test_writers_of_lines_at_one_rate_do_not_wait_for_each_other_over_it():
    """Else a file of many lines and a page would: each holds what the other wants next. (SQLite
    has one writer at a time.)"""
    officer = make.UserFactory(access_group="finance")
    money.CurrencyRateFactory(rated_on=DAY, usd_per_unit=Decimal("1.10"))
    line = a_line()
    outcomes: list[str] = []

    def write_line() -> None:
        try:
            values = {"original_amount": Decimal(200), "amount_usd": Decimal(220)}
            save_record(line, values, officer, "Misread")
            outcomes.append("written")
        finally:
            connection.close()

    writer = threading.Thread(target=write_line)
    with transaction.atomic():
        assert rates_on_record({("EUR", DAY)}, hold=True) == {("EUR", DAY): Decimal("1.10")}
        writer.start()
        writer.join(1)
        assert bool(outcomes) == (connection.vendor == "postgresql")
    writer.join()
    assert outcomes == ["written"]


@pytest.mark.parametrize("is_new", [True, False])
def test_a_file_that_a_corrected_rate_has_overtaken_is_not_written(officer, rate, is_new):
    iscm = make.ISCMFactory(slug="rcm")
    if not is_new:
        money.FundingLineFactory(code="N.1", iscm=iscm, label="New")
    row = {
        "code": "N.1",
        "label": "New",
        "year": 2026,
        "source_of_funds": "osi",
        "supports": "iscm",
        "iscm": "rcm",
        "original_currency": "EUR",
        "original_amount": 100,
        "rated_on": "2026-03-31",
        "amount_usd": "",
    }
    run = checked("funding_lines", as_csv(table(row)), officer)
    correct(rate, officer)
    runs.ask_to_write(run.pk, "Budget", officer)
    writing.write_run(run.pk, AT)
    run.refresh_from_db()
    assert run.state == "refused"
    assert "The rate on record is another one now: “N.1”." in run.problem
    assert not FundingLine.objects.filter(original_currency="EUR").exists()
    runs.check_again(run.pk)


def test_a_file_of_other_words_is_written_whatever_the_rate_is_now(officer, rate, line):
    row = {"code": "L.1", "label": "Other words", "source_of_funds": "osi", "supports": "iscm"}
    run = checked("funding_lines", as_csv(table(row)), officer)
    correct(rate, officer)
    assert write(run, officer).state == "written"
    line.refresh_from_db()
    assert (line.label, line.rate_used) == ("Other words", Decimal("1.10"))
