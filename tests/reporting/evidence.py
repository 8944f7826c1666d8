"""Evidence that many tests of figures start from, and what is published of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from engagements.models import ISCM
from finance.choices import FundingSource
from reporting.measures import MEASURES
from reporting.models import IndicatorValue
from reporting.services.auditing.comparing import compare
from tests.factories.engagements import (
    AgendaItemFactory,
    CountryFactory,
    DelegateFactory,
    EventFactory,
    FollowUpActionFactory,
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
    AssessedContributionFactory,
    AttributionFactory,
    FundingLineFactory,
    ProjectFactory,
    ProposalFactory,
    TimeEntryFactory,
)
from tests.factories.reporting import (
    IndicatorFactory,
    KnowledgeAnswerFactory,
    PostEventReportFactory,
    SatisfactionAnswerFactory,
)

FIELDS = (
    "value", "numerator", "denominator", "n", "beside", "status", "reports_owed",
    "reports_accepted",
)  # fmt: skip
Shown = dict[tuple[Any, ...], tuple[Any, ...]]


def evidence_of_every_kind() -> list[ISCM]:
    """Two mechanisms with a theme and a region in common, and evidence of each measure in 2026."""
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
        KnowledgeAnswerFactory.create_batch(3, event=joint, country=state)
        FollowUpActionFactory(iscm=iscm, due_on=dt.date(2026, 4, 1), state="done")
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
        office = OfficeFactory()
        DelegateFactory(event=event, office=office)
        PostEventReportFactory(event=event, state="accepted", office=office)
    for iscm in (north, south):
        ProposalFactory(iscm=iscm, state="awarded", decided_on=dt.date(2026, 5, 1), awarded_usd=1)
        AssessedContributionFactory(iscm=iscm, paid_usd=500)
    FundingLineFactory(iscm=north)
    project = ProjectFactory()
    FundingLineFactory(project=project, source_of_funds=FundingSource.PROJECT_SUPPORT)
    AttributionFactory(project=project, iscm=north)
    AttributionFactory(project=project, iscm=south)
    return [north, south]


def indicators(keys: Iterable[str] = MEASURES) -> dict[str, Any]:
    """An indicator in use for each of these measures."""
    return {key: IndicatorFactory(key=key) for key in keys}


def published() -> Shown:
    """Everything that is published, but for the moment and the run."""
    key = ("indicator__key", "period", "year", "part", "cell")
    rows = IndicatorValue.objects.order_by().values_list(*key, *FIELDS)
    return {row[: len(key)]: row[len(key) :] for row in rows}


def assert_borne_out(at: dt.datetime) -> int:
    """Every published value is what the auditor finds; returns how many were checked."""
    _known, verdict = compare(at, 10)
    assert [str(difference) for difference in verdict.differences] == []
    assert verdict.waiting == 0
    return verdict.checked


def cell(key: str, place: str = "overall", year: int = 2026, quarter: int = 0) -> IndicatorValue:
    """The published value of a cell of the year, or of a quarter of it."""
    found: IndicatorValue = IndicatorValue.objects.get(
        indicator__key=key,
        period="quarter" if quarter else "year",
        year=year,
        part=quarter,
        cell=place,
    )
    return found
