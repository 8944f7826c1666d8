"""A survey from its making to the indicator: 200 delegates answer over real lines."""

from __future__ import annotations

import http.client
import random
import re
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode, urlsplit

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from engagements.models import ISCM
from reporting.models import (
    IndicatorValue,
    SatisfactionAnswer,
    Survey,
    SurveyAnswer,
    SurveyLink,
    SurveyResponse,
)
from tests.e2e.test_every_page import problems_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_on("sqlite")]

PEOPLE, BY_BROWSER = 200, 3


def ask(address: str, data: dict[str, str] | None = None, cookie: str = "") -> tuple[int, str, str]:
    """One request on a line of its own: status, the cookie that was set, the page."""
    url = urlsplit(address)
    line = http.client.HTTPConnection(url.hostname, url.port, timeout=60)
    headers = {"Cookie": cookie} if cookie else {}
    if data is None:
        line.request("GET", url.path, headers=headers)
    else:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        line.request("POST", url.path, urlencode(data), headers)
    answer = line.getresponse()
    page = answer.read().decode()
    line.close()
    return answer.status, (answer.getheader("Set-Cookie") or "").partition(";")[0], page


def form_of(address: str) -> tuple[str, dict[str, str], str]:
    """The form behind a link: its address, what it sends along, and its cookie."""
    status, cookie, page = ask(address)
    assert status == 200
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    return address, hidden, cookie


def make_survey(page, iscm) -> None:
    """IPD drafts it with the proposed questions, adds one, opens it."""
    page.goto("/surveys/")
    page.get_by_role("link", name="New survey").click()
    page.get_by_label("Title", exact=True).fill("How is our support?")
    page.get_by_label("Mechanism").select_option(label=iscm.acronym)
    page.get_by_label("Kind of support").select_option("technical")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Add a question").click()
    page.get_by_label("Kind of answer").select_option("single")
    page.get_by_label("Question", exact=True).fill("Would you ask again?")
    page.get_by_label("Choices, one a line").fill("Yes\nNo")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("4. Would you ask again?")).to_be_visible()
    page.get_by_role("button", name="Open it").click()


def make_links(page) -> list[str]:
    """IPD makes the links; their addresses, as the page shows them once."""
    page.get_by_role("link", name="Make links").click()
    page.get_by_label("Single-use links for anybody").check()
    page.get_by_label("How many").fill(str(PEOPLE))
    page.get_by_role("button", name="Make and show them").click()
    expect(page.locator(".intro")).to_contain_text("200 links are made.")
    return page.locator("tbody th").all_inner_texts()


def answer_in_the_browser(page, address: str, score: int, language: str) -> None:
    """Without a script: a mistake first, another language, then sent."""
    page.goto(address)
    page.locator("textarea").fill("Kept through it all.")
    page.locator("button.send").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.locator(f'button[name="show_in"][value="{language}"]').click()
    expect(page.locator("textarea")).to_have_value("Kept through it all.")
    assert page.locator("html").get_attribute("lang") == language
    page.locator(f'fieldset:first-of-type input[value="{score}"]').check()
    page.wait_for_timeout(3000)  # as a person reads
    page.locator("button.send").click()
    page.wait_for_url("**/s/thanks/**")


def test_two_hundred_answers_from_the_draft_to_the_indicator(portal, new_page, sign_in, screenshot):
    iscm = ISCM.objects.get(slug="bali-process")
    page = new_page()
    sign_in(page, "ipd")
    make_survey(page, iscm)
    survey = Survey.objects.get()
    addresses = make_links(page)
    assert len(set(addresses)) == PEOPLE

    chance = random.Random(2026)
    scores = [chance.randint(1, 5) for _person in range(PEOPLE)]
    scale, _which, words, again = survey.questions.all()
    plain = new_page(width=360, javascript=False, allow=("status of 422", "status of 410"))
    plain.context.clear_cookies()
    for number in range(BY_BROWSER):
        answer_in_the_browser(plain, addresses[number], scores[number], ("fr", "es", "fr")[number])
    screenshot(plain, "surveys/thanks-360")

    with ThreadPoolExecutor(8) as lines:
        forms = list(lines.map(form_of, addresses[BY_BROWSER:]))
        time.sleep(3)

        def send(place: int) -> int:
            address, hidden, cookie = forms[place]
            said = {
                **hidden,
                f"q{scale.pk}": str(scores[BY_BROWSER + place]),
                f"q{words.pk}": f"Words of {place}.",
                f"q{again.pk}": str(place % 2 + 1),
                "homepage": "",
            }
            sent = [ask(address, said, cookie)[0] for _time in range(2 if place % 10 == 0 else 1)]
            assert set(sent) == {302}
            return sent[0]

        list(lines.map(send, range(len(forms))))

    assert SurveyResponse.objects.count() == PEOPLE
    assert SurveyLink.objects.filter(is_used=True).count() == PEOPLE
    assert ask(addresses[50])[0] == 410
    plain.goto(addresses[0])
    expect(plain.get_by_role("heading", name="This link was used")).to_be_visible()

    page.goto(f"/surveys/{survey.pk}/")
    expect(page.locator(".intro")).to_contain_text("200 of 200 single-use links are used")
    assert "on average" not in page.inner_text("main")
    page.get_by_text("Close it now").click()
    page.get_by_role("button", name="Close the survey for good").click()
    mean = statistics.mean(scores)
    expect(page.get_by_text(f"{mean:.2f} on average, of 200 answers.")).to_be_visible()
    screenshot(page, "surveys/results-1240")
    assert problems_of(page) == []

    page.goto("/indicators/satisfaction/")
    year = timezone.localdate().year
    expect(page.locator(".intro")).to_contain_text(f"{mean:.2f} of 5 in {year}")
    assert page.get_by_role("link", name="200", exact=True).first.is_visible()
    value = IndicatorValue.objects.of_year(year).overall().get(indicator__key="satisfaction")
    assert (float(value.value), value.n) == (pytest.approx(mean, abs=1e-4), PEOPLE)
    of_iscm = (
        IndicatorValue.objects.of_year(year).by_iscm().get(indicator__key="satisfaction", iscm=iscm)
    )
    assert (of_iscm.value, of_iscm.n) == (value.value, PEOPLE)
    kept = SatisfactionAnswer.objects.values_list("score", flat=True)
    assert sorted(kept) == sorted(scores)
    assert SurveyAnswer.objects.filter(question=words).count() == PEOPLE
