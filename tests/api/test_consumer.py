"""A program that keeps copies of the portal while eight others write: in the end all are equal.

One copy is pulled page by page and kept by ``changes/``; the other is kept by webhooks alone, at an
address that refuses half of the calls.
"""

from __future__ import annotations

import datetime as dt
import random
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from engagements.models import Partnership, SupportRequest
from finance.models import FundingLine
from iscm_portal.common.changes.models import Change
from iscm_portal.common.models import Webhook
from iscm_portal.common.webhooks import services
from reporting.models import PostEventReport
from tests.api.client import Api
from tests.api.following import Follower
from tests.factories import engagements as make
from tests.factories import reporting as told
from tests.webhooks.receiver import Receiver, running

pytestmark = pytest.mark.django_db(transaction=True)

WRITERS = 8
# Rows that the writers change, and how many stand before. SQLite lets one write at a time.
ROWS, BEFORE = {"postgresql": (10_000, 1_500), "sqlite": (800, 1_100)}[connection.vendor]
TYPES = {
    "funding-lines": FundingLine,
    "partnerships": Partnership,
    "support-requests": SupportRequest,
    "reports": PostEventReport,
}
MOST = {"funding-lines": 200, "partnerships": 60, "support-requests": 60, "reports": 20}
KEPT = "Nobody deletes this"
Key = tuple[str, int]


# --- those who write


class Writer:
    """Changes rows until it has changed so many: in transactions of one to some hundred, of which
    every sixth is rolled back.

    Tables come in the order of ``TYPES`` and rows by their key, so that two may wait for each other
    and never both.
    """

    def __init__(self, number: int, iscms: list[Any], partner: Any) -> None:
        self.number, self.iscms, self.partner = number, iscms, partner
        self.chance = random.Random(number)
        self.changed = self.made = 0

    def run(self) -> None:
        try:
            while self.changed < ROWS // WRITERS:
                try:
                    with transaction.atomic():
                        rows = self.change_some()
                        if self.chance.random() < 1 / 6:
                            raise InterruptedError
                    self.changed += rows
                except InterruptedError:
                    pass
        finally:
            connections.close_all()

    def change_some(self) -> int:
        chosen = self.chance.sample(list(TYPES), self.chance.choice([1, 1, 2]))
        return sum(self.change(name) for name in TYPES if name in chosen)

    def change(self, name: str) -> int:
        number = self.chance.choice([1, 5, MOST[name] // 2, MOST[name]])
        if name == "reports":
            return self.show_or_hide(number)
        what = self.chance.choice(["create", "update", "update", "update", "delete"])
        if what == "create":
            return self.create(name, min(number, 40))
        rows = self.some_of(name, number)
        if what == "update":
            self.made += 1
            text = {
                "funding-lines": "document",
                "partnerships": "purpose",
                "support-requests": "what",
            }[name]
            return rows.update(**{text: f"{self.number}-{self.made}"})
        if name == "funding-lines":
            rows = rows.exclude(label=KEPT)
        return rows.delete()[0]

    def some_of(self, name: str, number: int) -> Any:
        """Some of the newest rows, held; whoever holds one of them is waited for."""
        model = TYPES[name]
        newest = model.objects.order_by("-pk").values_list("pk", flat=True)
        pks = list(newest[: 2 * MOST[name]])
        chosen = model.objects.filter(pk__in=self.chance.sample(pks, min(number, len(pks))))
        held = list(chosen.order_by("pk").select_for_update().values_list("pk", flat=True))
        return model.objects.filter(pk__in=held)

    def create(self, name: str, number: int) -> int:
        made = {
            "funding-lines": self.line,
            "partnerships": lambda: Partnership(
                organisation=self.partner, since_on=dt.date(2026, 1, 1)
            ),
            "support-requests": lambda: SupportRequest(
                kind="technical", what="Help", asked_on=dt.date(2026, 1, 1)
            ),
        }[name]
        return len(TYPES[name].objects.bulk_create(made() for _ in range(number)))

    def line(self) -> FundingLine:
        return FundingLine(
            year=self.chance.choice([2024, 2025]),
            source_of_funds="osi",
            supports="iscm",
            iscm=self.chance.choice(self.iscms),
            label=f"Line of {self.number}",
            amount_usd=self.chance.randint(1, 100_000),
        )

    def show_or_hide(self, number: int) -> int:
        """Reports that are accepted can be seen, those that are taken back can't any more."""
        state = self.chance.choice(["accepted", "submitted"])
        at = told.ACCEPTED_AT if state == "accepted" else None
        others = self.some_of("reports", number).exclude(state=state)
        return others.update(state=state, accepted_at=at)


# --- the one who reads


class Copy:
    """Records by resource and id; what changed is read anew, once however often it changed.

    What is not found is gone since, which a later change tells.
    """

    def __init__(self, api: Api) -> None:
        self.api = api
        self.records: dict[Key, Any] = {}
        self.noted: dict[Key, str] = {}

    def pull(self) -> None:
        for name in TYPES:
            self.records |= self.listed(name)

    def listed(self, name: str) -> dict[Key, Any]:
        rows = self.api.all(f"{name}/", page_size=1000)
        return {(name, row["id"]): row for row in rows}

    def note(self, changes: list[dict[str, Any]]) -> None:
        for change in changes:
            self.noted[change["type"], change["id"]] = change["change"]

    def read_by_lists(self) -> None:
        """Pull the lists in which something changed, and take from them what did."""
        found: dict[Key, Any] = {}
        for name in {name for (name, _id), change in self.noted.items() if change != "deleted"}:
            found |= self.listed(name)
        for key, change in self.noted.items():
            self.keep(key, None if change == "deleted" else found.get(key))
        self.noted = {}

    def read_one_by_one(self, most: int | None = None) -> None:
        for key in list(self.noted)[:most]:
            answer = (
                None if self.noted.pop(key) == "deleted" else self.api.get("{}/{}/".format(*key))
            )
            is_there = answer is not None and answer.status_code != 404
            self.keep(key, answer.json() if is_there else None)

    def keep(self, key: Key, record: Any) -> None:
        self.records.pop(key, None)
        if record is not None:
            self.records[key] = record


class Teller:
    """Holds what is told of changes against what can be: a record is created where there is none,
    and updated or deleted where there is one. A change that is lost, or told twice, breaks that."""

    def __init__(self, present: Iterable[Key]) -> None:
        self.present = set(present)
        self.told = 0

    def tell(self, changes: list[dict[str, Any]]) -> None:
        for change in changes:
            key = change["type"], change["id"]
            assert (key in self.present) == (change["change"] != "created"), change
            (self.present.discard if change["change"] == "deleted" else self.present.add)(key)
            self.told += 1


class Clock:
    """Stands still until a webhook that was refused has to wait: then it is as late as that."""

    def __init__(self) -> None:
        self.now = timezone.now()

    def __call__(self) -> dt.datetime:
        return self.now

    def deliver(self) -> bool:
        """Send what there is; whether there may be more."""
        sent = services.deliver(self)
        (waits_until,) = Webhook.objects.values_list("next_try_at", flat=True)
        self.now = max(self.now, waits_until or self.now)
        return bool(sent or waits_until)


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.WEBHOOK_TEST_HOSTS = ["127.0.0.1"]
    chance = random.Random(1)
    with running(Receiver(answer=lambda number: 200 if chance.random() < 0.5 else 503)) as receiver:
        yield receiver


@pytest.fixture
def writers() -> list[Writer]:
    """Those who write, and the rows that stand before they begin."""
    iscms, partner = [make.ISCMFactory() for _ in range(3)], make.OrganisationFactory()
    found = [Writer(number, iscms, partner) for number in range(WRITERS)]
    lines = [found[0].line() for _ in range(BEFORE)]
    for line in lines[::2]:
        line.label = KEPT
    FundingLine.objects.bulk_create(lines)
    for name in ("partnerships", "support-requests"):
        found[0].create(name, 100)
    event, author = make.EventFactory(iscms=iscms), make.UserFactory()
    for number in range(40):
        told.PostEventReportFactory(
            event=event, author=author, state=("accepted", "submitted")[number % 2]
        )
    return found


def stored(api: Api) -> dict[Key, Any]:
    """What stands in the end; no more and no less than the tables have."""
    everything = Copy(api)
    everything.pull()
    found = everything.records
    seen = {name: model.objects.all() for name, model in TYPES.items()}
    seen["reports"] = PostEventReport.objects.filter(state="accepted")
    in_tables = {
        (name, pk) for name, rows in seen.items() for pk in rows.values_list("pk", flat=True)
    }
    assert found.keys() == in_tables
    lines = {
        ("funding-lines", line.pk): (line.label, line.document)
        for line in FundingLine.objects.all()
    }
    assert lines == {key: (found[key]["label"], found[key]["document"]) for key in lines}
    return found


def test_copies_kept_by_pages_changes_and_webhooks_equal_the_database_after_eight_writers(
    writers: list[Writer], receiver: Receiver, settings: Any
) -> None:
    settings.API_CALLS_PER_MINUTE = 1_000_000
    Change.objects.all().delete()  # on SQLite earlier tests leave word of what they deleted
    follower = Follower(type=",".join(TYPES), page_size=1000)
    webhook = services.subscribe(
        follower.api.user, "Mirror", receiver.address, list(TYPES), timezone.now()
    )
    receiver.secret = webhook.secret
    kept = set(FundingLine.objects.filter(label=KEPT).values_list("pk", flat=True))
    copy, mirror = Copy(follower.api), Copy(follower.api)
    # Whoever makes a webhook pulls once what stands; here before anybody writes.
    mirror.pull()
    of_feed, of_webhook = Teller(mirror.records.keys()), Teller(mirror.records.keys())
    positions: list[str] = []
    clock, is_written = Clock(), threading.Event()

    def send() -> None:
        try:
            while not is_written.is_set():
                if not clock.deliver():
                    is_written.wait(0.05)
        finally:
            connections.close_all()

    def page_through() -> None:
        """Page after page of a list that changes meanwhile: each row once, in order, and every one
        that stood all the time."""
        ids = [row["id"] for row in follower.api.all("funding-lines/", page_size=1000)]
        assert ids == sorted(set(ids))
        assert kept <= set(ids)

    def follow() -> None:
        news = follower.news()
        positions.extend(row["position"] for row in news)
        of_feed.tell(news)
        copy.note(news)
        copy.read_by_lists()

    def take_calls(most: int | None = None) -> None:
        calls = receiver.taken[len(taken) :]
        taken.extend(calls)
        for call in calls:
            of_webhook.tell(call["changes"])
            mirror.note(call["changes"])
        mirror.read_one_by_one(most)

    taken: list[dict[str, Any]] = []
    with ThreadPoolExecutor(WRITERS + 1) as pool:
        writing = [pool.submit(writer.run) for writer in writers]
        sending = pool.submit(send)
        try:
            copy.pull()
            while not all(job.done() for job in writing):
                page_through()
                follow()
                take_calls(most=40)
        finally:
            for job in writing:
                job.exception()
            is_written.set()
        for job in [*writing, sending]:
            job.result()
    while clock.deliver():
        pass
    follow()
    take_calls()
    assert follower.news() == []
    in_the_end = stored(follower.api)
    assert copy.records == in_the_end
    assert mirror.records == in_the_end
    # No change was told twice, and none lost.
    changes = Change.objects.filter(type__in=TYPES).count()
    assert sum(writer.changed for writer in writers) >= ROWS
    assert len(set(positions)) == len(positions) == changes >= ROWS
    assert (of_feed.told, of_webhook.told) == (changes, changes)
    assert of_feed.present == of_webhook.present == in_the_end.keys()
    webhook.refresh_from_db()
    refused = [status for _headers, _content, status in receiver.requests if status != 200]
    assert (webhook.state, receiver.wrong) == ("active", [])
    assert len(refused) > len(receiver.requests) / 4
