"""How long compiling takes at 10k, 100k and N records, against SQL by hand for each measure.

Run by ``make bench`` on a database of its own, which it migrates and fills.
Yields rows of ``{"name", "ours", "reference", "ratio", "goal", "met", "n"}``: seconds, and their
ratio, which is what counts, for machines differ. Both are measured in turns as the night's run is,
when most values stand, and the best of each counts; before that both have published everything, and
agree in every cell.

Left out on both sides are the two measures of money, resources allocated and self-financing:
``finance`` works them out year by year, not from sums of records.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

from tests.benchmarks import by_hand, records

AT = dt.datetime(records.FIRST_YEAR + records.YEARS, 1, 1, 3, tzinfo=dt.UTC)
ROUNDS = 3
Case = dict[str, Any]


def seconds(action: Callable[[], Any]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def case(name: str, n: int, ours: float, reference: float, goal: str, most: float = 0) -> Case:
    """``most`` is the ratio that the goal allows."""
    return {
        "name": name,
        "ours": round(ours, 3),
        "reference": round(reference, 3),
        "ratio": round(ours / reference, 3),
        "goal": goal,
        "met": not most or ours <= most * reference,
        "n": n,
    }


def reference() -> None:
    """With the memory that the portal takes for its run."""
    from django.db import connection, transaction

    from reporting.services.compiling.temporary import take_room

    with transaction.atomic(), connection.cursor() as cursor:
        take_room()
        by_hand.compile_by_hand(cursor)


def compile_whole() -> None:
    from reporting.services.compiling import compile_all

    compile_all(AT)


def change() -> float:
    """What follows an accepted report, in seconds; all of it is taken back."""
    from django.db import transaction

    from iscm_portal.common.models import OutboxMessage
    from reporting.choices import ReportState
    from reporting.models import PostEventReport
    from reporting.services.compiling import recompile
    from reporting.services.reviewing import accept_report
    from tests.factories import reporting as make

    with transaction.atomic():
        drafts = PostEventReport.objects.filter(state=ReportState.DRAFT)
        # Of a quarter with all its rolling twelve months.
        report = drafts.filter(
            event__starts_on__year=AT.year - 1, event__starts_on__quarter=2
        ).earliest("pk")
        day = report.event.starts_on
        make.ParticipantFactory(report=report)
        make.ReportedRequestFactory(report=report, asked_on=day)
        make.ReportedPartnershipFactory(report=report, since_on=day)
        make.ReportedFollowUpFactory(report=report, due_on=day)
        report.state, report.submitted_at = ReportState.SUBMITTED, AT
        report.save()
        accept_report(report.pk, report.author, AT)
        message = OutboxMessage.objects.filter(topic="evidence_changed").latest("pk")
        taken = seconds(lambda: recompile(message.payload, AT))
        transaction.set_rollback(True)
    return taken


def upserts() -> Iterator[tuple[str, float, float]]:
    """The portal's publishing statement and a plain upsert of the same rows ready in a table, with
    all values as they stand and with a tenth of them changed: what, ours, reference.

    The plain one goes first: what it leaves behind in the table slows the portal's, not its own.
    """
    from django.db import connection, transaction

    from reporting.services.compiling import values

    changed = " OR ".join(
        f"stands.{name} IS DISTINCT FROM excluded.{name}" for name in values.COLUMNS
    )
    plain = f"""
        INSERT INTO reporting_indicatorvalue AS stands ({values.WRITTEN}, compiled_at, run_id)
        SELECT {values.WRITTEN}, %s, %s FROM ready
        ON CONFLICT ({values.KEY}) DO UPDATE SET {values.UPDATES} WHERE {changed}
    """
    ours = values._upsert
    found = []

    def taken(statement: Callable[[], Any]) -> float:
        with transaction.atomic():
            took = seconds(statement)
            transaction.set_rollback(True)
        return took

    def compared(run: Any, at: dt.datetime) -> int:
        with connection.cursor() as cursor:
            for name, part in (
                ("upsert", "false"),
                ("upsert, a tenth changed", "iscm_id % 10 = 1"),
            ):
                cursor.execute(f"UPDATE staged SET n = n + 1 WHERE {part}")
                cursor.execute(f"CREATE TEMPORARY TABLE ready AS {values._fresh(AT.date())}")
                cursor.execute("ANALYZE ready")
                theirs = taken(lambda: cursor.execute(plain, [at, run.pk]))
                found.append((name, taken(lambda: ours(run, at)), theirs))
                cursor.execute("DROP TABLE ready")
        return 0

    with transaction.atomic(), mock.patch.object(values, "_upsert", compared):
        compile_whole()
        transaction.set_rollback(True)
    yield from found


def measured(n: int) -> Iterator[Case]:
    """The cases at ``n`` records."""
    from django.db import connection

    theirs, first = seconds(reference), seconds(compile_whole)
    yield case("compile, all new", n, first, theirs, "none")
    with connection.cursor() as cursor:
        differ, one = by_hand.differences(cursor)
        assert not differ, f"{differ} cells differ, one is {one}"
        cursor.execute("VACUUM ANALYZE")
    turns = [(seconds(reference), seconds(compile_whole)) for _round in range(ROUNDS)]
    theirs, ours = (min(taken) for taken in zip(*turns, strict=True))
    yield case("compile", n, ours, theirs, "at most 2x SQL written by hand", 2)
    taken = min(change() for _round in range(ROUNDS))
    yield case("after one report", n, taken, ours, "under 1/50 of a full compile", 1 / 50)
    for name, ours, theirs in upserts():
        yield case(name, n, ours, theirs, "at most 1.3x a plain upsert", 1.3)


def run(most: int) -> Iterator[Case]:
    """The cases, smallest number of records first."""
    from django.core.management import call_command
    from django.db import connection, transaction

    from reporting.choices import IndicatorState
    from reporting.measures import MEASURES
    from reporting.models import Indicator

    call_command("migrate", verbosity=0)
    call_command("load_evaluation")
    money = MEASURES.keys() - by_hand.MEASURES.keys()
    Indicator.objects.filter(key__in=money).update(state=IndicatorState.RETIRED)
    with connection.cursor() as cursor:
        cursor.execute(by_hand.PUBLISHED)
        records.prepare(cursor)
    done, before = 0, 0.0
    for n in [n for n in (10_000, 100_000, 1_000_000) if n < most] + [most]:
        with transaction.atomic(), connection.cursor() as cursor:
            records.fill(cursor, done, n // 1000)
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
        done = n // 1000
        for found in measured(n):
            yield found
            if found["name"] == "compile":
                if before:
                    yield case("growth", n, found["ours"], before, "at most 10x", 10)
                before = found["ours"]
