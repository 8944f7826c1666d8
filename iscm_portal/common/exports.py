"""CSV as a stream, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.http import StreamingHttpResponse
from django.utils.translation import gettext as _

# A cell that begins so is run as a formula by spreadsheets.
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")


def safe_cell(value: Any) -> Any:
    """``value``, with an apostrophe before a text that a spreadsheet would run as a formula."""
    if isinstance(value, str) and value.startswith(FORMULA_SIGNS):
        return f"'{value}"
    return value


class _Line:
    """What csv.writer writes to: hands each line back instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def csv_lines(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """The lines of a CSV file, the header first."""
    writer = csv.writer(_Line())
    yield writer.writerow(columns)
    for row in rows:
        yield writer.writerow([safe_cell(value) for value in row])


def counted_lines(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """The same; the last line says how many rows there are, so that who opens the file can see
    that it is whole."""
    lines = 0
    for line in csv_lines(columns, rows):
        lines += 1
        yield line
    yield csv.writer(_Line()).writerow([_("Rows"), lines - 1])  # the header is none


def csv_response(
    name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, is_counted: bool = True
) -> StreamingHttpResponse:
    """A CSV download named ``name``; the byte order mark lets spreadsheets read accents.

    The last line has the number of rows, unless the file is one to send back.
    """
    lines = (counted_lines if is_counted else csv_lines)(columns, rows)
    response = StreamingHttpResponse(
        (line.encode() for line in _with_mark(lines)), content_type="text/csv; charset=utf-8"
    )
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def _with_mark(lines: Iterator[str]) -> Iterator[str]:
    yield "\ufeff"
    yield from lines
