"""Records as tables for programs and spreadsheets: CSV and XLSX, each value by its column's kind.

A CSV file has a header, with ``hxl`` a row of tags below it, and as its last line the number of
rows: a file that was cut off on the way has none. A text that is empty stands between quotes, what
is not known is nothing at all; PostgreSQL writes so too (``common.copying``).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from itertools import islice
from typing import Any

import orjson

from . import hxl, workbooks
from .exports import safe_cell
from .renderers import as_json, decimal_text

# Rows written at once.
BATCH = 500
# What the last line of a CSV file begins with, in every language: programs look for it.
ROWS = "Rows"


class Kind(Enum):
    """What the values of a column are, and so how they are written."""

    TEXT = "text"
    CODE = "code"  # of a list of ours: never what a spreadsheet would run
    NUMBER = "number"
    AMOUNT = "amount"
    DAY = "day"
    MOMENT = "moment"
    FLAG = "flag"
    LIST = "list"
    JSON = "json"


@dataclass(frozen=True)
class Column:
    name: str
    kind: Kind = Kind.TEXT
    tag: str = ""

    @property
    def hxl(self) -> str:
        return self.tag or hxl.tag_of(self.name)


def lists_joined(value: Any) -> str:
    return "; ".join(str(item) for item in value)


# --- CSV


def _text(value: Any) -> str:
    # A NUL ends the file for many readers.
    return str(safe_cell(str(value).replace("\0", "")))


def _flag(value: Any) -> str:
    return "true" if value else "false"


def _amount(value: Any) -> str:
    return decimal_text(value) if isinstance(value, Decimal) else str(value)


def _day(value: Any) -> str:
    return value if isinstance(value, str) else str(value.isoformat())


def _moment(value: Any) -> str:
    return _day(value).replace("+00:00", "Z")


def _json(value: Any) -> str:
    return orjson.dumps(value, default=as_json).decode() if value else ""


def _list(value: Any) -> str:
    return _text(lists_joined(value))


_CSV: dict[Kind, Callable[[Any], str]] = {
    Kind.TEXT: _text,
    Kind.CODE: str,
    Kind.NUMBER: str,
    Kind.AMOUNT: _amount,
    Kind.DAY: _day,
    Kind.MOMENT: _moment,
    Kind.FLAG: _flag,
    Kind.LIST: _list,
    Kind.JSON: _json,
}
_quoted = re.compile('[",\r\n]').search


def csv_line(cells: Iterable[str | None]) -> str:
    """A line of cells; None is nothing, an empty text ``""``."""
    return ",".join(map(_csv_cell, cells)) + "\n"


def _csv_cell(text: str | None) -> str:
    if text is None:
        return ""
    if not text or _quoted(text):
        return '"' + text.replace('"', '""') + '"'
    return text


def csv_head(columns: Sequence[Column], is_tagged: bool) -> str:
    head = csv_line(column.name for column in columns)
    return head + csv_line(column.hxl for column in columns) if is_tagged else head


def csv_count(number: int) -> str:
    return csv_line([ROWS, str(number)])


def csv_bytes(
    columns: Sequence[Column],
    rows: Iterable[Sequence[Any]],
    *,
    is_tagged: bool = False,
    is_counted: bool = True,
) -> Iterator[bytes]:
    """A CSV file as it is read, in UTF-8 without a byte order mark."""
    yield csv_head(columns, is_tagged).encode()
    writers = [_CSV[column.kind] for column in columns]
    number = 0
    lines = iter(rows)
    while batch := list(islice(lines, BATCH)):
        number += len(batch)
        yield "".join(
            csv_line(
                None if value is None else write(value)
                for write, value in zip(writers, row, strict=True)
            )
            for row in batch
        ).encode()
    if is_counted:
        yield csv_count(number).encode()


# --- XLSX


@lru_cache(maxsize=50_000)
def _day_cell(value: Any) -> str:
    day = dt.date.fromisoformat(value) if isinstance(value, str) else value
    return workbooks.day_cell(day)


def _amount_cell(value: Any) -> str:
    return workbooks.number_cell(_amount(value))


_XLSX: dict[Kind, Callable[[Any], str]] = {
    Kind.TEXT: workbooks.text_cell,
    Kind.CODE: workbooks.text_cell,
    Kind.NUMBER: workbooks.number_cell,
    Kind.AMOUNT: _amount_cell,
    Kind.DAY: _day_cell,
    Kind.MOMENT: lambda value: workbooks.text_cell(_moment(value)),
    Kind.FLAG: workbooks.flag_cell,
    Kind.LIST: lambda value: workbooks.text_cell(lists_joined(value)),
    Kind.JSON: lambda value: workbooks.text_cell(_json(value)),
}


def xlsx_bytes(
    columns: Sequence[Column], rows: Iterable[Sequence[Any]], *, is_tagged: bool = False
) -> Iterator[bytes]:
    """A workbook as it is read; its last sheet says how many rows the first has."""
    return workbooks.written(
        [column.name for column in columns],
        rows,
        [_XLSX[column.kind] for column in columns],
        tags=[column.hxl for column in columns] if is_tagged else None,
    )
