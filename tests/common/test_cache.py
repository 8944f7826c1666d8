"""The cache is a help, not a need."""

from __future__ import annotations

import pytest

from iscm_portal.common.cache import ForgivingRedisCache

NOBODY_LISTENS = "redis://127.0.0.1:9/0"


@pytest.fixture
def away():
    return ForgivingRedisCache(NOBODY_LISTENS, {"OPTIONS": {"socket_connect_timeout": 1}})


def test_without_redis_everything_is_a_miss_and_nothing_fails(away):
    assert away.get("key") is None
    assert away.get("key", "default") == "default"
    away.set("key", 1)
    assert away.add("key", 1) is True
    assert away.get_many(["key"]) == {}
    assert away.has_key("key") is False
    assert away.delete("key") is False


def test_with_redis_it_is_a_cache_like_any_other(redis_url):
    cache = ForgivingRedisCache(redis_url, {})
    cache.set("key", {"value": 1})
    assert cache.get("key") == {"value": 1}
    assert cache.add("key", 2) is False
    assert cache.delete("key") is True
    assert cache.get("key") is None
