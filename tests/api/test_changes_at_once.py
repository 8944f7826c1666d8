"""The feed of changes while others write: no gap, no repeat, and a copy right at the end."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import OperationalError, connections, transaction

from engagements.models import Event, Theme
from iscm_portal.common.models import Change
from tests.api.following import Follower
from tests.factories import engagements as make

pytestmark = pytest.mark.django_db(transaction=True)

WRITERS = 8
TRANSACTIONS = 20


def theme(code: str) -> Theme:
    return Theme.objects.create(code=code, name=code)


def test_a_copy_kept_by_the_feed_equals_the_database_after_eight_writers() -> None:
    """Each writes, deletes, rolls back and takes its time; the copy is kept meanwhile."""
    Change.objects.all().delete()  # on SQLite earlier tests leave word of what they deleted
    iscms = [make.ISCMFactory() for _ in range(3)]
    follower = Follower(type="themes,events", page_size=50)

    def write(number: int) -> None:
        chance = random.Random(number)
        try:
            for turn in range(TRANSACTIONS):
                try:
                    with transaction.atomic():
                        _write(chance, f"w{number}-{turn}", iscms)
                        if chance.random() < 0.2:
                            raise InterruptedError
                        if chance.random() < 0.3:
                            threading.Event().wait(chance.random() / 50)
                except (InterruptedError, OperationalError):
                    pass  # of two that wait for each other PostgreSQL takes one back
        finally:
            connections.close_all()

    copy: dict[tuple[str, int], Any] = {}
    positions: list[str] = []

    def follow() -> None:
        last = {}
        for row in follower.news():
            positions.append(row["position"])
            last[row["type"], row["id"]] = row["change"]
        for key, change in last.items():
            answer = follower.api.get("{}/{}/".format(*key)) if change != "deleted" else None
            if answer is None or answer.status_code == 404:
                copy.pop(key, None)
            else:
                copy[key] = answer.json()

    with ThreadPoolExecutor(WRITERS) as pool:
        writing = [pool.submit(write, number) for number in range(WRITERS)]
        while not all(job.done() for job in writing):
            follow()
        for job in writing:
            job.result()
    follow()
    assert follower.news() == []
    stored = {
        (name, row["id"]): row
        for name in ("themes", "events")
        for row in follower.api.all(f"{name}/")
    }
    assert copy == stored
    assert len(stored) > 50
    told = Change.objects.filter(type__in=["themes", "events"])
    assert len(positions) == len(set(positions)) == told.count() > 300


def _write(chance: random.Random, name: str, iscms: list[Any]) -> None:
    """What one transaction does: something new, and something of another's."""
    theme(name)
    event = make.EventFactory(name=name)
    event.iscms.add(chance.choice(iscms))
    others = list(Theme.objects.order_by("?").values_list("pk", flat=True)[:2])
    if chance.random() < 0.4:
        Theme.objects.filter(pk__in=others[:1]).delete()
    else:
        Theme.objects.filter(pk__in=others[:1]).update(name=f"by {name}")
    others = list(Event.objects.order_by("?").values_list("pk", flat=True)[:3])
    Event.objects.filter(pk__in=others).update(city=name)
