"""``python -m tests.reporting.compiler``: a process that compiles, for tests that kill it.

It answers a line of its input by a child that compiles ("whole") or works through the outbox, as
the worker does ("change"): first "started <pid>", then at its end "done" or "killed". A child
begins at once, where a new Python takes seconds.
"""

import datetime as dt
import os
import sys

import django

# The moment at which every one of these compiles; it is over in none of the years.
NOW = dt.datetime(2026, 12, 1, 3, 0, tzinfo=dt.UTC)


def whole() -> None:
    from reporting.services.compiling import compile_indicators

    compile_indicators(2025, 2026, NOW, whole=True)


def change() -> None:
    from iscm_portal.common import outbox

    outbox.deliver(NOW)


WORK = {"whole": whole, "change": change}


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    django.setup()
    from reporting.services import compiling  # noqa: F401  read once, before the children

    say("ready")
    children: list[int] = []
    for line in sys.stdin:
        if work := WORK.get(line.strip()):
            child = os.fork()
            if not child:
                work()
                os._exit(0)
            children.append(child)
            say(f"started {child}")
        else:
            _pid, status = os.waitpid(children.pop(0), 0)
            say("killed" if os.WIFSIGNALED(status) else f"done {status}")


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "iscm_portal.settings")
    main()
