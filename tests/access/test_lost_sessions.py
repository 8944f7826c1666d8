"""What was typed before the session ended, what happens when the portal fails, and signing in."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from iscm_portal.urls import urlpatterns as portal_urls
from tests.common.test_settings import SECRET, start
from tests.factories import engagements as make

pytestmark = pytest.mark.django_db

TYPED = {
    "csrfmiddlewaretoken": "TOKEN",
    "discussed": "Two hours of <typing> & more.",
    "people-TOTAL_FORMS": "3",
    "people-0-name": "Delegate Zero",
    "people-1-name": " ",
    "password1": "SECRET-WORD",
}


def fail(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("It fails.")


# The portal's addresses and one that fails; used as ROOT_URLCONF below.
urlpatterns = [*portal_urls, path("accounts/fails", fail)]


def assert_nothing_typed_is_lost(found):
    page = found.content.decode()
    assert found.status_code == 403
    assert "Nothing was saved" in page
    areas = re.findall(
        r'<label class="form-label" for="(.*?)">(.*?)</label>\s*'
        r'<textarea class="form-control" id="(.*?)" rows="3" readonly>\n(.*?)</textarea>',
        page,
        re.DOTALL,
    )
    assert [(name, text) for _for, name, _id, text in areas] == [
        ("discussed", "Two hours of &lt;typing&gt; &amp; more."),
        ("people-0-name", "Delegate Zero"),
    ]
    assert all(label == area for label, _name, area, _text in areas)
    assert "SECRET-WORD" not in page
    assert "TOKEN" not in page


def test_a_form_sent_after_the_session_ended_is_answered_with_what_was_typed():
    found = Client().post(
        "/reports/1/edit/meeting/",
        TYPED,
        headers={"referer": "http://testserver/reports/1/edit/meeting/"},
    )
    assert_nothing_typed_is_lost(found)
    link = '<a href="/accounts/login/?next=/reports/1/edit/meeting/" target="_blank"'
    assert link in found.content.decode()


def test_a_form_without_a_valid_token_is_answered_with_what_was_typed():
    client = Client(enforce_csrf_checks=True)
    client.force_login(make.UserFactory())
    found = client.post("/reports/new/", TYPED)
    assert_nothing_typed_is_lost(found)
    assert "Open the page again" in found.content.decode()


@pytest.mark.parametrize(
    ("referer", "back"),
    [
        ("https://elsewhere.example/x", "/"),
        ("http://testserver//elsewhere.example", "/elsewhere.example"),
        ("http://[", "/"),
        ("", "/"),
    ],
)
def test_the_way_back_is_never_to_another_site(referer, back):
    found = Client().post("/reports/new/", TYPED, headers={"referer": referer})
    assert f'href="/accounts/login/?next={back}"' in found.content.decode()


def test_a_form_that_cannot_be_read_is_refused_in_words():
    found = Client().post("/reports/new/", b"half", content_type="multipart/form-data; boundary=")
    assert found.status_code == 400
    assert "That address is not readable" in found.content.decode()


@pytest.mark.parametrize("address", ["/accounts/login/", "/admin/login/"])
def test_what_was_typed_into_a_sign_in_page_is_not_shown(address):
    client = Client(enforce_csrf_checks=True)
    found = client.post(address, {"login": "SECRET-NAME", "password": "SECRET-WORD", "x": "TYPED"})
    assert found.status_code == 403
    assert "Nothing was saved" in found.content.decode()
    assert not {"SECRET", "TYPED"} & set(re.findall("[A-Z]{5,6}", found.content.decode()))


def test_a_failure_has_a_page_of_the_portal_that_asks_the_database_nothing(
    settings, django_assert_num_queries
):
    settings.ROOT_URLCONF = __name__
    with django_assert_num_queries(0):
        found = Client(raise_request_exception=False).get("/accounts/fails")
    page = found.content.decode()
    assert found.status_code == 500
    assert "<h1>Something went wrong</h1>" in page
    assert "/static/portal/portal.css" in page
    assert "style=" not in page


# --- signing in


@pytest.fixture
def person():
    user = make.UserFactory()
    user.set_password("pw-for-tests")
    user.save()
    return user


def sign_in(client, user, password):
    return client.post("/accounts/login/", {"login": user.username, "password": password})


def test_signing_in_and_out_work(client, person):
    assert client.get("/accounts/login/").status_code == 200
    assert sign_in(client, person, "pw-for-tests")["Location"] == "/"
    assert client.get("/").status_code == 200
    assert client.get("/accounts/logout/").status_code == 200
    assert client.post("/accounts/logout/").status_code == 302
    assert client.get("/").status_code == 302


def test_a_wrong_password_is_said_in_the_page(client, person):
    found = sign_in(client, person, "wrong")
    assert found.status_code == 200
    assert "The username and/or password you specified are not correct." in found.content.decode()


def test_an_account_that_is_switched_off_does_not_sign_in(client, person):
    get_user_model().objects.update(is_active=False)
    assert sign_in(client, person, "pw-for-tests")["Location"] == "/accounts/login/"
    page = client.get("/accounts/login/").content.decode()
    assert "Your account is switched off. IPD can switch it on again." in page
    assert client.get("/").status_code == 302


def test_too_many_tries_are_answered_by_a_page_of_the_portal(client, person):
    answers = [sign_in(client, person, "wrong") for _ in range(31)]
    assert answers[-1].status_code == 429
    assert "/static/portal/portal.css" in answers[-1].content.decode()


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize(
    "address",
    [
        "",
        "signup/",
        "inactive/",
        "reauthenticate/",
        "email/",
        "confirm-email/",
        "confirm-email/key/",
        "password/change/",
        "password/set/",
        "password/reset/",
        "password/reset/done/",
        "password/reset/key/1-x/",
        "password/reset/key/done/",
        "login/code/confirm/",
    ],
)
def test_no_other_page_of_the_accounts_library_is_open(client, address, method):
    found = getattr(client, method)(f"/accounts/{address}", {"email": "a@example.org"})
    assert found.status_code == 404
    assert "Nothing here for you" in found.content.decode()


# --- mail


def mail_settings(**environment: str) -> str:
    """The backend, host and port of a start with ``environment``."""
    code = "from django.conf import settings as s;"
    code += "print(s.EMAIL_BACKEND.split('.')[-2], s.EMAIL_HOST, s.EMAIL_PORT)"
    outcome = subprocess.run(
        [sys.executable, "-c", code],
        env={"DJANGO_SETTINGS_MODULE": "iscm_portal.settings", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return outcome.stdout.strip()


@pytest.mark.parametrize("environment", [{}, {"EMAIL_URL": ""}])
def test_mail_goes_to_the_console_without_a_server(environment):
    assert mail_settings(**environment).startswith("console ")


def test_mail_goes_to_the_server_that_email_url_names():
    assert mail_settings(EMAIL_URL="smtp://mail.example.org:2525") == "smtp mail.example.org 2525"


def test_an_email_url_that_cannot_be_read_stops_the_start():
    outcome = start(SECRET_KEY=SECRET, EMAIL_URL="pigeon://roof")
    assert outcome.returncode != 0
    assert "EMAIL_URL" in outcome.stderr
