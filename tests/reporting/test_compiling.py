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

from engagements.models import ISCM
from iscm_portal.common import outbox
from iscm_portal.common.choices import AccessGroup
from iscm_portal.common.models import JobRun, OutboxMessage
from iscm_portal.common.period import Period
from reporting.choices import Direction, IndicatorState, ReportState, Status
from reporting.measures import MEASURES
from reporting.measures.evidence import evidence_of, years_with_evidence
from reporting.models import CompileRun, Indicator, IndicatorValue
from reporting.selectors.indicators import (
    Coverage,
    latest_run,
    overview,
    report_coverage,
    trend,
)
from reporting.services import compiling
from reporting.services.compiling import compile_indicators, spans, status_of
from reporting.services.duties import sync_duties
from tests.factories.engagements import (
    AgendaItemFactory,
    DelegateFactory,
    EventFactory,
    ISCMFactory,
    OfficeFactory,
    PartnershipFactory,
    SupportRequestFactory,
    UserFactory,
)
from tests.factories.finance import FundingLineFactory
from tests.factories.reporting import (
    IndicatorFactory,
    KnowledgeAnswerFactory,
    PostEventReportFactory,
    SatisfactionAnswerFactory,
)

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 12, 1, 3, 0, tzinfo=dt.UTC)
LATER = dt.datetime(2026, 12, 2, 3, 0, tzinfo=dt.UTC)


@pytest.fixture
def partnerships() -> Indicator:
    return IndicatorFactory(key="partnerships_developed")


@pytest.fixture
def all_indicators() -> list[Indicator]:
    return [IndicatorFactory(key=key) for key in MEASURES]


def published() -> dict[tuple[str, int, str], tuple[Any, ...]]:
    """All values but for the moment and the run."""
    rows = IndicatorValue.objects.values_list(
        "indicator__key", "year", "cell", "value", "numerator", "denominator", "n", "beside",
        "status", "reports_owed", "reports_accepted",
    )  # fmt: skip
    return {row[:3]: row[3:] for row in rows}


def value(indicator: Indicator, year: int = 2026, iscm: ISCM | None = None) -> Decimal | None:
    return IndicatorValue.objects.get(indicator=indicator, year=year, iscm=iscm).value


def accepted_event(iscms: list[ISCM], **event: Any) -> None:
    """An event on which one office's report was accepted."""
    delegate = DelegateFactory(event=EventFactory(iscms=iscms, **event))
    PostEventReportFactory(event=delegate.event, office=delegate.office, state=ReportState.ACCEPTED)


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
    assert (run.state, run.values_written, run.published_at) == ("published", 4, NOW)
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
    assert IndicatorValue.objects.get(year=2025).status == Status.NO_DATA


def test_a_ratio_over_nothing_has_no_data_even_where_reports_were_accepted():
    indicator = IndicatorFactory(key="priorities_on_agenda")
    accepted_event([ISCMFactory()])
    compile_indicators(2026, 2026, NOW)
    row = IndicatorValue.objects.get(indicator=indicator)
    assert (row.cell, row.value, row.n, row.status) == ("overall", None, 0, "no_data")


def test_what_stands_beside_a_value_keeps_its_digits():
    indicator = IndicatorFactory(key="support_requests")
    for outcome in ("met", "open", "open"):
        SupportRequestFactory(outcome=outcome, answered_on=dt.date(2026, 3, 15))
    compile_indicators(2026, 2026, NOW)
    row = IndicatorValue.objects.get(indicator=indicator)
    assert row.beside == {"share_met_pct": "33.3333", "median_days_to_answer": "4.0000"}


def test_retired_indicators_keep_their_values_and_proposed_ones_are_compiled():
    retired = IndicatorFactory(key="partnerships_developed")
    proposed = IndicatorFactory(key="support_requests", state=IndicatorState.PROPOSED)
    IndicatorFactory(key="no_measure_of_that_name")
    compile_indicators(2026, 2026, NOW)
    retired.state = IndicatorState.RETIRED
    retired.save()
    run = compile_indicators(2026, 2026, LATER)
    assert IndicatorValue.objects.get(indicator=retired).compiled_at == NOW
    assert IndicatorValue.objects.get(indicator=proposed).run == run
    assert IndicatorValue.objects.count() == 2


def test_a_cell_without_evidence_any_more_is_gone(partnerships: Indicator):
    iscm = ISCMFactory()
    partnership = PartnershipFactory(iscm=iscm)
    PartnershipFactory(iscm=iscm, since_on=dt.date(2024, 5, 5))
    compile_indicators(2024, 2026, NOW)
    partnership.delete()
    compile_indicators(2026, 2026, LATER)
    assert not IndicatorValue.objects.filter(year=2026, iscm=iscm).exists()
    assert value(partnerships, 2024, iscm) == 1  # another year: not touched


def test_compiling_again_changes_nothing_but_the_moment(all_indicators: list[Indicator]):
    iscm = ISCMFactory()
    accepted_event([iscm])
    PartnershipFactory(iscm=iscm)
    FundingLineFactory(iscm=iscm)
    SatisfactionAnswerFactory.create_batch(3, iscm=iscm)
    KnowledgeAnswerFactory(event=EventFactory(iscms=[iscm]))
    compile_indicators(2025, 2026, NOW)
    before = published()
    compile_indicators(2025, 2026, LATER)
    assert published() == before
    assert set(IndicatorValue.objects.values_list("compiled_at", flat=True)) == {LATER}


def test_a_run_that_breaks_off_leaves_the_former_values(
    partnerships: Indicator, monkeypatch: pytest.MonkeyPatch
):
    PartnershipFactory()
    compile_indicators(2026, 2026, NOW)
    before, runs = published(), CompileRun.objects.count()
    PartnershipFactory()
    IndicatorFactory(key="resources_allocated")

    def lights_out(*args: Any) -> Status:
        # The new values are worked out and half written when the power goes.
        IndicatorValue.objects.update(value=99)
        raise SystemExit

    monkeypatch.setattr(compiling, "status_of", lights_out)
    with pytest.raises(SystemExit):
        compile_indicators(2026, 2026, LATER)
    assert published() == before
    assert CompileRun.objects.count() == runs
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
        # 8 measures x 2 cuts, 2 of them with one more each, resources, coverage, the writing.
        with django_assert_max_num_queries(67):
            compile_indicators(2027 - years, 2026, NOW)


# --- status


@pytest.mark.parametrize(
    ("direction", "number", "status"),
    [
        (Direction.UP, 80, Status.GREEN),
        (Direction.UP, 79, Status.AMBER),
        (Direction.UP, 50, Status.AMBER),
        (Direction.UP, 49, Status.RED),
        (Direction.UP, None, Status.NO_DATA),
        (Direction.CONTEXT, 80, Status.NO_TARGET),
    ],
)
def test_a_status_follows_the_thresholds(direction: str, number: int | None, status: Status):
    indicator = Indicator(direction=direction, green_from=Decimal(80), amber_from=Decimal(50))
    assert status_of(indicator, None if number is None else Decimal(number)) == status


@pytest.mark.parametrize(
    ("number", "status"), [(5, "green"), (6, "amber"), (10, "amber"), (11, "red")]
)
def test_a_status_where_less_is_better(number: int, status: str):
    indicator = Indicator(direction=Direction.DOWN, green_from=Decimal(5), amber_from=Decimal(10))
    assert status_of(indicator, Decimal(number)) == status


def test_without_thresholds_there_is_no_target():
    assert status_of(Indicator(), Decimal(1)) == Status.NO_TARGET


# --- coverage


def test_an_event_owes_a_report_for_each_office_and_counts_for_each_mechanism():
    north, south = ISCMFactory(), ISCMFactory()
    joint = EventFactory(iscms=[north, south], starts_on=dt.date(2025, 12, 31))  # ends in 2026
    office = OfficeFactory()
    DelegateFactory.create_batch(2, event=joint, office=office)
    DelegateFactory(event=joint)
    PostEventReportFactory(event=joint, office=office, state=ReportState.ACCEPTED)
    PostEventReportFactory(event=joint, state=ReportState.SUBMITTED)
    DelegateFactory(event=EventFactory(iscms=[north], starts_on=dt.date(2026, 11, 30)))  # not over
    sync_duties(NOW)
    coverage = report_coverage(Period.years(2025, 2026), dt.date(2026, 12, 1))
    assert coverage == {
        (2026, None): Coverage(3, 1),
        (2026, north.slug): Coverage(3, 1),
        (2026, south.slug): Coverage(3, 1),
    }


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
    row = IndicatorValue.objects.get(indicator=indicator, iscm=iscm)
    reporter = UserFactory(office=office)
    analyst = UserFactory(access_group=AccessGroup.ANALYST)
    assert [list(rows) for _label, rows in evidence_of(row, reporter)] == [[own], [], [], []]
    assert [rows.count() for _label, rows in evidence_of(row, analyst)] == [0, 0, 0, 0]
    finance = UserFactory(access_group=AccessGroup.FINANCE)
    assert [rows.count() for _label, rows in evidence_of(row, finance)] == [2, 0, 0, 0]


def test_answers_too_few_to_show_are_not_shown_one_by_one():
    indicator = IndicatorFactory(key="satisfaction")
    SatisfactionAnswerFactory.create_batch(2)
    compile_indicators(2026, 2026, NOW)
    reader = UserFactory(access_group=AccessGroup.IPD)
    row = IndicatorValue.objects.get(indicator=indicator)
    assert evidence_of(row, reader) == []
    SatisfactionAnswerFactory()
    compile_indicators(2026, 2026, NOW)
    row.refresh_from_db()
    ((_label, rows),) = evidence_of(row, reader)
    assert rows.count() == 3


def test_an_indicator_without_measure_has_no_evidence():
    row = IndicatorValue(indicator=Indicator(key="something_else"), year=2026)
    assert evidence_of(row, UserFactory()) == []


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
    assert spans([2024, 2026, 2025, 2019, 2019]) == [(2019, 2019), (2024, 2026)]
    assert spans([]) == []


def test_a_whole_compile_takes_away_values_of_years_without_evidence(partnerships: Indicator):
    PartnershipFactory(since_on=dt.date(2026, 6, 1))
    compile_indicators(1999, 2026, NOW)
    assert value(partnerships, 2026) == 1
    compile_indicators(2026, 2026, NOW, whole=True)
    assert set(partnerships.values.values_list("year", flat=True)) == {2026}


def test_the_commands_compile_and_deliver(partnerships: Indicator, capsys: Any):
    PartnershipFactory(since_on=dt.date(2014, 6, 1))
    call_command("compile_indicators", "--year", "2014")
    assert capsys.readouterr().out == "2014 to 2014: 1 values published\n"
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
