"""The phrases that demo rows are made of."""

MEETINGS = (
    ("senior_officials", "senior officials' meeting"),
    ("technical", "technical meeting on {theme}"),
    ("working_group", "working group on {theme}"),
    ("workshop", "training on {theme}"),
    ("ministerial", "ministerial meeting"),
)
REQUESTS = (
    ("technical", "Training for officials on {theme}"),
    ("technical", "Review of a draft policy on {theme}"),
    ("logistical", "Venue and interpretation for the next meeting"),
    ("administrative", "Help with the records of the meeting"),
    ("liaison", "Contact with other States on {theme}"),
)
INSTRUMENTS = (
    ("legislation", "Act on {theme}"),
    ("policy", "National policy on {theme}"),
    ("strategy", "National strategy on {theme}"),
)
FOLLOW_UPS = (
    "Send the comparative study on {theme}",
    "Draft a project proposal on {theme}",
    "Share the list of national focal points",
    "Prepare the concept note of the next meeting",
)
AGENDA = (
    "State of play: {theme}",
    "Good practice on {theme}",
    "Regional cooperation on {theme}",
    "Way forward on {theme}",
)
POSTS = (
    ("Chief of Mission", "P5"),
    ("Regional Thematic Specialist", "P4"),
    ("Programme Manager", "P3"),
    ("Policy Officer", "P2"),
    ("National Officer", "NOB"),
    ("Senior Programme Assistant", "G6"),
)
DISCUSSED = (
    "Delegations compared how they handle {theme} and where cooperation stops at the border of "
    "one ministry. Several asked for shared definitions before the next round."
)
OUTCOMES = "The meeting agreed on joint steps on {theme} and on a date to look at them again."
LESSONS = (
    ("lesson", "Send the background paper two weeks ahead: half of the delegations read it late."),
    ("good_practice", "A short round of questions to each State brought the quiet ones in."),
    ("lesson", "Without interpretation into the second language the working groups stay silent."),
    (
        "good_practice",
        "Pairing a country of origin with a country of destination kept it concrete.",
    ),
)
RETURN_COMMENT = (
    "Thank you. Please say which State asked for the training, and add the outcome document."
)
