"""What rests on a record of money: records that point to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..models import (
    Attribution,
    FundingLine,
    Position,
    Project,
    Proposal,
    TermsOfReference,
    TimeEntry,
)

# model -> who points to it: model and field. The shares of a post are part of the post.
USES: dict[type, tuple[tuple[type, str], ...]] = {
    Project: (
        (FundingLine, "project"),
        (Attribution, "project"),
        (Position, "project"),
        (TimeEntry, "project"),
        (Proposal, "project"),
    ),
    FundingLine: ((Position, "funding_line"), (TimeEntry, "funding_line")),
    Position: ((TimeEntry, "position"), (TermsOfReference, "position")),
}


def uses_of(record: Any) -> Iterator[tuple[str, Any]]:
    """The field and the rows that point to ``record``, kind by kind; the rows are not yet
    narrowed to their reader."""
    for model, field in USES.get(type(record), ()):
        yield field, model._default_manager.filter(**{field: record.pk})  # type: ignore[attr-defined]
