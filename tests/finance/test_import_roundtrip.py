"""What was exported and is imported again changes nothing; history can be exported too."""

from __future__ import annotations

import datetime as dt
import io
import sys
from dataclasses import dataclass
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from finance.models import ImportRun, Project
from finance.services.importing.columns import KINDS
from tests.factories import engagements as make
from tests.factories import finance as money
from tests.finance.imported import as_csv, checked, exported, table
from tests.twins import taken_back, twin_settings

TEXTS = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Co", "Cn"), include_characters="\n"),
    max_size=40,
)
# What a code, title or label may be: something that is not blank.
NAMES = TEXTS.filter(lambda text: text.strip() and not text.strip().startswith("'"))
NOTES = TEXTS.filter(lambda text: not text.strip().startswith("'"))
DAYS = st.dates(dt.date(1951, 1, 1), dt.date(2100, 12, 31))
AMOUNTS = st.decimals(0, Decimal("999999999999.99"), places=2)
SHARES = st.none() | st.decimals(0, 50, places=2)
CONFIDENCES = st.sampled_from(["", "high", "inferred"])
COMMON = {"source": NOTES, "note": NOTES, "confidence": CONFIDENCES}


@dataclass
class World:
    """What records name."""

    officer: Any
    one: Any
    two: Any
    office: Any
    donors: list[Any]


@pytest.fixture
def world(db):
    return World(
        make.UserFactory(access_group="finance", office=None),
        make.ISCMFactory(slug="one"),
        make.ISCMFactory(slug="two"),
        make.OfficeFactory(slug="office"),
        [make.OrganisationFactory(slug=slug) for slug in ("a", "b")],
    )


def see_that_nothing_changes(kind: str, world: World) -> None:
    for name in ("csv", "xlsx"):
        run = checked(kind, exported(kind, name), world.officer, f"a.{name}")
        told = list(run.cell_errors.values_list("row", "column", "text"))
        changed = list(run.file_rows.exclude(values={}).values_list("values", flat=True))
        assert (run.state, told, changed, run.new) == ("checked", [], [], 0)
        assert run.same == KINDS[kind].model.objects.count()


@given(rows=st.lists(st.tuples(NAMES, st.fixed_dictionaries(COMMON), DAYS | st.none())))
@twin_settings
def test_projects_that_were_exported_come_back_unchanged(world, rows):
    with taken_back():
        for number, (title, common, day) in enumerate(rows):
            donors = world.donors[: number % 3]
            money.ProjectFactory(
                title=title, lead_office=world.office, starts_on=day, donors=donors, **common
            )
        see_that_nothing_changes("projects", world)


@given(
    rows=st.lists(
        st.tuples(
            NAMES,
            st.fixed_dictionaries({**COMMON, "payer": NOTES, "document": NOTES}),
            AMOUNTS,
            st.none() | st.decimals("0.00000001", "99", places=8),
        )
    )
)
@twin_settings
def test_funding_lines_that_were_exported_come_back_unchanged(world, rows):
    with taken_back():
        for number, (label, texts, amount, rate) in enumerate(rows):
            converted = {}
            if rate is not None:
                original = (amount / 100_000).quantize(Decimal("0.01"))
                amount = (original * rate).quantize(Decimal("0.01"), "ROUND_HALF_UP")
                converted = {
                    "original_currency": "EUR",
                    "original_amount": original,
                    "rate_used": rate,
                    "rated_on": dt.date(2026, 1, 1),
                }
            is_counted = number % 2 == 0
            money.FundingLineFactory(
                code=f"L.{number}",
                label=label,
                iscm=world.one,
                amount_usd=amount,
                is_counted=is_counted,
                not_counted_reason="" if is_counted else "Repeats another",
                **converted,
                **texts,
            )
        see_that_nothing_changes("funding_lines", world)


@given(rows=st.lists(st.tuples(SHARES, SHARES, AMOUNTS)))
@twin_settings
def test_attributions_that_were_exported_come_back_unchanged(world, rows):
    with taken_back():
        for number, (one, two, amount) in enumerate(rows):
            project = money.ProjectFactory()
            for iscm, share in ((world.one, one), (world.two, two)):
                basis = "unknown" if share is None else "stated_share"
                money.AttributionFactory(
                    project=project, iscm=iscm, year=2026, basis=basis, share_pct=share
                )
            money.AttributionFactory(
                project=project,
                iscm=world.one,
                year=2025,
                basis="stated_amount" if number % 2 else "dedicated",
                amount_usd=amount if number % 2 else None,
            )
        see_that_nothing_changes("attributions", world)


@given(rows=st.lists(st.tuples(NAMES, SHARES, SHARES, st.none() | st.booleans())))
@twin_settings
def test_positions_that_were_exported_come_back_unchanged(world, rows):
    with taken_back():
        for number, (title, one, two, has_tor) in enumerate(rows):
            post = money.PositionFactory(
                code=f"B.{number}", title=title, office=world.office, has_tor=has_tor
            )
            money.PositionShareFactory(position=post, iscm=world.one, share_pct=one)
            if number % 2:
                money.PositionShareFactory(position=post, iscm=world.two, share_pct=two)
        see_that_nothing_changes("positions", world)


@given(rows=st.lists(st.tuples(AMOUNTS, AMOUNTS, st.none() | st.decimals(0, 100, places=4), DAYS)))
@twin_settings
def test_contributions_that_were_exported_come_back_unchanged(world, rows):
    with taken_back():
        for assessed, paid, scale, day in rows:
            money.AssessedContributionFactory(
                iscm=world.one, assessed_usd=assessed, paid_usd=paid, scale_pct=scale, paid_on=day
            )
        see_that_nothing_changes("contributions", world)


@given(rows=st.dictionaries(DAYS, st.decimals("0.00000001", "999999.99999999", places=8)))
@twin_settings
def test_currency_rates_that_were_exported_come_back_unchanged(world, rows):
    with taken_back():
        for day, rate in rows.items():
            money.CurrencyRateFactory(rated_on=day, usd_per_unit=rate)
        see_that_nothing_changes("currency_rates", world)


@given(rows=st.dictionaries(st.integers(1951, 2100), st.decimals(0, "9999999.99", places=2)))
@twin_settings
def test_standard_costs_that_were_exported_come_back_unchanged(world, rows):
    with taken_back():
        for year, usd in rows.items():
            money.StandardCostFactory(year=year, usd_per_day=usd)
        see_that_nothing_changes("standard_costs", world)


@pytest.fixture
def officer(db):
    return make.UserFactory(access_group="finance", office=None, username="officer")


def test_a_text_that_looks_like_a_formula_is_let_be_where_it_stands_already(officer):
    money.ProjectFactory(code="P.1", title="=1+1", note="- as told")
    for name in ("csv", "xlsx"):
        run = checked("projects", exported("projects", name), officer, f"a.{name}")
        assert (run.state, run.same) == ("checked", 1)


# --- the commands


def export(kind: str, **options: str) -> str:
    out = io.StringIO()
    words = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    call_command("export_data", kind, *words, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_records_are_exported_as_they_stood_at_the_end_of_a_day(officer):
    def on(day: int, record, **values):
        for name, value in values.items():
            setattr(record, name, value)
        record._history_date = dt.datetime(2026, 3, day, 23, 59, tzinfo=dt.UTC)
        record.save()

    project = Project(code="P.1", title="First")
    on(1, project)
    on(3, project, title="Second")
    donor = make.OrganisationFactory(slug="japan")
    project._history_date = dt.datetime(2026, 3, 4, 12, tzinfo=dt.UTC)
    project.donors.add(donor)
    late = Project(code="P.2", title="Late")
    on(5, late)
    header = ",".join(KINDS["projects"].names)
    assert export("projects", as_of="2026-02-28").split() == [header]
    assert export("projects", as_of="2026-03-02").splitlines()[1:] == ["P.1,First,,,,,,,"]
    assert export("projects", as_of="2026-03-03").splitlines()[1:] == ["P.1,Second,,,,,,,"]
    assert export("projects", as_of="2026-03-05").splitlines()[1:] == [
        "P.1,Second,japan,,,,,,",
        "P.2,Late,,,,,,,",
    ]
    late.delete()
    assert len(export("projects").splitlines()) == 2


def test_shares_of_a_post_are_exported_as_they_stood(officer):
    post = money.PositionFactory(code="B.1", title="T", office=make.OfficeFactory(slug="office"))
    share = money.PositionShareFactory(
        position=post, iscm=make.ISCMFactory(slug="rcm"), share_pct=Decimal("20")
    )
    post.history.update(history_date=dt.datetime(2026, 3, 1, tzinfo=dt.UTC))
    share.history.update(history_date=dt.datetime(2026, 3, 1, tzinfo=dt.UTC))
    share.share_pct = None
    share.save()
    assert "rcm:20.00" in export("positions", as_of="2026-03-01")
    assert "rcm:," in export("positions")


def test_a_workbook_goes_to_the_standard_output_byte_by_byte(officer, monkeypatch):
    money.ProjectFactory(code="P.1")
    held = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=held, write=lambda text: None))
    call_command("export_data", "projects", format="xlsx")
    held.seek(0)
    sheet = CalamineWorkbook.from_filelike(held).get_sheet_by_index(0)
    assert sheet.to_python()[1][0] == "P.1"


def test_the_command_checks_tells_and_writes(officer, tmp_path):
    file = tmp_path / "projects.csv"
    out, told = io.StringIO(), io.StringIO()

    def load(*rows, **options):
        file.write_bytes(as_csv(table(*rows)))
        call_command(
            "import_data", "projects", str(file), user="officer", stdout=out, stderr=told, **options
        )

    with pytest.raises(CommandError, match="Nothing was written"):
        load({"code": "P.1", "title": ""})
    assert told.getvalue() == "CSV!B2: It can't be empty.\n"
    load({"code": "P.1", "title": "T"}, dry_run=True)
    assert not Project.objects.exists()
    load({"code": "P.1", "title": "T"})
    assert Project.objects.get().history.get().history_user == officer
    load({"code": "P.1", "title": "T"})
    assert out.getvalue().splitlines()[-1].startswith("There is nothing to change")
    assert ImportRun.objects.count() == 4


def test_the_command_asks_why_amounts_change_and_who_asks(officer, tmp_path):
    money.StandardCostFactory(grade="P3", year=2026)
    file = tmp_path / "costs.csv"
    file.write_bytes(as_csv(table({"grade": "P3", "year": 2026, "usd_per_day": 5})))
    with pytest.raises(CommandError, match=r"Say why. \(--reason\)"):
        call_command("import_data", "standard_costs", str(file), user="officer")
    with pytest.raises(CommandError, match="no such user"):
        call_command("import_data", "standard_costs", str(file))
    reporter = make.UserFactory(access_group="reporter")
    with pytest.raises(CommandError, match="may not import"):
        call_command("import_data", "standard_costs", str(file), user=reporter.username)
    make.UserFactory(access_group="admin", office=None)
    call_command("import_data", "standard_costs", str(file), reason="New", stdout=io.StringIO())
    with pytest.raises(CommandError, match="No such file"):
        call_command("import_data", "standard_costs", str(tmp_path / "costs.xlsx"), user="officer")
