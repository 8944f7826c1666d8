"""A record's ETag is never newer than what was read with it: nobody writes over what he has not
seen."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from finance.models import FundingLine
from finance.services import ledger
from iscm_portal.common.choices import Scope
from iscm_portal.common.records import Reader
from tests.api.writer import Writer
from tests.factories import finance as money

SCOPES = [Scope.READ_FINANCE, Scope.WRITE_FINANCE]
CHANGES = 20


def change(line: FundingLine, amount: int, user: Any) -> None:
    ledger.save_record(FundingLine(pk=line.pk), {"amount_usd": Decimal(amount)}, user, "Ledger.")


@pytest.mark.django_db
def test_what_changes_while_a_record_is_read_is_not_of_the_version_told(
    monkeypatch: pytest.MonkeyPatch,
):
    officer, line = Writer("finance", SCOPES), money.FundingLineFactory(amount_usd=1)
    address, read = f"funding-lines/{line.pk}/", Reader.read

    def read_and_change(self: Reader, *args: Any) -> Any:
        found = read(self, *args)
        change(line, 2, officer.user)
        return found

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(Reader, "read", read_and_change)
        seen = officer.get(address)
    assert seen.json()["amount_usd"] == "1.00"
    late = officer.change(seen, address, {"amount_usd": "3", "reason": "Mine."})
    assert (late.status_code, FundingLine.objects.get().amount_usd) == (412, 2)


@pytest.mark.only_on("postgresql")
@pytest.mark.django_db(transaction=True)
def test_beside_a_writer_each_answer_has_the_version_of_what_it_tells(settings: Any):
    settings.API_CALLS_PER_MINUTE = 1_000_000
    officer, line = Writer("finance", SCOPES), money.FundingLineFactory(amount_usd=1)
    address = f"funding-lines/{line.pk}/"
    first = officer.get(address)
    written = {version_of(first): "1.00"}
    read: list[tuple[str, str]] = []
    is_over = threading.Event()

    def keep_reading() -> None:
        try:
            while not is_over.is_set():
                answer = officer.get(address)
                read.append((version_of(answer), answer.json()["amount_usd"]))
        finally:
            connection.close()

    readers = [threading.Thread(target=keep_reading) for _reader in range(2)]
    for reader in readers:
        reader.start()
    answer = first
    try:
        for amount in range(2, CHANGES):
            body = {"amount_usd": str(amount), "reason": "Ledger."}
            answer = officer.change(answer, address, body)
            assert answer.status_code == 200, answer.content
            written[version_of(answer)] = answer.json()["amount_usd"]
    finally:
        is_over.set()
        for reader in readers:
            reader.join(60)
    assert len(read) > CHANGES / 2
    # Older than told is refused when it is sent back; newer would let a change be lost.
    older = [
        (version, amount) for version, amount in read if Decimal(amount) < Decimal(written[version])
    ]
    assert older == []


def version_of(answer: Any) -> str:
    """The part of a tag that is for If-Match."""
    return str(answer["ETag"].removeprefix("W/").strip('"').partition("~")[0])
