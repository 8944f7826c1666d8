"""Changing and deleting a record in somebody's name, so that its history says whose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def change_with_history(
    record: Any, values: Mapping[str, Any], actor: Any, reason: str = ""
) -> None:
    """Set ``values`` (field: value) of ``record`` and save it in the name of ``actor``."""
    for name, value in values.items():
        setattr(record, name, value)
    record._history_user = actor
    record._change_reason = reason or None
    record.save()


def delete_with_history(record: Any, actor: Any, reason: str = "") -> None:
    """Delete ``record`` in the name of ``actor``; its history stays."""
    record._history_user = actor
    record._change_reason = reason or None
    record.delete()
