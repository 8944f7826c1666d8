"""How answers are written: JSON by orjson, tables as a stream."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson
from django.utils.functional import Promise
from rest_framework.renderers import BaseRenderer

from . import workbooks


def decimal_text(value: Decimal) -> str:
    """``value`` as text with two decimals, and more only where they say something.

    20000 -> "20000.00", 66.666700 -> "66.6667".
    """
    text = format(value, "f")
    whole, _dot, decimals = text.partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"


def as_json(value: Any) -> Any:
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
        try:
            return orjson.dumps(data, default=as_json, option=orjson.OPT_UTC_Z)
        except TypeError:  # a year as a key, say; to look at every key takes as long again
            option = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS
            return orjson.dumps(data, default=as_json, option=option)


class CSVRenderer(JSONRenderer):
    """Names the format; the rows themselves are streamed (``common.tables``), errors are JSON."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"


class XLSXRenderer(JSONRenderer):
    """The same of workbooks."""

    media_type = workbooks.MEDIA_TYPE
    format = "xlsx"
