"""How a change is told, in the feed and by webhooks."""

from __future__ import annotations

from typing import Any

from .feed import Entry


def told(entry: Entry, base: str) -> dict[str, Any]:
    """A change as the feed and webhooks tell it; ``base`` is the address of the API."""
    gone = entry.change == "deleted"
    return {
        "type": entry.type,
        "id": entry.id,
        "change": entry.change,
        "changed_at": entry.changed_at,
        "url": None if gone else f"{base}{entry.type}/{entry.id}/",
    }
