"""XLSX files as a stream: rows go out as they come, whatever their number.

A workbook has the rows on its first sheet and on its last one how many there are, so that who
opens it can see that it is whole. Texts are written as texts: no cell is ever a formula.
"""

from __future__ import annotations

import datetime as dt
import io
import re
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any
from xml.sax.saxutils import escape

from django.http import StreamingHttpResponse
from django.utils.translation import gettext as _

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# Rows that are packed at once.
BATCH = 200
# Bytes that are handed on at once.
BLOCK = 64 * 1024
# Day 0 of a spreadsheet's calendar, for days from March 1900 on.
DAY_ZERO = dt.date(1899, 12, 30)
# What XML can't hold: control characters and halves of pairs.
NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# What can stand as it is: most texts, told at one look.
_is_plain = re.compile("[\x20-\x25\x27-\x3b\x3d\x3f-\x5e\x60-\x7e]*").fullmatch
# What a spreadsheet takes for the code of a sign, as in _x0041_.
_LOOKS_LIKE_A_CODE = re.compile("_(?=x[0-9A-Fa-f]{4}_)")
# Excel keeps 15 digits of a number; a longer one would come out changed.
_MOST_DIGITS = 15

_PLAIN, _DATE, _HEADER, _WRONG = 0, 1, 2, 3
EMPTY = "<c/>"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_STYLES = (
    f'{_XML}<styleSheet xmlns="{_MAIN}">'
    '<numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/></numFmts>'
    '<fonts count="2"><font/><font><b/></font></fonts>'
    '<fills count="3"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill>'
    '<fill><patternFill patternType="solid"><fgColor rgb="FFFFC7CE"/></patternFill></fill></fills>'
    "<borders><border/></borders><cellStyleXfs><xf/></cellStyleXfs><cellXfs>"
    '<xf/><xf numFmtId="164" applyNumberFormat="1"/><xf fontId="1" applyFont="1"/>'
    '<xf fillId="2" applyFill="1"/></cellXfs><cellStyles>'
    '<cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)


def workbook(
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    sheet: str = "Data",
    marked: Collection[tuple[int, int]] = (),
) -> Iterator[bytes]:
    """The bytes of a workbook of ``rows`` under the headings ``columns``.

    Decimals and numbers become numbers (texts where they have more digits than a spreadsheet
    keeps), dates dates, the rest texts. ``marked`` cells, (row, column) counted from 1 as the
    spreadsheet does, are coloured.
    """
    body = (_row(number, row, marked) for number, row in enumerate(rows, start=2))
    return _package([_row(1, columns, marked, _HEADER)], body, sheet)


def written(
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    writers: Sequence[Callable[[Any], str]],
    *,
    sheet: str = "Data",
    tags: Sequence[str] | None = None,
) -> Iterator[bytes]:
    """The same of many rows whose columns are known: each has its own writer of cells.

    ``tags`` stand in a row below the headings.
    """
    heads = [_row(number, row, (), _HEADER) for number, row in enumerate(_heads(columns, tags), 1)]
    body = (_joined(number, row, writers) for number, row in enumerate(rows, start=len(heads) + 1))
    return _package(heads, body, sheet)


def _heads(columns: Sequence[str], tags: Sequence[str] | None) -> list[Sequence[str]]:
    return [columns] if tags is None else [columns, tags]


def _joined(number: int, row: Sequence[Any], writers: Sequence[Callable[[Any], str]]) -> bytes:
    cells = [
        EMPTY if value is None or value == "" else write(value)
        for write, value in zip(writers, row, strict=True)
    ]
    return f'<row r="{number}">{"".join(cells)}</row>'.encode()


def _package(heads: Sequence[bytes], body: Iterator[bytes], sheet: str) -> Iterator[bytes]:
    """The bytes of a workbook whose first sheet has the rows ``heads`` and ``body``."""
    out = Drain()
    counted = 0
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as package:
        for name, text in _frame(sheet):
            package.writestr(name, text)
        yield out.take()
        with package.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as part:
            part.write(
                (
                    f'{_XML}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
                    '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
                    "</sheetView></sheetViews><sheetData>"
                ).encode()
            )
            part.write(b"".join(heads))
            while batch := list(islice(body, BATCH)):
                counted += len(batch)
                part.write(b"".join(batch))
                if len(out) > BLOCK:
                    yield out.take()
            part.write(b"</sheetData></worksheet>")
        about = _row(1, [_("Rows"), counted], ())
        package.writestr(
            "xl/worksheets/sheet2.xml",
            f'{_XML}<worksheet xmlns="{_MAIN}"><sheetData>'.encode()
            + about
            + b"</sheetData></worksheet>",
        )
    yield out.take()


def workbook_response(
    name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> StreamingHttpResponse:
    """An XLSX download named ``name``."""
    response = StreamingHttpResponse(workbook(columns, rows), content_type=MEDIA_TYPE)
    response["Content-Disposition"] = f'attachment; filename="{name}.xlsx"'
    return response


class Drain(io.RawIOBase):
    """What the package is written to: keeps only what has not been handed on yet."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self._size = 0

    def write(self, data: Any, /) -> int:
        self._parts.append(bytes(data))
        self._size += len(data)
        return len(data)

    def __len__(self) -> int:
        return self._size

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts, self._size = [], 0
        return taken


def _row(
    number: int,
    values: Iterable[Any],
    marked: Collection[tuple[int, int]],
    style: int = _PLAIN,
) -> bytes:
    cells = [
        _cell(value, _WRONG if marked and (number, column) in marked else style)
        for column, value in enumerate(values, start=1)
    ]
    return f'<row r="{number}">{"".join(cells)}</row>'.encode()


def _cell(value: Any, style: int) -> str:
    styled = f' s="{style}"' if style else ""
    if value is None or value == "":
        return f"<c{styled}/>"
    if isinstance(value, bool):
        return flag_cell(value, styled)
    if isinstance(value, (int, float, Decimal)):
        return number_cell(value, styled)
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return day_cell(value, style or _DATE)
    return text_cell(value, styled)


def flag_cell(value: bool, styled: str = "") -> str:
    return f'<c t="b"{styled}><v>{int(value)}</v></c>'


def number_cell(value: Any, styled: str = "") -> str:
    """A number, given as one or as its text; a text where it has too many digits."""
    text = str(value)
    if len(text) - text.startswith("-") <= _MOST_DIGITS + 1:
        return f"<c{styled}><v>{text}</v></c>"
    return text_cell(text, styled)


def day_cell(value: dt.date, style: int = _DATE) -> str:
    return f'<c s="{style}"><v>{(value - DAY_ZERO).days}</v></c>'


def text_cell(value: Any, styled: str = "") -> str:
    text = str(value)
    if not _is_plain(text):
        text = escape(NOT_XML.sub("\ufffd", _LOOKS_LIKE_A_CODE.sub("_x005F_", text)))
    return f'<c t="inlineStr"{styled}><is><t xml:space="preserve">{text}</t></is></c>'


def _frame(sheet: str) -> Iterator[tuple[str, str]]:
    """The parts of the package that don't depend on the rows."""
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = [
        ("/xl/workbook.xml", f"{kind}.sheet.main+xml"),
        ("/xl/styles.xml", f"{kind}.styles+xml"),
        ("/xl/worksheets/sheet1.xml", f"{kind}.worksheet+xml"),
        ("/xl/worksheets/sheet2.xml", f"{kind}.worksheet+xml"),
    ]
    overrides = "".join(
        f'<Override PartName="{name}" ContentType="{media}"/>' for name, media in parts
    )
    yield (
        "[Content_Types].xml",
        f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f"{overrides}</Types>",
    )
    yield (
        "_rels/.rels",
        f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
        f'Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    )
    names = (sheet, _("About"))
    sheets = "".join(
        f'<sheet name="{escape(name, {chr(34): "&quot;"})}" sheetId="{n}" r:id="rId{n}"/>'
        for n, name in enumerate(names, start=1)
    )
    yield (
        "xl/workbook.xml",
        f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}"><sheets>{sheets}</sheets>'
        "</workbook>",
    )
    links = "".join(
        f'<Relationship Id="rId{n}" Type="{_RELATIONS}/worksheet" '
        f'Target="worksheets/sheet{n}.xml"/>'
        for n in (1, 2)
    )
    yield (
        "xl/_rels/workbook.xml.rels",
        f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">{links}<Relationship Id="rId3" '
        f'Type="{_RELATIONS}/styles" Target="styles.xml"/></Relationships>',
    )
    yield "xl/styles.xml", _STYLES
