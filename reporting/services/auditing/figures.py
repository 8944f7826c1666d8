"""From a tally to what is shown: exact until the last step, half up to four decimals."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from typing import Any

from .tally import Tally

# More digits than any number here has: a division is exact, or far from a tie.
DIGITS = 60


@dataclass
class Figures:
    """One cell as it should stand. ``beside`` is as it is kept: texts, whole numbers or None;
    without ``n`` it has too few answers to show."""

    value: Decimal | None = None
    numerator: Decimal | None = None
    denominator: Decimal | None = None
    n: int | None = 0
    beside: dict[str, Any] = field(default_factory=dict)


def to_places(number: Fraction | int, places: int) -> Decimal:
    """``number`` half up (away from zero) to so many decimals."""
    exact = Fraction(number)
    with localcontext(prec=DIGITS):
        divided = Decimal(exact.numerator) / Decimal(exact.denominator)
        return divided.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def four(number: Fraction | int) -> Decimal:
    return to_places(number, 4)


def per_cent(part: Fraction | int, whole: Fraction | int) -> Decimal | None:
    return four(Fraction(part) * 100 / Fraction(whole)) if whole else None


def text(number: Decimal | None) -> str | None:
    return None if number is None else str(number)


# A measure's figures are made of a tally; None is a year in which nobody knows.


def number_of_records(tally: Tally | None) -> Figures:
    return Figures() if tally is None else sum_of(tally, 1)


def sum_of_hundredths(tally: Tally | None) -> Figures:
    return Figures() if tally is None else sum_of(tally, 100)


def sum_of(tally: Tally, per: int) -> Figures:
    shown = four(Fraction(tally.amount, per))
    return Figures(shown, shown, None, tally.n)


def requests(tally: Tally | None) -> Figures:
    found = number_of_records(tally)
    tally = tally or Tally()
    found.beside = {
        "share_met_pct": text(per_cent(tally.aside, tally.n)),
        "median_days_to_answer": text(median(tally.days)),
    }
    return found


def share(tally: Tally | None) -> Figures:
    """The records of which something holds, in per cent of all."""
    if tally is None:
        return Figures()
    return Figures(per_cent(tally.amount, tally.n), four(tally.amount), four(tally.n), tally.n)


def mean(tally: Tally, per: int) -> Figures:
    total = Fraction(tally.amount, per)
    return Figures(four(total / tally.n), four(total), four(tally.n), tally.n)


def satisfaction(tally: Tally | None) -> Figures:
    found = Figures() if tally is None else mean(tally, 1)
    tally = tally or Tally()
    found.beside = {"share_satisfied_pct": text(per_cent(tally.aside, tally.n))}
    return found


def knowledge(tally: Tally | None) -> Figures:
    found = Figures() if tally is None else mean(tally, 100)
    found.beside = {"change_in_spread": text(change_in_spread(tally or Tally()))}
    return found


def timeliness(tally: Tally | None) -> Figures:
    tally = tally or Tally()
    beside = {"in_time_pct": text(per_cent(tally.aside, tally.n))}
    return Figures(median(tally.days), None, None, tally.n, beside)


def median(days: dict[int, int]) -> Decimal | None:
    """The middle of all, or half way between the two middle ones."""
    in_order = [number for number in sorted(days) for _each in range(days[number])]
    if not in_order:
        return None
    lower, upper = in_order[(len(in_order) - 1) // 2], in_order[len(in_order) // 2]
    return four(Fraction(lower + upper, 2))


def change_in_spread(tally: Tally) -> Decimal | None:
    """The standard deviation of the countries' means after, less that before; of two at least."""
    if len(tally.states) < 2:
        return None
    before = [Fraction(was, n * 100) for n, was, _change in tally.states.values()]
    after = [Fraction(was + change, n * 100) for n, was, change in tally.states.values()]
    with localcontext(prec=DIGITS):
        change = deviation(after) - deviation(before)
        # To nine decimals first: the databases divide in fewer digits, and so can't tell a tie
        # from what is next to one.
        nearly = change.quantize(Decimal("1e-9"), ROUND_HALF_UP)
        # Nothing is neither above nor below.
        return nearly.quantize(Decimal("0.0001"), ROUND_HALF_UP) + 0


def deviation(values: list[Fraction]) -> Decimal:
    n = len(values)
    nothing = Fraction(0)
    variance = (
        sum((value * value for value in values), nothing) / n - (sum(values, nothing) / n) ** 2
    )
    return (Decimal(variance.numerator) / Decimal(variance.denominator)).sqrt()
