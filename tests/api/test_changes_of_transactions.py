"""The feed of changes between transactions that run at the same time.

PostgreSQL only: SQLite has one writer at a time, so that none of this can be.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections, transaction

from engagements.models import Theme
from tests.api.following import Follower

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_on("postgresql")]


class Held:
    """A transaction in a thread of its own that waits where it is told to.

    ``with Held(first, then) as held``: ``first`` is done when the block begins, ``then`` before the
    commit, which the end of the block, or ``held.commit()``, brings about.
    """

    def __init__(self, first: Callable[[], Any], then: Callable[[], Any] = lambda: None) -> None:
        self.first, self.then = first, then
        self.begun, self.may_end = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            with transaction.atomic():
                self.first()
                self.begun.set()
                self.may_end.wait(30)
                self.then()
        finally:
            self.begun.set()
            connections.close_all()

    def commit(self) -> None:
        self.may_end.set()
        self.thread.join(30)
        assert not self.thread.is_alive()

    def __enter__(self) -> Held:
        self.thread.start()
        assert self.begun.wait(30)
        return self

    def __exit__(self, *raised: object) -> None:
        self.commit()


def theme(code: str) -> Theme:
    return Theme.objects.create(code=code, name=code)


def test_what_a_slow_transaction_wrote_first_is_not_passed_by() -> None:
    """A reader who remembered the last number would never see the slow one's."""
    follower = Follower(type="themes")
    with Held(lambda: theme("slow")):
        fast = theme("fast")
        assert follower.told() == [("themes", fast.pk, "created")]
    slow = Theme.objects.get(code="slow")
    assert slow.pk < fast.pk
    assert follower.told() == [("themes", slow.pk, "created")]
    assert follower.told() == []


def test_a_transaction_that_began_first_may_delete_what_a_later_one_made() -> None:
    """By the order of transactions the record would be deleted before it is made."""
    follower = Follower(type="themes")
    deleted: list[int] = []

    def delete() -> None:
        row = Theme.objects.get(code="later")
        deleted.append(row.pk)
        row.delete()

    with Held(lambda: theme("first"), delete) as first, Held(lambda: theme("another")):
        theme("later")
        # The other one, whose number lies between the two, is still under way.
        first.commit()
        (pk,) = deleted
        told = [change for _type, record, change in follower.told() if record == pk]
    assert told == ["created", "deleted"]


def test_whoever_reads_meanwhile_sees_what_was_made_before_what_became_of_it() -> None:
    """The same, read at every moment in between."""
    follower = Follower(type="themes")
    told: list[tuple[int, str]] = []

    def follow() -> None:
        told.extend((record, change) for _type, record, change in follower.told())

    def delete() -> None:
        Theme.objects.get(code="later").delete()

    with Held(lambda: theme("first"), delete) as first, Held(lambda: theme("another")):
        follow()
        later = theme("later")
        follow()
        first.commit()
        follow()
    follow()
    assert [change for record, change in told if record == later.pk] == ["created", "deleted"]
    assert len(told) == 4


def test_a_transaction_that_is_rolled_back_is_never_told() -> None:
    follower = Follower(type="themes")

    def fail() -> None:
        transaction.set_rollback(True)

    with Held(lambda: theme("never"), fail):
        made = theme("fast")
        assert follower.told() == [("themes", made.pk, "created")]
    assert follower.told() == []


def test_a_page_begun_while_a_transaction_runs_is_not_changed_by_its_commit() -> None:
    follower = Follower(type="themes", page_size=2)
    for number in range(3):
        theme(f"before{number}")
    with Held(lambda: theme("slow")) as held:
        page = follower.api.read("changes/", after=follower.position, type="themes", page_size=2)
        assert len(page["results"]) == 2
        held.commit()
        rest = follower.api.read(page["next"])
    codes = [Theme.objects.get(pk=row["id"]).code for row in page["results"] + rest["results"]]
    assert codes == ["before0", "before1", "before2", "slow"]
