"""What is kept while no record changes, and never longer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from finance.selectors.investment import investment
from finance.selectors.waiting import records_to_complete
from iscm_portal.common.period import Period
from iscm_portal.common.remembered import remembered
from iscm_portal.common.snapshot import one_snapshot
from iscm_portal.common.versions import RECORD_APPS, every_table
from reporting.selectors.frames import Chosen, board
from tests.factories import engagements as make
from tests.factories import finance as money

each_by_itself = pytest.mark.django_db(transaction=True)
pytestmark = [each_by_itself, pytest.mark.only_on("postgresql")]


@pytest.fixture
def count() -> Callable[..., int]:
    """Counts how often it was worked out, and gives that number."""
    times = 0

    def counted(asked: object = "", name: str = "count") -> int:
        def work() -> int:
            nonlocal times
            times += 1
            return times

        return remembered(name, asked, work)

    return counted


def test_what_was_worked_out_is_given_again_while_nothing_changes(count):
    assert [count(), count()] == [1, 1]


def test_each_question_has_an_answer_of_its_own(count):
    assert [count("a"), count("b"), count("a"), count("a", name="other")] == [1, 2, 1, 3]


def test_a_change_of_any_record_has_it_worked_out_anew(count):
    theme = make.ThemeFactory()
    assert count() == 1
    theme.name = "Another"
    theme.save()
    assert count() == 2
    theme.delete()
    assert count() == 3


def test_a_transaction_that_has_written_works_it_out_itself_and_leaves_nothing(count):
    assert count() == 1
    with transaction.atomic():
        make.ThemeFactory()
        assert [count(), count()] == [2, 3]
        transaction.set_rollback(True)
    assert count() == 1


def test_what_was_written_while_it_was_worked_out_is_not_taken_for_the_state_before():
    def work() -> str:
        make.ThemeFactory()  # as if somebody else had
        return "of two moments"

    assert remembered("question", "", work) == "of two moments"
    assert remembered("question", "", lambda: "anew") == "anew"


def test_a_page_of_one_moment_is_given_what_is_of_its_moment(count):
    with one_snapshot():
        assert count() == 1
    make.ThemeFactory()
    with one_snapshot():
        assert [count(), count()] == [2, 2]


def test_nothing_found_is_kept_too():
    assert remembered("nothing", "", lambda: None) is None
    assert remembered("nothing", "", lambda: "something") is None


def test_a_total_follows_a_new_line_and_one_that_is_taken_back():
    def total() -> int:
        (cell,) = investment(Period.year(2026))
        return int(cell.known_usd)

    line = money.FundingLineFactory(year=2026, amount_usd=100)
    assert [total(), total()] == [100, 100]
    with transaction.atomic():
        money.FundingLineFactory(year=2026, amount_usd=7)
        assert total() == 107
        transaction.set_rollback(True)
    assert total() == 100
    line.amount_usd = 30
    line.save()
    assert total() == 30


def test_all_that_is_kept_rests_on_tables_that_have_versions():
    user = make.UserFactory(access_group="reporter", office=make.OfficeFactory())
    with CaptureQueriesContext(connection) as asked:
        investment(Period.years(2014, 2026), ("iscm",))
        records_to_complete(user, dt.date(2026, 11, 20))
        board("migof", Chosen(user), None)
        board("theme", Chosen(user), None)
    told = " ".join(query["sql"] for query in asked.captured_queries)
    models = apps.get_models(include_auto_created=True)
    tables = {m._meta.db_table for m in models if m._meta.app_label in RECORD_APPS}
    read = {table for table in tables if f'"{table}"' in told}
    assert len(read) > 15
    assert read - every_table() == set()
