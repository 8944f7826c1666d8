"""A receiver of webhooks on this machine, which takes what it is told to take."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson

from iscm_portal.common.webhooks.services import signature


class Receiver:
    """Keeps every request; ``answer(number)`` is the status of the one with that number."""

    def __init__(self, secret: str = "", answer: Callable[[int], int] = lambda n: 200) -> None:
        self.secret, self.answer = secret, answer
        self.requests: list[tuple[dict[str, str], dict[str, Any], int]] = []
        self.wrong: list[str] = []
        self.address = ""
        self.headers: dict[str, str] = {}

    def take(self, headers: dict[str, str], body: bytes) -> int:
        if self.secret:
            expected = signature(self.secret, headers["X-ISCM-Timestamp"], body)
            if headers["X-ISCM-Signature"] != expected:
                self.wrong.append(headers["X-ISCM-Signature"])
        status = self.answer(len(self.requests))
        self.requests.append((headers, orjson.loads(body), status))
        return status

    @property
    def taken(self) -> list[dict[str, Any]]:
        """The deliveries that it said it took, in order, one sent twice once."""
        found: dict[str, dict[str, Any]] = {}
        for _headers, content, status in self.requests:
            if status == 200:
                found.setdefault(content["delivery"], content)
        return list(found.values())

    @property
    def changes(self) -> list[tuple[str, int, str]]:
        return [
            (change["type"], change["id"], change["change"])
            for content in self.taken
            for change in content["changes"]
        ]


@contextmanager
def running(receiver: Receiver) -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = receiver.take(dict(self.headers), body)
            self.send_response(status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"taken" if status == 200 else b"not now")

        do_GET = do_POST

        def log_message(self, *args: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    receiver.address = f"http://127.0.0.1:{server.server_port}/hook?from=portal"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
