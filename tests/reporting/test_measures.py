"""Every measure against its twin: a plain Python reading of the same definition.

A twin walks the records one by one. It knows nothing of the measures' declarations: which records
count, which year and mechanism they belong to and what is worked out from them is written here a
second time, after ``domain.md`` and section 4.2 of the evaluation.
"""

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagements import models as m
from engagements.choices import (
    EventKind,
    InstrumentAction,
    InstrumentKind,
    OrganisationKind,
    Reflected,
    RequestOutcome,
    SupportKind,
)
from iscm_portal.common.period import Period
from reporting.measures import MEASURES
from reporting.models import Duty, Extension, KnowledgeAnswer, SatisfactionAnswer
from reporting.services.duties import sync_duties
from tests.factories.engagements import (
    AgendaItemFactory,
    CountryFactory,
    DelegateFactory,
    EventFactory,
    IOMPriorityFactory,
    ISCMFactory,
    MembershipFactory,
    OfficeFactory,
    OrganisationFactory,
    ThemeFactory,
    UserFactory,
)
from tests.factories.reporting import PostEventReportFactory
from tests.twins import rounded, taken_back, twin_settings

pytestmark = pytest.mark.django_db

PERIOD = Period.years(2025, 2026)
# Both edges, each from both sides, and days between.
DAYS = st.sampled_from(
    [
        dt.date(2024, 12, 31),
        dt.date(2025, 1, 1),
        dt.date(2025, 12, 31),
        dt.date(2026, 1, 1),
        dt.date(2026, 6, 15),
        dt.date(2026, 12, 31),
        dt.date(2027, 1, 1),
    ]
)
# Two mechanisms share a theme and a region; one has two of each; one has none and another type.
SLUGS = ("north", "south", "east")
TYPE_OF = {"north": "rcp", "south": "rcp", "east": "irf"}
THEMES_OF = {"north": ("labour", "return"), "south": ("labour",), "east": ()}
REGIONS_OF = {"north": ("Africa", "Europe"), "south": ("Africa",), "east": ()}
STATES = {"XXA": "Africa", "XXB": "Africa", "XXC": "Europe"}


@dataclass
class Directory:
    iscms: dict[str | None, Any]
    states: dict[str | None, Any]
    offices: dict[str | None, Any]
    partners: dict[str, Any]
    events: list[Any]
    items: list[Any]


@pytest.fixture
def directory() -> Directory:
    themes = {code: ThemeFactory(code=code) for code in ("labour", "return")}
    iscms = {
        slug: ISCMFactory(
            slug=slug, type=TYPE_OF[slug], themes=[themes[code] for code in THEMES_OF[slug]]
        )
        for slug in SLUGS
    }
    for slug, regions in REGIONS_OF.items():
        for region in (*regions, *regions):
            MembershipFactory(iscm=iscms[slug], country=CountryFactory(region=region))
        MembershipFactory(
            iscm=iscms[slug], kind="observer", country=CountryFactory(region="Oceania")
        )
        MembershipFactory(iscm=iscms[slug], country=None, organisation=OrganisationFactory())
    mechanisms = [[], ["north"], ["north", "south"], ["north", "south", "east"]]
    events = [
        EventFactory(iscms=[iscms[slug] for slug in slugs], kind=kind)
        for slugs, kind in zip(mechanisms, EventKind, strict=False)
    ]
    return Directory(
        iscms={None: None, **iscms},
        states={None: None}
        | {iso3: CountryFactory(iso3=iso3, region=region) for iso3, region in STATES.items()},
        offices={None: None} | {slug: OfficeFactory(slug=slug) for slug in ("co-a", "co-b")},
        partners={
            kind: OrganisationFactory(kind=kind)
            for kind in (OrganisationKind.UN_AGENCY, OrganisationKind.DONOR)
        },
        events=events,
        items=[AgendaItemFactory(event=events[1])],
    )


# --- what the twins share


@dataclass
class Fact:
    """A record as a twin sees it: its day and its values by dimension."""

    record: Any
    year: int
    cuts: dict[str, set[Any]] = field(default_factory=dict)

    def is_in(self, cell: dict[str, Any]) -> bool:
        return all(
            value in (self.cuts[name] if name != "year" else {self.year})
            for name, value in cell.items()
        )


def through(slugs: Iterable[str | None]) -> dict[str, set[Any]]:
    """The cuts of a record of these mechanisms."""
    slugs = list(slugs) or [None]
    return {
        "iscm": set(slugs),
        "type": {TYPE_OF.get(slug or "") for slug in slugs},
        "theme": {theme for slug in slugs for theme in THEMES_OF.get(slug or "") or (None,)},
    }


def regions_of(slugs: Iterable[str | None]) -> set[str | None]:
    slugs = list(slugs) or [None]
    return {region for slug in slugs for region in REGIONS_OF.get(slug or "") or (None,)}


def of_state(state: Any) -> dict[str, set[Any]]:
    iso3 = state.iso3 if state else None
    return {"country": {iso3}, "region": {STATES.get(iso3) if iso3 else None}}


def slug_of(iscm: Any) -> list[str | None]:
    return [iscm.slug if iscm else None]


def middle(numbers: list[int]) -> Decimal | None:
    numbers = sorted(numbers)
    if not numbers:
        return None
    lower, upper = numbers[(len(numbers) - 1) // 2], numbers[len(numbers) // 2]
    return rounded(Fraction(lower + upper, 2), 4)


def deviation(values: list[Fraction]) -> Decimal:
    """sqrt(E[x^2] - E[x]^2): another formula than the measure's."""
    n = len(values)
    variance = sum(value**2 for value in values) / n - (sum(values) / n) ** 2
    return (Decimal(variance.numerator) / variance.denominator).sqrt()


def expected(
    key: dict[str, Any],
    numerator: Fraction | int,
    denominator: int | None,
    scale: int,
    beside: dict[str, Any],
) -> dict[str, Any]:
    if denominator is None:
        shown = rounded(Fraction(numerator), 4)
        parts = {"value": shown, "numerator": shown, "denominator": None, "n": numerator}
    else:
        parts = {
            "value": rounded(Fraction(numerator) * scale / denominator, 4) if denominator else None,
            "numerator": rounded(Fraction(numerator), 4),
            "denominator": rounded(Fraction(denominator), 4),
            "n": denominator,
        }
    return {"key": key, **parts, "beside": beside}


CUTS_OF_STATE_EVIDENCE = [
    (),
    ("year",),
    ("iscm",),
    ("year", "iscm"),
    ("type",),
    ("theme",),
    ("region",),
    ("country",),
    ("kind",),
    ("theme", "region", "year"),
]


def check(
    key: str,
    facts: list[Fact],
    count: Callable[[dict[str, Any], list[Any]], dict[str, Any]],
    cuts: list[tuple[str, ...]],
) -> None:
    """Every cell of the measure, and the records behind it, equal the twin's."""
    measure = MEASURES[key]
    assert {name for by in cuts for name in by} == {"year", *measure.cuts}
    for by in cuts:
        wanted: dict[tuple[Any, ...], list[Fact]] = {}
        values = [
            product(*([fact.year] if name == "year" else fact.cuts[name] for name in by))
            for fact in facts
        ]
        for cell in {cell for cells in values for cell in cells} or ({()} if not by else set()):
            key_of = dict(zip(by, cell, strict=True))
            wanted[cell] = [fact for fact in facts if fact.is_in(key_of)]
        found = {tuple(cell.key.values()): cell for cell in measure.cells(PERIOD, *by)}
        assert set(found) == set(wanted)
        for cell, facts_inside in wanted.items():
            key_of = dict(zip(by, cell, strict=True))
            records = [fact.record for fact in facts_inside]
            assert vars(found[cell]) == count(key_of, records)
            shown = list(measure.records(PERIOD, **key_of))
            assert sorted(record.pk for record in shown) == sorted(record.pk for record in records)


def in_period(day: dt.date) -> bool:
    return dt.date(2025, 1, 1) <= day <= dt.date(2026, 12, 31)


# --- 1. partnerships

partnerships = st.lists(
    st.fixed_dictionaries(
        {
            "since_on": DAYS,
            "iscm": st.sampled_from([None, *SLUGS]),
            "office": st.sampled_from([None, "co-a", "co-b"]),
            "organisation": st.sampled_from([OrganisationKind.UN_AGENCY, OrganisationKind.DONOR]),
        }
    ),
    max_size=8,
)


@given(rows=partnerships)
@twin_settings
def test_partnerships_developed_equals_its_twin(directory: Directory, rows: list[Any]):
    with taken_back():
        made = m.Partnership.objects.bulk_create(
            m.Partnership(
                since_on=row["since_on"],
                iscm=directory.iscms[row["iscm"]],
                office=directory.offices[row["office"]],
                organisation=directory.partners[row["organisation"]],
            )
            for row in rows
        )
        facts = [
            Fact(
                made_one,
                made_one.since_on.year,
                through(slug_of(made_one.iscm))
                | {
                    "region": regions_of(slug_of(made_one.iscm)),
                    "kind": {made_one.organisation.kind},
                    "office": {made_one.office.slug if made_one.office else None},
                },
            )
            for made_one in made
            if in_period(made_one.since_on)
        ]
        check(
            "partnerships_developed",
            facts,
            lambda key, records: expected(key, len(records), None, 1, {}),
            [
                (),
                ("year", "iscm"),
                ("type",),
                ("theme",),
                ("region",),
                ("kind", "office"),
                ("iscm", "region"),
            ],
        )


# --- 2, 3 and 5. policy instruments

instruments = st.lists(
    st.fixed_dictionaries(
        {
            "dated_on": DAYS,
            "iscm": st.sampled_from([None, *SLUGS]),
            "country": st.sampled_from([None, *STATES]),
            "kind": st.sampled_from(InstrumentKind),
            "action": st.sampled_from(InstrumentAction),
            "expertise_reflected": st.sampled_from(Reflected),
            "reflects": st.booleans(),
        }
    ),
    max_size=8,
)


@given(rows=instruments)
@twin_settings
def test_the_three_measures_of_instruments_equal_their_twins(directory: Directory, rows: list[Any]):
    with taken_back():
        reflecting = set()
        made = []
        for row in rows:
            values = dict(row)
            reflects = values.pop("reflects")
            values["iscm"] = directory.iscms[row["iscm"]]
            values["country"] = directory.states[row["country"]]
            instrument = m.PolicyInstrument(**values, region="" if row["country"] else "ECOWAS")
            made.append(instrument)
            if reflects:
                reflecting.add(id(instrument))
        m.PolicyInstrument.objects.bulk_create(made)
        links = m.PolicyInstrument.agenda_items.through
        links.objects.bulk_create(
            links(policyinstrument=instrument, agendaitem=directory.items[0])
            for instrument in made
            if id(instrument) in reflecting
        )

        def facts(keep: Callable[[Any], bool]) -> list[Fact]:
            return [
                Fact(
                    one,
                    one.dated_on.year,
                    through(slug_of(one.iscm)) | of_state(one.country) | {"kind": {one.kind}},
                )
                for one in made
                if in_period(one.dated_on) and keep(one)
            ]

        for measure, action in (
            ("instruments_passed", "passed"),
            ("instruments_amended", "amended"),
        ):
            check(
                measure,
                facts(lambda one, action=action: one.action == action and id(one) in reflecting),
                lambda key, records: expected(key, len(records), None, 1, {}),
                CUTS_OF_STATE_EVIDENCE,
            )
        check(
            "expertise_reflected",
            facts(lambda one: one.expertise_reflected in ("yes", "no")),
            lambda key, records: expected(
                key,
                sum(one.expertise_reflected == "yes" for one in records),
                len(records),
                100,
                {},
            ),
            CUTS_OF_STATE_EVIDENCE,
        )


# --- 4. knowledge

scores = st.one_of(st.none(), st.decimals(0, 100, places=2))
answers = st.lists(
    st.fixed_dictionaries(
        {
            "answered_on": DAYS,
            "event": st.integers(0, 3),
            "country": st.sampled_from([None, *STATES]),
            "before": scores,
            "after": scores,
        }
    ),
    max_size=10,
)


@given(rows=answers)
@twin_settings
def test_knowledge_change_equals_its_twin(directory: Directory, rows: list[Any]):
    with taken_back():
        made = KnowledgeAnswer.objects.bulk_create(
            KnowledgeAnswer(
                **row
                | {
                    "event": directory.events[row["event"]],
                    "country": directory.states[row["country"]],
                    "participant_code": f"p{number}",
                }
            )
            for number, row in enumerate(rows)
        )
        mechanisms = {
            event.pk: [iscm.slug for iscm in event.iscms.all()] for event in directory.events
        }
        facts = [
            Fact(
                one,
                one.answered_on.year,
                through(mechanisms[one.event_id])
                | of_state(one.country)
                | {"event_kind": {one.event.kind}},
            )
            for one in made
            if in_period(one.answered_on) and one.before is not None and one.after is not None
        ]

        def count(key: dict[str, Any], records: list[Any]) -> dict[str, Any]:
            countries = sorted({one.country.iso3 for one in records if one.country})
            change = None
            if len(countries) >= 2:
                means = {
                    when: [
                        sum(mine, Fraction(0)) / len(mine)
                        for iso3 in countries
                        if (
                            mine := [
                                Fraction(getattr(one, when))
                                for one in records
                                if one.country and one.country.iso3 == iso3
                            ]
                        )
                    ]
                    for when in ("before", "after")
                }
                change = (deviation(means["after"]) - deviation(means["before"])).quantize(
                    Decimal("0.0001"), ROUND_HALF_UP
                )
            total = sum(
                (Fraction(one.after) - Fraction(one.before) for one in records), Fraction(0)
            )
            return expected(key, total, len(records), 1, {"change_in_spread": change})

        check(
            "knowledge_change",
            facts,
            count,
            [
                (),
                ("year",),
                ("iscm",),
                ("year", "iscm"),
                ("type",),
                ("theme",),
                ("region", "year"),
                ("country",),
                ("event_kind",),
            ],
        )


# --- 7. requests

requests = st.lists(
    st.fixed_dictionaries(
        {
            "asked_on": DAYS,
            "waited": st.one_of(st.none(), st.integers(0, 40)),
            "iscm": st.sampled_from([None, *SLUGS]),
            "country": st.sampled_from([None, *STATES]),
            "kind": st.sampled_from(SupportKind),
            "outcome": st.sampled_from(RequestOutcome),
        }
    ),
    max_size=10,
)


@given(rows=requests)
@twin_settings
def test_support_requests_equals_its_twin(directory: Directory, rows: list[Any]):
    with taken_back():
        made = []
        for row in rows:
            values = dict(row)
            waited = values.pop("waited")
            values["iscm"] = directory.iscms[row["iscm"]]
            values["country"] = directory.states[row["country"]]
            answered_on = None if waited is None else row["asked_on"] + dt.timedelta(days=waited)
            made.append(m.SupportRequest(**values, answered_on=answered_on, what="Help"))
        m.SupportRequest.objects.bulk_create(made)
        facts = [
            Fact(
                one,
                one.asked_on.year,
                through(slug_of(one.iscm)) | of_state(one.country) | {"kind": {one.kind}},
            )
            for one in made
            if in_period(one.asked_on)
        ]

        def count(key: dict[str, Any], records: list[Any]) -> dict[str, Any]:
            met = sum(one.outcome == "met" for one in records)
            share = rounded(Fraction(100 * met, len(records)), 4) if records else None
            waits = [(one.answered_on - one.asked_on).days for one in records if one.answered_on]
            beside = {"share_met_pct": share, "median_days_to_answer": middle(waits)}
            return expected(key, len(records), None, 1, beside)

        check("support_requests", facts, count, CUTS_OF_STATE_EVIDENCE)


# --- 8. satisfaction

opinions = st.lists(
    st.fixed_dictionaries(
        {
            "answered_on": DAYS,
            "iscm": st.sampled_from([None, *SLUGS]),
            "country": st.sampled_from([None, *STATES]),
            "kind": st.sampled_from(["technical", "liaison", ""]),
            "score": st.integers(1, 5),
        }
    ),
    max_size=14,
)


@given(rows=opinions)
@twin_settings
def test_satisfaction_equals_its_twin(directory: Directory, rows: list[Any]):
    with taken_back():
        made = SatisfactionAnswer.objects.bulk_create(
            SatisfactionAnswer(
                **row
                | {
                    "iscm": directory.iscms[row["iscm"]],
                    "country": directory.states[row["country"]],
                }
            )
            for row in rows
        )
        facts = [
            Fact(
                one,
                one.answered_on.year,
                through(slug_of(one.iscm)) | of_state(one.country) | {"kind": {one.kind}},
            )
            for one in made
            if in_period(one.answered_on)
        ]

        def count(key: dict[str, Any], records: list[Any]) -> dict[str, Any]:
            if len(records) < 3:
                nothing = {"value": None, "numerator": None, "denominator": None, "beside": {}}
                return {"key": key, **nothing, "n": len(records)}
            satisfied = sum(one.score in (4, 5) for one in records)
            share = rounded(Fraction(100 * satisfied, len(records)), 4)
            total = sum(one.score for one in records)
            return expected(key, total, len(records), 1, {"share_satisfied_pct": share})

        check("satisfaction", facts, count, CUTS_OF_STATE_EVIDENCE)


# --- 9. priorities

events = st.lists(
    st.fixed_dictionaries(
        {
            "day": DAYS,
            "day_known": st.sampled_from([True, True, False]),
            "kind": st.sampled_from([EventKind.SUMMIT, EventKind.WORKSHOP]),
            "iscms": st.sets(st.sampled_from(SLUGS)),
            "items": st.lists(st.booleans(), max_size=3),  # with a priority or without
        }
    ),
    max_size=7,
)


@given(rows=events)
@twin_settings
def test_priorities_on_agenda_equals_its_twin(directory: Directory, rows: list[Any]):
    with taken_back():
        m.AgendaItem.objects.all().delete()  # the only agendas are those of this example
        priority = IOMPriorityFactory()
        facts, with_priority = [], set()
        for row in rows:
            known = (
                {"starts_on": row["day"]}
                if row["day_known"]
                else {
                    "starts_on": None,
                    "ends_on": None,
                    "year": row["day"].year,
                    "date_precision": "year",
                }
            )
            event = EventFactory(
                **known, kind=row["kind"], iscms=[directory.iscms[slug] for slug in row["iscms"]]
            )
            m.AgendaItem.objects.bulk_create(
                m.AgendaItem(event=event, title="Item", priority=priority if carries else None)
                for carries in row["items"]
            )
            if any(row["items"]):
                with_priority.add(event.pk)
            if row["items"] and in_period(row["day"]):
                cuts = through(row["iscms"]) | {
                    "region": regions_of(row["iscms"]),
                    "event_kind": {row["kind"]},
                }
                facts.append(Fact(event, row["day"].year, cuts))
        check(
            "priorities_on_agenda",
            facts,
            lambda key, records: expected(
                key, sum(one.pk in with_priority for one in records), len(records), 100, {}
            ),
            [
                (),
                ("year",),
                ("iscm",),
                ("year", "iscm"),
                ("type",),
                ("theme",),
                ("region",),
                ("event_kind", "year"),
            ],
        )


# --- how complete the reporting is

TODAY = dt.date(2026, 12, 31)
DAYS_DUE = 14
reports = st.lists(
    st.fixed_dictionaries(
        {
            "last_day": DAYS,
            "lasted": st.integers(0, 3),
            "kind": st.sampled_from([EventKind.SUMMIT, EventKind.WORKSHOP]),
            "iscms": st.sets(st.sampled_from(SLUGS)),
            "office": st.sampled_from(["co-a", "co-b"]),
            "answer": st.sampled_from(
                ["", "draft", "submitted", "accepted", "accepted", "nothing", "not_attended"]
            ),
            "answer_accepted": st.booleans(),
            "waited": st.integers(-1, 30),
            "extended": st.sampled_from([0, 0, 10]),
            "withdrawn": st.sampled_from([False, False, False, True]),
        }
    ),
    max_size=8,
)


@dataclass
class Owed:
    duty: Duty
    is_accepted: bool
    waited: int
    in_time: bool


def duty_of(directory: Directory, row: dict[str, Any], person: Any) -> Owed:
    event = EventFactory(
        starts_on=row["last_day"] - dt.timedelta(days=row["lasted"]),
        ends_on=row["last_day"],
        kind=row["kind"],
        iscms=[directory.iscms[slug] for slug in row["iscms"]],
    )
    office = directory.offices[row["office"]]
    answered = dt.datetime.combine(
        row["last_day"] + dt.timedelta(days=row["waited"]), dt.time(23, 59), dt.UTC
    )
    values: dict[str, Any] = {}
    has_report = row["answer"] in ("draft", "submitted", "accepted")
    if has_report:
        PostEventReportFactory(
            event=event,
            office=office,
            author=person,
            state=row["answer"],
            submitted_at=None if row["answer"] == "draft" else answered,
        )
    elif row["answer"]:
        values = {
            "answer": "not_attended" if row["answer"] == "not_attended" else "nothing_to_report",
            "reason": "Visa refused.",
            "answered_by": person,
            "answered_at": answered,
        }
        if row["answer_accepted"]:
            values |= {"accepted_by": person, "accepted_at": answered}
    if not has_report and not row["withdrawn"]:
        DelegateFactory(event=event, office=office)
    allowed = DAYS_DUE + row["extended"]
    duty = Duty.objects.create(
        event=event,
        office=office,
        due_on=row["last_day"] + dt.timedelta(days=allowed),
        **values,
    )
    if row["extended"]:
        Extension.objects.create(
            duty=duty,
            until_on=duty.due_on,
            reason="Mission",
            asked_by=person,
            asked_at=answered,
            decision="granted",
            decided_by=person,
            decided_at=answered,
        )
    is_accepted = row["answer"] == "accepted" or bool(values.get("accepted_at"))
    return Owed(duty, is_accepted, row["waited"], row["waited"] <= allowed)


@given(rows=reports)
@twin_settings
def test_coverage_and_timeliness_equal_their_twins(directory: Directory, rows: list[Any]):
    with taken_back():
        person = UserFactory()
        owed: dict[int, Owed] = {}
        facts = []
        for row in rows:
            one = duty_of(directory, row, person)
            owed[one.duty.pk] = one
            # Nobody of the office took part: nothing was owed. An answer that was given stays.
            withdrawn = row["withdrawn"] and row["answer"] == ""
            if not withdrawn and in_period(row["last_day"]) and row["last_day"] < TODAY:
                cuts = through(row["iscms"]) | {
                    "region": regions_of(row["iscms"]),
                    "event_kind": {row["kind"]},
                    "office": {row["office"]},
                }
                facts.append(Fact(one.duty, row["last_day"].year, cuts))
        sync_duties(dt.datetime.combine(TODAY, dt.time(12), dt.UTC))
        cuts_asked: list[tuple[str, ...]] = [
            (),
            ("year",),
            ("iscm",),
            ("year", "iscm"),
            ("type",),
            ("theme",),
            ("region",),
            ("office",),
            ("event_kind", "year"),
        ]
        check(
            "report_coverage",
            facts,
            lambda key, records: expected(
                key, sum(owed[one.pk].is_accepted for one in records), len(records), 100, {}
            ),
            cuts_asked,
        )

        def count(key: dict[str, Any], records: list[Any]) -> dict[str, Any]:
            punctual = sum(owed[one.pk].in_time for one in records)
            share = rounded(Fraction(100 * punctual, len(records)), 4) if records else None
            value = middle([owed[one.pk].waited for one in records])
            nothing = {"numerator": None, "denominator": None, "n": len(records)}
            return {"key": key, "value": value, **nothing, "beside": {"in_time_pct": share}}

        settled = [fact for fact in facts if owed[fact.record.pk].is_accepted]
        check("report_timeliness", settled, count, cuts_asked)
