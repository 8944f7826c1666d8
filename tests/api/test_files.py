"""CSV and XLSX alike: fixed columns that docs/api-columns.md names, HXL tags, the number of rows;
and PostgreSQL's own way of writing CSV, byte for byte that of the others."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import resource
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from finance.api import resources
from iscm_portal.common import copying
from iscm_portal.common.records import Reader, as_texts
from iscm_portal.common.tables import Column
from reporting.api import evidence
from tests.api.client import LISTS, Api, body, view_of
from tests.factories import engagements as make
from tests.factories import finance as money
from tests.factories import reporting as told

pytestmark = pytest.mark.django_db

GUIDE = Path(settings.BASE_DIR) / "docs" / "api-columns.md"
# The hashtags of the dictionary of HXL 1.1.
HASHTAGS = {
    "access",
    "activity",
    "adm1",
    "adm2",
    "adm3",
    "adm4",
    "adm5",
    "affected",
    "beneficiary",
    "capacity",
    "cause",
    "channel",
    "contact",
    "country",
    "crisis",
    "currency",
    "date",
    "delivery",
    "description",
    "event",
    "frequency",
    "geo",
    "group",
    "impact",
    "indicator",
    "inneed",
    "item",
    "loc",
    "meta",
    "modality",
    "need",
    "operations",
    "org",
    "output",
    "population",
    "reached",
    "region",
    "respondee",
    "sector",
    "service",
    "severity",
    "status",
    "subsector",
    "targeted",
    "value",
}
copies = pytest.mark.only_on("postgresql")  # SQLite has no COPY


def columns_of(name: str) -> list[Column]:
    return Reader(view_of(name).serializer_class, None).columns


def resource_columns(query: dict[str, str]) -> list[Column]:
    return resources.columns(resources.question(query, None, dt.date(2026, 1, 1)))


def tables() -> dict[str, list[Column]]:
    """Every table of the API by what it is asked by, and its columns."""
    everything = ",".join(resources.DIMENSIONS)
    return {
        **{name: columns_of(name) for name in LISTS},
        "indicator-values/{id}/evidence": evidence.TABLE_COLUMNS,
        "resources": resource_columns({}),
        f"resources?by={everything}": resource_columns({"by": everything}),
        "resources?table=4": resource_columns({"table": "4"}),
        "resources?table=7": resource_columns({"table": "7"}),
    }


def guide() -> str:
    """The text of docs/api-columns.md."""
    head = GUIDE.read_text().partition("\n| table |")[0] if GUIDE.exists() else ""
    lines = [f"{head}\n| table | column | kind | HXL |", "| --- | --- | --- | --- |"]
    for name, columns in tables().items():
        for column in columns:
            tag = f"`{column.hxl}`" if column.hxl else ""
            lines.append(f"| `{name}` | `{column.name}` | {column.kind.value} | {tag} |")
    return "\n".join(lines) + "\n"


def test_the_guide_names_every_column_in_its_order() -> None:
    """To be written anew: ``python -m tests.api.columns``."""
    assert GUIDE.read_text() == guide()


@pytest.mark.parametrize("name", LISTS)
def test_csv_and_xlsx_have_the_columns_of_the_guide_with_rows_and_without(name: str) -> None:
    names = [column.name for column in columns_of(name)]
    api = Api()
    for rows in range(2):
        text = body(api.get(f"{name}/", format="csv")).decode()
        assert next(csv.reader(io.StringIO(text))) == names
        assert api.sheet(f"{name}/")[0] == names
        assert len(api.table(f"{name}/")) >= rows
        LISTS[name][1]()


def test_resources_and_evidence_have_fixed_columns_too() -> None:
    api = Api()
    value = told.IndicatorValueFactory(indicator__key="support_requests")
    for place, name in (
        ("resources/", "resources"),
        ("resources/?table=4", "resources?table=4"),
        ("resources/?table=7", "resources?table=7"),
        (f"indicator-values/{value.pk}/evidence/", "indicator-values/{id}/evidence"),
    ):
        names = [column.name for column in tables()[name]]
        for form in ("csv", "xlsx"):
            joint = "&" if "?" in place else "?"
            response = api.get(f"{place}{joint}format={form}")
            assert response.status_code == 200
            if form == "csv":
                assert body(response).decode().splitlines()[0].split(",") == names
    money.FundingLineFactory(amount_usd=Decimal("20.50"))
    response = api.get("resources/", format="csv")
    assert response["X-Row-Count"] == "1"
    assert api.sheet("resources/", by="year")[1][1] == 20.5


@pytest.mark.parametrize("name", LISTS)
def test_a_sheet_holds_what_the_csv_holds(name: str) -> None:
    LISTS[name][1]()
    api = Api()
    lines, sheet = api.table(f"{name}/"), api.sheet(f"{name}/")
    assert len(lines) == len(sheet) - 1
    for line, cells in zip(lines, sheet[1:], strict=True):
        for text, cell, column in zip(line.values(), cells, columns_of(name), strict=True):
            assert same(text, cell), column.name


def same(text: str, cell: Any) -> bool:
    """Whether a cell of CSV and one of XLSX say the same."""
    if cell is None:
        return text == ""
    if isinstance(cell, bool):
        return text == str(cell).lower()
    if isinstance(cell, dt.datetime):
        return text == cell.date().isoformat()
    if isinstance(cell, int | float):
        return Decimal(text) == Decimal(str(cell))
    return text.removeprefix("'") == cell


# --- HXL


@pytest.mark.parametrize("name", tables())
def test_tags_are_of_the_standard_and_told_apart(name: str) -> None:
    tags = [column.hxl for column in tables()[name]]
    for tag in filter(None, tags):
        assert re.fullmatch(r"#[a-z][a-z0-9_]*(\+[a-z][a-z0-9_]*)*", tag)
        assert tag[1:].split("+")[0] in HASHTAGS
    given = [tag for tag in tags if tag]
    assert len(given) == len(set(given)), [tag for tag in given if given.count(tag) > 1]
    assert len(given) >= len(tags) - 1, [c.name for c in tables()[name] if not c.hxl]


def test_a_row_of_tags_stands_below_the_header_when_asked_for() -> None:
    country = make.CountryFactory(iso3="JPN")
    make.OfficeFactory(country=country)
    api = Api()
    picked = "id,country,country_label"
    tags = ["#meta+id", "#country+code", "#country+name"]
    text = body(api.get("offices/", format="csv", hxl="1", fields=picked)).decode()
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[:2] == [picked.split(","), tags]
    assert rows[2][1] == "JPN"
    assert rows[-1] == ["Rows", "1"]
    assert api.sheet("offices/", hxl="1", fields=picked)[1] == tags
    for query in ({}, {"hxl": "0"}, {"hxl": ""}):
        text = body(api.get("offices/", format="csv", fields=picked, **query)).decode()
        assert len(text.splitlines()) == 3


def test_tags_and_counts_are_of_files_only() -> None:
    api = Api()
    for name, value in (("hxl", "1"), ("counted", "false")):
        for place in ("themes/", "resources/"):
            said = ["Only with format=csv or format=xlsx."]
            assert api.errors(place, **{name: value}) == {name: said}
            assert list(api.errors(place, format="csv", **{name: "maybe"})) == [name]


# --- the number of rows


def test_the_last_line_counts_the_rows_unless_it_is_not_wanted() -> None:
    api = Api()
    for number in range(3):
        text = body(api.get("themes/", format="csv")).decode()
        assert text.endswith(f"Z\nRows,{number}\n" if number else f"\nRows,{number}\n")
        plain = body(api.get("themes/", format="csv", counted="false")).decode()
        assert f"{plain}Rows,{number}\n" == text
        make.ThemeFactory()


def test_one_record_is_a_file_too_and_one_that_is_none_is_404_in_each_form() -> None:
    theme = make.ThemeFactory()
    api = Api()
    for form in ("csv", "xlsx"):
        there = api.get(f"themes/{theme.pk}/", format=form)
        assert (there.status_code, there["X-Row-Count"]) == (200, "1")
        absent = api.get("themes/987654/", format=form)
        assert (absent.status_code, absent.json()) == (404, {"detail": "Not found."})


# --- PostgreSQL's COPY


TEXTS = [
    "plain",
    "",
    "=1+1",
    "+x",
    "-x",
    "@x",
    "\tx",
    "\rx",
    'a "b", c',
    "a\nb",
    "é 你 é̂",
    "'",
    "; ",
]


@copies
def test_copy_and_the_rows_one_by_one_give_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    for row in LISTS.values():
        row[1]()
    for number, text in enumerate(TEXTS):
        money.FundingLineFactory(
            label=text or "x",
            payer=text,
            note=text,
            amount_usd=Decimal(number) / 4,
            original_amount=Decimal(number) / 4,
            rate_used=Decimal(1),
            original_currency="EUR" if number % 2 else "",
            period_starts_on=dt.date(1951, 1, 1) if number % 3 else None,
        )
        make.MembershipFactory(note=text)
        told.LessonFactory(report__state="accepted", text=text)
    api = Api()
    asked = [{}, {"hxl": "1"}, {"counted": "false"}, {"fields": "id,updated_at"}]
    places = [(name, query) for name in LISTS for query in asked]
    copied = [body(api.get(f"{name}/", format="csv", **query)) for name, query in places]
    flat = {name for name in LISTS if Reader(view_of(name).serializer_class, None).is_flat}
    assert {"funding-lines", "time-entries", "support-requests", "memberships"} <= flat
    monkeypatch.setattr(Reader, "is_flat", False)
    for (name, query), content in zip(places, copied, strict=True):
        assert body(api.get(f"{name}/", format="csv", **query)) == content, (name, query)


@copies
def test_what_python_writes_is_what_postgresql_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite has no COPY: there all comes from Python objects. The same of JSON."""
    for number in range(3):
        for row in LISTS.values():
            row[1]()
        money.FundingLineFactory(
            original_currency="EUR",
            original_amount=Decimal("1.5"),
            amount_usd=Decimal("1.5") * (1 + number),
            rate_used=Decimal(1 + number),
            period_starts_on=dt.date(2026, 1, 31),
        )
    api = Api()
    places = [f"{name}/?format={form}" for name in LISTS for form in ("json", "csv")]
    by_sql = [body(api.get(place)) for place in places]
    monkeypatch.setattr("iscm_portal.common.records._texts", {})
    as_texts.cache_clear()
    monkeypatch.setattr(Reader, "is_flat", False)
    for place, content in zip(places, by_sql, strict=True):
        assert body(api.get(place)) == content, place
    as_texts.cache_clear()


@copies
def test_a_list_of_nothing_is_copied_too() -> None:
    money.FundingLineFactory()
    reporter = Api("reporter", scopes=[])
    assert reporter.get("funding-lines/", format="csv").status_code == 403
    text = body(Api().get("funding-lines/", format="csv", year=1999)).decode()
    assert text.endswith("\nRows,0\n")


def many(number: int) -> None:
    line = money.FundingLineFactory(
        label="A budget line of the usual length",
        original_currency="EUR",
        original_amount=Decimal(1000),
        amount_usd=Decimal(1000),
        rate_used=Decimal(1),
    )
    model = type(line)
    fields = [f.attname for f in model._meta.concrete_fields if f.attname not in ("id", "code")]
    shared = {name: getattr(line, name) for name in fields}
    model.objects.bulk_create(
        [model(code=f"MANY.{n}", **shared) for n in range(number)], batch_size=5000
    )


@copies
@pytest.mark.django_db(transaction=True)
def test_a_reader_that_goes_away_ends_the_copy_and_the_next_one_is_served() -> None:
    many(20_000)
    api = Api()
    whole = body(api.get("funding-lines/", format="csv"))
    assert len(whole) > 2 * copying.WAITING * copying.BLOCK
    response = api.get("funding-lines/", format="csv")
    parts = iter(response.streaming_content)
    assert next(parts).startswith(b"id,code,")
    assert next(parts)
    response.close()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE state = 'active'")
    assert body(api.get("funding-lines/", format="csv")) == whole


@copies
@pytest.mark.django_db(transaction=True)
def test_a_copy_that_fails_on_the_way_has_no_last_line(monkeypatch: pytest.MonkeyPatch) -> None:
    many(3)
    monkeypatch.setattr(
        "iscm_portal.common.expressions.AmountText.template",
        "(1 / (%(expressions)s - %(expressions)s))::text",
    )
    response = Api().get("funding-lines/", format="csv", fields="id,rate_used,amount_usd")
    parts = []
    with pytest.raises(Exception, match="division by zero"):
        parts.extend(response.streaming_content)
    assert not any(b"Rows," in part for part in parts)


def test_memory_stays_flat_however_long_the_list_is() -> None:
    many(30_000)
    api = Api()
    for form in ("csv", "xlsx"):
        sizes = 0
        response = api.get("funding-lines/", format=form)
        parts = iter(response.streaming_content)
        first = next(parts)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        sizes = len(first) + sum(len(part) for part in parts)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert sizes > 500_000
        assert grown < 40_000, (form, grown)  # kilobytes
