"""Every measure, over records of all kinds and edges, against its twin and against the auditor.

What hypothesis makes is written and compiled; then every published cell, of years, quarters and
twelve months, of everything and each mechanism, by every dimension, equals what the twins
(``tests/reporting/twins/``) count by brute force from the very rows that hypothesis made. Beside
them goes the auditor's recount, and a cell opens to as many records as it rests on. Numbers by hand
stand in ``test_measures_by_hand``.

``TWIN_EXAMPLES=200`` makes more examples, and others each time.
"""

import datetime as dt
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagements import models as m
from engagements.choices import (
    EventKind,
    FollowUpState,
    InstrumentAction,
    InstrumentKind,
    OrganisationKind,
    Reflected,
    RequestOutcome,
    SupportKind,
)
from finance import models as f
from finance.choices import ProposalState
from reporting.measures import MEASURES
from reporting.models import Duty, Extension, IndicatorValue, KnowledgeAnswer, SatisfactionAnswer
from reporting.services.compiling import compile_indicators
from tests.factories.engagements import (
    AgendaItemFactory,
    CountryFactory,
    EventFactory,
    IOMPriorityFactory,
    OfficeFactory,
    OrganisationFactory,
    UserFactory,
)
from tests.factories.reporting import PostEventReportFactory
from tests.finance import ledgers
from tests.mechanisms import SLUGS, STATES, write_mechanisms
from tests.reporting.evidence import assert_borne_out, indicators
from tests.reporting.twins import evidence, money
from tests.reporting.twins.cells import Cells, Place, Span, spans
from tests.twins import examples, taken_back

pytestmark = pytest.mark.django_db

# When it is compiled: on both sides of the end of a quarter, and when all is over.
TODAYS = [dt.date(2026, 6, 30), dt.date(2026, 7, 1), dt.date(2027, 2, 1)]
# The edges of the years compiled and of quarters, each from both sides.
DAYS = st.sampled_from(
    [
        dt.date(2023, 12, 31),
        dt.date(2024, 3, 31),
        dt.date(2024, 4, 1),
        dt.date(2024, 12, 31),
        dt.date(2025, 1, 1),
        dt.date(2025, 3, 31),
        dt.date(2025, 4, 1),
        dt.date(2025, 12, 31),
        dt.date(2026, 1, 1),
        dt.date(2026, 6, 29),
        dt.date(2026, 6, 30),
        dt.date(2026, 7, 1),
        dt.date(2026, 12, 31),
        dt.date(2027, 1, 1),
        dt.date(2027, 3, 31),
        dt.date(2027, 4, 1),
    ]
)
MECHANISM = st.sampled_from([None, *SLUGS])
STATE = st.sampled_from([None, *STATES])
OFFICE = st.sampled_from([None, "co-a", "co-b"])
PARTNERS = (OrganisationKind.UN_AGENCY, OrganisationKind.DONOR)
# The meetings at which knowledge is tested: of no mechanism, and of one to three.
HELD = [
    {"iscms": SLUGS[:number], "kind": kind}
    for number, kind in enumerate(
        [EventKind.SUMMIT, EventKind.WORKSHOP, *[EventKind.TECHNICAL] * 2]
    )
]

Rows = list[dict[str, Any]]
Counted = dict[tuple[Span, Place], tuple[Any, ...]]


class Directory:
    """Records for the slugs and codes that rows name."""

    def __init__(self) -> None:
        self.iscms = write_mechanisms()
        self.states = {None: None} | {
            iso3: CountryFactory(iso3=iso3, region=region) for iso3, region in STATES.items()
        }
        self.offices = {None: None} | {slug: OfficeFactory(slug=slug) for slug in ("co-a", "co-b")}
        self.partners = {kind: OrganisationFactory(kind=kind) for kind in PARTNERS}

    def of(self, row: dict[str, Any], *leave_out: str) -> dict[str, Any]:
        known = {"iscm": self.iscms, "country": self.states, "office": self.offices}
        known |= {"owner": self.offices, "organisation": self.partners}
        return {
            name: known[name][value] if name in known else value
            for name, value in row.items()
            if name not in leave_out
        }

    def mechanisms(self, slugs: Iterable[str]) -> list[m.ISCM]:
        return [self.iscms[slug] for slug in slugs]


@pytest.fixture
def directory() -> Directory:
    return Directory()


def lists(most: int, **fields: Any) -> st.SearchStrategy[Rows]:
    """Two rows or more; often none of them is of the years that are compiled."""
    return st.lists(st.fixed_dictionaries(fields), min_size=2, max_size=most)


# --- what is published


def compile_on(today: dt.date, first_year: int, last_year: int, keys: Iterable[str]) -> None:
    """Compile on that day; the auditor finds nothing else, and cells open to their records."""
    indicators(keys)
    at = dt.datetime.combine(today, dt.time(3), dt.UTC)
    compile_indicators(first_year, last_year, at)
    assert_borne_out(at)
    # Behind money stand records of several kinds: ``tests/finance/test_investment.py``.
    values = IndicatorValue.objects.filter(n__gt=0).exclude(
        indicator__key__in=["resources_allocated", "self_financing_ratio"]
    )
    for value in values.select_related("indicator", "iscm").order_by("pk")[::61]:
        records = MEASURES[value.indicator.key].records(value.span, **value.place)
        assert records.count() == value.n, value


def published(key: str) -> Counted:
    """Every cell of a measure: value, numerator, denominator, n, what stands beside it, reports
    owed and accepted."""
    rows = IndicatorValue.objects.filter(indicator__key=key).values_list(
        *("period", "year", "part", "iscm__slug", "dimension", "dimension_value"),
        *("value", "numerator", "denominator", "n", "beside"),
        *("reports_owed", "reports_accepted"),
    )
    return {(row[:3], (row[3] or "", *row[4:6])): row[6:] for row in rows}


def with_reports(cells: Cells, world: dict[str, Any]) -> Counted:
    """``cells`` with the reports beside them: by State, kind and source, of which no report speaks,
    those of everything or of the mechanism."""
    reports = evidence.reports_beside(world)
    found = {}
    for (span, (of, name, value)), figures in cells.items():
        own = (of, "", "") if name in ("country", "kind", "source") else (of, name, value)
        found[span, (of, name, value)] = (*figures, *reports.get((span, own), (0, 0)))
    return found


def assert_same(key: str, told: Counted, expected: Counted) -> None:
    """Compared cell by cell: the first that differs is named."""
    for cell in sorted(told.keys() | expected.keys()):
        assert told.get(cell) == expected.get(cell), (key, cell)


# --- evidence, events and the reports on them

DUTIES = st.lists(
    st.fixed_dictionaries(
        {
            "office": st.sampled_from(["co-a", "co-b"]),
            "went": st.sampled_from([True, True, False]),
            "answer": st.sampled_from(
                ["", "draft", "submitted", "accepted", "accepted", "nothing_to_report",
                 "not_attended"]
            ),
            "answer_accepted": st.booleans(),
            "waited": st.sampled_from([-1, 0, 5, 14, 15, 24, 25]),
            "extended": st.sampled_from([0, 0, 10]),
        }
    ),
    min_size=1,
    max_size=2,
    unique_by=lambda row: row["office"],
)  # fmt: skip
EVIDENCE = st.fixed_dictionaries(
    {
        "today": st.sampled_from(TODAYS),
        "meetings": lists(
            6,
            day=DAYS,
            day_known=st.sampled_from([True, True, True, False]),
            lasted=st.integers(0, 2),
            kind=st.sampled_from([EventKind.SUMMIT, EventKind.WORKSHOP]),
            iscms=st.sets(st.sampled_from(SLUGS)),
            items=st.lists(st.booleans(), max_size=2),  # with a priority or without
            duties=DUTIES,
        ),
        "partnerships": lists(
            6, since_on=DAYS, iscm=MECHANISM, office=OFFICE, organisation=st.sampled_from(PARTNERS)
        ),
        "follow_ups": lists(
            6,
            due_on=st.one_of(st.none(), DAYS, st.sampled_from(TODAYS)),
            iscm=MECHANISM,
            owner=OFFICE,
            state=st.sampled_from(FollowUpState),
        ),
        "instruments": lists(
            8,
            dated_on=DAYS,
            iscm=MECHANISM,
            country=STATE,
            kind=st.sampled_from(InstrumentKind),
            action=st.sampled_from(InstrumentAction),
            expertise_reflected=st.sampled_from(Reflected),
            reflects=st.integers(0, 2),  # so many items of agendas; it counts once
        ),
        "requests": lists(
            8,
            asked_on=DAYS,
            waited=st.one_of(st.none(), st.integers(0, 40)),
            iscm=MECHANISM,
            country=STATE,
            kind=st.sampled_from(SupportKind),
            outcome=st.sampled_from(RequestOutcome),
        ),
    }
)
OF_EVIDENCE = (
    "partnerships_developed",
    "instruments_passed",
    "instruments_amended",
    "expertise_reflected",
    "support_requests",
    "priorities_on_agenda",
    "report_coverage",
    "report_timeliness",
    "follow_up_completion",
    "events_attended",
)


@given(world=EVIDENCE)
@examples(8)
def test_what_is_counted_of_events_reports_and_evidence_equals_its_twin(
    directory: Directory, world: dict[str, Any]
):
    with taken_back():
        write_evidence(directory, world)
        write_meetings(directory, world["meetings"])
        compile_on(world["today"], 2025, 2026, OF_EVIDENCE)
        world["spans"] = spans(2025, 2026, world["today"])
        for key in OF_EVIDENCE:
            twin = getattr(evidence, key)
            assert_same(key, published(key), with_reports(twin(world), world))


def write_evidence(directory: Directory, world: dict[str, Any]) -> None:
    m.Partnership.objects.bulk_create(
        m.Partnership(**directory.of(row)) for row in world["partnerships"]
    )
    m.FollowUpAction.objects.bulk_create(
        m.FollowUpAction(**directory.of(row), what="Do", agreed_on=dt.date(2023, 1, 1))
        for row in world["follow_ups"]
    )
    m.SupportRequest.objects.bulk_create(
        m.SupportRequest(
            **directory.of(row, "waited"),
            what="Help",
            answered_on=None
            if row["waited"] is None
            else row["asked_on"] + dt.timedelta(row["waited"]),
        )
        for row in world["requests"]
    )
    items = AgendaItemFactory.create_batch(2, event__starts_on=dt.date(2020, 1, 1))
    for row in world["instruments"]:
        instrument = m.PolicyInstrument.objects.create(
            **directory.of(row, "reflects"), region="" if row["country"] else "ECOWAS"
        )
        instrument.agenda_items.add(*items[: row["reflects"]])


def write_meetings(directory: Directory, meetings: Rows) -> None:
    person, priority = UserFactory(), IOMPriorityFactory()
    for row in meetings:
        unknown = {"starts_on": None, "ends_on": None, "year": row["day"].year}
        known = {"starts_on": row["day"], "ends_on": evidence.last_day(row)}
        event = EventFactory(
            **known if row["day_known"] else unknown,
            date_precision="day" if row["day_known"] else "year",
            kind=row["kind"],
            iscms=directory.mechanisms(row["iscms"]),
        )
        m.AgendaItem.objects.bulk_create(
            m.AgendaItem(event=event, title="Item", priority=priority if carries else None)
            for carries in row["items"]
        )
        for duty in row["duties"]:
            office = directory.offices[duty["office"]]
            if duty["went"]:
                m.Delegate.objects.bulk_create(
                    m.Delegate(event=event, office=office, title="Officer") for _ in range(2)
                )
            if row["day_known"]:
                owe(event, office, duty, person)


def owe(event: m.Event, office: m.Office, row: dict[str, Any], person: m.User) -> None:
    """What was answered on a duty; one of an office that did not take part is there, too."""
    answered = dt.datetime.combine(
        event.ends_on + dt.timedelta(row["waited"]), dt.time(23, 59), dt.UTC
    )
    values: dict[str, Any] = {}
    if row["answer"] in ("draft", "submitted", "accepted"):
        PostEventReportFactory(
            event=event,
            office=office,
            author=person,
            state=row["answer"],
            submitted_at=None if row["answer"] == "draft" else answered,
        )
    elif row["answer"]:
        values = {"answer": row["answer"], "reason": "Visa refused."}
        values |= {"answered_by": person, "answered_at": answered}
        if row["answer_accepted"]:
            values |= {"accepted_by": person, "accepted_at": answered}
    due_on = event.ends_on + dt.timedelta(14 + row["extended"])
    duty = Duty.objects.create(event=event, office=office, due_on=due_on, **values)
    if row["extended"]:
        asked = {"reason": "Mission", "asked_by": person, "asked_at": answered}
        decided = {"decision": "granted", "decided_by": person, "decided_at": answered}
        Extension.objects.create(duty=duty, until_on=due_on, **asked, **decided)


# --- what people answered

SCORE = st.decimals(0, 100, places=2)
SCORES = st.fixed_dictionaries({"before": SCORE, "after": SCORE})
# Who answered before or after only is no pair.
HALF = st.fixed_dictionaries({"before": st.none() | SCORE, "after": st.none() | SCORE})
ANSWER_DAYS = st.sampled_from(
    [
        dt.date(2024, 12, 31),
        dt.date(2025, 1, 1),
        dt.date(2025, 12, 31),
        dt.date(2026, 1, 1),
        dt.date(2026, 6, 30),
        dt.date(2026, 7, 1),
        dt.date(2026, 12, 31),
        dt.date(2027, 1, 1),
    ]
)


def crowds(most: int, answers: st.SearchStrategy[Rows], **alike: Any) -> st.SearchStrategy[Rows]:
    """Answers of people who are alike in these fields: single ones would all be too few to show."""
    crowd = st.tuples(st.fixed_dictionaries(alike), answers)
    return st.lists(crowd, min_size=2, max_size=most).map(
        lambda found: [shared | own for shared, people in found for own in people]
    )


ANSWERS = st.fixed_dictionaries(
    {
        "tests": crowds(
            6,
            st.lists(SCORES, min_size=3, max_size=4) | st.lists(HALF, min_size=1, max_size=2),
            answered_on=ANSWER_DAYS,
            event=st.integers(0, 3),
            country=STATE,
        ),
        "opinions": crowds(
            8,
            st.lists(st.fixed_dictionaries({"score": st.integers(1, 5)}), min_size=1, max_size=4),
            answered_on=ANSWER_DAYS,
            iscm=MECHANISM,
            country=STATE,
            kind=st.sampled_from(["technical", "liaison", ""]),
        ),
    }
)
OF_ANSWERS = ("knowledge_change", "satisfaction")


@given(world=ANSWERS)
@examples(8)
def test_what_is_shown_of_answers_equals_its_twin_and_is_never_of_fewer_than_three(
    directory: Directory, world: dict[str, Any]
):
    """What is hidden besides, ``test_floors`` asks. All came in together: the whole of a year is
    shown where it has three."""
    today = dt.date(2027, 2, 1)
    with taken_back():
        write_answers(directory, world)
        compile_on(today, 2025, 2026, OF_ANSWERS)
        world |= {"held": HELD, "spans": spans(2025, 2026, today)}
        for key in OF_ANSWERS:
            told = {cell: row[:-2] for cell, row in published(key).items()}
            assert_whole_blocks(told, getattr(evidence, key)(world))


def write_answers(directory: Directory, world: dict[str, Any]) -> None:
    held = [
        EventFactory(iscms=directory.mechanisms(row["iscms"]), kind=row["kind"]) for row in HELD
    ]
    KnowledgeAnswer.objects.bulk_create(
        KnowledgeAnswer(
            **directory.of(row, "event"),
            event=held[row["event"]],
            participant_code=f"p{number}",
        )
        for number, row in enumerate(world["tests"])
    )
    SatisfactionAnswer.objects.bulk_create(
        SatisfactionAnswer(**directory.of(row)) for row in world["opinions"]
    )


def assert_whole_blocks(told: Counted, plain: Cells) -> None:
    """What is shown of answers is what they plainly come to, of three at least; the change in
    spread may be left out. Twelve months are not told, nor of a cut that there is what is hidden;
    of everything and of a mechanism it is said, without a number."""
    for cell, row in told.items():
        (period, _year, _part), (_of, name, _value) = cell
        assert period != "rolling"
        figures = tuple(plain[cell])
        if row[3] is None:
            assert name == "", cell
            assert row == (None, None, None, None, {}), cell
            assert figures[3] > 0, cell
        elif row[4] == {"change_in_spread": None}:
            assert row[:4] == figures[:4], cell
        else:
            assert row == figures, cell
        assert row[3] in (0, None) or row[3] >= 3, cell
    for cell, figures in plain.items():
        (period, *_when), place = cell
        if period == "rolling":
            continue
        if place[1] == "":
            assert cell in told
        if period == "year" and place == ("", "", ""):
            assert told[cell][3] == (figures.n if figures.n not in (1, 2) else None), cell


# --- money

OF_MONEY = ("resources_allocated", "self_financing_ratio", "staff_days", "proposal_success")
MONEY_TODAY = dt.date(2020, 2, 1)
PAID = st.lists(
    st.fixed_dictionaries(
        {
            "iscm": st.sampled_from(SLUGS),
            "year": st.sampled_from([2017, *ledgers.YEARS, 2020]),
            "usd": ledgers.AMOUNTS,
        }
    ),
    max_size=5,
    unique_by=lambda row: (row["iscm"], row["year"]),
)
MONEY = st.fixed_dictionaries(
    {
        "ledger": ledgers.ledgers(),
        "proposals": lists(
            6,
            decided_on=ledgers.DAYS,
            iscm=st.sampled_from(SLUGS),
            office=OFFICE,
            state=st.sampled_from(ProposalState),
        ),
        "paid": PAID,
    }
)


@pytest.fixture
def money_directory() -> dict[str | None, Any]:
    return ledgers.write_directory()


@given(drawn=MONEY)
@examples(8)
def test_money_days_and_proposals_equal_their_twins(
    money_directory: dict[str | None, Any], drawn: dict[str, Any]
):
    world = {**drawn, **drawn["ledger"], "spans": spans(*ledgers.YEARS, MONEY_TODAY)}
    with taken_back():
        ledgers.write(drawn["ledger"], money_directory)
        write_decisions(money_directory, drawn)
        compile_on(MONEY_TODAY, *ledgers.YEARS, OF_MONEY)
        for key in OF_MONEY:
            told = {cell: row[:-2] for cell, row in published(key).items()}
            twin = getattr(money, key)
            assert_same(key, told, {cell: tuple(row) for cell, row in twin(world).items()})


def write_decisions(directory: dict[str | None, Any], world: dict[str, Any]) -> None:
    """What donors said to proposals, and what Member States paid."""
    donor, state = OrganisationFactory(kind=OrganisationKind.DONOR), CountryFactory()
    for row in world["proposals"]:
        is_open = row["state"] == ProposalState.ASKED
        f.Proposal.objects.create(
            title="P",
            donor=donor,
            asked_on=dt.date(2016, 1, 1),
            asked_usd=1,
            iscm=directory[row["iscm"]],
            office=directory[row["office"]],
            state=row["state"],
            decided_on=None if is_open else row["decided_on"],
            awarded_usd=1 if row["state"] == ProposalState.AWARDED else None,
        )
    f.AssessedContribution.objects.bulk_create(
        f.AssessedContribution(
            iscm=directory[row["iscm"]],
            country=state,
            year=row["year"],
            assessed_usd=10_000,
            paid_usd=row["usd"],
        )
        for row in world["paid"]
    )


def test_every_measure_has_a_twin():
    assert {*OF_EVIDENCE, *OF_ANSWERS, *OF_MONEY} == set(MEASURES)
