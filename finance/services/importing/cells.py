"""How one cell is read: from what a spreadsheet holds to a value, and back to the words of an
export. The two fit together: what was exported is read as what it was.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any, ClassVar

from django.db import models
from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from iscm_portal.common.exports import FORMULA_SIGNS
from iscm_portal.common.period import FIRST_DAY, LAST_DAY

from ...choices import CURRENCIES, GRADES, RATED_CURRENCIES
from ...models.currency import NO_CURRENCY, USD_HAS_NO_RATE
from ...models.staffing import GRADE_HINT, NO_GRADE

Words = str | Promise

# A spreadsheet takes no more in one cell.
LONGEST_TEXT = 32_000
FIRST_YEAR, LAST_YEAR = FIRST_DAY.year, LAST_DAY.year


class CellProblem(Exception):
    """What is wrong with a cell, in words for its sender."""


@dataclass(frozen=True)
class Broken:
    """A cell whose value the file itself does not hold: a formula that failed or never ran."""

    message: str


def as_text(cell: Any) -> str:
    """The cell as a person would type it. Raises CellProblem for what is no text."""
    if isinstance(cell, Broken):
        raise CellProblem(cell.message)
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        # Spreadsheets show 15 digits; the rest is the noise of floating point.
        return f"{Decimal(f'{cell:.15g}'):f}"
    if isinstance(cell, dt.datetime) and cell.time() == dt.time():
        cell = cell.date()
    return tidy(cell) if isinstance(cell, str) else str(cell)


def tidy(text: str) -> str:
    """``text`` with one kind of line end and nothing blank around it."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


_HALF_OF_A_PAIR = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def _refuse_what_no_text_holds(text: str) -> None:
    if _HALF_OF_A_PAIR.search(text):
        raise CellProblem(_("It holds bytes that are not UTF-8. Save the file as UTF-8."))
    if _CONTROL.search(text):
        raise CellProblem(_("It holds a control character (such as NUL)."))


def is_formula(text: str) -> bool:
    """Whether a spreadsheet would run ``text``."""
    return text.startswith(FORMULA_SIGNS)


class CellType:
    """A type of cell. ``read`` gives the value of a cell that is not empty."""

    # The value of an empty cell.
    empty: Any = None
    # Whether an export writes a number or a date, not a text.
    is_typed: ClassVar[bool] = False

    @property
    def words(self) -> Words:
        """What to write, in the table of columns."""
        raise NotImplementedError

    def value(self, cell: Any) -> Any:
        """The value of a cell. Raises CellProblem."""
        text = as_text(cell)
        if text == "":
            return self.empty
        _refuse_what_no_text_holds(text)
        return self.read(text, cell)

    def read(self, text: str, cell: Any) -> Any:
        raise NotImplementedError

    def text(self, value: Any) -> str:
        """The words of an export for ``value``; ``value()`` reads them back."""
        return "" if value is None else str(value)


@dataclass(frozen=True)
class Text(CellType):
    longest: int = LONGEST_TEXT
    empty = ""

    @property
    def words(self) -> Words:
        if self.longest == LONGEST_TEXT:
            return gettext_lazy("Text")
        return format_lazy(gettext_lazy("Text, {longest} characters at most"), longest=self.longest)

    def read(self, text: str, cell: Any) -> str:
        if len(text) > self.longest:
            raise CellProblem(
                _("It has %(n)s characters; %(longest)s is the most.")
                % {"n": len(text), "longest": self.longest}
            )
        return text

    def text(self, value: Any) -> str:
        return tidy(value or "")


@dataclass(frozen=True)
class Currency(CellType):
    """A currency; one that is ``rated`` is not the dollar."""

    rated: bool = False
    empty = ""

    @property
    def words(self) -> Words:
        return gettext_lazy("Three capital letters of ISO 4217")

    def read(self, text: str, cell: Any) -> str:
        if text not in CURRENCIES:
            raise CellProblem(str(NO_CURRENCY))
        if self.rated and text not in RATED_CURRENCIES:
            raise CellProblem(str(USD_HAS_NO_RATE))
        return text


@dataclass(frozen=True)
class Grade(CellType):
    empty = ""

    @property
    def words(self) -> Words:
        return GRADE_HINT

    def read(self, text: str, cell: Any) -> str:
        if text not in GRADES:
            raise CellProblem(str(NO_GRADE))
        return text


# Spaces that people and spreadsheets put between thousands, and the Swiss apostrophe.
_BETWEEN_THOUSANDS = re.compile("(?<=[0-9])[ \u00a0\u2009\u202f'\u2019](?=[0-9]{3}(?:[^0-9]|$))")
_PLAIN = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_WITH_COMMAS = re.compile(r"(-?[0-9]{1,3}(?:,[0-9]{3})+)(\.[0-9]+)?")
_WITH_POINTS = re.compile(r"(-?[0-9]{1,3}(?:\.[0-9]{3})+)(?:,([0-9]+))")
_MANY_POINTS = re.compile(r"-?[0-9]{1,3}(?:\.[0-9]{3}){2,}")
_DECIMAL_COMMA = re.compile(r"(-?[0-9]+),([0-9]+)")


def decimal_of(text: str) -> Decimal:
    """The number that ``text`` writes, with or without thousands, with a point or a comma.

    Raises CellProblem for what is no number, and for "1,234", which can be read in two ways.
    """
    text = _BETWEEN_THOUSANDS.sub("", text)
    if _PLAIN.fullmatch(text):
        return Decimal(text)
    comma = _DECIMAL_COMMA.fullmatch(text)
    if comma:
        whole, part = comma.groups()
        if len(part) == 3 and len(whole.lstrip("-")) <= 3 and whole.lstrip("-") != "0":
            raise CellProblem(
                _("“%(text)s” can be read in two ways. Write %(one)s or %(other)s.")
                % {"text": text, "one": whole + part, "other": f"{whole}.{part}"}
            )
        return Decimal(f"{whole}.{part}")
    if found := _WITH_COMMAS.fullmatch(text):
        return Decimal(found[1].replace(",", "") + (found[2] or ""))
    if found := _WITH_POINTS.fullmatch(text):
        return Decimal(f"{found[1].replace('.', '')}.{found[2]}")
    if _MANY_POINTS.fullmatch(text):
        return Decimal(text.replace(".", ""))
    try:
        number = Decimal(text) if re.fullmatch(r"-?[0-9.]+[eE][-+]?[0-9]{1,3}", text) else None
    except InvalidOperation:
        number = None
    if number is None:
        raise CellProblem(_("“%(text)s” is not a number.") % {"text": text[:40]})
    return number


@dataclass(frozen=True)
class Number(CellType):
    """A number from zero on (``above_zero``: greater than it), with so many digits and decimals."""

    digits: int
    decimals: int
    most: int | None = None
    above_zero: bool = False
    empty: Any = None
    is_typed = True

    @property
    def words(self) -> Words:
        return format_lazy(gettext_lazy("Number, {n} decimals at most"), n=self.decimals)

    def read(self, text: str, cell: Any) -> Decimal:
        if isinstance(cell, bool | dt.date | dt.time):
            raise CellProblem(_("“%(text)s” is not a number.") % {"text": text[:40]})
        number = decimal_of(text)
        if number < 0:
            raise CellProblem(_("It is below zero."))
        if self.above_zero and not number:
            raise CellProblem(_("It has to be above zero."))
        if self.most is not None and number > self.most:
            raise CellProblem(_("It is over %(most)s.") % {"most": self.most})
        if number >= 10 ** (self.digits - self.decimals):
            raise CellProblem(
                _("It is too large: %(n)s digits before the point are the most.")
                % {"n": self.digits - self.decimals}
            )
        rounded = number.quantize(Decimal(1).scaleb(-self.decimals))
        if rounded != number:
            raise CellProblem(
                _("It has more than %(n)s decimals. Round it.") % {"n": self.decimals}
            )
        return rounded

    def text(self, value: Any) -> str:
        return "" if value is None else f"{value:.{self.decimals}f}"


@dataclass(frozen=True)
class Year(CellType):
    is_typed = True

    @property
    def words(self) -> Words:
        return gettext_lazy("Year, four digits")

    def read(self, text: str, cell: Any) -> int:
        if not re.fullmatch(r"[0-9]{4}(?:\.0+)?", text):
            raise CellProblem(_("“%(text)s” is not a year, as in 2026.") % {"text": text[:40]})
        year = int(text[:4])
        if not FIRST_YEAR <= year <= LAST_YEAR:
            raise CellProblem(_("The year lies before 1951 or after 2100."))
        return year


@dataclass(frozen=True)
class Day(CellType):
    is_typed = True

    @property
    def words(self) -> Words:
        return gettext_lazy("Date, or text as in 2026-03-31")

    def read(self, text: str, cell: Any) -> dt.date:
        try:
            day = dt.date.fromisoformat(text) if re.fullmatch(r"[0-9-]{10}", text) else None
        except ValueError:
            day = None
        if day is None:
            raise CellProblem(
                _("“%(text)s” is not a date. Write it as in 2026-03-31.") % {"text": text[:40]}
            )
        if not FIRST_DAY <= day <= LAST_DAY:
            raise CellProblem(_("A date lies before 1951 or after 2100."))
        return day


@dataclass(frozen=True)
class YesNo(CellType):
    empty: Any = None

    @property
    def words(self) -> Words:
        return gettext_lazy("yes or no")

    def read(self, text: str, cell: Any) -> bool:
        answer = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
        try:
            return answer[text.casefold()]
        except KeyError:
            raise CellProblem(_("Write yes or no.")) from None

    def text(self, value: Any) -> str:
        return "" if value is None else "yes" if value else "no"


@dataclass(frozen=True)
class Code(CellType):
    """One of the codes of ``choices``."""

    choices: type[models.TextChoices]
    empty = ""

    @property
    def words(self) -> Words:
        return format_lazy(gettext_lazy("One of: {codes}"), codes=", ".join(self.choices.values))

    @cached_property
    def codes(self) -> frozenset[str]:
        return frozenset(self.choices.values)

    def read(self, text: str, cell: Any) -> str:
        code = text.casefold()
        if code not in self.codes:
            raise CellProblem(
                _("There is no “%(text)s”. Write one of: %(codes)s.")
                % {"text": text[:40], "codes": ", ".join(self.choices.values)}
            )
        return code


@dataclass(frozen=True)
class Link(CellType):
    """The record of ``model`` whose ``by`` is written; whether it exists is asked for many rows
    at once (``records.Links``)."""

    model: type[models.Model]
    by: str

    @property
    def words(self) -> Words:
        words = {"code": gettext_lazy("Code ({what})"), "slug": gettext_lazy("Slug ({what})")}
        word = words.get(self.by, gettext_lazy("ISO code, three letters ({what})"))
        return format_lazy(word, what=self.model._meta.verbose_name)

    def read(self, text: str, cell: Any) -> Any:
        return text

    def named(self, value: Any) -> Collection[str]:
        """The keys of the records that a cell names."""
        return [value] if value else []


@dataclass(frozen=True)
class ManyLinks(Link):
    empty = ()

    @property
    def words(self) -> Words:
        return format_lazy(
            gettext_lazy("Slugs ({what}), with ; between them"),
            what=self.model._meta.verbose_name_plural,
        )

    def read(self, text: str, cell: Any) -> tuple[str, ...]:
        return tuple(sorted({part.strip() for part in text.split(";") if part.strip()}))

    def text(self, value: Any) -> str:
        return "; ".join(sorted(value))

    def named(self, value: Any) -> Collection[str]:
        return tuple(value)


_PERCENTAGE = Number(5, 2, most=100)


@dataclass(frozen=True)
class Shares(Link):
    """A share for each of several records; one without a share is unknown."""

    @property
    def empty(self) -> Any:
        return {}

    @property
    def words(self) -> Words:
        return gettext_lazy(
            "Slug and per cent of each mechanism, with ; between them; no number is unknown"
        )

    def read(self, text: str, cell: Any) -> dict[str, Decimal | None]:
        shares: dict[str, Decimal | None] = {}
        for part in filter(None, (part.strip() for part in text.split(";"))):
            slug, colon, share = (piece.strip() for piece in part.partition(":"))
            if not colon or not slug:
                raise CellProblem(
                    _("“%(text)s” is not a share, as in rcm:10.") % {"text": part[:40]}
                )
            if slug in shares:
                raise CellProblem(_("“%(slug)s” stands there twice.") % {"slug": slug[:60]})
            shares[slug] = _PERCENTAGE.value(share)
        whole = sum(share for share in shares.values() if share)
        if whole > 100:
            raise CellProblem(
                _("The shares come to %(sum)s per cent in all.") % {"sum": f"{whole:f}"}
            )
        return shares

    def text(self, value: Mapping[str, Decimal | None]) -> str:
        return "; ".join(
            f"{slug}:" if share is None else f"{slug}:{share:.2f}"
            for slug, share in sorted(value.items())
        )

    def named(self, value: Any) -> Collection[str]:
        return tuple(value)
