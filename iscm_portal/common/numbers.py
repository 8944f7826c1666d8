"""Numbers that are published: exact until the last step, rounded half up to four decimals."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

CENT = Decimal("0.01")


def summed(total: Decimal | None, step: Decimal = CENT) -> Decimal:
    """A sum as the database gives it, to the ``step`` that its parts have; of nothing it is 0."""
    # SQLite adds decimals up as floats; where the parts have cents, the sum is known to the cent.
    return Decimal(total or 0).quantize(step, ROUND_HALF_UP)


def cents(amount: Fraction | Decimal | int | None) -> Decimal:
    """``amount`` half up to cents; of nothing it is 0."""
    exact = Fraction(amount or 0)
    rounded = Decimal((abs(exact) * 200 + 1) // 2).scaleb(-2)
    return -rounded if exact < 0 else rounded


def percent(part: Fraction | Decimal | int, whole: Fraction | Decimal | int) -> Decimal | None:
    """``part`` in per cent of ``whole``, half up to one decimal; None over nothing."""
    if not whole:
        return None
    exact = Fraction(part) / Fraction(whole) * 100
    rounded = Decimal((abs(exact) * 20 + 1) // 2).scaleb(-1)
    return -rounded if exact < 0 else rounded


def to_four_places(number: Fraction | Decimal | int | None) -> Decimal | None:
    """``number`` half up to four decimals; None stays None."""
    if number is None:
        return None
    exact = Fraction(number)
    ten_thousandths = (abs(exact) * 20_000 + 1) // 2
    return Decimal(-ten_thousandths if exact < 0 else ten_thousandths).scaleb(-4)


def ratio(
    numerator: Fraction | Decimal | int, denominator: Decimal | int, scale: int = 1
) -> Decimal | None:
    """``scale`` x numerator / denominator to four decimals; over nothing it is None."""
    if not denominator:
        return None
    return to_four_places(Fraction(numerator) * scale / Fraction(denominator))


def median(histogram: dict[int, int]) -> Decimal | None:
    """The median of a number that occurs as often as ``histogram`` says; None of nothing."""
    total = sum(histogram.values())
    if not total:
        return None
    middle = ((total - 1) // 2, total // 2)
    found: list[int] = []
    passed = 0
    for number in sorted(histogram):
        passed += histogram[number]
        while len(found) < 2 and middle[len(found)] < passed:
            found.append(number)
    return to_four_places(Fraction(sum(found), 2))
