"""``updated_since`` finds a record also when only what stands inside of it has changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from engagements.models import Delegate
from iscm_portal.common.changes.watched import WATCHED
from tests.api.client import LISTS, Api, accepted_report, view_of
from tests.factories import engagements as make
from tests.factories import finance as money
from tests.factories import reporting as told

pytestmark = pytest.mark.django_db

LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
PARTS = {(watched.type, part.table): part.joins for watched in WATCHED for part in watched.parts}
Write = Callable[[Any], Any]


def _written(factory: Any) -> Write:
    return lambda report: factory(report_number=report.pk)


def join(record: Any) -> None:
    record.event.iscms.add(make.ISCMFactory())


# resource and table of a part -> what writes one into a record
WRITES: dict[tuple[str, str], Write] = {
    ("iscms", "engagements_iscm_themes"): lambda iscm: iscm.themes.add(make.ThemeFactory()),
    ("iscms", "engagements_office_focal_for"): lambda iscm: make.OfficeFactory(focal_for=[iscm]),
    ("offices", "engagements_office_focal_for"): lambda office: office.focal_for.add(
        make.ISCMFactory()
    ),
    ("events", "engagements_event_iscms"): lambda event: event.iscms.add(make.ISCMFactory()),
    ("events", "engagements_delegate"): lambda event: make.DelegateFactory(event=event),
    ("policy-instruments", "engagements_policyinstrument_agenda_items"): (
        lambda instrument: instrument.agenda_items.add(make.AgendaItemFactory())
    ),
    ("projects", "finance_project_donors"): lambda project: project.donors.add(
        make.OrganisationFactory()
    ),
    ("positions", "finance_positionshare"): lambda post: money.PositionShareFactory(
        position=post, iscm=make.ISCMFactory()
    ),
    ("funds", "finance_fundcontribution"): lambda fund: money.FundContributionFactory(fund=fund),
    ("funds", "finance_funddisbursement"): lambda fund: money.FundDisbursementFactory(
        fund=fund, case_number=99
    ),
    ("indicators", "reporting_indicator_relevant_to"): lambda indicator: indicator.relevant_to.add(
        make.ReferenceFrameFactory()
    ),
    ("recommendations", "reporting_recommendation_indicators"): (
        lambda recommendation: recommendation.indicators.add(told.IndicatorFactory())
    ),
    ("reports", "reporting_posteventreport_frames"): lambda report: report.frames.add(
        make.ReferenceFrameFactory()
    ),
    ("reports", "reporting_reportedagendaitem"): lambda report: told.ReportedAgendaItemFactory(
        report=report
    ),
    ("reports", "reporting_lesson"): lambda report: told.LessonFactory(report=report),
    ("reports", "engagements_supportrequest"): _written(make.SupportRequestFactory),
    ("reports", "engagements_partnership"): _written(make.PartnershipFactory),
    ("reports", "engagements_policyinstrument"): _written(make.PolicyInstrumentFactory),
    ("reports", "engagements_followupaction"): _written(make.FollowUpActionFactory),
    ("reports", "engagements_event_iscms"): join,
    ("duties", "engagements_event_iscms"): join,
    ("duties", "reporting_posteventreport"): lambda duty: accepted_report(
        event=duty.event, office=duty.office
    ),
}


def test_every_part_is_tried_here() -> None:
    assert WRITES.keys() == PARTS.keys()


@pytest.mark.parametrize(("name", "table"), WRITES)
def test_a_record_is_found_when_a_part_of_it_was_written_changed_or_removed(
    name: str, table: str
) -> None:
    LISTS[name][1]()
    model = view_of(name).queryset.model
    record = model.objects.latest("pk")
    api = Api()

    def is_found() -> bool:
        """Whether it has changed since it was last asked so."""
        rows = api.results(f"{name}/", updated_since="2021-01-01T00:00:00Z")
        model.objects.filter(pk=record.pk).update(updated_at=LONG_AGO)
        return record.pk in {row["id"] for row in rows}

    assert is_found()
    assert not is_found()
    WRITES[name, table](record)
    assert is_found()
    assert not is_found()
    joins = PARTS[name, table]
    where = " AND ".join(f"{ours} = %s" for ours in joins)
    values = [getattr(record, theirs) for theirs in joins.values()]
    with connection.cursor() as cursor:
        if table != "reporting_posteventreport":  # there, only another state is another duty
            (column, *_) = joins
            cursor.execute(f"UPDATE {table} SET {column} = {column} WHERE {where}", values)
            assert is_found()
        cursor.execute(f"DELETE FROM {table} WHERE {where}", values)
    assert is_found()


def test_a_draft_that_is_written_is_no_newer_by_it() -> None:
    """Nobody reads it yet, and it is saved every few seconds."""
    report = told.PostEventReportFactory(state="draft")
    type(report).objects.update(updated_at=LONG_AGO)
    told.LessonFactory(report=report)
    report.refresh_from_db()
    assert report.updated_at == LONG_AGO


def test_many_parts_written_at_once_touch_their_records_without_a_statement_more() -> None:
    events = [make.EventFactory() for _ in range(30)]
    model = type(events[0])
    model.objects.update(updated_at=LONG_AGO)
    office = make.OfficeFactory()
    many = [make.DelegateFactory.build(event=event, office=office) for event in events]
    with CaptureQueriesContext(connection) as context:
        Delegate.objects.bulk_create(many)
    assert len([query for query in context if "SAVEPOINT" not in query["sql"]]) == 1
    assert not model.objects.filter(updated_at__lte=LONG_AGO).exists()
