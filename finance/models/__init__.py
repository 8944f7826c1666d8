"""The models of what it costs; one noun a file."""

from .currency import CurrencyRate
from .funding import Attribution, FundingLine, Project
from .importing import CellError, ImportedRecord, ImportRow, ImportRun
from .reserve import FundContribution, FundDisbursement, ReserveFund
from .staffing import (
    Position,
    PositionShare,
    StaffCount,
    StaffNeed,
    StandardCost,
    TermsOfReference,
    TimeEntry,
)
from .sustaining import AssessedContribution, Proposal

__all__ = [
    "AssessedContribution",
    "Attribution",
    "CellError",
    "CurrencyRate",
    "FundContribution",
    "FundDisbursement",
    "FundingLine",
    "ImportRow",
    "ImportRun",
    "ImportedRecord",
    "Position",
    "PositionShare",
    "Project",
    "Proposal",
    "ReserveFund",
    "StaffCount",
    "StaffNeed",
    "StandardCost",
    "TermsOfReference",
    "TimeEntry",
]
