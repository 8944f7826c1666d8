"""Who reads which rows of money. The rights themselves stand in ``common.access``."""

from __future__ import annotations

from typing import Any

from iscm_portal.common.access import allowed_scopes, may
from iscm_portal.common.choices import Scope
from iscm_portal.common.querysets import PortalQuerySet


def readable_by_scope(rows: PortalQuerySet, user: Any) -> PortalQuerySet:
    """``rows`` as the API gives them to a request that holds the finance scope.

    Pages go by ``visible_to`` alone. The scope opens all lines, posts and days to whoever may
    carry it, analysts included (domain: Access, column "API client"); the caller has seen to it
    that the request holds it. Who may not carry it reads what he reads on pages.
    """
    return rows if Scope.READ_FINANCE in allowed_scopes(user) else rows.visible_to(user)


# --- imports


def may_read_imports(user: Any) -> bool:
    """Whoever reads all money reads the list of imports, and each of them."""
    return may(user, "read_all_finance")


def may_import(user: Any) -> bool:
    """Send files, write them, throw them away and undo them."""
    return may(user, "edit_finance")
