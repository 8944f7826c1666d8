"""A reserve fund of its own for the demo, so that no invented figure stands in a real one."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal

from engagements.models import User
from finance.choices import ReferredBy, Vulnerability
from finance.models import FundContribution, FundDisbursement, ReserveFund
from finance.services.funds import call_back, disburse, open_fund, receive

from . import SOURCE, World, some

MECHANISM, OFFICE = "rcm", "ro-san-jose"
CASES_A_YEAR = 14
PAYERS_A_YEAR = 4  # each pays at least 4,000: more than what 14 cases can come to
CAP = Decimal("1000.00")


def make_fund(world: World, officer: User) -> None:
    """The fund with its years: contributions in January, then cases; one payment comes back."""
    fund = ReserveFund(
        slug="demo-reserve-fund",
        name=f"Demo: reserve fund of the {world.iscms[MECHANISM].acronym}",
        iscm=world.iscms[MECHANISM],
        office=world.offices[OFFICE],
        cap_usd=CAP,
        source=SOURCE,
        is_demo=True,
    )
    open_fund(fund, officer)
    for year in world.years:
        chance = random.Random(f"demo fund {year}")  # noqa: S311
        _contributions(chance, world, fund, officer, year)
        cases = _cases(chance, world, fund, officer, year)
        if cases:
            last = cases[-1]
            call_back(last.pk, "not_used", last.paid_on, officer)


def _contributions(
    chance: random.Random, world: World, fund: ReserveFund, officer: User, year: int
) -> None:
    for number, state in enumerate(some(chance, world.members[MECHANISM], PAYERS_A_YEAR), start=1):
        day = dt.date(year, 1, 4 + number)
        if day <= world.today:
            money = FundContribution(
                fund=fund,
                received_on=day,
                country=state,
                amount_usd=Decimal(chance.randrange(40, 60) * 100),
                reference=f"REC-{year}-{number}",
                source=SOURCE,
            )
            receive(money, officer)


def _cases(
    chance: random.Random, world: World, fund: ReserveFund, officer: User, year: int
) -> list[FundDisbursement]:
    days = [world.day_of(chance, year) for _number in range(CASES_A_YEAR)]
    # What is paid in the first week could be more than has come in.
    since = dt.date(year, 1, 4 + PAYERS_A_YEAR)
    return [
        disburse(_case(chance, world, fund, day), officer)
        for day in sorted(day for day in days if day is not None and day > since)
    ]


def _case(chance: random.Random, world: World, fund: ReserveFund, day: dt.date) -> FundDisbursement:
    origin, destination = some(chance, world.members[MECHANISM], 2)
    vulnerability = chance.choices(Vulnerability.values, weights=(5, 4, 3, 2, 2, 1, 1))[0]
    amount = Decimal(chance.randrange(18_000, 105_000)) / 100
    week = day - dt.timedelta(days=7)
    over, outside = amount > CAP, vulnerability == Vulnerability.OUTSIDE
    return FundDisbursement(
        fund=fund,
        paid_on=day,
        amount_usd=amount,
        referred_by=chance.choices(ReferredBy.values, weights=(5, 3, 3, 2, 1))[0],
        vulnerability=vulnerability,
        origin=origin,
        destination=destination,
        approval=f"LET-{day:%Y-%m%d}" if over else "",
        approved_on=week if over else None,
        secretariat_approval=f"MIN-{day:%Y-%m%d}" if outside else "",
        secretariat_approved_on=week if outside else None,
    )
