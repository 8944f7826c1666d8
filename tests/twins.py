"""What the brute-force twins share: rows that are gone again, and exact rounding."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from django.db import transaction
from hypothesis import HealthCheck, settings

# The database fixture spans all examples of a test; each example takes its own rows back.
twin_settings = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

# With TWIN_EXAMPLES=200 so many, others each time.
MORE = int(os.environ.get("TWIN_EXAMPLES", 0))


def examples(few: int) -> settings:
    """So many examples, the same each time; or as many as TWIN_EXAMPLES asks for, at random."""
    if MORE:
        return settings(twin_settings, max_examples=MORE, derandomize=False, print_blob=True)
    return settings(twin_settings, max_examples=few)


@contextmanager
def taken_back() -> Iterator[None]:
    """Whatever is written inside is rolled back at the end."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def rounded(number: Fraction, places: int) -> Decimal:
    """``number`` half up (away from zero) to ``places`` decimals."""
    step = Decimal(1).scaleb(-places)
    # 60 digits are far beyond what any test holds: the division is exact or far from a tie.
    whole, rest = divmod(abs(number.numerator) * 10 ** (places + 20), number.denominator)
    text = Decimal(whole * 10 + (1 if rest else 0)).scaleb(-(places + 21))
    result = text.quantize(step, ROUND_HALF_UP)
    return -result if number < 0 else result
