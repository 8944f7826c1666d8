"""Filing a post-event report: start it, write it page by page or on one page, check, submit."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import transaction
from django.http import Http404, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from engagements.forms import ProposedEventForm
from engagements.models import Event, SignedInRequest
from engagements.services import propose_event
from iscm_portal.common.devices import device_key
from iscm_portal.common.forms import problems_of
from iscm_portal.common.pages import wants_json, whole_number

from .. import permissions
from ..choices import REQUIRED_PARTS, ReportState
from ..forms import (
    PAGES,
    SHORT,
    STEP_KEYS,
    STEPS,
    Page,
    PageForms,
    ReportChoices,
    Typed,
    merged,
    query,
)
from ..forms.from_text import Marks
from ..forms.typed import Difference
from ..models import Attachment, KeptText, PostEventReport
from ..selectors.comments import Comments, comments_on
from ..selectors.duties import due_on, duties_due
from ..selectors.reports import (
    kept_texts,
    open_follow_ups_before,
    posts_of_delegation,
    reports_of_series,
    usual_partners,
)
from ..services import commenting
from ..services import reports as services
from .report_pages import MAX_KEY, report_content


@require_http_methods(["GET", "POST"])
def new_report(request: SignedInRequest) -> HttpResponse:
    """Choose the event, or propose one that is not on record, and start the report."""
    office = request.user.office
    if office is None or not permissions.may_start_report(request.user):
        raise PermissionDenied
    today = timezone.localdate()
    chosen = request.POST.get("event") or request.GET.get("event")
    event = None
    if chosen:
        event = get_object_or_404(
            Event.objects.visible_to(request.user), pk=whole_number(chosen, 1, MAX_KEY)
        )
        report = PostEventReport.objects.filter(event=event, office=office, corrects=None).first()
        if report:
            return redirect("report", pk=report.pk) if not report.is_open else to_page(report)
    form = ProposedEventForm(request.POST if request.POST and not event else None, today=today)
    if request.method == "POST" and (event or form.is_valid()):
        with transaction.atomic():
            event = event or propose_event(form.save(commit=False), form.cleaned_data["iscms"])
            report = services.start_report(event, office, request.user, timezone.now())
            source = series_report(request, report)
            if source:
                copy_over(request, report, source)
        if "from_text" in request.POST:
            return redirect("report_from_text", pk=report.pk)
        return to_page(report)
    owed = [] if event else duties_due(office.pk, today)
    context = {
        "event": event,
        "form": form,
        "problems": problems_of(form) if form.is_bound else [],
        "has_errors": form.is_bound and not form.is_valid(),
        "owed": [row for row in owed if row.report_id is None],
        "today": today,
        "series": reports_of_series(event, office, request.user) if event else [],
    }
    return render(request, "reporting/report_new.html", context)


def to_page(report: PostEventReport, key: str | None = None) -> HttpResponse:
    """To the page named; else to the short form, or to the check when nothing is lacking."""
    done = set(REQUIRED_PARTS) <= set(report.steps_done) and report.state == ReportState.DRAFT
    done = done and report.corrects_id is None  # of a correction every part is done
    return redirect("report_step", pk=report.pk, step=key or ("check" if done else SHORT))


def own_open_report(request: SignedInRequest, pk: int) -> PostEventReport:
    """The report, if the reader may see it. 404 hides what he may not see."""
    reports = PostEventReport.objects.visible_to(request.user).select_related(
        "event", "office", "author"
    )
    report: PostEventReport = get_object_or_404(reports, pk=pk)
    return report


def series_report(request: SignedInRequest, report: PostEventReport) -> PostEventReport | None:
    """The earlier report of the series that the form names to copy from; None without one."""
    chosen = request.POST.get("copy_from", "")
    if not chosen:
        return None
    series = reports_of_series(report.event, report.office, request.user)
    number = whole_number(chosen, 1, MAX_KEY)
    found = next((earlier for earlier in series if earlier.pk == number), None)
    if found is None:
        raise BadRequest(_("That report is none of this series."))
    return found


def edit_report(request: SignedInRequest, pk: int) -> HttpResponse:
    report = own_open_report(request, pk)
    if not permissions.may_edit_report(request.user, report):
        return redirect("report", pk=pk)
    return to_page(report)


@require_POST
def copy_report(request: SignedInRequest, pk: int) -> HttpResponse:
    """Take over what recurs from an earlier report of the series."""
    report = own_open_report(request, pk)
    if not permissions.may_edit_report(request.user, report):
        raise PermissionDenied
    source = series_report(request, report)
    if source:
        try:
            copy_over(request, report, source)
        except services.ReportNotOpen:
            return closed(request, report)
        messages.success(request, _("Copied. What was in this report already is unchanged."))
    return to_page(report)


def copy_over(request: SignedInRequest, report: PostEventReport, source: PostEventReport) -> None:
    """Copy, and keep what each part held before and after: a colleague who is writing in one of
    them has his text merged with what came in, as with any save."""
    now = timezone.now()
    with services.writing(report.pk, (), request.user, now) as held:
        choices = choices_of(request, held)
        pages = [PAGES[part] for part in services.COPIED_PARTS]
        before: dict[str, Typed] = {}
        after: dict[str, Typed] = {}
        for page in pages:
            before |= PageForms(page, held, choices).stored()
        services.copy_from(held, source)
        for page in pages:
            after |= PageForms(page, held, choices).stored()
        services.keep_saved_parts(held, as_json(before), as_json(after), request.user, now)


@never_cache
@require_http_methods(["GET", "POST"])
def report_step(request: SignedInRequest, pk: int, step: str) -> HttpResponse:
    """One page of the report, or the check before it is submitted."""
    report = own_open_report(request, pk)
    if not permissions.may_edit_report(request.user, report):
        return closed(request, report)
    if step == "check":
        return check_page(request, report)
    page = PAGES.get(step)
    if page is None:
        raise Http404
    if request.method == "POST":
        return save_page(request, report, page)
    return show_page(request, report, page)


def closed(request: SignedInRequest, report: PostEventReport) -> HttpResponse:
    """The answer to who writes in a report that he may not write in (any more)."""
    if request.method != "POST":
        return redirect("report", pk=report.pk)
    key = request_key(request)
    done = key is not None and report.steps.filter(request_key=key).exists()
    if wants_json(request):
        state = "submitted" if done else "closed"
        answer = {"state": state, "url": reverse("report", args=[report.pk])}
        return JsonResponse(answer, status=200 if done else 409)
    if not done:
        messages.error(request, _("The report is in review or accepted; it can't be changed now."))
    return redirect("report", pk=report.pk)


def request_key(request: SignedInRequest) -> uuid.UUID | None:
    """What the browser names this request by, so that a second copy of it changes nothing."""
    try:
        return uuid.UUID(request.POST.get("request_key", ""))
    except ValueError:
        return None


def choices_of(request: SignedInRequest, report: PostEventReport) -> ReportChoices:
    return ReportChoices(
        report,
        timezone.localdate(),
        usual_partners(report, request.user),
        posts_of_delegation(report, request.user),
    )


@dataclass
class Shown:
    """What a page shows besides its forms: what went wrong, and which version it was made from."""

    forms: PageForms
    version: int
    revision: int
    status: int = 200
    kept: KeptText | None = None
    conflict: str = ""
    differences: list[Difference] = field(default_factory=list)
    missing: list[tuple[str, str]] = field(default_factory=list)
    # Something that was filled in from a text waits for its writer's tick.
    is_unconfirmed: bool = False

    @property
    def problems(self) -> list[Any]:
        return problems_of(*self.forms.all()) if self.status == 422 and not self.missing else []


def show_page(request: SignedInRequest, report: PostEventReport, page: Page) -> HttpResponse:
    """The page as it is stored, or with what its reader was typing when he left."""
    choices = choices_of(request, report)
    forms = PageForms(page, report, choices)
    kept = KeptText.objects.filter(report=report, page=page.key, author=request.user).first()
    if kept is None:
        return render_page(request, report, Shown(forms, report.version, 0))
    typed = forms.read(query(kept.content))
    shown = PageForms(page, report, choices, typed=typed)
    return render_page(request, report, Shown(shown, kept.version, kept.revision, kept=kept))


class _Refused(Exception):
    """Leaves the transaction without saving; the page shows why."""

    def __init__(self, shown: Shown) -> None:
        self.shown = shown


def save_page(request: SignedInRequest, report: PostEventReport, page: Page) -> HttpResponse:
    """Save the page if all of it is right; else show it again with what was typed."""
    version = request.POST.get("version", "")
    seen = whole_number(version, 1, MAX_KEY) if version else report.version
    now = timezone.now()
    try:
        with services.writing(report.pk, page.parts, request.user, now) as held:
            write_page(request, held, page, seen, now)
        if "submit" in request.POST:
            services.submit_report(report.pk, request.user, now, request_key(request))
    except _Refused as refused:
        return refuse(request, report, refused.shown)
    except services.ReportIncomplete as error:
        report.refresh_from_db()
        forms = PageForms(page, report, choices_of(request, report))
        shown = Shown(forms, report.version, 0, 422, missing=error.missing)
        return refuse(request, report, shown)
    except (services.ReportNotOpen, services.ReportAlreadySubmitted):
        report.refresh_from_db()
        return closed(request, report)
    return saved(request, report, page, now)


def write_page(
    request: SignedInRequest, held: PostEventReport, page: Page, seen: int, now: dt.datetime
) -> None:
    """Put what was sent into ``held``, merged with what others saved. Raises _Refused."""
    choices = choices_of(request, held)
    forms = PageForms(page, held, choices)
    before = forms.stored()
    theirs = joined(before)
    mine = forms.read(request.POST)
    differences = chosen(mine, theirs, request)
    conflict = _("Choose between the two texts.") if differences else ""
    newer = services.last_save_after(held, page.parts, seen)
    if newer is not None:
        bases = [services.base_of(held, part, seen) for part in page.parts]
        contents = [Typed.from_json(base.content) for base in bases if base is not None]
        # A part that nobody has saved is what it was.
        base = theirs.joined(joined(dict(enumerate(contents))))
        mine, differences = merged(base, theirs, mine)
        conflict = changed_by(newer, request.user)
    kept = KeptText.objects.filter(report=held, page=page.key, author=request.user).first()
    revision = revision_of(request)
    if kept is not None and revision is not None and kept.revision != revision:
        mine, more = merged(theirs, forms.read(query(kept.content)), mine)
        differences += more
        conflict = conflict or _("You typed into this page in another window.")
    if "compare" in request.POST and not differences:
        conflict = _("This is what you typed on this device, joined with what is stored.")
    if differences or "compare" in request.POST:
        shown = PageForms(page, held, choices, typed=mine)
        revision = kept.revision if kept else 0
        raise _Refused(
            Shown(shown, held.version, revision, 409, conflict=conflict, differences=differences)
        )
    bound = PageForms(page, held, choices, data=forms.as_data(mine))
    if not bound.is_valid():
        raise _Refused(Shown(bound, held.version, kept.revision if kept else 0, 422))
    marks = Marks.of(request.POST)
    if marks.open(mine):
        shown = PageForms(page, held, choices, typed=mine)
        raise _Refused(
            Shown(shown, held.version, kept.revision if kept else 0, 422, is_unconfirmed=True)
        )
    bound.save()
    after = PageForms(page, held, choices).stored()
    commenting.settle_comments(held, settled_ids(request), request.user, now)
    services.keep_saved_parts(held, as_json(before), as_json(after), request.user, now)
    services.drop_kept_text(held, page.key, request.user)


def settled_ids(request: SignedInRequest) -> list[int]:
    """The comments that the writer ticks as mended."""
    return [whole_number(text, 1, MAX_KEY) for text in request.POST.getlist("settled")]


def joined(parts: dict[Any, Typed]) -> Typed:
    found = Typed()
    for part in parts.values():
        found = found.joined(part)
    return found


def as_json(parts: dict[str, Typed]) -> dict[str, Any]:
    return {part: held.as_json() for part, held in parts.items()}


def revision_of(request: SignedInRequest) -> int | None:
    """The revision of the kept text that the window knows; None from a window without script."""
    text = request.POST.get("revision", "")
    return whole_number(text, 0, 2**31 - 1) if text else None


def chosen(mine: Typed, theirs: Typed, request: SignedInRequest) -> list[Difference]:
    """Put the choices between two texts into ``mine``; returns the differences left open."""
    left = []
    for name in request.POST.getlist("differs"):
        place = tuple(name.split(":")[1:])
        if len(place) not in (1, 3):
            raise BadRequest(_("That choice is none of this page."))
        choice = request.POST.get(name)
        if choice == "theirs":
            mine.put(place, theirs.at(place))
        elif choice != "mine":
            left.append(Difference(place, mine.at(place), theirs.at(place)))
    return left


def changed_by(newer: Any, user: Any) -> str:
    if newer.author_id == user.pk:
        return _("You saved other text here since you opened this page.")
    return _("%(who)s saved other text here since you opened this page.") % {
        "who": newer.author.label
    }


def refuse(request: SignedInRequest, report: PostEventReport, shown: Shown) -> HttpResponse:
    """Say why nothing was saved (or submitted), with all that was typed.

    To a script the reason is told, and the text is kept on the server, so that whatever device
    its writer opens the page on next has it.
    """
    if not wants_json(request):
        return render_page(request, report, shown)
    page = shown.forms.page
    address = reverse("report_step", args=[report.pk, page.key])
    if not shown.missing:
        # By the revision that the window knows: what stands in another window is not overwritten.
        version, revision = shown.version, revision_of(request) or 0
        try:
            services.keep_text(
                report.pk,
                page.key,
                request.user,
                content_of(request),
                version,
                revision,
                timezone.now(),
            )
        except services.KeptElsewhere:
            return JsonResponse({"state": "other_window", "url": address}, status=409)
    told = [*shown.problems, *(sentence for _part, sentence in shown.missing)]
    if shown.is_unconfirmed:
        told.append(_("Look at what was filled in from the text, and tick it."))
    answer = {
        "state": "conflict" if shown.differences else "incomplete" if shown.missing else "invalid",
        "problems": [getattr(problem, "message", problem) for problem in told],
        "url": address,
    }
    return JsonResponse(answer, status=shown.status)


def saved(
    request: SignedInRequest, report: PostEventReport, page: Page, now: dt.datetime
) -> HttpResponse:
    """Lead on after a save: to the report that is submitted, or to the next page."""
    if "submit" in request.POST:
        state, address = "submitted", reverse("report", args=[report.pk])
        messages.success(request, _("Submitted. IPD has it now; you will find it under Reports."))
    elif "add" in request.POST:
        here = reverse("report_step", args=[report.pk, page.key])
        state, address = "saved", f"{here}?add=1"
    elif "leave" in request.POST:
        state, address = "saved", reverse("home")
        if not wants_json(request):
            messages.success(request, _("Your draft is saved. Come back to it from here."))
    else:
        keys = (*STEP_KEYS, "check")
        following = "check" if page.is_short else keys[keys.index(page.key) + 1]
        state, address = "saved", reverse("report_step", args=[report.pk, following])
    if wants_json(request):
        return JsonResponse({"state": state, "url": address, "at": clock(now)})
    return redirect(address)


def clock(moment: dt.datetime) -> str:
    return timezone.localtime(moment).strftime("%H:%M")


# What a form sends besides what its writer typed.
NOT_KEPT = (
    "csrfmiddlewaretoken",
    "version",
    "revision",
    "request_key",
    "compare",
    "submit",
    "continue",
    "leave",
    "add",
)


def content_of(request: SignedInRequest) -> dict[str, list[str]]:
    """What the form sent, as it is kept. PostgreSQL's JSON takes no NUL."""
    return {
        name: [text.replace("\0", "") for text in texts]
        for name, texts in request.POST.lists()
        if name not in NOT_KEPT and not name.startswith(("choose:", "differs"))
    }


@require_POST
def keep_page(request: SignedInRequest, pk: int, step: str) -> HttpResponse:
    """Keep what is being typed into a page. Answers a script: {revision, at} or {state, ...}."""
    report = own_open_report(request, pk)
    page = PAGES.get(step)
    if page is None:
        raise Http404
    if not permissions.may_edit_report(request.user, report):
        return JsonResponse({"state": "closed"}, status=409)
    if len(request.body) > services.MOST_KEPT_BYTES:
        return JsonResponse({"state": "too_long"}, status=413)
    now = timezone.now()
    version = whole_number(request.POST.get("version", ""), 1, MAX_KEY)
    try:
        kept = services.keep_text(
            report.pk,
            page.key,
            request.user,
            content_of(request),
            version,
            revision_of(request) or 0,
            now,
        )
    except services.KeptElsewhere as elsewhere:
        answer = {"state": "other_window", "revision": elsewhere.kept.revision}
        return JsonResponse(answer, status=409)
    except services.ReportNotOpen:
        return JsonResponse({"state": "closed"}, status=409)
    newer = services.last_save_after(report, page.parts, version)
    return JsonResponse(
        {
            "revision": kept.revision,
            "at": clock(now),
            "newer": changed_by(newer, request.user) if newer else "",
        }
    )


@require_POST
def discard_page(request: SignedInRequest, pk: int, step: str) -> HttpResponse:
    """Throw away what was typed and not saved."""
    report = own_open_report(request, pk)
    if step not in PAGES:
        raise Http404
    services.drop_kept_text(report, step, request.user)
    messages.success(request, _("What was not saved is thrown away. This is what is stored."))
    return redirect("report_step", pk=pk, step=step)


@never_cache
def filing_session(request: SignedInRequest) -> HttpResponse:
    """Who is signed in, for a page that was away: the token of forms, the key of the device."""
    return JsonResponse(
        {
            "user": request.user.pk,
            "name": request.user.label,
            "key": device_key(request.user),
            "csrf": get_token(request),
        }
    )


def render_page(request: SignedInRequest, report: PostEventReport, shown: Shown) -> HttpResponse:
    page = shown.forms.page
    problems = shown.problems
    comments = comments_on(report, only_open=True)
    kept = query(shown.kept.content if shown.kept else {})
    sent = request.POST if request.method == "POST" else kept
    marks = Marks.of(sent)
    marks.put_on(shown.forms)
    shown.forms.suggest_posts()
    ticks = sent.getlist("settled")
    for comment in comments.all:
        comment.is_ticked = str(comment.pk) in ticks
    shown.forms.put_comments(comments.texts, comments.at)
    context = {
        **side(request, report, page.key, comments),
        "report": report,
        "page": page,
        "parts": shown.forms.parts,
        "position": STEP_KEYS.index(page.key) + 1 if page.key in STEP_KEYS else None,
        "version": shown.version,
        "revision": shown.revision,
        "kept": shown.kept,
        "problems": problems,
        "has_errors": bool(problems),
        "adds": "add" in request.GET,
        "conflict": shown.conflict,
        "marks": marks,
        "is_unconfirmed": shown.is_unconfirmed,
        "differences": [shown.forms.explain(difference) for difference in shown.differences],
        "missing": shown.missing,
        "is_kept": shown.status == 200,
        "is_compared": "compare" in request.POST,
        "request_key": uuid.uuid4(),
        "device_key": device_key(request.user),
    }
    return render(request, "reporting/report_step.html", context, status=shown.status)


def side(
    request: SignedInRequest, report: PostEventReport, current: str, comments: Comments
) -> dict[str, Any]:
    """What stands beside every page: the task list and what is known already.

    ``comments`` are the open ones; each part says how many it has.
    """
    kept = list(kept_texts(report))
    parts = comments.by_part()
    return {
        "tasks": [
            {
                "step": step,
                "done": step.key in report.steps_done,
                "on": step.key == current,
                "is_needed": step.part in REQUIRED_PARTS,
                "comments": parts[step.key],
            }
            for step in STEPS
        ],
        "is_check": current == "check",
        "is_documents": current == "documents",
        "is_from_text": current == "from_text",
        "document_count": Attachment.objects.filter(report=report).count(),
        "is_short": current == SHORT,
        "step_count": len(STEPS),
        "due_on": due_on(report.event),
        "known_follow_ups": open_follow_ups_before(report, request.user)[:5],
        "known_partners": usual_partners(report, request.user),
        "series": reports_of_series(report.event, report.office, request.user),
        "last_return": report.steps.filter(action="returned").last(),
        "co_authors": report.co_authors.all(),
        "not_saved": [
            (row.page, PAGES[row.page].title)
            for row in kept
            if row.author_id == request.user.pk and row.page != current
        ],
        "others_typing": [row for row in kept if row.author_id != request.user.pk],
    }


def check_page(
    request: SignedInRequest, report: PostEventReport, missing: Any = None, status: int = 200
) -> HttpResponse:
    context = {
        **side(request, report, "check", comments_on(report, only_open=True)),
        **report_content(request, report),
        "report": report,
        "missing": services.what_is_missing(report) if missing is None else missing,
        "request_key": uuid.uuid4(),
    }
    return render(request, "reporting/report_check.html", context, status=status)


@require_POST
def submit_report(request: SignedInRequest, pk: int) -> HttpResponse:
    report = own_open_report(request, pk)
    if not permissions.may_edit_report(request.user, report):
        if report.is_open:
            raise PermissionDenied
        return closed(request, report)
    try:
        services.submit_report(pk, request.user, timezone.now(), request_key(request))
    except services.ReportIncomplete as error:
        return check_page(request, report, missing=error.missing, status=422)
    except services.ReportAlreadySubmitted as error:
        messages.info(request, str(error))
    else:
        messages.success(request, _("Submitted. IPD has it now; you will find it under Reports."))
    return redirect("report", pk=pk)
