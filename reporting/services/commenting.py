"""Comments of the review at the places of a report: made, and settled when they are mended."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection
from typing import Any

from django.db import transaction

from ..models import FieldComment, PostEventReport
from .reviewing import in_review


def add_comment(
    report_id: int,
    part: str,
    row: uuid.UUID | None,
    field: str,
    text: str,
    actor: Any,
    at: dt.datetime,
) -> FieldComment:
    """Say something at a place of a report in review. Raises ReportAlreadyReviewed."""
    with transaction.atomic():
        report = in_review(report_id)
        return FieldComment.objects.create(
            report=report,
            part=part,
            row=row,
            field=field,
            text=text,
            version=report.version,
            author=actor,
            made_at=at,
        )


def settle_comments(
    report: PostEventReport, ids: Collection[int], actor: Any, at: dt.datetime
) -> int:
    """Settle those of ``ids`` that are open comments of ``report``; returns how many."""
    opened = FieldComment.objects.filter(report=report, pk__in=ids, settled_at=None)
    settled: int = opened.update(settled_by=actor, settled_at=at)
    return settled
