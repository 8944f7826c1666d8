"""The feed of changes: what it tells to whom, from where, and for how long."""

from __future__ import annotations

import datetime as dt

import orjson
import pytest
import time_machine
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from engagements.models import Country, Event, Theme
from iscm_portal.common.changes import feed
from iscm_portal.common.choices import AccessGroup, Scope
from iscm_portal.common.models import Change
from tests.api.client import FOLLOWED, READ, Api, accepted_report
from tests.api.following import Follower, show_own_transaction
from tests.factories import engagements as make
from tests.factories import finance as money
from tests.factories import reporting as told

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    show_own_transaction(monkeypatch)


@pytest.mark.parametrize("name", FOLLOWED)
def test_a_new_record_of_every_resource_is_told_with_its_address(name: str) -> None:
    follower = Follower(type=name)
    FOLLOWED[name][1]()
    first = next(row for row in follower.news() if row["change"] == "created")
    assert first["type"] == name
    assert first["url"] == f"http://testserver/api/v1/{name}/{first['id']}/"
    assert follower.api.read(first["url"])["id"] == first["id"]


def test_a_record_is_created_updated_and_deleted() -> None:
    follower = Follower(type="themes")
    theme = make.ThemeFactory()
    pk = theme.pk
    theme.name = "Return"
    theme.save()
    theme.delete()
    news = follower.news()
    assert [(row["change"], row["id"]) for row in news] == [
        ("created", pk),
        ("updated", pk),
        ("deleted", pk),
    ]
    assert [row["url"] for row in news][2] is None
    assert follower.news() == []


def test_what_is_written_past_the_models_is_told_as_well() -> None:
    themes = [make.ThemeFactory() for _ in range(3)]
    follower = Follower(type="themes")
    Theme.objects.update(name="All of them")
    assert sorted(follower.told()) == [("themes", theme.pk, "updated") for theme in themes]
    Theme.objects.bulk_create([Theme(code=f"t{n}", name=f"Theme {n}") for n in range(3)])
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM engagements_theme WHERE code = 't2'")
    assert [change for _type, _id, change in follower.told()] == ["created"] * 3 + ["deleted"]


def test_links_and_parts_of_a_record_are_updates_of_it() -> None:
    event, iscm = make.EventFactory(), make.ISCMFactory()
    position = money.PositionFactory()
    fund = money.ReserveFundFactory()
    follower = Follower()
    event.iscms.add(iscm)
    assert follower.told() == [("events", event.pk, "updated")]
    event.iscms.clear()
    assert follower.told() == [("events", event.pk, "updated")]
    office = make.OfficeFactory()
    follower.news()
    office.focal_for.add(iscm)
    assert sorted(follower.told()) == [
        ("iscms", iscm.pk, "updated"),
        ("offices", office.pk, "updated"),
    ]
    share = money.PositionShareFactory(position=position, iscm=iscm)
    assert follower.told() == [("positions", position.pk, "updated")]
    share.delete()
    assert follower.told() == [("positions", position.pk, "updated")]
    money.FundContributionFactory(fund=fund)
    assert ("funds", fund.pk, "updated") in follower.told()


def test_a_part_that_moves_updates_the_record_that_it_leaves_and_the_one_it_joins() -> None:
    first, second = make.EventFactory(), make.EventFactory()
    delegate = make.DelegateFactory(event=first)
    follower = Follower(type="events")
    delegate.event = second
    delegate.save()
    assert sorted(follower.told()) == [
        ("events", first.pk, "updated"),
        ("events", second.pk, "updated"),
    ]


def test_a_report_is_created_when_it_is_accepted_and_nothing_before() -> None:
    follower = Follower(type="reports")
    report = told.PostEventReportFactory(state="draft")
    told.LessonFactory(report=report)
    report.state, report.submitted_at = "submitted", timezone.now()
    report.save()
    assert follower.told() == []
    report.state, report.accepted_at = "accepted", timezone.now()
    report.save()
    assert follower.told() == [("reports", report.pk, "created")]
    told.LessonFactory(report=report)
    make.SupportRequestFactory(report_number=report.pk)
    assert follower.told() == [("reports", report.pk, "updated")] * 2
    report.state, report.accepted_at = "returned", None
    report.save()
    assert follower.told() == [("reports", report.pk, "deleted")]


def test_a_report_that_was_never_accepted_leaves_no_trace() -> None:
    report = told.PostEventReportFactory(state="draft")
    report.delete()
    assert not Change.objects.filter(type="reports").exists()


def test_a_duty_is_told_to_its_office_and_to_ipd_and_to_nobody_else() -> None:
    office, other = make.OfficeFactory(), make.OfficeFactory()
    readers = {
        "own": Follower(Api(user=make.UserFactory(access_group="reporter", office=office))),
        "other": Follower(Api(user=make.UserFactory(access_group="manager", office=other))),
        "analyst": Follower(Api(AccessGroup.ANALYST)),
        "ipd": Follower(Api(AccessGroup.IPD)),
    }

    def heard() -> dict[str, list[str]]:
        return {
            name: [change for kind, _id, change in reader.told() if kind == "duties"]
            for name, reader in readers.items()
        }

    duty = told.DutyFactory(office=office)
    nothing: dict[str, list[str]] = {name: [] for name in readers}
    assert heard() == {**nothing, "own": ["created"], "ipd": ["created"]}
    duty.office = other
    duty.save()
    assert heard() == {**nothing, "own": ["deleted"], "other": ["created"], "ipd": ["updated"]}
    duty.withdrawn_at = timezone.now()
    duty.save()
    assert heard() == {**nothing, "other": ["deleted"], "ipd": ["deleted"]}


def test_a_duty_is_updated_by_the_state_of_its_report_and_not_by_each_word_of_it() -> None:
    report = told.PostEventReportFactory(state="draft")
    duty = told.DutyFactory(event=report.event, office=report.office)
    follower = Follower(type="duties")
    report.discussed = "A word more."
    report.save()
    assert follower.told() == []
    report.state, report.submitted_at = "submitted", timezone.now()
    report.save()
    assert follower.told() == [("duties", duty.pk, "updated")]


def test_a_survey_in_the_making_is_told_to_who_makes_surveys_only() -> None:
    ipd, analyst = Follower(type="surveys"), Follower(Api(AccessGroup.ANALYST), type="surveys")
    survey = told.SurveyFactory(state="draft")
    assert [ipd.told(), analyst.told()] == [[("surveys", survey.pk, "created")], []]
    survey.state = "running"
    survey.save()
    assert ipd.told() == [("surveys", survey.pk, "updated")]
    assert analyst.told() == [("surveys", survey.pk, "created")]


@pytest.mark.parametrize("scope", READ)
def test_a_token_hears_of_what_its_scope_opens_and_nothing_else(scope: Scope) -> None:
    follower = Follower(Api(scopes=[scope]))
    for _scope, row in FOLLOWED.values():
        row()
    heard = {row["type"] for row in follower.news()}
    assert heard == {name for name, (opens, _row) in FOLLOWED.items() if opens == scope}


def test_without_any_scope_there_is_no_feed() -> None:
    assert Api(scopes=[]).get("changes/").status_code == 403
    assert Api(scopes=[Scope.WRITE_REPORTS]).get("changes/").status_code == 403
    assert Client().get("/api/v1/changes/").status_code == 401


def test_pages_of_one_hold_what_one_page_holds() -> None:
    follower, slow = Follower(), Follower(page_size=1)
    for _ in range(5):
        make.EventFactory(iscms=[make.ISCMFactory()])
    whole = follower.news()
    assert len(whole) >= 15
    slowly = slow.news()
    for row in whole + slowly:
        row.pop("position")
    assert slowly == whole


def test_the_position_of_each_change_is_one_to_go_on_from() -> None:
    follower = Follower(type="themes")
    for _ in range(4):
        make.ThemeFactory()
    news = follower.news()
    rest = follower.api.results("changes/", after=news[1]["position"], type="themes")
    assert [row["id"] for row in rest] == [row["id"] for row in news[2:]]


def test_a_page_asked_for_again_is_the_same() -> None:
    follower = Follower(type="themes", page_size=2)
    for _ in range(5):
        make.ThemeFactory()
    first = follower.api.read("changes/", after=follower.position, type="themes", page_size=2)
    again = [follower.api.results(first["next"]) for _ in range(2)]
    make.ThemeFactory()
    again.append(follower.api.results(first["next"]))
    assert again[0] == again[1] == again[2]


def test_without_a_position_it_begins_with_the_oldest_change_kept() -> None:
    now = timezone.now()
    make.ThemeFactory()
    Change.objects.update(changed_at=now - dt.timedelta(days=90, hours=1))
    young = make.ThemeFactory()
    Change.objects.filter(type="themes", record=young.pk).update(
        changed_at=now - dt.timedelta(days=89)
    )
    assert [row["id"] for row in Api().results("changes/", type="themes")] == [young.pk]


def test_changes_of_90_days_are_replayed_and_older_positions_answer_410() -> None:
    api = Api()
    type(api.token).objects.update(expires_at=timezone.now() + dt.timedelta(days=365))
    follower = Follower(api, type="themes")
    theme = make.ThemeFactory()
    with time_machine.travel(timezone.now() + dt.timedelta(days=90)):
        feed.forget(timezone.now())
        (row,) = api.results("changes/", after=follower.position, type="themes")
        assert row["id"] == theme.pk
    with time_machine.travel(timezone.now() + dt.timedelta(days=93)):
        assert feed.forget(timezone.now()) > 0
        gone = api.get("changes/", after=follower.position, type="themes")
    assert gone.status_code == 410
    assert "Pull anew" in orjson.loads(gone.content)["detail"]
    assert not Change.objects.exists()


def test_numbers_go_on_when_all_changes_were_forgotten() -> None:
    make.ThemeFactory()
    Change.objects.all().delete()
    follower = Follower(type="themes")
    theme = make.ThemeFactory()
    assert follower.told() == [("themes", theme.pk, "created")]


@pytest.mark.parametrize("what", ["office", "group", "scopes", "type"])
def test_whose_sight_has_changed_is_told_to_pull_anew(what: str) -> None:
    user = make.UserFactory(access_group="manager", office=make.OfficeFactory())
    api = Api(user=user)
    position = Follower(api).position
    query = {}
    if what == "office":
        type(user).objects.filter(pk=user.pk).update(office=make.OfficeFactory())
    elif what == "group":
        type(user).objects.filter(pk=user.pk).update(access_group="ipd")
    elif what == "scopes":
        type(api.token).objects.update(scopes=["read:directory"])
    else:
        query = {"type": "themes"}
    assert api.get("changes/", after=position, **query).status_code == 410


def test_a_position_of_another_reader_with_other_records_answers_410() -> None:
    position = Follower(Api(AccessGroup.IPD)).position
    assert Api(AccessGroup.ANALYST).get("changes/", after=position).status_code == 410
    assert Api(AccessGroup.IPD).get("changes/", after=position).status_code == 200


@pytest.mark.parametrize("text", ["1", "x" * 300, "WzEsMSwwLDAsMF0:1:x", "Now", "\u0661"])
def test_a_position_that_was_made_up_is_an_error_at_the_parameter(text: str) -> None:
    assert list(Api().errors("changes/", after=text)) == ["after"]


@pytest.mark.parametrize("name", FOLLOWED)
def test_to_follow_what_no_scope_opens_is_an_error_whatever_happened(name: str) -> None:
    """A job with the wrong token must not stay silently empty; what it is told tells nothing."""
    needed = FOLLOWED[name][0]
    api = Api(scopes=[scope for scope in READ if scope != needed])
    before = api.errors("changes/", type=name)
    FOLLOWED[name][1]()
    assert api.errors("changes/", type=name) == before == {"type": [f"The token lacks {needed}."]}
    assert {row["type"] for row in api.results("changes/")}.isdisjoint({name})


def test_a_wrong_type_size_or_parameter_is_an_error_at_it() -> None:
    api = Api()
    assert list(api.errors("changes/", type="themes,users")) == ["type"]
    assert list(api.errors("changes/", page_size="1001")) == ["page_size"]
    assert list(api.errors("changes/", iscm="rcm")) == ["iscm"]
    assert list(api.errors("changes/", format="csv")) == ["format"]


def test_a_page_takes_as_many_statements_whatever_has_changed() -> None:
    follower = Follower(page_size=1000)
    few, many = [], []
    for found, number in ((few, 1), (many, 30)):
        for _ in range(number):
            make.EventFactory(iscms=[make.ISCMFactory()])
            accepted_report()
        with CaptureQueriesContext(connection) as context:
            follower.news()
        found.append(len(context))
    assert few == many
    assert few[0] <= 5


def test_a_change_that_is_rolled_back_was_none() -> None:
    follower = Follower(type="events")
    event = make.EventFactory()
    follower.news()
    with transaction.atomic():
        Event.objects.filter(pk=event.pk).update(name="Never")
        transaction.set_rollback(True)
    assert follower.told() == []


def test_an_import_of_many_rows_is_told_row_by_row() -> None:
    follower = Follower(type="countries", page_size=1000)
    number = Country.objects.count()
    Country.objects.bulk_create(
        [
            Country(iso3=f"X{a}{b}", iso2=f"{a}{b}", m49=f"9{n:02}", name_en=f"Land {n}")
            for n, (a, b) in enumerate(
                [(a, b) for a in "QWXYZ" for b in "QWXYZ"],
            )
        ]
    )
    assert len(follower.told()) == Country.objects.count() - number == 25
