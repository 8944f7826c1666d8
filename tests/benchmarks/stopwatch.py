"""How long filing takes: the short form in a real browser, from signing in to "submitted".

    python -m tests.benchmarks.stopwatch http://127.0.0.1:8000 PASSWORD [--slow]

against a running portal with the demo data, as ``reporter``. It starts the report that is due,
fills the six things, files, and prints what it took: fields, clicks, keys and kilobytes, as JSON.
``--slow`` does it over a line of 400 kbit/s with 400 ms of delay. It types as fast as the browser
takes it: a person's own time for thinking and typing comes on top.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass
from typing import Any

from playwright.sync_api import Page, sync_playwright

from tests.services import chromium_program

ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@dataclass
class Count:
    """What one filing came to."""

    line: str
    seconds: float = 0
    fields: int = 0
    clicks: int = 0
    keys: int = 0
    kilobytes: float = 0
    first_load_kilobytes: float = 0


class Watch:
    """A page whose every field, click and byte is counted."""

    def __init__(self, page: Page, line: str) -> None:
        self.page, self.count = page, Count(line)
        self.bytes = 0
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.on("Network.loadingFinished", self._arrived)
        if line == "slow":
            session.send(
                "Network.emulateNetworkConditions",
                {
                    "offline": False,
                    "latency": 400,
                    "downloadThroughput": 400_000 / 8,
                    "uploadThroughput": 400_000 / 8,
                },
            )

    def _arrived(self, event: dict[str, Any]) -> None:
        self.bytes += int(event["encodedDataLength"])

    def fill(self, selector: str, text: str) -> None:
        self.page.locator(selector).first.fill(text)
        self.count.fields += 1
        self.count.keys += len(text)

    def choose(self, selector: str, number: int) -> None:
        self.page.locator(selector).first.select_option(index=number)
        self.count.fields += 1
        self.count.clicks += 2

    def click(self, selector: str) -> None:
        self.page.locator(selector).first.click()
        self.count.clicks += 1


def file_a_report(page: Page, address: str, password: str, line: str) -> Count:
    watch = Watch(page, line)
    begun = time.monotonic()
    page.goto(f"{address}/accounts/login/")
    watch.fill("[name=login]", "reporter")
    watch.fill("[name=password]", password)
    watch.click("main button[type=submit]")
    watch.click("a:has-text('Start')")
    watch.click("button:has-text('Start the report')")
    page.wait_for_url("**/edit/short/")
    # The page by itself, without what the browser has by now.
    watch.count.first_load_kilobytes = first_load(page)
    for person in range(page.locator("[name$='-days']").count() - 1):  # the last row is empty
        watch.fill(f"#id_participants-{person}-days", "2")
    watch.fill("#id_discussed", "Members agreed to test the protocol and to meet again in March.")
    watch.click("[data-rows=reportedrequests] > .row-new > summary")
    watch.fill("#id_reportedrequests-0-what", "Training of trainers")
    watch.choose("#id_reportedrequests-0-country", 1)
    watch.choose("#id_reportedrequests-0-kind", 1)
    watch.fill(
        "#id_reportedrequests-0-asked_on", page.evaluate("new Date().toISOString().slice(0, 10)")
    )
    watch.click("[data-rows=reportedfollowups] > .row-new > summary")
    last = page.locator("[data-rows=reportedfollowups] > .row-new input[name$='-what']").first
    watch.fill(f"#{last.get_attribute('id')}", "Send the curriculum")
    watch.click("button[name=submit]")
    page.wait_for_url("**/reports/*/")
    watch.count.seconds = round(time.monotonic() - begun, 1)
    watch.count.kilobytes = round(watch.bytes / 1000, 1)
    return watch.count


def first_load(page: Page) -> float:
    """The kilobytes of the page and all that it loads, as sent, into an empty browser."""
    context = page.context.browser.new_context()
    context.add_cookies(page.context.cookies())
    fresh = context.new_page()
    watch = Watch(fresh, "fast")
    fresh.goto(page.url)
    fresh.wait_for_load_state("networkidle")
    context.close()
    return round(watch.bytes / 1000, 1)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("password")
    parser.add_argument("--slow", action="store_true")
    wanted = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(chromium_program()), args=ARGUMENTS
        )
        page = browser.new_page()
        line = "slow" if wanted.slow else "fast"
        count = file_a_report(page, wanted.address.rstrip("/"), wanted.password, line)
        print(json.dumps(asdict(count)))
        browser.close()


if __name__ == "__main__":
    main()
