"""What may come in: the pages of a report, its parts and rows, and the words of a review."""

from .pages import PAGES, SHORT, Page, PageForms
from .report import STEP_KEYS, STEPS, ReportChoices, RowSet, Step
from .review import ROW_PLACES, CommentForm, CorrectForm, ReturnForm
from .typed import Typed, merged, query

__all__ = [
    "PAGES",
    "ROW_PLACES",
    "SHORT",
    "STEPS",
    "STEP_KEYS",
    "CommentForm",
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
