"""Nothing published tells what fewer than three people answered: by an adversary who adds and
takes away all that is shown, over random answers, in time, and beside the surveys' own pages."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterable, Iterator
from fractions import Fraction
from importlib import import_module
from itertools import combinations
from types import SimpleNamespace
from typing import Any

import openpyxl
import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from iscm_portal.common.changes.models import Change
from iscm_portal.common.models import OutboxMessage
from reporting.models import (
    IndicatorValue,
    KnowledgeAnswer,
    PublishedValue,
    ReleasedValue,
    SatisfactionAnswer,
)
from reporting.selectors import survey_results
from reporting.services.compiling import compile_change, compile_indicators
from reporting.services.releasing import close_year
from reporting.services.survey_closing import close_survey
from tests.api.client import Api
from tests.factories import engagements as make
from tests.factories import reporting as told
from tests.files import dicts_of_csv
from tests.reporting.evidence import assert_borne_out
from tests.twins import taken_back, twin_settings

pytestmark = pytest.mark.django_db

AT = dt.datetime(2026, 12, 1, 3, tzinfo=dt.UTC)
LATER = dt.datetime(2026, 12, 2, 3, tzinfo=dt.UTC)
THEMES = {"north": ("labour", "return"), "south": ("labour",), "east": ()}
TYPES = {"north": "rcp", "south": "rcp", "east": "irf"}
REGIONS = {"XXA": "Africa", "XXB": "Africa", "XXC": "Europe"}
DAYS = [dt.date(2026, month, 3) for month in (1, 2, 5, 11)]
# Not the same examples each time, unlike the twins: an adversary does not stop trying.
tries = settings(twin_settings, derandomize=False)


@pytest.fixture
def world() -> dict[str, Any]:
    """Mechanisms of overlapping themes, States of two regions, and meetings: joint ones, of one
    mechanism and of none."""
    themes = {code: make.ThemeFactory(code=code) for code in ("labour", "return")}
    iscms = {
        slug: make.ISCMFactory(
            slug=slug, type=TYPES[slug], themes=[themes[code] for code in THEMES[slug]]
        )
        for slug in THEMES
    }
    events = [
        make.EventFactory(iscms=[iscms[slug] for slug in slugs], kind=kind)
        for slugs, kind in (
            ((), "summit"),
            (("north",), "workshop"),
            (("north", "south"), "summit"),
            (("south", "east"), "workshop"),
        )
    ]
    for key in ("satisfaction", "knowledge_change"):
        told.IndicatorFactory(key=key)
    return {
        "iscms": iscms,
        "states": {
            iso3: make.CountryFactory(iso3=iso3, region=region) for iso3, region in REGIONS.items()
        },
        "events": events,
        "surveys": told.SurveyFactory.create_batch(2, state="closed"),
    }


# --- the adversary


Vector = tuple[int, ...]


def reduced(vectors: Iterable[Vector]) -> list[list[Fraction]]:
    """A basis of all that can be worked out from ``vectors`` by adding and taking away."""
    basis: list[list[Fraction]] = []
    for vector in dict.fromkeys(vectors):
        row = [Fraction(number) for number in vector]
        for other in basis:
            lead = next(place for place, number in enumerate(other) if number)
            if row[lead]:
                factor = row[lead] / other[lead]
                row = [a - factor * b for a, b in zip(row, other, strict=True)]
        if any(row):
            basis.append(row)
    return basis


def tells_of_fewer_than_three(vectors: Iterable[Vector], n: int) -> list[tuple[int, ...]]:
    """The pairs of answers of which some sum can be had (one of them alone included): those
    without which less is left to be worked out."""
    basis = reduced(vectors)
    return [
        pair
        for pair in combinations(range(n), 2)
        if len(
            reduced(
                tuple(number for place, number in enumerate(row) if place not in pair)
                for row in basis
            )
        )
        < len(basis)
    ]


def places(row: dict[str, Any], world: dict[str, Any]) -> Iterator[tuple[str, int, str]]:
    """The cells that an answer is in, by a reading of its own: (period, quarter, cell)."""
    slugs = row["slugs"]
    cuts = [("kind", row["kind"])] if "score" in row else [("event_kind", row["kind"])]
    cuts += [("country", row["country"] or ""), ("region", REGIONS.get(row["country"], ""))]
    cells = {"overall", *(f"{name}:{value}" for name, value in cuts)}
    of_mechanisms = {
        slug: [("type", TYPES[slug])] + [("theme", code) for code in THEMES[slug] or ("",)]
        for slug in slugs
    }
    for slug, own in (of_mechanisms or {"": [("type", ""), ("theme", "")]}).items():
        cells |= {f"{name}:{value}" for name, value in own}
        if slug:
            place = f"iscm:{world['iscms'][slug].pk}"
            cells |= {place, *(f"{place}|{name}:{value}" for name, value in [*own, *cuts])}
    quarter = (row["day"].month + 2) // 3
    for cell in cells:
        yield "year", 0, cell
        yield "quarter", quarter, cell


def shown_vectors(key: str, rows: list[dict[str, Any]], world: Any) -> set[Vector]:
    """Which answers each shown value is the sum of; it says how many they are."""
    inside: dict[tuple[str, int, str], set[int]] = {}
    for number, row in enumerate(rows):
        for place in places(row, world):
            inside.setdefault(place, set()).add(number)
    found = set()
    values = IndicatorValue.objects.filter(indicator__key=key, year=2026)
    assert not values.filter(period="rolling").exists()
    for value in values:
        members = inside.pop((value.period, value.part, value.cell), set())
        if value.value is not None:
            assert value.n == len(members) >= 3
            found.add(tuple(int(number in members) for number in range(len(rows))))
        elif value.n is None:
            assert (value.status, value.beside, value.dimension) == ("too_few", {}, "")
            assert (value.numerator, value.denominator) == (None, None)
            assert members
        else:
            assert (value.status, members) == ("no_data", set())
    # What is not there at all is a cell of a cut, which a list would name.
    assert all(":" in cell.replace("iscm:", "") for _period, _part, cell in inside)
    return found


def write(rows: list[dict[str, Any]], world: dict[str, Any]) -> None:
    """Answers on satisfaction where they have a score, else on knowledge."""
    surveys = {None: None, **dict(enumerate(world["surveys"]))}
    for row in rows:
        common = {
            "answered_on": row["day"],
            "country": world["states"].get(row["country"]),
            "survey": surveys[row["survey"]],
        }
        if "score" in row:
            row["slugs"] = [row["iscm"]] if row["iscm"] else []
            SatisfactionAnswer.objects.create(
                iscm=world["iscms"].get(row["iscm"]),
                kind=row["kind"],
                score=row["score"],
                **common,
            )
        else:
            event = world["events"][row["event"]]
            row["slugs"] = list(event.iscms.values_list("slug", flat=True))
            row["kind"] = event.kind
            KnowledgeAnswer.objects.create(
                event=event,
                participant_code=f"p{KnowledgeAnswer.objects.count()}",
                before=50,
                after=50 + row["gained"],
                **common,
            )


COMMON = {
    "day": st.sampled_from(DAYS),
    "country": st.sampled_from([None, *REGIONS]),
    "survey": st.sampled_from([None, None, 0, 1]),
}
OPINION = st.fixed_dictionaries(
    {
        **COMMON,
        "iscm": st.sampled_from([None, *THEMES]),
        "kind": st.sampled_from(["technical", "liaison", ""]),
        "score": st.integers(1, 5),
    }
)
TEST = st.fixed_dictionaries({**COMMON, "event": st.integers(0, 3), "gained": st.integers(-50, 50)})


@given(opinions=st.lists(OPINION, max_size=16), tests=st.lists(TEST, max_size=14))
@tries
def test_no_sum_over_fewer_than_three_answers_can_be_had(world, opinions, tests):
    with taken_back():
        write(opinions + tests, world)
        compile_indicators(2026, 2026, AT)
        for key, rows in (("satisfaction", opinions), ("knowledge_change", tests)):
            vectors = shown_vectors(key, rows, world)
            assert tells_of_fewer_than_three(vectors, len(rows)) == []
        assert_borne_out(AT)


def test_the_adversary_finds_one_who_is_told():
    """Of five answers, the first three and the last two would tell the last two; all and the first
    four the last; but not all and the first two of six in threes."""
    assert tells_of_fewer_than_three([(1, 1, 1, 1, 1), (1, 1, 1, 0, 0)], 5) == [(3, 4)]
    assert (0, 4) in tells_of_fewer_than_three([(1, 1, 1, 1, 1), (1, 1, 1, 1, 0)], 5)
    assert tells_of_fewer_than_three([(1,) * 6, (1, 1, 1, 0, 0, 0)], 6) == []
    # Two overlapping threes tell the difference of two answers.
    assert tells_of_fewer_than_three([(1, 1, 1, 0), (0, 1, 1, 1)], 4) == [(0, 3)]


@given(
    loaded=st.lists(OPINION, max_size=8),
    surveys=st.lists(st.lists(OPINION, min_size=3, max_size=6), min_size=2, max_size=2),
)
@tries
def test_what_was_shown_before_and_what_is_shown_after_another_survey_tell_nobody(
    world, loaded, surveys
):
    """A survey brings three answers at least, of one mechanism, kind and day; who looked before it
    was closed can take one number off the other."""
    for number, rows in enumerate(surveys):
        for row in rows:
            row |= {name: rows[0][name] for name in ("iscm", "kind", "day")} | {"survey": number}
    for row in loaded:
        row["survey"] = None
    everything = [*loaded, *surveys[0], *surveys[1]]
    with taken_back():
        vectors: set[Vector] = set()
        written = 0
        for rows in (loaded, *surveys):
            write(rows, world)
            written += len(rows)
            compile_indicators(2026, 2026, AT)
            shown = shown_vectors("satisfaction", everything[:written], world)
            vectors |= {vector + (0,) * (len(everything) - written) for vector in shown}
        assert tells_of_fewer_than_three(vectors, len(everything)) == []


@given(
    said=st.lists(
        st.tuples(
            st.sampled_from([("", None), ("Africa", None), *((r, i) for i, r in REGIONS.items())]),
            st.integers(1, 5),
        ),
        min_size=3,
        max_size=14,
    )
)
@tries
def test_the_results_of_a_survey_beside_the_indicator_tell_nobody(world, said):
    with taken_back():
        user = make.UserFactory(access_group="ipd")
        survey = told.SurveyFactory(iscm=world["iscms"]["north"], support_kind="technical")
        question = told.QuestionFactory(survey=survey, counts_as="satisfaction")
        for number, ((region, iso3), score) in enumerate(said):
            told.SurveyResponseFactory(
                survey=survey,
                region=region,
                country=world["states"].get(iso3),
                answers={question: score},
                answered_on=DAYS[number % 4],
            )
        close_survey(survey.pk, user, AT)
        compile_indicators(2026, 2026, AT)
        everybody = range(len(said))
        vectors = {tuple(1 for _one in everybody)}
        (tally,) = survey_results.tallies([survey.pk]).values()
        states = {row.pk: iso3 for iso3, row in world["states"].items()}
        for region, part in survey_results.shown_places(tally.people):
            vectors.add(
                tuple(
                    int(place[0] == region and (not part or place[1] == states[part]))
                    for place, _score in said
                )
            )
        kept = {row.iso3 for row in world["states"].values()} & set(
            SatisfactionAnswer.objects.values_list("country__iso3", flat=True)
        )
        rows = [
            {
                "slugs": ["north"],
                "kind": "technical",
                "country": iso3 if iso3 in kept else None,
                "day": SatisfactionAnswer.objects.values_list("answered_on", flat=True)[0],
                "score": score,
            }
            for (_region, iso3), score in said
        ]
        vectors |= shown_vectors("satisfaction", rows, world)
        assert tells_of_fewer_than_three(vectors, len(said)) == []


# --- the attacks of a reviewer


def test_one_answer_of_another_mechanism_does_not_come_of_a_theme_taken_off_the_whole(world):
    """Five answers for one mechanism and one for another: overall less a theme was that one."""
    rcm, sacm = world["iscms"]["north"], world["iscms"]["east"]
    for score in (5, 5, 4, 4, 3):
        told.SatisfactionAnswerFactory(iscm=rcm, score=score, answered_on=DAYS[0])
    told.SatisfactionAnswerFactory(iscm=sacm, score=1, kind="liaison", answered_on=DAYS[2])
    compile_indicators(2026, 2026, AT)
    shown = IndicatorValue.objects.filter(indicator__key="satisfaction", value__isnull=False)
    assert set(shown.values_list("cell", "n")) == {("overall", 6), ("country:", 6), ("region:", 6)}


def test_the_people_of_a_meeting_are_not_told_one_by_one(world):
    """Eight people of as many States: the cut by State was a list of their scores."""
    event = world["events"][1]
    for number in range(8):
        state = make.CountryFactory(region="Asia" if number < 6 else "Oceania")
        told.KnowledgeAnswerFactory(event=event, country=state, before=40, after=50 + number)
    compile_indicators(2026, 2026, AT)
    shown = IndicatorValue.objects.filter(indicator__key="knowledge_change", value__isnull=False)
    assert {value.n for value in shown} == {8}
    assert not shown.filter(dimension__in=["country", "region"]).exists()


def test_one_more_answer_of_a_state_in_the_next_survey_is_not_told(world):
    """A State with three answers has four after the next survey; beside a release it was told."""
    first, second = world["surveys"]
    fiji, samoa = make.CountryFactory(iso3="FJI"), make.CountryFactory(iso3="WSM")
    day = dt.date(2025, 5, 1)
    for country in (fiji, samoa):
        told.SatisfactionAnswerFactory.create_batch(
            3, survey=first, country=country, answered_on=day
        )
    compile_indicators(2025, 2025, AT)
    assert IndicatorValue.objects.get(cell="country:FJI", period="year").n == 3
    told.SatisfactionAnswerFactory(survey=second, country=fiji, answered_on=day, score=1)
    told.SatisfactionAnswerFactory.create_batch(2, survey=second, country=None, answered_on=day)
    compile_indicators(2025, 2025, LATER)
    assert not IndicatorValue.objects.filter(cell="country:FJI").exists()
    assert IndicatorValue.objects.get(cell="country:WSM", period="year").n == 3


def test_a_change_in_one_quarter_works_out_anew_what_the_others_may_show(world):
    """Three in the first quarter stand alone until two come in the second."""
    told.SatisfactionAnswerFactory.create_batch(3, answered_on=DAYS[0])
    compile_indicators(2026, 2026, AT, whole=True)

    def first_quarter():
        return IndicatorValue.objects.get(
            indicator__key="satisfaction", cell="overall", period="quarter", part=1
        )

    assert first_quarter().n == 3
    told.SatisfactionAnswerFactory.create_batch(2, answered_on=DAYS[2])
    compile_change([20262], ["satisfactionanswer"], LATER)
    assert (first_quarter().n, first_quarter().status) == (None, "too_few")


# --- wherever it could be read


@pytest.fixture
def few(world):
    """Twelve answers to each measure of 2025: nine of one State, two of Tuvalu (a survey of its
    own could not be) and one of Nauru; and three more mechanisms that one answered for."""
    day = dt.date(2025, 5, 1)
    names = {"XXA": "Manyland", "TUV": "Tuvalu", "NRU": "Nauru"}
    states = {
        iso3: make.CountryFactory(name_en=name, region=f"Region of {name}")
        if iso3 != "XXA"
        else world["states"]["XXA"]
        for iso3, name in names.items()
    }
    slugs = ["north"] * 9 + ["south"] * 2 + ["east"]
    for number, slug in enumerate(slugs):
        state = states[("XXA", "TUV", "NRU")[("north", "south", "east").index(slug)]]
        told.SatisfactionAnswerFactory(
            iscm=world["iscms"][slug], country=state, score=1 + number % 5, answered_on=day
        )
        event = make.EventFactory(name=f"Event {slug}", iscms=[world["iscms"][slug]])
        told.KnowledgeAnswerFactory(
            event=event, country=state, before=40, after=41 + number, answered_on=day
        )
    compile_indicators(2025, 2025, AT)
    return states


BY = ("iscm", "type", "theme", "country", "region", "kind", "event_kind")
GROUPS = ("analyst", "ipd")


def numbers_of(rows: Iterable[dict[str, Any]]) -> set[str]:
    """The numbers of answers that a table tells."""
    return {str(row["n"]) for row in rows}


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("key", ["satisfaction", "knowledge_change"])
def test_no_page_and_no_file_has_a_number_of_one_or_two_people(client, few, world, group, key):
    client.force_login(make.UserFactory(access_group=group, office=None))
    told_numbers = set()
    for by in BY:
        for iscm in ("", *THEMES):
            for period in ("", "&period=quarter&quarter=2"):
                address = f"/indicators/{key}/?year=2025&by={by}&iscm={iscm}{period}"
                response = client.get(address)
                if response.status_code == 400:  # no such cut
                    continue
                assert "Tuvalu" not in response.text
                assert "Nauru" not in response.text
                for table in ("trend", "by"):
                    rows = dicts_of_csv(
                        client.get(f"{address}&format=csv&table={table}").getvalue()
                    )
                    told_numbers |= numbers_of(rows)
                    if table == "by" and by == "iscm":
                        assert {row["iscm"] for row in rows} <= {world["iscms"]["north"].acronym}
                book = client.get(f"{address}&format=xlsx&table=by")
                cells = openpyxl.load_workbook(io.BytesIO(book.getvalue())).worksheets[0].values
                assert not any("Tuvalu" in str(cell) for row in cells for cell in row)
    assert told_numbers <= {"", "9", "12"}
    for slug in ("south", "east"):
        text = client.get(f"/indicators/{key}/?year=2025&iscm={slug}").text
        assert "Too few answers to show for 2025." in text
        records = client.get(f"/indicators/{key}/records/?year=2025&iscm={slug}").text
        assert "Too few answers to show." in records
        assert "n =" not in records
    hidden = f"/indicators/{key}/records/?year=2025&dimension=country&value={few['TUV'].iso3}"
    assert client.get(hidden).status_code == 404


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("key", ["satisfaction", "knowledge_change"])
def test_no_answer_of_the_api_has_one(few, world, group, key):
    api = Api(group)
    for dimension in ("", *BY[1:]):
        for period in ("year", "quarter", "rolling"):
            place = f"indicator-values/?indicator={key}&period={period}"
            place += f"&dimension={dimension}" if dimension else ""
            rows = api.results(place)
            assert {row["n"] for row in rows} <= {9, 12, None, 0}
            for row in rows:
                assert (row["n"] is None) == (row["status"] == "too_few")
                assert row["iscm"] in (None, "north")
                assert row["dimension_value"] not in (few["TUV"].iso3, few["NRU"].iso3)
                assert row["n"] or row["value"] is row["numerator"] is row["denominator"] is None
                assert api.results(f"indicator-values/{row['id']}/evidence/") == []
            lines = api.table(place)
            assert {line["n"] for line in lines} <= {"9", "12", "", "0"}


def test_the_feed_of_changes_does_not_tell_of_a_mechanism_with_too_few(world):
    Change.objects.all().delete()  # on SQLite earlier tests leave word of what they deleted
    iscm = world["iscms"]["south"]
    told.SatisfactionAnswerFactory.create_batch(
        3, iscm=world["iscms"]["north"], answered_on=DAYS[0]
    )
    told.SatisfactionAnswerFactory.create_batch(3, iscm=iscm, answered_on=DAYS[0])
    compile_indicators(2026, 2026, AT)
    value = IndicatorValue.objects.get(cell=f"iscm:{iscm.pk}", period="year", value__gte=0)
    SatisfactionAnswer.objects.filter(iscm=iscm).first().delete()
    compile_indicators(2026, 2026, LATER)
    value.refresh_from_db()
    assert value.status == "too_few"
    told_of = Change.objects.filter(type="indicator-values", record=value.pk).order_by("pk")
    assert list(told_of.values_list("audience_before", "audience_after")) == [
        (None, "everyone"),
        ("everyone", None),
    ]


def test_no_release_has_one_and_no_cause_of_a_revision_is_an_answer(client, few, world):
    ipd = make.UserFactory(access_group="ipd", office=make.OfficeFactory())
    release = close_year(2025, 1, "", ipd, AT)
    assert set(release.values.values_list("n", flat=True)) <= {9, 12, None}
    assert not release.values.filter(status="too_few").exists()
    client.force_login(ipd)
    lines = dicts_of_csv(client.get("/releases/2025/?format=csv").getvalue())
    assert numbers_of(lines) == {"9", "12"}
    told.SatisfactionAnswerFactory.create_batch(
        3, iscm=world["iscms"]["south"], country=few["TUV"], score=2,
        answered_on=dt.date(2025, 5, 1), survey=world["surveys"][0],
    )  # fmt: skip
    world["surveys"][0].history.update(history_date=LATER)
    compile_indicators(2025, 2025, LATER)
    for place in ("", "&iscm=north", "&iscm=south"):
        address = f"/releases/2025/changes/?indicator=satisfaction{place}"
        response = client.get(address)
        assert "Tuvalu" not in response.text
        assert " / 5" not in response.text
    text = client.get("/releases/2025/changes/?indicator=satisfaction").text
    assert f"Survey: {world['surveys'][0].title}" in text


@pytest.mark.parametrize("period", ["", "&period=quarter&quarter=2", "&period=rolling&quarter=4"])
def test_the_dashboard_says_that_answers_are_too_few_and_not_that_there_are_none(
    client, few, period
):
    client.force_login(make.UserFactory(access_group="analyst", office=None))
    for place in ("&iscm=south", "&iscm=south&iscm=north", "&by=iscm", "&by=country", "&by=region"):
        address = f"/indicators/?year=2025{period}{place}"
        text = client.get(address).text
        assert "Tuvalu" not in text
        if place == "&iscm=south":
            rolling = "rolling" in period
            assert ("2 have too few answers to show." in text) != rolling
            assert ("Not published for twelve months, for they are answers:" in text) == rolling
            assert "have no data" not in text
        assert "Tuvalu" not in client.get(f"{address}&format=csv").getvalue().decode()
    sheet = client.get(f"/indicators/?year=2025&iscm=south{period}&format=pdf")
    assert sheet.status_code == 200


def test_the_migration_takes_back_what_was_told_under_the_rules_before(few):
    ipd = make.UserFactory(access_group="ipd", office=make.OfficeFactory())
    close_year(2025, 1, "", ipd, AT)
    take_back = import_module("reporting.migrations.0072_take_back_what_tells_single_answers")
    with connection.cursor() as cursor:
        editor = SimpleNamespace(connection=connection, execute=cursor.execute)
        take_back.take_back(apps, editor)
    assert not IndicatorValue.objects.exists()
    assert not PublishedValue.objects.exists()
    assert set(ReleasedValue.objects.values_list("cell", "n")) == {("overall", 12)}
    assert OutboxMessage.objects.get(payload={"whole": True}).topic == "evidence_changed"
    with pytest.raises(IntegrityError, match="release_never_changes"), transaction.atomic():
        ReleasedValue.objects.all().delete()
