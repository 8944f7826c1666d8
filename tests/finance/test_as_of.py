"""Any past date: what was on record then, whatever has become of it since."""

from __future__ import annotations

import contextlib
import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st

from finance.models import (
    AssessedContribution,
    Attribution,
    FundContribution,
    FundDisbursement,
    FundingLine,
    Position,
    PositionShare,
    Project,
    Proposal,
    StaffNeed,
    StandardCost,
    TermsOfReference,
    TimeEntry,
)
from finance.selectors.cliff import funding_cliff
from finance.selectors.funds import fund_years, funds_on_record
from finance.selectors.investment import investment
from finance.selectors.staffing import (
    post_list,
    posts,
    staffing,
    staffing_plan,
    staffing_records,
    told_posts,
    tor_coverage,
    undated,
    with_days_noted,
)
from finance.selectors.sustaining import contributions, fund_raising, self_financing
from finance.services import funds as fund_verbs
from iscm_portal.common.as_of import end_of, rows_of
from iscm_portal.common.period import Period
from tests.factories.engagements import (
    CountryFactory,
    ISCMFactory,
    OfficeFactory,
    OrganisationFactory,
    UserFactory,
)
from tests.factories.finance import (
    AssessedContributionFactory,
    AttributionFactory,
    FundingLineFactory,
    PositionFactory,
    PositionShareFactory,
    ProjectFactory,
    ProposalFactory,
    ReserveFundFactory,
    StaffNeedFactory,
    StandardCostFactory,
    TermsOfReferenceFactory,
    TimeEntryFactory,
)
from tests.twins import taken_back, twin_settings

pytestmark = pytest.mark.django_db

MARCH = dt.date(2026, 3, 31)
Y2026 = Period.year(2026)


def on(day: dt.date) -> Any:
    return time_machine.travel(dt.datetime.combine(day, dt.time(12), dt.UTC), tick=False)


def known(known_by: dt.datetime | None = None) -> Decimal | None:
    cells = investment(Y2026, known_by=known_by)
    return cells[0].known_usd if cells else None


def test_a_total_of_a_past_date_is_what_was_on_record_at_its_end():
    with on(MARCH):
        line = FundingLineFactory(amount_usd=1000)
    with on(MARCH + dt.timedelta(days=1)):
        line.amount_usd = Decimal(400)
        line.save()
        FundingLineFactory(amount_usd=50)
    assert known(end_of(MARCH - dt.timedelta(days=1))) is None
    assert known(end_of(MARCH)) == 1000
    assert known(end_of(MARCH + dt.timedelta(days=1))) == known() == 450


def test_what_was_taken_away_since_is_there_in_the_past_and_gone_after():
    with on(MARCH):
        line = FundingLineFactory(amount_usd=1000)
    with on(MARCH + dt.timedelta(days=9)):
        line.delete()
    assert known(end_of(MARCH)) == 1000
    assert known(end_of(MARCH + dt.timedelta(days=9))) is None


def test_the_rows_of_the_past_speak_the_vocabulary_of_their_model():
    with on(MARCH):
        line = FundingLineFactory(amount_usd=7, is_counted=False, not_counted_reason="Repeats one.")
        FundingLineFactory(amount_usd=9)
    rows = rows_of(FundingLine, end_of(MARCH)).counted()
    assert [row.amount_usd for row in rows] == [9]
    assert {row.id for row in rows_of(FundingLine, end_of(MARCH))} >= {line.pk}


def test_a_past_date_takes_as_many_statements_as_today(django_assert_num_queries):
    FundingLineFactory.create_batch(3)
    AttributionFactory.create_batch(3)
    for known_by in (None, end_of(dt.date(2100, 1, 1))):
        with django_assert_num_queries(10):
            investment(Y2026, ("iscm", "year"), known_by=known_by)


# Changes of a ledger, each on a day of its own.
KINDS = (
    *("line", "project line", "project", "share", "post", "post share", "rate"),
    *("need", "time", "terms", "contribution", "proposal"),
)
CHANGES = st.lists(
    st.tuples(
        st.sampled_from(KINDS),
        st.sampled_from(["add", "add", "change", "change", "delete"]),
        st.integers(1, 90),
    ),
    max_size=10,
)


@given(changes=CHANGES)
@settings(twin_settings, max_examples=12)
def test_every_past_day_says_what_was_said_on_that_day(changes):
    with taken_back():
        ledger, said = _Ledger(), []
        reader = UserFactory(access_group="finance", office=None)
        for number, (what, how, amount) in enumerate(changes):
            day = dt.date(2026, 1, 1) + dt.timedelta(days=number)
            with on(day):
                ledger.change(what, how, amount)
            said.append((day, answers(reader)))
        for day, then in said:
            assert answers(reader, end_of(day)) == then


MOVES = st.lists(
    st.tuples(st.sampled_from(["in", "in", "out", "back"]), st.integers(1, 900)), max_size=12
)


@given(moves=MOVES)
@twin_settings
def test_every_past_day_has_the_balance_and_the_years_of_a_fund_that_it_had(moves):
    with taken_back():
        with on(dt.date(2025, 12, 1)):
            fund, reader = ReserveFundFactory(), UserFactory(access_group="finance", office=None)
            states = CountryFactory(), CountryFactory()
        said = []
        for number, (how, amount) in enumerate(moves):
            day = dt.date(2026, 1, 1) + dt.timedelta(days=number)
            with on(day):
                move(fund, how, Decimal(amount), day, states, reader)
            said.append((day, fund_answers(fund, reader)))
        for day, then in said:
            assert fund_answers(fund, reader, end_of(day)) == then


def move(fund, how, amount, day, states, actor):
    standing = FundDisbursement.objects.standing().order_by("pk").first()
    if how == "in":
        received = FundContribution(
            fund=fund, received_on=day, country=states[0], amount_usd=amount
        )
        fund_verbs.receive(received, actor)
    elif how == "back" and standing is not None:
        fund_verbs.call_back(standing.pk, "not_used", day, actor)
    elif how == "out":
        case = FundDisbursement(
            fund=fund,
            paid_on=day,
            amount_usd=amount,
            referred_by="ngo",
            vulnerability="child",
            origin=states[0],
            destination=states[1],
        )
        with contextlib.suppress(fund_verbs.FundError):
            fund_verbs.disburse(case, actor)


def fund_answers(fund, reader, known_by: dt.datetime | None = None) -> Any:
    (row,) = funds_on_record(reader, known_by)
    return row.balance_usd, fund_years([fund.pk], known_by)[fund.pk]


def answers(reader, known_by: dt.datetime | None = None) -> list[Any]:
    """Every total that can be asked for as of a past day, and the records behind some."""
    held = posts(known_by=known_by).held_during(Y2026)
    records = staffing_records(Y2026, known_by=known_by)
    return [
        *(
            investment(Y2026, by, known_by=known_by)
            for by in (("iscm", "source"), ("office", "project"))
        ),
        funding_cliff(2026, reader, known_by=known_by),
        *(staffing(Y2026, by, known_by=known_by) for by in ((), ("iscm", "office"))),
        staffing_plan(2026, known_by=known_by),
        tor_coverage(held, known_by),
        undated(posts(known_by=known_by), known_by=known_by),
        {name: sorted(rows.values_list("id", flat=True)) for name, rows in records.items()},
        [
            (post.title, post.office, [(s.iscm, s.share_pct) for s in post.share_list])
            for post in told_posts(
                post_list(with_days_noted(held, Y2026, None, known_by)).order_by("id"), known_by
            )
        ],
        contributions(Y2026, ("iscm", "country"), known_by=known_by),
        fund_raising(Y2026, ("iscm",), known_by=known_by),
        self_financing(Y2026, {}, known_by=known_by),
    ]


class _Ledger:
    """Changes the first row of a kind, or makes one."""

    models = {
        "line": FundingLine,
        "project line": FundingLine,
        "project": Project,
        "share": Attribution,
        "post": Position,
        "post share": PositionShare,
        "rate": StandardCost,
        "need": StaffNeed,
        "time": TimeEntry,
        "terms": TermsOfReference,
        "contribution": AssessedContribution,
        "proposal": Proposal,
    }
    amounts = {
        FundingLine: "amount_usd",
        Attribution: "share_pct",
        PositionShare: "share_pct",
        StandardCost: "usd_per_day",
        StaffNeed: "share_pct",
        TimeEntry: "days",
        AssessedContribution: "paid_usd",
        Proposal: "asked_usd",
    }

    def __init__(self) -> None:
        with on(dt.date(2025, 12, 1)):
            self.iscms = [ISCMFactory(), ISCMFactory()]
            self.office, self.other_office = OfficeFactory(), OfficeFactory()
            self.project = ProjectFactory()
            self.country, self.donor = CountryFactory(), OrganisationFactory()
            self.user = UserFactory()

    def change(self, what: str, how: str, amount: int) -> None:
        model = self.models[what]
        found = model.objects.order_by("pk").first()
        if how == "add" or found is None:
            self.add(what, amount)
        elif how == "delete" and model is Project:
            pass  # its lines hold it
        elif how == "delete":
            found.delete()  # a post goes with its shares and its terms of reference
        elif model is TermsOfReference:
            pass  # a document stays as it is
        elif model is Project:
            found.code = f"P.{amount}"
            found.ends_on = dt.date(2026 + amount % 2, 12, 31)
            found.save()
        elif model is Position:
            found.grade = "P4" if found.grade == "P3" else "P3"
            found.office = self.other_office if amount % 2 else self.office
            found.starts_on = dt.date(2026, 1 + amount % 12, 1) if amount % 5 else None
            found.has_tor = (None, True, False)[amount % 3]
            found.save()
        else:
            setattr(found, self.amounts[model], amount)
            found.save()

    def add(self, what: str, amount: int) -> None:
        iscm = self.iscms[amount % 2]
        if what == "line":
            FundingLineFactory(iscm=iscm, office=self.office, amount_usd=amount)
        elif what == "project line":
            FundingLineFactory(project=self.project, amount_usd=amount)
        elif what == "share":
            taken = {"project": self.project, "iscm": iscm, "year": 2026}
            if not Attribution.objects.filter(project=self.project, year=2026).exists():
                AttributionFactory(**taken, basis="stated_share", share_pct=amount)
        elif what == "post":
            PositionFactory(grade="P3", office=self.office, starts_on=dt.date(2026, 1, 1))
        elif what == "post share":
            post = Position.objects.order_by("pk").first()
            if post is not None and not post.shares.filter(iscm=iscm).exists():
                share = None if post.shares.exists() or amount % 4 == 0 else amount
                PositionShareFactory(position=post, iscm=iscm, share_pct=share)
        elif what == "need":
            StaffNeedFactory(iscm=iscm, office=self.office, share_pct=amount)
        elif what == "time":
            item = TimeEntry.history.count()
            TimeEntryFactory(
                iscm=iscm, office=self.office, days=amount, report_number=1, report_item=item
            )
        elif what == "terms":
            post = Position.objects.order_by("pk").first()
            if post is not None:
                TermsOfReferenceFactory(position=post, uploaded_by=self.user)
        elif what == "contribution":
            if not AssessedContribution.objects.filter(iscm=iscm).exists():
                AssessedContributionFactory(iscm=iscm, country=self.country, paid_usd=amount)
        elif what == "proposal":
            ProposalFactory(iscm=iscm, donor=self.donor, asked_usd=amount)
        elif not StandardCost.objects.exists():
            StandardCostFactory(grade="P3", year=2026, usd_per_day=amount)
