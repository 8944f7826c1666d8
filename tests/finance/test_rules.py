"""One set of rules: a page and a file refuse the same at the same field, and ask why alike."""

from __future__ import annotations

import csv
import datetime as dt
import importlib
import io
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.db.models import Q

from engagements.models import Membership
from finance.models import AssessedContribution, Attribution, FundingLine, Position
from finance.services.importing.columns import KINDS
from finance.services.ledger import save_record
from iscm_portal.common.editing import ReasonNeeded
from tests.factories import engagements as make
from tests.factories import finance as money
from tests.finance.imported import as_csv, checked, exported, table, write, wrong

pytestmark = pytest.mark.django_db

DAY = dt.date(2026, 3, 31)


@pytest.fixture
def officer(client):
    user = make.UserFactory(access_group="finance", office=make.OfficeFactory(slug="office"))
    client.force_login(user)
    return user


@pytest.fixture
def world(officer):
    """What the records below name, and the rate of one day."""
    make.ISCMFactory(slug="rcm")
    make.CountryFactory(iso3="CRI")
    money.ProjectFactory(code="P.1")
    money.FundingLineFactory(code="L.1", iscm=make.ISCMFactory())
    money.CurrencyRateFactory(currency="EUR", rated_on=DAY, usd_per_unit=Decimal("1.10"))


# kind of file -> kind of page
PAGES = {
    "projects": "projects",
    "funding_lines": "funding-lines",
    "attributions": "attributions",
    "positions": "positions",
    "contributions": "contributions",
    "currency_rates": "currency-rates",
    "standard_costs": "standard-costs",
}
WHOLE: dict[str, dict[str, Any]] = {
    "projects": {"code": "N.1", "title": "New"},
    "funding_lines": {
        "code": "N.1",
        "label": "New",
        "year": "2026",
        "source_of_funds": "osi",
        "supports": "iscm",
        "iscm": "rcm",
        "amount_usd": "100.00",
        "is_counted": "yes",
    },
    "attributions": {
        "project": "P.1",
        "iscm": "rcm",
        "year": "2026",
        "basis": "stated_share",
        "share_pct": "20",
    },
    "positions": {"code": "N.1", "title": "New", "office": "office", "paid_by": "office"},
    "contributions": {
        "iscm": "rcm",
        "country": "CRI",
        "year": "2026",
        "assessed_usd": "1000",
        "paid_usd": "0",
    },
    "currency_rates": {"currency": "GBP", "rated_on": "2026-03-31", "usd_per_unit": "1.30"},
    "standard_costs": {"grade": "P3", "year": "2026", "usd_per_day": "410"},
}
NO_CURRENCY = "There is no such currency: three capital letters of ISO 4217, as in EUR."
NO_GRADE = "There is no such grade: G1 to G7, NOA to NOE, P1 to P5, D1, D2, ASG, USG or UG."


def as_typed(kind: str, row: dict[str, Any]) -> dict[str, Any]:
    """The row of a file as the form of a page sends it: lists of choices by number."""
    chosen = {"iscm": "slug", "country": "iso3", "office": "slug"}
    sent = dict(row)
    for name in chosen.keys() & row.keys():
        model = KINDS[kind].model._meta.get_field(name).related_model
        if row[name]:
            sent[name] = model.objects.get(**{chosen[name]: row[name]}).pk
    if sent.get("is_counted") == "no":
        del sent["is_counted"]
    return sent | {"shares-TOTAL_FORMS": 0, "shares-INITIAL_FORMS": 0}


def told_by_page(client, kind: str, row: dict[str, Any]) -> dict[str, list[str]]:
    """field -> what the page says there; {} where it saves."""
    answer = client.post(f"/finance/{PAGES[kind]}/new/", as_typed(kind, row))
    if answer.status_code == 302:
        return {}
    return {name: list(errors) for name, errors in answer.context["form"].errors.items()}


def told_by_file(officer, kind: str, row: dict[str, Any]) -> dict[str, list[str]]:
    """column -> what the check of a file with all columns says there."""
    full = {name: row.get(name, "") for name in KINDS[kind].names}
    run = checked(kind, as_csv(table(full)), officer)
    names = list(full)
    told: dict[str, list[str]] = {}
    for error in run.cell_errors.all():
        told.setdefault(names[error.column - 1], []).append(error.text)
    return told


EUR = {"original_currency": "EUR", "original_amount": "100", "rated_on": "2026-03-31"}


@pytest.mark.parametrize(
    ("kind", "values", "field", "message"),
    [
        (
            "projects",
            {"starts_on": "2026-02-01", "ends_on": "2026-01-31"},
            "ends_on",
            "The last day is before the first one.",
        ),
        (
            "funding_lines",
            {"original_currency": "USD", "original_amount": "500"},
            "original_amount",
            "It is not the amount in USD.",
        ),
        (
            "funding_lines",
            {**EUR, "rate_used": "2", "amount_usd": "200"},
            "rate_used",
            "The rate on record for 31 March 2026 is 1.10. Correct it, or leave it empty.",
        ),
        (
            "funding_lines",
            {**EUR, "rated_on": "2026-03-30", "amount_usd": ""},
            "rated_on",
            "No rate of EUR is on record for 30 March 2026.",
        ),
        (
            "funding_lines",
            {**EUR, "rated_on": "", "rate_used": "2", "amount_usd": "200"},
            "rated_on",
            "Name the day: the rate on record for it is used.",
        ),
        (
            "funding_lines",
            {**EUR, "amount_usd": "110.01"},
            "amount_usd",
            "At that rate it is 110. Correct it, or leave it empty.",
        ),
        (
            "funding_lines",
            {**EUR, "original_amount": "", "rate_used": "1.1"},
            "original_amount",
            "Give the original amount in EUR.",
        ),
        (
            "funding_lines",
            {"original_amount": "100"},
            "original_amount",
            "Name the original currency, or leave this empty.",
        ),
        (
            "funding_lines",
            {"original_currency": "USD", "rated_on": "2026-03-31"},
            "rated_on",
            "USD needs no rate: leave this empty.",
        ),
        (
            "funding_lines",
            {**EUR, "original_amount": "999999999999.99", "amount_usd": ""},
            "amount_usd",
            "It is too large: 12 digits before the point are the most.",
        ),
        ("funding_lines", {"amount_usd": ""}, "amount_usd", "The amount in USD is missing."),
        ("funding_lines", {"year": ""}, "year", "A counted line has a year."),
        (
            "funding_lines",
            {"is_counted": "no"},
            "not_counted_reason",
            "A line that is not counted says why.",
        ),
        (
            "funding_lines",
            {"not_counted_reason": "Twice"},
            "not_counted_reason",
            "It is counted: leave this empty.",
        ),
        ("funding_lines", {"iscm": ""}, "iscm", "It supports a mechanism: name it."),
        (
            "funding_lines",
            {"project": "P.1"},
            "project",
            "It supports no project: leave this empty.",
        ),
        (
            "funding_lines",
            {"period_starts_on": "2026-02-01", "period_ends_on": "2026-01-31"},
            "period_ends_on",
            "The last day is before the first one.",
        ),
        (
            "attributions",
            {"basis": "dedicated"},
            "share_pct",
            "A dedicated project goes whole: 100 per cent.",
        ),
        ("attributions", {"share_pct": ""}, "share_pct", "A share is stated: give it."),
        (
            "attributions",
            {"amount_usd": "5"},
            "amount_usd",
            "A share is stated: leave the amount empty.",
        ),
        (
            "attributions",
            {"basis": "stated_amount", "share_pct": ""},
            "amount_usd",
            "An amount is stated: give it.",
        ),
        ("attributions", {"basis": "unknown"}, "share_pct", "It is unknown: leave it empty."),
        (
            "positions",
            {"paid_by": "counted_line"},
            "paid_by",
            "Name the one funding line or project that pays the post.",
        ),
        (
            "positions",
            {"funding_line": "L.1"},
            "funding_line",
            "Only a post that a counted line pays names a line or a project.",
        ),
        ("positions", {"grade": "P99"}, "grade", NO_GRADE),
        ("standard_costs", {"grade": "P99"}, "grade", NO_GRADE),
        ("currency_rates", {"currency": "ZZZ"}, "currency", NO_CURRENCY),
        (
            "currency_rates",
            {"currency": "USD"},
            "currency",
            "Amounts are converted to USD: it has no rate of its own.",
        ),
        (
            "funding_lines",
            {"source_of_funds": "contribution"},
            "source_of_funds",
            "What Member States pay is no part of the total investment: enter it with the "
            "assessed contributions, or keep this line uncounted and say why.",
        ),
        (
            "funding_lines",
            {"source_of_funds": "reserve_fund"},
            "source_of_funds",
            "The money of a reserve fund is no part of the total investment: enter it on the "
            "fund's page, or keep this line uncounted and say why.",
        ),
        ("contributions", {"paid_on": "2099-01-01"}, "paid_on", "The date is still to come."),
        (
            "contributions",
            {"assessed_usd": "100", "paid_usd": "5000"},
            "note",
            "More was paid than assessed: say why.",
        ),
    ],
)
def test_a_page_and_a_file_refuse_the_same_at_the_same_field(
    client, officer, world, kind, values, field, message
):
    row = WHOLE[kind] | values
    assert told_by_page(client, kind, row) == {field: [message]}
    assert told_by_file(officer, kind, row) == {field: [message]}


@pytest.mark.parametrize("kind", PAGES)
def test_what_breaks_no_rule_is_taken_by_page_and_file(client, officer, world, kind):
    assert told_by_file(officer, kind, WHOLE[kind]) == {}
    assert told_by_page(client, kind, WHOLE[kind]) == {}


@pytest.mark.parametrize(
    "values",
    [
        {**EUR, "amount_usd": ""},
        {**EUR, "rate_used": "1.1", "amount_usd": "110"},
        {"original_currency": "USD", "original_amount": "100", "amount_usd": ""},
        {"original_currency": "USD", "original_amount": "100"},
        {"original_currency": "USD"},
    ],
)
def test_the_same_is_filled_in_by_page_and_file(client, officer, world, values):
    row = WHOLE["funding_lines"] | values
    assert told_by_page(client, "funding_lines", row) == {}
    by_page = FundingLine.objects.values("amount_usd", "original_amount", "rate_used").get(
        code="N.1"
    )
    FundingLine.objects.filter(code="N.1").delete()
    full = {name: row.get(name, "") for name in KINDS["funding_lines"].names}
    write(checked("funding_lines", as_csv(table(full)), officer), officer)
    by_file = FundingLine.objects.values("amount_usd", "original_amount", "rate_used").get(
        code="N.1"
    )
    assert by_file == by_page


# --- who pays to a mechanism


@pytest.mark.parametrize(
    ("members", "note", "is_told"),
    [
        ([], "", False),  # of a mechanism without members on record nobody can say
        ([("PAN", "member", None, None)], "", True),
        ([("PAN", "member", None, None)], "An observer that pays.", False),
        ([("PAN", "member", None, None), ("CRI", "observer", None, None)], "", True),
        ([("CRI", "member", None, None)], "", False),
        ([("CRI", "member", dt.date(2026, 12, 31), None)], "", False),
        ([("CRI", "member", dt.date(2027, 1, 1), None)], "", True),
        ([("CRI", "member", None, dt.date(2026, 1, 1))], "", False),
        ([("CRI", "member", None, dt.date(2025, 12, 31))], "", True),
    ],
)
def test_a_state_that_is_no_member_says_why_it_pays(client, officer, world, members, note, is_told):
    make.CountryFactory(iso3="PAN")
    for iso3, kind, first, last in members:
        Membership.objects.create(
            iscm=make.ISCMFactory._meta.model.objects.get(slug="rcm"),
            country=make.CountryFactory._meta.model.objects.get(iso3=iso3),
            kind=kind,
            starts_on=first,
            ends_on=last,
        )
    row = WHOLE["contributions"] | {"note": note}
    message = "The State is not on record as a member in 2026: say why it pays."
    expected = {"note": [message]} if is_told else {}
    assert told_by_file(officer, "contributions", row) == expected
    assert told_by_page(client, "contributions", row) == expected
    assert AssessedContribution.objects.count() == (0 if is_told else 1)


def test_more_awarded_than_asked_is_taken_with_a_word_of_why(client, officer):
    sent = {
        "title": "New",
        "iscm": make.ISCMFactory().pk,
        "donor": make.OrganisationFactory().pk,
        "asked_on": "2025-03-11",
        "asked_usd": "100",
        "state": "awarded",
        "decided_on": "2025-04-11",
        "awarded_usd": "100000",
    }
    answer = client.post("/finance/proposals/new/", sent)
    assert answer.status_code == 422
    told = {name: list(errors) for name, errors in answer.context["form"].errors.items()}
    assert told == {"note": ["More was awarded than asked: say why."]}
    with_note = sent | {"note": "The donor doubled its programme."}
    assert client.post("/finance/proposals/new/", with_note).status_code == 302


# --- what stands already hinders no other correction


def test_what_stands_already_is_not_asked_again_and_what_changes_is(client, officer, world):
    """A contribution that was paid in full twice over, from before the rule."""
    row = money.AssessedContributionFactory(
        iscm__slug="osm", country__iso3="MEX", paid_usd=Decimal(2000), paid_on=dt.date(2099, 1, 1)
    )
    file = {"iscm": "osm", "country": "MEX", "year": 2026, "assessed_usd": 1000}
    run = checked("contributions", as_csv(table({**file, "source": "A letter"})), officer)
    assert (wrong(run), run.changed) == ({}, 1)
    run = checked("contributions", as_csv(table({**file, "paid_usd": 2001})), officer)
    assert list(wrong(run).values()) == ["More was paid than assessed: say why."]
    edit = f"/finance/contributions/{row.pk}/edit/"
    sent = client.get(edit).context["form"].initial
    sent = {name: value for name, value in sent.items() if value is not None}
    assert client.post(edit, sent | {"source": "A letter"}).status_code == 302
    sent = sent | {"source": "A letter", "paid_usd": "2001", "reason": "Read", "version": ""}
    answer = client.post(edit, {**sent, "version": client.get(edit).context["version"]})
    assert list(answer.context["form"].errors) == ["note"]


# --- reasons


def a_line(**values: Any) -> Any:
    return money.FundingLineFactory(code="X.1", **values)


def a_post(**values: Any) -> Any:
    return money.PositionFactory(code="X.1", grade="P3", **values)


FIRST, LAST = dt.date(2025, 1, 1), dt.date(2026, 6, 30)


@pytest.mark.parametrize(
    ("make_record", "values", "needs"),
    [
        (a_line, {"amount_usd": Decimal(5)}, True),
        (a_line, {"year": 2025}, True),
        (a_line, {"source_of_funds": "travel"}, True),
        (a_line, {"label": "Other words"}, False),
        (lambda: a_line(printed_table=4), {"note": "Seen."}, True),
        (lambda: a_line(report_number=7, report_item=1), {"note": "Seen."}, True),
        (money.AttributionFactory, {"basis": "stated_share", "share_pct": Decimal(0)}, True),
        (money.AttributionFactory, {"note": "Seen."}, False),
        (a_post, {"paid_by": "other"}, True),
        (a_post, {"grade": "P4"}, True),
        (a_post, {"starts_on": FIRST}, True),
        (lambda: a_post(starts_on=FIRST), {"ends_on": LAST}, False),
        (lambda: a_post(starts_on=FIRST, ends_on=LAST), {"ends_on": dt.date(2026, 7, 1)}, True),
        (lambda: a_post(starts_on=FIRST, ends_on=LAST), {"ends_on": None}, True),
        (a_post, {"title": "Other words"}, False),
        (money.AssessedContributionFactory, {"scale_pct": Decimal(5)}, True),
        (money.AssessedContributionFactory, {"paid_on": DAY}, False),
        (lambda: money.ProjectFactory(code="X.1"), {"ends_on": LAST}, False),
        (lambda: money.ProjectFactory(code="X.1", ends_on=LAST), {"ends_on": DAY}, True),
    ],
)
def test_a_page_and_a_file_ask_why_of_the_same_changes(officer, make_record, values, needs):
    record = make_record()
    (kind,) = (kind for kind in KINDS.values() if kind.model is type(record))
    (row,) = csv.DictReader(io.StringIO(exported(kind.code).decode()))
    row |= {name: "" if value is None else value for name, value in values.items()}
    run = checked(kind.code, as_csv(table(row)), officer)
    assert (wrong(run), run.changed) == ({}, 1)
    assert run.amounts_changed == int(needs)
    if needs:
        with pytest.raises(ReasonNeeded):
            save_record(record, values, officer)
    save_record(record, values, officer, "Read anew" if needs else "")


@pytest.mark.parametrize(
    ("before", "after", "needs"),
    [
        ({"one": 20}, {"one": 20, "two": 5}, False),
        ({}, {"one": None}, False),
        ({"one": 20}, {"one": 25}, True),
        ({"one": None}, {"one": 25}, True),
        ({"one": 20}, {}, True),
    ],
)
def test_a_share_that_is_added_needs_no_reason_and_one_that_changes_does(
    officer, before, after, needs
):
    iscms = {slug: make.ISCMFactory(slug=slug) for slug in ("one", "two")}
    post = a_post()
    for slug, share in before.items():
        money.PositionShareFactory(position=post, iscm=iscms[slug], share_pct=share)
    cell = "; ".join(f"{slug}:{'' if share is None else share}" for slug, share in after.items())
    row = {"code": "X.1", "title": post.title, "office": post.office.slug, "paid_by": "office"}
    run = checked("positions", as_csv(table({**row, "shares": cell})), officer)
    assert (wrong(run), run.amounts_changed) == ({}, int(needs))
    shares = {iscms[slug].pk: share for slug, share in after.items()}
    if needs:
        with pytest.raises(ReasonNeeded):
            save_record(post, {}, officer, shares=shares)
    save_record(post, {}, officer, "Read anew" if needs else "", shares=shares)
    assert Position.objects.get().shares.count() == len(after)


def test_a_decision_is_a_fact_and_another_decision_needs_a_reason(officer):
    proposal = money.ProposalFactory()
    save_record(proposal, {"state": "declined", "decided_on": DAY}, officer)
    proposal.refresh_from_db()
    for values in ({"state": "withdrawn"}, {"decided_on": dt.date(2026, 4, 1)}):
        with pytest.raises(ReasonNeeded):
            save_record(proposal, values, officer)


# --- the migration


def test_the_migration_names_the_records_that_the_new_rules_refuse(monkeypatch):
    migration = importlib.import_module("finance.migrations.0010_plausible_and_taken_back")
    attribution = money.AttributionFactory()
    broken = [("Attribution", Q(basis="unknown"), "a share that nobody knows")]
    monkeypatch.setattr(migration, "BROKEN", broken)
    editor = connection.schema_editor()
    with pytest.raises(RuntimeError) as refusal:
        migration.see_that_none_breaks_the_rules(apps, editor)
    assert str(refusal.value) == (
        "Correct these records first, then migrate again. "
        f"Attribution {attribution.pk}: a share that nobody knows"
    )
    Attribution.objects.all().delete()
    migration.see_that_none_breaks_the_rules(apps, editor)
