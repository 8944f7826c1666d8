"""How often a token calls: the limit of a minute, and the record of what it was used for.

Both are counted in the cache: a write to the database for every call would cost more than most
calls do. The first call of a day to an endpoint is on record at once. The counts are brought up to
date by the next call after a minute, and when somebody looks at them; what a cache that is lost had
counted since then is lost with it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db.models import F
from django.utils import timezone
from rest_framework.throttling import BaseThrottle

from .models import ApiToken, ApiUse
from .rates import counted

MINUTE = 60
KEPT = 2 * 24 * 3600


@dataclass(frozen=True)
class Rate:
    """The calls that are left of ``limit`` for ``reset`` seconds."""

    limit: int
    remaining: int
    reset: int

    def headers(self) -> dict[str, str]:
        """As the draft standard of the IETF names them."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset),
        }


class TokenRate(BaseThrottle):
    """So many calls a minute for each token, and for each user who is signed in by a browser."""

    def allow_request(self, request: Any, view: Any) -> bool:
        now = timezone.now()
        minute, second = divmod(int(now.timestamp()), MINUTE)
        limit = settings.API_CALLS_PER_MINUTE
        calls = counted(f"api-rate:{_who(request)}:{minute}", 2 * MINUTE)
        request.rate = Rate(limit, max(0, limit - calls), MINUTE - second)
        return calls <= limit

    def wait(self) -> float:
        return float(MINUTE - int(timezone.now().timestamp()) % MINUTE)


def _who(request: Any) -> str:
    token = request.auth
    return f"t{token.pk}" if isinstance(token, ApiToken) else f"u{request.user.pk}"


def record_use(request: Any, response: Any) -> None:
    """Note that the token of ``request`` called an endpoint; without a token nothing is noted."""
    token, now = request.auth, timezone.now()
    if not isinstance(token, ApiToken):
        return
    route = request.resolver_match.route
    use = ApiUse(token=token, day=now.date(), endpoint=route, method=request.method, first_at=now)
    place = _place(use)
    counted(f"{place}:calls", KEPT)
    if response.status_code >= 400:
        counted(f"{place}:refused", KEPT)
    if cache.add(f"{place}:written", True, MINUTE):
        _write(use, now)


def settle(token: ApiToken, now: dt.datetime) -> None:
    """Bring the record of the last days up to what the cache has counted."""
    for use in token.uses.filter(day__gte=now.date() - dt.timedelta(days=1)):
        _add_what_waits(use, use.last_at)


def _write(use: ApiUse, now: dt.datetime) -> None:
    row, is_new = ApiUse.objects.get_or_create(
        token=use.token,
        day=use.day,
        endpoint=use.endpoint,
        method=use.method,
        defaults={"first_at": now, "last_at": now},
    )
    _add_what_waits(row, now)
    if is_new:  # a day has begun, and another is over
        settle(use.token, now)


def _add_what_waits(row: ApiUse, last_at: dt.datetime) -> None:
    waited = {}
    for name in ("calls", "refused"):
        key = f"{_place(row)}:{name}"
        if waiting := cache.get(key, 0):
            waited[name] = F(name) + waiting
            counted(key, KEPT, -waiting)
    if waited:
        ApiUse.objects.filter(pk=row.pk).update(last_at=last_at, **waited)


def _place(use: ApiUse) -> str:
    digest = hashlib.sha256(f"{use.method} {use.endpoint}".encode()).hexdigest()[:16]
    return f"api-use:{use.token_id}:{use.day}:{digest}"
