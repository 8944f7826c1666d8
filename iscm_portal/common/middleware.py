"""What holds for every page: its address is readable, its reader signed in, and nothing that is
sent is lost to a busy database."""

import logging
from collections.abc import Callable
from urllib.parse import unquote

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import BadRequest
from django.db import OperationalError
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _

from .pages import busy, not_accepted, wants_json

logger = logging.getLogger(__name__)

# The API answers 401 by itself; the rest here has nothing to hide.
OPEN_ADDRESSES = (
    "/accounts/",
    "/api/",
    "/healthz",
    "/notices/unsubscribe/",
    "/readyz",
    "/s/",
    "/calendar/",
    "/static/",
    "/admin/login/",
    "/worker.js",
    "/offline/",
)


class ReadableAddressMiddleware:
    """Refuses NUL in an address, which PostgreSQL takes in no text. The API does so by itself."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        address = request.path + unquote(request.META.get("QUERY_STRING", ""))
        if "\0" in address and not request.path.startswith("/api/"):
            raise BadRequest(_("It holds a character that no text has (NUL)."))
        return self.get_response(request)


# What PostgreSQL calls a lock that could not be had, a deadlock, and transactions that cross.
NOT_TO_BE_HAD = frozenset({"55P03", "40P01", "40001"})


class BusyDatabaseMiddleware:
    """Answers what met a database that somebody else was writing in for long, as an import does on
    SQLite, with a page that sends the same again. The request was rolled back whole."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponseBase | None:
        if not isinstance(exception, OperationalError):
            return None
        code = getattr(exception.__cause__, "pgcode", None)
        if "database is locked" in str(exception) or code in NOT_TO_BE_HAD:
            logger.warning("Busy database at %s: %s", request.path, exception)
            return busy(request)
        return None


class SignInRequiredMiddleware:
    """Sends whoever is not signed in to the sign-in page, and back afterwards.

    What a form sent is not thrown away: it is answered, to be taken over after signing in.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path.startswith(OPEN_ADDRESSES) or request.user.is_authenticated:
            return self.get_response(request)
        if request.method == "POST" or wants_json(request):
            return not_accepted(request)
        return redirect_to_login(request.get_full_path())
