"""A request to an address that a user named: to the open internet only, and never longer than it
may take.

What a name stands for is looked up once; each address found is checked, and the connection is made
to that address, so that a name that means something else a moment later leads nowhere. Redirects
are not followed, proxies of the environment not used.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

CONNECT_SECONDS = 5
WHOLE_SECONDS = 15
# So much of the answer is kept.
ANSWER_BYTES = 500

# What is given out to the open internet of IPv6, and what of that is not: addresses with another
# inside, and those for examples. Of IPv4: for protocols, and gateways to IPv6.
OPEN_IPV6 = ipaddress.IPv6Network("2000::/3")
CLOSED_IPV6 = tuple(
    map(ipaddress.IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))
)
CLOSED_IPV4 = tuple(map(ipaddress.IPv4Network, ("192.0.0.0/24", "192.88.99.0/24")))

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Refused(Exception):
    """The address is none to send to; the message says why."""


@dataclass(frozen=True)
class Answer:
    """What came back. Without ``status`` there was no answer, and ``error`` says why."""

    status: int | None
    text: str
    error: str
    ms: int


def is_open(text: str) -> bool:
    """Whether an IP address is one of the open internet."""
    try:
        address: Address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return is_open(str(address.ipv4_mapped))
        return address in OPEN_IPV6 and not any(address in closed for closed in CLOSED_IPV6)
    # Multicast counts as global there.
    return (
        address.is_global
        and not (address.is_multicast or address.is_reserved)
        and not any(address in closed for closed in CLOSED_IPV4)
    )


def check_url(url: str) -> None:
    """Raises Refused for what can't be sent to whatever its name stands for."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise Refused("The address is not readable.") from None
    if not host or parts.username or parts.password or port == 0:
        raise Refused("The address needs a host, and neither user nor password.")
    if host in settings.WEBHOOK_TEST_HOSTS:
        return
    if parts.scheme != "https":
        raise Refused("The address has to begin with https://.")
    if _is_literal(host) and not is_open(host):
        raise Refused("The address is none of the open internet.")


def _is_literal(host: str) -> bool:
    """Whether ``host`` is an address itself, in any of the spellings that resolvers take."""
    try:
        socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return False
    return True


def post(url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Send ``body``; whatever goes wrong stands in the answer.

    To look the name up, to connect and to read all have one deadline together: a name server and a
    receiver of somebody's own hold up the worker no longer than that.
    """
    began = time.monotonic()
    ends = began + WHOLE_SECONDS
    line = _Line(ends)
    connection: http.client.HTTPConnection | None = None
    status: int | None = None
    text = error = ""
    timer = threading.Timer(WHOLE_SECONDS, line.cut)
    timer.daemon = True
    timer.start()
    try:
        check_url(url)
        connection, path = _connection(url, line)
        connection.request("POST", path, body=body, headers=dict(headers))
        response = connection.getresponse()
        status = response.status
        text = response.read(ANSWER_BYTES).decode(errors="replace").replace("\0", "")
    except Exception as problem:  # a receiver may do anything
        error = f"{type(problem).__name__}: {problem}"[:ANSWER_BYTES].replace("\0", "")
    finally:
        timer.cancel()
        if connection:
            connection.close()
    if time.monotonic() >= ends:  # what came by then may look like a whole answer
        status, text, error = None, "", f"No whole answer within {WHOLE_SECONDS} seconds."
    return Answer(status, text, error, round((time.monotonic() - began) * 1000))


class _Line:
    """The way to a receiver, open until a deadline and no longer."""

    def __init__(self, ends: float) -> None:
        self.ends = ends
        # Kept here: a connection forgets its socket while the answer is still read.
        self.sock: socket.socket | None = None

    @property
    def left(self) -> float:
        """The seconds that are left. Raises TimeoutError where none is."""
        seconds = self.ends - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("The time is over.")
        return seconds

    def hold(self, sock: socket.socket) -> socket.socket:
        """Have ``sock`` cut at the deadline; one that comes too late is not begun with."""
        self.sock = sock
        sock.settimeout(self.left)
        return sock

    def cut(self) -> None:
        """End it from outside, whatever it waits for."""
        if self.sock is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)

    def open(self, host: str, port: int) -> socket.socket:
        """A connection to ``host``. Raises Refused where one of its addresses is not open to
        all."""
        found = self._look_up(host, port)
        if host not in settings.WEBHOOK_TEST_HOSTS:
            for *_kind, place in found:
                if not is_open(str(place[0])):
                    raise Refused(
                        f"{host} stands for {place[0]}, which is not of the open internet."
                    )
        problem: OSError = OSError(f"{host} stands for no address.")
        for family, kind, protocol, _name, place in found:
            seconds = min(CONNECT_SECONDS, self.left)
            sock = socket.socket(family, kind, protocol)
            sock.settimeout(seconds)
            try:
                sock.connect(place)
                return self.hold(sock)
            except OSError as error:
                sock.close()
                problem = error
        raise problem

    def _look_up(self, host: str, port: int) -> list[Any]:
        """What the name stands for. A thread of its own asks, which nobody waits for after the
        deadline: the system's look-up knows no limit, and gives up by itself at some time."""
        answers: SimpleQueue[list[Any] | Exception] = SimpleQueue()

        def ask() -> None:
            try:
                answers.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
            except Exception as problem:
                answers.put(problem)

        threading.Thread(target=ask, daemon=True).start()
        try:
            found = answers.get(timeout=self.left)
        except Empty:
            raise TimeoutError(f"Nobody said what {host} stands for.") from None
        if isinstance(found, Exception):
            raise found
        return found


def _connection(url: str, line: _Line) -> tuple[http.client.HTTPConnection, str]:
    parts = urlsplit(url)
    host = parts.hostname or ""
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if parts.scheme == "https":
        return _CheckedTLS(line, host, parts.port, context=ssl.create_default_context()), path
    return _Checked(line, host, parts.port), path


class _Checked(http.client.HTTPConnection):
    def __init__(self, line: _Line, *args: Any) -> None:
        super().__init__(*args)
        self.line = line

    def connect(self) -> None:
        self.sock = self.line.open(self.host, self.port)


class _CheckedTLS(http.client.HTTPSConnection):
    def __init__(self, line: _Line, *args: Any, context: ssl.SSLContext) -> None:
        super().__init__(*args, context=context)
        self.line, self.context = line, context

    def connect(self) -> None:
        plain = self.line.open(self.host, self.port)
        sock = self.context.wrap_socket(
            plain, server_hostname=self.host, do_handshake_on_connect=False
        )
        # Held before the two sides agree on keys, which can be drawn out, too.
        self.sock = self.line.hold(sock)
        sock.do_handshake()
