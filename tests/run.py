"""``make test``: the whole suite on SQLite and on PostgreSQL, and one closing block for both."""

import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.services import IN_CI, postgresql

ROOT = Path(__file__).resolve().parent.parent
VAR = ROOT / "var"
# The suite says itself what it runs on; what a developer has set for a portal is not for it.
NOT_FOR_TESTS = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ALLOWED_HOSTS", "DEBUG")


@dataclass
class Outcome:
    """What one run of the suite came to."""

    database: str
    ok: bool = False
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0
    failures: list[str] = field(default_factory=list)
    lacks: Counter[str] = field(default_factory=Counter)


def run_suite(database: str, address: str, arguments: list[str]) -> Outcome:
    """The suite on one database; ``address`` is its DATABASE_URL, empty for SQLite."""
    print(f"\n== {database}", flush=True)
    VAR.mkdir(exist_ok=True)
    record = VAR / f"tests-{database.lower()}.xml"
    record.unlink(missing_ok=True)
    environment = {name: value for name, value in os.environ.items() if name not in NOT_FOR_TESTS}
    if address:
        environment["DATABASE_URL"] = address
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile"]
    started = time.monotonic()
    code = subprocess.call(
        [*command, f"--junitxml={record}", *arguments], cwd=ROOT, env=environment
    )
    outcome = Outcome(database, ok=code == 0, seconds=time.monotonic() - started)
    if record.exists():
        count(record, outcome)
    if code and not outcome.failed:
        outcome.failed = 1
        outcome.failures.append(f"pytest ended with code {code}, see above")
    return outcome


def count(record: Path, outcome: Outcome) -> None:
    """Add what pytest's record of the run holds to ``outcome``."""
    for case in ET.parse(record).getroot().iter("testcase"):
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            outcome.failed += 1
            outcome.failures.append(f"{case.get('classname')}::{case.get('name')}")
        elif skipped is not None:
            outcome.skipped += 1
            outcome.lacks[skipped.get("message", "")] += 1
        else:
            outcome.passed += 1


def closing_block(outcomes: list[Outcome], missing: str) -> str:
    """The counts of both databases, what was skipped and why, and the sum on the last line."""
    lines = ["", "== Tests on both databases"]
    for outcome in outcomes:
        lines.append(
            f"{outcome.database:<11}{outcome.passed:>6} passed {outcome.failed:>5} failed "
            f"{outcome.skipped:>5} skipped  in {outcome.seconds:.0f} s"
        )
        lines += [f"    failed: {name}" for name in outcome.failures]
    if missing:
        lines.append(missing)
    lacks = sum((outcome.lacks for outcome in outcomes), Counter[str]())
    lines += [f"Skipped ({number}): {why}" for why, number in lacks.most_common()]
    passed, failed, skipped = (
        sum(getattr(outcome, name) for outcome in outcomes)
        for name in ("passed", "failed", "skipped")
    )
    lines.append(f"{passed} passed, {failed} failed, {skipped} skipped")
    return "\n".join(lines)


def main() -> int:
    arguments = sys.argv[1:]
    outcomes = [run_suite("SQLite", "", arguments)]
    missing = ""
    with postgresql() as server:
        if server:
            address, origin = server
            print(f"\nPostgreSQL: {origin}")
            outcomes.append(run_suite("PostgreSQL", address, arguments))
        else:
            missing = "PostgreSQL   skipped: no server here (set TEST_DATABASE_URL)"
    print(closing_block(outcomes, missing))
    return 0 if all(outcome.ok for outcome in outcomes) and not (missing and IN_CI) else 1


if __name__ == "__main__":
    sys.exit(main())
