"""How answers are written: JSON by orjson, CSV as a stream."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import orjson
from django.utils.functional import Promise
from rest_framework.renderers import BaseRenderer

from .exports import csv_lines


def decimal_text(value: Decimal) -> str:
    """``value`` as text with two decimals, and more only where they say something.

    20000 -> "20000.00", 66.666700 -> "66.6667".
    """
    text = format(value, "f")
    whole, _dot, decimals = text.partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"


def _as_json(value: Any) -> Any:
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, Promise):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no place in an answer.")


class JSONRenderer(BaseRenderer):
    media_type = "application/json"
    format = "json"
    charset: str | None = None  # JSON is UTF-8 by itself

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None
    ) -> bytes:
        if data is None:
            return b""
        return orjson.dumps(
            data, default=_as_json, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z
        )


class CSVRenderer(JSONRenderer):
    """Names the format; the rows themselves are streamed by ``table_lines``, errors are JSON."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"


def table_cell(value: Any) -> Any:
    """One value as the cell of a table; a text that could be a formula is guarded later."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return Decimal(decimal_text(value))
    if isinstance(value, dt.datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return "; ".join(str(item) for item in value)
    if isinstance(value, dict):
        return orjson.dumps(value, default=_as_json).decode() if value else ""
    # A NUL ends the file for many readers.
    return value.replace("\0", "") if isinstance(value, str) else value


def table_lines(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """The lines of a CSV file for programs: no byte order mark, dates and decimals as in JSON."""
    return csv_lines(columns, ([table_cell(value) for value in row] for row in rows))
