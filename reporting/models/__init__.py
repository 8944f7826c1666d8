"""The models of what is told; one noun a file."""

from .attachment import Attachment
from .briefing import Briefing, BriefingCopy
from .comment import FieldComment
from .duty import Duty, Extension
from .indicator import CompileRun, Indicator, IndicatorValue
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
    "Briefing",
    "BriefingCopy",
    "CompileRun",
    "Duty",
    "Extension",
    "FieldComment",
    "Indicator",
    "IndicatorValue",
    "KeptText",
    "KnowledgeAnswer",
    "Lesson",
    "Notice",
    "NoticeRule",
    "Participant",
    "PostEventReport",
    "Question",
    "Recommendation",
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
