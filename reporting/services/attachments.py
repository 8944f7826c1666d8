"""Documents of a report: taken, taken away again, and files that no report names any more."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from finance.models import ImportRun, TermsOfReference
from iscm_portal.common import uploads

from ..models import Attachment
from .reports import ReportError, ReportNotOpen, locked

MOST_DOCUMENTS = 20
# A file without a row may belong to an upload that is still under way.
LOOSE_AFTER = dt.timedelta(days=1)
# All that names files: documents of reports, files that were imported, terms of reference.
NAMED_BY = (Attachment, ImportRun, TermsOfReference)


class TooManyDocuments(ReportError):
    """The report has as many documents as it may have."""


def attach(
    report_id: int,
    file: Any,
    *,
    name: str,
    media_type: str,
    kind: str,
    sensitivity: str,
    key: uuid.UUID,
    actor: Any,
    at: dt.datetime,
) -> Attachment:
    """Keep ``file`` with the report. ``key`` names the upload: the same sent again, from a line
    that broke before the answer came, is the same document; so is the same content.

    Raises ReportNotOpen, TooManyDocuments and uploads.NotStored; nothing is kept then.
    """
    place, digest, size = uploads.store(file)
    kept = None
    try:
        with transaction.atomic():
            report = locked(report_id)
            if not report.is_open:
                raise ReportNotOpen(
                    _("The report is in review or accepted; it can't be changed now.")
                )
            there = Attachment.objects.filter(report=report)
            known: Attachment | None = there.filter(Q(key=key) | Q(sha256=digest)).first()
            if known is not None:
                return known
            if there.count() >= MOST_DOCUMENTS:
                raise TooManyDocuments(
                    _("A report has %(most)s documents at most.") % {"most": MOST_DOCUMENTS}
                )
            kept = Attachment.objects.create(
                report=report,
                key=key,
                name=name,
                kind=kind,
                sensitivity=sensitivity,
                media_type=media_type,
                size=size,
                sha256=digest,
                place=place,
                uploaded_by=actor,
                is_demo=report.is_demo,
            )
            if actor.pk != report.author_id:
                report.co_authors.add(actor)
    finally:
        if kept is None:
            uploads.remove(place)
    return kept


def take_away(attachment: Attachment) -> None:
    """Take a document out of its report while that is open; its file goes with the last row.

    Raises ReportNotOpen; nothing changes then.
    """
    with transaction.atomic():
        report = locked(attachment.report_id)
        if not report.is_open:
            raise ReportNotOpen(_("The report is in review or accepted; it can't be changed now."))
        attachment.delete()
        transaction.on_commit(lambda: _remove_loose(attachment.place))


def _remove_loose(place: str) -> None:
    if not Attachment.objects.filter(place=place).exists():
        uploads.remove(place)


def remove_loose_files(at: dt.datetime) -> int:
    """Remove the files that nothing names: of uploads that were cut, of reports that went.

    Returns how many. Folder by folder, so that it never holds the whole list.
    """
    removed = 0
    for paths in uploads.folders_before((at - LOOSE_AFTER).timestamp()):
        places = [path.stem for path in paths]
        named: set[str] = set()
        for model in NAMED_BY:
            rows = model.objects.filter(place__in=places)
            named.update(rows.values_list("place", flat=True))
        for path in paths:
            if path.suffix or path.stem not in named:
                path.unlink(missing_ok=True)
                removed += 1
    return removed
