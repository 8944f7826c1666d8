"""Lists as of a past day: what was on record at its end, and what hung on it then."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from finance.models import FundContribution, Position, PositionShare, Project
from finance.services import funds as fund_verbs
from finance.services import ledger
from tests.api.client import LISTS, Api, accepted_report, view_of
from tests.factories import engagements as make
from tests.factories import finance as money

pytestmark = pytest.mark.django_db

KEPT = [name for name in LISTS if view_of(name).is_kept]
MARCH, JUNE = "2026-03-31", "2026-06-01"


def on(day: str) -> Any:
    return time_machine.travel(f"{day}T12:00:00Z", tick=False)


def change(record: Any, **values: Any) -> None:
    for name, value in values.items():
        setattr(record, name, value)
    record.save()


@pytest.mark.parametrize("name", KEPT)
def test_a_list_of_a_past_day_has_what_was_on_record_then(name: str) -> None:
    api = Api()
    with on(MARCH):
        LISTS[name][1]()
    with on(JUNE):
        LISTS[name][1]() if name != "funds" else money.ReserveFundFactory()
    assert api.results(f"{name}/", as_of="2026-03-30") == []
    (then,) = api.results(f"{name}/", as_of=MARCH)
    assert len(api.results(f"{name}/", as_of=JUNE)) == 2
    assert then["id"] in [row["id"] for row in api.results(f"{name}/")]
    assert api.read(f"{name}/{then['id']}/", as_of=MARCH) == then
    assert [row["id"] for row in api.table(f"{name}/", as_of=MARCH)] == [str(then["id"])]


@pytest.mark.parametrize("name", KEPT)
@pytest.mark.parametrize("day", ["2100-01-01", "1950-12-31", "yesterday", "2026-02-30"])
def test_a_day_to_come_or_that_is_none_is_refused_at_its_parameter(name: str, day: str) -> None:
    errors = Api().errors(f"{name}/", as_of=day)
    assert list(errors) == ["as_of"]
    assert errors["as_of"][0].startswith("Give a day from 1951-01-01 to ")


def test_resources_refuse_a_day_to_come_too() -> None:
    assert list(Api().errors("resources/", as_of="2100-01-01")) == ["as_of"]


@pytest.mark.parametrize("name", [name for name in LISTS if name not in KEPT])
def test_other_lists_say_that_they_know_no_past_days(name: str) -> None:
    assert list(Api().errors(f"{name}/", as_of=MARCH)) == ["as_of"]


@pytest.mark.parametrize(
    "name", ["agenda-items", "support-requests", "partnerships", "policy-instruments", "follow-ups"]
)
def test_what_a_correction_took_out_of_a_report_is_shown_of_no_day(name: str) -> None:
    """Maybe a State was named in it; what was never of a report is a record like others."""
    model = view_of(name).queryset.model
    with on(MARCH):
        for _ in range(3):
            LISTS[name][1]()
        gone, kept, of_none = model.objects.order_by("pk")[:3]
        change(gone, report_number=30, report_item=1)
        change(kept, report_number=30, report_item=2)
    with on(JUNE):
        gone_id = gone.pk
        gone.delete()
        removed_id = of_none.pk
        of_none.delete()
    api = Api()
    wanted = {kept.pk, removed_id}
    assert {row["id"] for row in api.results(f"{name}/", as_of=MARCH)} == wanted
    assert {int(row["id"]) for row in api.table(f"{name}/", as_of=MARCH)} == wanted
    assert api.get(f"{name}/{gone_id}/", as_of=MARCH).status_code == 404


def test_a_changed_line_has_its_old_amount_and_a_deleted_one_is_there() -> None:
    with on(MARCH):
        line = money.FundingLineFactory(amount_usd=20_000, code="L.1")
        gone = money.FundingLineFactory(amount_usd=7, code="L.2")
    with on(JUNE):
        change(line, amount_usd=Decimal(500))
        gone.delete()
    api = Api()
    then = api.results("funding-lines/", as_of=MARCH)
    assert [(row["code"], row["amount_usd"]) for row in then] == [
        ("L.1", "20000.00"),
        ("L.2", "7.00"),
    ]
    assert api.read("funding-lines/L.2/", as_of=MARCH)["amount_usd"] == "7.00"
    assert api.get("funding-lines/L.2/").status_code == 404
    now = api.results("funding-lines/")
    assert [(row["code"], row["amount_usd"]) for row in now] == [("L.1", "500.00")]


def test_filters_ask_the_past_too() -> None:
    rcm, sacm = make.ISCMFactory(slug="rcm"), make.ISCMFactory(slug="sacm")
    with on(MARCH):
        line = money.FundingLineFactory(iscm=rcm, year=2025)
        share = money.AttributionFactory(iscm=rcm, year=2026)
        held = money.PositionShareFactory(iscm=rcm)
    with on(JUNE):
        change(line, iscm=sacm, year=2026)
        change(share, iscm=sacm)
        held.delete()
    api = Api()
    for name, record in (
        ("funding-lines/", line.pk),
        ("attributions/", share.pk),
        ("projects/", share.project_id),
        ("positions/", held.position_id),
    ):
        assert [r["id"] for r in api.results(name, iscm="rcm", as_of=MARCH)] == [record]
        assert api.results(name, iscm="rcm") == []
    assert len(api.results("funding-lines/", year=2025, as_of=MARCH)) == 1
    assert api.results("funding-lines/", year=2026, as_of=MARCH) == []


def test_donors_shares_and_the_years_of_a_fund_are_those_of_the_day() -> None:
    japan, sweden = make.OrganisationFactory(slug="japan"), make.OrganisationFactory(slug="sweden")
    officer = make.UserFactory(access_group="finance", office=None)
    country = make.CountryFactory()
    with on(MARCH):
        project = money.ProjectFactory(donors=[japan])
        change(project, title="Told with its donors")
        post = money.PositionFactory()
        share = money.PositionShareFactory(position=post, share_pct=25)
        fund = money.ReserveFundFactory()
        receive(fund, 300, country, officer)
    with on(JUNE):
        ledger.save_record(project, {"donors": [sweden]}, officer, "Another one pays")
        change(share, share_pct=Decimal(75))
        receive(fund, 11, country, officer)
    api = Api()

    def answers(**day: str) -> tuple[Any, ...]:
        (one,) = api.results("projects/", **day)
        (two,) = api.results("positions/", **day)
        (three,) = api.results("funds/", **day)
        return (
            one["donors"],
            [row["share_pct"] for row in two["shares"]],
            (three["balance_usd"], [year["balance_usd"] for year in three["years"]]),
        )

    assert answers(as_of=MARCH) == (["japan"], ["25.00"], ("300.00", ["300.00"]))
    assert answers() == (["sweden"], ["75.00"], ("311.00", ["311.00"]))
    assert Project.objects.count() == Position.objects.count() == PositionShare.objects.count() == 1


def receive(fund: Any, amount: int, country: Any, actor: Any) -> None:
    fund_verbs.receive(
        FundContribution(
            fund=fund, received_on=dt.date(2026, 1, 5), country=country, amount_usd=amount
        ),
        actor,
    )


def test_pages_of_a_past_day_go_on_in_the_same_order() -> None:
    with on(MARCH):
        lines = [money.FundingLineFactory() for _ in range(7)]
    for line in lines[::2]:
        with on(JUNE):
            change(line, amount_usd=Decimal(1))
    api = Api()
    found = api.all("funding-lines/", as_of=MARCH, page_size=2)
    assert [row["id"] for row in found] == [line.pk for line in lines]
    assert {row["amount_usd"] for row in found} == {"1000.00"}


def test_a_record_that_a_report_wrote_is_there_from_its_day_on() -> None:
    with on(JUNE):
        report = accepted_report()
        money.TimeEntryFactory(report_number=report.pk, report_item=1)
    api = Api()
    assert api.results("time-entries/", as_of=MARCH) == []
    (row,) = api.results("time-entries/", as_of=JUNE)
    assert row["report"] == report.pk


def test_every_list_whose_versions_are_kept_can_be_asked_for_a_past_day() -> None:
    """But reports, lessons, duties and surveys: what a correction took away stays away, and a state
    that is worked out by the day has no versions."""
    kept = {name for name in LISTS if hasattr(view_of(name).queryset.model, "history")}
    assert kept - set(KEPT) == {"reports", "lessons", "duties", "surveys"}


def test_an_event_of_a_past_day_has_its_name_and_delegation_of_then() -> None:
    with on(MARCH):
        event = make.EventFactory(name="Forum", iscms=[make.ISCMFactory(slug="rcm")])
        make.DelegateFactory(event=event, title="Head")
    with on(JUNE):
        change(event, name="Congress")
        make.DelegateFactory(event=event, title="Adviser")
    api = Api()
    (then,) = api.results("events/", as_of=MARCH, iscm="rcm")
    assert (then["name"], [one["title"] for one in then["delegation"]]) == ("Forum", ["Head"])
    (now,) = api.results("events/")
    assert (now["name"], len(now["delegation"])) == ("Congress", 2)


def test_donors_are_asked_for_as_of_the_day_too() -> None:
    japan, sweden = make.OrganisationFactory(slug="japan"), make.OrganisationFactory(slug="sweden")
    officer = make.UserFactory(access_group="finance", office=None)
    with on(MARCH):
        project = money.ProjectFactory(donors=[japan])
        change(project, title="Told with its donors")
    with on(JUNE):
        ledger.save_record(project, {"donors": [sweden]}, officer, "Another one pays")
    api = Api()
    assert len(api.results("projects/", donor="japan", as_of=MARCH)) == 1
    assert api.results("projects/", donor="sweden", as_of=MARCH) == []
    assert len(api.results("projects/", donor="sweden")) == 1
