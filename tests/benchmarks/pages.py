"""How long every page takes of few records and of many, for each group of people.

Run by ``make bench`` on a database of its own, which it migrates and fills: with 1,000 records of
evidence and as many funding lines, then with N of each, compiled each time. A case is a page, as
the group sees it for which it got slowest: the best of some rounds, in seconds; it is met where it
asks the database as often of many as of few and takes no more than half as long again.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from typing import Any

from tests.benchmarks import api, compiling, records

FEW = 1000
ROUNDS = 4
MOST = 1.5
# Below this a page is fast, whatever it was before: what differs is the machine.
FAST = 0.1
GROUPS = ("reporter", "manager", "ipd", "finance", "analyst", "admin")
YEAR = records.FIRST_YEAR + records.YEARS - 1
PAGES = (
    "/",
    "/iscms/",
    "/iscms/{iscm}/",
    "/offices/",
    "/events/",
    "/events/{event}/",
    "/reports/",
    "/reports/new/",
    "/reports/{accepted}/",
    "/duties/",
    "/coverage/?year={year}",
    "/quality/",
    "/reviews/",
    "/resources/?from={since}&to={year}",
    "/resources/?from={since}&to={year}&by=source&iscm={iscm}",
    "/resources/records/?iscm={iscm}&from={year}&to={year}",
    "/resources/costs/?from={since}&to={year}",
    "/resources/cliff/?year={year}",
    "/resources/compare/?first={before}&second={year}",
    "/resources/changes/",
    "/finance/",
    "/finance/funding-lines/",
    "/staffing/?year={year}",
    "/sustaining/?from={since}&to={year}",
    "/indicators/?year={year}",
    "/indicators/?year={year}&by=iscm",
    "/indicators/?year={year}&by=theme",
    "/indicators/?year={year}&by=office",
    "/indicators/?period=rolling&year={year}&part=12",
    "/indicators/support_requests/",
    "/indicators/support_requests/?by=iscm&year={year}",
    "/indicators/support_requests/records/?year={year}",
    "/indicators/staff_days/records/?year={year}",
    "/indicators/frames/",
    "/indicators/runs/",
    "/releases/",
    "/recommendations/",
    "/surveys/",
    "/surveys/needs/",
    "/admin/engagements/event/",
)
# (page, group): statements and seconds
Seen = dict[tuple[str, str], tuple[int, float]]


def readers() -> dict[str, Any]:
    """Somebody of each group, those of offices in one that has delegations."""
    from engagements.models import Office
    from tests.factories import engagements as make

    office = Office.objects.earliest("pk")
    return {
        group: make.UserFactory(
            access_group=group,
            office=office if group in ("reporter", "manager") else None,
            is_staff=group in ("ipd", "admin"),
            is_superuser=group == "admin",
        )
        for group in GROUPS
    }


def visited(people: dict[str, Any]) -> Seen:
    """Of each page that the group may read how often the database is asked, and the best of the
    rounds."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from engagements.models import ISCM
    from reporting.models import PostEventReport

    accepted = PostEventReport.objects.filter(state="accepted").earliest("pk")
    places = {
        "iscm": ISCM.objects.earliest("pk").slug,
        "event": accepted.event_id,
        "accepted": accepted.pk,
        "since": YEAR - 5,
        "before": YEAR - 1,
        "year": YEAR,
    }
    seen: Seen = {}
    for group, user in people.items():
        client = Client(HTTP_HOST="127.0.0.1")
        client.force_login(user)
        for page in PAGES:
            address = page.format(**places)
            # Whatever is read once and kept is read now.
            if client.get(address).status_code != 200:
                continue  # not for this group
            with CaptureQueriesContext(connection) as asked:
                client.get(address)
            seconds = []
            for _round in range(ROUNDS):
                started = time.perf_counter()
                client.get(address)
                seconds.append(time.perf_counter() - started)
            seen[page, group] = len(asked), min(seconds)
    return seen


def fill(before: int, wanted: int) -> None:
    """Bring evidence and funding lines from ``before`` up to ``wanted`` and compile."""
    from django.db import connection

    from reporting.services.compiling import compile_all

    with connection.cursor() as cursor:
        records.fill(cursor, before // 1000, wanted // 1000)
        api.fill(cursor, before, wanted)
        cursor.execute("VACUUM ANALYZE")
    compile_all(compiling.AT)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def run(most: int) -> Iterator[dict[str, Any]]:
    import time_machine
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connection

    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    call_command("migrate", verbosity=0)
    call_command("load_evaluation")
    with connection.cursor() as cursor:
        records.prepare(cursor)
    # The readers look at the records when the last of them has happened.
    with time_machine.travel(compiling.AT + dt.timedelta(hours=8)):
        people = readers()
        fill(0, FEW)
        few = visited(people)
        fill(FEW, most)
        many = visited(people)
    for page in PAGES:
        yield worst(page, most, few, many)


def worst(page: str, n: int, few: Seen, many: Seen) -> dict[str, Any]:
    """The case of a page: the group for which it grew most, of those that may read it."""

    def growth(group: str) -> float:
        return many[page, group][1] / few[page, group][1]

    readers = [group for group in GROUPS if (page, group) in many]
    asked_more = [group for group in readers if many[page, group][0] > few[page, group][0]]
    group = max(asked_more or readers, key=growth)
    (statements, ours), (fewer, reference) = many[page, group], few[page, group]
    more = f", {fewer} to {statements} statements" if asked_more else ""
    return {
        "name": page,
        "ours": round(ours, 3),
        "reference": round(reference, 3),
        "ratio": round(ours / reference, 3),
        "goal": f"at most {MOST}x of {FEW}, as many statements ({group}{more})",
        "met": not asked_more and (ours <= MOST * reference or ours < FAST),
        "n": n,
    }
