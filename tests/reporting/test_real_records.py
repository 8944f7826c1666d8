"""The real records: the evaluation's controls hold, the sources stand beside them, and loading
again changes nothing."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pycountry
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Count, Q, Sum
from django.test.utils import CaptureQueriesContext

from engagements.choices import MIGOF
from engagements.models import (
    ISCM,
    Chairmanship,
    Country,
    Event,
    IOMRole,
    Membership,
    Objective,
    Office,
    Organisation,
    ReferenceFrame,
    Secretariat,
    SourceNote,
    Theme,
)
from finance.models import Attribution, FundingLine, Position, Project, StaffCount
from iscm_portal.common.models import OutboxMessage, Sourced
from iscm_portal.common.period import Period
from reporting.management.loading.nouns import NOUNS
from reporting.measures import MEASURES
from reporting.models import Indicator, IndicatorVersion, Recommendation
from reporting.rules import contradictions
from reporting.selectors.definitions import values_of
from reporting.services.defining import keep_versions

AT = dt.datetime(2026, 11, 25, 9, 0, tzinfo=dt.UTC)
FIXTURES = Path(settings.BASE_DIR) / "fixtures"

# Totals that the evaluation prints under Tables 4, 5 and 7.
TABLE_4 = {2014: 121000, 2015: 113652, 2016: 440000, 2017: 247400, 2018: 281300, 2019: 338300}
TABLE_5 = {
    2014: 4854600,
    2015: 8860900,
    2016: 9979400,
    2017: 7930100,
    2018: 14188200,
    2019: 4229900,
}
TABLE_7 = {2014: 6, 2015: 6, 2016: 6, 2017: 6, 2018: 5, 2019: 8}
# Table 6 prints no total: its four cells.
TABLE_6 = {2016: 549700, 2017: 627600, 2018: 555500, 2019: 440800}


def load(*arguments: str) -> str:
    out = StringIO()
    call_command("load_evaluation", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture(scope="module")
def loaded(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The records, loaded once for this file and taken away after it."""
    with django_db_blocker.unblock():
        load()
        yield
        call_command("flush", interactive=False, verbosity=0)


@pytest.fixture(autouse=True)
def records(loaded: None, db: None) -> None:
    """Every test sees the records; what it changes is rolled back."""


def yearly(table: int) -> dict[int, Decimal]:
    lines = FundingLine.objects.printed_in(table).counted()
    return dict(lines.order_by("year").values_list("year").annotate(Sum("amount_usd")))


def counts() -> dict[str, tuple[int, int]]:
    return {
        noun.file: (noun.model._default_manager.count(), noun.model.history.count())
        for noun in NOUNS
    }


# --- the evaluation's controls


def test_sixteen_rcps_twelve_irfs_and_two_global_processes_are_active() -> None:
    by_type = ISCM.objects.active().order_by("type").values_list("type").annotate(Count("pk"))
    assert dict(by_type) == {"rcp": 16, "irf": 12, "global": 2}


@pytest.mark.parametrize(
    ("day", "group", "mechanisms"),
    [
        (dt.date(2019, 3, 31), "technical", 12),
        (dt.date(2019, 10, 1), "technical", 11),
        (dt.date(2019, 3, 31), "administrative", 3),
        (dt.date(2019, 3, 31), "member", 2),  # the evaluation counts 4
        (dt.date(2019, 3, 31), "permanent_observer", 8),  # the evaluation counts 16
    ],
)
def test_the_roles_held_on_a_day_are_those_of_the_evaluation(
    day: dt.date, group: str, mechanisms: int
) -> None:
    roles = IOMRole.objects.confirmed().held_on(day).in_group(group)
    assert roles.values("iscm").distinct().count() == mechanisms


def test_the_secretariat_of_pafom_ended_with_september_2019() -> None:
    role = IOMRole.objects.get(iscm__slug="pafom", role="co_secretariat")
    assert (role.ends_on, role.ends_precision) == (dt.date(2019, 9, 30), "month")
    assert role.starts_assumed
    technical = IOMRole.objects.confirmed().in_group("technical")
    assert role in technical.held_on(dt.date(2019, 9, 30))
    assert role not in technical.held_on(dt.date(2019, 10, 1))


def test_roles_that_a_source_only_hints_at_are_kept_and_not_confirmed() -> None:
    candidates = IOMRole.objects.filter(is_candidate=True)
    assert candidates.filter(role="member").count() == 2
    assert candidates.filter(role="permanent_observer").count() == 7
    assert not IOMRole.objects.confirmed().filter(pk__in=candidates).exists()


# --- money and people


def test_all_129_amounts_are_kept() -> None:
    assert FundingLine.objects.count() == 129
    assert FundingLine.objects.values("code").distinct().count() == 129
    assert FundingLine.objects.filter(is_counted=False).count() == 13


@pytest.mark.parametrize(
    ("table", "totals"), [(4, TABLE_4), (5, TABLE_5), (6, TABLE_6)], ids=["4", "5", "6"]
)
def test_the_printed_tables_add_up_to_the_printed_totals(
    table: int, totals: dict[int, int]
) -> None:
    assert yearly(table) == totals


def test_every_cell_of_a_table_is_a_counted_line() -> None:
    cells = FundingLine.objects.exclude(printed_table=None)
    assert not cells.filter(is_counted=False).exists()
    per_table = cells.order_by("printed_table").values_list("printed_table")
    assert dict(per_table.annotate(Count("pk"))) == {4: 54, 5: 48, 6: 4}


def test_grcp_2015_stands_as_in_table_4_with_the_figure_of_the_text_beside_it() -> None:
    cell = FundingLine.objects.get(printed_table=4, supports="grcp", year=2015)
    assert cell.amount_usd == 48652
    assert "48,653" in cell.note
    text = FundingLine.objects.get(amount_usd=48653)
    assert not text.is_counted
    assert text.not_counted_reason == "Repeats the row GRCP of Table 4."
    assert SourceNote.objects.filter(printed_table=4, text__contains="48,653").exists()


def test_lines_that_do_not_count_say_why() -> None:
    reasons = dict(
        FundingLine.objects.filter(is_counted=False).values_list("code", "not_counted_reason")
    )
    assert reasons["fin-118"] == "Spans two years; the source gives no split."
    not_named = "The source does not name the mechanism it supports."
    assert [code for code, reason in reasons.items() if reason == not_named] == [
        code for code in reasons if code in ("fin-122", "fin-123", "fin-125", "fin-126")
    ]
    assert {code for code, reason in reasons.items() if reason.startswith("Repeats")} == {
        f"fin-{number}" for number in range(108, 113)
    }
    assert all(reasons[f"fin-{number}"] for number in (127, 128, 129))


def test_placmi_is_a_project_whose_share_for_sacm_nobody_knows() -> None:
    placmi = Project.objects.get(code="PLACMI")
    shares = Attribution.objects.filter(project=placmi)
    assert list(shares.values_list("iscm__slug", "year", "basis", "share_pct")) == [
        ("sacm", year, "unknown", None) for year in range(2014, 2020)
    ]
    assert placmi.funding_lines.aggregate(Sum("amount_usd"))["amount_usd__sum"] == 2375200


def test_table_7_adds_up() -> None:
    totals = StaffCount.objects.order_by("year").values_list("year")
    assert dict(totals.annotate(Sum("full_time_staff"))) == TABLE_7
    assert StaffCount.objects.count() == 42


def test_the_posts_of_the_bali_process_in_bangkok_are_those_of_section_4_3() -> None:
    posts = Position.objects.filter(office__slug="co-bangkok", shares__iscm__slug="bali-process")
    columns = ("title", "shares__share_pct", "paid_by", "payer", "payer_pct")
    rso = "Regional Support Office (RSO)"
    assert list(posts.values_list(*columns)) == [
        ("Administrative staff", 100, "other", rso, 100),
        ("Back-office manager", 100, "other", rso, 100),
        ("Chief of Mission", 20, "office", rso, 20),
        ("Finance officer", 100, "other", rso, 100),
    ]


# --- the directory


def test_countries_are_those_of_iso_3166() -> None:
    ours = set(Country.objects.values_list("iso3", "iso2", "m49"))
    assert ours == {(c.alpha_3, c.alpha_2, c.numeric) for c in pycountry.countries}


def test_every_country_has_a_name_in_three_languages_and_a_region() -> None:
    assert not Country.objects.filter(Q(name_en="") | Q(name_fr="") | Q(name_es="")).exists()
    regions = set(Country.objects.values_list("region", flat=True))
    assert regions == {"Africa", "Americas", "Antarctica", "Asia", "Europe", "Oceania"}
    ivory = Country.objects.get(iso3="CIV")
    assert (ivory.region, ivory.subregion) == ("Africa", "Western Africa")


def test_nobody_invented_which_states_are_members_of_iom() -> None:
    assert set(Country.objects.values_list("iom_status", flat=True)) == {""}


def test_members_are_as_many_as_the_sources_list() -> None:
    states = Membership.objects.filter(kind="member").exclude(country=None)
    per_iscm = dict(states.order_by("iscm").values_list("iscm__slug").annotate(Count("pk")))
    published = dict(
        ISCM.objects.exclude(members_published=None).values_list("slug", "members_published")
    )
    # CMC and the Prague Process have a party without an ISO code, IDM names no States.
    differ = {slug for slug, number in published.items() if per_iscm.get(slug, 0) != number}
    assert differ == {"cmc", "prague-process", "idm"}
    parties = Membership.objects.exclude(party_name="").values_list("iscm__slug", "party_name")
    assert set(parties) == {("cmc", "St. Martin"), ("prague-process", "Kosovo (UNSCR 1244)")}


def test_the_european_union_is_one_organisation_under_two_spellings() -> None:
    assert Organisation.objects.filter(name__in=["EU", "European Union"]).count() == 1
    assert Organisation.objects.count() == 48
    assert not Organisation.objects.filter(name__in=["private sector", "civil society"]).exists()
    assert "private sector" in ISCM.objects.get(slug="abu-dhabi-dialogue").note


def test_a_state_led_secretariat_is_told_and_is_no_organisation() -> None:
    assert not Secretariat.objects.filter(iscm__slug="abu-dhabi-dialogue").exists()
    assert "United Arab Emirates" in ISCM.objects.get(slug="abu-dhabi-dialogue").note


def test_inferred_chairs_say_so() -> None:
    inferred = Chairmanship.objects.filter(confidence="inferred")
    assert set(inferred.values_list("iscm__slug", "country__iso3")) == {
        ("almaty-process", "TJK"),
        ("midwa", "NGA"),
        ("midwa", "NER"),
    }


def test_fifty_offices_hang_in_one_tree() -> None:
    assert Office.objects.count() == 50
    assert list(Office.objects.filter(parent=None).values_list("slug", flat=True)) == ["hq"]
    bangkok = Office.objects.get(slug="co-bangkok")
    assert bangkok.parent is not None
    assert bangkok.parent.slug == "ro-bangkok"
    assert set(bangkok.focal_for.values_list("slug", flat=True)) == {"bali-process", "pidc"}


def test_160_events_with_dates_as_far_as_known() -> None:
    precisions = Event.objects.order_by("date_precision").values_list("date_precision")
    assert dict(precisions.annotate(Count("pk"))) == {
        "day": 130,
        "month": 11,
        "unknown": 3,
        "year": 16,
    }
    assert Event.objects.filter(kind="grcp").count() == 8
    assert set(Event.objects.filter(iscms=None).values_list("kind", flat=True)) == {"grcp"}


def test_events_sort_by_the_day_that_saving_them_works_out() -> None:
    for event in Event.objects.filter(code__in=["ev-001", "ev-034", "ev-026", "ev-149"]):
        before = (event.year, event.month, event.sorted_on)
        event.save()
        assert (event.year, event.month, event.sorted_on) == before


def test_themes_and_frames() -> None:
    assert Theme.objects.count() == 40
    kinds = ReferenceFrame.objects.order_by("kind").values_list("kind").annotate(Count("pk"))
    assert dict(kinds) == {
        "gcm_objective": 23,
        "migof_objective": 3,
        "migof_principle": 3,
        "sdg_target": 14,
        "strategy_point": 4,
    }


# --- what is told


def test_the_indicators_are_proposals_of_all_measures() -> None:
    assert list(Indicator.objects.values_list("number", "key")) == [
        (1, "partnerships_developed"),
        (2, "instruments_passed"),
        (3, "instruments_amended"),
        (4, "knowledge_change"),
        (5, "expertise_reflected"),
        (6, "resources_allocated"),
        (7, "support_requests"),
        (8, "satisfaction"),
        (9, "priorities_on_agenda"),
        (10, "report_coverage"),
        (11, "report_timeliness"),
        (12, "follow_up_completion"),
        (13, "self_financing_ratio"),
        (14, "events_attended"),
        (15, "staff_days"),
        (16, "proposal_success"),
    ]
    assert set(Indicator.objects.values_list("state", "green_from", "due_on")) == {
        ("proposed", None, None)
    }
    assert set(MEASURES) <= set(Indicator.objects.values_list("key", flat=True))


def test_a_baseline_stands_where_the_real_records_give_one_and_else_why_there_is_none() -> None:
    with_baseline = Indicator.objects.exclude(baseline=None)
    assert list(with_baseline.values_list("key", "baseline_year", "no_baseline_reason")) == [
        ("resources_allocated", 2019, "")
    ]
    measure = MEASURES["resources_allocated"]
    ((counted,),) = measure.cells(Period.year(2019), [("year",)])
    assert (with_baseline.get().baseline, counted.beside["high_usd"]) == (counted.value, 5009000)
    assert "evaluation 2019, section 4.3" in with_baseline.get().baseline_source
    assert not Indicator.objects.filter(baseline=None, no_baseline_reason="").exists()


def test_targets_stand_where_a_rule_of_the_portal_says_them() -> None:
    targets = Indicator.objects.exclude(target=None).values_list("key", "target")
    assert dict(targets) == {"report_coverage": 100, "report_timeliness": 14}
    assert settings.REPORT_DUE_DAYS == 14


def test_each_proposal_serves_an_objective_and_a_goal_of_migof_and_contradicts_nothing() -> None:
    goals = Indicator.objects.filter(relevant_to__kind__in=MIGOF).distinct()
    assert goals.filter(objective__isnull=False, owner__slug="hq-ipd").count() == 16
    assert [
        contradictions(values_of(row), dt.date(2026, 11, 25)) for row in Indicator.objects.all()
    ] == [[]] * 16
    adopted = Objective.objects.filter(is_proposed=False)
    assert list(adopted.values_list("code", "horizon_year")) == [("lively_processes", 2020)]


def test_what_is_loaded_is_the_first_version_and_loading_again_makes_no_other() -> None:
    keep_versions(AT, "Loaded again")
    versions = IndicatorVersion.objects.values_list("number", "made_by", "reason")
    assert list(versions) == [(1, None, "Loaded from fixtures")] * 16
    assert not Indicator.objects.filter(current_version=None).exists()


def test_what_the_files_say_anew_becomes_a_version(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    changed(folder, "evaluation_2019/indicators", "key", "satisfaction", title="Satisfied")
    load("--fixtures", str(folder))
    satisfaction = Indicator.objects.get(key="satisfaction")
    assert list(satisfaction.versions.values_list("number", "title")) == [
        (2, "Satisfied"),
        (1, "Satisfaction of Member States"),
    ]
    assert satisfaction.current_version.number == 2
    assert IndicatorVersion.objects.count() == 17


def test_the_23_recommendations_name_their_indicators() -> None:
    assert list(Recommendation.objects.values_list("number", flat=True)) == list(range(1, 24))
    monitoring = Recommendation.objects.get(number=14)
    assert monitoring.indicators.count() == 9
    roles = Recommendation.objects.get(number=2).indicators.values_list("key", flat=True)
    assert set(roles) == {"support_requests", "satisfaction"}


def test_what_is_odd_in_the_source_stands_beside_what_it_concerns() -> None:
    def told(slug: str, words: str) -> bool:
        return SourceNote.objects.filter(iscm__slug=slug, text__contains=words).exists()

    assert told("bali-process", "Table 4 shows 0 for the Bali Process")
    assert told("midsa", "Result: contradiction")
    assert told("idm", "footnote 3")
    assert told("almaty-process", "four Almaty Process Member States")
    assert told("arcp", "suspended member")
    tables = SourceNote.objects.exclude(printed_table=None).values_list("printed_table", flat=True)
    assert set(tables) == {4, 5, 6, 7}


@pytest.mark.parametrize(
    "model",
    [noun.model for noun in NOUNS if issubclass(noun.model, Sourced)],
    ids=lambda model: model.__name__,
)
def test_every_real_record_says_where_it_comes_from(model: Any) -> None:
    assert model.objects.exists()
    assert not model.objects.filter(source="").exists()
    assert not model.objects.filter(is_demo=True).exists()


# --- loading


def test_loading_again_changes_nothing() -> None:
    before = counts()
    assert "loaded and unchanged" in load()
    assert counts() == before
    told = load("--again").splitlines()
    assert len(told) == len(NOUNS)
    assert all(line.endswith("unchanged") for line in told)
    assert counts() == before


def test_a_load_costs_the_same_number_of_queries_however_many_records_there_are() -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        load("--again")
    assert len(queries) < 8 * len(NOUNS)


def test_every_record_begins_its_history_with_the_load() -> None:
    for noun in NOUNS:
        reasons = noun.model.history.values_list("history_type", "history_change_reason")
        assert set(reasons) == {("+", "Loaded from fixtures")}


def test_a_load_asks_once_for_all_figures() -> None:
    load("--again")
    asked = OutboxMessage.objects.filter(topic="evidence_changed")
    assert [message.payload for message in asked] == [{"whole": True}]


def copied(folder: Path) -> Path:
    for noun in NOUNS:
        target = folder / f"{noun.file}.json"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((FIXTURES / f"{noun.file}.json").read_bytes())
    return folder


def changed(folder: Path, file: str, key: str, value: str, **fields: Any) -> None:
    path = folder / f"{file}.json"
    records = json.loads(path.read_text(encoding="utf-8"))
    for record in records:
        if record[key] == value:
            record.update(fields)
    path.write_text(json.dumps(records), encoding="utf-8")


def test_a_record_that_nobody_touched_follows_the_fixtures(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    changed(folder, "evaluation_2019/iscms", "slug", "sacm", name="New", themes=["gender"])
    assert "evaluation_2019/iscms: 1 changed, 29 unchanged" in load("--fixtures", str(folder))
    sacm = ISCM.objects.get(slug="sacm")
    assert sacm.name == "New"
    assert list(sacm.themes.values_list("code", flat=True)) == ["gender"]
    assert [row.name for row in sacm.history.all()] == [
        "New",
        "South American Conference on Migration",
    ]


def test_a_record_that_somebody_changed_is_left_alone(tmp_path: Path) -> None:
    sacm = ISCM.objects.get(slug="sacm")
    sacm.name = "As IPD wrote it"
    sacm.save()
    sacm.themes.clear()
    folder = copied(tmp_path)
    changed(folder, "evaluation_2019/iscms", "slug", "sacm", name="New")
    assert "evaluation_2019/iscms: 1 kept, 29 unchanged" in load("--fixtures", str(folder))
    sacm.refresh_from_db()
    assert sacm.name == "As IPD wrote it"
    assert not sacm.themes.exists()


def test_a_record_that_somebody_deleted_does_not_come_back() -> None:
    StaffCount.objects.get(code="staff-001").delete()
    assert "evaluation_2019/staff_counts: 1 kept, 41 unchanged" in load("--again")
    assert StaffCount.objects.count() == 41


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"country": "QQQ"}, "There is no country 'QQQ'"),
        ({"colour": "blue"}, r"fields that nobody reads: \['colour'\]"),
        ({"parent": "nowhere"}, "parents that are not in it"),
    ],
)
def test_a_fixture_that_names_what_there_is_not_loads_nothing(
    tmp_path: Path, fields: dict[str, str], message: str
) -> None:
    before = counts()
    folder = copied(tmp_path)
    changed(folder, "evaluation_2019/iscms", "slug", "sacm", name="New")
    changed(folder, "evaluation_2019/offices", "slug", "co-bangkok", **fields)
    with pytest.raises(CommandError, match=message):
        load("--fixtures", str(folder))
    assert counts() == before


# --- building


def test_building_from_a_folder_without_the_data_says_which_file_lacks(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"iscms\.json cannot be read"):
        call_command("build_fixtures", str(tmp_path), "--to", str(tmp_path))
