"""Two writers of one report: what each changed stays, and where both did there is a choice."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from reporting.forms import Typed, merged
from reporting.models import KeptText, PostEventReport, ReportedFollowUp, SavedPart
from reporting.services import reports as services
from tests.factories import engagements as make
from tests.factories import reporting as reported

AT = dt.datetime(2026, 11, 20, 14, 2, tzinfo=dt.UTC)


# --- merging, without a database


def page(text: str = "", **rows: dict[str, str]) -> Typed:
    """A page with one text and rows of one kind: ``a={"what": "..."}``."""
    held = {
        key: {name: [value] if value else [] for name, value in row.items()}
        for key, row in rows.items()
    }
    return Typed({"discussed": [text] if text else []}, {"rows": held})


def told(differences) -> list[tuple[tuple[str, ...], list[str], list[str]]]:
    return [(one.place, one.mine, one.theirs) for one in differences]


def test_what_only_one_of_two_changed_is_taken_over():
    base = page("Old", a={"what": "One", "who": "Ana"})
    theirs = page("New", a={"what": "One", "who": "Ana"})
    mine = page("Old", a={"what": "One", "who": "Ben"})
    found, differences = merged(base, theirs, mine)
    assert found == page("New", a={"what": "One", "who": "Ben"})
    assert differences == []


def test_what_both_changed_in_different_ways_is_told_and_mine_stands_for_the_time_being():
    found, differences = merged(page("Old"), page("Theirs"), page("Mine"))
    assert found.texts == {"discussed": ["Mine"]}
    assert told(differences) == [(("discussed",), ["Mine"], ["Theirs"])]


def test_what_both_changed_in_the_same_way_is_no_difference():
    found, differences = merged(page("Old"), page("Same "), page("Same"))
    assert found.texts == {"discussed": ["Same"]}
    assert differences == []


def test_numbers_that_are_equal_are_no_difference():
    _found, differences = merged(
        page(a={"days": "3"}), page(a={"days": "3.50"}), page(a={"days": "3.5"})
    )
    assert differences == []


def test_rows_that_either_added_stay_each_once():
    theirs = page(a={"what": "One"}, b={"what": "Theirs"})
    mine = page(a={"what": "One"}, c={"what": "Mine"})
    found, differences = merged(page(a={"what": "One"}), theirs, mine)
    assert list(found.rows["rows"]) == ["a", "b", "c"]
    assert differences == []


def test_a_row_that_was_sent_before_is_the_same_row():
    stored = page(a={"what": "Sent twice"})
    found, differences = merged(page(), stored, page(a={"what": "Sent twice"}))
    assert found == stored
    assert differences == []


def test_a_row_that_one_took_away_and_the_other_left_is_gone():
    base = page(a={"what": "One"})
    found, differences = merged(base, page(), page(a={"what": "One"}))
    assert found.rows == {"rows": {}}
    mine = page(a={"what": "One", "DELETE": "on"})
    found, more = merged(base, base, mine)
    assert found.rows["rows"]["a"]["DELETE"] == ["on"]
    assert differences == more == []


def test_a_row_that_one_took_away_and_the_other_changed_is_told():
    base = page(a={"what": "One"})
    _found, differences = merged(base, page(), page(a={"what": "Changed"}))
    assert told(differences) == [(("rows", "a", "DELETE"), [], ["on"])]
    mine = page(a={"what": "One", "DELETE": "on"})
    _found, differences = merged(base, page(a={"what": "Changed"}), mine)
    assert told(differences) == [(("rows", "a", "DELETE"), ["on"], [])]


def test_without_a_base_every_difference_is_told():
    _found, differences = merged(None, page("Theirs"), page("Mine"))
    assert told(differences) == [(("discussed",), ["Mine"], ["Theirs"])]


WORDS = st.sampled_from(["", "one", "two", "three"])
TEXTS = st.builds(
    lambda text, rows: page(text, **rows),
    WORDS,
    st.dictionaries(
        st.sampled_from("abc"), st.fixed_dictionaries({"what": WORDS, "who": WORDS}), max_size=3
    ),
)


@given(base=TEXTS, theirs=TEXTS, mine=TEXTS)
def test_no_word_that_either_wrote_is_lost(base, theirs, mine):
    """Each text that differs from what both began from is in the merged page or is told."""
    found, differences = merged(base, theirs, mine)
    kept = {
        (place, text)
        for one in differences
        for place, text in ((one.place, tuple(one.mine)), (one.place, tuple(one.theirs)))
    }
    asked = {one.place for one in differences}
    for writer in (mine, theirs):
        places = [("discussed",)]
        places += [("rows", key, name) for key, row in writer.rows["rows"].items() for name in row]
        for place in places:
            text = writer.at(place)
            if text == base.at(place) or not text:
                continue
            gone = (*place[:2], "DELETE") if len(place) == 3 else None
            assert found.at(place) == text or (place, tuple(text)) in kept or gone in asked


@given(base=TEXTS, one=TEXTS)
def test_a_writer_who_met_nobody_has_his_own_text(base, one):
    found, differences = merged(base, base, one)
    assert differences == []
    assert found.texts == one.texts
    assert {key: row for key, row in found.rows["rows"].items() if key in one.rows["rows"]} == (
        one.rows["rows"]
    )


# --- in the browser's requests


@pytest.fixture
def reporter(client):
    user = make.UserFactory(access_group="reporter", office=make.OfficeFactory())
    client.force_login(user)
    return user


@pytest.fixture
def report(reporter):
    event = make.EventFactory(
        iscms=[make.ISCMFactory()], starts_on=dt.date(2026, 11, 5), ends_on=dt.date(2026, 11, 6)
    )
    return services.start_report(event, reporter.office, reporter, AT)


@pytest.fixture
def colleague(reporter):
    return make.UserFactory(
        access_group="reporter", office=reporter.office, first_name="Ana", last_name="Colleague"
    )


def address(report, step="discussed"):
    return f"/reports/{report.pk}/edit/{step}/"


JSON = {"accept": "application/json"}


@pytest.mark.django_db
def test_two_colleagues_who_write_different_parts_never_meet(client, report, colleague):
    client.post(address(report), {"version": 1, "discussed": "First."})
    client.force_login(colleague)
    answer = client.post(address(report, "outcomes"), {"version": 1, "outcomes": "Second."})
    assert answer.status_code == 302
    report.refresh_from_db()
    assert (report.discussed, report.outcomes) == ("First.", "Second.")


@pytest.mark.django_db
def test_two_colleagues_who_write_different_fields_of_a_part_are_merged(client, report, colleague):
    client.post(address(report), {"version": 1, "discussed": "First."})
    client.force_login(colleague)
    answer = client.post(address(report), {"version": 1, "discussed_internal": "Second."})
    assert answer.status_code == 302
    report.refresh_from_db()
    assert (report.discussed, report.discussed_internal) == ("First.", "Second.")


@pytest.mark.django_db
def test_both_texts_stand_side_by_side_with_who_wrote_the_other(client, report, colleague):
    client.post(address(report), {"version": 1, "discussed": "First."})
    client.force_login(colleague)
    shown = client.post(address(report), {"version": 1, "discussed": "Second."})
    assert shown.status_code == 409
    assert [(one["label"], one["mine"], one["theirs"]) for one in shown.context["differences"]] == [
        ("Main points", "Second.", "First.")
    ]
    assert "saved other text here since you opened this page" in shown.content.decode()
    assert PostEventReport.objects.get().discussed == "First."


@pytest.mark.django_db
@pytest.mark.parametrize(("choice", "kept"), [("mine", "Second."), ("theirs", "First.")])
def test_the_text_that_is_chosen_is_saved(client, report, colleague, choice, kept):
    client.post(address(report), {"version": 1, "discussed": "First."})
    client.force_login(colleague)
    chosen = {"differs": "choose:discussed", "choose:discussed": choice}
    answer = client.post(address(report), {"version": 2, "discussed": "Second.", **chosen})
    assert answer.status_code == 302
    assert PostEventReport.objects.get().discussed == kept


@pytest.mark.django_db
def test_without_a_choice_nothing_is_saved_and_it_is_asked_again(client, report, colleague):
    client.post(address(report), {"version": 1, "discussed": "First."})
    client.force_login(colleague)
    unchosen = {"version": 2, "discussed": "Second.", "differs": "choose:discussed"}
    answer = client.post(address(report), unchosen)
    assert answer.status_code == 409
    assert "Choose between the two texts." in answer.content.decode()
    assert PostEventReport.objects.get().discussed == "First."


@pytest.mark.django_db
def test_a_save_that_is_sent_twice_makes_its_row_once(client, report):
    data = {
        "version": 1,
        "reportedfollowups-TOTAL_FORMS": 1,
        "reportedfollowups-INITIAL_FORMS": 0,
        "reportedfollowups-0-key": "7b0c6a5e-46a5-4a36-9d4a-6b4e3d9a1c11",
        "reportedfollowups-0-what": "Send the curriculum",
        "lessons-TOTAL_FORMS": 0,
        "lessons-INITIAL_FORMS": 0,
    }
    answers = [client.post(address(report, "followup"), data).status_code for _sent in range(2)]
    assert answers == [302, 302]
    assert ReportedFollowUp.objects.get().what == "Send the curriculum"


@pytest.mark.django_db
def test_each_save_keeps_what_the_part_held_before_and_after(client, report):
    client.post(address(report), {"version": 1, "discussed": "First."})
    kept = SavedPart.objects.filter(report=report).order_by("version")
    assert [(part.part, part.version, part.content["texts"]["discussed"]) for part in kept] == [
        ("discussed", 1, []),
        ("discussed", 2, ["First."]),
    ]


# --- what is being typed


def keep(client, report, text, *, revision=0, version=1, step="discussed"):
    data = {"version": version, "revision": revision, "discussed": text}
    return client.post(f"{address(report, step)}keep/", data, headers=JSON)


@pytest.mark.django_db
def test_what_is_typed_is_kept_and_shown_again_without_being_saved(client, report):
    answer = keep(client, report, "Half a sen")
    assert answer.json()["revision"] == 1
    shown = client.get(address(report)).content.decode()
    assert "Half a sen" in shown
    assert "not saved in the report yet" in shown
    assert PostEventReport.objects.get().discussed == ""


@pytest.mark.django_db
def test_a_wrong_value_that_is_being_typed_is_kept_as_it_is(client, report):
    rows = {
        "participants-TOTAL_FORMS": 1,
        "participants-INITIAL_FORMS": 0,
        "participants-0-title": "Chief of Mission",
        "participants-0-days": "two and a h",
    }
    data = {"version": 1, "revision": 0, **rows}
    assert client.post(f"{address(report, 'people')}keep/", data, headers=JSON).status_code == 200
    shown = client.get(address(report, "people")).content.decode()
    assert 'value="two and a h"' in shown
    assert 'value="Chief of Mission"' in shown
    assert 'id="id_participants-0-days_error"' not in shown


@pytest.mark.django_db
def test_the_older_of_two_windows_does_not_overwrite_the_newer(client, report):
    keep(client, report, "Of the newer window")
    answer = keep(client, report, "Of the older window", revision=0)
    assert (answer.status_code, answer.json()["state"]) == (409, "other_window")
    assert KeptText.objects.get().content["discussed"] == ["Of the newer window"]


@pytest.mark.django_db
def test_the_same_text_sent_twice_is_kept_once(client, report):
    assert keep(client, report, "Same").status_code == 200
    assert keep(client, report, "Same").status_code == 200
    assert KeptText.objects.count() == 1


@pytest.mark.django_db
def test_saving_in_one_window_meets_what_was_typed_in_the_other(client, report):
    keep(client, report, "Of the first window")
    data = {"version": 1, "revision": 0, "discussed": "Of the second window"}
    answer = client.post(address(report), data)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Of the first window" in page
    assert "Of the second window" in page
    assert "You typed into this page in another window." in page


@pytest.mark.django_db
def test_saving_forgets_what_was_kept_as_typed(client, report):
    keep(client, report, "Typed")
    client.post(address(report), {"version": 1, "revision": 1, "discussed": "Typed and saved"})
    assert not KeptText.objects.exists()
    assert PostEventReport.objects.get().discussed == "Typed and saved"


@pytest.mark.django_db
def test_what_is_typed_is_shown_to_nobody_else(client, report, colleague):
    keep(client, report, "MY-HALF-SENTENCE")
    client.force_login(colleague)
    page = client.get(address(report)).content.decode()
    assert "MY-HALF-SENTENCE" not in page
    assert "is typing too" in page


@pytest.mark.django_db
def test_a_report_is_not_submitted_over_what_its_sender_typed_and_did_not_save(client, report):
    PostEventReport.objects.update(discussed="Text.", steps_done=["people", "agenda", "discussed"])
    keep(client, report, "More text")
    answer = client.post(f"/reports/{report.pk}/submit/")
    assert answer.status_code == 422
    assert "You typed here and did not save it." in answer.content.decode()


@pytest.mark.django_db
def test_what_was_typed_can_be_thrown_away(client, report):
    keep(client, report, "Typed")
    client.post(f"{address(report)}discard/")
    assert not KeptText.objects.exists()


@pytest.mark.django_db
def test_text_that_is_too_long_to_be_kept_is_refused(client, report):
    answer = keep(client, report, "x" * (services.MOST_KEPT_BYTES + 1))
    assert (answer.status_code, answer.json()["state"]) == (413, "too_long")
    assert not KeptText.objects.exists()


@pytest.mark.django_db
def test_a_script_is_told_that_the_session_is_over(client, report):
    client.logout()
    answer = keep(client, report, "Typed")
    assert (answer.status_code, answer.json()) == (403, {"state": "signed_out"})
    assert client.get("/filing/session/", headers=JSON).json() == {"state": "signed_out"}


@pytest.mark.django_db
def test_a_device_has_one_key_for_each_person(client, report, reporter, colleague):
    keys = []
    for person in (reporter, colleague, reporter):
        client.force_login(person)
        answer = client.get("/filing/session/", headers=JSON).json()
        assert answer["user"] == person.pk
        keys.append(answer["key"])
    assert keys[0] == keys[2] != keys[1]


# --- the short form


def short(report, **more):
    """What the short form sends: one person, the main points, nothing else."""
    sets = (
        "reportedagendaitems",
        "reportedrequests",
        "reportedpartnerships",
        "reportedinstruments",
        "reportedfollowups",
        "lessons",
    )
    return {
        "version": 1,
        "participants-TOTAL_FORMS": 1,
        "participants-INITIAL_FORMS": 0,
        "participants-0-title": "Chief of Mission",
        "participants-0-capacity": "speaker",
        "participants-0-paid_by": "office",
        "participants-0-days": "2",
        "discussed": "Members agreed.",
        **{f"{name}-{count}_FORMS": 0 for name in sets for count in ("TOTAL", "INITIAL")},
        **more,
    }


@pytest.mark.django_db
def test_the_short_form_answers_every_required_part_at_once(client, report):
    answer = client.post(address(report, "short"), short(report))
    assert answer["Location"] == f"/reports/{report.pk}/edit/check/"
    report.refresh_from_db()
    assert services.what_is_missing(report) == []
    assert set(report.steps_done) == {
        "people",
        "agenda",
        "discussed",
        "support",
        "results",
        "followup",
    }


@pytest.mark.django_db
def test_the_short_form_files_the_report_in_one_request_and_once(client, report):
    key = "0b6d2a54-9d4c-4cf6-8f6a-7f3f1f3f9a10"
    data = short(report, submit="1", request_key=key)
    answers = [client.post(address(report, "short"), data, headers=JSON) for _sent in range(2)]
    assert [(one.status_code, one.json()["state"]) for one in answers] == [
        (200, "submitted"),
        (200, "submitted"),
    ]
    report.refresh_from_db()
    assert report.state == "submitted"
    assert report.participants.count() == 1
    assert report.steps.filter(action="submitted").count() == 1


@pytest.mark.django_db
def test_filing_what_is_not_complete_saves_it_and_says_what_lacks(client, report):
    answer = client.post(
        address(report, "short"), short(report, submit="1", discussed=""), headers=JSON
    )
    assert answer.status_code == 422
    assert answer.json()["state"] == "incomplete"
    assert answer.json()["problems"] == ["Give the main points of the discussion."]
    report.refresh_from_db()
    assert (report.state, report.participants.count()) == ("draft", 1)


@pytest.mark.django_db
def test_a_script_whose_text_is_refused_finds_it_kept_on_the_server(client, report):
    data = short(report, **{"participants-0-days": "-1"})
    answer = client.post(address(report, "short"), data, headers=JSON)
    assert (answer.status_code, answer.json()["state"]) == (422, "invalid")
    assert KeptText.objects.get().content["participants-0-days"] == ["-1"]
    assert report.participants.count() == 0


# --- copying from an earlier report of the series


@pytest.mark.django_db
def test_what_recurs_is_copied_from_an_earlier_report_of_the_series(client, report, reporter):
    event = make.EventFactory(
        iscms=list(report.event.iscms.all()),
        starts_on=dt.date(2025, 11, 5),
        ends_on=dt.date(2025, 11, 6),
    )
    earlier = reported.PostEventReportFactory(
        event=event, office=reporter.office, author=reporter, discussed="Of last year"
    )
    reported.ParticipantFactory(report=earlier, title="Chief of Mission", grade="D1")
    reported.ReportedAgendaItemFactory(report=earlier, title="Consultation protocol")
    for _click in range(2):
        client.post(f"/reports/{report.pk}/copy/", {"copy_from": earlier.pk})
    person = report.participants.get()
    assert (person.title, person.grade, person.days) == ("Chief of Mission", "D1", None)
    assert [item.title for item in report.reportedagendaitems.all()] == ["Consultation protocol"]
    report.refresh_from_db()
    assert report.discussed == ""


@pytest.mark.django_db
@pytest.mark.parametrize("step", ["people", "goals"])
def test_a_colleague_who_is_writing_while_somebody_copies_loses_nothing_that_came_in(
    client, report, reporter, colleague, step
):
    frame = make.ReferenceFrameFactory()
    earlier = reported.PostEventReportFactory(
        event=make.EventFactory(iscms=list(report.event.iscms.all())),
        office=reporter.office,
        author=reporter,
    )
    reported.ParticipantFactory(report=earlier, title="Legal adviser")
    earlier.frames.add(frame)
    as_opened = {
        "version": report.version,
        "participants-TOTAL_FORMS": "0",
        "participants-INITIAL_FORMS": "0",
    }
    other = Client()
    other.force_login(colleague)
    other.post(f"/reports/{report.pk}/copy/", {"copy_from": earlier.pk})
    answer = client.post(address(report, step), {**as_opened, "continue": ""})
    if step == "people":  # of a row that came in the days are asked for, and nothing else
        assert answer.status_code == 422
        assert "Days spent: This field is required." in answer.content.decode()
        assert answer.content.decode().count("This field is required.</a>") == 1
    else:
        assert answer.status_code == 302
    assert [person.title for person in report.participants.all()] == ["Legal adviser"]
    assert list(report.frames.all()) == [frame]


@pytest.mark.django_db
def test_a_report_of_another_office_or_series_is_not_copied_from(client, report):
    other = reported.PostEventReportFactory(event=make.EventFactory(iscms=[make.ISCMFactory()]))
    reported.ParticipantFactory(report=other)
    answer = client.post(f"/reports/{report.pk}/copy/", {"copy_from": other.pk})
    assert answer.status_code == 400
    assert report.participants.count() == 0


@pytest.mark.django_db
def test_every_row_of_a_page_names_itself(client, report):
    page = client.get(address(report, "short")).content.decode()
    keys = re.findall(r'name="participants-\d+-key" value="([0-9a-f-]{36})"', page)
    assert len(keys) == len(set(keys)) == 1


@pytest.mark.django_db
def test_what_a_report_needs_is_not_called_optional(client, report):
    page = client.get(address(report)).content.decode()
    label = page.partition('<label for="id_discussed">')[2].partition("</label>")[0]
    assert "(needed to submit)" in label
    assert "(optional)" not in label
