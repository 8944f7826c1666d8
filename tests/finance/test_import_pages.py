"""The pages of imports: from the template to the undoing, and what each reader may do."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
from decimal import Decimal

import pytest
from django.conf import settings as django_settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from python_calamine import CalamineWorkbook

from finance import tasks
from finance.models import FundingLine, ImportRun, Project
from finance.services.importing import checking, runs, writing
from iscm_portal.common import uploads
from iscm_portal.common.models import JobRun
from tests.conftest import database_url
from tests.factories import engagements as make
from tests.factories import finance as money
from tests.finance.imported import (
    AT,
    TODAY,
    as_csv,
    as_xlsx,
    checked,
    exported,
    started,
    table,
    write,
    wrong,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def officer():
    return make.UserFactory(access_group="finance", office=None)


@pytest.fixture
def signed_in(client, officer):
    client.force_login(officer)
    return client


@pytest.fixture
def commits(django_capture_on_commit_callbacks):
    """What is asked for after the commit is done at the end of the block."""
    return lambda: django_capture_on_commit_callbacks(execute=True)


def projects(*titles: str) -> bytes:
    return as_csv([["code", "title"], *([f"P.{n}", title] for n, title in enumerate(titles, 1))])


def send(client, content, name="projects.csv", kind="projects"):
    return client.post("/imports/new/", {"kind": kind, "file": SimpleUploadedFile(name, content)})


def words(answer) -> str:
    return " ".join(answer.text.split())


# --- the way of a file


def test_a_file_is_sent_checked_written_and_undone(signed_in, officer, commits):
    with commits():
        answer = send(signed_in, projects("One", "Two"))
    run = ImportRun.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/imports/{run.pk}/")
    assert (run.state, run.uploaded_by, run.file_name) == ("checked", officer, "projects.csv")
    page = words(signed_in.get(f"/imports/{run.pk}/"))
    assert "The file is in order: <strong>2 new, 0 changed</strong>, 0 unchanged." in page
    assert "Nothing is written yet." in page
    with commits():
        signed_in.post(f"/imports/{run.pk}/write/")
    assert "<strong>2 new and 0 changed records</strong> were written." in words(
        signed_in.get(f"/imports/{run.pk}/")
    )
    assert Project.objects.count() == 2
    with commits():
        signed_in.post(f"/imports/{run.pk}/undo/", {"undo_reason": "Wrong file"})
    assert "The import was undone" in words(signed_in.get(f"/imports/{run.pk}/"))
    assert Project.objects.count() == 0
    page = words(signed_in.get("/imports/"))
    assert "projects.csv" in page
    assert officer.label in page
    assert set(JobRun.objects.values_list("task", "state")) == {
        ("finance.check_import", "done"),
        ("finance.write_import", "done"),
        ("finance.undo_import", "done"),
    }


def test_errors_are_listed_by_cell_and_marked_in_the_senders_own_sheet(signed_in, officer):
    content = as_xlsx([["code", "title"], ["P.1", ""], ["", ""], ["P.2", "Two"], ["P.2", "=1"]])
    run = checked("projects", content, officer, "mine.xlsx")
    page = words(signed_in.get(f"/imports/{run.pk}/"))
    assert "<strong>4 things</strong> are wrong. Nothing was written." in page
    assert '<th scope="row" class="nowrap">B2</th>' in page
    answer = signed_in.get(f"/imports/{run.pk}/errors.xlsx")
    content = b"".join(answer.streaming_content)
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0)
    assert sheet.to_python() == [
        ["code", "title", "errors"],
        ["P.1", "", "B2: It can't be empty."],
        ["", "", ""],
        ["P.2", "Two", "A4: “P.2” is in row 5 too."],
        [
            "P.2",
            "=1",
            "A5: “P.2” is in row 4 too.\n"
            "B5: A text that begins with = is run as a formula. Begin it otherwise.",
        ],
    ]
    assert marked(content) == {"B2", "A4", "A5", "B5"}
    # The same sheet may come back: our own column is passed over.
    assert set(wrong(checked("projects", content, officer, "again.xlsx"))) == set(wrong(run))


def marked(content: bytes) -> set[str]:
    import openpyxl

    sheet = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0]
    return {
        cell.coordinate
        for row in sheet.iter_rows()
        for cell in row
        if cell.fill.fgColor.rgb == "FFFFC7CE"
    }


def test_a_wrong_header_is_marked_too(signed_in, officer):
    run = checked("projects", as_csv([["code", "tittle"], ["P.1", "x"]]), officer)
    answer = signed_in.get(f"/imports/{run.pk}/errors.xlsx")
    content = b"".join(answer.streaming_content)
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0)
    header = sheet.to_python()[0]
    assert header[:2] == ["code", "tittle"]
    assert header[2].startswith("errors: ")
    assert "B1: There is no column “tittle”. Is it “title”?" in header[2]
    assert marked(content) == {"B1"}


def test_a_long_list_of_errors_has_pages(signed_in, officer):
    run = checked("projects", projects(*[""] * 60), officer)
    first = words(signed_in.get(f"/imports/{run.pk}/"))
    assert first.count("It can&#x27;t be empty.") == 50
    address = first.split('href="?after_errors=')[1].split('"')[0]
    second = words(signed_in.get(f"/imports/{run.pk}/?after_errors={address}"))
    assert second.count("It can&#x27;t be empty.") == 10
    assert '<th scope="row" class="nowrap">B61</th>' in second


def test_a_preview_shows_what_is_new_changed_from_to_and_unchanged(signed_in, officer):
    for n, title in ((1, "Old"), (2, "Two")):
        money.ProjectFactory(code=f"P.{n}", title=title)
    run = checked("projects", projects("New", "Two", "Three"), officer)
    page = words(signed_in.get(f"/imports/{run.pk}/"))
    assert "<code>title</code>: <del>Old</del>" in page
    assert "<ins>New</ins>" in page
    assert "Three" not in page
    page = words(signed_in.get(f"/imports/{run.pk}/?show=new"))
    assert "<code>title</code>: Three" in page
    assert "P.2" in words(signed_in.get(f"/imports/{run.pk}/?show=same"))
    assert signed_in.get(f"/imports/{run.pk}/?show=wrong").status_code == 400


def test_what_was_written_is_told_from_to_with_shares_and_donors(signed_in, officer):
    make.OfficeFactory(slug="office")
    for slug in ("rcm", "sacm"):
        make.ISCMFactory(slug=slug)
    make.OrganisationFactory(slug="japan")
    post = {"code": "B.1", "title": "T", "office": "office", "paid_by": "office"}
    write(checked("positions", as_csv(table({**post, "shares": "rcm:5"})), officer), officer)
    run = checked("positions", as_csv(table({**post, "shares": "sacm:"})), officer)
    write(run, officer, "Moved")
    page = words(signed_in.get(f"/imports/{run.pk}/"))
    assert "<code>rcm</code>: <del>5.00</del>" in page
    assert "<code>sacm</code>: unknown" in page
    money.ProjectFactory(code="P.1", title="T")
    content = as_csv([["code", "title", "donors"], ["P.1", "T", "japan"]])
    run = write(checked("projects", content, officer), officer)
    assert "<code>donors</code>: japan" in words(signed_in.get(f"/imports/{run.pk}/"))


def test_a_changed_amount_without_a_reason_is_told_at_the_field(signed_in, officer, commits):
    line = money.FundingLineFactory(code="L.1", supports="grcp", label="L")
    row = {"code": "L.1", "year": 2026, "source_of_funds": "osi", "supports": "grcp"}
    content = as_csv(table({**row, "label": "L", "amount_usd": 7}))
    run = checked("funding_lines", content, officer)
    answer = signed_in.post(f"/imports/{run.pk}/write/", {"reason": " "})
    assert answer.status_code == 422
    page = words(answer)
    assert 'href="#id_reason"' in page
    assert "The file changes what figures are counted from, or what a report" in page
    with commits():
        answer = signed_in.post(f"/imports/{run.pk}/write/", {"reason": "x" * 81})
    assert answer.status_code == 422
    assert "x" * 81 in answer.text  # what was typed is kept
    with commits():
        signed_in.post(f"/imports/{run.pk}/write/", {"reason": "Final  budget"})
    line.refresh_from_db()
    assert line.amount_usd == Decimal("7.00")
    history = line.history.order_by("history_id").last()
    assert history.history_change_reason == f"Import {run.pk}: Final budget"


def test_a_file_with_nothing_to_change_says_so_and_offers_no_writing(signed_in, officer):
    money.ProjectFactory(code="P.1", title="One")
    run = checked("projects", projects("One"), officer)
    page = words(signed_in.get(f"/imports/{run.pk}/"))
    assert "There is nothing to change: all that the file says stands there already." in page
    assert "Write all of it" not in page
    answer = signed_in.post(f"/imports/{run.pk}/write/", follow=True)
    assert "There is nothing to change" in answer.text
    run.refresh_from_db()
    assert run.state == "checked"


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.xlsm", b"PK\x03\x04", "Files with macros are not taken."),
        ("a.csv", b"", "The file is empty."),
        ("a.pdf", b"%PDF-1.7 %%EOF", "Send XLSX or CSV."),
    ],
)
def test_what_is_not_taken_is_told_at_the_field_and_leaves_nothing(
    signed_in, media, name, content, told
):
    answer = send(signed_in, content, name, kind="funding_lines")
    assert answer.status_code == 422
    assert told in answer.text
    assert 'value="funding_lines" selected' in answer.text
    assert not ImportRun.objects.exists()
    assert not [path for path in media.rglob("*") if path.is_file()]


def test_a_file_that_is_too_large_or_on_a_full_disk_is_told(signed_in, settings, monkeypatch):
    settings.UPLOAD_MAX_BYTES = 1000
    answer = send(signed_in, b"x" * 5000)
    assert answer.status_code == 413
    assert "The file is larger than 20 MB." in answer.text

    def full(file):
        raise uploads.NotStored("full")

    monkeypatch.setattr(uploads, "store", full)
    answer = send(signed_in, projects("One"))
    assert answer.status_code == 507
    assert "its disk is full" in answer.text
    assert not ImportRun.objects.exists()


def test_a_file_lies_privately_and_its_run_survives_its_loss(signed_in, officer, media):
    run = checked("projects", projects(""), officer)
    (file,) = [path for path in media.rglob("*") if path.is_file()]
    assert (file.name, file.stat().st_mode & 0o077) == (run.place, 0)
    file.unlink()
    assert signed_in.get(f"/imports/{run.pk}/errors.xlsx").status_code == 404
    runs.check_again(run.pk)
    checking.check_run(run.pk, TODAY)
    assert (
        "The file is gone from the portal&#x27;s disk." in signed_in.get(f"/imports/{run.pk}/").text
    )


def test_a_run_in_work_shows_its_progress_and_is_cancelled(signed_in, officer):
    run = started("projects", projects("One"), officer)
    ImportRun.objects.update(state="checking", rows=1000, checked_rows=400)
    page = words(signed_in.get(f"/imports/{run.pk}/"))
    assert '<progress id="progress" max="1000" value="400">' in page
    assert "<strong>400 of 1,000 rows</strong> are checked." in page
    assert '<div data-in-work="yes"' in page
    assert "portal/in_work.js" in page
    signed_in.post(f"/imports/{run.pk}/cancel/")
    page = words(signed_in.get(f"/imports/{run.pk}/"))
    assert "The import was cancelled. Nothing was written." in page
    assert '<div data-in-work="no"' in page


def test_a_run_that_stands_still_goes_on_when_it_is_asked_to(signed_in, officer, commits):
    run = started("projects", projects("One"), officer)
    with commits():
        signed_in.post(f"/imports/{run.pk}/go-on/")
    run.refresh_from_db()
    assert run.state == "checked"
    runs.ask_to_write(run.pk, "", officer)
    ImportRun.objects.update(moved_at=AT.replace(year=2020))
    tasks.take_up_imports()
    run.refresh_from_db()
    assert (run.state, Project.objects.count()) == ("written", 1)
    runs.ask_to_undo(run.pk, "Wrong file", officer)
    ImportRun.objects.update(moved_at=AT.replace(year=2020))
    tasks.take_up_imports()
    run.refresh_from_db()
    assert (run.state, Project.objects.count()) == ("undone", 0)


def test_an_undoing_needs_a_reason_that_stands_with_the_import(signed_in, officer, commits):
    run = write(checked("projects", projects("One"), officer), officer)
    page = words(signed_in.get(f"/imports/{run.pk}/"))
    assert f'href="/finance/projects/{Project.objects.get().pk}/"' in page
    answer = signed_in.post(f"/imports/{run.pk}/undo/", {"undo_reason": " "})
    assert answer.status_code == 422
    assert "Say why it is undone" in words(answer)
    assert Project.objects.count() == 1
    with commits():
        signed_in.post(f"/imports/{run.pk}/undo/", {"undo_reason": "Loaded twice"})
    page = words(signed_in.get(f"/imports/{run.pk}/"))
    assert "<dt>Why it is undone</dt><dd>Loaded twice</dd>" in page
    gone = Project.history.first()
    assert (gone.history_type, gone.history_change_reason) == (
        "-",
        f"Undo of import {run.pk}: Loaded twice",
    )


def test_an_undoing_that_is_refused_says_why_on_the_page(signed_in, officer, commits):
    run = write(checked("projects", projects("One"), officer), officer)
    Project.objects.update(title="Mine")
    with commits():
        signed_in.post(f"/imports/{run.pk}/undo/", {"undo_reason": "Wrong file"})
    page = words(signed_in.get(f"/imports/{run.pk}/"))
    assert "It can&#x27;t be undone. 1 record was changed since: “P.1”." in page
    assert "Undo this import" in page


# --- templates and lists


@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_a_template_holds_the_present_rows_under_the_columns(signed_in, officer, format):
    money.ProjectFactory(code="P.1", title="Été")
    answer = signed_in.get(f"/imports/templates/projects/?format={format}")
    assert answer["Content-Disposition"] == f'attachment; filename="projects.{format}"'
    content = b"".join(answer.streaming_content)
    assert checked("projects", content, officer, f"a.{format}").same == 1
    assert signed_in.get("/imports/templates/pencils/").status_code == 404
    assert signed_in.get("/imports/templates/projects/?format=pdf").status_code == 400


def test_the_page_of_a_new_import_tells_every_column_of_its_kind(signed_in):
    page = words(signed_in.get("/imports/new/?kind=funding_lines"))
    assert "<code>original_currency</code>" in page
    assert "One of: osi, project_support" in page
    assert "What the line goes by; a new one needs a code of your own." in page
    assert signed_in.get("/imports/new/?kind=pencils").status_code == 400


def test_the_list_is_filtered_and_exported_as_it_is_shown(signed_in, officer):
    checked("projects", projects("One"), officer)
    checked("projects", projects(""), officer)
    started("currency_rates", projects("One"), officer)
    page = words(signed_in.get("/imports/"))
    assert "<strong>1 file</strong> is checked and waits to be written." in page
    assert "<strong>1 file</strong> has errors." in page
    assert words(signed_in.get("/imports/?state=refused")).count("projects.csv") == 0
    assert words(signed_in.get("/imports/?state=refused")).count("file.csv") == 1
    answer = signed_in.get("/imports/?kind=projects&format=csv")
    lines = b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()
    assert [line.split(",")[2:4] for line in lines[1:-1]] == [
        ["projects", "refused"],
        ["projects", "checked"],
    ]
    answer = signed_in.get("/imports/?format=xlsx")
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(b"".join(answer.streaming_content)))
    assert len(sheet.get_sheet_by_index(0).to_python()) == 4
    assert signed_in.get("/imports/?state=lost").status_code == 400


@pytest.mark.parametrize(
    "address",
    ["/imports/", "/imports/{refused}/", "/imports/{checked}/", "/imports/{written}/"],
)
def test_no_page_asks_more_often_because_there_are_more_rows(signed_in, officer, address):
    def asked(n: int, start: int) -> int:
        titles = [f"T{i}" for i in range(n)]
        names = [f"S{start + i}" for i in range(n)]
        rows = as_csv([["code", "title"], *zip(names, titles, strict=True)])
        places = {
            "refused": checked("projects", projects(*[""] * n), officer).pk,
            "written": write(checked("projects", rows, officer), officer).pk,
            "checked": checked("projects", projects(*titles), officer).pk,
        }
        for _run in range(n):
            started("projects", rows, make.UserFactory())
        signed_in.get(address.format(**places))
        with CaptureQueriesContext(connection) as seen:
            assert signed_in.get(address.format(**places)).status_code == 200
        return len(seen)

    assert asked(2, 0) == asked(12, 100)


# --- who may


@pytest.mark.parametrize(
    ("group", "reads", "steps"),
    [
        ("reporter", 404, 404),
        ("manager", 404, 404),
        ("analyst", 404, 404),
        ("ipd", 200, 403),
        ("finance", 200, 302),
        ("admin", 200, 302),
    ],
)
def test_finance_writes_ipd_reads_and_others_see_no_import(client, officer, group, reads, steps):
    office = make.OfficeFactory() if group in ("reporter", "manager") else None
    client.force_login(make.UserFactory(access_group=group, office=office))
    run = checked("projects", projects("One"), officer)
    assert client.get(f"/imports/{run.pk}/").status_code == reads
    assert client.get(f"/imports/{run.pk}/errors.xlsx").status_code == reads
    for step in ("write", "undo", "go-on", "cancel"):
        assert client.post(f"/imports/{run.pk}/{step}/").status_code == steps
        assert client.get(f"/imports/{run.pk}/{step}/").status_code == 405
    run.refresh_from_db()
    assert (run.state != "checked") is (steps == 302)
    page = client.get(f"/imports/{run.pk}/")
    assert ("csrfmiddlewaretoken" in page.text.split("<main")[1]) is (steps == 302)


# --- with others, and without warning


@pytest.mark.django_db(transaction=True)
def test_a_double_click_on_write_writes_once(officer):
    run = checked("projects", projects(*"abcdefgh"), officer)
    outcomes, gate = [], threading.Barrier(6)

    def click() -> None:
        gate.wait()
        try:
            runs.ask_to_write(run.pk, "", officer)
            outcomes.append("asked")
        except runs.NotThatFar:
            outcomes.append("too late")
        writing.write_run(run.pk, AT)
        connection.close()

    threads = [threading.Thread(target=click) for _click in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run.refresh_from_db()
    assert sorted(outcomes) == ["asked"] + ["too late"] * 5
    assert (run.state, Project.objects.count(), Project.history.count()) == ("written", 8, 8)
    assert run.records.count() == 8


@pytest.mark.django_db(transaction=True)
def test_two_files_with_the_same_records_are_written_one_after_the_other(officer):
    for n in range(1, 5):
        money.ProjectFactory(code=f"P.{n}", title="Old")
    content = [["P.1", "x"], ["P.2", "x"], ["P.3", "x"], ["P.4", "x"]]
    files = [
        checked("projects", as_csv([["code", "title"], *rows]), officer)
        for rows in (content, content[::-1])
    ]
    for run in files:
        runs.ask_to_write(run.pk, "", officer)
    gate = threading.Barrier(2)

    def go(run) -> None:
        gate.wait()
        writing.write_run(run.pk, AT)
        connection.close()

    threads = [threading.Thread(target=go, args=[run]) for run in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ImportRun.objects.values_list("state", flat=True)) == ["refused", "written"]
    assert set(Project.objects.values_list("title", flat=True)) == {"x"}


# A worker that says how far it is and then waits to be killed.
WORKER = """
import sys, time, django
django.setup()
from finance.services.importing import {module}
{module}.CHUNK = 50
whole, seen = {module}.{step}, []
def slow(*args):
    seen.append(1)
    if len(seen) == 3:
        print("in the middle", flush=True)
        time.sleep(60)
    return whole(*args)
{module}.{step} = slow
{call}
"""


def killed_in_the_middle(module: str, step: str, call: str) -> None:
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": "iscm_portal.settings",
        "MEDIA_ROOT": str(django_settings.MEDIA_ROOT),
    }
    program = WORKER.format(module=module, step=step, call=call)
    worker = subprocess.Popen(
        [sys.executable, "-c", program],
        env=environment,
        cwd=django_settings.BASE_DIR,
        stdout=subprocess.PIPE,
    )
    assert worker.stdout.readline() == b"in the middle\n"
    worker.send_signal(signal.SIGKILL)
    worker.wait(20)


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_in_the_check_and_in_the_write_loses_nothing(officer):
    titles = [f"T{n}" for n in range(220)]
    run = started("projects", projects(*titles[:200], "", *titles[201:]), officer)
    day = "import datetime as dt; today = dt.date(2026, 11, 20); "
    killed_in_the_middle("checking", "check_lines", f"{day}checking.check_run({run.pk}, today)")
    run.refresh_from_db()
    assert (run.state, run.checked_rows, run.file_rows.count()) == ("checking", 100, 100)
    tasks.check_import(run.pk)
    run.refresh_from_db()
    assert (run.state, run.checked_rows, run.new) == ("refused", 220, 219)
    assert wrong(run) == {"B202": "It can't be empty."}

    run = checked("projects", projects(*titles), officer)
    runs.ask_to_write(run.pk, "", officer)
    now = "from django.utils import timezone; "
    killed_in_the_middle(
        "writing", "_write_chunk", f"{now}writing.write_run({run.pk}, timezone.now())"
    )
    run.refresh_from_db()
    assert (run.state, Project.objects.count(), Project.history.count()) == ("writing", 0, 0)
    tasks.write_import(run.pk)
    tasks.write_import(run.pk)
    run.refresh_from_db()
    assert (run.state, Project.objects.count(), run.records.count()) == ("written", 220, 220)
    assert exported("projects").decode().count("\n") == 221
    assert not FundingLine.objects.exists()
