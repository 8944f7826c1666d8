"""Sign-in of programs: a token as ``Bearer`` or as the password of HTTP Basic.

Excel and Power BI know Basic only; the user name is then ignored.
"""

import base64
import binascii
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from .models import ApiToken


class TokenAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[Any, ApiToken] | None:
        text = self._text(request.headers.get("Authorization", ""))
        if text is None:
            return None
        now = timezone.now()
        token = ApiToken.objects.match(text, now)
        if token is None:
            raise AuthenticationFailed(_("The token is unknown, expired or revoked."))
        token.note_use(now)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        """Both ways: who sends a password only when asked for one is asked."""
        return 'Bearer realm="api", Basic realm="api", charset="UTF-8"'

    @staticmethod
    def _text(header: str) -> str | None:
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
