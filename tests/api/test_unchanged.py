"""An answer that did not change is not made again: the same tag, 304, and no row is read."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from engagements.models import ISCM, Theme
from iscm_portal.common.models import TableVersion
from iscm_portal.common.versions import READERS, every_table, thin_out, version_of, watched
from tests.api.client import LISTS, READ, Api, body
from tests.factories import engagements as make
from tests.factories import finance as money
from tests.factories import reporting as told

pytestmark = pytest.mark.django_db


def tag(api: Api, address: str, **query: Any) -> str:
    response = api.get(address, **query)
    assert response.status_code == 200
    body(response)
    return str(response["ETag"])


def again(api: Api, address: str, given: str, **query: Any) -> Any:
    return api.client.get(f"/api/v1/{address}", query, headers={"If-None-Match": given})


PLACES = [*(f"{name}/" for name in LISTS), "resources/", "resources/?table=4"]


@pytest.mark.parametrize("place", PLACES)
def test_what_did_not_change_is_answered_without_touching_the_rows(place: str) -> None:
    if place[:-1] in LISTS:
        LISTS[place[:-1]][1]()
    api = Api()
    for form in ("json", "csv", "xlsx"):
        where = f"{place}{'&' if '?' in place else '?'}format={form}"
        given = tag(api, where)
        with CaptureQueriesContext(connection) as context:
            response = again(api, where, given)
        assert (response.status_code, response.content) == (304, b"")
        assert response["ETag"] == given
        assert response["Cache-Control"] == "private, no-cache"
        assert len(context) == 2  # the token, the version


# What was written is told by transactions: each of these is one of its own, as in life.
each_by_itself = pytest.mark.django_db(transaction=True)


@each_by_itself
def test_what_changed_is_answered(releases_go: None) -> None:
    api = Api()
    for name, (_scope, add) in LISTS.items():
        add()
        row = api.results(f"{name}/")[0]["id"]
        places = (f"{name}/", f"{name}/{row}/")
        given = {place: tag(api, place) for place in places}
        add()
        for place in places:
            response = again(api, place, given[place])
            assert response.status_code == 200, place
            assert response["ETag"] != given[place]


@each_by_itself
def test_a_change_of_what_hangs_on_a_record_shows() -> None:
    theme = make.ThemeFactory()
    iscm = make.ISCMFactory(themes=[theme])
    office = make.OfficeFactory()
    value = told.IndicatorValueFactory()
    api = Api()
    changes = (
        ("iscms/", lambda: iscm.themes.clear()),
        ("iscms/", lambda: iscm.themes.add(theme)),
        ("iscms/", lambda: Theme.objects.update(name="Otherwise")),
        ("iscms/", lambda: office.focal_for.add(iscm)),
        ("iscms/", lambda: Theme.objects.all().delete()),
        ("iscms/", lambda: ISCM.objects.bulk_create(make.ISCMFactory.build_batch(2))),
        (f"indicator-values/{value.pk}/evidence/", make.SupportRequestFactory),
        ("resources/", money.TimeEntryFactory),
    )
    for place, change in changes:
        given = tag(api, place)
        assert again(api, place, given).status_code == 304
        change()
        assert again(api, place, given).status_code == 200, place


@each_by_itself
def test_what_others_write_elsewhere_changes_nothing() -> None:
    make.ThemeFactory()
    api = Api()
    given = tag(api, "themes/")
    money.FundingLineFactory(supports="grcp")
    told.CompileRunFactory()
    assert again(api, "themes/", given).status_code == 304


def test_another_question_reader_day_or_language_is_another_answer() -> None:
    with time_machine.travel("2026-03-31T12:00:00Z", tick=False):
        api = Api()
        tags = [tag(api, "duties/"), tag(api, "duties/", year=2026), tag(api, "events/")]
        tags += [tag(Api(), "duties/"), tag(Api(user=api.user, scopes=READ[:2]), "duties/")]
        tags += [tag(api, "duties/", format="csv")]
    with time_machine.travel("2026-04-01T12:00:00Z", tick=False):
        tags.append(tag(Api(user=api.user), "duties/"))
    assert len(set(tags)) == len(tags)


def test_several_tags_and_strong_ones_are_compared_too() -> None:
    make.ThemeFactory()
    api = Api()
    given = tag(api, "themes/")
    for header in (given.removeprefix("W/"), f'"x", {given}', f'W/"{"0" * 32}",{given}'):
        assert again(api, "themes/", header).status_code == 304
    for header in ("", "*", "W/", '"', f'W/"{"0" * 32}"', "é", given.strip('W/"')):
        assert again(api, "themes/", header).status_code == 200


def test_a_wrong_question_and_a_refusal_have_no_tag() -> None:
    theme = make.ThemeFactory()
    api = Api()
    given = tag(api, "themes/")
    place = f"/api/v1/themes/{theme.pk}/"
    assert "ETag" not in api.get("themes/", nonsense="1")
    assert "ETag" not in api.get("themes/987654/")
    assert "ETag" not in Client().get("/api/v1/themes/")
    refused = Api(scopes=[]).client.get(place, headers={"If-None-Match": given})
    assert refused.status_code == 403


def test_a_head_is_answered_as_a_get_is() -> None:
    make.ThemeFactory()
    api = Api()
    given = tag(api, "themes/")
    head = api.client.head("/api/v1/themes/", headers={"If-None-Match": given})
    assert head.status_code == 304


def test_every_table_that_answers_are_read_from_is_watched() -> None:
    """A migration that builds a table of SQLite anew drops its triggers: call ``watch`` there."""
    assert (every_table() | READERS) - watched() == set()


@pytest.mark.only_on("postgresql")  # SQLite has one writer at a time
@each_by_itself
def test_transactions_that_end_in_another_order_than_they_began_all_show() -> None:
    """Source: decision 0038. The later one is seen first; the earlier shows all the same."""
    tables = {"engagements_theme"}
    versions = [version_of(tables)]
    earlier, later = connection.copy(), connection.copy()
    statement = (
        "INSERT INTO engagements_theme (code, name, is_demo, created_at, updated_at) "
        "VALUES (%s, %s, true, now(), now())"
    )
    try:
        for other, code in ((earlier, "earlier"), (later, "later")):
            other.set_autocommit(False)
            with other.cursor() as cursor:
                cursor.execute(statement, [code, code])
        versions.append(version_of(tables))
        assert versions[1] == versions[0]  # nothing is seen of either
        later.commit()
        versions.append(version_of(tables))
        earlier.commit()
        versions.append(version_of(tables))
    finally:
        earlier.close()
        later.close()
    assert len(set(versions[1:])) == 3


@each_by_itself
def test_thinning_out_changes_no_version() -> None:
    for _ in range(3):
        make.ThemeFactory()
    tables = {"engagements_theme", "engagements_iscm"}
    before = version_of(tables)
    thin_out()
    assert version_of(tables) == before
    make.ThemeFactory()
    assert version_of(tables) != before
    thin_out()
    assert TableVersion.objects.filter(name="engagements_theme").count() == 1


def test_what_was_rolled_back_leaves_no_version() -> None:
    make.ThemeFactory()
    before = version_of({"engagements_iscm"})
    with transaction.atomic():
        make.ISCMFactory()
        transaction.set_rollback(True)
    assert version_of({"engagements_iscm"}) == before


def test_the_day_is_part_of_the_tag() -> None:
    """What is late is told by the day, without anything being written."""
    with time_machine.travel("2026-03-31T12:00:00Z", tick=False):
        duty = told.DutyFactory(due_on=dt.date(2026, 3, 31))
        api = Api()
        given = tag(api, f"duties/{duty.pk}/")
        assert again(api, f"duties/{duty.pk}/", given).status_code == 304
    with time_machine.travel("2026-04-01T12:00:00Z", tick=False):
        api = Api(user=api.user)
        assert again(api, f"duties/{duty.pk}/", given).status_code == 200
