"""Tasks for the tests of the job machinery."""

from celery import shared_task


@shared_task(name="tests.succeed")
def succeed(word: str) -> str:
    return word


@shared_task(name="tests.fail")
def fail() -> None:
    raise ValueError("as the test wants it")
