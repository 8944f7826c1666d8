"""A report that came as an e-mail or a Word file: recognised, marked, confirmed by a person."""

from __future__ import annotations

import datetime as dt
import io
from decimal import Decimal

import docx
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from reporting.forms.from_text import SECTIONS, as_typed, lines_of_word, read
from reporting.forms.report import STEPS
from reporting.models import KeptText, PostEventReport, ReportedRequest
from reporting.services import reports as services
from tests import files
from tests.factories import engagements as make
from tests.factories import reporting as reported

pytestmark = pytest.mark.django_db

AT = dt.datetime(2026, 11, 20, 14, 2, tzinfo=dt.UTC)
DAY = dt.date(2026, 11, 6)
MAIL = """Dear all,

> Main points:
> Delegations compared notes.
>
> They meet again in May.

Who took part
- Chief of Mission | P5 | Participant | 2,5 | USD 1,300
- Programme officer | P3 | chairing | 2

Support asked for
What | State that asked | Kind | Asked on | Outcome | Answered on
1. Training of border guards | Fiji | Technical | 6 November 2026 | Open
2. A study | Atlantis | technical | 06/11/2026

Restricted remarks: One State said it would leave.
Outcomes
A declaration.
Funding leads
A donor asked for a note.
--
Ana Reporter
+66 2 000 000
"""


@pytest.fixture
def reporter(client):
    user = make.UserFactory(access_group="reporter", office=make.OfficeFactory())
    client.force_login(user)
    return user


@pytest.fixture
def report(reporter):
    make.CountryFactory(name_en="Fiji", iso3="FJI")
    event = make.EventFactory(iscms=[make.ISCMFactory()], starts_on=DAY, ends_on=DAY)
    make.DelegateFactory(event=event, office=reporter.office, title="Chief of Mission")
    return services.start_report(event, reporter.office, reporter, AT)


def paste(client, report, text=MAIL, **more):
    return client.post(f"/reports/{report.pk}/from-text/", {"text": text, **more})


def page_of(client, report, key="short") -> str:
    return client.get(f"/reports/{report.pk}/edit/{key}/").content.decode()


def sent_of(report, key="short", **changes) -> QueryDict:
    """What the browser sends of the page that was filled, with ``changes``."""
    data = QueryDict(mutable=True)
    for name, texts in KeptText.objects.get(report=report, page=key).content.items():
        data.setlist(name, texts)
    for name, texts in changes.items():
        data.setlist(name, texts)
    data["version"] = str(PostEventReport.objects.get(pk=report.pk).version)
    return data


def post(client, report, data, key="short"):
    return client.post(
        f"/reports/{report.pk}/edit/{key}/",
        data.urlencode(),
        content_type="application/x-www-form-urlencoded",
    )


def everything(data) -> list[str]:
    """The ticks that confirm all that was filled in."""
    return [*{place.partition(":")[0] for place in data.getlist("imported")}, "unrecognised"]


# --- recognised


def test_a_mail_becomes_a_draft_that_waits_to_be_confirmed_and_nothing_is_saved(client, report):
    answer = paste(client, report)
    assert answer["Location"] == f"/reports/{report.pk}/edit/short/"
    held = PostEventReport.objects.get()
    assert (held.discussed, held.version) == ("", report.version)
    assert ReportedRequest.objects.count() == 0
    page = page_of(client, report)
    assert "Delegations compared notes.\n\nThey meet again in May." in page
    assert 'value="Training of border guards"' in page or "Training of border guards<" in page
    assert page.count("from the text") == 16
    assert "A declaration." in page_of(client, report, "outcomes")


def test_a_person_who_is_known_is_completed_and_not_named_twice(client, report):
    paste(client, report)
    data = sent_of(report)
    person = report.participants.get()
    assert data["participants-0-id"] == str(person.pk)
    assert data["participants-0-days"] == "2.5"
    assert data["participants-0-travel_cost_usd"] == "1300"
    titles = [data[f"participants-{n}-title"] for n in range(2)]
    assert titles == ["Chief of Mission", "Programme officer"]


def test_what_cannot_be_read_in_one_way_is_left_empty_and_told(client, report):
    paste(client, report)
    data = sent_of(report)
    assert data["reportedrequests-1-what"] == "A study"
    for name in ("country", "asked_on"):
        assert data.getlist(f"reportedrequests-1-{name}") == []
    told = data.getlist("unrecognised")
    assert "Support asked for: A study | Atlantis | technical | 06/11/2026" in told
    assert "Who took part: Programme officer | P3 | chairing | 2" in told
    assert "Dear all," in told
    assert "Ana Reporter" in told
    page = page_of(client, report)
    assert "Not recognised in the text" in page
    assert "A study | Atlantis | technical | 06/11/2026" in page


def test_nothing_filled_in_is_saved_before_it_is_confirmed(client, report):
    paste(client, report)
    page = post(client, report, sent_of(report))
    assert page.status_code == 422
    PostEventReport.objects.get(discussed="")
    assert ReportedRequest.objects.count() == 0


def test_confirmed_it_is_saved_like_anything_typed(client, report):
    paste(client, report)
    data = sent_of(report)
    fiji = data["reportedrequests-0-country"]
    data.setlist("confirmed", everything(data))
    data["participants-1-capacity"] = "speaker"
    data["reportedrequests-1-country"] = fiji
    data["reportedrequests-1-asked_on"] = "2026-11-06"
    answer = post(client, report, data)
    assert answer["Location"] == f"/reports/{report.pk}/edit/check/"
    held = PostEventReport.objects.get()
    assert held.discussed == "Delegations compared notes.\n\nThey meet again in May."
    assert held.discussed_restricted == "One State said it would leave."
    assert held.funding_leads == "A donor asked for a note."
    assert list(
        ReportedRequest.objects.values_list("what", "country__iso3", "kind", "asked_on", "outcome")
    ) == [
        ("Training of border guards", "FJI", "technical", DAY, "open"),
        ("A study", "FJI", "technical", DAY, "open"),
    ]
    assert list(report.participants.values_list("title", "days")) == [
        ("Chief of Mission", Decimal("2.50")),
        ("Programme officer", Decimal("2.00")),
    ]


@pytest.mark.parametrize("left_out", ["discussed", "unrecognised", "row"])
def test_each_text_each_row_and_what_was_not_recognised_needs_its_own_tick(
    client, report, left_out
):
    paste(client, report)
    data = sent_of(report)
    data["participants-1-capacity"] = "speaker"
    data["reportedrequests-1-country"] = data["reportedrequests-0-country"]
    data["reportedrequests-1-asked_on"] = "2026-11-06"
    missing = data["reportedrequests-0-key"] if left_out == "row" else left_out
    data.setlist("confirmed", [tick for tick in everything(data) if tick != missing])
    answer = post(client, report, data)
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "Nothing is saved yet: look at what was filled in" in page
    assert f'value="{missing}"' in page
    assert f'name="confirmed" value="{missing}" checked' not in page
    assert page.count("checked") >= len(everything(data)) - 1
    assert ReportedRequest.objects.count() == 0


def test_a_row_that_the_writer_takes_out_needs_no_tick(client, report):
    paste(client, report)
    data = sent_of(report)
    gone = data["reportedrequests-1-key"]
    data["participants-1-capacity"] = "speaker"
    data["reportedrequests-1-DELETE"] = "on"
    data.setlist("confirmed", [tick for tick in everything(data) if tick != gone])
    assert post(client, report, data).status_code == 302
    assert ReportedRequest.objects.get().what == "Training of border guards"


def test_a_text_goes_below_the_one_that_is_there(client, report):
    report.discussed = "What I wrote myself."
    report.save()
    paste(client, report, "Main points\nWhat a colleague wrote.")
    text = sent_of(report)["discussed"]
    assert text == "What I wrote myself.\n\nWhat a colleague wrote."


def test_the_marks_are_kept_with_what_is_typed_on(client, report):
    paste(client, report)
    kept = KeptText.objects.get(page="short")
    data = sent_of(report, discussed=["Changed."], confirmed=["discussed"])
    data["revision"] = str(kept.revision)
    answer = client.post(
        f"/reports/{report.pk}/edit/short/keep/",
        data.urlencode(),
        content_type="application/x-www-form-urlencoded",
    )
    assert answer.status_code == 200
    page = page_of(client, report)
    assert 'name="confirmed" value="discussed" checked' in page
    assert page.count("from the text") == 16


# --- refused


def test_a_text_without_any_heading_fills_nothing_and_is_not_lost(client, report):
    answer = paste(client, report, "We had a good meeting.")
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "No heading of the template" in page
    assert "We had a good meeting." in page
    assert KeptText.objects.count() == 0


def test_who_is_typing_there_already_saves_first(client, report, reporter):
    services.keep_text(report.pk, "short", reporter, {"discussed": ["Mine."]}, 1, 0, AT)
    answer = paste(client, report)
    assert answer.status_code == 409
    assert "Dear all," in answer.content.decode()
    assert KeptText.objects.get().content == {"discussed": ["Mine."]}


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.docx", files.office(**{"word/vbaProject.bin": b"x"}), "macros"),
        ("a.docx", files.office(), "The file is damaged."),
        ("a.pdf", files.PDF, "A Word file (DOCX) or plain text"),
        ("a.docx", b"", "The file is empty."),
    ],
    ids=["macros", "not Word", "PDF", "nothing"],
)
def test_a_file_that_is_no_word_file_is_refused_at_its_field(client, report, name, content, words):
    answer = paste(client, report, "Kept.", file=SimpleUploadedFile(name, content))
    assert answer.status_code == 422
    page = answer.content.decode()
    assert words in page
    assert "Kept." in page
    assert KeptText.objects.count() == 0


@pytest.mark.parametrize("text", ["", " \n"])
def test_nothing_at_all_is_refused(client, report, text):
    assert paste(client, report, text).status_code == 422


def test_more_than_any_report_is_refused(client, report):
    assert paste(client, report, "x" * 200_001).status_code == 422


def test_a_report_in_review_is_filled_in_by_nobody(client, report):
    reported.ReportStepFactory(report=report)
    PostEventReport.objects.update(state="submitted", submitted_at=AT)
    assert paste(client, report)["Location"] == f"/reports/{report.pk}/"
    assert KeptText.objects.count() == 0


# --- the Word file


def template(client) -> docx.document.Document:
    answer = client.get("/reports/template.docx")
    assert answer.status_code == 200
    return docx.Document(io.BytesIO(answer.content))


def test_the_blank_template_has_every_part_and_says_nothing(client, reporter):
    blank = template(client)
    headings = [line.text for line in blank.paragraphs if line.style.name == "Heading 2"]
    assert headings == [section.heading for section in SECTIONS]
    held = io.BytesIO()
    blank.save(held)
    found = read(lines_of_word(held))
    assert (found.texts, found.rows, found.unrecognised) == ({}, [], [])


def test_the_filled_template_comes_in_whole(client, report):
    filled = template(client)
    paragraphs = filled.paragraphs
    for place, line in enumerate(paragraphs):
        if line.text == "Main points":
            paragraphs[place + 1].text = "Delegations compared notes."
    for table in filled.tables:
        if table.rows[0].cells[0].text == "What was asked for":
            for cell, text in zip(
                table.rows[1].cells,
                ["Training", "Fiji", "Technical", "2026-11-06", "Met", "2026-11-06"],
                strict=True,
            ):
                cell.text = text
    held = io.BytesIO()
    filled.save(held)
    paste(client, report, "", file=SimpleUploadedFile("report.docx", held.getvalue()))
    data = sent_of(report)
    data.setlist("confirmed", everything(data))
    data["participants-0-days"] = "1"
    assert post(client, report, data).status_code == 302
    assert PostEventReport.objects.get().discussed == "Delegations compared notes."
    row = ReportedRequest.objects.get()
    assert (row.what, row.outcome, row.answered_on) == ("Training", "met", DAY)


def test_every_text_and_every_kind_of_row_of_a_report_has_its_heading():
    texts = {section.text for section in SECTIONS if section.text}
    rows = {section.rows for section in SECTIONS if section.rows}
    forms = [step.form for step in STEPS if step.form]
    assert texts == {name for form in forms for name in form.base_fields} - {"frames"}
    assert rows == {about.accessor for step in STEPS for about in step.row_sets}


# --- the cells


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        ("2026-11-06", "2026-11-06"),
        ("6 November 2026", "2026-11-06"),
        ("6 Nov 2026", "2026-11-06"),
        ("6.11.2026", "2026-11-06"),
        ("16/11/2026", "2026-11-16"),
        ("11/16/2026", "2026-11-16"),
        ("6/6/2026", "2026-06-06"),
        ("6/11/2026", None),
        ("31 February 2026", None),
        ("6 No 2026", None),
        ("6 Novemberish 2026", None),
        ("yesterday", None),
    ],
)
def test_a_day_is_read_when_it_can_be_read_in_one_way(cell, day):
    field = reported_field("reportedrequests", "asked_on")
    assert as_typed(field, cell) == ([day] if day else None)


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("2", "2"),
        ("0.5 days", "0.5"),
        ("2,5", "2.5"),
        ("USD 1,300", "1300"),
        ("1,300.50", "1300.50"),
        ("12 500", "12500"),
        ("1.300,50", None),
        ("two", None),
        ("-1", None),
        ("1e9", None),
    ],
)
def test_a_number_is_read_without_its_unit(cell, number):
    field = reported_field("participants", "travel_cost_usd")
    assert as_typed(field, cell) == ([number] if number else None)


def reported_field(rows: str, name: str):
    for step in STEPS:
        for about in step.row_sets:
            if about.accessor == rows:
                return about.form.base_fields[name]
    raise LookupError(rows)


@given(text=st.text(max_size=300))
def test_whatever_is_pasted_no_line_of_it_is_lost(text):
    lines = text.split("\n")
    found = read(["Main points", *lines])
    held = "\n".join(
        ["\n".join(part) for part in found.texts.values()]
        + [" ".join(cells) for _section, cells in found.rows]
        + found.unrecognised
    )
    for word in text.replace("\0", "").replace("\r", "").split():
        plain = word.strip("-*•–>#|_:")
        headings = " ".join(section.heading for section in SECTIONS).casefold()
        assert plain in held or not plain.isalnum() or plain.casefold() in headings
