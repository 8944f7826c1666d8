"""A compile that is killed leaves no trace, two at once are one after the other."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction

from iscm_portal.common.locks import lock_until_commit
from iscm_portal.common.models import OutboxMessage
from reporting.measures import MEASURES
from reporting.models import CompileRun, EvidenceSum, IndicatorValue, PublishedValue
from reporting.services.compiling import compile_indicators
from reporting.services.duties import bring_up_to_date
from tests.conftest import database_url
from tests.reporting.compiler import NOW
from tests.reporting.evidence import (
    Shown,
    assert_borne_out,
    evidence_of_every_kind,
    indicators,
    published,
)

pytestmark = pytest.mark.django_db(transaction=True)


KILLS = 20
CHANGE = {
    "years": [2025, 2026],
    "kinds": sorted(set().union(*(measure.moved_by for measure in MEASURES.values()))),
}


class Compiler:
    """The other process, and the compiles that it has begun."""

    def __init__(self) -> None:
        environment = {**os.environ, "DATABASE_URL": database_url()}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.reporting.compiler"],
            env=environment,
            cwd=settings.BASE_DIR,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._answer() == "ready"

    def start(self, work: str = "whole") -> int:
        """Begin a compile of everything, or of what waits in the outbox; its process."""
        word, pid = self._ask(work).split()
        assert word == "started"
        return int(pid)

    def wait(self) -> str:
        """How the compile that began first ended: "killed", or "done 0"."""
        return self._ask("wait")

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(30)

    def _ask(self, line: str) -> str:
        assert self.process.stdin is not None
        print(line, file=self.process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


@pytest.fixture
def compiler(transactional_db: None) -> Iterator[Compiler]:
    there = others()
    found = Compiler()
    yield found
    found.end()
    let_the_server_notice(there)


def others() -> int:
    """The other clients of the database on PostgreSQL; a suite may hold some open."""
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT COUNT(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return int(cursor.fetchone()[0])


def let_the_server_notice(before: int) -> None:
    """PostgreSQL ends the work of a dead client at its next word to it: wait until there are no
    more clients than ``before``."""
    for _try in range(200):
        if others() <= before:
            return
        time.sleep(0.05)


@pytest.mark.parametrize("work", ["whole", "change"])
def test_a_compile_that_is_killed_at_any_point_leaves_what_was_published(
    compiler: Compiler, work: str
):
    """Killed at random moments, a compile of everything and one of what a change touched; after
    each, readers see a whole run and no mix. One clean run then publishes what a run that nothing
    disturbed does."""

    def come() -> tuple[Shown, list[Any]]:
        if work == "change":
            OutboxMessage.objects.create(topic="evidence_changed", payload=CHANGE)
        return evidence_that_moves_values()

    indicators()
    evidence_of_every_kind()
    compile_indicators(2025, 2026, NOW, whole=True)
    before = come()
    began = time.monotonic()
    compiler.start(work)
    assert compiler.wait() == "done 0"
    took = time.monotonic() - began
    assert published() != before[0]
    at_random = random.Random(20190301)
    killed = 0
    before = come()
    while killed < KILLS:
        there = others()
        pid = compiler.start(work)
        time.sleep(at_random.uniform(0, took))
        os.kill(pid, signal.SIGKILL)
        killed += compiler.wait() == "killed"
        let_the_server_notice(there)
        if published() != before[0]:
            # It was whole before the signal came: all of it stands.
            assert_borne_out(NOW)
            before = come()
        assert (published(), kept()) == before
    compiler.start(work)
    assert compiler.wait() == "done 0"
    assert_borne_out(NOW)
    disturbed = published()
    for model in (PublishedValue, IndicatorValue, EvidenceSum, CompileRun):
        model.objects.all().delete()
    compile_indicators(2025, 2026, NOW, whole=True)
    assert published() == disturbed


def evidence_that_moves_values() -> tuple[Shown, list[Any]]:
    """What stands, after evidence came (and its duties) that no compile has followed."""
    evidence_of_every_kind()
    bring_up_to_date(NOW)
    return published(), kept()


def kept() -> list[Any]:
    """The runs and the sums that a compile keeps beside its values."""
    sums = EvidenceSum.objects.order_by("measure", "slot", "place", "country", "kind", "office")
    return [*CompileRun.objects.values_list("pk", "state"), *sums.values_list("slot", "n", "total")]


def test_of_two_compiles_at_once_one_waits_and_both_are_right(compiler: Compiler):
    indicators()
    evidence_of_every_kind()
    with transaction.atomic():
        lock_until_commit("compile")
        compiler.start()
        compiler.start()
        time.sleep(1)
        assert not CompileRun.objects.exists()
    assert compiler.wait() == "done 0"
    assert compiler.wait() == "done 0"
    first, second = CompileRun.objects.order_by("pk")
    assert (first.state, second.state) == ("published", "published")
    # The second found everything as it is to be.
    assert first.values_written == IndicatorValue.objects.count()
    assert (second.values_written, second.values_removed) == (0, 0)
    assert assert_borne_out(NOW) == first.values_written


def test_a_reader_sees_a_run_whole_or_not_at_all(compiler: Compiler):
    """Asked again and again while a compile goes on, in one question each time."""
    indicators()
    evidence_of_every_kind()
    compile_indicators(2025, 2026, NOW, whole=True)
    before, _kept = evidence_that_moves_values()
    seen = [before]
    compiler.start()
    deadline = time.monotonic() + 20
    while seen[-1] == before and time.monotonic() < deadline:
        seen.append(published())
    assert compiler.wait() == "done 0"
    after = published()
    assert after != before
    assert all(found in (before, after) for found in seen)
