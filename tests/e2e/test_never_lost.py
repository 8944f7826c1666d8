"""A bad line, a killed server, two writers: no acknowledged word is lost, nothing is filed twice.

In a real Chromium. Each test does the thing itself: it cuts the line, closes the browser, kills the
server, ends the session.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import expect

from engagements.models import SupportRequest
from finance.models import TimeEntry
from reporting.models import KeptText, PostEventReport
from reporting.services import reports as services
from reporting.services import reviewing
from tests.conftest import CHROMIUM_ARGUMENTS, database_url
from tests.factories import engagements as make

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_on("postgresql")]

AT = dt.datetime(2026, 11, 20, 14, 2, tzinfo=dt.UTC)
PASSWORD = "pw-for-tests"
# What a browser writes to its console when the line is cut or an answer is a refusal.
NO_LINE = (
    "net::ERR",
    "Failed to load resource",
    "Failed to fetch",
    "when fetching the script",
    "Blocked attempt to show a 'beforeunload'",  # nobody has touched the page
)


@pytest.fixture
def office():
    return make.OfficeFactory()


def person(office, name):
    user = make.UserFactory(
        access_group="reporter", office=office, username=name, first_name=name.capitalize()
    )
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture
def report(office):
    event = make.EventFactory(
        iscms=[make.ISCMFactory()], starts_on=dt.date(2026, 11, 5), ends_on=dt.date(2026, 11, 6)
    )
    make.DelegateFactory(event=event, office=office, title="Chief of Mission")
    return services.start_report(event, office, person(office, "reporter"), AT)


@pytest.fixture
def page(new_page, sign_in, report):
    found = new_page(allow=NO_LINE)
    sign_in(found, "reporter")
    return found


def short(report) -> str:
    return f"/reports/{report.pk}/edit/short/"


def discussed(report) -> str:
    return f"/reports/{report.pk}/edit/discussed/"


def says(page, words: str) -> None:
    expect(page.locator("#saving")).to_contain_text(words, timeout=15_000)


def until(holds, page) -> None:
    """Wait, while the browser goes on, until ``holds()`` (at most 15 seconds)."""
    for _attempt in range(150):
        if holds():
            return
        page.wait_for_timeout(100)
    raise AssertionError("it did not come about")


def kept_text() -> str:
    return KeptText.objects.get().content["discussed"][0]


def device_texts(page) -> list[dict]:
    """What lies in the browser's own store, as bytes that anybody at the device could read."""
    return page.evaluate(
        """async () => {
          const db = await idb.openDB("iscm-portal", 1);
          const found = await db.getAll("texts");
          return found.map((entry) => ({
            kind: entry.kind,
            bytes: new TextDecoder("latin1").decode(entry.sealed) + JSON.stringify(entry),
          }));
        }"""
    )


# --- the line


def test_what_is_typed_is_on_the_server_a_moment_later(page, report):
    page.goto(discussed(report))
    page.fill("#id_discussed", "Members agreed to test the protocol.")
    says(page, "Kept on the server at")
    assert kept_text() == "Members agreed to test the protocol."
    assert PostEventReport.objects.get().discussed == ""


def test_with_the_line_cut_the_text_is_kept_on_the_device_and_sent_when_it_is_back(page, report):
    page.goto(discussed(report))
    page.context.set_offline(True)
    page.fill("#id_discussed", "Typed without a line.")
    says(page, "Kept on this device, not yet sent")
    assert not KeptText.objects.exists()
    assert [entry["kind"] for entry in device_texts(page)] == ["typing"]
    page.context.set_offline(False)
    says(page, "Kept on the server at")
    assert kept_text() == "Typed without a line."
    assert device_texts(page) == []


def test_nobody_reads_on_the_device_what_was_typed(page, report):
    page.goto(discussed(report))
    page.context.set_offline(True)
    page.fill("#id_discussed_restricted", "SECRET-REMARK")
    says(page, "Kept on this device")
    assert "SECRET-REMARK" not in device_texts(page)[0]["bytes"]


def test_a_tab_that_is_killed_without_a_line_loses_nothing(page, report):
    page.goto(discussed(report))
    page.context.set_offline(True)
    page.fill("#id_discussed", "Typed before the tab was killed.")
    says(page, "Kept on this device")
    context = page.context
    page.close()
    context.set_offline(False)
    again = context.new_page()
    again.goto(discussed(report))
    expect(again.locator("#id_discussed")).to_have_value("Typed before the tab was killed.")
    says(again, "Kept on the server at")
    assert kept_text() == "Typed before the tab was killed."


def test_a_reload_and_the_back_button_bring_back_what_was_typed(page, report):
    page.goto(discussed(report))
    page.fill("#id_discussed", "Typed and not saved.")
    says(page, "Kept on the server at")
    page.reload()
    expect(page.locator("#id_discussed")).to_have_value("Typed and not saved.")
    page.goto("/events/")
    page.go_back()
    expect(page.locator("#id_discussed")).to_have_value("Typed and not saved.")


def press_link(page):
    page.get_by_role("link", name="Events").first.click()


def press_reload(page):
    page.reload()


def press_back(page):
    page.go_back()


def sign_out(page):
    page.get_by_role("button", name="Sign out").first.click()


@pytest.mark.parametrize("leave", [press_link, press_reload, press_back, sign_out])
@pytest.mark.parametrize("line", ["up", "down"])
def test_who_types_and_leaves_at_once_loses_no_word(page, report, sign_in, leave, line):
    """Nothing is waited for between the last key and the leaving of the page."""
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto("/events/")
    page.goto(discussed(report))
    device_is_ready(page)
    page.context.set_offline(line == "down")
    page.locator("#id_discussed").press_sequentially("Alpha beta gamma delta.", delay=5)
    with contextlib.suppress(PlaywrightError):  # without a line there is no next page
        leave(page)
    page.context.set_offline(False)
    if leave is sign_out and line == "up":
        page.wait_for_url("**/accounts/**")
        sign_in(page, "reporter")
    elif line == "up":  # what went out with the page arrives without anybody doing more
        until(lambda: kept_text() == "Alpha beta gamma delta.", page)
    page.goto(discussed(report))
    expect(page.locator("#id_discussed")).to_have_value("Alpha beta gamma delta.")
    until(lambda: kept_text() == "Alpha beta gamma delta.", page)


def device_is_ready(page) -> None:
    """The page has its key and keeps on the device: seen by a text that is kept and taken back."""
    page.fill("#id_discussed", "x")
    says(page, "Kept on the server at")
    page.fill("#id_discussed", "")
    says(page, "Not kept yet")
    says(page, "Kept on the server at")


def test_steady_typing_without_a_pause_is_kept_all_the_while(page, report):
    page.goto(discussed(report))
    device_is_ready(page)
    page.clock.install()
    for letter in "Members agreed to test the protocol, all of it.":
        page.locator("#id_discussed").press(letter)
        page.clock.run_for(100)  # no pause is ever as long as the one that is waited for
    expect(page.locator("#saving")).to_contain_text("Kept on the server", timeout=15_000)
    assert KeptText.objects.get().content["discussed"][0].startswith("Members agreed to te")


def test_where_the_text_is_stands_in_sight_wherever_one_writes(page, report):
    page.goto(short(report))
    for place in ("#id_discussed", "#title-people"):
        page.locator(place).scroll_into_view_if_needed()
        expect(page.locator("#saving")).to_be_in_viewport()


def test_a_page_whose_report_is_gone_does_not_promise_to_send(page, report):
    page.goto(discussed(report))
    page.route("**/keep/", lambda route: route.fulfill(status=404, body="<h1>Nothing here</h1>"))
    page.fill("#id_discussed", "Typed too late.")
    says(page, "Your text is kept on this device.")
    expect(page.locator("#saving")).not_to_contain_text("not yet sent")


def test_rows_that_were_added_without_a_line_come_back(page, report):
    page.goto(f"/reports/{report.pk}/edit/followup/")
    page.context.set_offline(True)
    page.fill("#id_reportedfollowups-0-what", "First")
    page.get_by_role("button", name="Add another follow-up").click()
    page.fill("#id_reportedfollowups-1-what", "Second")
    says(page, "Kept on this device")
    context = page.context
    page.close()
    context.set_offline(False)
    again = context.new_page()
    again.goto(f"/reports/{report.pk}/edit/followup/")
    rows = again.locator("#id_reportedfollowups-1-what")
    expect(rows).to_have_value("Second", timeout=15_000)
    says(again, "Kept on the server at")
    again.get_by_role("button", name="Save and continue").click()
    expect(again).to_have_url(f"{again.url.split('/reports')[0]}/reports/{report.pk}/edit/goals/")
    assert [row.what for row in report.reportedfollowups.all()] == ["First", "Second"]


# --- filing


def fill_short(page) -> None:
    page.get_by_label("days spent").first.fill("2")
    page.fill("#id_discussed", "Members agreed to test the protocol.")


def assert_filed_once(report) -> None:
    report.refresh_from_db()
    assert report.state == "submitted"
    assert report.steps.filter(action="submitted").count() == 1
    reviewer = make.UserFactory(access_group="ipd", office=make.OfficeFactory())
    reviewing.accept_report(report.pk, reviewer, AT)
    assert TimeEntry.objects.filter(report_number=report.pk).count() == 1
    assert PostEventReport.objects.count() == 1


def test_filing_without_a_line_waits_and_goes_out_when_it_is_back(page, report):
    page.goto(short(report))
    fill_short(page)
    says(page, "Kept on the server")
    page.context.set_offline(True)
    page.get_by_role("button", name="Submit to IPD").click()
    says(page, "Filing waits on this device")
    page.context.set_offline(False)
    page.wait_for_url(f"**/reports/{report.pk}/")
    assert_filed_once(report)


def test_a_filing_that_waits_is_sent_from_any_page_after_the_tab_was_closed(page, report):
    """In a browser that does not send by itself, as most but Chromium don't."""
    page.context.add_init_script(
        "Object.defineProperty(ServiceWorkerRegistration.prototype, 'sync', {value: undefined})"
    )
    page.goto(short(report))
    fill_short(page)
    page.context.set_offline(True)
    page.get_by_role("button", name="Submit to IPD").click()
    says(page, "Filing waits on this device")
    context = page.context
    page.close()
    context.set_offline(False)
    other = context.new_page()
    other.goto("/events/")
    expect(other.locator("main [role=status]")).to_contain_text("has been sent", timeout=15_000)
    assert_filed_once(report)


def test_what_is_typed_after_a_filing_that_waits_goes_out_with_it(page, report):
    page.goto(discussed(report))
    device_is_ready(page)
    page.context.set_offline(True)
    page.fill("#id_discussed", "Alpha. Beta.")
    page.get_by_role("button", name="Save and continue").click()
    says(page, "Filing waits on this device")
    page.fill("#id_discussed", "Alpha. Beta. Gamma.")
    page.context.set_offline(False)
    page.wait_for_url("**/edit/outcomes/", timeout=20_000)
    report.refresh_from_db()
    assert report.discussed == "Alpha. Beta. Gamma."


def test_what_is_typed_while_a_filing_is_on_its_way_is_not_lost(page, report):
    page.goto(discussed(report))
    device_is_ready(page)
    page.fill("#id_discussed", "Alpha. Beta.")
    held = []

    def hold_the_answer(route):
        if route.request.method == "POST" and not held:
            answer = route.fetch()  # the server has saved it
            page.fill("#id_discussed", "Alpha. Beta. Gamma.")
            held.append(answer)
            route.fulfill(response=answer)
        else:
            route.continue_()

    page.route(f"**{discussed(report)}", hold_the_answer)
    page.get_by_role("button", name="Save and continue").click()
    expect(page.locator("main")).to_contain_text("Alpha. Beta. Gamma.", timeout=15_000)
    report.refresh_from_db()
    assert report.discussed == "Alpha. Beta."
    assert len(held) == 1
    page.unroute(f"**{discussed(report)}")
    page.goto(discussed(report))
    expect(page.locator("#id_discussed")).to_have_value("Alpha. Beta. Gamma.")


def test_a_page_that_was_made_before_the_last_save_arrived_shows_it_all_the_same(page, report):
    """The save and the next page overtake each other: the page is older than what was kept."""
    # The worker would fetch the page itself, out of this test's reach.
    page.context.add_init_script(
        "Object.defineProperty(Navigator.prototype, 'serviceWorker', {value: undefined})"
    )
    page.goto(discussed(report))
    device_is_ready(page)
    page.fill("#id_discussed", "Alpha.")
    until(lambda: KeptText.objects.exists() and kept_text() == "Alpha.", page)
    held = []

    def hold(route):
        if held:
            route.continue_()
        else:
            held.append((route, route.fetch()))

    page.route(f"**{discussed(report)}", hold)
    page.evaluate(
        """() => {
          setTimeout(() => location.reload());
          setTimeout(() => {
            const text = document.getElementById("id_discussed");
            text.value = "Alpha. Beta.";
            text.dispatchEvent(new Event("input", { bubbles: true }));
          }, 300);
        }"""
    )
    until(lambda: held and kept_text() == "Alpha. Beta.", page)
    route, older = held[0]
    assert "Alpha. Beta." not in older.text()
    route.fulfill(response=older)
    page.wait_for_load_state("load")
    expect(page.locator("textarea#id_discussed:text('Alpha. Beta.')")).to_be_attached(
        timeout=15_000
    )
    expect(page.locator("#id_discussed")).to_have_value("Alpha. Beta.")


def test_the_browser_sends_a_filing_by_itself_while_no_page_of_the_portal_is_open(page, report):
    page.goto(short(report))
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    fill_short(page)
    says(page, "Kept on the server")
    page.context.set_offline(True)
    page.get_by_role("button", name="Submit to IPD").click()
    says(page, "Filing waits on this device")
    asked = page.evaluate("navigator.serviceWorker.ready.then((worker) => worker.sync.getTags())")
    assert asked == ["portal-texts"]
    page.goto("about:blank")
    page.context.set_offline(False)
    until(lambda: PostEventReport.objects.filter(state="submitted").exists(), page)
    assert_filed_once(report)


def test_a_double_click_files_once(page, report):
    page.goto(short(report))
    fill_short(page)
    page.get_by_role("button", name="Submit to IPD").dblclick()
    page.wait_for_url(f"**/reports/{report.pk}/")
    assert_filed_once(report)


def test_an_answer_that_was_lost_on_the_way_files_once(page, report):
    page.goto(short(report))
    fill_short(page)
    says(page, "Kept on the server")
    lost = []

    def lose_the_first_answer(route):
        if route.request.method == "POST" and not lost:
            lost.append(route.fetch())  # the server did it
            route.abort()
        else:
            route.continue_()

    page.route(f"**{short(report)}", lose_the_first_answer)
    page.get_by_role("button", name="Submit to IPD").click()
    page.wait_for_url(f"**/reports/{report.pk}/", timeout=20_000)
    assert len(lost) == 1
    assert_filed_once(report)


def test_what_is_wrong_is_told_at_its_field_and_nothing_is_lost(page, report):
    page.goto(short(report))
    fill_short(page)
    page.get_by_label("days spent").first.fill("-1")
    page.get_by_role("button", name="Submit to IPD").click()
    expect(page.locator("main")).to_contain_text("Something needs mending")
    expect(page.locator("#id_discussed")).to_have_value("Members agreed to test the protocol.")
    report.refresh_from_db()
    assert (report.state, report.discussed) == ("draft", "")


# --- the session


def end_sessions() -> None:
    Session.objects.all().delete()


def test_a_session_that_ends_asks_again_in_place_and_goes_on(page, report):
    page.goto(discussed(report))
    end_sessions()
    page.fill("#id_discussed", "Typed after the session ended.")
    expect(page.get_by_role("dialog")).to_be_visible(timeout=15_000)
    page.get_by_label("User name").fill("reporter")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in and go on").click()
    says(page, "Kept on the server at")
    assert kept_text() == "Typed after the session ended."


def test_a_wrong_password_is_told_in_place_and_the_text_stays(page, report):
    page.goto(discussed(report))
    end_sessions()
    page.fill("#id_discussed", "Typed after the session ended.")
    page.get_by_label("User name").fill("reporter")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in and go on").click()
    expect(page.get_by_role("alert")).to_contain_text("is not right")
    expect(page.locator("#id_discussed")).to_have_value("Typed after the session ended.")


def test_who_signs_in_next_on_the_device_is_neither_sent_nor_shown_the_text(
    page, report, office, sign_in
):
    person(office, "colleague")
    page.goto(discussed(report))
    page.context.set_offline(True)
    page.fill("#id_discussed", "Of the first person.")
    says(page, "Kept on this device")
    context = page.context
    end_sessions()  # a page that is being closed may still see the line come back
    page.close()
    context.clear_cookies()
    context.set_offline(False)
    other = context.new_page()
    sign_in(other, "colleague")
    other.goto(discussed(report))
    expect(other.locator("#id_discussed")).to_have_value("")
    assert len(device_texts(other)) == 1
    other.goto("/events/")
    other.wait_for_load_state("networkidle")
    assert list(KeptText.objects.values_list("author__username", "content")) == []
    # The first person finds it again.
    context.clear_cookies()
    sign_in(other, "reporter")
    other.goto(discussed(report))
    expect(other.locator("#id_discussed")).to_have_value("Of the first person.")


# --- two writers, two windows


def test_two_colleagues_choose_between_their_texts(page, report, office, new_page, sign_in):
    person(office, "colleague")
    other = new_page(allow=NO_LINE)
    sign_in(other, "colleague")
    for one, text in ((page, "Of the reporter."), (other, "Of the colleague.")):
        one.goto(discussed(report))
        one.fill("#id_discussed", text)
        says(one, "Kept on the server")
    page.get_by_role("button", name="Save and continue").click()
    page.wait_for_url("**/edit/outcomes/")
    other.get_by_role("button", name="Save and continue").click()
    expect(other.locator("main")).to_contain_text("Reporter")
    expect(other.locator(".difference")).to_contain_text("Of the reporter.")
    expect(other.locator(".difference")).to_contain_text("Of the colleague.")
    other.get_by_label("The other").check()
    other.get_by_role("button", name="Save and continue").click()
    other.wait_for_url("**/edit/outcomes/")
    assert PostEventReport.objects.get().discussed == "Of the reporter."
    assert not KeptText.objects.exists()


def test_two_windows_of_one_person_meet_before_anything_is_overwritten(page, report):
    second = page.context.new_page()
    page.goto(discussed(report))
    second.goto(discussed(report))
    page.fill("#id_discussed", "Of the first window.")
    says(page, "Kept on the server")
    second.fill("#id_discussed", "Of the second window.")
    says(second, "in another window")
    assert kept_text() == "Of the first window."
    second.get_by_role("button", name="Save and continue").click()
    expect(second.locator(".difference")).to_contain_text("Of the first window.")
    second.get_by_label("Mine").check()
    second.get_by_role("button", name="Save and continue").click()
    second.wait_for_url("**/edit/outcomes/")
    assert PostEventReport.objects.get().discussed == "Of the second window."


def test_what_is_typed_on_after_another_window_was_met_is_kept_too(page, report):
    second = page.context.new_page()
    page.goto(discussed(report))
    second.goto(discussed(report))
    page.fill("#id_discussed", "Of the first window.")
    says(page, "Kept on the server")
    second.fill("#id_discussed", "Of the second window.")
    says(second, "in another window")
    size = """async () => {
      const db = await idb.openDB("iscm-portal", 1);
      return (await db.getAll("texts"))[0].sealed.byteLength;
    }"""
    before = second.evaluate(size)
    second.fill("#id_discussed", "Of the second window, and more.")
    second.wait_for_function(f"async () => (await ({size})()) > {before}")
    second.reload()
    expect(second.locator(".difference")).to_contain_text("Of the second window, and more.")
    expect(second.locator(".difference")).to_contain_text("Of the first window.")


def test_a_text_of_the_device_meets_what_was_typed_elsewhere_since(page, report):
    page.goto(discussed(report))
    page.context.set_offline(True)
    page.fill("#id_discussed", "On the device.")
    says(page, "Kept on this device")
    context = page.context
    page.close()
    context.set_offline(False)
    # The page may have sent its text on the way out after all; the other window has seen that.
    known = KeptText.objects.filter(report=report).values_list("revision", flat=True).first() or 0
    services.keep_text(
        report.pk, "discussed", report.author, {"discussed": ["Elsewhere."]}, 1, known, AT
    )
    again = context.new_page()
    again.goto(discussed(report))
    expect(again.locator(".difference")).to_contain_text("Elsewhere.", timeout=15_000)
    expect(again.locator(".difference")).to_contain_text("On the device.")
    assert PostEventReport.objects.get().discussed == ""


@pytest.mark.parametrize("what", ["accepted", "gone"])
def test_a_text_whose_report_takes_none_any_more_is_read_by_its_writer(page, report, what):
    page.goto(discussed(report))
    page.context.set_offline(True)
    page.fill("#id_discussed", "On the device.")
    says(page, "Kept on this device")
    context = page.context
    page.close()
    if what == "gone":  # as a correction that was taken over
        report.delete()
    else:
        PostEventReport.objects.update(state="accepted", submitted_at=AT, accepted_at=AT)
    context.set_offline(False)
    again = context.new_page()
    again.goto("/reports/")
    again.get_by_text("Read it here").click(timeout=15_000)
    expect(again.get_by_text("discussed: On the device.")).to_be_visible()
    assert len(device_texts(again)) == 1
    again.get_by_role("button", name="Throw it away from this device").click()
    expect(again.get_by_text("discussed: On the device.")).to_have_count(0)
    assert device_texts(again) == []


# --- the browser and the server


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Server:
    """The portal in a process of its own, to be killed."""

    def __init__(self) -> None:
        self.port = free_port()
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "gunicorn", "iscm_portal.wsgi", "--log-level", "warning"]
        command += ["--worker-class", "gthread", "--threads", "4"]
        self.process = subprocess.Popen(
            [*command, "--bind", f"127.0.0.1:{self.port}"],
            env={**os.environ, "DATABASE_URL": database_url()},
            cwd=settings.BASE_DIR,
            start_new_session=True,
        )
        for _try in range(300):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=1)
                return
            except OSError:
                time.sleep(0.1)
        raise AssertionError("the server did not start")

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture
def server(report):
    found = Server()
    yield found
    found.kill()


def session_cookie(url: str) -> dict[str, str]:
    from django.test import Client

    client = Client()
    client.force_login(PostEventReport.objects.get().author)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    return {"name": cookie.key, "value": cookie.value, "url": url}


def test_a_server_killed_between_keystroke_and_answer_loses_nothing(browser, server, report):
    context = browser.new_context(base_url=server.url)
    context.add_cookies([session_cookie(server.url)])
    page = context.new_page()
    page.goto(discussed(report))
    page.fill("#id_discussed", "Acknowledged.")
    says(page, "Kept on the server")
    page.fill("#id_discussed", "Acknowledged. And typed as the server died.")
    server.kill()
    says(page, "Kept on this device, not yet sent")
    assert kept_text() == "Acknowledged."
    server.start()
    says(page, "Kept on the server")
    assert kept_text() == "Acknowledged. And typed as the server died."
    context.close()


def test_a_browser_that_is_closed_with_a_filing_waiting_sends_it_when_it_is_opened_again(
    browser, server, report, chromium, tmp_path
):
    """The profile lies on the disk, as it does on a shared device."""
    playwright = browser.browser_type
    arguments = {"executable_path": chromium, "headless": True, "args": CHROMIUM_ARGUMENTS}
    first = playwright.launch_persistent_context(tmp_path, base_url=server.url, **arguments)
    first.add_cookies([session_cookie(server.url)])
    page = first.new_page()
    page.goto(short(report))
    fill_short(page)
    first.set_offline(True)
    page.get_by_role("button", name="Submit to IPD").click()
    says(page, "Filing waits on this device")
    first.close()
    second = playwright.launch_persistent_context(tmp_path, base_url=server.url, **arguments)
    second.add_cookies([session_cookie(server.url)])
    page = second.new_page()
    page.goto("/")
    # By the page that was opened, or by the browser itself, whichever is first.
    until(lambda: PostEventReport.objects.filter(state="submitted").exists(), page)
    assert_filed_once(report)
    second.close()


def test_without_a_line_the_portal_answers_with_its_own_page(browser, server, report):
    context = browser.new_context(base_url=server.url)
    context.add_cookies([session_cookie(server.url)])
    page = context.new_page()
    page.goto(discussed(report))
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    server.kill()
    page.goto("/events/")
    expect(page.locator("h1")).to_have_text("There is no line")
    server.start()
    page.get_by_role("link", name="Try again").click()
    expect(page.locator("h1")).to_have_text("My work")
    context.close()


def test_a_browser_that_keeps_nothing_says_so(new_page, sign_in, report):
    page = new_page(allow=NO_LINE)
    page.add_init_script("Object.defineProperty(window, 'indexedDB', { value: undefined });")
    sign_in(page, "reporter")
    page.goto(discussed(report))
    page.fill("#id_discussed", "Typed.")
    says(page, "Kept on the server")
    page.context.set_offline(True)
    page.fill("#id_discussed", "Typed without a line.")
    says(page, "Not kept anywhere")
    page.context.set_offline(False)
    says(page, "Kept on the server")


# --- by keyboard, and without a script


def test_the_whole_form_is_filed_by_keyboard_alone(page, report):
    page.goto(short(report))

    def tab_to(selector: str) -> None:
        for _press in range(150):
            page.keyboard.press("Tab")
            if page.evaluate("(one) => document.activeElement.matches(one)", selector):
                return
        raise AssertionError(f"{selector} is not reached by keyboard")

    tab_to("#id_participants-0-days")
    page.keyboard.type("2")
    tab_to("#id_discussed")
    page.keyboard.type("Members agreed to test the protocol.")
    tab_to("[data-rows=reportedfollowups] summary")
    page.keyboard.press("Enter")
    tab_to("#id_reportedfollowups-0-what")
    page.keyboard.type("Send the curriculum")
    tab_to("button[name=submit]")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/reports/{report.pk}/")
    assert [row.what for row in report.reportedfollowups.all()] == ["Send the curriculum"]
    assert_filed_once(report)


def test_the_whole_form_is_filed_without_a_script(new_page, sign_in, report):
    page = new_page(javascript=False)
    sign_in(page, "reporter")
    page.goto(f"/reports/new/?event={report.event_id}")
    page.wait_for_url("**/edit/short/")
    fill_short(page)
    page.get_by_text("Add: request").click()
    state = make.CountryFactory()
    page.reload()
    fill_short(page)
    page.get_by_text("Add: request").click()
    page.fill("#id_reportedrequests-0-what", "Training of trainers")
    page.select_option("#id_reportedrequests-0-country", str(state.pk))
    page.select_option("#id_reportedrequests-0-kind", "technical")
    page.fill("#id_reportedrequests-0-asked_on", "2026-11-06")
    page.get_by_role("button", name="Save and check").click()
    page.wait_for_url("**/edit/check/")
    page.get_by_role("button", name="Submit to IPD").click()
    page.wait_for_url(f"**/reports/{report.pk}/")
    assert_filed_once(report)
    assert SupportRequest.objects.get().what == "Training of trainers"


def test_the_filing_page_loads_in_less_than_150_kilobytes(browser, server, report):
    """All that an empty browser fetches for it, as it is sent over the line."""
    context = browser.new_context(base_url=server.url)
    context.add_cookies([session_cookie(server.url)])
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    arrived = []
    session.on("Network.loadingFinished", lambda event: arrived.append(event["encodedDataLength"]))
    page.goto(short(report))
    page.wait_for_load_state("networkidle")
    context.close()
    assert len(arrived) >= 6
    assert sum(arrived) < 150_000
