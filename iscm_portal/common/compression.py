"""Answers of the API packed as they are sent, with brotli or gzip.

A list of a million rows is packed on its way, never whole, and what stands at its beginning goes
out at once. Django's own gzip, which packs the pages, would wait until it has enough.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import brotli  # type: ignore[import-untyped]
from django.http import HttpRequest, HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.utils.cache import patch_vary_headers

# Shorter ones are sent as they are.
LEAST = 200
# Quick ones: over a fast line packing must not be what one waits for.
GZIP_LEVEL, BROTLI_QUALITY = 1, 3
PACKED = ("text/csv", "application/json", "application/xml")
_WAY = re.compile(r"\s*([\w*-]+)\s*(?:;\s*q\s*=\s*([\d.]+))?")


class Packer(Protocol):
    def pack(self, part: bytes) -> bytes: ...
    def flush(self) -> bytes: ...
    def finish(self) -> bytes: ...


class Gzip:
    def __init__(self) -> None:
        self._packer = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)

    def pack(self, part: bytes) -> bytes:
        return self._packer.compress(part)

    def flush(self) -> bytes:
        return self._packer.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        return self._packer.flush()


class Brotli:
    def __init__(self) -> None:
        self._packer: Any = brotli.Compressor(quality=BROTLI_QUALITY)

    def pack(self, part: bytes) -> bytes:
        return bytes(self._packer.process(part))

    def flush(self) -> bytes:
        return bytes(self._packer.flush())

    def finish(self) -> bytes:
        return bytes(self._packer.finish())


PACKERS: dict[str, Callable[[], Packer]] = {"br": Brotli, "gzip": Gzip}


def accepted(header: str) -> str:
    """The way of packing that the reader takes and we do best; empty: none."""
    takes: dict[str, float] = {}
    for part in header.lower().split(","):
        if found := _WAY.fullmatch(part.rstrip()):
            try:
                takes[found[1]] = float(found[2] or 1)
            except ValueError:
                continue
    others = takes.get("*", 0)
    return next((way for way in PACKERS if takes.get(way, others) > 0), "")


def packed(parts: Iterable[bytes], packer: Packer) -> Iterator[bytes]:
    """``parts``, packed; the first one goes out by itself."""
    is_first = True
    source = iter(parts)
    try:
        for part in source:
            out = packer.pack(part)
            if is_first:
                out, is_first = out + packer.flush(), False
            if out:
                yield out
        yield packer.finish()
    finally:
        # What reads the rows ends with its reader, not when somebody tidies up.
        if hasattr(source, "close"):
            source.close()


class PagesGzipMiddleware(GZipMiddleware):
    """Django's own, for pages: it pads by chance, so that a length tells nothing of a secret beside
    what a reader sent (BREACH). What the API answers holds no secret of ours."""

    def process_response(self, request: HttpRequest, response: Any) -> Any:
        if request.path.startswith("/api/"):
            return response
        return super().process_response(request, response)


class CompressionMiddleware:
    """Packs what the API answers; pages are Django's own gzip's."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response: Any = self.get_response(request)
        if not request.path.startswith("/api/") or response.has_header("Content-Encoding"):
            return response  # type: ignore[no-any-return]
        if not response.headers.get("Content-Type", "").startswith(PACKED):
            return response  # type: ignore[no-any-return]
        patch_vary_headers(response, ("Accept-Encoding",))
        way = accepted(request.headers.get("Accept-Encoding", ""))
        if way and response.streaming:
            response.streaming_content = packed(response.streaming_content, PACKERS[way]())
            response.headers["Content-Encoding"] = way
        elif way and len(response.content) >= LEAST:
            response.content = whole(response.content, way)
            response.headers["Content-Encoding"] = way
            response.headers["Content-Length"] = str(len(response.content))
        return response  # type: ignore[no-any-return]


def whole(content: bytes, way: str) -> bytes:
    if way == "br":
        return bytes(brotli.compress(content, quality=BROTLI_QUALITY))
    return gzip.compress(content, GZIP_LEVEL)
