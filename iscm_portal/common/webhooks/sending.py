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
    """Send ``body``; whatever goes wrong stands in the answer."""
    began = time.monotonic()
    connection: http.client.HTTPConnection | None = None
    timer: threading.Timer | None = None
    status: int | None = None
    text = error = ""
    is_cut = threading.Event()
    try:
        check_url(url)
        connection, path = _connection(url)
        timer = threading.Timer(WHOLE_SECONDS, _cut, [connection, is_cut])
        timer.daemon = True
        timer.start()
        connection.request("POST", path, body=body, headers=dict(headers))
        response = connection.getresponse()
        status = response.status
        text = response.read(ANSWER_BYTES).decode(errors="replace").replace("\0", "")
    except Exception as problem:  # a receiver may do anything
        error = f"{type(problem).__name__}: {problem}"[:ANSWER_BYTES].replace("\0", "")
    finally:
        if timer:
            timer.cancel()
        if connection:
            connection.close()
    if is_cut.is_set():  # what came by then may look like a whole answer
        status, text, error = None, "", f"No whole answer within {WHOLE_SECONDS} seconds."
    return Answer(status, text, error, round((time.monotonic() - began) * 1000))


def _connection(url: str) -> tuple[http.client.HTTPConnection, str]:
    parts = urlsplit(url)
    host = parts.hostname or ""
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if parts.scheme == "https":
        context = ssl.create_default_context()
        return _CheckedTLS(host, parts.port, timeout=CONNECT_SECONDS, context=context), path
    return _Checked(host, parts.port, timeout=CONNECT_SECONDS), path


class _Checked(http.client.HTTPConnection):
    def connect(self) -> None:
        self.sock = _socket_to(self.host, self.port)


class _CheckedTLS(http.client.HTTPSConnection):
    def connect(self) -> None:
        plain = _socket_to(self.host, self.port)
        # Named so that the timer can cut it while the two sides still agree on keys.
        self.sock = plain
        context: ssl.SSLContext = self._context  # type: ignore[attr-defined]
        self.sock = context.wrap_socket(plain, server_hostname=self.host)


def _socket_to(host: str, port: int) -> socket.socket:
    """A connection to ``host``. Raises Refused where one of its addresses is not open to all."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    if host not in settings.WEBHOOK_TEST_HOSTS:
        for *_kind, place in found:
            if not is_open(str(place[0])):
                raise Refused(f"{host} stands for {place[0]}, which is not of the open internet.")
    problem: OSError = OSError(f"{host} stands for no address.")
    for family, kind, protocol, _name, place in found:
        sock = socket.socket(family, kind, protocol)
        sock.settimeout(CONNECT_SECONDS)
        try:
            sock.connect(place)
        except OSError as error:
            sock.close()
            problem = error
            continue
        sock.settimeout(WHOLE_SECONDS)
        return sock
    raise problem


def _cut(connection: Any, is_cut: threading.Event) -> None:
    """End a connection from outside, whatever it waits for."""
    is_cut.set()
    sock = connection.sock
    if sock is not None:
        with contextlib.suppress(OSError):
            socket.socket.shutdown(sock, socket.SHUT_RDWR)
