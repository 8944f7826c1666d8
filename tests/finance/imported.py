"""Files to import, made in memory, and the way that they go."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterable, Sequence
from typing import Any

from django.core.files.base import ContentFile

from finance.models import ImportRun
from finance.services.importing import checking, records, runs, showing, undoing, writing
from finance.services.importing.columns import KINDS
from iscm_portal.common.exports import csv_lines
from iscm_portal.common.workbooks import workbook

AT = dt.datetime(2026, 11, 20, 14, 2, tzinfo=dt.UTC)
TODAY = AT.date()


def as_csv(rows: Iterable[Sequence[Any]], separator: str = ",", mark: str = "") -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=separator).writerows(rows)
    return (mark + text.getvalue()).encode()


def as_xlsx(rows: Sequence[Sequence[Any]]) -> bytes:
    return b"".join(workbook(rows[0], rows[1:]))


def table(*rows: dict[str, Any]) -> list[list[Any]]:
    """Rows under the columns that they name."""
    header = list(dict.fromkeys(name for row in rows for name in row))
    return [header, *([row.get(name, "") for name in header] for row in rows)]


def started(kind: str, content: bytes, actor: Any, name: str = "file.csv") -> ImportRun:
    return runs.start_run(kind, ContentFile(content), name, actor, AT)


def checked(kind: str, content: bytes, actor: Any, name: str = "file.csv") -> ImportRun:
    """The run of a file, after its check."""
    run = started(kind, content, actor, name)
    checking.check_run(run.pk, TODAY)
    run.refresh_from_db()
    return run


def wrong(run: ImportRun) -> dict[str, str]:
    """Place -> what is wrong there."""
    return {showing.place_of(error): error.text for error in run.cell_errors.all()}


def write(run: ImportRun, actor: Any, reason: str = "", at: dt.datetime = AT) -> ImportRun:
    runs.ask_to_write(run.pk, reason, actor)
    writing.write_run(run.pk, at)
    run.refresh_from_db()
    return run


def undo(run: ImportRun, actor: Any, at: dt.datetime = AT) -> ImportRun:
    runs.ask_to_undo(run.pk, "Wrong file", actor)
    undoing.undo_run(run.pk, at)
    run.refresh_from_db()
    return run


def exported(kind: str, name: str = "csv") -> bytes:
    """The template of a kind with the present rows."""
    chosen = KINDS[kind]
    if name == "xlsx":
        return b"".join(workbook(chosen.names, records.file_rows(chosen)))
    return "".join(csv_lines(chosen.names, records.file_rows(chosen))).encode()
