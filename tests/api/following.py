"""How the tests follow the feed of changes."""

from __future__ import annotations

from typing import Any

from iscm_portal.common.changes import feed
from tests.api.client import Api


class Follower:
    """A program that follows the feed from the moment at which it was made."""

    def __init__(self, api: Api | None = None, **query: Any) -> None:
        self.api = api or Api()
        self.query = query
        self.position = self.api.read("changes/", after="now", **query)["position"]

    def news(self) -> list[dict[str, Any]]:
        """What has changed since it last asked, page after page."""
        page = self.api.read("changes/", after=self.position, **self.query)
        found = page["results"]
        while page["next"]:
            page = self.api.read(page["next"])
            found += page["results"]
        self.position = page["position"]
        return list(found)

    def told(self) -> list[tuple[str, int, str]]:
        return [(row["type"], row["id"], row["change"]) for row in self.news()]


def show_own_transaction(monkeypatch: Any) -> None:
    """In a test that is one transaction nothing is ever over: the feed then goes by the numbers, as
    on SQLite. ``test_changes_at_once.py`` has the real thing."""
    monkeypatch.setitem(feed.TRANSACTION, "postgresql", "id")
    following = "coalesce(max(id), 0) + 1"
    numbers = f"SELECT concat({following}, ':', {following}, ':') FROM common_change"
    monkeypatch.setitem(feed.SNAPSHOT, "postgresql", numbers)
