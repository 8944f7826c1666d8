"""Activities and results per goal and theme: counted as plain Python counts them, and opened."""

from __future__ import annotations

import datetime as dt
import html
import io
import random

import openpyxl
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from engagements.models import (
    AgendaItem,
    Event,
    FollowUpAction,
    Partnership,
    PolicyInstrument,
    ReferenceFrame,
    SupportRequest,
    Theme,
)
from reporting.models import PostEventReport
from reporting.selectors.frames import (
    GROUPS,
    KINDS,
    THEME,
    Chosen,
    board,
    records_of_part,
    untagged,
    untagged_counts,
)
from tests.factories import engagements as make
from tests.factories import reporting as reported

pytestmark = pytest.mark.django_db

HOME = "/indicators/frames/"
MAKERS = (
    (make.SupportRequestFactory, "asked_on"),
    (make.PartnershipFactory, "since_on"),
    (make.PolicyInstrumentFactory, "dated_on"),
    (make.FollowUpActionFactory, "agreed_on"),
)


@pytest.fixture
def analyst(client):
    user = make.UserFactory(access_group="analyst", office=None)
    client.force_login(user)
    return user


@pytest.fixture
def text_of(client, analyst):
    """The text of an address as an analyst sees it."""
    return lambda address: html.unescape(" ".join(client.get(address).content.decode().split()))


# --- a small world, and how a person would count in it


def make_world(seed: int) -> None:
    """Mechanisms with themes, goals about themes, events with agendas, reports in every state, and
    what came of them: some of a report, some of an event, some of neither."""
    chance = random.Random(seed)
    themes = make.ThemeFactory.create_batch(4)

    def some(things, most):
        return chance.sample(things, chance.randint(0, min(most, len(things))))

    goals = [
        make.ReferenceFrameFactory(kind=kind, themes=some(themes, 2))
        for _title, kinds in GROUPS.values()
        for kind in kinds
        if kind != THEME
        for _number in range(2)
    ]
    iscms = [make.ISCMFactory(themes=some(themes, 3)) for _number in range(3)]
    for _number in range(7):
        day = dt.date(chance.choice([2025, 2026]), chance.randint(1, 12), 5)
        event = make.EventFactory(
            iscms=some(iscms, 2), starts_on=day, is_proposed=chance.random() < 0.2
        )
        for theme in [*some(themes, 2), None][: chance.randint(0, 3)]:
            make.AgendaItemFactory(event=event, theme=theme)
        for _report in range(chance.randint(0, 2)):
            state = chance.choice(["accepted", "accepted", "accepted", "submitted", "draft"])
            report = reported.PostEventReportFactory(
                event=event, state=state, frames=some(goals, 4)
            )
            for number, (maker, dated) in enumerate(MAKERS):
                maker(
                    iscm=chance.choice([*event.iscms.all(), None]),
                    event=event,
                    report_number=report.pk if state == "accepted" else None,
                    report_item=number,
                    **{dated: day},
                )
        for maker, dated in MAKERS:
            maker(
                iscm=chance.choice(iscms),
                event=chance.choice([event, None]),
                **{dated: chance.choice([day, dt.date(2025, 12, 31), dt.date(2026, 1, 1)])},
            )


class Reckoning:
    """The same questions in plain Python, record by record, from the words of the page."""

    def __init__(self, year=None, iscm=None):
        accepted = list(PostEventReport.objects.filter(state="accepted"))
        self.goals_of = {report.pk: set(report.frames.all()) for report in accepted}
        self.reports_on = {}
        for report in accepted:
            self.reports_on.setdefault(report.event_id, []).append(report.pk)
        self.themes_on = {
            event.pk: {item.theme for item in event.agenda_items.all() if item.theme}
            for event in Event.objects.all()
        }
        self.year, self.iscm = year, iscm
        self.rows = {
            "events": [row for row in Event.objects.all() if not row.is_proposed],
            "reports": accepted,
            "requests": list(SupportRequest.objects.all()),
            "partnerships": list(Partnership.objects.all()),
            "instruments": list(PolicyInstrument.objects.all()),
            "follow_ups": list(FollowUpAction.objects.all()),
        }

    def counted(self, kind):
        return [row for row in self.rows[kind] if self.is_of(row)]

    def is_of(self, row):
        if self.iscm and self.iscm not in self.iscms_of(row):
            return False
        return not self.year or self.year_of(row) == self.year

    def year_of(self, row):
        match row:
            case Event():
                return row.starts_on.year
            case PostEventReport():
                return row.event.starts_on.year
        names = ("asked_on", "since_on", "dated_on", "agreed_on")
        return next(getattr(row, name) for name in names if hasattr(row, name)).year

    def iscms_of(self, row):
        match row:
            case Event():
                return set(row.iscms.all())
            case PostEventReport():
                return set(row.event.iscms.all())
        return {row.iscm} if row.iscm else set()

    def tags_of(self, row, of_themes):
        match row:
            case Event():
                event, reports = row.pk, self.reports_on.get(row.pk, [])
            case PostEventReport():
                event, reports = row.event_id, [row.pk]
            case _:
                event, reports = row.event_id, [row.report_number] if row.report_number else []
        if of_themes:
            return self.themes_on.get(event, set())
        return set().union(*(self.goals_of[number] for number in reports))

    def is_related(self, row, part):
        themes = {theme for iscm in self.iscms_of(row) for theme in iscm.themes.all()}
        about = {part} if isinstance(part, Theme) else set(part.themes.all())
        return bool(themes & about) and part not in self.tags_of(row, isinstance(part, Theme))

    def records(self, kind, part, how):
        if how == "related":
            return {row for row in self.counted(kind) if self.is_related(row, part)}
        tags = isinstance(part, Theme)
        return {row for row in self.counted(kind) if part in self.tags_of(row, tags)}

    def untagged(self, kind, group):
        def in_group(tag):
            return group == THEME or tag.kind in GROUPS[group][1]

        return {
            row
            for row in self.counted(kind)
            if not any(in_group(tag) for tag in self.tags_of(row, group == THEME))
        }


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("narrowed", ["", "year", "iscm"])
def test_every_number_is_what_a_person_would_count_and_opens_to_those_records(
    analyst, seed, group, narrowed
):
    make_world(seed)
    year = 2026 if narrowed == "year" else None
    iscm = Event.objects.exclude(iscms=None).first().iscms.first() if narrowed == "iscm" else None
    chosen, by_hand = Chosen(analyst, year, iscm), Reckoning(year, iscm)
    parts = board(group, chosen, None)
    kinds = GROUPS[group][1]
    everything = Theme.objects if group == THEME else ReferenceFrame.objects.filter(kind__in=kinds)
    assert {part.record for part in parts} == set(everything.all())
    for part in parts:
        for place, how in enumerate(("tagged", "related")):
            for kind, rows in records_of_part(part.record, how, chosen):
                expected = by_hand.records(kind.name, part.record, how)
                assert set(rows) == expected
                assert part.counts[kind.name][place] == len(rows) == len(expected)
    for kind in KINDS:
        assert set(untagged(group, kind, chosen)) == by_hand.untagged(kind.name, group)
    assert untagged_counts(group, chosen) == {
        kind.name: len(by_hand.untagged(kind.name, group)) for kind in KINDS
    }


def test_the_page_asks_as_often_for_many_records_as_for_few(analyst):
    def statements() -> list[int]:
        counts = []
        for group in GROUPS:
            with CaptureQueriesContext(connection) as seen:
                board(group, Chosen(analyst), 2026)
            counts.append(len(seen))
        return counts

    make_world(1)
    few = statements()
    for seed in range(2, 6):
        make_world(seed)
    assert statements() == few
    assert max(few) <= 21


# --- the pages


@pytest.fixture
def tagged():
    """A goal that one accepted report names, with what it wrote; beside it what names nothing."""
    theme = make.ThemeFactory(code="border", name="Border management")
    goal = make.ReferenceFrameFactory(
        kind="migof_objective", code="O3", title="Orderly migration", themes=[theme]
    )
    iscm = make.ISCMFactory(slug="bali", acronym="BALI", themes=[theme])
    event = make.EventFactory(name="Dialogue", iscms=[iscm], starts_on=dt.date(2026, 3, 5))
    report = reported.PostEventReportFactory(event=event, state="accepted", frames=[goal])
    make.SupportRequestFactory(what="Training", iscm=iscm, report_number=report.pk, report_item=1)
    make.SupportRequestFactory(what="Advice", iscm=iscm)
    draft = make.EventFactory(name="Draft day", starts_on=dt.date(2026, 4, 5))
    reported.PostEventReportFactory(event=draft, state="draft", frames=[goal])
    silent = make.EventFactory(name="Silent day", starts_on=dt.date(2026, 5, 5))
    reported.PostEventReportFactory(event=silent, state="accepted")
    return goal


def test_the_page_speaks_first_and_each_number_opens_to_its_records(text_of, tagged):
    text = text_of(HOME)
    assert "1 of 2 accepted reports name a goal of this frame." in text
    assert '<a href="/indicators/frames/migof/untagged/?#reports">1 is not tagged</a>' in text
    row = text[text.index("Orderly migration") :]
    row = row[: row.index("</tr>")]
    goal = "/indicators/frames/migof_objective/O3/"
    assert f'data-label="Support requests"><a href="{goal}?#requests">1</a>' in row
    assert f'<a href="{goal}?how=related#requests" aria-label="1 related">1</a>' in row
    opened = text_of("/indicators/frames/migof_objective/O3/")
    assert ("Training" in opened, "Advice" in opened, "Draft day" in opened) == (True, False, False)
    assert "Dialogue" in opened
    related = text_of("/indicators/frames/migof_objective/O3/?how=related")
    assert ("Training" in related, "Advice" in related) == (False, True)
    assert "Its themes: <a" in related
    silent = text_of("/indicators/frames/migof/untagged/")
    assert ("Silent day" in silent, "Dialogue" in silent, "Advice" in silent) == (True, False, True)


def test_year_and_mechanism_narrow_both_pages_and_stay_in_the_links(text_of, tagged):
    for year in (2020, 2026):
        reported.IndicatorValueFactory(year=year, iscm=None, cell="overall")
    text = text_of(f"{HOME}?year=2026&iscm=bali")
    assert "1 of 1 accepted report names" in text
    assert "/indicators/frames/migof_objective/O3/?year=2026&iscm=bali#requests" in text
    assert "No accepted report is on record for these filters." in text_of(f"{HOME}?year=2020")
    assert "Nothing is tagged with it or related to it" in text_of(f"{HOME}?year=2020")
    opened = text_of("/indicators/frames/migof_objective/O3/?year=2020")
    assert opened.count("None.") == 6


def test_a_theme_on_an_agenda_tags_the_event_and_what_came_of_it(text_of):
    theme = make.ThemeFactory(code="labour", name="Labour migration")
    event = make.EventFactory(name="Dialogue", starts_on=dt.date(2026, 3, 5))
    make.AgendaItemFactory(event=event, theme=theme)
    make.AgendaItemFactory(event=event, theme=theme)
    make.SupportRequestFactory(what="Training", event=event)
    text = text_of(f"{HOME}?of=theme")
    row = text[text.index("Labour migration") : text.index("</tbody>")]
    assert '/indicators/frames/theme/labour/?#events">1</a>' in row
    assert "Training" in text_of("/indicators/frames/theme/labour/")


def test_the_indicators_of_a_goal_stand_with_their_value_and_status(text_of, tagged):
    indicator = reported.IndicatorFactory(title="Requests", relevant_to=[tagged])
    reported.IndicatorFactory(title="Gone", state="retired", relevant_to=[tagged])
    reported.IndicatorValueFactory(indicator=indicator, value=7, status="green")
    for address in (f"{HOME}?year=2026", "/indicators/frames/migof_objective/O3/?year=2026"):
        text = text_of(address)
        assert f'<a href="/indicators/{indicator.key}/?year=2026">Requests</a>' in text
        assert "On track" in text
        assert "Gone" not in text


def test_a_goal_without_themes_says_why_nothing_is_related(text_of):
    make.ReferenceFrameFactory(kind="gcm_objective", code="8", title="Save lives")
    assert "No theme is linked to this goal" in text_of(
        "/indicators/frames/gcm_objective/8/?how=related"
    )


def test_what_is_shown_leaves_as_csv_and_xlsx(client, analyst, tagged):
    answer = client.get(f"{HOME}?of=migof&format=csv")
    head, row, last, counted = b"".join(answer.streaming_content).decode().strip().splitlines()
    assert counted == "Rows,2"
    assert head.startswith(
        "\ufeffKind,Code,Title,Events: tagged,Events: related,Accepted reports: "
    )
    assert row == "MiGOF objective,O3,Orderly migration,1,0,1,0,1,1,0,0,0,0,0,0,"
    assert last.startswith(",,Not tagged,2,,1,,1,,")
    book = b"".join(client.get(f"{HOME}?of=migof&format=xlsx").streaming_content)
    rows = list(openpyxl.load_workbook(io.BytesIO(book)).active.values)
    assert rows[1][:5] == ("MiGOF objective", "O3", "Orderly migration", 1, 0)


@pytest.mark.parametrize(
    ("address", "status"),
    [
        (f"{HOME}?of=nothing", 400),
        (f"{HOME}?year=20x6", 400),
        (f"{HOME}?format=pdf", 400),
        (f"{HOME}?iscm=nowhere", 400),
        (f"{HOME}?year=2190", 400),
        (f"{HOME}nothing/untagged/", 404),
        (f"{HOME}nothing/1/", 404),
        (f"{HOME}migof_objective/O9/", 404),
        (f"{HOME}theme/none/", 404),
    ],
)
def test_what_is_not_there_is_refused(client, analyst, address, status):
    assert client.get(address).status_code == status


def test_agenda_items_of_a_report_are_not_counted_twice_in_a_joint_event(analyst):
    theme = make.ThemeFactory()
    iscms = [make.ISCMFactory(themes=[theme]) for _number in range(2)]
    event = make.EventFactory(iscms=iscms)
    AgendaItem.objects.all().delete()
    (part,) = board(THEME, Chosen(analyst), None)
    assert part.counts["events"] == (0, 1)
    make.AgendaItemFactory(event=event, theme=theme)
    (part,) = board(THEME, Chosen(analyst), None)
    assert part.counts["events"] == (1, 0)
