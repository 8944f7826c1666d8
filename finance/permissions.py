"""Who reads which rows of money, and who may write them. The rights themselves stand in
``common.access``."""

from __future__ import annotations

from typing import Any

from engagements.models import Office
from iscm_portal.common.access import allowed_scopes, may
from iscm_portal.common.choices import Scope
from iscm_portal.common.querysets import PortalQuerySet

from .models import AssessedContribution, Position, StaffNeed, TimeEntry

# What an office manager keeps for the own office.
STAFFING = (Position, TimeEntry, StaffNeed)
# What belongs to no office, so that none reads its own.
OF_NO_OFFICE = (AssessedContribution,)


def readable_by_scope(rows: PortalQuerySet, user: Any) -> PortalQuerySet:
    """``rows`` as the API gives them to a request that holds the finance scope.

    Pages go by ``visible_to`` alone. The scope opens all lines, posts and days to whoever may
    carry it, analysts included (domain: Access, column "API client"); the caller has seen to it
    that the request holds it. Who may not carry it reads what he reads on pages.
    """
    return rows if Scope.READ_FINANCE in allowed_scopes(user) else rows.visible_to(user)


def may_edit_funds(user: Any) -> bool:
    """Record contributions to reserve funds, payments and call-backs."""
    return may(user, "edit_reserve_funds")


def may_read_kind(user: Any, model: type) -> bool:
    """Whether there is a list of ``model`` for ``user``; its rows go by ``visible_to``."""
    if may(user, "read_all_finance"):
        return True
    return may(user, "read_own_office_finance") and model not in OF_NO_OFFICE


def may_add(user: Any, model: type) -> bool:
    if may(user, "edit_finance"):
        return True
    return model in STAFFING and may(user, "edit_own_office_staffing")


def may_edit(user: Any, record: Any) -> bool:
    """Whether ``user`` may change and delete ``record`` as it is stored."""
    if may(user, "edit_finance"):
        return True
    return may_add(user, type(record)) and record.office_id == user.office_id


def own_office_only(user: Any) -> Any:
    """The offices whose posts, days and needs ``user`` may write; None: all."""
    return None if may(user, "edit_finance") else Office.objects.filter(pk=user.office_id)


# --- imports


def may_read_imports(user: Any) -> bool:
    """Whoever reads all money reads the list of imports, and each of them."""
    return may(user, "read_all_finance")


def may_import(user: Any) -> bool:
    """Send files, write them, throw them away and undo them."""
    return may(user, "edit_finance")
