"""What a record goes by in files and for other programs, where nobody has named it."""

from __future__ import annotations

import secrets

# Without what is read as something else (0 and O, 1 and I and L), and no U: no words come of it.
LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"


def line_code() -> str:
    """A code for a funding line, as in L-7K3Q9-XWD2M."""
    return _code("L")


def post_code() -> str:
    """A code for a post, as in P-7K3Q9-XWD2M."""
    return _code("P")


def _code(kind: str) -> str:
    """Drawn by lot, since it is needed before the row has a number. That any two of a million are
    alike is one in a thousand, and the database refuses the second."""
    drawn = "".join(secrets.choice(LETTERS) for _place in range(10))
    return f"{kind}-{drawn[:5]}-{drawn[5:]}"
