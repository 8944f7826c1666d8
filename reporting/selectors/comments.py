"""The comments of a review by the place at which they stand."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from ..models import FieldComment, PostEventReport

Where = tuple[uuid.UUID | None, str]


class Comments:
    """The comments of one report: at a text of its own, at a row, or at a field of a row."""

    def __init__(self, comments: Iterable[FieldComment]) -> None:
        self.all = list(comments)
        self._at: dict[Where, list[FieldComment]] = defaultdict(list)
        for comment in self.all:
            self._at[comment.row, comment.field].append(comment)

    @property
    def texts(self) -> dict[str, list[FieldComment]]:
        """Those at the report's own texts, by the name of the field."""
        return {field: told for (row, field), told in self._at.items() if row is None}

    def at(self, row: uuid.UUID | None, field: str = "") -> list[FieldComment]:
        return self._at.get((row, field), [])

    def by_part(self) -> Counter[str]:
        """How many there are in each part of the report."""
        return Counter(comment.part for comment in self.all)

    def of_row(self, row: uuid.UUID) -> list[FieldComment]:
        """Those at the row or at any field of it."""
        return [comment for comment in self.all if comment.row == row]


def comments_on(report: PostEventReport, *, only_open: bool = False) -> Comments:
    """What reviewers said about ``report``, in the order in which they said it."""
    comments: Any = FieldComment.objects.filter(report=report)
    if only_open:
        comments = comments.filter(settled_at=None)
    return Comments(comments.select_related("author", "settled_by"))


def has_open_comments(report: PostEventReport) -> bool:
    return FieldComment.objects.filter(report=report, settled_at=None).exists()
