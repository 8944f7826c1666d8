"""Workbooks hold what was written into them, as two independent readers see it."""

import datetime as dt
import io
from decimal import Decimal

import openpyxl
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from iscm_portal.common.workbooks import workbook


def written(*args, **kwargs) -> io.BytesIO:
    return io.BytesIO(b"".join(workbook(*args, **kwargs)))


def read(file: io.BytesIO) -> list[list]:
    sheet = CalamineWorkbook.from_filelike(file).get_sheet_by_index(0)
    return sheet.to_python()


def test_numbers_dates_and_texts_come_out_as_what_they_are():
    rows = [["Bali Process", Decimal("1234.50"), 2019, dt.date(2019, 3, 31), True, None]]
    file = written(["label", "usd", "year", "day", "flag", "empty"], rows)
    assert read(file) == [
        ["label", "usd", "year", "day", "flag", "empty"],
        ["Bali Process", 1234.5, 2019.0, dt.date(2019, 3, 31), True, ""],
    ]
    sheet = openpyxl.load_workbook(file).worksheets[0]
    assert [cell.value for cell in sheet[2]] == [
        "Bali Process",
        1234.5,
        2019,
        dt.datetime(2019, 3, 31),
        True,
        None,
    ]
    assert sheet["A1"].font.b
    assert sheet.freeze_panes == "A2"


def test_a_formula_is_written_as_a_text():
    sheet = openpyxl.load_workbook(written(["a"], [["=1+1"], ["@x"]])).worksheets[0]
    assert [sheet[place].value for place in ("A2", "A3")] == ["=1+1", "@x"]
    assert "f" not in {sheet[place].data_type for place in ("A2", "A3")}


def test_the_last_sheet_says_how_many_rows_there_are():
    file = written(["a"], ([n] for n in range(1234)))
    assert CalamineWorkbook.from_filelike(file).get_sheet_by_index(1).to_python() == [
        ["Rows", 1234.0]
    ]


def test_marked_cells_are_coloured_and_no_others():
    file = written(["a", "b"], [["x", "y"], ["z", ""]], marked={(2, 2), (3, 2)})
    sheet = openpyxl.load_workbook(file).worksheets[0]
    coloured = [
        cell.coordinate for row in sheet for cell in row if cell.fill.patternType == "solid"
    ]
    assert coloured == ["B2", "B3"]


def test_a_number_with_more_digits_than_a_spreadsheet_keeps_is_a_text():
    file = written(["a"], [[Decimal("12345678901234567.89")], [Decimal("1234567890.12345")]])
    assert read(file)[1:] == [["12345678901234567.89"], [1234567890.12345]]


def test_a_text_that_a_spreadsheet_would_take_for_a_sign_comes_back_as_it_was():
    content = b"".join(workbook(["a"], [["x_x0041_y"], ["_x000D_"], ["_x12"]]))
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0)
    assert sheet.to_python()[1:] == [["x_x0041_y"], ["_x000D_"], ["_x12"]]


def test_rows_go_out_before_the_last_one_is_there():
    taken = []

    def rows():
        for n in range(50_000):
            taken.append(n)
            yield [f"row {n}", n * 7919 % 10007]

    first = next(workbook(["a", "b"], rows()))
    assert first.startswith(b"PK")
    assert len(taken) < 50_000


@given(
    rows=st.lists(
        st.tuples(
            st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs", "Cn"]), max_size=20),
            st.integers(-(10**14), 10**14),
            st.dates(dt.date(1900, 3, 1), dt.date(2200, 1, 1)),
        ),
        max_size=8,
    )
)
def test_what_goes_in_comes_out(rows):
    found = read(written(["text", "number", "day"], rows))[1:]
    shown = [
        (text.replace("\ufffe", "\ufffd").replace("\uffff", "\ufffd"), n, d) for text, n, d in rows
    ]
    assert [tuple(row) for row in found] == [(text, float(n), day) for text, n, day in shown]


@given(text=st.text(max_size=30))
def test_whatever_the_text_the_file_can_be_read(text):
    assert len(read(written(["a"], [[text], ["end"]]))) == 3
