"""A token that was found is not looked for again, and ends at once all the same."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from engagements.models import User
from iscm_portal.common.choices import AccessGroup, Scope
from iscm_portal.common.models import ApiToken
from tests.api.client import Api
from tests.factories import engagements as make

# A change is told when its transaction has ended: each of these is one of its own, as in life.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def api() -> Api:
    """Of somebody who has called before."""
    api = Api("ipd", scopes=[Scope.READ_DIRECTORY])
    assert status(api) == 200
    return api


def status(api: Api) -> int:
    return int(api.get("themes/").status_code)


def asked(api: Api) -> int:
    """How many statements of a call ask for its token."""
    with CaptureQueriesContext(connection) as context:
        status(api)
    return sum('FROM "common_apitoken"' in query["sql"] for query in context)


def owner(**changes: object) -> Callable[[Api], object]:
    return lambda api: User.objects.filter(pk=api.user.pk).update(**changes)


def own(**changes: object) -> Callable[[Api], object]:
    return lambda api: ApiToken.objects.filter(pk=api.token.pk).update(**changes)


def by_hand(statement: str) -> Callable[[Api], object]:
    def run(api: Api) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement, [api.token.pk])

    return run


ENDS: dict[str, tuple[Callable[[Api], object], int]] = {
    "revoked": (lambda api: api.token.revoke(timezone.now()), 401),
    "deleted": (lambda api: api.token.delete(), 401),
    "another secret": (own(digest="x"), 401),
    "expires sooner": (own(expires_at=timezone.now() - dt.timedelta(days=1)), 401),
    "other scopes": (own(scopes=[Scope.READ_FINANCE]), 403),
    "owner gone": (owner(is_active=False), 401),
    "revoked by hand": (
        by_hand("UPDATE common_apitoken SET revoked_at = expires_at WHERE id = %s"),
        401,
    ),
}


@pytest.mark.parametrize("how", ENDS)
def test_what_ends_a_token_holds_for_the_next_call(api: Api, how: str) -> None:
    change, answer = ENDS[how]
    change(api)
    assert status(api) == answer


def test_a_smaller_right_of_its_owner_holds_for_the_next_call() -> None:
    api = Api("ipd", scopes=[Scope.READ_FINANCE])
    assert api.get("projects/").status_code == 200
    office = make.OfficeFactory()
    owner(access_group=AccessGroup.REPORTER, office=office)(api)
    assert api.get("projects/").status_code == 403


def test_a_token_expires_without_being_written_to(api: Api) -> None:
    assert asked(api) == 0
    with time_machine.travel(api.token.expires_at, tick=False):
        assert status(api) == 401


def test_a_token_that_nobody_wrote_to_is_not_looked_for(api: Api) -> None:
    assert asked(api) == 0
    User.objects.filter(pk=api.user.pk).update(last_login=timezone.now())  # a sign-in
    assert asked(api) == 0
    Api("finance")  # of another
    assert [asked(api), asked(api)] == [1, 0]


def test_its_last_use_is_still_noted_every_ten_minutes(api: Api) -> None:
    later = timezone.now() + dt.timedelta(minutes=11)
    with time_machine.travel(later, tick=False):
        status(api)
        with CaptureQueriesContext(connection) as context:
            status(api)
    assert not [query for query in context if 'UPDATE "common_apitoken"' in query["sql"]]
    api.token.refresh_from_db()
    assert api.token.last_used_at == later


def test_another_text_with_the_same_beginning_opens_nothing(api: Api) -> None:
    prefix = api.token.prefix
    headers = {"Authorization": f"Bearer {prefix}.wrong"}
    assert api.client.get("/api/v1/themes/", headers=headers).status_code == 401


@pytest.mark.django_db(transaction=False)
def test_inside_of_a_transaction_it_is_looked_for() -> None:
    api = Api("ipd", scopes=[Scope.READ_DIRECTORY])
    assert [status(api), asked(api)] == [200, 1]
