"""Correcting an accepted report: a copy is written and reviewed, then taken over.

The accepted report counts, and is read, until its correction is accepted. Rows go by their keys,
which the copy shares with the report.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from ..choices import ReportAction, ReportState
from ..models import FieldComment, PostEventReport, ReportStep
from .reports import ITEM_SETS, ReportError, ReportNotOpen, locked

TEXTS = (
    "discussed",
    "discussed_internal",
    "discussed_restricted",
    "outcomes",
    "documents",
    "funding_leads",
)
# What a row keeps when it is copied or takes over another's values.
ROW_OWN = ("id", "report", "key", "created_at", "updated_at")


class ReportNotAccepted(ReportError):
    """Only an accepted report is corrected; another one is still written or in review."""


def start_correction(report_id: int, reason: str, actor: Any, at: dt.datetime) -> PostEventReport:
    """The correction of an accepted report, begun as its copy; the one under way, if there is one.

    Raises ReportNotAccepted; nothing changes then.
    """
    try:
        with transaction.atomic():
            report = locked(report_id)
            if report.state != ReportState.ACCEPTED:
                raise ReportNotAccepted(_("Only an accepted report can be corrected."))
            correction = PostEventReport.objects.create(
                event=report.event,
                office=report.office,
                author=actor,
                corrects=report,
                version=report.version,
                steps_done=report.steps_done,
                is_demo=report.is_demo,
                **{name: getattr(report, name) for name in TEXTS},
            )
            correction.frames.set(report.frames.all())
            _copy_rows(report, correction)
            ReportStep.objects.create(
                report=correction,
                action=ReportAction.CORRECTING,
                actor=actor,
                at=at,
                comment=reason,
            )
    except IntegrityError:  # somebody was first: a report has one correction at a time
        return PostEventReport.objects.get(corrects=report_id)
    return correction


def _copy_rows(report: PostEventReport, correction: PostEventReport) -> None:
    # Row by row, so that each has its history; a report has a few dozen rows at most.
    for name in ITEM_SETS:
        for row in getattr(report, name).order_by("pk"):
            agenda = list(row.agenda.values_list("key", flat=True)) if _reflects(row) else []
            row.pk, row.report, row._state.adding = None, correction, True
            row.save()
            if agenda:
                row.agenda.set(correction.reportedagendaitems.filter(key__in=agenda))


def _reflects(row: Any) -> bool:
    return hasattr(row, "agenda")


def discard_correction(correction_id: int) -> PostEventReport:
    """Throw a correction away that nobody has submitted; returns the report that stands.

    Raises ReportNotOpen; nothing changes then.
    """
    with transaction.atomic():
        correction = locked(correction_id)
        report = correction.corrects
        if report is None or not correction.is_open:
            raise ReportNotOpen(_("The correction is in review; it can't be thrown away now."))
        correction.delete()
    return report


def take_over(correction: PostEventReport) -> PostEventReport:
    """Make the report read as its correction does; the correction goes, its way and versions stay.

    Belongs to the transaction that accepts the correction.
    """
    report = locked(correction.corrects_id or 0)
    for name in TEXTS:
        setattr(report, name, getattr(correction, name))
    report.version = correction.version
    report.steps_done = correction.steps_done
    report.save()
    report.frames.set(correction.frames.all())
    writers = {correction.author, *correction.co_authors.all()} - {report.author}
    report.co_authors.add(*writers)
    for name in ITEM_SETS:
        _take_over_rows(report, correction, name)
    correction.steps.update(report=report)
    correction.versions.update(report=report)
    FieldComment.objects.filter(report=correction).update(report=report)
    # What a colleague was typing is not thrown away with the copy.
    held = report.kept_texts.values_list("page", "author")
    for kept in correction.kept_texts.all():
        if (kept.page, kept.author_id) not in held:
            kept.report = report
            kept.save()
    correction.delete()
    return report


def _take_over_rows(report: PostEventReport, correction: PostEventReport, name: str) -> None:
    known = {row.key: row for row in getattr(report, name).all()}
    rows = list(getattr(correction, name).order_by("pk"))
    # First what goes: the same document may have come back as another row.
    for key in known.keys() - {row.key for row in rows}:
        known.pop(key).delete()
    for row in rows:
        agenda = list(row.agenda.values_list("key", flat=True)) if _reflects(row) else []
        mine = known.get(row.key)
        if mine is None:
            mine = row
            mine.report = report
            mine.save()
        else:
            changed = {
                field.attname: getattr(row, field.attname)
                for field in row._meta.concrete_fields
                if field.name not in ROW_OWN
                and getattr(row, field.attname) != getattr(mine, field.attname)
            }
            for attribute, value in changed.items():
                setattr(mine, attribute, value)
            if changed:
                mine.save()
        if _reflects(mine):
            mine.agenda.set(report.reportedagendaitems.filter(key__in=agenda))


def rows_of(report: PostEventReport) -> dict[uuid.UUID, int]:
    """The id of each row of the report by its key."""
    return {
        key: pk for name in ITEM_SETS for key, pk in getattr(report, name).values_list("key", "pk")
    }
