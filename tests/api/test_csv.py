"""CSV: the whole filtered list, fixed columns, no formulas."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from engagements.models import Organisation
from iscm_portal.common.records import CHUNK
from tests.api.client import LISTS, Api, accepted_report, body
from tests.factories import engagements as make
from tests.factories import finance as money
from tests.factories import reporting as told

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", LISTS)
def test_the_columns_are_the_same_with_rows_and_without(name: str) -> None:
    api = Api()
    empty = body(api.get(f"{name}/", format="csv")).decode().splitlines()[0]
    LISTS[name][1]()
    filled = body(api.get(f"{name}/", format="csv")).decode().splitlines()[0]
    assert filled == empty
    assert filled.startswith("id,")


def test_the_whole_list_comes_whatever_its_length() -> None:
    Organisation.objects.bulk_create(make.OrganisationFactory.build_batch(CHUNK + 3))
    for query in ({}, {"page_size": 1}):
        rows = Api().table("organisations/", fields="id,slug", **query)
        assert len(rows) == CHUNK + 3
        assert len({row["id"] for row in rows}) == CHUNK + 3


def test_it_is_streamed_and_named_as_a_download() -> None:
    response = Api().get("themes/", format="csv")
    assert response.streaming
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="themes.csv"'


def test_it_can_be_asked_for_by_the_accept_header_too() -> None:
    theme = make.ThemeFactory()
    response = Api().client.get("/api/v1/themes/", headers={"Accept": "text/csv"})
    assert body(response).decode().splitlines()[1].startswith(f"{theme.pk},{theme.code},")


def test_a_list_in_a_cell_is_joined_and_rows_of_other_tables_are_left_out() -> None:
    one, two = make.ISCMFactory(slug="a"), make.ISCMFactory(slug="b")
    event = make.EventFactory(iscms=[one, two])
    make.DelegateFactory(event=event)
    (row,) = Api().table("events/")
    assert row["iscms"] == "a; b"
    assert "delegation" not in row


def test_parts_of_a_value_have_columns_of_their_own() -> None:
    told.IndicatorValueFactory(
        value=Decimal("-3.5"), reports_owed=3, reports_accepted=2, beside={"spread": "1.5"}
    )
    (row,) = Api().table("indicator-values/")
    assert (row["coverage_accepted"], row["coverage_owed"]) == ("2", "3")
    assert row["beside"] == '{"spread":"1.5"}'
    # A number that is negative is no formula.
    assert row["value"] == "-3.50"


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r"])
def test_a_text_that_a_spreadsheet_would_run_is_guarded(sign: str) -> None:
    make.ISCMFactory(name=f"{sign}cmd|' /C calc'!A0", acronym="A=B")
    (row,) = Api().table("iscms/")
    assert row["name"] == f"'{sign}cmd|' /C calc'!A0"
    assert row["acronym"] == "A=B"


def test_a_list_that_begins_like_a_formula_is_guarded() -> None:
    goal = make.OrganisationFactory(name="=1+1")
    money.ProjectFactory(donors=[goal])
    (row,) = Api().table("projects/")
    assert row["donor_labels"] == "'=1+1"


def test_line_breaks_quotes_and_other_scripts_come_back_as_they_were() -> None:
    text = 'A "quoted" line,\nand مرحبا 你好 é̂ another'
    make.ISCMFactory(note=text)
    (row,) = Api().table("iscms/")
    assert row["note"] == text


def test_true_false_unknown_days_and_moments_are_written_as_in_json() -> None:
    make.ISCMFactory(is_self_financing=None, has_private_sector_group=True)
    api = Api()
    (line,) = api.table("iscms/")
    (record,) = api.results("iscms/")
    assert (line["has_private_sector_group"], line["is_demo"]) == ("true", "false")
    assert line["is_self_financing"] == line["year_established"] == ""
    assert line["updated_at"] == record["updated_at"]


@pytest.mark.parametrize(
    ("microsecond", "decimals"),
    [(0, ""), (500_000, ".500000"), (123_450, ".123450"), (123_456, ".123456"), (1, ".000001")],
)
def test_a_moment_has_six_decimals_or_none(microsecond: int, decimals: str) -> None:
    line = money.FundingLineFactory()
    moment = dt.datetime(2026, 3, 31, 9, 0, 5, microsecond, tzinfo=dt.UTC)
    type(line).objects.update(updated_at=moment)
    api = Api()
    (record,), (row,) = api.results("funding-lines/"), api.table("funding-lines/")
    assert record["updated_at"] == row["updated_at"] == f"2026-03-31T09:00:05{decimals}Z"


def test_an_error_is_json_also_when_csv_was_asked_for() -> None:
    assert Api().errors("iscms/", format="csv", type="x") == {
        "type": ["Select a valid choice. x is not one of the available choices."]
    }


def test_reports_bring_their_open_text_in_csv() -> None:
    accepted_report(discussed="Points.", discussed_restricted="Closed.")
    (row,) = Api().table("reports/")
    assert row["discussed"] == "Points."
    assert "Closed." not in str(row)
