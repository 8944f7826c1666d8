"""What the answers to a survey come to, with the floor kept.

Nothing is shown before a survey is closed: two looks with an answer between them would tell it.
Nothing is shown of fewer than three answers, and no part of a whole whose rest would be one or two.
Words that people wrote are for who reads single answers.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import Case, Count, Exists, F, OuterRef, Q, Value, When

from engagements.models import Country, Office
from iscm_portal.common.numbers import ratio

from ..choices import CountsAs, QuestionKind, SurveyState, SurveyUse
from ..models import Question, Survey, SurveyAnswer, SurveyResponse
from .surveys import options_in

FLOOR = 3
# A region ("") and, within it, a State or an office (0: not known).
Place = tuple[str, int]


def shown_parts(counts: Mapping[Any, int]) -> set[Any]:
    """The parts of a whole that may be shown beside it: each of three at least, and so that what
    is left is nothing or three at least."""
    shown = {part for part, n in counts.items() if n >= FLOOR}
    rest = sum(counts.values()) - sum(counts[part] for part in shown)
    for part in sorted(shown, key=lambda part: (counts[part], str(part))):
        if rest == 0 or rest >= FLOOR:
            break
        shown.discard(part)
        rest += counts[part]
    return shown


def shown_places(counts: Mapping[Place, int]) -> set[Place]:
    """The regions, as ``(region, 0)``, and the States or offices within them that may be shown.

    Whatever is taken from whatever, what is left is nobody or three at least: the parts lie one
    within the other, and each leaves enough of the one around it.
    """
    regions: dict[str, int] = defaultdict(int)
    within: dict[str, dict[int, int]] = defaultdict(dict)
    for (region, part), n in counts.items():
        regions[region] += n
        within[region][part] = within[region].get(part, 0) + n
    found: set[Place] = set()
    for region in shown_parts(regions) - {""}:
        found.add((region, 0))
        found |= {(region, part) for part in shown_parts(within[region]) - {0}}
    return found


@dataclass
class Tally:
    """One question at one phase: how many answered by place, and how often each number by place."""

    people: dict[Place, int] = field(default_factory=dict)
    numbers: dict[Place, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))


Tallies = dict[tuple[int, str], Tally]


def tallies(surveys: Iterable[int]) -> Tallies:
    """The answers of closed surveys by question and phase, in two statements for all of them."""
    answers = SurveyAnswer.objects.filter(
        response__survey__in=list(surveys), response__survey__state=SurveyState.CLOSED
    )
    columns: dict[str, Any] = {
        name: F(f"response__{name}") for name in ("phase", "region", "country", "office")
    }
    columns["is_pair"] = _answered_both_times()
    placed = answers.order_by().annotate(**columns)
    people = list(placed.values("question", *columns).annotate(n=Count("response", distinct=True)))
    pairs: Counter[int] = Counter()
    for row in people:
        pairs[row["question"]] += row["n"] * row["is_pair"]
    of_pairs = {question for question, n in pairs.items() if n >= 2 * FLOOR}
    found: Tallies = defaultdict(Tally)
    numbered = placed.filter(number__isnull=False).values("question", "number", *columns)
    for row in people:
        if row["is_pair"] or row["question"] not in of_pairs:
            tally, place = found[row["question"], row["phase"]], _place(row)
            tally.people[place] = tally.people.get(place, 0) + row["n"]
    for row in numbered.annotate(n=Count("pk")):
        if row["is_pair"] or row["question"] not in of_pairs:
            numbers = found[row["question"], row["phase"]].numbers[_place(row)]
            numbers[row["number"]] = numbers.get(row["number"], 0) + row["n"]
    return found


def _answered_both_times() -> Any:
    """Whether an answer is to a question of knowledge and its person answered before and after.

    Where enough did, such questions are told of them alone: beside the change in their knowledge,
    what all came to would tell the score of one who answered once.
    """
    other = SurveyResponse.objects.filter(
        survey=OuterRef("response__survey"), code=OuterRef("response__code")
    ).exclude(Q(code="") | Q(phase=OuterRef("response__phase")))
    return Case(
        When(Q(question__counts_as=CountsAs.KNOWLEDGE) & Exists(other), then=Value(1)),
        default=Value(0),
    )


def _place(row: Mapping[str, Any]) -> Place:
    return row["region"], row["country"] or row["office"] or 0


@dataclass(frozen=True)
class Bar:
    """How many gave one answer, and their share of who answered the question."""

    number: int
    label: str
    count: int
    share_pct: Decimal | None
    is_right: bool = False


@dataclass(frozen=True)
class QuestionResult:
    """One question at one phase. Without ``is_shown`` there are too few answers, or no text that
    the reader may read."""

    question: Question
    phase: str
    n: int | None
    is_shown: bool
    bars: list[Bar] = field(default_factory=list)
    mean: Decimal | None = None
    texts: list[str] = field(default_factory=list)


def result_of(
    question: Question, phase: str, tally: Tally, language: str = "en", place: Place | None = None
) -> QuestionResult:
    """What the answers to a question come to, all of them or those of one place."""
    if place is not None and place not in shown_places(tally.people):
        return QuestionResult(question, phase, None, is_shown=False)
    n = sum(people for where, people in tally.people.items() if _within(where, place))
    if n < FLOOR:
        return QuestionResult(question, phase, None, is_shown=False)
    if question.kind == QuestionKind.TEXT:
        return QuestionResult(question, phase, n, is_shown=False)
    counts: dict[int, int] = defaultdict(int)
    for where, numbers in tally.numbers.items():
        if _within(where, place):
            for number, count in numbers.items():
                counts[number] += count
    return QuestionResult(
        question,
        phase,
        n,
        is_shown=True,
        bars=_bars(question, counts, n, language),
        mean=_mean(question, counts),
    )


def _within(where: Place, place: Place | None) -> bool:
    if place is None:
        return True
    return where[0] == place[0] and place[1] in (0, where[1])


# A score is shown by fifths of its range.
FIFTHS = ((0, 20), (21, 40), (41, 60), (61, 80), (81, 100))


def _bars(question: Question, counts: Mapping[int, int], n: int, language: str) -> list[Bar]:
    if question.kind == QuestionKind.SCORE:
        fifths = [
            (low, f"{low}–{high}", sum(counts.get(score, 0) for score in range(low, high + 1)))
            for low, high in FIFTHS
        ]
        return [Bar(low, label, count, _share(count, n)) for low, label, count in fifths]
    if question.has_options:
        labels = dict(enumerate(options_in(question, language), start=1))
    else:
        labels = {number: str(number) for number in range(1, 6)}
    return [
        Bar(
            number,
            label,
            counts.get(number, 0),
            _share(counts.get(number, 0), n),
            is_right=number == question.right_option,
        )
        for number, label in labels.items()
    ]


def _share(count: int, n: int) -> Decimal | None:
    return ratio(count, n, scale=100)


def _mean(question: Question, counts: Mapping[int, int]) -> Decimal | None:
    if question.has_options:
        return None
    return ratio(sum(number * count for number, count in counts.items()), sum(counts.values()))


@dataclass(frozen=True)
class PlaceCount:
    """A region, State or office of whose answers something may be shown, and how many they are."""

    key: str
    label: str
    region: str
    place: Place
    n: int


@dataclass(frozen=True)
class PhaseResults:
    phase: str
    n: int | None
    results: list[QuestionResult]


@dataclass(frozen=True)
class Results:
    """A closed survey: by phase, and the places by which it may be cut."""

    phases: list[PhaseResults]
    places: list[PlaceCount]
    place: PlaceCount | None


def places_of(survey: Survey) -> list[PlaceCount]:
    """The places that may be shown, worked out over whole responses; regions before their parts."""
    rows = SurveyResponse.objects.filter(survey=survey).order_by()
    counts: dict[Place, int] = defaultdict(int)
    if survey.state == SurveyState.CLOSED:
        for row in rows.values("region", "country", "office").annotate(n=Count("pk")):
            counts[_place(row)] += row["n"]
    shown = shown_places(counts)
    model: Any = Office if survey.is_of_offices else Country
    parts = model.objects.in_bulk({part for _region, part in shown if part})
    found = []
    for region, part in sorted(shown, key=lambda place: (place[0], str(parts.get(place[1], "")))):
        row = parts.get(part)
        key = "" if row is None else (row.slug if survey.is_of_offices else row.iso3)
        n = sum(n for where, n in counts.items() if _within(where, (region, part)))
        found.append(PlaceCount(key or region, str(row or region), region, (region, part), n))
    return found


def results_of(survey: Survey, user: Any, language: str = "en", at: str = "") -> Results:
    """The results of a closed survey, all or those ``at`` one place (its key).

    Raises KeyError for a place that may not be shown, which is also every place that is none.
    """
    places = places_of(survey)
    place = {row.key: row for row in places}[at] if at else None
    found = tallies([survey.pk])
    questions = list(survey.questions.all())
    texts = {} if place else texts_of(survey, user)
    phases = []
    for phase in survey.phases:
        results = [
            _with_texts(
                result_of(
                    question,
                    phase,
                    found.get((question.pk, phase), Tally()),
                    language,
                    place.place if place else None,
                ),
                texts,
            )
            for question in questions
        ]
        n = survey.responses.filter(phase=phase).count() if place is None else place.n
        phases.append(PhaseResults(phase, n, results))
    return Results(phases, places, place)


def _with_texts(
    result: QuestionResult, texts: Mapping[tuple[int, str], list[str]]
) -> QuestionResult:
    own = texts.get((result.question.pk, result.phase), [])
    if result.n is None or len(own) < FLOOR:
        return result
    return QuestionResult(result.question, result.phase, result.n, is_shown=True, texts=own)


def texts_of(survey: Survey, user: Any) -> dict[tuple[int, str], list[str]]:
    """What people wrote, by question and phase, in an order of chance; for IPD only."""
    rows = SurveyAnswer.objects.visible_to(user).filter(
        response__survey=survey, response__survey__state=SurveyState.CLOSED, number__isnull=True
    )
    found: dict[tuple[int, str], list[str]] = defaultdict(list)
    for question, phase, text in rows.order_by("pk").values_list(
        "question", "response__phase", "text"
    ):
        found[question, phase].append(text)
    return found


def results_by_survey(surveys: Iterable[int]) -> dict[int, list[QuestionResult]]:
    """The results of many surveys, all answers together, in as many statements as of one. Words
    are not among them."""
    found = tallies(surveys)
    by_survey: dict[int, list[QuestionResult]] = defaultdict(list)
    closed = Survey.objects.closed().filter(pk__in=list(surveys))
    for question in Question.objects.filter(survey__in=closed).select_related("survey"):
        for phase in question.survey.phases:
            tally = found.get((question.pk, phase), Tally())
            by_survey[question.survey_id].append(result_of(question, phase, tally))
    return by_survey


@dataclass(frozen=True)
class Change:
    """How many answered both before and after, and the mean of what they gained."""

    people: int
    mean: Decimal | None


def change_of(survey: Survey, scores: Mapping[Any, Decimal]) -> Change | None:
    """The change in knowledge of who answered twice; None of fewer than three. Who answered once is
    in no other result of these questions either (``_answered_both_times``)."""
    people: dict[str, dict[str, Decimal]] = defaultdict(dict)
    for pk, phase, code in survey.responses.exclude(code="").values_list("pk", "phase", "code"):
        if pk in scores:
            people[code][phase] = scores[pk]
    both = [person for person in people.values() if len(person) == 2]
    if len(both) < FLOOR:
        return None
    gained = sum((person["after"] - person["before"] for person in both), Decimal(0))
    return Change(len(both), ratio(gained, len(both)))


@dataclass(frozen=True)
class NeedsMap:
    """Needs by region and office: the columns that may be shown, and how many named each need."""

    columns: list[PlaceCount]
    rows: list[tuple[str, list[tuple[PlaceCount | None, int | None]]]]
    n: int | None


def needs_map(survey: Survey, language: str = "en") -> NeedsMap:
    """How many offices named each need, in all and by region and office."""
    columns = places_of(survey)
    found = tallies([survey.pk])
    rows = []
    answered = None
    for question in survey.questions.filter(counts_as=CountsAs.NEED):
        tally = found.get((question.pk, ""), Tally())
        whole = result_of(question, "", tally, language)
        answered = max(answered or 0, whole.n or 0) or None
        cut = {
            column.key: result_of(question, "", tally, language, column.place) for column in columns
        }
        for bar in whole.bars:
            cells: list[tuple[PlaceCount | None, int | None]] = [(None, bar.count)]
            for column in columns:
                counts = {own.number: own.count for own in cut[column.key].bars}
                cells.append((column, counts.get(bar.number)))
            rows.append((bar.label, cells))
    return NeedsMap(columns, rows, answered)


@dataclass(frozen=True)
class Quality:
    """The quality of results as one institutional questionnaire rates it."""

    survey: Survey
    result: QuestionResult

    @property
    def share_good_pct(self) -> Decimal | None:
        """The share of 4 and 5, in per cent."""
        good = sum(bar.count for bar in self.result.bars if bar.number >= 4)
        return ratio(good, self.result.n or 0, scale=100) if self.result.is_shown else None


def quality_of_results(user: Any) -> list[Quality]:
    """What the closed institutional questionnaires say of quality, the newest first."""
    surveys = Survey.objects.visible_to(user).closed().filter(use=SurveyUse.INSTITUTIONAL)
    asked = Question.objects.filter(survey__in=surveys, counts_as=CountsAs.QUALITY)
    questions = list(asked.select_related("survey").order_by("-survey__closed_on", "-survey"))
    found = tallies([question.survey_id for question in questions])
    return [
        Quality(question.survey, result_of(question, "", found.get((question.pk, ""), Tally())))
        for question in questions
    ]


def single_answers(survey: Survey, user: Any) -> tuple[list[str], list[list[Any]]] | None:
    """Columns and lines of every response, in an order of chance, without its day or code; None of
    fewer than three. A place stands there only where it may be shown."""
    responses = SurveyResponse.objects.visible_to(user).filter(survey=survey)
    rows = list(responses.order_by("pk").values("pk", "phase", "region", "country", "office"))
    if len(rows) < FLOOR or survey.state != SurveyState.CLOSED:
        return None
    names = {place.place: place.label for place in places_of(survey)}
    questions = list(survey.questions.all())
    said: dict[tuple[Any, int], list[str]] = defaultdict(list)
    answers = SurveyAnswer.objects.filter(response__survey=survey).order_by("number", "pk")
    labels = {q.pk: dict(enumerate(options_in(q, "en"), start=1)) for q in questions}
    for response, question, number, text in answers.values_list(
        "response", "question", "number", "text"
    ):
        told = text if number is None else labels[question].get(number, str(number))
        said[response, question].append(told)
    columns = ["phase", "region", "state_or_office"]
    columns += [f"{number}. {q.text}" for number, q in enumerate(questions, start=1)]
    lines = []
    for row in rows:
        place = _place(row)
        lines.append(
            [
                row["phase"],
                names.get((place[0], 0), ""),
                names.get(place, "") if place[1] else "",
                *("; ".join(said[row["pk"], question.pk]) for question in questions),
            ]
        )
    return columns, lines
