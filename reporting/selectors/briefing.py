"""What a briefing says, and which offices should have it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from engagements.choices import OfficeKind
from engagements.models import IOMRole, Office, Theme
from iscm_portal.common.access import may
from iscm_portal.common.choices import AccessGroup

from ..models import Attachment, Briefing, BriefingCopy, PostEventReport

# code of a reason -> its words; the name of the mechanism, office or theme stands with the row.
REASONS = {
    "focal": gettext_noop("focal office of %s"),
    "lead": gettext_noop("leads IOM's role in %s"),
    "regional": gettext_noop("regional office of %s"),
    "reviews": gettext_noop("reviews all reports"),
    "theme": gettext_noop("answers for %s"),
    "had_it": gettext_noop("had the briefing that is corrected"),
}
Reason = list[str]


@dataclass
class Proposed:
    """An office that should have the briefing, with every reason for it: [code, name]."""

    office: Office
    reasons: list[Reason] = field(default_factory=list)

    @property
    def why(self) -> str:
        return in_words(self.reasons)


def in_words(reasons: Iterable[Reason]) -> str:
    told = [_(REASONS[code]) for code, _name in reasons]
    names = [name for _code, name in reasons]
    return "; ".join(
        word % name if "%s" in word else word for word, name in zip(told, names, strict=True)
    )


def proposed_offices(report: PostEventReport) -> list[Proposed]:
    """The offices that should know what ``report`` says, by name; its own office knows.

    The mechanisms' focal offices, the office that leads IOM's role, the regional office above the
    reporting one, IPD, the divisions that answer for a theme, and who had what is corrected.
    """
    found: dict[int, Proposed] = {}

    def propose(office: Office, code: str, name: str = "") -> None:
        if office.pk != report.office_id:
            found.setdefault(office.pk, Proposed(office)).reasons.append([code, name])

    iscms = list(report.event.iscms.all())
    focal = Office.focal_for.through.objects.filter(iscm__in=iscms)
    for link in focal.select_related("office", "iscm").order_by("iscm__acronym"):
        propose(link.office, "focal", link.iscm.acronym)
    for role in _roles(report, iscms):
        propose(role.lead_office, "lead", role.iscm.acronym)
    above = _regional_office(report.office)
    if above is not None:
        propose(above, "regional", report.office.name)
    for office in Office.objects.filter(
        users__access_group=AccessGroup.IPD, users__is_active=True
    ).distinct():
        propose(office, "reviews")
    items = report.reportedagendaitems.exclude(theme=None).values("theme")
    themes = Theme.objects.filter(pk__in=items) | Theme.objects.filter(iscms__in=iscms)
    for theme in themes.distinct().prefetch_related("divisions"):
        for office in theme.divisions.all():
            propose(office, "theme", theme.name)
    for past in Briefing.objects.filter(report=report.corrects).select_related("office"):
        if ["had_it", ""] not in found.get(past.office_id, Proposed(past.office)).reasons:
            propose(past.office, "had_it")
    return sorted(found.values(), key=lambda proposed: proposed.office.name)


def _roles(report: PostEventReport, iscms: list[Any]) -> Iterable[Any]:
    day = report.event.last_day or report.created_at.date()
    held = IOMRole.objects.confirmed().held_on(day).filter(iscm__in=iscms)
    return held.exclude(lead_office=None).select_related("iscm", "lead_office")


def _regional_office(office: Office) -> Office | None:
    """The nearest regional office above; None at Headquarters."""
    above = office.parent
    while above is not None and above.kind != OfficeKind.REGIONAL_OFFICE:
        above = above.parent
    return above


def briefings_of(report: PostEventReport) -> list[Briefing]:
    """Which offices had ``report``, the last version first."""
    rows = Briefing.objects.filter(report=report).select_related("office", "chosen_by")
    found = list(rows.prefetch_related("copies").order_by("-version", "office__name"))
    for row in found:
        row.why = in_words(row.reasons)
    return found


def briefings_for(user: Any) -> QuerySet[BriefingCopy]:
    """The briefings that ``user`` had, the last first."""
    links = "briefing__report__event", "briefing__report__office"
    copies: QuerySet[BriefingCopy] = BriefingCopy.objects.visible_to(user)
    return copies.select_related(*links).order_by("-pk")


# --- what it says


@dataclass(frozen=True)
class Section:
    heading: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Content:
    """A briefing in words, in the language that is active."""

    title: str
    subtitle: str
    facts: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
    address: str
    note: str = ""

    def shortened(self, letters: int, rows: int) -> Content:
        """The same with texts of ``letters`` and lists of ``rows`` at most; it says so."""
        sections = tuple(
            Section(section.heading, tuple(_cut(section.texts, letters, rows)))
            for section in self.sections
        )
        if sections == self.sections:
            return self
        note = _("Shortened to one page; the whole report: %(address)s")
        return replace(self, sections=sections, note=note % {"address": self.address})


def _cut(texts: tuple[str, ...], letters: int, rows: int) -> Iterator[str]:
    for text in texts[:rows]:
        if len(text) <= letters:
            yield text
        else:
            yield text[:letters].rsplit(" ", 1)[0] + " …"
    if len(texts) > rows:
        yield _("and %(n)d more") % {"n": len(texts) - rows}


def content_of(report: PostEventReport, reader: Any, is_correction: bool = False) -> Content:
    """What ``reader`` is told of the report. Restricted text is in no briefing whoever reads."""
    event = report.event
    internal = may(reader, "read_internal_remarks")
    facts = [
        (_("When"), _days(event)),
        (_("Where"), ", ".join(str(part) for part in (event.city, event.country) if part)),
        (_("Mechanism"), ", ".join(iscm.acronym for iscm in event.iscms.all())),
        (_("Reported by"), report.office.name),
        (
            _("Who took part"),
            "; ".join(
                f"{person.title} ({person.get_capacity_display().lower()})"
                for person in report.participants.all()
            ),
        ),
    ]
    title = _("Corrected briefing: %(event)s") if is_correction else _("Briefing: %(event)s")
    return Content(
        title=title % {"event": event.name},
        subtitle=_("Post-event report, accepted on %(day)s")
        % {"day": date_format(report.accepted_at, "j F Y") if report.accepted_at else "–"},
        facts=tuple((name, text) for name, text in facts if text),
        sections=tuple(section for section in _sections(report, internal) if any(section.texts)),
        address=f"{settings.PORTAL_URL}/reports/{report.pk}/",
    )


def _days(event: Any) -> str:
    first, last = event.starts_on, event.last_day
    if first is None:
        return str(event.year or "")
    if first == last:
        return date_format(first, "j F Y")
    return f"{date_format(first, 'j F Y')} – {date_format(last, 'j F Y')}"


def _sections(report: PostEventReport, internal: bool) -> Iterator[Section]:
    yield Section(_("Main points"), (report.discussed,))
    if internal:
        yield Section(_("Internal remarks"), (report.discussed_internal,))
    yield Section(_("Outcomes"), (report.outcomes,))
    carried = report.reportedagendaitems.exclude(priority=None).select_related("priority")
    yield Section(
        _("IOM priorities on the agenda"),
        tuple(f"{item.title}: {item.priority}" for item in carried),
    )
    requests = report.reportedrequests.select_related("country")
    yield Section(
        _("Support asked for"),
        tuple(
            f"{row.country}: {row.what} ({row.get_outcome_display().lower()})" for row in requests
        ),
    )
    partners = report.reportedpartnerships.select_related("organisation")
    yield Section(_("Partnerships that began"), tuple(str(row) for row in partners))
    instruments = report.reportedinstruments.select_related("country")
    yield Section(
        _("Instruments passed or amended"),
        tuple(f"{row.country or row.region}: {row.title}" for row in instruments),
    )
    yield Section(_("Follow-ups"), tuple(_follow_up(row) for row in report.reportedfollowups.all()))
    yield Section(_("Lessons and good practice"), tuple(row.text for row in report.lessons.all()))
    if internal:
        yield Section(_("Funding leads"), (report.funding_leads,))
    documents = Attachment.objects.filter(report=report).exclude(sensitivity="restricted")
    if not internal:
        documents = documents.filter(sensitivity="open")
    yield Section(_("Documents"), tuple(row.name for row in documents))


def _follow_up(row: Any) -> str:
    due = date_format(row.due_on, "j F Y") if row.due_on else ""
    about = ", ".join(part for part in (row.who, due) if part)
    return f"{row.what} ({about})" if about else row.what
