"""Where a webhook may lead, and what may come back."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from iscm_portal.common.webhooks import sending
from tests.webhooks.receiver import Receiver, running


@pytest.fixture
def test_hosts(settings: Any) -> None:
    settings.WEBHOOK_TEST_HOSTS = ["127.0.0.1"]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.9.10",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.0.8",
        "192.0.2.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:db8::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "fc00::1",
        "192.88.99.1",
        "3fff::1",
        "4000::1",
        "fd12:3456::1",
        "ff02::1",
        "nonsense",
    ],
)
def test_an_address_that_is_not_of_the_open_internet_is_none_to_send_to(address: str) -> None:
    assert not sending.is_open(address)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1"]
)
def test_an_address_of_the_open_internet_is(address: str) -> None:
    assert sending.is_open(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/hook",
        "ftp://example.org/hook",
        "https://user:password@example.org/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://2130706433/",  # 127.0.0.1 as one number
        "https://0x7f.1/",
        "https://017700000001/",
        "https://169.254.169.254/latest/meta-data/",
        "https:///hook",
        "https://example.org:0/",
        "https://example.org:99999/",
        "nonsense",
    ],
)
def test_a_url_that_can_be_told_by_itself_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(sending.Refused):
        sending.check_url(url)


@pytest.mark.parametrize(
    "found",
    [
        ["10.0.0.1"],
        ["::ffff:127.0.0.1"],
        ["1.1.1.1", "127.0.0.1"],  # one of them is enough
        ["fe80::1"],
    ],
)
def test_a_name_that_stands_for_an_inner_address_is_refused_when_connecting(
    monkeypatch: pytest.MonkeyPatch, found: list[str]
) -> None:
    def resolve(host: str, port: Any, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("flags"):
            raise socket.gaierror
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    def connect(self: socket.socket, address: Any) -> None:
        raise AssertionError("it tried to connect")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket.socket, "connect", connect)
    answer = sending.post("https://inside.example.org/", b"{}", {})
    assert answer.status is None
    assert "not of the open internet" in answer.error


def test_the_connection_goes_to_the_address_that_was_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name that means something else the second time (DNS rebinding) is not asked twice."""
    asked: list[str] = []
    reached: list[Any] = []

    def resolve(host: str, port: Any, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("flags"):
            raise socket.gaierror
        asked.append(host)
        address = "93.184.216.34" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    def connect(self: socket.socket, address: Any) -> None:
        reached.append(address)
        raise ConnectionRefusedError("as far as that")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket.socket, "connect", connect)
    sending.post("https://rebinding.example.org/", b"{}", {})
    assert reached == [("93.184.216.34", 443)]
    assert asked == ["rebinding.example.org"]


def test_a_redirect_is_not_followed(test_hosts: None) -> None:
    with running(Receiver(answer=lambda n: 302)) as receiver:
        receiver.headers = {"Location": receiver.address}
        answer = sending.post(receiver.address, b"{}", {})
        assert answer.status == 302
        assert len(receiver.requests) == 1


def test_the_request_names_its_host_and_holds_the_body(test_hosts: None) -> None:
    with running(Receiver()) as receiver:
        answer = sending.post(receiver.address, b'{"a": 1}', {"X-Mine": "yes"})
    ((headers, content, _status),) = receiver.requests
    assert (answer.status, answer.text, answer.error) == (200, "taken", "")
    assert headers["Host"] == receiver.address.split("/")[2]
    assert headers["X-Mine"] == "yes"
    assert content == {"a": 1}


def test_proxies_of_the_environment_are_not_used(
    test_hosts: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1/")
    with running(Receiver()) as receiver:
        assert sending.post(receiver.address, b"{}", {}).status == 200


def test_nobody_who_listens_is_no_answer(test_hosts: None) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        answer = sending.post(f"http://127.0.0.1:{port}/", b"{}", {})
    assert answer.status is None
    assert "refused" in answer.error


def test_a_receiver_that_answers_byte_by_byte_is_cut_off(
    test_hosts: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "WHOLE_SECONDS", 1)
    ended = threading.Event()
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()

        def drip() -> None:
            peer, _address = server.accept()
            with peer:
                try:
                    peer.sendall(b"HTTP/1.1 200 OK\r\n")
                    while not ended.wait(0.1):
                        peer.sendall(b"x")
                except OSError:
                    pass

        thread = threading.Thread(target=drip)
        thread.start()
        began = time.monotonic()
        answer = sending.post(f"http://127.0.0.1:{server.getsockname()[1]}/", b"{}", {})
        took = time.monotonic() - began
        ended.set()
        thread.join(5)
    assert answer.status is None
    assert "within 1 seconds" in answer.error
    assert took < 5


@contextlib.contextmanager
def listening(serve: Callable[[socket.socket, threading.Event], None]) -> Iterator[int]:
    """The port of somebody who does ``serve`` with whoever connects, until it is over."""
    ended = threading.Event()
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()

        def take() -> None:
            with contextlib.suppress(OSError):
                peer, _address = server.accept()
                with peer:
                    serve(peer, ended)

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            ended.set()
            server.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def drip_headers(peer: socket.socket, ended: threading.Event) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\n")
    while not ended.wait(0.2):
        peer.sendall(b"X-A: b\r\n")


def drip_body_after_closing(peer: socket.socket, ended: threading.Event) -> None:
    """http.client lets go of the socket when the receiver says that it will close."""
    peer.recv(65536)
    peer.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    while not ended.wait(0.2):
        peer.sendall(b"x")


def say_nothing(peer: socket.socket, ended: threading.Event) -> None:
    ended.wait(30)


@pytest.mark.parametrize(
    ("scheme", "serve"),
    [
        ("http", drip_headers),
        ("http", drip_body_after_closing),
        ("http", say_nothing),
        ("https", say_nothing),
    ],
)
@pytest.mark.parametrize("lookup", [0, 0.7, 8])
def test_looking_up_connecting_and_reading_have_one_deadline_together(
    test_hosts: None,
    monkeypatch: pytest.MonkeyPatch,
    scheme: str,
    serve: Callable[[socket.socket, threading.Event], None],
    lookup: float,
) -> None:
    """Name server and receiver are the user's own: together they hold up nobody for longer."""
    monkeypatch.setattr(sending, "WHOLE_SECONDS", 1)
    real = socket.getaddrinfo

    def late(*args: Any, **kwargs: Any) -> Any:
        if not kwargs.get("flags"):
            time.sleep(lookup)
        return real(*args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", late)
    with listening(serve) as port:
        answer = sending.post(f"{scheme}://127.0.0.1:{port}/", b"{}", {})
    assert answer.status is None
    assert "within 1 seconds" in answer.error
    assert answer.ms < 1500


def test_several_addresses_that_nobody_answers_at_have_one_deadline_together(
    test_hosts: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "WHOLE_SECONDS", 1)
    place = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 9))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: [place] * 20)

    def connect(self: socket.socket, address: Any) -> None:
        time.sleep(min(self.gettimeout() or 9, 0.4))
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket.socket, "connect", connect)
    answer = sending.post("http://127.0.0.1/", b"{}", {})
    assert "within 1 seconds" in answer.error
    assert answer.ms < 1500


def test_of_a_long_answer_the_first_bytes_are_kept(test_hosts: None) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()

        def answer_much() -> None:
            peer, _address = server.accept()
            with peer:
                peer.recv(65536)
                peer.sendall(b"HTTP/1.1 500 No\r\nConnection: close\r\n\r\n")
                with contextlib.suppress(OSError):
                    peer.sendall(b"\x00\xff" + b"x" * 5_000_000)

        thread = threading.Thread(target=answer_much)
        thread.start()
        answer = sending.post(f"http://127.0.0.1:{server.getsockname()[1]}/", b"{}", {})
        thread.join(5)
    assert answer.status == 500
    assert len(answer.text) < sending.ANSWER_BYTES
    assert "\0" not in answer.text
