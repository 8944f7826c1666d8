"""What a file that somebody sends really is: by its content, on an allow-list, and harmless.

Neither the name nor the type that a browser tells is believed. What can run, call out or unpack
without end is refused in words that its sender understands.
"""

from __future__ import annotations

import re
import unicodedata
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from django.utils.translation import gettext as _

# What a document may come to when it is unpacked: far more than any that people wrote.
MOST_UNPACKED_BYTES = 200_000_000
MOST_ENTRIES = 3000
MOST_TIMES_SMALLER = 200
CHUNK = 256 * 1024
LONGEST_NAME = 120


class FileRefused(Exception):
    """The file can't be taken; the message says why and what would do."""


@dataclass(frozen=True)
class Kind:
    """A kind of file that is taken: what it is sent out as, and how its content is looked at."""

    media_type: str
    check: Callable[[BinaryIO], None]


def check_document(name: str, file: BinaryIO) -> Kind:
    """The kind of ``file``, called ``name``. Raises FileRefused; reads, and rewinds the file."""
    extension = name.rpartition(".")[2].lower() if "." in name else ""
    kind = KINDS.get(extension)
    if kind is None:
        if extension in MACRO_FILES:
            raise FileRefused(_("Files with macros are not taken. Save it without them."))
        if extension in OLD_OFFICE_FILES:
            raise FileRefused(_("Old Office files are not taken. Save it as DOCX, XLSX or PDF."))
        raise FileRefused(
            _("This kind of file is not taken. These are: %(kinds)s.") % {"kinds": TAKEN}
        )
    file.seek(0, 2)
    if file.tell() == 0:
        raise FileRefused(_("The file is empty."))
    file.seek(0)
    kind.check(file)
    file.seek(0)
    return kind


def safe_name(name: str) -> str:
    """``name`` without folders, control characters and characters that turn its direction."""
    last = name.replace("\\", "/").rpartition("/")[2]
    shown = "".join(c for c in last if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co"))
    shown = unicodedata.normalize("NFC", shown).strip(". ")
    stem, dot, extension = shown.rpartition(".")
    if not dot:
        return shown[:LONGEST_NAME]
    return f"{stem[: LONGEST_NAME - len(extension) - 1]}.{extension}"


# --- PDF


# What runs, opens another program or brings another file. Not seen inside of packed objects, so
# a reader's own care is needed as well: files only ever leave as downloads.
_RUNS_IN_PDF = re.compile(rb"/(?:JavaScript|JS|Launch|EmbeddedFiles?|RichMedia|XFA)\b")


def _check_pdf(file: BinaryIO) -> None:
    content = file.read()
    if not content.startswith(b"%PDF-") or b"%%EOF" not in content[-2048:]:
        raise FileRefused(_("The content is not that of a whole PDF file."))
    if _RUNS_IN_PDF.search(content):
        raise FileRefused(_("PDF files with scripts or files inside are not taken."))


# --- Office files


MACRO_FILES = frozenset({"docm", "dotm", "xlsm", "xltm", "xlsb", "xlam", "pptm", "potm", "ppsm"})
OLD_OFFICE_FILES = frozenset({"doc", "dot", "xls", "ppt", "pps", "rtf", "msg"})
# The settings of a printer, which Excel saves with a sheet that was printed, can't run.
_RUNS_IN_OFFICE = re.compile(
    r"vba|macro|activex|oleobject|embeddings/|(?<!printerSettings[0-9])\.bin$|\.exe$|\.dll$|\.js$|^basic/|^scripts/",
    re.IGNORECASE,
)
# Parts that are fetched from elsewhere when the file is opened.
_CALLS_OUT = re.compile(
    rb"relationships/(?:attachedTemplate|oleObject|frame|subDocument|externalLinkPath)", re.I
)


def _check_office(part: str) -> Callable[[BinaryIO], None]:
    """The check of an Office Open XML file, whose main part is ``part``."""

    def check(file: BinaryIO) -> None:
        with _unpacked(file) as packed:
            names = set(packed.namelist())
            if "[Content_Types].xml" not in names or part not in names:
                raise FileRefused(_("The content is not that of such a file."))
            for name in names:
                content = _read(packed, name)
                if name.endswith((".xml", ".rels")) and b"<!DOCTYPE" in content:
                    raise FileRefused(_("The file holds declarations that no program writes."))
                external = b'TargetMode="External"' in content and _CALLS_OUT.search(content)
                if name.endswith(".rels") and external:
                    raise FileRefused(_("The file fetches parts from elsewhere when it is opened."))
                if name == "[Content_Types].xml" and b"macroEnabled" in content:
                    raise FileRefused(_("Files with macros are not taken. Save it without them."))

    return check


def _check_open_document(media_type: str) -> Callable[[BinaryIO], None]:
    def check(file: BinaryIO) -> None:
        with _unpacked(file) as packed:
            first = packed.infolist()[0]
            if first.filename != "mimetype" or _read(packed, "mimetype") != media_type.encode():
                raise FileRefused(_("The content is not that of such a file."))
            for name in packed.namelist():
                content = _read(packed, name)
                if name.endswith(".xml") and b"<!ENTITY" in content:
                    raise FileRefused(_("The file holds declarations that no program writes."))

    return check


def _unpacked(file: BinaryIO) -> zipfile.ZipFile:
    """The packed file, after a look at its list: nothing that runs, nothing without end."""
    if file.read(4) != b"PK\x03\x04":
        raise FileRefused(_("The content is not that of such a file."))
    try:
        packed = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise FileRefused(_("The file is damaged.")) from error
    entries = packed.infolist()
    if not entries or len(entries) > MOST_ENTRIES:
        raise FileRefused(_("The file unpacks to more than it should."))
    whole = 0
    for entry in entries:
        if entry.flag_bits & 0x1:
            raise FileRefused(_("Files behind a password are not taken."))
        if _RUNS_IN_OFFICE.search(entry.filename):
            raise FileRefused(_("Files with macros or files inside are not taken."))
        whole += entry.file_size
        grows = entry.file_size > MOST_TIMES_SMALLER * max(entry.compress_size, 1)
        if whole > MOST_UNPACKED_BYTES or (grows and entry.file_size > 10_000_000):
            raise FileRefused(_("The file unpacks to more than it should."))
    return packed


def _read(packed: zipfile.ZipFile, name: str) -> bytes:
    """One part, read whole to see that it is as long as the list says, and undamaged."""
    parts = []
    left = packed.getinfo(name).file_size
    try:
        with packed.open(name) as part:
            while chunk := part.read(CHUNK):
                left -= len(chunk)
                if left < 0:
                    raise FileRefused(_("The file unpacks to more than it should."))
                parts.append(chunk)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
        raise FileRefused(_("The file is damaged.")) from error
    return b"".join(parts)


# --- pictures and plain text


def _check_ends(first: bytes, last: bytes) -> Callable[[BinaryIO], None]:
    def check(file: BinaryIO) -> None:
        content = file.read()
        if not content.startswith(first) or last not in content[-64:]:
            raise FileRefused(_("The content is not that of such a picture."))

    return check


def _check_text(file: BinaryIO) -> None:
    try:
        text = file.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise FileRefused(_("The content is not plain text (UTF-8).")) from error
    if "\0" in text:
        raise FileRefused(_("The content is not plain text (UTF-8)."))


_OOXML = "application/vnd.openxmlformats-officedocument."
_ODF = "application/vnd.oasis.opendocument."
KINDS: dict[str, Kind] = {
    "pdf": Kind("application/pdf", _check_pdf),
    "docx": Kind(f"{_OOXML}wordprocessingml.document", _check_office("word/document.xml")),
    "xlsx": Kind(f"{_OOXML}spreadsheetml.sheet", _check_office("xl/workbook.xml")),
    "pptx": Kind(f"{_OOXML}presentationml.presentation", _check_office("ppt/presentation.xml")),
    "odt": Kind(f"{_ODF}text", _check_open_document(f"{_ODF}text")),
    "png": Kind("image/png", _check_ends(b"\x89PNG\r\n\x1a\n", b"IEND")),
    "jpg": Kind("image/jpeg", _check_ends(b"\xff\xd8\xff", b"\xff\xd9")),
    "jpeg": Kind("image/jpeg", _check_ends(b"\xff\xd8\xff", b"\xff\xd9")),
    "txt": Kind("text/plain; charset=utf-8", _check_text),
}
TAKEN = "PDF, DOCX, XLSX, PPTX, ODT, PNG, JPG, TXT"
ACCEPT = ",".join(f".{extension}" for extension in KINDS)
