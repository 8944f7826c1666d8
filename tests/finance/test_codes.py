"""Every funding line and post has a code, whoever wrote it, so that a file can name each."""

from __future__ import annotations

import importlib
import re
from decimal import Decimal

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from finance.models import FundingLine, Position, codes
from finance.selectors.trace import version_of
from finance.services.from_report import record_from_report
from finance.services.importing import runs
from reporting.management.seed import money as seed
from tests.factories import engagements as make
from tests.factories import finance as money
from tests.finance.imported import as_csv, checked, exported, table, write, wrong

pytestmark = pytest.mark.django_db

READABLE = re.compile(r"[LP]-[2-9A-HJKMNP-TV-Z]{5}-[2-9A-HJKMNP-TV-Z]{5}")
POST = {"title": "Officer", "office": "co-bangkok", "paid_by": "office"}


@pytest.fixture
def officer():
    return make.UserFactory(access_group="finance", office=None)


@pytest.fixture
def signed_in(client, officer):
    client.force_login(officer)
    return client


def test_what_nobody_names_gets_a_code_of_its_own_that_can_be_read_out():
    line, other, post = (
        money.FundingLineFactory(),
        money.FundingLineFactory(),
        money.PositionFactory(),
    )
    assert all(READABLE.fullmatch(row.code) for row in (line, other, post))
    assert (line.code[0], post.code[0], line.code != other.code) == ("L", "P", True)
    assert len({codes.line_code() for _draw in range(2000)}) == 2000
    assert line.history.get().code == line.code


def test_the_database_holds_no_line_and_no_post_without_a_code():
    for factory in (money.FundingLineFactory, money.PositionFactory):
        for nothing in ("", None):
            with pytest.raises(IntegrityError), transaction.atomic():
                factory(code=nothing)


def test_the_travel_cost_of_an_accepted_report_is_in_the_template_of_lines(officer):
    line = FundingLine(
        year=2026,
        source_of_funds="travel",
        supports="grcp",
        label="Travel: a meeting",
        amount_usd=Decimal("800.00"),
        report_number=7,
        report_item=1,
    )
    record_from_report([], [line], officer)
    assert READABLE.fullmatch(FundingLine.objects.get().code)
    assert "Travel: a meeting" in exported("funding_lines").decode()


# --- on pages


def test_a_form_leaves_the_code_to_the_portal_and_keeps_the_one_that_is_there(signed_in):
    office = make.OfficeFactory()
    page = signed_in.get("/finance/positions/new/").text
    assert 'name="code" maxlength="40"' in page
    assert "Left empty, the portal gives one." in page
    assert "initial-code" not in page
    assert not READABLE.search(page)
    values = {"title": "Officer", "office": office.pk, "paid_by": "office", "has_tor": "unknown"}
    values |= {"shares-TOTAL_FORMS": "0", "shares-INITIAL_FORMS": "0"}
    signed_in.post("/finance/positions/new/", {**values, "code": ""})
    post = Position.objects.get()
    assert READABLE.fullmatch(post.code)
    address = f"/finance/positions/{post.pk}/"
    assert post.code in signed_in.get(address).text
    assert post.code in signed_in.get("/finance/positions/").text
    version = version_of(post)
    answer = signed_in.post(
        f"{address}edit/", {**values, "title": "Adviser", "code": "", "version": version}
    )
    assert answer.status_code == 302, answer.text
    before = post.code
    post.refresh_from_db()
    assert (post.title, post.code) == ("Adviser", before)


def test_a_code_that_another_line_has_is_told_at_its_field(signed_in):
    money.FundingLineFactory(code="L.1")
    values = {"code": "L.1", "label": "A", "year": 2026, "source_of_funds": "osi"}
    values |= {"supports": "grcp", "amount_usd": "5", "is_counted": "on"}
    answer = signed_in.post("/finance/funding-lines/new/", values)
    assert answer.status_code == 422
    assert 'href="#id_code"' in answer.text
    signed_in.post("/finance/funding-lines/new/", {**values, "code": ""})
    assert READABLE.fullmatch(FundingLine.objects.exclude(code="L.1").get().code)


# --- in files


def test_a_template_holds_every_line_and_post_also_those_that_nobody_named(officer):
    lines = {money.FundingLineFactory(supports="grcp").code for _n in range(3)}
    make.OfficeFactory(slug="co-bangkok")
    posts = {money.PositionFactory().code for _n in range(2)}
    for kind, known in (("funding_lines", lines), ("positions", posts)):
        content = exported(kind)
        assert all(code in content.decode() for code in known)
        run = checked(kind, content, officer)
        assert (run.same, run.new, run.changed, run.errors) == (len(known), 0, 0, 0)


def test_a_line_that_nobody_named_is_taken_out_corrected_and_put_back(officer):
    line = money.FundingLineFactory(supports="grcp", label="Secretariatt")
    content = exported("funding_lines").replace(b"Secretariatt", b"Secretariat")
    run = write(checked("funding_lines", content, officer), officer)
    assert (run.state, run.changed, run.new) == ("written", 1, 0)
    line.refresh_from_db()
    assert (line.label, FundingLine.objects.count()) == ("Secretariat", 1)


@pytest.mark.parametrize("kind", ["positions", "funding_lines"])
def test_a_row_without_a_code_is_refused_at_its_cell_so_that_twice_makes_nothing_twice(
    officer, kind
):
    make.OfficeFactory(slug="co-bangkok")
    line = {"source_of_funds": "osi", "supports": "grcp", "year": 2026, "amount_usd": 5}
    row = {"code": "", **(POST if kind == "positions" else {**line, "label": "New"})}
    for _time in range(2):
        run = checked(kind, as_csv(table(row)), officer)
        assert run.state == "refused"
        assert "Give a new record a code of your own" in wrong(run)["A2"]
    assert not FundingLine.objects.exists()
    assert not Position.objects.exists()


@pytest.mark.parametrize("told", [{"report_number": 7, "report_item": 1}, {"printed_table": 4}, {}])
def test_what_a_report_or_the_evaluation_tells_is_changed_by_a_file_with_a_reason_only(
    officer, told
):
    money.FundingLineFactory(supports="grcp", label="Before", **told)
    content = exported("funding_lines").replace(b"Before", b"After")
    run = checked("funding_lines", content, officer)
    assert run.amounts_changed == bool(told)
    if told:
        with pytest.raises(runs.ReasonMissing):
            runs.ask_to_write(run.pk, "", officer)
        assert FundingLine.objects.get().label == "Before"
    write(run, officer, "Misspelt" if told else "")
    assert FundingLine.objects.get().label == "After"


# --- loaded


def test_the_real_posts_have_codes_of_their_own_that_a_second_load_leaves(capsys):
    call_command("load_evaluation", verbosity=0)
    before = dict(Position.objects.values_list("title", "code"))
    assert set(before.values()) == {record["code"] for record in seed.build_positions()}
    history = Position.history.count()
    call_command("load_evaluation", again=True)
    assert dict(Position.objects.values_list("title", "code")) == before
    assert Position.history.count() == history
    assert "evaluation_2019/positions: 6 unchanged" in capsys.readouterr().out
    assert not FundingLine.objects.filter(code__startswith="L-").exists()


# --- from before


@pytest.mark.only_on("postgresql")  # SQLite can't let a column be empty again
def test_rows_from_before_get_a_code_made_of_their_number_and_so_do_their_versions():
    line, nameless, gone = (money.FundingLineFactory() for _n in range(3))
    post = money.PositionFactory()
    number = gone.pk
    gone.delete()
    # Where one is named as a given code would be, these begin otherwise.
    for own, beginning in (("OSI.1", "L-"), ("L-1", "LL-")):
        asked = codes_given(line.pk, own)
        assert dict(FundingLine.objects.values_list("pk", "code")) == {
            line.pk: own,
            nameless.pk: f"{beginning}{nameless.pk}",
        }
        versions = FundingLine.history.filter(id=number).values_list("code", flat=True)
        assert set(versions) == {f"{beginning}{number}"}
        for posts in (Position.objects, Position.history):
            assert [post.code for post in posts.all()] == [f"P-{post.pk}"]
        changes = [sql for sql in asked if sql.startswith("UPDATE")]
        assert len(changes) == 4  # sets, whatever the number of rows


def codes_given(named: int, own: str) -> list[str]:
    """Give codes to all rows but the line ``named``, whose own is kept; returns what was asked."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for name in ("fundingline", "position", "historicalfundingline", "historicalposition"):
            cursor.execute(f"ALTER TABLE finance_{name} ALTER code DROP NOT NULL")
            cursor.execute(f"UPDATE finance_{name} SET code = NULL")
        for name in ("fundingline", "historicalfundingline"):
            cursor.execute(f"UPDATE finance_{name} SET code = %s WHERE id = %s", [own, named])
    migration = importlib.import_module("finance.migrations.0007_codes_for_all")
    with CaptureQueriesContext(connection) as asked:
        migration.give_codes(apps, None)
    return [query["sql"] for query in asked.captured_queries]
