"""No page asks the database more often because there are more rows."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.db.models import Max
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from finance.models import FundingLine
from reporting.services import reports as services
from reporting.services.releasing import close_year
from tests.factories import engagements as make
from tests.factories import finance as money
from tests.factories import reporting as reported

pytestmark = pytest.mark.django_db

AT = dt.datetime(2026, 11, 20, 14, 2, tzinfo=dt.UTC)

PAGES = (
    "/",
    "/iscms/",
    "/iscms/{iscm}/",
    "/offices/",
    "/events/",
    "/events/{event}/",
    "/reports/",
    "/reports/new/",
    "/reports/{draft}/edit/short/",
    "/reports/{draft}/edit/people/",
    "/reports/{draft}/edit/agenda/",
    "/reports/{draft}/edit/support/",
    "/reports/{draft}/edit/results/",
    "/reports/{draft}/edit/check/",
    "/reports/{draft}/documents/",
    "/reports/{draft}/from-text/",
    "/reports/{accepted}/",
    "/reports/{accepted}/versions/",
    "/coverage/?year=2026",
    "/quality/",
    "/duties/",
    "/notices/",
    "/profile/",
    "/tokens/",
    "/events/calendar/",
    "/reviews/answers/",
    "/reviews/",
    "/resources/?from=2019&to=2026",
    "/resources/records/?from=2019&to=2026",
    "/resources/?from=2019&to=2026&by=theme&as_of={today}",
    "/resources/cliff/?year=2026",
    "/resources/cliff/?year=2026&as_of={today}",
    "/resources/compare/?first=2019&second=2026",
    "/resources/compare/?first=2019&second=2026&as_of={today}",
    "/resources/costs/?from=2019&to=2026",
    "/resources/costs/?from=2019&to=2026&as_of={today}",
    "/resources/costs/records/?of=events&iscm={iscm}&from=2019&to=2026&as_of={today}",
    "/resources/costs/records/?of=outcomes&iscm={iscm}&from=2019&to=2026",
    "/resources/costs/records/?of=days&from=2019&to=2026",
    "/resources/changes/?since=2020-01-01",
    "/resources/changes/?since=2020-01-01&iscm={iscm}&by=none",
    "/indicators/",
    "/indicators/?year=2026&by=iscm",
    "/indicators/?year=2026&by=theme",
    "/indicators/?year=2026&as_of={today}",
    "/indicators/runs/",
    "/releases/",
    "/releases/2025/",
    "/releases/2025/changes/?indicator={indicator}",
    "/indicators/{indicator}/",
    "/indicators/{indicator}/records/?year=2026",
    "/indicators/{indicator}/versions/",
    "/indicators/frames/",
    "/indicators/frames/?of=theme",
    "/indicators/frames/gcm_objective/{goal}/",
    "/indicators/frames/gcm_objective/{goal}/?how=related",
    "/indicators/frames/theme/untagged/",
    "/recommendations/",
    "/surveys/",
    "/surveys/{survey}/",
    "/surveys/{survey}/preview/",
    "/surveys/needs/?survey={needs}",
    "/staffing/?year=2026",
    "/staffing/records/?year=2026",
    "/staffing/?year=2026&as_of={today}",
    "/staffing/records/?year=2026&as_of={today}",
    "/staffing/positions/{position}/",
    "/sustaining/?from=2026&to=2026",
    "/sustaining/records/?from=2026&to=2026",
    "/sustaining/?from=2026&to=2026&as_of={today}",
    "/sustaining/records/?from=2026&to=2026&as_of={today}",
)


@pytest.fixture
def world():
    """An office with a draft, an accepted report, a mechanism and an indicator."""
    office = make.OfficeFactory()
    reporter = make.UserFactory(access_group="reporter", office=office)
    reviewer = make.UserFactory(access_group="ipd", office=make.OfficeFactory())
    iscm = make.ISCMFactory()
    indicator = reported.IndicatorFactory(key="support_requests")
    return {
        "office": office,
        "reporter": reporter,
        "reviewer": reviewer,
        "iscm": iscm,
        "indicator": indicator,
        "position": money.PositionFactory(office=office),
        "goal": make.ReferenceFrameFactory(kind="gcm_objective"),
        "survey": reported.SurveyFactory(state="closed"),
        "needs": reported.SurveyFactory(state="closed", use="needs"),
        "drafts": [],
    }


def grow(world, rows: int) -> dict[str, object]:
    """Add ``rows`` of everything; returns what the addresses name."""
    office, iscm = world["office"], world["iscm"]
    if not world["drafts"]:
        event = new_event(world)
        world["drafts"] = [
            services.start_report(event, office, world["reporter"], AT),
            services.start_report(new_event(world), office, world["reporter"], AT),
        ]
        for year in (2025, 2026):
            reported.IndicatorValueFactory(
                indicator=world["indicator"], year=year, iscm=None, cell="overall"
            )
        close_year(2025, 1, "", world["reviewer"], AT)
    draft, sent = world["drafts"]
    for report in (draft, sent):
        reported.ParticipantFactory.create_batch(rows, report=report)
        for _row in range(rows):  # posts that are offered, and such as are not any more
            for starts_on in (dt.date(2026, 1, 1), None):
                post = money.PositionFactory(office=office, starts_on=starts_on)
                money.PositionShareFactory(position=post)
                reported.ParticipantFactory(report=report, position=post)
            reported.ParticipantFactory(report=report, title=post.title)
        items = reported.ReportedAgendaItemFactory.create_batch(rows, report=report)
        reported.ReportedRequestFactory.create_batch(rows, report=report)
        reported.ReportedPartnershipFactory.create_batch(rows, report=report)
        for instrument in reported.ReportedInstrumentFactory.create_batch(rows, report=report):
            instrument.agenda.add(items[0])
        reported.ReportedFollowUpFactory.create_batch(rows, report=report)
        for attachment in reported.AttachmentFactory.create_batch(rows, report=report):
            reported.FieldCommentFactory(report=report, row=attachment.key, field="")
    for _row in range(rows):
        reported.AuditRunFactory()
        event = new_event(world)
        other = reported.PostEventReportFactory(event=event, state="submitted", submitted_at=AT)
        reported.ReportStepFactory(report=sent)
        reported.ReportStepFactory(report=other)
        reported.DutyFactory(
            event=new_event(world),
            office=office,
            answer="nothing_to_report",
            answered_by=world["reporter"],
            answered_at=AT,
        )
        reported.DutyFactory(event=event, office=office)
        reported.NoticeFactory(recipient=world["reporter"], duty__event=new_event(world))
        make.OfficeFactory(focal_for=[make.ISCMFactory()])
        make.DelegateFactory(event=event, office=office)
        make.AgendaItemFactory(event=world["drafts"][0].event)
        make.MembershipFactory(iscm=iscm)
        make.SupportRequestFactory(iscm=iscm, event=draft.event, office=office)
        make.FollowUpActionFactory(iscm=iscm, event=event, owner=office)
        money.FundingLineFactory(year=2019, iscm=iscm)
        money.AttributionFactory(iscm=iscm, year=2019)
        money.TimeEntryFactory(iscm=iscm, office=office, worked_on=dt.date(2019, 5, 1))
        reported.RecommendationFactory().indicators.add(world["indicator"])
        reported.IndicatorValueFactory(
            indicator=world["indicator"],
            year=2026,
            iscm=(other_iscm := make.ISCMFactory()),
            cell=f"iscm:{other_iscm.pk}",
        )
        grow_releases(world, iscm)
        grow_staffing(office, iscm, world["position"])
        grow_goals(world, draft)
        grow_surveys(world)
    return {
        "survey": world["survey"].pk,
        "needs": world["needs"].pk,
        "position": world["position"].pk,
        "iscm": iscm.slug,
        "event": draft.event_id,
        "draft": draft.pk,
        "accepted": sent.pk,
        "indicator": world["indicator"].key,
        "goal": world["goal"].code,
        # What was written just now was on record at the end of today.
        "today": timezone.localdate().isoformat(),
    }


def grow_releases(world, iscm):
    """A run, a value by theme, a past value, a record of the closed year that came after, and a
    mechanism with a value of that year that did."""
    run = reported.CompileRunFactory()
    other = make.ISCMFactory()
    of_theme = {"dimension": "theme", "dimension_value": f"T{run.pk}", "cell": f"theme:T{run.pk}"}
    indicator = world["indicator"]
    reported.IndicatorValueFactory(indicator=indicator, year=2026, iscm=None, run=run, **of_theme)
    reported.IndicatorValueFactory(
        indicator=indicator, year=2025, iscm=other, run=run, cell=f"iscm:{other.pk}"
    )
    make.SupportRequestFactory(iscm=iscm, asked_on=dt.date(2025, 5, 1))


def grow_staffing(office, iscm, position):
    """A need, two posts (one without dates), days, a document, a contribution and a proposal."""
    money.StaffNeedFactory(iscm=iscm, office=office)
    for starts_on in (dt.date(2026, 1, 1), None):
        post = money.PositionFactory(office=office, starts_on=starts_on)
        money.PositionShareFactory(position=post, iscm=make.ISCMFactory())
        money.TermsOfReferenceFactory(position=post)
    money.PositionShareFactory(position=position)
    money.TermsOfReferenceFactory(position=position)
    money.TimeEntryFactory(position=position, office=office)
    money.AssessedContributionFactory(iscm=iscm)
    money.ProposalFactory(iscm=iscm, office=office)


def grow_goals(world, draft):
    """A version, an indicator and a theme of the goal, and an accepted report that names it."""
    goal, theme = world["goal"], make.ThemeFactory()
    reported.IndicatorVersionFactory(indicator=world["indicator"]).relevant_to.add(goal)
    indicator = reported.IndicatorFactory(relevant_to=[goal])
    reported.IndicatorValueFactory(indicator=indicator)
    make.ReferenceFrameFactory(kind="gcm_objective")
    goal.themes.add(theme)
    make.AgendaItemFactory(event=draft.event, theme=theme)
    report = reported.PostEventReportFactory(
        event=new_event(world), state="accepted", frames=[goal]
    )
    for maker in (
        make.SupportRequestFactory,
        make.PartnershipFactory,
        make.PolicyInstrumentFactory,
        make.FollowUpActionFactory,
    ):
        for number in (report.pk, None):
            iscm = make.ISCMFactory(themes=[theme])
            maker(iscm=iscm, event=draft.event, report_number=number, report_item=number)


def grow_surveys(world):
    """Another question, and answers of other places; surveys of each kind that the list shows."""
    for survey, values in (
        (world["survey"], {}),
        (world["needs"], {"kind": "single", "options": "A\nB", "counts_as": "need"}),
    ):
        question = reported.QuestionFactory(survey=survey, **values)
        for _person in range(3):
            country = make.CountryFactory(region="Asia")
            reported.SurveyResponseFactory(
                survey=survey, answers={question: 1}, region="Asia", country=country
            )
    rated = reported.SurveyFactory(state="closed", use="institutional", iscm=world["iscm"])
    quality = reported.QuestionFactory(survey=rated, counts_as="quality")
    for _person in range(3):
        reported.SurveyResponseFactory(survey=rated, answers={quality: 4})


def new_event(world):
    return make.EventFactory(
        iscms=[world["iscm"]], starts_on=dt.date(2026, 11, 5), ends_on=dt.date(2026, 11, 6)
    )


def statements(client, address: str, *, is_warm: bool = False) -> int:
    if not is_warm:
        client.get(address)  # whatever is read once and kept is read now
    with CaptureQueriesContext(
        connection,
    ) as seen:
        assert client.get(address).status_code == 200
    return len(seen)


@pytest.mark.parametrize("who", ["reporter", "reviewer"])
def test_every_page_asks_as_often_for_many_rows_as_for_few(client, world, who):
    client.force_login(world[who])
    places = grow(world, 2)
    addresses = [
        page.format(**places) for page in PAGES if who == "reporter" or "{draft}" not in page
    ]
    addresses = [
        page
        for page in addresses
        if who == "reviewer" or not (page.startswith("/reviews/") or page.endswith("/preview/"))
    ]
    few = {page: statements(client, page) for page in addresses}
    grow(world, 6)
    many = {page: statements(client, page) for page in addresses}
    assert many == few
    # The dashboard of a past day, with what is known now beside it; the records of all figures.
    most = {page: number for page, number in many.items() if number > 42}
    assert all(
        ("as_of=" in page or page.startswith("/resources/records/")) and number <= 52
        for page, number in most.items()
    ), most


# The pages whose figures or lists come from funding lines.
OF_LINES = (
    "/resources/?from=2019&to=2026",
    "/resources/?from=2019&to=2026&by=theme",
    "/resources/?from=2019&to=2026&by=source&iscm={iscm}",
    "/resources/?from=2019&to=2026&as_of={today}",
    "/resources/records/?from=2019&to=2026",
    "/resources/records/?from=2026&to=2026&iscm={iscm}",
    "/resources/compare/?first=2025&second=2026",
    "/resources/costs/?from=2019&to=2026",
    "/resources/cliff/?year=2026",
    "/resources/changes/?since=2020-01-01",
    "/finance/",
    "/finance/funding-lines/",
    "/finance/projects/{project}/",
    "/sustaining/?from=2026&to=2026",
    "/staffing/?year=2026",
    "/",
)


def test_no_page_of_money_asks_more_often_at_100_000_lines_than_at_40(client):
    client.force_login(make.UserFactory(access_group="finance", office=None))
    few, places = lines_of_all_kinds()
    pages = [page.format(**places) for page in OF_LINES]
    asked = {page: statements(client, page) for page in pages}
    copied(2500)
    assert FundingLine.objects.count() == FundingLine.history.count() == few * 2500 == 100_000
    now = {page: statements(client, page, is_warm=True) for page in pages}
    assert {page: number for page, number in now.items() if number > asked[page]} == {}


def lines_of_all_kinds():
    """Lines of mechanisms, of projects with a known and an unknown share, for all and for nobody;
    how many, and what the addresses name."""
    iscms = make.ISCMFactory.create_batch(3, themes=[make.ThemeFactory()])
    projects = [money.ProjectFactory(ends_on=dt.date(2026, 12, 31)) for _n in range(2)]
    money.PositionFactory(paid_by="counted_line", project=projects[0])
    supported = [{"iscm": iscm} for iscm in iscms] + [{"project": project} for project in projects]
    for year in range(2019, 2027):
        money.AttributionFactory(project=projects[0], iscm=iscms[0], year=year)
        money.AttributionFactory(
            project=projects[1], iscm=iscms[1], year=year, basis="stated_share", share_pct=40
        )
        for n, support in enumerate(supported):
            source = ("osi", "travel", "project_support")[n % 3]
            money.FundingLineFactory(year=year, source_of_funds=source, amount_usd=7, **support)
    places = {"iscm": iscms[0].slug, "project": projects[0].pk}
    places["today"] = timezone.localdate().isoformat()
    return FundingLine.objects.count(), places


def copied(times: int) -> None:
    """So many times each line and its history, in one statement for each table."""
    last = FundingLine.objects.aggregate(last=Max("pk"))["last"]
    changed = {"id": "id + n * %s", "code": "code || '-' || n"}
    with connection.cursor() as cursor:
        for model in (FundingLine, FundingLine.history.model):
            table = model._meta.db_table
            columns = [field.column for field in model._meta.concrete_fields]
            columns = [name for name in columns if name != "history_id"]
            values = [changed.get(name, name) for name in columns]
            cursor.execute(
                "WITH RECURSIVE copies(n) AS "
                "(SELECT 1 UNION ALL SELECT n + 1 FROM copies WHERE n < %s) "
                f"INSERT INTO {table} ({', '.join(columns)}) "
                f"SELECT {', '.join(values)} FROM {table}, copies",
                [times - 1, last],
            )
        cursor.execute("ANALYZE")
