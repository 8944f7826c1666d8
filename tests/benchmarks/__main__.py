"""``make bench``: the portal against its references, in one run on a PostgreSQL of its own.

    python -m tests.benchmarks [N [MODULE...]]

One JSON line a case, then a table; the list of all goes to ``var/bench.json``. A case says by how
much it took longer than its reference in the same run: machines differ, ratios less.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2

from tests.services import postgresql

MODULES = ("compiling", "api", "pages")
FOLDER = Path(__file__).resolve().parent.parent.parent / "var"


@contextlib.contextmanager
def database(address: str) -> Iterator[str]:
    """A new database on the server of ``address``, gone again at the end."""
    server, _, _name = address.rpartition("/")
    name = f"iscm_bench_{os.getpid()}"
    connection = psycopg2.connect(f"{server}/postgres")
    connection.autocommit = True
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}"')
        try:
            yield f"{server}/{name}"
        finally:
            cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def measured(module: str, most: int) -> Iterator[dict[str, Any]]:
    """The cases of one module, in a process of its own: what one has read and kept, the next
    doesn't find."""
    command = [sys.executable, "-m", "tests.benchmarks.one", module, str(most)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as cases:
        for line in cases.stdout or ():
            print(line, end="", flush=True)
            if line.startswith("{"):
                yield json.loads(line)
    if cases.returncode:
        sys.exit(f"{module} ended with code {cases.returncode}")


def table(cases: list[dict[str, Any]]) -> str:
    wide = max(len(case["name"]) for case in cases) + 2
    lines = [f"{'case':<{wide}}{'n':>10}{'ours':>10}{'reference':>11}{'ratio':>8}  goal"]
    lines += [
        f"{case['name']:<{wide}}{case['n']:>10}{case['ours']:>10}{case['reference']:>11}"
        f"{case['ratio']:>8}  {case['goal']}{'' if case['met'] else ' - not met'}"
        for case in cases
    ]
    return "\n".join(lines)


def main() -> None:
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with postgresql() as server:
        if server is None:
            sys.exit("PostgreSQL is needed: set TEST_DATABASE_URL, or install it.")
        cases = []
        for module in sys.argv[2:] or MODULES:
            with database(server[0]) as address:
                os.environ["DATABASE_URL"] = address
                cases += measured(module, most)
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "bench.json").write_text(json.dumps(cases, indent=1) + "\n", encoding="utf-8")
    print(table(cases))


if __name__ == "__main__":
    main()
