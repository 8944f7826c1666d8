"""The translations that are there: whole, compiled, and with the same places to fill in."""

from __future__ import annotations

import gettext
import re
from pathlib import Path

import pytest
from django.conf import settings

LOCALE = Path(settings.LOCALE_PATHS[0])
# What makes the mails that people get in their language.
MAILS = (
    "services/notices.py",
    "services/mails.py",
    "services/auditing/alarm.py",
    "services/briefing.py",
    "selectors/briefing.py",
    "services/survey_notices.py",
    "services/answering.py",
    "forms/answering.py",
    "views/answering.py",
)
# The pages that a delegate of a State meets, who has no account.
PUBLIC_PAGES = ("survey_answer.html", "survey_note.html")


def entries(language: str) -> dict[str, list[str]]:
    """msgid -> its translations, one for each number."""
    text = (LOCALE / language / "LC_MESSAGES" / "django.po").read_text()
    found = {}
    for block in text.split("\n\n")[1:]:
        msgids = re.findall(r'^msgid "(.+)"$', block, re.MULTILINE)
        if msgids:
            found[msgids[0]] = re.findall(r'^msgstr(?:\[\d\])? "(.*)"$', block, re.MULTILINE)
    return found


def places(text: str) -> list[str]:
    return sorted(re.findall(r"%\(\w+\)[sd]", text))


@pytest.mark.parametrize("language", ["fr", "es"])
def test_every_sentence_of_a_mail_is_translated(language):
    source = "\n".join((Path(settings.BASE_DIR) / "reporting" / file).read_text() for file in MAILS)
    sentences = set(re.findall(r'\b_\(\s*"([^"]+)"', source))
    sentences |= set(re.findall(r'ngettext\(\s*"([^"]+)"', source))
    for page in PUBLIC_PAGES:
        text = (Path(settings.BASE_DIR) / "templates" / "reporting" / page).read_text()
        sentences |= set(re.findall(r'{% translate "([^"]+)" %}', text))
    assert len(sentences) == 82
    assert set(entries(language)) == sentences


@pytest.mark.parametrize("language", ["fr", "es"])
def test_a_translation_has_the_places_of_its_source_and_is_compiled(language):
    compiled = gettext.translation("django", str(LOCALE), [language])
    for msgid, texts in entries(language).items():
        assert [places(text) for text in texts] == [places(msgid)] * len(texts)
        if len(texts) == 1:
            assert compiled.gettext(msgid) == texts[0]
        else:
            assert [compiled.ngettext(msgid, "", n) for n in (1, 2)] == texts
