"""A start with settings that cannot be right is refused."""

import os
import subprocess
import sys

import pytest

SECRET = "a-secret-of-a-test-that-is-long-enough-to-be-one"


def start(**settings: str) -> subprocess.CompletedProcess[str]:
    """Load the settings in a process of its own, with nothing but ``settings`` set."""
    return subprocess.run(
        [sys.executable, "-c", "import django; django.setup(); print('started')"],
        env={
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "iscm_portal.settings",
            **settings,
        },
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_portal_starts_with_an_empty_environment():
    assert start().stdout == "started\n"


def test_the_embedded_secret_is_refused_when_others_can_reach_the_portal():
    outcome = start(ALLOWED_HOSTS="portal.example.org")
    assert outcome.returncode != 0
    assert "set SECRET_KEY to at least 40 random characters" in outcome.stderr


def test_a_short_secret_is_refused_when_others_can_reach_the_portal():
    outcome = start(ALLOWED_HOSTS="portal.example.org", SECRET_KEY="short")
    assert outcome.returncode != 0
    assert "set SECRET_KEY to at least 40 random characters" in outcome.stderr


def test_an_own_secret_opens_the_portal_to_others():
    assert start(ALLOWED_HOSTS="portal.example.org", SECRET_KEY=SECRET).stdout == "started\n"


def test_one_foreign_host_among_local_ones_is_enough_to_ask_for_a_secret():
    assert start(ALLOWED_HOSTS="localhost,portal.example.org").returncode != 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEBUG", "maybe"),
        ("DATABASE_URL", "nowhere://at-all"),
        ("REDIS_URL", "banana"),
        ("IATI_ORGANISATION_ID", "XX-ABC 1/2"),
    ],
)
def test_a_value_that_cannot_be_read_stops_the_start_and_is_named(name, value):
    outcome = start(**{name: value})
    assert outcome.returncode != 0
    assert name in outcome.stderr or value.partition(":")[0] in outcome.stderr
