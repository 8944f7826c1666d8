"""A few cells of every measure, by numbers that somebody worked out by hand."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from iscm_portal.common import outbox
from iscm_portal.common.models import OutboxMessage
from reporting.measures import MEASURES
from reporting.models import IndicatorValue
from reporting.services.auditing.comparing import compare
from reporting.services.compiling import compile_indicators
from tests.factories.engagements import (
    AgendaItemFactory,
    CountryFactory,
    DelegateFactory,
    EventFactory,
    FollowUpActionFactory,
    IOMPriorityFactory,
    ISCMFactory,
    OfficeFactory,
    PartnershipFactory,
    PolicyInstrumentFactory,
    SupportRequestFactory,
    ThemeFactory,
)
from tests.factories.finance import (
    AssessedContributionFactory,
    AttributionFactory,
    FundingLineFactory,
    ProjectFactory,
    ProposalFactory,
    TimeEntryFactory,
)
from tests.factories.reporting import (
    IndicatorFactory,
    KnowledgeAnswerFactory,
    PostEventReportFactory,
    SatisfactionAnswerFactory,
)
from tests.reporting.evidence import assert_borne_out, cell, indicators

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 12, 1, 3, 0, tzinfo=dt.UTC)


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def compile_now() -> None:
    compile_indicators(2025, 2026, NOW)


def figures(value: IndicatorValue) -> tuple[Any, ...]:
    numbers = (value.value, value.numerator, value.denominator)
    return (*(None if number is None else str(number) for number in numbers), value.n)


def opened(value: IndicatorValue) -> set[Any]:
    """The records that the value was counted from."""
    return set(MEASURES[value.indicator.key].records(value.span, **value.place))


@pytest.fixture
def north():
    themes = [ThemeFactory(code="labour"), ThemeFactory(code="return")]
    return ISCMFactory(slug="north", themes=themes)


@pytest.fixture
def south():
    return ISCMFactory(slug="south", type="irf")


def test_partnerships_developed(north, south):
    indicators(["partnerships_developed"])
    in_march = PartnershipFactory(iscm=north, since_on=day("2026-03-31"))
    in_april = PartnershipFactory(iscm=north, since_on=day("2026-04-01"))
    year_before = PartnershipFactory(iscm=south, since_on=day("2025-12-31"))
    of_none = PartnershipFactory(iscm=None, since_on=day("2026-12-31"), office=OfficeFactory())
    PartnershipFactory(iscm=north, since_on=day("2024-12-31"))
    compile_now()
    key = "partnerships_developed"
    assert figures(cell(key)) == ("3.0000", "3.0000", None, 3)
    assert figures(cell(key, year=2025)) == ("1.0000", "1.0000", None, 1)
    assert opened(cell(key, f"iscm:{north.pk}")) == {in_march, in_april}
    # Of two themes it counts under each, and once in every total.
    for place in ("theme:labour", "theme:return", f"iscm:{north.pk}|theme:labour", "type:rcp"):
        assert figures(cell(key, place)) == ("2.0000", "2.0000", None, 2)
    assert opened(cell(key, "theme:")) == opened(cell(key, "type:")) == {of_none}
    assert opened(cell(key, f"office:{of_none.office.slug}")) == {of_none}
    assert [cell(key, quarter=quarter).n for quarter in (1, 2, 4)] == [1, 1, 1]
    twelve = IndicatorValue.objects.get(period="rolling", year=2026, part=1, cell="overall")
    assert opened(twelve) == {in_march, year_before}


def test_instruments_and_expertise(north):
    indicators(["instruments_passed", "instruments_amended", "expertise_reflected"])
    items = AgendaItemFactory.create_batch(2)
    state = CountryFactory(iso3="XXA", region="Africa")
    both = PolicyInstrumentFactory(
        iscm=north, country=state, agenda_items=items, expertise_reflected="yes"
    )
    PolicyInstrumentFactory(iscm=north, expertise_reflected="no")  # reflects none
    amended = PolicyInstrumentFactory(
        iscm=north, action="amended", agenda_items=items[:1], expertise_reflected="no"
    )
    PolicyInstrumentFactory(agenda_items=items[:1])  # nobody said whether it shows
    compile_now()
    assert figures(cell("instruments_passed")) == ("2.0000", "2.0000", None, 2)
    assert opened(cell("instruments_passed", f"iscm:{north.pk}|country:XXA")) == {both}
    assert opened(cell("instruments_passed", "region:Africa")) == {both}
    assert opened(cell("instruments_amended")) == {amended}
    assert figures(cell("expertise_reflected")) == ("33.3333", "1.0000", "3.0000", 3)
    assert figures(cell("expertise_reflected", "country:XXA")) == (
        "100.0000",
        "1.0000",
        "1.0000",
        1,
    )


def test_knowledge_change(north, south):
    indicators(["knowledge_change"])
    event = EventFactory(iscms=[north, south], kind="summit")
    a, b = CountryFactory(), CountryFactory()
    people = [
        KnowledgeAnswerFactory(event=event, country=country, before=before, after=after)
        for country, before, after in (
            *((a, 40, 60), (a, 50, 70), (a, 45, 65)),
            *((b, 80, 80), (b, 80, 80), (b, 80, 80)),
        )
    ]
    KnowledgeAnswerFactory(event=event, country=b, before=10, after=None)
    compile_now()
    for place in ("overall", f"iscm:{north.pk}", f"iscm:{south.pk}", "event_kind:summit"):
        value = cell("knowledge_change", place)
        assert figures(value) == ("10.0000", "60.0000", "6.0000", 6)
        # Means of 45 and 80 before, of 65 and 80 after: from 17.5 to 7.5.
        assert value.beside == {"change_in_spread": "-10.0000"}
        assert opened(value) == set(people)
    alone = cell("knowledge_change", f"country:{a.iso3}")
    assert (figures(alone)[0], alone.beside) == ("20.0000", {"change_in_spread": None})


def test_the_spread_of_few_people_needs_three_states(north):
    """Of two States the spread is half the difference of their means: with the mean of all it would
    tell both."""
    indicators(["knowledge_change"])
    event = EventFactory(iscms=[north])
    a, b, c, d = CountryFactory.create_batch(4)
    KnowledgeAnswerFactory(event=event, country=a, before=40, after=60)
    KnowledgeAnswerFactory.create_batch(2, event=event, country=b, before=80, after=80)
    compile_now()
    assert figures(cell("knowledge_change")) == ("6.6667", "20.0000", "3.0000", 3)
    assert cell("knowledge_change").beside == {"change_in_spread": None}
    KnowledgeAnswerFactory(event=event, country=c, before=40, after=60)
    KnowledgeAnswerFactory(event=event, country=d, before=80, after=80)
    compile_now()
    # From 20 to 10.
    assert cell("knowledge_change").beside == {"change_in_spread": "-10.0000"}


def test_support_requests(north):
    indicators(["support_requests"])
    asked = {"iscm": north, "asked_on": day("2026-03-11")}
    SupportRequestFactory(**asked, outcome="met", answered_on=day("2026-03-15"))
    SupportRequestFactory(**asked, outcome="declined", answered_on=day("2026-03-20"))
    last = SupportRequestFactory(iscm=None, kind="liaison", asked_on=day("2026-12-31"))
    compile_now()
    value = cell("support_requests")
    assert figures(value) == ("3.0000", "3.0000", None, 3)
    assert value.beside == {"share_met_pct": "33.3333", "median_days_to_answer": "6.5000"}
    value = cell("support_requests", "kind:liaison", quarter=4)
    assert value.beside == {"share_met_pct": "0.0000", "median_days_to_answer": None}
    assert opened(value) == {last}


def test_satisfaction_shows_no_cell_from_which_few_answers_follow(north, south):
    indicators(["satisfaction"])
    for score in (5, 4, 2):
        SatisfactionAnswerFactory(iscm=north, score=score)
    SatisfactionAnswerFactory(iscm=south, score=1, answered_on=day("2026-04-01"))
    compile_now()
    value = cell("satisfaction")
    assert figures(value) == ("3.0000", "12.0000", "4.0000", 4)
    assert value.beside == {"share_satisfied_pct": "50.0000"}
    # What is left of the whole, and of the year, is one answer.
    for hidden in (
        cell("satisfaction", f"iscm:{north.pk}"),
        cell("satisfaction", f"iscm:{south.pk}"),
        cell("satisfaction", quarter=1),
    ):
        assert figures(hidden) == (None, None, None, None)
        assert (hidden.beside, hidden.status) == ({}, "too_few")
    for score in (2, 3):
        SatisfactionAnswerFactory(iscm=south, score=score)
    compile_now()
    assert figures(cell("satisfaction", f"iscm:{north.pk}")) == (
        "3.6667",
        "11.0000",
        "3.0000",
        3,
    )
    assert not IndicatorValue.objects.filter(period="rolling").exists()


def test_priorities_on_agendas_and_events_attended(north, south):
    indicators(["priorities_on_agenda", "events_attended"])
    joint = EventFactory(iscms=[north, south], starts_on=day("2026-03-31"))
    unknown = {"starts_on": None, "ends_on": None, "date_precision": "year"}
    in_year = EventFactory(iscms=[north], year=2026, **unknown)
    no_agenda = EventFactory(iscms=[south], starts_on=day("2026-04-01"))
    AgendaItemFactory(event=joint, priority=IOMPriorityFactory())
    AgendaItemFactory(event=joint)
    AgendaItemFactory(event=in_year)
    DelegateFactory.create_batch(2, event=joint)
    DelegateFactory(event=no_agenda)
    compile_now()
    assert figures(cell("priorities_on_agenda")) == ("50.0000", "1.0000", "2.0000", 2)
    assert opened(cell("priorities_on_agenda", f"iscm:{north.pk}")) == {joint, in_year}
    assert opened(cell("priorities_on_agenda", quarter=1)) == {joint}
    assert figures(cell("events_attended")) == ("2.0000", "2.0000", None, 2)
    assert opened(cell("events_attended", f"iscm:{south.pk}")) == {joint, no_agenda}
    assert opened(cell("events_attended", quarter=2)) == {no_agenda}
    # An event of which only the year is known is in the twelve months that are that year.
    twelve = IndicatorValue.objects.filter(
        indicator__key="priorities_on_agenda", period="rolling", year=2026, cell="overall"
    )
    assert {value.part: value.n for value in twelve} == {1: 1, 2: 1, 3: 1, 4: 2}


def test_coverage_and_timeliness(north, south):
    """Of two duties on a meeting that ended on 11 March one is answered, on the 15th."""
    indicators(["report_coverage", "report_timeliness", "partnerships_developed"])
    event = EventFactory(iscms=[north, south])
    done, open_one = DelegateFactory.create_batch(2, event=event)
    PostEventReportFactory(event=event, office=done.office, state="accepted")
    PostEventReportFactory(event=event, office=open_one.office, state="submitted")
    DelegateFactory(event=EventFactory(iscms=[north], starts_on=day("2026-11-30")))  # not over
    late = DelegateFactory(event=EventFactory(starts_on=day("2026-02-01")))
    PostEventReportFactory(event=late.event, office=late.office, state="accepted")
    compile_now()
    assert figures(cell("report_coverage")) == ("66.6667", "2.0000", "3.0000", 3)
    assert figures(cell("report_coverage", f"iscm:{south.pk}")) == (
        "50.0000",
        "1.0000",
        "2.0000",
        2,
    )
    value = cell("report_timeliness")
    # 4 days, and the 41 from 2 February.
    assert figures(value) == ("22.5000", None, None, 2)
    assert value.beside == {"in_time_pct": "50.0000"}
    assert {duty.office for duty in opened(value)} == {done.office, late.office}
    # Somebody would have said so: a count is 0, and its coverage stands beside it.
    zero = cell("partnerships_developed", f"iscm:{north.pk}", quarter=1)
    assert (*figures(zero), zero.reports_owed, zero.reports_accepted) == (
        "0.0000", "0.0000", None, 0, 2, 1,
    )  # fmt: skip
    nobody_knows = cell("partnerships_developed", year=2025)
    assert (figures(nobody_knows), nobody_knows.status) == ((None, None, None, 0), "no_data")


def test_follow_up_completion(north):
    indicators(["follow_up_completion"])
    office = OfficeFactory()
    due = {"iscm": north, "due_on": day("2026-04-01")}
    done = FollowUpActionFactory(**due, state="done", owner=office)
    FollowUpActionFactory(**due, state="open")
    FollowUpActionFactory(**due, state="dropped")
    FollowUpActionFactory(iscm=north, due_on=None)
    compile_now()
    assert figures(cell("follow_up_completion")) == ("50.0000", "1.0000", "2.0000", 2)
    assert opened(cell("follow_up_completion", f"office:{office.slug}")) == {done}


def differences(at: dt.datetime) -> list[Any]:
    """What the auditor would find, but for what it knows to be waiting."""
    return compare(at, 10)[1].differences


def test_a_follow_up_counts_once_its_day_is_over(north):
    indicators(["follow_up_completion"])
    FollowUpActionFactory(iscm=north, due_on=day("2026-11-30"), state="done")
    today = FollowUpActionFactory(iscm=north, due_on=day("2026-12-01"), state="open")
    FollowUpActionFactory(iscm=north, due_on=day("2026-12-15"), state="done")
    FollowUpActionFactory(iscm=north, due_on=day("2027-03-01"), state="open")
    compile_now()
    assert figures(cell("follow_up_completion")) == ("100.0000", "1.0000", "1.0000", 1)
    assert not IndicatorValue.objects.filter(year=2027, n__gt=0).exists()
    assert_borne_out(NOW)
    # A day later a change elsewhere is compiled: the quarter of what fell due since is asked for.
    later = NOW + dt.timedelta(days=1)
    assert differences(later) == []
    OutboxMessage.objects.all().delete()
    compile_indicators(2024, 2024, later)
    (asked,) = OutboxMessage.objects.values_list("payload", flat=True)
    assert asked == {"slots": [20264], "kinds": ["followupaction"]}
    outbox.deliver(later)
    value = cell("follow_up_completion")
    assert figures(value) == ("50.0000", "1.0000", "2.0000", 2)
    assert today in opened(value)
    assert differences(later) == []


def test_staff_days_and_proposals(north):
    indicators(["staff_days", "proposal_success"])
    entry = TimeEntryFactory(iscm=north, days=Decimal("1.50"), worked_on=day("2026-03-31"))
    TimeEntryFactory(iscm=None, days=Decimal("0.25"), worked_on=day("2026-04-01"))
    decided = {"iscm": north, "decided_on": day("2026-12-31")}
    awarded = ProposalFactory(**decided, state="awarded", awarded_usd=1)
    ProposalFactory(**decided, state="declined")
    ProposalFactory(**decided, state="withdrawn")
    ProposalFactory(iscm=north)
    compile_now()
    assert figures(cell("staff_days")) == ("1.7500", "1.7500", None, 2)
    assert opened(cell("staff_days", quarter=1)) == {entry}
    assert figures(cell("proposal_success")) == ("50.0000", "1.0000", "2.0000", 2)
    assert awarded in opened(cell("proposal_success", f"iscm:{north.pk}", quarter=4))


def test_resources_and_self_financing(north, south):
    indicators(["resources_allocated", "self_financing_ratio"])
    FundingLineFactory(iscm=north, amount_usd=1500)
    FundingLineFactory(iscm=north, amount_usd=9999, source_of_funds="donor_cofunding")
    FundingLineFactory(iscm=south, amount_usd=1, is_counted=False, not_counted_reason="Twice.")
    project = ProjectFactory()
    FundingLineFactory(project=project, amount_usd=1000, source_of_funds="project_support")
    for iscm in (north, south):
        AttributionFactory(project=project, iscm=iscm)
    AssessedContributionFactory(iscm=north, paid_usd=500)
    AssessedContributionFactory(iscm=south, paid_usd=0)
    compile_now()
    value = cell("resources_allocated")
    assert figures(value) == ("11499.0000", "11499.0000", None, 3)
    # What either may have had is added once.
    assert value.beside == {
        "low_usd": "11499.00",
        "high_usd": "12499.00",
        "unknown_shares": 2,
        "posts_without_share": 0,
        "days_without_rate": "0.00",
        "days_without_payer": "0.00",
    }
    of_south = cell("resources_allocated", f"iscm:{south.pk}|source:project_support")
    assert (*figures(of_south), of_south.beside["high_usd"]) == (
        "0.0000", "0.0000", None, 1, "1000.00",
    )  # fmt: skip
    value = cell("self_financing_ratio")
    assert figures(value) == ("25.0000", "500.0000", "2000.0000", 1)
    assert figures(cell("self_financing_ratio", "theme:return")) == figures(value)
    assert not IndicatorValue.objects.filter(
        indicator__key="self_financing_ratio", iscm=south
    ).exists()


def test_thresholds_colour_the_whole_and_shares_and_no_part_of_a_count(north):
    held = {"green_from": 3, "amber_from": 2}
    IndicatorFactory(key="partnerships_developed", **held)
    IndicatorFactory(key="follow_up_completion", green_from=80, amber_from=50)
    PartnershipFactory.create_batch(3, iscm=north)
    FollowUpActionFactory(iscm=north, due_on=day("2026-04-01"), state="done")
    FollowUpActionFactory(iscm=None, due_on=day("2026-04-01"))
    compile_now()
    assert cell("partnerships_developed").status == "green"
    assert cell("partnerships_developed", quarter=1).status == "part"
    assert cell("partnerships_developed", f"iscm:{north.pk}").status == "part"
    assert cell("follow_up_completion").status == "amber"
    assert cell("follow_up_completion", f"iscm:{north.pk}", quarter=2).status == "green"
