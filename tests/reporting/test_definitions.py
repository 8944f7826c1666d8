"""Definitions: the five parts checked, versions kept, activation refused until all hold."""

from __future__ import annotations

import datetime as dt
import threading
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from iscm_portal.common import outbox
from iscm_portal.common.models import OutboxMessage
from reporting.models import Indicator, IndicatorVersion
from reporting.rules import contradictions, lacks
from reporting.selectors.definitions import values_of
from reporting.services import defining
from reporting.services.compiling import compile_indicators
from reporting.services.defining import (
    ChangedMeanwhile,
    NotOpen,
    NotSmart,
    ReasonNeeded,
    Refused,
    change_state,
    save_definition,
)
from tests.factories import engagements as make
from tests.factories import reporting as reported
from tests.twins import taken_back, twin_settings

pytestmark = pytest.mark.django_db

AT = dt.datetime(2026, 11, 25, 9, 0, tzinfo=dt.UTC)
ON = AT.date()
KEY = "support_requests"


@pytest.fixture
def ipd():
    return make.UserFactory(access_group="ipd", first_name="Ida", last_name="Pd")


@pytest.fixture
def goal():
    return make.ReferenceFrameFactory(kind="migof_principle", code="P3", title="Partners")


@pytest.fixture
def draft(goal):
    """A proposal to which nothing lacks."""
    return reported.IndicatorFactory(
        key=KEY,
        state="proposed",
        green_from=Decimal(80),
        amber_from=Decimal(50),
        target=Decimal(100),
        baseline=Decimal(40),
        baseline_year=2025,
        baseline_source="The portal, on 31 December 2025",
        no_baseline_reason="",
        due_on=dt.date(2028, 12, 31),
        relevant_to=[goal],
    )


@pytest.fixture
def active(draft, ipd):
    change_state(KEY, "active", ipd, AT, seen=0)
    return Indicator.objects.get()


def state_of(key=KEY):
    return Indicator.objects.get(key=key).state


# --- what an active definition must have

LACKS = [
    ({"title": ""}, "specific", "title"),
    ({"definition": ""}, "specific", "definition"),
    ({"owner": None}, "specific", "owner"),
    ({"baseline": None, "baseline_year": None}, "attainable", "baseline"),
    ({"baseline_source": ""}, "attainable", "baseline_source"),
    ({"target": None}, "attainable", "target"),
    ({"green_from": None, "amber_from": None}, "attainable", "green_from"),
    ({"rationale": ""}, "attainable", "rationale"),
    ({"objective": None}, "relevant", "objective"),
    ({"relevant_to": []}, "relevant", "relevant_to"),
    ({"frequency": "sometimes"}, "timely", "frequency"),
    ({"due_on": None}, "timely", "due_on"),
    ({"due_on": ON}, "timely", "due_on"),
]


@pytest.mark.parametrize(("changes", "part", "field"), LACKS)
def test_a_draft_is_saved_without_a_part_and_is_not_activated_without_it(
    draft, ipd, changes, part, field
):
    save_definition(KEY, changes, ipd, AT, seen=0)
    before = list(Indicator.objects.values()), IndicatorVersion.objects.count()
    with pytest.raises(NotSmart) as refusal:
        change_state(KEY, "active", ipd, AT, seen=1)
    assert [(fault.part, fault.field) for fault in refusal.value.faults] == [(part, field)]
    assert (list(Indicator.objects.values()), IndicatorVersion.objects.count()) == before


def test_a_draft_to_which_nothing_lacks_is_activated_and_has_its_first_version(draft, ipd):
    change_state(KEY, "active", ipd, AT, seen=0)
    indicator = Indicator.objects.get()
    assert (indicator.state, indicator.current_version.number) == ("active", 1)
    assert values_of(indicator.current_version) == values_of(indicator)
    assert indicator.history.first().history_user == ipd


def test_a_goal_that_is_not_of_migof_is_not_enough(draft, ipd):
    other = make.ReferenceFrameFactory(kind="gcm_objective")
    save_definition(KEY, {"relevant_to": [other]}, ipd, AT, seen=0)
    with pytest.raises(NotSmart):
        change_state(KEY, "active", ipd, AT, seen=1)


def test_an_indicator_that_no_measure_counts_is_not_activated(draft, ipd):
    Indicator.objects.update(key="not_counted_yet")
    with pytest.raises(NotSmart, match="No measure counts it yet"):
        change_state("not_counted_yet", "active", ipd, AT, seen=0)


def test_the_unit_is_that_of_the_measure_whatever_was_stored(draft, ipd):
    Indicator.objects.update(unit="per cent")
    with pytest.raises(NotSmart, match="Its measure counts in count"):
        change_state(KEY, "active", ipd, AT, seen=0)
    save_definition(KEY, {}, ipd, AT, seen=0)
    assert Indicator.objects.get().unit == "count"


def test_without_a_baseline_it_is_said_why_and_the_indicator_can_be_active(draft, ipd):
    changes = {
        "baseline": None,
        "baseline_year": None,
        "baseline_source": "",
        "no_baseline_reason": "Counted for the first time in 2027.",
    }
    save_definition(KEY, changes, ipd, AT, seen=0)
    change_state(KEY, "active", ipd, AT, seen=1)
    assert state_of() == "active"


def test_for_context_nothing_is_to_be_reached_and_a_rationale_says_why(draft, ipd):
    nothing = {"target": None, "green_from": None, "amber_from": None}
    save_definition(KEY, {"direction": "context", **nothing}, ipd, AT, seen=0)
    change_state(KEY, "active", ipd, AT, seen=1)
    assert state_of() == "active"


@pytest.mark.parametrize(
    ("unit", "direction", "level"),
    [("per cent", "up", 100), ("score", "up", 5), ("count", "down", 0), ("days", "down", 0)],
)
def test_keeping_a_level_is_an_aim_only_where_nothing_is_better(draft, unit, direction, level):
    kept = {"unit": unit, "direction": direction, "baseline": Decimal(level)}
    kept |= {"target": Decimal(level), "green_from": None, "amber_from": None}
    assert contradictions({**values_of(draft), **kept}, ON) == []
    other = {"baseline": Decimal(3), "target": Decimal(3)}
    (fault,) = contradictions({**values_of(draft), **kept, **other}, ON)
    assert (fault.field, "nothing would be reached" in fault.message) == ("target", True)


@pytest.mark.parametrize("year", [2026, 2027, 2040])
def test_the_year_of_the_baseline_is_over_on_the_day_of_saving(draft, ipd, year):
    changes = {"baseline_year": year, "due_on": dt.date(2042, 1, 1)}
    with pytest.raises(NotSmart, match="That year is not over") as refusal:
        save_definition(KEY, changes, ipd, AT, seen=0)
    assert [fault.field for fault in refusal.value.faults] == ["baseline_year"]
    if year == 2026:
        save_definition(KEY, changes, ipd, AT.replace(year=2027), seen=0)


# --- what no definition may say

CONTRADICTIONS = [
    ({"baseline_year": None}, "baseline_year", "Give the year of the baseline."),
    ({"baseline": None}, "baseline", "a year of the baseline and no baseline"),
    ({"no_baseline_reason": "None."}, "no_baseline_reason", "There is a baseline"),
    ({"target": Decimal(30)}, "target", "can't be below the baseline"),
    ({"target": Decimal(79)}, "green_from", "would not be on track"),
    ({"amber_from": Decimal(80)}, "amber_from", "attention begins below"),
    ({"amber_from": None}, "amber_from", "Give both thresholds or none."),
    ({"green_from": None}, "green_from", "Give both thresholds or none."),
    ({"amber_from": Decimal(-1)}, "amber_from", "It can't be below 0."),
    ({"due_on": dt.date(2025, 12, 31)}, "due_on", "a year after that of the baseline"),
    ({"direction": "context"}, "target", "For context there is no better or worse"),
]


@pytest.mark.parametrize(("changes", "field", "message"), CONTRADICTIONS)
def test_a_draft_that_contradicts_itself_is_refused_and_nothing_changes(
    draft, ipd, changes, field, message
):
    with pytest.raises(NotSmart, match=message) as refusal:
        save_definition(KEY, changes, ipd, AT, seen=0)
    assert field in [fault.field for fault in refusal.value.faults]
    assert not IndicatorVersion.objects.exists()
    assert Indicator.objects.get().history.count() == 1


DOWN = {
    "direction": "down",
    "baseline": Decimal(30),
    "target": Decimal(10),
    "green_from": Decimal(14),
    "amber_from": Decimal(21),
}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target": Decimal(31)}, "can't be over the baseline"),
        ({"amber_from": Decimal(14)}, "attention begins over"),
        ({"green_from": Decimal(9)}, "would not be on track"),
    ],
)
def test_where_down_is_better_everything_is_the_other_way_round(draft, ipd, changes, message):
    save_definition(KEY, DOWN, ipd, AT, seen=0)
    with pytest.raises(NotSmart, match=message):
        save_definition(KEY, {**DOWN, **changes}, ipd, AT, seen=1)


@pytest.mark.parametrize(
    ("unit", "key", "value"),
    [("per cent", "report_coverage", 101), ("score", "satisfaction", 6), ("points", "x", 101)],
)
def test_no_figure_lies_beyond_what_its_unit_can_be(unit, key, value):
    indicator = reported.IndicatorFactory(key=key, unit=unit, state="proposed")
    values = {**values_of(indicator), "direction": "up", "target": Decimal(value)}
    faults = contradictions(values, ON)
    assert [fault.field for fault in faults] == ["target"]
    assert "It can't be over" in faults[0].message


figures = st.sampled_from([None, Decimal(0), Decimal(1), Decimal(2)])


@twin_settings
@given(
    direction=st.sampled_from(["up", "down", "context"]),
    baseline=figures,
    target=figures,
    green_from=figures,
    amber_from=figures,
    baseline_year=st.sampled_from([None, 2025]),
    no_baseline_reason=st.sampled_from(["", "New."]),
    texts=st.sampled_from(["", "Said."]),
    due_on=st.sampled_from([None, dt.date(2028, 1, 1)]),
)
def test_what_the_database_refuses_of_an_active_indicator_the_rules_refuse_first(texts, **changes):
    with taken_back():
        indicator = reported.IndicatorFactory(key=KEY, state="proposed")
        said = {**changes, "baseline_source": texts, "rationale": texts, "definition": texts}
        values = {**values_of(indicator), **said}
        faults = contradictions(values, ON) + lacks(KEY, values, ON)
        try:
            with transaction.atomic():
                Indicator.objects.update(state="active", **said)
        except IntegrityError:
            assert faults


CONSTRAINTS = [
    ("indicator_active_is_specific", {"definition": ""}),
    ("indicator_active_is_specific", {"owner": None}),
    ("indicator_active_is_measurable", {"unit": ""}),
    ("indicator_active_has_a_baseline", {"baseline_source": ""}),
    ("indicator_active_has_a_baseline", {"no_baseline_reason": "Both."}),
    ("indicator_active_has_a_target", {"target": None}),
    ("indicator_active_has_a_target", {"rationale": ""}),
    ("indicator_active_target_is_no_worse", {"baseline": Decimal(101)}),
    ("indicator_active_thresholds_in_order", {"amber_from": Decimal(80)}),
    ("indicator_active_target_is_on_track", {"green_from": Decimal(101)}),
    ("indicator_active_is_relevant", {"objective": None}),
    ("indicator_active_is_timely", {"due_on": None}),
    ("indicator_active_is_timely", {"frequency": "daily"}),
    ("indicator_thresholds_together", {"amber_from": None, "state": "proposed"}),
    ("indicator_baseline_has_a_year", {"baseline_year": None}),
]


@pytest.mark.parametrize(("rule", "changes"), CONSTRAINTS)
def test_the_database_itself_holds_what_an_active_indicator_must_have(active, rule, changes):
    with pytest.raises(IntegrityError, match=rule), transaction.atomic():
        Indicator.objects.update(**changes)
    if rule.startswith("indicator_active"):
        Indicator.objects.update(state="proposed", **changes)


def test_what_only_the_database_refuses_is_told_in_the_words_of_its_rule(active, ipd, monkeypatch):
    monkeypatch.setattr(defining, "_check", lambda *_args: None)
    with pytest.raises(Refused, match="The thresholds are not in order"):
        save_definition(KEY, {"amber_from": Decimal(90)}, ipd, AT, seen=1, reason="Wrong.")
    assert IndicatorVersion.objects.count() == 1


# --- versions


def test_an_active_definition_changes_with_a_reason_into_a_new_version(active, ipd):
    later = AT + dt.timedelta(days=30)
    with pytest.raises(ReasonNeeded):
        save_definition(KEY, {"target": Decimal(120)}, ipd, later, seen=1)
    assert IndicatorVersion.objects.count() == 1
    save_definition(KEY, {"target": Decimal(120)}, ipd, later, seen=1, reason="More is asked.")
    new, old = IndicatorVersion.objects.order_by("-number")
    assert (old.number, old.target, old.valid_from) == (1, 100, ON)
    assert (new.number, new.target, new.valid_from) == (2, 120, later.date())
    assert (new.reason, new.made_by) == ("More is asked.", ipd)
    indicator = Indicator.objects.get()
    assert (indicator.target, indicator.current_version) == (120, new)
    assert indicator.history.first().history_change_reason == "More is asked."


def test_the_goals_of_a_version_stay_when_those_of_the_definition_change(active, ipd, goal):
    other = make.ReferenceFrameFactory(kind="migof_objective")
    save_definition(KEY, {"relevant_to": [other]}, ipd, AT, seen=1, reason="It fits better.")
    new, old = IndicatorVersion.objects.order_by("-number")
    assert (list(old.relevant_to.all()), list(new.relevant_to.all())) == ([goal], [other])


def test_what_changes_nothing_writes_nothing(active, ipd):
    save_definition(KEY, values_of(active), ipd, AT, seen=1)
    assert IndicatorVersion.objects.count() == 1
    assert active.history.count() == 2


def test_saving_over_somebody_elses_newer_version_is_refused(active, ipd):
    other = make.UserFactory(access_group="ipd", first_name="Ola", last_name="Pd")
    save_definition(KEY, {"title": "Hers"}, other, AT, seen=1, reason="Clearer.")
    with pytest.raises(ChangedMeanwhile, match="Ola Pd wrote version 2 on 25 November 2026"):
        save_definition(KEY, {"title": "His"}, ipd, AT, seen=1, reason="Clearer.")
    with pytest.raises(ChangedMeanwhile):
        change_state(KEY, "retired", ipd, AT, seen=1, reason="Old.")
    assert (Indicator.objects.get().title, state_of()) == ("Hers", "active")


def test_a_step_that_somebody_took_already_is_refused(active, ipd):
    with pytest.raises(ChangedMeanwhile, match="Active"):
        change_state(KEY, "active", ipd, AT, seen=1)


def test_an_indicator_is_retired_with_a_reason_and_proposed_again_before_it_changes(active, ipd):
    with pytest.raises(ReasonNeeded):
        change_state(KEY, "retired", ipd, AT, seen=1)
    change_state(KEY, "retired", ipd, AT, seen=1, reason="Nobody asks.")
    with pytest.raises(NotOpen):
        save_definition(KEY, {"title": "New"}, ipd, AT, seen=1)
    change_state(KEY, "proposed", ipd, AT, seen=1)
    save_definition(KEY, {"title": "New"}, ipd, AT, seen=1)
    assert (Indicator.objects.get().title, state_of()) == ("New", "proposed")


def test_an_active_definition_whose_date_has_passed_is_changed_with_a_new_date_only(active, ipd):
    late = dt.datetime(2029, 1, 1, tzinfo=dt.UTC)
    with pytest.raises(NotSmart, match="has passed"):
        save_definition(KEY, {"title": "New"}, ipd, late, seen=1, reason="Clearer.")
    changes = {"title": "New", "due_on": dt.date(2031, 12, 31)}
    save_definition(KEY, changes, ipd, late, seen=1, reason="A new term.")
    assert IndicatorVersion.objects.count() == 2


# --- values name their version


def test_a_value_names_the_version_by_which_it_was_worked_out(active, ipd):
    make.SupportRequestFactory.create_batch(3, asked_on=dt.date(2026, 5, 1))
    compile_indicators(2026, 2026, AT)
    value = active.values.of_years().overall().get()
    assert (value.version.number, value.status) == (1, "not_over")
    OutboxMessage.objects.all().delete()
    changes = {
        "target": Decimal(4),
        "green_from": Decimal(3),
        "amber_from": Decimal(1),
        "baseline": Decimal(1),
    }
    save_definition(KEY, changes, ipd, AT, seen=1, reason="A lower aim.")
    assert OutboxMessage.objects.get().payload == {"years": [2026]}
    outbox.deliver(AT)
    value.refresh_from_db()
    assert (value.version.number, value.status) == (2, "green")


def test_a_value_of_an_indicator_without_a_version_names_none(draft):
    make.SupportRequestFactory(asked_on=dt.date(2026, 5, 1))
    compile_indicators(2026, 2026, AT)
    assert draft.values.of_years().overall().get().version is None


def test_a_load_keeps_versions_in_as_many_statements_for_many_as_for_few(
    django_assert_num_queries, goal
):
    reported.IndicatorFactory(relevant_to=[goal])
    with django_assert_num_queries(7):
        assert defining.keep_versions(AT, "Loaded") == 1
    for _number in range(5):
        reported.IndicatorFactory(relevant_to=[goal])
    # One more: the versions that there are have goals to read.
    with django_assert_num_queries(8):
        assert defining.keep_versions(AT, "Loaded") == 5
    assert defining.keep_versions(AT, "Loaded") == 0


@pytest.mark.django_db(transaction=True)
def test_of_several_who_save_at_once_one_does_and_the_others_are_told(draft):
    writers = make.UserFactory.create_batch(4, access_group="ipd")
    gate = threading.Barrier(len(writers))
    outcomes: list[str] = []

    def write(writer):
        gate.wait()
        try:
            save_definition(KEY, {"title": f"By {writer.pk}"}, writer, AT, seen=0)
            outcomes.append("done")
        except ChangedMeanwhile:
            outcomes.append("told")
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=[writer]) for writer in writers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["done", "told", "told", "told"]
    assert IndicatorVersion.objects.count() == 1
