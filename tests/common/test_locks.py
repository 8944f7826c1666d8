"""A lock holds others off until the commit, on both databases."""

import threading
import time

import pytest
from django.db import connection, transaction

from iscm_portal.common.locks import lock_until_commit


@pytest.mark.django_db(transaction=True)
def test_a_lock_outside_a_transaction_is_refused():
    with pytest.raises(RuntimeError, match="needs a transaction"):
        lock_until_commit("anything")


@pytest.mark.django_db(transaction=True)
def test_the_second_holder_waits_for_the_commit_of_the_first():
    first_holds = threading.Event()
    order: list[str] = []

    def second() -> None:
        first_holds.wait(10)
        try:
            with transaction.atomic():
                lock_until_commit("compile")
                order.append("second")
        finally:
            connection.close()

    thread = threading.Thread(target=second)
    thread.start()
    with transaction.atomic():
        lock_until_commit("compile")
        first_holds.set()
        deadline = time.monotonic() + 0.3
        while time.monotonic() < deadline and not order:
            thread.join(0.05)
        order.append("first")
    thread.join(20)
    assert order == ["first", "second"]
