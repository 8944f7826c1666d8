"""Every measure, over records of all kinds and edges, against the auditor's recount.

What hypothesis makes is compiled; every published cell of years, quarters and twelve months then
equals what the auditor counts from the plain records, and opens to as many records as it rests on.
That the auditor itself is right is asserted by numbers in ``test_measures_by_hand``.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
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
from finance.choices import FundingSource, ProposalState
from reporting.measures import MEASURES
from reporting.models import Duty, Extension, IndicatorValue, KnowledgeAnswer, SatisfactionAnswer
from reporting.services.compiling import compile_indicators
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
from tests.factories.finance import ProjectFactory, StandardCostFactory
from tests.factories.reporting import PostEventReportFactory
from tests.reporting.evidence import assert_borne_out, indicators
from tests.twins import taken_back, twin_settings

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2027, 2, 1, 3, 0, tzinfo=dt.UTC)
# The edges of the years compiled and of quarters, each from both sides.
DAYS = st.sampled_from(
    [
        dt.date(2023, 12, 31),
        dt.date(2024, 4, 1),
        dt.date(2024, 12, 31),
        dt.date(2025, 1, 1),
        dt.date(2025, 3, 31),
        dt.date(2025, 4, 1),
        dt.date(2025, 12, 31),
        dt.date(2026, 1, 1),
        dt.date(2026, 6, 30),
        dt.date(2026, 7, 1),
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
MECHANISM = st.sampled_from([None, *SLUGS])
STATE = st.sampled_from([None, *STATES])
OFFICE = st.sampled_from([None, "co-a", "co-b"])
few = settings(twin_settings, max_examples=15)


@dataclass
class Directory:
    iscms: dict[str | None, Any]
    states: dict[str | None, Any]
    offices: dict[str | None, Any]
    partners: dict[str, Any]
    events: list[Any]
    items: list[Any]

    def of(self, row: dict[str, Any]) -> dict[str, Any]:
        """``row`` with records for the slugs and codes that it names."""
        known = {"iscm": self.iscms, "country": self.states, "office": self.offices}
        known |= {"owner": self.offices, "organisation": self.partners}
        return {name: known[name][value] if name in known else value for name, value in row.items()}


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


def check(*keys: str) -> None:
    """Compile, and hold every published cell of these measures against the recount; every so
    many of them are opened, and show as many records as they were counted from."""
    indicators(keys)
    compile_indicators(2025, 2026, NOW)
    assert assert_borne_out(NOW) >= 2 * len(keys)
    opened = 0
    values = IndicatorValue.objects.select_related("indicator", "iscm").order_by("pk")
    for value in values.filter(n__gt=0)[::9]:
        records = MEASURES[value.indicator.key].records(value.span, **value.place)
        assert records.count() == value.n, value
        opened += 1
    assert opened or not values.filter(n__gt=0).exists()


def lists(most: int, **fields: Any) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(st.fixed_dictionaries(fields), max_size=most)


# --- evidence of reports

PARTNERSHIPS = lists(
    6,
    since_on=DAYS,
    iscm=MECHANISM,
    office=OFFICE,
    organisation=st.sampled_from([OrganisationKind.UN_AGENCY, OrganisationKind.DONOR]),
)
FOLLOW_UPS = lists(
    6,
    due_on=st.one_of(st.none(), DAYS),
    iscm=MECHANISM,
    owner=OFFICE,
    state=st.sampled_from(FollowUpState),
)


@given(partnerships=PARTNERSHIPS, follow_ups=FOLLOW_UPS)
@few
def test_partnerships_and_follow_ups(
    directory: Directory, partnerships: list[Any], follow_ups: list[Any]
):
    with taken_back():
        m.Partnership.objects.bulk_create(
            m.Partnership(**directory.of(row)) for row in partnerships
        )
        m.FollowUpAction.objects.bulk_create(
            m.FollowUpAction(**directory.of(row), what="Do", agreed_on=dt.date(2025, 1, 1))
            for row in follow_ups
        )
        check("partnerships_developed", "follow_up_completion")


INSTRUMENTS = lists(
    8,
    dated_on=DAYS,
    iscm=MECHANISM,
    country=STATE,
    kind=st.sampled_from(InstrumentKind),
    action=st.sampled_from(InstrumentAction),
    expertise_reflected=st.sampled_from(Reflected),
    reflects=st.integers(0, 2),
)


@given(rows=INSTRUMENTS)
@few
def test_policy_instruments(directory: Directory, rows: list[Any]):
    """An instrument that reflects two items of an agenda counts once."""
    with taken_back():
        items = [*directory.items, AgendaItemFactory(event=directory.events[2])]
        for row in rows:
            values = directory.of(row)
            reflected = items[: values.pop("reflects")]
            region = "" if row["country"] else "ECOWAS"
            instrument = m.PolicyInstrument.objects.create(**values, region=region)
            instrument.agenda_items.add(*reflected)
        check("instruments_passed", "instruments_amended", "expertise_reflected")


REQUESTS = lists(
    8,
    asked_on=DAYS,
    waited=st.one_of(st.none(), st.integers(0, 40)),
    iscm=MECHANISM,
    country=STATE,
    kind=st.sampled_from(SupportKind),
    outcome=st.sampled_from(RequestOutcome),
)


@given(rows=REQUESTS)
@few
def test_requests_for_support(directory: Directory, rows: list[Any]):
    with taken_back():
        for row in rows:
            values = directory.of(row)
            waited = values.pop("waited")
            answered_on = None if waited is None else row["asked_on"] + dt.timedelta(days=waited)
            m.SupportRequest.objects.create(**values, answered_on=answered_on, what="Help")
        check("support_requests")


# --- what people answered

SCORES = st.one_of(st.none(), st.decimals(0, 100, places=2))
TESTS = lists(
    10, answered_on=DAYS, event=st.integers(0, 3), country=STATE, before=SCORES, after=SCORES
)
OPINIONS = lists(
    16,
    answered_on=DAYS,
    iscm=MECHANISM,
    country=STATE,
    kind=st.sampled_from(["technical", "liaison", ""]),
    score=st.integers(1, 5),
)


@given(tests=TESTS, opinions=OPINIONS)
@few
def test_knowledge_and_satisfaction(directory: Directory, tests: list[Any], opinions: list[Any]):
    with taken_back():
        KnowledgeAnswer.objects.bulk_create(
            KnowledgeAnswer(
                **directory.of(row) | {"event": directory.events[row["event"]]},
                participant_code=f"p{number}",
            )
            for number, row in enumerate(tests)
        )
        SatisfactionAnswer.objects.bulk_create(
            SatisfactionAnswer(**directory.of(row)) for row in opinions
        )
        check("knowledge_change", "satisfaction")


# --- events, and the reports on them

EVENTS = lists(
    6,
    day=DAYS,
    day_known=st.sampled_from([True, True, False]),
    kind=st.sampled_from([EventKind.SUMMIT, EventKind.WORKSHOP]),
    iscms=st.sets(st.sampled_from(SLUGS)),
    items=st.lists(st.booleans(), max_size=3),  # with a priority or without
    went=st.booleans(),
)


@given(rows=EVENTS)
@few
def test_priorities_on_agendas_and_events_attended(directory: Directory, rows: list[Any]):
    with taken_back():
        priority = IOMPriorityFactory()
        for row in rows:
            day = row["day"]
            unknown = {"starts_on": None, "ends_on": None, "year": day.year}
            known = {"starts_on": day} if row["day_known"] else unknown
            event = EventFactory(
                **known,
                date_precision="day" if row["day_known"] else "year",
                kind=row["kind"],
                iscms=[directory.iscms[slug] for slug in row["iscms"]],
            )
            m.AgendaItem.objects.bulk_create(
                m.AgendaItem(event=event, title="Item", priority=priority if carries else None)
                for carries in row["items"]
            )
            if row["went"]:
                DelegateFactory.create_batch(2, event=event, office=directory.offices["co-a"])
        check("priorities_on_agenda", "events_attended")


ANSWERS = ["", "draft", "submitted", "accepted", "accepted", "nothing_to_report", "not_attended"]
REPORTS = lists(
    7,
    last_day=DAYS,
    lasted=st.integers(0, 3),
    kind=st.sampled_from([EventKind.SUMMIT, EventKind.WORKSHOP]),
    iscms=st.sets(st.sampled_from(SLUGS)),
    office=st.sampled_from(["co-a", "co-b"]),
    answer=st.sampled_from(ANSWERS),
    answer_accepted=st.booleans(),
    waited=st.integers(-1, 30),
    extended=st.sampled_from([0, 0, 10]),
    withdrawn=st.sampled_from([False, False, False, True]),
)


def owe(directory: Directory, row: dict[str, Any], person: Any) -> None:
    """A duty and what was answered on it."""
    event = EventFactory(
        starts_on=row["last_day"] - dt.timedelta(days=row["lasted"]),
        ends_on=row["last_day"],
        kind=row["kind"],
        iscms=[directory.iscms[slug] for slug in row["iscms"]],
    )
    office = directory.offices[row["office"]]
    day = row["last_day"] + dt.timedelta(days=row["waited"])
    answered = dt.datetime.combine(day, dt.time(23, 59), dt.UTC)
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
        values = {"answer": row["answer"], "reason": "Visa refused."}
        values |= {"answered_by": person, "answered_at": answered}
        if row["answer_accepted"]:
            values |= {"accepted_by": person, "accepted_at": answered}
    if not has_report and not row["withdrawn"]:
        DelegateFactory(event=event, office=office)
    due_on = row["last_day"] + dt.timedelta(days=14 + row["extended"])
    duty = Duty.objects.create(event=event, office=office, due_on=due_on, **values)
    if row["extended"]:
        asked = {"reason": "Mission", "asked_by": person, "asked_at": answered}
        decided = {"decision": "granted", "decided_by": person, "decided_at": answered}
        Extension.objects.create(duty=duty, until_on=due_on, **asked, **decided)


@given(rows=REPORTS, partnerships=PARTNERSHIPS)
@few
def test_reports_and_the_zeros_that_follow_from_them(
    directory: Directory, rows: list[Any], partnerships: list[Any]
):
    """Where a report was accepted and nothing is on record, a count is 0; its coverage stands
    beside each value."""
    with taken_back():
        person = UserFactory()
        for row in rows:
            owe(directory, row, person)
        m.Partnership.objects.bulk_create(
            m.Partnership(**directory.of(row)) for row in partnerships
        )
        check("report_coverage", "report_timeliness", "partnerships_developed")


# --- money (``tests/finance/test_investment.py`` has the ledgers of every kind)

YEARS = st.sampled_from([2024, 2025, 2026, 2027])
USD = st.decimals(0, 10_000, places=2)
DAYS_GIVEN = lists(
    6, worked_on=DAYS, iscm=MECHANISM, office=st.sampled_from(["co-a", "co-b"]),
    days=st.decimals("0.01", 20, places=2), grade=st.sampled_from(["P3", ""]),
)  # fmt: skip
PROPOSALS = lists(
    6, decided_on=DAYS, iscm=st.sampled_from(SLUGS), office=OFFICE,
    state=st.sampled_from(ProposalState),
)  # fmt: skip
LINES = lists(
    8, year=YEARS, iscm=MECHANISM, office=OFFICE, amount_usd=USD,
    source_of_funds=st.sampled_from(FundingSource),
)  # fmt: skip
PAID = st.lists(
    st.tuples(st.sampled_from(SLUGS), YEARS, USD), max_size=5, unique_by=lambda row: row[:2]
)


@given(entries=DAYS_GIVEN, proposals=PROPOSALS, lines=LINES, paid=PAID)
@few
def test_money(
    directory: Directory,
    entries: list[Any],
    proposals: list[Any],
    lines: list[Any],
    paid: list[Any],
):
    with taken_back():
        StandardCostFactory(grade="P3", year=2025, usd_per_day="401.37")
        f.TimeEntry.objects.bulk_create(
            f.TimeEntry(**directory.of(row), title="Officer") for row in entries
        )
        donor = directory.partners[OrganisationKind.DONOR]
        for row in proposals:
            values = directory.of(row)
            values["decided_on"] = None if row["state"] == "asked" else row["decided_on"]
            values["awarded_usd"] = 1 if row["state"] == "awarded" else None
            f.Proposal.objects.create(
                **values, title="P", donor=donor, asked_on=dt.date(2023, 1, 1), asked_usd=1
            )
        project = ProjectFactory()
        for row in lines:
            values = directory.of(row)
            named = {"supports": "iscm"} if row["iscm"] else {"supports": "project"}
            values["project"] = None if row["iscm"] else project
            f.FundingLine.objects.create(**values, **named, label="Line")
        for year in (2025, 2026):
            f.Attribution.objects.create(
                project=project, iscm=directory.iscms["north"], year=year, basis="unknown"
            )
            f.Attribution.objects.create(
                project=project, iscm=directory.iscms["south"], year=year, basis="stated_share",
                share_pct="33.33",
            )  # fmt: skip
        for slug, year, usd in paid:
            f.AssessedContribution.objects.create(
                iscm=directory.iscms[slug], country=directory.states["XXA"], year=year,
                assessed_usd=10_000, paid_usd=usd,
            )  # fmt: skip
        indicators(keys := ("staff_days", "proposal_success", "resources_allocated",
                            "self_financing_ratio"))  # fmt: skip
        compile_indicators(2025, 2026, NOW)
        assert assert_borne_out(NOW) >= 2 * len(keys)
