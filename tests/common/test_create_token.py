"""``manage.py create_token``: a token for a program, within what its owner may do."""

from __future__ import annotations

import datetime as dt
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from engagements.models import User
from iscm_portal.common.models import ApiToken

pytestmark = pytest.mark.django_db


@pytest.fixture
def analyst() -> User:
    return User.objects.create_user("ana", access_group="analyst")


def create_token(*arguments: str) -> list[str]:
    out = StringIO()
    call_command("create_token", *arguments, stdout=out)
    return out.getvalue().splitlines()


def test_the_token_stands_alone_on_the_last_line_and_opens_its_scopes(analyst: User) -> None:
    printed = create_token(
        "ana", "--scope", "read:finance", "--scope", "read:indicators", "--days", "30"
    )
    token = ApiToken.objects.match(printed[-1], timezone.now())
    assert token is not None
    assert (token.user, token.label) == (analyst, f"API, {timezone.now():%Y-%m-%d}")
    assert token.scopes == ["read:finance", "read:indicators"]


def test_the_token_ends_after_its_days(analyst: User) -> None:
    text = create_token("ana", "--scope", "read:directory", "--days", "2", "--label", "Power BI")[
        -1
    ]
    token = ApiToken.objects.get(label="Power BI")
    assert ApiToken.objects.match(text, token.expires_at - dt.timedelta(seconds=1)) == token
    assert ApiToken.objects.match(text, token.expires_at) is None


def test_a_scope_named_twice_is_given_once(analyst: User) -> None:
    create_token("ana", "--scope", "read:directory", "--scope", "read:directory", "--days", "1")
    assert ApiToken.objects.get().scopes == ["read:directory"]


@pytest.mark.parametrize(
    ("write", "reading"),
    [("write:reports", "read:reports or read:directory"), ("write:finance", "read:finance")],
)
def test_to_write_takes_a_scope_to_read(write: str, reading: str) -> None:
    """By itself it would be refused everywhere."""
    User.objects.create_user("root", access_group="admin")
    with pytest.raises(CommandError, match=f"{write} opens nothing without {reading}"):
        create_token("root", "--scope", write, "--scope", "read:indicators", "--days", "1")
    assert not ApiToken.objects.exists()
    create_token("root", "--scope", write, "--scope", reading.split()[-1], "--days", "1")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nobody", "--scope", "read:directory", "--days", "1"], "no user 'nobody'"),
        (["ana", "--scope", "read:everything", "--days", "1"], "no scope read:everything"),
        (["ana", "--scope", "write:finance", "--days", "1"], "may not give a token write:finance"),
        (["ana", "--scope", "read:directory", "--days", "0"], "from 1 to 3650"),
        (["ana", "--scope", "read:directory", "--days", "3651"], "from 1 to 3650"),
        (["ana", "--days", "1"], "--scope"),
    ],
)
def test_what_cannot_be_is_refused_and_makes_no_token(
    analyst: User, arguments: list[str], message: str
) -> None:
    with pytest.raises(CommandError, match=message):
        create_token(*arguments)
    assert not ApiToken.objects.exists()


def test_a_user_who_left_gives_no_token(analyst: User) -> None:
    User.objects.filter(pk=analyst.pk).update(is_active=False)
    with pytest.raises(CommandError, match="may not give"):
        create_token("ana", "--scope", "read:directory", "--days", "1")
