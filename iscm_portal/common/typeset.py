"""Pages typeset by typst. What they say goes in as data, never as markup."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import typst
from django.conf import settings
from django.utils.translation import get_language

Form = Literal["pdf", "svg"]


def fits_one_page(template: str, told: dict[str, Any]) -> bool:
    """Whether the document that ``template`` makes of ``told`` has one page only."""
    return not isinstance(_compiled(template, told, "svg"), list)  # a list: more pages than one


def pdf(template: str, told: dict[str, Any]) -> bytes:
    """The document as tagged PDF: PDF/UA-1 where there is a glyph for each of its letters."""
    try:
        made: bytes = _compiled(template, told, "pdf", "ua-1")
    except typst.TypstError:  # a letter that no font of the server has
        made = _compiled(template, told, "pdf")
    return made


def _compiled(template: str, told: dict[str, Any], form: Form, *standards: Literal["ua-1"]) -> Any:
    language = (get_language() or "en").partition("-")[0]
    whole = {"author": settings.PORTAL_NAME, "lang": language, **told}
    return typst.compile(
        str(Path(settings.BASE_DIR) / "templates" / template),
        format=form,
        sys_inputs={"told": json.dumps(whole)},
        pdf_standards=list(standards),
    )
