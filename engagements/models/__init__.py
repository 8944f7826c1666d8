"""The models of what happens; one noun a file."""

from .directory import Country, IOMPriority, Office, Organisation, ReferenceFrame, Theme
from .event import AgendaItem, Delegate, Event
from .evidence import FollowUpAction, Partnership, PolicyInstrument, SupportRequest
from .iscm import (
    ISCM,
    Chairmanship,
    IOMRole,
    Membership,
    Secretariat,
    SourceNote,
    WorkingGroup,
)
from .strategy import Objective
from .user import SignedInRequest, User

__all__ = [
    "ISCM",
    "AgendaItem",
    "Chairmanship",
    "Country",
    "Delegate",
    "Event",
    "FollowUpAction",
    "IOMPriority",
    "IOMRole",
    "Membership",
    "Objective",
    "Office",
    "Organisation",
    "Partnership",
    "PolicyInstrument",
    "ReferenceFrame",
    "Secretariat",
    "SignedInRequest",
    "SourceNote",
    "SupportRequest",
    "Theme",
    "User",
    "WorkingGroup",
]
