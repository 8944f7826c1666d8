"""What may come in: the pages of a report, its parts and rows, and the words of a review."""

from .pages import PAGES, SHORT, Page, PageForms
from .report import STEP_KEYS, STEPS, CorrectForm, ReportChoices, ReturnForm, RowSet, Step
from .typed import Typed, merged, query

__all__ = [
    "PAGES",
    "SHORT",
    "STEPS",
    "STEP_KEYS",
    "CorrectForm",
    "Page",
    "PageForms",
    "ReportChoices",
    "ReturnForm",
    "RowSet",
    "Step",
    "Typed",
    "merged",
    "query",
]
