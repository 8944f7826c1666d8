"""What holds for every page: its address is readable, and its reader signed in."""

from collections.abc import Callable
from urllib.parse import unquote

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _

from .pages import not_accepted, wants_json

# The API answers 401 by itself; the rest here has nothing to hide.
OPEN_ADDRESSES = (
    "/accounts/",
    "/api/",
    "/healthz",
    "/notices/unsubscribe/",
    "/readyz",
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
