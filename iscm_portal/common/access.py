"""Who may do what: the one table of rights, after ``domain.md``, section Access.

Rows are seen through ``visible_to(user)`` of each queryset; actions on one record are decided in
each app's ``permissions.py``. Both ask this table and nothing else.
"""

from collections.abc import Collection
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from .choices import AccessGroup, Scope

Reader = AbstractBaseUser | AnonymousUser

G = AccessGroup
EVERYONE = frozenset(G)
REVIEWERS = frozenset({G.IPD, G.ADMIN})

# right -> the access groups that hold it
RIGHTS: dict[str, frozenset[AccessGroup]] = {
    "read_directory": EVERYONE,
    "propose_event": frozenset({G.REPORTER, G.MANAGER, G.IPD, G.ADMIN}),
    "edit_directory": REVIEWERS,
    "write_own_office_reports": frozenset({G.REPORTER, G.MANAGER, G.IPD, G.ADMIN}),
    "read_own_office_reports": frozenset({G.REPORTER, G.MANAGER}),
    "read_all_reports": REVIEWERS,
    "return_own_office_reports": frozenset({G.MANAGER}),
    "forward_own_office_reports": frozenset({G.MANAGER}),
    "review_all_reports": REVIEWERS,
    "read_internal_remarks": EVERYONE - {G.ANALYST},
    "read_restricted_of_own_office": frozenset({G.REPORTER, G.MANAGER}),
    "read_restricted": REVIEWERS,
    "read_all_finance": frozenset({G.FINANCE, G.IPD, G.ADMIN}),
    "read_own_office_finance": frozenset({G.REPORTER, G.MANAGER}),
    "edit_finance": frozenset({G.FINANCE, G.ADMIN}),
    "edit_own_office_staffing": frozenset({G.MANAGER}),
    "read_reserve_funds": frozenset({G.FINANCE, G.IPD, G.ADMIN}),
    "edit_reserve_funds": frozenset({G.FINANCE, G.ADMIN}),
    "see_duties": frozenset({G.REPORTER, G.MANAGER, G.IPD, G.ADMIN}),
    "decide_extensions_of_own_office": frozenset({G.MANAGER}),
    "read_indicators": EVERYONE,
    "edit_indicators": REVIEWERS,
    "read_answers": REVIEWERS,
    "compile_indicators": REVIEWERS,
    "publish_releases": REVIEWERS,
    "edit_surveys": REVIEWERS,
    "manage_users": REVIEWERS,
    "use_webhooks": frozenset({G.FINANCE, G.IPD, G.ANALYST, G.ADMIN}),
}

OF_EVERYBODY = frozenset(
    {Scope.READ_DIRECTORY, Scope.READ_CALENDAR, Scope.READ_REPORTS, Scope.READ_INDICATORS}
)
# access group -> the scopes that a token of its members may carry
SCOPES: dict[AccessGroup, frozenset[Scope]] = {
    G.REPORTER: OF_EVERYBODY | {Scope.WRITE_REPORTS},
    G.MANAGER: OF_EVERYBODY | {Scope.WRITE_REPORTS},
    G.FINANCE: frozenset(Scope) - {Scope.WRITE_REPORTS},
    G.IPD: frozenset(Scope),
    G.ANALYST: OF_EVERYBODY | {Scope.READ_FINANCE},
    G.ADMIN: frozenset(Scope),
}


# To write takes one of these as well: the answer says what the record holds.
READING_FOR: dict[Scope, tuple[Scope, ...]] = {
    Scope.WRITE_REPORTS: (Scope.READ_REPORTS, Scope.READ_DIRECTORY),
    Scope.WRITE_FINANCE: (Scope.READ_FINANCE,),
}


def reading_that_lacks(scopes: Collection[str]) -> dict[Scope, tuple[Scope, ...]]:
    """The scopes among ``scopes`` that open nothing, each with those of which it needs one."""
    return {
        write: reading
        for write, reading in READING_FOR.items()
        if write in scopes and not set(reading) & set(scopes)
    }


def may(user: Any, right: str) -> bool:
    """True when ``user`` is signed in, active and of a group that holds ``right``."""
    if not user.is_authenticated or not user.is_active:
        return False
    return user.access_group in RIGHTS[right]


def allowed_scopes(user: Any) -> frozenset[Scope]:
    """The scopes that ``user`` may use or give to a token; empty when not signed in."""
    if not user.is_authenticated or not user.is_active:
        return frozenset()
    return SCOPES[AccessGroup(user.access_group)]


def granted_scopes(user: Any, token: Any) -> frozenset[Scope]:
    """What a request may: a token brings its own scopes, cut down to what its owner may still do;
    a signed-in browser (no token) has the scopes of its user."""
    granted = allowed_scopes(user)
    return granted if token is None else granted & frozenset(token.scopes)


class HasScope(BasePermission):
    """Lets a request pass when its reader holds the view's ``scope``.

    A view without ``scope`` is closed; to write takes ``write_scope`` as well, for the answer says
    what the record holds.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        needed = {getattr(view, "scope", None)}
        # A view that nothing is written to answers so itself (405), whoever asks.
        methods = getattr(view, "http_method_names", [])
        if request.method not in SAFE_METHODS and str(request.method).lower() in methods:
            needed.add(getattr(view, "write_scope", None))
        return needed <= granted_scopes(request.user, request.auth)


class HasAnyScope(BasePermission):
    """Lets a request pass that may read records of any kind; the view looks at which."""

    def has_permission(self, request: Request, view: Any) -> bool:
        granted = granted_scopes(request.user, request.auth) - {Scope.READ_CALENDAR}
        return any(scope.startswith("read:") for scope in granted)
