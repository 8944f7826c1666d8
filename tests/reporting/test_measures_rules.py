"""What the measures promise beside their numbers: refusals, nothing on record, constant cost."""

import datetime as dt
from decimal import Decimal
from fractions import Fraction

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from iscm_portal.common.numbers import median, ratio, to_four_places
from iscm_portal.common.period import Period
from reporting.measures import MEASURES, MoneyMeasure
from reporting.models import IndicatorValue
from reporting.services.compiling import compile_indicators
from tests.factories.reporting import SatisfactionAnswerFactory
from tests.reporting.evidence import cell, evidence_of_every_kind, indicators

pytestmark = pytest.mark.django_db

Y2026 = Period.year(2026)
NOW = dt.datetime(2026, 12, 1, 3, 0, tzinfo=dt.UTC)
ALL = list(MEASURES)
COUNTED = [key for key, measure in MEASURES.items() if not isinstance(measure, MoneyMeasure)]
# Not counted, they only say how to share, or what else stands in a sum.
NOT_COUNTED = {"resources_allocated": [1]}


@pytest.mark.parametrize("key", COUNTED)
def test_an_unknown_cut_is_refused(key: str):
    with pytest.raises(ValueError, match="colour"):
        MEASURES[key].records(Y2026, colour="blue")


def test_nothing_on_record_is_no_data_and_one_cell_a_year():
    """No report was accepted: nobody knows whether there was none."""
    indicators()
    compile_indicators(2025, 2026, NOW)
    assert IndicatorValue.objects.count() == 2 * len(ALL)
    assert set(IndicatorValue.objects.values_list("cell", "value", "n", "status")) == {
        ("overall", None, 0, "no_data")
    }


def test_every_cell_opens_to_as_many_records_as_it_counts():
    evidence_of_every_kind()
    indicators()
    compile_indicators(2026, 2026, NOW)
    values = IndicatorValue.objects.select_related("indicator", "iscm")
    opened = set()
    for value in values.filter(n__gt=0).order_by("pk"):
        key = value.indicator.key
        if key == "self_financing_ratio" or value.cell == "source:":
            continue  # n is how many mechanisms there are
        sets = [records for _label, records in MEASURES[key].record_sets(value.span, **value.place)]
        for place in NOT_COUNTED.get(key, []):
            del sets[place]
        assert sum(records.count() for records in sets) == value.n, (key, value.cell)
        opened.add((key, value.dimension))
    assert {key for key, _dimension in opened} == set(ALL) - {"self_financing_ratio"}
    for key in COUNTED:
        found = {dimension for of, dimension in opened if of == key}
        assert found == {"", *MEASURES[key].dimensions} - {"iscm"}


def test_sums_cost_the_same_however_many_records():
    def statements() -> int:
        with CaptureQueriesContext(connection) as asked:
            compile_indicators(2026, 2026, NOW)
        return len(asked)

    indicators()
    evidence_of_every_kind()
    few = statements()
    evidence_of_every_kind()
    # Duties of new delegations, and rows of what is read in batches.
    assert abs(statements() - few) <= 2


def test_a_joint_event_counts_for_each_mechanism_and_once_overall():
    indicators(["knowledge_change"])
    north, south = evidence_of_every_kind()
    compile_indicators(2026, 2026, NOW)
    key = "knowledge_change"
    assert [cell(key, f"iscm:{iscm.pk}").n for iscm in (north, south)] == [9, 9]
    # They have a theme in common; the people were asked once.
    (shared,) = set(north.themes.all()) & set(south.themes.all())
    value = cell(key, f"theme:{shared.code}")
    assert (cell(key).n, value.n, value.value) == (9, 9, Decimal("10.0000"))


def test_two_answers_are_too_few_to_show():
    indicators(["satisfaction"])
    SatisfactionAnswerFactory.create_batch(2, score=5)
    compile_indicators(2026, 2026, NOW)
    value = cell("satisfaction")
    assert (value.value, value.numerator, value.denominator) == (None, None, None)
    assert (value.beside, value.n, value.status) == ({}, None, "too_few")


@pytest.mark.parametrize(
    ("histogram", "middle"),
    [({}, None), ({4: 1}, 4), ({1: 1, 4: 1}, Decimal("2.5")), ({1: 3, 9: 1}, 1), ({0: 2, 7: 3}, 7)],
)
def test_a_median_of_a_histogram(histogram: dict[int, int], middle: Decimal | None):
    assert median(histogram) == middle


def test_rounding_is_half_up_away_from_zero():
    assert to_four_places(Fraction(1, 20_000)) == Decimal("0.0001")
    assert to_four_places(Fraction(-1, 20_000)) == Decimal("-0.0001")
    assert ratio(1, 3, 100) == Decimal("33.3333")
    assert ratio(1, 0) is None
