"""How often something is done, counted in the cache for as long as the limit speaks of.

Of an address only a hash is kept, with a salt that is thrown away within a day: afterwards nobody
can say whose it was. While the cache is away nothing is limited.
"""

from __future__ import annotations

import hashlib
import secrets

from allauth.account.adapter import get_adapter
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

A_DAY = 24 * 3600


def within(name: str, most: int, seconds: int) -> bool:
    """Count one more ``name``; False where there are more than ``most`` within ``seconds``."""
    return counted(f"rate:{name}", seconds) <= most


def counted(key: str, seconds: int, more: int = 1) -> int:
    """Add ``more`` to what is counted under ``key`` for ``seconds`` from the first; the sum."""
    cache.add(key, 0, seconds)
    try:
        return int(cache.incr(key, more))
    except ValueError:  # it ran out between the two
        return more


def address_of(request: HttpRequest) -> str:
    """What stands for the address that asks, for a day at most."""
    salt = cache.get_or_set("rate-salt", lambda: secrets.token_hex(16), A_DAY)
    try:
        address = get_adapter(request).get_client_ip(request)
    except PermissionDenied:  # behind a socket there is none
        address = ""
    return hashlib.sha256(f"{salt}:{address}".encode()).hexdigest()[:32]
