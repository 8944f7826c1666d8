"""Tasks for the tests of the job machinery."""

import threading

from celery import shared_task

OPENED = threading.Event()


@shared_task(name="tests.succeed")
def succeed(word: str) -> str:
    return word


@shared_task(name="tests.fail")
def fail() -> None:
    raise ValueError("as the test wants it")


@shared_task(name="tests.wait")
def wait() -> None:
    if not OPENED.wait(10):
        raise TimeoutError("nobody went on while the job ran")
