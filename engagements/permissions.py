"""Who may write the directory, events and evidence. The rights themselves stand in
``common.access``."""

from __future__ import annotations

from typing import Any

from iscm_portal.common.access import may


def may_edit_records(user: Any) -> bool:
    """Edit events and evidence: it is done in the admin site, so it takes the entrance to it."""
    return user.is_staff and may(user, "edit_directory")


def may_propose_event(user: Any) -> bool:
    """Put an event on record that somebody attended, marked as proposed."""
    return may(user, "propose_event")
