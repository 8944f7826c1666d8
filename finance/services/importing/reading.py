"""The file as its sender made it: looked at, opened, and read line by line."""

from __future__ import annotations

import csv
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from django.utils.translation import gettext as _
from lxml import etree
from python_calamine import CalamineError, CalamineWorkbook

from iscm_portal.common.documents import CHUNK, FileRefused, check_document
from iscm_portal.common.exports import FORMULA_SIGNS

from .cells import Broken

MOST_ROWS = 200_000
MOST_COLUMNS = 100
# A workbook is spread out in memory from its first to its last cell, whatever lies between.
MOST_CELLS = 8_000_000


class UnreadableFile(Exception):
    """The file as a whole can't be read; the message says why."""


@dataclass(frozen=True)
class Sheet:
    """A sheet: its header and, one after the other, the ``rows`` lines below it."""

    name: str
    rows: int
    header: list[Any]
    lines: Iterator[list[Any]]


def check_file(name: str, file: BinaryIO) -> None:
    """See that ``file`` is a workbook or a CSV file by its content. Raises FileRefused."""
    extension = name.rpartition(".")[2].lower()
    if extension == "csv":
        file.seek(0)
        start = file.read(CHUNK)
        file.seek(0)
        if not start:
            raise FileRefused(_("The file is empty."))
        # Two bytes a letter, or no text at all. A stray NUL further on is told at its cell.
        if b"\0" in start.partition(b"\n")[0] or start.startswith((b"PK\x03\x04", b"%PDF-")):
            raise FileRefused(_("The content is not plain text. Save it as CSV UTF-8."))
        return
    check_document(name, file)
    if extension != "xlsx":
        raise FileRefused(_("This kind of file is not taken. Send XLSX or CSV."))


def open_sheet(name: str, path: Path) -> Sheet:
    """The first sheet of the file at ``path``, which was called ``name``. Raises UnreadableFile."""
    sheet = _open_csv(path) if name.lower().endswith(".csv") else _open_workbook(path)
    if sheet.rows > MOST_ROWS:
        raise UnreadableFile(
            _("The file has %(n)s rows; %(most)s is the most. Send it in parts.")
            % {"n": sheet.rows, "most": MOST_ROWS}
        )
    return sheet


# --- CSV


def _open_csv(path: Path) -> Sheet:
    rows = sum(1 for _line in _csv_lines(path)) - 1
    lines = _csv_lines(path)
    return Sheet("CSV", max(rows, 0), next(lines, []), lines)


def _csv_lines(path: Path) -> Iterator[list[Any]]:
    """The lines as lists of texts. Bytes that are not UTF-8 become halves of pairs."""
    # A mark of the byte order may stand at the beginning.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        first = file.readline()
        file.seek(0)
        separator = ";" if first.count(";") > first.count(",") else ","
        number = 0
        try:
            for line in csv.reader(file, delimiter=separator):
                number += 1
                yield [_unguarded(text) for text in line]
        except csv.Error as error:
            raise UnreadableFile(
                _("The file can't be read after row %(row)s: is a quotation mark left open?")
                % {"row": number}
            ) from error


def _unguarded(text: str) -> str:
    """``text`` without the apostrophe that our exports put before what could be a formula."""
    return text[1:] if text[:1] == "'" and text[1:].startswith(FORMULA_SIGNS) else text


# --- workbooks


def _open_workbook(path: Path) -> Sheet:
    try:
        broken = _look_into(path)
        sheet = CalamineWorkbook.from_path(path).get_sheet_by_index(0)
    except (*_DAMAGED, CalamineError, IndexError) as error:
        raise UnreadableFile(_("The workbook can't be read: it is damaged.")) from error
    if sheet.start is None or sheet.end is None:
        return Sheet(sheet.name, 0, [], iter(()))
    lines = _workbook_lines(sheet, broken)
    header = next(lines, [])
    # Its end counts from 0, as many as there are rows below the first.
    return Sheet(sheet.name, sheet.end[0], header, lines)


def _workbook_lines(sheet: Any, broken: dict[tuple[int, int], Broken]) -> Iterator[list[Any]]:
    """The lines from row 1 and column A on, wherever the first filled cell is."""
    left = [""] * sheet.start[1]
    by_row: dict[int, list[int]] = {}
    for row, column in broken:
        by_row.setdefault(row, []).append(column)
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        line = [*left, *cells]
        for column in by_row.get(number, ()):
            line += [""] * (column - len(line))
            line[column - 1] = broken[number, column]
        yield line


# What reading a damaged package or part comes to.
_DAMAGED = (zipfile.BadZipFile, zlib.error, etree.XMLSyntaxError, ValueError)
# The place of a cell or a row, whatever stands before it in its tag.
_PLACE = re.compile(rb"""<(?:[^\s<>/:]+:)?(?:c|row)\s[^<]*?\br\s*=\s*["']\s*([A-Za-z]*)([0-9]*)""")
_MAY_BE_BROKEN = re.compile(rb"""\bt\s*=\s*["']e["']|<(?:[^\s<>/:]+:)?f[\s>/]""")


def _look_into(path: Path) -> dict[tuple[int, int], Broken]:
    """Look at the sheets before they are spread out in memory; returns the first one's broken
    cells (row and column from 1).

    One cell in the last row and column of an otherwise empty sheet, a file of 5 kB, would take
    half a terabyte. Raises UnreadableFile.
    """
    with zipfile.ZipFile(path) as packed:
        # Any part may be a sheet, whatever it is called.
        may_be_broken = [_measure(packed, name) for name in packed.namelist()]
        return _broken_cells(packed, _first_sheet(packed)) if any(may_be_broken) else {}


def _measure(packed: zipfile.ZipFile, name: str) -> bool:
    """See that the part is of a size that fits. Returns whether it may have broken cells."""
    width = height = 0
    may_be_broken = False
    rest = b""
    with packed.open(name) as part:
        while block := part.read(CHUNK):
            block = rest + block
            for letters, digits in set(_PLACE.findall(block)):
                width = max(width, column_number(letters.decode()))
                height = max(height, int(digits[:9] or 0))
            may_be_broken = may_be_broken or bool(_MAY_BE_BROKEN.search(block))
            # A tag may stand across blocks; of an endless one its ends are enough.
            tag = block[max(block.rfind(b"<"), 0) :]
            rest = tag[:64] + tag[64:][-CHUNK:]
    if width > MOST_COLUMNS or width * height > MOST_CELLS:
        raise UnreadableFile(
            _("The sheet reaches to column %(column)s and row %(row)s: that is too far.")
            % {"column": column_letters(width), "row": height}
        )
    return may_be_broken


def _first_sheet(packed: zipfile.ZipFile) -> str:
    """The part that holds the first sheet, "" where the package does not say."""
    try:
        book = etree.fromstring(packed.read("xl/workbook.xml"))
        links = etree.fromstring(packed.read("xl/_rels/workbook.xml.rels"))
    except (KeyError, etree.XMLSyntaxError):
        return ""
    first = book.find("{*}sheets/{*}sheet")
    if first is None:
        return ""
    ids = [value for name, value in first.attrib.items() if str(name).endswith("}id")]
    for link in links:
        if link.get("Id") in ids:
            return f"xl/{link.get('Target', '')}".replace("xl//xl/", "xl/")
    return ""


def _broken_cells(packed: zipfile.ZipFile, name: str) -> dict[tuple[int, int], Broken]:
    """Cells with an error (#REF!), and formulas whose result the file does not hold: both would
    be read as empty, and an empty cell takes a value away."""
    broken: dict[tuple[int, int], Broken] = {}
    if name not in packed.namelist():
        return broken
    row = 0
    with packed.open(name) as part:
        for _event, element in etree.iterparse(
            part, tag="{*}row", resolve_entities=False, no_network=True
        ):
            row = int(element.get("r") or row + 1)
            column = 0
            for cell in element.iterfind("{*}c"):
                letters = re.sub("[^A-Za-z]", "", cell.get("r") or "")
                column = column_number(letters) if letters else column + 1
                value = cell.findtext("{*}v")
                if cell.get("t") == "e":
                    broken[row, column] = Broken(
                        _("The formula here has failed: %(value)s.") % {"value": value or "#"}
                    )
                elif cell.find("{*}f") is not None and not value:
                    broken[row, column] = Broken(
                        _("The result of the formula here is not in the file. Write the value.")
                    )
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]
    return broken


def column_number(letters: str) -> int:
    """The number of a column: A is 1, AA is 27."""
    number = 0
    for letter in letters.upper()[:4]:
        number = number * 26 + ord(letter) - 64
    return number


def column_letters(number: int) -> str:
    """The letters of a column, as the spreadsheet shows them: 1 is A, 27 is AA."""
    letters = ""
    while number > 0:
        number, place = divmod(number - 1, 26)
        letters = chr(65 + place) + letters
    return letters
