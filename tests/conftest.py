"""What every test may ask for: databases, a Redis, a browser, people who sign in."""

from __future__ import annotations

import functools
import gc
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from importlib import import_module
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote, urlsplit

import kombu
import pytest
from django.conf import settings
from django.core.cache import cache, caches
from django.db import connection, transaction
from django.test import Client, override_settings
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from iscm_portal.celery import app as celery_app
from tests import services

SCREENSHOTS = Path(settings.VAR_DIR) / "screenshots"

# The browser talks to the live server and to nobody else.
CHROMIUM_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked to belong to the other database, or to a program that is not
    here."""

    def is_here(item: pytest.Item) -> bool:
        database, program = (item.get_closest_marker(name) for name in ("only_on", "only_with"))
        return (database is None or database.args[0] == connection.vendor) and (
            program is None or shutil.which(program.args[0]) is not None
        )

    config.hook.pytest_deselected(items=[item for item in items if not is_here(item)])
    items[:] = [item for item in items if is_here(item)]


def pytest_configure(config: pytest.Config) -> None:
    # Migrating and factories leave much behind; to look for it less often saves a tenth.
    gc.set_threshold(10_000, 10, 10)
    # Argon2 is slow on purpose; a test run hashes hundreds of passwords that protect nothing.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)  # else WhiteNoise warns


@pytest.fixture(autouse=True)
def media(tmp_path: Path) -> Iterator[Path]:
    """Files that a test sends lie in a folder of its own."""
    with override_settings(MEDIA_ROOT=tmp_path / "media"):
        yield tmp_path / "media"


# --- databases


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """On SQLite, test in a file: threads of the live server each have a connection of their own,
    as they have in the real portal."""
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        file = tmp_path_factory.mktemp("database") / "test.sqlite3"
        database["TEST"] = {**database.get("TEST", {}), "NAME": str(file)}


@pytest.fixture(scope="module")
def rows_of_module(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """What is written while a module's fixtures are made stands in each of its tests, which take
    back what they do themselves; at its end it is gone. For modules of many tests on the same
    records, none of them ``transaction=True``."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    """No test sees what another left in the cache (rate limits of the sign-in, for one)."""
    cache.clear()
    caches["memory"].clear()


@pytest.fixture
def releases_go(transactional_db: None) -> Iterator[None]:
    """For a test whose rows are deleted at its end and that closes a year: SQLite has no other way
    to empty a table than to delete its rows, which releases refuse."""
    from reporting import models

    yield
    triggers = import_module("reporting.migrations.0051_releases_never_change")
    with connection.schema_editor() as editor:
        triggers.drop_triggers(None, editor)
    for name in ("ReleasedRecord", "ReleasedValue", "ReleasedIndicator", "Release"):
        getattr(models, name).objects.all().delete()
    with connection.schema_editor() as editor:
        triggers.create_triggers(None, editor)


# --- the network


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@pytest.fixture(autouse=True, scope="session")
def no_network() -> Iterator[None]:
    """No test reaches another machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6} and not _is_this_machine(address[0]):
            raise PermissionError(f"A test tried to reach {address[0]}.")
        connect(self, address)

    patch = pytest.MonkeyPatch()
    patch.setattr(socket.socket, "connect", guarded)
    yield
    patch.undo()


# --- what pip can't bring


def lacking(what: str) -> NoReturn:
    """Skip the test for want of ``what``; in CI that is a failure."""
    if services.IN_CI:
        pytest.fail(f"CI lacks {what}")
    pytest.skip(f"no {what} on this machine")


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The address of a Redis that only this run uses."""
    program = services.redis_server()
    if program is None:
        lacking("Redis (redis-server)")
    else:
        with services.running_redis(program) as address:
            yield address


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the system's Chromium."""
    program = services.chromium_program()
    if program is None:
        lacking("Chromium")
    return str(program)


@pytest.fixture
def send_jobs_to() -> Iterator[Callable[[str], None]]:
    """``send_jobs_to(address)``: until the test ends jobs go to that broker instead of running
    in the process that asks."""
    yield functools.partial(_use_broker, eager=False)
    _use_broker("memory://", eager=True)


def _use_broker(address: str, eager: bool) -> None:
    celery_app.conf.update(broker_url=address, task_always_eager=eager)
    # Celery keeps its connections, eager or not; a new address needs new ones.
    kombu.pools.reset()
    celery_app._pool = celery_app.amqp._producer_pool = None


@pytest.fixture
def worker(
    transactional_db: None, redis_url: str, send_jobs_to: Callable[[str], None]
) -> Iterator[subprocess.Popen[bytes]]:
    """A real Celery worker on the test's own database; jobs go to it until the test ends."""
    send_jobs_to(redis_url)
    environment = {**os.environ, "REDIS_URL": redis_url, "DATABASE_URL": database_url()}
    command = [sys.executable, "-m", "celery", "-A", "iscm_portal.celery", "worker"]
    command += ["--pool", "solo", "--include", "tests.common.example_tasks", "-l", "warning"]
    process = subprocess.Popen(command, env=environment, cwd=settings.BASE_DIR)
    try:
        while not celery_app.control.ping(timeout=0.5):
            assert process.poll() is None, "the worker ended before it was ready"
        yield process
    finally:
        process.terminate()
        process.wait(20)


def database_url() -> str:
    """The address of the test's database, for a process of its own."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    user, password, host = (
        quote(str(database[key]), safe="") for key in ("USER", "PASSWORD", "HOST")
    )
    port = f":{database['PORT']}" if database["PORT"] else ""
    return f"postgres://{user}:{password}@{host}{port}/{database['NAME']}"


# --- pages in a real browser


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    # Playwright keeps an event loop in this thread; Django would refuse the ORM beside it.
    patch = pytest.MonkeyPatch()
    patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, headless=True, args=CHROMIUM_ARGUMENTS
        )
        yield browser
        browser.close()
    patch.undo()


NewPage = Callable[..., Page]


@pytest.fixture
def new_page(browser: Browser, live_server: Any) -> Iterator[NewPage]:
    """Makes pages: ``new_page(width=1240, height=900, javascript=True, allow=())``.

    Addresses may begin at "/". A script error, a breach of the content policy, an error in the
    console or a request to another host fails the test at its end; ``allow`` names parts of
    messages that the test calls forth ("status of 403").
    """
    contexts: list[BrowserContext] = []
    problems: list[str] = []

    def make(
        width: int = 1240, height: int = 900, javascript: bool = True, allow: tuple[str, ...] = ()
    ) -> Page:
        context = browser.new_context(
            base_url=live_server.url,
            viewport={"width": width, "height": height},
            java_script_enabled=javascript,
            locale="en-GB",
            timezone_id="UTC",
            reduced_motion="reduce",
        )
        contexts.append(context)
        page = context.new_page()

        def note(text: str) -> None:
            if not any(part in text for part in allow):
                problems.append(text)

        page.on(
            "console",
            lambda message: note(f"console: {message.text}") if message.type == "error" else None,
        )
        page.on("pageerror", lambda error: note(f"script: {error}"))
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((live_server.url, "data:", "blob:"))
                else note(f"request to another host: {request.url}")
            ),
        )
        return page

    yield make
    for context in contexts:
        context.close()
    _let_the_server_finish(live_server.url)
    assert not problems, "\n".join(problems)


def _let_the_server_finish(address: str) -> None:
    """Wait for every request that a closed page still sent: its work must not meet the database
    while that is emptied, nor fall into the next test."""
    url = urlsplit(address)
    # Connections are taken in turn: once this one is answered, those before it have a thread.
    with socket.create_connection((url.hostname, url.port)) as last:
        last.sendall(b"GET /offline/ HTTP/1.0\r\n\r\n")
        while last.recv(65536):
            pass
    for thread in threading.enumerate():
        if "process_request_thread" in thread.name:
            thread.join(30)


SignIn = Callable[..., None]


@pytest.fixture
def sign_in(live_server: Any) -> SignIn:
    """``sign_in(page, username)`` gives the page that user's session; with ``password=`` it goes
    through the sign-in page as people do."""

    def enter(page: Page, username: str, password: str | None = None) -> None:
        if password is not None:
            page.goto("/accounts/login/")
            page.fill("[name=login]", username)
            page.fill("[name=password]", password)
            page.click("main button[type=submit]")
            return
        from django.contrib.auth import get_user_model

        client = Client()
        client.force_login(get_user_model().objects.get(username=username))
        session = client.cookies[settings.SESSION_COOKIE_NAME]
        page.context.add_cookies(
            [{"name": session.key, "value": session.value, "url": live_server.url}]
        )

    return enter


@pytest.fixture
def screenshot() -> Callable[[Page, str], Path]:
    """``screenshot(page, name)`` keeps the whole page under var/screenshots/<database>/; not in CI,
    where nobody looks at them."""

    def keep(page: Page, name: str) -> Path:
        path = SCREENSHOTS / connection.vendor / f"{name}.png"
        if not services.IN_CI:
            path.parent.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=path, full_page=True)
        return path

    return keep
