"""The published numbers, by key. Whoever adds a measure writes its class and names it here."""

from .agenda import PrioritiesOnAgenda
from .base import Cell, Measure
from .instruments import ExpertiseReflected, InstrumentsAmended, InstrumentsPassed
from .knowledge import KnowledgeChange
from .partnerships import PartnershipsDeveloped
from .reports import ReportCoverage, ReportTimeliness
from .requests import SupportRequests
from .resources import ResourcesAllocated
from .satisfaction import Satisfaction

# The evaluation's nine criteria (4.2) in their order, then how complete the reporting is.
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
    )
}

__all__ = ["MEASURES", "Cell", "Measure"]
