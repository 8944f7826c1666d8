"""What the measures promise beside their numbers: refusals, nothing on record, constant cost."""

import datetime as dt
from decimal import Decimal
from fractions import Fraction
from itertools import combinations
from typing import Any

import pytest

from engagements.models import ISCM
from finance.choices import FundingSource
from iscm_portal.common.numbers import median, ratio, to_four_places
from iscm_portal.common.period import Period
from reporting.measures import MEASURES
from reporting.measures.base import change_in_spread
from tests.factories.engagements import (
    AgendaItemFactory,
    CountryFactory,
    EventFactory,
    IOMPriorityFactory,
    ISCMFactory,
    MembershipFactory,
    OfficeFactory,
    PartnershipFactory,
    PolicyInstrumentFactory,
    SupportRequestFactory,
    ThemeFactory,
)
from tests.factories.finance import (
    AttributionFactory,
    FundingLineFactory,
    ProjectFactory,
    TimeEntryFactory,
)
from tests.factories.reporting import (
    DutyFactory,
    KnowledgeAnswerFactory,
    PostEventReportFactory,
    SatisfactionAnswerFactory,
)

pytestmark = pytest.mark.django_db

Y2026 = Period.year(2026)
ALL = list(MEASURES)
# Statements of one call of ``cells``: one, and one more where a median or a spread stands beside.
STATEMENTS = {"knowledge_change": 2, "support_requests": 2}


def evidence_of_every_kind() -> list[ISCM]:
    """Two mechanisms with a theme and a region in common, and evidence of each measure."""
    shared, own = ThemeFactory(), ThemeFactory()
    north, south = ISCMFactory(themes=[shared, own]), ISCMFactory(themes=[shared], type="irf")
    states = CountryFactory.create_batch(2, region="Africa")
    for iscm in (north, south):
        for state in states:
            MembershipFactory(iscm=iscm, country=state)
    joint = EventFactory(iscms=[north, south])
    item = AgendaItemFactory(event=joint, priority=IOMPriorityFactory())
    for iscm, state in ((north, states[0]), (south, states[1]), (None, None)):
        PartnershipFactory(iscm=iscm)
        SupportRequestFactory(iscm=iscm, country=state, answered_on=dt.date(2026, 4, 1))
        SatisfactionAnswerFactory.create_batch(3, iscm=iscm, country=state)
        KnowledgeAnswerFactory(event=joint, country=state)
        for action in ("passed", "amended"):
            PolicyInstrumentFactory(
                iscm=iscm,
                country=state,
                action=action,
                agenda_items=[item],
                expertise_reflected="yes" if iscm else "not_assessed",
            )
        TimeEntryFactory(iscm=iscm)
        event = EventFactory(iscms=[iscm] if iscm else [north, south])
        PostEventReportFactory(event=event, state="accepted", office=(office := OfficeFactory()))
        DutyFactory(event=event, office=office, is_owed=True, is_settled=True)
    FundingLineFactory(iscm=north)
    project = ProjectFactory()
    FundingLineFactory(project=project, source_of_funds=FundingSource.PROJECT_SUPPORT)
    AttributionFactory(project=project, iscm=north)
    AttributionFactory(project=project, iscm=south)
    return [north, south]


@pytest.mark.parametrize("key", ALL)
def test_an_unknown_cut_is_refused(key: str):
    with pytest.raises(ValueError, match="colour"):
        MEASURES[key].cells(Y2026, "colour")
    if key != "resources_allocated":
        with pytest.raises(ValueError, match="colour"):
            MEASURES[key].records(Y2026, colour="blue")


@pytest.mark.parametrize("key", ALL)
def test_nothing_on_record_is_a_count_of_0_and_a_ratio_of_nothing(key: str):
    (cell,) = MEASURES[key].cells(Y2026)
    assert cell.value == (Decimal("0.0000") if MEASURES[key].is_count else None)
    assert cell.n == 0
    assert MEASURES[key].cells(Y2026, "year", "iscm") == []


@pytest.mark.parametrize("key", ALL)
def test_the_records_of_every_cell_are_as_many_as_it_counts(key: str):
    evidence_of_every_kind()
    measure = MEASURES[key]
    names = [name for name in measure.cuts if name not in ("country", "region", "office")]
    # A line's themes and types are cut by the selector; its records by mechanism and source.
    names = ["iscm", "source"] if key == "resources_allocated" else names
    checked = 0
    for by in [(name,) for name in names] + list(combinations(names, 2)):
        for cell in measure.cells(Y2026, *by):
            if key == "resources_allocated" and cell.key.get("iscm", "") is None:
                continue
            records = [records for _label, records in measure.record_sets(Y2026, **cell.key)]
            if key == "resources_allocated":
                del records[1]  # attributions say how to share, they are not counted
            assert sum(part.count() for part in records) == cell.n
            checked += 1
    assert checked > len(names)


@pytest.mark.parametrize("key", [key for key in ALL if key != "resources_allocated"])
def test_cells_cost_the_same_however_many_records(key: str, django_assert_num_queries: Any):
    for _round in range(2):
        evidence_of_every_kind()
        for by in ((), ("year", "iscm"), ("theme",), ("region",)):
            with django_assert_num_queries(STATEMENTS.get(key, 1)):
                MEASURES[key].cells(Y2026, *by)


def test_a_joint_event_counts_for_each_mechanism_and_once_overall():
    north, south = evidence_of_every_kind()
    measure = MEASURES["knowledge_change"]
    assert {cell.key["iscm"]: cell.n for cell in measure.cells(Y2026, "iscm")} == {
        north.slug: 3,
        south.slug: 3,
    }
    assert [cell.n for cell in measure.cells(Y2026)] == [3]
    # They have a theme in common; the people were asked once.
    assert sorted(cell.n for cell in measure.cells(Y2026, "theme")) == [3, 3]
    assert {cell.value for cell in measure.cells(Y2026, "theme")} == {Decimal("10.0000")}


def test_resources_show_what_is_known_and_the_range():
    north, south = evidence_of_every_kind()
    cells = {
        cell.key["iscm"]: cell for cell in MEASURES["resources_allocated"].cells(Y2026, "iscm")
    }
    assert (cells[north.slug].value, cells[south.slug].value) == (1000, 0)
    assert cells[north.slug].beside == {
        "low_usd": 1000,
        "high_usd": 2000,
        "unknown_shares": 1,
        "posts_without_share": 0,
        "days_without_rate": 1,
        "days_without_payer": 0,
    }
    (total,) = MEASURES["resources_allocated"].cells(Y2026)
    assert (total.value, total.beside["high_usd"], total.n) == (1000, 2000, 5)


def test_two_answers_are_too_few_to_show():
    SatisfactionAnswerFactory.create_batch(2, score=5)
    (cell,) = MEASURES["satisfaction"].cells(Y2026)
    assert (cell.value, cell.numerator, cell.denominator, cell.beside) == (None, None, None, {})
    assert cell.n == 2


@pytest.mark.parametrize(
    ("histogram", "middle"),
    [({}, None), ({4: 1}, 4), ({1: 1, 4: 1}, Decimal("2.5")), ({1: 3, 9: 1}, 1), ({0: 2, 7: 3}, 7)],
)
def test_a_median_of_a_histogram(histogram: dict[int, int], middle: Decimal | None):
    assert median(histogram) == middle


def test_a_spread_needs_two_countries():
    ten, twenty = Fraction(10), Fraction(20)
    assert change_in_spread([ten], [twenty]) is None
    assert change_in_spread([ten, twenty], [ten, ten]) == Decimal("-5.0000")


def test_rounding_is_half_up_away_from_zero():
    assert to_four_places(Fraction(1, 20_000)) == Decimal("0.0001")
    assert to_four_places(Fraction(-1, 20_000)) == Decimal("-0.0001")
    assert ratio(1, 3, 100) == Decimal("33.3333")
    assert ratio(1, 0) is None
