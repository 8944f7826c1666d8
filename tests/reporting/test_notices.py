"""Notices: every one that is due exactly once, however long nothing ran, and none that is not."""

from __future__ import annotations

import datetime as dt
import email
import random
import socketserver
import threading
from email import policy

import pytest
from django.core.management import call_command
from django.db import connection

from reporting.choices import ReportPart
from reporting.models import Duty, Notice, NoticeRule, PostEventReport
from reporting.services import correcting, duties, notices, reviewing
from reporting.services import reports as services
from tests.factories import engagements as make

pytestmark = pytest.mark.django_db

LAST_DAY = dt.date(2026, 11, 6)


def at(day: dt.date, hour: int = 9) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(hour), dt.UTC)


def after(days: int) -> dt.datetime:
    return at(LAST_DAY + dt.timedelta(days=days))


@pytest.fixture
def office():
    return make.OfficeFactory()


@pytest.fixture
def reporter(office):
    return make.UserFactory(access_group="reporter", office=office, email="reporter@example.org")


@pytest.fixture
def manager(office):
    return make.UserFactory(access_group="manager", office=office, email="manager@example.org")


@pytest.fixture
def ipd():
    return make.UserFactory(
        access_group="ipd", office=make.OfficeFactory(), email="ipd@example.org"
    )


@pytest.fixture
def event(office, reporter, manager, ipd):
    found = make.EventFactory(
        name="Task Force",
        iscms=[make.ISCMFactory()],
        starts_on=dt.date(2026, 11, 5),
        ends_on=LAST_DAY,
    )
    make.DelegateFactory(event=found, office=office)
    return found


def made() -> list[tuple[str, str]]:
    rows = Notice.objects.select_related("recipient").order_by("pk")
    return [(row.stage, row.recipient.email.partition("@")[0]) for row in rows]


def tick(moment: dt.datetime) -> int:
    return notices.send_due_notices(moment)


# --- the three clocks


@pytest.mark.parametrize(
    ("days", "stages"),
    [
        (-4, []),
        (-3, ["before"]),
        (0, ["before", "end"]),
        (6, ["before", "end"]),
        (7, ["before", "end", "week"]),
        (14, ["before", "end", "week", "due"]),
    ],
)
def test_who_writes_is_told_before_at_and_after_the_end(event, days, stages):
    for day in range(-10, days + 1):
        tick(after(day))
    assert made() == [(stage, "reporter") for stage in stages]


def test_then_the_manager_is_told_each_week_and_ipd_on_day_28(event):
    for day in range(-3, 36):
        tick(after(day))
    assert [row for row in made() if row[1] != "reporter"] == [
        ("weekly-1", "manager"),
        ("weekly-2", "manager"),
        ("ipd", "ipd"),
        ("weekly-3", "manager"),
    ]


def test_a_duty_that_is_answered_needs_no_more_notices(event, reporter):
    tick(after(0))
    duty = Notice.objects.first().duty
    duties.answer_duty(duty.pk, "nothing_to_report", "", reporter, after(1))
    tick(after(30))
    assert made() == [("before", "reporter"), ("end", "reporter")]


def submitted(event, office, reporter):
    report = services.start_report(event, office, reporter, after(1))
    report.discussed, report.steps_done = "Text.", ["people", "agenda", "discussed"]
    report.steps_done += ["support", "results", "followup"]
    report.save()
    report.participants.update(days=1)
    return services.submit_report(report.pk, reporter, after(2))


def test_a_report_that_waits_for_five_days_is_told_to_ipd_once(event, office, reporter):
    submitted(event, office, reporter)
    for day in range(3, 20):
        tick(after(day))
    assert made() == [("waiting", "ipd")]


def test_a_report_that_was_returned_and_left_for_five_days_is_told_to_its_writer_each_time(
    event, office, reporter, ipd
):
    report = submitted(event, office, reporter)
    reviewing.return_report(report.pk, ipd, "Who asked?", after(3))
    tick(after(7))
    assert made() == []
    for day in range(8, 12):
        tick(after(day))
    assert made() == [("returned", "reporter")]
    services.submit_report(report.pk, reporter, after(12))
    reviewing.return_report(report.pk, ipd, "And when?", after(13))
    tick(after(18))
    assert made() == [("returned", "reporter"), ("returned", "reporter")]


def test_a_correction_is_chased_like_a_report(event, office, reporter, manager, ipd):
    report = services.start_report(event, office, reporter, after(1))
    PostEventReport.objects.update(
        discussed="Points.", steps_done=ReportPart.values, state="accepted", accepted_at=after(2)
    )
    report.participants.update(days=1)
    correction = correcting.start_correction(report.pk, "Wrong.", manager, after(3))
    services.submit_report(correction.pk, manager, after(3))
    tick(after(7))
    assert made() == []
    tick(after(8))
    assert made() == [("waiting", "ipd")]
    reviewing.return_report(correction.pk, ipd, "Say why.", after(9))
    tick(after(14))
    assert set(made()[1:]) == {("returned", "manager"), ("returned", "reporter")}


def test_a_returned_report_that_somebody_wrote_in_since_waits_from_that_day_on(
    event, office, reporter, ipd
):
    report = submitted(event, office, reporter)
    reviewing.return_report(report.pk, ipd, "Who asked?", after(3))
    services.keep_text(
        report.pk, "discussed", reporter, {"discussed": ["Indonesia"]}, 2, 0, after(6)
    )
    tick(after(10))
    assert made() == []
    for day in range(11, 30):
        tick(after(day))
    assert made() == [("returned", "reporter")]
    assert Notice.objects.get().due_on == after(11).date()


def test_a_returned_report_that_is_answered_otherwise_is_not_chased(event, office, reporter, ipd):
    report = submitted(event, office, reporter)
    reviewing.return_report(report.pk, ipd, "Was anybody there?", after(3))
    duties.sync_duties(after(3))
    duties.answer_duty(Duty.objects.get().pk, "not_attended", "Visas.", reporter, after(4))
    tick(after(20))
    assert made() == []


def test_more_time_that_is_granted_moves_the_whole_clock(event, reporter, manager):
    """Asked on day 10 to day 60: quiet until three days before the new end of the first 14 days."""
    duties.sync_duties(after(0))
    asked = duties.ask_extension(
        Duty.objects.get().pk, after(60).date(), "Leave.", reporter, after(10)
    )
    tick(after(10))
    duties.decide_extension(asked.pk, "granted", manager, after(10))
    before = made()
    for day in range(11, 75):
        tick(after(day))
    told = [
        (row.stage, (row.due_on - LAST_DAY).days)
        for row in Notice.objects.filter(rule__audience__in=["writers", "manager"]).order_by("pk")[
            len(before) :
        ]
    ]
    assert before == [("before", "reporter"), ("end", "reporter"), ("week", "reporter")]
    assert told == [
        ("before", 43),
        ("end", 46),
        ("week", 53),
        ("due", 60),
        ("weekly-1", 67),
        ("weekly-2", 74),
    ]


def test_a_few_days_more_tell_nothing_again_that_was_due_before_they_were_granted(
    event, reporter, manager
):
    tick(after(14))
    asked = duties.ask_extension(
        Duty.objects.get().pk, after(17).date(), "Leave.", reporter, after(14)
    )
    duties.decide_extension(asked.pk, "granted", manager, after(14))
    before = len(made())
    tick(after(16))
    assert len(made()) == before
    tick(after(17))
    assert made()[before:] == [("due", "reporter")]


def test_an_author_who_has_left_is_not_told_and_the_office_is(event, office, reporter):
    left = make.UserFactory(
        access_group="reporter", office=office, email="left@example.org", is_active=False
    )
    services.start_report(event, office, left, after(0))
    tick(after(0))
    assert made() == [("before", "reporter"), ("end", "reporter")]


def test_a_rule_that_ipd_switches_off_makes_no_notice_and_one_that_is_changed_goes_by_its_day(
    event,
):
    notices.ensure_rules()
    NoticeRule.objects.exclude(stage="end").update(is_active=False)
    NoticeRule.objects.filter(stage="end").update(day=2)
    tick(after(1))
    assert made() == []
    tick(after(2))
    assert made() == [("end", "reporter")]


def test_an_office_without_a_manager_has_ipd_told_in_his_place(event, manager):
    manager.is_active = False
    manager.save()
    tick(after(21))
    assert ("weekly-1", "ipd") in made()


# --- sixty days with a scheduler that fails


def should_be(events: list[tuple[str, dt.date, int | None]], last_tick: dt.date) -> set:
    """What must have been told by ``last_tick``, written from the rules and not from the code.

    ``events``: name, last day, and the day (after the end) on which the office answered, if any.
    """
    told = set()
    for name, last_day, _answered in events:
        for stage, day, who in (
            ("before", -3, "reporter"),
            ("end", 0, "reporter"),
            ("week", 7, "reporter"),
            ("due", 14, "reporter"),
            ("ipd", 28, "ipd"),
            *((f"weekly-{n}", 21 + 7 * (n - 1), "manager") for n in range(1, 20)),
        ):
            if last_day + dt.timedelta(days=day) <= last_tick:
                told.add((name, stage, who))
    return told


@pytest.mark.parametrize("seed", range(4))
def test_over_sixty_days_with_the_scheduler_down_on_some_each_notice_is_there_exactly_once(
    office, reporter, manager, ipd, seed, settings, mailoutbox
):
    chance = random.Random(seed)
    first = dt.date(2026, 12, 1)  # across the end of the year
    events = []
    for number in range(6):
        ends_on = first + dt.timedelta(days=chance.randrange(-10, 50))
        event = make.EventFactory(name=f"Event {number}", starts_on=ends_on, ends_on=ends_on)
        make.DelegateFactory(event=event, office=office)
        events.append((event.name, ends_on, None))
    up = [day for day in range(60) if chance.random() < 0.4] or [59]
    for day in up:
        for hour in chance.sample(range(24), chance.randint(1, 3)):
            tick(at(first + dt.timedelta(days=day), hour))
    last = first + dt.timedelta(days=up[-1])
    found = [
        (row.duty.event.name, row.stage, row.recipient.email.partition("@")[0])
        for row in Notice.objects.select_related("duty__event", "recipient")
    ]
    assert len(found) == len(set(found))
    assert set(found) == should_be(events, last)
    assert not Notice.objects.unsent().exists()
    # Each stands in one mail, once.
    lines = [
        (message.to[0], line)
        for message in mailoutbox
        for line in message.body.splitlines()
        if line.startswith("- ")
    ]
    told = Notice.objects.order_by().values("recipient", "emailed_at", "duty").distinct()
    assert len(lines) == len(told)  # what one duty called forth together is one line


# What an office does with one event, in days after its end, and what must be told because of it:
# (stage, days after the end, who), if a tick comes before the office moves on.
CASES = {
    "never answered": [
        ("before", -3, "reporter"),
        ("end", 0, "reporter"),
        ("week", 7, "reporter"),
        ("due", 14, "reporter"),
        ("weekly-1", 21, "manager"),
        ("weekly-2", 28, "manager"),
        ("ipd", 28, "ipd"),
    ],
    "answered on day 9": [
        ("before", -3, "reporter"),
        ("end", 0, "reporter"),
        ("week", 7, "reporter"),
    ],
    "submitted on day 2, never reviewed": [
        ("before", -3, "reporter"),
        ("end", 0, "reporter"),
        ("waiting", 7, "ipd"),
    ],
    "returned on day 3, left": [
        ("before", -3, "reporter"),
        ("end", 0, "reporter"),
        ("returned", 8, "reporter"),
    ],
    "returned on day 3, touched on day 6, left": [
        ("before", -3, "reporter"),
        ("end", 0, "reporter"),
        ("returned", 11, "reporter"),
    ],
    "given time on day 1 until day 20": [
        ("before", -3, "reporter"),
        ("end", 0, "reporter"),
        ("before", 3, "reporter"),
        ("end", 6, "reporter"),
        ("week", 13, "reporter"),
        ("due", 20, "reporter"),
        ("weekly-1", 27, "manager"),
    ],
}


def act(name: str, duty: Duty, day: int, people: dict) -> None:
    """What the office and IPD do on ``day`` after the end of the event called ``name``."""
    event, office, reporter, ipd = duty.event, duty.office, people["reporter"], people["ipd"]
    report = PostEventReport.objects.filter(event=event).first()
    if (name, day) == ("answered on day 9", 9):
        duties.answer_duty(duty.pk, "nothing_to_report", "", reporter, after(day))
    elif name.startswith(("submitted", "returned")) and day == 2:
        submitted(event, office, reporter)
    elif name.startswith("returned") and day == 3:
        reviewing.return_report(report.pk, ipd, "Why?", after(day))
    elif "touched" in name and day == 6:
        services.keep_text(report.pk, "discussed", reporter, {"discussed": ["x"]}, 2, 0, after(day))
    elif name.startswith("given") and day == 1:
        asked = duties.ask_extension(duty.pk, after(20).date(), "Leave.", reporter, after(day))
        duties.decide_extension(asked.pk, "granted", people["manager"], after(day))


@pytest.mark.parametrize("seed", range(3))
def test_on_all_three_clocks_nothing_is_told_twice_or_lost_while_the_scheduler_fails(
    office, reporter, manager, ipd, seed, mailoutbox
):
    """The scheduler is down on random days, but up on the last day of each state of affairs, so
    that every stage was due at a tick."""
    chance = random.Random(seed)
    people = {"reporter": reporter, "manager": manager, "ipd": ipd}
    for name in CASES:
        event = make.EventFactory(name=name, starts_on=LAST_DAY, ends_on=LAST_DAY)
        make.DelegateFactory(event=event, office=office)
    duties.sync_duties(after(-5))
    must_run = {0, 1, 2, 8, 28}  # the evening before each move, and the end
    for day in range(-5, 29):
        for duty in Duty.objects.select_related("event", "office"):
            act(duty.event.name, duty, day, people)
        if day in must_run or chance.random() < 0.4:
            tick(at(LAST_DAY + dt.timedelta(days=day), 20))
            tick(at(LAST_DAY + dt.timedelta(days=day), 21))
    told = sorted(
        (
            row.duty.event.name,
            row.stage,
            (row.due_on - LAST_DAY).days,
            row.recipient.email.partition("@")[0],
        )
        for row in Notice.objects.select_related("duty__event", "recipient")
    )
    assert told == sorted((name, *stage) for name, stages in CASES.items() for stage in stages)
    assert not Notice.objects.unsent().exists()


def test_a_clock_that_is_put_back_for_the_winter_tells_nothing_twice(event, mailoutbox):
    """Moments are kept in UTC: an hour that a local clock shows twice is two moments."""
    for hour in (0, 1, 1, 2):
        tick(at(LAST_DAY, hour))
    assert len(made()) == len(set(made())) == 2


@pytest.mark.django_db(transaction=True)
def test_ticks_at_the_same_time_make_and_send_each_notice_once(event, mailoutbox):
    gate = threading.Barrier(4)

    def run() -> None:
        gate.wait()
        try:
            tick(after(0))
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _rival in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made() == [("before", "reporter"), ("end", "reporter")]
    assert len(mailoutbox) == 1


# --- by e-mail


class Mailbox(socketserver.ThreadingTCPServer):
    """A mail server that keeps what it is handed, or refuses the addresses of ``refused``."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.mails: list[tuple[str, email.message.EmailMessage]] = []
        self.refused: set[str] = set()


class _Session(socketserver.StreamRequestHandler):
    server: Mailbox

    def say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self) -> None:
        self.say("220 test")
        to = ""
        for line in self.rfile:
            command = line.decode().strip()
            verb = command.upper()[:4]
            if verb in ("EHLO", "HELO"):
                self.say("250 test")
            elif verb == "RCPT":
                to = command.partition("<")[2].partition(">")[0]
                self.say("550 no such person" if to in self.server.refused else "250 ok")
            elif verb == "DATA":
                self.say("354 go on")
                lines = []
                while (part := self.rfile.readline()) not in (b".\r\n", b""):
                    lines.append(part)
                content = email.message_from_bytes(b"".join(lines), policy=policy.default)
                self.server.mails.append((to, content))
                self.say("250 ok")
            elif verb == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")


@pytest.fixture
def mailbox(settings):
    with Mailbox() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.server_address[1]
        settings.PORTAL_REPLY_TO = "ipd@example.org"
        settings.PORTAL_URL = "https://portal.example.org"
        yield server
        server.shutdown()


def test_what_is_due_together_goes_out_in_one_mail(event, office, mailbox):
    second = make.EventFactory(name="Second", starts_on=LAST_DAY, ends_on=LAST_DAY)
    make.DelegateFactory(event=second, office=office)
    assert tick(after(0)) == 1
    [(to, message)] = mailbox.mails
    assert to == "reporter@example.org"
    assert message["Subject"] == "2 notices of the ISCM portal"
    assert message["Reply-To"] == "ipd@example.org"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["Message-ID"].startswith("<notices.")
    body = message.get_content()
    assert "“Task Force”: the report of" in body
    assert f"https://portal.example.org/duties/{Notice.objects.first().duty_id}/" in body
    assert tick(after(0)) == 0


def test_a_server_that_is_away_loses_nothing_and_the_next_tick_sends(event, mailbox, settings):
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, 1
    with pytest.raises(notices.SomeNotSent):
        tick(after(0))
    assert Notice.objects.unsent().count() == 2
    assert "ConnectionRefusedError" in Notice.objects.first().last_error
    settings.EMAIL_PORT = port
    assert tick(after(0)) == 1
    assert len(mailbox.mails) == 1
    assert not Notice.objects.unsent().exists()


def test_an_address_that_is_refused_hinders_no_other(event, office, mailbox):
    make.UserFactory(access_group="reporter", office=office, email="second@example.org")
    mailbox.refused = {"reporter@example.org"}
    with pytest.raises(notices.SomeNotSent):
        tick(after(0))
    assert [to for to, _message in mailbox.mails] == ["second@example.org"]


def test_a_mail_speaks_the_language_of_its_reader(event, reporter, mailbox):
    for language, words in (("fr", "le rapport de"), ("es", "el informe de")):
        reporter.language = language
        reporter.save()
        Notice.objects.all().delete()
        tick(after(0))
        assert words in mailbox.mails[-1][1].get_content()


def test_no_mail_holds_a_word_of_a_report(event, office, reporter, ipd, mailbox):
    report = submitted(event, office, reporter)
    type(report).objects.update(discussed="OPEN", discussed_restricted="SECRET-REMARK")
    tick(after(20))
    told = "".join(message["Subject"] + message.get_content() for _to, message in mailbox.mails)
    assert "waits for a review" in told
    assert "SECRET-REMARK" not in told
    assert "OPEN" not in told


@pytest.mark.parametrize(
    ("pace", "mails"), [("at_once", 3), ("daily", 3), ("weekly", 2), ("never", 0)]
)
def test_each_person_sets_how_often(event, reporter, mailbox, pace, mails):
    reporter.notice_pace = pace
    reporter.save()
    for day in (-3, 0, 7):  # Tuesday, Friday, and the Friday after
        tick(at(LAST_DAY + dt.timedelta(days=day)))
    assert len(mailbox.mails) == mails
    assert len(made()) == 3


def test_two_notices_of_a_day_come_together_to_who_wants_one_mail_a_day(
    event, office, reporter, mailbox
):
    reporter.notice_pace = "daily"
    reporter.save()
    tick(after(0))
    second = make.EventFactory(starts_on=LAST_DAY, ends_on=LAST_DAY)
    make.DelegateFactory(event=second, office=office)
    tick(at(LAST_DAY, 15))
    assert len(mailbox.mails) == 1
    tick(after(1))
    assert len(mailbox.mails) == 2


def test_a_weekly_mail_does_not_tell_of_what_was_answered_since(event, reporter, mailbox):
    reporter.notice_pace = "weekly"
    reporter.save()
    tick(after(0))  # a Friday; the first mail goes at once
    second = make.EventFactory(name="Second", starts_on=LAST_DAY, ends_on=after(1).date())
    make.DelegateFactory(event=second, office=reporter.office)
    tick(after(1))
    duty = Duty.objects.get(event=second)
    assert [row.stage for row in Notice.objects.filter(duty=duty)] == ["end", "before"]
    duties.answer_duty(duty.pk, "nothing_to_report", "", reporter, after(2))
    tick(after(3))
    assert [to for to, _mail in mailbox.mails] == ["reporter@example.org"]
    lapsed = Notice.objects.filter(duty=duty, lapsed_at=after(3), emailed_at=None)
    assert lapsed.count() == 2


def test_who_wants_mails_again_is_told_of_each_duty_once(event, reporter, mailbox):
    reporter.notice_pace = "never"
    reporter.save()
    for day in (-3, 0, 7, 14):
        tick(after(day))
    assert mailbox.mails == []
    reporter.notice_pace = "at_once"
    reporter.save()
    tick(after(15))
    ((_to, mail),) = mailbox.mails
    assert [line for line in mail.get_content().splitlines() if line.startswith("- ")] == [
        "- No answer yet on “Task Force”; it is due on 20 November 2026."
    ]
    assert not Notice.objects.unsent().exists()


def test_one_person_who_cannot_be_written_to_hinders_no_other(event, reporter, office, mailbox):
    """Whatever goes wrong with one address: a line break in it is refused by the mail library."""
    type(reporter).objects.filter(pk=reporter.pk).update(email="broken\n@example.org")
    make.UserFactory(access_group="reporter", office=office, email="other@example.org")
    with pytest.raises(notices.SomeNotSent):
        tick(after(0))
    assert [to for to, _mail in mailbox.mails] == ["other@example.org"]
    assert "newlines" in Notice.objects.unsent().first().last_error


# --- ending the mails


def token_of(mailbox) -> str:
    link = mailbox.mails[0][1]["List-Unsubscribe"].strip(" <>")
    return link.removeprefix("https://portal.example.org")


def test_one_click_ends_the_mails_without_signing_in(client, event, reporter, mailbox):
    tick(after(0))
    address = token_of(mailbox)
    assert client.get(address).status_code == 200
    reporter.refresh_from_db()
    assert reporter.notice_pace == "at_once"  # a program that looks at links ends nothing
    answer = client.post(address, {"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    reporter.refresh_from_db()
    assert reporter.notice_pace == "never"


def test_a_token_that_is_none_of_ours_ends_nothing(client, reporter):
    assert client.post("/notices/unsubscribe/forged:token/").status_code == 404
    reporter.refresh_from_db()
    assert reporter.notice_pace == "at_once"


# --- in the portal


def test_notices_stand_in_the_portal_until_they_are_read(client, event, reporter, manager):
    tick(after(0))
    client.force_login(reporter)
    assert "2 new notices" in client.get("/").content.decode()
    page = client.get("/notices/").content.decode()
    assert page.count('<span class="chip chip-on">new</span>') == 2
    client.post("/notices/read/")
    assert not Notice.objects.visible_to(reporter).unread().exists()
    client.force_login(manager)
    assert "Task Force" not in client.get("/notices/").content.decode()


def test_notices_in_the_portal_speak_the_language_of_their_reader(client, event, reporter):
    reporter.language = "fr"
    reporter.save()
    tick(after(0))
    client.force_login(reporter)
    page = client.get("/notices/").content.decode()
    assert f'<a href="/duties/{Duty.objects.get().pk}/" lang="fr">' in page
    assert "le rapport" in page
    assert "Notices</h1>" in page


def test_each_person_sets_his_own_profile(client, reporter):
    client.force_login(reporter)
    sent = {"email": "new@example.org", "notice_pace": "weekly", "language": "fr"}
    client.post("/profile/", sent)
    reporter.refresh_from_db()
    assert (reporter.email, reporter.notice_pace, reporter.language) == tuple(sent.values())
    refused = client.post("/profile/", {**sent, "email": "no address"})
    assert refused.status_code == 422
    reporter.refresh_from_db()
    assert reporter.email == "new@example.org"


def test_the_command_does_what_beat_runs(event, mailbox):
    call_command("send_due_notices", now="2026-11-06T09:00:00+00:00", verbosity=0)
    assert made() == [("before", "reporter"), ("end", "reporter")]
    assert len(mailbox.mails) == 1


def test_notices_take_the_same_number_of_statements_for_many(
    event, office, django_assert_max_num_queries
):
    for _event in range(20):
        other = make.EventFactory(starts_on=LAST_DAY, ends_on=LAST_DAY)
        make.DelegateFactory(event=other, office=office)
    duties.sync_duties(after(0))
    with django_assert_max_num_queries(30):
        notices.make_due_notices(after(0))
    assert Notice.objects.count() == 2 * 21
