"""The one way by which money is written: with a reason, over the version seen, with its trace."""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from simple_history.utils import bulk_create_with_history

from finance.models import (
    Attribution,
    FundingLine,
    Position,
    PositionShare,
    Project,
    StaffNeed,
    StandardCost,
    TimeEntry,
)
from finance.rules import NEED_A_REASON, NOT_YET
from finance.selectors.trace import trace_of, version_of
from finance.selectors.uses import USES
from finance.services.ledger import (
    Refused,
    SharesOver100,
    delete_record,
    save_record,
    years_of,
)
from iscm_portal.common.editing import (
    ChangedMeanwhile,
    ReasonNeeded,
    StillUsed,
    WrittenByReport,
)
from iscm_portal.common.models import OutboxMessage
from tests.factories import engagements as make
from tests.factories import finance as money

pytestmark = pytest.mark.django_db


@pytest.fixture
def officer():
    return make.UserFactory(access_group="finance", first_name="Fin", last_name="Officer")


def asked_years() -> list[list[int]]:
    """The years for which figures were asked, message by message."""
    messages = OutboxMessage.objects.filter(topic="evidence_changed").order_by("pk")
    return [message.payload["years"] for message in messages]


def changes(model: Any, pk: int) -> list[tuple[str, str, str, list[tuple[str, str, str]]]]:
    return [
        (
            step.kind,
            step.by,
            step.reason,
            [(change.label, change.before, change.after) for change in step.changes],
        )
        for step in trace_of(model, pk)
    ]


# --- what is kept


def test_a_change_keeps_who_what_and_why(officer):
    line = money.FundingLineFactory(label="OSI", year=2019, amount_usd=Decimal("1000.00"))
    save_record(line, {"amount_usd": Decimal("1250.50")}, officer, "Budget revised")
    assert FundingLine.objects.get().amount_usd == Decimal("1250.50")
    assert changes(FundingLine, line.pk)[0] == (
        "~",
        "Fin Officer",
        "Budget revised",
        [("amount (USD)", "1,000", "1,250.50")],
    )


def test_a_new_record_needs_no_reason_and_is_its_writers(officer):
    cost = save_record(
        StandardCost(), {"grade": "P3", "year": 2026, "usd_per_day": Decimal(410)}, officer
    )
    assert changes(StandardCost, cost.pk) == [("+", "Fin Officer", "", [])]
    assert asked_years() == [[2026]]


def test_what_changes_nothing_leaves_no_trace_and_asks_for_no_figures(officer):
    line = money.FundingLineFactory(year=2019)
    save_record(line, {"amount_usd": Decimal("1000.0"), "iscm": line.iscm}, officer)
    assert len(changes(FundingLine, line.pk)) == 1
    assert asked_years() == []


def test_links_are_told_by_name_in_the_history(officer):
    first, second = make.ISCMFactory(acronym="SACM"), make.ISCMFactory(acronym="RCM")
    entry = money.TimeEntryFactory(iscm=first)
    save_record(entry, {"iscm": second, "paid_by": "other"}, officer, "Mistaken")
    assert changes(TimeEntry, entry.pk)[0][3] == [
        ("mechanism", "SACM", "RCM"),
        ("paid by", "The office itself", "Somebody else"),
    ]


# --- reasons


@pytest.mark.parametrize(
    ("record", "values"),
    [
        (lambda: money.FundingLineFactory(), {"amount_usd": Decimal(5)}),
        (lambda: money.AttributionFactory(), {"basis": "stated_share", "share_pct": Decimal(5)}),
        (lambda: money.StandardCostFactory(), {"usd_per_day": Decimal(5)}),
        (lambda: money.CurrencyRateFactory(), {"usd_per_unit": Decimal(5)}),
        (lambda: money.AssessedContributionFactory(), {"assessed_usd": Decimal(5)}),
        (lambda: money.AssessedContributionFactory(), {"paid_usd": Decimal(5)}),
        (lambda: money.ProposalFactory(), {"asked_usd": Decimal(5)}),
        (lambda: money.TimeEntryFactory(), {"days": Decimal(5)}),
        (lambda: money.StaffNeedFactory(), {"share_pct": Decimal(5)}),
        (lambda: money.FundingLineFactory(), {"year": 2021}),
        (lambda: money.FundingLineFactory(), {"source_of_funds": "travel"}),
        (lambda: money.FundingLineFactory(), {"is_counted": False, "not_counted_reason": "Twice"}),
        (lambda: money.FundingLineFactory(), {"supports": "grcp", "iscm": None}),
        (lambda: money.TimeEntryFactory(), {"worked_on": dt.date(2021, 3, 11)}),
        (lambda: money.TimeEntryFactory(), {"iscm": None}),
    ],
)
@pytest.mark.parametrize("reason", ["", "  "])
def test_what_moves_a_figure_changes_with_a_reason_only(officer, record, values, reason):
    stored = record()
    with pytest.raises(ReasonNeeded):
        save_record(stored, values, officer, reason)
    fresh = type(stored).objects.get()
    assert {name: getattr(fresh, name) for name in values} != values
    assert asked_years() == []
    save_record(stored, values, officer, "Because")
    fresh.refresh_from_db()
    assert {name: getattr(fresh, name) for name in values} == values


def test_all_that_needs_a_reason_is_a_field_of_money():
    names = {
        field.name
        for model in apps.get_app_config("finance").get_models()
        for field in model._meta.concrete_fields
    }
    assert names >= NEED_A_REASON | NOT_YET.keys()


def test_words_change_without_a_reason(officer):
    line = money.FundingLineFactory()
    save_record(line, {"note": "Seen."}, officer)
    assert FundingLine.objects.get().note == "Seen."


@pytest.mark.parametrize(
    ("origin", "words"),
    [
        ({"report_number": 12, "report_item": 1}, "It was written by report 12."),
        ({"printed_table": 4}, "It is printed in Table 4 of the evaluation of 2019."),
    ],
)
def test_what_a_report_wrote_or_the_evaluation_prints_changes_with_a_reason_only(
    officer, origin, words
):
    line = money.FundingLineFactory(**origin)
    with pytest.raises(ReasonNeeded, match=words):
        save_record(line, {"note": "Seen."}, officer)
    save_record(line, {"note": "Seen."}, officer, "Typing mistake")
    assert FundingLine.objects.get().note == "Seen."


# --- versions


def test_a_record_that_changed_meanwhile_is_not_overwritten(officer):
    line = money.FundingLineFactory(amount_usd=Decimal(10))
    seen = version_of(line)
    save_record(line, {"amount_usd": Decimal(11)}, officer, "First", seen=seen)
    with pytest.raises(ChangedMeanwhile, match="Fin Officer changed the record on"):
        save_record(line, {"amount_usd": Decimal(12)}, officer, "Second", seen=seen)
    assert FundingLine.objects.get().amount_usd == 11
    save_record(line, {"amount_usd": Decimal(12)}, officer, "Second", seen=version_of(line))
    assert FundingLine.objects.get().amount_usd == 12


def test_a_share_that_changed_is_a_newer_version_of_its_post(officer):
    position = money.PositionFactory()
    seen = version_of(position)
    save_record(position, {}, officer, shares={make.ISCMFactory().pk: Decimal(20)})
    with pytest.raises(ChangedMeanwhile):
        save_record(position, {"title": "Head"}, officer, seen=seen)


def test_a_record_that_was_deleted_meanwhile_is_not_written_anew(officer):
    line = money.FundingLineFactory()
    seen, gone = version_of(line), FundingLine.objects.get()
    delete_record(line, officer, "Twice")
    for action in (
        lambda: save_record(gone, {"note": "x"}, officer, seen=seen),
        lambda: delete_record(gone, officer, "Twice", seen=seen),
    ):
        with pytest.raises(ChangedMeanwhile, match="deleted"):
            action()
    assert FundingLine.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_of_two_who_began_from_the_same_version_one_is_told():
    officer = make.UserFactory(access_group="finance")
    line = money.FundingLineFactory()
    seen = version_of(line)
    outcomes: list[str] = []
    gate = threading.Barrier(2)

    def write(amount: int) -> None:
        gate.wait()
        try:
            save_record(line, {"amount_usd": Decimal(amount)}, officer, "Race", seen=seen)
            outcomes.append("written")
        except ChangedMeanwhile:
            outcomes.append("told")
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=[amount]) for amount in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["told", "written"]
    assert FundingLine.history.filter(id=line.pk).count() == 2


# --- a form that is sent twice


@pytest.mark.django_db(transaction=True)
def test_a_form_that_is_sent_by_several_lines_at_once_makes_one_record(officer):
    key, iscm = uuid.uuid4(), make.ISCMFactory()
    gate = threading.Barrier(4)
    made: list[int] = []

    def send() -> None:
        gate.wait()
        try:
            values = {"iscm": iscm, "year": 2026, "title": "Desk", "share_pct": Decimal(50)}
            made.append(save_record(StaffNeed(), values, officer, key=key).pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _line in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [StaffNeed.objects.get().pk] * 4
    assert StaffNeed.history.count() == 1


def test_the_same_name_from_another_person_is_another_form(officer):
    key, other = uuid.uuid4(), make.UserFactory(access_group="finance")
    values = {"iscm": make.ISCMFactory(), "year": 2026, "title": "Desk", "share_pct": Decimal(50)}
    save_record(StaffNeed(), values, officer, key=key)
    with pytest.raises(Refused):
        save_record(StaffNeed(), values, other, key=key)
    assert StaffNeed.objects.count() == 1


# --- what the database refuses, in words


def test_shares_of_a_project_over_100_per_cent_are_refused_in_words(officer):
    project = money.ProjectFactory()
    money.AttributionFactory(project=project, basis="stated_share", share_pct=Decimal(60))
    other = money.AttributionFactory(project=project)
    with pytest.raises(SharesOver100):
        save_record(
            other, {"basis": "stated_share", "share_pct": Decimal("40.01")}, officer, "Read"
        )
    other.refresh_from_db()
    assert other.basis == "unknown"


def test_a_second_record_of_the_same_is_refused_in_the_words_of_its_rule(officer):
    money.CurrencyRateFactory(rated_on=dt.date(2026, 3, 11))
    other = money.CurrencyRateFactory(rated_on=dt.date(2026, 3, 12))
    with pytest.raises(Refused, match="That day has a rate of this currency already"):
        save_record(other, {"rated_on": dt.date(2026, 3, 11)}, officer)
    other.refresh_from_db()
    assert other.rated_on == dt.date(2026, 3, 12)


def test_a_rule_of_one_row_is_refused_in_its_words(officer):
    contribution = money.AssessedContributionFactory()
    with pytest.raises(Refused, match="An amount is not below zero"):
        save_record(contribution, {"paid_usd": Decimal(-1)}, officer, "Slip")


# --- shares of a post


def test_the_shares_of_a_post_become_what_is_asked_for(officer):
    first, second, third = (make.ISCMFactory(acronym=name) for name in ("SACM", "RCM", "MIDWA"))
    position = money.PositionFactory()
    save_record(position, {}, officer, shares={first.pk: Decimal(80), second.pk: None})
    with pytest.raises(ReasonNeeded):
        save_record(position, {}, officer, shares={first.pk: Decimal(20), second.pk: None})
    # 80 + 70 on the way would be over 100: what shrinks comes first.
    save_record(
        position, {}, officer, "Moved", shares={third.pk: Decimal(70), first.pk: Decimal(20)}
    )
    shares = dict(position.shares.values_list("iscm__acronym", "share_pct"))
    assert shares == {"SACM": Decimal(20), "MIDWA": Decimal(70)}
    told = [
        change for _kind, _by, _why, found in changes(Position, position.pk) for change in found
    ]
    assert sorted(told) == [
        ("share of MIDWA (per cent)", "", "70"),
        ("share of RCM (per cent)", "", "unknown"),
        ("share of RCM (per cent)", "unknown", ""),
        ("share of SACM (per cent)", "", "80"),
        ("share of SACM (per cent)", "80", "20"),
    ]


def test_a_share_that_is_added_to_a_post_needs_no_reason(officer):
    position = money.PositionFactory()
    first = make.ISCMFactory()
    save_record(position, {}, officer, shares={first.pk: Decimal(20)})
    second = make.ISCMFactory()
    save_record(position, {}, officer, shares={first.pk: Decimal(20), second.pk: Decimal(5)})
    assert position.shares.count() == 2
    assert Position.history.filter(id=position.pk).count() == 1  # the post itself is as it was


def test_shares_of_a_post_over_100_per_cent_change_nothing(officer):
    position = money.PositionFactory(title="Before")
    shares = {make.ISCMFactory().pk: Decimal(60), make.ISCMFactory().pk: Decimal(60)}
    with pytest.raises(SharesOver100):
        save_record(position, {"title": "After"}, officer, shares=shares)
    assert (Position.objects.get().title, PositionShare.objects.count()) == ("Before", 0)


# --- donors


def test_the_donors_of_a_project_have_a_history_too(officer):
    first, second = (make.OrganisationFactory(name=name) for name in ("Donor A", "Donor B"))
    project = save_record(Project(), {"code": "X.1", "title": "X", "donors": [first]}, officer)
    save_record(project, {"donors": [second]}, officer, "Second phase")
    assert list(project.donors.all()) == [second]
    assert changes(Project, project.pk)[0] == (
        "~",
        "Fin Officer",
        "Second phase",
        [("donors", "Donor A", "Donor B")],
    )


def test_donors_that_came_with_a_load_are_not_told_as_new(officer):
    donor = make.OrganisationFactory(name="Donor A")
    (project,) = bulk_create_with_history([Project(code="X.1", title="X")], Project)
    Project.donors.through.objects.create(project=project, organisation=donor)
    save_record(project, {"title": "Y"}, officer)
    assert changes(Project, project.pk)[0][3] == [("title", "X", "Y")]


# --- deleting


def test_a_record_is_deleted_with_a_reason_and_its_history_stays(officer):
    line = money.FundingLineFactory(year=2019)
    pk = line.pk
    with pytest.raises(ReasonNeeded):
        delete_record(line, officer, " ")
    delete_record(line, officer, "Entered twice")
    assert FundingLine.objects.count() == 0
    assert changes(FundingLine, pk)[0] == ("-", "Fin Officer", "Entered twice", [])
    assert asked_years() == [[2019]]


@pytest.mark.parametrize(
    ("record", "user"),
    [
        (money.ProjectFactory, lambda row: money.FundingLineFactory(project=row)),
        (money.ProjectFactory, lambda row: money.AttributionFactory(project=row)),
        (money.ProjectFactory, lambda row: money.ProposalFactory(project=row)),
        (
            money.ProjectFactory,
            lambda row: money.PositionFactory(paid_by="counted_line", project=row),
        ),
        (
            money.FundingLineFactory,
            lambda row: money.PositionFactory(paid_by="counted_line", funding_line=row),
        ),
        (money.PositionFactory, lambda row: money.TimeEntryFactory(position=row)),
    ],
)
def test_what_others_rest_on_is_not_deleted(officer, record, user):
    row = record()
    other = user(row)
    with pytest.raises(StillUsed) as refusal:
        delete_record(row, officer, "No more")
    assert str(other) in str(refusal.value)
    assert type(row).objects.filter(pk=row.pk).exists()
    assert type(other).objects.filter(pk=other.pk).exists()


def test_the_shares_of_a_post_go_with_it_each_with_its_trace(officer):
    share = money.PositionShareFactory(share_pct=Decimal(20))
    delete_record(share.position, officer, "Post abolished")
    assert PositionShare.objects.count() == 0
    last = PositionShare.history.filter(id=share.pk).order_by("history_id").last()
    assert (last.history_type, last.history_user, last.history_change_reason) == (
        "-",
        officer,
        "Post abolished",
    )


def test_what_a_report_wrote_is_not_deleted(officer):
    entry = money.TimeEntryFactory(report_number=7, report_item=1)
    with pytest.raises(WrittenByReport, match="Report 7 wrote it"):
        delete_record(entry, officer, "No")
    assert TimeEntry.objects.count() == 1


def test_every_record_that_points_to_another_is_known_as_its_user():
    """A new foreign key between records of money enters ``USES``, or belongs to the record."""
    parts = {(PositionShare, "position")}
    for model, users in USES.items():
        pointing = {
            (relation.related_model, relation.field.name)
            for relation in model._meta.get_fields(include_hidden=True)
            if relation.auto_created
            and relation.is_relation
            and not hasattr(relation.related_model, "instance_type")  # histories
            and relation.related_model._meta.app_label == "finance"
            and "donors" not in relation.related_model._meta.model_name
        }
        assert pointing - parts == set(users)


# --- figures


@pytest.mark.parametrize(
    ("record", "years"),
    [
        (lambda: money.FundingLineFactory(year=2019), {2019}),
        (
            lambda: money.FundingLineFactory(
                year=None, is_counted=False, not_counted_reason="No year."
            ),
            set(),
        ),
        (lambda: money.AttributionFactory(year=2018), {2018}),
        (lambda: money.StandardCostFactory(year=2017), {2017}),
        (lambda: money.AssessedContributionFactory(year=2016), {2016}),
        (lambda: money.TimeEntryFactory(worked_on=dt.date(2015, 1, 1)), {2015}),
        (
            lambda: money.ProposalFactory(
                asked_on=dt.date(2014, 1, 1), state="declined", decided_on=dt.date(2016, 1, 1)
            ),
            {2014, 2016},
        ),
        (
            lambda: money.PositionFactory(
                starts_on=dt.date(2014, 5, 1), ends_on=dt.date(2016, 1, 1)
            ),
            {2014, 2015, 2016},
        ),
        (lambda: money.PositionFactory(), set()),
        (lambda: money.ProjectFactory(), set()),
        (lambda: money.CurrencyRateFactory(), set()),
    ],
)
def test_a_record_says_which_years_it_enters(record, years):
    assert years_of(record()) == years


def test_a_post_that_is_still_held_enters_the_years_to_its_last_writing():
    position = money.PositionFactory(starts_on=dt.date(2024, 5, 1))
    assert years_of(position) == set(range(2024, position.updated_at.year + 1))


def test_a_change_asks_for_the_years_before_and_after_it(officer):
    line = money.FundingLineFactory(year=2019)
    save_record(line, {"year": 2017}, officer, "Mistyped")
    assert asked_years() == [[2017, 2019]]


def test_a_refused_change_asks_for_nothing(officer):
    attribution = money.AttributionFactory(basis="dedicated")
    with pytest.raises(SharesOver100):
        save_record(
            Attribution(),
            {
                "project": attribution.project,
                "iscm": make.ISCMFactory(),
                "year": attribution.year,
                "basis": "stated_share",
                "share_pct": Decimal(1),
            },
            officer,
        )
    assert asked_years() == []
