"""Days that are part of a post's share: asked where there are posts, told to the reviewer, and not
counted a second time."""

from __future__ import annotations

import datetime as dt
import html
import re
from decimal import Decimal

import pytest

from finance.models import TimeEntry
from finance.selectors.investment import investment
from finance.selectors.staffing import staffing
from iscm_portal.common.period import Period
from reporting.choices import ReportPart
from reporting.models import KeptText, SavedPart
from reporting.selectors.versions import compared, versions_of
from reporting.services import correcting, evidence, reviewing
from reporting.services import reports as services
from tests.factories import engagements as make
from tests.factories import finance as money
from tests.factories import reporting as reported

pytestmark = pytest.mark.django_db

AT = dt.datetime(2026, 11, 20, 14, 2, tzinfo=dt.UTC)
Y2026 = Period.year(2026)
WHY = "If the person's post already counts for this mechanism, its days are not counted a second"


@pytest.fixture
def reporter(client):
    user = make.UserFactory(access_group="reporter", office=make.OfficeFactory())
    client.force_login(user)
    return user


@pytest.fixture
def colleague(reporter):
    return make.UserFactory(access_group="reporter", office=reporter.office)


@pytest.fixture
def reviewer():
    return make.UserFactory(access_group="ipd")


@pytest.fixture
def iscm():
    return make.ISCMFactory(slug="rcm", acronym="RCM")


def a_post(office, title="Policy Officer", iscm=None, starts_on=dt.date(2026, 1, 1), **more):
    """A post of the office, 20 per cent of it for ``iscm``."""
    fields = {"title": title, "grade": "P3", "starts_on": starts_on, **more}
    post = money.PositionFactory(office=office, **fields)
    if iscm is not None:
        money.PositionShareFactory(position=post, iscm=iscm, share_pct=Decimal("20"))
    return post


@pytest.fixture
def report(reporter, iscm):
    event = make.EventFactory(
        iscms=[iscm], starts_on=dt.date(2026, 11, 5), ends_on=dt.date(2026, 11, 6)
    )
    return services.start_report(event, reporter.office, reporter, AT)


@pytest.fixture
def person(report):
    return reported.ParticipantFactory(report=report, title="Expert", grade="P3", days=1)


def address(report, step="people"):
    return f"/reports/{report.pk}/edit/{step}/"


def row(person, **texts):
    """The page of people with one row on record, as a browser sends it."""
    fields = {
        "title": person.title,
        "grade": person.grade,
        "capacity": person.capacity,
        "paid_by": person.paid_by,
        "days": "1",
        **texts,
    }
    return {
        "participants-TOTAL_FORMS": "1",
        "participants-INITIAL_FORMS": "1",
        "participants-0-id": str(person.pk),
        "participants-0-key": str(person.key),
        **{f"participants-0-{name}": text for name, text in fields.items()},
    }


def page_of(client, report, step="people"):
    answer = client.get(address(report, step))
    assert answer.status_code == 200
    return answer.content.decode()


def select_of(page) -> str:
    """The first person's choice of a post; "" where none is asked for."""
    found = re.search(r'<select name="participants-0-position".*?</select>', page, re.DOTALL)
    return found[0] if found else ""


def offered(page) -> list[str]:
    """What there is to choose from, nothing chosen left out."""
    texts = re.findall(r"<option[^>]*>([^<]*)<", select_of(page))
    return [html.unescape(text) for text in texts][1:]


def chosen(page) -> str:
    found = re.search(r'<option value="(\d*)" selected', select_of(page))
    return found[1] if found else ""


# --- what is asked


def test_nothing_new_is_asked_where_the_office_has_no_posts(client, report, person):
    a_post(make.OfficeFactory())
    for step in ("people", "short"):
        page = page_of(client, report, step)
        assert "participants-0-days" in page
        assert "-position" not in page
        assert WHY not in html.unescape(page)


@pytest.mark.parametrize("step", ["people", "short"])
def test_the_offices_own_posts_held_on_the_days_of_the_event_are_offered(
    client, report, person, iscm, step
):
    office = report.office
    a_post(office, "Held", iscm=iscm)
    a_post(office, "Until the first day", ends_on=dt.date(2026, 11, 5))
    a_post(office, "From the last day", starts_on=dt.date(2026, 11, 6))
    a_post(office, "Over before", ends_on=dt.date(2026, 11, 4))
    a_post(office, "Begun after", starts_on=dt.date(2026, 11, 7))
    a_post(office, "In no year", starts_on=None)
    a_post(make.OfficeFactory(), "Elsewhere", iscm=iscm)
    page = page_of(client, report, step)
    assert offered(page) == [
        "From the last day (P3)",
        "Held (P3): RCM 20%",
        "Until the first day (P3)",
    ]
    assert WHY in html.unescape(page)


@pytest.mark.parametrize(
    ("month", "titles"), [(6, ["June (P3)"]), (None, ["June (P3)", "March (P3)"])]
)
def test_of_an_event_that_is_not_dated_to_the_day_all_that_it_may_be_counts(
    client, reporter, iscm, month, titles
):
    event = make.EventFactory(
        iscms=[iscm],
        starts_on=None,
        ends_on=None,
        year=2026,
        month=month,
        date_precision="month" if month else "year",
    )
    report = services.start_report(event, reporter.office, reporter, AT)
    reported.ParticipantFactory(report=report)
    a_post(reporter.office, "June", starts_on=dt.date(2026, 6, 30), ends_on=dt.date(2026, 7, 1))
    a_post(reporter.office, "March", starts_on=dt.date(2026, 3, 1), ends_on=dt.date(2026, 5, 31))
    a_post(reporter.office, "Earlier", starts_on=dt.date(2025, 3, 1), ends_on=dt.date(2025, 5, 31))
    assert offered(page_of(client, report)) == titles


def test_ipd_that_corrects_a_report_is_offered_the_posts_of_the_reporting_office(
    client, report, person, reviewer
):
    a_post(report.office, "Theirs")
    a_post(reviewer.office or make.OfficeFactory(), "IPD's own")
    report.author = reviewer
    report.save()
    client.force_login(reviewer)
    assert offered(page_of(client, report)) == ["Theirs (P3)"]


# --- saved, kept, merged


def test_the_choice_is_saved_and_shown_again(client, report, person):
    post = a_post(report.office)
    answer = client.post(
        address(report), {"version": 1, **row(person, days="2", position=str(post.pk))}
    )
    assert answer.status_code == 302
    person.refresh_from_db()
    assert (person.days, person.position) == (2, post)
    assert chosen(page_of(client, report)) == str(post.pk)
    saved = SavedPart.objects.get(part="people", version=2)
    assert saved.content["rows"]["participants"][str(person.key)]["position"] == [str(post.pk)]


@pytest.mark.parametrize("whose", ["another office", "over", "none"])
def test_a_post_that_is_not_offered_is_refused_at_its_field_and_nothing_is_saved(
    client, report, person, whose
):
    a_post(report.office)
    wrong = {
        "another office": lambda: a_post(make.OfficeFactory()).pk,
        "over": lambda: a_post(report.office, ends_on=dt.date(2026, 2, 1)).pk,
        "none": lambda: 987654321,
    }[whose]()
    answer = client.post(
        address(report), {"version": 1, **row(person, days="2", position=str(wrong))}
    )
    assert answer.status_code == 422
    assert 'id="id_participants-0-position_error"' in answer.content.decode()
    person.refresh_from_db()
    assert (person.days, person.position) == (1, None)


def test_what_is_being_typed_is_kept_with_its_post_and_not_saved(client, report, person):
    post = a_post(report.office)
    answer = client.post(
        f"{address(report)}keep/",
        {"version": 1, "revision": 0, **row(person, days="2", position=str(post.pk))},
    )
    assert answer.status_code == 200
    assert KeptText.objects.get().content["participants-0-position"] == [str(post.pk)]
    assert chosen(page_of(client, report)) == str(post.pk)
    person.refresh_from_db()
    assert person.position is None


def test_one_writer_chooses_the_post_and_another_says_the_days(client, report, person, colleague):
    post = a_post(report.office)
    client.post(address(report), {"version": 1, **row(person, position=str(post.pk))})
    client.force_login(colleague)
    answer = client.post(address(report), {"version": 1, **row(person, days="3.5")})
    assert answer.status_code == 302
    person.refresh_from_db()
    assert (person.days, person.position) == (Decimal("3.5"), post)


def test_two_writers_who_choose_different_posts_see_both_by_name(client, report, person, colleague):
    first, second = a_post(report.office, "First post"), a_post(report.office, "Second post")
    client.post(address(report), {"version": 1, **row(person, position=str(first.pk))})
    client.force_login(colleague)
    mine = {"version": 1, **row(person, position=str(second.pk))}
    answer = client.post(address(report), mine)
    assert answer.status_code == 409
    (difference,) = answer.context["differences"]
    assert difference["label"] == "Post that the days are part of"
    assert (difference["mine"], difference["theirs"]) == ("Second post (P3)", "First post (P3)")
    name = difference["name"]
    answer = client.post(address(report), {**mine, "version": 2, "differs": name, name: "theirs"})
    assert answer.status_code == 302
    person.refresh_from_db()
    assert person.position == first


def test_a_chosen_post_stays_whatever_became_of_its_dates(client, report, person):
    post = a_post(report.office)
    client.post(address(report), {"version": 1, **row(person, days="2", position=str(post.pk))})
    post.ends_on = dt.date(2026, 2, 1)
    post.save()
    page = page_of(client, report)
    assert (offered(page), chosen(page)) == (["Policy Officer"], str(post.pk))
    client.post(address(report), {"version": 2, **row(person, days="3", position=str(post.pk))})
    person.refresh_from_db()
    assert (person.days, person.position) == (3, post)


def test_an_earlier_report_of_the_series_gives_no_post(client, report, person, reporter, iscm):
    person.position = a_post(report.office)
    person.save()
    event = make.EventFactory(iscms=[iscm], starts_on=dt.date(2026, 12, 1))
    later = services.start_report(event, reporter.office, reporter, AT)
    client.post(f"/reports/{later.pk}/copy/", {"copy_from": report.pk})
    assert later.participants.get().position is None


# --- a suggestion is confirmed, or it is nothing


@pytest.fixture
def delegate(reporter, iscm):
    """A report that began with the delegation on record: "policy  officer"."""
    event = make.EventFactory(
        iscms=[iscm], starts_on=dt.date(2026, 11, 5), ends_on=dt.date(2026, 11, 6)
    )
    make.DelegateFactory(event=event, office=reporter.office, title="policy  officer")
    return services.start_report(event, reporter.office, reporter, AT).participants.get()


TICK = 'name="agreed"'


def test_the_one_post_that_the_title_names_is_suggested(client, delegate):
    post = a_post(delegate.report.office)
    a_post(delegate.report.office, "Another")
    page = page_of(client, delegate.report)
    assert chosen(page) == str(post.pk)
    assert f'name="suggested" value="{delegate.key}:{post.pk}"' in page
    assert f'{TICK} value="{delegate.key}:{post.pk}"' in re.sub(r'id="agreed[^"]*" ', "", page)
    assert "Without the tick no post is saved." in page
    delegate.refresh_from_db()
    assert delegate.position is None


@pytest.mark.parametrize("titles", [["Another"], ["Policy Officer", "Policy officer"]])
def test_nothing_is_suggested_where_no_post_or_more_than_one_is_called_so(client, delegate, titles):
    for title in titles:
        a_post(delegate.report.office, title)
    page = page_of(client, delegate.report)
    assert chosen(page) == ""
    assert TICK not in page


def test_a_suggestion_without_a_tick_is_not_saved_and_with_one_it_is(client, delegate):
    post = a_post(delegate.report.office)
    place = f"{delegate.key}:{post.pk}"
    sent = {**row(delegate, days="2", position=str(post.pk)), "suggested": place}
    assert client.post(address(delegate.report), {"version": 1, **sent}).status_code == 302
    delegate.refresh_from_db()
    assert (delegate.days, delegate.position) == (2, None)
    assert TICK in page_of(client, delegate.report)  # it is asked again
    client.post(address(delegate.report), {"version": 2, **sent, "agreed": place})
    delegate.refresh_from_db()
    assert delegate.position == post
    assert TICK not in page_of(client, delegate.report)


def test_another_post_chosen_by_hand_needs_no_tick(client, delegate):
    suggested = a_post(delegate.report.office)
    other = a_post(delegate.report.office, "Another")
    client.post(
        address(delegate.report),
        {
            "version": 1,
            **row(delegate, position=str(other.pk)),
            "suggested": f"{delegate.key}:{suggested.pk}",
        },
    )
    delegate.refresh_from_db()
    assert delegate.position == other


def test_a_suggestion_is_not_taken_for_typed_text_by_the_autosave(client, delegate):
    post = a_post(delegate.report.office)
    place = f"{delegate.key}:{post.pk}"
    sent = {**row(delegate, days="2", position=str(post.pk)), "suggested": place}
    keep = f"{address(delegate.report)}keep/"
    client.post(keep, {"version": 1, "revision": 0, **sent})
    assert TICK in page_of(client, delegate.report)
    client.post(keep, {"version": 1, "revision": 1, **sent, "agreed": place})
    page = page_of(client, delegate.report)
    assert (chosen(page), TICK in page) == (str(post.pk), False)


# --- told before it is written, written once


@pytest.fixture
def sent(report, person, reporter, iscm):
    """The report in review: two days that are part of a post of which 20 per cent are RCM's."""
    money.StandardCostFactory(grade="P3", year=2026, usd_per_day=Decimal("400"))
    person.position = a_post(report.office, iscm=iscm)
    person.days = Decimal("2")
    person.save()
    report.discussed, report.steps_done = "Main points.", ReportPart.values
    report.save()
    return services.submit_report(report.pk, reporter, AT)


def known() -> Decimal:
    return sum((cell.known_usd for cell in investment(Y2026)), Decimal(0))


def test_the_reviewer_reads_that_the_days_are_part_of_a_post_before_it_is_written(
    client, sent, reviewer
):
    client.force_login(reviewer)
    page = html.unescape(client.get(f"/reports/{sent.pk}/").content.decode())
    assert "part of the post “Policy Officer”: not counted a second time" in page
    assert 'data-label="Part of the post">Policy Officer<' in page
    assert not TimeEntry.objects.exists()


def test_the_writer_reads_the_post_before_it_is_sent(client, report, person):
    assert "Part of the post" not in page_of(client, report, "check")
    person.position = a_post(report.office)
    person.save()
    assert 'data-label="Part of the post">Policy Officer<' in page_of(client, report, "check")


@pytest.mark.parametrize(
    ("group", "own", "reads"),
    [
        ("reporter", True, True),
        ("manager", True, True),
        ("finance", False, True),
        ("ipd", False, True),
        ("reporter", False, False),
        ("analyst", False, False),
    ],
)
def test_the_post_is_read_by_those_who_read_what_the_report_costs(
    client, sent, reviewer, group, own, reads
):
    reviewing.accept_report(sent.pk, reviewer, AT)
    office = sent.office if own else make.OfficeFactory()
    client.force_login(make.UserFactory(access_group=group, office=office))
    page = client.get(f"/reports/{sent.pk}/").content.decode()
    assert ("Policy Officer" in page) is reads


def test_acceptance_writes_the_post_and_the_total_does_not_count_its_days_again(
    client, sent, reviewer
):
    # 20 per cent of a post all year: 220 working days at 400.
    before = known()
    assert before == Decimal("17600.00")
    reviewing.accept_report(sent.pk, reviewer, AT)
    (entry,) = TimeEntry.objects.all()
    assert (entry.position, entry.days, entry.report_number) == (
        sent.participants.get().position,
        2,
        sent.pk,
    )
    assert entry.history.get().position_id == entry.position_id
    client.force_login(reviewer)
    page = client.get(f"/reports/{sent.pk}/").content.decode()
    assert "part of the post “Policy Officer”, not counted a second time" in page
    assert known() == before
    (cell,) = staffing(Y2026, ("iscm",))
    assert (cell.held, cell.days) == (Decimal("0.20"), 0)


def test_the_same_days_without_a_post_are_counted_beside_it(sent, reviewer):
    before = known()
    sent.participants.update(position=None)
    reviewing.accept_report(sent.pk, reviewer, AT)
    assert known() == before + 800
    (cell,) = staffing(Y2026)
    assert cell.days == 2


def test_the_staffing_plan_shows_the_days_with_the_post_and_not_as_ad_hoc_time(
    client, sent, reviewer
):
    reviewing.accept_report(sent.pk, reviewer, AT)
    client.force_login(reviewer)
    page = client.get("/staffing/?year=2026")
    assert page.context["plan"].total.days == 0
    assert "Days noted as part of it: 2" in page.content.decode()
    assert client.get("/staffing/records/?year=2026").context["time_entries"].rows == []
    post = sent.participants.get().position
    opened = client.get(f"/staffing/positions/{post.pk}/?year=2026")
    assert [entry.report_number for entry in opened.context["time_entries"]] == [sent.pk]


# --- versions and corrections


def test_versions_tell_the_post_by_its_name(sent, reviewer, reporter):
    reviewing.return_report(sent.pk, reviewer, "Which post?", AT)
    sent.participants.update(position=a_post(sent.office, "Project Assistant"))
    services.submit_report(sent.pk, reporter, AT)
    (change,) = compared(*versions_of(sent))
    assert (change.what, change.before, change.after) == (
        "Post that the days are part of",
        "Policy Officer",
        "Project Assistant",
    )


def test_a_correction_that_names_the_post_takes_its_days_out_of_the_total(
    client, sent, reviewer, reporter
):
    post = sent.participants.get().position
    sent.participants.update(position=None)
    accepted = reviewing.accept_report(sent.pk, reviewer, AT)
    counted_twice = known()
    correction = correcting.start_correction(accepted.pk, "A post's days.", reporter, AT)
    correction.participants.update(position=post)
    services.submit_report(correction.pk, reporter, AT)
    lines = evidence.told(evidence.plan_of(correction))
    assert [(line.action, line.details) for line in lines] == [
        ("Changed", ("Post that the days are part of: – → Policy Officer",))
    ]
    reviewing.accept_report(correction.pk, reviewer, AT)
    entry = TimeEntry.objects.get()
    assert (entry.position, entry.history.first().history_user) == (post, reviewer)
    assert accepted.participants.get().position == post
    assert known() == counted_twice - 800


def test_a_correction_begins_with_the_post(sent, reviewer, reporter):
    accepted = reviewing.accept_report(sent.pk, reviewer, AT)
    correction = correcting.start_correction(accepted.pk, "Another figure.", reporter, AT)
    assert correction.participants.get().position == sent.participants.get().position
    assert not evidence.plan_of(correction)


def test_a_post_that_a_report_names_is_not_deleted(client, sent):
    post = sent.participants.get().position
    client.force_login(make.UserFactory(access_group="finance"))
    client.post(f"/finance/positions/{post.pk}/delete/", {"reason": "A mistake."})
    post.refresh_from_db()
    assert sent.participants.get().position == post
