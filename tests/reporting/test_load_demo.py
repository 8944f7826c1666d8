"""``manage.py load_demo``: deterministic, set-based, and only where it may."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from engagements.models import ISCM, Event, SupportRequest, User
from finance.models import AssessedContribution, Proposal
from reporting.models import Release, SatisfactionAnswer


def load(*arguments: str) -> None:
    call_command("load_demo", "--today", "2026-06-15", *arguments, stdout=StringIO())


@contextmanager
def undone() -> Iterator[None]:
    """What happens inside is rolled back."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture
def real_records(db: None) -> None:
    call_command("load_evaluation", stdout=StringIO())


def test_the_same_day_makes_the_same_demo(real_records: None) -> None:
    """Two loads from the same start say the same, whatever keys the database gives."""
    told = []
    for _number in range(2):
        with undone():
            load()
            told.append(
                (
                    list(Event.objects.filter(is_demo=True).values_list("name", "starts_on")),
                    list(SupportRequest.objects.values_list("what", "asked_on", "outcome")),
                    list(SatisfactionAnswer.objects.values_list("score", "country__iso3")),
                    list(AssessedContribution.objects.values_list("country__iso3", "paid_usd")),
                    list(Proposal.objects.values_list("title", "donor__slug", "awarded_usd")),
                )
            )
    assert told[0] == told[1]


def test_a_larger_demo_takes_hardly_more_queries(real_records: None) -> None:
    costs = []
    for scale in (1, 4):
        with undone():
            with CaptureQueriesContext(connection) as queries:
                load("--scale", str(scale))
            costs.append((len(queries), SatisfactionAnswer.objects.count()))
    (small, answers), (large, more_answers) = costs
    assert more_answers == 4 * answers
    assert large < 1.25 * small


def test_the_demo_needs_the_real_records(db: None) -> None:
    with pytest.raises(CommandError, match="load_evaluation first"):
        load()
    assert not User.objects.exists()


def test_the_demo_takes_nobodys_user_name(real_records: None) -> None:
    User.objects.create_user("admin", access_group="admin")
    with pytest.raises(CommandError, match="somebody's own: admin"):
        load()
    assert not Event.objects.filter(is_demo=True).exists()


def test_a_portal_open_to_others_gets_no_demo(real_records: None, settings: Any) -> None:
    settings.IS_LOCAL = False
    with pytest.raises(CommandError, match="open to others"):
        load()
    assert ISCM.objects.count() == 30
    assert not User.objects.exists()


def test_without_a_demo_no_year_is_closed(db: None) -> None:
    call_command("close_demo_year", stdout=StringIO())
    assert not Release.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--scale", "0"], "at least 1"), (["--today", "soon"], "is not a date")],
)
def test_what_cannot_be_is_refused(db: None, arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        call_command("load_demo", *arguments)
