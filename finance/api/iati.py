"""The activity file of IATI 2.03: projects of which a mechanism has a share.

What the standard asks for and the portal doesn't hold is told as such, never guessed; the
decisions are in docs/decisions/0023-iati.md. Texts are English, whatever the reader's language.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import groupby
from urllib.parse import quote

from django.conf import settings
from lxml import etree

from engagements.choices import OrganisationKind
from iscm_portal.common.renderers import decimal_text
from iscm_portal.common.workbooks import BLOCK, NOT_XML, Drain

from ..choices import AttributionBasis
from ..selectors.activities import Activity, Share

VERSION = "2.03"
IOM = "International Organization for Migration"
LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"

# Codes of the standard's own lists.
MULTILATERAL, ACADEMIC, PRIVATE_SECTOR = "40", "80", "70"
FUNDING, IMPLEMENTING = "1", "4"
PLANNED_START, ACTUAL_START, PLANNED_END, ACTUAL_END = "1", "2", "3", "4"
PIPELINE, IMPLEMENTATION, CLOSED = "1", "2", "4"
OWN_IDENTIFIER = "A1"
DAC, UN_M49, OUR_OWN = "1", "2", "99"
NOT_SPECIFIED = ("998", "Developing countries, unspecified")
SECTOR = ("15190", "Facilitation of orderly, safe, regular and responsible migration and mobility")

M49 = {"Africa": "002", "Americas": "019", "Asia": "142", "Europe": "150", "Oceania": "009"}
ORGANISATION_TYPES: dict[str, str] = {
    OrganisationKind.UN_AGENCY: MULTILATERAL,
    OrganisationKind.IGO: MULTILATERAL,
    OrganisationKind.REGIONAL_ENTITY: MULTILATERAL,
    OrganisationKind.ACADEMIA: ACADEMIC,
    OrganisationKind.PRIVATE_SECTOR: PRIVATE_SECTOR,
}
# A day that the standard demands and nobody noted.
FIRST_YEAR_NOTE = "Not on record: the first day of the first year with money or a share on record."


def activity_file(
    activities: Iterable[Activity], organisation: str, on: dt.date, at: dt.datetime
) -> Iterator[bytes]:
    """The bytes of the file, as the activities come. ``on`` tells planned days from past ones."""
    out = Drain()
    with etree.xmlfile(out, encoding="utf-8") as file:
        file.write_declaration()
        whole = {"version": VERSION, "generated-datetime": _moment(at)}
        with file.element("iati-activities", whole):
            for activity in activities:
                file.write(_activity(activity, organisation, on))
                if len(out) > BLOCK:
                    yield out.take()
    yield out.take()


def _activity(told: Activity, organisation: str, on: dt.date) -> etree._Element:
    """One project, its elements in the order of the standard."""
    own = _one(
        "iati-activity",
        **{
            LANGUAGE: "en",
            "default-currency": "USD",
            "last-updated-datetime": _moment(told.updated_at),
        },
    )
    identifier = etree.SubElement(own, "iati-identifier")
    # Quoted: the standard has no place for / & | and ? in it, and no two codes become one.
    identifier.text = f"{organisation}-{quote(told.code, safe='')}"
    own.append(_one("reporting-org", IOM, ref=organisation, type=MULTILATERAL))
    own.append(_one("title", told.title.strip() or told.code))
    own.append(_one("description", _description(told), type="1"))
    for name, kind in told.donors:
        codes = {"type": ORGANISATION_TYPES[kind]} if kind in ORGANISATION_TYPES else {}
        own.append(_one("participating-org", name, role=FUNDING, **codes))
    own.append(
        _one("participating-org", IOM, ref=organisation, type=MULTILATERAL, role=IMPLEMENTING)
    )
    own.append(_one("other-identifier", ref=told.code, type=OWN_IDENTIFIER))
    own.append(_one("activity-status", code=_status(told, on)))
    own.extend(_dates(told, on))
    own.append(_region(told))
    own.append(_one("sector", SECTOR[1], vocabulary=DAC, code=SECTOR[0]))
    for (slug, label), shares in groupby(told.shares, key=lambda one: (one.iscm, one.iscm_label)):
        own.append(
            _one(
                "tag",
                f"{label}: {_in_words(list(shares))}",
                vocabulary=OUR_OWN,
                code=slug,
                **{"vocabulary-uri": f"{settings.PORTAL_URL}/iscms/"},
            )
        )
    own.extend(_budget(year, told.budgets[year]) for year in sorted(told.budgets))
    return own


def _one(name: str, narrative: str = "", **attributes: str) -> etree._Element:
    """An element with its attributes and, where it has words, their narrative."""
    element = etree.Element(name, {key: _clean(value) for key, value in attributes.items()})
    if narrative:
        etree.SubElement(element, "narrative").text = _clean(narrative)
    return element


def _clean(text: str) -> str:
    """``text`` without what XML can't hold."""
    return NOT_XML.sub("\ufffd", text)


def _moment(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _description(told: Activity) -> str:
    names = ", ".join(dict.fromkeys(share.iscm_label for share in told.shares))
    return f"A project of which support goes to inter-State consultation on migration: {names}."


def _first_day(told: Activity) -> dt.date:
    """The first day, or that of the first year on record where nobody noted it."""
    if told.starts_on is not None:
        return told.starts_on
    first = dt.date(told.years[0], 1, 1)
    return min(first, told.ends_on) if told.ends_on else first


def _last_day(told: Activity) -> dt.date | None:
    """The last day; of a project without any day the end of the last year on record."""
    if told.ends_on is None and told.starts_on is None:
        return dt.date(told.years[-1], 12, 31)
    return told.ends_on


def _status(told: Activity, on: dt.date) -> str:
    if _first_day(told) > on:
        return PIPELINE
    last = _last_day(told)
    return CLOSED if last is not None and last < on else IMPLEMENTATION


def _dates(told: Activity, on: dt.date) -> Iterator[etree._Element]:
    first = _first_day(told)
    yield _one(
        "activity-date",
        "" if told.starts_on else FIRST_YEAR_NOTE,
        **{"iso-date": first.isoformat(), "type": ACTUAL_START if first <= on else PLANNED_START},
    )
    if told.ends_on is not None:
        kind = ACTUAL_END if told.ends_on < on else PLANNED_END
        yield _one("activity-date", **{"iso-date": told.ends_on.isoformat(), "type": kind})


def _region(told: Activity) -> etree._Element:
    if told.region in M49:
        words = f"{told.region}: the region of the Member States of the mechanisms supported"
        return _one("recipient-region", words, code=M49[told.region], vocabulary=UN_M49)
    code, name = NOT_SPECIFIED
    return _one("recipient-region", name, code=code, vocabulary=DAC)


def _in_words(shares: list[Share]) -> str:
    """The shares of one mechanism, years that say the same together."""
    told = [(share.year, _share_in_words(share)) for share in shares]
    parts = []
    # Years in a row have the same distance to their place in the list.
    runs = groupby(enumerate(told), key=lambda item: (item[1][0] - item[0], item[1][1]))
    for (_distance, words), run in runs:
        years = [year for _place, (year, _words) in run]
        span = str(years[0]) if len(years) == 1 else f"{years[0]}-{years[-1]}"
        parts.append(f"{span}: {words}")
    return "; ".join(parts)


def _share_in_words(share: Share) -> str:
    if share.basis == AttributionBasis.DEDICATED:
        return "dedicated, 100 per cent"
    if share.share_pct is not None:
        return f"stated share, {decimal_text(share.share_pct)} per cent"
    if share.amount_usd is not None:
        return f"stated amount, USD {decimal_text(share.amount_usd)}"
    return "share unknown"


def _budget(year: int, usd: Decimal) -> etree._Element:
    budget = etree.Element("budget")
    budget.append(_one("period-start", **{"iso-date": f"{year}-01-01"}))
    budget.append(_one("period-end", **{"iso-date": f"{year}-12-31"}))
    value = _one("value", **{"currency": "USD", "value-date": f"{year}-01-01"})
    value.text = f"{usd:.2f}"
    budget.append(value)
    return budget
