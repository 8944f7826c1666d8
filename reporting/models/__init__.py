"""The models of what is told; one noun a file."""

from .attachment import Attachment
from .audit import AuditRun
from .briefing import Briefing, BriefingCopy
from .comment import FieldComment
from .duty import Duty, Extension
from .indicator import (
    CompileRun,
    EvidenceSum,
    Indicator,
    IndicatorValue,
    IndicatorVersion,
)
from .notice import Notice, NoticeRule
from .questionnaire import (
    Question,
    Survey,
    SurveyAnswer,
    SurveyLink,
    SurveyNotice,
    SurveyResponse,
    SurveyToken,
)
from .recommendation import Recommendation
from .release import (
    PublishedValue,
    Release,
    ReleasedIndicator,
    ReleasedRecord,
    ReleasedValue,
)
from .report import (
    KeptText,
    Lesson,
    Participant,
    PostEventReport,
    ReportedAgendaItem,
    ReportedFollowUp,
    ReportedInstrument,
    ReportedPartnership,
    ReportedRequest,
    ReportStep,
    ReportVersion,
    SavedPart,
)
from .survey import KnowledgeAnswer, SatisfactionAnswer

__all__ = [
    "Attachment",
    "AuditRun",
    "Briefing",
    "BriefingCopy",
    "CompileRun",
    "Duty",
    "EvidenceSum",
    "Extension",
    "FieldComment",
    "Indicator",
    "IndicatorValue",
    "IndicatorVersion",
    "KeptText",
    "KnowledgeAnswer",
    "Lesson",
    "Notice",
    "NoticeRule",
    "Participant",
    "PostEventReport",
    "PublishedValue",
    "Question",
    "Recommendation",
    "Release",
    "ReleasedIndicator",
    "ReleasedRecord",
    "ReleasedValue",
    "ReportStep",
    "ReportVersion",
    "ReportedAgendaItem",
    "ReportedFollowUp",
    "ReportedInstrument",
    "ReportedPartnership",
    "ReportedRequest",
    "SatisfactionAnswer",
    "SavedPart",
    "Survey",
    "SurveyAnswer",
    "SurveyLink",
    "SurveyNotice",
    "SurveyResponse",
    "SurveyToken",
]
