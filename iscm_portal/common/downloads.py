"""What leaves as a file: documents that people sent, and tables."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Any

from django.http import FileResponse, Http404, StreamingHttpResponse

from . import uploads
from .exports import csv_response
from .workbooks import workbook_response

log = logging.getLogger(__name__)

TABLE_FORMATS = ("csv", "xlsx")
# What a page of figures can be had as: a sheet of paper too.
FORMATS = (*TABLE_FORMATS, "pdf")


def table_response(
    form: str, name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> StreamingHttpResponse:
    """A table named ``name`` as a download in one of ``TABLE_FORMATS``."""
    as_file = workbook_response if form == "xlsx" else csv_response
    return as_file(name, columns, rows)


def document_response(document: Any) -> FileResponse:
    """The file of ``document`` (``place``, ``name``, ``media_type``, ``sha256``); always as a
    download, never opened in the page. The caller has seen to it that its reader may read it.

    Raises Http404 where the file is gone.
    """
    try:
        file = uploads.path_of(document.place).open("rb")
    except FileNotFoundError as error:
        log.exception("the file of %s %s is gone", document._meta.model_name, document.pk)
        raise Http404 from error
    answer = FileResponse(
        file, as_attachment=True, filename=document.name, content_type=document.media_type
    )
    answer["Cache-Control"] = "private, no-store"
    answer["Content-Security-Policy"] = "sandbox; default-src 'none'"
    answer["ETag"] = f'"{document.sha256}"'
    return answer
