"""Every page is for people who signed in; what is open to all says so by its address."""

from collections.abc import Callable

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase

# The API answers 401 by itself; the rest here has nothing to hide.
OPEN_ADDRESSES = ("/accounts/", "/api/", "/healthz", "/readyz", "/static/", "/admin/login/")


class SignInRequiredMiddleware:
    """Sends whoever is not signed in to the sign-in page, and back afterwards."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path.startswith(OPEN_ADDRESSES) or request.user.is_authenticated:
            return self.get_response(request)
        return redirect_to_login(request.get_full_path())
