"""A page and its downloads are of one moment, whichever run is published while they are read."""

from __future__ import annotations

import datetime as dt
import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

from engagements.models import ISCM
from reporting.models import CompileRun
from reporting.services.compiling import compile_indicators
from reporting.services.releasing import close_year
from tests.factories import engagements as make
from tests.factories import reporting as reported

pytestmark = pytest.mark.django_db(transaction=True)

AT = dt.datetime(2026, 11, 20, 14, 2, tzinfo=dt.UTC)
WAIT = 20
ADDRESSES = (
    "/indicators/?year=2026",
    "/indicators/?year=2026&format=csv",
    "/indicators/?year=2026&by=iscm",
    "/indicators/?year=2025&iscm=bali&iscm=sacm",
    "/indicators/?year=2026&as_of=2026-11-20",
    "/indicators/support_requests/?year=2026&by=iscm",
    "/indicators/support_requests/?year=2026&by=iscm&table=by&format=csv",
    "/indicators/support_requests/records/?year=2026",
    "/indicators/frames/?of=migof",
    "/releases/2025/",
    "/releases/2025/changes/?indicator=support_requests",
    "/iscms/bali/",
)


def publish() -> None:
    """A request to each of two mechanisms in each year, and a run with them, a minute after the
    last one: all at once."""
    with transaction.atomic():
        for iscm in ISCM.objects.order_by("pk"):
            for year in (2025, 2026):
                make.SupportRequestFactory(iscm=iscm, asked_on=dt.date(year, 5, 1))
        compile_indicators(2025, 2026, AT + dt.timedelta(minutes=CompileRun.objects.count()))


def elsewhere(write: Callable[[], None]) -> None:
    """``write`` on a connection of its own, and wait for it."""
    failed: list[BaseException] = []

    def work() -> None:
        try:
            write()
        except BaseException as error:  # else it would be lost with its thread
            failed.append(error)
        finally:
            connection.close()

    other = threading.Thread(target=work)
    other.start()
    other.join(WAIT)
    assert not other.is_alive(), "a writer waited for the reader"
    assert failed == []


class PublishAfter:
    """Lets a run be published after the statement with this number."""

    def __init__(self, number: int) -> None:
        self.left = number

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        self.left -= 1
        if self.left == 0:
            elsewhere(publish)
        return result


@pytest.fixture
def client_of_ipd(client: Any, releases_go: None) -> Any:
    """Two mechanisms with requests, compiled; 2025 closed; a goal with the indicator."""
    goal = make.ReferenceFrameFactory(kind="migof_objective")
    for key in ("support_requests", "partnerships_developed"):
        indicator = reported.IndicatorFactory(key=key, relevant_to=[goal])
        indicator.history.update(history_date=AT)
    for slug in ("bali", "sacm"):
        make.ISCMFactory(slug=slug)
    reader = make.UserFactory(access_group="ipd")
    publish()
    close_year(2025, 1, "", reader, AT)
    client.force_login(reader)
    return client


def text_of(client: Any, address: str) -> str:
    """What an address shows, without what differs from one visit to the next."""
    answer = client.get(address)
    assert answer.status_code == 200
    text = answer.getvalue().decode()
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", text)


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_page_is_as_before_a_run_or_as_after_it_wherever_it_falls(
    client_of_ipd: Any, address: str
) -> None:
    before = text_of(client_of_ipd, address)
    counted = PublishAfter(0)
    with connection.execute_wrapper(counted):
        assert text_of(client_of_ipd, address) == before
    statements = -counted.left
    mixed = []
    for number in range(1, statements):
        with connection.execute_wrapper(PublishAfter(number)):
            seen = text_of(client_of_ipd, address)
        after = text_of(client_of_ipd, address)
        assert after != before, "nothing on this page is of a run"
        if seen not in (before, after):
            mixed.append(number)
        before = after
    assert mixed == []
