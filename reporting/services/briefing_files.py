"""A briefing as a file of one page: PDF by typst, Word by python-docx."""

from __future__ import annotations

import io
from typing import Any

import docx
from django.conf import settings
from docx.shared import Pt

from iscm_portal.common import typeset

from ..selectors.briefing import Content

TEMPLATE = "reporting/briefing.typ"
# How long a text and a list may be, from generous to what fits on a page whatever it says.
LEVELS = ((4000, 12), (1800, 8), (1000, 6), (600, 4), (300, 3), (120, 2), (60, 1))


def on_one_page(content: Content) -> Content:
    """``content``, shortened as far as one page needs it."""
    for letters, rows in LEVELS:
        shorter = content.shortened(letters, rows)
        if fits_one_page(shorter):
            break
    return shorter


def fits_one_page(content: Content) -> bool:
    return typeset.fits_one_page(TEMPLATE, _told(content))


def pdf(content: Content) -> bytes:
    """The briefing as tagged PDF. ``content`` is of one page."""
    return typeset.pdf(TEMPLATE, _told(content))


def _told(content: Content) -> dict[str, Any]:
    return {
        "title": content.title,
        "subtitle": content.subtitle,
        "address": content.address,
        "facts": content.facts,
        "sections": [
            {"heading": section.heading, "texts": section.texts} for section in content.sections
        ],
        "note": content.note,
    }


def word(content: Content) -> bytes:
    """The briefing as a Word file, with the same headings."""
    document = docx.Document()
    document.core_properties.title = content.title
    document.core_properties.author = settings.PORTAL_NAME
    document.styles["Normal"].font.size = Pt(9.5)
    document.add_heading(content.title, level=1)
    document.add_paragraph(content.subtitle)
    for name, text in content.facts:
        line = document.add_paragraph()
        line.add_run(f"{name}: ").bold = True
        line.add_run(_printable(text))
    for section in content.sections:
        document.add_heading(section.heading, level=2)
        style = None if len(section.texts) == 1 else "List Bullet"
        for text in section.texts:
            document.add_paragraph(_printable(text), style=style)
    if content.note:
        document.add_paragraph(content.note)
    document.add_paragraph(content.address)
    held = io.BytesIO()
    document.save(held)
    return held.getvalue()


def _printable(text: str) -> str:
    """``text`` without the control characters that XML has no place for."""
    return "".join(c for c in text if c in "\n\t" or ord(c) >= 32)
