"""What each kind of file holds: its columns, declared once.

Templates, exports, the check, the writing and the table on the page all come from here. A column
bears the name of its field; ``path`` says where its present value is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy

from engagements.models import ISCM, Country, Office, Organisation
from iscm_portal.common.choices import Confidence

from ... import rules
from ...choices import AttributionBasis, FundingSource, ImportKind, PaidBy, Supports
from ...models import (
    AssessedContribution,
    Attribution,
    CurrencyRate,
    FundingLine,
    Position,
    Project,
    StandardCost,
)
from .cells import (
    CellType,
    Code,
    Currency,
    Day,
    Grade,
    Link,
    ManyLinks,
    Number,
    Shares,
    Text,
    Words,
    Year,
    YesNo,
)

USD = Number(14, 2)
PERCENTAGE = Number(5, 2, most=100)
# No more digits than SQLite keeps of a number: 15.
RATE = Number(14, 8, above_zero=True)
ORIGINAL_AMOUNT = Number(15, 2)


@dataclass(frozen=True)
class Column:
    """One column of a file. ``if_empty`` is said at an empty cell of a required one."""

    name: str
    type: CellType
    help: Words
    example: str
    required: bool = False
    path: str = ""
    if_empty: Words = ""

    @property
    def source(self) -> str:
        """Where the present value is read, as the ORM writes it."""
        return self.path or self.name

    @property
    def is_beside(self) -> bool:
        """Whether its values stand in a table of their own."""
        return isinstance(self.type, ManyLinks | Shares)

    @property
    def needs_reason(self) -> bool:
        """Whether a change of what stands in it needs a reason."""
        can_need = self.name in rules.NEED_A_REASON or self.name in rules.NOT_YET
        return can_need or isinstance(self.type, Shares)

    def is_corrected(self, before: str, after: str) -> bool:
        """Whether the change, in the words of an export, is one that needs a reason."""
        if isinstance(self.type, Shares):
            return rules.share_moved(self.type.value(before), self.type.value(after))
        return rules.needs_a_reason(self.name, before)


@dataclass(frozen=True)
class Kind:
    """A kind of file. ``key`` is what a record goes by; ``years`` the years in which a figure
    follows its record; ``rule_set`` and ``filled`` are those of pages."""

    code: ImportKind
    model: type[models.Model]
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    rule_set: tuple[rules.Rule, ...] = ()
    filled: Callable[[rules.Values], dict[str, Any]] | None = None
    years: Callable[[Any, int], Iterable[int]] = lambda record, this_year: ()
    # The columns within which shares add up to 100 per cent at most.
    whole: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return str(self.code.label)

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    @property
    def has_shares(self) -> bool:
        """Whether an import of it writes shares, whose sum the database watches."""
        return bool(self.whole) or any(isinstance(c.type, Shares) for c in self.columns)

    @cached_property
    def by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}

    def column(self, name: str) -> Column:
        return self.by_name[name]

    def key_of(self, texts: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(texts[name] for name in self.key)


# --- years whose figures follow a record


def own_year(record: Any, this_year: int) -> list[int]:
    return [] if record.year is None else [record.year]


def years_held(post: Position, this_year: int) -> Iterable[int]:
    """The years in which a post is held; one without a first day is in none."""
    if post.starts_on is None:
        return ()
    last = this_year if post.ends_on is None else post.ends_on.year
    return range(post.starts_on.year, last + 1)


# --- columns that several kinds have

MECHANISM = gettext_lazy("The mechanism, by the last part of its page's address.")


def told_by() -> tuple[Column, ...]:
    """Where a record comes from: what every kind ends with."""
    return (
        Column("source", Text(), gettext_lazy("Where it is written."), "OSI report 2026, p. 4"),
        Column("confidence", Code(Confidence), gettext_lazy("How sure the source is."), "high"),
        Column("note", Text(), gettext_lazy("What is odd about it."), ""),
    )


def code(help_text: Words, example: str) -> Column:
    """What a record goes by. A file must name it also for a new one: else the same file, sent
    twice, would make it twice."""
    if_empty = gettext_lazy(
        "It can't be empty. Give a new record a code of your own: by it the portal knows the row "
        "when the file comes again."
    )
    return Column("code", Text(40), help_text, example, True, if_empty=if_empty)


def iscm(required: bool = True) -> Column:
    return Column("iscm", Link(ISCM, "slug"), MECHANISM, "rcm", required, "iscm__slug")


def year(required: bool = True) -> Column:
    return Column("year", Year(), gettext_lazy("The year."), "2026", required)


def project(required: bool = False) -> Column:
    help_text = gettext_lazy("The project, by its code.")
    return Column("project", Link(Project, "code"), help_text, "PR.0042", required, "project__code")


def office(name: str = "office", required: bool = False) -> Column:
    help_text = gettext_lazy("The office, by its slug.")
    return Column(name, Link(Office, "slug"), help_text, "co-bangkok", required, f"{name}__slug")


def first_and_last(first: str = "starts_on", last: str = "ends_on") -> tuple[Column, Column]:
    return (
        Column(first, Day(), gettext_lazy("The first day."), "2026-01-01"),
        Column(last, Day(), gettext_lazy("The last day."), "2027-12-31"),
    )


# --- the kinds

PROJECTS = Kind(
    ImportKind.PROJECTS,
    Project,
    key=("code",),
    columns=(
        code(gettext_lazy("What the project goes by."), "PR.0042"),
        Column("title", Text(300), gettext_lazy("Its title."), "Border management", True),
        Column(
            "donors",
            ManyLinks(Organisation, "slug"),
            gettext_lazy("Who pays for it."),
            "european-union; japan",
        ),
        *first_and_last(),
        office("lead_office"),
        *told_by(),
    ),
    rule_set=rules.PROJECT,
)

FUNDING_LINES = Kind(
    ImportKind.FUNDING_LINES,
    FundingLine,
    key=("code",),
    columns=(
        code(
            gettext_lazy("What the line goes by; a new one needs a code of your own."),
            "OSI.2026.014",
        ),
        year(required=False),
        *first_and_last("period_starts_on", "period_ends_on"),
        Column(
            "source_of_funds",
            Code(FundingSource),
            gettext_lazy("Where the money comes from."),
            "osi",
            True,
        ),
        Column("supports", Code(Supports), gettext_lazy("What it supports."), "iscm", True),
        iscm(required=False),
        project(),
        office(),
        Column("label", Text(250), gettext_lazy("The budget line."), "Secretariat costs", True),
        Column("payer", Text(120), gettext_lazy("Who pays."), "IOM"),
        Column(
            "amount_usd",
            USD,
            gettext_lazy("The amount in USD; empty: the original amount at its rate."),
            "108.00",
        ),
        Column("original_currency", Currency(), gettext_lazy("Where it is not USD."), "EUR"),
        Column(
            "original_amount",
            ORIGINAL_AMOUNT,
            gettext_lazy("The amount in that currency."),
            "100.00",
        ),
        Column(
            "rate_used",
            RATE,
            gettext_lazy("USD for one unit; empty: the portal's rate of the day."),
            "1.08",
        ),
        Column("rated_on", Day(), gettext_lazy("The day of the rate."), "2026-03-31"),
        Column("per", Text(40), gettext_lazy("What the amount is for one of."), "year"),
        Column("qualifier", Text(60), gettext_lazy("As the source says: about, up to."), "about"),
        Column(
            "printed_table",
            Number(2, 0),
            gettext_lazy("Table of the evaluation of 2019 that prints it."),
            "4",
        ),
        Column("document", Text(250), gettext_lazy("The document it stands in."), "C/109/6"),
        Column(
            "is_counted",
            YesNo(empty=True),
            gettext_lazy("Whether it counts in totals; empty is yes."),
            "yes",
        ),
        Column("not_counted_reason", Text(250), gettext_lazy("Why not."), ""),
        *told_by(),
    ),
    rule_set=rules.FUNDING_LINE,
    filled=rules.filled_line,
    years=own_year,
)

ATTRIBUTIONS = Kind(
    ImportKind.ATTRIBUTIONS,
    Attribution,
    key=("project", "iscm", "year"),
    columns=(
        project(required=True),
        iscm(),
        year(),
        Column(
            "basis",
            Code(AttributionBasis),
            gettext_lazy("What is known of the share."),
            "stated_share",
            True,
        ),
        Column(
            "share_pct",
            PERCENTAGE,
            gettext_lazy("Per cent of the project's support in the year."),
            "25",
        ),
        Column("amount_usd", USD, gettext_lazy("The stated amount."), ""),
        *told_by(),
    ),
    rule_set=rules.ATTRIBUTION,
    filled=rules.filled_attribution,
    years=own_year,
    whole=("project", "year"),
)

POSITIONS = Kind(
    ImportKind.POSITIONS,
    Position,
    key=("code",),
    columns=(
        code(
            gettext_lazy("What the post goes by; a new one needs a code of your own."), "BKK.0007"
        ),
        Column("title", Text(160), gettext_lazy("Its title."), "Programme Officer", True),
        Column("grade", Grade(), gettext_lazy("The grade."), "P3"),
        office(required=True),
        *first_and_last(),
        Column(
            "has_tor", YesNo(), gettext_lazy("Whether terms of reference are on record."), "yes"
        ),
        Column("paid_by", Code(PaidBy), gettext_lazy("Who pays the post."), "office", True),
        Column("payer", Text(120), gettext_lazy("Who else funds it, by name."), "RSO"),
        Column(
            "payer_pct",
            PERCENTAGE,
            gettext_lazy("The part that this payer funds, in per cent."),
            "20",
        ),
        Column(
            "funding_line",
            Link(FundingLine, "code"),
            gettext_lazy("The line that pays it, by its code."),
            "",
            path="funding_line__code",
        ),
        project(),
        Column(
            "shares",
            Shares(ISCM, "slug"),
            gettext_lazy("What part of the post is for each mechanism."),
            "bali-process:20; rcm:10",
        ),
        *told_by(),
    ),
    rule_set=rules.POSITION,
    years=years_held,
)

CONTRIBUTIONS = Kind(
    ImportKind.CONTRIBUTIONS,
    AssessedContribution,
    key=("iscm", "country", "year"),
    columns=(
        iscm(),
        Column(
            "country",
            Link(Country, "iso3"),
            gettext_lazy("The Member State."),
            "CRI",
            True,
            "country__iso3",
        ),
        year(),
        Column(
            "scale_pct",
            Number(7, 4, most=100),
            gettext_lazy("Its part of the scale that the mechanism agreed on."),
            "8.5",
        ),
        Column(
            "assessed_usd",
            USD,
            gettext_lazy("What it is to pay."),
            "12000.00",
            True,
        ),
        Column(
            "paid_usd",
            Number(14, 2, empty=Decimal("0.00")),
            gettext_lazy("What it has paid; empty is 0."),
            "6000.00",
        ),
        Column("paid_on", Day(), gettext_lazy("When it last paid."), "2026-05-31"),
        *told_by(),
    ),
    rule_set=rules.CONTRIBUTION,
    years=own_year,
)

CURRENCY_RATES = Kind(
    ImportKind.CURRENCY_RATES,
    CurrencyRate,
    key=("currency", "rated_on"),
    columns=(
        Column("currency", Currency(rated=True), gettext_lazy("The currency."), "EUR", True),
        Column("rated_on", Day(), gettext_lazy("The day."), "2026-03-31", True),
        Column("usd_per_unit", RATE, gettext_lazy("USD for one unit."), "1.08", True),
        *told_by(),
    ),
)

STANDARD_COSTS = Kind(
    ImportKind.STANDARD_COSTS,
    StandardCost,
    key=("grade", "year"),
    columns=(
        Column("grade", Grade(), gettext_lazy("The grade."), "P3", True),
        year(),
        Column(
            "usd_per_day",
            Number(9, 2),
            gettext_lazy("What a working day costs (USD)."),
            "412.50",
            True,
        ),
        *told_by(),
    ),
    years=own_year,
)

KINDS: dict[str, Kind] = {
    kind.code.value: kind
    for kind in (
        PROJECTS,
        FUNDING_LINES,
        ATTRIBUTIONS,
        POSITIONS,
        CONTRIBUTIONS,
        CURRENCY_RATES,
        STANDARD_COSTS,
    )
}
