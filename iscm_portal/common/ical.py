"""Calendars as RFC 5545 has them: days, no times."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# Octets of a line, its end left out.
WIDTH = 75


@dataclass(frozen=True)
class Entry:
    """One entry of whole days, ``ends_on`` the last of them; ``uid`` is the same for ever."""

    uid: str
    name: str
    starts_on: dt.date
    ends_on: dt.date
    changed_at: dt.datetime
    place: str = ""
    about: str = ""
    address: str = ""
    categories: tuple[str, ...] = ()


def calendar(name: str, entries: Iterable[Entry]) -> Iterator[str]:
    """The lines of a calendar that programs ask for again every few hours."""
    head = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//IOM//ISCM portal//EN",
        "CALSCALE:GREGORIAN",
        f"X-WR-CALNAME:{_text(name)}",
        "REFRESH-INTERVAL;VALUE=DURATION:PT6H",
    ]
    for line in head:
        yield _folded(line)
    for entry in entries:
        yield from map(_folded, _lines(entry))
    yield _folded("END:VCALENDAR")


def _lines(entry: Entry) -> Iterator[str]:
    changed = f"{entry.changed_at.astimezone(dt.UTC):%Y%m%dT%H%M%SZ}"
    # The end of days is the day after the last.
    end = entry.ends_on + dt.timedelta(days=1)
    yield "BEGIN:VEVENT"
    yield f"UID:{_text(entry.uid)}"
    yield f"DTSTAMP:{changed}"
    yield f"LAST-MODIFIED:{changed}"
    yield f"DTSTART;VALUE=DATE:{entry.starts_on:%Y%m%d}"
    yield f"DTEND;VALUE=DATE:{end:%Y%m%d}"
    yield f"SUMMARY:{_text(entry.name)}"
    if entry.place:
        yield f"LOCATION:{_text(entry.place)}"
    if entry.about:
        yield f"DESCRIPTION:{_text(entry.about)}"
    if entry.categories:
        yield f"CATEGORIES:{','.join(map(_text, entry.categories))}"
    if entry.address:
        yield f"URL:{entry.address}"
    yield "TRANSP:TRANSPARENT"
    yield "END:VEVENT"


def _text(value: str) -> str:
    """``value`` with what has a meaning in a calendar escaped; control characters are left out."""
    for sign in ("\\", ";", ","):
        value = value.replace(sign, f"\\{sign}")
    value = value.replace("\r\n", "\n").replace("\r", "\n")
    told = "".join(sign for sign in value if sign == "\n" or sign.isprintable())
    return told.replace("\n", "\\n")


def _folded(line: str) -> str:
    """``line`` in pieces of 75 octets at most, no character cut; the next begin with a space."""
    pieces, piece, width = [], "", 0
    for sign in line:
        size = len(sign.encode())
        if width + size > WIDTH:
            pieces.append(piece)
            piece, width = " ", 1
        piece += sign
        width += size
    return "\r\n".join([*pieces, piece]) + "\r\n"
