"""The models of what it costs; one noun a file."""

from .funding import Attribution, FundingLine, Project
from .staffing import Position, PositionShare, StaffCount, StandardCost, TimeEntry

__all__ = [
    "Attribution",
    "FundingLine",
    "Position",
    "PositionShare",
    "Project",
    "StaffCount",
    "StandardCost",
    "TimeEntry",
]
