"""Compiling: whole or not at all, the same again, and moved by what was accepted."""

import datetime as dt
import subprocess
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction

from engagements.models import ISCM, Partnership, SupportRequest
from iscm_portal.common import outbox
from iscm_portal.common.choices import AccessGroup
from iscm_portal.common.models import JobRun, OutboxMessage
from iscm_portal.common.period import year_slots
from reporting.choices import Direction, IndicatorState, PeriodKind, ReportState, Status
from reporting.measures import MEASURES
from reporting.measures.evidence import evidence_of, years_with_evidence
from reporting.models import (
    CompileRun,
    EvidenceSum,
    Indicator,
    IndicatorValue,
    SatisfactionAnswer,
)
from reporting.selectors.indicators import latest_run, overview, trend
from reporting.services.auditing.comparing import compare
from reporting.services.compiling import (
    compile_all,
    compile_change,
    compile_indicators,
    values,
)
from reporting.services.compiling.run import spans_of_years
from reporting.services.duties import bring_up_to_date, sync_duties
from tests.factories.engagements import (
    AgendaItemFactory,
    CountryFactory,
    DelegateFactory,
    EventFactory,
    ISCMFactory,
    OfficeFactory,
    PartnershipFactory,
    PolicyInstrumentFactory,
    SupportRequestFactory,
    ThemeFactory,
    UserFactory,
)
from tests.factories.finance import (
    AssessedContributionFactory,
    FundingLineFactory,
    TimeEntryFactory,
)
from tests.factories.reporting import (
    IndicatorFactory,
    KnowledgeAnswerFactory,
    PostEventReportFactory,
    SatisfactionAnswerFactory,
    SurveyFactory,
)
from tests.reporting.evidence import assert_borne_out, evidence_of_every_kind, indicators

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 12, 1, 3, 0, tzinfo=dt.UTC)
DAY = dt.date(2026, 4, 1)
LATER = dt.datetime(2026, 12, 2, 3, 0, tzinfo=dt.UTC)
NEW_YEAR = dt.datetime(2027, 1, 1, 3, 0, tzinfo=dt.UTC)


@pytest.fixture
def partnerships() -> Indicator:
    return IndicatorFactory(key="partnerships_developed")


@pytest.fixture
def all_indicators() -> list[Indicator]:
    return [IndicatorFactory(key=key) for key in MEASURES]


def published() -> dict[tuple[str, int, str], tuple[Any, ...]]:
    """The values of years, overall and by mechanism, but for the moment and the run."""
    rows = IndicatorValue.objects.of_years().filter(dimension="").values_list(
        "indicator__key", "year", "cell", "value", "numerator", "denominator", "n", "beside",
        "status", "reports_owed", "reports_accepted",
    )  # fmt: skip
    return {row[:3]: row[3:] for row in rows}


def everything() -> set[tuple[Any, ...]]:
    """All that is published, with its moment and run."""
    rows = IndicatorValue.objects.values_list(
        "indicator", "period", "year", "part", "cell", "value", "numerator", "denominator", "n",
        "status", "reports_owed", "reports_accepted", "compiled_at", "run",
    )  # fmt: skip
    return set(rows)


def row(indicator: Indicator, year: int = 2026, **cell: Any) -> IndicatorValue:
    """The value of a year in one cell; overall, unless the cell is named."""
    cell = {"iscm": None, "dimension": "", "dimension_value": "", **cell}
    return IndicatorValue.objects.of_year(year).get(indicator=indicator, **cell)


def value(indicator: Indicator, year: int = 2026, iscm: ISCM | None = None) -> Decimal | None:
    return row(indicator, year, iscm=iscm).value


def accepted_event(iscms: list[ISCM], **event: Any) -> None:
    """An event on which one office's report was accepted, with its duty."""
    delegate = DelegateFactory(event=EventFactory(iscms=iscms, **event))
    PostEventReportFactory(event=delegate.event, office=delegate.office, state=ReportState.ACCEPTED)
    bring_up_to_date(NOW)


# --- what a run writes


def test_a_run_writes_the_overall_cell_and_one_for_each_mechanism(partnerships: Indicator):
    adopted, other = ISCMFactory(), ISCMFactory()
    PartnershipFactory.create_batch(2, iscm=adopted)
    PartnershipFactory(iscm=other, since_on=dt.date(2025, 12, 31))
    PartnershipFactory(iscm=None)
    run = compile_indicators(2025, 2026, NOW)
    assert {(cell, year): row[0] for (_key, year, cell), row in published().items()} == {
        ("overall", 2025): 1,
        (f"iscm:{other.pk}", 2025): 1,
        ("overall", 2026): 3,
        (f"iscm:{adopted.pk}", 2026): 2,
    }
    assert (run.state, run.published_at) == ("published", NOW)
    assert run.values_written == run.values_total == IndicatorValue.objects.count()
    assert latest_run() == run


def test_a_count_is_0_only_where_a_report_was_accepted(partnerships: Indicator):
    quiet = ISCMFactory()
    ISCMFactory()  # nobody reported on this one
    accepted_event([quiet])
    compile_indicators(2025, 2026, NOW)
    zero, nothing = Decimal("0.0000"), None
    assert {(cell, year): row[0] for (_key, year, cell), row in published().items()} == {
        ("overall", 2025): nothing,
        ("overall", 2026): zero,
        (f"iscm:{quiet.pk}", 2026): zero,
    }
    assert row(partnerships, 2025).status == Status.NO_DATA


def test_a_ratio_over_nothing_has_no_data_even_where_reports_were_accepted():
    indicator = IndicatorFactory(key="priorities_on_agenda")
    accepted_event([ISCMFactory()])
    compile_indicators(2026, 2026, NOW)
    (found,) = IndicatorValue.objects.of_year(2026).filter(indicator=indicator)
    assert (found.cell, found.value, found.n, found.status) == ("overall", None, 0, "no_data")


def test_what_stands_beside_a_value_keeps_its_digits():
    indicator = IndicatorFactory(key="support_requests")
    for outcome in ("met", "open", "open"):
        SupportRequestFactory(outcome=outcome, answered_on=dt.date(2026, 3, 15))
    compile_indicators(2026, 2026, NOW)
    assert row(indicator).beside == {"share_met_pct": "33.3333", "median_days_to_answer": "4.0000"}


def test_retired_indicators_keep_their_values_and_proposed_ones_are_compiled():
    retired = IndicatorFactory(key="partnerships_developed")
    proposed = IndicatorFactory(key="support_requests", state=IndicatorState.PROPOSED)
    IndicatorFactory(key="no_measure_of_that_name")
    compile_indicators(2026, 2026, NOW)
    retired.state = IndicatorState.RETIRED
    retired.save()
    PartnershipFactory()
    SupportRequestFactory()
    run = compile_indicators(2026, 2026, LATER)
    assert (row(retired).compiled_at, row(retired).value) == (NOW, None)
    assert (row(proposed).run, row(proposed).value) == (run, 1)
    assert set(IndicatorValue.objects.values_list("indicator", flat=True)) == {
        retired.pk,
        proposed.pk,
    }


def test_a_cell_without_evidence_any_more_is_gone(partnerships: Indicator):
    iscm = ISCMFactory()
    partnership = PartnershipFactory(iscm=iscm)
    PartnershipFactory(iscm=iscm, since_on=dt.date(2024, 5, 5))
    compile_indicators(2024, 2026, NOW)
    partnership.delete()
    compile_indicators(2026, 2026, LATER)
    assert not IndicatorValue.objects.of_year(2026).filter(iscm=iscm).exists()
    assert value(partnerships, 2024, iscm) == 1  # another year: not touched


def test_compiling_again_changes_nothing(all_indicators: list[Indicator]):
    iscm = ISCMFactory()
    accepted_event([iscm])
    PartnershipFactory(iscm=iscm)
    FundingLineFactory(iscm=iscm)
    SatisfactionAnswerFactory.create_batch(3, iscm=iscm)
    KnowledgeAnswerFactory(event=EventFactory(iscms=[iscm]))
    compile_indicators(2025, 2026, NOW)
    before = everything()
    run = compile_indicators(2025, 2026, LATER)
    assert everything() == before
    assert (run.values_written, run.values_removed) == (0, 0)
    PartnershipFactory(iscm=iscm)
    compile_indicators(2025, 2026, LATER)
    changed = {row[0] for row in everything() - before}
    assert changed == {Indicator.objects.get(key="partnerships_developed").pk}


def test_a_run_that_breaks_off_leaves_the_former_values(
    partnerships: Indicator, monkeypatch: pytest.MonkeyPatch
):
    PartnershipFactory()
    compile_indicators(2026, 2026, NOW)
    before, runs = everything(), CompileRun.objects.count()
    sums = set(EvidenceSum.objects.values_list())
    PartnershipFactory()

    def lights_out(*args: Any) -> int:
        # The new values are written, and what is to go still stands, when the power goes.
        raise SystemExit

    monkeypatch.setattr(values, "_remove", lights_out)
    with pytest.raises(SystemExit):
        compile_indicators(2026, 2026, LATER)
    assert everything() == before
    assert (CompileRun.objects.count(), set(EvidenceSum.objects.values_list())) == (runs, sums)
    monkeypatch.undo()
    compile_indicators(2026, 2026, LATER)
    assert value(partnerships) == 2


def test_statements_do_not_grow_with_years_or_records(
    all_indicators: list[Indicator], django_assert_max_num_queries: Any
):
    for years in (1, 10):
        for number in range(years):
            iscm = ISCMFactory()
            PartnershipFactory(iscm=iscm, since_on=dt.date(2026 - number, 1, 1))
            FundingLineFactory(iscm=iscm, year=2026 - number)
        # 14 measures: away with the old sums, the new ones; money; rolling up; what may be shown of
        # answers; publishing.
        with django_assert_max_num_queries(170):
            compile_indicators(2027 - years, 2026, NOW)


# --- spans of time


def test_a_record_counts_in_its_year_its_quarter_and_the_twelve_months_that_hold_it(
    partnerships: Indicator,
):
    PartnershipFactory(since_on=dt.date(2025, 6, 30), iscm=None)
    compile_indicators(2025, 2026, NOW)
    spans = IndicatorValue.objects.overall().filter(value=1)
    assert set(spans.values_list("period", "year", "part")) == {
        ("year", 2025, 0),
        ("quarter", 2025, 2),
        ("rolling", 2025, 2),
        ("rolling", 2025, 3),
        ("rolling", 2025, 4),
        ("rolling", 2026, 1),
    }


def test_the_days_of_a_span_are_those_whose_records_it_counts(partnerships: Indicator):
    days = [dt.date(2025, month, day) for month in range(1, 13) for day in (1, 28)]
    for day in days:
        PartnershipFactory(since_on=day, iscm=None)
    compile_indicators(2025, 2026, NOW)
    for found in IndicatorValue.objects.overall().exclude(value=None):
        assert found.value == sum(day in found.span for day in days), found.cell
        assert len(evidence_of(found, UserFactory())[0][1]) == found.n


def test_what_only_has_a_year_is_in_no_quarter_of_it():
    indicator = IndicatorFactory(key="events_attended")
    past = EventFactory(
        starts_on=None, ends_on=None, year=2025, date_precision="year", iscms=[ISCMFactory()]
    )
    DelegateFactory(event=past)
    compile_indicators(2025, 2026, NOW)
    found = IndicatorValue.objects.overall().filter(indicator=indicator, value=1)
    assert set(found.values_list("period", "year", "part")) == {
        ("year", 2025, 0),
        ("rolling", 2025, 4),
    }
    assert all(list(evidence_of(one, UserFactory())[0][1]) == [past] for one in found)


def test_twelve_months_that_are_not_over_are_there_from_the_first_day_of_their_quarter(
    partnerships: Indicator,
):
    PartnershipFactory(since_on=dt.date(2026, 11, 1))
    compile_indicators(2026, 2026, dt.datetime(2026, 9, 30, 12, tzinfo=dt.UTC))
    assert not IndicatorValue.objects.filter(period="rolling").exists()
    compile_indicators(2026, 2026, dt.datetime(2026, 10, 1, 12, tzinfo=dt.UTC))
    found = IndicatorValue.objects.overall().filter(period="rolling")
    assert list(found.values_list("year", "part")) == [(2026, 4)]


# --- cells


def test_a_count_is_cut_by_mechanism_by_another_dimension_and_by_both():
    indicator = IndicatorFactory(key="support_requests")
    labour = ThemeFactory(code="labour")
    iscm = ISCMFactory(type="rcp", themes=[labour])
    country = CountryFactory(iso3="XXA", region="Africa")
    SupportRequestFactory(iscm=iscm, country=country, kind="technical")
    SupportRequestFactory(iscm=None, country=None, kind="liaison")
    compile_indicators(2026, 2026, NOW)
    found = IndicatorValue.objects.of_year(2026).filter(indicator=indicator)
    mine = f"iscm:{iscm.pk}"
    assert dict(found.values_list("cell", "value")) == {
        "overall": 2,
        mine: 1,
        "type:rcp": 1,
        "type:": 1,
        "theme:labour": 1,
        "theme:": 1,
        "country:XXA": 1,
        "country:": 1,
        "region:Africa": 1,
        "region:": 1,
        "kind:technical": 1,
        "kind:liaison": 1,
        f"{mine}|type:rcp": 1,
        f"{mine}|theme:labour": 1,
        f"{mine}|country:XXA": 1,
        f"{mine}|region:Africa": 1,
        f"{mine}|kind:technical": 1,
    }


def test_a_part_of_a_count_is_not_held_against_the_target_of_the_whole():
    thresholds = {"green_from": Decimal(2), "amber_from": Decimal(1)}
    count = IndicatorFactory(key="partnerships_developed", **thresholds)
    share = IndicatorFactory(key="expertise_reflected", **thresholds)
    iscm = ISCMFactory()
    PartnershipFactory(iscm=iscm)
    PolicyInstrumentFactory(iscm=iscm, expertise_reflected="yes")
    compile_indicators(2026, 2026, NEW_YEAR)
    assert (row(count).status, row(count, iscm=iscm).status) == (Status.AMBER, Status.PART)
    assert (row(share).status, row(share, iscm=iscm).status) == (Status.GREEN, Status.GREEN)


def test_no_single_answer_comes_of_subtracting_one_value_from_another():
    indicator = IndicatorFactory(key="satisfaction")
    many, few = ISCMFactory(), ISCMFactory()
    SatisfactionAnswerFactory.create_batch(3, iscm=many, answered_on=dt.date(2026, 2, 1))
    SatisfactionAnswerFactory.create_batch(2, iscm=few, answered_on=dt.date(2026, 2, 1))
    SatisfactionAnswerFactory(iscm=few, answered_on=dt.date(2026, 8, 1))
    compile_indicators(2026, 2026, NOW)
    shown = IndicatorValue.objects.filter(indicator=indicator, value__isnull=False)
    cells = set(shown.filter(dimension="").values_list("period", "part", "cell"))
    # The first quarter has five of six answers: less it the year would tell the sixth.
    assert cells == {
        ("year", 0, "overall"),
        ("year", 0, f"iscm:{many.pk}"),
        ("year", 0, f"iscm:{few.pk}"),
        ("quarter", 1, f"iscm:{many.pk}"),
    }
    assert not IndicatorValue.objects.filter(indicator=indicator, period="rolling").exists()


def test_an_answer_that_the_others_of_its_whole_would_tell_hides_them():
    indicator = IndicatorFactory(key="satisfaction")
    iscm = ISCMFactory()
    for kind, answers in (("technical", 3), ("liaison", 3), ("logistical", 1)):
        SatisfactionAnswerFactory.create_batch(answers, iscm=iscm, kind=kind)
    compile_indicators(2026, 2026, NOW)
    shown = IndicatorValue.objects.of_year(2026).filter(indicator=indicator, value__isnull=False)
    assert row(indicator).value is not None
    # Liaison goes with logistical: without it the rest would be one.
    assert set(shown.by("kind").values_list("dimension_value", flat=True)) == {"technical"}
    SatisfactionAnswerFactory.create_batch(2, iscm=iscm, kind="logistical")
    compile_indicators(2026, 2026, LATER)
    assert shown.by("kind").count() == 3
    assert shown.filter(dimension="kind", iscm=iscm).count() == 3


# --- status


@pytest.mark.parametrize(
    ("direction", "number", "status"),
    [
        (Direction.UP, 4, Status.GREEN),
        (Direction.UP, 3, Status.AMBER),
        (Direction.UP, 2, Status.AMBER),
        (Direction.UP, 1, Status.RED),
        (Direction.UP, 0, Status.NO_DATA),
        (Direction.DOWN, 2, Status.GREEN),
        (Direction.DOWN, 3, Status.AMBER),
        (Direction.DOWN, 4, Status.AMBER),
        (Direction.DOWN, 5, Status.RED),
        (Direction.CONTEXT, 4, Status.CONTEXT),
    ],
)
def test_a_status_follows_the_thresholds(direction: str, number: int, status: Status):
    best, worst = (2, 4) if direction == Direction.DOWN else (4, 2)
    indicator = IndicatorFactory(
        key="partnerships_developed",
        direction=direction,
        green_from=Decimal(best),
        amber_from=Decimal(worst),
    )
    PartnershipFactory.create_batch(number)
    compile_indicators(2026, 2026, NEW_YEAR)
    assert row(indicator).status == status


def test_no_target_no_thresholds_and_for_context_are_three_things():
    up = {"direction": Direction.UP, "state": IndicatorState.PROPOSED}
    context = IndicatorFactory(key="partnerships_developed")
    aimless = IndicatorFactory(key="events_attended", **up)
    without = IndicatorFactory(key="expertise_reflected", target=Decimal(80), **up)
    iscm = ISCMFactory()
    PartnershipFactory(iscm=iscm)
    DelegateFactory(event=EventFactory(iscms=[iscm], starts_on=DAY))
    PolicyInstrumentFactory(iscm=iscm, expertise_reflected="yes")
    compile_indicators(2026, 2026, NOW)
    for at in ({}, {"iscm": iscm}):
        assert row(context, **at).status == Status.CONTEXT
        assert row(aimless, **at).status == Status.NO_TARGET
        assert row(without, **at).status == Status.NO_LIMITS


HELD = {"green_from": Decimal(4), "amber_from": Decimal(2)}
HELD_DOWN = {"green_from": Decimal(2), "amber_from": Decimal(4), "direction": Direction.DOWN}


@pytest.mark.parametrize(
    ("held", "number", "status"),
    [
        (HELD, 4, Status.GREEN),
        (HELD, 3, Status.NOT_OVER),
        (HELD, 1, Status.NOT_OVER),
        (HELD_DOWN, 5, Status.RED),
        (HELD_DOWN, 4, Status.NOT_OVER),
        (HELD_DOWN, 1, Status.NOT_OVER),
    ],
)
def test_of_what_is_not_over_a_count_has_the_colour_that_it_keeps(held, number, status):
    indicator = IndicatorFactory(key="partnerships_developed", **held)
    PartnershipFactory.create_batch(number, since_on=dt.date(2026, 11, 1))
    compile_indicators(2026, 2026, NOW)
    assert row(indicator).status == status
    twelve = indicator.values.filter(period="rolling", cell="overall")
    assert twelve.get(part=4).status == status
    assert_borne_out(NOW)
    # Till the next compile the auditor knows that the colours of what ended wait for it.
    _known, verdict = compare(NEW_YEAR, 10)
    assert (verdict.differences, verdict.waiting > 0) == ([], True)


def test_a_share_of_a_year_that_runs_has_its_colour():
    indicator = IndicatorFactory(
        key="expertise_reflected", green_from=Decimal(80), amber_from=Decimal(50)
    )
    PolicyInstrumentFactory(expertise_reflected="no")
    compile_indicators(2026, 2026, NOW)
    assert row(indicator).status == Status.RED


def test_the_year_of_the_baseline_and_what_lies_before_have_no_colour():
    indicator = IndicatorFactory(
        key="partnerships_developed",
        baseline=Decimal(1),
        baseline_year=2024,
        baseline_source="The portal",
        no_baseline_reason="",
        **HELD,
    )
    for year in (2023, 2024, 2025):
        PartnershipFactory.create_batch(4, since_on=dt.date(year, 2, 1))
    compile_indicators(2023, 2025, NOW)
    found = indicator.values.filter(cell="overall").exclude(period="quarter")
    status = {(value.period, value.year, value.part): value.status for value in found}
    assert [status["year", year, 0] for year in (2023, 2024, 2025)] == [
        Status.BASELINE,
        Status.BASELINE,
        Status.GREEN,
    ]
    # Twelve months to March 2025 begin in the baseline's year; those to December do not.
    assert status["rolling", 2025, 1] == Status.BASELINE
    assert status["rolling", 2025, 4] == Status.GREEN
    assert_borne_out(NOW)


# --- coverage


def test_an_event_owes_a_report_for_each_office_and_counts_for_each_mechanism(
    partnerships: Indicator,
):
    north, south = ISCMFactory(), ISCMFactory()
    joint = EventFactory(iscms=[north, south], starts_on=dt.date(2025, 12, 31))  # ends in 2026
    office = OfficeFactory()
    DelegateFactory.create_batch(2, event=joint, office=office)
    DelegateFactory(event=joint)
    PostEventReportFactory(event=joint, office=office, state=ReportState.ACCEPTED)
    PostEventReportFactory(event=joint, state=ReportState.SUBMITTED)
    DelegateFactory(event=EventFactory(iscms=[north], starts_on=dt.date(2026, 11, 30)))  # not over
    compile_indicators(2025, 2026, NOW)
    found = IndicatorValue.objects.of_year(2026).filter(indicator=partnerships, dimension="")
    assert list(found.order_by("cell").values_list("cell", "reports_owed", "reports_accepted")) == [
        (f"iscm:{north.pk}", 3, 1),
        (f"iscm:{south.pk}", 3, 1),
        ("overall", 3, 1),
    ]


# --- what readers ask


def test_the_overview_and_the_trend_read_what_was_published(partnerships: Indicator):
    iscm = ISCMFactory()
    for year in (2024, 2025, 2026):
        PartnershipFactory(iscm=iscm, since_on=dt.date(year, 2, 2))
    retired = IndicatorFactory(key="support_requests", state=IndicatorState.RETIRED)
    compile_indicators(2024, 2026, NOW)
    reader = UserFactory()
    assert [row.indicator for row in overview(reader, 2026)] == [partnerships]
    assert [row.year for row in trend(partnerships, iscm)] == [2024, 2025, 2026]
    assert trend(retired) == []


def test_the_evidence_of_a_value_is_narrowed_to_its_reader():
    indicator = IndicatorFactory(key="resources_allocated")
    office = OfficeFactory()
    iscm = ISCMFactory()
    own = FundingLineFactory(iscm=iscm, office=office)
    FundingLineFactory(iscm=iscm)
    FundingLineFactory(office=office)
    compile_indicators(2026, 2026, NOW)
    found = row(indicator, iscm=iscm)
    reporter = UserFactory(office=office)
    analyst = UserFactory(access_group=AccessGroup.ANALYST)
    assert [list(rows) for _label, rows in evidence_of(found, reporter)] == [[own], [], [], []]
    assert [rows.count() for _label, rows in evidence_of(found, analyst)] == [0, 0, 0, 0]
    finance = UserFactory(access_group=AccessGroup.FINANCE)
    assert [rows.count() for _label, rows in evidence_of(found, finance)] == [2, 0, 0, 0]


def test_answers_too_few_to_show_are_not_shown_one_by_one():
    indicator = IndicatorFactory(key="satisfaction")
    SatisfactionAnswerFactory.create_batch(2)
    compile_indicators(2026, 2026, NOW)
    reader = UserFactory(access_group=AccessGroup.IPD)
    ((_label, rows),) = evidence_of(row(indicator), reader)
    assert list(rows) == []
    survey = SurveyFactory(state="closed")
    SatisfactionAnswerFactory.create_batch(3, survey=survey)
    SatisfactionAnswer.objects.filter(survey=None).delete()
    compile_indicators(2026, 2026, NOW)
    ((_label, rows),) = evidence_of(row(indicator), reader)
    assert list(rows) == [survey]


def test_an_indicator_without_measure_has_no_evidence():
    other = IndicatorValue(indicator=Indicator(key="something_else"), year=2026)
    assert evidence_of(other, UserFactory()) == []


def test_the_years_with_evidence_reach_from_the_first_to_the_last():
    assert years_with_evidence() is None
    FundingLineFactory(year=2014)
    past = EventFactory(
        starts_on=None, ends_on=None, year=2011, date_precision="year", iscms=[ISCMFactory()]
    )
    AgendaItemFactory(event=past)
    PartnershipFactory(since_on=dt.date(2024, 1, 1))
    assert years_with_evidence() == (2011, 2024)


# --- from a change to a value


def test_a_change_moves_the_values_of_its_years_only(partnerships: Indicator):
    PartnershipFactory(since_on=dt.date(2025, 6, 1))
    PartnershipFactory()
    compile_indicators(2025, 2026, NOW)
    PartnershipFactory(since_on=dt.date(2025, 6, 1))
    PartnershipFactory()
    outbox.write("evidence_changed", {"years": [2026]})
    assert outbox.deliver(LATER) == 1
    assert (value(partnerships, 2025), value(partnerships, 2026)) == (1, 2)
    outbox.write("evidence_changed", {"years": []})
    assert outbox.deliver(LATER) == 1


def test_years_in_a_row_are_compiled_together_and_others_by_themselves():
    assert spans_of_years([2024, 2026, 2025, 2019, 2019]) == [(2019, 2019), (2024, 2026)]
    assert spans_of_years([]) == []


def test_a_whole_compile_takes_away_values_of_years_without_evidence(partnerships: Indicator):
    PartnershipFactory(since_on=dt.date(2026, 6, 1))
    compile_indicators(1999, 2026, NOW)
    assert value(partnerships, 2026) == 1
    compile_indicators(2026, 2026, NOW, whole=True)
    assert set(partnerships.values.of_years().values_list("year", flat=True)) == {2026}


# Each kind of record, made in the second quarter of 2026, and the measures that it moves.
CHANGES: dict[str, tuple[Callable[[], Any], set[str]]] = {
    "partnership": (lambda: PartnershipFactory(since_on=DAY), {"partnerships_developed"}),
    "supportrequest": (lambda: SupportRequestFactory(asked_on=DAY), {"support_requests"}),
    "policyinstrument": (
        lambda: PolicyInstrumentFactory(dated_on=DAY, expertise_reflected="yes"),
        {"expertise_reflected"},
    ),
    "event": (
        lambda: AgendaItemFactory(event=EventFactory(iscms=[ISCMFactory()], starts_on=DAY)),
        {"priorities_on_agenda"},
    ),
    "timeentry": (
        lambda: TimeEntryFactory(worked_on=DAY, days=2),
        {"resources_allocated", "staff_days"},
    ),
    "assessedcontribution": (
        lambda: AssessedContributionFactory(year=2026, paid_usd=5),
        {"self_financing_ratio"},
    ),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_following_a_change_gives_what_compiling_everything_gives(
    all_indicators: list[Indicator], kind: str
):
    SupportRequestFactory.create_batch(2, asked_on=dt.date(2025, 9, 1))
    PartnershipFactory(since_on=dt.date(2026, 4, 1))
    accepted_event([ISCMFactory()], starts_on=dt.date(2026, 5, 5))
    compile_all(NOW)
    before = everything()
    make, moved = CHANGES[kind]
    make()
    run = compile_change([20262], [kind], LATER)
    assert run is not None
    assert run.scope == CompileRun.Scope.CHANGE
    changed = {found[0] for found in everything() ^ before}
    assert set(Indicator.objects.filter(pk__in=changed).values_list("key", flat=True)) == moved
    followed = everything()
    assert compile_all(LATER).values_written == 0
    assert everything() == followed


def a_joint_event_is_reported(north: ISCM, south: ISCM) -> None:
    accepted_event([north, south], starts_on=DAY)
    TimeEntryFactory(iscm=north, worked_on=DAY)
    FundingLineFactory(iscm=north, year=2026)


# What happens to records of one mechanism or both, and the kinds of records that it touches.
MOVES: dict[str, tuple[Callable[[ISCM, ISCM], Any], set[str]]] = {
    "to another mechanism": (
        lambda north, south: SupportRequest.objects.filter(iscm=north).update(iscm=south),
        {"supportrequest"},
    ),
    "gone": (
        lambda north, south: Partnership.objects.filter(iscm=north).delete(),
        {"partnership"},
    ),
    "too few to show": (
        lambda north, south: SatisfactionAnswer.objects.filter(iscm=south)[0].delete(),
        {"satisfactionanswer"},
    ),
    "joint now": (
        lambda north, south: [event.iscms.add(south) for event in north.events.all()],
        {"event"},
    ),
    "reported of one": (
        lambda north, south: accepted_event([north], starts_on=DAY),
        {"event", "duty", "delegate"},
    ),
    "reported of both": (a_joint_event_is_reported, {"event", "duty", "delegate", "timeentry"}),
}


@pytest.mark.parametrize("move", MOVES)
def test_cells_of_each_mechanism_follow_a_change_of_its_records(move: str):
    indicators()
    north, south = evidence_of_every_kind()
    ISCMFactory()
    compile_all(NOW)
    before = everything()
    make, kinds = MOVES[move]
    make(north, south)
    compile_change(year_slots(2026), kinds, LATER)
    followed = everything()
    assert followed != before
    whole = compile_all(LATER)
    assert (whole.values_written, whole.values_removed) == (0, 0)
    assert everything() == followed


def test_answers_of_one_quarter_hide_and_show_those_of_the_others():
    IndicatorFactory(key="satisfaction")
    for month, answers in ((1, 3), (4, 3), (7, 2)):
        SatisfactionAnswerFactory.create_batch(answers, answered_on=dt.date(2026, month, 1))
    compile_all(NOW)
    quarters = IndicatorValue.objects.filter(period=PeriodKind.QUARTER, cell="overall")
    # The two of the third are shown with the first only, and so is none of both by itself.
    assert quarters.get(value__isnull=False).part == 2
    SatisfactionAnswer.objects.filter(answered_on__month=7).delete()
    compile_change([20263], ["satisfactionanswer"], LATER)
    assert quarters.filter(value__isnull=False).count() == 2
    assert compile_all(LATER).values_written == 0


def test_a_change_that_moves_no_sum_writes_nothing(all_indicators: list[Indicator]):
    request = SupportRequestFactory(asked_on=DAY)
    compile_all(NOW)
    request.what = "Another word"
    request.save()
    run = compile_change([20262], ["supportrequest"], LATER)
    assert run is not None
    assert (run.values_written, run.values_removed) == (0, 0)


def test_a_change_is_followed_though_the_year_after_it_was_compiled_before(
    partnerships: Indicator,
):
    compile_all(NOW)
    PartnershipFactory(since_on=dt.date(2025, 6, 1))
    compile_indicators(2026, 2026, LATER)
    compile_change([20252], ["partnership"], LATER)
    assert value(partnerships, 2025) == 1


def test_twelve_months_that_begin_after_the_night_wait_for_the_next(partnerships: Indicator):
    compile_all(dt.datetime(2026, 9, 30, 2, tzinfo=dt.UTC))
    PartnershipFactory(since_on=DAY)
    compile_change([20262], ["partnership"], dt.datetime(2026, 10, 1, 1, tzinfo=dt.UTC))
    rolling = partnerships.values.filter(period=PeriodKind.ROLLING, year=2026, cell="overall")
    assert set(rolling.values_list("part", flat=True)) == {2, 3}
    compile_all(dt.datetime(2026, 10, 1, 2, tzinfo=dt.UTC))
    assert set(rolling.values_list("part", flat=True)) == {2, 3, 4}


def test_a_change_of_what_no_measure_counts_compiles_nothing(partnerships: Indicator):
    compile_all(NOW)
    assert compile_change([20262], ["reservefund"], LATER) is None
    assert CompileRun.objects.count() == 1


def test_reports_accepted_stand_beside_every_value_at_once(all_indicators: list[Indicator]):
    PartnershipFactory(since_on=dt.date(2026, 5, 5), iscm=None)
    FundingLineFactory()
    compile_all(NOW)
    accepted_event([ISCMFactory()], starts_on=dt.date(2026, 5, 5))
    compile_change([20262], ["duty", "event"], LATER)
    overall = IndicatorValue.objects.of_year(2026).overall()
    assert set(overall.values_list("reports_owed", "reports_accepted")) == {(1, 1)}


def test_a_duty_that_comes_to_be_owed_asks_for_its_quarter():
    day = dt.date(2026, 11, 30)
    DelegateFactory(event=EventFactory(iscms=[ISCMFactory()], starts_on=day, ends_on=day))
    sync_duties(dt.datetime(2026, 11, 30, 12, tzinfo=dt.UTC))
    assert not OutboxMessage.objects.filter(topic="evidence_changed").exists()
    sync_duties(NOW)
    message = OutboxMessage.objects.get(topic="evidence_changed")
    assert message.payload == {"slots": [20264], "kinds": ["duty"]}


def test_the_commands_compile_and_deliver(partnerships: Indicator, capsys: Any):
    PartnershipFactory(since_on=dt.date(2014, 6, 1))
    call_command("compile_indicators", "--year", "2014")
    assert capsys.readouterr().out == "2014 to 2014: 36 values written, 0 removed, 36 in all\n"
    call_command("compile_indicators", "--full")
    run = latest_run()
    assert run is not None
    assert run.first_year == 2014
    call_command("compile_indicators")
    outbox.write("evidence_changed", {"years": [2020]})
    call_command("deliver_outbox")
    assert value(partnerships, 2020) is None
    assert set(JobRun.objects.values_list("task", "state")) == {
        ("reporting.compile_indicators", "done"),
        ("common.deliver_outbox", "done"),
    }


def until(answer: Callable[[], bool], seconds: float = 30) -> None:
    """Wait until ``answer`` is yes, at most ``seconds``."""
    end = time.monotonic() + seconds
    while not answer():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


@pytest.mark.django_db(transaction=True)
def test_a_worker_compiles_what_an_accepted_change_asks_for(
    worker: subprocess.Popen[bytes], partnerships: Indicator
):
    with transaction.atomic():
        PartnershipFactory()
        outbox.write("evidence_changed", {"years": [2026]})
    until(
        lambda: (
            JobRun.objects.filter(task="common.deliver_outbox").exclude(state="running").exists()
        )
    )
    run = JobRun.objects.get(task="common.deliver_outbox")
    assert (run.state, run.error) == ("done", "")
    assert not OutboxMessage.objects.filter(done_at=None).exists()
    assert value(partnerships) == 1
    assert worker.poll() is None
