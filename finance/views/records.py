"""A record of money on its page: what it says, its trace, and how it is changed."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from engagements.models import ISCM, Event, SignedInRequest
from iscm_portal.common.access import may
from iscm_portal.common.editing import ChangedMeanwhile, NotWritten
from iscm_portal.common.forms import problems_of

from .. import permissions
from ..forms.records import DeletionForm, shares_of
from ..models import (
    Attribution,
    CurrencyRate,
    FundingLine,
    Position,
    PositionShare,
    Project,
)
from ..selectors.currency import left_at_another_rate
from ..selectors.trace import shown_fields, trace_of, version_of
from ..selectors.uses import uses_of
from ..selectors.words import rate_of_line, said
from ..services.ledger import delete_record, made_by, origin_of, save_record
from .kinds import OF_MODEL, Kind, kind_named

# Rows of a short list on a page of several.
FEW = 10
MANY = 50


def record_named(request: SignedInRequest, kind: Kind, pk: int) -> Any:
    """The record, if the reader may see it. 404 hides what he may not see."""
    return get_object_or_404(kind.model.objects.visible_to(request.user), pk=pk)


@dataclass(frozen=True)
class Fact:
    label: str
    text: str
    address: str = ""


@require_safe
def record(request: SignedInRequest, kind: str, pk: int) -> HttpResponse:
    """One record: what it says, where from, what rests on it, and its whole history."""
    found = kind_named(request, kind)
    row = found.model.objects.visible_to(request.user).filter(pk=pk).first()
    if row is None:
        return deleted_record(request, found, pk)
    return render_record(request, found, row)


def render_record(
    request: SignedInRequest, kind: Kind, row: Any, deletion: DeletionForm | None = None
) -> HttpResponse:
    """The page of a record; ``deletion`` is what was asked and refused."""
    may_edit = permissions.may_edit(request.user, row)
    may_delete = may_edit and getattr(row, "report_number", None) is None
    context = {
        "kind": kind,
        "record": row,
        "facts": facts_of(row, request.user),
        "shares": row.shares.select_related("iscm") if isinstance(row, Position) else None,
        "origin": origin_of(row),
        "uses": list(uses_seen(row, request.user)),
        "adds": adds_of(row, request.user),
        "steps": trace_of(kind.model, row.pk),
        "at_another_rate": [
            (line, rate_of_line(line)) for line in left_at_another_rate(row, request.user)[:MANY]
        ],
        "may_edit": may_edit,
        "deletion": deletion or (DeletionForm() if may_delete else None),
        "version": version_of(row),
        "problems": problems_of(deletion),
        "has_errors": deletion is not None,
    }
    return render(request, "finance/record.html", context, status=422 if deletion else 200)


def deleted_record(request: SignedInRequest, kind: Kind, pk: int) -> HttpResponse:
    """The trace of a record that is no more, for those who read all."""
    steps = trace_of(kind.model, pk) if may(request.user, "read_all_finance") else []
    if not steps:
        raise Http404
    context = {"kind": kind, "number": pk, "steps": steps}
    return render(request, "finance/deleted.html", context, status=410)


def facts_of(row: Any, user: Any) -> list[Fact]:
    """Every field with its value in words; links lead to what the reader may open."""
    facts = []
    for field in shown_fields(type(row)):
        if field.name in ("source", "confidence", "note"):  # they have their own place
            continue
        value = getattr(row, field.name)
        label, text = capfirst(str(field.verbose_name)), word_of(field, value)
        facts.append(Fact(label, text, address_of(value, user)))
    if isinstance(row, Project):
        facts.append(Fact(capfirst(_("donors")), listed(row.donors.all())))
    return facts


def address_of(value: Any, user: Any) -> str:
    match value:
        case ISCM():
            return reverse("iscm", args=[value.slug])
        case Event():
            return reverse("event", args=[value.pk])
        case Project() | FundingLine() | Position():
            if type(value).objects.visible_to(user).filter(pk=value.pk).exists():
                return reverse("finance_record", args=[OF_MODEL[type(value)].slug, value.pk])
    return ""


@dataclass(frozen=True)
class Use:
    """Records of one kind that point to this one: the first few, and the list of all of them."""

    kind: Kind
    rows: list[Any]
    address: str


def uses_seen(row: Any, user: Any) -> Iterator[Use]:
    for field, rows in uses_of(row):
        kind = OF_MODEL.get(rows.model)
        if kind is None:
            continue
        links = ("project", "iscm") if kind.model is Attribution else ()
        few = list(rows.visible_to(user).select_related(*links).order_by("-pk")[: FEW + 1])
        key = row.code if isinstance(row, Project) else row.pk
        address = f"{reverse('finance_list', args=[kind.slug])}?{urlencode({field: key})}"
        if few:
            yield Use(kind, few[:FEW], address if len(few) > FEW else "")


def adds_of(row: Any, user: Any) -> list[tuple[str, str]]:
    """What is often added to a record like this: the word and the address."""
    if not isinstance(row, Project):
        return []
    query = urlencode({"supports": "project", "project": row.code})
    return [
        (word, f"{reverse('finance_new', args=[OF_MODEL[model].slug])}?{query}")
        for model, word in (
            (Attribution, _("Add an attribution")),
            (FundingLine, _("Add a funding line")),
        )
        if permissions.may_add(user, model)
    ]


# --- changing


@require_http_methods(["GET", "HEAD", "POST"])
def new_record(request: SignedInRequest, kind: str) -> HttpResponse:
    found = kind_named(request, kind)
    if not permissions.may_add(request.user, found.model):
        raise PermissionDenied
    return write(request, found, found.model())


@require_http_methods(["GET", "HEAD", "POST"])
def edit_record(request: SignedInRequest, kind: str, pk: int) -> HttpResponse:
    found = kind_named(request, kind)
    row = record_named(request, found, pk)
    if not permissions.may_edit(request.user, row):
        raise PermissionDenied
    return write(request, found, row)


def write(request: SignedInRequest, kind: Kind, row: Any) -> HttpResponse:
    """The form of a record: empty, refused with what was typed kept, or saved."""
    is_post = request.method == "POST"
    data = request.POST if is_post else None
    initial: dict[str, Any]
    if row.pk:
        initial = {"version": version_of(row)}
    else:
        initial = {**asked_values(request, kind), "key": uuid.uuid4()}
    name = str(row) if row.pk else ""  # before the form writes into it what was typed
    offices = permissions.own_office_only(request.user)
    form = kind.form(
        data,
        user=request.user,
        today=timezone.localdate(),
        offices=offices,
        instance=row,
        initial=initial,
    )
    shares = shares_of(row, data) if kind.model is Position else None
    meanwhile: ChangedMeanwhile | None = None
    if is_post and row.pk is None and (made := made_before(request, kind)):
        return redirect("finance_record", kind=kind.slug, pk=made.pk)
    if is_post and form.is_valid() & (shares is None or shares.is_valid()):
        try:
            saved = save_record(
                kind.model(pk=row.pk),
                form.values,
                request.user,
                form.cleaned_data.get("reason", ""),
                seen=form.cleaned_data.get("version"),
                shares=None if shares is None else shares.shares,
                key=form.cleaned_data.get("key"),
            )
        except ChangedMeanwhile as error:
            meanwhile = error
        except NotWritten as error:
            form.add_error(error.field if error.field in form.fields else None, str(error))
        else:
            messages.success(request, _("Saved."))
            if kind.model is CurrencyRate:
                tell_of_lines(request, saved)
            return redirect("finance_record", kind=kind.slug, pk=saved.pk)
    return render_form(request, kind, name, form, shares, meanwhile)


def tell_of_lines(request: SignedInRequest, rate: CurrencyRate) -> None:
    """Say how many lines keep the rate that they were converted with."""
    number = left_at_another_rate(rate, request.user).count()
    if number:
        messages.warning(
            request,
            ngettext(
                "%(n)s funding line keeps the rate it was converted with. It stands below.",
                "%(n)s funding lines keep the rate they were converted with. They stand below.",
                number,
            )
            % {"n": number},
        )


def made_before(request: SignedInRequest, kind: Kind) -> Any:
    """The record that this very form made when it was sent the first time, or None."""
    try:
        key = uuid.UUID(request.POST.get("key", ""))
    except ValueError:
        return None
    return made_by(key, kind.model, request.user)


def asked_values(request: SignedInRequest, kind: Kind) -> dict[str, str]:
    """What a link to an empty form fills in."""
    return {
        name: str(value)[:200]
        for name, value in request.GET.items()
        if name in kind.form.base_fields
    }


def render_form(
    request: SignedInRequest,
    kind: Kind,
    name: str,
    form: Any,
    shares: Any,
    meanwhile: ChangedMeanwhile | None,
) -> HttpResponse:
    problems = problems_of(form, shares) if form.is_bound else []
    pk = form.instance.pk
    stored = kind.model.objects.filter(pk=pk).first() if meanwhile else None
    context = {
        "kind": kind,
        "name": name,
        "pk": pk,
        "form": form,
        "shares": shares,
        "meanwhile": meanwhile,
        "differences": differences(stored, form, shares) if stored else [],
        "version": version_of(stored) if stored else form["version"].value() if pk else "",
        "problems": problems,
        "has_errors": bool(problems),
    }
    status = 409 if meanwhile else 422 if problems else 200
    return render(request, "finance/form.html", context, status=status)


def differences(stored: Any, form: Any, shares: Any) -> list[tuple[str, str, str]]:
    """Where the record as it is stored and what was typed differ: label, stored, typed."""
    found = []
    for name, typed in form.values.items():
        field = stored._meta.get_field(name)
        now = getattr(stored, name)
        pair = (listed(now.all()), listed(typed)) if field.many_to_many else (now, typed)
        found.append((str(field.verbose_name), *(word_of(field, value) for value in pair)))
    if shares is not None:
        names = dict(ISCM.objects.values_list("pk", "acronym"))
        column = PositionShare._meta.get_field("share_pct")
        now = dict(stored.shares.values_list("iscm", "share_pct"))
        for iscm in sorted({*now, *shares.shares}):
            words = [
                (said(column, side[iscm]) or _("unknown")) if iscm in side else ""
                for side in (now, shares.shares)
            ]
            label = _("share of %(iscm)s (per cent)") % {"iscm": names[iscm]}
            found.append((label, words[0], words[1]))
    return [(capfirst(label), now, typed) for label, now, typed in found if now != typed]


def listed(rows: Any) -> str:
    return ", ".join(sorted(str(row) for row in rows))


def word_of(field: Any, value: Any) -> str:
    return str(value) if isinstance(value, Model) else said(field, value)


@require_POST
def remove_record(request: SignedInRequest, kind: str, pk: int) -> HttpResponse:
    found = kind_named(request, kind)
    row = record_named(request, found, pk)
    if not permissions.may_edit(request.user, row):
        raise PermissionDenied
    form = DeletionForm(request.POST)
    if not form.is_valid():
        return render_record(request, found, row, form)
    asked = form.cleaned_data
    try:
        delete_record(row, request.user, asked["reason"], seen=asked["version"])
    except NotWritten as error:
        form.add_error("reason", str(error))
        return render_record(request, found, row, form)
    messages.success(request, _("Deleted. Its history stays."))
    if may(request.user, "read_all_finance"):
        return redirect("finance_record", kind=found.slug, pk=pk)
    return redirect("finance_list", kind=found.slug)
