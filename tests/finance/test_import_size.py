"""A file of 100,000 rows: every planted error found to the cell, and the mended one written and
undone whole. How long that takes is measured by ``tests/benchmarks/imports.py``."""

from __future__ import annotations

import random

import pytest
from django.db.models import Count, Sum

from finance.models import FundingLine
from finance.services.importing import showing
from iscm_portal.common.workbooks import workbook
from tests.factories import engagements as make
from tests.finance.imported import checked, undo, write

# Where so much is imported; what differs on SQLite is tested with few rows.
pytestmark = [pytest.mark.django_db, pytest.mark.only_on("postgresql")]

HEADER = ["code", "year", "source_of_funds", "supports", "iscm", "label", "amount_usd", "note"]
# column -> (a value that is wrong there, the column that the error is told at, a word of it)
SLIPS = {
    "year": ("20x6", "B", "is not a year"),
    "source_of_funds": ("osii", "C", "Write one of"),
    "iscm": ("rmc", "E", "There is no mechanism"),
    "label": ("", "F", "can't be empty"),
    "amount_usd": ("-5", "G", "below zero"),
}


def line(n: int) -> list:
    return [f"L.{n:06d}", 2026, "osi", "iscm", "rcm", f"Line {n}", n % 9973, f"Remark on {n}"]


def spoilt(rows: list[list], errors: int) -> tuple[list[list], dict[str, str]]:
    """The rows with so many errors, and the cells that these are in: place -> a word of it."""
    chance = random.Random(20191231)
    found, planted = [list(row) for row in rows], {}
    for n in chance.sample(range(len(rows)), errors):
        column = chance.choice(sorted(SLIPS))
        value, letter, word = SLIPS[column]
        found[n][HEADER.index(column)] = value
        planted[f"{letter}{n + 2}"] = word
    return found, planted


def as_workbook(rows: list[list]) -> bytes:
    return b"".join(workbook(HEADER, rows))


def test_500_planted_errors_in_100_000_rows_are_found_and_the_mended_file_written_and_undone():
    rows = 100_000
    make.ISCMFactory(slug="rcm")
    officer = make.UserFactory(access_group="finance", office=None)
    sound = [line(n) for n in range(rows)]
    wrong, planted = spoilt(sound, 500)
    run = checked("funding_lines", as_workbook(wrong), officer, "a.xlsx")
    told = {showing.place_of(error): error.text for error in run.cell_errors.all()}
    assert told.keys() == planted.keys()
    assert all(planted[place] in text for place, text in told.items())
    assert (run.state, run.checked_rows, run.new) == ("refused", rows, rows - 500)
    assert not FundingLine.objects.exists()
    run = checked("funding_lines", as_workbook(sound), officer, "a.xlsx")
    assert (run.state, run.checked_rows, run.new, run.errors) == ("checked", rows, rows, 0)
    write(run, officer)
    assert (run.state, run.written_rows) == ("written", rows)
    written = FundingLine.objects.aggregate(n=Count("pk"), usd=Sum("amount_usd"))
    assert written == {"n": rows, "usd": sum(n % 9973 for n in range(rows))}
    undo(run, officer)
    assert (run.state, FundingLine.objects.count()) == ("undone", 0)
    kept = FundingLine.history.values_list("history_type").annotate(n=Count("pk"))
    assert dict(kept) == {"+": rows, "-": rows}
