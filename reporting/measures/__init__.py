"""The published numbers, by key. Whoever adds a measure writes its class and names it here."""

from .agenda import PrioritiesOnAgenda
from .base import Cell, Measure, MoneyMeasure
from .events import EventsAttended
from .follow_ups import FollowUpCompletion
from .instruments import ExpertiseReflected, InstrumentsAmended, InstrumentsPassed
from .knowledge import KnowledgeChange
from .partnerships import PartnershipsDeveloped
from .proposals import ProposalSuccess
from .reports import ReportCoverage, ReportTimeliness
from .requests import SupportRequests
from .resources import ResourcesAllocated
from .satisfaction import Satisfaction
from .staff import StaffDays
from .sustaining import SelfFinancingRatio

# The evaluation's nine criteria (4.2) in their order, then those of operations.
MEASURES: dict[str, Measure] = {
    measure.key: measure
    for measure in (
        PartnershipsDeveloped(),
        InstrumentsPassed(),
        InstrumentsAmended(),
        KnowledgeChange(),
        ExpertiseReflected(),
        ResourcesAllocated(),
        SupportRequests(),
        Satisfaction(),
        PrioritiesOnAgenda(),
        ReportCoverage(),
        ReportTimeliness(),
        FollowUpCompletion(),
        SelfFinancingRatio(),
        EventsAttended(),
        StaffDays(),
        ProposalSuccess(),
    )
}

__all__ = ["MEASURES", "Cell", "Measure", "MoneyMeasure"]
