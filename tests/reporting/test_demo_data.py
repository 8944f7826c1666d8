"""The demo data: marked as demo, the same at every load, and enough to show every page."""

from __future__ import annotations

import datetime as dt
import hashlib
import statistics
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import authenticate
from django.core.management import call_command
from django.db.models import Count, F

from engagements.models import (
    AgendaItem,
    Event,
    FollowUpAction,
    Office,
    Partnership,
    PolicyInstrument,
    SupportRequest,
    User,
)
from finance.models import (
    AssessedContribution,
    FundingLine,
    Position,
    Proposal,
    StaffNeed,
    StandardCost,
    TimeEntry,
)
from finance.selectors.staffing import staffing_plan
from finance.selectors.sustaining import contributions, fund_raising
from iscm_portal.common.demo import DEMO_PASSWORD
from iscm_portal.common.models import OutboxMessage, Tracked
from iscm_portal.common.period import Period
from reporting.management.demo.definitions import HELD_AGAINST
from reporting.models import (
    Indicator,
    IndicatorValue,
    KnowledgeAnswer,
    PostEventReport,
    Release,
    SatisfactionAnswer,
    Survey,
)
from reporting.selectors.duties import coverage_of_office, due_on, duties_due
from reporting.selectors.survey_results import needs_map, results_of
from reporting.services.auditing import audit
from reporting.services.compiling import compile_all
from reporting.services.defining import version_number

TODAY = dt.date(2026, 6, 15)


def load(*arguments: str) -> str:
    out = StringIO()
    call_command("load_demo", "--today", TODAY.isoformat(), *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture(scope="module")
def loaded(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        call_command("load_evaluation", stdout=StringIO())
        load()
        yield
        call_command("flush", interactive=False, verbosity=0)


@pytest.fixture
def demo(loaded: None, db: None) -> None:
    """The demo is loaded; what a test changes is rolled back."""


def tracked() -> list[Any]:
    return [model for model in apps.get_models() if issubclass(model, Tracked)]


def fingerprint() -> dict[str, tuple[int, int, str]]:
    """Rows, history rows and a digest of what the rows say, for each model."""
    prints = {}
    for model in [*tracked(), PostEventReport]:
        fields = [
            field.attname
            for field in model._meta.concrete_fields
            if field.name not in ("created_at", "updated_at")
        ]
        text = repr(list(model.objects.order_by("pk").values_list(*fields)))
        digest = hashlib.sha256(text.encode()).hexdigest()
        prints[model.__name__] = (model.objects.count(), model.history.count(), digest)
    return prints


def test_a_second_load_changes_nothing(demo: None) -> None:
    before = fingerprint()
    assert "The demo data is loaded." in load("--scale", "3")
    assert fingerprint() == before


def test_everything_that_was_made_up_says_so(demo: None) -> None:
    texts: dict[Any, str] = {
        Event: "name",
        AgendaItem: "title",
        SupportRequest: "what",
        PolicyInstrument: "title",
        FollowUpAction: "what",
        Partnership: "organisation__name",
        Position: "title",
        StaffNeed: "title",
        Proposal: "title",
    }
    for model, text in texts.items():
        made_up = model.objects.filter(is_demo=True)
        assert made_up.exists()
        assert not made_up.exclude(**{f"{text}__startswith": "Demo: "}).exists()
    assert not Survey.objects.exclude(title__startswith="Demo: ", is_demo=True).exists()
    answers = (TimeEntry, StandardCost, KnowledgeAnswer, SatisfactionAnswer, PostEventReport)
    for model in [*(texts.keys() - {Event, Position}), *answers, AssessedContribution]:
        assert not model.objects.filter(is_demo=False).exists()
    assert FundingLine.objects.filter(is_demo=False).count() == 129
    assert Position.objects.filter(is_demo=False).count() == 6
    assert Event.objects.filter(is_demo=False).count() == 160


def test_staffing_has_gaps_unknown_shares_and_posts_without_dates(demo: None) -> None:
    plan = staffing_plan(2026)
    assert (plan.mechanisms_planned, plan.planned.unknown, plan.planned.is_range) == (7, 2, True)
    assert plan.largest.key == {"iscm": "bali-process"}
    assert plan.over
    assert plan.not_planned
    assert plan.total.days > 0
    # The evaluation's own posts stay as they are: without dates.
    assert not Position.objects.filter(is_demo=False).exclude(starts_on=None).exists()


def test_states_owe_something_and_donors_decided_both_ways(demo: None) -> None:
    years = Period.years(2024, 2026)
    (paid,) = contributions(years)
    assert 0 < paid.arrears_usd < paid.assessed_usd
    assert {cell.scale_pct for cell in contributions(years, ("iscm", "year"))} == {100}
    (raised,) = fund_raising(years)
    assert min(raised.open, raised.awarded, raised.declined, raised.withdrawn) > 0
    assert not Proposal.objects.filter(decided_on__gt=TODAY).exists()


def test_demo_money_is_in_no_table_of_the_evaluation(demo: None) -> None:
    assert not FundingLine.objects.filter(is_demo=True).exclude(printed_table=None).exists()
    assert FundingLine.objects.filter(is_demo=True, year__lt=2024).count() == 0


@pytest.mark.parametrize(
    ("username", "group", "office", "is_staff", "is_superuser"),
    [
        ("reporter", "reporter", "co-bangkok", False, False),
        ("manager", "manager", "co-bangkok", False, False),
        ("ipd", "ipd", "hq-ipd", True, False),
        ("finance", "finance", "hq", False, False),
        ("analyst", "analyst", None, False, False),
        ("admin", "admin", "hq-ipd", True, True),
    ],
)
def test_the_six_sign_in_with_one_password(
    demo: None, username: str, group: str, office: str | None, is_staff: bool, is_superuser: bool
) -> None:
    user = authenticate(None, username=username, password=DEMO_PASSWORD)
    assert isinstance(user, User)
    assert (user.access_group, user.is_staff, user.is_superuser) == (group, is_staff, is_superuser)
    assert (user.office.slug if user.office else None) == office


def test_nobody_else_signs_in(demo: None) -> None:
    others = User.objects.filter(is_active=False)
    assert others.count() == User.objects.count() - 6
    assert not any(user.has_usable_password() for user in others)


def test_the_reporter_finds_overdue_soon_due_and_fresh_reports(demo: None) -> None:
    bangkok = Office.objects.get(slug="co-bangkok")
    owed = [
        (row.event.name, row.report_state, (row.due_on - TODAY).days)
        for row in duties_due(bangkok.pk, TODAY)
    ]
    assert owed == [
        ("Demo: Task Force on Planning and Preparedness meeting", None, -11),
        ("Demo: PIDC workshop on border management data", "returned", -6),
        ("Demo: Bali Process technical meeting on trafficking in persons", None, 2),
        ("Demo: Colombo Process working group on remittances", None, 6),
        ("Demo: PIDC training on document examination", None, 13),
    ]


def test_reports_stand_at_every_point_of_their_way(demo: None) -> None:
    states = PostEventReport.objects.order_by("state").values_list("state").annotate(Count("pk"))
    assert dict(states) == {"accepted": 25, "returned": 1, "submitted": 3}
    accepted = PostEventReport.objects.accepted()
    assert accepted.values("office").distinct().count() >= 10
    assert not accepted.filter(accepted_at__lte=F("submitted_at")).exists()
    for report in PostEventReport.objects.prefetch_related("steps"):
        moments = [step.at for step in report.steps.all()]
        assert moments == sorted(moments)
        assert moments[-1].date() <= TODAY


def test_only_accepted_reports_wrote_evidence(demo: None) -> None:
    accepted = set(PostEventReport.objects.accepted().values_list("pk", flat=True))
    for model in (SupportRequest, Partnership, PolicyInstrument, FollowUpAction, TimeEntry):
        numbers = set(
            model.objects.exclude(report_number=None).values_list("report_number", flat=True)
        )
        assert numbers
        assert numbers <= accepted


def test_all_figures_are_asked_for_once(demo: None) -> None:
    asked = OutboxMessage.objects.filter(topic="evidence_changed")
    payloads = [message.payload for message in asked]
    assert payloads.count({"whole": True}) == 2  # the real records, and the demo
    # Events that are over since, and nothing for each accepted report.
    assert all(payload.get("kinds", ["duty"]) == ["duty"] for payload in payloads)


def test_some_indicators_are_active_with_invented_targets_and_the_others_stay_proposals(
    demo: None,
) -> None:
    invented = Indicator.objects.filter(is_demo=True)
    assert set(invented.values_list("key", flat=True)) == set(HELD_AGAINST)
    for indicator in invented:
        assert indicator.state == "active"
        assert indicator.rationale.startswith("Demo: ")
        assert version_number(indicator) == 2
    others = Indicator.objects.filter(is_demo=False)
    assert others.count() == 11
    assert not others.exclude(state="proposed", target=None, green_from=None).exists()


def test_the_demo_shows_red_amber_and_green_a_release_and_no_difference(demo: None) -> None:
    at = dt.datetime.combine(TODAY, dt.time(12), dt.UTC)
    compile_all(at)
    statuses = IndicatorValue.objects.filter(cell="overall", period="year", year__gte=2024)
    assert {"red", "amber", "green", "baseline", "not_over", "context"} <= set(
        statuses.values_list("status", flat=True)
    )
    assert audit(at).differing == 0
    out = StringIO()
    for _number in range(2):
        call_command("close_demo_year", stdout=out)
    (release,) = Release.objects.all()
    assert release.note.startswith("Demo: ")
    assert release.closed_by.is_demo
    assert "There is no year of the demo to close." in out.getvalue()


def test_coverage_is_neither_empty_nor_complete(demo: None) -> None:
    dakar = Office.objects.get(slug="ro-dakar")
    coverage = coverage_of_office(dakar.pk, Period.years(2024, 2026), TODAY)
    assert 0 < coverage.accepted < coverage.owed


@pytest.mark.parametrize(
    ("model", "day"),
    [
        (SupportRequest, "asked_on"),
        (Partnership, "since_on"),
        (PolicyInstrument, "dated_on"),
        (KnowledgeAnswer, "answered_on"),
        (SatisfactionAnswer, "answered_on"),
        (TimeEntry, "worked_on"),
    ],
)
def test_every_measure_has_evidence_in_every_year_and_none_to_come(
    demo: None, model: Any, day: str
) -> None:
    years = model.objects.order_by(f"{day}__year").values_list(f"{day}__year", flat=True).distinct()
    assert list(years) == [2024, 2025, 2026]
    assert not model.objects.filter(**{f"{day}__gt": TODAY}).exists()


def test_the_evidence_has_its_doubtful_cases_too(demo: None) -> None:
    assert PolicyInstrument.objects.filter(agenda_items=None).exists()
    assert PolicyInstrument.objects.filter(expertise_reflected="not_assessed").exists()
    assert KnowledgeAnswer.objects.filter(after=None).exists()
    assert TimeEntry.objects.filter(grade="").exists()
    assert SupportRequest.objects.filter(outcome="open").exists()
    with_priority = AgendaItem.objects.exclude(priority=None).values("event").distinct().count()
    with_agenda = AgendaItem.objects.values("event").distinct().count()
    assert 0 < with_priority < with_agenda


def test_the_surveys_of_the_demo_hold_what_its_indicators_count(demo: None) -> None:
    reader = User.objects.get(username="ipd")
    satisfaction = Survey.objects.get(use="satisfaction")
    mean = results_of(satisfaction, reader).phases[0].results[0].mean
    year = satisfaction.closes_on.year
    counted = SatisfactionAnswer.objects.filter(iscm=satisfaction.iscm, answered_on__year=year)
    assert float(mean or 0) == pytest.approx(
        statistics.mean(counted.values_list("score", flat=True)), abs=1e-4
    )
    knowledge = Survey.objects.get(use="knowledge")
    people = KnowledgeAnswer.objects.filter(event=knowledge.event)
    assert knowledge.responses.filter(phase="before").count() == people.count()
    assert knowledge.responses.filter(phase="after").count() == people.exclude(after=None).count()
    assert [column.key for column in needs_map(Survey.objects.get(use="needs")).columns] == [
        "Africa",
        "Americas",
        "Asia",
    ]


def test_upcoming_events_owe_nothing_yet(demo: None) -> None:
    upcoming = Event.objects.filter(starts_on__gt=TODAY)
    assert upcoming.count() == 3
    assert all(event.delegates.exists() for event in upcoming)
    assert all((due_on(event) or TODAY) > TODAY for event in upcoming)


def test_saving_a_demo_event_changes_nothing_in_it(demo: None) -> None:
    event = Event.objects.filter(is_demo=True).first()
    assert event is not None
    before = (event.year, event.month, event.sorted_on)
    event.save()
    assert (event.year, event.month, event.sorted_on) == before


def test_standard_costs_cover_the_years_of_the_demo(demo: None) -> None:
    assert StandardCost.objects.count() == 28
    p4 = StandardCost.objects.filter(grade="P4").order_by("year")
    assert [str(rate.usd_per_day) for rate in p4] == ["640.00", "659.20", "678.98", "699.35"]
