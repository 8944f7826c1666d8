"""Files as people send them, and as they should not: made in memory, byte by byte."""

from __future__ import annotations

import csv
import io
import struct
import zipfile

from pypdf import PdfReader

PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20 + b"IEND\xaeB`\x82"
JPG = b"\xff\xd8\xff\xe0" + b"\0" * 20 + b"\xff\xd9"
MAIN_PARTS = {
    "docx": "word/document.xml",
    "xlsx": "xl/workbook.xml",
    "pptx": "ppt/presentation.xml",
}


def packed(parts: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", method) as file:
        for name, content in parts.items():
            file.writestr(zipfile.ZipInfo(name), content, method)  # the same bytes each day
    return held.getvalue()


def office(extension: str = "docx", **more: bytes) -> bytes:
    """An Office file with the parts that every one has, and ``more`` (path -> content)."""
    parts = {"[Content_Types].xml": b"<Types/>", MAIN_PARTS[extension]: b"<body/>"}
    return packed({**parts, **more})


def open_document() -> bytes:
    media_type = b"application/vnd.oasis.opendocument.text"
    return packed({"mimetype": media_type, "content.xml": b"<office/>"}, zipfile.ZIP_STORED)


def lying_about_its_size(content: bytes, told: int) -> bytes:
    """A packed file whose list says that each part unpacks to ``told`` bytes."""
    held = bytearray(content)
    place = held.find(b"PK\x01\x02")
    while place >= 0:
        held[place + 24 : place + 28] = struct.pack("<I", told)
        place = held.find(b"PK\x01\x02", place + 4)
    return bytes(held)


def locked(content: bytes) -> bytes:
    """A packed file that says its parts are behind a password."""
    held = bytearray(content)
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = held.find(mark)
        while place >= 0:
            held[place + offset] |= 1
            place = held.find(mark, place + 4)
    return bytes(held)


def text_of_pdf(content: bytes) -> str:
    """The words of a PDF file, page after page, with single spaces."""
    pages = PdfReader(io.BytesIO(content)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def rows_of_csv(content: bytes | str) -> list[list[str]]:
    """The rows of a CSV download, the header first; its last line counts them."""
    text = content if isinstance(content, str) else content.decode("utf-8-sig")
    *rows, last = csv.reader(io.StringIO(text.lstrip("\ufeff")))
    assert last == ["Rows", str(len(rows) - 1)]
    return rows


def dicts_of_csv(content: bytes | str) -> list[dict[str, str]]:
    """The rows of a CSV download by the names of its columns."""
    head, *rows = rows_of_csv(content)
    return [dict(zip(head, row, strict=True)) for row in rows]
