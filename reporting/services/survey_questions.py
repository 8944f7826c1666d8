"""The questions that the portal proposes for each use; IPD changes them before a survey opens.

They are proposals: no survey of IOM asks them so today. What they rest on stands beside each use.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..choices import CountsAs, QuestionKind, SurveyUse


@dataclass(frozen=True)
class Proposed:
    """A question in three languages; each of its choices too."""

    kind: QuestionKind
    en: str
    fr: str
    es: str
    options: tuple[tuple[str, str, str], ...] = ()
    counts_as: str = ""
    is_required: bool = False


IMPROVE = Proposed(
    QuestionKind.TEXT,
    "What should IOM do differently?",
    "Que devrait faire l’OIM différemment ?",
    "¿Qué debería hacer la OIM de otra manera?",
)

PROPOSALS: dict[str, tuple[Proposed, ...]] = {
    # Evaluation 2019, 4.2, criterion 8: satisfaction of Member States with the support.
    SurveyUse.SATISFACTION: (
        Proposed(
            QuestionKind.SCALE,
            "How satisfied are you with IOM’s support? (1: not at all, 5: fully)",
            "Dans quelle mesure êtes-vous satisfait de l’appui de l’OIM ? "
            "(1 : pas du tout, 5 : pleinement)",
            "¿En qué medida está satisfecho con el apoyo de la OIM? (1: nada, 5: plenamente)",
            counts_as=CountsAs.SATISFACTION,
            is_required=True,
        ),
        Proposed(
            QuestionKind.SEVERAL,
            "Which support did you receive?",
            "Quel appui avez-vous reçu ?",
            "¿Qué apoyo recibió?",
            (
                ("Administrative", "Administratif", "Administrativo"),
                ("Technical", "Technique", "Técnico"),
                ("Logistical", "Logistique", "Logístico"),
                ("Liaison", "Liaison", "Enlace"),
            ),
        ),
        IMPROVE,
    ),
    # Criterion 4: a shared understanding. What is to be known depends on the meeting.
    SurveyUse.KNOWLEDGE: (
        Proposed(
            QuestionKind.SCORE,
            "How well do you know the subject of this meeting? (0: not at all, 100: fully)",
            "Connaissez-vous le sujet de cette réunion ? (0 : pas du tout, 100 : pleinement)",
            "¿Conoce el tema de esta reunión? (0: nada, 100: plenamente)",
            counts_as=CountsAs.KNOWLEDGE,
            is_required=True,
        ),
    ),
    # The GRCP is the global meeting of ISCMs (fn. 5).
    SurveyUse.GRCP: (
        Proposed(
            QuestionKind.SCALE,
            "How satisfied are you with the meeting? (1: not at all, 5: fully)",
            "Dans quelle mesure êtes-vous satisfait de la réunion ? "
            "(1 : pas du tout, 5 : pleinement)",
            "¿En qué medida está satisfecho con la reunión? (1: nada, 5: plenamente)",
            counts_as=CountsAs.SATISFACTION,
            is_required=True,
        ),
        Proposed(
            QuestionKind.SCALE,
            "How useful was the exchange with other mechanisms? (1: not at all, 5: very)",
            "Les échanges avec d’autres mécanismes ont-ils été utiles ? "
            "(1 : pas du tout, 5 : très)",
            "¿Fue útil el intercambio con otros mecanismos? (1: nada, 5: muy útil)",
        ),
        IMPROVE,
    ),
    # Recommendation 1: the support that offices need to engage effectively with ISCMs and their
    # Member States, where capacity and knowledge about ISCMs lack.
    SurveyUse.NEEDS: (
        Proposed(
            QuestionKind.SEVERAL,
            "What does your office need to engage effectively with mechanisms?",
            "De quoi votre bureau a-t-il besoin pour participer efficacement aux mécanismes ?",
            "¿Qué necesita su oficina para participar eficazmente en los mecanismos?",
            (
                (
                    "Knowledge about the mechanisms",
                    "Connaissance des mécanismes",
                    "Conocimiento de los mecanismos",
                ),
                (
                    "Capacity in migration governance",
                    "Capacités en gouvernance des migrations",
                    "Capacidad en gobernanza de la migración",
                ),
                ("Staff time", "Temps de personnel", "Tiempo de personal"),
                ("Funds", "Fonds", "Fondos"),
                ("Guidance from Headquarters", "Orientations du Siège", "Orientación de la Sede"),
                (
                    "Exchange with other offices",
                    "Échanges avec d’autres bureaux",
                    "Intercambio con otras oficinas",
                ),
            ),
            counts_as=CountsAs.NEED,
            is_required=True,
        ),
        Proposed(
            QuestionKind.SCALE,
            "How well does your office know the mechanisms of its region? "
            "(1: not at all, 5: fully)",
            "Votre bureau connaît-il les mécanismes de sa région ? "
            "(1 : pas du tout, 5 : pleinement)",
            "¿Conoce su oficina los mecanismos de su región? (1: nada, 5: plenamente)",
        ),
        Proposed(
            QuestionKind.TEXT,
            "Which support do your Member States need?",
            "De quel appui vos États membres ont-ils besoin ?",
            "¿Qué apoyo necesitan sus Estados Miembros?",
        ),
    ),
    # Recommendation 15: a question on the quality of the results, beside those that the
    # institutional questionnaire asks under Principle 3 of the MiGOF.
    SurveyUse.INSTITUTIONAL: (
        Proposed(
            QuestionKind.SCALE,
            "How do you rate the quality of the results that your engagement in mechanisms "
            "attained this year? (1: poor, 5: excellent)",
            "Comment évaluez-vous la qualité des résultats obtenus cette année grâce à votre "
            "participation aux mécanismes ? (1 : médiocre, 5 : excellente)",
            "¿Cómo valora la calidad de los resultados que su participación en los mecanismos "
            "logró este año? (1: deficiente, 5: excelente)",
            counts_as=CountsAs.QUALITY,
            is_required=True,
        ),
        Proposed(
            QuestionKind.TEXT,
            "Which result shows it best?",
            "Quel résultat le montre le mieux ?",
            "¿Qué resultado lo muestra mejor?",
        ),
    ),
}
