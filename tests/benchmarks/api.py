"""How fast the API answers, against what answers the same with nothing around it.

Run by ``make bench`` on a database of its own, which it migrates and fills with N funding lines.
What is compared takes turns, so that whatever else the machine does falls on both. Returns rows of
``{"name", "ours", "reference", "ratio", "goal", "met", "n"}``: of pages requests a second, of files
rows, and their ratio.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

TURNS = 40
# A sheet is of one year, a twelfth of the lines: of a million, 83,000.
SHEET_YEAR = 2020
LABELS = """
    FROM finance_fundingline f
    LEFT JOIN engagements_iscm i ON i.id = f.iscm_id
    LEFT JOIN finance_project p ON p.id = f.project_id
    LEFT JOIN engagements_office o ON o.id = f.office_id
"""
# column of the answer -> the same by hand; dates and decimals as text in the reference of pages.
COLUMNS = {
    "id": "f.id", "code": "f.code", "year": "f.year",
    "period_starts_on": "f.period_starts_on", "period_ends_on": "f.period_ends_on",
    "source_of_funds": "f.source_of_funds", "supports": "f.supports", "iscm": "i.slug",
    "iscm_label": "i.acronym", "project": "p.code", "project_label": "p.title",
    "office": "o.slug", "office_label": "o.name", "label": "f.label", "payer": "f.payer",
    "amount_usd": "f.amount_usd", "original_currency": "f.original_currency",
    "original_amount": "f.original_amount", "rate_used": "f.rate_used", "per": "f.per",
    "qualifier": "f.qualifier", "printed_table": "f.printed_table", "document": "f.document",
    "is_counted": "f.is_counted", "not_counted_reason": "f.not_counted_reason",
    "report": "f.report_number", "rated_on": "f.rated_on", "source": "f.source",
    "confidence": "f.confidence", "note": "f.note", "is_demo": "f.is_demo",
    "updated_at": "f.updated_at",
}  # fmt: skip
AS_TEXT = {
    "period_starts_on", "period_ends_on", "amount_usd", "original_amount", "rate_used", "rated_on",
    "updated_at",
}  # fmt: skip
FILL = """
    INSERT INTO finance_fundingline (
        created_at, updated_at, is_demo, source, confidence, note, code, year, source_of_funds,
        supports, label, payer, amount_usd, original_currency, per, qualifier, document, is_counted,
        not_counted_reason, iscm_id, office_id, original_amount, rate_used, rated_on
    )
    SELECT now() - g * interval '1 second', now() - g * interval '1 second', true, 'Ledger',
        'medium', CASE WHEN g %% 10 = 0 THEN 'Noted, with a comma' ELSE '' END, 'BENCH.' || g,
        2014 + g %% 12, 'osi', 'iscm', 'Budget line ' || g %% 5000, '', (g %% 100000) + 0.25,
        CASE WHEN g %% 10 = 0 THEN 'EUR' ELSE '' END, '', '', 'Budget of the year', true, '',
        (SELECT min(id) FROM engagements_iscm) + g %% 25,
        (SELECT min(id) FROM engagements_office) + g %% 20,
        CASE WHEN g %% 10 = 0 THEN (g %% 100000) + 0.25 END, CASE WHEN g %% 10 = 0 THEN 1 END,
        CASE WHEN g %% 10 = 0 THEN date '2026-01-01' END
    FROM generate_series(%s::int, %s) g
"""


def fill(cursor: Any, before: int, wanted: int) -> None:
    """Bring the funding lines from ``before`` up to ``wanted``."""
    cursor.execute(FILL, [before + 1, wanted])


def case(name: str, n: int, ours: float, reference: float, least: float) -> dict[str, Any]:
    ratio = round(ours / reference, 3)
    return {
        "name": name, "ours": round(ours, 1), "reference": round(reference, 1), "ratio": ratio,
        "goal": f"at least {least} of its rate", "met": ratio >= least, "n": n,
    }  # fmt: skip


def rates(ours: Callable[[], Any], reference: Callable[[], Any], turns: int) -> tuple[float, float]:
    """How often a second each can be had: the best tenth of ``turns`` turns, what a machine can do
    when nobody else wants it."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(turns + 2):
        for action, taken in zip((ours, reference), times, strict=True):
            started = time.perf_counter()
            action()
            taken.append(time.perf_counter() - started)
    # The first two turns warm up.
    first, second = (statistics.quantiles(taken[2:], n=10)[0] for taken in times)
    return 1 / first, 1 / second


class Wsgi:
    """A program called as a server calls it, without a line between."""

    def __init__(self, program: Any, **headers: str) -> None:
        self.program = program
        self.headers = headers

    def get(self, address: str, **headers: str) -> tuple[str, dict[str, str], bytes]:
        parts = urlsplit(address)
        environ: dict[str, Any] = {
            "REQUEST_METHOD": "GET", "PATH_INFO": parts.path, "QUERY_STRING": parts.query,
            "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "80", "HTTP_HOST": "127.0.0.1",
            "SCRIPT_NAME": "", "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.input": io.BytesIO(),
            "wsgi.url_scheme": "http", "wsgi.errors": sys.stderr, "wsgi.version": (1, 0),
            "wsgi.multithread": False, "wsgi.multiprocess": False, "wsgi.run_once": False,
            **self.headers, **headers,
        }  # fmt: skip
        said: list[Any] = []
        body = self.program(environ, lambda status, given, *_: said.extend((status, dict(given))))
        content = b"".join(body)
        if hasattr(body, "close"):
            body.close()
        return said[0], said[1], content


def bare_program() -> Callable[..., list[bytes]]:
    """One statement, orjson, and nothing else."""
    import orjson
    import psycopg2

    connection = psycopg2.connect(os.environ["DATABASE_URL"])
    connection.autocommit = True
    selected = ", ".join(
        f"{path}::text" if name in AS_TEXT else path for name, path in COLUMNS.items()
    )
    statement = f"SELECT {selected} {LABELS} ORDER BY f.id LIMIT 1001"
    names = list(COLUMNS)

    def program(environ: Any, start_response: Any) -> list[bytes]:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            rows = [dict(zip(names, row, strict=True)) for row in cursor]
        content = orjson.dumps({"results": rows[:1000], "next": None})
        start_response("200 OK", [("Content-Type", "application/json")])
        return [content]

    return program


def pages(portal: Wsgi, token: str, n: int) -> Iterator[dict[str, Any]]:
    import orjson

    first = "/api/v1/funding-lines/?page_size=1000"
    bare = Wsgi(bare_program())
    status, headers, content = portal.get(first)
    assert status.startswith("200"), content
    assert len(orjson.loads(bare.get("/")[2])["results"]) == 1000
    yield case(
        "API page of 1,000",
        n,
        *rates(lambda: portal.get(first), lambda: bare.get("/"), TURNS),
        least=0.65,
    )
    deep = first
    for _ in range(min(1000, n // 1000 - 2)):
        deep = orjson.loads(portal.get(f"{deep}&fields=id" if deep is first else deep)[2])["next"]
    deep = deep.replace("fields=id&", "")
    yield case(
        "API page 1,000 deep",
        n,
        *rates(lambda: portal.get(deep), lambda: portal.get(first), TURNS),
        least=0.9,
    )
    tag = {"HTTP_IF_NONE_MATCH": headers["ETag"]}
    assert portal.get(first, **tag)[0].startswith("304")
    constant = Wsgi(constant_program())
    yield case(
        "API, unchanged",
        n,
        *rates(lambda: portal.get(first, **tag), lambda: constant.get("/api/"), TURNS * 5),
        least=0.5,
    )


def constant_program() -> Callable[..., list[bytes]]:
    """A view of Django that always says the same, behind the portal's middleware."""
    from django.core.handlers.wsgi import WSGIHandler
    from django.http import HttpResponse

    def constant(request: Any) -> HttpResponse:
        return HttpResponse(b"constant")

    handler: Any = WSGIHandler()
    handler.resolve_request = lambda request: (constant, (), {})
    return handler


@contextlib.contextmanager
def served() -> Iterator[tuple[int, int]]:
    """The portal behind gunicorn: its port, and the number of the process that answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable, "-m", "gunicorn", "iscm_portal.wsgi", "--bind", f"127.0.0.1:{port}",
        "--workers", "1", "--timeout", "600", "--log-level", "error",
    ]  # fmt: skip
    server = subprocess.Popen(command, env=os.environ)
    try:
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.2)
        children = f"/proc/{server.pid}/task/{server.pid}/children"
        with open(children, encoding="ascii") as file:
            yield port, int(file.read().split()[0])
    finally:
        server.terminate()
        server.wait()


def download(port: int, path: str, token: str) -> tuple[float, float, int, bytes]:
    """The seconds to the first byte and to the last, the size, and the end of a file."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    started = time.perf_counter()
    line.request("GET", path, headers={"Authorization": f"Bearer {token}"})
    answer = line.getresponse()
    end, size = answer.read(1), 1
    first = time.perf_counter() - started
    while block := answer.read(1 << 18):
        size += len(block)
        end = (end + block)[-100:]
    return first, time.perf_counter() - started, size, end


def peak(process: int) -> float:
    """The most memory that the process ever had, in MB."""
    with open(f"/proc/{process}/status", encoding="ascii") as file:
        line = next(line for line in file if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def files(token: str, n: int) -> Iterator[dict[str, Any]]:
    whole = "/api/v1/funding-lines/?format=csv"
    statement = f"SELECT {', '.join(COLUMNS.values())} {LABELS} ORDER BY f.id"
    copy = ["psql", os.environ["DATABASE_URL"], "-qc"]
    by_psql = f"\\copy ({' '.join(statement.split())}) TO /dev/null CSV"
    with served() as (port, process):
        download(port, "/api/v1/funding-lines/?format=csv&year=1990", token)
        before = peak(process)
        ours, reference, firsts = [], [], []
        for _ in range(3):
            first, seconds, _size, end = download(port, whole, token)
            assert b"\nRows," in end
            firsts.append(first)
            ours.append(seconds)
            started = time.perf_counter()
            subprocess.run([*copy, by_psql], check=True)
            reference.append(time.perf_counter() - started)
        grown = peak(process) - before
        # The best of each: what the machine can do when nobody else wants it.
        yield case("API CSV of all", n, n / min(ours), n / min(reference), 0.85)
        yield {
            "name": "API CSV, MB grown", "ours": round(grown, 1), "reference": 16, "ratio":
            round(grown / 16, 3), "goal": "flat: under 16 MB", "met": grown < 16, "n": n,
        }  # fmt: skip
        soon = min(firsts)
        yield {
            "name": "API CSV, first byte", "ours": round(soon, 3), "reference": 0.1, "ratio":
            round(soon / 0.1, 3), "goal": "under 0.1 s", "met": soon < 0.1, "n": n,
        }  # fmt: skip
        yield from sheet(port, process, token)


def sheet(port: int, process: int, token: str) -> Iterator[dict[str, Any]]:
    from django.db import connection

    with connection.cursor() as cursor:
        chosen = f"SELECT {', '.join(COLUMNS.values())} {LABELS} WHERE f.year = %s"
        cursor.execute(f"{chosen} ORDER BY f.id", [SHEET_YEAR])
        ready = [[str(v) if hasattr(v, "tzinfo") else v for v in row] for row in cursor]
    before = peak(process)
    _first, ours, _size, _end = download(
        port, f"/api/v1/funding-lines/?format=xlsx&year={SHEET_YEAR}", token
    )
    grown = peak(process) - before
    name, reference = by_library(ready)
    rows = len(ready)
    yield case(f"API XLSX ({name})", rows, rows / ours, rows / reference, 2)
    yield {
        "name": "API XLSX, MB grown", "ours": round(grown, 1), "reference": 16, "ratio":
        round(grown / 16, 3), "goal": "flat: under 16 MB", "met": grown < 16, "n": rows,
    }  # fmt: skip


def by_library(ready: list[list[Any]]) -> tuple[str, float]:
    """The seconds of a library that writes rows that are ready in memory, and its name."""
    started = time.perf_counter()
    try:
        import xlsxwriter  # type: ignore[import-not-found]
    except ImportError:
        import openpyxl

        book = openpyxl.Workbook(write_only=True)
        page = book.create_sheet()
        for row in ready:
            page.append(row)
        book.save(io.BytesIO())
        return "openpyxl", time.perf_counter() - started
    book = xlsxwriter.Workbook(io.BytesIO(), {"constant_memory": True, "default_date_format": "d"})
    page = book.add_worksheet()
    for number, row in enumerate(ready):
        page.write_row(number, 0, row)
    book.close()
    return "xlsxwriter", time.perf_counter() - started


def run(most: int) -> Iterator[dict[str, Any]]:
    from django.conf import settings
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application
    from django.db import connection

    from engagements.models import ISCM, User
    from iscm_portal.common.choices import AccessGroup, Scope
    from iscm_portal.common.models import ApiToken

    # Nobody is to be told here that he calls too often.
    settings.API_CALLS_PER_MINUTE = 10**9
    os.environ["API_CALLS_PER_MINUTE"] = str(10**9)
    call_command("migrate", verbosity=0)
    if not ISCM.objects.exists():
        call_command("load_evaluation")
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM finance_fundingline")
        if cursor.fetchone()[0] < most:
            fill(cursor, 0, most)
            cursor.execute("ANALYZE finance_fundingline")
        cursor.execute("SELECT count(*) FROM finance_fundingline")
        n = int(cursor.fetchone()[0])
    user, _made = User.objects.get_or_create(
        username="bench", defaults={"access_group": AccessGroup.IPD}
    )
    _token, text = ApiToken.issue(user, [Scope.READ_FINANCE], 1)
    portal = Wsgi(get_wsgi_application(), HTTP_AUTHORIZATION=f"Bearer {text}")
    yield from pages(portal, text, n)
    yield from files(text, n)
