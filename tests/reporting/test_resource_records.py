"""The records behind a figure: each opens, says what it adds, and all add up to the figure."""

from __future__ import annotations

import datetime as dt
import io
import re
from decimal import Decimal

import pytest
from python_calamine import CalamineWorkbook

from tests.factories import engagements as make
from tests.factories import finance as money
from tests.files import dicts_of_csv

pytestmark = pytest.mark.django_db

ADDRESS = "/resources/records/?iscm=rcm&from=2026&to=2026"


@pytest.fixture
def world():
    """RCM in 2026: a line, 35 per cent of a project, half of a post, and days with and without a
    rate; a post of unknown share."""
    office = make.OfficeFactory(slug="co-a")
    rcm = make.ISCMFactory(slug="rcm", acronym="RCM")
    money.StandardCostFactory(grade="P3", year=2026, usd_per_day=Decimal("551.67"))
    project = money.ProjectFactory(code="P-1", lead_office=office)
    of_office = {"office": office}
    records = {
        "line": money.FundingLineFactory(iscm=rcm, year=2026, amount_usd=2080, **of_office),
        "project_line": money.FundingLineFactory(project=project, year=2026, amount_usd=300_000),
        "attribution": money.AttributionFactory(
            project=project, iscm=rcm, year=2026, basis="stated_share", share_pct=35
        ),
        "post": money.PositionFactory(grade="P3", starts_on=dt.date(2026, 7, 1), **of_office),
        "unknown": money.PositionFactory(grade="P3", starts_on=dt.date(2026, 1, 1), **of_office),
        "paid": money.TimeEntryFactory(
            iscm=rcm, grade="P3", days=2, worked_on=dt.date(2026, 3, 1), **of_office
        ),
        "unpaid": money.TimeEntryFactory(
            iscm=rcm, grade="", days=3, worked_on=dt.date(2026, 3, 1), **of_office
        ),
    }
    money.PositionShareFactory(position=records["post"], iscm=rcm, share_pct=50)
    money.PositionShareFactory(position=records["unknown"], iscm=rcm, share_pct=None)
    return records


@pytest.fixture
def read(client):
    def answer(address, group="ipd", office=None):
        user = make.UserFactory(access_group=group, office=office or make.OfficeFactory())
        client.force_login(user)
        found = client.get(address)
        assert found.status_code == 200
        if found.streaming:
            return b"".join(found.streaming_content)
        return " ".join(found.content.decode().split())

    return answer


def numbers(page: str, label: str) -> list[Decimal]:
    """The numbers of the column ``label``, in the order of the page."""
    cells = re.findall(rf'data-label="{label}">([\d,.]+)<', page)
    return [Decimal(cell.replace(",", "")) for cell in cells]


def test_every_record_says_what_it_adds_and_the_sum_is_the_figure(read, world):
    page = read(ADDRESS)
    # 2,080, 105,000, half of 184/365 of 220 days, and two days; the post of unknown share.
    post, unknown = Decimal("30591.24"), Decimal("121367.40")
    known = 2080 + 105_000 + post + Decimal("1103.34")
    # Kind by kind and the figure, then each section: its rows and its sum.
    assert numbers(page, "Known") == [
        *(2080, 105_000, post, Decimal("1103.34"), known),
        *(2080, 2080),
        *(105_000, 105_000),
        *(0, post, post),
        *(0, Decimal("1103.34"), Decimal("1103.34")),
    ]
    assert numbers(page, "Up to")[:5] == [
        *(2080, 105_000, post + unknown, Decimal("1103.34"), known + unknown)
    ]
    assert "RCM 50%, 2026: 55.45 days × USD 551.67" in page
    assert "RCM (share unknown), 2026: up to 220 days × USD 551.67" in page
    assert "3 days, <strong>no rate: counts as nothing</strong>" in page


def test_every_record_is_a_link_to_itself(read, world):
    page = read(ADDRESS)
    for kind, name in (
        ("funding-lines", "line"),
        ("funding-lines", "project_line"),
        ("attributions", "attribution"),
        ("positions", "post"),
        ("time-entries", "paid"),
        ("time-entries", "unpaid"),
    ):
        assert f'href="/finance/{kind}/{world[name].pk}/"' in page


@pytest.mark.parametrize("group", ["ipd", "analyst"])
def test_the_download_adds_up_to_the_cent_for_whoever_reads_it(read, world, group):
    text = read(f"{ADDRESS}&format=csv", group).decode("utf-8-sig")
    lines = dicts_of_csv(text)
    total = next(line for line in lines if line["record"] == "Total")
    rows = lines[: lines.index(total)]
    for column in ("known_usd", "high_usd"):
        assert sum(Decimal(line[column]) for line in rows) == Decimal(total[column])
    assert total["known_usd"] == "138774.58"
    hidden = [line["record"] for line in rows if line["record"].startswith("Records that you")]
    assert len(hidden) == (0 if group == "ipd" else 4)
    book = CalamineWorkbook.from_filelike(io.BytesIO(read(f"{ADDRESS}&format=xlsx", group)))
    sheet = book.get_sheet_by_index(0).to_python()
    assert [row[2] for row in sheet[1:]] == [line["record"] for line in lines if line["record"]][
        : len(sheet) - 1
    ]


def test_what_the_reader_may_not_see_is_told_as_a_number_and_a_sum(read, world):
    page = read(ADDRESS, "reporter", make.OfficeFactory())
    assert "1 record that you may not see" in page
    assert "2 records that you may not see" in page
    assert numbers(page, "Known")[4] == Decimal("138774.58")
    assert "P-1" not in page
    own = read(ADDRESS, "reporter", world["line"].office)
    assert "that you may not see" not in own


def test_a_printed_figure_opens_to_lines_that_are_links_and_can_be_had_as_a_file(read):
    for usd in (10, 32):
        line = money.FundingLineFactory(
            year=2019, label="GRCP", amount_usd=usd, printed_table=4, supports="grcp"
        )
    address = "/resources/records/?table=4&label=GRCP&from=2019&to=2019"
    page = read(address)
    assert f'href="/finance/funding-lines/{line.pk}/"' in page
    assert numbers(page, "Total") == [42]
    text = read(f"{address}&format=csv").decode("utf-8-sig")
    rows = dicts_of_csv(text)
    assert [row["value"] for row in rows if row["label"] == "GRCP"] == ["32.00", "10.00"]
    assert next(row for row in rows if row["label"] == "Total")["value"] == "42.00"
