"""Sign-in of programs: a token as ``Bearer`` or as the password of HTTP Basic.

Excel and Power BI know Basic only; the user name is then ignored.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
from typing import Any

from django.core.cache import caches
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from .models import ApiToken, digest_of
from .versions import READERS, Versions

# Of this process alone: what is kept here opens the portal.
memory = caches["memory"]


class TokenAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[Any, ApiToken] | None:
        text = token_text(request.headers.get("Authorization", ""))
        if text is None:
            return None
        token = valid_token(text, timezone.now(), request.parser_context["view"])
        if token is None:
            raise AuthenticationFailed(_("The token is unknown, expired or revoked."))
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        """Both ways: who sends a password only when asked for one is asked."""
        return 'Bearer realm="api", Basic realm="api", charset="UTF-8"'


def token_text(header: str) -> str | None:
    """The token in the header ``Authorization``; None: it names none."""
    kind, _space, value = header.partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    if kind.lower() == "basic":
        try:
            decoded = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise AuthenticationFailed(_("The Basic header is not readable.")) from None
        return decoded.partition(":")[2]
    return None


def valid_token(text: str, at: dt.datetime, view: Any) -> ApiToken | None:
    """The valid token whose secret is ``text``, used ``at`` this moment; None: there is none.

    One that was found before is good for as long as nobody wrote to a token or to its owner, as
    the versions tell that an endpoint reads before all else. Inside of a transaction, which is not
    told what it writes itself, it is looked for.
    """
    versions: Versions | None = None
    if not connection.in_atomic_block:
        versions = getattr(view, "versions", None)
    seen = versions.of(READERS) if versions else ""
    place = f"token:{digest_of(text)}"
    known: tuple[str, ApiToken] | None = memory.get(place) if seen else None
    if known and known[0] == seen and known[1].expires_at > at:
        token, is_new = known[1], False
    elif found := ApiToken.objects.match(text, at):
        token, is_new = found, True
    else:
        return None
    if (token.note_use(at) or is_new) and seen:
        memory.set(place, (seen, token))
    return token


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How OpenAPI names the sign-in above."""

    target_class = TokenAuthentication
    name = ["bearerToken", "basicToken"]

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[Any]]]:
        # One or the other; in one mapping they would be asked for together.
        return [{"bearerToken": []}, {"basicToken": []}]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, str]]:
        return [
            {"type": "http", "scheme": "bearer"},
            {"type": "http", "scheme": "basic", "description": "The token as the password."},
        ]
