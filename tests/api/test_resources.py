"""Resources: the evaluation's tables cell by cell, and what is worked out."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.core.management import call_command

from iscm_portal.common.choices import Scope
from tests.api import evaluation_tables as printed
from tests.api.client import Api
from tests.factories import engagements as make
from tests.factories import finance as money

pytestmark = pytest.mark.django_db


@pytest.fixture
def evaluation() -> Api:
    call_command("load_evaluation", verbosity=0)
    return Api()


def expected(rows: printed.Rows, cell: str) -> list[dict[str, Any]]:
    return [
        {
            "label": label,
            "iscm": slug,
            "year": year,
            cell: number if cell == "value" else f"{number}.00",
        }
        for label, (slug, numbers) in rows.items()
        for year, number in zip(printed.YEARS, numbers, strict=True)
    ]


@pytest.mark.parametrize(
    ("number", "rows", "totals", "cell"),
    [
        (4, printed.TABLE_4, printed.TOTALS_4, "known_usd"),
        (5, printed.TABLE_5, printed.TOTALS_5, "known_usd"),
        (7, printed.TABLE_7, printed.TOTALS_7, "value"),
    ],
)
def test_a_table_is_the_evaluations_own_cell_by_cell(
    evaluation: Api, number: int, rows: printed.Rows, totals: tuple[int, ...], cell: str
) -> None:
    answer = evaluation.read("resources/", table=number)
    assert answer["table"] == number
    assert answer["rows"] == expected(rows, cell)
    assert answer["totals"] == [
        {"year": year, cell: total if cell == "value" else f"{total}.00"}
        for year, total in zip(printed.YEARS, totals, strict=True)
    ]


def test_table_6_is_the_evaluations_own_cell_by_cell(evaluation: Api) -> None:
    answer = evaluation.read("resources/", table=6)
    cells = [
        {"year": year, "known_usd": f"{usd}.00"}
        for year, usd in zip(printed.YEARS_6, printed.AMOUNTS_6, strict=True)
    ]
    own = {"label": "Colombo Process", "iscm": "colombo-process"}
    assert answer["rows"] == [{**own, **cell} for cell in cells]
    assert answer["totals"] == cells


def test_the_printed_totals_are_the_sums_of_the_printed_cells() -> None:
    """The constants above hold no slip of the pen."""
    for rows, totals in (
        (printed.TABLE_4, printed.TOTALS_4),
        (printed.TABLE_5, printed.TOTALS_5),
        (printed.TABLE_7, printed.TOTALS_7),
    ):
        columns = zip(*(numbers for _slug, numbers in rows.values()), strict=True)
        assert tuple(sum(column) for column in columns) == totals


def test_a_table_comes_as_csv_too(evaluation: Api) -> None:
    lines = evaluation.table("resources/", table=4)
    assert lines[0] == {"label": "GRCP", "iscm": "", "year": "2014", "known_usd": "0.00"}
    assert len(lines) == 54


def test_a_table_is_narrowed_to_years_and_a_mechanism(evaluation: Api) -> None:
    answer = evaluation.read("resources/", table=4, year="2014,2016", iscm="pafom")
    assert [(row["label"], row["year"], row["known_usd"]) for row in answer["rows"]] == [
        ("PAFoM", 2014, "50000.00"),
        ("PAFoM", 2016, "60000.00"),
        ("PAFoM (DG pledge, seed funds)", 2014, "0.00"),
        ("PAFoM (DG pledge, seed funds)", 2016, "100000.00"),
    ]
    assert answer["totals"] == [
        {"year": 2014, "known_usd": "50000.00"},
        {"year": 2016, "known_usd": "160000.00"},
    ]


def test_osi_by_year_rises_by_180_per_cent(evaluation: Api) -> None:
    """Source: evaluation 2019, 4.3."""
    totals = evaluation.read("resources/", source="osi", year="2014..2019")["totals"]
    first, last = Decimal(totals[0]["known_usd"]), Decimal(totals[-1]["known_usd"])
    assert (first, last) == (121_000, Decimal("338300.00"))
    assert round((last - first) * 100 / first) == 180


def test_roles_of_march_2019_are_as_many_as_the_evaluation_counts(evaluation: Api) -> None:
    """Source: evaluation 2019, section 3: 12 technical (co-)secretariats, 3 administrative."""
    on = "2019-03-31"
    assert len(evaluation.results("iom-roles/", on=on, group="technical")) == 12
    assert len(evaluation.results("iom-roles/", on=on, group="administrative")) == 3
    assert len(evaluation.results("iom-roles/", on="2019-10-01", group="technical")) == 11
    kinds = [row["type"] for row in evaluation.results("iscms/", fields="type")]
    assert [kinds.count(kind) for kind in ("rcp", "irf", "global")] == [16, 12, 2]


def test_a_cell_is_what_is_known_and_what_may_be_and_says_what_is_missing() -> None:
    iscm = make.ISCMFactory(slug="sacm", acronym="SACM")
    money.FundingLineFactory(iscm=iscm, year=2026, amount_usd=Decimal(20000))
    project = money.ProjectFactory()
    money.FundingLineFactory(
        project=project, year=2026, source_of_funds="project_support", amount_usd=Decimal(500)
    )
    money.AttributionFactory(project=project, iscm=iscm, year=2026)
    money.TimeEntryFactory(iscm=iscm, grade="UG", days=Decimal("1.5"))
    api = Api()
    assert api.read("resources/") == {
        "rows": [
            {
                "iscm": "sacm",
                "label": "SACM",
                "supports": "iscm",
                "year": 2026,
                "known_usd": "20000.00",
                "low_usd": "20000.00",
                "high_usd": "20500.00",
                "missing": {
                    "unknown_shares": 1,
                    "posts_without_share": 0,
                    "days_without_rate": "1.50",
                    "days_without_payer": "0.00",
                },
                "n": 3,
            }
        ],
        "totals": [
            {
                "year": 2026,
                "known_usd": "20000.00",
                "low_usd": "20000.00",
                "high_usd": "20500.00",
            }
        ],
    }
    assert api.table("resources/")[0] == {
        "iscm": "sacm",
        "label": "SACM",
        "supports": "iscm",
        "year": "2026",
        "known_usd": "20000.00",
        "low_usd": "20000.00",
        "high_usd": "20500.00",
        "n": "3",
        "missing_unknown_shares": "1",
        "missing_posts_without_share": "0",
        "missing_days_without_rate": "1.50",
        "missing_days_without_payer": "0.00",
    }


def test_what_supports_no_single_mechanism_is_named() -> None:
    money.FundingLineFactory(supports="grcp")
    money.FundingLineFactory(supports="all_rcps")
    rows = Api().read("resources/")["rows"]
    assert sorted((row["iscm"], row["label"], row["supports"]) for row in rows) == [
        (None, "All RCPs", "all_rcps"),
        (None, "GRCP meetings", "grcp"),
    ]


def test_years_with_gaps_leave_out_the_years_between() -> None:
    for year in (2014, 2015, 2016):
        money.FundingLineFactory(year=year, supports="grcp")
    api = Api()
    answer = api.read("resources/", year="2014,2016")
    assert [row["year"] for row in answer["rows"]] == [2014, 2016]
    assert [total["year"] for total in answer["totals"]] == [2014, 2016]
    assert len(api.read("resources/", year="2014..2016")["rows"]) == 3
    assert len(api.read("resources/", year="2015")["rows"]) == 1
    assert len(api.read("resources/")["rows"]) == 3
    assert api.read("resources/", by="source", year="2015..2016")["rows"][0]["known_usd"] == (
        "2000.00"
    )


@pytest.mark.parametrize(
    ("query", "at"),
    [
        ({"table": "3"}, ["table"]),
        ({"table": "four"}, ["table"]),
        ({"table": "4", "by": "year"}, ["by"]),
        ({"table": "4", "source": "osi"}, ["source"]),
        ({"by": "colour"}, ["by"]),
        ({"by": "year,year"}, ["by"]),
        ({"year": "14"}, ["year"]),
        ({"year": "2019..2014"}, ["year"]),
        ({"year": "2014..2016..2018"}, ["year"]),
        ({"year": "2014,,2016"}, ["year"]),
        ({"year": "2014,2016", "by": "source"}, ["year"]),
        ({"year": "٢٠١٤"}, ["year"]),
        ({"iscm": "nowhere"}, ["iscm"]),
        ({"iscm": "\0"}, ["iscm"]),
        ({"source": "gold"}, ["source"]),
        ({"tabel": "4"}, ["tabel"]),
        ({"page_size": "4"}, ["page_size"]),
    ],
)
def test_a_wrong_question_is_an_error_at_its_parameter(
    query: dict[str, str], at: list[str]
) -> None:
    assert list(Api().errors("resources/", **query)) == at


def test_a_past_day_is_answered_as_it_was_on_record_then() -> None:
    with time_machine.travel("2026-03-31T12:00:00Z"):
        line = money.FundingLineFactory(year=2026, amount_usd=Decimal(20000))
    line.amount_usd = Decimal(500)
    line.save()
    api = Api()
    for day, known in (("2026-03-30", []), ("2026-03-31", ["20000.00"])):
        answer = api.read("resources/", by="year", as_of=day)
        assert [row["known_usd"] for row in answer["rows"]] == known
    assert api.read("resources/", by="year")["rows"][0]["known_usd"] == "500.00"


@pytest.mark.parametrize("form", ["json", "csv", "xlsx"])
@pytest.mark.parametrize(
    "query", [{"by": "iscm,office,source,year"}, {"by": "office", "source": "osi"}]
)
def test_office_and_source_together_are_lines_and_need_their_scope(
    query: dict[str, str], form: str
) -> None:
    """docs/decisions/0042."""
    total = Api(scopes=[Scope.READ_INDICATORS])
    before = total.errors("resources/", format=form, **query)
    money.FundingLineFactory(office=make.OfficeFactory())
    assert total.errors("resources/", format=form, **query) == before
    assert list(before) == ["by"]
    both = [Scope.READ_INDICATORS, Scope.READ_FINANCE]
    for group, status in (("ipd", 200), ("analyst", 200), ("reporter", 400)):
        api = Api(group, scopes=both)
        assert api.get("resources/", format=form, **query).status_code == status
    for by in ("iscm,office,year", "office,year", "iscm,source,year"):
        assert total.get("resources/", format=form, by=by).status_code == 200


@time_machine.travel("2026-11-25T12:00:00Z")
def test_without_a_year_an_open_post_costs_nothing_after_the_last_year_of_anything() -> None:
    """Else it would cost something every year until 2200."""
    iscm = make.ISCMFactory()
    post = money.PositionFactory(starts_on=dt.date(2025, 1, 1), ends_on=None)
    money.PositionShareFactory(position=post, iscm=iscm)
    api = Api()

    def years() -> list[int]:
        answer = api.read("resources/")
        found = [row["year"] for row in answer["rows"]]
        assert found == [row["year"] for row in answer["totals"]]
        return found

    assert years() == [2025, 2026]
    days = api.read("resources/", by="iscm")["rows"][0]["missing"]["days_without_rate"]
    assert (
        days
        == api.read("resources/", by="iscm", year="2025..2026")["rows"][0]["missing"][
            "days_without_rate"
        ]
    )
    money.TimeEntryFactory(iscm=iscm, worked_on=dt.date(2028, 2, 1))
    assert years() == [2025, 2026, 2027, 2028]
    assert [row["year"] for row in api.read("resources/", as_of="2025-03-01")["rows"]] == []
    money.AttributionFactory(iscm=iscm, year=2029)
    assert years()[-1] == 2029
    money.FundingLineFactory(iscm=iscm, year=2030)
    assert years()[-1] == 2030
    assert len(api.read("resources/", year="2031")["rows"]) == 1


@pytest.mark.parametrize("day", ["yesterday", "2026-02-30", "0001-01-01", "2026"])
def test_a_day_that_is_none_is_refused_at_its_field(day: str) -> None:
    answer = Api().get("resources/", as_of=day)
    assert (answer.status_code, list(answer.json())) == (400, ["as_of"])


def test_what_a_single_project_got_is_no_total() -> None:
    answer = Api().get("resources/", by="project")
    assert (answer.status_code, list(answer.json())) == (400, ["by"])
