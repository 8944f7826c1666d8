"""An import is undone as a whole, to what stood before, or not at all."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from finance.models import (
    Attribution,
    CurrencyRate,
    FundingLine,
    ImportRow,
    Position,
    PositionShare,
    Project,
    TimeEntry,
)
from finance.services.importing import runs, undoing
from tests.factories import engagements as make
from tests.factories import finance as money
from tests.finance.imported import AT, as_csv, checked, exported, table, undo, write

pytestmark = pytest.mark.django_db

POST = {"code": "B.1", "title": "Officer", "office": "co-bangkok", "paid_by": "office"}


@pytest.fixture
def officer():
    return make.UserFactory(access_group="finance", office=None)


@pytest.fixture(autouse=True)
def directory():
    for slug in ("rcm", "bali-process", "sacm"):
        make.ISCMFactory(slug=slug)
    make.OfficeFactory(slug="co-bangkok")
    for slug in ("japan", "european-union"):
        make.OrganisationFactory(slug=slug)


def written(kind, officer, *rows, reason="As agreed"):
    run = write(checked(kind, as_csv(table(*rows)), officer), officer, reason)
    assert run.state == "written", run.problem
    return run


def test_what_it_made_is_gone_and_what_it_changed_is_as_it_was(officer):
    old = money.ProjectFactory(code="P.1", title="Old", starts_on=dt.date(2020, 1, 1))
    before = exported("projects")
    run = written(
        "projects",
        officer,
        {"code": "P.1", "title": "New", "starts_on": "", "donors": "japan"},
        {"code": "P.2", "title": "Two", "donors": "japan; european-union"},
    )
    other = make.UserFactory(access_group="finance", office=None)
    assert undo(run, other).state == "undone"
    assert exported("projects") == before
    assert (run.undone_by, run.undone_at, run.written_by) == (other, AT, officer)
    last = old.history.order_by("history_id").last()
    assert (last.title, last.history_user, last.history_change_reason) == (
        "Old",
        other,
        f"Undo of import {run.pk}: Wrong file",
    )
    gone = Project.history.filter(code="P.2").order_by("history_id").last()
    assert (gone.history_type, gone.history_user) == ("-", other)
    assert run.records.count() == 2  # who wrote what stays known


def test_donors_come_back_also_those_written_past_the_history(officer):
    project = money.ProjectFactory(code="P.1", title="T")
    japan = make.OrganisationFactory(slug="sweden")
    Project.donors.through.objects.create(project=project, organisation=japan)
    run = written("projects", officer, {"code": "P.1", "title": "T", "donors": "japan"})
    assert [donor.slug for donor in project.donors.all()] == ["japan"]
    undo(run, officer)
    assert [donor.slug for donor in project.donors.all()] == ["sweden"]


def test_shares_of_a_post_come_back_with_the_post(officer):
    written("positions", officer, {**POST, "shares": "rcm:80; bali-process:20"})
    before = exported("positions")
    run = written("positions", officer, {**POST, "shares": "rcm:20; sacm:80"})
    assert PositionShare.objects.count() == 2
    assert undo(run, officer).state == "undone"
    assert exported("positions") == before


def test_a_post_that_an_import_made_goes_with_its_shares(officer):
    run = written("positions", officer, {**POST, "shares": "rcm:80"})
    undo(run, officer)
    assert (Position.objects.count(), PositionShare.objects.count()) == (0, 0)
    kinds = PositionShare.history.order_by("history_id").values_list("history_type", flat=True)
    assert list(kinds) == ["+", "-"]


def test_shares_that_changed_places_change_back(officer):
    money.ProjectFactory(code="P.1")
    row = {"project": "P.1", "year": 2026, "basis": "stated_share"}
    written(
        "attributions",
        officer,
        {**row, "iscm": "rcm", "share_pct": 80},
        {**row, "iscm": "sacm", "share_pct": 20},
    )
    before = exported("attributions")
    run = written(
        "attributions",
        officer,
        {**row, "iscm": "rcm", "share_pct": 20},
        {**row, "iscm": "sacm", "share_pct": 30},
        {**row, "iscm": "bali-process", "share_pct": 50},
    )
    assert undo(run, officer).state == "undone"
    assert exported("attributions") == before


def test_a_record_that_somebody_changed_since_stops_the_whole(officer):
    money.ProjectFactory(code="P.1", title="Old")
    run = written(
        "projects",
        officer,
        {"code": "P.1", "title": "New"},
        {"code": "P.2", "title": "Two"},
        {"code": "P.3", "title": "Three"},
    )
    Project.objects.filter(code="P.3").update(title="Mine")
    undo(run, officer)
    assert (run.state, run.undone_by) == ("written", None)
    assert run.problem == "It can't be undone. 1 record was changed since: “P.3”."
    assert sorted(Project.objects.values_list("title", flat=True)) == ["Mine", "New", "Two"]
    Project.objects.filter(code="P.3").delete()
    assert "“P.3”" in undo(run, officer).problem
    Project.objects.get(code="P.2").donors.add(make.OrganisationFactory())
    assert "2 records were changed since: “P.2”, “P.3”." in undo(run, officer).problem


def test_the_page_leads_to_each_record_that_hinders_the_undoing(officer, client):
    run = written(
        "positions",
        officer,
        {**POST, "shares": "rcm:20"},
        {**POST, "code": "B.2"},
        {**POST, "code": "B.3"},
    )
    first, second, _third = Position.objects.order_by("code")
    PositionShare.objects.update(share_pct=30)
    money.TimeEntryFactory(position=second)
    undo(run, officer)
    client.force_login(officer)

    def told() -> str:
        return client.get(f"/imports/{run.pk}/").text.split("callout-bad")[1].split("</div>")[0]

    assert "1 record was changed since: “B.1”. 1 record is used by others: “B.2”." in told()
    assert f'<a href="/finance/positions/{first.pk}/">B.1</a>' in told()
    assert f'<a href="/finance/positions/{second.pk}/">B.2</a>' in told()
    assert "B.3" not in told()
    for post in (first, second):
        assert client.get(f"/finance/positions/{post.pk}/").status_code == 200
    PositionShare.objects.update(share_pct=20)
    TimeEntry.objects.all().delete()
    assert (undo(run, officer).state, run.hindered_by) == ("undone", [])


@pytest.mark.parametrize(
    "use",
    [
        lambda project: money.FundingLineFactory(project=project),
        lambda project: money.AttributionFactory(project=project),
        lambda project: money.PositionFactory(paid_by="counted_line", project=project),
        lambda project: money.ProposalFactory(project=project),
    ],
)
def test_a_record_that_something_rests_on_by_now_stops_the_whole(officer, use):
    run = written("projects", officer, {"code": "P.1", "title": "T"}, {"code": "P.2", "title": "T"})
    use(Project.objects.get(code="P.2"))
    undo(run, officer)
    assert run.problem == "It can't be undone. 1 record is used by others: “P.2”."
    assert Project.objects.count() == 2


def test_a_share_that_somebody_gave_a_post_since_is_a_use_of_it(officer):
    run = written("positions", officer, {**POST, "shares": "rcm:80"})
    share = money.PositionShareFactory(position=Position.objects.get())
    assert "is used by others: “B.1”" in undo(run, officer).problem
    share.delete()
    PositionShare.objects.update(share_pct=Decimal("70.00"))
    assert "was changed since: “B.1”" in undo(run, officer).problem


def test_what_stood_before_but_fits_no_more_is_refused_as_a_whole(officer):
    project = money.ProjectFactory(code="P.1")
    row = {"project": "P.1", "year": 2026, "iscm": "rcm", "basis": "stated_share"}
    written("attributions", officer, {**row, "share_pct": 80})
    run = written("attributions", officer, {**row, "share_pct": 20})
    money.AttributionFactory(project=project, basis="stated_share", share_pct=Decimal("60"))
    undo(run, officer)
    assert run.state == "written"
    assert "does not go with what was written since" in run.problem
    assert sum(Attribution.objects.values_list("share_pct", flat=True)) == 80


def test_of_two_imports_the_later_is_undone_first_and_then_the_earlier(officer):
    first = written("projects", officer, {"code": "P.1", "title": "One"})
    second = written("projects", officer, {"code": "P.1", "title": "Two"})
    assert "was changed since" in undo(first, officer).problem
    assert undo(second, officer).state == "undone"
    assert Project.objects.get().title == "One"
    assert undo(first, officer).state == "undone"
    assert not Project.objects.exists()


def test_a_record_without_history_gets_back_what_stood_there(officer):
    project = money.ProjectFactory(code="P.1", title="Past the history")
    Project.history.all().delete()
    run = written("projects", officer, {"code": "P.1", "title": "New"})
    undo(run, officer)
    project.refresh_from_db()
    assert project.title == "Past the history"


def test_an_undoing_that_fails_half_way_leaves_all_and_can_be_run_again(officer, monkeypatch):
    monkeypatch.setattr(undoing, "CHUNK", 1)
    money.ProjectFactory(code="P.1", title="Old")
    run = written(
        "projects", officer, {"code": "P.1", "title": "New"}, {"code": "P.2", "title": "Two"}
    )
    after = exported("projects")
    whole = undoing._Undoing.give_back

    def cut(self, piece, raised):
        raise KeyboardInterrupt

    monkeypatch.setattr(undoing._Undoing, "give_back", cut)
    runs.ask_to_undo(run.pk, "Wrong file", officer)
    with pytest.raises(KeyboardInterrupt):
        undoing.undo_run(run.pk, AT)
    run.refresh_from_db()
    assert (run.state, exported("projects")) == ("undoing", after)
    monkeypatch.setattr(undoing._Undoing, "give_back", whole)
    undoing.undo_run(run.pk, AT)
    undoing.undo_run(run.pk, AT)
    run.refresh_from_db()
    assert (run.state, Project.objects.get().title) == ("undone", "Old")
    assert Project.history.filter(code="P.1").count() == 3


def test_only_what_is_written_can_be_undone_and_once(officer):
    run = checked("projects", as_csv([["code", "title"], ["P.1", "T"]]), officer)
    with pytest.raises(runs.NotThatFar):
        runs.ask_to_undo(run.pk, "Wrong file", officer)
    write(run, officer)
    undo(run, officer)
    with pytest.raises(runs.NotThatFar):
        runs.ask_to_undo(run.pk, "Wrong file", officer)
    assert not ImportRow.objects.exists()


def test_undoing_asks_as_often_for_many_records_as_for_few(officer):
    def counted(n: int) -> int:
        money.FundingLineFactory(code="L.0", label="Old", supports="grcp")
        row = {"source_of_funds": "osi", "supports": "grcp", "year": 2026, "amount_usd": 5}
        run = written(
            "funding_lines",
            officer,
            *({**row, "code": f"L.{i}", "label": "New"} for i in range(n)),
        )
        runs.ask_to_undo(run.pk, "Wrong file", officer)
        with CaptureQueriesContext(connection) as asked:
            undoing.undo_run(run.pk, AT)
        run.refresh_from_db()
        assert run.state == "undone"
        FundingLine.objects.all().delete()
        return len(asked)

    assert counted(3) == counted(20)


# --- rates, and what was converted with them


def rated(officer):
    """An import of two rates, and lines: converted with a rate of it, with the one that stood for
    the same day before, and with none."""
    money.FundingLineFactory(
        code="L.2",
        label="At the rate of before",
        year=2026,
        supports="grcp",
        iscm=None,
        original_currency="EUR",
        original_amount=100,
        rated_on=dt.date(2026, 3, 31),
        rate_used=Decimal("1.10"),
        amount_usd=110,
    )
    rates = written(
        "currency_rates",
        officer,
        {"currency": "EUR", "rated_on": "2026-03-31", "usd_per_unit": "1.08"},
        {"currency": "CHF", "rated_on": "2026-03-31", "usd_per_unit": "1.12"},
    )
    line = {"source_of_funds": "osi", "supports": "grcp", "year": 2026, "rated_on": "2026-03-31"}
    euro = {**line, "original_currency": "EUR", "original_amount": 100}
    written(
        "funding_lines",
        officer,
        {**euro, "code": "L.1", "label": "At the rate of the day"},
        {**line, "code": "L.3", "label": "In dollars", "amount_usd": 5, "rated_on": ""},
    )
    return rates


def test_undoing_rates_leaves_each_line_as_it_was_converted(officer):
    rates = rated(officer)
    before = exported("funding_lines")
    versions = FundingLine.history.count()
    assert undo(rates, officer).state == "undone"
    assert not CurrencyRate.objects.exists()
    assert (exported("funding_lines"), FundingLine.history.count()) == (before, versions)
    line = FundingLine.objects.get(code="L.1")
    assert (line.amount_usd, line.rate_used) == (Decimal("108.00"), Decimal("1.08"))
    # The sheet of the lines still goes in as it came out.
    assert checked("funding_lines", before, officer).same == 3


def test_a_changed_rate_comes_back_and_the_lines_keep_the_one_that_they_were_converted_with(
    officer,
):
    rated(officer)
    row = {"currency": "EUR", "rated_on": "2026-03-31", "usd_per_unit": "1.25"}
    change = written("currency_rates", officer, row)
    before = exported("funding_lines")
    undo(change, officer)
    assert CurrencyRate.objects.get(currency="EUR").usd_per_unit == Decimal("1.08")
    assert exported("funding_lines") == before


def test_the_page_of_a_rates_import_names_the_amounts_that_rest_on_it(officer, client):
    rates = rated(officer)
    client.force_login(officer)
    page = " ".join(client.get(f"/imports/{rates.pk}/").text.split())
    told = page.split("Amounts that rest on these rates")[1].split("</section>")[0]
    line = FundingLine.objects.get(code="L.1")
    assert f'href="/finance/funding-lines/{line.pk}/">L.1</a>' in told
    assert "leaves these amounts as they are" in told
    assert "108" in told
    assert "L.2" not in told
    assert "L.3" not in told
    row = {"currency": "EUR", "rated_on": "2026-03-30", "usd_per_unit": "1"}
    unused = written("currency_rates", officer, row)
    assert "No amount was converted with them." in client.get(f"/imports/{unused.pk}/").text
    other = written("projects", officer, {"code": "P.1", "title": "T"})
    assert "rest on these rates" not in client.get(f"/imports/{other.pk}/").text


def test_the_page_of_a_rates_import_asks_as_often_for_many_amounts_as_for_few(officer, client):
    rates = rated(officer)
    client.force_login(officer)

    def counted() -> int:
        client.get(f"/imports/{rates.pk}/")
        with CaptureQueriesContext(connection) as asked:
            client.get(f"/imports/{rates.pk}/")
        return len(asked)

    few = counted()
    for _n in range(60):
        money.FundingLineFactory(
            supports="grcp",
            original_currency="CHF",
            original_amount=100,
            rate_used=Decimal("1.12"),
            rated_on=dt.date(2026, 3, 31),
            amount_usd=112,
        )
    assert counted() == few
    first = client.get(f"/imports/{rates.pk}/").text
    place = first.split('href="?after_amounts=')[1].split('"')[0]
    second = client.get(f"/imports/{rates.pk}/?after_amounts={place}").text
    assert [page.count("/finance/funding-lines/") for page in (first, second)] == [50, 11]
