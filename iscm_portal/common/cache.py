"""A cache on Redis that the portal can do without for a while."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any

from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from redis.exceptions import RedisError

log = logging.getLogger(__name__)


def _forgiving(name: str, otherwise: Any) -> Callable[..., Any]:
    """The client's method ``name``; where Redis does not answer it is ``otherwise``."""
    method = getattr(RedisCacheClient, name)

    @functools.wraps(method)
    def attempt(self: RedisCacheClient, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(self, *args, **kwargs)
        except RedisError as error:
            log.warning("the cache is away: %s", error)
            return otherwise

    return attempt


class ForgivingClient(RedisCacheClient):
    """While Redis is away everything is a miss and nothing is kept."""

    add = _forgiving("add", True)
    set = _forgiving("set", None)
    incr = _forgiving("incr", 0)
    touch = _forgiving("touch", False)
    delete = _forgiving("delete", False)
    get_many = _forgiving("get_many", {})
    has_key = _forgiving("has_key", False)
    set_many = _forgiving("set_many", None)
    delete_many = _forgiving("delete_many", None)
    clear = _forgiving("clear", False)

    def get(self, key: Any, default: Any) -> Any:
        return _forgiving("get", default)(self, key, default)


class ForgivingRedisCache(RedisCache):
    """Pages work without Redis: rate limits do not count then, and charts are drawn anew.

    ``/readyz`` says that Redis is away.
    """

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = ForgivingClient
